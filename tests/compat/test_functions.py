"""Functions of LiteLLM's that stand beside its calls: retries, mocks, keys, parameters."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from llmkit.compat import litellm
from llmkit.errors import InvalidRequestError
from llmkit.testing import Raw, scripted

MODEL = "gpt-4o-mini"
SAY = [{"role": "user", "content": "Hi"}]
KEY = "sk-" + "made-up-0123456789"
BUSY = Raw(b"{}", status=503, headers={"retry-after-ms": "1"})


@pytest.mark.parametrize("awaited", [False, True])
def test_tried_again_three_times(*, awaited: bool) -> None:
    """Unless it is said how often."""

    def ask(**how: Any) -> Any:
        if not awaited:
            return litellm.completion_with_retries(model=MODEL, messages=SAY, api_key=KEY, **how)
        return asyncio.run(
            litellm.acompletion_with_retries(model=MODEL, messages=SAY, api_key=KEY, **how)
        )

    with scripted(BUSY, BUSY, BUSY, "fine") as script:
        assert ask().choices[0].message.content == "fine"
        assert len(script.requests) == 4
    with scripted(BUSY), pytest.raises(litellm.ServiceUnavailableError):
        ask(num_retries=0)


def test_a_mock_asks_nobody() -> None:
    """It says what it is told to, or that it is one."""
    with scripted() as script:
        assert "mock" in litellm.mock_completion(MODEL, SAY).choices[0].message.content
        told = litellm.mock_completion(MODEL, SAY, mock_response="so")
        assert told.choices[0].message.content == "so"
        pieces = list(litellm.mock_completion(MODEL, SAY, stream=True))
        assert "mock" in "".join(piece.choices[0].delta.content or "" for piece in pieces)
        assert not script.requests


def test_whether_a_key_is_taken() -> None:
    """Only its refusal is one: what else fails is raised."""
    with scripted("yes") as script:
        assert litellm.check_valid_key(MODEL, KEY)
        assert script.requests[0].json()["max_completion_tokens"] == 10
    with scripted(401):
        assert not litellm.check_valid_key(MODEL, KEY)


def test_keys_that_are_missing() -> None:
    """What is given is not missing."""
    assert litellm.validate_environment("azure/x")["missing_keys"]
    told = litellm.validate_environment(
        "openai/x", api_key=KEY, api_base="https://made.up", api_version="1"
    )
    assert told == {"keys_in_environment": True, "missing_keys": []}


def test_parameters_of_chats_alone() -> None:
    """Other kinds are refused, by a name that says which may be."""
    assert "tools" in (litellm.get_supported_openai_params(MODEL) or ())
    with pytest.raises(InvalidRequestError, match="chat_completion"):
        litellm.get_supported_openai_params(MODEL, request_type="embeddings")


def test_a_function_as_a_tool() -> None:
    """Its name, what it is for and what it takes."""

    def weather(city: str) -> str:
        """The weather of a city."""
        return city

    told = litellm.utils.function_to_dict(weather)
    assert told["name"] == "weather"
    assert told["description"] == "The weather of a city."
    assert list(told["parameters"]["properties"]) == ["city"]
