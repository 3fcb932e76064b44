"""``CustomLogger``'s methods that look into a call: pieces of streams, what may be changed, fallbacks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from typing_extensions import override

from llmkit.compat import litellm
from llmkit.compat.litellm import _settings
from llmkit.compat.litellm.integrations.custom_logger import CustomLogger
from llmkit.compat.litellm.types.utils import CallTypes
from llmkit.testing import scripted

MODEL, SAY = "openai/gpt-4o-mini", [{"role": "user", "content": "Hi"}]
KEY = "sk-" + "test"


@pytest.fixture(autouse=True)
def settings() -> Iterator[None]:
    """As they were."""
    yield
    _settings._values.clear()


class Pieces(CustomLogger):
    """Of streams."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[str, Any]] = []

    @override
    def log_stream_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        assert end_time >= start_time
        self.rows.append((kwargs["call_type"], response_obj.choices[0].delta.content))

    @override
    async def async_log_stream_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self.rows.append((kwargs["call_type"], response_obj.choices[0].delta.content))

    @override
    def log_success_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self.rows.append(("whole", response_obj.choices[0].message.content))


def test_pieces_of_streams_are_told() -> None:
    """Each of them, in order, of either colour; what a logger raises breaks nothing."""
    told = Pieces()
    litellm.callbacks = [told]
    with scripted("One two", "One two"):
        pieces = list(litellm.completion(MODEL, SAY, stream=True, api_key=KEY))

        async def main() -> int:
            stream = await litellm.acompletion(MODEL, SAY, stream=True, api_key=KEY)
            return len([piece async for piece in stream])

        count = asyncio.run(main())
    texts = [piece.choices[0].delta.content for piece in pieces]
    assert [text for name, text in told.rows if name == "completion"] == texts
    assert ("whole", "One two") in told.rows
    assert len([text for name, text in told.rows if name == "acompletion"]) == count


def test_a_logger_that_fails_in_a_stream_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Of either colour, and where it would change a piece; the stream goes on."""

    class Failing(CustomLogger):
        @override
        def log_stream_event(self, *_: Any) -> None:
            raise ValueError("sync")

        @override
        async def async_log_stream_event(self, *_: Any) -> None:
            raise ValueError("async")

        @override
        async def async_post_call_streaming_deployment_hook(self, *_: Any) -> Any:
            raise ValueError("changing")

    litellm.callbacks = [Failing()]

    async def main() -> str:
        stream = await litellm.acompletion(MODEL, SAY, stream=True, mock_response="ok")
        return "".join([piece.choices[0].delta.content or "" async for piece in stream])

    with caplog.at_level(logging.ERROR, "llmkit"):
        assert list(litellm.completion(MODEL, SAY, stream=True, mock_response="ok"))
        assert asyncio.run(main()) == "ok"
    for word in ("sync", "async", "changing"):
        assert f"ValueError: {word}" in caplog.text


class Changing(CustomLogger):
    """As LiteLLM's page on hooks shows them."""

    def __init__(self) -> None:
        super().__init__()
        self.failures: list[Any] = []

    @override
    async def async_pre_call_deployment_hook(self, kwargs: Any, call_type: Any) -> Any:
        assert call_type == CallTypes.acompletion == "acompletion"
        if kwargs["messages"][0]["content"] == "forbidden":
            raise litellm.RejectedRequestError("no", kwargs["model"], "mine")
        return {**kwargs, "temperature": 0.25}

    @override
    async def async_post_call_success_deployment_hook(
        self, request_data: Any, response: Any, call_type: Any
    ) -> Any:
        response.choices[0].message.content += f" at {request_data['temperature']}"
        return response

    @override
    async def async_post_call_failure_deployment_hook(
        self, request_data: Any, exception: Exception, call_type: Any, fallback_depth: Any = None
    ) -> None:
        self.failures.append((request_data["model"], type(exception).__name__))

    @override
    async def async_post_call_streaming_deployment_hook(
        self, request_data: Any, response_chunk: Any, call_type: Any
    ) -> Any:
        text = response_chunk.choices[0].delta.content
        response_chunk.choices[0].delta.content = text and text.upper()
        return response_chunk


