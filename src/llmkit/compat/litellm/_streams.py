"""``CustomStreamWrapper``: a stream as LiteLLM hands it out, of either colour; and chunks put together again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Self

from typing_extensions import override

from ..._fold import fold
from ...errors import LLMKitError
from ...types.chat import ChatCompletionChunk
from ._answers import hidden_params, piece_of, shaped
from ._hooks import apiece, of_stream, piece
from ._settings import setting
from .exceptions import adopted

__all__ = ["CustomStreamWrapper", "raised", "stream_chunk_builder"]


class CustomStreamWrapper:
    """A streamed answer: ``for chunk in stream``, or ``async for`` where it came from async code, never both.

    ``chunks`` are those that came, ``response_uptil_now`` their text, ``completion_stream`` is what they are read
    from: an ``llmkit.Stream``, which knows ``usage`` and ``cost`` once it has ended.
    """

    def __new__(cls, completion_stream: Any = None, *_: Any, **__: Any) -> Self:
        """One of either colour, by what it is read from: libraries ask which by looking for the methods."""
        if cls is CustomStreamWrapper:
            kind = _Awaiting if hasattr(completion_stream, "__anext__") else _Blocking
            return object.__new__(kind)  # type: ignore[return-value]
        return object.__new__(cls)

    def __init__(
        self,
        completion_stream: Any,
        model: str | None = None,
        logging_obj: Any = None,
        custom_llm_provider: str | None = None,
        **_: Any,
    ) -> None:
        self.completion_stream, self.model = completion_stream, model
        self.logging_obj, self.custom_llm_provider = logging_obj, custom_llm_provider
        self.chunks: list[Any] = []
        self.response_uptil_now = ""
        self.received_finish_reason: str | None = None
        self._told, self._changing = of_stream(logging_obj)

    @property
    def _hidden_params(self) -> dict[str, Any]:
        """How it came about; its cost is known once it has ended."""
        call = getattr(self.completion_stream, "call", None)
        return {} if call is None else hidden_params(call, self._cost())

    @property
    def _response_headers(self) -> Any:
        """The headers of the provider's answer."""
        return getattr(getattr(self.completion_stream, "call", None), "headers", {})

    def _kept(self, chunk: Any) -> Any:
        piece = piece_of(chunk)
        self.chunks.append(piece)
        if choices := getattr(piece, "choices", None):
            delta = getattr(choices[0], "delta", None)
            self.response_uptil_now += getattr(delta, "content", None) or ""
            self.received_finish_reason = choices[0].finish_reason or self.received_finish_reason
        usage = getattr(piece, "usage", None)
        if usage is not None and setting("include_cost_in_streaming_usage"):
            total = getattr(self._cost(), "total", None)
            usage.cost = None if total is None else float(total)
        return piece

    def _cost(self) -> Any:
        try:
            return self.completion_stream.cost
        except (LLMKitError, AttributeError):
            return None

    @override
    def __repr__(self) -> str:
        return f"<CustomStreamWrapper of {self.completion_stream!r}>"


class _Blocking(CustomStreamWrapper):
    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            chunk = self._kept(next(self.completion_stream))
        except LLMKitError as error:
            raise raised(error) from error.__cause__ or getattr(self.logging_obj, "failure", None)
        if self._told:
            piece(self.logging_obj, chunk, self._told)
        return chunk

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop here: the provider's answer is closed, and what came is settled."""
        self.completion_stream.close()


class _Awaiting(CustomStreamWrapper):
    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        try:
            chunk = self._kept(await anext(self.completion_stream))
        except LLMKitError as error:
            raise raised(error) from error.__cause__ or getattr(self.logging_obj, "failure", None)
        if self._told or self._changing:
            return await apiece(self.logging_obj, chunk, self._told, self._changing)
        return chunk

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop here: the provider's answer is closed, and what came is settled."""
        await self.completion_stream.aclose()


# Whoever prints one sees LiteLLM's name.
for _colour in (_Blocking, _Awaiting):
    _colour.__name__ = _colour.__qualname__ = "CustomStreamWrapper"


def raised(error: LLMKitError) -> LLMKitError:
    """An error as this layer raises it."""
    if not setting("openai_errors"):
        return adopted(error)
    from ..openai_errors import also_openais  # noqa: PLC0415 - only where it was asked for

    return also_openais(adopted(error))


def stream_chunk_builder(
    chunks: Sequence[Any],
    messages: Any = None,
    start_time: Any = None,
    end_time: Any = None,
    logging_obj: Any = None,
    count_prompt_tokens: Any = None,
) -> Any:
    """The whole answer of a stream's chunks; ``None`` of none. The others are taken for LiteLLM's sake.

    Usage that no chunk has is not made up, so that ``messages`` are not counted.
    """
    if not chunks:
        return None
    pieces = [_plain(chunk) for chunk in chunks]
    made = fold(pieces)
    return shaped(made)


def _plain(chunk: Any) -> ChatCompletionChunk:
    data = chunk if isinstance(chunk, dict) else chunk.model_dump()
    return ChatCompletionChunk.model_validate(data)
