"""What the simulated server refuses: shapes that the real one cannot read, and what a model cannot do.

Pure: a parsed body in, a `Refusal` raised or nothing. Fields and wording: ``api/types.go`` and ``server/routes.go`` of
github.com/ollama/ollama, read 2026-11-22. A field that the server does not know is let through, as it does.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["Refusal", "check_chat", "check_embed", "check_generate"]

Kinds = type | tuple[type, ...]
_ROLES: Final = ("system", "user", "assistant", "tool")
_LEVELS: Final = ("low", "medium", "high", "max")
_MOST_ALTERNATIVES: Final = 20
_COMMON: Final[Mapping[str, Kinds]] = {
    "model": str,
    "stream": bool,
    "format": (str, dict),
    "options": dict,
    "think": (bool, str),
    "keep_alive": (str, int, float),
    "truncate": bool,
    "logprobs": bool,
    "top_logprobs": int,
}
_CHAT: Final[Mapping[str, Kinds]] = {**_COMMON, "messages": list, "tools": list}
_GENERATE: Final[Mapping[str, Kinds]] = {
    **_COMMON,
    **dict.fromkeys(("prompt", "suffix", "system", "template"), str),
    "images": list,
    "context": list,
    "raw": bool,
}
_EMBED: Final[Mapping[str, Kinds]] = {
    **_COMMON,
    "input": (str, list),
    "prompt": str,
    "dimensions": int,
}
_MESSAGE: Final[Mapping[str, Kinds]] = {
    **dict.fromkeys(("role", "content", "thinking", "tool_name", "tool_call_id"), str),
    "images": list,
    "tool_calls": list,
}
_WHOLE: Final = (
    "num_keep", "seed", "num_predict", "top_k", "repeat_last_n", "num_ctx", "num_batch", "num_gpu", "main_gpu",
    "num_thread", "draft_num_predict",
)  # fmt: skip
_FRACTION: Final = (
    "top_p", "min_p", "typical_p", "temperature", "repeat_penalty", "presence_penalty", "frequency_penalty",
)  # fmt: skip


class Refusal(Exception):
    """An error answer: its HTTP *status* and its text."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})


def check_chat(body: Any) -> None:
    """Raise the `Refusal` that a chat deserves; return if it is fine."""
    _check_body(body, _CHAT)
    for message in body.get("messages") or ():
        _check_message(message)
    for tool in body.get("tools") or ():
        function = tool.get("function") if isinstance(tool, dict) else None
        _want(isinstance(function, dict), "ChatRequest.tools.function", "api.ToolFunction")


def check_generate(body: Any) -> None:
    """Raise the `Refusal` that a completion deserves; return if it is fine."""
    _check_body(body, _GENERATE)
    _check_images(body.get("images") or ())
    if body.get("raw") and any(body.get(name) for name in ("template", "system", "context")):
        raise Refusal(400, "raw mode does not support template, system, or context")


def check_embed(body: Any) -> None:
    """Raise the `Refusal` that an embedding deserves; return if it is fine."""
    _check_body(body, _EMBED)
    given = body.get("input")
    if isinstance(given, list) and not all(isinstance(text, str) for text in given):
        raise Refusal(400, "invalid input type")


def _check_body(body: Any, fields: Mapping[str, Kinds]) -> None:
    _want(isinstance(body, dict), "", "api.Request")
    _check_fields(body, fields, "Request")
    if not body.get("model"):
        raise Refusal(400, "model is required")
    think = body.get("think")
    if isinstance(think, str) and think not in _LEVELS:
        named = ", ".join(f'"{level}"' for level in ("high", "medium", "low", "max"))
        raise Refusal(400, f'invalid think value: "{think}" (must be {named}, true, or false)')
    if not 0 <= (body.get("top_logprobs") or 0) <= _MOST_ALTERNATIVES:
        raise Refusal(400, "top_logprobs must be between 0 and 20")
    _check_options(body.get("options") or {})
    if think and "reason" not in body["model"]:
        raise Refusal(400, f'"{body["model"]}" does not support thinking')


def _check_fields(value: Mapping[str, Any], fields: Mapping[str, Kinds], where: str) -> None:
    for name, kinds in fields.items():
        given = value.get(name)
        stray = isinstance(given, bool) and bool not in (
            kinds if isinstance(kinds, tuple) else (kinds,)
        )
        fine = given is None or (isinstance(given, kinds) and not stray)
        _want(fine, f"{where}.{name}", "of another type")


def _want(fine: object, place: str, kind: str) -> None:
    if not fine:
        text = f"json: cannot unmarshal value into Go struct field {place} {kind}"
        raise Refusal(400, text)


def _check_options(options: Mapping[str, Any]) -> None:
    for name, value in options.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if name in _WHOLE and value is not None and not number:
            raise Refusal(400, f'option "{name}" must be of type integer')
        if name in _FRACTION and value is not None and not number:
            raise Refusal(400, f'option "{name}" must be of type float32')
    stop = options.get("stop")
    if stop is not None and not isinstance(stop, list):
        raise Refusal(400, 'option "stop" must be of type array')


def _check_message(message: Any) -> None:
    _want(isinstance(message, dict), "ChatRequest.messages", "api.Message")
    _check_fields(message, _MESSAGE, "Message")
    if message.get("role") not in _ROLES:
        raise Refusal(400, f"invalid role: {message.get('role')}")
    _check_images(message.get("images") or ())
    for call in message.get("tool_calls") or ():
        function = call.get("function") if isinstance(call, dict) else None
        _want(isinstance(function, dict), "ToolCall.function", "api.ToolCallFunction")
        arguments = (function or {}).get("arguments", {})
        _want(isinstance(arguments, dict), "ToolCallFunction.arguments", "map[string]interface {}")


def _check_images(images: Any) -> None:
    for image in images:
        try:
            base64.b64decode(image, validate=True)
        except (TypeError, ValueError, binascii.Error):
            raise Refusal(400, "illegal base64 data at input byte 0") from None
