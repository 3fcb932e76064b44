"""Custom providers: a program's functions with all that llmkit does for a call."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from typing_extensions import override

import llmkit
from llmkit import providers
from llmkit.compat import litellm
from llmkit.compat.litellm import _settings
from llmkit.compat.litellm.llms.custom_llm import CustomLLM, CustomLLMError
from llmkit.compat.litellm.types.utils import EmbeddingResponse, ImageObject, ImageResponse
from llmkit.errors import ConfigurationError, UnboundedCostError

SAY = [{"role": "user", "content": "Hi"}]


def _piece(text: str, *, last: bool = False) -> dict[str, Any]:
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3} if last else None
    finish = "stop" if last else ""
    return {"text": text, "is_finished": last, "finish_reason": finish, "index": 0, "usage": usage}


class Mine(CustomLLM):
    """Answers with what it was asked with; fails as often as it is told."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.fails: list[Exception] = []
        self.closed = False

    def _answer(self, kwargs: dict[str, Any]) -> Any:
        self.asked.append(kwargs)
        if self.fails:
            raise self.fails.pop(0)
        answer = kwargs["model_response"]
        answer.choices[0].message.content = f"{kwargs['model']} says hi"
        answer.usage = litellm.Usage(prompt_tokens=10, completion_tokens=5, total_tokens=15)
        return answer

    @override
    def completion(self, *args: Any, **kwargs: Any) -> Any:
        return self._answer(kwargs)

    @override
    async def acompletion(self, *args: Any, **kwargs: Any) -> Any:
        return self._answer(kwargs)

    @override
    def streaming(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        self._answer(kwargs)
        try:
            yield _piece("one ")
            if kwargs["model"] == "breaks":
                raise ValueError("broke")
            yield _piece("two", last=True)
        finally:
            self.closed = True

    @override
    async def astreaming(self, *args: Any, **kwargs: Any) -> Any:
        self._answer(kwargs)
        yield _piece("one ")
        if kwargs["model"] == "hangs":
            await asyncio.sleep(30)
        yield _piece("two", last=True)

    @override
    def embedding(self, *args: Any, **kwargs: Any) -> Any:
        rows = [{"embedding": [0.5], "index": i} for i, _ in enumerate(kwargs["input"])]
        return EmbeddingResponse(model="e", data=rows)

    @override
    def image_generation(self, *args: Any, **kwargs: Any) -> Any:
        return ImageResponse(
            created=1, data=[ImageObject(url=f"https://x.test/{kwargs['prompt']}")]
        )


@pytest.fixture
def mine() -> Iterator[Mine]:
    """The one behind ``my-llm``."""
    made = Mine()
    litellm.custom_provider_map = [{"provider": "my-llm", "custom_handler": made}]
    yield made
    _settings._values.clear()


def _text(answer: Any) -> str:
    return str(answer.choices[0].message.content)


def test_the_functions_get_what_litellms_get(mine: Mine) -> None:
    """Key, address, headers, parameters, metadata; what nobody knows, too."""
    answer = litellm.completion(
        "my-llm/m1", SAY, temperature=0.5, api_key="k", api_base="http://a.test/v1",
        headers={"x-mine": "1"}, timeout=5, odd=7, metadata={"run": 1},
    )  # fmt: skip
    (asked,) = mine.asked
    assert _text(answer) == "m1 says hi"
    assert answer._hidden_params["custom_llm_provider"] == "my-llm"
    assert asked["optional_params"] == {"temperature": 0.5, "odd": 7}
    assert (asked["api_key"], asked["api_base"]) == ("k", "http://a.test/v1")
    assert (asked["headers"], asked["timeout"]) == ({"x-mine": "1"}, 5)
    assert asked["litellm_params"]["metadata"] == {"run": 1}
    assert asked["messages"] == SAY


def test_streams_of_either_colour(mine: Mine) -> None:
    """With their usage; one that is left early ends the function's generator."""
    pieces = list(litellm.completion("my-llm/m", SAY, stream=True))
    assert "".join(p.choices[0].delta.content or "" for p in pieces) == "one two"
    assert mine.asked[0]["optional_params"] == {"stream": True}
    assert litellm.stream_chunk_builder(pieces).usage.total_tokens == 3
    mine.closed = False
    with litellm.completion("my-llm/m", SAY, stream=True) as stream:
        next(stream)
    assert mine.closed

    async def main() -> str:
        stream = await litellm.acompletion("my-llm/m", SAY, stream=True)
        return "".join([p.choices[0].delta.content or "" async for p in stream])

    assert asyncio.run(main()) == "one two"


def test_a_stream_that_breaks_or_hangs_ends(mine: Mine) -> None:
    """With what came; the deadline is the call's."""
    stream = litellm.completion("my-llm/breaks", SAY, stream=True)
    with pytest.raises(litellm.MidStreamFallbackError, match="ValueError: broke") as caught:
        list(stream)
    assert caught.value.generated_content == "one "
    assert isinstance(caught.value.__cause__, ValueError)

    async def main() -> None:
        stream = await litellm.acompletion("my-llm/hangs", SAY, stream=True, timeout=0.2)
        async for _ in stream:
            pass

    with pytest.raises((litellm.Timeout, litellm.MidStreamFallbackError)):
        asyncio.run(main())


@pytest.mark.parametrize(
    ("raised", "name"),
    [
        (CustomLLMError(429, "slow"), "RateLimitError"),
        (CustomLLMError(418, "tea"), "APIError"),
        (ValueError("bug"), "InternalServerError"),
        (litellm.ContextWindowExceededError("long", "m", "my-llm"), "ContextWindowExceededError"),
    ],
)
def test_failures_are_litellms_and_tried_again_if_asked(
    mine: Mine, raised: Exception, name: str
) -> None:
    """Once unless somebody says otherwise, as there; the program's own exception is the cause."""
    mine.fails = [raised, raised]
    with pytest.raises(getattr(litellm, name)) as caught:
        litellm.completion("my-llm/m", SAY)
    assert len(mine.asked) == 1
    assert caught.value.__cause__ is raised or type(raised) is type(caught.value)
    if name in {"RateLimitError", "InternalServerError"}:
        assert _text(litellm.completion("my-llm/m", SAY, num_retries=1)) == "m says hi"
        assert len(mine.asked) == 3


def test_routers_fall_back_to_and_from_them(mine: Mine) -> None:
    """And count their failures as any other's."""
    rows = [
        {"model_name": "bad", "litellm_params": {"model": "my-llm/bad", "temperature": 0.3}},
        {"model_name": "good", "litellm_params": {"model": "my-llm/good"}},
    ]
    router = litellm.Router(rows, fallbacks=[{"bad": ["good"]}], num_retries=0)
    mine.fails = [CustomLLMError(500, "down")]
    assert _text(router.completion("bad", SAY)) == "good says hi"
    assert mine.asked[0]["optional_params"] == {"temperature": 0.3}
    mine.fails = [CustomLLMError(500, "down")]
    router = litellm.Router(rows, fallbacks=[{"bad": ["good"]}], num_retries=0)
    assert _text(asyncio.run(router.acompletion("bad", SAY))) == "good says hi"


def test_budgets_and_loggers_know_what_they_cost(mine: Mine) -> None:
    """By the prices that somebody gives or registers; without any, it is not known, and a budget refuses."""
    told: list[Any] = []
    litellm.success_callback = [lambda kwargs, *_: told.append(kwargs["response_cost"])]
    prices = {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-5}
    answer = litellm.completion("my-llm/m", SAY, **prices)
    assert answer._hidden_params["response_cost"] == pytest.approx(6e-5)
    assert litellm.completion("my-llm/m", SAY)._hidden_params["response_cost"] is None
    assert told == [pytest.approx(6e-5), None]
    row = {**prices, "max_output_tokens": 9, "litellm_provider": "my-llm", "mode": "chat"}
    litellm.register_model({"my-llm/known": row})
    litellm.max_budget = 0.01
    litellm._current_cost = 0.0
    try:
        assert litellm.completion("my-llm/known", SAY)._hidden_params["response_cost"] > 0
        with pytest.raises(UnboundedCostError, match="no price for this model"):
            litellm.completion("my-llm/m", SAY)
        litellm.max_budget = 0.0001
        with pytest.raises(litellm.BudgetExceededError):
            litellm.completion("my-llm/known", SAY)
    finally:
        litellm.max_budget = 0.0
        _settings.BUDGET.manager = None
    assert len(mine.asked) == 3


def test_vectors_and_pictures(mine: Mine) -> None:
    """Other calls say that they are not there."""
    assert len(litellm.embedding("my-llm/e", ["a", "b"]).data) == 2
    assert litellm.image_generation("cat", "my-llm/i").data[0].url == "https://x.test/cat"
    assert litellm.responses("Hi", "my-llm/m").output[0].content[0].text == "m says hi"
    with pytest.raises(litellm.InternalServerError, match="Not implemented"):
        asyncio.run(litellm.aembedding("my-llm/e", ["a"]))
    with pytest.raises(litellm.BadRequestError, match="no rerank"):
        litellm.rerank("my-llm/r", "q", ["d"])


def test_what_is_no_answer_is_said(mine: Mine) -> None:
    """A function that forgot to return, and what JSON cannot say."""
    mine.completion = lambda **_: None  # type: ignore[method-assign]
    with pytest.raises(litellm.APIResponseValidationError, match=r"model_response.*and return it"):
        litellm.completion("my-llm/m", SAY)
    with pytest.raises(litellm.BadRequestError):
        litellm.completion("my-llm/m", SAY, odd=object())


def test_names_that_cannot_be(mine: Mine) -> None:
    """A built-in provider's, none at all, one that is not there any more; and who calls it elsewhere is told."""
    with pytest.raises(ConfigurationError, match=r"call it by llmkit\.compat\.litellm"):
        llmkit.completion("my-llm/m", SAY)
    litellm.completion("my-llm/m", SAY)
    assert "my_llm" not in providers.names()
    for row, why in (
        ({"provider": "openai", "custom_handler": mine}, "is a provider already"),
        ({"provider": "My LLM!", "custom_handler": mine}, "no provider's name"),
        ({"provider": "x"}, "each row is"),
        ({"provider": "x", "custom_handler": Mine}, r"give an instance, Mine\(\)"),
    ):
        litellm.custom_provider_map = [row]
        with pytest.raises(litellm.BadRequestError, match=why):
            litellm.completion("my-llm/m", SAY)
    litellm.custom_provider_map = []
    with pytest.raises(litellm.BadRequestError, match="has no 'my-llm' any more"):
        litellm.completion("my-llm/m", SAY)
