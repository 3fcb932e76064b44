"""What is memory's own in letting calls in: nothing in it grows without bound, and interrupts do no lasting harm."""

from __future__ import annotations

from typing import Any

import pytest

from llmkit._control.admitting import Admission
from llmkit._operations import Admit, Admitted, Candidate, Cool, Full, Health, Leave, Look, Quota
from llmkit.errors import StoreError, StoreUnavailableError
from llmkit.stores import MemoryStore

NOON = 1_790_000_000_000
WIDTH = 1000
DAY = 86_400_000


def admit(ticket: str, deployment: str = "d", *, lease: int = 60_000, amount: int = 1) -> Admit:
    """Of one deployment with one quota."""
    quota = Quota("tpm", WIDTH, 10**6, amount)
    return Admit(ticket, (Candidate(deployment, (quota,)),), lease)


def rows(admission: Admission) -> Any:
    """What is kept."""
    return admission._rows


def test_buckets_are_forgotten() -> None:
    """A deployment that is used for days keeps a few windows of them."""
    admission = Admission()
    for second in range(1000):
        now = NOON + second * WIDTH
        admission.perform(admit(f"t{second}"), now)
        admission.perform(Leave(f"t{second}"), now)
    counter = rows(admission)._deployments["d"].counters["tpm", WIDTH]
    assert 120 <= len(counter.amounts) <= 181
    assert admission.perform(Look(("d",), (("tpm", WIDTH),)), now).health[0].used == (61,)


def test_tickets_are_forgotten() -> None:
    """Of those who leave, and of those who never do, nothing is kept; nor of those who never came."""
    admission = Admission()
    for number in range(6000):
        now = NOON + number
        admission.perform(admit(f"t{number}", lease=10**9 if number % 2 else 50), now)
        if number % 2:
            admission.perform(Leave(f"t{number}"), now)
        if number % 3 == 0:
            admission.perform(Leave(f"nobody{number}"), now)
    admission.perform(Look(()), now + 60_001)
    assert not rows(admission)._tickets
    assert not rows(admission)._deployments["d"].tickets
    assert len(rows(admission)._leases) <= 6000


def test_leases_do_not_pile_up() -> None:
    """However long they are, those of who has left are dropped now and then."""
    admission = Admission()
    admission.perform(admit("in", lease=10**9), NOON)
    for number in range(5000):
        admission.perform(admit(f"t{number}", lease=10**8), NOON)
        admission.perform(Leave(f"t{number}"), NOON)
    assert len(rows(admission)._leases) < 1100
    assert admission.perform(Look(("d",)), NOON + 10**9 - 1).health[0].running == 1
    assert admission.perform(Look(("d",)), NOON + 10**9).health[0].running == 0


def test_unused_deployments_are_forgotten() -> None:
    """Those with a call, a cooldown, a strike or a quota that counts are not."""
    admission = Admission()
    used = Candidate("used", (Quota("tpd", 100 * WIDTH, 9, 4),))
    admission.perform(admit("in", "in", lease=10**9), NOON)
    admission.perform(Admit("used", (used,), 1), NOON)
    admission.perform(Cool("cooling", DAY, "down"), NOON)
    admission.perform(Cool("struck", 1, "down"), NOON)
    admission.perform(Cool("nobody heard of", 0, "", 0), NOON)
    for number in range(5000):
        admission.perform(admit(f"t{number}", f"d{number}", lease=1), NOON + number * 200)
        admission.perform(Cool(f"e{number}", 1, "", 0), NOON + number * 200)
    assert len(rows(admission)._deployments) < 3100
    found = admission.perform(Look(("in", "cooling", "struck"), (("tpm", WIDTH),)), NOON + 10**6)
    assert found.health == (
        Health("in", running=1, used=(0,)),
        Health("cooling", NOON + DAY, 1, "down", used=(0,)),
        Health("struck", NOON + 1, 1, "down", used=(0,)),
    )
    counted = Look(("used",), (("tpd", 100 * WIDTH),))
    assert admission.perform(counted, NOON + 10**6).health[0].used == (4,)


