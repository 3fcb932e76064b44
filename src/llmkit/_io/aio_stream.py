"""``AsyncStream``: what ``acompletion(stream=True)`` returns; ``Stream``'s async twin, on asyncio and trio."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Generic, Self

from typing_extensions import TypeVar, override

from .._call import CallInfo
from .._cost import Cost
from .._flow import Relay
from ..errors import StreamConsumedError
from ..types.answer import Answer
from ..types.chat import ChatCompletion, ChatCompletionChunk
from ..types.usage import Usage
from ._run import Run
from ._running import turn
from .aio import AsyncDriver, AsyncExchange
from .sync import broken

__all__ = ["AsyncStream"]

C = TypeVar("C", default=ChatCompletionChunk)
A = TypeVar("A", bound=Answer, default=ChatCompletion)


class AsyncStream(Generic[C, A]):
    """A streamed answer. ``async for chunk in stream``, ``async with stream:``, ``await stream.aclose()``.

    After its end (or early close) ``response`` is the whole answer as far as it came, and ``usage``,
    ``cost`` and ``call`` are final.
    """

    _shown: Any = None
    """The task that reads it for a notebook, once it is displayed."""

    def __init__(self, driver: AsyncDriver, run: Run, relay: Relay) -> None:
        self._driver, self._run = driver, run
        self._session: Any = relay.session
        self._exchange: AsyncExchange | None = relay.opened.handle
        if self._exchange is not None:
            self._exchange.keep()
        self._ended = False
        self._error: BaseException | None = None
        self._response: A | None = None

    def __aiter__(self) -> AsyncIterator[C]:
        return self

    async def __anext__(self) -> C:
        session = self._session
        # No chunk is None.
        chunk: C | None = next(session.flowing, None)
        while chunk is None:
            if session.ready:
                chunk = session.ready.popleft()
                continue
            if self._error is not None:
                error, self._error = self._error, None
                raise error
            if self._ended:
                raise StopAsyncIteration
            await self._pull()
            chunk = next(session.flowing, None)
        return chunk

    async def pieces(self, *, as_sent: bool = False) -> AsyncIterator[list[C | bytes]]:
        """All chunks that are there at a time, at least one: for who hands them on.

        Args:
            as_sent: whether there may be ``bytes`` in place of chunks of a chat: events in OpenAI's form, as they came,
                where nothing of them has to be changed. What they say is folded and settled all the same.
        """
        session = self._session
        if as_sent:
            session.relay()
        async for chunk in self:
            found: list[C | bytes] = [chunk, *session.flowing, *session.ready]
            session.discard()
            yield found

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Whoever is cancelled waits for nothing.
        await self._close(drains=error is None or isinstance(error, Exception))

    async def aclose(self) -> None:
        """Stop here: the upstream is closed at once, and what came is settled. Closing twice is fine.

        With billing that wants to know what was used (``broken="drain"``), what is left is read first, for a while.
        """
        await self._close(drains=True)

    async def _close(self, *, drains: bool) -> None:
        if self._ended:
            return
        if drains and self._session.drains and self._exchange is not None:
            await self._drain(self._exchange)
        self._ended = True
        self._session.discard()
        await self._close_exchange()
        await self._driver.advance(self._run, lambda: self._run.cancel(None, "closed"))
        await turn()  # in which asyncio closes its socket

    close = aclose

    async def until_done(self) -> A:
        """Read to the end; return the whole answer. Where a notebook is showing it, wait for that."""
        if self._shown is not None:
            await self._shown
        async for _ in self:
            pass
        return self.response

    @property
    def response(self) -> A:
        """The whole answer, folded from its chunks.

        Raises:
            StreamConsumedError: the stream has not ended yet.
        """
        if not self._ended:
            raise StreamConsumedError("the stream has not ended: read it, or close it, first")
        return self._response or self._session.result()

    @property
    def usage(self) -> Usage | None:
        """The tokens used, once the stream has ended; ``None`` where the provider never said."""
        return self.response.counted()

    @property
    def cost(self) -> Cost:
        """What it cost, once the stream has ended."""
        return self.response.cost

    @property
    def call(self) -> CallInfo:
        """What happened to the call so far."""
        info: CallInfo = self._session.info
        return info

    async def _drain(self, exchange: AsyncExchange) -> None:
        """Read on for a while, for the sake of the usage that comes last; what else comes is nobody's."""
        session = self._session
        exchange.progress.cut(session.drains)
        try:
            session.check()
            while not session.over and exchange.progress.whole() and await self._read():
                session.discard()
        except Exception:  # noqa: BLE001, S110 - what has come is known, and it was closed all the same
            pass
        except GeneratorExit:
            self.abandon()
            raise
        except BaseException as error:  # noqa: BLE001 - cancelled: settle, and let it go on
            await self._interrupt(error)

    async def _pull(self) -> None:
        session = self._session
        try:
            if session.pending is not None:
                session.check()
            if session.over or not await self._read():
                await self._finish()
        except Exception as error:  # noqa: BLE001 - the flow judges it
            await self._broke(error)
        except GeneratorExit:
            self.abandon()
            raise
        except BaseException as error:  # noqa: BLE001 - cancelled: settle, and let it go on
            await self._interrupt(error)

    async def _read(self) -> bool:
        """Read once; say whether there may be more."""
        exchange, session = self._exchange, self._session
        if exchange is None:
            return False
        if session.holding:
            exchange.progress.hold(session.patience)
        failure: Exception | None = None
        try:
            data = await exchange.read()
        except Exception as error:  # noqa: BLE001 - the flow judges it
            failure = error
        if failure is not None:
            return self._failed(failure, exchange)
        if data is None:
            session.end()
            return False
        before = session.received
        session.feed(data)
        if exchange.progress.hold_until is not None and session.received != before:
            exchange.progress.unhold()
        return True

    def _failed(self, failure: Exception, exchange: AsyncExchange) -> bool:
        if self._session.holding:
            # The answer is complete; what would have followed is only its usage.
            self._session.cut_off()
            return False
        raise broken(failure, exchange.progress)

    async def _finish(self) -> None:
        if self._exchange is not None:
            await self._exchange.finish()
            self._exchange = None
        self._ended = True
        try:
            flow = self._run.flow
            self._response = await self._driver.advance(self._run, lambda: flow.send(self._session))
        except Exception as error:  # noqa: BLE001 - raised once the chunks are handed over
            self._error = error
        self._session.release()

    async def _broke(self, error: Exception) -> None:
        await self._close_exchange()
        self._ended = True
        try:
            outcome = await self._driver.advance(self._run, lambda: self._run.flow.throw(error))
        except Exception as final:  # noqa: BLE001 - raised once the chunks are handed over
            self._error = final
        else:
            if isinstance(outcome, Relay):
                # Another host writes on, into the same session.
                self._exchange, self._ended = outcome.opened.handle, False
                outcome.opened.handle.keep()
                return
        # Where it broke behind a finishing chunk, that one is the reader's all the same.
        self._session.release()

    async def _interrupt(self, error: BaseException) -> None:
        await self._close_exchange()
        self._ended = True
        await self._driver.advance(self._run, lambda: self._run.cancel(error))

    async def _close_exchange(self) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            await exchange.close()

    def __del__(self) -> None:
        self.abandon()

    def abandon(self) -> None:
        """Give up from where nothing can be awaited: the flow leaves its settlement for the next call."""
        if getattr(self, "_ended", True):
            return
        self._ended = True
        if self._exchange is not None:
            self._exchange.abort()
        self._run.flow.close()

    def _ipython_display_(self) -> None:
        from ._live import show_async  # noqa: PLC0415 - only in notebooks

        self._shown = show_async(self)

    @override
    def __repr__(self) -> str:
        state = "ended" if self._ended else "open"
        return f"<AsyncStream {self.call.provider}/{self.call.model} {state}>"


async def opened(
    driver: AsyncDriver, flow: Any, form: type[AsyncStream[Any, Any]] | None = None
) -> AsyncStream[Any, Any]:
    """Run a flow up to its relay and hand out the stream, in a form of its own if it has one."""
    run = Run(flow)
    relay = await driver.advance(run, flow.__next__)
    return (form or AsyncStream)(driver, run, relay)
