"""Embeddings are kept input by input: who asks for a hundred of which ninety are known asks for ten."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import llmkit
from llmkit import errors, events
from llmkit._entries import Keep, KeepEach, Look, LookEach
from llmkit.budget import Budget, BudgetManager
from llmkit.cache import Cache, MemoryEntries
from llmkit.testing import Raw, Simulator, scripted

MODEL = "openai/text-embedding-3-small"
KEY = "sk-" + "made-up-0123456789"


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """It is what ``openai`` is."""
    with Simulator() as made:
        monkeypatch.setenv("OPENAI_BASE_URL", made.base_url)
        yield made


def client(store: Any = None, **how: Any) -> Any:
    """A client with a cache."""
    return llmkit.Client(cache=Cache(store), **how)


def sent(simulator: Simulator) -> list[Any]:
    """The inputs of each request."""
    return [json.loads(one.body)["input"] for one in simulator.requests]


def raw(*vectors: list[float], model: str = "m-1", tokens: int | None = 10, **more: Any) -> Raw:
    """An answer of OpenAI's."""
    data = [{"object": "embedding", "index": i, "embedding": one} for i, one in enumerate(vectors)]
    usage = None if tokens is None else {"prompt_tokens": tokens, "total_tokens": tokens}
    return Raw({"object": "list", "data": data, "model": model, "usage": usage, **more})


# --- stores


def test_several_are_kept_and_found_together(store: Any) -> None:
    """As many as were asked for, in their order, beside those that are kept alone."""
    assert store.perform(LookEach(("a", "b"))) == (None, None)
    pairs = tuple((f"k{number}", bytes([number]) * 20_000) for number in range(130))
    assert store.perform(KeepEach(pairs, None)) == 130
    store.perform(Keep("one", b"1", 60))
    keys = ("one", "none", *(key for key, _ in reversed(pairs)))
    found = (b"1", None, *(entry for _, entry in reversed(pairs)))
    assert store.perform(LookEach(keys)) == found
    assert store.perform(Look(("k7",))) == pairs[7][1]
    assert store.perform(KeepEach((), 5)) == 0
    assert store.perform(LookEach(())) == ()


# --- what is asked for


@pytest.mark.parametrize("backend", ["sync", "asyncio", "trio"])
def test_only_what_is_not_known_is_asked_for(
    store: Any, simulator: Simulator, backend: str
) -> None:
    """In every store and colour: the order is the call's, the usage and the cost are what was asked for."""
    cached, texts = client(store), [f"text {number}" for number in range(100)]
    plain = llmkit.Client().embedding(MODEL, texts)

    async def asked() -> list[Any]:
        answers = [await cached.aembedding(MODEL, part) for part in (texts[:90], texts, texts)]
        await cached.cache.aclose() if backend == "asyncio" else None
        return answers

    if backend == "sync":
        _, part, whole = (cached.embedding(MODEL, one) for one in (texts[:90], texts, texts))
    else:
        _, part, whole = anyio.run(asked, backend=backend)
    assert [len(one) for one in sent(simulator)] == [100, 90, 10]
    assert part.to_dict() == {**plain.to_dict(), "usage": part.usage.to_dict()}
    assert (part.usage.prompt_tokens, part.reused, part.reused_tokens) == (20, 90, 180)
    assert part.cost.total == plain.cost.total / 10
    assert not part.call.cache_hit
    assert whole.to_dict() == plain.to_dict()
    assert (whole.call.cache_hit, whole.cost.total, whole.reused) == (True, 0, 100)
    assert cached.ledger.settlements[1].prompt_tokens == 20
    assert cached.ledger.settlements[2].prompt_tokens is None


def test_one_and_a_list_of_one_and_a_part_are_the_same(simulator: Simulator) -> None:
    """In any order, and twice; token ids, too, which are no text."""
    cached = client()
    first = cached.embedding(MODEL, ["a", "b", "c", "a"])
    assert first.vectors[0] == first.vectors[3]
    assert first.reused == 0
    for again in ("b", ["c"], ["c", "a", "a"]):
        assert cached.embedding(MODEL, again).call.cache_hit
    assert cached.embedding(MODEL, ["c", "a"]).vectors == [first.vectors[2], first.vectors[0]]
    cached.embedding(MODEL, [1, 2])
    mixed = cached.embedding(MODEL, [[3], [1, 2], [2, 1]])
    assert mixed.reused == 1
    assert sent(simulator) == [["a", "b", "c"], [1, 2], [[3], [2, 1]]]
    assert not cached.embedding(MODEL, "[1,2]").call.cache_hit


