"""What would be asked, without asking: decisions, first guesses, outlooks; and that they take nothing."""

from __future__ import annotations

from typing import Any

import pytest

from llmkit import errors
from llmkit._control.admitting import Admission
from llmkit._control.routing.steps import Go

from ._world import Counting, World, deployment, several


def live(world: World) -> list[tuple[Any, ...]]:
    """All that is known of everybody."""
    return [
        (one.id, one.running, one.cooling, one.strikes, one.probing, one.failures)
        for one in world.table.members
    ]


def test_a_decision_says_who_and_why() -> None:
    """The deployment, the strategy's word, and of the others why not."""
    world = World([*several("a b c"), deployment("d", max_input_tokens=3)])
    world.done(world.table.cool("a", 9.0, 0.0, "500"))
    long = {"messages": [{"role": "user", "content": "word " * 400}]}
    before = live(world)
    found = world.route(subject=long).decision(1.0)
    assert (found.deployment.id, found.group, found.wait, found.why) == ("b", "g", 0.0, "in-order")
    assert set(found.excluded) == {"a", "d"}
    assert "8 s more after 500" in found.excluded["a"]
    assert "its window is 3" in found.excluded["d"]
    assert found.excluded is found.excluded
    assert "b" in repr(found)
    assert live(world) == before


def test_a_decision_takes_no_place() -> None:
    """However often it is asked, a limit has as much room as before."""
    world = World([deployment("a", rpm=1, max_parallel=1), deployment("b")])
    for _ in range(5):
        assert world.route().decision(0.0).deployment.id == "a"
    assert world.play().asked == ["a"]
    found = world.route().decision(world.now)
    assert found.deployment.id == "b"
    assert "limit is reached" in found.excluded["a"]


def test_a_decision_goes_to_fallbacks() -> None:
    """Where nobody of the group is free, who would be asked is of its fallback, and it says so."""
    world = World([*several("a"), *several("b", "h")], fallbacks={"g": ["h"]})
    world.done(world.table.cool("a", 9.0, 0.0))
    found = world.route().decision(1.0)
    assert (found.deployment.id, found.group) == ("b", "h")
    assert "'g' has nobody who is free" in found.why


def test_a_decision_says_how_long_it_waits() -> None:
    """Where everybody is busy, it is the first who will be free, and when."""
    world = World(several("a b"))
    world.done(world.table.cool("a", 9.0, 0.0))
    world.done(world.table.cool("b", 7.0, 0.0))
    found = world.route().decision(1.0)
    assert (found.deployment.id, found.wait) == ("b", 6.0)
    assert "in 6 s" in found.why
    full = World([deployment("a", max_parallel=1)])
    full.step(full.route())
    assert "once somebody leaves" in full.route().decision(0.0).why


def test_a_decision_is_refused_as_the_call_would_be() -> None:
    """Who nobody can ever answer, or is not to wait, is told with the call's own errors."""
    long = {"messages": [{"role": "user", "content": "word " * 400}]}
    with pytest.raises(errors.NoDeploymentError, match="window"):
        World([deployment("a", max_input_tokens=3)]).route(subject=long).decision(0.0)
    world = World(several("a"), when_busy="raise")
    world.done(world.table.cool("a", 9.0, 0.0))
    with pytest.raises(errors.RouterRateLimitError, match="in 8 s"):
        world.route().decision(1.0)


def test_a_decision_beside_a_store_goes_by_its_last_word() -> None:
    """Nothing is asked of the store; what it said last is what is known."""
    world = World([deployment("a", rpm=2, max_parallel=2), deployment("b")], store=Admission())
    world.play()
    world.now = 1.0
    world.play()
    world.now = 2.0
    world.play()
    asked = len(world.performed)
    assert world.member("a").used["rpm"] == 2
    assert world.route().decision(2.0).deployment.id == "b"
    assert len(world.performed) == asked


def test_the_first_guess_is_who_is_asked() -> None:
    """Who a call is named by is who it asks, as long as nobody else takes the place."""
    world = World(several("a b c"))
    world.done(world.table.cool("a", 9.0, 0.0))
    route = world.route()
    assert [route.peek(0.0).member.id for _ in range(3)] == ["b"] * 3
    go = world.step(route)
    assert isinstance(go, Go)
    assert go.member.id == "b"
    other = world.route()
    assert other.peek(0.0).member.id == "b"
    world.done(world.table.cool("b", 9.0, 0.0))
    go = world.step(other)
    assert isinstance(go, Go)
    assert go.member.id == "c"


def test_there_is_a_first_guess_where_nobody_is_free() -> None:
    """A call has to have a name also where it will fail."""
    world = World(several("a b"), when_busy="raise")
    for name in ("a", "b"):
        world.done(world.table.cool(name, 9.0, 0.0))
    assert world.route().peek(0.0).member.id == "a"
    assert isinstance(world.play(route=world.route()).error, errors.RouterRateLimitError)
    nobody = World([deployment("a", max_input_tokens=3)])
    long = {"messages": [{"role": "user", "content": "word " * 400}]}
    route = nobody.route(subject=long)
    assert route.peek(0.0).member.id == "a"
    assert isinstance(nobody.play(route=route).error, errors.NoDeploymentError)


def test_a_guess_does_not_stand_before_what_is_counted() -> None:
    """A strategy that goes by use is told of it before it really chooses."""
    world = World(several("a b"), strategy=Counting())
    route = world.route()
    route.peek(0.0)
    world.step(route)
    assert world.member("b").used == {"rpm": 0, "tpm": 0}


def test_an_outlook_lists_who_may_come() -> None:
    """A dry run shows the group's order, then the fallbacks' with what they change."""
    made = [*several("a b"), *several("c", "h"), *several("d", "i")]
    world = World(made, fallbacks={"g": [{"model": "h", "top_p": 1}, "i"]})
    world.done(world.table.cool("a", 9.0, 0.0))
    before = live(world)
    route = world.route()
    route.peek(0.0)
    found = list(route.outlook(0.0))
    assert [go.member.id for go in found] == ["b", "c", "d"]
    assert [dict(go.changes) for go in found] == [{}, {"top_p": 1}, {}]
    assert [go.member.id for go in world.route().outlook(0.0)] == ["a", "b", "c", "d"]
    assert live(world) == before
