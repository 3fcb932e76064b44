"""OpenAI's Responses: asking, and what is done with answers that a provider keeps.

Source: https://platform.openai.com/docs/api-reference/responses, read 2026-11-23. All keys share the provider's
account, so whose an answer is has to be known here: nobody is shown, or may go on from, what another one asked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from starlette.routing import BaseRoute, Route

from ... import providers
from ..._json import dump
from ...types.responses import ResponsesModelParams, StoredModelParams
from ..failure import Refused
from . import formats, kept, places
from .beside import wrong
from .containers import Noted, in_response, runs_code
from .exchange import Endpoint, Exchange, written
from .messages import counted

if TYPE_CHECKING:
    from ...types._model import Model
    from ..gateway import Gateway

__all__ = ["routes"]

_OF_RESPONSES: Final = frozenset(ResponsesModelParams.__annotations__) - {"text_format"}
_CREATED: Final = "response.created"


def routes(gateway: Gateway) -> list[BaseRoute]:
    """Its paths."""
    found: list[BaseRoute] = []
    for prefix in ("/v1", "", "/openai/v1", "/openai"):
        start = f"{prefix}/responses"
        one = f"{start}/{{response_id}}"
        for path, method, work in (
            (start, "POST", create),
            (f"{start}/input_tokens", "POST", count),
            (one, "GET", retrieve),
            (one, "DELETE", delete),
            (f"{one}/cancel", "POST", cancel),
            (f"{one}/input_items", "GET", input_items),
        ):
            bodiless = path.endswith("/cancel")
            endpoint = Endpoint(gateway, work, body=not bodiless)
            found.append(Route(path, endpoint, methods=[method]))
    return found


class _Teller:
    """A stream of its events."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._number = stream, -1

    def piece(self, chunk: Any) -> bytes:
        """An event under its name."""
        if chunk.sequence_number is not None:
            self._number = chunk.sequence_number
        return b"event: " + str(chunk.type).encode() + b"\ndata: " + written(chunk) + b"\n\n"

    def last(self) -> bytes:
        """Its last event was the end."""
        return b""

    def failed(self, refused: Refused) -> bytes:
        """The answer as far as it has come, and why no more of it does."""
        answer = self._stream.response.to_dict()
        code = "rate_limit_exceeded" if refused.status == _LIMITED else "server_error"
        broken = {
            **answer,
            "status": "failed",
            "error": {"code": code, "message": refused.message},
        }
        event = {"type": "response.failed", "sequence_number": self._number + 1, "response": broken}
        return formats.responses.frame(event)


_LIMITED: Final = 429


async def create(exchange: Exchange) -> None:
    """``POST /v1/responses``."""
    model, streams, calls = exchange.model(), exchange.streams, exchange.gateway.calls
    params, given = await _params(exchange), exchange.fields.get("input")
    containers = Noted(exchange, model) if runs_code(exchange.fields) else None
    with exchange.around("aresponses", model):
        answer = await calls.aresponses(given, model, stream=streams, **params)
    keeps = params.get("store") is not False and _kept(answer)
    if streams:

        async def noted(chunk: Any) -> None:
            if keeps and chunk.type == _CREATED:
                await _note(exchange, answer, chunk.response["id"], model)
            if containers and not chunk.type.endswith(".delta"):
                await containers.note(answer, in_response(chunk.to_dict()))

        await exchange.relay(answer, _Teller(answer), noted=noted)
        return
    if keeps:
        await _note(exchange, answer, answer.id, model)
    if containers:
        await containers.note(answer, in_response(answer.to_dict()))
    await exchange.tell(answer, written(answer, "response"))


async def _params(exchange: Exchange) -> dict[str, Any]:
    given = {name: value for name, value in exchange.fields.items() if value is not None}
    given.pop("input", None)
    native = {name: given.pop(name) for name in given.keys() - _OF_RESPONSES}
    if not isinstance(exchange.fields.get("input"), str | list | None):
        raise wrong("input must be a text or a list of items", "input")
    if isinstance(before := given.get("previous_response_id"), str):
        await kept.check_ids(exchange.gateway, exchange.subject, [before])
    extra = {"extra_body": native} if native else {}
    return {**given, **extra, **exchange.beside.options}


