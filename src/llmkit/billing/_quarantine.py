"""``Outbox``: a store whose file may be damaged, or cannot be written for a while, and what becomes of bills then.

While all goes well it only passes operations on. What to do when it does not is decided in generators without colour,
which say what is to be performed next.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Generator
from typing import Any, Final, Literal, NamedTuple

from typing_extensions import override

from .._billing_events import OutboxFailed, OutboxQuarantined
from .._control.checking import checked
from .._io._clock import SYSTEM_CLOCK, Clock
from .._io.stores._worker import Worker
from .._outbox import Conclude, Count, Intend, Owing
from ..errors import BillingError, StoreError, StoreUnavailableError
from ._spill import Spill

__all__ = ["Outbox", "OutboxCounts"]

WhenFull = Literal["spill", "block", "raise"]

_CALLS: Final = (Intend, Conclude)
_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0
_PATIENCE: Final = 1.0
"""Seconds between two attempts to write what is in memory, and no less than five times what the last one took."""


class OutboxCounts(NamedTuple):
    """How often, since it was made.

    ``spilled``: something was kept in memory. ``failed``: the store did not do what it was asked. ``refused``: a call
    was not let go out. ``lost``: a call that had ended could not be written, and its caller was told so by an error.
    ``quarantined``: a damaged file was moved aside.
    """

    spilled: int = 0
    failed: int = 0
    refused: int = 0
    lost: int = 0
    quarantined: int = 0


class _Pause(NamedTuple):
    seconds: float


class _Mend(NamedTuple):
    sure: bool


_Steps = Generator[Any, Any, Any]


class Outbox:
    """Performs the operations of ``_outbox`` with a store, in both colours.

    Args:
        store: who performs them. Of a ``SQLiteStore`` that is damaged, the file is moved aside.
        tell: is told of what went wrong: ``OutboxFailed``, ``OutboxQuarantined``. It may not raise.
        when_full: what becomes of a call that begins or ends while the store cannot be written. ``"spill"``: it is
            kept in memory and written as soon as it can be. ``"block"``: wait for up to ``block_seconds``, then
            raise. ``"raise"``: at once.
        spill_limit: with that many operations in memory, no more calls begin. What has ended is always kept.
        quarantine: whether a damaged file may be moved.
        clock: what is waited by.
    """

    def __init__(
        self,
        store: Any,
        tell: Callable[[Any], None],
        *,
        when_full: WhenFull = "spill",
        spill_limit: int = 10_000,
        block_seconds: float = 30.0,
        quarantine: bool = True,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.store = store
        self._tell = tell
        self._when_full = when_full
        self._limit = spill_limit
        self._block_seconds = block_seconds
        self._path: str = getattr(store, "path", "") if quarantine else ""
        self._clock = clock
        self._counts = OutboxCounts()
        self.refusing = ""
        """Why the last call that was to begin was not let go out; ``""``: it was."""
        self._worker = Worker(self._mend, "llmkit-quarantine")
        self.forget()

    @override
    def __repr__(self) -> str:
        return f"Outbox({self.store!r}, when_full={self._when_full!r})"

    def forget(self) -> None:
        """In a forked process: what is in memory is the parent's to write."""
        self._spill = Spill(self._limit)
        # A signal's handler may come back into the middle of either.
        self._lock = threading.RLock()
        self._mending = threading.RLock()
        self._recovering = threading.Lock()
        self._again = 0.0
        self._ailing = False
        self._worker.forget()

    @property
    def spilled(self) -> int:
        """How many operations are in memory now."""
        return len(self._spill)

    @property
    def counts(self) -> OutboxCounts:
        """What has happened so far."""
        return self._counts._replace(spilled=self._spill.total)

    def perform(self, operation: Any) -> Any:
        """Perform one operation, blocking.

        Raises:
            BillingError: a call may not begin, or could not be concluded, by the policy that was chosen.
            StoreError: anything else could not be done, or can be done by no store.
        """
        if self._ailing:
            return self._run(self._careful(operation))
        try:
            return self._passed(operation, self.store.perform(operation))
        except StoreError as error:
            failure = error
        return self._run(self._failed(operation, failure))

    async def aperform(self, operation: Any) -> Any:
        """``perform``, without holding up the loop."""
        if self._ailing:
            return await self._arun(self._careful(operation))
        try:
            return self._passed(operation, await self._astore(operation))
        except StoreError as error:
            failure = error
        return await self._arun(self._failed(operation, failure))

    def recover(self) -> None:
        """Try to write what is in memory; it stays there if it cannot be."""
        if self._ailing:
            self._run(self._recovery())

    async def arecover(self) -> None:
        """``recover``, awaited."""
        if self._ailing:
            await self._arun(self._recovery())

    def close(self) -> None:
        """Write what can be written, and close the store."""
        self.recover()
        self._worker.stop()
        self.store.close()

    async def aclose(self) -> None:
        """``close``, awaited."""
        await self.arecover()
        self._worker.stop()
        await self.store.aclose()

    def _passed(self, operation: Any, answer: Any) -> Any:
        if self.refusing and isinstance(operation, _CALLS):
            self.refusing = ""
        return answer

    # --- what is done, without colour --------------------------------------------------------

    def _failed(self, operation: Any, error: StoreError) -> _Steps:
        """It failed for the first time: mend what can be mended, or go by the policy."""
        checked(operation)
        try:
            return (yield from self._mended(operation, error))
        except StoreError as lasting:
            if not isinstance(operation, _CALLS):
                raise
            failure = lasting
        passing = isinstance(failure, StoreUnavailableError)
        if self._when_full == "spill" and (passing or isinstance(operation, Conclude)):
            return self._keep(operation, failure)
        if self._when_full == "block" and passing and not _bills_nothing(operation):
            return (yield from self._waited(operation, failure))
        raise self._refusal(operation, failure) from failure

    def _careful(self, operation: Any) -> _Steps:
        """Some operations are in memory: what comes now comes behind them."""
        if self._clock.now() >= self._again:
            yield from self._recovery()
        if not self._spill:
            return (yield from self._tried(operation))
        if isinstance(operation, _CALLS):
            return self._keep(checked(operation), None)
        found = yield operation
        if isinstance(operation, Count | Owing):
            return self._spill.beside(operation, found, self._now())
        return found

    def _tried(self, operation: Any) -> _Steps:
        try:
            return (yield operation)
        except StoreError as error:
            failure = error
        return (yield from self._failed(operation, failure))

    def _recovery(self) -> _Steps:
        """Write what is in memory, in order, until that fails."""
        taken: list[bool] = []
        try:
            # Noted as it is taken: nothing interrupts in between.
            taken.extend(map(self._recovering.acquire, (False,)))
            if True not in taken:
                return
            while (first := self._spill.first()) is not None:
                began = self._clock.now()
                try:
                    yield from self._written(*first)
                except StoreError:
                    took = self._clock.now() - began
                    self._again = self._clock.now() + max(_PATIENCE, 5 * took)
                    self._spill.settle(self._now())
                    return
            self._recovered()
        finally:
            if True in taken:
                self._recovering.release()

    def _written(self, number: int, operation: Any) -> _Steps:
        try:
            yield operation
        except StoreError as error:
            failure = error
        else:
            self._spill.written(number, operation)
            return
        yield from self._mended(operation, failure)
        self._spill.written(number, operation)

    def _recovered(self) -> None:
        self._spill.settle(self._now())
        with self._lock:
            self._ailing = bool(self._spill)

    def _mended(self, operation: Any, error: StoreError) -> _Steps:
        """Do it again in a new file, where it is the file's fault. Raises why it cannot be done."""
        self._count("failed")
        for sure in (False, True):
            if not (self._path and _is_damage(error)):
                break
            try:
                yield _Mend(sure)
                return (yield operation)
            except StoreError as another:
                error = another
            except (OSError, sqlite3.Error):
                break
        raise error

    def _waited(self, operation: Any, error: StoreError) -> _Steps:
        """Try again for a while."""
        until, pause = self._clock.now() + self._block_seconds, _PAUSE
        while (left := until - self._clock.now()) > 0:
            yield _Pause(min(pause, left))
            pause = min(2 * pause, _LONGEST_PAUSE)
            try:
                return (yield operation)
            except StoreUnavailableError as another:
                error = another
        raise self._refusal(operation, error) from error

    # --- what becomes of it ------------------------------------------------------------------

    def _keep(self, operation: Any, failure: StoreError | None) -> Any:
        try:
            answer = self._spill.add(operation, self._now())
        except BillingError:
            self._count("refused")
            raise
        with self._lock:
            first, self._ailing = not self._ailing, True
        if first and failure is not None:
            self._again = self._clock.now() + _PATIENCE
            self._tell(OutboxFailed(str(failure), "memory"))
        return answer

    def _refusal(self, operation: Any, failure: StoreError) -> BillingError:
        if isinstance(operation, Intend):
            self._count("refused")
            self.refusing = str(failure)
            return BillingError(f"the outbox cannot be written, the call was not made: {failure}")
        if _bills_nothing(operation):
            return BillingError(
                f"the outbox cannot be written, {operation.call} is open: {failure}"
            )
        self._count("lost")
        self._tell(OutboxFailed(str(failure), "nowhere"))
        return BillingError(
            f"the outbox cannot be written, what {operation.call} is billed for is not in it: {failure}"
        )

    def _count(self, what: str) -> None:
        with self._lock:
            self._counts = self._counts._replace(**{what: getattr(self._counts, what) + 1})

    def _now(self) -> int:
        return int(self._clock.wall() * 1000)

    # --- the colours -------------------------------------------------------------------------

    def _run(self, steps: _Steps) -> Any:
        with contextlib.closing(steps):
            try:
                step = next(steps)
                while True:
                    try:
                        value = self._do(step)
                    except BaseException as error:  # noqa: BLE001 - it is raised where it is awaited
                        step = steps.throw(error)
                    else:
                        step = steps.send(value)
            except StopIteration as end:
                return end.value

    def _do(self, step: Any) -> Any:
        if isinstance(step, _Pause):
            return self._clock.sleep(step.seconds)
        return self._mend(step) if isinstance(step, _Mend) else self.store.perform(step)

    async def _arun(self, steps: _Steps) -> Any:
        with contextlib.closing(steps):
            try:
                step = next(steps)
                while True:
                    try:
                        value = await self._ado(step)
                    except BaseException as error:  # noqa: BLE001 - it is raised where it is awaited
                        step = steps.throw(error)
                    else:
                        step = steps.send(value)
            except StopIteration as end:
                return end.value

    async def _ado(self, step: Any) -> Any:
        if isinstance(step, _Pause):
            return await self._clock.asleep(step.seconds)
        return await (self._worker.perform(step) if isinstance(step, _Mend) else self._astore(step))

    async def _astore(self, operation: Any) -> Any:
        performing = getattr(self.store, "aperform", None)
        return self.store.perform(operation) if performing is None else await performing(operation)

    def _mend(self, step: _Mend, since: float = 0.0) -> None:
        """Move the damaged file aside. One thread does it, of one process."""
        from .._io.stores._sqlite_quarantine import quarantined  # noqa: PLC0415 - few are damaged

        with self._mending:
            done = quarantined(self._path, self.store.perform, self.store.close, sure=step.sure)
        if done is not None:
            self._count("quarantined")
            reason = f"{done.saved} bills could be saved from it"
            self._tell(OutboxQuarantined(done.path, reason))


def _bills_nothing(operation: Any) -> bool:
    """Whether it only takes an intent away, which ends by itself: nothing is lost with it."""
    return isinstance(operation, Conclude) and not operation.bills


def _is_damage(error: StoreError) -> bool:
    from .._io.stores._sqlite_quarantine import is_damage  # noqa: PLC0415 - few are damaged

    return is_damage(error)