class InterruptedError_(BaseException):  # noqa: N801 - as a Ctrl-C
    """Comes between any two steps."""


class Interrupting(dict[Any, Any]):
    """A table that is interrupted when it is written."""

    def __setitem__(self, key: Any, value: Any) -> None:
        raise InterruptedError_


def test_an_interrupt_in_the_middle_leaves_no_place_taken() -> None:
    """At worst something was counted in a quota."""
    admission = Admission()
    kept = rows(admission)._tickets
    rows(admission)._tickets = Interrupting()
    with pytest.raises(InterruptedError_):
        admission.perform(admit("t1", amount=5), NOON)
    rows(admission)._tickets = kept
    found = admission.perform(Look(("d",), (("tpm", WIDTH),)), NOON).health[0]
    assert (found.running, found.used) == (0, (5,))
    assert admission.perform(admit("t1", amount=5), NOON) == Admitted(NOON, 0)


def test_a_count_that_is_interrupted_is_counted_or_not() -> None:
    """The sum is that of the buckets, whatever happened."""
    admission = Admission()
    admission.perform(admit("t1", amount=5), NOON)
    counter = rows(admission)._deployments["d"].counters["tpm", WIDTH]
    amounts, counter.amounts = counter.amounts, Interrupting(counter.amounts)
    with pytest.raises(InterruptedError_):
        admission.perform(admit("t2", amount=7), NOON)
    counter.amounts = amounts
    assert admission.perform(admit("t3", amount=7), NOON) == Admitted(NOON, 0)
    found = admission.perform(Look(("d",), (("tpm", WIDTH),)), NOON).health[0]
    assert (found.running, found.used) == (2, (12,))


def test_a_store_in_the_middle_says_so() -> None:
    """A signal's handler that comes into the middle of an operation is not let in; the operation is done."""
    store = MemoryStore()
    inner = store._admission.perform

    def interrupted(operation: Any, now: int) -> Any:
        with pytest.raises(StoreUnavailableError):
            store.perform(Leave("t9"))
        return inner(operation, now)

    store._admission.perform = interrupted  # type: ignore[method-assign]
    assert isinstance(store.perform(admit("t1")), Admitted)
    store._admission.perform = inner  # type: ignore[method-assign]
    assert store.perform(Leave("t1")) is True


def test_an_operation_that_nobody_knows() -> None:
    """Is said to be unknown."""
    with pytest.raises(StoreError, match="performs int"):
        MemoryStore().perform(1)


def test_a_new_ticket_after_its_lease() -> None:
    """It is let in anew, and its first lease's end is not its own."""
    admission = Admission()
    admission.perform(admit("t1", lease=10), NOON)
    assert admission.perform(admit("t1", lease=100), NOON + 10) == Admitted(NOON + 10, 0)
    admission.perform(Leave("t1"), NOON + 11)
    assert admission.perform(admit("t1", lease=1000), NOON + 12) == Admitted(NOON + 12, 0)
    assert admission.perform(Look(("d",)), NOON + 500).health[0].running == 1
    parallel = Admit("t2", (Candidate("d", (), 1),), 10)
    assert admission.perform(parallel, NOON + 500) == Full(NOON + 500, (None,))


def test_looking_whether_there_is_room() -> None:
    """It says what coming would, and takes nothing."""
    admission = Admission()
    asked = Candidate("d", (Quota("tpm", WIDTH, 10, 6),), 2)
    assert [admission.wait(asked, NOON) for _ in range(3)] == [0, 0, 0]
    admission.perform(Admit("t1", (asked,), 100), NOON)
    full = admission.perform(Admit("t2", (asked,), 100), NOON)
    assert (admission.wait(asked, NOON),) == full.waits == (61_000,)
    one = Candidate("d", (), 1)
    assert admission.perform(Look(("d",)), NOON).health[0].running == 1
    assert [admission.wait(one, NOON + 99), admission.wait(one, NOON + 100)] == [None, 0]
    admission.perform(Cool("d", 50, "busy"), NOON + 100)
    assert admission.wait(one, NOON + 101) == 49
