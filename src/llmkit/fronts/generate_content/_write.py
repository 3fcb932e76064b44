"""A whole answer as a GenerateContentResponse: parts as they came where the provider told parts, else from the message.

Source: ``GenerateContentResponse`` of the reference, https://ai.google.dev/api/generate-content, read 2026-11-22.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from ..._json import NotJSON
from ...types.chat import ChatCompletion
from ...types.usage import Usage
from ...wires.gemini._history import message_parts
from .. import Asked
from .._pieces import extra_of
from .._riding import pack, riding

__all__ = [
    "beside",
    "candidate",
    "finished",
    "kept_parts",
    "moment",
    "native_usage",
    "ride",
    "told",
    "write",
]

Json = dict[str, Any]
_FINISH = {
    "stop": "STOP",
    "tool_calls": "STOP",
    "function_call": "STOP",
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
    "error": "OTHER",
}
_BROKEN = "INVALID_JSON"
_EVER = 1 << 37  # years have four digits
_DETAILS = ("text", "image", "audio", "video")


def write(completion: ChatCompletion, asked: Asked | None = None) -> Json:
    """A whole answer in this API's form."""
    made: Json = {"candidates": [candidate(choice) for choice in completion.choices]}
    usage = native_usage(completion.usage, completion.service_tier)
    if usage is not None:
        made["usageMetadata"] = usage
    model = completion.model or ("" if asked is None else asked.model)
    made |= {"modelVersion": model, "responseId": completion.id, **moment(completion.created)}
    return made | told(extra_of(completion))


def moment(created: int | None) -> Json:
    """When the answer was made, if that is known."""
    if not created or not 0 < created < _EVER:
        return {}
    return {"createTime": f"{datetime.fromtimestamp(created, UTC):%Y-%m-%dT%H:%M:%SZ}"}


def told(extra: Mapping[str, Any]) -> Json:
    """An answer's other fields, by their names in camel case."""
    return {_camel(name): value for name, value in extra.items()}


def _camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda match: match.group(1).upper(), name)


def candidate(choice: Any) -> Json:
    """One choice as a candidate."""
    message = choice.message.to_dict()
    parts = [*_parts(message)]
    made: Json = {"content": {"role": "model", "parts": parts}, "index": choice.index}
    made["finishReason"] = finished(choice.finish_reason, extra_of(choice))
    if (logprobs := _logprobs(choice.logprobs)) is not None:
        made["logprobsResult"] = logprobs
    return beside(extra_of(choice)) | made


def _logprobs(found: Any) -> Json | None:
    if found is None or found.content is None:
        return None
    tops = [
        {"candidates": [_token(t) for t in token.top_logprobs or ()]} for token in found.content
    ]
    return {"chosenCandidates": [_token(t) for t in found.content], "topCandidates": tops}


def _token(token: Any) -> Json:
    return {"token": token.token, "logProbability": token.logprob}


def finished(reason: str | None, extra: Mapping[str, Any]) -> str | None:
    """Why the answer ended: in the provider's own word where it is one of this API's."""
    own = extra.get("native_finish_reason")
    if isinstance(own, str) and own.isupper():
        return own
    return None if reason is None else _FINISH.get(reason, "OTHER")


def beside(extra: Mapping[str, Any]) -> Json:
    """A candidate's other fields."""
    rest = {name: value for name, value in extra.items() if name != "native_finish_reason"}
    return told(rest)


def _parts(message: Mapping[str, Any]) -> Iterator[Json]:
    text = message.get("content") or message.get("refusal") or ""
    if not isinstance(kept_parts(message), list):
        if message.get("reasoning_content"):
            yield {"text": message["reasoning_content"], "thought": True}
        if rides := riding(message):
            yield ride(rides)
    try:
        yield from message_parts(_plain(message), text)
    except NotJSON:
        yield from message_parts(_mended(_plain(message)), text)


def kept_parts(message: Mapping[str, Any]) -> Any:
    """The parts that an answer in this form was kept as; ``None`` where it was none."""
    beside_it = message.get("provider_specific_fields")
    return beside_it.get("parts") if isinstance(beside_it, Mapping) else None


def _plain(message: Mapping[str, Any]) -> Json:
    """A message whose calls are all functions', without signatures that are another dialect's."""
    calls = [_as_function(call) for call in message.get("tool_calls") or ()]
    if isinstance(message.get("function_call"), Mapping):
        # The older form of one call.
        calls.append({"function": message["function_call"]})
    rest = {name: value for name, value in message.items() if name != "function_call"}
    return {**rest, "tool_calls": calls}


def _as_function(call: Mapping[str, Any]) -> Mapping[str, Any]:
    custom = call.get("custom")
    if not isinstance(custom, Mapping):
        return call
    written = {"name": custom.get("name"), "arguments": {"input": custom.get("input")}}
    return {**call, "function": written}


def _mended(message: Json) -> Json:
    """A message with arguments that are no JSON wrapped into an object."""
    calls = []
    for call in message["tool_calls"]:
        function = call.get("function") or {}
        try:
            message_parts({"tool_calls": [call]}, "")
        except NotJSON:
            function = {**function, "arguments": {_BROKEN: function.get("arguments")}}
        calls.append({**call, "function": function})
    return {**message, "tool_calls": calls}


def ride(rides: Mapping[str, Any]) -> Json:
    """A part that is there for its signature alone."""
    return {"text": "", "thoughtSignature": pack(rides)}


def native_usage(usage: Usage | None, tier: str | None = None) -> Json | None:
    """Chat's usage as this API counts: thoughts and what tools read are counted apart."""
    if usage is None:
        return None
    prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
    thoughts = completion.reasoning_tokens if completion is not None else None
    tools = prompt.get("tool_use_tokens") if prompt is not None else None
    made: Json = {
        "promptTokenCount": None
        if usage.prompt_tokens is None
        else usage.prompt_tokens - (tools or 0),
        "candidatesTokenCount": _less(usage, thoughts or 0),
        "totalTokenCount": usage.total_tokens,
        "cachedContentTokenCount": prompt.cached_tokens if prompt is not None else None,
        "toolUsePromptTokenCount": tools,
        "thoughtsTokenCount": thoughts,
        "promptTokensDetails": _by_kind(prompt),
        "candidatesTokensDetails": _by_kind(completion),
        "trafficType": usage.get("traffic_type"),
        # One word for the two is enough.
        "serviceTier": None if usage.get("traffic_type") else tier,
    }
    return {name: value for name, value in made.items() if value is not None}


def _less(usage: Usage, thoughts: int) -> int | None:
    if usage.completion_tokens is None:
        return None
    # Where the total shows that thoughts are counted beside the answer, they are not taken off it.
    apart = usage.total_tokens is not None and usage.prompt_tokens is not None
    beyond = apart and usage.total_tokens > (usage.prompt_tokens or 0) + usage.completion_tokens  # type: ignore[operator]
    return usage.completion_tokens if beyond else max(0, usage.completion_tokens - thoughts)


def _by_kind(details: Any) -> list[Json] | None:
    if details is None:
        return None
    counts = ((kind, details.get(f"{kind}_tokens")) for kind in _DETAILS)
    found = [{"modality": kind.upper(), "tokenCount": n} for kind, n in counts if n is not None]
    return found or None
