"""``llmkit.map``: order, prompts, errors of rows, budgets, functions, frames; in both colours."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import trio

import llmkit
from llmkit import MapProgress
from llmkit.errors import (
    BadRequestError,
    BudgetExceededError,
    ConfigurationError,
    InvalidRequestError,
    MissingKeyError,
    UnboundedCostError,
    UnsupportedParamsError,
)
from llmkit.testing import faults

from .conftest import KEY, MODEL

if TYPE_CHECKING:
    from llmkit import Client
    from llmkit.testing import Simulator

Ask = dict[str, Any]


@pytest.fixture(autouse=True)
def interrupts_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """One in a finalizer is lost, as Ctrl-C's is, and comes again; one within ``socket.create_connection`` leaves its
    socket to the collector, since nobody else has it yet.
    """
    before = sys.unraisablehook

    def hook(seen: Any) -> None:
        if not issubclass(seen.exc_type, KeyboardInterrupt | ResourceWarning):
            before(seen)

    monkeypatch.setattr(sys, "unraisablehook", hook)


def said(simulator: Simulator) -> list[str]:
    """The prompts that were sent, in alphabetical order: several are on their way at a time."""
    return sorted(str(request.json()["messages"][-1]["content"]) for request in simulator.requests)


def test_results_are_in_the_rows_order(ask: Ask, simulator: Simulator) -> None:
    """However the answers come; each row has its result, its cost and its text."""
    simulator.fail(faults.SlowStart(0.1))
    rows = [{"text": name} for name in "abcde"]
    results = llmkit.map(rows, "Say {text}", concurrency=3, **ask)
    assert [row.text and row.text[-1] for row in results] == list("abcde")
    assert said(simulator) == [f"Say {name}" for name in "abcde"]
    assert results.errors == [] == results.unknown
    assert results.cost.total == results.known_cost == sum(row.cost.total or 0 for row in results)
    assert results.known_cost > 0


@pytest.mark.parametrize("run", [asyncio.run, lambda made: trio.run(lambda: made)])
def test_the_same_awaited(ask: Ask, run: Any) -> None:
    """On asyncio and on trio."""
    results = run(llmkit.amap(["a", "b", "c"], "Say {row}", concurrency=2, **ask))
    assert [row.text and row.text[-1] for row in results] == ["a", "b", "c"]
    assert results.cost.known


def test_a_map_within_a_running_loop(ask: Ask) -> None:
    """As in a notebook's cell: nothing is patched."""

    async def cell() -> Any:
        return llmkit.map(["a", "b"], "Say {row}", **ask)

    assert len(asyncio.run(cell()).texts) == 2


@pytest.mark.parametrize(
    ("template", "row", "content"),
    [
        ("Say {text}", {"text": "hi"}, "Say hi"),
        ("{{text}} is {text}", {"text": "hi"}, "{text} is hi"),
        ('As {"a": 1}: {text}', {"text": "{other}"}, 'As {"a": 1}: {other}'),
        ("{n} of {d}", {"n": 3, "d": {"é": [1]}}, '3 of {"é": [1]}'),
        ("{n}", {"n": 3}, "3"),
        ("{row}!", "hi", "hi!"),
    ],
)
def test_prompts_are_filled(
    ask: Ask, simulator: Simulator, template: str, row: Any, content: str
) -> None:
    """A row's values are never read as templates, and braces that are no gaps are text."""
    llmkit.map([row], template, **ask)
    assert said(simulator) == [content]


def test_messages_and_arguments_have_gaps_too(ask: Ask, simulator: Simulator) -> None:
    """A list of messages, or a dict of arguments of any call."""
    messages = [
        {"role": "system", "content": "In {tongue}."},
        {"role": "user", "content": "{text}"},
    ]
    llmkit.map([{"tongue": "French", "text": "cat"}], messages, **ask)
    assert simulator.requests[0].json()["messages"][0]["content"] == "In French."
    how = {"client": ask["client"], "progress": False, "model": "openai/text-embedding-3-small"}
    made = llmkit.map([{"t": ["a", "b"]}], {"input": "{t}"}, call="embedding", **how)
    assert len(made[0].value.data) == 2
    by_method = llmkit.map(["a"], ask["client"].embedding, model=how["model"], progress=False)
    assert len(by_method[0].value.vectors) == 1


