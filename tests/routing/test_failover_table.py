"""What each kind of failure is worth, row by row: who is asked after it, who is asked again, and who is let be."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from llmkit import errors
from llmkit.events import DeploymentCooledDown

from ._world import World, deployment


class Row(NamedTuple):
    """A failure, as all have it. ``asked``: who is, in order, in a first round; ``again``: in another one, after it.

    ``key``, ``host``: seconds for which the key that was used is let be, and the deployment's other key.
    """

    made: Callable[[], Exception]
    asked: str
    again: str = ""
    key: float = 0.0
    host: float = 0.0
    repeatable: bool = True


def _of(kind: type[errors.APIError], **said: object) -> Callable[[], Exception]:
    return lambda: kind("x", **said)  # type: ignore[arg-type]


def _sent(kind: type[errors.APIError], **said: object) -> Callable[[], Exception]:
    return _of(kind, sent="yes", **said)


def _budget(kind: type[errors.APIError], scope: str) -> Callable[[], Exception]:
    def made() -> Exception:
        error = kind("x")
        error.scope = scope  # type: ignore[attr-defined]
        return error

    return made


ALL = "a same other plain"
ROWS = {
    "no connection": Row(_of(errors.APIConnectionError), ALL, ALL, 5, 5),
    "no answer in time": Row(_of(errors.APITimeoutError, sent="maybe"), ALL, ALL, 5, 5),
    "408": Row(_sent(errors.InternalServerError, status_code=408), ALL, ALL, 5, 5),
    "409": Row(_sent(errors.ConflictError), ALL, ALL, 5, 5),
    "500": Row(_sent(errors.InternalServerError), ALL, ALL, 5, 5),
    "502": Row(_sent(errors.BadGatewayError), ALL, ALL, 5, 5),
    "503": Row(_sent(errors.ServiceUnavailableError), ALL, ALL, 5, 5),
    "529": Row(_sent(errors.OverloadedError), ALL, ALL, 5, 5),
    "an unreadable 200": Row(_sent(errors.APIResponseValidationError), ALL, ALL, 5, 5),
    "a Retry-After of a 503": Row(
        _sent(errors.ServiceUnavailableError, retry_after=9.0), ALL, ALL, 9, 9
    ),
    "429": Row(_sent(errors.RateLimitError), ALL, ALL, 5, 0),
    "a Retry-After of a 429": Row(_sent(errors.RateLimitError, retry_after=9.0), ALL, ALL, 9, 0),
    "a quota that is used up": Row(_sent(errors.RateLimitError, retryable=False), ALL, "", 60, 0),
    "401": Row(_sent(errors.AuthenticationError), ALL, "", 60, 0),
    "no key": Row(_of(errors.MissingKeyError), ALL, "", 60, 0),
    "402": Row(_sent(errors.PaymentRequiredError), ALL, "", 60, 0),
    "403": Row(_sent(errors.PermissionDeniedError), ALL, "", 60, 0),
    "404": Row(_sent(errors.NotFoundError), ALL, "", 60, 60),
    "too long": Row(_sent(errors.ContextWindowExceededError), "a other context"),
    "refused by a filter": Row(_sent(errors.ContentPolicyViolationError), "a other content"),
    "400": Row(_sent(errors.BadRequestError), "a other plain"),
    "413": Row(_sent(errors.RequestTooLargeError), "a other plain"),
    "422": Row(_sent(errors.UnprocessableEntityError), "a other plain"),
    "wrong, as we find": Row(_of(errors.InvalidRequestError), "a other"),
    "a parameter it does not take": Row(_of(errors.UnsupportedParamsError), "a other"),
    "badly declared": Row(lambda: errors.ConfigurationError("x"), ALL),
    "a deployment's budget": Row(_budget(errors.BudgetExceededError, "deployment=a"), ALL),
    "a provider's rate": Row(_budget(errors.LimitReachedError, "provider=openai"), ALL),
    "a user's budget": Row(_budget(errors.BudgetExceededError, "user=ann"), "a"),
    "no budget's store": Row(_of(errors.BudgetUnavailableError), "a"),
    "a broken stream": Row(_sent(errors.StreamInterruptedError), "a", "", 5, 5),
    "perhaps done, and not to be repeated": Row(
        _sent(errors.BadGatewayError), "a", "", 5, 5, repeatable=False
    ),
    "lost, and not to be repeated": Row(
        _of(errors.APITimeoutError, sent="maybe"), "a", "", 5, 5, repeatable=False
    ),
    "refused, and not to be repeated": Row(
        _sent(errors.RateLimitError), ALL, ALL, 5, 0, repeatable=False
    ),
    "never sent, and not to be repeated": Row(
        _of(errors.APIConnectionError, sent="no"), ALL, ALL, 5, 5, repeatable=False
    ),
}


def group_of_each(**settings: object) -> World:
    """A group with the same model twice and another one, and what stands in for it: in general, or for one reason."""
    made = [
        deployment("a", model="openai/m", max_input_tokens=8_000),
        deployment("same", model="openai/m", max_input_tokens=8_000),
        deployment("other", model="openai/n", max_input_tokens=16_000),
        *(deployment(name, name) for name in ("plain", "context", "content")),
    ]
    return World(
        made,
        fallbacks={"g": ["plain"]},
        context_window_fallbacks={"g": ["context"]},
        content_policy_fallbacks={"g": ["content"]},
        **settings,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("name", ROWS)
def test_who_is_asked_after_it(name: str) -> None:
    """Whom this failure leaves to ask, at once and in a further round; where all have it, it is what is raised."""
    row = ROWS[name]
    made: list[Exception] = []

    def fail(*_: object) -> Exception:
        made.append(row.made())
        return made[-1]

    world = group_of_each(num_retries=1, cooldowns=False)
    played = world.play(fail, repeatable=row.repeatable)
    first = row.asked.split()
    assert played.asked[: len(first)] == first
    assert sorted(played.asked[len(first) :]) == sorted(row.again.split())
    assert played.error is made[-1]
    assert bool(played.waits) is bool(row.again)


@pytest.mark.parametrize("name", ROWS)
def test_who_is_asked_without_retries(name: str) -> None:
    """``num_retries=0`` and ``max_fallbacks=0``: the group's own are tried all the same, once, and without a wait."""
    row = ROWS[name]
    world = group_of_each(num_retries=0, max_fallbacks=0, cooldowns=False)
    played = world.play(lambda *_: row.made(), repeatable=row.repeatable)
    assert played.asked == [one for one in row.asked.split() if one in {"a", "same", "other"}]
    assert played.waits == []


@pytest.mark.parametrize("name", ROWS)
def test_who_is_let_be_after_it(name: str) -> None:
    """Whether this failure lets a key be, or all keys of the deployment, and for how long."""
    row = ROWS[name]
    keys = ["first-key-012345", "second-key-01234"]
    world = World([deployment("a", api_key=keys), deployment("b"), deployment("c")], num_retries=0)
    route = world.route()
    go = world.step(route)
    world.now = 1.0
    world.done(route.failed(go, row.made(), world.now, row.repeatable))  # type: ignore[arg-type]
    first, second = world.table.named("a")
    left = [max(0.0, one.cooling - world.now) for one in (first, second)]
    assert left == [pytest.approx(row.key), pytest.approx(row.host)]
    told = {event.deployment: event.seconds for event in world.told(DeploymentCooledDown)}
    assert told == {one.id: s for one, s in zip((first, second), left, strict=True) if s}
    assert first.running == 0
