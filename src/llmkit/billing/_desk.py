"""``Desk``: what a call's flow talks to. It begins and finishes calls, in both colours, over a gate and an outbox.

What an event says is ``wording``'s, whether a call may go out the gate's. Nothing here sends anything.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple, TypeVar

from .._billing_events import UsageUnattributed, UsageUnpriced
from .._control.billing.charge import Begin, Begun, Charge, Finish, Finished
from .._control.billing.currency import EXACT
from .._control.billing.entitlement import Check, Entitlement, Gate
from .._control.billing.facts import properties, usable, whose
from .._control.billing.identity import Identity, named
from .._control.billing.intention import intention
from .._control.billing.terms import Terms
from .._control.billing.wording import bills, safe
from .._flow import Flow, notify, store
from .._io._observe import Observers
from .._io.aio import AsyncDriver
from .._io.sync import SyncDriver
from .._outbox import Bill, Billed, Conclude, Intend
from ..errors import BillingError, NotEntitledError, StoreError

__all__ = ["NAMELESS", "Desk", "late", "written"]

T = TypeVar("T")
_ZERO: Final = Decimal(0)
_MARGIN: Final = 60_000
"""Milliseconds that an intent outlives its call's total timeout: the call settles before it is unknown."""
_MANY: Final = 10_000
NAMELESS: Final = (
    "nobody says whom to bill: give the call subscription=, use llmkit.context(subscription=…), or give the billing "
    "object a subscription="
)


def _sends_nothing(*_: Any) -> Any:
    raise AssertionError("a desk sends nothing")


def _wakes_nobody(_: int) -> None:
    """Where nobody sends by himself."""


def _now() -> int:
    return time.time_ns() // 1_000_000


class _Open(NamedTuple):
    """A call that has begun. ``failure``: why nobody is named. ``reserved``: in dollars, at the gate."""

    subscription: str
    failure: str
    reserved: Decimal | None
    until: int


class Desk:
    """Begins and finishes calls: ``perform(Begin(…))``, ``await aperform(Finish(…))``. Thread-safe.

    Args:
        terms: what bills are written by.
        identity: how it is found whom they are for.
        outbox: a store that performs the operations of ``_outbox``.
        observers: who is told of what waits for a price, or for a subscription.
        gate: who is asked whether a call may go out; ``None``: nobody.
        wake: is told how many bills wait to be sent that did not before; from any thread.
        now: milliseconds of Unix time.
    """

    def __init__(
        self,
        terms: Terms,
        identity: Identity,
        outbox: Any,
        *,
        observers: Observers | None = None,
        gate: Gate | None = None,
        wake: Callable[[int], None] = _wakes_nobody,
        now: Callable[[], int] = _now,
    ) -> None:
        self.terms, self.identity, self.gate = terms, identity, gate
        self.outbox = outbox
        self.wake, self.now = wake, now
        self.drain_seconds, self.batch_results = terms.drain_seconds, terms.batch_results
        self._open: dict[str, _Open] = {}
        self._beginning: set[tuple[str, object]] = set()
        self._many = _MANY
        observers = Observers(()) if observers is None else observers
        self._driver = SyncDriver(_sends_nothing, observers, outbox)
        self._async_driver = AsyncDriver(_sends_nothing, observers, outbox, _sends_nothing)

    def perform(self, operation: Begin | Finish) -> Any:
        """Begin or finish a call, blocking. What each answers and raises, they say themselves."""
        return self.run(self.flow(operation))

    async def aperform(self, operation: Begin | Finish) -> Any:
        """``perform``, awaited."""
        return await self.arun(self.flow(operation))

    def run(self, flow: Flow[T]) -> T:
        """Run a flow over the outbox, blocking."""
        value: T = self._driver.run(flow)
        return value

    async def arun(self, flow: Flow[T]) -> T:
        """Run a flow over the outbox, awaiting."""
        value: T = await self._async_driver.run(flow)
        return value

    def flow(self, operation: Begin | Finish) -> Flow[Any]:
        """What performs it, without colour."""
        return _begin(self, operation) if isinstance(operation, Begin) else _finish(self, operation)

    def known(self, call: str) -> _Open | None:
        """A call that has begun here, and has not finished."""
        return self._open.get(call)

    def opened(self, call: str, found: _Open) -> None:
        """A call has begun."""
        if len(self._open) >= self._many:
            self._forget()
        self._open[call] = found

    def closed(self, call: str) -> None:
        """A call has finished."""
        self._open.pop(call, None)

    @contextlib.contextmanager
    def beginning(self, call: str) -> Iterator[None]:
        """While an attempt of a call begins."""
        this = call, object()
        self._beginning.add(this)
        try:
            yield
        finally:
            self._beginning.discard(this)

    def is_alone(self, call: str) -> bool:
        """Whether no other attempt of a call has begun, or is about to."""
        beginning = tuple(self._beginning)
        return call not in self._open and sum(other == call for other, _ in beginning) == 1

    def _forget(self) -> None:
        """Let go of calls that nobody finished: their intents tell of them."""
        now = self.now()
        for call, found in tuple(self._open.items()):
            if found.until < now:
                self._open.pop(call, None)
        self._many = max(_MANY, 2 * len(self._open))


