"""A real outbox in memory and the fake Lago, around one ``Delivery``, on a clock that nobody waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmkit._control.billing.delivery import Delivery, Round, Terms
from llmkit._control.billing.lago import Lago
from llmkit._flow import Flow, Notify, Send, Sleep, Store
from llmkit._outbox import Conclude
from llmkit._secret import Secret
from llmkit.stores import MemoryStore
from llmkit.testing import FakeLago, FrozenClock

if TYPE_CHECKING:
    from llmkit._outbox import Bill

LATENCY = 0.005


class Virtual:
    """``run`` performs a delivery's flow; nothing of it is kept but what the fake keeps."""

    def __init__(self, terms: Terms | None = None, draw: float = 0.5, **how: Any) -> None:
        self.clock = FrozenClock(1_763_780_000.0)
        self.fake = FakeLago(clock=self.clock, **how)
        self.store = MemoryStore(clock=self.clock.wall)
        self.lago = Lago(self.fake.api_url, Secret(self.fake.api_key))
        self.told: list[Any] = []
        self.most_sent = 0
        self.delivery = self.another("me", terms, draw)

    def another(self, sender: str, terms: Terms | None = None, draw: float = 0.5) -> Delivery:
        """One more sender of the same outbox."""
        return Delivery(self.lago, sender, self.clock.now, lambda: draw, terms)

    def conclude(self, bill: Bill) -> None:
        """A call has ended."""
        self.store.perform(Conclude(bill.call, (bill,)))

    def run(
        self, seconds: float = 3600.0, delivery: Delivery | None = None, *, patient: bool = False
    ) -> Round:
        """One ``run`` to its end."""
        run = (delivery or self.delivery).run
        found: Round = self.drive(run(self.clock.now() + seconds, patient=patient))
        return found

    def drive(self, flow: Flow[Any]) -> Any:
        """Perform a flow's effects to its end."""
        try:
            effect = next(flow)
            while True:
                try:
                    outcome = self._perform(effect)
                except Exception as error:  # noqa: BLE001 - it is the flow's to judge
                    effect = flow.throw(error)
                else:
                    effect = flow.send(outcome)
        except StopIteration as stop:
            return stop.value

    def _perform(self, effect: Any) -> Any:
        match effect:
            case Send(request=request, deadlines=deadlines):
                self.clock.advance(LATENCY)
                self.most_sent = max(self.most_sent, len(request.body))
                return self.fake.answer(request, timeout=deadlines.total - self.clock.now())
            case Store(operation=operation):
                return self.store.perform(operation)
            case Sleep(seconds=seconds):
                return self.clock.advance(seconds)
            case Notify(event=event):
                return self.told.append(event)
        raise AssertionError(effect)
