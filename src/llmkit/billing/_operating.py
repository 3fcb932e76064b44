"""Operating it: the doctor, reconciling what was delivered with what Lago has, Lago's webhooks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from .._control.billing.examination import Examination, Examined, examine
from .._control.billing.questions import Questions
from .._control.billing.reconciling import Reconciled, Reconciliation, reconcile
from .._control.billing.reporting import moment
from .._control.billing.webhook import WebhookEvent
from .._flow import Flow
from ..errors import ConfigurationError
from ._founding import Founded

__all__ = ["Operating"]

_Headers = Mapping[str, str] | Iterable[tuple[str, str]]


class Operating(Founded):
    """The methods for who operates it."""

    def doctor(self, subscription: str | None = None) -> Examination:
        """Look whether what is to be billed will be counted, before anything is; nothing is billed by it.

        Lago answers 200 to events that it will never count. So each metric, and a subscription, are asked for.

        Args:
            subscription: one whose events shall be counted; else the object's own, where that is an id.

        Returns:
            All that was found; ``ok`` is whether nothing failed. What cannot be reached is a finding, too.
        """
        return self._link.run(self._examined(subscription))

    async def adoctor(self, subscription: str | None = None) -> Examination:
        """``doctor``, awaited."""
        return await self._link.arun(self._examined(subscription))

    def reconcile(
        self,
        since: datetime | float,
        until: datetime | float,
        *,
        subscription: str | None = None,
        resend: bool = False,
    ) -> Reconciliation:
        """Compare what was delivered in a time with what Lago has, and counts.

        Args:
            since: a ``datetime`` with a time zone, or Unix time in seconds; included.
            until: the same; not included.
            subscription: of this one only, by its external id.
            resend: queue again what is missing, exactly as it was.

        Returns:
            What is missing, other than sent, not counted, or not from here; ``ok`` is whether all is well.

        Raises:
            ConfigurationError: a time is none.
            LagoError: events cannot be read.
            BillingError: Lago cannot be reached.
            StoreError: the outbox cannot be read or written.
        """
        found = self._link.run(self._reconciled(since, until, subscription, resend=resend))
        self._wake(found)
        return found

    async def areconcile(
        self,
        since: datetime | float,
        until: datetime | float,
        *,
        subscription: str | None = None,
        resend: bool = False,
    ) -> Reconciliation:
        """``reconcile``, awaited."""
        found = await self._link.arun(self._reconciled(since, until, subscription, resend=resend))
        self._wake(found)
        return found

    def webhook(self, body: bytes, headers: _Headers) -> WebhookEvent:
        """Verify one of Lago's webhooks, and act on it: once, however often it comes.

        Events that Lago could not count go to the dead letter; what has changed about a customer's wallet or
        subscription is asked for at his next call.

        Args:
            body: the bytes as they came, not JSON that was written anew.
            headers: the request's, names in any case.

        Raises:
            BillingError: it is not Lago's, or not whole; answer 400, and believe nothing of it.
            LagoError: the public key cannot be had just now; answer 503: it comes again.
            StoreError: the outbox cannot be read or written; answer 503.
            ConfigurationError: a key, or the package ``cryptography``, is missing.
        """
        return self._link.run(self._webhooks.receive(body, headers))

    async def awebhook(self, body: bytes, headers: _Headers) -> WebhookEvent:
        """``webhook``, awaited."""
        return await self._link.arun(self._webhooks.receive(body, headers))

    # --- without colour -----------------------------------------------------------------------

    def _questions(self, tries: int) -> Questions:
        settings = self.settings
        return Questions(
            settings.clock.now,
            settings.clock.wall,
            settings.requests_per_second["other"],
            settings.timeout,
            tries,
        )

    def _examined(self, subscription: str | None) -> Flow[Examination]:
        settings = self.settings
        default = settings.subscription if isinstance(settings.subscription, str) else None
        asks = settings.entitlement
        what = Examined(
            self._lago,
            self.terms.metrics,
            settings.mode,
            subscription or default,
            settings.publisher_id if asks == "authorize" else None,
            wallets=asks == "lago",
        )
        return examine(what, self._questions(2))

    def _reconciled(
        self, since: Any, until: Any, subscription: str | None, *, resend: bool
    ) -> Flow[Reconciliation]:
        begin, end = moment(since, "since"), moment(until, "until")
        if begin >= end:
            raise ConfigurationError("until is behind since: reconcile(since, until)")
        what = Reconciled(
            self._lago,
            [metric.code for metric in self.terms.metrics],
            begin,
            end,
            subscription,
            resend,
            int(self.settings.unseen * 1000),
        )
        return reconcile(what, self._questions(4))

    def _wake(self, found: Reconciliation) -> None:
        if found.requeued:
            self._sender.wake(found.requeued)
