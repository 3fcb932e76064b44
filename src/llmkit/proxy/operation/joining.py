"""An answer's head goes out with the first of its body, as ASGI has it: one write for both, and one wake of a client.

uvicorn writes a head as soon as it is told of it. Only its own classes are known here.

Source: https://asgi.readthedocs.io/en/latest/specs/www.html#response-start-send-event, read 2026-11-23.
"""

from __future__ import annotations

from collections.abc import Callable
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
        cycle.transport = together = _Together()  # type: ignore[assignment]
        try:
            await _send(cycle, head)
            await _send(cycle, message)
        finally:
            cycle.transport = plain
            if together.written:
                plain.write(b"".join(together.written))
            if together.closes:
                plain.close()


class _Together:
    """Stands for a transport: what is written to it, and whether it was to be closed behind that."""

    __slots__ = ("closes", "write", "written")

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.write: Callable[[bytes], None] = self.written.append
        self.closes = False

    def close(self) -> None:
        """Close, behind what was written."""
        self.closes = True
