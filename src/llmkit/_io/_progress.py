"""How far one exchange has come, and how long it may still wait: seen by the network itself at every read and write.

A read that waits takes the least of what is left, so that a server that sends a byte a second outlives no deadline,
in sync too, and no thread has to watch. A context variable carries it, because the layers between know nothing of it.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from contextvars import ContextVar
from types import TracebackType
from typing import Any

from .._call import Sent
from .._flow import Deadlines
from ._faults import ReadTimeout

__all__ = ["CURRENT", "Progress", "during", "shut"]


_now = time.monotonic
# What stands for this process: asking the system for its number takes longer than all else here.
_process = object()


def _in_child() -> None:
    global _process  # noqa: PLW0603 - a child is another one
    _process = object()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


def shut(stream: Any) -> None:
    """Shut a network stream's socket down, from wherever: both sides see its end at once."""
    # What has been closed already, uvloop tells of by whatever its missing socket or number leads to.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        if (sock := stream.get_extra_info("socket")) is None:
            return
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except TypeError:
            _shut_by_number(sock.fileno(), stream.get_extra_info("client_addr"))


def _shut_by_number(number: int, here: Any) -> None:
    """Sockets of uvloop are known by nothing but a number, which may be another one's by now."""
    with socket.socket(fileno=os.dup(number)) as sock:
        if sock.getsockname() == here:
            sock.shutdown(socket.SHUT_RDWR)


class Progress:
    """One exchange. ``sent`` grows from "no" over "maybe" (bytes are leaving) to "yes" (all have left)."""

    # What nearly every exchange leaves as it is stands here, in the class: one is made for every request.
    sent: Sent = "no"
    limiting = connecting = "total"
    borrowed = False
    """Whether it goes through a caller's own client, whose reads are not watched by the network itself."""
    until = float("inf")
    """Such a client's wait: when it is ended from above, on the monotonic clock."""
    stopped = False
    uploading = False
    """While a streamed body leaves: each write may take as long as the idle limit says (a caller's own client,
    whose writes are not seen, as long as the total does). The first token is awaited from its end on."""
    streamed = False
    """Whether the answer is read as it comes, should it be a good one."""
    stream: Any = None
    """The network stream in use, once there is one."""
    hold_until: float | None = None
    """While only a stream's end is awaited: when to stop waiting for it."""

    def __init__(self, deadlines: Deadlines) -> None:
        self._limits = deadlines
        self._total = deadlines.total
        self.first: float | None = _now() + deadlines.first_token
        """Until when the answer's first bytes are awaited; ``None`` once they have come: then the idle limit counts."""
        self._process = _process

    def hold(self, seconds: float) -> None:
        """Wait no longer than this from now on; an earlier hold stays if it is shorter."""
        until = _now() + seconds
        self.hold_until = until if self.hold_until is None else min(until, self.hold_until)

    def unhold(self) -> None:
        """More of the answer has come after all: the next hold counts anew."""
        self.hold_until = None

    def cut(self, seconds: float) -> None:
        """All of it may last this long from now on, and no longer than it might before."""
        self._total = min(self._total, _now() + seconds)

    def remaining(self, asked: float | None = None) -> float:
        """Seconds that the next wait may take; ``limiting`` names the limit that it would hit."""
        now = _now()
        seconds, self.limiting = self._total - now, "total"
        first = None if self.uploading else self.first
        step = self._limits.idle if first is None else first - now
        if step < seconds and not (self.uploading and self.borrowed):
            seconds, self.limiting = step, "idle" if first is None else "first token"
        if self.hold_until is not None and self.hold_until - now < seconds:
            seconds, self.limiting = self.hold_until - now, "hold"
        if asked is not None and asked < seconds:
            seconds = asked
        return max(0.0, seconds)

    def limited(self) -> float:
        """``remaining``, for who ends a wait from above; ``until`` says when that will be."""
        seconds = self.remaining()
        self.until = _now() + seconds
        return seconds

    def whole(self) -> float:
        """Seconds that are left of the total."""
        return max(0.0, self._total - _now())

    def hurry(self) -> None:
        """Before work that waits for nothing. Raises ``ReadTimeout`` where the time is used up."""
        if self.remaining() <= 0:
            raise ReadTimeout("the time is used up")

    @property
    def connect_limit(self) -> float:
        """Seconds that connecting may take, whatever is left of the total."""
        return self._limits.connect

    def connect(self) -> float:
        """Seconds that connecting may take; ``connecting`` names the limit that it would hit."""
        left, most = self._total - _now(), self._limits.connect
        self.connecting = "connect" if most < left else "total"
        return max(0.001, min(most, left))

    def stop(self) -> None:
        """The exchange is over for its reader: the next read fails, which closes everything below it."""
        self.stopped = True

    @property
    def inherited(self) -> bool:
        """Whether this is a forked child, and the exchange its parent's."""
        return self._process is not _process

    def disconnect(self) -> None:
        """Close the connection from another thread, or where nothing can be awaited: whoever waits on it is woken."""
        if self.stream is not None and not self.inherited:
            shut(self.stream)

    def writing(self) -> None:
        """Bytes of the request are about to leave."""
        if self.sent == "no":
            self.sent = "maybe"

    def reading(self) -> None:
        """The whole request has left; its answer is awaited."""
        self.sent = "yes"
        if self.uploading:
            self.uploading = False
            self.first = _now() + self._limits.first_token


CURRENT: ContextVar[Progress | None] = ContextVar("llmkit_progress", default=None)


class during:  # noqa: N801 - reads as the statement that it makes of ``with``
    """Make this the exchange that the network is working for, in this thread or task."""

    __slots__ = ("_before", "_progress")

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def __enter__(self) -> None:
        self._before = CURRENT.get()
        CURRENT.set(self._progress)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Closed by a collector, a coroutine may be in another's context.
        if CURRENT.get() is self._progress:
            CURRENT.set(self._before)
