"""Trying again: a small policy over tenacity, which is entered only after a first failure (it costs more than a call).

The loop is tenacity's own, driven without I/O: it says "attempt" or "wait", the flow yields accordingly.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from .._flow import Flow, sleep
from ..errors import APIError, APIStatusError

if TYPE_CHECKING:
    from tenacity import RetryCallState

__all__ = ["ONCE", "RetryPolicy", "again", "refused", "worth_it"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long. Times are seconds.

    ``retries``: further attempts after the first. Waits are drawn evenly from 0 to ``first_wait`` doubled
    each time and capped at ``longest_wait`` ("full jitter"); what the provider asks for goes before, and if
    that is more than ``longest_retry_after`` the failure is final.
    """

    retries: int = 2
    first_wait: float = 0.5
    longest_wait: float = 8.0
    longest_retry_after: float = 60.0
    draw: Callable[[], float] = field(default=random.random, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.retries, int) or self.retries < 0:
            raise ValueError(
                f"num_retries must be a whole number of at least 0, not {self.retries!r}"
            )

    def worth_retrying(self, error: BaseException) -> bool:
        """Whether this failure may pass by itself, soon enough."""
        if not isinstance(error, APIError) or not error.retryable:
            return False
        return (error.retry_after or 0.0) <= self.longest_retry_after

    def wait(self, failures: int, error: BaseException | None) -> float:
        """Seconds to wait after this many failures, the latest of which was ``error``."""
        jittered: float = self.draw() * min(
            self.longest_wait, self.first_wait * 2 ** (failures - 1)
        )
        asked = getattr(error, "retry_after", None)
        # Jitter on top, or all who were refused together come back together.
        return jittered if asked is None else float(asked) + 0.1 * jittered


ONCE: Final = RetryPolicy(0)

# A gateway that gave up cannot know what its upstream did; every other refusal comes before the work. 520, 522 and 524
# are Cloudflare's: whom it asked answered with nothing that it understands, or not in time
# (developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors, read 2026-11-22).
_UNKNOWN_OUTCOME = frozenset({408, 502, 504, 520, 522, 524})


def refused(error: BaseException) -> bool:
    """Whether it is an answer which says that nothing was done."""
    return isinstance(error, APIStatusError) and error.status_code not in _UNKNOWN_OUTCOME


def _may_be_done(error: APIError) -> bool:
    return error.sent != "no" and not refused(error)


def worth_it(policy: RetryPolicy, repeatable: bool) -> Callable[[BaseException], bool]:  # noqa: FBT001
    """Whether a failure is worth another attempt.

    What is not ``repeatable`` is not tried again where nobody can say what became of it; the error is told so.
    """

    def worth(error: BaseException) -> bool:
        again = policy.worth_retrying(error)
        if repeatable or not again or not isinstance(error, APIError) or not _may_be_done(error):
            return again
        error.message += "; it may have been done all the same: look before you ask again"
        error.args = (error.message,)
        return False

    return worth


def again(
    attempt: Callable[[int, float], Flow[T]],
    policy: RetryPolicy,
    worth: Callable[[BaseException], bool],
    time_left: Callable[[], float],
    scheduled: Callable[[int, float, APIError], Flow[None]],
    error: APIError,
) -> Flow[T]:
    """After a first failure, run ``attempt(number, waited)`` until one succeeds or fails for good, or time is used up.

    ``scheduled`` is told of each wait before it. The latest failure is raised. ``worth`` is ``worth_it``'s.
    """
    import tenacity  # noqa: PLC0415 - a call that succeeds at once never needs it

    loop = _loop(policy, worth)
    state = tenacity.RetryCallState(loop, None, (), {})
    state.set_exception((type(error), error, None))
    waited = 0.0
    while True:
        step = loop.iter(state)
        if isinstance(step, tenacity.DoAttempt):
            try:
                return (yield from attempt(state.attempt_number, waited))
            except APIError as latest:
                error = latest
                state.set_exception((type(latest), latest, None))
        elif isinstance(step, tenacity.DoSleep):
            waited = float(step)
            if waited >= time_left():
                raise error
            yield from scheduled(state.attempt_number + 1, waited, error)
            state.prepare_for_next_attempt()
            yield from sleep(waited)


def _loop(policy: RetryPolicy, worth: Callable[[BaseException], bool]) -> Any:
    import tenacity  # noqa: PLC0415 - see above

    def wait(state: RetryCallState) -> float:
        failure = state.outcome.exception() if state.outcome else None
        return policy.wait(state.attempt_number, failure)

    loop = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(policy.retries + 1),
        wait=wait,
        retry=tenacity.retry_if_exception(worth),
        reraise=True,
    )
    loop.begin()
    return loop
