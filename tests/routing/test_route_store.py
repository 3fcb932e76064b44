"""Routes beside a store that several routers share: what is asked of it, and what is told to it."""

from __future__ import annotations

import pytest

from llmkit import errors
from llmkit._control.admitting import Admission
from llmkit._control.routing.shared import Shared
from llmkit._control.routing.steps import Ask, Go, Wait
from llmkit._operations import Admit, Cool, Leave, Look
from llmkit.events import DeploymentRecovered

from ._world import Counting, World, deployment, several


def down() -> errors.APIError:
    """A host's failure."""
    return errors.InternalServerError("down", sent="yes")


def pair(*made: object, **said: object) -> tuple[World, World]:
    """Two routers of one store, whose clocks began at other times."""
    store = Admission()
    first, second = (World(made, store=store, **said) for _ in range(2))  # type: ignore[arg-type]
    return first, second


def kinds(world: World) -> list[str]:
    """What the store was asked and told, by name; how others are doing left out."""
    return [type(op).__name__ for op in world.performed if not isinstance(op, Look)]


def test_a_call_without_limits_asks_for_no_place() -> None:
    """Where there is nothing to count, a call only looks how everybody is, every half second."""
    world, _ = pair(*several("a b"))
    for now, looks in ((0.0, 1), (0.3, 1), (0.6, 2)):
        world.now = now
        world.play(takes=0.0)
        assert len(world.performed) == looks
        assert isinstance(world.performed[-1], Look)


def test_a_limit_holds_for_all_processes() -> None:
    """Two routers together let in as many as one may have in a minute."""
    first, second = pair(deployment("a", rpm=3), deployment("b"))
    asked = [world.play().asked[0] for world in (first, second) * 3]
    assert sorted(asked) == ["a"] * 3 + ["b"] * 3


def test_places_are_given_back_to_all() -> None:
    """A place that one router's call leaves is another's."""
    first, second = pair(deployment("a", max_parallel=1))
    mine, theirs = first.route(), second.route()
    go = first.step(mine)
    assert isinstance(go, Go)
    assert go.shared
    wait = second.step(theirs)
    assert isinstance(wait, Wait)
    assert wait.place
    first.done(mine.worked(go, 0.1, 0.1))
    second.now = 0.2
    assert isinstance(second.step(theirs), Go)


def test_a_cooldown_is_seen_by_all_within_half_a_second() -> None:
    """Who has failed for one process is gone by by the others once they look again."""
    first, second = pair(*several("a b"))
    second.play()
    first.play({"a": down()})
    assert kinds(first) == ["Cool"]
    second.now = 0.7
    assert second.play().asked == ["b"]
    assert second.member("a").cooling == pytest.approx(5.1, abs=0.7)


def test_one_probe_at_a_time_among_all() -> None:
    """While one process finds out whether a deployment is well, the others go by, until it has answered."""
    first, second = pair(*several("a b"))
    first.play({"a": down()})
    second.now = first.now = 6.0
    mine, theirs = first.route(), second.route()
    go, other = first.step(mine), second.step(theirs)
    assert isinstance(go, Go)
    assert isinstance(other, Go)
    assert (go.member.id, go.probe, other.member.id) == ("a", True, "b")
    first.done(mine.worked(go, 6.1, 0.1))
    assert [event.deployment for event in first.told(DeploymentRecovered)] == ["a"]
    second.now = 7.0
    assert (second.play().asked, second.play().probes) == (["a"], [False])


def test_a_probe_that_fails_cools_down_before_it_leaves() -> None:
    """The store hears of the cooldown first, or another would get in between."""
    first, _ = pair(*several("a b"))
    first.play({"a": down()})
    first.now, first.performed = 6.0, []
    first.play({"a": down()})
    assert kinds(first) == ["Admit", "Cool", "Leave"]
    cool = next(op for op in first.performed if isinstance(op, Cool))
    assert (cool.strikes, cool.lease) == (2, pytest.approx(10_000, abs=2))
    leave = next(op for op in first.performed if isinstance(op, Leave))
    assert leave.worked is False


def test_what_was_used_is_told() -> None:
    """The store corrects what was taken of the tokens by what an answer says."""
    first, _ = pair(deployment("a", tpm=1000, rpd=9))
    route = first.route(params={"max_tokens": 500})
    go = first.step(route)
    assert isinstance(go, Go)
    first.done(route.worked(go, 1.0, 1.0, prompt=7, answer=20))
    leave = first.performed[-1]
    assert isinstance(leave, Leave)
    assert dict(leave.used)["tpm"] == 27
    looked = first.perform(Look(("a",), (("tpm", 1000), ("rpd", 1_440_000))))
    assert looked.health[0].used == (27, 1)


