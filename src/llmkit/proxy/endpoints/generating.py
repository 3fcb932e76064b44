"""Gemini's generateContent, streamGenerateContent and countTokens.

Source: https://ai.google.dev/api/generate-content and …/api/tokens, read 2026-11-23. The model and what is wanted of it
are in the address, and a key may be, too (``?key=``). Without ``alt=sse`` a stream is one JSON list, sent as it grows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from starlette.routing import BaseRoute, Route
from typing_extensions import override

from ... import providers
from ..._json import dump
from ...errors import APIError
from ...fronts import Asked
from ..failure import Refused
from . import formats
from .beside import wrong
from .exchange import Endpoint, Exchange, told
from .messages import counted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..gateway import Gateway

__all__ = ["routes"]

_JSON: Final = {"content-type": "application/json; charset=utf-8"}


def routes(gateway: Gateway) -> list[BaseRoute]:
    """Its paths: Google's, and those below a path of their own, for clients that are told of an address."""
    endpoint = Endpoint(gateway, _asked_for, error=_error, key="key")
    return [
        Route(f"{before}/{version}/models/{{named:path}}:{{action}}", endpoint, methods=["POST"])
        for before in ("", "/gemini")
        for version in ("v1beta", "v1", "v1alpha")
    ]


def _error(failure: APIError) -> tuple[int, dict[str, Any]]:
    return formats.generate_content.error(failure)


async def _asked_for(exchange: Exchange) -> None:
    action = exchange.path["action"]
    work = _ACTIONS.get(action)
    if work is None:
        known = ", ".join(_ACTIONS)
        raise Refused(404, f"models have no {action[:80]!r} here: {known}", "not_found_error")
    await work(exchange)


async def generate(exchange: Exchange) -> None:
    """``:generateContent``."""
    await _generate(exchange, streams=False)


async def stream(exchange: Exchange) -> None:
    """``:streamGenerateContent``."""
    await _generate(exchange, streams=True)


async def _generate(exchange: Exchange, *, streams: bool) -> None:
    model, calls = exchange.model(exchange.path["named"]), exchange.gateway.calls
    asked = formats.generate_content.read(exchange.fields, model=model, stream=streams)
    params = {**_params(exchange, asked), **exchange.beside.options}
    if streams:
        params["stream_options"] = {"include_usage": True}
    with exchange.around("agenerate_content", model):
        answer = await calls.acompletion(model, asked.messages, stream=streams, **params)
    if streams:
        listed = exchange.connection.query_params.get("alt") != "sse"
        teller = _Listed(asked) if listed else _Teller(asked)
        await exchange.relay(answer, teller, _JSON if listed else {})
    else:
        await exchange.tell(answer, dump(formats.generate_content.write(answer, asked)))


def _params(exchange: Exchange, asked: Asked) -> dict[str, Any]:
    """What chat knows; and what Gemini alone knows, where a Gemini answers."""
    params = dict(asked.params)
    # Labels are for the bill of who pays the provider.
    params.pop("metadata", None)
    if not asked.native:
        return params
    if _speaks_it(exchange, asked):
        return {**params, "extra_body": dict(asked.native)}
    if not exchange.beside.options.get("drop_params"):
        name = next(iter(asked.native))
        raise wrong(f"{name} is Gemini's own: the model that is asked for is another one's", name)
    return params


def _speaks_it(exchange: Exchange, asked: Asked) -> bool:
    """Whether who would be asked is asked in this very form."""
    decision = exchange.gateway.calls.route(asked.model, asked.messages)
    provider, _, name = decision.deployment.model.partition("/")
    found = providers.get(provider).family_of(name)
    from ...wires.gemini import Gemini  # noqa: PLC0415 - the front has loaded it by now

    return isinstance(found.chat, Gemini)


class _Teller:
    """A stream of events."""

    def __init__(self, asked: Asked) -> None:
        self._events = formats.generate_content.events(asked)

    def piece(self, chunk: Any) -> bytes:
        """What a chunk makes known."""
        return self._told(self._events.add(chunk))

    def last(self) -> bytes:
        """What is left to say."""
        return self._told(self._events.finish())

    def failed(self, refused: Refused) -> bytes:
        """The error, as an event."""
        return self._told([told(refused, _error)])

    def _told(self, events: Any) -> bytes:
        return b"".join(map(formats.generate_content.frame, events))


class _Listed(_Teller):
    """A stream as one list."""

    def __init__(self, asked: Asked) -> None:
        super().__init__(asked)
        self._before = b"["

    @override
    def last(self) -> bytes:
        """What is left to say, and the list's end."""
        return (super().last() or self._opened()) + b"]"

    @override
    def failed(self, refused: Refused) -> bytes:
        """The error, as the last item."""
        return super().failed(refused) + b"]"

    def _opened(self) -> bytes:
        before, self._before = self._before, b""
        return before.strip(b",\r\n")

    @override
    def _told(self, events: Any) -> bytes:
        told = b""
        for event in events:
            told += self._before + dump(event)
            self._before = b",\r\n"
        return told


async def count(exchange: Exchange) -> None:
    """``:countTokens``: of contents, or of a whole request."""
    model = exchange.model(exchange.path["named"])
    fields = exchange.fields
    whole = fields.get("generateContentRequest", fields.get("generate_content_request", fields))
    if not isinstance(whole, Mapping):
        raise wrong("generateContentRequest must be an object", "generateContentRequest")
    asked = formats.generate_content.read(whole, model=model)
    asked.params.pop("metadata", None)
    with exchange.around("acount_tokens", model):
        number = await counted(exchange, model, asked)
    await exchange.line.whole(dump({"totalTokens": number}))


_ACTIONS: Final[Mapping[str, Callable[[Exchange], Awaitable[None]]]] = {
    "generateContent": generate,
    "streamGenerateContent": stream,
    "countTokens": count,
}
