"""One call's way: who is asked, in which order, how often, what is waited for, and what it fails with."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from llmkit import errors
from llmkit._control.retry import RetryPolicy
from llmkit._control.routing.groups import Terms, targets
from llmkit._control.routing.steps import Go, Wait
from llmkit.events import DeploymentCooledDown, DeploymentRecovered

from ._world import World, deployment, several

DOWN = errors.InternalServerError("down", sent="yes")
BUSY = errors.RateLimitError("busy", sent="yes")
WRONG = errors.BadRequestError("wrong", sent="yes")
LONG = errors.ContextWindowExceededError("too long", sent="yes")
UNSAFE = errors.ContentPolicyViolationError("unsafe", sent="yes")


@pytest.fixture(autouse=True)
def _fresh() -> None:
    """What a call wrote on one of these is not there for the next."""
    for error in (DOWN, BUSY, WRONG, LONG, UNSAFE):
        error.retry_after = None


# --- within a group


def test_the_first_who_answers_is_all() -> None:
    """A call that goes well asks one deployment, once."""
    played = World(several("a b c")).play()
    assert (played.asked, played.hows, played.waits) == (["a"], ["first"], [])


def test_who_is_alone_is_asked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever else there is not: as one is who had to be found, also once it has failed, and while it is let be."""
    scripts = [[], [DOWN], [DOWN, DOWN], [LONG], [BUSY, DOWN, WRONG]]

    def played() -> list[Any]:
        found: list[Any] = []
        for script in scripts:
            one = World([deployment("a")]).play({"a": script})
            found.append((one.asked, one.hows, one.waits, type(one.error)))
        return found

    at_once = played()
    monkeypatch.setattr("llmkit._control.routing.route.at_once", lambda *_: None)
    assert played() == at_once


@pytest.mark.parametrize(
    "error",
    [
        DOWN,
        BUSY,
        errors.APIConnectionError("x"),
        errors.APITimeoutError("x", sent="maybe"),
        errors.ConflictError("x", sent="yes"),
        errors.AuthenticationError("x", sent="yes"),
        errors.PaymentRequiredError("x", sent="yes"),
        errors.PermissionDeniedError("x", sent="yes"),
        errors.NotFoundError("x", sent="yes"),
        errors.APIResponseValidationError("x", sent="yes"),
        errors.MissingKeyError("no key"),
        errors.ConfigurationError("odd"),
        WRONG,
        errors.InvalidRequestError("not here"),
        errors.UnprocessableEntityError("x", sent="yes"),
        UNSAFE,
        LONG,
    ],
    ids=lambda error: type(error).__name__,
)
def test_others_of_the_group_are_asked_at_once(error: Exception) -> None:
    """Whatever one failed with, another that may do better is asked without a wait."""
    played = World(several("a b c")).play({"a": error})
    assert (played.asked, played.hows) == (["a", "b"], ["first", "rerouted"])
    assert played.waits == []


