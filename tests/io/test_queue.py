"""The line in front of a router's deployments: who looks first, what passes on, and that nothing is ever lost."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import pytest
import trio

from llmkit._io._queue import FairQueue, Turn


class Room:
    """Places that are counted elsewhere, as a router's admission does it."""

    def __init__(self, places: int) -> None:
        self.places, self.most, self.inside = places, 0, 0
        self.queue = FairQueue()
        self.order: list[Any] = []
        self.looks = 0
        self._lock = threading.Lock()

    def enter(self, who: Any = None) -> bool:
        """Take a place, if there is one."""
        with self._lock:
            self.looks += 1
            if self.inside >= self.places:
                return False
            self.inside += 1
            self.most = max(self.most, self.inside)
            self.order.append(who)
            return True

    def leave(self) -> None:
        """Give it back, and tell the first in line."""
        with self._lock:
            self.inside -= 1
        self.queue.wake()

    def idle(self) -> bool:
        """Whether nobody stands in line or is looking."""
        queue = self.queue
        live = [e for e in (*queue._line, *queue._tried) if e[-1].entry is e]
        return not queue._looking and not live

    def waiting(self) -> int:
        """How many stand in line."""
        queue = self.queue
        return sum(1 for e in (*queue._line, *queue._tried) if e[-1].entry is e)


def come(room: Room, priority: float) -> tuple[Turn, bool]:
    """A newcomer's turn, and whether it may look before it waits."""
    seen = room.queue.news
    crowded = room.queue.crowded(priority)
    return room.queue.turn(priority, None if crowded else seen), not crowded


def visit(room: Room, who: Any = None, priority: float = 0, wait: float = 20.0) -> bool:
    """Go in, waiting in line; whether there was room in time."""
    turn, may_look = come(room, priority)
    until = time.monotonic() + wait
    took = False
    try:
        while not (took := may_look and room.enter(who)) and time.monotonic() < until:
            turn.acquire(until)
            may_look = True
    finally:
        turn.leave(took=took)
    return took


async def avisit(room: Room, who: Any = None, priority: float = 0, wait: float = 20.0) -> bool:
    """``visit`` for async code."""
    turn, may_look = come(room, priority)
    until = time.monotonic() + wait
    took = False
    try:
        while not (took := may_look and room.enter(who)) and time.monotonic() < until:
            await turn.aacquire(until)
            may_look = True
    finally:
        turn.leave(took=took)
    return took


def started(work: Callable[[], Any], room: Room, line: int) -> threading.Thread:
    """A thread that is seen to stand in line, as the last of so many."""
    thread = threading.Thread(target=work)
    thread.start()
    end = time.monotonic() + 5
    while room.waiting() < line and time.monotonic() < end:
        time.sleep(0.001)
    return thread


async def stood(room: Room, line: int) -> None:
    """Wait until so many stand in line."""
    for _ in range(2000):
        if room.waiting() >= line:
            return
        await anyio.sleep(0.001)


def test_the_lowest_number_first_and_first_come_within_one() -> None:
    """Threads of three priorities get in by their number, and those of one in the order in which they came."""
    room = Room(1)
    assert visit(room, "first")
    threads = []

    def work(who: tuple[int, int]) -> None:
        assert visit(room, who, who[0])
        room.leave()

    came = [(2, 0), (0, 0), (1, 0), (0, 1), (2, 1), (1, 1), (0, 2)]
    for number, who in enumerate(came):
        threads.append(started(functools.partial(work, who), room, number + 1))
    room.leave()
    for thread in threads:
        thread.join(5)
    assert room.order[1:] == sorted(came)
    assert room.idle()


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_tasks_wait_in_order(loop: str) -> None:
    """The same holds for tasks."""
    room = Room(1)

    async def work(who: tuple[int, int]) -> None:
        assert await avisit(room, who, who[0])
        room.leave()

    async def main() -> None:
        assert await avisit(room)
        async with anyio.create_task_group() as tasks:
            for number, who in enumerate([(1, 0), (0, 0), (1, 1), (0, 1)]):
                tasks.start_soon(work, who)
                await stood(room, number + 1)
            room.leave()

    anyio.run(main, backend=loop)
    assert room.order[1:] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert room.idle()


