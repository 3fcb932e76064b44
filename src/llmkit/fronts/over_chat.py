"""A front's calls over a chat wire: whoever can chat answers them. Pure, as any wire; one class for every front.

``OverChat(front, wire, …)`` reads the call by the front, has the chat wire write it, and tells the answer in the
front's form. What only the front's own API knows is refused, or listed where the caller wants it dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .._call import Adjustment, Call, ChatCall
from .._http import Endpoint, HTTPRequest, HTTPResponse
from ..errors import APIError, InvalidRequestError
from ..types._model import lenient
from ..types.answer import Answer
from ..types.chat import ChatCompletion
from ..types.messages import MessageEvent, MessageResponse
from ..types.responses import Response, ResponseEvent
from ..types.usage import Usage
from ..wires import ChatWire, Steps
from ..wires._params import Ledger
from ..wires.anthropic_messages import AnthropicMessages
from ..wires.anthropic_messages.native import NativeMessages
from . import Asked, messages, responses

__all__ = ["OverChat", "OverChatDecoder", "messages_over", "responses_over"]

Typed = Callable[[Mapping[str, Any], Usage | None], Answer]


def _response(data: Mapping[str, Any], usage: Usage | None) -> Response:
    made = lenient(Response, data)
    made.count(usage)
    return made


def _message(data: Mapping[str, Any], usage: Usage | None) -> MessageResponse:
    made = lenient(MessageResponse, data)
    made.count(usage)
    return made


@dataclass(frozen=True, slots=True)
class OverChat:
    """A wire for one front's calls, on top of a chat wire."""

    front: Any
    """The front's module."""
    wire: ChatWire
    subject: str
    """The call's field that is not a parameter, as call and request name it."""
    typed: Typed
    event: type[Any]

    def build(self, call: Any, to: Endpoint) -> HTTPRequest:
        """Write the call as a chat's. Raises ``InvalidRequestError`` or ``UnsupportedParamsError``."""
        return self.wire.build(self._chat(call, self._asked(call)), to)

    def parse(self, call: Any, response: HTTPResponse) -> Answer:
        """Read an answer. Raises an ``APIError``."""
        asked = self._asked(call)
        return self._told(asked, self.wire.parse(self._chat(call, asked), response))

    def decoder(self, call: Any) -> OverChatDecoder:
        """A decoder for one stream, whose events are the front's."""
        asked = self._asked(call)
        return OverChatDecoder(self, asked, self.wire.decoder(self._chat(call, asked)))

    def error(self, call: Any, response: HTTPResponse) -> APIError:
        """Read an error."""
        return self.wire.error(self._chat(call, self._asked(call)), response)

    @property
    def steps(self) -> Callable[[Any, Endpoint], Steps] | None:
        """The chat wire's several requests, where it takes several; the answer they end in is the front's."""
        return None if getattr(self.wire, "steps", None) is None else self._steps

    def _steps(self, call: Any, to: Endpoint) -> Steps:
        asked = self._asked(call)
        wire: Any = self.wire
        completion = yield from wire.steps(self._chat(call, asked), to)
        return self._told(asked, completion)

    def _told(self, asked: Asked, completion: ChatCompletion) -> Answer:
        return self.typed(self.front.write(completion, asked), completion.usage)

    def _asked(self, call: Any) -> Asked:
        body = {"model": call.model, self.subject: getattr(call, self.subject), **call.params}
        try:
            asked: Asked = self.front.read(body)
        except InvalidRequestError as error:
            error.provider, error.model = call.provider, call.model
            raise
        return asked

    def _chat(self, call: Call, asked: Asked) -> ChatCall:
        """The call in the internal form."""
        ledger = Ledger(call)
        extra = dict(call.extra_body)
        for name, value in asked.native.items():
            if name in call.allowed:
                extra.setdefault(name, value)
            else:
                ledger.refuse(name, value, "only the API that the call is in the form of has it")
        ledger.settle()
        params, changed = _fitting(self.wire, asked.params)
        return ChatCall(
            id=call.id,
            provider=call.provider,
            model=call.model,
            messages=asked.messages,
            params=params,
            stream=call.stream,
            extra_body=extra,
            extra_headers=call.extra_headers,
            drop_params=call.drop_params,
            allowed=call.allowed,
            catalogue=call.catalogue,
            adjustments=(*call.adjustments, *asked.adjustments, *ledger.adjustments, *changed),
        )