def test_a_row_keeps_its_error(ask: Ask, simulator: Simulator) -> None:
    """Typed, beside the others; nothing is raised, unless it is asked for."""
    simulator.fail(None, faults.Status(400))
    results = llmkit.map(["a", "b", None, "d"], "Say {row}", concurrency=1, **ask)
    assert [type(row.error) for row in results] == [
        type(None), BadRequestError, InvalidRequestError, type(None),
    ]  # fmt: skip
    assert [row.number for row in results.errors] == [1, 2]
    assert results.values[1] is None
    assert results.cost.total == results.known_cost
    with pytest.raises(BadRequestError):
        _ = results[1].value
    with pytest.raises(ExceptionGroup, match="2 of 4 rows failed"):
        results.raise_errors()


def test_the_first_error_can_end_it(ask: Ask, simulator: Simulator) -> None:
    """``raise_errors``: the others are stopped, and what is left is not asked."""
    simulator.fail(faults.Status(400), *[faults.SlowStart(30)] * 5)
    with pytest.raises(BadRequestError):
        llmkit.map(list("abcdefgh"), "Say {row}", concurrency=3, raise_errors=True, **ask)
    assert len(simulator.requests) <= 4


@pytest.mark.parametrize(
    ("rows", "what", "more", "match"),
    [
        ("text", "Say {row}", {}, "not one str"),
        ({"a": 1}, "Say {row}", {}, "not one dict"),
        (3, "Say {row}", {}, "not int"),
        ([{"text": "a"}], "Say {txt}", {}, "did you mean {text}"),
        (["a"], None, {}, "needs a prompt"),
        (["a"], 3, {}, "not int"),
        (["a"], "Say {row}", {"call": "no_such_call"}, "no call"),
        (["a"], "Say {row}", {"call": "_run"}, "no call"),
        (["a"], "Say {row}", {"concurrency": 0}, "concurrency"),
        (["a"], "Say {row}", {"unknown": "maybe"}, "unknown is"),
        (["a"], "Say {row}", {"budget": "much"}, "budget is an amount"),
        (["a"], "Say {row}", {"progress": 3}, "progress is"),
        (["a"], "Say {row}", {"stream": True}, "stream"),
        (["a"], "Say {row}", {"client": "mine"}, "client is"),
        (["a"], "Say {row}", {"model": None}, "model"),
        (["a"], "Say {row}", {"model": "nonsense/x", "client": None}, "nonsense"),
    ],
)
def test_mistakes_are_told_before_anything_is_sent(
    ask: Ask, simulator: Simulator, rows: Any, what: Any, more: Ask, match: str
) -> None:
    """Each says what to change."""
    with pytest.raises(ConfigurationError, match=match):
        llmkit.map(rows, what, **{**ask, **more})
    assert simulator.requests == []


def test_what_is_wrong_with_all_rows_is_raised(
    ask: Ask, simulator: Simulator, tmp_path: Any
) -> None:
    """A parameter that nobody knows, a key that is not there: not an error of each row."""
    with pytest.raises(UnsupportedParamsError, match="temperature"):
        llmkit.map(["a", "b"], "Say {row}", temprature=1, **ask)
    keyless = llmkit.Client(environ={})
    with pytest.raises(MissingKeyError):
        llmkit.map(["a", "b"], "Say {row}", checkpoint=tmp_path / "x", **{**ask, "client": keyless})
    results = llmkit.map(["a", "b"], "Say {row}", checkpoint=tmp_path / "y", **ask)
    assert (results.errors, results.unknown) == ([], [])
    assert len(simulator.requests) == 2


def test_an_async_function_needs_amap(ask: Ask) -> None:
    """And says so."""

    async def function(row: str) -> str:
        return row

    with pytest.raises(ConfigurationError, match=r"await llmkit\.amap"):
        llmkit.map(["a"], function)
    assert asyncio.run(llmkit.amap(["a"], function)).values == ["a"]


def test_a_plan_sends_nothing(ask: Ask, simulator: Simulator) -> None:
    """``dry_run`` says what there is to do, and what it can cost."""
    plan = llmkit.map(["a", "b", None], "Say {row}", dry_run=True, **ask)
    assert (plan.rows, plan.kept, plan.to_do, len(plan.errors)) == (3, 0, 2, 1)
    one = ask["client"].cost_bound(MODEL, [{"role": "user", "content": "Say a"}], max_tokens=20)
    assert plan.bound.known
    assert plan.bound.total == 2 * one.total
    assert str(plan).startswith("3 rows: 0 in the checkpoint, 2 to do, $0.0")
    assert simulator.requests == []


