"""A call to a request: path, parameters, ``generationConfig``; each change in the ledger.

Source: ``GenerateContentRequest`` of the v1beta reference (docs/wires/gemini.md), read 2026-11-22.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..._call import ChatCall
from ..._http import Endpoint, HTTPRequest, join_url
from ..._json import dump_text
from .._params import HEADERS, STREAM_HEADERS, Ledger, check_value, serialized
from ._media import Media
from ._messages import Messages
from ._models import thinks_by_level
from ._schema import Converter
from ._thinking import thinking_config
from ._tools import Tools

if TYPE_CHECKING:
    from . import Gemini

__all__ = ["build"]

_MOST_STOPS = 5
_SAFE = "-._~@:"
_TIERS = {"default": "standard", "standard": "standard", "flex": "flex", "priority": "priority"}
_MODALITIES = ("text", "image", "audio", "video")


def build(wire: Gemini, call: ChatCall, to: Endpoint) -> HTTPRequest:
    """Write the call as a POST to ``…:generateContent`` or ``…:streamGenerateContent?alt=sse``."""
    ledger = Ledger(call)
    if "key" in to.query:
        raise ledger.invalid(
            "a key belongs in api_key, which goes in a header, never in the address"
        )
    messages = Messages(ledger, Media(ledger, wire.media))
    body: dict[str, Any] = {"contents": messages.encode()}
    params = _Params(wire, ledger, [*messages.system])
    body |= params.encode()
    ledger.settle()
    body = _merged(body, {_camel(k) if k in _SNAKE else k: v for k, v in call.extra_body.items()})
    return HTTPRequest(
        method="POST",
        url=_url(wire, call, to),
        headers={**(STREAM_HEADERS if call.stream else HEADERS), **to.headers},
        body=serialized(ledger, body),
        adjustments=(*call.adjustments, *ledger.adjustments),
    )


def _url(wire: Gemini, call: ChatCall, to: Endpoint) -> str:
    name = call.model
    if name.startswith(wire.resources):
        path = "/" + quote(name, safe=_SAFE + "/")
    else:
        path = wire.model_path.format(model=quote(name, safe=_SAFE))
    if ".." in path.split("/"):
        raise Ledger(call).invalid(f"model {name!r:.200} is no model's name")
    method = ":streamGenerateContent" if call.stream else ":generateContent"
    # The other form of a stream is one JSON array, which some proxies gather before they pass it on.
    query = {"alt": "sse", **to.query} if call.stream else to.query
    return join_url(to.base_url, path + method, query)


# The format takes both spellings of its fields; one body may not have both.
_SNAKE = frozenset({
    "generation_config", "safety_settings", "system_instruction", "tool_config", "cached_content", "service_tier",
})  # fmt: skip


def _camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda match: match.group(1).upper(), name)


def _merged(body: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """The caller's own fields over the body: objects are merged at every depth, anything else replaces."""
    made = dict(body)
    for name, value in extra.items():
        old = made.get(name)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        made[name] = _merged(old, value) if both else value  # type: ignore[arg-type]
    return made


