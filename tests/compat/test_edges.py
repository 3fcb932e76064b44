"""What decides at the compat layer's edges: odd settings, mocks, failing loggers, and rows made of classes."""

from __future__ import annotations

import asyncio
import logging
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
from typing_extensions import override

from llmkit.compat import litellm
from llmkit.compat.litellm import _settings, exceptions
from llmkit.compat.litellm.integrations.custom_logger import CustomLogger
from llmkit.compat.litellm.llms.custom_llm import CustomLLM, CustomLLMError
from llmkit.compat.litellm.types.router import (
    AllowedFailsPolicy,
    Deployment,
    LiteLLM_Params,
    ModelInfo,
    RetryPolicy,
)
from llmkit.testing import scripted

MODEL, SAY = "openai/gpt-4o-mini", [{"role": "user", "content": "Hi"}]
KEY = "sk-" + "test-0123456789abcdef"


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As they were; with a key."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    yield
    _settings._values.clear()


# --- rows made of classes


def test_rows_made_of_classes_are_a_routers() -> None:
    """Their fields are attributes and items, one that is not there is ``None``; and they hold."""
    row = Deployment(
        model_name="g",
        litellm_params=LiteLLM_Params(model=MODEL, api_key=KEY, rpm=None),
        model_info=ModelInfo(id="one"),
    )
    assert (row.model_name, row.litellm_params.rpm, row["model_info"].id) == ("g", None, "one")
    assert row.model_dump() == {
        "model_name": "g",
        "litellm_params": {"model": MODEL, "api_key": KEY},
        "model_info": {"id": "one"},
    }
    assert not hasattr(row, "__wrapped__")
    policies = {
        "retry_policy": RetryPolicy(InternalServerErrorRetries=2),
        "allowed_fails_policy": AllowedFailsPolicy(InternalServerErrorAllowedFails=100),
    }
    router = litellm.Router([row], num_retries=0, retry_after=0, **policies)
    with scripted(500, 500, "third"):
        answer = router.completion("g", SAY)
    assert answer.choices[0].message.content == "third"
    assert answer._hidden_params["model_id"] == "one"


# --- settings


def test_what_happens_is_said_aloud_without_keys(capsys: pytest.CaptureFixture[str]) -> None:
    """``set_verbose``: on stderr, by a logger of its own."""
    litellm.set_verbose = True
    with scripted("ok"):
        litellm.completion(MODEL, SAY, metadata={"mine": KEY})
    said = capsys.readouterr().err
    assert "CallStarted" in said
    assert "Settlement" in said
    assert KEY not in said
    logging.getLogger("llmkit.compat.litellm.verbose").handlers.clear()


def test_a_setting_that_cannot_be_is_refused_where_it_is_used() -> None:
    """With what it may be."""
    litellm.ssl_verify = ["a", "b"]
    with pytest.raises(litellm.BadRequestError, match=r"ssl_verify is True, False or the path"):
        litellm.completion(MODEL, SAY, mock_response="x")


# --- mocks


class Strange(Exception):
    """Nobody's here."""

    status_code = 418


def test_a_mock_that_is_an_exception_is_raised_as_litellm_does() -> None:
    """One of LiteLLM's as it is; any other as a ``MockException`` of it, of every kind of call."""
    for ask in (
        lambda how: litellm.completion(MODEL, SAY, mock_response=how),
        lambda how: litellm.embedding("openai/text-embedding-3-small", "a", mock_response=how),
    ):
        with pytest.raises(exceptions.MockException) as raised:
            ask(Strange("odd"))
        assert raised.value.status_code == 418
        with pytest.raises(litellm.NotFoundError):
            ask(litellm.NotFoundError("none", MODEL, "openai"))
    with pytest.raises(litellm.Timeout, match="mock timeout"):
        litellm.completion(MODEL, SAY, mock_timeout=True, timeout=0.001)


def test_mocks_of_each_kind() -> None:
    """What they are made of is what LiteLLM's programs give."""
    whole = litellm.ModelResponse(choices=[{"message": {"content": "made"}}])
    assert litellm.completion(MODEL, SAY, mock_response=whole).choices[0].message.content == "made"
    calls = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    called = litellm.completion(MODEL, SAY, mock_tool_calls=calls)
    assert called.choices[0].finish_reason == "tool_calls"
    assert called.choices[0].message.tool_calls[0].function.name == "f"
    vectors = litellm.embedding(
        "openai/text-embedding-3-small", ["a", "b"], mock_response=[[0.5], [1.0]]
    )
    assert [one["embedding"] for one in vectors.data] == [[0.5], [1.0]]
    alone = litellm.embedding("openai/text-embedding-3-small", "a", mock_response=[0.5])
    assert [one["embedding"] for one in alone.data] == [[0.5]]
    text = litellm.text_completion("a", "openai/gpt-3.5-turbo-instruct", mock_response="b")
    assert text.choices[0].text == "b"
    picture = litellm.image_generation("a", "openai/dall-e-3", mock_response="https://x.example/p")
    assert picture.data[0].url == "https://x.example/p"
    assert litellm.responses("a", MODEL, mock_response="b").output_text == "b"


