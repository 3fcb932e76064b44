"""A router that is changed, or forked, while calls are out."""

from __future__ import annotations

import sys
import threading
from typing import Any

import pytest

from llmkit import errors
from llmkit._control.routing.wanted import Wanted
from llmkit._io._clock import SYSTEM_CLOCK
from llmkit._operations import Leave
from llmkit.budget import Budget, BudgetManager
from llmkit.events import Diverted
from llmkit.stores import MemoryStore
from llmkit.testing import Cut

from ..io._colour import Seen
from ._kit import ASK, answering, deployment, idle, key_of, places, router

A, B = deployment("a", order=1), deployment("b", order=2, model="openai/gpt-4o")


def test_a_call_that_was_out_does_not_bring_back_a_key_that_was_changed() -> None:
    """Whoever was on the way while a key is exchanged goes on with the old one, and nobody after."""
    made = router(A, B)

    def fails_while_it_is_changed(sent: Any) -> Any:
        made.upsert_deployment(deployment("b", order=2, api_key=key_of("z")))
        return 500

    with answering(a=fails_while_it_is_changed, b="hello", z="hello") as answers:
        made.completion("g", ASK)
        made.completion("g", ASK)
    assert answers.asked == ["a", "b", "z"]


def test_deployments_are_changed_by_many_threads_while_others_look() -> None:
    """No change is lost, and nobody sees half of one."""
    made = router(A)
    failures: list[BaseException] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            made.deployments(), made.get_model_list(), made.route("g")

    def change(name: str) -> None:
        for number in range(25):
            made.add_deployment(deployment(f"{name}{number}"))

    def safely(run: Any, *args: Any) -> None:
        try:
            run(*args)
        except BaseException as error:  # noqa: BLE001 - shown below
            failures.append(error)

    looking = threading.Thread(target=safely, args=(look,))
    changing = [threading.Thread(target=safely, args=(change, name)) for name in "xyz"]
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for one in (looking, *changing):
            one.start()
        for one in changing:
            one.join()
        done.set()
        looking.join()
    finally:
        sys.setswitchinterval(usual)
    assert failures == []
    assert len(made.deployments()) == 1 + 3 * 25


def test_a_deployment_that_is_let_go_while_a_call_is_out() -> None:
    """The call ends as it would, also where it fails, and goes on to who is there by then or was when it began."""
    made = router(deployment("a", order=1, max_parallel_requests=1), B)

    def goes(sent: Any) -> Any:
        made.delete_deployment("a")
        return 500

    with answering(a=goes, b="hello") as answers:
        made.completion("g", ASK)
    assert answers.asked == ["a", "b"]
    assert [one.id for one in made.deployments()] == ["b"]
    assert idle(made)


def test_a_wildcards_group_of_before_is_not_kept() -> None:
    """Who fills in a wildcard while its deployments change keeps nothing of what was."""
    made = router(deployment("a", "openai/*", "openai/*"))
    table = made._table
    pattern, fill = table.names.find("openai/gpt-4o")
    made.set_model_list([deployment("b", "openai/*", "openai/*")])
    assert fill is not None
    stale = table._fill(pattern, "openai/gpt-4o", fill)
    assert stale.members[0].id.startswith("a:")
    assert table.find("openai/gpt-4o").members[0].id.startswith("b:")


def test_limits_that_change_while_a_store_is_asked() -> None:
    """What a store says is understood as it was asked for."""
    store = MemoryStore()
    made = router(
        deployment("a", rpm=5, rpd=9), store=store, routing_strategy="usage-based-routing"
    )
    route = made._route("x", 60.0, made._policy, Wanted("g"), {})
    ask: Any = route.next(0.0)
    told = store.perform(ask.operation)
    made.update_settings(enforce_limits=False)
    route.answered(told, 0.0)
    assert made._table.members[0].used == {"rpm": 0, "tpm": 0, "rpd": 0}