# --- beginning --------------------------------------------------------------------------------


def _begin(desk: Desk, asked: Begin) -> Flow[Begun]:
    call = asked.call
    with desk.beginning(call):
        try:
            found = yield from _admitted(desk, asked, desk.known(call))
            yield from _intended(desk, asked, found)
        except BaseException as error:
            # An attempt beside this one, or before it, needs what is reserved and written for both.
            if desk.is_alone(call):
                _released(desk, call)
                if not isinstance(error, GeneratorExit | NotEntitledError):
                    yield from _unmade(desk, call)
            raise
        desk.opened(call, found)
    return Begun(found.subscription)


def _admitted(desk: Desk, asked: Begin, before: _Open | None) -> Flow[_Open]:
    """Whose it is, and that it may go out; what it may cost is then reserved."""
    if before is None:
        subscription, failure = named(asked.attributes, desk.identity)
    else:
        subscription, failure = before.subscription, before.failure
    found = _Open(subscription, failure, asked.usd, desk.now() + asked.lease + _MARGIN)
    customer = _customer(asked.attributes)
    if desk.gate is not None and (subscription or customer):
        check = Check(customer, subscription, "", asked.usd, asked.call, asked.lease + _MARGIN)
        entitlement: Entitlement = yield from store(check, on=desk.gate)
        if not entitlement.allowed:
            raise _denied(asked, entitlement)
        whose = subscription or usable(entitlement.subscription)
        found = found._replace(subscription=whose, reserved=entitlement.reserved)
    if not found.subscription and desk.identity.unattributed == "raise":
        raise BillingError(failure or NAMELESS)
    return found


def _intended(desk: Desk, asked: Begin, found: _Open) -> Flow[None]:
    usd = asked.usd if found.reserved is None else found.reserved
    text = intention(asked, desk.now(), desk.terms)
    intend = Intend(safe(asked.call), found.subscription, text, asked.lease + _MARGIN, usd)
    try:
        yield from store(intend, on=desk.outbox)
    except StoreError as error:
        raise BillingError(f"the outbox cannot be written, nothing was sent: {error}") from error
    if desk.gate is not None:
        desk.gate.written(asked.call)


def _released(desk: Desk, call: str) -> None:
    if desk.gate is not None:
        desk.gate.settled(call, None)


def _unmade(desk: Desk, call: str) -> Flow[None]:
    """Perhaps an intent was written after all: it goes, or a call that was never made would be unknown."""
    # What is raised is why it was not made. Should this fail, too, its lease ends it.
    with contextlib.suppress(Exception):
        yield from store(Conclude(safe(call)), on=desk.outbox)


def _denied(asked: Begin, found: Entitlement) -> NotEntitledError:
    error = NotEntitledError(str(found), provider=asked.provider, model=asked.model)
    error.reason, error.entitlement = found.reason, found
    error.customer, error.subscription = found.customer, found.subscription
    return error


def _customer(attributes: Mapping[str, tuple[str, ...]]) -> str:
    return usable((attributes.get("customer") or ("",))[0])


# --- finishing --------------------------------------------------------------------------------


