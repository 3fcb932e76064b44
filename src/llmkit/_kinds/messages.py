"""Anthropic's Messages API's calls: ``messages`` and ``amessages``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from typing_extensions import Unpack

from .._control.plan import Kind
from .._core import Core
from ..errors import InvalidRequestError

if TYPE_CHECKING:
    from .._io.aio_stream import AsyncStream
    from .._io.sync_stream import Stream
    from ..types.messages import MessageEvent, MessageResponse, MessagesParams

__all__ = ["MESSAGES", "Messages", "MessagesCalls"]

MESSAGES = Kind("messages", "messages", "_calls:MessagesCall", "types.messages:MessagesModelParams")


class MessagesCalls(Core):
    """Anthropic's Messages API: natively where the provider speaks it, over its chat elsewhere."""

    @property
    def messages(self) -> Messages:
        """Ask a model in the form of Anthropic's Messages API: ``client.messages(model, messages, …)``.

        ``client.messages.create`` is the same, as the anthropic SDK has it.
        """
        # Made anew each time: kept, it would be a cycle, and a client would not be freed when it is let go.
        return Messages(self)

    @overload
    async def amessages(
        self,
        model: str,
        messages: Sequence[Any],
        *,
        stream: Literal[False] | None = None,
        **params: Unpack[MessagesParams],
    ) -> MessageResponse: ...
    @overload
    async def amessages(
        self,
        model: str,
        messages: Sequence[Any],
        *,
        stream: Literal[True],
        **params: Unpack[MessagesParams],
    ) -> AsyncStream[MessageEvent, MessageResponse]: ...
    @overload
    async def amessages(
        self,
        model: str,
        messages: Sequence[Any],
        *,
        stream: bool | None,
        **params: Unpack[MessagesParams],
    ) -> MessageResponse | AsyncStream[MessageEvent, MessageResponse]: ...
    async def amessages(
        self,
        model: str,
        messages: Sequence[Any],
        *,
        stream: bool | None = None,
        **params: Unpack[MessagesParams],
    ) -> MessageResponse | AsyncStream[MessageEvent, MessageResponse]:
        """``messages`` for async code, on asyncio or trio.

        Args:
            model: ``provider/model``, such as ``"openai/gpt-4o-mini"``.
            messages: the conversation, in Anthropic's form.
            stream: whether to return a stream of events instead of the whole answer.
            **params: see ``llmkit.types.MessagesParams``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        subject = {"messages": _plain(messages)}
        if stream:
            return await self._astream(MESSAGES, model, subject, params)
        answer: MessageResponse = await self._arun(MESSAGES, model, subject, params)
        return answer


class Messages:
    """``client.messages``: a call, and what the anthropic SDK has under that name."""

    def __init__(self, client: MessagesCalls) -> None:
        self._run, self._stream = client._run, client._stream  # noqa: SLF001 - a part of the client
        self.acreate = client.amessages

    @overload
    def create(
        self,
        model: str,
        messages: Sequence[Any],
        *,
        stream: Literal[False] | None = None,
        **params: Unpack[MessagesParams],
    ) -> MessageResponse: ...
    @overload
    def create(
        self,
        model: str,
        messages: Sequence[Any],
        *,
        stream: Literal[True],
        **params: Unpack[MessagesParams],
    ) -> Stream[MessageEvent, MessageResponse]: ...
    @overload
    def create(
        self,
        model: str,
        messages: Sequence[Any],
        *,
        stream: bool | None,
        **params: Unpack[MessagesParams],
    ) -> MessageResponse | Stream[MessageEvent, MessageResponse]: ...
    def create(
        self,
        model: str,
        messages: Sequence[Any],
        *,
        stream: bool | None = None,
        **params: Unpack[MessagesParams],
    ) -> MessageResponse | Stream[MessageEvent, MessageResponse]:
        """Ask a model in the form of Anthropic's Messages API.

        Args:
            model: ``provider/model``, such as ``"anthropic/claude-haiku-4-5"``.
            messages: the conversation; the content of earlier answers fits as it is.
            stream: whether to return a ``Stream`` of events instead of the whole answer.
            **params: see ``llmkit.types.MessagesParams``; ``max_tokens`` may be left out.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        subject = {"messages": _plain(messages)}
        if stream:
            return self._stream(MESSAGES, model, subject, params)
        answer: MessageResponse = self._run(MESSAGES, model, subject, params)
        return answer

    __call__ = create


def _plain(given: Any) -> list[Any]:
    """The turns as dicts: an answer, and the blocks of one, fit as they are."""
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Sequence):
        raise InvalidRequestError(
            "messages must be a list of messages such as {'role': 'user', 'content': …}",
            param="messages",
        )
    return [_turn(message) for message in given]


def _turn(message: Any) -> Any:
    if not isinstance(message, Mapping) and hasattr(message, "content"):
        message = {"role": message.role, "content": message.content}
    content = message.get("content") if isinstance(message, Mapping) else None
    if not isinstance(content, list | tuple):
        return message
    return {**message, "content": [_block(block) for block in content]}


def _block(block: Any) -> Any:
    dump = getattr(block, "to_dict", None)
    return block if isinstance(block, Mapping) or dump is None else dump()
