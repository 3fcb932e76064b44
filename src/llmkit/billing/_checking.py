"""Asking who may make a call, without making one: ``check_entitlement``; and ending what is known of somebody."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from .._control.attributes import attributes
from .._control.billing.currency import amount
from .._control.billing.entitlement import Check, Entitlement
from .._control.billing.facts import usable
from .._control.billing.identity import named
from .._cost import Cost, Unbounded
from ..errors import ConfigurationError
from ._founding import Founded

__all__ = ["Checking"]

_NOBODY_ASKED: Final = "nobody is asked: the billing object has entitlement=None"


class Checking(Founded):
    """The methods that ask for entitlements."""

    def check_entitlement(
        self,
        customer: str | None = None,
        *,
        subscription: str | None = None,
        feature: str | None = None,
        usd: Any = 0,
    ) -> Entitlement:
        """Whether a call may be made now. It is decided from memory where that is fresh; nothing is reserved.

        Args:
            customer: an external id. Without it and ``subscription``, whoever ``llmkit.context`` names, or the
                object's own ``subscription``.
            subscription: an external id.
            feature: what the subscription must have, by its code, or ``"code.privilege"``.
            usd: what the call may cost: an amount, or what ``client.cost_bound(…)`` says. ``None``: nobody knows.

        Returns:
            An ``Entitlement``, true where it may. A denial, and an outage, are answers: nothing is raised for them.

        Raises:
            ConfigurationError: nobody is named, or an argument is none.
        """
        check = self._check(customer, subscription, feature, usd)
        if self._gate is None:
            return _open(check)
        found: Entitlement = self._gate.perform(check)
        return found

    async def acheck_entitlement(
        self,
        customer: str | None = None,
        *,
        subscription: str | None = None,
        feature: str | None = None,
        usd: Any = 0,
    ) -> Entitlement:
        """``check_entitlement``, awaited."""
        check = self._check(customer, subscription, feature, usd)
        if self._gate is None:
            return _open(check)
        found: Entitlement = await self._gate.aperform(check)
        return found

    def _check(
        self, customer: str | None, subscription: str | None, feature: str | None, usd: Any
    ) -> Check:
        customer, subscription = _id(customer, "customer"), _id(subscription, "subscription")
        if not customer and not subscription:
            around = attributes({}, {}, {})
            customer = usable((around.get("customer") or ("",))[0])
            subscription, failure = named(around, self.desk.identity)
            if not customer and not subscription:
                raise ConfigurationError(
                    failure
                    or "say who is asked for: check_entitlement(customer), or subscription=…"
                )
        return Check(customer, subscription, _id(feature, "feature"), _usd(usd))

    def forget_entitlements(
        self, customer: str | None = None, *, subscription: str | None = None
    ) -> None:
        """Ask again at the next check: for this customer, this subscription, or (without any) everybody.

        A webhook that tells of a change does this by itself, see ``webhook``.
        """
        if (forget := getattr(self._gate, "invalidate", None)) is not None:
            forget(customer, subscription)


def _id(given: Any, what: str) -> str:
    if given is None:
        return ""
    if not usable(given):
        raise ConfigurationError(f"{what} is an id, such as 'acme-1', not {given!r:.80}")
    return str(given)


def _usd(given: Any) -> Decimal | None:
    if given is None or isinstance(given, Unbounded):
        return None
    return given.total if isinstance(given, Cost) else amount(given, "usd")


def _open(check: Check) -> Entitlement:
    return Entitlement(
        True,
        detail=_NOBODY_ASKED,
        customer=check.customer,
        subscription=check.subscription,
        source="policy",
    )
