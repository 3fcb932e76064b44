"""An answer's JSON to models: what hosts spell differently is brought to one spelling, and nothing is lost.

``normalize_*`` change freshly parsed JSON in place; what they do not know stays as it came.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._call import Call
from ..._http import HTTPResponse
from ..._json import NotJSON, dump_text, load
from ..._parts import text_of, thoughts_of
from ...types._model import lenient
from ...types.chat import ChatCompletion
from .._errors import error_from, unreadable

__all__ = [
    "FINISH",
    "USAGE_ELSEWHERE",
    "is_error",
    "items",
    "normalize_choice",
    "normalize_message",
    "normalize_usage",
    "parse",
    "parse_body",
]

# Hosts' own words for OpenAI's finish reasons; a word not listed is kept. The recorded ones, 2026-11-22.
FINISH: dict[str, str | None] = {
    "": None,
    "tool_call": "tool_calls",
    "tool_use": "tool_calls",
    "eos": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_length": "length",
}


def parse(call: Call, response: HTTPResponse) -> ChatCompletion:
    """Read an answer below 400."""
    try:
        data = load(response.body)
    except NotJSON:
        raise unreadable(call, response, "it is not JSON") from None
    return parse_body(call, response, data)


def parse_body(call: Call, response: HTTPResponse, data: Any) -> ChatCompletion:
    """Read an answer's JSON. An error inside a 200 is raised as what it says it is."""
    if not isinstance(data, dict):
        if isinstance(data, list) and data and isinstance(data[0], dict) and "error" in data[0]:
            raise error_from(call, response, data)
        raise unreadable(call, response, "it is JSON, but no object")
    if is_error(data):
        raise error_from(call, response, data)
    if "choices" not in data:
        raise unreadable(call, response, "it has no choices")
    _normalize_head(call, data)
    data["choices"] = [_completed(i, choice) for i, choice in enumerate(items(data["choices"]))]
    return lenient(ChatCompletion, data)


def is_error(data: Mapping[str, Any]) -> bool:
    """Whether an object that came with a 200, or as an event, says that the call failed."""
    if data.get("error") or data.get("object") == "error":
        return True
    if "choices" in data or "usage" in data:
        return False
    told = data.get("errors") or data.get("success") is False
    return bool(told or (data.get("code") and data.get("message")))


def items(value: Any) -> list[Any]:
    """``value`` where it is a list, else nothing: what should be a list may be anything."""
    return value if isinstance(value, list) else []


def _normalize_head(call: Call, data: dict[str, Any]) -> None:
    if data.get("id") is None:
        data["id"] = call.id
    if data.get("model") is None:
        data["model"] = call.model
    if data.get("object") != "chat.completion":
        data["object"] = "chat.completion"
    if isinstance(data.get("usage"), dict):
        normalize_usage(data["usage"])


def _completed(position: int, choice: Any) -> Any:
    if not isinstance(choice, dict):
        return choice
    if choice.get("index") is None:
        choice["index"] = position
    message = choice.get("message")
    if not isinstance(message, dict) and isinstance(choice.get("text"), str):
        choice["message"] = {"role": "assistant", "content": choice["text"]}
    normalize_choice(choice, "message")
    return choice


def normalize_choice(choice: dict[str, Any], part: str) -> None:
    """Bring one choice of an answer (``part`` = "message") or a chunk ("delta") to OpenAI's form."""
    finish = choice.get("finish_reason")
    if isinstance(finish, str) and finish in FINISH:
        choice["finish_reason"] = FINISH[finish]
    if not isinstance(choice.get("index"), int):
        choice["index"] = 0
    if isinstance(choice.get(part), dict):
        in_parts = isinstance(choice[part].get("content"), list)
        normalize_message(choice[part])
        # Of a stream, blocks are known when it has ended: ``Fold`` makes them.
        if in_parts and part == "message" and (found := thoughts_of(choice[part]["content_parts"])):
            choice[part]["thinking_blocks"] = found
    else:
        choice[part] = {}


# Snowflake sends each field of OpenAI's, with empty values where there is nothing.
_HOLLOW = ("function_call", "audio")


def _is_hollow(value: Any) -> bool:
    return isinstance(value, dict) and not any(value.values())


def normalize_message(message: dict[str, Any]) -> None:
    """Bring a message or a delta to one spelling."""
    for name in _HOLLOW:
        if name in message and _is_hollow(message[name]):
            message[name] = None
    if isinstance(message.get("content"), list):
        _join_parts(message)
    if message.get("reasoning_content") is None:
        _find_reasoning(message)
    for call in items(message.get("tool_calls")):
        _normalize_call(call)