@pytest.mark.parametrize(
    "error",
    [
        errors.StreamInterruptedError("x", sent="yes"),
        errors.BudgetUnavailableError("x"),
        RuntimeError("a bug"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_is_final_asks_nobody_else(error: Exception) -> None:
    """Some failures are the call's own, wherever it would go."""
    played = World(several("a b"), default_fallbacks=["a"]).play({"a": error})
    assert played.asked == ["a"]
    assert played.error is error


def test_the_same_model_elsewhere_is_not_asked_for_what_is_wrong_with_the_call() -> None:
    """A request that one host finds wrong is wrong for the same model at the next, and right perhaps for another."""
    made = [
        deployment("a", model="openai/gpt-x"),
        deployment("b", model="openai/gpt-x"),
        deployment("c", model="anthropic/claude-x"),
    ]
    assert World(made).play({"a": WRONG}).asked == ["a", "c"]
    played = World(made).play({"a": WRONG, "c": WRONG})
    assert (played.asked, played.error) == (["a", "c"], WRONG)


def test_only_larger_windows_are_asked_for_long_prompts() -> None:
    """Who has no larger window would say the same; one that nobody knows may be larger."""
    made = [
        deployment("a", max_input_tokens=8_000),
        deployment("b", max_input_tokens=4_000),
        deployment("c", max_input_tokens=8_000),
        deployment("d", max_input_tokens=16_000),
        deployment("e"),
    ]
    played = World(made).play({"a": LONG, "d": LONG, "e": LONG})
    assert (played.asked, played.error) == (["a", "d", "e"], LONG)


def test_every_deployment_is_tried_before_a_call_gives_up() -> None:
    """``num_retries`` does not bound how many others are tried."""
    names = " ".join(f"d{n}" for n in range(20))
    world = World(several(names), num_retries=0)
    played = world.play(dict.fromkeys(names.split(), DOWN))
    assert played.asked == names.split()
    assert played.error is DOWN


def test_a_lone_deployment_is_asked_again_as_a_client_would() -> None:
    """One deployment is tried again after the waits of the retry policy: 0.5, 1, … seconds at most."""
    world = World(several("a"), num_retries=2)
    played = world.play({"a": DOWN})
    assert played.asked == ["a"] * 3
    assert [round(wait.seconds, 3) for wait in played.waits] == [0.5, 1.0]
    assert all(wait.retry for wait in played.waits)
    assert played.hows == ["first", "again", "again"]


def test_further_rounds_ask_all_again() -> None:
    """After a wait, all who may do better by then are asked again, at most ``num_retries`` times."""
    world = World(several("a b"), num_retries=1, allowed_fails=9)
    played = world.play({"a": DOWN, "b": DOWN})
    assert sorted(played.asked[2:]) == ["a", "b"]
    assert played.hows == ["first", "rerouted", "again", "again"]


def test_who_cannot_do_better_is_not_asked_again() -> None:
    """Further rounds leave out whose key is wrong."""
    world = World(several("a b"), num_retries=1, allowed_fails=9)
    played = world.play({"a": errors.AuthenticationError("x", sent="yes"), "b": DOWN})
    assert played.asked == ["a", "b", "b"]


def test_a_deployment_has_its_own_number_of_retries() -> None:
    """``num_retries`` of a deployment goes before the router's."""
    made = [deployment("a", num_retries=0), deployment("b", num_retries=3)]
    played = World(made, num_retries=1, allowed_fails=9).play({"a": DOWN, "b": DOWN})
    assert (played.asked.count("a"), played.asked.count("b")) == (1, 4)


def test_the_least_wait_is_kept() -> None:
    """``retry_after`` is the least that is waited before a further round."""
    world = World(several("a"), num_retries=1, retry_after=4.0)
    assert world.play({"a": DOWN}).waits[0].seconds == pytest.approx(4.0)


@pytest.mark.parametrize(("further", "asked"), [(0, 1), (1, 2), (2, 3), (9, 10)])
def test_a_policy_bounds_all_further_attempts(further: int, asked: int) -> None:
    """LiteLLM's ``retry_policy`` counts every further attempt at a group, and goes before ``num_retries``."""
    world = World(
        several("a b"),
        retry_policy={"InternalServerError": further},
        allowed_fails=99,
        num_retries=1,
    )
    played = world.play({"a": DOWN, "b": DOWN})
    assert (len(played.asked), played.error) == (asked, DOWN)


def test_a_group_has_its_own_policy() -> None:
    """``model_group_retry_policy`` goes before ``retry_policy``, and only for its group."""
    world = World(
        [*several("a b"), *several("c", "h")],
        retry_policy={"APIError": 0},
        group_retry_policy={"g": {"InternalServerError": 1}},
        fallbacks={"g": ["h"]},
    )
    assert world.play({"a": DOWN, "b": DOWN, "c": DOWN}).asked == ["a", "b", "c"]


def test_what_may_have_been_done_is_not_asked_for_again() -> None:
    """What creates something, and may have, goes nowhere else; the error says so."""
    lost = errors.APITimeoutError("no answer", sent="maybe")
    played = World([*several("a b"), *several("c", "h")], fallbacks={"g": ["h"]}).play(
        {"a": lost}, repeatable=False
    )
    assert (played.asked, played.error) == (["a"], lost)
    assert "may have been done" in str(lost)


def test_what_was_refused_was_not_done() -> None:
    """A request that a provider refused may go elsewhere, whatever it creates."""
    assert World(several("a b")).play({"a": BUSY}, repeatable=False).asked == ["a", "b"]


# --- other groups


def groups(**settings: object) -> World:
    """Four groups of one or two."""
    made = [*several("a1 a2", "a"), *several("b1", "b"), *several("c1", "c"), *several("d1", "d")]
    return World(made, **settings)  # type: ignore[arg-type]


ALL_DOWN = dict.fromkeys(("a1", "a2", "b1", "c1", "d1"), DOWN)


def test_fallbacks_come_after_the_group() -> None:
    """A group's own deployments first, then its fallbacks in their order."""
    played = groups(fallbacks={"a": ["b", "c"]}).play({**ALL_DOWN, "c1": None}, group="a")
    assert played.asked == ["a1", "a2", "b1", "c1"]
    assert played.hows == ["first", "rerouted", "fallback", "fallback"]
    assert played.groups == ["a", "a", "b", "c"]


def test_fallbacks_of_fallbacks_are_followed_and_never_in_a_circle() -> None:
    """Groups that stand in for each other are each visited once."""
    circle = {"a": ["b"], "b": ["c", "a"], "c": ["a", "b"]}
    played = groups(fallbacks=circle, num_retries=0).play(ALL_DOWN, group="a")
    assert played.asked == ["a1", "a2", "b1", "c1"]


def test_a_group_that_names_itself_is_visited_once() -> None:
    """A fallback to the group itself, by alias or name, is none."""
    world = groups(fallbacks={"a": ["a", "again"]}, aliases={"again": "a"}, num_retries=0)
    assert world.play(ALL_DOWN, group="a").asked == ["a1", "a2"]


def test_default_fallbacks_are_for_groups_without_their_own() -> None:
    """``*`` and the defaults are for those of whom ``fallbacks`` says nothing."""
    world = groups(fallbacks={"a": ["b"], "*": ["c"]}, default_fallbacks=["d"], num_retries=0)
    assert world.play(ALL_DOWN, group="a").groups == ["a", "a", "b", "c", "d"]
    world = groups(fallbacks={"a": [], "*": ["c"]}, default_fallbacks=["d"], num_retries=0)
    assert world.play(ALL_DOWN, group="a").groups == ["a", "a"]


def test_most_fallbacks() -> None:
    """``max_fallbacks`` bounds how many other groups are tried."""
    for most, visited in ((0, 1), (1, 2), (2, 3)):
        world = groups(default_fallbacks=["b", "c", "d"], max_fallbacks=most, num_retries=0)
        assert len(set(world.play(ALL_DOWN, group="a").groups)) == visited


def test_fallbacks_for_long_prompts() -> None:
    """A prompt that is too long goes to the groups for that, or to the others where there are none."""
    world = groups(fallbacks={"a": ["b"]}, context_window_fallbacks={"a": ["c"]})
    assert world.play({"a1": LONG, "a2": LONG}, group="a").groups == ["a", "a", "c"]
    assert groups(fallbacks={"a": ["b"]}).play({"a1": LONG, "a2": LONG}, group="a").answered == "b1"


def test_fallbacks_for_refused_prompts() -> None:
    """A prompt that was refused goes to the groups for that, or to the others where there are none."""
    world = groups(fallbacks={"a": ["b"]}, content_policy_fallbacks={"*": ["c"]})
    assert world.play({"a1": UNSAFE, "a2": UNSAFE}, group="a").answered == "c1"
    played = groups(default_fallbacks=["b"]).play({"a1": UNSAFE, "a2": UNSAFE}, group="a")
    assert played.answered == "b1"


def test_special_fallbacks_are_for_nothing_else() -> None:
    """What fails otherwise does not go where long prompts go."""
    world = groups(context_window_fallbacks={"a": ["c"]}, num_retries=0)
    assert world.play(ALL_DOWN, group="a").groups == ["a", "a"]


def test_what_llmkit_finds_wrong_everywhere_is_raised() -> None:
    """A request that none of a group's deployments can be sent does not go to its fallbacks."""
    wrong = errors.InvalidRequestError("nobody takes this")
    played = groups(fallbacks={"a": ["b"]}).play({"a1": wrong, "a2": wrong}, group="a")
    assert (played.asked, played.error) == (["a1", "a2"], wrong)


def test_a_call_says_its_own_fallbacks() -> None:
    """``fallbacks`` of a call replace the router's, also for the groups that they lead to."""
    world = groups(
        fallbacks={"a": ["b"], "c": ["b"]}, context_window_fallbacks={"a": ["b"]}, num_retries=0
    )
    own = Terms(fallbacks=targets(["c", {"model": "d", "temperature": 0}]))
    played = world.play(ALL_DOWN, group="a", terms=own)
    assert played.groups == ["a", "a", "c", "d"]
    assert played.changes == [{}, {}, {}, {"temperature": 0}]
    assert world.play({"a1": LONG, "a2": LONG}, group="a", terms=own).answered == "c1"


def test_a_call_says_its_own_special_fallbacks() -> None:
    """``context_window_fallbacks`` of a call go before the router's, and leave the plain ones as they are."""
    world = groups(fallbacks={"a": ["b"]}, context_window_fallbacks={"a": ["b"]}, num_retries=0)
    own = Terms(context_window_fallbacks={"a": ("d",)})
    assert world.play({"a1": LONG, "a2": LONG}, group="a", terms=own).answered == "d1"
    assert (
        groups(fallbacks={"a": ["b"]}, num_retries=0)
        .play({"a1": DOWN, "a2": DOWN}, group="a", terms=own)
        .answered
        == "b1"
    )


def test_fallbacks_can_be_switched_off() -> None:
    """``disable_fallbacks`` leaves the group's own deployments, whatever the error and whoever says fallbacks."""
    world = groups(
        default_fallbacks=["b"],
        context_window_fallbacks={"a": ["c"]},
        num_retries=0,
        cooldowns=False,
    )
    off = Terms(disable_fallbacks=True, fallbacks=targets(["d"]))
    for error in (DOWN, LONG, UNSAFE, BUSY):
        assert world.play({"a1": error, "a2": error}, group="a", terms=off).groups == ["a", "a"]


def test_fallbacks_are_tried_before_anything_is_waited_for() -> None:
    """Where all of a group are busy, the next group is asked at once."""
    world = groups(fallbacks={"a": ["b"]})
    for name in ("a1", "a2"):
        world.done(world.table.cool(name, 30.0, world.now))
    played = world.play(group="a")
    assert (played.asked, played.hows, played.waits) == (["b1"], ["fallback"], [])


def test_a_fallback_nobody_knows_is_named_in_the_error() -> None:
    """A call's own fallback that is no group is heard of, and hides nothing."""
    world = groups()
    for name in ("a1", "a2"):
        world.done(world.table.cool(name, 900.0, world.now))
    own = Terms(fallbacks=targets(["bb"]))
    played = world.play(group="a", terms=own)
    assert isinstance(played.error, errors.RouterRateLimitError)
    assert "'bb'" in str(played.error)
    assert "did you mean 'b'" in str(played.error)


def test_what_a_fallback_changes_is_checked() -> None:
    """A fallback that changes the messages is checked by these."""
    made = [deployment("a"), deployment("s", "small", max_input_tokens=20)]
    long = {"messages": [{"role": "user", "content": "word " * 400}]}
    short = [{"role": "user", "content": "hi"}]
    for changes, asked in (({}, ["a"]), ({"messages": short}, ["a", "s"])):
        world = World(made, num_retries=0)
        own = Terms(fallbacks=targets([{"model": "small", **changes}]))
        assert world.play({"a": DOWN}, subject=long, terms=own).asked == asked


# --- cooling, probing, waiting


def test_who_cools_down_is_not_asked() -> None:
    """The next call goes by who has just failed, without a try."""
    world = World(several("a b"))
    world.play({"a": DOWN})
    assert world.play({"a": DOWN}).asked == ["b"]
    assert [event.deployment for event in world.told(DeploymentCooledDown)] == ["a"]


def test_after_a_cooldown_one_call_at_a_time_is_a_probe() -> None:
    """While a probe is out the others go by; an answer lets everybody in again."""
    world = World(several("a b"))
    world.play({"a": DOWN})
    world.now = 6.0
    probe = world.route()
    first = world.step(probe)
    assert isinstance(first, Go)
    assert (first.member.id, first.probe) == ("a", True)
    assert world.play().asked == ["b"]
    world.done(probe.worked(first, world.now, 0.1))
    assert [event.deployment for event in world.told(DeploymentRecovered)] == ["a"]
    assert (world.play().asked, world.play().probes) == (["a"], [False])


def test_a_probe_that_fails_cools_down_again_for_longer() -> None:
    """A deployment that is still down is let be for twice the time."""
    world = World(several("a b"))
    world.play({"a": DOWN})
    world.now = 6.0
    played = world.play({"a": DOWN})
    assert (played.asked, played.probes) == (["a", "b"], [True, False])
    assert [round(event.seconds, 6) for event in world.told(DeploymentCooledDown)] == [5, 10]
    assert world.member("a").cooling == pytest.approx(16.1)


@pytest.mark.parametrize("how", ["left", "failed otherwise", "lease"])
def test_a_probe_that_tells_nothing_lets_the_next_one_probe(how: str) -> None:
    """A probe that was given up, or failed for the call's own reasons, or never came back, is not waited for."""
    world = World(several("a b"))
    world.play({"a": DOWN})
    world.now = 6.0
    route = world.route(until=10.0)
    go = world.step(route)
    assert isinstance(go, Go)
    if how == "left":
        world.done(route.left(go, world.now))
    elif how == "failed otherwise":
        world.done(route.failed(go, WRONG, world.now))
    else:
        world.now += 60.0
    assert (world.play().asked, world.told(DeploymentRecovered)[-1].deployment) == (["a"], "a")


def test_the_first_chunk_of_a_stream_ends_a_probe() -> None:
    """A deployment that has begun to answer is well: nobody waits for the stream's end."""
    world = World(several("a b"))
    world.play({"a": DOWN})
    world.now = 6.0
    route = world.route()
    go = world.step(route)
    assert isinstance(go, Go)
    world.done(route.opened(go, world.now, 0.2))
    assert world.play().asked == ["a"]
    assert route.opened(go, world.now, 0.2).events == ()
    world.done(route.worked(go, world.now, 3.0, first_chunk=0.2, answer=300))
    assert world.member("a").first_chunk == 0.2
    assert world.member("a").latency is not None


def test_all_cooling_the_first_is_waited_for() -> None:
    """A call that finds everybody cooling waits for the one that is free first."""
    world = World(several("a b"))
    world.done(world.table.cool("a", 20.0, 0.0))
    world.done(world.table.cool("b", 8.0, 0.0))
    played = world.play()
    assert (played.asked, played.times) == (["b"], [8.0])
    assert [(wait.seconds, wait.retry, wait.place) for wait in played.waits] == [
        (8.0, False, False)
    ]
    assert "cools down" in played.waits[0].reason


def test_all_cooling_can_be_raised_instead() -> None:
    """``when_busy="raise"`` says at once when to come back, and why not now."""
    world = World(several("a b"), when_busy="raise")
    world.done(world.table.cool("a", 20.0, 0.0, "500"))
    world.done(world.table.cool("b", 8.0, 0.0, "429"))
    played = world.play()
    error = played.error
    assert isinstance(error, errors.RouterRateLimitError)
    assert (played.asked, played.waits) == ([], [])
    assert error.retry_after == pytest.approx(8.0)
    assert set(error.cooldown_list) == {"a", "b"}
    assert "429" in error.reasons["b"]
    assert "in 8 s" in str(error)
    assert error.sent == "no"


@pytest.mark.parametrize(
    ("cooling", "until", "longest", "waits"),
    [
        (8.0, 600.0, 60.0, True),
        (8.0, 7.0, 60.0, False),
        (8.0, 600.0, 7.0, False),
        (61.0, 600.0, 60.0, False),
    ],
)
def test_nothing_is_waited_for_in_vain(
    *, cooling: float, until: float, longest: float, waits: bool
) -> None:
    """Who would be free only after the deadline, or after the longest wait, is not waited for at all."""
    world = World(several("a"), longest_wait=longest)
    world.done(world.table.cool("a", cooling, 0.0))
    played = world.play(until=until)
    assert bool(played.asked) is waits
    assert bool(played.waits) is waits
    if not waits:
        assert isinstance(played.error, errors.RouterRateLimitError)
        assert played.error.retry_after == pytest.approx(cooling)


@pytest.mark.parametrize("busy", [{"longest_wait": 0.0}, {"when_busy": "raise"}])
def test_who_waits_for_nobody_tries_again_all_the_same(busy: dict[str, object]) -> None:
    """The time between two rounds is no wait for one to be free; a cooldown is."""
    world = World(several("a"), num_retries=2, allowed_fails=1, **busy)
    played = world.play({"a": [DOWN, DOWN]})
    assert (played.asked, played.error) == (["a", "a"], DOWN)
    assert [wait.retry for wait in played.waits] == [True]
    assert world.member("a").cooling > world.now


def test_a_deployment_by_its_id_is_fallen_back_from_to_its_group() -> None:
    """Others of the group are asked where a call says so; nobody is asked twice, by whatever name."""
    terms = Terms(fallbacks=targets(["g", "a", "b"]))
    played = World(several("a b"), num_retries=0).play(
        {"a": DOWN, "b": DOWN}, group="a", terms=terms
    )
    assert (played.asked, played.hows) == (["a", "b"], ["first", "fallback"])


def test_nobody_waits_for_a_key_that_is_wrong() -> None:
    """What does not pass by itself is not waited for; the error says when it is looked at again."""
    wrong = errors.AuthenticationError("x", sent="yes")
    world = World(several("a b"))
    first = world.play({"a": wrong, "b": wrong})
    assert (first.asked, first.error, first.waits) == (["a", "b"], wrong, [])
    second = world.play()
    assert (second.asked, second.waits) == ([], [])
    assert isinstance(second.error, errors.RouterRateLimitError)
    assert second.error.retry_after == pytest.approx(59.9)
    assert "AuthenticationError" in str(second.error) or "401" in str(second.error)


def test_untried_ones_are_waited_for_without_retries() -> None:
    """Who was not asked yet is asked before the call gives up, though nothing is to be tried again."""
    world = World(several("a b"), num_retries=0)
    world.done(world.table.cool("b", 4.0, 0.0))
    played = world.play({"a": DOWN})
    assert (played.asked, played.times) == (["a", "b"], [0.0, 4.0])


def test_the_deadline_ends_all() -> None:
    """Rounds end with the call's time, and what is raised is what it failed with."""
    world = World(several("a"), num_retries=99, allowed_fails=999)
    played = world.play({"a": DOWN}, until=5.0)
    assert played.error is DOWN
    assert world.now <= 5.0


# --- limits


def test_a_full_deployment_is_gone_by() -> None:
    """Calls go to the next while a place is taken, and come back when it is free."""
    world = World([deployment("a", max_parallel=1), deployment("b")])
    route = world.route()
    go = world.step(route)
    assert isinstance(go, Go)
    assert world.play().asked == ["b"]
    world.done(route.left(go, world.now))
    assert world.play().asked == ["a"]


def test_places_are_waited_for() -> None:
    """Where everybody is full, the call waits until somebody leaves, and is told that it may be any time."""
    world = World([deployment("a", max_parallel=1)])
    first, second = world.route(), world.route()
    go = world.step(first)
    assert isinstance(go, Go)
    wait = world.step(second)
    assert isinstance(wait, Wait)
    assert (wait.place, wait.seconds, wait.retry) == (True, 60.0, False)
    world.now = 1.0
    assert isinstance(world.step(second), Wait)
    world.done(first.worked(go, world.now, 1.0))
    let_in = world.step(second)
    assert isinstance(let_in, Go)
    assert let_in.waited == 1.0


def test_waiting_for_a_place_ends() -> None:
    """A place that does not come free is waited for as long as is said, and no longer."""
    world = World([deployment("a", max_parallel=1)], longest_wait=3.0)
    world.step(world.route())
    played = world.play()
    assert isinstance(played.error, errors.RouterRateLimitError)
    assert world.now == pytest.approx(3.0)
    assert "places are taken" in str(played.error)
    assert played.error.retry_after is None


def test_requests_a_minute_are_never_exceeded() -> None:
    """However many calls come, no minute has more than the limit, and all are let in in the end."""
    world = World([deployment("a", rpm=3)], longest_wait=600.0)
    times = [world.play(takes=0.0).times[0] for _ in range(10)]
    assert len(times) == 10
    assert all(late - early > 60.0 for early, late in zip(times, times[3:], strict=False))


def test_tokens_are_corrected_by_what_was_used() -> None:
    """What a call may use is taken from the minute, and what it has not used is given back."""
    world = World([deployment("a", tpm=1000), deployment("b")])
    said = {
        "params": {"max_tokens": 900},
        "subject": {"messages": [{"role": "user", "content": "hi"}]},
    }
    first, second = world.route(**said), world.route(**said)
    go, other = world.step(first), world.step(second)
    assert isinstance(go, Go)
    assert isinstance(other, Go)
    assert (go.member.id, other.member.id) == ("a", "b")
    world.done(first.worked(go, world.now, 1.0, prompt=10, answer=20))
    assert world.play(**said).asked == ["a"]


def test_what_was_refused_used_no_tokens() -> None:
    """Tokens of a request that was refused are given back, those of one that nobody knows of are not."""
    said = {"params": {"max_tokens": 900}}
    for error, asked in ((WRONG, "a"), (errors.APITimeoutError("x", sent="maybe"), "b")):
        world = World([deployment("a", tpm=1000), deployment("b")], cooldowns=False)
        world.play({"a": error}, **said)
        assert world.play(**said).asked == [asked]


def test_more_than_a_limit_is_never_let_in() -> None:
    """A prompt with more tokens than a minute has is told so, and nothing is waited for."""
    world = World([deployment("a", tpm=10)])
    long = {"messages": [{"role": "user", "content": "word " * 400}]}
    played = world.play(subject=long)
    assert isinstance(played.error, errors.NoDeploymentError)
    assert played.waits == []
    assert "limit" in played.error.reasons["a"]


def test_limits_are_not_kept_where_that_is_switched_off() -> None:
    """``enforce_limits=False`` only weighs them; places are kept all the same."""
    world = World([deployment("a", rpm=1)], enforce_limits=False)
    assert [world.play().waits for _ in range(3)] == [[], [], []]


def test_all_keys_of_a_deployment_share_its_limits() -> None:
    """A deployment of one request a minute has one, whatever keys it has."""
    made = deployment("a", api_key=["first-key-012345", "second-key-01234"], rpm=1)
    world = World([made, deployment("b")])
    assert [world.play().asked for _ in range(3)] == [["a#0"], ["b"], ["b"]]


def test_keys_are_rotated_by_the_class_of_the_error() -> None:
    """A key that is refused or used up is let be by itself; a host that is down with all its keys."""
    made = deployment("a", api_key=["first-key-012345", "second-key-01234"])
    for error in (BUSY, errors.AuthenticationError("x", sent="yes")):
        world = World([made, deployment("b")])
        assert world.play({"a#0": error}).asked == ["a#0", "a#1"]
        assert world.play().asked == ["a#1"]
    world = World([made, deployment("b")])
    assert world.play({"a#0": DOWN, "a#1": DOWN}).asked == ["a#0", "b"]


# --- who can take it at all


def test_nobody_who_can_take_it() -> None:
    """A call that no deployment can take at any time says why of each, and is no matter of waiting."""
    world = World([deployment("a", max_input_tokens=5), deployment("b", max_input_tokens=6)])
    long = {"messages": [{"role": "user", "content": "word " * 400}]}
    played = world.play(subject=long)
    assert isinstance(played.error, errors.NoDeploymentError)
    assert set(played.error.reasons) == {"a", "b"}
    assert played.error.group == "g"
    assert (played.asked, played.waits) == ([], [])


def test_fallbacks_are_checked_before_they_are_asked() -> None:
    """A fallback with too small a window is not asked either; one with a larger is."""
    made = [
        deployment("a", max_input_tokens=5),
        deployment("s", "small", max_input_tokens=6),
        deployment("l", "large", max_input_tokens=100_000),
    ]
    long = {"messages": [{"role": "user", "content": "word " * 400}]}
    world = World(made, fallbacks={"g": ["small", "large"]})
    assert world.play(subject=long).asked == ["l"]


# --- telling


def test_an_attempt_is_told_of_once() -> None:
    """What was said of an attempt holds; a second word of it changes nothing."""
    world = World(several("a b"))
    route = world.route()
    go = world.step(route)
    assert isinstance(go, Go)
    world.done(route.worked(go, 1.0, 1.0))
    for after in (route.failed(go, DOWN, 1.0), route.left(go, 1.0), route.worked(go, 1.0, 1.0)):
        assert (after.operations, after.events) == ((), ())
    assert (world.member("a").running, world.member("a").strikes) == (0, 0)


def test_what_is_running_is_counted() -> None:
    """A member knows how many calls are with it, whatever becomes of them."""
    world = World(several("a"), allowed_fails=9)
    routes = [world.route() for _ in range(3)]
    steps = [world.step(route) for route in routes]
    assert world.member("a").running == 3
    for number, (route, go) in enumerate(zip(routes, steps, strict=True)):
        assert isinstance(go, Go)
        ends = (route.left(go, 1.0), None) if number == 0 else (None, None)
        if ends[0] is None:
            world.done(route.worked(go, 1.0, 1.0) if number == 1 else route.failed(go, DOWN, 1.0))
    assert world.member("a").running == 0


def test_nothing_is_kept_of_what_was_raised() -> None:
    """An error knows the frames that know the route: the route keeps none of it."""
    world = World(several("a"), num_retries=0)
    route = world.route()
    assert world.play({"a": DOWN}, route=route).error is DOWN
    assert route.error is None


def test_the_last_error_says_when_to_come_back() -> None:
    """Where all cool down after a failure, the error has the seconds until one is asked again."""
    down = errors.InternalServerError("down", sent="yes")
    world = World(several("a b"), num_retries=0)
    played = world.play({"a": BUSY, "b": down})
    assert played.error is down
    world = World(several("a b"), num_retries=5, longest_wait=1.0)
    down = errors.InternalServerError("down", sent="yes")
    played = world.play({"a": down, "b": down})
    assert played.error is down
    assert down.retry_after is not None
    assert 0 < down.retry_after < inf


def test_a_strategy_may_forget_somebody() -> None:
    """Who is left out by a strategy of somebody else's is asked all the same before the call fails."""

    class Forgetful:
        name, counts, used = "forgetful", False, False

        def plan(self, call: object, state: object, now: float) -> object:
            return iter(state.members[:1])  # type: ignore[attr-defined]

    world = World(several("a b c"), strategy=Forgetful(), num_retries=0)
    played = world.play({"a": DOWN, "b": DOWN})
    assert played.asked == ["a", "b", "c"]


def test_the_next_after_a_failure_can_be_drawn_by_weight() -> None:
    """``weighted_failover`` draws by weight who comes second, whatever the strategy."""
    made = [deployment("a", weight=1), deployment("b", weight=0.001), deployment("c", weight=1000)]
    assert World(made, weighted_failover=True).play({"a": DOWN}).asked == ["a", "c"]
    assert World(made).play({"a": DOWN}).asked == ["a", "b"]


def test_waits_are_drawn_by_the_policy() -> None:
    """How long a further round waits is the retry policy's affair."""
    policy = RetryPolicy(retries=1, first_wait=7.0, draw=lambda: 0.5)
    world = World(several("a"), retry=policy)
    assert world.play({"a": DOWN}).waits[0].seconds == pytest.approx(3.5)
