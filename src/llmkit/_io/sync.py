"""The sync driver: performs effects by blocking. It works inside a running event loop, because it knows of none."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import Any

from .._flow import (
    Acquire,
    Cancelled,
    Consult,
    Decoder,
    Fetch,
    Flow,
    Notify,
    Opened,
    Race,
    Read,
    Relay,
    Send,
    Sleep,
    Store,
)
from .._http import HTTPResponse
from .._operations import Store as StoreProtocol
from ..errors import APIError
from ._clock import SYSTEM_CLOCK, Clock, on_network, real_time
from ._failures import explain
from ._files import contents
from ._http import Body, head, raw
from ._media import fetch, fetching
from ._observe import Observers, resolved_sync
from ._progress import CURRENT, Progress, during
from ._race import race
from ._run import ENDS, Run
from ._watch import watched

__all__ = ["Exchange", "SyncDriver"]

# A redirect is not followed, so it is no stream either.
_NOT_A_STREAM = 300
_DRAIN_SECONDS = 0.25


class _Unfit:
    """After an interrupt, which leaves the layers below in any state, nobody shall use this connection again."""

    __slots__ = ("_progress",)

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def __enter__(self) -> None:
        """Nothing to do yet."""

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and not issubclass(kind, Exception):
            self._progress.disconnect()


class Exchange:
    """An open answer: read it piece by piece, close it."""

    def __init__(self, response: Any, progress: Progress) -> None:
        self._response = response
        pieces, self._inflate = raw(response, response.iter_bytes)
        self._pieces: Iterator[bytes] = iter(pieces)
        self.progress = progress

    def read(self) -> bytes | None:
        """The next bytes; ``None`` at the end. Raises the transport's failures."""
        with during(self.progress):
            return self.piece()

    def piece(self) -> bytes | None:
        """``read`` for who is within ``during`` already."""
        if self._inflate is not None and self._inflate.pending:
            self.progress.hurry()
            return self._inflate.feed(b"")
        piece = self._watched() if self.progress.borrowed else next(self._pieces, None)
        return piece if piece is None or self._inflate is None else self._inflate.feed(piece)

    def _watched(self) -> bytes | None:
        with watched(self.progress):
            return next(self._pieces, None)

    def finish(self) -> None:
        """The answer is complete: read the little that lets its connection be used again, and close."""
        self.progress.hold(_DRAIN_SECONDS)
        try:
            while self.read() is not None:
                continue
        except Exception:  # noqa: BLE001, S110 - the answer is complete; the connection is merely not kept
            pass
        self.close()

    def close(self) -> None:
        """Close at once; what has not been read is lost."""
        with _Unfit(self.progress), during(self.progress):
            self._response.close()
        self.progress.stream = None

    def abort(self) -> None:
        """Close from a collector. It may run while this thread holds the pool's lock: then the next call closes."""
        self.progress.disconnect()
        if CURRENT.get() is None and not self.progress.inherited:
            self.close()
        else:
            _aborted.put(self)


_aborted: SimpleQueue[Exchange] = SimpleQueue()


def _close_aborted() -> None:
    while not _aborted.empty():
        with contextlib.suppress(Empty):
            _aborted.get_nowait().close()


