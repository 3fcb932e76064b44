"""An answer's head goes out with the first of its body, as ASGI has it: one write for both, and one wake of a client.

uvicorn writes a head as soon as it is told of it. Only its own classes are known here.

Source: https://asgi.readthedocs.io/en/latest/specs/www.html#response-start-send-event, read 2026-11-23.
"""

from __future__ import annotations

from typing import Any, Final
from weakref import ref

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

__all__ = ["Joining"]

_send: Final = RequestResponseCycle.send


class Joining(HttpToolsProtocol):
    """uvicorn's protocol, whose answers are told as above."""

    @override
    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        cycle.send = _Joined(cycle).send  # type: ignore[method-assign]
        super()._start_asgi_task(cycle, app)


class _Joined:
    """The way of one answer."""

    __slots__ = ("_cycle", "_head")

    def __init__(self, cycle: RequestResponseCycle) -> None:
        # It has this one: what has each other would wait for the collector.
        self._cycle = ref(cycle)
        self._head: Any = None

    async def send(self, message: Any) -> None:
        """Send, but a head with what comes next."""
        if message["type"] == "http.response.start":
            self._head = message
            return
        head, self._head = self._head, None
        cycle = self._cycle()
        assert cycle is not None  # noqa: S101 - who is just told of an answer is there
        if head is None:
            await _send(cycle, message)
            return
        plain = cycle.transport
        cycle.transport = together = _Together(plain)  # type: ignore[assignment]
        try:
            await _send(cycle, head)
            await _send(cycle, message)
        finally:
            cycle.transport = plain
            together.out()


class _Together:
    """Stands for a transport: what is written to it goes out at once, and then it is closed, if it was to be."""

    __slots__ = ("_closes", "_plain", "_written")

    def __init__(self, plain: Any) -> None:
        self._plain = plain
        self._written: list[bytes] = []
        self._closes = False

    def write(self, data: bytes) -> None:
        """Keep it."""
        self._written.append(data)

    def close(self) -> None:
        """Close, behind what was written."""
        self._closes = True

    def out(self) -> None:
        """Write all of it."""
        if self._written:
            self._plain.write(b"".join(self._written))
        if self._closes:
            self._plain.close()
