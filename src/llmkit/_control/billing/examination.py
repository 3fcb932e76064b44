"""``doctor()``: whether what is to be billed will be counted, before anything is. Questions only: nothing is billed.

Lago answers 200 to events of a metric or a subscription that it does not know, and never counts them. So they are
asked for by name. Whether a key may write is found out by a batch of no events, which is refused by whoever may.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, TypeVar

from typing_extensions import override

from ..._flow import Flow
from ..._http import HTTPRequest, HTTPResponse
from ...errors import BillingError, ConfigurationError, LagoError
from .answers import (
    BillableMetric,
    Plan,
    PlanCharge,
    Subscription,
    charges_estimated,
    read_authorized,
    read_event,
    read_events,
    read_metric,
    read_plan,
    read_subscription,
    read_usage,
    read_wallets,
    refusal,
)
from .lago import Lago
from .metric import Metric
from .questions import Questions

__all__ = ["Examination", "Examined", "Finding", "examine"]

T = TypeVar("T")
Level = Literal["ok", "warning", "failure"]

_SKEW_WARNS: Final = 5.0
_SKEW_FAILS: Final = 120.0
_NOBODY: Final = "llmkit-doctor"
_PROBE: Final = "llmkit-doctor:no-such-event"
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_DENIED: Final = 403
_UNKNOWN_KEY: Final = 401
_NOT_FOUND: Final = 404
_UNDERSTOOD: Final = frozenset({400, 422})
_BAD: Final = "BadRequest"


class Finding(NamedTuple):
    """One thing that was looked at. ``remedy``: what to do, where it is not ``ok``."""

    level: Level
    about: str
    message: str
    remedy: str = ""

    @override
    def __str__(self) -> str:
        then = f"\n{'':>9}{self.remedy}" if self.remedy else ""
        return f"{self.level:<8} {self.about}: {self.message}{then}"


class Examination(NamedTuple):
    """All that was found, in the order in which it was looked at."""

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing failed; warnings do not count."""
        return all(finding.level != "failure" for finding in self.findings)

    def dump(self) -> dict[str, Any]:
        """As plain values that JSON can say."""
        return {"ok": self.ok, "findings": [finding._asdict() for finding in self.findings]}

    @override
    def __str__(self) -> str:
        return "\n".join(str(finding) for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Examined:
    """What is looked at. ``subscription``: one whose events shall be counted; without, what it says is not known.

    ``publisher``: of an authorize service, where one is asked for entitlements. ``wallets``: whether balances count.
    """

    lago: Lago
    metrics: Sequence[Metric]
    mode: str = "standard"
    subscription: str | None = None
    publisher: str | None = None
    wallets: bool = True


def examine(examined: Examined, questions: Questions) -> Flow[Examination]:
    """Look at everything; what cannot be reached is a finding, too. It does not raise."""
    work = _Work(examined, questions)
    try:
        yield from work.all()
    except _Stop:
        pass
    except ConfigurationError as error:
        work.say("failure", "key", str(error), "set it right, and look again")
    return Examination(tuple(work.findings))


class _Stop(Exception):
    """What was found makes all that follows say the same."""


class _Work:
    """One examination under way."""

    def __init__(self, examined: Examined, questions: Questions) -> None:
        self.findings: list[Finding] = []
        self._examined = examined
        self._lago = examined.lago
        self._questions = questions

    def say(self, level: Level, about: str, message: str, remedy: str = "") -> None:
        """One finding more."""
        self.findings.append(Finding(level, about, message, remedy))

    def all(self) -> Flow[None]:
        """Everything, one thing behind the other."""
        yield from self._reached()
        self._clock()
        for metric in self._examined.metrics:
            yield from self._metric(metric)
        yield from self._may_read_events()
        yield from self._store()
        if self._examined.publisher is not None:
            yield from self._authorizes(self._examined.publisher)
        if self._examined.subscription is None:
            self.say(
                "warning",
                "subscription",
                "none was named, so that whether events would be counted is not known",
                "name one: doctor(subscription=…)",
            )
        else:
            yield from self._subscribed(self._examined.subscription)

    def _ask(
        self, request: HTTPRequest, reader: Callable[[HTTPResponse], T]
    ) -> Flow[T | LagoError]:
        """What is answered, or Lago's refusal."""
        try:
            return (yield from self._questions.ask(request, reader))
        except LagoError as error:
            return error
        except BillingError as error:
            remedy = f"is {self._lago.url} Lago's address, and can it be reached from here?"
            self.say("failure", "address", str(error), remedy)
            raise _Stop from None

    def _reached(self) -> Flow[None]:
        """Whether Lago is there, knows the key, and takes events of it."""
        found = yield from self._ask(self._lago.batch(()), _read_probe)
        if not isinstance(found, LagoError):
            self.say("ok", "address", f"Lago answers at {self._lago.url}")
            self.say("ok", "key", "it may send events")
            return
        if found.status_code == _UNKNOWN_KEY:
            self.say(
                "failure", "key", str(found), "give the API key that Lago shows under Developers"
            )
            raise _Stop
        if found.status_code != _DENIED:
            remedy = "api_url is where Lago's API begins, such as https://api.getlago.com"
            self.say(
                "failure", "address", f"{self._lago.url} does not answer as Lago: {found}", remedy
            )
            raise _Stop
        self.say("ok", "address", f"Lago answers at {self._lago.url}")
        self.say("failure", "key", f"it may not send events: {found}", "let it write events")

    def _clock(self) -> None:
        if not self._questions.skews:
            self.say("warning", "clock", "Lago does not say what time it is there")
            return
        skew = min(self._questions.skews, key=abs)
        level: Level = "failure" if abs(skew) > _SKEW_FAILS else "warning"
        if abs(skew) <= _SKEW_WARNS:
            self.say("ok", "clock", f"Lago's is {abs(skew):.0f} s from this one")
            return
        where = "behind" if skew > 0 else "ahead of"
        remedy = "set this machine's clock by NTP: events before a subscription's beginning are not counted"
        self.say(level, "clock", f"this machine is {abs(skew):.0f} s {where} Lago", remedy)

    def _denied(self, error: LagoError, about: str, needs: str, without: str) -> None:
        """A refusal that is not about what was asked for."""
        if error.status_code == _DENIED:
            self.say("warning", about, f"the key may not read {needs}: {error}", without)
        else:
            self.say("failure", about, str(error), "ask again; if it stays, see Lago's own logs")

    def _metric(self, metric: Metric) -> Flow[None]:
        about = f"metric {metric.code}"
        try:
            request = self._lago.metric(metric.code)
        except BillingError as error:
            self.say("failure", about, str(error), "give it another code")
            return
        found = yield from self._ask(request, read_metric)
        if isinstance(found, BillableMetric):
            self._counts(about, metric, found)
        elif found.status_code == _NOT_FOUND:
            self.say(
                "failure",
                about,
                "Lago has no metric of this code: it would take the events, and never count them",
                f"make a billable metric {metric.code} that sums the field {metric.field}, or give its code",
            )
        else:
            without = "let it read billable metrics, or see for yourself that this one is there"
            self._denied(found, about, "billable metrics", without)

    def _counts(self, about: str, metric: Metric, found: BillableMetric) -> None:
        if found.aggregation != "sum_agg" and not (
            metric.measure == "requests" and found.aggregation == "count_agg"
        ):
            remedy = "make it a sum (sum_agg)"
            self.say("failure", about, f"it is a {found.aggregation}, and does not add up", remedy)
        elif (
            found.aggregation == "sum_agg" and not found.expression and found.field != metric.field
        ):
            remedy = f"let it sum {metric.field}, or say field={found.field!r}"
            said = f"it sums {found.field!r}, which the events do not have"
            self.say("failure", about, f"{said}; theirs is {metric.field!r}", remedy)
        else:
            self.say("ok", about, f"it is there: {found.aggregation} of {found.field or 'events'}")
        if found.expression:
            self.say(
                "warning",
                about,
                f"it is worked out by {found.expression}",
                "see that events have all it takes",
            )
        if found.rounding:
            remedy = "leave it out: small calls are rounded away"
            self.say("warning", about, f"Lago rounds it ({found.rounding})", remedy)

    def _may_read_events(self) -> Flow[None]:
        found = yield from self._ask(self._lago.read_event(_PROBE), read_event)
        if not isinstance(found, LagoError) or found.status_code == _NOT_FOUND:
            self.say("ok", "events", "they can be read back")
        else:
            self._denied(
                found, "events", "events", "let it read events: reconcile() compares with them"
            )

    def _store(self) -> Flow[None]:
        """ClickHouse's events have ids that are put together, PostgreSQL's have UUIDs (``EventObject.lago_id``)."""
        codes = {metric.code for metric in self._examined.metrics}
        found = yield from self._ask(self._lago.events(code=next(iter(codes), None)), read_events)
        ids = [] if isinstance(found, LagoError) else [event.lago_id for event in found.items]
        known = [id_ for id_ in ids if id_]
        if not known:
            said = "not known yet: Lago has no event of this metric to tell by"
        elif all(_UUID.fullmatch(id_) for id_ in known):
            said = "PostgreSQL, by the form of its ids: an event that comes again is refused, and never billed twice"
        else:
            said = "ClickHouse, by the form of its ids: an event that comes again replaces itself, by its id and time"
        self.say("ok", "store", said)

    def _authorizes(self, publisher: str) -> Flow[None]:
        at = int(self._questions.wall())
        found = yield from self._ask(self._lago.authorize(_NOBODY, publisher, at), read_authorized)
        if isinstance(found, LagoError):
            remedy = "is api_url the portal's, and publisher_id the one it knows?"
            self.say("failure", "entitlement", f"nobody authorizes there: {found}", remedy)
        elif found.allowed:
            remedy = f"it should not: {_NOBODY!r} is nobody's name"
            self.say("warning", "entitlement", "the service lets everybody through", remedy)
        else:
            self.say(
                "ok", "entitlement", "the authorize service answers, and denies who is unknown"
            )

    def _subscribed(self, external_id: str) -> Flow[None]:
        about = f"subscription {external_id}"
        try:
            request = self._lago.subscription(external_id)
        except BillingError as error:
            self.say("failure", about, str(error), "name another")
            return
        found = yield from self._ask(request, read_subscription)
        if isinstance(found, Subscription):
            self.say(
                "ok",
                about,
                f"it is {found.status}, of customer {found.customer}, plan {found.plan_code}",
            )
            yield from self._billed(about, found)
        elif found.status_code == _NOT_FOUND:
            remedy = "subscriptions are named by their external_id, and must be active"
            said = "Lago has no active one: it would take the events, and never count them"
            self.say("failure", about, said, remedy)
        else:
            self._denied(
                found, about, "subscriptions", "let it read subscriptions: entitlements need them"
            )

    def _billed(self, about: str, subscription: Subscription) -> Flow[None]:
        yield from self._planned(subscription)
        usage = self._lago.usage(subscription.customer, subscription.external_id)
        found = yield from self._ask(usage, read_usage)
        if isinstance(found, LagoError):
            without = "let it read customers' usage: entitlements and reconcile() need it"
            self._denied(found, "usage", "usage", without)
        else:
            self.say("ok", "usage", f"{found.amount_cents} cents in the current period of {about}")
        if not self._examined.wallets:
            return
        wallets = yield from self._ask(self._lago.wallets(subscription.customer), read_wallets)
        if isinstance(wallets, LagoError):
            self._denied(wallets, "wallets", "wallets", "let it read wallets: balances need them")
        else:
            self.say("ok", "wallets", f"{len(wallets.items)} of customer {subscription.customer}")

    def _planned(self, subscription: Subscription) -> Flow[None]:
        plan = subscription.plan
        if plan is None or not plan.charges:
            found = yield from self._ask(self._lago.plan(subscription.plan_code), read_plan)
            if isinstance(found, LagoError):
                without = "let it read plans, or see for yourself that its charges are right"
                self._denied(found, f"plan {subscription.plan_code}", "plans", without)
                return
            plan = found
        for metric in self._examined.metrics:
            yield from self._charged(subscription, plan, metric)

    def _charged(self, subscription: Subscription, plan: Plan, metric: Metric) -> Flow[None]:
        about = f"charge for {metric.code}"
        charges = [charge for charge in plan.charges if charge.metric == metric.code]
        if not charges:
            remedy = f"add a charge for it to the plan {plan.code}"
            said = f"the plan {plan.code} has none: events would be kept, and cost nothing"
            self.say("failure", about, said, remedy)
            return
        for charge in charges:
            self._priced(about, charge, metric.mode or self._examined.mode)
        if any(charge.in_advance for charge in charges):
            yield from self._estimated(about, subscription, metric)

    def _priced(self, about: str, charge: PlanCharge, mode: str) -> None:
        dynamic = charge.model == "dynamic"
        if dynamic != (mode == "dynamic"):
            needed = "dynamic" if dynamic else "standard"
            why = (
                "events say no amount, and would cost nothing"
                if dynamic
                else "the amounts that events say do not count"
            )
            self.say(
                "failure",
                about,
                f"it is {charge.model}: {why}",
                f"say mode={needed!r}, or change the charge",
            )
        elif charge.amount == 0:
            self.say("warning", about, "its price of a unit is 0", "set the price in the plan")
        else:
            price = "" if charge.amount is None else f", {charge.amount:f} a unit"
            self.say("ok", about, f"it is {charge.model}{price}")
        if charge.filtered:
            self.say("warning", about, "it has filters", "see that prices by filters are meant")

    def _estimated(self, about: str, subscription: Subscription, metric: Metric) -> Flow[None]:
        """Only charges in advance can be asked for, and then say whether the field is read as a number."""
        request = self._lago.estimate(
            metric.code, subscription.external_id, {metric.field: "4200.5"}
        )
        found = yield from self._ask(request, charges_estimated)
        if isinstance(found, LagoError):
            self.say(
                "warning",
                about,
                f"an estimate is refused: {found}",
                "see that its field is the metric's",
            )
        elif not any(found):
            self.say(
                "failure",
                about,
                "an estimate of 4200.5 units comes to none",
                "see the metric's field",
            )
        else:
            self.say("ok", about, f"an estimate of 4200.5 units is read as {found[0]:f}")


def _read_probe(response: HTTPResponse) -> None:
    """A batch of none is no batch: so says who would take one."""
    error = refusal(response, "a batch of no events")
    if response.status not in _UNDERSTOOD or not (error.code or _BAD in error.message):
        raise error