@pytest.mark.parametrize(
    ("keyword", "error"),
    [
        ("mock_testing_fallbacks", litellm.InternalServerError),
        ("mock_testing_context_fallbacks", litellm.ContextWindowExceededError),
        ("mock_testing_content_policy_fallbacks", litellm.ContentPolicyViolationError),
    ],
)
def test_a_fall_that_is_asked_for_and_that_there_is_none_of(keyword: str, error: type[Any]) -> None:
    """The failure that it stands for."""
    rows = [{"model_name": "g", "litellm_params": {"model": MODEL}}]
    with pytest.raises(error, match="has none"):
        litellm.Router(rows).completion("g", SAY, **{keyword: True})


# --- loggers that fail


class Failing(CustomLogger):
    """At everything."""

    @override
    async def async_post_call_failure_deployment_hook(self, *_: Any, **__: Any) -> None:
        raise ValueError("failed at a failure")

    @override
    async def async_post_call_success_deployment_hook(self, *_: Any, **__: Any) -> Any:
        raise ValueError("failed at a success")

    @override
    async def async_post_call_streaming_deployment_hook(self, *_: Any, **__: Any) -> Any:
        raise ValueError("failed at a piece")

    @override
    async def async_log_stream_event(self, *_: Any, **__: Any) -> None:
        raise ValueError("failed at a piece's log")

    @override
    def log_stream_event(self, *_: Any, **__: Any) -> None:
        raise ValueError("failed at a sync piece")

    @override
    async def async_logging_hook(self, *_: Any, **__: Any) -> Any:
        raise ValueError("failed at masking")


def test_no_logger_breaks_a_call(caplog: pytest.LogCaptureFixture) -> None:
    """What it fails with is logged; the call's own answer, pieces and error are the caller's."""
    litellm.callbacks = [Failing()]

    async def main() -> list[str]:
        with scripted("whole", "in pieces", 404):
            answer = await litellm.acompletion(MODEL, SAY)
            stream = await litellm.acompletion(MODEL, SAY, stream=True)
            pieces = [chunk.choices[0].delta.content or "" async for chunk in stream]
            with pytest.raises(litellm.NotFoundError):
                await litellm.acompletion(MODEL, SAY)
        return [answer.choices[0].message.content, "".join(pieces)]

    assert asyncio.run(main()) == ["whole", "in pieces"]
    with scripted("in pieces"):
        stream = litellm.completion(MODEL, SAY, stream=True)
        assert "".join(c.choices[0].delta.content or "" for c in stream) == "in pieces"
    for what in ("a failure", "a success", "a piece", "a piece's log", "a sync piece", "masking"):
        assert f"failed at {what}" in caplog.text


# --- streams, providers, exceptions


def test_a_stream_says_what_it_is_before_and_after() -> None:
    """Its headers at once, its cost at the end; an unknown cost in the usage is ``None``, and never 0."""
    litellm.include_cost_in_streaming_usage = True
    for model, known in ((MODEL, True), ("openai/nobody-knows-it", False)):
        with scripted("ok"):
            stream = litellm.completion(model, SAY, stream=True, stream_options={"include_usage": True})  # fmt: skip
            assert stream._hidden_params["litellm_call_id"]
            assert "content-type" in {name.lower() for name in stream._response_headers}
            used = [chunk.usage for chunk in stream if getattr(chunk, "usage", None)]
        assert (used[-1].cost is not None) is known
        assert (stream._hidden_params["response_cost"] is not None) is known


@pytest.mark.parametrize("name", ["completion", "embedding", "image_generation", "streaming"])
def test_what_a_provider_of_ones_own_lacks_is_said(name: str) -> None:
    """500, in LiteLLM's words, of both colours."""
    made = CustomLLM()
    with pytest.raises(CustomLLMError, match="Not implemented") as raised:
        getattr(made, name)()
    assert raised.value.status_code == 500

    async def main() -> None:
        found = getattr(made, f"a{name}")()
        await found

    with pytest.raises(CustomLLMError, match="Not implemented"):
        asyncio.run(main())


def test_exceptions_that_programs_raise_can_be_made_and_sent() -> None:
    """As LiteLLM's are made; and a process can send them to another."""
    made: list[Exception] = [
        exceptions.LiteLLMUnknownProvider("m"),
        exceptions.OpenAIError(ValueError("why")),
        exceptions.OpenAIError(),
        exceptions.GuardrailRaisedException("mine", "no", more=1),
        exceptions.BlockedPiiEntityError("PHONE", "mine"),
    ]
    said = [str(error) for error in made]
    assert said[0].endswith("no provider is known for the model 'm'")
    assert said[1:3] == ["why", ""]
    assert (made[3].guardrail_name, made[3].more) == ("mine", 1)  # type: ignore[attr-defined]
    assert "PHONE" in said[4]
    assert [str(pickle.loads(pickle.dumps(error))) for error in made] == said  # noqa: S301 - our own