def test_async_calls_can_be_changed() -> None:
    """Their arguments, answers and pieces, and they can be refused; a failure is told."""
    logger = Changing()
    litellm.callbacks = [logger]

    async def main() -> list[Any]:
        whole = await litellm.acompletion(MODEL, SAY, api_key=KEY)
        stream = await litellm.acompletion(MODEL, SAY, api_key=KEY, stream=True)
        text = "".join([piece.choices[0].delta.content or "" async for piece in stream])
        with pytest.raises(litellm.RateLimitError):
            await litellm.acompletion(MODEL, messages=SAY, api_key=KEY, num_retries=0)
        with pytest.raises(litellm.RejectedRequestError):
            await litellm.acompletion(MODEL, [{"role": "user", "content": "forbidden"}])
        return [whole.choices[0].message.content, text]

    with scripted("fine", "loud", 429) as script:
        assert asyncio.run(main()) == ["fine at 0.25", "LOUD"]
    assert script.calls[0].request.json()["temperature"] == 0.25
    assert logger.failures[0] == (MODEL, "RateLimitError")


def test_what_is_told_can_be_masked() -> None:
    """``logging_hook`` and its twin change what loggers see, and not the answer."""
    seen: list[Any] = []

    class Masking(CustomLogger):
        @override
        def logging_hook(self, kwargs: Any, result: Any, call_type: str) -> Any:
            return {**kwargs, "messages": call_type}, "masked"

        @override
        async def async_logging_hook(self, kwargs: Any, result: Any, call_type: str) -> Any:
            return {**kwargs, "messages": call_type}, "masked"

        @override
        def log_success_event(self, kwargs: Any, response_obj: Any, *_: Any) -> None:
            seen.append((kwargs["messages"], response_obj))

        @override
        async def async_log_success_event(self, kwargs: Any, response_obj: Any, *_: Any) -> None:
            seen.append((kwargs["messages"], response_obj))

    litellm.callbacks = [Masking()]
    assert litellm.completion(MODEL, SAY, mock_response="ok").choices[0].message.content == "ok"
    asyncio.run(litellm.acompletion(MODEL, SAY, mock_response="ok"))
    assert seen == [("completion", "masked"), ("acompletion", "masked")]


def test_fallbacks_are_told() -> None:
    """With the group that was asked, and what it failed with."""
    seen: list[Any] = []

    class Falling(CustomLogger):
        @override
        async def log_success_fallback_event(
            self, original_model_group: str, kwargs: Any, original_exception: Exception
        ) -> None:
            seen.append(("success", original_model_group, type(original_exception).__name__))

        @override
        async def log_failure_fallback_event(
            self, original_model_group: str, kwargs: Any, original_exception: Exception
        ) -> None:
            seen.append(("failure", original_model_group, type(original_exception).__name__))

    litellm.callbacks = [Falling()]
    to = {"model": MODEL, "api_key": KEY}
    rows = [{"model_name": name, "litellm_params": to} for name in ("bad", "good")]
    router = litellm.Router(rows, fallbacks=[{"bad": ["good"]}], num_retries=0)
    with scripted(500, "fine"):
        assert asyncio.run(router.acompletion("bad", SAY)).choices[0].message.content == "fine"
    with scripted(500, 500), pytest.raises(litellm.InternalServerError):
        asyncio.run(
            litellm.Router(rows, fallbacks=[{"bad": ["good"]}], num_retries=0).acompletion(
                "bad", SAY
            )
        )
    assert seen == [
        ("success", "bad", "InternalServerError"),
        ("failure", "bad", "InternalServerError"),
    ]


def test_methods_that_nobody_calls_are_said() -> None:
    """Once for a class, where the program stands."""

    class Filtering(CustomLogger):
        async def async_pre_routing_hook(self, *_: Any) -> Any:
            """LiteLLM's routers call it."""

    litellm.callbacks = [Filtering(), Filtering()]
    with pytest.warns(litellm.UnhonouredSettingWarning, match="async_pre_routing_hook") as said:
        litellm.completion(MODEL, SAY, mock_response="ok")
    assert [one.filename for one in said] == [__file__]
