"""How bills reach Lago: one lane, batch after batch in order, each text as it was written, until they are there.

What cannot be delivered now stays queued; what is refused for a reason goes to the dead letter with it; what is
refused without one is looked for by halves, set aside and tried again, and never dropped. Nothing here waits, reads a
clock or is random: that is the driver's, or given.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from ..._billing_events import BillConflict, BillDead, BillDoubtful, BillsDelivered
from ..._flow import Cancelled, Deadlines, Flow, notify, send, sleep, store
from ..._http import HTTPRequest, HTTPResponse
from ..._outbox import Bill, Count, Mark, Marked, ReleaseLane, Take, Taken
from ...errors import LagoError
from .answers import read_event
from .aside import Aside
from .comparing import differences
from .lago import Lago
from .pace import Pace
from .verdict import Verdict, judge

__all__ = ["Delivery", "Round", "Terms"]

_ENVELOPE: Final = len('{"events":[]}')
# Fewer bytes than these were not too many: what refused them means something else.
_LEAST_BYTES: Final = 10_000
_CONNECT: Final = 5.0
# With less time than this left, a request that has to be cut off is not begun.
_LEAST_SECONDS: Final = 0.05
_UNVERIFIED: Final = 1000


@dataclass(frozen=True, slots=True)
class Terms:
    """How bills are delivered. Times are seconds.

    ``flush_at``, ``flush_every``: a patient run leaves fewer bills than that alone, until the first is so old.
    ``lease``: how long the lane is kept without a word; more than twice ``timeout``, of one request.
    ``verify_duplicates``: ask what Lago has under an id that it has already.
    """

    batch_size: int = 100
    max_bytes: int = 1_000_000
    requests_per_second: float = 50.0
    timeout: float = 10.0
    lease: float = 60.0
    verify_duplicates: bool = False
    flush_at: int = 1
    flush_every: float = 0.0


class Round(NamedTuple):
    """What came of one ``run``. ``left``: how many are queued still.

    ``wait``: seconds before which nothing can be done, ``None``: there is no such time. ``due``: seconds after which
    what is left is sent at the latest: few bills that wait for more, or such as were refused without a reason.
    """

    delivered: int = 0
    deduped: int = 0
    dead: int = 0
    left: int = 0
    wait: float | None = None
    due: float | None = None


class _End(NamedTuple):
    """How a run ends."""

    wait: float | None
    left: int
    due: float | None = None


class Delivery:
    """Delivers an outbox's bills to one Lago. One run at a time; what was learnt is kept from run to run.

    ``sender``: what the lane is taken as, of this object alone. ``now``: the driver's clock, in seconds.
    ``draw``: evenly from 0 to 1.
    """

    def __init__(
        self,
        lago: Lago,
        sender: str,
        now: Callable[[], float],
        draw: Callable[[], float],
        terms: Terms | None = None,
    ) -> None:
        self.terms: Final = terms or Terms()
        self.pace: Final = Pace(now, draw, self.terms.requests_per_second)
        """What is known of the way: ``failures``, ``since``, ``reason``, ``wrong_key``."""
        self.aside: Final = Aside(now)
        """What was refused without a reason, and is tried again later, alone."""
        self.size = self.terms.batch_size
        """How many events a request may have, as far as Lago has said."""
        self.stored_refused = 0
        """How many events Lago had stored though it had refused their batch, as versions before 2026 did."""
        self._lago = lago
        self._sender = sender
        self._now = now
        self._bytes = self.terms.max_bytes
        self._rest = 0
        self._finished = False
        self._innocent: frozenset[str] = frozenset()
        self._unwritten: deque[Mark] = deque()
        self._unverified: deque[Bill] = deque(maxlen=_UNVERIFIED)
        self._counts = [0, 0, 0]
        self.in_flight = 0
        """How many bills the request has that is out now."""

    def run(self, until: float, *, hard: bool = False, patient: bool = False) -> Flow[Round]:
        """Deliver what there is, or until this time of ``now``; at least one batch, if it may leave by then.

        What comes while the last of it is sent, is the next run's: or each would be a request of its own. Waits that
        end later are not begun: ``Round.wait`` says how long they are. ``hard``: requests are cut off at that time,
        too. ``patient``: few bills wait for more, as the terms say. The lane is kept while there is something to wait
        for, and given back otherwise.

        Raises: StoreError: the outbox cannot be read or written. What Lago has by then is written down next time,
        or sent again as it was.
        """
        self._counts = [0, 0, 0]
        try:
            cutoff = until if hard else float("inf")
            end = yield from self._rounds(until, cutoff, patient=patient)
        except Cancelled:
            yield from self.release()
            raise
        delivered, deduped, dead = self._counts
        return Round(delivered, deduped, dead, end.left, end.wait, end.due)

    def release(self) -> Flow[bool]:
        """Write down what is known, and give the lane back; for who ends, or whose ``run`` was closed midway."""
        yield from self._write()
        return (yield from store(ReleaseLane(self._sender)))  # type: ignore[no-any-return]

    def _rounds(self, until: float, cutoff: float, *, patient: bool) -> Flow[_End]:
        while True:
            if (wait := self.pace.wait) > max(0.0, until - self._now()):
                return _End(wait, (yield from self._left()))
            if wait:
                yield from sleep(wait)
            end = yield from self._batch(cutoff, patient=patient)
            if end is not None:
                return end
            if self._now() >= until:
                return _End(0.0, (yield from self._left()))

    def _batch(self, cutoff: float, *, patient: bool) -> Flow[_End | None]:
        """One batch; what is returned ends the run."""
        yield from self._write()
        asked = self._now()
        take = self._take()
        taken: Taken = yield from store(take)
        if taken.sender != self._sender:
            wait = max(0, taken.until - taken.now) / 1000
            return _End(wait, (yield from self._left()))
        bills = self._chosen(taken.bills)
        due = self._due(taken, bills) if patient else 0.0
        if not bills or due > 0:
            yield from self.release()
            return _End(None, len(taken.bills), due if bills else self.aside.wait)
        now = self._now()
        if cutoff - now < _LEAST_SECONDS:
            return _End(0.0, (yield from self._left()))
        # Whoever was stopped for so long may have lost the lane: ask again before anything leaves.
        if now - asked >= self.terms.lease - self.terms.timeout:
            return None
        yield from self._deliver(bills, cutoff)
        all_taken = len(taken.bills) < take.limit and self._finished
        # What was set aside is taken each time, and not sent.
        if not all_taken or len(taken.bills) > len(bills) + len(self.aside):
            return None
        yield from self.release()
        return _End(None, len(self.aside), self.aside.wait)

    def _due(self, taken: Taken, bills: tuple[Bill, ...]) -> float:
        """Seconds for which these may wait for more; 0, where they are enough, or were on their way before."""
        enough = len(bills) >= min(self.terms.flush_at, self.size)
        more = len(taken.bills) > len(bills) + len(self.aside)
        begun = self._rest or self.aside.half or self.pace.broken or any(b.tries for b in bills)
        if not bills or enough or more or begun:
            return 0.0
        age = (taken.now - bills[0].changed) / 1000
        # A clock that went back does not know how old it is: it has waited long enough.
        return self.terms.flush_every - age if age >= 0 else 0.0

    def _take(self) -> Take:
        alone = self.pace.broken or self.aside.many
        limit = 1 if alone else min(self._rest or self.aside.half or self.size, self.size)
        return Take(self._sender, limit + len(self.aside), round(self.terms.lease * 1000))

    def _chosen(self, bills: tuple[Bill, ...]) -> tuple[Bill, ...]:
        """The first of them that are to be sent now, and fit one request."""
        bills = self.aside.without(bills)
        length, count = _ENVELOPE, 0
        for bill in bills:
            length += len(bill.body.encode()) + 1
            if count and length > self._bytes:
                break
            count += 1
        return bills[:count]

    def _left(self) -> Flow[int]:
        counted = yield from store(Count())
        return int(counted.states.get("queued", 0))

    def _deliver(self, bills: tuple[Bill, ...], cutoff: float) -> Flow[None]:
        self.in_flight = len(bills)
        try:
            verdict = yield from self._sent(bills, cutoff)
        finally:
            self.in_flight = 0
        yield from self._written(bills, verdict)
        yield from self._judged(bills, verdict)
        if not self._rest:
            yield from self._verify(cutoff)

    def _sent(self, bills: tuple[Bill, ...], cutoff: float) -> Flow[Verdict]:
        try:
            request = self._lago.batch(bill.body for bill in bills)
            response = yield from self._answer(request, cutoff)
        except Exception as error:  # noqa: BLE001 - whatever the failure, the bills stay
            return Verdict(trouble="held", reason=str(error) or type(error).__name__)
        return judge(response, [bill.id for bill in bills])

    def _answer(self, request: HTTPRequest, cutoff: float) -> Flow[HTTPResponse]:
        self.pace.leaves()
        timeout = self.terms.timeout
        total = min(self._now() + timeout, cutoff)
        limits = Deadlines(total, min(timeout, _CONNECT), timeout, timeout)
        response: Any = yield from send(request, limits)
        self.pace.limits(response.headers)
        return response  # type: ignore[no-any-return]

    def _written(self, bills: tuple[Bill, ...], verdict: Verdict) -> Flow[None]:
        """Write down what became of them, then tell it."""
        marks = [Marked(bills[at].id, "delivered") for at in verdict.accepted]
        marks += [Marked(bills[at].id, "delivered", "deduped") for at in verdict.duplicates]
        marks += [Marked(bills[at].id, "dead", reason) for at, reason in verdict.refused]
        told = {mark.id for mark in marks}
        tried = tuple(bill.id for bill in bills if bill.id not in told)
        self._unwritten.append(Mark(tuple(marks), tried))
        yield from self._write()
        yield from self._tell(bills, verdict)

    def _write(self) -> Flow[None]:
        while self._unwritten:
            yield from store(self._unwritten[0])
            self._unwritten.popleft()

    def _tell(self, bills: tuple[Bill, ...], verdict: Verdict) -> Flow[None]:
        deduped = len(verdict.duplicates)
        delivered = len(verdict.accepted) + deduped
        for at, count in enumerate((delivered, deduped, len(verdict.refused))):
            self._counts[at] += count
        if verdict.named and (event := self.pace.reached()) is not None:
            yield from notify(event)
        if delivered:
            yield from notify(BillsDelivered(delivered, deduped))
        for at, reason in verdict.refused:
            yield from notify(BillDead(bills[at].id, reason))

    def _judged(self, bills: tuple[Bill, ...], verdict: Verdict) -> Flow[None]:
        """What the answer means for the next request."""
        rest, self._rest = self._rest, 0
        self._finished = verdict.named == len(bills)
        if verdict.trouble == "held":
            self._rest = rest
            if (event := self.pace.failed(verdict)) is not None:
                yield from notify(event)
        elif verdict.trouble == "too_many":
            self.size = max(1, len(bills) // 2)
        elif verdict.trouble == "split":
            yield from self._split(bills, verdict)
        else:
            yield from self._settled(bills, verdict)

    def _settled(self, bills: tuple[Bill, ...], verdict: Verdict) -> Flow[None]:
        """Something was said of each bill, or of those for which the others were refused."""
        self.aside.passed(bills)
        self._rest = rest = len(bills) - verdict.named
        yield from self._doubted()
        duplicates = tuple(bills[at] for at in verdict.duplicates)
        if self.terms.verify_duplicates:
            self._unverified.extend(duplicates)
        yield from self._flagged(bills, duplicates)
        named = {bills[at].id for at, _ in verdict.refused} | {bill.id for bill in duplicates}
        fresh = (bill.id for bill in bills if bill.tries == 0 and bill.id not in named)
        self._innocent = frozenset(fresh if verdict.refused and rest else ())

    def _flagged(self, bills: tuple[Bill, ...], duplicates: tuple[Bill, ...]) -> Flow[None]:
        """A refused batch of which nothing was sent before is there at the next try: the refusal had stored it."""
        if not duplicates or self._innocent != {bill.id for bill in duplicates}:
            return
        first, self.stored_refused = self.stored_refused == 0, self.stored_refused + len(duplicates)
        if first:
            reason = "Lago had stored it, though it refused its batch; charges in advance may not know of it"
            yield from notify(BillDoubtful(bills[0].id, reason))

    def _split(self, bills: tuple[Bill, ...], verdict: Verdict) -> Flow[None]:
        """A batch was refused, and nobody says for which of its bills."""
        if verdict.large:
            self._bytes = max(_LEAST_BYTES, sum(len(bill.body.encode()) for bill in bills) // 2)
        if len(bills) > 1:
            self.aside.among(len(bills))
            return
        self.aside.refused(bills[0].id, verdict.reason, probing=self.pace.broken)
        if not self.aside.many:
            yield from self._doubted()
        elif (event := self.pace.failed(verdict)) is not None:
            yield from notify(event)

    def _doubted(self) -> Flow[None]:
        for id_, reason in self.aside.untold():
            yield from notify(BillDoubtful(id_, f"it is refused without a reason: {reason}"))

    def _verify(self, cutoff: float) -> Flow[None]:
        """Compare what Lago has under the ids of duplicates; what cannot be asked now is asked later."""
        while self._unverified and self.pace.wait <= 1 and cutoff - self._now() > 1:
            yield from sleep(self.pace.wait)
            bill = self._unverified[0]
            try:
                response = yield from self._answer(self._lago.read_event(bill.id), cutoff)
                reason = differences(bill.body, read_event(response))
            except LagoError as error:
                # It is there, but not to be read: perhaps not yet.
                reason = ""
                if error.retryable:
                    return
            except Exception:  # noqa: BLE001 - it is asked again
                return
            self._unverified.popleft()
            if reason:
                yield from notify(BillConflict(bill.id, reason))
