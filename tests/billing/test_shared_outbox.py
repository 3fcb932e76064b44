"""One outbox, many who use it: processes, threads, forks. Each event is sent by one of them, and arrives once."""

from __future__ import annotations

import os
import signal

from ._kills import Place, World, world_of


def ended(world: World, *names: str) -> None:
    """Wait until all of these have ended by themselves."""
    for name in names:
        world.until(lambda name=name: world.said(name, "left"), name)


def test_two_processes_and_eight_threads(place: Place) -> None:
    """All bill at the same time over one outbox: every event is sent once, by one."""
    with world_of(place) as world:
        for name in ("one", "other"):
            world.start(name, "threads", 8, many=4)
        ended(world, "one", "other")
        verdict = world.judge(most_unknown=0)
        sent = world.sent()
    assert verdict.told == verdict.events == 64
    assert len(sent) == 64, "something was sent more than once"


def test_what_a_killed_sender_had_another_sends(place: Place) -> None:
    """Killed with the lane in its hands: while its lease lasts nobody sends; after it, the next process sends all."""
    with world_of(place) as world:
        pid = world.start("killed", "threads", many=2)
        world.until(lambda: len(world.lago.requests) > 3, "posted")
        os.kill(pid, signal.SIGKILL)
        world.start("early", "threads", 1, many=1, close=0.5)
        world.until(lambda: world.said("early", "left"), "early")
        left = next(x for x in world.log.read_text().splitlines() if x.startswith("early left"))
        world.next()
        world.start("late", "threads", 1, many=1)
        ended(world, "late")
        assert world.said("late", "left 0")
        world.judge(most_unknown=2)
    assert left != "early left 0", "the lane was taken from somebody whose lease had not ended"


def test_a_fork_goes_on_with_its_own(place: Place) -> None:
    """Forked after use, parent and children call and bill on: everybody's events arrive, and nobody sends another's."""
    with world_of(place) as world:
        world.start("parent", "forked", 5)
        ended(world, "parent")
        assert world.said("parent", "closing 0 0")
        verdict = world.judge(most_unknown=0)
        sent = world.sent()
    assert verdict.told == verdict.events == 20
    assert len(sent) == 20, "something was sent more than once"
