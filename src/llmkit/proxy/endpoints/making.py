"""What the endpoints beside chat share: a request read as far as a call needs it, and how its answer is sent."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from starlette.requests import ClientDisconnect, Request
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from ..._control.attributes import context
from ..._json import dump
from ...fronts._sse import bare, named
from ..errors_of import refused_by
from ..gateway import Gateway
from ..operation.headers import all_of
from ..subject import Subject
from .answering import JSON, Line
from .asking import around, body_of, fields_of, model_of, subject_of
from .beside import Beside, beside_of, wrong

__all__ = [
    "Asked",
    "Endpoint",
    "asked",
    "asked_json",
    "at",
    "known",
    "read",
    "streamed",
    "text",
    "told",
]

Work: TypeAlias = Callable[[Gateway, Request, Line], Awaitable[None]]


@dataclass(slots=True)
class Asked:
    """A request that was let in. ``fields``: what is left for the model; ``model``: empty where none is asked."""

    gateway: Gateway
    request: Request
    subject: Subject
    beside: Beside
    fields: dict[str, Any] = field(default_factory=dict)
    model: str = ""

    def around(self, call_type: str, group: str | None = None) -> context:
        """What its call is made in; ``call_type`` is LiteLLM's word for it."""
        group = self.model if group is None else group
        return around(self.request, self.subject, self.beside, call_type=call_type, group=group)

    async def headers(self, answer: Any, *, ended: bool = True) -> dict[str, str]:
        """What its answer's headers say beside, where the settings ask for that; ``ended``: the cost is known."""
        if not self.gateway.settings.litellm_headers:
            return {}
        cost = answer.cost if ended else None
        return await all_of(self.gateway, self.subject, answer.call, cost, None)

    def keywords(self, *names: Collection[str]) -> dict[str, Any]:
        """The keywords of its call. Raises ``Refused`` (400) for a field that the call does not know."""
        known(self.fields, {name for some in names for name in some})
        return {**self.fields, **self.beside.options}


async def read(gateway: Gateway, request: Request) -> dict[str, Any]:
    """The body as a JSON object. Raises ``Refused``, ``ClientDisconnect``."""
    return fields_of(await body_of(request.receive, gateway.settings.max_body))


def asked(
    gateway: Gateway,
    request: Request,
    subject: Subject,
    fields: dict[str, Any],
    usual: str | None = None,
) -> Asked:
    """A request for a model, which is in its path or in its fields.

    Args:
        gateway: whose settings say what a caller may say.
        request: as it came.
        subject: who asks.
        fields: of its body; what is no field of the model's is taken out.
        usual: the model, where none is named.

    Raises:
        Refused: 400, 403.
    """
    beside = beside_of(request.headers, fields, subject, gateway.settings)
    named = fields.pop("model", None) or usual
    model = model_of(subject, request.path_params.get("model") or named, beside)
    return Asked(gateway, request, subject, beside, fields, model)


async def asked_json(gateway: Gateway, request: Request, usual: str | None = None) -> Asked:
    """``asked`` of a JSON body."""
    subject = await subject_of(gateway, request)
    return asked(gateway, request, subject, await read(gateway, request), usual)


def known(fields: Mapping[str, Any], names: Collection[str]) -> None:
    """Raise ``Refused`` (400) for a field that is none of these."""
    for name in fields:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]}?" if near else "remove it"
            raise wrong(f"there is no field {name[:100]!r} here: {hint}", name[:100])


def text(fields: dict[str, Any], name: str) -> str:
    """A text that must be there; it is taken out. Raises ``Refused`` (400)."""
    value = fields.pop(name, None)
    if not isinstance(value, str) or not value:
        raise wrong(f"{name} is missing, or no text", name)
    return value


class Endpoint:
    """One path's ASGI app.

    Args:
        gateway: whose it is.
        work: reads the request and answers it on the line, which it enters once the body has been read.
    """

    def __init__(self, gateway: Gateway, work: Work) -> None:
        self._gateway, self._work = gateway, work

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; nothing is sent to a client that has gone."""
        with contextlib.suppress(ClientDisconnect):
            line = Line(receive, send, self._gateway.settings.keep_alive)
            await self._work(self._gateway, Request(scope, receive), line)


def at(gateway: Gateway, path: str, work: Work) -> list[BaseRoute]:
    """The routes of calls for a model: with ``/v1``, without, and as Azure has them, with the model in the path."""
    endpoint = Endpoint(gateway, work)
    prefixes = ("/v1", "", "/openai/deployments/{model:path}")
    return [Route(f"{prefix}{path}", endpoint, methods=["POST"]) for prefix in prefixes]


async def told(call: Asked, line: Line, answer: Any) -> None:
    """Send an answer of the library's."""
    await line.whole(dump(answer.to_dict()), {**JSON, **await call.headers(answer)})


async def streamed(call: Asked, line: Line, stream: Any) -> None:
    """Send a stream's events, each under its type's name; where it breaks, what it broke of is the last."""
    async with stream:
        line.open(await call.headers(stream, ended=False))
        try:
            async for event in stream:
                await line.say(named(event.to_dict()))
        except Exception as error:
            if not line.begun:
                raise
            await line.say(bare(refused_by(error).body()))
        await line.end()
