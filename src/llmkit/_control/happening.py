"""A stream of anything but chat, between its bytes and its reader: its last event held back until it is settled.

Its decoder knows what the events are and what they come to; nothing here looks into them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from .._call import Call, CallInfo
from .._flow import Opened
from ..types.answer import Answer
from ..wires import EventDecoder
from .settle import Account

__all__ = ["Happening"]


class Happening:
    """One stream's state. ``ready`` are the events to hand over; ``over`` says that reading is done."""

    holding = False
    patience = 0.0
    flowing: Iterator[Any] = iter(())
    """Nothing: its events are all ready as they come."""

    def __init__(self, call: Call, opened: Opened, account: Account) -> None:
        self.call = call
        self.opened = opened
        self.drains = account.drains
        """Seconds for which it is read on when it is closed early, so that what it used is known."""
        self._account = account
        decoder: Any = opened.decoder
        self._decoder: EventDecoder = decoder
        account.whole = decoder.result
        account.counted = False
        self.ready: deque[Any] = deque()
        self._held: list[Any] = []
        self.received = 0
        self.pending = opened.pending
        self._take(opened.first)

    @property
    def info(self) -> CallInfo:
        """What happened to the call so far."""
        return self._account.info

    @property
    def over(self) -> bool:
        """Whether nothing more needs to be read."""
        return self.opened.decoder.done

    def result(self) -> Answer:
        """The answer as far as it has come, priced."""
        return self._account.priced(self._decoder.result())

    def relay(self) -> None:
        """Its events are what they are."""

    def check(self) -> None:
        """Raise the failure that came right behind the first events, if one did."""
        pending, self.pending = self.pending, None
        if pending is not None:
            raise pending

    def feed(self, data: bytes) -> None:
        """Take bytes. Raises what the decoder raises."""
        self._take(self._decoder.feed(data))

    def end(self) -> None:
        """The bytes have ended. Raises where they ended too early."""
        self._take(self._decoder.finish())
        self._account.counted = True

    def cut_off(self) -> None:
        """Never needed: no end is waited for."""

    def discard(self) -> None:
        """Nobody reads what there is to hand over."""
        self.ready.clear()

    def release(self) -> None:
        """The call is settled: let the last event go."""
        self.ready.extend(self._held)
        self._held.clear()

    def _take(self, events: Iterable[Any]) -> None:
        for event in events:
            self.received += 1
            # Readers stop at the last event: it is handed over when all is settled.
            (self._held if self._decoder.done else self.ready).append(event)
        if self._decoder.done:
            self._account.counted = True
