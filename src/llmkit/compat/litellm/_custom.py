"""``CustomLLM`` and ``custom_provider_map``: providers that are a program's own functions.

They are called as they are: what llmkit does for a call (retries, budgets, prices) is not done for them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, NamedTuple

from ..._io._observe import resolved_sync
from ...errors import InvalidRequestError, LLMKitError
from ...types._model import lenient
from ._answers import (
    EmbeddingResponse,
    ImageResponse,
    ModelResponse,
    ModelResponseStream,
    shaped,
)
from ._settings import setting
from ._streams import CustomStreamWrapper, stream_chunk_builder
from ._telling import finish, pre_call
from .exceptions import APIError

__all__ = ["CustomLLM", "CustomLLMError", "acalled", "called", "handler_of"]


class CustomLLMError(Exception):
    """What a custom provider raises: a status and a message. The caller gets an ``APIError`` of both."""

    def __init__(self, status_code: int, message: str) -> None:
        super().__init__(message)
        self.status_code, self.message = status_code, message


class CustomLLM:
    """A provider of one's own. A method that is not there raises ``CustomLLMError``.

    They are called with keywords: ``model``, ``messages`` (``input``, ``prompt``), ``model_response``,
    ``optional_params``, ``litellm_params``, ``api_key``, ``api_base``, ``headers``, ``timeout``, ``logging_obj``,
    ``print_verbose``, ``custom_prompt_dict``, ``encoding``, ``logger_fn``, ``acompletion``, ``client``.
    """

    def completion(self, *args: Any, **kwargs: Any) -> Any:
        """A chat's answer."""
        raise CustomLLMError(500, "Not implemented yet!")

    def streaming(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """Its pieces: dicts of ``text``, ``is_finished``, ``finish_reason``, ``usage``, ``index``, ``tool_use``."""
        raise CustomLLMError(500, "Not implemented yet!")

    async def acompletion(self, *args: Any, **kwargs: Any) -> Any:
        """``completion`` for async code."""
        raise CustomLLMError(500, "Not implemented yet!")

    def astreaming(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        """``streaming`` for async code."""
        raise CustomLLMError(500, "Not implemented yet!")

    def embedding(self, *args: Any, **kwargs: Any) -> Any:
        """Vectors of texts."""
        raise CustomLLMError(500, "Not implemented yet!")

    async def aembedding(self, *args: Any, **kwargs: Any) -> Any:
        """``embedding`` for async code."""
        raise CustomLLMError(500, "Not implemented yet!")

    def image_generation(self, *args: Any, **kwargs: Any) -> Any:
        """Pictures."""
        raise CustomLLMError(500, "Not implemented yet!")

    async def aimage_generation(self, *args: Any, **kwargs: Any) -> Any:
        """``image_generation`` for async code."""
        raise CustomLLMError(500, "Not implemented yet!")


class _Found(NamedTuple):
    handler: Any
    provider: str
    model: str
    arguments: dict[str, Any]


def handler_of(arguments: Mapping[str, Any]) -> _Found | None:
    """Whose call it is, where a custom provider's."""
    handlers = {
        row["provider"]: row["custom_handler"] for row in setting("custom_provider_map") or ()
    }
    if not handlers:
        return None
    model = str(arguments.get("model") or "")
    told = arguments.get("custom_llm_provider")
    provider, _, name = (told, "", model) if told else model.partition("/")
    if provider not in handlers:
        return None
    return _Found(handlers[provider], provider, name.removeprefix(f"{provider}/"), dict(arguments))


_EMPTY: dict[str, Callable[[], Any]] = {
    "completion": ModelResponse,
    "embedding": EmbeddingResponse,
    "image_generation": ImageResponse,
}


def _keywords(made: Any) -> dict[str, Any]:
    """What a custom provider's method is called with."""
    if made.name not in _EMPTY:
        raise InvalidRequestError(f"a custom provider cannot be asked for {made.name}")
    found, record = made.custom, made.record
    given = found.arguments
    subject = {key: given[key] for key in ("messages", "input", "prompt") if key in given}
    return {
        "model": found.model,
        **subject,
        "model_response": _EMPTY[made.name](),
        "optional_params": record.kwargs["optional_params"],
        "litellm_params": record.kwargs["litellm_params"],
        "api_key": given.get("api_key"),
        "api_base": given.get("api_base") or given.get("base_url"),
        "headers": given.get("extra_headers") or given.get("headers") or {},
        "timeout": given.get("timeout"),
        "logging_obj": record,
        "print_verbose": lambda *_: None,
        "custom_prompt_dict": {},
        "encoding": None,
        "logger_fn": given.get("logger_fn"),
        "acompletion": record.awaited,
        "client": given.get("client"),
    }


def called(made: Any) -> Any:
    """Ask a custom provider."""
    keywords, record, found = _keywords(made), made.record, made.custom
    streams = record.kwargs["stream"]
    resolved_sync(pre_call(record, found.provider, found.model, keywords["api_base"] or ""))
    try:
        if streams:
            pieces = found.handler.streaming(**keywords)
            return CustomStreamWrapper(_pieces(pieces, made), found.model, record, found.provider)
        answer = _named(getattr(found.handler, made.name)(**keywords), found)
    except Exception as error:
        raise _failed(error, found) from error
    resolved_sync(finish(record, answer, None))
    return answer


async def acalled(made: Any) -> Any:
    """``called`` for async code."""
    keywords, record, found = _keywords(made), made.record, made.custom
    await _wait(pre_call(record, found.provider, found.model, keywords["api_base"] or ""))
    try:
        if record.kwargs["stream"]:
            pieces = found.handler.astreaming(**keywords)
            return CustomStreamWrapper(_apieces(pieces, made), found.model, record, found.provider)
        answer = _named(await getattr(found.handler, f"a{made.name}")(**keywords), found)
    except Exception as error:
        raise _failed(error, found) from error
    await _wait(finish(record, answer, None))
    return answer


def _named(answer: Any, found: _Found) -> Any:
    made = shaped(answer)
    if isinstance(made, ModelResponse):
        made.model = made.model or found.model
        made._hidden_params["custom_llm_provider"] = found.provider  # noqa: SLF001 - LiteLLM's name for it
    return made


def _failed(error: Exception, found: _Found) -> LLMKitError:
    if isinstance(error, LLMKitError):
        return error
    status = getattr(error, "status_code", 500)
    return APIError(status, str(error), found.provider, found.model)


def _pieces(pieces: Iterator[Any], made: Any) -> Iterator[ModelResponseStream]:
    came: list[ModelResponseStream] = []
    try:
        for piece in pieces:
            came.append(_piece(piece, made))
            yield came[-1]
    except Exception as error:
        failure = _failed(error, made.custom)
        resolved_sync(finish(made.record, None, failure))
        raise failure from error
    resolved_sync(finish(made.record, _whole(came), None))


async def _apieces(pieces: AsyncIterator[Any], made: Any) -> AsyncIterator[ModelResponseStream]:
    came: list[ModelResponseStream] = []
    try:
        async for piece in pieces:
            came.append(_piece(piece, made))
            yield came[-1]
    except Exception as error:
        failure = _failed(error, made.custom)
        await _wait(finish(made.record, None, failure))
        raise failure from error
    await _wait(finish(made.record, _whole(came), None))


def _piece(piece: Any, made: Any) -> ModelResponseStream:
    """LiteLLM's plain dict as a chunk; a chunk stays what it is."""
    if not isinstance(piece, Mapping):
        return shaped(piece)  # type: ignore[no-any-return]
    delta: dict[str, Any] = {"content": piece.get("text") or None}
    if tool := piece.get("tool_use"):
        delta["tool_calls"] = [tool]
    finish_reason = piece.get("finish_reason") or "stop" if piece.get("is_finished") else None
    choice = {"index": piece.get("index") or 0, "delta": delta, "finish_reason": finish_reason}
    data = {"id": made.record.id, "model": made.custom.model, "choices": [choice]}
    if usage := piece.get("usage"):
        data["usage"] = usage if isinstance(usage, Mapping) else dict(usage)
    return lenient(ModelResponseStream, data)


def _whole(came: list[ModelResponseStream]) -> Any:
    return stream_chunk_builder(came)


async def _wait(waiting: Any) -> None:
    if waiting is not None:
        await waiting
