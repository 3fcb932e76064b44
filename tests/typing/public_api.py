"""What a type checker must make of the public API. Checked by mypy (`scripts/check`), never run."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, assert_type

import llmkit
from llmkit.compat import litellm
from llmkit.types import ListedModel, ResponseEvent

MODEL = "openai/gpt-4o-mini"
MESSAGES: list[dict[str, Any]] = [{"role": "user", "content": "Hello"}]


def sync_calls() -> None:
    """`stream` decides the type of the result."""
    whole = llmkit.completion(model=MODEL, messages=MESSAGES)
    assert_type(whole, llmkit.ChatCompletion)
    assert_type(
        llmkit.completion(model=MODEL, messages=MESSAGES, stream=False), llmkit.ChatCompletion
    )
    assert_type(whole.choices[0].message.content, str | None)
    assert_type(whole.choices[0].finish_reason, str | None)
    stream = llmkit.completion(model=MODEL, messages=MESSAGES, stream=True)
    assert_type(stream, llmkit.Stream)
    with stream as entered:
        for chunk in entered:
            assert_type(chunk, llmkit.ChatCompletionChunk)
    assert_type(stream.response, llmkit.ChatCompletion)


async def async_calls() -> None:
    """The async twins have the same types behind an await."""
    whole = await llmkit.acompletion(model=MODEL, messages=MESSAGES)
    assert_type(whole, llmkit.ChatCompletion)
    stream = await llmkit.acompletion(model=MODEL, messages=MESSAGES, stream=True)
    assert_type(stream, llmkit.AsyncStream)
    async with stream as entered:
        async for chunk in entered:
            assert_type(chunk, llmkit.ChatCompletionChunk)


def clients() -> None:
    """A client's methods are typed like the functions."""
    with llmkit.Client(timeout=30, num_retries=2) as client:
        assert_type(client, llmkit.Client)
        assert_type(client.completion(model=MODEL, messages=MESSAGES), llmkit.ChatCompletion)
        created = client.chat.completions.create(model=MODEL, messages=MESSAGES)
        assert_type(created, llmkit.ChatCompletion)
        made = client.embeddings.create(model=MODEL, input="Hello")
        assert_type(made, llmkit.EmbeddingResponse)
        assert_type(client.responses.create(model=MODEL, input="Hello"), llmkit.Response)
        assert_type(client.responses("Hello", MODEL), llmkit.Response)
        for event in client.responses.create(model=MODEL, input="Hello", stream=True):
            assert_type(event, ResponseEvent)
        assert_type(client.messages.create(model=MODEL, messages=MESSAGES), llmkit.MessageResponse)
        assert_type(client.messages(MODEL, MESSAGES), llmkit.MessageResponse)
        for model in client.models.list():
            assert_type(model, ListedModel)


def catalogue() -> None:
    """What the catalogue says has types; prices may be exact or floats."""
    info = llmkit.get_model_info(MODEL)
    assert_type(info, llmkit.ModelInfo)
    assert_type(info.max_input_tokens, int | None)
    assert_type(llmkit.supports(MODEL, "tools"), bool)
    made = llmkit.register_model("openai/mine", like=MODEL, input_cost_per_token="0.000001")
    assert_type(made, tuple[llmkit.ModelInfo, ...])
    llmkit.register_model({"openai/mine": {"input_cost_per_token": 1e-06}})
    assert_type(llmkit.refresh_catalogue("https://a.test/b", sha256="0" * 64), str)
    with llmkit.Client(catalogue=llmkit.Catalogue("mine.json"), input_cost_per_token=1) as client:
        assert_type(client.catalogue, llmkit.Catalogue)
        client.completion(model=MODEL, messages=MESSAGES, output_cost_per_token=Decimal("0.1"))
    assert_type(litellm.supports_vision(MODEL), bool)
    assert_type(litellm.completion_cost(model=MODEL, prompt="hi"), float)
    assert_type(litellm.cost_per_token(MODEL, 1, 1), tuple[float, float])
    assert_type(litellm.token_counter(MODEL, text="hi"), int)
    assert_type(litellm.get_model_info(MODEL), dict[str, Any])
    assert_type(litellm.get_max_tokens(MODEL), int | None)


def mistakes() -> None:
    """What is wrong is seen before it runs; an ignore that is not needed fails the check."""
    llmkit.completion(model=MODEL, messages=MESSAGES, temprature=1)  # type: ignore[call-overload]
    llmkit.completion(model=MODEL, messages=MESSAGES, temperature="hot")  # type: ignore[call-overload]
    llmkit.completion(messages=MESSAGES)  # type: ignore[call-overload]
    llmkit.Client(catalogue=5)  # type: ignore[arg-type]
    llmkit.Client(input_cost_per_token=[])  # type: ignore[arg-type]


def errors(error: llmkit.APIStatusError) -> None:
    """Attributes of errors have types, too."""
    assert_type(error.status_code, int | None)
    assert_type(error.retry_after, float | None)
    assert_type(error.retryable, bool)


def money(response: llmkit.ChatCompletion) -> None:
    """A cost is decimal or unknown, never a float."""
    assert_type(response.cost.total, Decimal | None)


def costs_again() -> None:
    """Costs are ``Cost``, amounts ``Decimal``."""
    cost = llmkit.completion_cost(model=MODEL, usage={"prompt_tokens": 1, "completion_tokens": 1})
    assert_type(cost, llmkit.Cost)
    assert_type(cost.total, Decimal | None)
    assert_type(cost + cost, llmkit.Cost)
    assert_type(sum([cost], llmkit.Cost.zero), llmkit.Cost)
    assert_type(llmkit.cost_per_token(MODEL, 1, 1), tuple[Decimal, Decimal])
    assert_type(llmkit.Client().completion_cost(model=MODEL, prompt="Hello"), llmkit.Cost)


def bounds_and_amounts() -> None:
    """A bound is a cost or says why there is none; amounts are Decimals, LiteLLM's are floats."""
    for bound in (
        llmkit.cost_bound(MODEL, MESSAGES, max_tokens=5),
        llmkit.cost_bound(model=MODEL, messages=MESSAGES),
    ):
        assert_type(bound, llmkit.Cost | llmkit.Unbounded)
        if bound:
            assert_type(bound, llmkit.Cost)
    sides = llmkit.cost_per_token(MODEL, 10, 5, cache_read_input_tokens=3)
    assert_type(sides, tuple[Decimal, Decimal])
    llmkit.cost_per_token(MODEL, cached=3)  # type: ignore[call-arg]
    assert_type(llmkit.completion_cost(usage={}, model=MODEL), llmkit.Cost)
    assert_type(litellm.cost_per_token(MODEL, 10, 5), tuple[float, float])
