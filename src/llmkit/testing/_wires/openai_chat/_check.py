"""What the simulated chat endpoint refuses: parameters of a request, one by one.

Pure: a parsed body in, a `Refusal` raised or nothing. Messages are checked in `_check_messages`,
tools and schemas in `_check_tools`. Ranges and names: OpenAI's API reference, chat completions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from ._check_messages import check_messages
from ._check_tools import check_response_format, check_tools
from ._refusal import Refusal, bad_request, missing, wrong_type

__all__ = ["check"]

_PHRASES: Final[Mapping[type | tuple[type, ...], str]] = {
    bool: "a boolean",
    int: "an integer",
    (int, float): "a decimal",
    str: "a string",
    list: "an array",
    dict: "an object",
    (str, list): "a string or an array",
    (str, dict): "a string or an object",
}

# name -> the JSON types that it may have; what is not listed is an unknown parameter.
_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "model": str,
    "messages": list,
    "audio": dict,
    "frequency_penalty": (int, float),
    "logit_bias": dict,
    "logprobs": bool,
    "max_completion_tokens": int,
    "max_tokens": int,
    "metadata": dict,
    "modalities": list,
    "n": int,
    "parallel_tool_calls": bool,
    "prediction": dict,
    "presence_penalty": (int, float),
    "prompt_cache_key": str,
    "prompt_cache_retention": str,
    "reasoning_effort": str,
    "response_format": dict,
    "safety_identifier": str,
    "seed": int,
    "service_tier": str,
    "stop": (str, list),
    "store": bool,
    "stream": bool,
    "stream_options": dict,
    "temperature": (int, float),
    "tool_choice": (str, dict),
    "tools": list,
    "top_logprobs": int,
    "top_p": (int, float),
    "user": str,
    "verbosity": str,
    "web_search_options": dict,
}

_RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "frequency_penalty": (-2, 2),
    "max_completion_tokens": (1, math.inf),
    "max_tokens": (1, math.inf),
    "n": (1, 128),
    "presence_penalty": (-2, 2),
    "temperature": (0, 2),
    "top_logprobs": (0, 20),
    "top_p": (0, 1),
}

_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "prompt_cache_retention": ("in-memory", "24h"),
    "reasoning_effort": ("none", "minimal", "low", "medium", "high", "xhigh"),
    "service_tier": ("auto", "default", "flex", "scale", "priority"),
    "verbosity": ("low", "medium", "high"),
}

_MOST_STOPS: Final = 4

# A parameter that makes no sense without another one: name -> (the other, how it must be set).
_COMPANIONS: Final[Mapping[str, tuple[str, str]]] = {
    "stream_options": ("stream", "'stream' is enabled"),
    "top_logprobs": ("logprobs", "'logprobs' is enabled"),
    "parallel_tool_calls": ("tools", "'tools' are specified"),
    "tool_choice": ("tools", "'tools' are specified"),
}


def check(body: Any) -> None:
    """Raise the `Refusal` that *body* (a parsed JSON body) deserves; return if it is fine."""
    if not isinstance(body, dict):
        raise bad_request("We could not parse the JSON body of your request: expected an object.")
    # The real API reads null as absent; what is left is checked in the order in which it answers.
    given = {name: value for name, value in body.items() if value is not None}
    if "model" not in given:
        raise bad_request("you must provide a model parameter")
    if "messages" not in given:
        raise missing("messages")
    for name, value in given.items():
        _check_type(name, value)
        _check_range(name, value)
        _check_choice(name, value)
    _check_together(given)
    _check_stop(given.get("stop"))
    check_messages(given["messages"])
    check_tools(given)
    check_response_format(given)


def _check_type(name: str, value: Any) -> None:
    if name not in _TYPES:
        raise bad_request(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    allowed = _TYPES[name]
    is_stray_boolean = isinstance(value, bool) and allowed is not bool
    if is_stray_boolean or not isinstance(value, allowed):
        raise wrong_type(name, _PHRASES[allowed], value)


def _check_range(name: str, value: Any) -> None:
    low, high = _RANGES.get(name, (-math.inf, math.inf))
    if name not in _RANGES or low <= value <= high:
        return
    kind = "integer" if _TYPES[name] is int else "decimal"
    side, sign, bound = (
        ("below minimum", ">=", low) if value < low else ("above maximum", "<=", high)
    )
    raise bad_request(
        f"Invalid '{name}': {kind} {side} value. Expected a value {sign} {bound:g}, "
        f"but got {value} instead.",
        name,
        f"{kind}_{side.replace(' ', '_')}_value".replace("minimum", "min").replace(
            "maximum", "max"
        ),
    )


def _check_choice(name: str, value: Any) -> None:
    choices = _CHOICES.get(name)
    if choices and value not in choices:
        listed = ", ".join(f"'{choice}'" for choice in choices)
        raise bad_request(
            f"Invalid value: '{value}'. Supported values are: {listed}.", name, "invalid_value"
        )


def _check_together(given: Mapping[str, Any]) -> None:
    if "max_tokens" in given and "max_completion_tokens" in given:
        raise bad_request(
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
            "max_tokens",
            "invalid_parameter_combination",
        )
    for name, (other, condition) in _COMPANIONS.items():
        if name in given and not given.get(other) and given[name] != "none":
            raise bad_request(f"The '{name}' parameter is only allowed when {condition}.", name)
    _check_abilities(given)


def _check_abilities(given: Mapping[str, Any]) -> None:
    """Refuse what no simulated model can do, as the real API does for most models."""
    if given.get("modalities", ["text"]) != ["text"] or "audio" in given:
        raise Refusal(
            400,
            "Unsupported value: 'modalities' supports only ['text'] with this model.",
            param="modalities",
            code="unsupported_value",
        )
    if "web_search_options" in given:
        message = "Web search options not supported with this model."
        raise bad_request(message, "web_search_options")


def _check_stop(stop: Any) -> None:
    if not isinstance(stop, list):
        return
    if len(stop) > _MOST_STOPS:
        raise bad_request(
            f"Invalid 'stop': array too long. Expected an array with maximum length {_MOST_STOPS}, "
            f"but got an array with length {len(stop)} instead.",
            "stop",
            "array_above_max_length",
        )
    for index, sequence in enumerate(stop):
        if not isinstance(sequence, str):
            raise wrong_type(f"stop[{index}]", "a string", sequence)