def test_a_budget_is_kept_before_anything_is_sent(ask: Ask, simulator: Simulator) -> None:
    """The bound of all rows is compared with it; a bound that nobody knows is refused."""
    plan = llmkit.map(["a", "b"], "Say {row}", dry_run=True, **ask)
    short = plan.bound.total - Decimal("0.00000001")
    with pytest.raises(BudgetExceededError, match="makes that less") as caught:
        llmkit.map(["a", "b"], "Say {row}", budget=short, **ask)
    assert (caught.value.limit, caught.value.asked) == (short, plan.bound.total)
    with pytest.raises(UnboundedCostError):
        llmkit.map(["a"], "Say {row}", budget=1, **{**ask, "model": "openai/no-such-model"})
    assert simulator.requests == []
    results = llmkit.map(["a", "b"], "Say {row}", budget=plan.bound.total, **ask)
    assert results.errors == []
    assert results.known_cost <= plan.bound.total == results.bound.total


def test_tries_on_top_are_held_to_the_budget(ask: Ask, simulator: Simulator) -> None:
    """A try whose end nobody knows is spent at its bound, and there is no room left for the next."""
    bound = llmkit.map(["a"], "Say {row}", dry_run=True, **ask).bound.total
    simulator.fail(faults.Reset("during"))
    [row] = llmkit.map(["a"], "Say {row}", budget=bound, **{**ask, "num_retries": 3})
    assert isinstance(row.error, BudgetExceededError)
    assert len(simulator.requests) == 1


def test_a_manager_holds_each_row(ask: Ask, simulator: Simulator) -> None:
    """``budget=`` may be a ``BudgetManager``: what it has no room for fails, row by row; the client keeps its own."""
    bound = llmkit.map(["a"], "Say {row}", dry_run=True, **ask).bound.total
    manager = llmkit.BudgetManager(budgets=[llmkit.Budget(bound, None)])
    results = llmkit.map(["a", "b", "c"], "Say {row}", budget=manager, concurrency=1, **ask)
    assert [type(row.error) for row in results.errors] == [BudgetExceededError] * len(
        results.errors
    )
    assert 1 <= len(results.errors) == 3 - len(simulator.requests)
    assert ask["client"].budget is None
    ask["client"].budget = manager
    with pytest.raises(ConfigurationError, match="BudgetManager"):
        llmkit.map(["a"], "Say {row}", budget=1, **ask)


def test_a_function_is_heard(client: Client, simulator: Simulator) -> None:
    """What its calls cost is known, by whichever client, in sync and in async code; a retry within is one of them."""

    def function(row: str, suffix: str) -> dict[str, Any]:
        texts = [
            client.completion(MODEL, [{"role": "user", "content": row + suffix}]).text for _ in "12"
        ]
        return {"texts": texts}

    async def awaited(row: str, suffix: str) -> str:
        made = await client.acompletion(MODEL, [{"role": "user", "content": row + suffix}])
        return made.text

    results = llmkit.map(["a", "b"], function, suffix="!", progress=False)
    assert results.values[1]["texts"][0].endswith("b!")
    assert results.known_cost == sum(s.cost or 0 for s in client.ledger.settlements)  # type: ignore[attr-defined]
    assert len(simulator.requests) == 4
    one = asyncio.run(llmkit.amap(["a"], awaited, suffix="?", progress=False))
    assert one[0].cost.total is not None
    assert llmkit.map(["a"], str.upper).cost.total is None


def test_a_functions_budget_goes_by_its_word(client: Client, simulator: Simulator) -> None:
    """Nobody knows what a function calls: ``max_cost`` says what a row costs at most."""

    def function(row: str) -> str:
        return client.completion(MODEL, [{"role": "user", "content": row}], max_tokens=9).text

    with pytest.raises(UnboundedCostError, match="max_cost"):
        llmkit.map(["a"], function, budget=1)
    with pytest.raises(BudgetExceededError):
        llmkit.map(["a", "b"], function, budget="0.01", max_cost="0.006")
    assert simulator.requests == []
    assert llmkit.map(["a", "b"], function, budget="0.02", max_cost="0.006").errors == []


def test_progress_is_told(ask: Ask, simulator: Simulator) -> None:
    """A function hears of each row that is done, with what it all costs so far."""
    simulator.fail(faults.Status(400))
    heard: list[MapProgress] = []
    llmkit.map(["a", "b", "c"], "Say {row}", concurrency=1, **{**ask, "progress": heard.append})
    assert [(one.done, one.total, one.failed) for one in heard] == [(1, 3, 1), (2, 3, 1), (3, 3, 1)]
    assert heard[0].known_cost < heard[1].known_cost < heard[2].known_cost
    assert heard[2].cost.startswith("$0.0")


