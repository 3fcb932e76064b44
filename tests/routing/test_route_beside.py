"""Attempts beside each other: second requests, races for one place, interrupts, threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from llmkit import errors
from llmkit._control.admitting import Admission
from llmkit._control.routing.shared import Shared
from llmkit._control.routing.steps import Ask, Go, Wait
from llmkit._control.routing.table import Table
from llmkit._operations import Full

from ._world import InOrder, World, deployment, several


def down() -> errors.APIError:
    """A host's failure."""
    return errors.InternalServerError("down", sent="yes")


def gone(step: object) -> Go:
    """The step, which asks somebody."""
    assert isinstance(step, Go)
    return step


def test_another_is_asked_beside_one_that_has_not_answered() -> None:
    """A second request goes to another of the same group that is free at once, and never to the same."""
    world = World([*several("a b c"), *several("d", "h")], fallbacks={"g": ["h"]})
    world.done(world.table.cool("b", 9.0, 0.0))
    route = world.route()
    first = gone(world.step(route))
    second = gone(route.spare(0.0))
    assert (first.member.id, second.member.id, second.how) == ("a", "c", "rerouted")
    assert route.spare(0.0) is None
    world.done(route.left(first, 0.1))
    world.done(route.worked(second, 0.2, 0.2))
    assert [member.running for member in world.table.members] == [0, 0, 0, 0]


def test_one_of_two_fails_and_the_call_goes_on() -> None:
    """What one of two requests fails with does not take the other's place away."""
    world = World(several("a b c"))
    route = world.route()
    first, second = gone(world.step(route)), gone(route.spare(0.0))
    world.done(route.failed(first, down(), 0.1))
    world.done(route.failed(second, down(), 0.2))
    assert gone(world.step(route)).member.id == "c"
    assert world.told(object)


def test_a_store_is_asked_for_the_place_beside() -> None:
    """With a store, the second request's place is asked for, and given with the next question."""
    store = Admission()
    world = World([deployment(name, max_parallel=1) for name in "ab"], store=store)
    route = world.route()
    first = gone(world.step(route))
    asked = route.spare(0.0)
    assert isinstance(asked, Ask)
    route.answered(world.perform(asked.operation), 0.0)
    second = gone(route.spare(0.0))
    assert (first.member.id, second.member.id) == ("a", "b")
    third = world.route()
    asked = third.next(0.0)
    assert isinstance(asked, Ask)
    # Somebody gives up to wait for the answer: nobody else is asked for with it.
    assert third.spare(0.0) is None
    assert third.asked is None


def test_nobody_is_asked_beside_once_a_call_is_over() -> None:
    """A failure that is final is the call's, also while another request would be free."""
    world = World(several("a b"))
    route = world.route()
    go = gone(world.step(route))
    world.done(route.failed(go, RuntimeError("a bug"), 0.1))
    assert route.spare(0.1) is None


def test_what_says_nothing_of_a_deployment_does_not_cool_it_down() -> None:
    """A 404 for a file that another deployment has goes on to that, and blames nobody."""
    world = World(several("a b"))
    route = world.route()
    go = gone(world.step(route))
    world.done(
        route.failed(go, errors.NotFoundError("no such file", sent="yes"), 0.1, blames=False)
    )
    assert gone(world.step(route)).member.id == "b"
    assert (world.member("a").strikes, world.events) == (0, [])


def test_a_probe_is_waited_for() -> None:
    """Where the only deployment is being probed, a call waits until that call leaves."""
    world = World(several("a"))
    world.done(world.table.cool("a", 3.0, 0.0, "500"))
    world.now = 4.0
    first, second = world.route(), world.route()
    probe = gone(world.step(first))
    wait = world.step(second)
    assert isinstance(wait, Wait)
    assert (probe.probe, wait.place) == (True, True)
    assert "another call is finding out" in wait.reason
    world.done(first.worked(probe, 5.0, 1.0))
    world.now = 5.0
    assert not gone(world.step(second)).probe


