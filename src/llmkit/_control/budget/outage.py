"""What becomes of holds and settlements while a budget's store cannot be reached, and once it can be again.

Closed: no call goes out. Open: a call goes without a hold, which is written to a ledger on disk before it leaves; what
it spent is posted when the store is back. Either way a settlement that failed is kept and done again: on disk where
there is such a ledger, else in memory. Nothing here waits: stores are asked by effects, clocks are given.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from functools import reduce
from typing import Any, Final, Literal, NamedTuple

from ..._cost import MATH
from ..._flow import Flow, Store, notify, store
from ..._operations import Line, Posted, Reserve, Reserved, Settled, SettleHold, Untimely
from ...errors import BudgetUnavailableError, ConfigurationError, StoreError, StoreUnavailableError
from ...events import CatchUpFailed, SpendKept, SpendPosted, StoreReached, StoreUnreachable
from .gate import Gate, NotAsked
from .owed import GO, Done, Due, Go, Keep, Kept, Owed, owed, unsettled

__all__ = ["LetGo", "Outage"]

_LOOK_EVERY: Final = 5.0
"""Seconds between looks at the ledger on disk, where another process may have left something."""
_SHARE: Final = 0.05
"""Seconds that a call may be kept by what it does for others."""
_LONGEST_TURN: Final = 30.0
_MOST_IN_MEMORY: Final = 10_000


class LetGo(NamedTuple):
    """The call may go without a hold; it is owed for. It has the fields of ``Reserved``."""

    now: int
    expires: int
    lines: tuple[Line, ...] = ()
    again: bool = False


class _Waiting(NamedTuple):
    """What is owed and kept in memory. ``unheld``: on disk something is kept under its id."""

    owed: Owed
    unheld: bool


class Outage:
    """One budget's store, and what it is owed.

    Args:
        target: the store; it is asked by the ``Store`` effect.
        unreachable: whether calls go out while it cannot be reached.
        catch_up: what keeps on disk what is owed; it performs the operations of ``owed``.
        limit: most that may be spent without the store, in USD, by all that share ``catch_up``.
        clock: seconds, only forward.

    Raises:
        ConfigurationError: the store may be done without, but nothing keeps what is spent then.
    """

    def __init__(
        self,
        target: Any,
        *,
        unreachable: Literal["closed", "open"] = "closed",
        catch_up: Any = None,
        limit: Decimal | None = None,
        clock: Callable[[], float],
    ) -> None:
        if unreachable not in ("closed", "open"):
            raise ConfigurationError(f"unreachable must be 'closed' or 'open', not {unreachable!r}")
        if unreachable == "open" and catch_up is None:
            raise ConfigurationError("unreachable='open' needs catch_up=, the path of a file")
        self.open = unreachable == "open"
        self.gate = Gate(clock)
        self._target, self._disk, self._limit, self._clock = target, catch_up, limit, clock
        self._memory: deque[_Waiting] = deque()
        self.tell: Callable[[Any], Flow[None]] = notify
        """How events are told."""
        self._name = type(target).__name__
        self._look_at = self._memory_at = clock()
        self._busy_until = float("-inf")

    # --- asking ---

    def perform(self, operation: Any) -> Flow[Any]:
        """Perform an operation on the store, behind a little of what it is owed.

        Raises:
            StoreUnavailableError: the store cannot be reached; while that is known, it is not even asked.
        """
        if self.gate.down or self._anything_due():
            yield from self._before()
        return (yield from self._asked(operation))

    def _before(self) -> Flow[None]:
        """What is owed comes first, so that what was spent meanwhile counts for what is asked now."""
        if (refusal := self.gate.refusal()) is not None:
            raise refusal
        yield from self._some()

    def _asked(self, operation: Any) -> Flow[Any]:
        begun = self.gate.begin()
        try:
            answer = yield Store(operation, self._target)
            if answer is None:
                # What is performed for a call that was cancelled has little time.
                raise StoreUnavailableError("the store did not answer in time")
        except StoreUnavailableError as error:
            if self.gate.failed(error, begun):
                yield from self.tell(StoreUnreachable(self._name, error, self.open))
            raise
        except BaseException:
            self.gate.left()
            raise
        if (seconds := self.gate.worked()) is not None:
            self._look_at = self._memory_at = self._clock()
            yield from self.tell(StoreReached(self._name, seconds))
        return answer

    def _on_disk(self, operation: Any, what: str = "") -> Flow[Any]:
        """Perform it on the ledger on disk; ``None`` where that failed, which is told."""
        try:
            return (yield from store(operation, self._disk))
        except StoreError as error:
            self._look_at = self._clock() + _LOOK_EVERY
            yield from self.tell(CatchUpFailed(what, error.message))
            return None

    # --- a call's hold ---

    def reserve(self, op: Reserve, now: int) -> Flow[Any]:
        """``Reserve``: its answer, or ``LetGo`` where the store cannot be reached and the budget is open.

        Args:
            op: the hold to take.
            now: the store's time, as far as it is known; the windows of the claims were made for it.

        Raises:
            BudgetUnavailableError: the store cannot be reached, and the budget is closed, or the most that may
                be spent without it is used up, or the ledger on disk cannot be written.
        """
        try:
            owes = self._memory or self._disk is not None
            if self.gate.down or (owes and self._anything_due()):
                yield from self._before()
            return (yield from self._asked(op))
        except StoreUnavailableError as error:
            cause = error
        except StoreError:
            raise
        except BaseException:
            self._doubt(op, "cancelled")
            raise
        if self.open:
            # Should the hold have been taken all the same: what is owed for the call settles it first.
            return (yield from self._let_go(op, now, cause))
        if not isinstance(cause, NotAsked):
            self._doubt(op, "unreachable")
        raise self._closed(cause.message, cause)

    def _doubt(self, op: Reserve, flag: str, *, unheld: bool = False) -> None:
        """The hold may have been taken, and no call is made. Where too much is kept, its lease ends it."""
        if len(self._memory) < _MOST_IN_MEMORY:
            self._memory.append(_Waiting(_nothing(op, flag), unheld))

    def _let_go(self, op: Reserve, now: int, cause: Exception) -> Flow[LetGo]:
        go: Any = Go(unsettled(op, now), op.lease, self._limit)
        try:
            may = yield from store(go, self._disk)
        except StoreError as error:
            raise self._closed(f"{cause}; the catch-up ledger: {error.message}", error) from cause
        except BaseException:
            self._doubt(op, "cancelled", unheld=True)
            raise
        if not may:
            text = f"{cause}; what may be spent without the store ({self._limit} USD) is used up"
            raise self._closed(text, cause)
        return LetGo(now, now + op.lease)

    def _closed(self, why: str, cause: Exception) -> BudgetUnavailableError:
        message = f"the budget's store cannot be reached: {why}"
        error = BudgetUnavailableError(message, retry_after=self.gate.seconds)
        error.__cause__ = cause
        return error

    def settle(
        self, op: SettleHold, held: Reserve, answer: Reserved | LetGo
    ) -> Flow[Settled | None]:
        """End a hold, or record what was spent without one. No store's failure is the call's: it is done later.

        ``None``: it is kept, without the settlement that may come with it. Where the store does not know a hold that
        it gave, its spend is posted.
        """
        try:
            if isinstance(answer, LetGo):
                yield from self._kept(_waiting(op, held, answer), "the call went without a hold")
                return None
            return (yield from self._now_or_later(op, held, answer))
        except GeneratorExit:
            self.leave(op, held, answer)
            raise
        except BaseException:
            # Cancelled, most likely: a little may still be done, and if not, it is done later.
            self.leave(op, held, answer)
            with suppress(StoreError):
                yield from self._some()
            raise

    def leave(self, op: SettleHold, held: Reserve, answer: Reserved | LetGo) -> None:
        """``settle`` where no flow can run any more: the next one does it."""
        self._memory.append(_waiting(op, held, answer))

    def _now_or_later(
        self, op: SettleHold, held: Reserve, answer: Reserved | LetGo
    ) -> Flow[Settled | None]:
        try:
            if self.gate.down and (refusal := self.gate.refusal()) is not None:
                raise refusal
            settled: Settled = yield from self._asked(op)
            if settled.status != "missing":
                return settled
            post = _waiting(op, held, answer).owed.post
            if post is None:
                return settled
            return (yield from self._done(Owed(None, post)))._replace(stored=settled.stored)
        except StoreError as error:
            yield from self._kept(_waiting(op, held, answer), error.message)
            return None

    def _done(self, what: Owed) -> Flow[Settled]:
        """Do what is owed, by ids that the store counts once."""
        settle, post = what
        if settle is not None:
            settled: Settled = yield from self._asked(settle)
            if post is None or settled.status != "missing":
                return settled
        answer: Posted | Untimely = yield from self._asked(post)
        if isinstance(answer, Untimely):
            raise StoreError(f"what was spent at {post and post.at} fits into no period")
        return Settled("settled" if answer.status == "posted" else "again", answer.now)

    # --- keeping ---

    def _kept(self, waiting: _Waiting, why: str) -> Flow[None]:
        """Keep it on disk, or else in memory, and say so."""
        if self._disk is not None and (yield from self._on_disk(Keep(*waiting), waiting.owed.id)):
            yield from self._told(waiting, "disk", why)
            return
        self._memory.append(waiting)
        yield from self._told(waiting, "memory", why)
        while len(self._memory) > _MOST_IN_MEMORY:
            yield from self._told(self._memory.popleft(), "nowhere", "memory keeps no more")

    def _told(
        self, waiting: _Waiting, where: Literal["disk", "memory", "nowhere"], why: str
    ) -> Flow[None]:
        yield from self.tell(SpendKept(waiting.owed.id, waiting.owed.usd, where, why))

    # --- catching up ---

    def catch_up(self) -> Flow[int]:
        """Do all that the store is owed; how much was done.

        What is left, because the store refuses it, stays on disk, or in memory, and is tried again.

        Raises:
            StoreUnavailableError: the store cannot be reached; nothing is lost.
        """
        return (yield from self._all(float("inf")))

    def end(self) -> Flow[None]:
        """The process ends: what memory holds is done, or written to disk, or told to be nowhere.

        What is nowhere is not unspent: a hold that is never settled becomes spend, all of it.
        """
        with suppress(StoreError):
            yield from self.catch_up()
        for _ in range(len(self._memory)):
            waiting = self._memory.popleft()
            kept = self._disk and (yield from self._on_disk(Keep(*waiting), waiting.owed.id))
            yield from self._told(waiting, "disk" if kept else "nowhere", "the process ends")

    def _anything_due(self) -> bool:
        if self._memory and self._clock() >= self._memory_at:
            return True
        return self._disk is not None and self._clock() >= self._look_at

    def _some(self) -> Flow[None]:
        """Do what is owed, for a little while. One call at a time does: the others have something else to do."""
        now = self._clock()
        if now < self._busy_until:
            return
        self._busy_until = now + _LONGEST_TURN
        try:
            yield from self._all(now + _SHARE)
        finally:
            self._busy_until = now

    def _all(self, until: float) -> Flow[int]:
        done = yield from self._from_memory(until)
        if self._disk is not None:
            done += yield from self._from_disk(until)
        return done

    def _from_memory(self, until: float) -> Flow[int]:
        done = 0
        for _ in range(len(self._memory)):
            if self._clock() >= until or not self._memory:
                break
            waiting = self._memory.popleft()
            try:
                done += yield from self._remembered(waiting)
            except BaseException:
                self._memory.append(waiting)
                raise
        return done

    def _remembered(self, waiting: _Waiting) -> Flow[int]:
        kept = waiting.unheld and (yield from self._on_disk(Keep(*waiting), waiting.owed.id))
        if kept or (yield from self._tried(waiting.owed)):
            return 1
        self._memory.append(waiting)
        self._memory_at = self._clock() + _LOOK_EVERY
        return 0

    def _tried(self, what: Owed) -> Flow[bool]:
        """Do it, if the store does not refuse: that is told, and it is tried again much later."""
        try:
            yield from self._done(what)
        except StoreUnavailableError:
            raise
        except StoreError as error:
            yield from self.tell(CatchUpFailed(what.id, error.message))
            return False
        return True

    def _from_disk(self, until: float) -> Flow[int]:
        done = 0
        while self._clock() < until:
            batch: tuple[Kept, ...] | None = yield from self._on_disk(Due())
            if not batch:
                self._look_at = self._clock() + _LOOK_EVERY
                break
            done += yield from self._batch(batch, until)
        return done

    def _batch(self, batch: tuple[Kept, ...], until: float) -> Flow[int]:
        done: list[Kept] = []
        left = list(batch)
        try:
            while left and not (done and self._clock() >= until):
                if (yield from self._tried(left[0].owed)):
                    done.append(left[0])
                # What the store refused stays taken for a while, so that others come first.
                del left[0]
        except StoreUnavailableError:
            yield from self._marked(done, left)
            raise
        yield from self._marked(done, left)
        return len(done)

    def _marked(self, done: list[Kept], back: list[Kept]) -> Flow[None]:
        numbers = tuple(kept.number for kept in done)
        yield from self._on_disk(Done(numbers, tuple(kept.number for kept in back)))
        if done:
            usd = reduce(MATH.add, (kept.owed.usd for kept in done))
            yield from self.tell(SpendPosted(len(done), usd))


def _waiting(op: SettleHold, held: Reserve, answer: Reserved | LetGo) -> _Waiting:
    """What is owed. Most is settled and never owed: so it is made late."""
    unheld = isinstance(answer, LetGo)
    if op.settlement is not None:
        # It is stored by whoever is told that it was not.
        op = op._replace(settlement=None)
    return _Waiting(owed(op, held, answer.now, GO if unheld else "lost"), unheld)


def _nothing(op: Reserve, flag: str) -> Owed:
    """What is owed for a hold that nobody knows to be there, for a call that is not made."""
    nothing = tuple(Decimal(0) for _ in op.claims)
    return Owed(SettleHold(op.hold, "release", nothing, Decimal(0), flag=flag), None)
