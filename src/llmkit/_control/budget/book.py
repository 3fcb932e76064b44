"""``Book``: the rules and the store of one budget manager, and the flows that take and close holds there.

It decides what to ask of the store and what its answers mean; the store counts. Nothing here is coloured, and no clock
is read but once, to guess at the store's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final, Literal
from urllib.parse import unquote

from ..._cost import MATH, Unbounded
from ..._flow import Flow, notify, store
from ..._operations import (
    FOR_EVER,
    ROLLING_BUCKETS,
    Claim,
    Gone,
    Refused,
    Reserve,
    Reserved,
    Settled,
    SettleHold,
    Stale,
    Standing,
    Window,
)
from ...errors import ConfigurationError, StoreError
from .asking import Amounts, Ask, Divert, Taken
from .outage import LetGo, Outage
from .planning import Cache, Line, Plan, Rules, planned
from .refusing import refused, unbounded
from .rules import Budget, RateLimit, Terms
from .scopes import Scope, spelled
from .telling import crossed, overrun
from .windows import Period

__all__ = ["TRIES", "Book", "Output"]

Output = Literal["derive", "refuse"]
_add: Final = MATH.add
_tuple: Final = tuple.__new__
_ZERO: Final = Decimal(0)
TRIES: Final = 12
Pair = tuple[Line, Standing]


class Book:
    """What one manager knows. Threads may use it at once.

    ``output``: what a call without ``max_tokens`` gets where a budget holds: ``derive`` (as much as there is room
    for) or ``refuse``. ``least_output``: tokens that must fit, or the call is refused. ``margin``: milliseconds that
    a lease lasts beyond the call's total timeout.
    """

    def __init__(
        self,
        on: Any,
        declared: Iterable[Budget | RateLimit] = (),
        *,
        wall: Callable[[], float],
        outage: Outage | None = None,
        listeners: Any = None,
        output: Output = "derive",
        least_output: int = 16,
        margin: int = 60_000,
    ) -> None:
        self.store = on
        self.rules = Rules(_declared(declared))
        self.outage = Outage(on, clock=wall) if outage is None else outage
        self.outage.tell = self.told
        self.output, self.least_output, self.margin = output, least_output, margin
        self._listeners = listeners
        self._wall = wall
        self._ahead = 0
        self._windows: dict[Period, Window] = {}
        self._from, self._until = 0, FOR_EVER
        self._plans: Cache[Any, tuple[int, Plan]] = Cache(2_000)

    # --- what counts ---------------------------------------------------------------------------

    def plan(self, attributes: Mapping[str, tuple[Any, ...]]) -> Plan:
        """What counts for a call of these attributes, as far as is known."""
        key = tuple(attributes.items())
        generation = self.rules.generation
        if (found := self._plans.get(key)) is not None:
            if found[0] == generation:
                return found[1]
            # Another scope's rule has changed: it does not matter here.
            if self.rules.current(found[1]):
                self._plans.put(key, (generation, found[1]))
                return found[1]
        plan = planned(self.rules, spelled(attributes))
        self._plans.put(key, (generation, plan))
        return plan

    def measures(self, attributes: Mapping[str, tuple[Any, ...]]) -> frozenset[str]:
        """What is counted, as far as is known: ``usd``, ``requests``, ``tokens``, ``parallel``.

        A rule that was stored elsewhere a moment ago may count more: where a bound is dear, give ``Ask`` a function.
        """
        return self.plan(attributes).measures

    def window(self, period: Period) -> Window:
        """The buckets around the store's time, as it was last heard of."""
        if not period.unit:
            rolling = self._windows[period] = period.around(0)
            return rolling
        if (found := self._windows.get(period)) is None:
            found = self._windows[period] = period.around(self._time())
            self._from, self._until = (
                max(self._from, found.starts[1]),
                min(self._until, found.starts[2]),
            )
        return found

    def heard(self, now: int) -> None:
        """The store's time, from an answer of it: another period may have begun."""
        self._ahead = now - int(self._wall() * 1000)
        if not self._from <= now < self._until:
            self._at(now)

    def _at(self, now: int) -> int:
        if not self._from <= now < self._until:
            # The periods that are known are not those of now: the answer to ``Untimely``, too.
            self._windows = {}
            self._from, self._until = 0, FOR_EVER
        return now

    def claims(self, plan: Plan, amounts: Amounts) -> tuple[Claim, ...]:
        """What a plan asks of the store."""
        claims, known = [], self._windows
        for line in plan.lines:
            terms = line.terms
            # In the order of its fields: every call makes some, and its own __new__ is three times as slow.
            claims.append(_tuple(Claim, (
                line.account, known.get(terms.period) or self.window(terms.period),
                amounts.get(terms.measure, _ZERO), terms.limit, terms.extra, terms.extra_until, terms.rollover,
                terms.measure != "parallel",
            )))  # fmt: skip
        return tuple(claims)

    # --- taking --------------------------------------------------------------------------------

    def take(
        self,
        ask: Ask,
        *,
        divert: bool = True,
        trying: Callable[[Taken], None] | None = None,
    ) -> Flow[Taken | Divert]:
        """Hold what an attempt may use, in every scope or in none.

        ``trying`` is told of each hold that is about to be asked for: whoever is interrupted releases it.

        Raises:
            BudgetExceededError, LimitReachedError: there is no room; each limit that refused is in ``shortfalls``.
            UnboundedCostError: a limit holds, and nobody can say what the attempt uses.
            BudgetUnavailableError: the store fails, and the budget is closed then.
        """
        bounds: Amounts = {}
        for _ in range(TRIES):
            now = int(self._wall() * 1000) + self._ahead
            if not self._from <= now < self._until:
                self._at(now)
            plan = self.plan(ask.attributes)
            amounts = _amounts(ask, plan, bounds)
            claims = self.claims(plan, amounts)
            lowered = _lowered(plan, claims) if divert and plan.diverts else {}
            asked = (
                tuple(lowered.get(claim.account, claim) for claim in claims) if lowered else claims
            )
            operation = Reserve(
                ask.hold, asked, ask.lease, amounts.get("usd", _ZERO), plan.whose, plan.seen
            )
            taken = Taken(ask, plan, amounts, operation, Reserved(now, now, ()))
            if trying is not None:
                trying(taken)
            answer = yield from self.outage.reserve(operation, now)
            kind = type(answer)
            if kind is Reserved:
                self.heard(answer.now)
                if not answer.again:
                    taken.reserved = answer
                    return taken
            if kind is Reserved or kind is LetGo:
                return Taken(ask, plan, amounts, operation, answer)
            if (other := self._answered(answer, plan, claims, lowered)) is not None:
                return other
        raise StoreError("rules change faster than they can be read")

    def _time(self) -> int:
        """The store's time, as far as it is known without asking."""
        return int(self._wall() * 1000) + self._ahead

    def _answered(
        self, answer: Any, plan: Plan, claims: tuple[Claim, ...], lowered: Mapping[str, Claim]
    ) -> Divert | None:
        """What an answer other than ``Reserved`` says; ``None``: ask again."""
        self.heard(answer.now)
        if isinstance(answer, Stale):
            self.rules.learn(answer.rules)
        elif isinstance(answer, Gone):
            raise ConfigurationError(
                "this hold has been settled or has expired: each attempt has one of its own"
            )
        elif isinstance(answer, Refused):
            if lowered and (other := _diverted(answer, plan, lowered)) is not None:
                return other
            raise refused(answer.refusals, {claim.account: claim for claim in claims}, answer.now)
        return None

    # --- closing -------------------------------------------------------------------------------

    def close(self, taken: Taken, operation: SettleHold) -> Flow[Settled | None]:
        """End a hold, and tell what came of it. A store that fails is no failure of the call: it is done later."""
        settled = yield from self.outage.settle(operation, taken.held, taken.reserved)
        if settled is None:
            return None
        self.heard(settled.now)
        # Of a hold whose taking was interrupted nobody knows the buckets; nothing was spent of it.
        if settled.lines and taken.reserved.lines:
            yield from self._tell(taken, operation, settled)
        return settled

    def _tell(self, taken: Taken, operation: SettleHold, settled: Settled) -> Flow[None]:
        usd = taken.usd if operation.usd is None else operation.usd
        both = zip(taken.lines, settled.lines, strict=True)
        pairs = [(line, now) for line, now in both if _add(now.spent, now.held) >= line.quiet]
        bound = taken.amounts.get("usd")
        if not pairs and (bound is None or usd <= bound):
            return
        pairs = _counted(pairs, taken, settled.now)
        for event in crossed(pairs, settled.now, taken.ask.call):
            yield from self.told(event)
        over = overrun(pairs, settled.now, taken.ask.call, bound, usd)
        if over is not None:
            yield from self.told(over)

    def finish(self) -> Flow[None]:
        """Do what is left to do, as far as the store lets us."""
        yield from self.outage.end()

    def perform(self, operation: Any) -> Flow[Any]:
        """Any other operation on the store.

        Raises:
            StoreUnavailableError: it cannot be reached.
        """
        return (yield from self.outage.perform(operation))

    def told(self, event: Any) -> Flow[None]:
        """Tell the client's callbacks, and the manager's."""
        yield from notify(event)
        if self._listeners is not None:
            yield from store(event, self._listeners)


