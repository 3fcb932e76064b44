"""What the simulated Gemini refuses in a request that is well typed, in the order in which the real one answers.

Pure: a parsed message in, a `Refusal` raised or nothing. First comes what a validator finds, all of it at once;
then what only a whole request shows. Ranges: the v1beta reference, read 2026-11-22; thinking budgets:
https://ai.google.dev/gemini-api/docs/thinking, read 2026-11-22.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, Final, NamedTuple

from ._check_contents import check_turns, content_faults
from ._check_schema import schema_faults
from ._check_tools import check_tools, declared, json_schema_faults, tool_faults
from ._parse import Message
from ._refusal import Refusal, bad_request

__all__ = ["check", "check_count"]


class _Range(NamedTuple):
    low: float
    high: float
    text: str
    """What AI Studio says outside of it."""


_RANGES: Final[Mapping[str, _Range]] = {
    "temperature": _Range(0, 2, "temperature must be in the range [0.0, 2.0]."),
    "topP": _Range(0, 1, "top_p must be in the range [0.0, 1.0]."),
    "topK": _Range(1, math.inf, "top_k must be positive."),
    "candidateCount": _Range(1, 8, "candidate_count must be in the range [1, 8]."),
    "maxOutputTokens": _Range(1, math.inf, "max_output_tokens must be positive."),
    "presencePenalty": _Range(-2, 2, "presence_penalty must be in the range [-2.0, 2.0]."),
    "frequencyPenalty": _Range(-2, 2, "frequency_penalty must be in the range [-2.0, 2.0]."),
    "logprobs": _Range(0, 20, "logprobs must be in the range [0, 20]."),
}
# Vertex AI names its bounds, and the upper one is the first that is too much.
_VERTEX_BEYOND: Final[Mapping[str, float]] = {
    "temperature": 2.0001,
    "topP": 1.0001,
    "candidateCount": 9,
    "maxOutputTokens": 65537,
}
_MOST_STOPS: Final = 5
# What is kept is made up of its id: that of a cache which the simulator made looks like this.
_CACHED: Final = re.compile("cachedContents/[0-9a-f]{24}")
_JSON: Final = "application/json"
_MIME_TYPES: Final = ("text/plain", _JSON, "application/xml", "application/yaml", "text/x.enum")
_STRUCTURED: Final = (_JSON, "text/x.enum")
_SCHEMAS: Final = ("responseSchema", "responseJsonSchema")
# Up to 2.5, functions and an answer in JSON exclude each other, and levels of thinking are unknown.
_OLDER: Final = ("gemini-1", "gemini-2")
# A part of a model's name -> its least and its greatest thinking budget, but for 0 (off) and -1 (its own choice).
_BUDGETS: Final[Mapping[str, tuple[int, int]]] = {
    "2.5-pro": (128, 32768),
    "2.5-flash-lite": (512, 24576),
    "2.5-flash": (1, 24576),
}
_ANY_BUDGET: Final = (1, 2**31)


def check(request: Message, model: str, *, vertex: bool) -> None:
    """Raise the `Refusal` that *request* deserves; return if it is fine."""
    config = request.get("generationConfig", {})
    if vertex:
        _check_vertex_ranges(config)
    lines = chain(content_faults(request), tool_faults(request), _config_faults(config))
    _raise_all("GenerateContentRequest", lines)
    check_turns(request["contents"], model)
    check_tools(request, vertex=vertex)
    _check_together(request, config, model)
    _check_thinking(config.get("thinkingConfig", {}), model)


def check_count(request: Message) -> None:
    """Raise the `Refusal` that *request*, a `CountTokensRequest`, deserves; return if it is fine."""
    inner = request.get("generateContentRequest", request)
    _raise_all("CountTokensRequest", content_faults(inner))


def _raise_all(message: str, faults: Iterator[str]) -> None:
    if text := "".join(f"* {message}.{fault}\n" for fault in faults):
        raise bad_request(text)


def _check_vertex_ranges(config: Message) -> None:
    for name, beyond in _VERTEX_BEYOND.items():
        low = _RANGES[name].low
        if name in config and not low <= config[name] < beyond:
            raise bad_request(_unable(name, config[name], low, beyond))
    if len(config.get("stopSequences", ())) > _MOST_STOPS:
        raise bad_request(_unable("stopSequences", len(config["stopSequences"]), 1, 6))


def _unable(name: str, value: float, low: float, beyond: float) -> str:
    return (
        f"Unable to submit request because it has a {name} value of {value:g} but the supported "
        f"range is from {low:g} (inclusive) to {beyond:.5g} (exclusive). Update the value and try again."
    )


def _config_faults(config: Message) -> Iterator[str]:
    where = "generation_config"
    for name, (low, high, text) in _RANGES.items():
        if name in config and not low <= config[name] <= high:
            yield f"{where}.{text.partition(' ')[0]}: {text}"
    stops = config.get("stopSequences", ())
    if len(stops) > _MOST_STOPS:
        yield f"{where}.stop_sequences: the number of stop_sequences must not exceed {_MOST_STOPS}"
    if not all(stops):
        yield f"{where}.stop_sequences[{stops.index('')}]: must not be empty"
    if config.get("responseMimeType", "") not in ("", *_MIME_TYPES):
        listed = ", ".join(f"`{kind}`" for kind in _MIME_TYPES[:-1])
        yield (
            f"{where}.response_mime_type: allowed mimetypes are {listed} and `{_MIME_TYPES[-1]}`."
        )
    yield from _format_faults(config, where)


def _format_faults(config: Message, where: str) -> Iterator[str]:
    mime = config.get("responseMimeType")
    given = [name for name in _SCHEMAS if name in config]
    if given and mime not in _STRUCTURED:
        field = "response_schema" if given[0] == "responseSchema" else "response_json_schema"
        yield f"{where}.{field}: only allowed when response_mime_type is `{_JSON}` or `text/x.enum`"
    if len(given) == len(_SCHEMAS):
        yield f"{where}: response_schema and response_json_schema must not both be set."
    if mime == "text/x.enum" and not any(_lists_values(config[name]) for name in given):
        yield f"{where}.response_schema.enum: should be non-empty for `text/x.enum`"
    yield from schema_faults(config.get("responseSchema", {}), f"{where}.response_schema")
    if "responseJsonSchema" in config:
        yield from json_schema_faults(config["responseJsonSchema"], f"{where}.response_json_schema")


def _lists_values(schema: Any) -> bool:
    return isinstance(schema, dict) and bool(schema.get("enum"))


def _check_together(request: Message, config: Message, model: str) -> None:
    """Refuse what excludes each other, and what no simulated model can do."""
    mime = config.get("responseMimeType", "text/plain")
    if declared(request) and mime != "text/plain" and model.startswith(_OLDER):
        raise bad_request(f"Function calling with a response mime type: '{mime}' is unsupported")
    if config.get("logprobs") is not None and not config.get("responseLogprobs"):
        raise bad_request("Logprobs is set but response_logprobs is not enabled.")
    asked = [kind for kind in config.get("responseModalities", ()) if kind != "UNSPECIFIED"]
    if any(kind != "TEXT" for kind in asked):
        raise bad_request(
            f"The requested combination of response modalities ({', '.join(asked)}) is not supported "
            f"by the model. models/{model} accepts the following combination of response "
            "modalities:\n* TEXT\n"
        )
    if "cachedContent" in request and not _CACHED.fullmatch(str(request["cachedContent"])):
        raise Refusal(403, "CachedContent not found (or permission denied)")


def _check_thinking(thinking: Message, model: str) -> None:
    budget, level = thinking.get("thinkingBudget"), thinking.get("thinkingLevel")
    if budget is not None and level is not None:
        raise bad_request("You can only set only one of thinking budget and thinking level.")
    if level is not None and model.startswith(_OLDER):
        raise bad_request("Thinking level is not supported for this model.")
    if budget is not None:
        _check_budget(budget, model)


def _check_budget(budget: int, model: str) -> None:
    low, high = next((b for part, b in _BUDGETS.items() if part in model), _ANY_BUDGET)
    if budget == 0 and "2.5-pro" in model:
        raise bad_request("Budget 0 is invalid. This model only works in thinking mode.")
    if budget not in (0, -1) and not low <= budget <= high:
        raise bad_request(
            f"The thinking budget {budget} is invalid. Please choose a value between {low} and {high}."
        )
