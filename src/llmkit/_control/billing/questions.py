"""Questions to Lago, one behind the other, for who has time: no closer than allowed, and again where that may help."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar

from ..._flow import Deadlines, Flow, send, sleep
from ..._http import HTTPRequest, HTTPResponse
from ...errors import APIError, BillingError, LagoError
from .verdict import waited

__all__ = ["Questions"]

T = TypeVar("T")
_LONGEST_WAIT: Final = 60.0
_HALF: Final = 0.5


@dataclass(slots=True)
class Questions:
    """Who asks, and what was learnt by the way. Times are seconds.

    ``now``: the driver's clock. ``wall``: Unix time. ``tries``: how often a question is asked that may be answered
    later. ``skews``: by how much the other side's clock is ahead, at each answer, to half a second or so.
    """

    now: Callable[[], float]
    wall: Callable[[], float]
    requests_per_second: float = 50.0
    timeout: float = 10.0
    tries: int = 4
    skews: list[float] = field(default_factory=list)
    _next: float | None = None

    def ask(self, request: HTTPRequest, reader: Callable[[HTTPResponse], T]) -> Flow[T]:
        """What is answered.

        Raises: LagoError: it refuses, or cannot be understood. BillingError: it cannot be reached.
        """
        for tried in range(1, self.tries + 1):
            response = yield from self._asked(request, last=tried == self.tries)
            if response is not None:
                try:
                    return reader(response)
                except LagoError as error:
                    if not error.retryable or tried == self.tries:
                        raise
            wait = None if response is None else waited(response.headers)
            yield from sleep(min(_LONGEST_WAIT, 2.0 ** (tried - 1)) if wait is None else wait)
        raise AssertionError("the last try returns or raises")

    def _asked(self, request: HTTPRequest, *, last: bool) -> Flow[HTTPResponse | None]:
        now = self.now()
        if self._next is not None and self._next > now:
            yield from sleep(self._next - now)
        self._next = self.now() + 1 / self.requests_per_second
        limits = Deadlines(self.now() + self.timeout, self.timeout, self.timeout, self.timeout)
        left = self.wall()
        try:
            response: Any = yield from send(request, limits)
        except (APIError, OSError) as error:
            if not last:
                return None
            raise BillingError(f"Lago cannot be reached: {error}") from None
        self._compare(response, left)
        return response  # type: ignore[no-any-return]

    def _compare(self, response: HTTPResponse, left: float) -> None:
        try:
            there = parsedate_to_datetime(response.headers.get("date", "")).timestamp()
        except (ValueError, OverflowError):
            return
        # The header is whole seconds, and said somewhere between the question and its answer.
        self.skews.append(there + _HALF - (left + self.wall()) / 2)
