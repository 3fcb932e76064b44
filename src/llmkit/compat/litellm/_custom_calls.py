"""Requests to custom providers, answered by calling a program's functions: a transport that has no network.

What a function raises becomes the answer of that status, an error of llmkit's or LiteLLM's stays what it is.
"""

from __future__ import annotations

import copy
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from typing_extensions import override

from ..._http import HTTPRequest
from ..._io._progress import Progress
from ..._io._tap import Answer, within
from ..._io.aio import AsyncDriver
from ..._io.sync import SyncDriver
from ...client import Client
from ...errors import (
    APIResponseValidationError,
    InvalidRequestError,
    LLMKitError,
    StreamInterruptedError,
)
from ._answers import EmbeddingResponse, ImageResponse, ModelResponse
from ._custom import BASE, HOST, handler_of
from ._record import Record
from ._telling import current

__all__ = ["CustomClient"]

_KINDS: Final[dict[str, tuple[str, Callable[[], Any], str]]] = {
    "chat/completions": ("completion", ModelResponse, "messages"),
    "embeddings": ("embedding", EmbeddingResponse, "input"),
    "images/generations": ("image_generation", ImageResponse, "prompt"),
}
"""The end of an address to the function's name, what it may fill in, and what it is asked."""
_OWN_HEADERS: Final = frozenset({
    "accept", "accept-encoding", "authorization", "connection", "content-length", "content-type", "host", "user-agent",
    BASE,
})  # fmt: skip
_JSON: Final = {"content-type": "application/json"}
_EVENTS: Final = {"content-type": "text/event-stream"}
_DONE: Final = b"data: [DONE]\n\n"


class _Asked(NamedTuple):
    """A request, as a function is asked."""

    handler: Any
    function: str
    keywords: dict[str, Any]
    streams: bool
    record: Record | None


def _asked(request: HTTPRequest, *, awaited: bool) -> _Asked:
    name, _, path = request.url.removeprefix(HOST).partition("?")[0].partition("/")
    if path not in _KINDS:
        raise InvalidRequestError(f"a custom provider cannot be asked for {path}")
    function, empty, subject = _KINDS[path]
    body = json.loads(request.body)
    headers = {key.lower(): value for key, value in request.headers.items()}
    key = headers.get("authorization", "").removeprefix("Bearer ") or None
    record = current()
    params = record.kwargs["litellm_params"] if record else {}
    if record and "stream_options" not in record.kwargs["optional_params"]:
        body.pop("stream_options", None)  # llmkit asks every provider for a stream's usage
    keywords = {
        "model": body.pop("model", ""),
        subject: body.pop(subject, None),
        "model_response": empty(),
        "optional_params": body,
        "litellm_params": params,
        "api_key": key,
        "api_base": headers.get(BASE),
        "headers": {k: v for k, v in request.headers.items() if k.lower() not in _OWN_HEADERS},
        "timeout": record.timeout if record else None,
        "logging_obj": record,
        "print_verbose": lambda *_: None,
        "custom_prompt_dict": {},
        "encoding": None,
        "logger_fn": params.get("logger_fn"),
        "acompletion": awaited,
        "client": None,
    }
    return _Asked(handler_of(name), function, keywords, body.get("stream") is True, record)


def send(request: HTTPRequest, progress: Progress) -> Any:
    """Call the function; what it answers, as a server would have sent it."""
    asked = _asked(request, awaited=False)
    progress.borrowed = True
    progress.writing()
    try:
        if asked.streams:
            return _Stream(_frames(asked), progress)
        answer = getattr(asked.handler, asked.function)(**asked.keywords)
    except Exception as error:  # noqa: BLE001 - the program's own
        return _failed(error, asked, progress)
    return _answered(answer, asked, progress)


async def asend(request: HTTPRequest, progress: Progress) -> Any:
    """``send`` for async code."""
    asked = _asked(request, awaited=True)
    progress.borrowed = True
    progress.writing()
    try:
        if asked.streams:
            return await within(progress, _AStream.begun(_aframes(asked), progress))
        function = getattr(asked.handler, f"a{asked.function}")
        answer = await within(progress, function(**asked.keywords))
    except TimeoutError:
        raise
    except Exception as error:  # noqa: BLE001 - as above
        return _failed(error, asked, progress)
    return _answered(answer, asked, progress)


def _answered(answer: Any, asked: _Asked, progress: Progress) -> Any:
    if not isinstance(answer, Mapping) and not hasattr(answer, "model_dump"):
        raise APIResponseValidationError(
            f"{type(asked.handler).__name__}.{asked.function} returned {type(answer).__name__}, and no answer: "
            "fill in kwargs['model_response'], and return it"
        )
    told = answer if isinstance(answer, Mapping) else answer.model_dump(exclude_none=True)
    return Answer(200, _JSON, (json.dumps(told, default=str).encode(),), progress)


