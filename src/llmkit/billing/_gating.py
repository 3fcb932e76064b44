"""``gate_of``: the gate that a billing object's settings ask for; and one's own gate as such."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from .._control.billing.asking import Asking, Authorizing
from .._control.billing.available import Rules
from .._control.billing.deciding import Room
from .._control.billing.entitlement import Check, Entitlement, policy_of
from .._control.billing.lago import Lago
from .._control.billing.settings import Settings
from .._control.billing.terms import Terms
from ..errors import ConfigurationError
from ._cells import Ages
from ._gate import EntitlementGate
from ._link import Link
from ._pacer import Pacer

__all__ = ["OwnGate", "gate_of", "rules_of"]


class OwnGate:
    """A gate of the caller's own: what ``perform`` a ``Check`` and answers with an ``Entitlement``.

    Beside that it may have ``aperform``, ``written``, ``raised`` and ``settled``, as ``Gate`` has them.
    """

    def __init__(self, own: Any) -> None:
        if isinstance(own, type) or not callable(getattr(own, "perform", None)):
            name = own.__name__ if isinstance(own, type) else type(own).__name__
            raise ConfigurationError(
                f"entitlement is 'lago', 'authorize', None or an object with perform(check), not {name}"
            )
        self._own = own

    def perform(self, operation: Check) -> Entitlement:
        """May it go out?"""
        return _entitlement(self._own.perform(operation))

    async def aperform(self, operation: Check) -> Entitlement:
        """``perform``, awaited where the gate can be."""
        waiting = getattr(self._own, "aperform", None)
        if waiting is None:
            return self.perform(operation)
        return _entitlement(await waiting(operation))

    def written(self, call: str) -> None:
        """The outbox has an intent."""
        getattr(self._own, "written", bool)(call)

    def raised(self, call: str, usd: Decimal | None) -> bool:
        """Reserve so much in all; a gate that does not reserve has room."""
        own = getattr(self._own, "raised", None)
        return True if own is None else bool(own(call, usd))

    def settled(self, call: str, usd: Decimal | None) -> None:
        """The call has ended."""
        if (own := getattr(self._own, "settled", None)) is not None:
            own(call, usd)


def _entitlement(found: Any) -> Entitlement:
    if not isinstance(found, Entitlement):
        raise ConfigurationError(
            f"a gate answers with an Entitlement, not with {type(found).__name__}: nothing is let out"
        )
    return found


def rules_of(settings: Settings, terms: Terms) -> Rules:
    """What counts, by what is billed."""
    rates = {"cost": terms.currency.rate, "usd": Decimal(1)}
    money = {
        metric.code: rates[metric.measure] for metric in terms.metrics if metric.measure in rates
    }
    return Rules(
        frozenset(metric.code for metric in terms.metrics),
        money,
        require_wallet=settings.require_wallet,
        plan=settings.plan or "",
    )


def gate_of(
    settings: Settings,
    terms: Terms,
    lago: Lago,
    link: Link,
    call: Callable[[], object] = bool,
) -> Any:
    """The gate that was asked for; ``None``: nobody is asked.

    Args:
        settings: what was asked for.
        terms: what is billed.
        lago: who is asked.
        link: what runs the questions.
        call: called when something is to be asked anew; from any thread.

    Raises:
        ConfigurationError: it is no gate, or ``unreachable`` is no outage policy.
    """
    policy = policy_of(settings.unreachable)
    if settings.entitlement is None:
        return None
    if settings.entitlement not in ("lago", "authorize"):
        return OwnGate(settings.entitlement)
    clock = settings.clock
    publisher = settings.publisher_id or ""
    asking = Asking(
        lago,
        rules_of(settings, terms),
        Pacer(settings.requests_per_second, clock.now),
        clock.now,
        clock.wall,
        settings.timeout,
        Authorizing(publisher) if settings.entitlement == "authorize" else None,
    )
    return EntitlementGate(
        asking,
        link,
        policy=policy,
        ages=Ages(settings.fresh, settings.stale),
        room=Room(settings.overshoot, settings.unbounded),
        feature=settings.feature or "",
        unseen=settings.unseen,
        call=call,
    )
