"""The thread that sends: when it wakes, that it survives, that it ends, and that it never runs in circles."""

from __future__ import annotations

import gc
import os
import threading
import time
import weakref
from typing import TYPE_CHECKING

import pytest

from llmkit.billing._bell import Bell
from llmkit.billing._sender import Sender

if TYPE_CHECKING:
    from collections.abc import Callable

LONG = 30.0


class Duties:
    """Counts what it is asked to do, and fails when told to."""

    def __init__(self) -> None:
        self.delivered: list[float] = []
        self.tended = self.ended = self.few = 0
        self.errors: list[Exception | None] = []
        self.outcomes: list[tuple[float, bool] | Exception] = []
        self.done = threading.Event()

    def deliver(self) -> tuple[float, bool]:
        """Deliver, as the next outcome says."""
        self.delivered.append(time.monotonic())
        self.done.set()
        outcome = self.outcomes.pop(0) if self.outcomes else (0.0, False)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def tend(self) -> bool:
        """All else."""
        self.tended += 1
        return False

    def failed(self, error: Exception | None) -> None:
        """Told."""
        self.errors.append(error)
        raise RuntimeError("who is told fails, too")

    def last(self) -> None:
        """The end."""
        self.ended += 1


def sender(
    duties: Duties, *, count: int = 100, seconds: float = LONG, background: bool = True
) -> Sender:
    """A sender that by itself does nothing for long."""
    return Sender(duties, count=count, seconds=seconds, tick=LONG, background=background)


def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait until it holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.002)


def threads() -> list[threading.Thread]:
    """The senders' threads."""
    return [thread for thread in threading.enumerate() if thread.name == "llmkit-billing"]


def test_it_begins_with_the_first_bill_and_is_a_daemon() -> None:
    """No thread is there before anything is to be sent; the one that is then keeps no process alive."""
    before = len(threads())
    one = sender(Duties())
    assert not one.runs
    assert not one.begun
    one.wake()
    assert one.runs
    assert one.begun
    assert len(threads()) == before + 1
    assert threads()[-1].daemon
    one.stop(5)
    assert not one.runs


def test_enough_bills_wake_it_at_once() -> None:
    """As many as were asked for are sent without waiting for their age, one fewer are not."""
    duties = Duties()
    one = sender(duties, count=5)
    for _ in range(4):
        one.wake()
    assert not duties.done.wait(0.1)
    one.wake()
    assert duties.done.wait(5)
    one.stop(5)


def test_a_few_bills_are_sent_when_they_have_an_age() -> None:
    """The first of them sets the time; later ones do not put it off."""
    duties = Duties()
    one = sender(duties, seconds=0.2)
    begun = time.monotonic()
    while not duties.delivered:
        one.wake()
        time.sleep(0.01)
        assert time.monotonic() < begun + 5
    assert 0.15 < duties.delivered[0] - begun < 4
    one.stop(5)


def test_a_rest_is_kept_however_often_it_is_woken() -> None:
    """After a round that asks for a rest, no number of bills brings the next one about before its end."""
    duties = Duties()
    duties.outcomes = [(0.3, True)]
    one = sender(duties, count=1)
    one.wake()
    until(lambda: len(duties.delivered) == 1)
    for _ in range(50):
        one.wake(100)
        time.sleep(0.002)
    until(lambda: len(duties.delivered) == 2)
    assert duties.delivered[1] - duties.delivered[0] >= 0.29
    one.stop(5)


def test_what_is_left_is_tried_again_without_anybody_ringing() -> None:
    """A round that leaves bills is followed by another after its rest, and the last by none."""
    duties = Duties()
    duties.outcomes = [(0.02, True), (0.02, True), (0.0, False)]
    one = sender(duties, count=1)
    one.wake()
    until(lambda: len(duties.delivered) == 3)
    time.sleep(0.1)
    assert len(duties.delivered) == 3
    one.stop(5)


def test_it_survives_whatever_fails_and_rests_longer_each_time() -> None:
    """An exception ends no thread and makes no circle: it is told, even to who fails himself, and tried again."""
    duties = Duties()
    duties.outcomes = [ValueError("one"), ValueError("two"), (0.0, False)]
    one = sender(duties, count=1)
    one.wake()
    until(lambda: len(duties.delivered) == 3)
    first, second, third = duties.delivered
    assert second - first >= 0.49
    assert third - second >= 0.99
    until(lambda: len(duties.errors) == 3)
    assert [str(error) for error in duties.errors] == ["one", "two", "None"]
    assert one.runs
    one.stop(5)


