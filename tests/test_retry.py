from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmkit import errors
from llmkit._control.retry import RetryPolicy, again, worth_it
from llmkit._flow import Notify, Sleep, notify

if TYPE_CHECKING:
    from llmkit._flow import Flow


def failing(*failures: BaseException) -> tuple[Any, list[tuple[int, float]]]:
    """An attempt that fails so and then succeeds, and the list of its tries."""
    left, tried = list(failures), []

    def attempt(number: int, waited: float) -> Flow[str]:
        yield from ()
        tried.append((number, waited))
        if left:
            raise left.pop(0)
        return "done"

    return attempt, tried


def _tried(attempt: Any, policy: RetryPolicy, left: Any, scheduled: Any) -> Flow[Any]:
    """The first attempt, and what comes of its failure."""
    worth = worth_it(policy, repeatable=True)
    try:
        return (yield from attempt(1, 0.0))
    except errors.APIError as error:
        if not worth(error) or policy.retries == 0:
            raise
        failure = error
    return (yield from again(attempt, policy, worth, left, scheduled, failure))


def run(attempt: Any, policy: RetryPolicy, time_left: float = 1e9) -> tuple[Any, list[Any]]:
    """Drive the loop to its end; return its outcome and what it yielded."""
    told: list[Any] = []

    def scheduled(number: int, seconds: float, error: errors.APIError) -> Flow[None]:
        return notify((number, seconds, error))

    flow = _tried(attempt, policy, lambda: time_left, scheduled)
    try:
        effect = next(flow)
        while True:
            told.append(effect.event if isinstance(effect, Notify) else effect)
            effect = flow.send(None)
    except StopIteration as stop:
        return stop.value, told
    except BaseException as error:  # noqa: BLE001 - the outcome
        return error, told


def busy(retry_after: float | None = None) -> errors.RateLimitError:
    """A failure that may pass."""
    return errors.RateLimitError("busy", retry_after=retry_after)


def test_success_at_once() -> None:
    """A call that succeeds at once waits for nothing."""
    attempt, tried = failing()
    assert run(attempt, RetryPolicy()) == ("done", [])
    assert tried == [(1, 0.0)]


def test_success_in_the_end() -> None:
    """Each wait is told before it, and each try knows how long was waited."""
    first, second = busy(1.0), busy()
    attempt, tried = failing(first, second)
    outcome, told = run(attempt, RetryPolicy(draw=lambda: 1.0))
    assert outcome == "done"
    assert told == [(2, 1.05, first), Sleep(1.05), (3, 1.0, second), Sleep(1.0)]
    assert tried == [(1, 0.0), (2, 1.05), (3, 1.0)]


@pytest.mark.parametrize("retries", [0, 1, 4])
def test_retries_used_up(retries: int) -> None:
    """After the first try there are as many more as the policy says; the latest failure is raised."""
    failures = [busy() for _ in range(9)]
    attempt, tried = failing(*failures)
    outcome, _ = run(attempt, RetryPolicy(retries=retries))
    assert len(tried) == 1 + retries
    assert outcome is failures[retries]


@pytest.mark.parametrize(
    "final",
    [
        errors.BadRequestError("no"),
        busy(61.0),
        errors.BadGatewayError("x", retryable=False),
        ValueError("ours"),
        KeyboardInterrupt(),
    ],
)
@pytest.mark.parametrize("before", [0, 1])
def test_final_failures(final: BaseException, before: int) -> None:
    """A failure that does not pass is raised at once, first or later."""
    attempt, tried = failing(*[busy()] * before, final)
    outcome, _ = run(attempt, RetryPolicy())
    assert outcome is final
    assert len(tried) == before + 1


@pytest.mark.parametrize(("time_left", "tries"), [(3.0, 1), (3.4, 2)])
def test_time_left(time_left: float, tries: int) -> None:
    """A wait as long as the time that is left, or longer, is not begun."""
    attempt, tried = failing(busy(3.0))
    run(attempt, RetryPolicy(draw=lambda: 0.0 if time_left == 3.0 else 0.5), time_left)
    assert len(tried) == tries


@settings(derandomize=True, deadline=None, database=None)
@given(st.floats(0, 1), st.integers(1, 40), st.none() | st.floats(0, 60))
def test_wait(drawn: float, failures: int, asked: float | None) -> None:
    """A wait is never shorter than what was asked for, and without it never longer than the cap."""
    policy = RetryPolicy(draw=lambda: drawn)
    wait = policy.wait(failures, busy(asked))
    if asked is None:
        assert wait == drawn * min(8.0, 0.5 * 2 ** (failures - 1))
    else:
        assert asked <= wait <= asked + 0.8


@pytest.mark.parametrize("retries", [-1, 1.5, "2", None])
def test_wrong_policy(retries: Any) -> None:
    """How often must be a whole number from 0."""
    with pytest.raises(ValueError, match="num_retries must be a whole number"):
        RetryPolicy(retries=retries)
