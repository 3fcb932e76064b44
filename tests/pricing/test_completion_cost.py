"""``completion_cost`` and ``cost_per_token``: answers of everybody's form, bare counts, and texts."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

import llmkit
from llmkit import Catalogue, completion_cost, cost_per_token

D = Decimal
KEY = "sk-" + "cost-0000000000000000"
CHAT = {
    "id": "c", "object": "chat.completion", "created": 1_795_089_600, "model": "gpt-4o-2024-08-06",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100,
              "prompt_tokens_details": {"cached_tokens": 600}},
}  # fmt: skip
CLAUDE = {
    "type": "message", "model": "claude-sonnet-4-5",
    "usage": {"input_tokens": 100, "output_tokens": 10, "cache_read_input_tokens": 1000,
              "cache_creation_input_tokens": 0, "service_tier": "standard"},
}  # fmt: skip
RESPONSE = {
    "object": "response", "model": "gpt-4o", "service_tier": "default",
    "output": [{"type": "web_search_call", "action": {"type": "search"}}, {"type": "message", "content": []}],
    "usage": {"input_tokens": 1000, "output_tokens": 100, "total_tokens": 1100},
}  # fmt: skip
GEMINI = {
    "model_version": "gemini-2.5-flash",
    "usage_metadata": {"prompt_token_count": 1000, "candidates_token_count": 100, "total_token_count": 1100},
}  # fmt: skip


def client(body: dict[str, Any], **options: Any) -> llmkit.Client:
    """A client that is always answered so."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=body))
    http = httpx.Client(transport=transport)
    return llmkit.Client(http_client=http, api_key=KEY, environ={}, **options)


@pytest.mark.parametrize(
    ("answer", "total"),
    [
        (CHAT, "0.00275"),  # 400 x 2.5 + 600 x 1.25 + 100 x 10
        (CLAUDE, "0.00075"),  # 100 x 3 + 1000 x 0.3 + 10 x 15
        (RESPONSE, "0.0135"),  # 1000 x 2.5 + 100 x 10, and a search for a cent
        (GEMINI, "0.00055"),  # 1000 x 0.3 + 100 x 2.5
    ],
)
def test_answers_of_every_form(answer: dict[str, Any], total: str) -> None:
    """A dict as the provider sent it, or as its SDK dumps it."""
    result = completion_cost(answer)
    assert (result.total, result.status) == (D(total), "exact")


def test_an_answer_of_ones_own_is_priced_once() -> None:
    """What the call cost is what the answer says; another model's price is asked for by name."""
    answer = client(CHAT).completion("openai/gpt-4o", [{"role": "user", "content": "x"}])
    assert completion_cost(answer) == answer.cost
    again = completion_cost(answer, model="openai/gpt-4o-mini")
    assert again.total == D("0.000165")  # 400 x 0.15 + 600 x 0.075 + 100 x 0.6
    assert completion_cost(answer, service_tier="batch").status == "estimated"


def test_an_answer_that_nobody_priced() -> None:
    """Made by hand, it is priced by what it says."""
    made = llmkit.ChatCompletion.model_validate(CHAT)
    assert not made.cost.known
    assert completion_cost(made).total == D("0.00275")