class OverChatDecoder:
    """A chat decoder whose chunks are told as a front's events."""

    def __init__(self, wire: OverChat, asked: Asked, chat: Any) -> None:
        self._wire, self._chat = wire, chat
        self._events = wire.front.events(asked)
        self.done = False

    def feed(self, data: bytes) -> Iterator[Any]:
        """Take bytes, cut anywhere."""
        for chunk in self._chat.feed(data):
            yield from self._told(chunk)
        if self._chat.done and not self.done:
            yield from self._last()

    def finish(self) -> Iterator[Any]:
        """The bytes have ended. Raises where that was too early."""
        for chunk in self._chat.finish():
            yield from self._told(chunk)
        if not self.done:
            yield from self._last()

    def _told(self, chunk: Any) -> Iterator[Any]:
        for event in self._events.add(chunk):
            yield lenient(self._wire.event, event)

    def _last(self) -> Iterator[Any]:
        # All of these belong to the end: readers stop at the last one.
        self.done = True
        for event in self._events.finish():
            yield lenient(self._wire.event, event)

    def result(self) -> Answer:
        """The answer as far as it has come."""
        return self._wire.typed(self._events.result(), self._events.usage)


_EFFORTS = ((1024, "minimal"), (4096, "low"), (16384, "medium"))


def _fitting(
    wire: ChatWire, params: Mapping[str, Any]
) -> tuple[Mapping[str, Any], tuple[Adjustment, ...]]:
    """The parameters as this wire takes them: one that knows no ``thinking`` may know an effort."""
    thinking = params.get("thinking")
    refused: frozenset[str] = getattr(wire, "refused", frozenset())
    if not isinstance(thinking, Mapping) or "thinking" not in refused:
        return params, ()
    rest = {name: value for name, value in params.items() if name != "thinking"}
    effort = None if "reasoning_effort" in refused else _effort(thinking)
    if effort is not None:
        rest.setdefault("reasoning_effort", effort)
        why = "the provider takes a level, not a number of tokens"
        return rest, (Adjustment("thinking", "renamed", dict(thinking), effort, why),)
    if thinking.get("type") == "disabled":
        why = "the provider cannot be told not to think"
        return rest, (Adjustment("thinking", "dropped", dict(thinking), None, why),)
    return params, ()


def _effort(thinking: Mapping[str, Any]) -> str | None:
    if thinking.get("type") == "adaptive":
        return "medium"
    budget = thinking.get("budget_tokens")
    if thinking.get("type") != "enabled" or not isinstance(budget, int):
        return None
    return next((level for most, level in _EFFORTS if budget <= most), "high")


_NATIVE = frozenset({"top_k", "service_tier", "thinking", "tools", "tool_choice", "metadata"})
"""Parameters that chat and this form call by one name: what a host refuses of chat, it refuses here."""


def responses_over(wire: ChatWire) -> OverChat:
    """Responses calls over a chat wire."""
    return OverChat(responses, wire, "input", _response, ResponseEvent)


def messages_over(wire: ChatWire) -> OverChat | NativeMessages:
    """Messages calls over a chat wire; one that speaks Anthropic's own form anyway takes them as they are."""
    if isinstance(wire, AnthropicMessages):
        return NativeMessages(wire.refused & _NATIVE, wire.hosted, wire.default_max_tokens)
    return OverChat(messages, wire, "messages", _message, MessageEvent)
