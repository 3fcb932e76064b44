"""The async driver: performs effects by awaiting, on asyncio or trio. A cancelled call still settles, shielded.

It mirrors ``sync`` effect for effect; what differs is only how waiting is done.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import anyio

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
from ._observe import Observers
from ._progress import CURRENT, Progress, during
from ._race import arace
from ._run import Done, Run
from ._running import turn
from ._unbroken import Unbroken

__all__ = ["AsyncDriver", "AsyncExchange"]

# A redirect is not followed, so it is no stream either.
_NOT_A_STREAM = 300
_DRAIN_SECONDS = 0.25
_SHIELD_SECONDS = 1.0


# Streams' exchanges are held from here while they are open. Collected together with a stream that is part of a cycle,
# the generators within would be finalized before anybody could close them, and trio warns of that.
_open: set[AsyncExchange] = set()


class AsyncExchange:
    """An open answer: read it piece by piece, close it; ``abort`` where nothing can be awaited."""

    def __init__(self, response: Any, progress: Progress, later: Callable[[Any], None]) -> None:
        self._response = response
        pieces, self._inflate = raw(response, response.aiter_bytes)
        self._pieces: AsyncIterator[bytes] = aiter(pieces)
        self._later = later
        self._complete = False
        # See ``_tap.Answer`` for what it means.
        self._at_once: bool = getattr(response, "at_once", False)
        self.progress = progress

    def keep(self) -> None:
        """A stream reads on from here: outlive it until it is closed, or given up."""
        _open.add(self)

    def read(self) -> Awaitable[bytes | None]:
        """The next bytes; ``None`` at the end. Raises the transport's failures."""
        if self._at_once and self._inflate is None:
            return anext(self._pieces, None)
        return self._read()

    async def _read(self) -> bytes | None:
        before = CURRENT.get()
        CURRENT.set(self.progress)
        try:
            return await self.piece()
        finally:
            # Closed by a collector, this may be another's context.
            if CURRENT.get() is self.progress:
                CURRENT.set(before)

    def head(self) -> HTTPResponse:
        """Status and headers."""
        return head(self._response)

    async def piece(self) -> bytes | None:
        """``read`` for who has said already what the network works for."""
        if self._inflate is not None and self._inflate.pending:
            self.progress.hurry()
            # A loop has others to serve between two pieces.
            await anyio.sleep(0)  # noqa: ASYNC115 - its other name is in a module that nobody needs
            return self._inflate.feed(b"")
        if self._at_once:
            piece = await anext(self._pieces, None)
        else:
            piece = await Unbroken(self._limited() if self.progress.borrowed else self._next())
        self._complete = piece is None
        return piece if piece is None or self._inflate is None else self._inflate.feed(piece)

    async def _next(self) -> bytes | None:
        return await anext(self._pieces, None)

    async def _limited(self) -> bytes | None:
        with anyio.fail_after(self.progress.limited()):
            return await anext(self._pieces, None)

    async def finish(self) -> None:
        """The answer is complete: read the little that lets its connection be used again, and close."""
        self.progress.hold(_DRAIN_SECONDS)
        try:
            while await self.read() is not None:
                continue
        except Exception:  # noqa: BLE001, S110 - the answer is complete; the connection is merely not kept
            pass
        await self.close()

    async def close(self) -> None:
        """Close at once, even while being cancelled, however often."""
        _open.discard(self)
        self.progress.stop()
        if self._at_once:
            self._response.close()
            return
        shielded = self._complete and getattr(self._response, "shielded", False)
        work = self._response.aclose() if shielded else self._closed()
        await Unbroken(work, closing=True)

    async def _closed(self) -> None:
        with anyio.CancelScope(shield=True):
            if not self._complete:
                await self._unwind()
            await self._response.aclose()

    async def _unwind(self) -> None:
        """End the layers below from within.

        They are generators within generators: they end, and close what they hold, when the innermost read
        fails. Closed from outside, all but the outermost would be left to the collector.
        """
        if self.progress.borrowed:
            if self.progress.stream is None:
                return
            self.progress.disconnect()
        with contextlib.suppress(Exception), during(self.progress):
            async for _ in self._pieces:
                continue

    def abort(self) -> None:
        """Close the socket at once without awaiting, and let the loop clean up after it."""
        _open.discard(self)
        self.progress.disconnect()
        if not self.progress.inherited:
            self._later(self.close)


