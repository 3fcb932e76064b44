"""One request to a model and its answer, as every front has them: read, checked, asked in its subject's name, told.

What is particular to a front is in its own module; no path and no field's name is known here.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from ..._control.attributes import context
from ..._json import dump
from ...errors import APIError, LLMKitError
from ..data.contents import keep
from ..errors_of import refused_by
from ..failure import Refused
from ..operation.headers import all_of
from ..subject import Subject
from .answering import JSON, Line
from .asking import around, body_of, fields_of, headers_of, model_of, subject_of
from .beside import Beside, beside_of, wrong
from .kept import check_ids, named_in
from .relay import pieces

if TYPE_CHECKING:
    from ..._call import CallInfo
    from ..._cost import Cost
    from ...types._model import Model
    from ..gateway import Gateway

__all__ = ["Endpoint", "Exchange", "Failure", "Teller", "told", "written"]

_log = logging.getLogger("llmkit.proxy")
_NONE: Final[Mapping[str, str]] = MappingProxyType({})
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})


class Failure(Protocol):
    """How a front tells of a failure."""

    def __call__(self, failure: APIError) -> tuple[int, dict[str, Any]]:
        """Its status and body."""


class Teller(Protocol):
    """How a front tells a stream."""

    def piece(self, chunk: Any) -> bytes:
        """What is sent for a chunk; it may be nothing."""

    def last(self) -> bytes:
        """What is sent once all have come."""

    def failed(self, refused: Refused) -> bytes:
        """What is sent once it is known that no more will come."""


@dataclass(slots=True)
class Exchange:
    """A request whose bearer may make it, and the line to its client."""

    gateway: Gateway
    connection: HTTPConnection
    subject: Subject
    fields: dict[str, Any]
    """The body's, without those that are the gateway's."""
    beside: Beside
    line: Line
    began: float
    """By ``time.perf_counter()``."""
    prompt: Any = None
    """What was asked, where the gateway is told to keep it."""

    @property
    def path(self) -> Mapping[str, Any]:
        """What the address says."""
        return self.connection.path_params

    @property
    def streams(self) -> bool:
        """Whether a stream is asked for; the field is taken out. Raises ``Refused`` where it says neither."""
        said = self.fields.pop("stream", None)
        if not isinstance(said, bool | None):
            raise wrong("stream must be true or false", "stream")
        return bool(said)

    def model(self, given: Any = None) -> str:
        """The model that is asked for: by the address, or by the field, which is taken out. Raises ``Refused``."""
        field = self.fields.pop("model", None)
        given = given or self.connection.scope.get("path_params", _NONE).get("model") or field
        return model_of(self.subject, given, self.beside)

    def around(self, call_type: str, group: str = "") -> context:
        """What the call is made in."""
        return around(self.connection, self.subject, self.beside, call_type=call_type, group=group)

    async def tell(self, answer: Any, body: bytes) -> None:
        """Send a whole answer; ``answer`` is what the library gave for it."""
        settings, headers = self.gateway.settings, JSON
        if settings.litellm_headers:
            headers = {**JSON, **await self._headers(answer.call, answer.cost)}
        if settings.log_content:
            await self._keep(answer)
        await self.line.whole(body, headers)

    async def relay(
        self,
        stream: Any,
        teller: Teller,
        headers: Mapping[str, str] = _NONE,
        noted: Callable[[Any], Awaitable[None]] | None = None,
    ) -> None:
        """Send a stream as it comes. A failure before its first piece is raised, a later one is told.

        ``noted`` is called with each chunk before anybody is told of it.
        """
        async with stream:
            told = await self._headers(stream.call)
            self.line.open({**headers, **told}, comments=not headers)
            try:
                if noted is None:
                    as_sent = getattr(teller, "as_sent", False)
                    async for piece in pieces(stream, teller.piece, as_sent=as_sent):
                        await self.line.say(piece)
                else:
                    await self._noted(stream, teller, noted)
                last = teller.last()
            except Exception as error:
                if not self.line.begun:
                    raise
                last = teller.failed(self._broke(error))
        if self.gateway.settings.log_content:
            await self._keep(stream.response)
        if last:
            await self.line.say(last)
        await self.line.end()

    async def _noted(
        self, stream: Any, teller: Teller, noted: Callable[[Any], Awaitable[None]]
    ) -> None:
        async for chunk in stream:
            await noted(chunk)
            if piece := teller.piece(chunk):
                await self.line.say(piece)

    def _broke(self, error: Exception) -> Refused:
        http_id = self.connection.scope.get("state", {}).get("http_id")
        known = error if not isinstance(error, LLMKitError) else None
        _log.warning("stream %s broke off: %s", http_id, type(error).__name__, exc_info=known)
        return refused_by(error)

    async def _headers(self, call: CallInfo, cost: Cost | None = None) -> dict[str, str]:
        if not self.gateway.settings.litellm_headers:
            return {}
        return await all_of(self.gateway, self.subject, call, cost, self.began)

    async def _keep(self, answer: Any) -> None:
        told = {"messages": self.prompt, "response": answer.model_dump(mode="json")}
        try:
            await keep(self.gateway, answer.call.id, told)
        except SQLAlchemyError as error:
            # The answer is paid for: its client gets it.
            _log.error("what call %s said is not kept: %s", answer.call.id, type(error).__name__)


class Endpoint:
    """Answers at a path: an ASGI app.

    Args:
        gateway: whose it is.
        work: makes the call and tells its answer.
        error: how its front tells of a failure; by default in OpenAI's form.
        key: where the request's address may hold a key, its name there.
        body: whether its requests have bodies, where their method is one that has.
    """

    def __init__(
        self,
        gateway: Gateway,
        work: Callable[[Exchange], Awaitable[None]],
        *,
        error: Failure | None = None,
        key: str = "",
        body: bool = True,
    ) -> None:
        self._gateway, self._work, self._error, self._key = gateway, work, error, key
        self._body = body

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer one request."""
        answered = self._answer(HTTPConnection(scope), receive, send)
        return answered if self._error is None else self._spoken(answered, scope)

    async def _spoken(self, answered: Awaitable[None], scope: Scope) -> None:
        try:
            await answered
        except Exception as error:
            if self._error is None or isinstance(error, ClientDisconnect):
                raise
            raise _Spoken(refused_by(error), self._error, scope["state"].get("http_id")) from error

    async def _answer(self, connection: HTTPConnection, receive: Receive, send: Send) -> None:
        began, gateway, settings = perf_counter(), self._gateway, self._gateway.settings
        key = connection.query_params.get(self._key) if self._key else None
        headers = headers_of(connection)
        subject = await subject_of(gateway, connection, key, headers)
        body, fields = await body_of(receive, settings.max_body), dict[str, Any]()
        if self._body and connection.scope["method"] in _WITH_BODY:
            fields = fields_of(body)
            if named := named_in(body, fields, shared=settings.shared_ids):
                await check_ids(gateway, subject, named)
        prompt = _prompt(fields) if settings.log_content else None
        beside = beside_of(headers, fields, subject, settings)
        with Line(receive, send, settings.keep_alive) as line:
            exchange = Exchange(gateway, connection, subject, fields, beside, line, began, prompt)
            await self._work(exchange)
        if line.gone:
            raise ClientDisconnect


