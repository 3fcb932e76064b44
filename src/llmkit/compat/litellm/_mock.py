"""``mock_response`` and its kin in LiteLLM's forms, as what llmkit's ``mock_response`` takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

from ...errors import LLMKitError
from ...types._model import Model, lenient
from ...types.chat import ChatCompletion
from ...types.embedding import EmbeddingResponse
from ...types.image import ImageResponse
from ...types.responses import Response
from ...types.text import TextCompletion
from . import exceptions

__all__ = ["adelay", "delay", "fallen", "mocked"]

_USAGE: Final = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}
"""What LiteLLM says that a mocked answer used (litellm/constants.py of 1.109.1, read 2026-11-23)."""
_WHY: Final = {
    "litellm.RateLimitError": (exceptions.RateLimitError, "this is a mock rate limit error"),
    "litellm.ContextWindowExceededError": (
        exceptions.ContextWindowExceededError,
        "this is a mock context window exceeded error",
    ),
    "litellm.InternalServerError": (
        exceptions.InternalServerError,
        "this is a mock internal server error",
    ),
}
_MINE: Final = (
    "mock_response",
    "mock_tool_calls",
    "mock_timeout",
    "mock_delay",
)


_FALLING: Final = {
    "mock_testing_fallbacks": ("fallbacks", exceptions.InternalServerError),
    "mock_testing_context_fallbacks": (
        "context_window_fallbacks",
        exceptions.ContextWindowExceededError,
    ),
    "mock_testing_content_policy_fallbacks": (
        "content_policy_fallbacks",
        exceptions.ContentPolicyViolationError,
    ),
}


def fallen(named: dict[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """A router's call with ``mock_testing_fallbacks`` or its kin: as if the group that is asked had failed.

    Raises:
        InternalServerError: or its kin: it has nothing to fall back to.
    """
    asked = [name for name in _FALLING if named.pop(name, None)]
    if not asked:
        return named
    setting_name, failure = _FALLING[asked[0]]
    group = named.get("model")
    rows = named.pop("fallbacks", None) or settings.get(setting_name) or ()
    listed = (row.get(group) or row.get("*") for row in rows if isinstance(row, Mapping))
    plain = [row for row in rows if isinstance(row, str) or "model" in row]
    others = next(filter(None, listed), None) or plain or settings.get("default_fallbacks")
    if not others:
        raise failure(message=f"{asked[0]}: {group!r} has none", model=group, llm_provider="")
    first, *rest = others
    told = {"model": first} if isinstance(first, str) else dict(first)
    return {**named, **told, **({"fallbacks": rest} if rest else {})}


def mocked(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """``mock_response`` for llmkit's call, where one was asked for; takes LiteLLM's keywords out."""
    told = {key: arguments.pop(key, None) for key in _MINE}
    given, calls = told["mock_response"], told["mock_tool_calls"]
    if told["mock_timeout"] and arguments.get("timeout") is not None:
        return {
            "mock_response": exceptions.Timeout(
                "This is a mock timeout error", arguments.get("model"), None
            )
        }
    if given is None and not calls:
        return {}
    if name == "completion":
        return {"mock_response": _chat(given, calls, arguments)}
    return {"mock_response": _other(name, given, arguments)}


def _chat(given: Any, calls: Any, arguments: Mapping[str, Any]) -> Any:
    model = str(arguments.get("model") or "")
    if given is None:
        given = "This is a mock request"
    if isinstance(given, BaseException) or (
        isinstance(given, type) and issubclass(given, BaseException)
    ):
        return _error(given, model)
    if isinstance(given, str) and (why := _WHY.get(given)) is not None:
        return why[0](message=why[1], model=model, llm_provider=None)
    if isinstance(given, str):
        return _answer(given, calls, arguments)
    if isinstance(given, Model):
        return lenient(ChatCompletion, given.to_dict())
    return given


def _error(given: Any, model: str) -> Any:
    """An exception, as it is where it is one of these; else, as in LiteLLM, a ``MockException`` of it."""
    if isinstance(given, type) and issubclass(given, BaseException):
        return given
    if isinstance(given, LLMKitError) or not isinstance(given, Exception):
        return given
    status = getattr(given, "status_code", 500)
    made = exceptions.MockException(status, str(given), getattr(given, "llm_provider", None), model)
    made.__cause__ = given
    return made


def _answer(text: str, calls: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    message = {"content": text, **({"tool_calls": calls} if calls else {})}
    finish = "tool_calls" if calls else "stop"
    many = range(arguments.get("n") or 1)
    choices = [{"index": i, "message": message, "finish_reason": finish} for i in many]
    return {"created": int(time.time()), "choices": choices, "usage": _USAGE}


def _other(name: str, given: Any, arguments: Mapping[str, Any]) -> Any:
    """Vectors and pictures may be given by themselves."""
    if isinstance(given, BaseException):
        return _error(given, str(arguments.get("model") or ""))
    if name == "embedding" and isinstance(given, list):
        rows = given if given and isinstance(given[0], list) else [given]
        data = [{"object": "embedding", "index": i, "embedding": row} for i, row in enumerate(rows)]
        return lenient(EmbeddingResponse, {"model": arguments.get("model"), "data": data})
    if name == "text_completion" and isinstance(given, str):
        choice = {"index": 0, "text": given, "finish_reason": "stop"}
        told = {"model": arguments.get("model"), "choices": [choice], "usage": _USAGE}
        return lenient(TextCompletion, told)
    if name == "responses" and isinstance(given, str):
        content = [{"type": "output_text", "text": given, "annotations": []}]
        item = {"type": "message", "role": "assistant", "status": "completed", "content": content}
        return lenient(Response, {"model": arguments.get("model"), "output": [item]})
    if name.startswith("image") and isinstance(given, str):
        return lenient(ImageResponse, {"created": int(time.time()), "data": [{"url": given}]})
    return given


def delay(named: Mapping[str, Any]) -> None:
    """``mock_delay``, and the time that ``mock_timeout`` waits for."""
    if seconds := _seconds(named):
        time.sleep(seconds)


async def adelay(named: Mapping[str, Any]) -> None:
    """``delay`` for async code."""
    if seconds := _seconds(named):
        await asyncio.sleep(seconds)


def _seconds(named: Mapping[str, Any]) -> float:
    waits = named.get("timeout") if named.get("mock_timeout") else named.get("mock_delay")
    return float(waits) if isinstance(waits, int | float | str) else 0.0