def _failed(error: Exception, asked: _Asked, progress: Progress) -> Any:
    if isinstance(error, LLMKitError):
        # It is filled in by the call that it ends.
        raise copy.copy(error)
    if asked.record is not None:
        asked.record.failure = error
    status = getattr(error, "status_code", None)
    status = status if isinstance(status, int) and 400 <= status < 600 else 500  # noqa: PLR2004 - HTTP's errors
    told = json.dumps({"error": {"message": str(error) or type(error).__name__}}).encode()
    headers = {str(k): str(v) for k, v in dict(getattr(error, "headers", None) or {}).items()}
    return Answer(status, {**headers, **_JSON}, (told,), progress)


# --- streams -------------------------------------------------------------------------------------


def _frame(piece: Any, model: str) -> bytes:
    """LiteLLM's plain dict, or a chunk, as a server's event."""
    told = _chunk(piece, model) if isinstance(piece, Mapping) else _dumped(piece, model)
    return b"data: %s\n\n" % json.dumps(told, default=str).encode()


def _dumped(piece: Any, model: str) -> dict[str, Any]:
    told: dict[str, Any] = piece.model_dump(exclude_none=True)
    return {**told, "model": told.get("model") or model}


def _chunk(piece: Mapping[str, Any], model: str) -> dict[str, Any]:
    if "choices" in piece:
        return {"model": model, **piece}
    delta: dict[str, Any] = {"content": piece.get("text") or None}
    if tool := piece.get("tool_use"):
        delta["tool_calls"] = [tool if isinstance(tool, Mapping) else dict(tool)]
    if fields := piece.get("provider_specific_fields"):
        delta["provider_specific_fields"] = fields
    finish = piece.get("finish_reason") or "stop" if piece.get("is_finished") else None
    choice = {"index": piece.get("index") or 0, "delta": delta, "finish_reason": finish}
    told: dict[str, Any] = {"model": model, "choices": [choice]}
    if usage := piece.get("usage"):
        told["usage"] = usage if isinstance(usage, Mapping) else dict(usage)
    return told


def _broken(error: Exception, asked: _Asked) -> Exception:
    if isinstance(error, LLMKitError):
        return error
    if asked.record is not None:
        asked.record.failure = error
    why = f"the stream broke: {type(error).__name__}: {error}"
    return StreamInterruptedError(why, retryable=True, sent="yes")


def _frames(asked: _Asked) -> Iterator[bytes]:
    begun = False
    try:
        for piece in asked.handler.streaming(**asked.keywords):
            yield _frame(piece, asked.keywords["model"])
            begun = True
    except Exception as error:
        if not begun:
            raise
        raise _broken(error, asked) from error
    yield _DONE


async def _aframes(asked: _Asked) -> AsyncIterator[bytes]:
    begun = False
    try:
        async for piece in asked.handler.astreaming(**asked.keywords):
            yield _frame(piece, asked.keywords["model"])
            begun = True
    except Exception as error:
        if not begun:
            raise
        raise _broken(error, asked) from error
    yield _DONE


class _Stream(Answer):
    """A stream whose first piece is there: what came in its place is an error that can still be retried."""

    at_once = False

    def __init__(self, frames: Iterator[bytes], progress: Progress) -> None:
        first = next(frames)
        super().__init__(200, _EVENTS, (), progress)
        self._frames = frames
        self.stream: Any = self._pieces(first)

    def _pieces(self, first: bytes) -> Iterator[bytes]:
        yield first
        yield from self._frames

    @override
    def close(self) -> None:
        """End the function's generator."""
        getattr(self._frames, "close", lambda: None)()


class _AStream(Answer):
    """``_Stream`` for async code."""

    at_once = False

    @classmethod
    async def begun(cls, frames: AsyncIterator[bytes], progress: Progress) -> _AStream:
        """With its first piece."""
        first = await anext(frames)
        made = cls(200, _EVENTS, (), progress)
        made._frames = frames
        made.stream = made._pieces(first)
        return made

    _frames: AsyncIterator[bytes]
    stream: Any

    async def _pieces(self, first: bytes) -> AsyncIterator[bytes]:
        yield first
        async for piece in self._frames:
            yield piece

    @override
    async def aclose(self) -> None:
        """End the function's generator."""
        await getattr(self._frames, "aclose", _nothing)()


async def _nothing() -> None:
    """There is nothing to close."""


# --- clients -------------------------------------------------------------------------------------


class CustomClient(Client):
    """An ``llmkit.Client`` whose requests to custom providers are answered here."""

    @override
    def _driver(self) -> SyncDriver:
        driver = super()._driver()
        go_on = driver._transport_send  # noqa: SLF001 - of one package
        if not hasattr(go_on, "custom"):
            driver._transport_send = _either(send, go_on)  # noqa: SLF001
        return driver

    @override
    async def _async_driver(self) -> AsyncDriver:
        driver = await super()._async_driver()
        go_on = driver._transport_send  # noqa: SLF001
        if not hasattr(go_on, "custom"):
            driver._transport_send = _either(asend, go_on)  # noqa: SLF001
        return driver


def _either(ours: Any, go_on: Any) -> Any:
    def sending(request: HTTPRequest, progress: Progress) -> Any:
        return (ours if request.url.startswith(HOST) else go_on)(request, progress)

    sending.custom = True  # type: ignore[attr-defined]
    return sending
