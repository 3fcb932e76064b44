"""``Stream``: what ``completion(stream=True)`` returns. Iterate it, leave it, close it or drop it: it settles once.

Its end is settled before the finishing chunk is handed over; see ``_control.session``.
"""

from __future__ import annotations

from collections.abc import Iterator
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
from .sync import Exchange, SyncDriver, broken

__all__ = ["Stream"]

C = TypeVar("C", default=ChatCompletionChunk)
A = TypeVar("A", bound=Answer, default=ChatCompletion)


class Stream(Generic[C, A]):
    """A streamed answer. ``for chunk in stream``, ``with stream:``, ``stream.close()``.

    After its end (or early close) ``response`` is the whole answer as far as it came, and ``usage``,
    ``cost`` and ``call`` are final.
    """

    def __init__(self, driver: SyncDriver, run: Run, relay: Relay) -> None:
        self._driver, self._run = driver, run
        self._session: Any = relay.session
        self._exchange: Exchange | None = relay.opened.handle
        self._ended = False
        self._turn = [True]
        self._error: BaseException | None = None
        self._response: A | None = None

    def __iter__(self) -> Iterator[C]:
        return self

    def __next__(self) -> C:
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
                raise StopIteration
            self._pull()
            chunk = next(session.flowing, None)
        return chunk

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Whoever is interrupted waits for nothing.
        self._close(drains=error is None or isinstance(error, Exception))

    def close(self) -> None:
        """Stop here: the upstream is closed at once, and what came is settled. Closing twice is fine.

        With billing that wants to know what was used (``broken="drain"``), what is left is read first, for a while.
        """
        self._close(drains=True)

    def _close(self, *, drains: bool) -> None:
        if self._ended:
            return
        if drains and self._session.drains and self._exchange is not None:
            self._drain(self._exchange)
        if not self._ends():
            return
        self._session.discard()
        self._close_exchange()
        self._driver.advance(self._run, lambda: self._run.cancel(None, "closed"))

    def _ends(self) -> bool:
        """Whether it is for this thread to end it: another may be reading while this one closes."""
        self._ended = True
        try:
            return self._turn.pop()
        except IndexError:
            return False

    def until_done(self) -> A:
        """Read to the end; return the whole answer."""
        for _ in self:
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

    def _drain(self, exchange: Exchange) -> None:
        """Read on for a while, for the sake of the usage that comes last; what else comes is nobody's."""
        session = self._session
        exchange.progress.cut(session.drains)
        try:
            session.check()
            while not session.over and exchange.progress.whole() and self._read():
                session.discard()
        except Exception:  # noqa: BLE001, S110 - what has come is known, and it was closed all the same
            pass
        except BaseException as error:  # noqa: BLE001 - Ctrl-C: settle, and let it go on
            self._interrupt(error)

    def _pull(self) -> None:
        session = self._session
        try:
            if session.pending is not None:
                session.check()
            if session.over or not self._read():
                self._finish()
        except Exception as error:  # noqa: BLE001 - the flow judges it
            self._broke(error)
        except BaseException as error:  # noqa: BLE001 - Ctrl-C: settle, and let it go on
            self._interrupt(error)

    def _read(self) -> bool:
        """Read once; say whether there may be more."""
        exchange, session = self._exchange, self._session
        if exchange is None:
            return False
        if session.holding:
            exchange.progress.hold(session.patience)
        failure: Exception | None = None
        try:
            data = exchange.read()
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

    def _failed(self, failure: Exception, exchange: Exchange) -> bool:
        if self._session.holding:
            # The answer is complete; what would have followed is only its usage.
            self._session.cut_off()
            return False
        raise broken(failure, exchange.progress)

    def _finish(self) -> None:
        if self._exchange is not None:
            self._exchange.finish()
            self._exchange = None
        if not self._ends():
            return
        try:
            flow = self._run.flow
            self._response = self._driver.advance(self._run, lambda: flow.send(self._session))
        except Exception as error:  # noqa: BLE001 - raised once the chunks are handed over
            self._error = error
        self._session.release()

    def _broke(self, error: Exception) -> None:
        self._close_exchange()
        if not self._ends():
            return
        try:
            outcome = self._driver.advance(self._run, lambda: self._run.flow.throw(error))
        except Exception as final:  # noqa: BLE001 - raised once the chunks are handed over
            self._error = final
        else:
            if isinstance(outcome, Relay):
                # Another host writes on, into the same session.
                self._exchange, self._turn, self._ended = outcome.opened.handle, [True], False
                return
        # Where it broke behind a finishing chunk, that one is the reader's all the same.
        self._session.release()

    def _interrupt(self, error: BaseException) -> None:
        if self._exchange is not None:
            self._exchange.progress.disconnect()
        self._close_exchange()
        if not self._ends():  # another thread is at it
            raise error
        self._driver.advance(self._run, lambda: self._run.cancel(error))

    def _close_exchange(self) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.close()

    def __del__(self) -> None:
        self.abandon()

    def abandon(self) -> None:
        """Give up from where nothing can be done about it: the flow leaves its settlement for the next call."""
        if getattr(self, "_ended", True) or not self._ends():
            return
        if self._exchange is not None:
            self._exchange.abort()
        self._run.flow.close()

    @override
    def __repr__(self) -> str:
        state = "ended" if self._ended else "open"
        return f"<Stream {self.call.provider}/{self.call.model} {state}>"

    def _ipython_display_(self) -> None:
        from ._live import show  # noqa: PLC0415 - only in notebooks

        show(self)

    def _repr_markdown_(self) -> str:
        return self.until_done()._repr_markdown_()


def opened(
    driver: SyncDriver, flow: Any, form: type[Stream[Any, Any]] | None = None
) -> Stream[Any, Any]:
    """Run a flow up to its relay and hand out the stream, in a form of its own if it has one."""
    run = Run(flow)
    relay = driver.advance(run, flow.__next__)
    return (form or Stream)(driver, run, relay)
