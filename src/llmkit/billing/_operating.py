"""Operating it: Lago's webhooks, the doctor, reconciling what was delivered with what Lago has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .._control.billing.webhook import WebhookEvent
from ._founding import Founded

__all__ = ["Operating"]

_Headers = Mapping[str, str] | Iterable[tuple[str, str]]


class Operating(Founded):
    """The methods for who operates it."""

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