def _kept(answer: Any) -> bool:
    """Whether its provider keeps answers: elsewhere ids are made up."""
    return providers.get(answer.call.provider).wire("stored_responses") is not None


async def _note(exchange: Exchange, answer: Any, response_id: str, model: str) -> None:
    """Whose it is; nothing of what it says."""
    there, owner = places.where(exchange.gateway, answer.call), kept.owner_of(exchange.subject)
    told = {"id": response_id}
    await kept.note(exchange.gateway, "response", owner, there, told, [model])


async def count(exchange: Exchange) -> None:
    """``POST /v1/responses/input_tokens``."""
    model = exchange.model()
    asked = formats.responses.read({**exchange.fields, "model": model})
    with exchange.around("acount_tokens", model):
        number = await counted(exchange, model, asked)
    await exchange.line.whole(dump({"object": "response.input_tokens", "input_tokens": number}))


# --- what is done with answers that are kept

_NUMBERS: Final = frozenset({"limit", "starting_after"})
_SWITCHES: Final[Mapping[str, bool]] = {"true": True, "false": False, "1": True, "0": False}
_OF_STORED: Final = frozenset(StoredModelParams.__annotations__)


async def retrieve(exchange: Exchange) -> None:
    """``GET /v1/responses/{id}``; with ``stream=true`` its events."""
    streams = _switch(exchange.connection.query_params.get("stream", "false"), "stream")
    answer = await _about(exchange, "aget_responses", stream=streams)
    if streams:
        await exchange.relay(answer, _Teller(answer))
    else:
        # One that was made in the background has run its code since.
        await Noted(exchange, "").note(answer, in_response(answer.to_dict()))
        await exchange.tell(answer, written(answer, "response"))


async def delete(exchange: Exchange) -> None:
    """``DELETE /v1/responses/{id}``."""
    gone = await _about(exchange, "adelete_responses")
    row = await kept.find(
        exchange.gateway, exchange.subject, "response", exchange.path["response_id"]
    )
    await kept.drop(exchange.gateway, row)
    await exchange.tell(gone, written(gone, "response"))


async def cancel(exchange: Exchange) -> None:
    """``POST /v1/responses/{id}/cancel``."""
    stopped = await _about(exchange, "acancel_responses")
    await exchange.tell(stopped, written(stopped, "response"))


async def input_items(exchange: Exchange) -> None:
    """``GET /v1/responses/{id}/input_items``."""
    page = await _about(exchange, "alist_input_items")
    await exchange.tell(page, written(page, "list"))


async def _about(exchange: Exchange, name: str, **how: Any) -> Any:
    response_id, gateway = exchange.path["response_id"], exchange.gateway
    row = await kept.find(gateway, exchange.subject, "response", response_id)
    call: Callable[..., Awaitable[Model]] = getattr(gateway.calls, name)
    with exchange.around(name, next(iter(row.models), "")):
        return await call(response_id, **places.at(gateway, row), **_asked(exchange), **how)


def _asked(exchange: Exchange) -> dict[str, Any]:
    """What the address says beside."""
    query = exchange.connection.query_params
    asked: dict[str, Any] = {name: query[name] for name in _OF_STORED & query.keys()}
    # The openai SDK writes lists so.
    include = query.getlist("include[]") or query.getlist("include")
    if include:
        asked["include"] = include
    for name in _NUMBERS & asked.keys():
        if not asked[name].isdecimal():
            raise wrong(f"{name} must be a whole number", name)
        asked[name] = int(asked[name])
    if "include_obfuscation" in asked:
        asked["include_obfuscation"] = _switch(asked["include_obfuscation"], "include_obfuscation")
    return asked


def _switch(given: str, name: str) -> bool:
    if given.lower() not in _SWITCHES:
        raise wrong(f"{name} must be true or false", name)
    return _SWITCHES[given.lower()]