@pytest.mark.parametrize(
    "how",
    [
        {"dimensions": 8},
        {"encoding_format": "base64"},
        {"user": "bob"},
        {"api_key": "sk-" + "other-0123456789"},
        {"extra_body": {"x": 1}},
        {"extra_headers": {"x-a": "1"}},
        {"cache": {"namespace": "mine"}},
        {"cache": {"s-maxage": 0}},
        {"cache": {"no-cache": True}},
        {"caching": False},
        {"model": "openai/text-embedding-3-large"},
    ],
    ids=lambda how: next(iter(how)),
)
def test_what_differs_is_asked_for(simulator: Simulator, how: dict[str, Any]) -> None:
    """All that is sent beside the inputs, and whose it is."""
    cached = client()
    cached.embedding(MODEL, ["a", "b"])
    answer = cached.embedding(**{"model": MODEL, "input": ["a", "b"], **how})
    assert (answer.call.cache_hit, answer.reused, len(sent(simulator))) == (False, 0, 2)


def test_base64_stays_what_it_is(simulator: Simulator) -> None:
    """Text in the answer, the same numbers behind it."""
    cached = client()
    before = cached.embedding(MODEL, ["a"], encoding_format="base64")
    after = cached.embedding(MODEL, ["a", "b"], encoding_format="base64")
    assert isinstance(after.data[0].embedding, str)
    assert after.data[0].to_dict() == before.data[0].to_dict()
    assert after.vectors[0] == pytest.approx(cached.embedding(MODEL, "a").vectors[0])


def test_what_is_to_be_kept_can_be_said(simulator: Simulator) -> None:
    """``no-store`` uses what is known, and keeps nothing new; a ``ttl`` of 0 keeps nothing."""
    cached = client()
    cached.embedding(MODEL, ["a"])
    for control in ({"no-store": True}, {"ttl": 0}):
        assert cached.embedding(MODEL, ["a", "b"], cache=control).reused == 1
    cached.embedding(MODEL, ["b", "b"], cache={"no-cache": True})
    assert sent(simulator) == [["a"], ["b"], ["b"], ["b", "b"]]
    assert cached.embedding(MODEL, ["a", "b"]).call.cache_hit


def test_what_is_no_text_is_kept_together() -> None:
    """A picture beside texts may have another vector; and inputs that are read as one text have no own."""
    cached = client()
    with scripted(*[raw([1.0], [2.0])] * 3, strict=False) as script:
        for _ in range(2):
            cached.embedding(
                "jina_ai/jina-embeddings-v3", ["a", "b"], late_chunking=True, api_key=KEY
            )
        assert len(script.requests) == 1
        cached.embedding("jina_ai/jina-embeddings-v3", ["b", "a"], late_chunking=True, api_key=KEY)
        assert len(script.requests) == 2


def test_another_wire_with_several_formats_and_requests() -> None:
    """Cohere's: all formats of each vector, batches of 96, billed units."""
    cached = client()

    def of(count: int) -> Raw:
        listed = {"float": [[float(i)] for i in range(count)], "int8": [[i] for i in range(count)]}
        meta = {"billed_units": {"input_tokens": count}}
        return Raw({"id": "1", "embeddings": listed, "meta": meta})

    texts, how = [f"t{number}" for number in range(100)], {"embedding_types": ["float", "int8"]}
    with scripted(of(90), of(10), strict=False) as script:
        cached.embedding("cohere/embed-v4.0", texts[:90], api_key=KEY, **how)
        part = cached.embedding("cohere/embed-v4.0", texts, api_key=KEY, **how)
        assert len(script.requests) == 2
        whole = cached.embedding("cohere/embed-v4.0", texts, api_key=KEY, **how)
    assert part.data[95].embeddings == {"float": [5.0], "int8": [5]}
    assert [one.to_dict() for one in whole.data] == [one.to_dict() for one in part.data]
    assert (part.usage.prompt_tokens, whole.usage.prompt_tokens) == (10, 100)


# --- what came


def test_each_has_its_share_of_the_tokens() -> None:
    """By its length; together they are what was told. Where nothing was told, nothing is known."""
    cached = client()
    with scripted(raw([1.0], [2.0], [3.0], tokens=10), raw([4.0], tokens=None)):
        cached.embedding(MODEL, ["aaaa", "bb", "cccccc"])
        shares = [
            cached.embedding(MODEL, text).usage.prompt_tokens for text in ("aaaa", "bb", "cccccc")
        ]
        assert sum(shares) == 10
        assert shares[2] > shares[0] > shares[1] > 0
        assert cached.embedding(MODEL, ["bb", "aaaa"]).usage.total_tokens == shares[0] + shares[1]
        part = cached.embedding(MODEL, ["bb", "d"])
        assert (part.usage, part.cost.status) == (None, "unknown"), part.cost
        assert cached.embedding(MODEL, ["d", "bb"]).usage is None
        assert cached.embedding(MODEL, ["d", "bb"]).reused_tokens is None