def test_threads_and_both_loops_stand_in_one_line() -> None:
    """Nobody is forgotten, and never are more inside than there are places."""
    room = Room(3)

    def thread() -> int:
        done = 0
        for number in range(40):
            if visit(room, priority=number % 3):
                time.sleep(0.0005)
                room.leave()
                done += 1
        return done

    async def many() -> int:
        done = 0

        async def one(number: int) -> None:
            nonlocal done
            assert await avisit(room, priority=number % 3)
            await anyio.sleep(0.0005)
            room.leave()
            done += 1

        async with anyio.create_task_group() as tasks:
            for number in range(60):
                tasks.start_soon(one, number)
        return done

    works = [
        thread,
        thread,
        lambda: anyio.run(many, backend="asyncio"),
        lambda: anyio.run(many, backend="trio"),
    ]
    with ThreadPoolExecutor(4) as threads:
        done = [future.result(20) for future in [threads.submit(work) for work in works]]
    assert done == [40, 40, 60, 60]
    assert room.most <= 3
    assert room.idle()


def test_who_has_no_use_for_it_lets_the_next_look() -> None:
    """The first in line may not have what came free: the second does, and the first keeps its place."""
    queue = FairQueue()
    first, second = queue.turn(0, queue.news), queue.turn(0, queue.news)
    told: list[str] = []
    later = time.monotonic() + 60
    assert not queue.enter(first, lambda: told.append("first"), later)
    assert not queue.enter(second, lambda: told.append("second"), later)
    queue.wake()
    assert told == ["first"]
    assert not queue.enter(first, lambda: told.append("first"), later)
    assert told == ["first", "second"]
    second.leave(took=True)
    queue.wake()
    assert told == ["first", "second", "first"]
    first.leave()
    queue.wake()
    assert len(told) == 3


def test_news_that_came_while_somebody_looked_is_not_lost() -> None:
    """A call leaves after the look and before the wait: there is no wait."""
    queue = FairQueue()
    turn = queue.turn(0, queue.news)
    queue.wake()
    begun = time.monotonic()
    turn.acquire(begun + 5)
    assert time.monotonic() - begun < 1
    turn.leave()
    assert not queue._looking


def test_a_newcomer_stands_behind_who_is_looking() -> None:
    """Between a call's leaving and the first one's look nobody slips in."""
    room = Room(1)
    assert visit(room, "inside")
    queue = room.queue
    first = queue.turn(0, queue.news)
    assert not queue.enter(first, bool, time.monotonic() + 60)
    room.leave()
    assert queue.crowded(0)
    assert not queue.crowded(-1)
    newcomer = started(lambda: visit(room, "newcomer", wait=5), room, 1)
    assert room.enter("first")
    first.leave(took=True)
    newcomer.join(0.05)
    assert room.order == ["inside", "first"]
    room.leave()
    newcomer.join(5)
    assert room.order == ["inside", "first", "newcomer"]


def test_those_whose_time_has_come_look_in_order() -> None:
    """Room that comes with time (a minute's limit) goes to the first in line, not to whose clock is quickest."""
    room = Room(0)
    opens = time.monotonic() + 0.15

    def work(who: tuple[int, int]) -> None:
        turn, _ = come(room, who[0])
        # Those behind are told a slightly earlier time: a clock's noise is no advantage.
        turn.acquire(opens - who[1] * 0.0003)
        with room._lock:
            room.order.append(who)
        time.sleep(0.002)
        turn.leave(took=True)

    came = [(1, 0), (0, 1), (1, 2), (0, 3), (0, 4)]
    threads = [started(functools.partial(work, who), room, n + 1) for n, who in enumerate(came)]
    for thread in threads:
        thread.join(5)
    assert room.order == sorted(came)
    assert room.idle()


def test_who_was_told_a_later_time_is_left_alone() -> None:
    """A time that has come for one is no reason for another to look, who waits for more."""
    queue = FairQueue()
    told: list[str] = []
    far = queue.turn(0, queue.news)
    assert not queue.enter(far, lambda: told.append("far"), time.monotonic() + 60)
    near = queue.turn(0, queue.news)
    begun = time.monotonic()
    near.acquire(begun + 0.05)
    assert 0.04 < time.monotonic() - begun < 0.2
    near.leave()
    assert told == []
    queue.wake()
    assert told == ["far"]
    far.leave()


def test_nobody_waits_for_ever_for_one_who_looks() -> None:
    """Whoever takes long to look (its store does not answer) holds up those behind for a moment only."""
    queue = FairQueue()
    slow = queue.turn(0, queue.news)
    assert not queue.enter(slow, bool, time.monotonic() + 60)
    queue.wake()
    quick = queue.turn(0, queue.news)
    begun = time.monotonic()
    quick.acquire(begun + 0.05)
    assert 0.2 < time.monotonic() - begun < 2

    async def main() -> None:
        other = queue.turn(0, queue.news)
        begun = time.monotonic()
        await other.aacquire(begun + 0.05)
        assert 0.2 < time.monotonic() - begun < 2
        other.leave()

    anyio.run(main)
    quick.leave()
    slow.leave()
    assert not queue._looking


