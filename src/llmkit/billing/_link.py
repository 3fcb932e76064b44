"""``Link``: how billing's flows are run, in either colour, over connections of billing's own.

Never a client's connections, nor a caller's; nothing here is seen by taps (cassettes, simulators). What is sent when,
and what comes of it, flows decide.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

from .._flow import Flow
from .._http import HTTPRequest, HTTPResponse
from .._io._clock import SYSTEM_CLOCK, Clock
from .._io._loops import Loops
from .._io._network import Network
from .._io._observe import Observers
from .._io._progress import Progress
from .._io._tap import Answer
from .._io.aio import AsyncDriver
from .._io.sync import SyncDriver

__all__ = ["Link"]

T = TypeVar("T")


class _InPlace:
    """Answers in place of the network, and in place of a loop's connections."""

    def __init__(self, answer: Callable[[HTTPRequest], HTTPResponse]) -> None:
        self._answer = answer
        self.transports = _Awaited(self)

    def later(self, work: Callable[[], Any]) -> None:
        """What nobody sends needs no closing."""

    def send(self, request: HTTPRequest, progress: Progress) -> Answer:
        """Answer, as a transport does."""
        progress.writing()
        answer = self._answer(request)
        return Answer(answer.status, answer.headers, [answer.body], progress)


class _Awaited:
    """The same for a loop."""

    def __init__(self, answers: _InPlace) -> None:
        self._answers = answers

    async def send(self, request: HTTPRequest, progress: Progress) -> Answer:
        """Answer, as a transport does."""
        return self._answers.send(request, progress)


class Link:
    """Runs flows: ``Send`` over its own connections, ``Store`` on the outbox, ``Notify`` to billing's callbacks.

    Nothing is opened before the first request. Threads and loops share a link; a forked process opens its own
    connections.

    Args:
        outbox: what ``Store`` without ``on`` is performed by.
        observers: who is told.
        clock: what is waited by.
        verify: TLS, as ``Client`` takes it.
        send: what answers in place of the network.
    """

    def __init__(
        self,
        outbox: Any,
        observers: Observers,
        *,
        clock: Clock = SYSTEM_CLOCK,
        verify: Any = None,
        send: Callable[[HTTPRequest], HTTPResponse] | None = None,
    ) -> None:
        self.outbox = outbox
        self._observers = observers
        self._clock = clock
        network = Network(verify=verify)
        self._transports = network.blocking()
        self._loops = Loops(network.awaiting)
        self._instead = None if send is None else _InPlace(send)
        self._pid = os.getpid()
        self.requests = 0
        """How many requests were sent, or begun to be."""

    def run(self, flow: Flow[T]) -> T:
        """Run a flow, blocking."""
        send = self._counted(self._transports if self._instead is None else self._instead)
        value: T = SyncDriver(send, self._observers, self.outbox, self._clock).run(flow)
        return value

    def _counted(self, transport: Any) -> Callable[[HTTPRequest, Progress], Any]:
        def send(request: HTTPRequest, progress: Progress) -> Any:
            self.requests += 1
            return transport.send(request, progress)

        return send

    async def arun(self, flow: Flow[T]) -> T:
        """Run a flow, awaiting, on asyncio or trio."""
        if self._pid != os.getpid():
            self.forget()
        pool: Any = self._instead or await self._loops.here()
        send = self._counted(pool.transports)
        driver = AsyncDriver(send, self._observers, self.outbox, pool.later, self._clock)
        value: T = await driver.run(flow)
        return value

    def close(self) -> None:
        """Close the sync connections; a loop's are closed by ``aclose``, or by its end. It can be used again."""
        self._transports.close()

    async def aclose(self) -> None:
        """Close the connections of the running loop, and the sync ones."""
        await self._loops.aclose()
        self._transports.close()

    def forget(self) -> None:
        """In a forked process: the loops and their sockets are its parent's."""
        self._pid = os.getpid()
        self._loops.forget()