def test_vectors_of_two_models_never_stand_beside_each_other() -> None:
    """Where the provider serves another one by the name since, all are asked for anew, in the same call."""
    cached = client()
    with scripted(
        raw([1.0], [2.0]), raw([9.0], model="m-2"), raw([8.0], [7.0], model="m-2")
    ) as script:
        cached.embedding(MODEL, ["a", "b"])
        answer = cached.embedding(MODEL, ["c", "b", "a", "c"])
        assert answer.vectors == [[9.0], [8.0], [7.0], [9.0]]
        assert (answer.model, answer.usage.prompt_tokens, answer.reused) == ("m-2", 20, 0)
        assert len(script.requests) == 3
        again = cached.embedding(MODEL, ["a", "c"])
        assert (again.call.cache_hit, again.vectors) == (True, [[7.0], [9.0]])


def test_another_model_is_no_reason_to_spend_what_is_not_held() -> None:
    """Under a budget the call fails, and says why; what came is kept, and the next call asks for all the rest."""
    told: list[Any] = []
    budget = BudgetManager(budgets=[Budget(Decimal("0.01"), "1d")])
    cached = client(budget=budget, num_retries=0, callbacks=[told.append])
    texts = ["word " * 300, "word " * 400]
    drift, rest = raw([9.0], model="m-2", tokens=1), raw([8.0], [7.0], model="m-2", tokens=700)
    with scripted(raw([1.0], [2.0], tokens=700), drift, rest) as script:
        cached.embedding(MODEL, texts)
        with pytest.raises(errors.APIResponseValidationError, match="ask again, and all are"):
            cached.embedding(MODEL, ["c", *texts])
        answer = cached.embedding(MODEL, ["c", *texts])
        assert (answer.vectors, answer.reused) == ([[9.0], [8.0], [7.0]], 1)
        assert answer.usage.prompt_tokens == 700
        assert cached.embedding(MODEL, ["c", *texts]).call.cache_hit
        assert len(script.requests) == 3
    assert not [event for event in told if isinstance(event, events.BudgetOverrun)]


def test_another_model_is_asked_again_after_a_failure() -> None:
    """A router's next try begins with what was known, and asks for it anew."""
    entries = [{"model_name": "g", "litellm_params": {"model": MODEL, "api_key": KEY}}]
    router = llmkit.Router(
        entries, cache=True, num_retries=1, retry_after=0, disable_cooldowns=True
    )
    drift, rest = raw([9.0], model="m-2"), raw([8.0], [7.0], model="m-2")
    with scripted(raw([1.0], [2.0]), drift, 400, drift, rest) as script:
        router.embedding("g", ["a", "b"])
        with pytest.raises(errors.BadRequestError):
            router.embedding("g", ["c", "a", "b"])
        assert router.embedding("g", ["c", "a", "b"]).vectors == [[9.0], [8.0], [7.0]]
        assert len(script.requests) == 5


def test_what_cannot_be_told_apart_is_neither_kept_nor_guessed() -> None:
    """Fewer vectors than inputs: as they came where all were asked for; else an error that says what to do."""
    cached = client(num_retries=0)
    with scripted(raw([1.0]), raw([1.0], [2.0]), raw([3.0]), raw([4.0])) as script:
        assert len(cached.embedding(MODEL, ["a", "b"]).data) == 1
        assert len(cached.embedding(MODEL, ["a", "b"]).data) == 2
        with pytest.raises(errors.APIResponseValidationError, match="1 vectors came for 2"):
            cached.embedding(MODEL, ["a", "c", "d"])
        assert cached.ledger.settlements[-1].cost is None
        assert cached.embedding(MODEL, ["a", "c"]).vectors == [[1.0], [4.0]]
        assert len(script.requests) == 4
    assert cached.cache.stats["unkept"] == 1


def test_damaged_and_foreign_entries_are_asked_for_again(simulator: Simulator) -> None:
    """Told, and only those."""
    entries, told = MemoryEntries(), list[Any]()
    cached = client(entries, callbacks=[told.append])
    before = cached.embedding(MODEL, ["a", "b", "c"])
    keys = list(entries._entries)
    data = entries._entries[keys[0]].entry
    entries.perform(Keep(keys[0], data[:-2], None))
    entries.perform(Keep(keys[1], data, None))
    assert cached.embedding(MODEL, ["a", "b", "c"]).vectors == before.vectors
    assert sent(simulator)[1] == ["a", "b"]
    assert [type(one) for one in told].count(events.EntryUnreadable) == 2
    assert next(one for one in reversed(told) if isinstance(one, events.CacheMissed)).inputs == 1


# --- routers, hooks, budgets, failures


