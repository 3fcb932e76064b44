"""Anthropic's Messages: ``/v1/messages`` and ``/v1/messages/count_tokens``.

Source: https://platform.claude.com/docs/en/api/messages and …/api/messages-count-tokens, read 2026-11-23.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from anyio.to_thread import run_sync
from starlette.routing import BaseRoute, Route

from ..._json import dump
from ...errors import (
    APIError,
    ConfigurationError,
    NoDeploymentError,
    NotFoundError,
    UnknownModelError,
    UnknownProviderError,
)
from ...fronts import Asked
from ...types.messages import MessagesModelParams
from ..failure import Refused
from . import formats
from .beside import wrong
from .containers import Noted, in_message, runs_code
from .exchange import Endpoint, Exchange, told, written

if TYPE_CHECKING:
    from ...types.listing import TokenCount
    from ..gateway import Gateway

__all__ = ["counted", "routes"]

_OF_MESSAGES: Final = frozenset(MessagesModelParams.__annotations__)
_BETA: Final = "anthropic-beta"


def routes(gateway: Gateway) -> list[BaseRoute]:
    """Its paths."""
    found: list[BaseRoute] = []
    for work, name in ((create, "/messages"), (count, "/messages/count_tokens")):
        endpoint = Endpoint(gateway, work, error=_error)
        # The last one is for clients that are told of an address with a path of Anthropic's own.
        found += [
            Route(path, endpoint, methods=["POST"])
            for path in (f"/v1{name}", name, f"/anthropic/v1{name}")
        ]
    return found


def _error(failure: APIError) -> tuple[int, dict[str, Any]]:
    return formats.messages.error(failure)


class _Teller:
    """A stream of its events."""

    def __init__(self, http_id: str | None) -> None:
        self._http_id = http_id

    def piece(self, chunk: Any) -> bytes:
        """An event under its name."""
        kind = str(chunk.type).encode()
        return b"event: " + kind + b"\ndata: " + written(chunk) + b"\n\n"

    def last(self) -> bytes:
        """Its last event was the end."""
        return b""

    def failed(self, refused: Refused) -> bytes:
        """The error, as an event."""
        return formats.messages.frame(told(refused, _error, self._http_id))


async def create(exchange: Exchange) -> None:
    """``POST /v1/messages``."""
    model, streams, calls = exchange.model(), exchange.streams, exchange.gateway.calls
    params = _params(exchange)
    messages = params.pop("messages")
    containers = Noted(exchange, model) if runs_code(exchange.fields) else None
    with exchange.around("anthropic_messages", model):
        answer = await calls.amessages(model, messages, stream=streams, **params)
    if streams:
        http_id = exchange.connection.scope["state"].get("http_id")
        await exchange.relay(answer, _Teller(http_id), noted=_noted(answer, containers))
    else:
        if containers:
            await containers.note(answer, in_message(answer.to_dict()))
        await exchange.tell(answer, written(answer))


def _noted(answer: Any, containers: Noted | None) -> Callable[[Any], Awaitable[None]] | None:
    if containers is None:
        return None

    async def noted(chunk: Any) -> None:
        if chunk.type in _NAMING:
            await containers.note(answer, in_message(chunk.to_dict()))

    return noted


_NAMING: Final = frozenset({"message_start", "message_delta"})


def _params(exchange: Exchange) -> dict[str, Any]:
    given = {name: value for name, value in exchange.fields.items() if value is not None}
    if not isinstance(given.get("messages"), list) or not given["messages"]:
        raise wrong("messages must be a list that is not empty", "messages")
    metadata = given.pop("metadata", None) or {}
    if "user_id" in metadata:
        # What else stands there is for the request log.
        given["metadata"] = {"user_id": metadata["user_id"]}
    native = given.keys() - _OF_MESSAGES - {"messages"}
    if native:
        given["extra_body"] = {name: given.pop(name) for name in native}
    beta = exchange.connection.headers.get(_BETA)
    if beta:
        given["extra_headers"] = {_BETA: beta}
    return {**given, **exchange.beside.options}


async def count(exchange: Exchange) -> None:
    """``POST /v1/messages/count_tokens``."""
    model = exchange.model()
    asked = formats.messages.read({**exchange.fields, "model": model})
    with exchange.around("acount_tokens", model):
        number = await counted(exchange, model, asked)
    await exchange.line.whole(dump({"input_tokens": number}))


async def counted(exchange: Exchange, model: str, asked: Asked) -> int:
    """How many tokens a prompt has: by the provider, or as it is counted here where that one counts none."""
    calls, options = exchange.gateway.calls, exchange.beside.options
    try:
        told: TokenCount = await calls.acount_tokens(
            model, asked.messages, **asked.params, **options
        )
    except (ConfigurationError, NoDeploymentError, NotFoundError) as error:
        if isinstance(error, UnknownModelError | UnknownProviderError):
            raise
    else:
        return told.input_tokens
    known = {name: asked.params[name] for name in _COUNTED & asked.params.keys()}
    name = calls.route(model).deployment.model
    return int(await run_sync(partial(calls.token_counter, name, asked.messages, **known)))


_COUNTED: Final = frozenset({"tools", "tool_choice", "response_format"})