class _Column:
    """As much of a pandas column as is read."""

    def __init__(self, values: list[Any]) -> None:
        self.index = [f"i{n}" for n in range(len(values))]
        self._values = values

    def tolist(self) -> list[Any]:
        return self._values


class _Frame:
    """And of a data frame."""

    def __init__(self, **columns: list[Any]) -> None:
        self.columns = list(columns)
        self._columns = {name: _Column(values) for name, values in columns.items()}
        self.index = next(iter(self._columns.values())).index

    def __getitem__(self, name: str) -> _Column:
        return self._columns[name]

    def to_dict(self) -> None:
        raise AssertionError("it would not keep the rows' order in all forms")

    def assign(self, **columns: list[Any]) -> _Frame:
        return _Frame(**{name: self[name].tolist() for name in self.columns}, **columns)


def test_frames_and_columns_keep_their_index(ask: Ask) -> None:
    """Those of pandas are read without it; an empty cell is that row's error."""
    frame = _Frame(text=["a", float("nan"), "c"], n=[1, 2, 3])
    results = llmkit.map(frame, "Say {text} {n}", **ask)
    assert results.labels == ["i0", "i1", "i2"]
    assert results[2].row == {"text": "c", "n": 3}
    assert isinstance(results[1].error, InvalidRequestError)
    back = results.to_frame()
    assert back.columns == ["text", "n", "answer", "error", "cost"]
    assert back["answer"].tolist()[1] is None
    assert llmkit.map(_Column(["x"]), "Say {row}", **ask).labels == ["i0"]
    with pytest.raises(TypeError, match="to_dicts"):
        llmkit.map(["x"], "Say {row}", **ask).to_frame()


class _Polars:
    """What is read of polars' data frame, and of its column."""

    def __init__(self, columns: dict[str, list[Any]], **how: Any) -> None:
        self.names = dict(columns)

    def to_dicts(self) -> list[dict[str, Any]]:
        return [
            dict(zip(self.names, row, strict=True))
            for row in zip(*self.names.values(), strict=True)
        ]

    def get_columns(self) -> list[tuple[str, list[Any]]]:
        return list(self.names.items())

    def with_columns(self, columns: list[tuple[str, list[Any]]]) -> _Polars:
        return _Polars({**self.names, **dict(columns)})


class _Series(list[Any]):
    """Its column."""

    def tolist(self) -> list[Any]:
        return list(self)

    def to_frame(self) -> _Polars:
        return _Polars({"text": list(self)})


def test_a_frame_of_polars_comes_back(ask: Ask) -> None:
    """With what came of it, as pandas' does; a column as a frame of its own."""
    for given in (_Polars({"text": ["a", None]}), _Series(["a", None])):
        gap = "{text}" if isinstance(given, _Polars) else "{row}"
        frame = llmkit.map(given, f"Say {gap}", **ask).to_frame()
        assert list(frame.names) == ["text", "answer", "error", "cost"]
        assert frame.names["answer"][0].endswith("Say a")


@pytest.mark.parametrize("colour", ["map", "amap"])
def test_what_was_answered_is_not_lost_with_what_ends_it(ask: Ask, colour: str) -> None:
    """It was paid for: the exception has it, with what nobody knows of the rest, and says so."""

    def told(progress: MapProgress) -> None:
        if progress.done == 2:
            raise ZeroDivisionError if colour == "amap" else KeyboardInterrupt

    def run() -> Any:
        how: Ask = {**ask, "concurrency": 1, "progress": told}
        if colour == "map":
            return llmkit.map(range(300), "Say {row}", **how)
        return asyncio.run(llmkit.amap(range(300), "Say {row}", **how))

    with pytest.raises((KeyboardInterrupt, ZeroDivisionError)) as caught:
        run()
    results = caught.value.results  # type: ignore[union-attr]
    assert [row.ok for row in results][:2] == [True, True]
    # Whoever asks does not wait for who tells of it.
    assert not results[-1].ok
    assert results.known_cost > 0
    assert "rows were answered" in caught.value.__notes__[0]