def _prompt(fields: Mapping[str, Any]) -> Any:
    """What is asked, by the names that fronts have for it."""
    return next((fields[name] for name in _PROMPTS if name in fields), None)


_PROMPTS: Final = ("messages", "input", "contents", "prompt")


class _Spoken(Refused):
    """A refusal in a front's own form."""

    def __init__(self, refused: Refused, error: Failure, http_id: str | None) -> None:
        told = {"param": refused.param, "code": refused.code, "headers": refused.headers}
        super().__init__(refused.status, refused.message, refused.type, **told)  # type: ignore[arg-type]
        self._error, self._http_id = error, http_id

    @override
    def body(self) -> dict[str, Any]:
        return told(self, self._error, self._http_id)


def told(refused: Refused, error: Failure, http_id: str | None = None) -> dict[str, Any]:
    """A refusal as a front has it."""
    _, body = error(
        APIError(
            refused.message,
            status_code=refused.status,
            type=refused.type,
            param=refused.param,
            code=refused.code,
            request_id=http_id,
        )
    )
    return body


def written(answer: Model, kind: str = "") -> bytes:
    """An answer, or a piece of one, as JSON: what the provider sent, with the ``object`` that it forgot."""
    if not kind or "object" in answer.model_fields_set:
        return answer.model_dump_json(exclude_unset=True).encode()
    return dump({"object": kind, **answer.model_dump(exclude_unset=True)})
