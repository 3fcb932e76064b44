"""What one call tells billing: that it begins, before its first request leaves, and, once, what it comes to.

It is to billing what ``Holds`` is to budgets. What is billed for what has ended is decided in ``charging``; how much
an attempt can cost in ``need``; whose it is, what is allowed, and how it is kept, by the desk.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from ..._billing_events import OutboxFailed
from ..._call import Call
from ..._cost import Cost, Unbounded
from ..._flow import Flow, notify, store
from ..._secret import redact
from ..._settlements import Settlement, UsageSource
from ...errors import BillingError, NotEntitledError
from ...types.usage import Usage
from ..retry import refused
from .charge import Begin, Charge, Finish
from .charging import Part, Parts, charged

if TYPE_CHECKING:
    from decimal import Decimal

    from ..job import Job
    from ..need import Need
    from ..settle import Account

__all__ = ["Tab"]


class Tab:
    """One call's side of billing. A fork of it is of what runs beside others, for the same call."""

    __slots__ = (
        "_begins", "_desk", "_finish", "_job", "_last", "_left", "_open", "_parts", "_proven", "_reserved",
        "batch", "decided",
    )  # fmt: skip

    def __init__(self, job: Job) -> None:
        self._job, self._desk = job, job.desk
        self._begins: list[Begin] = []
        """Those that were not refused, of which some may be under way, or not have come to their end."""
        self._reserved: list[Decimal | None] = []
        """What those reserved that have."""
        self._parts: dict[int, Part] = {}
        """What has ended, and is not what the call comes to."""
        self._open: Part | None = None
        self._last: Part | None = None
        """What has ended last, and is the call's unless another is asked."""
        self._proven = False
        """Whether a request has gone well under what is open."""
        self.decided = False
        """Whether it is known what is billed for."""
        self._finish: Finish | None = None
        """What is still to be performed."""
        self._left = False
        """Whether that has failed before."""
        self.batch: Any = None
        """The ``Batch`` whose results are looked at, where its rows are billed."""

    @property
    def owing(self) -> bool:
        """Whether anything is still to be performed."""
        return self._finish is not None and not self._left

    @property
    def drains(self) -> float:
        """Seconds for which a stream that is closed early is read on, so that its usage is seen."""
        return float(getattr(self._desk, "drain_seconds", 0.0))

    # --- before a request leaves

    def leaving(self, need: Need, method: str) -> Flow[None]:
        """A request is about to leave: say so, unless as much was said before.

        Raises:
            NotEntitledError, BillingError: it may not.
        """
        if need.leg.call.concerns is not None or (method == "GET" and self._reserved):
            return
        bound = need.usd()
        usd = None if isinstance(bound, Unbounded) else bound
        if not self._is_more(usd):
            return
        begin = self._begin(need.leg.call, usd)
        # Said first: one that is given up on the way may have been performed.
        self._begins.append(begin)
        try:
            yield from store(begin, self._desk)
        except (NotEntitledError, BillingError):
            self._begins.remove(begin)
            raise
        self._reserved.append(usd)

    def _is_more(self, usd: Decimal | None) -> bool:
        known = [reserved for reserved in self._reserved if reserved is not None]
        if len(known) < len(self._reserved):
            return False  # nothing is more than what has no bound
        return usd is None or not known or usd > max(known)

    def _begin(self, call: Call, usd: Decimal | None) -> Begin:
        job = self._job
        lease = math.ceil(job.timeouts.total * 1000)
        about = (call.provider, call.model, job.kind, lease)
        return Begin(job.id, job.attributes, *about, usd, job.metadata)

    # --- what may be billed

    def asking(self, number: int, call: Call, address: str) -> None:
        """An exchange begins."""
        if self._open is None and call.concerns is None:
            self._was_not_it()
            # No call between the two: an interrupt sees neither, or both.
            self._open, self._proven = Part(number, call, address), False

    def went_well(self) -> None:
        """A request has been answered, which is not the whole answer yet."""
        self._proven = True

    def failed(self, error: BaseException, method: str) -> None:
        """An attempt has failed: whether it may have been done all the same."""
        if self._open is None:
            return
        if getattr(error, "sent", "maybe") == "no" or refused(error):
            if not self._proven:
                self._open = None
        elif method != "GET":
            self.given_up()

    def given_up(self) -> None:
        """No more is asked on this deployment: what is open still may be billed."""
        if self._open is not None:
            self._last, self._open = self._ended(self._open), None

    def broke(self, usage: Usage | None, source: UsageSource, cost: Cost) -> None:
        """The stream that is open has broken, and has come to this."""
        if self._open is not None:
            part = self._ended(self._open)._replace(known=(usage, source, cost))
            self._last, self._open = part, None

    def _ended(self, part: Part) -> Part:
        return part._replace(at=self._now()) if not part.at else part

    def _was_not_it(self) -> None:
        """Another is asked: what has ended before is not what the call comes to."""
        if (last := self._last) is not None:
            self._parts[last.number] = last
            self._last = None

    def _now(self) -> int:
        return int(self._job.clock.wall() * 1000)

    # --- beside each other

    def fork(self) -> Tab:
        """A tab of what runs beside others for this call; what was told before it need not be told again."""
        other = Tab(self._job)
        other._begins, other._reserved = self._begins, self._reserved
        return other

    def merge(self, other: Tab, *, goes_on: bool) -> None:
        """Take over a fork's; once more changes nothing. Unless it ``goes_on``, it is not what the call comes to."""
        if not goes_on:
            other.given_up()
            self._parts |= other._all()
            return
        self._parts |= other._parts
        if self._last is not other._last:
            self._was_not_it()
        self._open, self._last, self._proven = other._open, other._last, other._proven

    def left_behind(self, other: Tab) -> None:
        """A fork is not waited for: whatever it has asked may be billed."""
        self._parts |= {part.number: self._ended(part) for part in other._all().values()}

    def _all(self) -> dict[int, Part]:
        found = (*self._parts.values(), self._last, self._open)
        return {part.number: part for part in found if part is not None}

    # --- its end

    def ended(self, account: Account, settlement: Settlement, answer: Any) -> None:
        """The call has ended like this: decide what is billed for."""
        now, last = self._now(), self._open or self._last
        before = self._all()
        if last is not None:
            del before[last.number]
        parts = Parts(tuple(sorted(before.values())), last, now, self._rows(settlement.provider))
        charges = charged(account, settlement, answer, parts)
        if charges or self._begins:
            job = self._job
            # Whoever looks at a batch, its rows are the same: of the batch, not of who looks.
            call = job.id if self.batch is None else str(self.batch.id)
            self._finish = Finish(call, job.attributes, charges, job.metadata)
        self.decided = True

    def counts_rows(self, call: Call) -> bool:
        """Whether a call looks at the results of a batch whose rows are billed, and the batch is not known yet."""
        wanted = self.batch is None and call.concerns == ("batches", "content")
        return wanted and bool(getattr(self._desk, "batch_results", False))

    def _rows(self, provider: str) -> Callable[[Any], Iterable[Charge]] | None:
        if self.batch is None:
            return None
        from .rows import charges_of  # noqa: PLC0415 - few calls look at a batch

        return partial(charges_of, self.batch, provider)

    def settle(self) -> Flow[Exception | None]:
        """Say what the call comes to; a failure that billing wants its caller to hear of is returned."""
        return (yield from self._performed()) if self.owing else None

    def close(self) -> Flow[None]:
        """The same for who comes later, whose affair no failure is."""
        yield from self._performed()

    def owes_again(self, other: Tab) -> bool:
        """Whether to say once more what it came to: a fork's beginning may have come behind it."""
        job = self._job
        if self.decided and self._finish is None and len(other._begins) > len(other._reserved):
            self._finish = Finish(job.id, job.attributes, (), job.metadata)
            return True
        return False

    def _performed(self) -> Flow[Exception | None]:
        if self._finish is None:
            return None
        failure: Exception | None = None
        try:
            try:
                answer = yield from store(self._finish, self._desk)
            except Exception as error:  # noqa: BLE001 - a call's answer is its caller's, whatever becomes of this
                failure = error
            if failure is not None:
                return (yield from self._could_not(failure))
            if answer is not None:
                self._finish = None
            else:
                # Given up by who was cancelled, and waits no longer.
                self._leave()
            return None
        finally:
            # It knows this frame: what both hold would wait for the collector.
            failure = None

    def _could_not(self, failure: Exception) -> Flow[Exception | None]:
        """It is tried once more by whoever comes next; what began is known to the outbox, and does not get lost."""
        again = not self._left
        if again:
            self._leave()
        else:
            self._finish = None
        why = f"{type(failure).__name__}: {redact(str(failure))}"
        yield from notify(OutboxFailed(why, "memory" if again else "nowhere"))
        return failure if isinstance(failure, BillingError) else None

    def _leave(self) -> None:
        self._left = True
        self._job.abandon(self)