def test_a_call_does_other_work_and_sends_nothing() -> None:
    """Something else that is due wakes it, too, and no request is made for it."""
    duties = Duties()
    one = sender(duties)
    one.call()
    until(lambda: duties.tended == 1)
    assert not duties.delivered
    assert not one.begun
    one.stop(5)


def test_without_background_there_is_no_thread() -> None:
    """Who sends by hand only gets no thread, whatever rings."""
    before = len(threads())
    one = sender(Duties(), count=1, background=False)
    one.wake(500)
    one.call()
    assert one.begun
    assert not one.runs
    assert len(threads()) == before


def test_nobody_who_lets_go_of_it_leaves_a_thread_behind() -> None:
    """A sender that is let go of is collected; its thread does the last, once, and ends."""
    duties = Duties()
    one = sender(duties)
    one.wake()
    thread, gone = one._thread, weakref.ref(one)
    assert thread is not None
    del one
    gc.collect()
    assert gone() is None
    thread.join(5)
    assert not thread.is_alive()
    assert duties.ended == 1


def test_stopped_it_begins_again_with_the_next_bill() -> None:
    """What was stopped does no last round; a later bill begins another thread, and the old one stays ended."""
    duties = Duties()
    one = sender(duties, count=1)
    one.wake()
    until(lambda: len(duties.delivered) == 1)
    old = one._thread
    one.stop(5)
    assert duties.ended == 0
    one.wake()
    until(lambda: len(duties.delivered) == 2)
    assert old is not None
    assert not old.is_alive()
    assert one.runs
    one.stop(5)


def test_stopping_does_not_wait_longer_than_it_may() -> None:
    """A thread in the middle of a long request is left to itself; it ends behind it."""
    duties = Duties()
    hold = threading.Event()
    duties.tend = lambda: not hold.wait(10)  # type: ignore[method-assign]
    one = sender(duties)
    one.call()
    until(lambda: one.runs)
    thread = one._thread
    begun = time.monotonic()
    one.stop(0.05)
    assert time.monotonic() - begun < 8
    hold.set()
    assert thread is not None
    thread.join(5)
    assert not thread.is_alive()


def test_many_threads_begin_one() -> None:
    """However many ring first, one thread is begun."""
    before = len(threads())
    one = sender(Duties(), count=10_000)
    ready = threading.Barrier(8)

    def ring() -> None:
        ready.wait()
        for _ in range(100):
            one.wake()

    ringers = [threading.Thread(target=ring) for _ in range(8)]
    for ringer in ringers:
        ringer.start()
    for ringer in ringers:
        ringer.join()
    assert len(threads()) == before + 1
    assert one._bell._waiting == 800
    one.stop(5)


def test_a_process_that_is_ending_begins_no_thread_and_does_not_fail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where the interpreter begins no more threads, waking says nothing of it: the end sends what is left."""

    def refused(self: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    one = sender(Duties(), count=1)
    monkeypatch.setattr(threading.Thread, "start", refused)
    one.wake()
    assert not one.runs
    assert one.begun


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_hidden_fork_gets_a_thread_of_its_own() -> None:
    """A copied process that nobody told of it does not believe in its parent's thread, nor in what it was rung for."""
    duties = Duties()
    one = sender(duties, count=10)
    one.wake(3)
    pid = os.fork()
    if pid == 0:
        one.wake(1)
        good = one.runs and one._bell._waiting == 1
        os._exit(0 if good else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert one.runs
    one.stop(5)


def test_ringing_is_quick() -> None:
    """Who writes bills is not held up: ringing takes microseconds."""
    bell = Bell(10**9, LONG)
    begun = time.thread_time()
    for _ in range(1000):
        bell.ring()
    assert (time.thread_time() - begun) / 1000 < 0.001


def test_threads_that_were_ended_leave_nothing() -> None:
    """Who closes after each piece of work does not gather what ended threads were watched by."""
    one = sender(Duties(), count=10_000)
    one.wake()
    one.stop(5)
    before = len(weakref.finalize._registry)  # type: ignore[attr-defined]
    for _ in range(20):
        one.wake()
        one.stop(5)
    assert len(weakref.finalize._registry) <= before  # type: ignore[attr-defined]