def test_a_router_uses_what_the_chosen_one_has_said(simulator: Simulator) -> None:
    """Vectors of another deployment are not its own; a fallback's are kept as its own."""
    entries = [
        {
            "model_name": group,
            "litellm_params": {"model": model, "api_key": f"sk-{group}-0123456789"},
        }
        for group, model in (("g", MODEL), ("h", "openai/text-embedding-3-large"))
    ]
    router = llmkit.Router(entries, cache=True, fallbacks=[{"g": ["h"]}], num_retries=0)
    router.embedding("g", ["a", "b"])
    assert router.embedding("g", ["b", "c"]).reused == 1
    assert sent(simulator)[-1] == ["c"]
    with scripted(500, raw([1.0], [2.0]), raw([5.0])) as script:
        assert router.embedding("g", ["x", "a"]).vectors == [[1.0], [2.0]]
        assert router.embedding("h", ["a", "y"]).vectors == [[2.0], [5.0]]
        assert [json.loads(one.body)["input"] for one in script.requests] == [
            ["x"], ["x", "a"], ["y"],
        ]  # fmt: skip


def test_hooks_see_the_whole_call_and_the_whole_answer(simulator: Simulator) -> None:
    """Whatever of it was asked for."""
    seen = []

    class Guard:
        def after_call(self, call: Any, response: Any) -> None:
            seen.append((len(call.inputs), len(response.data)))

    cached = client(hooks=[Guard()])
    for texts in (["a"], ["a", "b", "c"], ["c", "a"]):
        cached.embedding(MODEL, texts)
    assert seen == [(1, 1), (3, 3), (2, 2)]


def test_a_budget_holds_what_is_asked_for(simulator: Simulator) -> None:
    """What is known needs none."""
    budget = BudgetManager(budgets=[Budget(Decimal("0.000018"), "1d", scope="user")])
    cached = client(budget=budget)
    texts = ["word " * 20 + str(number) for number in range(8)]
    for end in range(2, 9, 2):
        answer = cached.embedding(MODEL, texts[:end], user="ann")
    assert answer.reused == 6
    with pytest.raises(errors.BudgetExceededError):
        cached.embedding(MODEL, [text + "!" for text in texts] * 5, user="ann")


def test_what_is_asked_for_is_billed() -> None:
    """What is known is not, and a hit is nobody's charge."""
    from ..billing._recorded import billed
    from ..io._server import answer

    def came(*numbers: float) -> Any:
        data = [{"index": i, "embedding": [number]} for i, number in enumerate(numbers)]
        usage = {"prompt_tokens": 10 * len(numbers), "total_tokens": 10 * len(numbers)}
        return answer(
            {"object": "list", "data": data, "model": "text-embedding-3-small", "usage": usage}
        )

    with billed(came(1.0, 2.0), came(3.0)) as world:
        world.client.cache = True
        for texts in (["a", "b"], ["b", "c"], ["c", "a"]):
            answered = world.client.embedding(MODEL, texts)
        assert answered.vectors == [[3.0], [1.0]]
        used: list[Any] = [charge.usage for charge in world.charges]
        assert [one["prompt_tokens"] for one in used] == [20, 10], used
        assert len(world.desk.finishes) == 2


def test_errors_keep_nothing_and_spoil_nothing(simulator: Simulator) -> None:
    """What was known before is known after; a store that is down breaks nothing."""
    cached = client(num_retries=0)
    cached.embedding(MODEL, ["a"])
    with scripted(500), pytest.raises(errors.InternalServerError):
        cached.embedding(MODEL, ["a", "b"])
    assert cached.embedding(MODEL, ["a", "b"]).reused == 1
    perform: Any = cached.cache.store.perform
    cached.cache.store.perform = lambda op: 1 / 0 if isinstance(op, LookEach) else perform(op)
    assert len(cached.embedding(MODEL, ["a", "b"]).data) == 2
    assert cached.cache.stats["failures"] == 1


_WORDS = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=6)


@settings(max_examples=25, deadline=None)
@given(st.lists(_WORDS, min_size=1, max_size=5))
def test_whatever_is_asked_the_answer_is_that_without_a_cache(calls: list[list[str]]) -> None:
    """Vectors and order; no input is asked for twice."""
    cached, asked = client(), list[str]()

    def answer(request: Any) -> Any:
        inputs = json.loads(request.body)["input"]
        asked.extend(inputs)
        return raw(*[[float(ord(one))] for one in inputs], tokens=len(inputs))

    with scripted(*[answer] * len(calls), strict=False):
        for texts in calls:
            found = cached.embedding(MODEL, texts, api_key=KEY)
            assert found.vectors == [[float(ord(one))] for one in texts]
            assert [item.index for item in found.data] == list(range(len(texts)))
    assert sorted(asked) == sorted({one for texts in calls for one in texts})
