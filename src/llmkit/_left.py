"""What clients leave behind: calls that were given up where nothing could be done, and clients at the process's end.

Whoever calls next settles what was left, of whichever client it was. Nothing here decides what a settlement says.
"""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from ._control.late import Late
from ._io.aio import AsyncDriver
from ._io.sync import SyncDriver

__all__ = ["asettle_left", "known", "leaving", "perform_late", "settle_left"]


@dataclass(slots=True)
class _Left:
    """What was left of a call, and whose it is."""

    client: Any
    late: Late

    def settle(self) -> None:
        """Settle it."""
        try:
            perform_late(self.client, self.late.flow())
        except BaseException as error:
            self._again(error)
            raise

    async def asettle(self) -> None:
        """``settle`` for async code."""
        client = self.client
        given = client._observers, client.ledger, _nothing, client._clock  # noqa: SLF001 - as below
        try:
            await AsyncDriver(_nothing, *given).run(self.late.flow())
        except BaseException as error:
            self._again(error)
            raise

    def _again(self, error: BaseException) -> None:
        """Interrupted, it is for the next one who comes."""
        if self.late.open and not isinstance(error, Exception):
            _dropped.put(self)


def perform_late(client: Any, flow: Any) -> None:
    """Run a flow that sends nothing, as this client's."""
    given = client._observers, client.ledger, client._clock  # noqa: SLF001 - a client's own module
    SyncDriver(_nothing, *given).run(flow)


def _nothing(*_: Any) -> Any:
    raise AssertionError("what is settled late sends nothing")


# Not each client's own: it may be let go of together with its last stream.
_dropped: SimpleQueue[_Left] = SimpleQueue()


class leaving:  # noqa: N801 - it is called like the function it stands for
    """What a client's call leaves its settlement by; a collector may call it. It is for the process it was made in."""

    __slots__ = ("_client", "_queue")

    def __init__(self, client: Any) -> None:
        self._client, self._queue = client, _dropped

    def __call__(self, left: Any) -> None:
        self._queue.put(_Left(self._client, Late(left)))


def settle_left() -> None:
    """Settle what any client's calls have left."""
    for left in _taken():
        left.settle()


async def asettle_left() -> None:
    """``settle_left`` for async code."""
    for left in _taken():
        await left.asettle()


def _taken() -> Iterable[_Left]:
    while True:
        try:
            yield _dropped.get_nowait()
        except Empty:
            return


_clients: weakref.WeakSet[Any] = weakref.WeakSet()
_registering = threading.Lock()
_registered = False


def known(client: Any) -> None:
    """Remember a client, weakly, for the end of the process and for forks."""
    global _registered  # noqa: PLW0603 - once for the process
    _clients.add(client)
    with _registering:
        if _registered:
            return
        _registered = True
        atexit.register(_at_exit)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_in_child)


def _at_exit() -> None:
    for client in tuple(_clients):
        client._at_exit()  # noqa: SLF001 - a client's own module


def _in_child() -> None:
    global _dropped  # noqa: PLW0603 - what was dropped before the fork is the parent's to settle
    _dropped = SimpleQueue()
    for client in tuple(_clients):
        client._after_fork()  # noqa: SLF001 - a client's own module
