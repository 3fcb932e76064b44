"""When a deployment is let be, for how long, and what ends it."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmkit import errors
from llmkit._control.routing import health
from llmkit._control.routing.failing import rule_of
from llmkit._control.routing.member import Member
from llmkit._control.routing.settings import Settings
from llmkit._operations import Health, Looked

from ._world import deployment

BUSY = errors.RateLimitError("x")
DOWN = errors.InternalServerError("x")


def alone(**said: Any) -> Member:
    """A member of a deployment with one key."""
    return Member(deployment("a", **said))


def keys(count: int) -> tuple[Member, ...]:
    """Members of a deployment with several keys."""
    one = deployment("a", api_key=[f"key-{n}-0123456789" for n in range(count)])
    made = tuple(Member(one, key, number) for number, key in enumerate(one.keys))
    host = Member(one)
    for member in made:
        member.host = host
    return made


def fail(
    member: Member,
    error: Exception,
    now: float,
    *,
    began: float | None = None,
    among: tuple[Member, ...] = (),
    only: bool = False,
    settings: Settings | None = None,
) -> list[Member]:
    """One failure, that began just before unless said otherwise."""
    what = health.Failure(error, rule_of(error), now - 0.01 if began is None else began, only)
    return health.failed(member, among or (member,), what, settings or Settings(), now)


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (BUSY, 5),
        (DOWN, 5),
        (errors.APITimeoutError("x"), 5),
        (errors.AuthenticationError("x"), 60),
        (errors.PaymentRequiredError("x"), 60),
        (errors.PermissionDeniedError("x"), 60),
        (errors.NotFoundError("x"), 60),
        (errors.RateLimitError("x", retryable=False), 60),
        (errors.RateLimitError("x", retry_after=17.5), 17.5),
        (errors.ServiceUnavailableError("x", retry_after=400), 400),
        (errors.BadRequestError("x"), 0),
        (errors.ContextWindowExceededError("x"), 0),
        (errors.ContentPolicyViolationError("x"), 0),
        (errors.InvalidRequestError("x"), 0),
        (errors.ConfigurationError("x"), 0),
        (RuntimeError("x"), 0),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_cooldowns_by_class(error: Exception, seconds: float) -> None:
    """How long one is let be depends on what it failed with."""
    member = alone()
    fail(member, error, 100.0)
    assert (member.cooling - 100.0 if member.strikes else 0.0) == pytest.approx(seconds)


def test_a_lone_deployment_has_three_failures_in_a_row() -> None:
    """Where nobody else could answer, the fourth failure in a row cools down, and an answer between ends the row."""
    member = alone()
    for now in (1.0, 2.0, 3.0):
        assert fail(member, DOWN, now, only=True) == []
    health.worked(member, (member,), 3.5)
    for now in (4.0, 5.0, 6.0):
        assert fail(member, DOWN, now, only=True) == []
    assert fail(member, DOWN, 7.0, only=True) == [member]


def test_a_lone_deployment_is_not_let_be_for_its_key() -> None:
    """A key that is wrong is not better after a minute: the next caller hears so at once."""
    member = alone()
    assert fail(member, errors.AuthenticationError("x"), 1.0, only=True) == []
    assert fail(member, BUSY, 2.0, only=True) == [member]


@pytest.mark.parametrize("allowed", [0, 1, 5])
def test_allowed_fails(allowed: int) -> None:
    """So many failures in a row do not cool down, and the next one does."""
    member, told = alone(), Settings(allowed_fails=allowed)
    for number in range(allowed):
        assert fail(member, DOWN, float(number), settings=told) == []
    assert fail(member, DOWN, 50.0, settings=told) == [member]


def test_allowed_fails_by_class() -> None:
    """A class of its own number goes by that, be it one that cools down at once or never otherwise."""
    told = Settings(allowed_fails_policy={"RateLimitError": 2, "BadRequestError": 0})
    member = alone()
    assert [bool(fail(member, BUSY, float(n), settings=told)) for n in range(3)] == [
        False,
        False,
        True,
    ]
    other = alone()
    assert fail(other, errors.BadRequestError("x"), 1.0, settings=told) == [other]


def test_a_retry_after_goes_before_what_is_allowed() -> None:
    """A provider that says when to come back is not asked before."""
    member = alone()
    told = Settings(allowed_fails=9)
    assert fail(member, errors.OverloadedError("x", retry_after=3), 1.0, settings=told) == [member]
    assert member.cooling == 4.0


def test_half_of_the_last_ten_is_too_many() -> None:
    """Failures between answers cool down once they are half of ten calls."""
    member, told = alone(), Settings(allowed_fails=3)
    cooled = []
    for number in range(12):
        if number % 2:
            cooled += fail(member, DOWN, float(number), settings=told)
        else:
            health.worked(member, (member,), float(number))
    assert cooled == [member]
    assert member.since == 9.0
    assert member.failures >= 1


def test_cooldowns_double_with_each_strike() -> None:
    """5, 10, 20, … seconds, and never more than five minutes."""
    member, found = alone(), []
    for _ in range(9):
        now = max(member.cooling, 0.0) + 1.0
        fail(member, DOWN, now)
        found.append(round(member.cooling - now, 6))
    assert found == [5, 10, 20, 40, 80, 160, 300, 300, 300]


def test_a_longer_time_of_ones_own_is_kept() -> None:
    """Who says that a cooldown lasts ten minutes gets that, and not five."""
    member = alone(cooldown_time=600.0)
    fail(member, DOWN, 0.0)
    assert member.cooling == 600.0


def test_all_that_were_on_their_way_are_one_strike() -> None:
    """A hundred calls that fail of one outage do not make a cooldown of hours."""
    member = alone()
    for number in range(100):
        fail(member, DOWN, 10.0 + number / 1000, began=9.0)
    assert (member.strikes, member.cooling) == (1, 15.0)


@pytest.mark.parametrize(("first", "second", "until"), [(30, 5, 40.0), (5, 30, 42.0)])
def test_a_cooldown_is_never_shortened(first: float, second: float, until: float) -> None:
    """Of what two calls were told, the one that ends later holds."""
    member = alone()
    fail(member, errors.RateLimitError("x", retry_after=first), 10.0, began=9.0)
    fail(member, errors.RateLimitError("x", retry_after=second), 12.0, began=9.5)
    assert member.cooling == until


def test_nothing_cools_down_where_that_is_switched_off() -> None:
    """``disable_cooldowns``, and a time of 0, mean it."""
    for settings in (Settings(cooldowns=False), Settings(cooldown_time=0.0)):
        member = alone()
        assert fail(member, BUSY, 1.0, settings=settings) == []
        assert not member.strikes


def test_what_a_key_did_is_its_own() -> None:
    """429 and 401 let one key be; 500 and 404 all of the deployment's."""
    for error, reached in ((BUSY, 1), (errors.AuthenticationError("x"), 1), (DOWN, 3)):
        made = keys(3)
        assert len(fail(made[1], error, 10.0, among=made)) == reached
        assert made[1].cooling > 10.0
        assert (made[0].cooling > 10.0) is (reached == 3)