class _Params:
    """One call's parameters on their way to the wire."""

    def __init__(self, wire: Gemini, ledger: Ledger, system: list[dict[str, Any]]) -> None:
        self._wire, self._ledger, self._system = wire, ledger, system
        call = ledger.call
        self._given = {name: value for name, value in call.params.items() if value is not None}
        self._config: dict[str, Any] = {}
        self._body: dict[str, Any] = {}

    def encode(self) -> dict[str, Any]:
        """The body's fields beside ``contents``."""
        for name, value in list(self._given.items()):
            check_value(self._ledger, name, value)
            if name in self._wire.refused and name not in self._ledger.call.allowed:
                self._ledger.refuse(name, self._given.pop(name))
            else:
                self._param(name, value)
        self._max_tokens()
        self._thinking()
        self._tools()
        if "response_format" in self._given:
            self._response_format(self._given["response_format"])
        if self._system:
            self._body["systemInstruction"] = {"parts": self._system}
        if self._config:
            self._body["generationConfig"] = self._config
        return self._body

    def _param(self, name: str, value: Any) -> None:
        if name in _FIELDS:
            self._config[_FIELDS[name]] = value
        elif name in _SPECIAL:
            _SPECIAL[name](self, value)
        elif name in _BODY or (name not in _TOGETHER and name in self._ledger.call.allowed):
            self._body[name] = value
        elif name not in _TOGETHER:
            self._ledger.refuse(name, value, _REFUSED.get(name, ""))

    def _adjust(self, parameter: str, change: str, given: Any, sent: Any, reason: str) -> None:
        self._ledger.adjust(parameter, change, given, sent, reason)

    def _max_tokens(self) -> None:
        names = [n for n in ("max_completion_tokens", "max_tokens") if n in self._given]
        if len(names) > 1 and self._given[names[0]] != self._given[names[1]]:
            raise self._ledger.invalid(
                "give 'max_tokens' or 'max_completion_tokens', not both: they are one parameter here"
            )
        if names:
            self._config["maxOutputTokens"] = self._given[names[0]]

    def _thinking(self) -> None:
        effort, thinking = self._given.get("reasoning_effort"), self._given.get("thinking")
        made = thinking_config(self._ledger, effort, thinking)
        if made:
            self._config["thinkingConfig"] = made

    def _n(self, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._ledger.invalid(f"n must be a whole number, not {value!r:.80}")
        self._config["candidateCount"] = value

    def _stop(self, value: Any) -> None:
        stops = [value] if isinstance(value, str) else self._listed("stop", value)
        if len(stops) > _MOST_STOPS:
            if not self._ledger.call.drop_params:
                raise self._ledger.invalid(
                    f"stop has {len(stops)} texts; at most {_MOST_STOPS} are taken"
                )
            self._adjust("stop", "clamped", stops, stops[:_MOST_STOPS], "at most 5 are taken")
        if stops:
            self._config["stopSequences"] = stops[:_MOST_STOPS]

    def _modalities(self, value: Any) -> None:
        value = self._listed("modalities", value)
        unknown = [kind for kind in value if str(kind).lower() not in _MODALITIES]
        if unknown:
            raise self._ledger.invalid(
                f"modalities has {unknown[0]!r}; there are {', '.join(_MODALITIES)}"
            )
        self._config["responseModalities"] = [str(kind).upper() for kind in value]

    def _listed(self, name: str, value: Any) -> list[Any]:
        if not isinstance(value, Sequence) or isinstance(value, str | bytes):
            raise self._ledger.invalid(f"{name} must be a list, not {type(value).__name__}")
        return list(value)

    def _audio(self, value: Any) -> None:
        voice = value.get("voice") if isinstance(value, Mapping) else None
        if not isinstance(voice, str):
            raise self._ledger.invalid("audio must be {'voice': …, 'format': 'pcm16'}")
        named = {"prebuiltVoiceConfig": {"voiceName": voice}}
        self._config["speechConfig"] = {"voiceConfig": named}
        if value.get("format") not in (None, "pcm16"):
            why = "the provider speaks pcm16 (24 kHz, mono) only"
            self._ledger.refuse("audio.format", value["format"], why)

    def _metadata(self, value: Any) -> None:
        if self._wire.labels or "metadata" in self._ledger.call.allowed:
            self._body["labels"] = value
        else:
            self._ledger.refuse("metadata", value, "only its enterprise host keeps labels")

    def _service_tier(self, value: Any) -> None:
        if value == "auto":
            self._adjust(
                "service_tier", "dropped", value, None, "without a tier the project's own holds"
            )
        else:
            # A tier that is not known here goes as it is: the provider will say.
            self._body["serviceTier"] = _TIERS.get(str(value), value)

    def _stream_options(self, value: Any) -> None:
        # They are about chunks; usage comes in any case.
        if not isinstance(value, Mapping):
            kind = type(value).__name__
            raise self._ledger.invalid(f"stream_options must be a dict, not {kind}")

    def _parallel(self, value: Any) -> None:
        if value is False:
            self._ledger.refuse(
                "parallel_tool_calls", value, "its models may always call several at once"
            )

    def _tools(self) -> None:
        tools = Tools(self._ledger, json_schema=self._wire.json_schema)
        made = tools.encode(self._given.get("tools") or (), self._given.get("functions") or ())
        made += self._search(made)
        if made:
            self._body["tools"] = made
        choice = self._given.get("tool_choice", _old_choice(self._given.get("function_call")))
        if (config := tools.choice(choice)) is not None:
            self._body["toolConfig"] = {"functionCallingConfig": config}

    def _search(self, made: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        options = self._given.get("web_search_options")
        if options is None:
            return []
        if not isinstance(options, Mapping):
            raise self._ledger.invalid("web_search_options must be a dict, which may be empty")
        for name in options:
            why = "the provider's search has no such option"
            self._adjust(f"web_search_options.{name}", "dropped", options[name], None, why)
        return [] if any("googleSearch" in tool for tool in made) else [{"googleSearch": {}}]

    def _response_format(self, given: Any) -> None:
        kind = given.get("type") if isinstance(given, Mapping) else None
        if kind not in ("text", "json_object", "json_schema"):
            raise self._ledger.invalid("response_format must be {'type': …} or a pydantic class")
        if kind == "text":
            return
        described = given.get("json_schema")
        schema = _described(described) if isinstance(described, Mapping) else None
        # Up to 2.5 they exclude each other: github.com/googleapis/python-genai/issues/867 and 706.
        if self._body.get("tools") and not thinks_by_level(self._ledger.call.model):
            self._emulated(given, schema)
            return
        self._config["responseMimeType"] = "application/json"
        if schema is not None and self._wire.json_schema:
            self._config["responseJsonSchema"] = schema
        elif schema is not None:
            path = "response_format.json_schema.schema"
            self._config["responseSchema"] = Converter(self._ledger, path, schema).convert()

    def _emulated(self, given: Any, schema: Any) -> None:
        text = "Whenever you do not call a function, answer with one JSON object and nothing else."
        if schema is not None:
            text += f" It must fit this JSON schema: {dump_text(schema)}"
        self._system = [*self._system, {"text": text}]
        why = "this model takes no response type beside tools; the instruction says it"
        self._adjust("response_format", "emulated", given, None, why)


def _described(given: Mapping[str, Any]) -> Any:
    """The schema, with the description that OpenAI's form has beside it."""
    schema, text = given.get("schema"), given.get("description")
    if isinstance(schema, Mapping) and text and "description" not in schema:
        return {"description": text, **schema}
    return schema


def _old_choice(given: Any) -> Any:
    """OpenAI's older ``function_call``: a word, or a function by its bare name."""
    return {"function": given} if isinstance(given, Mapping) else given


_FIELDS = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "seed": "seed",
    "logprobs": "responseLogprobs",
    "top_logprobs": "logprobs",
}
_SPECIAL: dict[str, Callable[[_Params, Any], None]] = {
    "n": _Params._n,  # noqa: SLF001 - the class's own table
    "stop": _Params._stop,  # noqa: SLF001
    "modalities": _Params._modalities,  # noqa: SLF001
    "audio": _Params._audio,  # noqa: SLF001
    "metadata": _Params._metadata,  # noqa: SLF001
    "service_tier": _Params._service_tier,  # noqa: SLF001
    "parallel_tool_calls": _Params._parallel,  # noqa: SLF001
    "stream_options": _Params._stream_options,  # noqa: SLF001
}
# Fields of the body that have the parameter's own name.
_BODY = frozenset({"store"})
# Written after all others.
_TOGETHER = frozenset({
    "max_tokens", "max_completion_tokens", "reasoning_effort", "thinking", "tools", "tool_choice", "functions",
    "function_call", "web_search_options", "response_format",
})  # fmt: skip
_REFUSED = {
    "logit_bias": "the format has no such field",
    "user": "the format has no such field",
    "verbosity": "the format has no such field; say it in the prompt",
    "prediction": "the format has no such field",
    "prompt_cache_key": "its caching needs no key",
    "prompt_cache_retention": "its caching needs no asking; explicit caches go in extra_body's cachedContent",
    "safety_identifier": "the format has no such field",
}