def test_a_deadline_is_kept_and_raises_nothing() -> None:
    """Without news, waiting ends with the deadline, in both colours, and the turn is out of line once it left."""
    room = Room(0)
    begun = time.monotonic()
    assert not visit(room, wait=0.05)
    assert not anyio.run(lambda: avisit(room, wait=0.05))
    assert 0.1 <= time.monotonic() - begun < 2
    assert room.idle()


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_cancelled_in_the_moment_of_the_news(loop: str) -> None:
    """A task that is cancelled when it was told, but before it knows, passes it on."""
    room = Room(1)

    async def main() -> None:
        assert await avisit(room)
        async with anyio.create_task_group() as tasks:
            first = anyio.CancelScope()

            async def doomed() -> None:
                with first:
                    await avisit(room, "doomed")

            tasks.start_soon(doomed)
            await stood(room, 1)
            tasks.start_soon(avisit, room, "second")
            await stood(room, 2)
            room.leave()
            first.cancel()

    anyio.run(main, backend=loop)
    assert room.order == [None, "second"]
    assert room.idle()


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_many_cancellations_lose_nothing(loop: str) -> None:
    """Half of those in line are cancelled at any moment; the others all get in, one after the other."""
    room = Room(1)
    done = 0

    async def one(number: int) -> None:
        nonlocal done
        with anyio.move_on_after(0.002 * (number % 7)) if number % 2 else contextlib.nullcontext():
            assert await avisit(room, number)
            try:
                await anyio.sleep(0.0003)
            finally:
                room.leave()
            done += 1

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for number in range(120):
                tasks.start_soon(one, number)

    with_in = time.monotonic()
    anyio.run(main, backend=loop)
    assert done >= 60
    assert time.monotonic() - with_in < 5
    assert room.inside == 0
    assert room.idle()


@pytest.mark.parametrize("library", ["asyncio", "trio"])
def test_a_loop_that_has_ended_is_passed_over(library: str) -> None:
    """Who waited on a loop that is closed is not waited for: the next is told."""
    queue = FairQueue()
    dead = queue.turn(0, queue.news)

    def gone(_: Any = None) -> None:
        raise (trio.RunFinishedError if library == "trio" else RuntimeError)("closed")

    told: list[int] = []
    later = time.monotonic() + 60
    queue.enter(dead, gone, later)
    queue.enter(queue.turn(0, queue.news), lambda: told.append(1), later)
    queue.wake()
    assert told == [1]
    assert len(queue._looking) == 1


def test_a_closed_asyncio_loop() -> None:
    """The real thing: a task that is left behind in a loop which was closed."""
    room = Room(1)
    assert visit(room)
    loop = asyncio.new_event_loop()
    waiting = avisit(room, "dead")
    task = loop.create_task(waiting)
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.close()
    thread = started(lambda: visit(room, "alive", wait=5), room, 2)
    room.leave()
    thread.join(5)
    assert room.order == [None, "alive"]
    with contextlib.suppress(RuntimeError):
        waiting.close()
    del task


class _Stop(BaseException):
    """Ctrl-C."""


def test_an_interrupt_while_somebody_is_woken() -> None:
    """Ctrl-C comes in while the first in line is told: it is told all the same, and the interrupt goes on."""
    queue = FairQueue()
    told: list[int] = []

    def wake() -> None:
        told.append(1)
        if len(told) == 1:
            raise _Stop

    queue.enter(queue.turn(0, queue.news), wake, time.monotonic() + 60)
    queue.enter(queue.turn(0, queue.news), lambda: told.append(2), time.monotonic() + 60)
    with pytest.raises(_Stop):
        queue.wake()
    assert told[:2] == [1, 1]
    assert queue._looking


def test_entries_of_those_who_left_do_not_pile_up() -> None:
    """A thousand come and go behind one who stays: the line does not keep them."""
    queue = FairQueue()
    stays = queue.turn(0, queue.news)
    queue.enter(stays, bool, time.monotonic() + 60)
    for _ in range(1000):
        turn = queue.turn(0, queue.news)
        queue.enter(turn, bool, time.monotonic() + 60)
        turn.leave()
    assert len(queue._line) + len(queue._tried) < 200
    told: list[int] = []
    stays.wake = lambda: told.append(1)
    queue.wake()
    assert told == [1]


def test_a_fork_forgets_who_waited() -> None:
    """In a forked process nobody stands in line: those threads are not there."""
    queue = FairQueue()
    queue.enter(queue.turn(0, queue.news), bool, time.monotonic() + 60)
    queue.forget()
    told: list[int] = []
    queue.enter(queue.turn(0, queue.news), lambda: told.append(1), time.monotonic() + 60)
    queue.wake()
    assert told == [1]
