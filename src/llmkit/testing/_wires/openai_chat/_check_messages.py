"""What the simulated chat endpoint refuses in `messages`: shapes, roles and their order.

Pure. Members that the API does not name are let through inside a message: compatible hosts
add some (`reasoning_content`, `cache_control`), and clients send them back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ._refusal import bad_request, missing, wrong_type

__all__ = ["check_messages"]

# role -> the content parts that it may hold.
_PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "system": ("text",),
    "developer": ("text",),
    "user": ("text", "image_url", "input_audio", "file"),
    "assistant": ("text", "refusal"),
    "tool": ("text",),
}


def check_messages(messages: list[Any]) -> None:
    """Raise the `Refusal` that *messages* deserve; return if they are fine."""
    if not messages:
        raise bad_request(
            "Invalid 'messages': empty array. Expected an array with minimum length 1, "
            "but got an empty array instead.",
            "messages",
            "empty_array",
        )
    for index, message in enumerate(messages):
        _check_message(message, f"messages[{index}]")
    _check_order(messages)


def _check_message(message: Any, where: str) -> None:
    if not isinstance(message, dict):
        raise wrong_type(where, "an object", message)
    if "role" not in message:
        raise missing(f"{where}.role")
    role = message["role"]
    if role not in _PARTS:
        raise _unknown(role, f"{where}.role", _PARTS)
    _check_content(message, role, where)
    if role == "tool" and not isinstance(message.get("tool_call_id"), str):
        raise missing(f"{where}.tool_call_id")
    if role == "assistant":
        _check_calls(message.get("tool_calls"), where)


def _unknown(value: Any, where: str, known: Sequence[str] | Mapping[str, Any]) -> Exception:
    listed = ", ".join(f"'{name}'" for name in known)
    text = f"Invalid value: '{value}'. Supported values are: {listed}."
    return bad_request(text, where, "invalid_value")


def _check_content(message: Mapping[str, Any], role: str, where: str) -> None:
    content = message.get("content")
    if content is None:
        if role != "assistant":
            raise missing(f"{where}.content")
        if not (message.get("tool_calls") or message.get("refusal") or message.get("audio")):
            raise wrong_type(f"{where}.content", "a string or an array", content)
    elif isinstance(content, list):
        for index, part in enumerate(content):
            _check_part(part, role, f"{where}.content[{index}]")
    elif not isinstance(content, str):
        raise wrong_type(f"{where}.content", "a string or an array", content)


def _check_part(part: Any, role: str, where: str) -> None:
    if not isinstance(part, dict):
        raise wrong_type(where, "an object", part)
    if "type" not in part:
        raise missing(f"{where}.type")
    kind = part["type"]
    if kind not in _PARTS[role]:
        raise _unknown(kind, where, _PARTS[role])
    if kind not in part:
        raise missing(f"{where}.{kind}")
    _SHAPES[kind](part[kind], f"{where}.{kind}")


def _text(value: Any, where: str) -> None:
    if not isinstance(value, str):
        raise wrong_type(where, "a string", value)


def _image(value: Any, where: str) -> None:
    url = _member(value, "url", where)
    if not url.startswith(("http://", "https://", "data:image/")):
        raise bad_request(
            f"Invalid '{where}.url'. Expected a valid URL or a data URL of an image.",
            where,
            "invalid_image_url",
        )


def _audio(value: Any, where: str) -> None:
    _member(value, "data", where)
    if _member(value, "format", where) not in ("wav", "mp3"):
        raise _unknown(value["format"], f"{where}.format", ("wav", "mp3"))


def _file(value: Any, where: str) -> None:
    if not isinstance(value, dict):
        raise wrong_type(where, "an object", value)
    if not isinstance(value.get("file_id"), str):
        _member(value, "file_data", where)
        _member(value, "filename", where)


_SHAPES: Final[Mapping[str, Callable[[Any, str], None]]] = {
    "text": _text,
    "refusal": _text,
    "image_url": _image,
    "input_audio": _audio,
    "file": _file,
}


def _member(value: Any, name: str, where: str) -> str:
    """The string member *name* of *value*."""
    if not isinstance(value, dict):
        raise wrong_type(where, "an object", value)
    if name not in value:
        raise missing(f"{where}.{name}")
    if not isinstance(value[name], str):
        raise wrong_type(f"{where}.{name}", "a string", value[name])
    return str(value[name])


def _check_calls(calls: Any, where: str) -> None:
    if calls is None:
        return
    if not isinstance(calls, list):
        raise wrong_type(f"{where}.tool_calls", "an array", calls)
    if not calls:
        raise bad_request(
            f"Invalid '{where}.tool_calls': empty array. Expected an array with minimum length 1, "
            "but got an empty array instead.",
            f"{where}.tool_calls",
            "empty_array",
        )
    for index, call in enumerate(calls):
        _check_call(call, f"{where}.tool_calls[{index}]")


def _check_call(call: Any, where: str) -> None:
    _member(call, "id", where)
    kind = _member(call, "type", where)
    if kind not in ("function", "custom"):
        raise _unknown(kind, f"{where}.type", ("function", "custom"))
    _member(call.get(kind), "name", f"{where}.{kind}")
    _member(call.get(kind), "arguments" if kind == "function" else "input", f"{where}.{kind}")


def _check_order(messages: Sequence[Mapping[str, Any]]) -> None:
    """Each call gets its result at once, and each result has its call."""
    waiting: dict[str, None] = {}
    known: set[str] = set()
    for index, message in enumerate(messages):
        if message["role"] == "tool":
            if message["tool_call_id"] not in known:
                raise _orphan(index)
            waiting.pop(message["tool_call_id"], None)
            continue
        if waiting:
            raise _unanswered(waiting, index)
        waiting = {call["id"]: None for call in message.get("tool_calls") or ()}
        known = set(waiting)
    if waiting:
        raise _unanswered(waiting, len(messages))


def _orphan(index: int) -> Exception:
    # "preceeding" is the real API's spelling; clients that match on the text see what they expect.
    return bad_request(
        "Invalid parameter: messages with role 'tool' must be a response to a preceeding message "
        "with 'tool_calls'.",
        f"messages.[{index}].role",
    )


def _unanswered(waiting: Mapping[str, None], index: int) -> Exception:
    return bad_request(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to "
        "each 'tool_call_id'. The following tool_call_ids did not have response messages: "
        + ", ".join(waiting),
        f"messages.[{index}].role",
    )