def _counted(pairs: Iterable[Pair], taken: Taken, now: int) -> list[Pair]:
    """The accounts in whose windows of now the hold still counts: what it came to changes nothing elsewhere."""
    held = {line.account: line for line in taken.reserved.lines}
    found = []
    for line, standing in pairs:
        at = held[line.account]
        if not at.width or at.bucket >= now // at.width - ROLLING_BUCKETS:
            found.append((line, standing))
    return found


def _declared(given: Iterable[Budget | RateLimit]) -> list[tuple[Scope, Terms]]:
    found: dict[tuple[str, str, str], tuple[Scope, Terms]] = {}
    if isinstance(given, Budget | RateLimit):
        raise ConfigurationError("budgets is a list: budgets=[Budget(…), …]")
    for one in given:
        if not isinstance(one, Budget | RateLimit):
            raise ConfigurationError(f"budgets are Budget(…) and RateLimit(…), not {one!r}")
        for terms in one.terms:
            key = (one.scope.text, *terms.key)
            if key in found:
                raise ConfigurationError(
                    f"{key[0]} has two limits of {key[1]} for {key[2]}: declare one"
                )
            found[key] = one.scope, terms
    return list(found.values())


def _amounts(ask: Ask, plan: Plan, known: Amounts) -> Amounts:
    """What an attempt uses at most of each measure: of money and tokens, where it is counted, or known anyway."""
    if not known:
        known["requests"] = known["parallel"] = ask.requests
    for measure, given in (("usd", ask.usd), ("tokens", ask.tokens)):
        if measure in known:
            continue
        bound: Any = given
        if callable(given):
            if measure not in plan.measures:
                continue
            bound = given()
        if bound is not None and not isinstance(bound, Unbounded):
            known[measure] = Decimal(bound)
        elif measure in plan.hard:
            raise unbounded(measure, _limited(plan, measure), getattr(bound, "reason", ""))
    return known