def test_an_answer_ends_what_was_the_hosts() -> None:
    """One key's answer says that the host is up again, but not that another key may."""
    made = keys(3)
    fail(made[2], BUSY, 9.0, among=made)
    fail(made[0], DOWN, 10.0, among=made)
    assert set(health.worked(made[1], made, 20.0)) == set(made)
    assert not any(one.strikes for one in made)
    fail(made[2], errors.AuthenticationError("x"), 30.0, among=made)
    assert health.worked(made[1], made, 40.0) == []
    assert made[2].strikes


def test_an_answer_to_what_began_before_ends_nothing() -> None:
    """A call that was sent before the outage says nothing of after it."""
    member = alone()
    fail(member, DOWN, 10.0, began=9.0)
    assert health.worked(member, (member,), 9.5) == []
    assert member.cooling == 15.0
    assert health.worked(member, (member,), 16.0) == [member]
    assert (member.cooling, member.strikes, member.reason) == (0.0, 0, "")


def test_lasting_reasons_are_told_apart() -> None:
    """It is known of a cooldown whether it passes by itself."""
    member, other = alone(), alone()
    fail(member, errors.AuthenticationError("x"), 1.0)
    fail(other, BUSY, 1.0)
    assert health.lasting(member)
    assert not health.lasting(other)


def test_what_a_store_says_is_taken_over() -> None:
    """Cooldowns of others lengthen ours and never shorten it; theirs that are over end ours that is over."""
    member = alone()
    quotas = (("rpm", 1000),)

    def told(**said: Any) -> Looked:
        return Looked(1_000_000, (Health("a", used=(3,), **said),))

    health.merge((member,), told(until=1_008_000, strikes=2, reason="500", running=4), quotas, 50.0)
    assert (member.cooling, member.strikes, member.running) == (58.0, 2, 4)
    assert member.used == {"rpm": 3}
    health.merge((member,), told(until=1_002_000, strikes=1), quotas, 50.0)
    assert member.cooling == 58.0
    health.merge((member,), told(until=1_002_000, strikes=5), quotas, 50.0)
    assert (member.cooling, member.strikes) == (58.0, 5)
    health.merge((member,), told(), quotas, 55.0)
    assert member.cooling == 58.0
    health.merge((member,), told(), quotas, 59.0)
    assert (member.cooling, member.strikes) == (0.0, 0)
    health.merge((member,), told(until=999_000, strikes=1, reason="500"), quotas, 60.0)
    assert (member.cooling, member.since, member.strikes) == (59.0, 59.0, 1)


_FAILURES = st.sampled_from(
    [
        BUSY,
        DOWN,
        errors.RateLimitError("x", retry_after=2),
        errors.RateLimitError("x", retry_after=90),
        errors.NotFoundError("x"),
        errors.BadRequestError("x"),
    ]
)


@given(
    events=st.lists(st.tuples(_FAILURES, st.floats(0, 30), st.floats(0, 60)), max_size=30),
    lone=st.booleans(),
)
def test_no_failure_shortens_a_cooldown(
    *, events: list[tuple[Exception, float, float]], lone: bool
) -> None:
    """Whatever fails in whatever order, the end of a cooldown only moves to later, and a Retry-After is kept."""
    member, now = alone(), 0.0
    for error, passed, age in events:
        now += passed
        before = member.cooling
        fail(member, error, now, began=now - age, only=lone)
        assert member.cooling >= before
        if asked := getattr(error, "retry_after", None):
            assert member.cooling >= now + asked
        assert member.cooling < inf
        assert not member.probing