class SyncDriver:
    """Performs effects: ``run`` a flow to its end, or ``open`` it up to where it relays a stream."""

    def __init__(
        self,
        send: Callable[..., Any],
        observers: Observers,
        store: StoreProtocol,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._transport_send = send
        self._observers = observers
        self._store = store
        self._clock = clock

    def run(self, flow: Flow[Any]) -> Any:
        """Run a flow that relays nothing; return its value."""
        run = Run(flow)
        relay = self.advance(run, flow.__next__)
        assert not isinstance(relay, Relay), "this flow opens a stream"  # noqa: S101
        return relay

    def advance(self, run: Run, resume: Callable[[], Any]) -> Any:
        """Drive the flow from its next step; return its ``Relay``, or its value once it has ended."""
        try:
            effect = run.step(resume)
            while not isinstance(effect, ENDS):
                effect = self._answer(run, effect)
            return run.ended(effect)
        except BaseException:
            # Where an interrupt came between the flow's steps, the flow does not know of it.
            run.flow.close()
            self._let_go(run)
            # What it was cancelled for knows this frame, and with it the run.
            run.cancelled = None
            raise

    def _let_go(self, run: Run) -> None:
        if (opened := run.let_go()) is not None:
            opened.close()

    def _answer(self, run: Run, effect: Any) -> Any:
        if run.aborted is not None and run.is_aborted():
            return run.step(run.cancel, None)
        if run.cancelled is not None and not run.permitted(effect):
            return run.step(run.flow.throw, run.cancelled or Cancelled("maybe"))
        # Only while it is sent is a failure the exchange's.
        run.progress = None
        failure: BaseException | None = None
        try:
            outcome = _PERFORM[type(effect)](self, run, effect)
        except BaseException as error:  # noqa: BLE001 - every failure is the flow's to judge
            failure = error
        # Outside the handler: what the flow raises must not have a transport's exception as its context.
        if failure is not None:
            try:
                self._let_go(run)
                return run.step(run.fail, failure)
            finally:
                # It knows this frame, and this frame it: what both hold would wait for the collector.
                failure = None
        return run.step(run.flow.send, outcome)

    def _send(self, run: Run, effect: Send) -> HTTPResponse | Opened:
        _close_aborted()
        progress = run.progress = Progress(on_network(self._clock, effect.deadlines))
        with _Unfit(progress), during(progress):
            response = self._transport_send(effect.request, progress)
            exchange = Exchange(response, progress)
            try:
                if effect.decoder is not None and response.status_code < _NOT_A_STREAM:
                    opened = _opened(effect, effect.decoder, exchange, head(response))
                    run.opened = exchange
                    return opened
                return _whole(exchange, head(response))
            except BaseException:
                exchange.close()
                raise

    def _fetch(self, run: Run, effect: Fetch) -> HTTPResponse:
        progress = run.progress = fetching(effect)
        with _Unfit(progress):
            return fetch(effect, progress)

    def _read(self, run: Run, effect: Read) -> bytes | None:
        return contents(effect.path)

    def _sleep(self, run: Run, effect: Sleep) -> None:
        self._clock.sleep(effect.seconds, run.aborted)
        if run.is_aborted():
            raise InterruptedError

    def _perform_store(self, run: Run, effect: Store) -> Any:
        return (self._store if effect.on is None else effect.on).perform(effect.operation)

    def _notify(self, run: Run, effect: Notify) -> None:
        self._observers.tell(effect.event)

    def _consult(self, run: Run, effect: Consult) -> Any:
        return resolved_sync(effect.function(*effect.arguments))

    def _acquire(self, run: Run, effect: Acquire) -> Callable[[], None]:
        return effect.limit.acquire(real_time(self._clock, effect.deadline))

    def _race(self, run: Run, effect: Race) -> tuple[int, Any]:
        return race(effect, lambda leg: self.advance(leg, leg.flow.__next__), run)


_PERFORM: dict[type, Callable[[SyncDriver, Run, Any], Any]] = {
    Send: SyncDriver._send,  # noqa: SLF001 - the class's own table
    Fetch: SyncDriver._fetch,  # noqa: SLF001
    Read: SyncDriver._read,  # noqa: SLF001
    Sleep: SyncDriver._sleep,  # noqa: SLF001
    Store: SyncDriver._perform_store,  # noqa: SLF001
    Notify: SyncDriver._notify,  # noqa: SLF001
    Consult: SyncDriver._consult,  # noqa: SLF001
    Acquire: SyncDriver._acquire,  # noqa: SLF001
    Race: SyncDriver._race,  # noqa: SLF001
}


def _whole(exchange: Exchange, response: HTTPResponse) -> HTTPResponse:
    body = Body(response)
    while (piece := exchange.piece()) is not None:
        exchange.progress.begun()
        body.add(piece)
    exchange.close()
    return HTTPResponse(response.status, response.headers, body.whole())


def _opened(effect: Send, decoder: Decoder, exchange: Exchange, response: HTTPResponse) -> Opened:
    """Read a stream up to its first chunk: an error that comes instead of it can still be retried."""
    first: list[Any] = []
    pending: Exception | None = None
    try:
        while not first and not decoder.done:
            piece = exchange.piece()
            first += decoder.finish() if piece is None else decoder.feed(piece)
            if piece is None:
                break
    except APIError as error:
        error.request_id = error.request_id or response.request_id
        # What a list was extended with before the failure stays in it.
        if not first:
            raise
        pending = error
    exchange.progress.begun()
    return Opened(response, exchange, decoder, first, effect.deadlines, pending)


def broken(error: Exception, progress: Progress) -> Exception:
    """A failure in the middle of a stream, as ours."""
    return explain(error, progress, streaming=True)
