"""What is counted for Prometheus: by an ASGI middleware, by a client's callbacks, and around the database.

Several workers leave what they counted in a directory, and whichever is
asked adds it up (``sharing``): ``prometheus_client``'s own mode for that belongs to the process and its environment.
"""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Engine, event

from ...events import CallFinished
from ...telemetry._heard import Heard, add_call, text_of
from ..errors_of import refused_by
from .counting import UNKNOWN, Counts
from .sharing import Pages

if TYPE_CHECKING:
    from ..gateway import Gateway
    from ..settings import Settings
    from .showing import Page

__all__ = ["Measured", "Metrics", "around", "route_of", "running"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_STATEMENTS: Final = frozenset({"select", "insert", "update", "delete"})
_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})


class _Exchange:
    """One request over HTTP, while it is answered."""

    __slots__ = ("asked", "ended", "upstream")

    def __init__(self) -> None:
        self.asked = False
        """Whether a model was asked."""
        self.ended: tuple[CallFinished, ...] = ()
        """Its calls that have ended."""
        self.upstream: float | None = None
        """Seconds that the provider took; ``None``: nobody was asked, or it streams."""

    def note(self, happened: CallFinished, upstream: float | None) -> None:
        """A call of it has ended."""
        self.ended = (*self.ended, happened)
        if upstream is not None:
            self.upstream = (self.upstream or 0.0) + upstream


_EXCHANGE: ContextVar[_Exchange | None] = ContextVar("llmkit_proxy_exchange", default=None)


class Metrics:
    """What is counted.

    Args:
        settings: whether LiteLLM's names are wanted, and where the workers' counts are; by default ours alone, of
            this process.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self._litellm = settings is not None and settings.litellm_metrics
        directory = None if settings is None else settings.metrics_directory
        self.pages = None if directory is None else Pages(directory)
        self.counts = Counts()
        self._calls = Heard(self.counts)
        self._page: Page | None = None
        self._lock = threading.Lock()

    # --- showing

    def page(self, accept: str = "", states: tuple[Any, ...] = ()) -> tuple[bytes, str]:
        """The page and its media type. ``states``: how deployments are, as a router says."""
        from .showing import Page  # noqa: PLC0415 - brings prometheus_client along

        with self._lock:
            if self._page is None:
                self._page = Page(litellm=self._litellm, alone=self.pages is None)
            counts = self.counts if self.pages is None else self.pages.total(self.counts)
            return self._page.written(accept, counts, states)

    @asynccontextmanager
    async def sharing(self) -> AsyncIterator[None]:
        """While it lasts, other workers see what is counted here."""
        if self.pages is None:
            yield
            return
        async with self.pages.kept(self.counts):
            yield

    # --- counting

    def heard(self, happened: Any) -> None:
        """A client's callback."""
        if (exchange := _EXCHANGE.get()) is not None:
            exchange.asked = True
        if isinstance(happened, CallFinished):
            self._finished(happened, exchange)
        else:
            self._calls.heard(happened)

    # Of what begins nothing is counted.
    heard.beginnings = False  # type: ignore[attr-defined]

    def _finished(self, happened: CallFinished, exchange: _Exchange | None) -> None:
        ended = happened.settlement
        told = ended.metadata.get("proxy")
        whose = told if isinstance(told, dict) else {}
        group = whose.get("group")
        group = group if type(group) is str else ""
        (_, group, *_), times = self._calls.finished(happened, group)
        if exchange is not None:
            exchange.note(happened, times[2])
        said: Any = tuple(map(whose.get, _WHOSE))
        key, alias, team, user = said if set(map(type, said)) == _TEXTS else map(text_of, said)
        # No page needs the whole hash, and what stands here is in no error and no log of ours.
        keys, whose_it_is = self.counts.keys, (key[:12], alias, team, user)
        add_call(keys.cells.get(whose_it_is) or keys.cell(*whose_it_is), ended, None)
        if self._litellm:
            error, _, status = (ended.error or "").partition(" ")
            route = text_of(whose.get("call_type")) or ended.kind
            deployment = getattr(happened.call, "deployment", "")
            labels = group, ended.model, deployment, ended.provider, route, error, status
            cell = (value or UNKNOWN for value in (key, alias, team, user, *labels))
            add_call(self.counts.litellm.cell(*cell), ended, times)

    def watch(self, engine: Engine) -> None:
        """Count how long an engine's statements take."""
        event.listen(engine, "before_cursor_execute", _before)
        event.listen(engine, "after_cursor_execute", self._after)

    def _after(self, connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        began = connection.info.pop("llmkit_began", None)
        if began is None:
            return
        word = statement.lstrip()[:6].lower()
        seconds = time.perf_counter() - began
        # Statements run in threads.
        with self._lock:
            self.counts.database.cell(word if word in _STATEMENTS else "other").add(seconds)

    def answered(
        self, route: str, method: str, status: int, seconds: float, upstream: float | None
    ) -> None:
        """A request over HTTP has been answered."""
        known = method if method in _METHODS else "other"
        self.counts.requests.cell(route, known, str(status)).add(seconds)
        if upstream is not None:
            self.counts.overhead.cell(route).add(max(0.0, seconds - upstream))


_WHOSE: Final = ("key", "key_alias", "team", "user")
_TEXTS: Final = {str}


def _before(connection: Any, *_: Any) -> None:
    connection.info["llmkit_began"] = time.perf_counter()


class Measured:
    """ASGI: counts requests, their times, and those under way.

    A request's route is its pattern (``/v1/models/{model}``), so that paths do not make labels.
    """

    def __init__(self, app: Any, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on, and count it."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        counts, exchange, state = self.metrics.counts, _Exchange(), scope.setdefault("state", {})
        # Whoever stands around this one may see by himself what is answered.
        seen = state.get("answer")
        if seen is None:
            seen = _Seen(send)
            send = seen.send
        failed = 0
        counts.in_flight += 1
        state["exchange"] = exchange
        began, token = time.perf_counter(), _EXCHANGE.set(exchange)
        try:
            await self.app(scope, receive, send)
        except Exception as error:
            # Who is around this one writes the answer to it.
            failed = refused_by(error).status
            raise
        finally:
            counts.in_flight -= 1
            _EXCHANGE.reset(token)
            seconds = time.perf_counter() - began
            method = scope.get("method", "GET")
            # 499: nobody was there any more to be answered.
            self.metrics.answered(
                route_of(scope), method, seen.status or failed or _GONE, seconds, exchange.upstream
            )


class _Seen:
    """The status of an answer, as it goes by."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Send on."""
        kind = message["type"]
        if kind == "http.response.start":
            self.status = message["status"]
        elif kind == "websocket.accept":
            self.status = _SWITCHED
        await self._send(message)


_SWITCHED: Final = 101
_GONE: Final = 499


def route_of(scope: Scope) -> str:
    """The pattern that a request's path was found by; ``unmatched`` where it was not."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "unmatched"


def around(app: Any, gateway: Gateway) -> Measured:
    """The app, measured."""
    return Measured(app, gateway.metrics)


@asynccontextmanager
async def running(gateway: Gateway) -> AsyncIterator[None]:
    """While a gateway runs: its database is watched, and its workers know of each other's counts."""
    gateway.metrics.watch(gateway.database.engine)
    async with gateway.metrics.sharing():
        yield