class _Sneaking:
    """A lock that lets something happen just before it is taken."""

    def __init__(self, meanwhile: Iterator[Any]) -> None:
        self._meanwhile = meanwhile

    def __enter__(self) -> None:
        next(self._meanwhile, None)

    def __exit__(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("limits", [{}, {"max_parallel": 9}], ids=["free", "limited"])
def test_two_who_see_one_probe_free_do_not_both_take_it(limits: dict[str, Any]) -> None:
    """Between looking and taking, another thread may have come: it is looked at once more, under the lock."""
    world = World([deployment("a", **limits), deployment("b")])
    world.done(world.table.cool("a", 3.0, 0.0))
    world.now = 4.0
    member = world.member("a")

    def meanwhile() -> Iterator[None]:
        member.probing = 100.0
        yield

    world.table.lock = _Sneaking(meanwhile())  # type: ignore[assignment]
    go = gone(world.step(world.route()))
    assert (go.member.id, member.running) == ("b", 0)


class _Interrupting(Admission):
    """An admission in which somebody presses Ctrl-C, before or after it has let in."""

    def __init__(self, *, late: bool) -> None:
        super().__init__()
        self.late, self.armed = late, True

    def perform(self, operation: Any, now: int) -> Any:
        """Let in, or not, and be interrupted."""
        armed, self.armed = self.armed, False
        told = super().perform(operation, now) if self.late or not armed else None
        if armed:
            raise KeyboardInterrupt
        return told


@pytest.mark.parametrize("late", [False, True])
def test_an_interrupt_leaves_no_place_behind(*, late: bool) -> None:
    """Whoever is interrupted while it gets in finds its place among those that are out, and leaves it."""
    world = World([deployment("a", max_parallel=1)])
    world.table.admission = _Interrupting(late=late)
    route = world.route()
    with pytest.raises(KeyboardInterrupt):
        world.step(route)
    (go, _), *others = list(route.out.values())
    assert not others
    world.done(route.left(go, 0.0))
    assert route.out == {}
    assert gone(world.step(world.route())).member.id == "a"
    assert world.member("a").running == 1


def test_a_place_that_was_not_there_is_not_out() -> None:
    """Where there was no room, nothing is left to be given back."""
    world = World([deployment("a", max_parallel=1)])
    world.step(world.route())
    route = world.route()
    assert isinstance(world.step(route), Wait)
    assert route.out == {}


def test_an_answer_of_the_store_while_waiting_is_no_new_look() -> None:
    """A call that has waited once asks the store once each time, and then waits again."""
    store = Admission()
    world = World([deployment("a", max_parallel=1)], store=store)
    world.step(world.route())
    route = world.route()
    assert isinstance(world.step(route), Wait)
    asked = 0
    step = route.next(0.1)
    while isinstance(step, Ask):
        asked += 1
        told = world.perform(step.operation)
        assert isinstance(told, Full) or asked == 0
        route.answered(told, 0.1)
        step = route.next(0.1)
        assert asked < 5
    assert (asked, type(step)) == (1, Wait)


def test_many_threads_keep_to_the_places() -> None:
    """Threads that come all at once are never more than the places, and leave all of them."""
    world = World([deployment("a", max_parallel=3), deployment("b", max_parallel=2)])
    table = Table(world.table.deployments, world.settings, InOrder(), lock=threading.Lock())
    most, over, running = {"a": 3, "b": 2}, [], {"a": 0, "b": 0}
    guard, start = threading.Lock(), threading.Barrier(8)

    def calls(number: int) -> None:
        start.wait()
        for turn in range(150):
            route = world.__class__.route(_On(world, table, f"{number}-{turn}"))  # type: ignore[arg-type]
            step = route.next(0.0)
            if not isinstance(step, Go):
                continue
            with guard:
                running[step.member.id] += 1
                if running[step.member.id] > most[step.member.id]:
                    over.append(step.member.id)
            with guard:
                running[step.member.id] -= 1
            route.worked(step, 0.0, 0.1)

    threads = [threading.Thread(target=calls, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert over == []
    assert [member.running for member in table.members] == [0, 0]


class _On:
    """A world's calls on another table."""

    def __init__(self, world: World, table: Table, name: str) -> None:
        self.table, self.now, self.draw, self.policy = table, 0.0, world.draw, world.policy
        self.calls = hash(name)


def test_what_is_final_stays_so() -> None:
    """Of two requests, one's final failure ends the call, whatever the other one fails with after it."""
    world = World(several("a b c"))
    route = world.route()
    first, second = gone(world.step(route)), gone(route.spare(0.0))
    world.done(route.failed(first, RuntimeError("a bug"), 0.1))
    world.done(route.failed(second, down(), 0.2))
    with pytest.raises(errors.InternalServerError):
        world.step(route)


def test_a_late_word_of_an_earlier_attempt_is_none_of_the_next() -> None:
    """What is told of an attempt that has ended leaves the next one at the same deployment alone."""
    world = World(several("a"), num_retries=1)
    route = world.route()
    first = gone(world.step(route))
    world.done(route.failed(first, down(), 0.0))
    world.step(route)
    world.now = 60.0
    second = gone(world.step(route))
    world.done(route.left(first, 60.0))
    assert world.member("a").running == 1
    world.done(route.worked(second, 60.0, 0.1))
    assert world.member("a").running == 0


def test_who_does_not_wait_is_not_made_to_by_a_cooldown_of_its_own() -> None:
    """``when_busy="raise"`` keeps the waits between rounds, and none that is a cooldown's."""
    world = World(several("a b"), when_busy="raise", num_retries=2)
    failure = down()
    played = world.play({"a": failure, "b": failure})
    assert (played.asked, played.waits, played.error) == (["a", "b"], [], failure)
    lone = World(several("a"), when_busy="raise", num_retries=2)
    assert lone.play({"a": [down(), down()]}).asked == ["a"] * 3


def test_a_share_that_is_too_small_is_none_for_ever() -> None:
    """What only this process's share is too small for is no mistake of the call's."""
    world = World([deployment("a", tpm=1000)], store=Admission(), share=0.01)
    world.table.sharing = away = Shared(None, local=True, clock=lambda: 0.0)
    away.gate.failed(errors.StoreUnavailableError("nobody there"), 0.0)
    long = {"messages": [{"role": "user", "content": "word " * 100}]}
    assert isinstance(world.play(subject=long).error, errors.RouterRateLimitError)
    world.table.sharing = None
    assert world.play(subject=long).error is None


def test_what_is_left_twice_is_left_once() -> None:
    """An interrupt in the middle of leaving is followed by leaving once more: no other call's place is lost by it."""
    world = World(several("a"))
    first, second = world.route(), world.route()
    go, other = gone(world.step(first)), gone(world.step(second))
    go.member.leave(go.number)
    world.done(first.left(go, 0.1))
    assert other.member.running == 1
    world.done(world.table.cool("a", 3.0, 0.2))
    world.now = 4.0
    third = world.route()
    probe = gone(world.step(third))
    probe.member.leave(other.number)
    assert probe.member.probing > world.now
    world.done(third.left(probe, 4.0))
    assert (probe.member.probing, probe.member.running) == (0.0, 0)
