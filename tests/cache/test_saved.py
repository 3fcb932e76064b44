"""What a hit saved: what its answer would have cost, exact, or unknown and never nothing; and who is told."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import llmkit
from llmkit._cli import main
from llmkit.cache import Cache
from llmkit.ledger import MemoryLedger
from llmkit.telemetry import JSONL, SQLiteLog, usage
from llmkit.testing import Raw, Simulator, scripted

MODEL, STRANGE = "openai/gpt-4o-mini", "openai/nobody-knows-it"
ASK = [{"role": "user", "content": "hi"}]


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """The provider."""
    with Simulator() as made:
        monkeypatch.setenv("OPENAI_BASE_URL", made.base_url)
        yield made


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize("stream", [False, True])
def test_it_is_what_the_answer_had_cost(*, stream: bool) -> None:
    """The hit itself costs nothing, and has used nothing; its settlement keeps both."""
    ledger = MemoryLedger()
    with llmkit.Client(cache=Cache(), ledger=ledger) as client:
        for model in (MODEL, STRANGE):
            first, again = (
                _whole(client.completion(model, ASK, stream=stream), stream=stream)
                for _ in range(2)
            )
            saved = again.call.saved_cache_cost
            assert first.call.saved_cache_cost is None
            assert saved is not None
            assert (saved.total, saved.reason) == (first.cost.total, first.cost.reason)
            assert (again.cost.total, again.cost.status) == (0, "none")
    known, unknown = ledger.settlements[1], ledger.settlements[3]
    assert Decimal(known.metadata["saved_cache_cost"]) == ledger.settlements[0].cost
    assert unknown.metadata["saved_cache_cost"] is None
    for one in (known, unknown):
        assert one.cost == 0
        assert (one.prompt_tokens, one.usage_source) == (None, "none")
    assert "saved_cache_cost" not in ledger.settlements[0].metadata


def _whole(answer: Any, *, stream: bool) -> Any:
    return answer.until_done() if stream else answer


@pytest.mark.usefixtures("simulator")
def test_a_callers_own_word_stays() -> None:
    """What somebody has said under that name in a call's metadata is his."""
    ledger = MemoryLedger()
    with llmkit.Client(cache=Cache(), ledger=ledger) as client:
        for _ in range(2):
            client.completion(MODEL, ASK, metadata={"saved_cache_cost": "mine", "more": "1"})
    assert ledger.settlements[1].metadata == {"saved_cache_cost": "mine", "more": "1"}


def test_a_providers_own_word_is_what_it_had_cost() -> None:
    """OpenRouter says what an answer costs."""
    told = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2, "cost": 0.25}
    choice = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}  # fmt: skip
    body = {"id": "a", "object": "chat.completion", "choices": [choice], "usage": told}
    with scripted(Raw(body)), llmkit.Client(cache=Cache(), api_key="sk-" + "made-up") as client:
        client.completion("openrouter/x/y", ASK)
        again = client.completion("openrouter/x/y", ASK)
    assert again.call.saved_cache_cost is not None
    assert again.call.saved_cache_cost.total == Decimal("0.25")


@pytest.mark.usefixtures("simulator")
def test_embeddings_that_are_all_known_saved_what_they_had_cost() -> None:
    """Where others are asked for, there is a cost of these and no hit."""
    model = "openai/text-embedding-3-small"
    with llmkit.Client(cache=Cache()) as client:
        first = client.embedding(model, ["a", "b"])
        again = client.embedding(model, ["b", "a"])
        more = client.embedding(model, ["a", "c"])
    assert again.call.saved_cache_cost is not None
    assert again.call.saved_cache_cost.total == first.cost.total
    assert (more.call.saved_cache_cost, more.call.cache_hit) == (None, False)


@pytest.mark.usefixtures("simulator")
def test_a_group_shares_its_answers_whatever_its_models() -> None:
    """What LiteLLM calls ``caching_groups``; the answer says who made it, and its rates say what it saved."""
    both: list[Any] = [
        {"model_name": "any", "litellm_params": {"model": model}} for model in (MODEL, "openai/gpt-4o")
    ]  # fmt: skip
    with llmkit.Router(model_list=both[:1], cache=(cache := Cache())) as one:
        first = one.completion("any", ASK)
    with llmkit.Router(model_list=both[::-1], cache=cache) as router:
        for _ in range(4):
            again = router.completion("any", ASK)
            assert (again.call.cache_hit, again.call.model) == (True, "gpt-4o-mini")
            assert again.call.saved_cache_cost is not None
            assert again.call.saved_cache_cost.total == first.cost.total


@pytest.mark.usefixtures("simulator")
def test_logs_and_what_they_come_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``llmkit usage`` adds up what is known, and says of how many hits it is not."""
    lines, table = tmp_path / "calls.jsonl", tmp_path / "calls.db"
    sinks = [JSONL(lines), SQLiteLog(table)]
    with llmkit.Client(cache=Cache(), callbacks=sinks) as client:
        first, *_ = [client.completion(MODEL, ASK) for _ in range(3)]
        twice = 2 * (first.cost.total or Decimal(0))
        for _ in range(2):
            client.completion(STRANGE, ASK)
    for log in (lines, table):
        known, strange = usage(log)
        assert (known.hits, known.saved, known.unsaid) == (2, twice, 0)
        assert (strange.hits, strange.saved, strange.unsaid) == (1, Decimal(0), 1)
    assert main(["usage", str(table)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].split()[-2:] == ["HITS", "SAVED"]
    assert said[1].split()[-2:] == ["2", f"{twice.normalize():f}"]
    assert said[2].split()[-2:] == ["1", "-"]
    assert "SAVED is without 1 call of which it is not known." in said
    assert main(["usage", "--json", str(lines)]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["saved_cache_cost"] for row in rows] == [f"{twice:f}", None]
    assert [row["unknown_savings"] for row in rows] == [0, 1]


@pytest.mark.usefixtures("simulator")
def test_a_log_of_before_is_read_and_gets_the_column(tmp_path: Path) -> None:
    """Its hits saved nobody knows what; what comes is written beside."""
    path = tmp_path / "calls.db"
    for ask in ("a", "b"):
        with llmkit.Client(cache=Cache(), callbacks=[SQLiteLog(path)]) as client:
            for _ in range(2):
                client.completion(MODEL, [{"role": "user", "content": ask}])
        if ask == "a":
            with sqlite3.connect(path) as connection:
                connection.execute("ALTER TABLE calls DROP COLUMN saved_cache_cost")
            connection.close()
            assert (usage(path).total.hits, usage(path).total.unsaid) == (1, 1)
    total = usage(path).total
    assert (total.calls, total.hits, total.unsaid) == (4, 2, 1)
    assert total.saved > 0