def test_rows_and_plans_are_short_to_look_at(ask: Ask) -> None:
    """At a prompt a line each; in a notebook what was asked, and the answer as it looks by itself."""
    results = llmkit.map(["a" * 500, "b"], "Say {row}", **ask)
    assert all(len(repr(row)) < 140 for row in results)
    assert repr(results[1]).startswith("<MapRow 1: ")
    pages = [row._repr_html_() for row in results]
    assert "20 tokens" in pages[0]
    assert "1: b" in pages[1]
    [failed, plain] = llmkit.map(["<b>", "1"], int)
    assert "ValueError" in repr(failed)
    assert "&lt;b&gt;" in failed._repr_html_()
    assert "<code>1</code>" in plain._repr_html_()
    plan = llmkit.map(["a", None], "Say {row}", dry_run=True, **ask)
    assert repr(plan).startswith("<MapPlan 2 rows: 0 in the checkpoint, 1 to do, $")
    assert "1 row that cannot be asked" in repr(plan)


def test_results_as_dicts_are_flat(ask: Ask) -> None:
    """For a data frame, or a CSV file."""
    [one] = llmkit.map([{"text": "a"}], "Say {text}", **ask).to_dicts()
    assert list(one) == ["index", "text", "answer", "error", "cost"]
    assert one["answer"].endswith("Say a")
    assert isinstance(one["cost"], Decimal)


def test_a_router_is_asked_as_a_client_is(simulator: Simulator) -> None:
    """``client=`` may be a router."""
    entry = {"model": MODEL, "api_key": KEY, "api_base": simulator.base_url}
    with llmkit.Router(model_list=[{"model_name": "fast", "litellm_params": entry}]) as router:
        results = llmkit.map(
            ["a", "b"], "Say {row}", model="fast", max_tokens=9, client=router, budget="0.01"
        )
        assert results.errors == []
        assert results.cost.known


def test_ctrl_c_ends_all_calls(ask: Ask, simulator: Simulator) -> None:
    """The interrupt reaches each call: its connection is closed, it is settled, and no thread stays behind."""
    simulator.fail(*[faults.SlowStart(30)] * 9)
    threads = set(threading.enumerate())

    def press() -> None:
        while len(simulator.requests) < 4:
            threading.Event().wait(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    pressing = threading.Thread(target=press)
    pressing.start()
    with pytest.raises(KeyboardInterrupt):
        llmkit.map(list("abcdef"), "Say {row}", concurrency=4, **ask)
    pressing.join()
    outcomes = [one.outcome for one in ask["client"].ledger.settlements]
    assert outcomes == ["cancelled"] * 4
    simulator.wait_closed()
    assert set(threading.enumerate()) <= threads


def test_a_cancelled_amap_cancels_its_calls(ask: Ask, simulator: Simulator) -> None:
    """The same for a task."""
    simulator.fail(*[faults.SlowStart(30)] * 9)

    async def cell() -> None:
        task = asyncio.create_task(llmkit.amap(list("abcd"), "Say {row}", concurrency=2, **ask))
        while len(simulator.requests) < 2:  # noqa: ASYNC110 - requests come to another thread
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cell())
    assert [one.outcome for one in ask["client"].ledger.settlements] == ["cancelled"] * 2


def test_what_is_shown_is_no_markup(ask: Ask) -> None:
    """What rows and models say stays text, in the table too."""
    page = llmkit.map(["<script>x</script>"], "{row}", **ask)._repr_html_()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "mathjax_ignore" in page


def test_litellms_batches(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """``batch_completion`` and its kin: orders and errors are kept."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", simulator.base_url)
    several = [[{"role": "user", "content": name}] for name in "ab"]
    assert [one.text[-1] for one in llmkit.batch_completion(MODEL, several)] == ["a", "b"]
    assert [one.text[-1] for one in asyncio.run(llmkit.abatch_completion(MODEL, several))] == [
        "a",
        "b",
    ]
    simulator.fail(faults.Status(400))
    found = llmkit.batch_completion(MODEL, several, max_workers=1)
    assert isinstance(found[0], BadRequestError)
    assert found[1].text[-1] == "b"
    both = llmkit.batch_completion_models_all_responses([MODEL, "openai/gpt-4o"], several[0])
    assert [one.model for one in both] == ["gpt-4o-mini", "gpt-4o"]
    simulator.fail(faults.SlowStart(30))
    first = llmkit.batch_completion_models([MODEL, "openai/gpt-4o"], several[0])
    assert first.text[-1] == "a"
    with pytest.raises(ConfigurationError, match="at least one model"):
        llmkit.batch_completion_models([], several[0])
    assert json.loads(simulator.requests[0].body)["model"] == "gpt-4o-mini"