def test_a_streams_cost() -> None:
    """An ended stream has the cost of its answer; one that has not cannot be asked."""
    chunk = {"id": "c", "model": "gpt-4o"}
    first = {**chunk, "choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": None}]}
    used = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
    last = {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": used}
    lines = [f"data: {json.dumps(one)}" for one in (first, last)] + ["data: [DONE]"]
    said = "".join(f"{line}\n\n" for line in lines)
    kind = {"content-type": "text/event-stream"}
    http = httpx.Client(
        transport=httpx.MockTransport(lambda _: httpx.Response(200, headers=kind, text=said))
    )
    asked = llmkit.Client(http_client=http, api_key=KEY, environ={})
    with asked.completion("openai/gpt-4o", [{"role": "user", "content": "x"}], stream=True) as s:
        with pytest.raises(llmkit.StreamConsumedError):
            completion_cost(s)
        list(s)
        assert completion_cost(s).total == s.cost.total == D("0.0035")


class Dumped:
    """An object of another SDK, with what LiteLLM keeps on its answers."""

    def __init__(self, data: dict[str, Any], provider: str | None = None) -> None:
        self._data, self._hidden_params = data, {"custom_llm_provider": provider}

    def model_dump(self) -> dict[str, Any]:
        """The data."""
        return self._data


def test_objects_of_other_sdks() -> None:
    """They are read by what they dump, and LiteLLM's know their provider."""
    assert completion_cost(Dumped(CHAT)).total == D("0.00275")
    renamed = {**CHAT, "model": "gemini-2.5-flash"}
    assert (
        completion_cost(Dumped(renamed, "gemini")).lines[0].source.startswith("https://ai.google")
    )
    with pytest.raises(TypeError, match="neither an answer nor a usage"):
        completion_cost(7)
    with pytest.raises(TypeError, match="needs a response"):
        completion_cost(model="openai/gpt-4o")


def test_a_usage_by_itself() -> None:
    """Counts of any form, at the model that is named."""
    for used in (CHAT["usage"], {"input_tokens": 1000, "output_tokens": 100, "total_tokens": 1100,
                                 "input_tokens_details": {"cached_tokens": 600}}):  # fmt: skip
        assert completion_cost(model="openai/gpt-4o", usage=used).total == D("0.00275")
    hits = {"prompt_tokens": 1000, "completion_tokens": 0, "prompt_cache_hit_tokens": 600}
    assert completion_cost(model="openai/gpt-4o", usage=hits).total == D("0.00175")


def test_a_cost_that_a_dict_states() -> None:
    """What the provider says goes first, with our own beside it."""
    told = {**CHAT, "usage": {**CHAT["usage"], "cost": 0.5}}  # type: ignore[dict-item]
    result = completion_cost(told)
    assert (result.total, result.status) == (D("0.5"), "provider_reported")
    assert result.ours is not None
    assert result.ours.total == D("0.00275")


def test_texts_are_an_estimate() -> None:
    """Their tokens are counted here, and the cost says so."""
    result = completion_cost(
        model="openai/gpt-4o",
        messages=[{"role": "user", "content": "Hello, how are you?"}],
        completion="Fine.",
    )
    assert result.status == "estimated"
    assert result.known
    counted = {line.dimension: line.quantity for line in result.lines}
    assert counted == {"input": 13, "output": 2}  # 6 of the text, 7 around it
    text = completion_cost(model="openai/gpt-4o", prompt="Hello, how are you?")
    assert [line.quantity for line in text.lines] == [6]
    assert not completion_cost(model="openai/gpt-4o", prompt="").known


def test_names_that_nobody_knows_are_unknown() -> None:
    """There is a reason and no zero."""
    for name in ("nobody/nothing", "openai/not-a-model", "not-a-model"):
        result = completion_cost(model=name, usage={"prompt_tokens": 1, "completion_tokens": 1})
        assert (result.total, result.status) == (None, "unknown")
        assert name in (result.reason or "")
    nameless = completion_cost({"usage": {"prompt_tokens": 1, "completion_tokens": 1}})
    assert "names no model" in (nameless.reason or "")


def test_cost_per_token() -> None:
    """Two amounts: what went in, what came out."""
    assert cost_per_token("openai/gpt-4o", 1000, 100) == (D("0.0025"), D("0.001"))
    cached = cost_per_token("openai/gpt-4o", 1000, 100, cache_read_input_tokens=600)
    assert cached == (D("0.00175"), D("0.001"))
    assert cost_per_token("anthropic/claude-sonnet-4-5", 10, web_searches=1)[0] == D("0.01003")
    assert cost_per_token("openai/gpt-5", usage=CHAT["usage"], service_tier="flex")[1] == D(
        "0.0005"
    )
    spoken = cost_per_token("openai/gpt-4o-audio-preview", 0, 10, audio_output_tokens=10)
    assert spoken[1] == D("0.0008")


def test_what_cannot_be_told_is_an_error() -> None:
    """Two amounts cannot say that they are unknown."""
    with pytest.raises(llmkit.UnknownPriceError, match="no price for openai/not-a-model"):
        cost_per_token("openai/not-a-model", 1, 1)
    with pytest.raises(llmkit.UnknownPriceError, match="no tokens"):
        cost_per_token("openai/gpt-4o")


def test_a_clients_own_catalogue_is_asked() -> None:
    """Prices that were registered there hold for its answers and for what it is asked."""
    known = llmkit.catalogue.find("openai", "gpt-4o")
    assert known is not None
    own = llmkit.catalogue.Catalogue()
    own.register([replace(known, name="mine", aliases=())])
    asked = client({**CHAT, "model": "mine"}, catalogue=own)
    used = {"prompt_tokens": 1000, "completion_tokens": 100}
    assert asked.completion_cost(model="openai/mine", usage=used).total == D("0.0035")
    assert asked.cost_per_token("openai/mine", 1000) == (D("0.0025"), D(0))
    answer = asked.completion("openai/mine", [{"role": "user", "content": "x"}])
    assert answer.cost.total == D("0.00275")
    assert not completion_cost(model="openai/mine", usage=used).known


def test_async_answers_are_priced_alike() -> None:
    """The colour of a call changes nothing."""

    async def ask() -> llmkit.ChatCompletion:
        transport = httpx.MockTransport(lambda _: httpx.Response(200, json=CHAT))
        async with httpx.AsyncClient(transport=transport) as http:
            asked = llmkit.Client(http_client=http, api_key=KEY, environ={})
            return await asked.acompletion("openai/gpt-4o", [{"role": "user", "content": "x"}])

    assert asyncio.run(ask()).cost.total == D("0.00275")


def test_a_provider_that_only_the_catalogue_knows() -> None:
    """A model that was registered has its price, under every way to name it."""
    known = Catalogue()
    known.register_fields({"acme/road": {"input_cost_per_token": "0.1", "aliases": ["road-1"]}})
    with llmkit.Client(catalogue=known) as one:
        for named in (
            {"model": "acme/road"},
            {"model": "road"},
            {"model": "acme/road-1"},
            {"model": "road", "custom_llm_provider": "acme"},
        ):
            result = one.completion_cost(
                usage={"prompt_tokens": 3, "completion_tokens": 0}, **named
            )
            assert (result.total, result.status) == (D("0.3"), "exact"), named
        assert one.cost_per_token("acme/road", 10) == (D(1), 0)
    assert "acme/road" in str(completion_cost(model="acme/road", usage={"prompt_tokens": 3}))


def test_a_wrong_provider_is_in_the_reason() -> None:
    """Whoever mistypes it is to see what was looked up."""
    result = completion_cost(CHAT, custom_llm_provider="azur")
    assert result.reason == "no price for azur/gpt-4o-2024-08-06"


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"messages": "Hello"}, llmkit.InvalidRequestError),
        ({"messages": {"role": "user"}}, llmkit.InvalidRequestError),
        ({"messages": [3]}, llmkit.InvalidRequestError),
        ({"prompt": b"Hello"}, llmkit.InvalidRequestError),
        ({"completion": 3}, llmkit.InvalidRequestError),
        ({"usage": {"prompt_tokens": 1}, "on": "yesterday"}, llmkit.ConfigurationError),
        ({"usage": {"prompt_tokens": 1}, "on": "2026-13-45"}, llmkit.ConfigurationError),
        ({"usage": {"prompt_tokens": 1}, "on": float("nan")}, llmkit.ConfigurationError),
        ({"usage": {"prompt_tokens": 1}, "on": 1e20}, llmkit.ConfigurationError),
        ({"usage": {"prompt_tokens": 1}, "on": [1]}, llmkit.ConfigurationError),
        ({"usage": {"prompt_tokens": 1}, "model": 3}, llmkit.ConfigurationError),
    ],
)
def test_mistakes_are_named(given: dict[str, Any], error: type[Exception]) -> None:
    """No price is made of what was misspelt, and nothing raises what nobody can catch."""
    with pytest.raises(error):
        completion_cost(**{"model": "openai/gpt-4o", **given})


def test_days_and_times_of_python() -> None:
    """They are as good as ISO texts: a price from a day on holds on it."""
    known = Catalogue()
    dated = [{"usd": {"input": 1}, "when": {"until": "2026-12-01"}}]
    dated += [{"usd": {"input": 2}, "when": {"from": "2026-12-01"}}]
    known.register_fields({"acme/a": {"rates": dated, "output_cost_per_token": 0}})
    million = {"prompt_tokens": 10**6, "completion_tokens": 1}
    with llmkit.Client(catalogue=known) as one:
        for on, total in (
            (date(2026, 11, 30), 1),
            (date(2026, 12, 1), 2),
            (datetime(2026, 12, 2, tzinfo=UTC), 2),
            ("2026-12-02", 2),
            (datetime(2026, 11, 2, tzinfo=UTC).timestamp(), 1),
        ):
            assert one.completion_cost(model="acme/a", usage=million, on=on).total == total
