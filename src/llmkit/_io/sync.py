"""The sync driver: performs effects by blocking. It works inside a running event loop, because it knows of none."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import Any

from .._flow import (
    Acquire,
    Consult,
    Decoder,
    Fetch,
    Flow,
    Notify,
    Opened,
    Race,
    Read,
    Send,
    Sleep,
    Store,
)
from .._http import HTTPResponse
from .._settlements import Store as StoreProtocol
from ..errors import APIError
from ._answers import MAX_BODY, head, raw, too_much
from ._clock import SYSTEM_CLOCK, Clock, on_network, real_time
from ._failures import explain
from ._observe import Observers, resolved_sync
from ._progress import CURRENT, Progress
from ._race import race
from ._run import Done, Run
from ._watch import watched

__all__ = ["Exchange", "SyncDriver"]

# A redirect is not followed, so it is no stream either.
_NOT_A_STREAM = 300
_DRAIN_SECONDS = 0.25


class Exchange:
    """An open answer: read it piece by piece, close it."""

    def __init__(self, response: Any, progress: Progress) -> None:
        self._response = response
        pieces, self._inflate = raw(response, response.iter_bytes)
        self._pieces: Iterator[bytes] = iter(pieces)
        self._plain = self._inflate is None and not progress.borrowed
        self._at_once: bool = self._plain and getattr(response, "at_once", False)
        self.progress = progress

    def read(self) -> bytes | None:
        """The next bytes; ``None`` at the end. Raises the transport's failures."""
        if self._at_once:
            return next(self._pieces, None)
        token = CURRENT.set(self.progress)
        try:
            piece = next(self._pieces, None) if self._plain else self.piece()
        finally:
            CURRENT.reset(token)
        return piece

    def head(self) -> HTTPResponse:
        """Status and headers."""
        return head(self._response)

    def piece(self) -> bytes | None:
        """``read`` for who has said already what the network works for."""
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
        token = CURRENT.set(self.progress)
        try:
            self._response.close()
        except BaseException as error:
            _unfit(error, self.progress)
            raise
        finally:
            CURRENT.reset(token)
        self.progress.stream = None

    def abort(self) -> None:
        """Close from a collector. It may run while this thread holds the pool's lock: then the next call closes."""
        self.progress.disconnect()
        if CURRENT.get() is None and not self.progress.inherited:
            self.close()
        else:
            _aborted.put(self)


def _unfit(error: BaseException, progress: Progress) -> None:
    """After an interrupt, which leaves the layers below in any state, nobody shall use this connection again."""
    if not isinstance(error, Exception):
        progress.disconnect()


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
        self.store = store
        self._clock = clock

    def run(self, flow: Flow[Any]) -> Any:
        """Run a flow that relays nothing; return its value."""
        return self.advance(Run(flow), flow.__next__)

    def advance(self, run: Run, resume: Callable[[], Any]) -> Any:
        """Drive the flow from its next step; return its ``Relay``, or its value once it has ended."""
        send = run.flow.send
        try:
            effect = run.step(resume)
            while (perform := _PERFORM.get(type(effect))) is not None:
                bound = run.cancelled is not None or run.aborted is not None
                if bound and (instead := run.instead(effect)) is not None:
                    effect = instead
                    continue
                # Only while it is sent is a failure the exchange's.
                run.progress = None
                try:
                    outcome = perform(self, run, effect)
                except BaseException as error:  # noqa: BLE001 - every failure is the flow's to judge
                    failure = error
                else:
                    try:
                        effect = run.step(send, outcome) if bound else send(outcome)
                    except StopIteration as stop:
                        effect = Done((stop.value,))
                    continue
                # Outside the handler: what the flow raises must not have a transport's exception as its context.
                try:
                    self._let_go(run)
                    effect = run.step(run.fail, failure)
                finally:
                    # It knows this frame, and this frame it: what both hold would wait for the collector.
                    del failure
            # At its relay or its end, and with it its open answer is somebody else's.
            run.opened = None
            return effect[0] if type(effect) is Done else effect
        except BaseException:
            # Where an interrupt came between the flow's steps, the flow does not know of it.
            run.flow.close()
            self._let_go(run)
            run.cancelled = None
            raise

    def _let_go(self, run: Run) -> None:
        if (opened := run.let_go()) is not None:
            opened.close()

    def _send(self, run: Run, effect: Send) -> HTTPResponse | Opened:
        if not _aborted.empty():
            _close_aborted()
        limits = effect.deadlines
        if self._clock is not SYSTEM_CLOCK:
            limits = on_network(self._clock, limits)
        progress = run.progress = Progress(limits)
        progress.streamed = effect.decoder is not None
        token = CURRENT.set(progress)
        try:
            response = self._transport_send(effect.request, progress)
            answer: HTTPResponse | Opened
            if effect.decoder is None or response.status_code >= _NOT_A_STREAM:
                answer = _whole(response, progress)
            else:
                answer = _begun(run, effect, effect.decoder, Exchange(response, progress))
        except BaseException as error:
            _unfit(error, progress)
            raise
        finally:
            CURRENT.reset(token)
        return answer

    def _fetch(self, run: Run, effect: Fetch) -> HTTPResponse:
        from ._media import fetch, fetching  # noqa: PLC0415 - few prompts point at anything

        progress = run.progress = fetching(effect)
        try:
            return fetch(effect, progress)
        except BaseException as error:
            _unfit(error, progress)
            raise

    def _read(self, run: Run, effect: Read) -> bytes | None:
        from ._files import contents  # noqa: PLC0415 - few calls have files to read

        return contents(effect.path)

    def _sleep(self, run: Run, effect: Sleep) -> None:
        self._clock.sleep(effect.seconds, run.aborted)
        if run.is_aborted():
            raise InterruptedError

    def _perform_store(self, run: Run, effect: Store) -> Any:
        return (self.store if effect.on is None else effect.on).perform(effect.operation)

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


def _whole(response: Any, progress: Progress) -> HTTPResponse:
    """Read an answer to its end, and close it."""
    read: list[bytes] = []
    size = 0
    try:
        at_hand = getattr(response, "at_hand", None)
        if at_hand is not None and (body := at_hand()) is not None:
            return head(response, body)
        packed = progress.borrowed or "content-encoding" in response.headers
        for piece in _pieces(Exchange(response, progress)) if packed else response.stream:
            progress.first = None
            read.append(piece)
            size += len(piece)
            if size > MAX_BODY:
                raise too_much(head(response))
        response.close()
    except BaseException:
        response.close()
        raise
    progress.stream = None
    return head(response, read[0] if len(read) == 1 else b"".join(read))


def _pieces(exchange: Exchange) -> Iterator[bytes]:
    while (piece := exchange.piece()) is not None:
        yield piece


def _begun(run: Run, effect: Send, decoder: Decoder, exchange: Exchange) -> Opened:
    try:
        opened = _opened(effect, decoder, exchange)
    except BaseException:
        exchange.close()
        raise
    run.opened = exchange
    return opened


def _opened(effect: Send, decoder: Decoder, exchange: Exchange) -> Opened:
    """Read a stream up to its first chunk: an error that comes instead of it can still be retried."""
    response = exchange.head()
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
    exchange.progress.first = None
    return Opened(response, exchange, decoder, first, effect.deadlines, pending)


def broken(error: Exception, progress: Progress) -> Exception:
    """A failure in the middle of a stream, as ours."""
    return explain(error, progress, streaming=True)
