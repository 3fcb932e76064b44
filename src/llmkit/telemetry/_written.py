"""Sinks that write in a thread of their own: no call waits for a disk or a network. What is written, they say."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from typing_extensions import override

from .._io._background import Background
from ..errors import ConfigurationError
from ..events import AttemptStarted, CallFinished
from ._content import Contents
from ._record import FailedAttempt, Record, failed_attempts, record

__all__ = ["Entry", "Queued", "Written"]


class Entry(NamedTuple):
    """What is written of one call. ``said``: its messages and those of its answer, where they are asked for."""

    record: Record
    failed: tuple[FailedAttempt, ...]
    said: tuple[list[dict[str, Any]], list[dict[str, Any]]] | None = None


class Written(ABC):
    """A callback that writes entries behind the calls.

    Args:
        name: what the log calls it.
        size: so many entries may wait; of more, the newest are dropped, counted and told of once.
        content: whether prompts and answers are kept.
        redact: what is kept of each of their texts.
    """

    def __init__(
        self,
        name: str,
        *,
        size: int,
        content: bool = False,
        redact: Callable[[str], str] | None = None,
        lingers: float = 0.05,
    ) -> None:
        if not isinstance(size, int) or size < 1:
            raise ConfigurationError(f"size is a number of entries, not {size!r:.80}")
        self._contents = Contents(wanted=content, redact=redact)
        self._behind = Background(
            self._write, name=name, size=size, lingers=lingers, rests=self._rest
        )

    def __call__(self, event: Any) -> None:
        """Take an event of a client."""
        if isinstance(event, AttemptStarted):
            self._contents.note(event)
        elif isinstance(event, CallFinished):
            said = self._contents.of(event)
            self._behind.put(Entry(record(event), failed_attempts(event), said))

    @property
    def dropped(self) -> int:
        """How many calls were not written: they did not fit into the queue, or writing failed."""
        return self._behind.dropped

    def flush(self, seconds: float = 5.0) -> bool:
        """Wait until all is written; whether it was, in so many seconds. Closing a client does it, too."""
        return self._behind.flush(seconds)

    @abstractmethod
    def _write(self, entries: Sequence[Entry]) -> None:
        """Write them, in the sink's thread."""

    def _rest(self) -> None:  # noqa: B027 - few keep anything open
        """Nothing has been written for a while, or the process ends: let go of what is open."""

    @override
    def __repr__(self) -> str:
        return f"<{self._behind.name}>"


class Queued:
    """A slow handler, kept behind the calls: ``callbacks=[Queued(handler)]``. It runs in a thread of its own, in order.

    Args:
        handler: a function of one event. What it raises is logged, and goes nowhere else.
        size: so many events may wait; of more, the newest are dropped, counted (``dropped``) and told of once.

    Raises:
        ConfigurationError: the handler cannot be called, or is a coroutine function, which needs no thread.
    """

    def __init__(self, handler: Callable[[Any], Any], *, size: int = 10_000) -> None:
        if not callable(handler):
            raise ConfigurationError(
                f"handler is a function of one event, not {type(handler).__name__}"
            )
        self._handler = handler
        name = getattr(handler, "__qualname__", type(handler).__qualname__)
        self._behind = Background(self._handle, name=f"callback {name}", size=size)

    def __call__(self, event: Any) -> None:
        """Take an event of a client."""
        self._behind.put(event)

    @property
    def dropped(self) -> int:
        """How many events the handler has not seen, or failed with."""
        return self._behind.dropped

    def flush(self, seconds: float = 5.0) -> bool:
        """Wait until the handler has seen all; whether it has, in so many seconds."""
        return self._behind.flush(seconds)

    def _handle(self, events: Sequence[Any]) -> None:
        failure: Exception | None = None
        for event in events:
            try:
                self._handler(event)
            except Exception as error:  # noqa: BLE001 - the others are to be seen all the same
                failure = error
        if failure is not None:
            raise failure