def test_a_few_candidates_are_asked_for_at_once() -> None:
    """The store is asked for the first of eight who has room, and for the next eight where none has."""
    names = [f"d{number}" for number in range(12)]
    world, _ = pair(*(deployment(name, max_parallel=1) for name in names))
    for name in names[:10]:
        world.perform(Admit(f"other-{name}", (_candidate(world, name),), 60_000))
    world.performed = []
    route = world.route()
    go = world.step(route)
    assert isinstance(go, Go)
    assert go.member.id == "d10"
    admits = [op for op in world.performed if isinstance(op, Admit)]
    assert [len(op.candidates) for op in admits] == [8, 4]


def _candidate(world: World, name: str) -> object:
    route = world.route()
    return world.table.limits.candidate(world.member(name), route.visits[0].wanted)


def test_strategies_that_count_are_told_before_each_choice() -> None:
    """A strategy that goes by what all have used is told of it, and every call is counted."""
    first, second = pair(*several("a b"), strategy=Counting())
    first.play(takes=0.0)
    second.play(takes=0.0)
    assert [type(op).__name__ for op in second.performed] == ["Look", "Admit", "Leave"]
    assert second.member("a").used["rpm"] == 1
    second.play(takes=0.0)
    assert second.member("a").used["rpm"] == 2


def test_without_a_store_they_are_told_of_this_process() -> None:
    """The same strategy without a store is told what was used here, at once, and what is so no more."""
    world = World(several("a b"), strategy=Counting())
    world.play(takes=0.0)
    world.play(takes=0.0)
    assert world.member("a").used["rpm"] == 2
    world.now = 70.0
    world.play(takes=0.0)
    assert world.member("a").used["rpm"] == 1
    assert world.member("b").used == {"rpm": 0, "tpm": 0}


def test_a_store_that_does_not_answer_can_be_asked_again() -> None:
    """A route whose question was lost asks anew, with another ticket, and is in once."""
    world, _ = pair(deployment("a", max_parallel=1))
    route = world.route()
    asked = route.next(0.0)
    while isinstance(asked, Ask) and isinstance(asked.operation, Look):
        route.answered(world.perform(asked.operation), 0.0)
        asked = route.next(0.0)
    assert isinstance(asked, Ask)
    again = route.next(0.0)
    assert isinstance(again, Ask)
    go = world.step(route)
    assert isinstance(go, Go)
    assert world.member("a").running == 1


def test_without_its_store_a_router_keeps_to_its_share() -> None:
    """A store that is lost leaves each process its part of every limit, by its own count."""
    world, _ = pair(deployment("a", rpm=8, max_parallel=4), deployment("b"), share=0.25)
    world.table.sharing = away = Shared(None, local=True, clock=lambda: 0.0)
    away.gate.failed(errors.StoreUnavailableError("nobody there"), 0.0)
    world.performed = []
    assert [world.play().asked[0] for _ in range(4)] == ["a", "a", "b", "b"]
    assert world.performed == []
    route = world.route()
    world.now = 100.0
    go = world.step(route)
    assert isinstance(go, Go)
    assert (go.member.id, go.shared) == ("a", False)
    assert world.play().asked == ["b"]


def test_keys_and_the_models_of_a_wildcard_are_known_to_the_store_by_their_own_names() -> None:
    """Cooldowns are of a key, or of one model; limits are of the deployment."""
    made = deployment("a", api_key=["first-key-012345", "second-key-01234"], rpm=10)
    wild = deployment("w", "openai/*", "openai/*", rpm=10)
    first, second = pair(made, wild)
    first.play({"a#0": errors.RateLimitError("busy", sent="yes")})
    first.play({"w:x": down()}, group="openai/x", until=1.0)
    cools = [op.deployment for op in first.performed if isinstance(op, Cool)]
    assert cools == ["a#0"]
    places = {
        c.deployment for op in first.performed if isinstance(op, Admit) for c in op.candidates
    }
    assert places == {"a", "w"}
    second.now = 1.0
    assert second.play().asked == ["a#1"]


def test_somebodys_word_is_told_to_the_store() -> None:
    """What is said of a deployment by hand holds for all processes."""
    first, second = pair(*several("a b"))
    first.done(first.table.cool("a", 30.0, 0.0, "maintenance"))
    assert second.play().asked == ["b"]
    assert second.member("a").reason == "maintenance"
    first.done(first.table.mark_success("a"))
    second.now = 31.0
    assert second.play().probes == [False]


def test_calls_that_need_no_place_are_still_on_their_way() -> None:
    """A store knows nothing of calls that need no place there: what it says does not make them go."""
    world, _ = pair(*several("a b"))
    route = world.route()
    go = world.step(route)
    assert isinstance(go, Go)
    world.now = 1.0
    world.play(takes=0.0)
    assert [type(op) for op in world.performed] == [Look, Look]
    assert world.member("a").running == 1
    world.done(route.worked(go, 1.0, 1.0))
    assert world.member("a").running == 0


def test_candidates_that_were_not_needed_come_next() -> None:
    """Whom the store was asked for beside the one who was let in is asked before any other group is."""
    made = [deployment(name, max_parallel=1) for name in "abc"]
    world, _ = pair(*made, *several("d", "h"), fallbacks={"g": ["h"]})
    assert world.play({"a": down(), "b": down()}).asked == ["a", "b", "c"]