def _limited(plan: Plan, measure: str) -> str:
    """A scope of which some limit counts this."""
    lines = (line for line in plan.lines if line.terms.measure == measure)
    return next(line.scope for line in lines if line.terms.limit is not None)


def _lowered(plan: Plan, claims: Iterable[Claim]) -> dict[str, Claim]:
    """Claims on limits that another model takes over from, as far as this one may go."""
    models = plan.values.get("model", ())
    found = {}
    for line, claim in zip(plan.lines, claims, strict=True):
        left = _left(line.terms, models)
        if left and claim.limit is not None:
            share = left[0][0]
            extra = MATH.multiply(claim.extra, share)
            found[line.account] = claim._replace(
                limit=MATH.multiply(claim.limit, share), extra=extra
            )
    return found


def _left(terms: Terms, models: tuple[str, ...]) -> tuple[tuple[Decimal, str], ...]:
    """The fallbacks that are left for a call that is one of them already."""
    named = {unquote(model) for model in models}
    here = [i for i, (_, model) in enumerate(terms.fallbacks) if model in named]
    return terms.fallbacks[here[-1] + 1 :] if here else terms.fallbacks


def _diverted(answer: Refused, plan: Plan, lowered: Mapping[str, Claim]) -> Divert | None:
    """The model that shall answer: that of the highest threshold that would be crossed."""
    lines = {line.account: line for line in plan.lines}
    models = plan.values.get("model", ())
    found: Divert | None = None
    for refusal in answer.refusals:
        if refusal.account not in lowered:
            continue
        left = _left(lines[refusal.account].terms, models)
        used = MATH.add(refusal.used, refusal.amount)
        whole = MATH.divide(refusal.limit, left[0][0])
        share, model = [pair for pair in left if used > MATH.multiply(whole, pair[0])][-1]
        if found is None or share > found.threshold:
            found = Divert(model, lines[refusal.account].scope, share)
    return found
