"""``Founded``: what a ``LagoBilling`` is made of, put together once. Nothing is opened, begun or asked here.

What its methods do is said by theme in the modules beside this one; ``_billing`` puts them together.
"""

from __future__ import annotations

import os
from decimal import Decimal
from functools import partial
from typing import Any

from typing_extensions import Unpack

from .._control.billing.identity import Identity, identity_of
from .._control.billing.lago import Lago
from .._control.billing.options import BillingOptions
from .._control.billing.settings import Settings, settings_of
from .._control.billing.terms import Terms, terms_of
from .._control.billing.webhook import Webhooks
from .._io._clock import SYSTEM_CLOCK, Clock
from .._io._observe import Observers
from ._desk import Desk
from ._gating import gate_of
from ._link import Link
from ._opening import is_durable, opened
from ._quarantine import Outbox
from ._sender import Sender
from ._works import Works

__all__ = ["Founded"]

_LONGEST_TICK, _SHORTEST_TICK = 60.0, 1.0


class Founded:
    """The parts. Those with an underscore are nobody else's."""

    settings: Settings
    desk: Desk
    """What a ``Client`` begins and finishes its calls at."""

    def __init__(
        self, api_url: str | None = None, api_key: Any = None, **options: Unpack[BillingOptions]
    ) -> None:
        settings = settings_of(api_url, api_key, options, os.environ, SYSTEM_CLOCK)
        self.settings = settings
        self.terms: Terms = terms_of(settings)
        self._observers = Observers(settings.callbacks)
        store, self._owned = opened(settings)
        self._durable = is_durable(store)
        # What somebody gave may hold more than bills: it is neither moved nor closed here.
        self._outbox = _outbox(store, settings, self._observers, quarantine=self._owned)
        self._link = _link(self._outbox, settings, self._observers)
        self._lago = Lago(settings.api_url, settings.key)
        given = settings, self._lago, self._link, self._outbox, self._observers
        self._works = Works(*given, durable=self._durable, owned=self._owned)
        self._sender = _sender(self._works, settings)
        call = self._sender.caller()
        self._gate: Any = gate_of(settings, self.terms, self._lago, self._link, call)
        self._works.gate = self._gate
        self._webhooks = _webhooks(self._lago, settings, self._gate)
        self.desk = Desk(
            self.terms,
            _identity(settings),
            self._outbox,
            observers=self._observers,
            gate=self._gate,
            wake=self._sender.wake,
            now=partial(_milliseconds, settings.clock),
        )

    def convert_to_askii(self, usd: Any) -> Decimal:
        """So many dollars in coins, exactly: ``convert_to_askii("0.0042")`` is 4200 at the default rate.

        Raises:
            ConfigurationError: it is no amount.
        """
        return self.terms.currency.convert(usd)


def _milliseconds(clock: Clock) -> int:
    return int(clock.wall() * 1000)


def _outbox(store: Any, settings: Settings, observers: Observers, *, quarantine: bool) -> Outbox:
    return Outbox(
        store,
        observers.tell,
        when_full=settings.when_full,
        spill_limit=settings.spill_limit,
        block_seconds=settings.block_seconds,
        quarantine=quarantine,
        clock=settings.clock,
    )


def _link(outbox: Outbox, settings: Settings, observers: Observers) -> Link:
    return Link(outbox, observers, clock=settings.clock, verify=settings.verify, send=settings.send)


def _webhooks(lago: Lago, settings: Settings, gate: Any) -> Webhooks:
    return Webhooks(
        lago,
        settings.webhook_key,
        settings.clock.now,
        getattr(gate, "invalidate", None),
        issuer=settings.webhook_issuer or settings.base_url,
        organization=settings.webhook_organization,
    )


def _identity(settings: Settings) -> Identity:
    return identity_of(
        settings.subscription,
        trust_user=settings.trust_user,
        unattributed=settings.unattributed,
    )


def _sender(works: Works, settings: Settings) -> Sender:
    return Sender(
        works,
        count=settings.flush_at,
        seconds=settings.flush_every,
        tick=min(_LONGEST_TICK, max(_SHORTEST_TICK, settings.late_after / 2)),
        background=settings.background,
    )