def test_an_answer_that_is_long_in_asking_for_is_looked_for_elsewhere() -> None:
    """A Retry-After beyond what is ever waited for is final for that deployment."""
    world, _ = pair(*several("a"), longest_wait=900.0)
    said = errors.RateLimitError("busy", sent="yes", retry_after=61.0)
    played = world.play({"a": [said]})
    assert (played.asked, played.error) == (["a"], said)


def test_a_further_round_keeps_to_what_each_has_asked_for() -> None:
    """In a further round, who said to come back later is asked later than the others."""
    late = errors.RateLimitError("busy", sent="yes", retry_after=20.0)
    world = World(several("a b"), num_retries=1, cooldowns=False)
    played = world.play({"a": [late, None], "b": [down(), down()]})
    assert played.asked == ["a", "b", "b", "a"]
    assert played.times[3] >= 20.0


def test_an_answer_ends_only_the_cooldown_that_it_came_after() -> None:
    """A probe's ticket says that it has worked: a cooldown that another process began meanwhile stays."""
    first, second = pair(*several("a b"))
    first.play({"a": down()})
    first.now = second.now = 6.0
    route = first.route()
    go = first.step(route)
    assert isinstance(go, Go)
    second.now = 6.5
    second.done(second.table.cool("a", 30.0, 6.5))
    first.now = 7.0
    first.done(route.worked(go, 7.0, 1.0))
    looked = second.perform(Look(("a",)))
    assert looked.health[0].strikes
    assert not any(isinstance(op, Cool) and op.lease == 0 for op in first.performed)


def test_who_waits_for_another_process_looks_again() -> None:
    """What another process leaves is told to nobody: it is looked for after 0.25 s, and each half second later on."""
    first, second = pair(deployment("a", max_parallel=1))
    second.draw = lambda: 0.5
    go = first.step(first.route())
    assert isinstance(go, Go)
    theirs, waits = second.route(), []
    while second.now < 5:
        wait = second.step(theirs)
        assert isinstance(wait, Wait)
        assert wait.place
        waits.append(wait.seconds)
        second.now += wait.seconds
    assert waits[:4] == pytest.approx([0.25, 0.25, 0.5, 0.5])
    assert set(waits[3:]) == {0.5}


def test_who_waits_for_its_own_process_is_woken() -> None:
    """Without a store, nobody looks before somebody leaves."""
    world = World([deployment("a", max_parallel=1)])
    world.step(world.route())
    wait = world.step(world.route())
    assert isinstance(wait, Wait)
    assert (wait.seconds, wait.place) == (60, True)


def test_a_probe_whose_process_is_gone_is_soon_forgotten() -> None:
    """A call may take half an hour; that nobody else finds out whether a deployment is well, a minute and a half."""
    first, second = pair(deployment("a"), allowed_fails=0)
    first.play({"a": down()})
    first.now = second.now = 400.0
    assert isinstance(first.step(first.route(until=1800.0)), Go)
    theirs = second.route(until=1800.0)
    assert isinstance(second.step(theirs), Wait)
    second.now += 91
    go = second.step(theirs)
    assert isinstance(go, Go)
    assert go.probe


@pytest.mark.parametrize(
    ("limits", "lease"), [({"max_parallel": 1}, 630_000), ({"tpd": 9}, 630_000), ({"rpm": 9}, 90_000)]
)  # fmt: skip
def test_a_ticket_lives_as_long_as_it_means_anything(limits: dict[str, int], lease: int) -> None:
    """A place outlives its call; what only counts in a minute does not have to."""
    world, _ = pair(deployment("a", **limits))
    assert isinstance(world.step(world.route()), Go)
    [admit] = [op for op in world.performed if isinstance(op, Admit)]
    assert admit.lease == lease


def test_a_probe_that_takes_long_ends_the_strikes_all_the_same() -> None:
    """Its ticket is forgotten by then: the store is told that the deployment is well."""
    first, second = pair(*several("a b"))
    first.play({"a": down()})
    first.now = 6.0
    mine = first.route()
    go = first.step(mine)
    assert isinstance(go, Go)
    assert go.probe
    first.now = 200.0
    first.done(mine.worked(go, 200.0, 194.0))
    assert second.perform(Look(("a",))).health[0].strikes == 0


def test_a_stream_that_begins_shows_all_that_its_deployment_is_well() -> None:
    """The others do not wait until it has ended."""
    first, second = pair(deployment("a"), allowed_fails=0)
    first.play({"a": down()})
    first.now = second.now = 400.0
    mine = first.route()
    go = first.step(mine)
    assert isinstance(go, Go)
    assert go.probe
    assert isinstance(second.step(second.route()), Wait)
    first.done(mine.opened(go, 400.5, 0.5))
    other = second.step(second.route())
    assert isinstance(other, Go)
    assert not other.probe