class AsyncDriver:
    """Performs effects: ``run`` a flow to its end, or ``advance`` it up to where it relays a stream."""

    def __init__(
        self,
        send: Callable[..., Coroutine[Any, Any, Any]],
        observers: Observers,
        store: StoreProtocol,
        later: Callable[[Any], None],
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._clock = clock
        self._transport_send = send
        # Whether what it sends with can be given up as it is.
        self._sends_at_once: bool = getattr(getattr(send, "__self__", None), "at_once", False)
        self._observers = observers
        self.store = store
        self._later = later

    def run(self, flow: Flow[Any]) -> Coroutine[Any, Any, Any]:
        """Run a flow that relays nothing; return its value."""
        return self.advance(Run(flow), flow.__next__)

    async def advance(self, run: Run, resume: Callable[[], Any]) -> Any:
        """Drive the flow from its next step; return its ``Relay``, or its value once it has ended."""
        send = run.flow.send
        try:
            effect = run.step(resume)
            while (perform := _PERFORM.get(type(effect))) is not None:
                bound = run.cancelled is not None
                if bound and (instead := run.instead(effect)) is not None:
                    effect = instead
                    continue
                # Only while it is sent is a failure the exchange's.
                run.progress = None
                try:
                    performed = perform(self, run, effect)
                    outcome = await (_shielded(performed) if bound else performed)
                except GeneratorExit:
                    raise
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
                    await self._let_go(run)
                    effect = run.step(run.fail, failure)
                finally:
                    # It knows this frame, and this frame it: what both hold would wait for the collector.
                    del failure
            # At its relay or its end, and with it its open answer is somebody else's.
            run.opened = None
            return effect[0] if type(effect) is Done else effect
        except GeneratorExit:
            # The coroutine itself is given up, and can await nothing more: as with a dropped stream.
            run.flow.close()
            if (opened := run.let_go()) is not None:
                opened.abort()
            raise
        except BaseException:
            await self._let_go(run)
            run.cancelled = None
            raise

    async def _let_go(self, run: Run) -> None:
        if (opened := run.let_go()) is not None:
            await opened.close()

    async def _send(self, run: Run, effect: Send) -> HTTPResponse | Opened:
        limits = effect.deadlines
        if self._clock is not SYSTEM_CLOCK:
            limits = on_network(self._clock, limits)
        progress = run.progress = Progress(limits)
        progress.streamed = effect.decoder is not None
        before = CURRENT.get()
        CURRENT.set(progress)
        try:
            try:
                sending = self._transport_send(effect.request, progress)
                plain = self._sends_at_once and effect.request.upload is None
                response = await (sending if plain else Unbroken(sending))
            except Exception:
                await turn()  # in which asyncio closes its socket
                raise
            decoder = effect.decoder if response.status_code < _NOT_A_STREAM else None
            if decoder is None and getattr(response, "at_once", False):
                if (body := response.at_hand()) is not None:
                    return head(response, body)
                if "content-encoding" not in response.headers:
                    return await _read_at_once(response, progress)
            exchange = AsyncExchange(response, progress, self._later)
            return await _read(run, effect, exchange, decoder)
        finally:
            # Closed by a collector, this may be another's context.
            if CURRENT.get() is progress:
                CURRENT.set(before)

    async def _fetch(self, run: Run, effect: Fetch) -> HTTPResponse:
        from ._media import afetch, fetching  # noqa: PLC0415 - few prompts point at anything

        run.progress = fetching(effect)
        return await afetch(effect, run.progress)

    async def _read(self, run: Run, effect: Read) -> bytes | None:
        from ._files import acontents  # noqa: PLC0415 - few calls have files to read

        return await acontents(effect.path)

    async def _sleep(self, run: Run, effect: Sleep) -> None:
        await self._clock.asleep(effect.seconds)
        # A clock that does not wait must not keep a cancellation waiting.
        await anyio.sleep(0)  # noqa: ASYNC115 - its other name is in a module that nobody needs

    def _perform_store(self, run: Run, effect: Store) -> Awaitable[Any]:
        store = self.store if effect.on is None else effect.on
        waiting = getattr(store, "aperform", None)
        performed: Awaitable[Any]
        performed = _at_once(store, effect) if waiting is None else waiting(effect.operation)
        return performed

    def _notify(self, run: Run, effect: Notify) -> Awaitable[None]:
        return self._observers.atell(effect.event)

    async def _consult(self, run: Run, effect: Consult) -> Any:
        value = effect.function(*effect.arguments)
        return await value if inspect.isawaitable(value) else value

    async def _acquire(self, run: Run, effect: Acquire) -> Callable[[], None]:
        return await effect.limit.aacquire(real_time(self._clock, effect.deadline))

    async def _race(self, run: Run, effect: Race) -> tuple[int, Any]:
        won = await arace(effect, lambda leg: self.advance(leg, leg.flow.__next__))
        return run.won(won)


_PERFORM: dict[type, Callable[[AsyncDriver, Run, Any], Awaitable[Any]]] = {
    Send: AsyncDriver._send,  # noqa: SLF001 - the class's own table
    Fetch: AsyncDriver._fetch,  # noqa: SLF001
    Read: AsyncDriver._read,  # noqa: SLF001
    Sleep: AsyncDriver._sleep,  # noqa: SLF001
    Store: AsyncDriver._perform_store,  # noqa: SLF001
    Notify: AsyncDriver._notify,  # noqa: SLF001
    Consult: AsyncDriver._consult,  # noqa: SLF001
    Acquire: AsyncDriver._acquire,  # noqa: SLF001
    Race: AsyncDriver._race,  # noqa: SLF001
}


async def _at_once(store: Any, effect: Store) -> Any:
    return store.perform(effect.operation)


async def _shielded(performed: Awaitable[Any]) -> Any:
    with anyio.move_on_after(_SHIELD_SECONDS, shield=True):
        return await performed
    return None


async def _read_at_once(response: Any, progress: Progress) -> HTTPResponse:
    """A whole answer of a transport that needs no help in being given up."""
    read: list[bytes] = []
    size = 0
    try:
        async for piece in response.stream:
            progress.first = None
            read.append(piece)
            size += len(piece)
            if size > MAX_BODY:
                raise too_much(head(response))
    finally:
        response.close()
    return head(response, read[0] if len(read) == 1 else b"".join(read))


async def _read(
    run: Run, effect: Send, exchange: AsyncExchange, decoder: Decoder | None
) -> HTTPResponse | Opened:
    try:
        if decoder is None:
            return await _whole(exchange)
        opened = await _opened(effect, decoder, exchange)
    except GeneratorExit:
        exchange.abort()
        raise
    except BaseException:
        await exchange.close()
        raise
    run.opened = exchange
    return opened


async def _whole(exchange: AsyncExchange) -> HTTPResponse:
    response = exchange.head()
    read: list[bytes] = []
    size = 0
    while (piece := await exchange.piece()) is not None:
        exchange.progress.first = None
        read.append(piece)
        size += len(piece)
        if size > MAX_BODY:
            raise too_much(response)
    await exchange.close()
    return HTTPResponse(response.status, response.headers, b"".join(read))


async def _opened(effect: Send, decoder: Decoder, exchange: AsyncExchange) -> Opened:
    """Read a stream up to its first chunk: an error that comes instead of it can still be retried."""
    response = exchange.head()
    first: list[Any] = []
    pending: Exception | None = None
    try:
        while not first and not decoder.done:
            piece = await exchange.piece()
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
