"""What users of other routers complain of, shown not to be so in what a route decides. By the complaints' own words."""

from __future__ import annotations

import pytest

from llmkit import errors
from llmkit._control.routing.groups import Terms
from llmkit._control.routing.steps import Go

from ._world import World, deployment, several


def two(**settings: object) -> World:
    """A group with a fallback."""
    return World([*several("a", "g"), *several("b", "h")], fallbacks={"g": ["h"]}, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "error",
    [
        errors.APIConnectionError("the stream was cut before its first chunk", sent="yes"),
        errors.APITimeoutError("no first chunk in time", sent="yes"),
        errors.APIResponseValidationError("what came cannot be read", sent="yes"),
    ],
    ids=["cut", "stalled", "malformed"],
)
def test_fallback_is_tried_when_a_stream_ends_abnormally(error: errors.APIError) -> None:
    """A stream that is cut, stalls or cannot be read before its first chunk goes to the fallback."""
    played = two(num_retries=0).play({"a": error}, stream=True)
    assert (played.asked, played.error) == (["a", "b"], None)


def test_errors_in_the_middle_of_a_stream_are_never_silent() -> None:
    """After its first chunk a stream that breaks is raised, and counted; only who asks for it has it continued."""
    broken = errors.StreamInterruptedError("cut", sent="yes")
    world = two()
    played = world.play({"a": broken}, stream=True)
    assert (played.asked, played.error) == (["a"], broken)
    assert world.member("a").failures == 1
    assert two(continue_streams=True).play({"a": broken}, stream=True).asked == ["a", "b"]


def test_disable_fallbacks_holds_in_the_middle_of_a_stream() -> None:
    """``disable_fallbacks`` keeps a broken stream in its group, also where streams are continued."""
    made = [*several("a1 a2", "g"), *several("b", "h")]
    broken = errors.StreamInterruptedError("cut", sent="yes")
    world = World(made, fallbacks={"g": ["h"]}, continue_streams=True, num_retries=0)
    off = Terms(disable_fallbacks=True)
    played = world.play({"a1": broken, "a2": broken}, stream=True, terms=off)
    assert (played.asked, played.error) == (["a1", "a2"], broken)


@pytest.mark.parametrize("kind", ["responses", "messages", "embedding", "chat"])
@pytest.mark.parametrize("stream", [False, True])
def test_no_kind_of_call_goes_by_its_fallbacks(*, kind: str, stream: bool) -> None:
    """A stream of the Responses API falls back as a chat does: a route knows no difference."""
    down = errors.InternalServerError("down", sent="yes")
    assert two(num_retries=0).play({"a": down}, kind=kind, stream=stream).asked == ["a", "b"]


def test_the_retry_after_of_later_attempts_is_kept_to() -> None:
    """Each wait is as long as the latest answer says, not as the first one did."""
    said = [errors.RateLimitError("busy", sent="yes", retry_after=s) for s in (1.0, 12.0, 30.0)]
    world = World(several("a"), num_retries=3)
    played = world.play({"a": said})
    assert played.error is None
    gaps = [late - early for early, late in zip(played.times, played.times[1:], strict=False)]
    assert len(gaps) == 3
    assert all(gap >= asked.retry_after for gap, asked in zip(gaps, said, strict=True))
    assert all(gap < asked.retry_after + 1.0 for gap, asked in zip(gaps, said, strict=True))


def test_all_cooled_down_says_when_to_come_back() -> None:
    """The error of a router whose deployments all cool down has the seconds until the first is asked again."""
    world = World(several("a b"), when_busy="raise", num_retries=0)
    busy = [errors.RateLimitError("busy", sent="yes", retry_after=s) for s in (40.0, 25.0)]
    world.play({"a": busy[0], "b": busy[1]})
    error = world.play().error
    assert isinstance(error, errors.RouterRateLimitError)
    assert error.retry_after == pytest.approx(25.0)
    assert error.cooldown_time == error.retry_after
    assert sorted(error.cooldown_list) == ["a", "b"]
    assert isinstance(error, ValueError)


def test_the_first_deployment_to_leave_its_cooldown_is_waited_for() -> None:
    """A call that finds all cooling down is answered by whoever is free first."""
    world = World(several("a b"), num_retries=0)
    world.play({"a": errors.RateLimitError("busy", sent="yes", retry_after=40.0)})
    world.done(world.table.cool("b", 20.0, world.now))
    played = world.play()
    assert played.answered == "b"
    assert played.times == [pytest.approx(20.2)]


def test_routers_share_nothing_that_they_are_not_told_to() -> None:
    """Two routers with the same deployments know nothing of each other's keys, failures and limits."""
    first = World([deployment("a", api_key="first-key-012345", rpm=1), deployment("b")])
    second = World([deployment("a", api_key="second-key-01234", rpm=1), deployment("b")])
    first.play({"a": errors.AuthenticationError("x", sent="yes")})
    route = second.route()
    go = second.step(route)
    assert isinstance(go, Go)
    assert go.member.id == "a"
    assert go.member.key.reveal() == "second-key-01234"
    assert (go.member.strikes, first.member("a").strikes) == (0, 1)
