"""How billing stands: ``health()``, ``stats()``. The outbox is counted; nobody is asked over the network."""

from __future__ import annotations

from .._control.billing.standing import Health, Looks, Stats, judged, stats_of
from .._flow import Flow, store
from .._outbox import Count, Counted
from .._secret import redact
from ._founding import Founded

__all__ = ["Looking"]


class Looking(Founded):
    """The methods that change nothing."""

    def health(self) -> Health:
        """Whether billing is well: green, yellow or red, and why. It asks the outbox, never Lago."""
        return self._link.run(self._health())

    async def ahealth(self) -> Health:
        """``health``, awaited."""
        return await self._link.arun(self._health())

    def stats(self) -> Stats:
        """How many bills are where. It asks the outbox, never Lago.

        Raises:
            StoreError: the outbox cannot be read.
        """
        return self._link.run(self._stats())

    async def astats(self) -> Stats:
        """``stats``, awaited."""
        return await self._link.arun(self._stats())

    def _stats(self) -> Flow[Stats]:
        counted: Counted = yield from store(Count())
        return stats_of(counted, self._looks())

    def _health(self) -> Flow[Health]:
        try:
            counted: Counted | None = yield from store(Count())
            failing = ""
        except Exception as error:  # noqa: BLE001 - that is what it is asked for
            counted, failing = None, redact(f"{type(error).__name__}: {error}")
        looks = self._looks(failing)
        return judged(stats_of(counted, looks), looks)

    def _looks(self, failing: str = "") -> Looks:
        delivery, outbox = self._works.lane.delivery, self._outbox
        return Looks(
            durable=self._durable,
            late_after=self.settings.late_after,
            unreachable=delivery.pace.reason,
            wrong_key=delivery.pace.wrong_key,
            failing=failing,
            refusing=redact(outbox.refusing),
            quarantined=outbox.counts.quarantined,
            sender=self._works.failure,
            spilled=outbox.spilled,
            lost=outbox.counts.lost,
            doubtful=len(delivery.aside),
            in_flight=delivery.in_flight,
            requests=self._link.requests,
        )
