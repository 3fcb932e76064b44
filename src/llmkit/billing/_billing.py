"""``LagoBilling``: put together, and its life: flushing, closing, forks, the process's end."""

from __future__ import annotations

from types import TracebackType
from typing import Any, ClassVar, Final, Never, Self

from typing_extensions import Unpack, override

from .._control.billing.options import BillingOptions
from .._control.billing.standing import Flushed
from .._left import known
from ..errors import ConfigurationError
from ._checking import Checking
from ._looking import Looking
from ._operating import Operating
from ._reports import Reporting

__all__ = ["LagoBilling"]

_AT_EXIT: Final = 5.0


class LagoBilling(Checking, Reporting, Looking, Operating):
    """Bills calls through Lago, exactly once each, and asks it who may make them.

    Give it to clients, ``Client(billing=lago)``, or use it alone. One object serves all threads, event loops and
    clients of a process; a forked process goes on with its own. Nothing is opened, begun or asked before the first
    use.

    Args:
        api_url: where Lago is: ``https://api.getlago.com`` (the default), ``https://api.eu.getlago.com`` or your own.
            Else ``LAGO_API_URL`` or ``LAGO_API_BASE`` says it. ``/api/v1`` is put behind a bare host.
        api_key: its key, or a function that gives it; else ``LAGO_API_KEY``.
        **options: see ``BillingOptions``.

    Raises:
        ConfigurationError: an option is none, or not meant like this; the message says what to change.
    """

    ends_last: ClassVar[bool] = True
    """At the process's end: behind the clients, whose last streams are billed then."""

    @override
    def __init__(
        self, api_url: str | None = None, api_key: Any = None, **options: Unpack[BillingOptions]
    ) -> None:
        super().__init__(api_url, api_key, **options)
        known(self)

    def flush(self, timeout: float | None = None) -> Flushed:
        """Send what waits to be sent; what came of it.

        Args:
            timeout: seconds for all of it. Without, it goes on as long as bills are taken, and ends where Lago can
                take none just now: what is left is tried again by itself.

        Raises:
            StoreError: the outbox cannot be read or written.
        """
        self._outbox.recover()
        return self._link.run(self._works.flush(_seconds(timeout)))

    async def aflush(self, timeout: float | None = None) -> Flushed:  # noqa: ASYNC109 - as in ``flush``
        """``flush``, awaited."""
        await self._outbox.arecover()
        return await self._link.arun(self._works.flush(_seconds(timeout)))

    def close(self, timeout: float | None = None) -> int:
        """Send what waits for so many seconds (``close_seconds``), end the thread, close what was opened here.

        Returns:
            How many bills wait to be sent still. In an outbox on disk they are for the next process; in memory they
            are lost with this one. The object can be used again.

        Raises:
            StoreError: the outbox cannot be read or written; all the rest is closed.
        """
        until = self._until(timeout)
        self._sender.stop(max(0.0, until - self.settings.clock.now()))
        try:
            return self._works.end(until)
        finally:
            self._link.close()
            if self._owned:
                self._outbox.close()
            self._observers.flush()

    async def aclose(self, timeout: float | None = None) -> int:  # noqa: ASYNC109 - as in ``close``
        """``close``, awaited."""
        until = self._until(timeout)
        # Its request, if it has one out, is waited for by what follows, without holding up the loop.
        self._sender.stop(0)
        try:
            await self._outbox.arecover()
            return await self._link.arun(self._works.ending(until))
        finally:
            await self._link.aclose()
            if self._owned:
                await self._outbox.aclose()
            await self._observers.aflush()

    def _until(self, timeout: float | None) -> float:
        seconds = _seconds(timeout)
        return float(
            self.settings.clock.now()
            + (self.settings.close_seconds if seconds is None else seconds)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    @override
    def __reduce__(self) -> Never:
        raise TypeError(
            "a LagoBilling cannot be copied or pickled: make one in each process, with the same outbox"
        )

    @override
    def __repr__(self) -> str:
        return f"LagoBilling({self.settings.api_url!r}, outbox={self._outbox.store!r})"

    def _at_exit(self) -> None:
        """The process ends: what is left is sent, for a short time."""
        if not self._sender.begun:
            return
        self._sender.stop(0)
        if self.settings.background:
            self._works.finish(min(self.settings.close_seconds, _AT_EXIT))
        elif not self._durable:
            self._works.leave()

    def _after_fork(self) -> None:
        """In a forked process: thread, connections and what is on its way are the parent's."""
        self._sender.forget()
        self._works.renew()
        self._outbox.forget()


def _seconds(timeout: Any) -> float | None:
    if timeout is None:
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or timeout != timeout:  # noqa: PLR0124 - NaN
        raise ConfigurationError(f"timeout is in seconds, such as 5, not {timeout!r:.80}")
    return float(timeout)