def test_settings_that_change_are_heeded(seen: Seen) -> None:
    """What may be set may be changed: what is done while a store is away, how often is checked, when is hedged."""

    class Store(MemoryStore):
        away = False

        def perform(self, operation: Any, /) -> Any:
            if self.away:
                raise errors.StoreUnavailableError("away")
            return super().perform(operation)

    store = Store()
    made = router(deployment("a", rpm=5), store=store, callbacks=[seen])
    store.away = True
    with answering(a="hello"):
        with pytest.raises(errors.RouterUnavailableError):
            made.completion("g", ASK)
        made.update_settings(when_store_lost="local")
        made.completion("g", ASK)
        made.update_settings(when_store_lost="closed")
        with pytest.raises(errors.RouterUnavailableError):
            made.completion("g", ASK)


def test_checks_in_the_background_are_begun_and_ended() -> None:
    """``health_check_interval`` may be changed at any time."""
    made = router(A)
    assert made._stop is None
    made.update_settings(health_check_interval=3600)
    first = made._stop
    assert first is not None
    made.update_settings(num_retries=1)
    assert made._stop is first
    made.update_settings(health_check_interval=1800)
    assert first.is_set()
    assert made._stop is not None
    second: Any = made._stop
    made.close()
    assert second.is_set()


def test_what_a_hedge_has_seen_stays() -> None:
    """Settings that have nothing to do with it forget nothing of what deployments take."""
    made = router(A, hedge={"quantile": 0.9})
    before = made._hedging
    made.update_settings(num_retries=1)
    assert made._hedging is before
    made.update_settings(hedge={"quantile": 0.5})
    assert made._hedging is not before


@pytest.mark.parametrize(
    "wrong", [{"fallbacks": [{"g": ["z"]}]}, {"model_group_alias": {"x": "z"}}]
)
def test_settings_that_name_nobody_change_nothing(wrong: dict[str, Any]) -> None:
    """A fallback or an alias that names nobody is refused, as where a router is made."""
    made = router(A, B, num_retries=1)
    before = made.get_settings()
    with pytest.raises(errors.ConfigurationError, match="group is called 'z'"):
        made.update_settings(num_retries=2, **wrong)
    assert made.get_settings() == before
    assert made._policy.retries == 1


def test_who_writes_on_is_not_in_line_any_more() -> None:
    """A stream that waited for a place to go on lets those behind look, while it is read."""
    full = deployment("b", order=2, model="openai/gpt-4o", max_parallel_requests=1)
    made = router(A, full, clock=SYSTEM_CLOCK, continue_streams=True)
    goes_on, checked = threading.Event(), threading.Event()
    with answering(a=Cut("one two three", after=2), b="four five six"):
        held = made.completion("b", ASK, stream=True)

        def read() -> None:
            for chunk in made.completion("g", ASK, stream=True):
                if "four" in str(chunk.text):
                    goes_on.set()
                    checked.wait(5)

        reading = threading.Thread(target=read)
        reading.start()
        while not made._line._tried:
            reading.join(0.005)
        held.close()
        assert goes_on.wait(5)
        assert made._line._looking == {}
        checked.set()
        reading.join()
    assert idle(made)


def test_tickets_of_a_call_are_never_named_twice() -> None:
    """Where a budget wants another group, what a store is told late of the place before is of that place."""
    tickets: list[str] = []

    class Store(MemoryStore):
        def perform(self, operation: Any, /) -> Any:
            if isinstance(operation, Leave):
                tickets.append(operation.ticket)
            return super().perform(operation)

    cheap = deployment("c", "cheap", "groq/llama-3.1-8b-instant", rpm=9)
    budget = Budget("0.01", "1d", fallbacks={0.001: "groq/llama-3.1-8b-instant"})
    seen = Seen()
    manager = BudgetManager(budgets=[budget])
    made = router(deployment("a", rpm=9), cheap, store=Store(), budget=manager, callbacks=[seen])
    with answering(c="hello"):
        made.completion("g", ASK, max_tokens=5)
    assert seen.of(Diverted)
    assert len(set(tickets)) == len(tickets) == 2


def test_a_forked_process_has_no_calls_on_their_way() -> None:
    """Calls that were out are the parent's, and so is who has the lock: a copy begins with all places free."""
    made = router(deployment("a", max_parallel_requests=1))
    with answering(a="one two three"):
        stream = made.completion("g", ASK, stream=True)
        assert places(made) == [1]
        made._table.lock.acquire()  # type: ignore[attr-defined]
        made._after_fork()
        assert places(made) == [0]
        assert made.completion("g", ASK).text
        stream.close()
    assert places(made) == [0]
