"""Reporting usage by hand, and the rooms in which bills wait for somebody's word."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from typing_extensions import Unpack

from ..errors import ConfigurationError
from ._founding import Founded
from ._reporting import Reported, Said, report
from ._waiting import Waiting

__all__ = ["Report", "Reporting"]


class Report(TypedDict, total=False):
    """What is said beside what is reported."""

    subscription: str | None
    """Whom to bill, by its external id; else whom the context around it names, or the object's default."""
    customer: str | None
    """Whom to bill, where the subscription is for the entitlement's gate to find."""
    id: str | None
    """Of what is reported: the same id again bills nothing more. An answer of llmkit's has its call's."""
    at: datetime | float | None
    """When it ended: a ``datetime`` with a time zone, or Unix time in seconds. Else the answer's, or now."""
    model: str | None
    """Whose prices hold for a usage, as in ``completion()``."""
    provider: str | None
    """The same, where the model does not say."""
    usage: Any
    """The counts of what is given as an amount."""
    metadata: Mapping[str, Any] | None
    """What else is known; ``properties`` of it go into the events."""
    kind: str
    """The kind of call; ``chat`` where it is not said."""


class Reporting(Founded):
    """Reports, and what waits."""

    @property
    def dead_letter(self) -> Waiting:
        """Bills that were refused, with the reason: ``list()``, ``replay(ids)``, ``discard(ids, reason)``."""
        return Waiting(self.desk, ("dead",))

    @property
    def unpriced(self) -> Waiting:
        """Usage without a price: ``list()``, ``reprice(ids, usd)``."""
        return Waiting(self.desk, ("unpriced",))

    @property
    def unattributed(self) -> Waiting:
        """Usage that names nobody to bill: ``list()``, ``attribute(ids, subscription)``."""
        return Waiting(self.desk, ("unattributed",))

    @property
    def unknown(self) -> Waiting:
        """Calls whose end nobody saw, as after a crash: ``list()``, ``bill(ids, usd)``, ``discard(ids, reason)``."""
        return Waiting(self.desk, ("unknown",))

    @property
    def held(self) -> Waiting:
        """Guesses that wait for a word: ``list()``, ``bill(ids, usd)``, ``discard(ids, reason)``."""
        return Waiting(self.desk, ("held",))

    @property
    def listed(self) -> Waiting:
        """Failed attempts that may have cost something: ``list()``, ``bill(ids, usd)``, ``discard(ids, reason)``."""
        return Waiting(self.desk, ("listed",))

    def report_usage(self, given: Any, /, **said: Unpack[Report]) -> Reported:
        """Bill what no client of this object billed, once for each id.

        Args:
            given: an answer of llmkit's, another SDK's answer or a usage (with ``model=``), a ``Cost``, or an amount
                in USD.
            **said: see ``Report``.

        Returns:
            The events' ids, and the state of each: ``queued``, or what it waits for.

        Raises:
            ConfigurationError, TypeError: it is none of these; nothing was written.
            BillingError: nobody is named, and ``unattributed="raise"``; or the outbox cannot be written.
        """
        return self._link.run(report(self.desk, given, _said(said)))

    async def areport_usage(self, given: Any, /, **said: Unpack[Report]) -> Reported:
        """``report_usage``, awaited."""
        return await self._link.arun(report(self.desk, given, _said(said)))


def _said(given: Report) -> Said:
    for name in given:
        if name not in Said._fields:
            near = difflib.get_close_matches(name, Said._fields, n=1)
            hint = f"; did you mean {near[0]}=?" if near else ""
            raise ConfigurationError(f"report_usage() takes no {name!r}{hint}")
    return Said(**given)