def _find_reasoning(message: dict[str, Any]) -> None:
    reasoning = message.get("reasoning")
    if isinstance(reasoning, str):
        message["reasoning_content"] = reasoning
    elif reasoning is None and isinstance(message.get("reasoning_details"), list):
        texts = [_detail_text(detail) for detail in message["reasoning_details"]]
        if any(texts):
            message["reasoning_content"] = "".join(texts)


def _detail_text(detail: Any) -> str:
    """OpenRouter's form: https://openrouter.ai/docs/use-cases/reasoning-tokens, read 2026-11-22."""
    if not isinstance(detail, Mapping):
        return ""
    text = detail.get("text") or detail.get("summary")
    return text if isinstance(text, str) else ""


def _join_parts(message: dict[str, Any]) -> None:
    """Content in parts (thinking models) to text and reasoning; the parts are kept beside them."""
    parts = message["content"]
    message["content_parts"] = parts
    message["content"] = text_of(parts)
    if thoughts := thoughts_of(parts):
        message["reasoning_content"] = "".join(block["thinking"] for block in thoughts)


def _normalize_call(call: Any) -> None:
    if not isinstance(call, dict):
        return
    if call.get("type") is None:
        call.pop("type", None)
    function, custom = call.get("function"), call.get("custom")
    if function is not None and custom is not None and _is_hollow(custom):
        del call["custom"]
    if isinstance(function, dict):
        arguments = function.get("arguments")
        if arguments is not None and not isinstance(arguments, str):
            function["arguments"] = dump_text(arguments)


def normalize_usage(usage: dict[str, Any]) -> None:
    """Bring a usage to OpenAI's form, from where hosts put the same counts. Nothing unsaid becomes zero."""
    scattered = not _ELSEWHERE.isdisjoint(usage)
    if scattered:
        _gather(usage)
    details = usage.get("prompt_tokens_details")
    if isinstance(details, dict):
        if "cached_tokens" in details and usage.get("cache_read_input_tokens") is None:
            usage["cache_read_input_tokens"] = details["cached_tokens"]
        written = details.get("cache_write_tokens")
        if written is not None and usage.get("cache_creation_input_tokens") is None:
            usage["cache_creation_input_tokens"] = written
    if (
        scattered
        and usage.get("server_tool_use") is None
        and (searches := _searches(usage)) is not None
    ):
        usage["server_tool_use"] = {"web_search_requests": searches}
    if usage.get("total_tokens") is None:
        prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
        if isinstance(prompt, int) and isinstance(completion, int):
            usage["total_tokens"] = prompt + completion


def _gather(usage: dict[str, Any]) -> None:
    """Put parts of the counts where OpenAI has them."""
    for name, other in _DETAILS.items():
        if usage.get(name) is None and isinstance(usage.get(other), dict):
            usage[name] = usage[other]
    _into(usage, "prompt_tokens_details", "cached_tokens", _first(usage, *_CACHED))
    _into(usage, "completion_tokens_details", "reasoning_tokens", _first(usage, "reasoning_tokens"))


# Mistral's and Writer's spelling.
_DETAILS = {
    "prompt_tokens_details": "prompt_token_details",
    "completion_tokens_details": "completion_token_details",
}

# DeepSeek; Moonshot; SGLang-like hosts; Anthropic-like hosts: each its own place for cached tokens.
_CACHED = (
    "prompt_cache_hit_tokens",
    "cached_tokens",
    "num_cached_tokens",
    "cache_read_input_tokens",
)
# All names that no usage of OpenAI's has, and that counts are taken from.
USAGE_ELSEWHERE = frozenset(
    {
        *_DETAILS.values(),
        *_CACHED,
        "reasoning_tokens",
        "server_tool_use_details",
        "num_search_queries",
    }
)

# All of these places, and those of searches: most hosts have none of them.
_ELSEWHERE = frozenset(
    (
        *_DETAILS.values(),
        *_CACHED,
        "reasoning_tokens",
        "num_search_queries",
        "server_tool_use_details",
    )
)


def _searches(usage: Mapping[str, Any]) -> int | None:
    """How often the host searched: Perplexity's place for it, and OpenRouter's."""
    details = usage.get("server_tool_use_details")
    told = details.get("web_search_requests") if isinstance(details, dict) else None
    return _first({"own": usage.get("num_search_queries"), "details": told}, "own", "details")


def _first(usage: Mapping[str, Any], *names: str) -> int | None:
    return next((usage[name] for name in names if isinstance(usage.get(name), int)), None)


def _into(usage: dict[str, Any], place: str, name: str, value: int | None) -> None:
    if value is None:
        return
    details = usage.get(place)
    if not isinstance(details, dict):
        details = usage[place] = {}
    if details.get(name) is None:
        details[name] = value