def _finish(desk: Desk, ended: Finish) -> Flow[Finished]:
    begun = desk.known(ended.call)
    found = begun or (yield from late(desk, ended))
    all_written = written(desk, ended, found)
    flat = tuple(bill for _, made in all_written for bill in made)
    try:
        billed, interrupt = yield from _concluded(desk, Conclude(safe(ended.call), flat))
    finally:
        if desk.gate is not None:
            desk.gate.settled(ended.call, _spent(flat, found))
    if begun is None and billed.fresh:
        _spent_elsewhere(desk, ended.call, found.subscription, _spent(flat, found))
    desk.closed(ended.call)
    yield from _told(desk, all_written, frozenset(billed.fresh))
    if interrupt is not None:
        raise interrupt
    spilled = bool(getattr(desk.outbox, "spilled", 0))
    return Finished(tuple((bill.id, bill.state) for bill in flat), spilled)


def _spent_elsewhere(desk: Desk, call: str, subscription: str, usd: Decimal | None) -> None:
    """What was reported without a reservation is not in what the gate knows of, until it asks the outbox again."""
    spent = getattr(desk.gate, "spent", None)
    if spent is not None and subscription and usd:
        spent(subscription, call, usd)


def late(desk: Desk, ended: Finish) -> Flow[_Open]:
    """Whose a call is that did not begin here: of another process, a row of a batch, what was reported."""
    subscription, failure = named(ended.attributes, desk.identity)
    customer = _customer(ended.attributes)
    if ended.charges and customer and not subscription and desk.gate is not None:
        entitlement: Entitlement = yield from store(Check(customer), on=desk.gate)
        subscription = usable(entitlement.subscription)
    return _Open(subscription, failure, None, 0)


def written(desk: Desk, ended: Finish, found: _Open) -> list[tuple[Charge, tuple[Bill, ...]]]:
    """Each charge with its bills."""
    told = whose(ended.attributes)
    allowed = properties(ended.metadata, desk.terms.properties)
    given = ended.call, found.subscription, desk.terms
    return [
        (charge, _excused(bills(charge, *given, whose=told, properties=allowed), found.failure))
        for charge in ended.charges
    ]


def _excused(made: tuple[Bill, ...], failure: str) -> tuple[Bill, ...]:
    """Where nobody is named because naming failed, the bills say so."""
    if not failure:
        return made
    return tuple(
        bill._replace(reason=failure) if bill.state == "unattributed" else bill for bill in made
    )


def _concluded(desk: Desk, conclude: Conclude) -> Flow[tuple[Billed, BaseException | None]]:
    """Write the bills; an interrupt on the way is raised when all is done."""
    interrupt: BaseException | None = None
    while True:
        try:
            billed = yield from store(conclude, on=desk.outbox)
            if interrupt is not None and billed is None:
                # Cancelled, and not written within the second that is left: whoever calls does it again.
                raise interrupt
            return billed, interrupt
        except StoreError as error:
            raise BillingError(f"the outbox cannot be written: {error}") from error
        except (Exception, GeneratorExit):
            raise
        except BaseException as cancelled:
            # Cancelled, Ctrl-C. The same operation again changes nothing that it has changed.
            if interrupt is not None:
                raise
            interrupt = cancelled


def _spent(written: tuple[Bill, ...], found: _Open) -> Decimal | None:
    """What the call cost, as far as is known; where it is not, at least what was reserved. ``None``: nothing."""
    counted = [bill.usd for bill in written if bill.state != "listed"]
    if not counted:
        return None
    total = _ZERO
    for usd in counted:
        total = EXACT.add(total, usd or _ZERO)
    return max(total, found.reserved or _ZERO) if None in counted else total


def _told(
    desk: Desk, written: list[tuple[Charge, tuple[Bill, ...]]], fresh: frozenset[str]
) -> Flow[None]:
    """Tell who sends, and who prices or attributes; of what is new."""
    new = [(charge, [bill for bill in made if bill.id in fresh]) for charge, made in written]
    if queued := sum(bill.state == "queued" for _, made in new for bill in made):
        desk.wake(queued)
    for charge, made in new:
        # One of each: all its metrics wait for the same.
        waiting = {bill.state: bill for bill in made}
        if (bill := waiting.get("unpriced")) is not None:
            yield from notify(UsageUnpriced(charge.id, charge.model, bill.reason))
        if "unattributed" in waiting:
            yield from notify(UsageUnattributed(charge.id))
