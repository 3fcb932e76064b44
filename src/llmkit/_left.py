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

from ._flow import Flow, notify, store
from ._io._network import ending
from ._io._observe import Observers
from ._io.aio import AsyncDriver
from ._io.sync import SyncDriver
from ._settlements import Settle
from .events import CallFinished

__all__ = ["asettle_left", "known", "leaving", "perform_late", "settle_left"]


class _Late:
    """What was left of a call that was given up, on its way to be settled: a terminal event, holds, or places."""

    __slots__ = ("_done", "_left", "_stored")

    def __init__(self, left: Any) -> None:
        self._left = left
        self._stored = self._done = False

    @property
    def open(self) -> bool:
        """Whether it has to be done once more: it was interrupted."""
        return not self._done

    def flow(self) -> Flow[None]:
        """Settle it, and tell the callbacks, once each; an interrupt on the way is raised when that is done."""
        interrupted: BaseException | None = None
        while not self._done:
            try:
                yield from self._settled()
            except (GeneratorExit, Exception):
                raise
            except BaseException as interruption:  # noqa: BLE001 - cancelled, Ctrl-C: it goes on below
                interrupted = interruption
        if interrupted is not None:
            raise interrupted

    def _settled(self) -> Flow[None]:
        left = self._left
        if not isinstance(left, CallFinished):
            yield from left.close()
            self._done = True
            return
        if not self._stored:
            yield from store(Settle(left.settlement))
            self._stored = True
        self._done = True
        yield from notify(left)


@dataclass(slots=True)
class _Left:
    """What was left of a call, and whose it is."""

    client: Any
    late: _Late

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
        self._queue.put(_Left(self._client, _Late(left)))


def settle_left() -> None:
    """Settle what any client's calls have left."""
    if _dropped.empty():
        return
    for left in _taken():
        left.settle()


async def asettle_left() -> None:
    """``settle_left`` for async code."""
    if _dropped.empty():
        return
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
    """Remember a client, or who bills for clients, weakly, for the end of the process and for forks."""
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
    Observers.ends = True
    # What clients leave is billed: who bills ends behind them.
    with ending():
        for client in sorted(_clients, key=lambda one: bool(getattr(one, "ends_last", False))):
            client._at_exit()  # noqa: SLF001 - a client's own module


def _in_child() -> None:
    global _dropped  # noqa: PLW0603 - what was dropped before the fork is the parent's to settle
    _dropped = SimpleQueue()
    for client in tuple(_clients):
        client._after_fork()  # noqa: SLF001 - a client's own module
