"""Every registered provider, through the public functions: keys, headers, and calls against the simulator."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

import llmkit
from llmkit import providers
from llmkit.testing import Simulator
from llmkit.wires.anthropic_messages import AnthropicMessages
from llmkit.wires.bedrock_converse import BedrockConverse
from llmkit.wires.cohere_chat import CohereChat
from llmkit.wires.cohere_chat_v1 import CohereChatV1
from llmkit.wires.gemini import Gemini
from llmkit.wires.openai_chat import OpenAIChat
from llmkit.wires.sagemaker import SageMakerChat

NAMES = [name for name in providers.names() if providers.get(name).chat is not None]
# The wires that the simulator speaks.
SPOKEN = (
    OpenAIChat,
    AnthropicMessages,
    Gemini,
    BedrockConverse,
    SageMakerChat,
    CohereChat,
    CohereChatV1,
)
SIMULATED = [n for n in NAMES if isinstance(providers.get(n).chat, SPOKEN)]
MESSAGES = [{"role": "user", "content": "Say hello."}]
# Where a model's name is more than that.
MODELS = {"ragflow": "ragflow/chat/an-id/some-model"}
KEY = "test-key-1234567890"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """One simulator for all providers of this module."""
    with Simulator() as running:
        yield running


def options(name: str, simulator: Simulator) -> dict[str, Any]:
    """Where and as whom to call: OpenAI's wire knows bearer tokens, other headers are looked at here."""
    auth = providers.get(name).auth
    other = isinstance(auth, providers.HeaderKey) and auth.header != "authorization"
    headers = {"authorization": "Bearer for-the-simulator"} if other else {}
    return {"api_key": KEY, "base_url": simulator.base_url, "extra_headers": headers}


def address(name: str) -> dict[str, str]:
    """The base URL option, for the providers that have no address of their own."""
    provider = providers.get(name)
    own = provider.base_url is not None and "{" not in provider.base_url
    return {} if own else {"base_url": "https://somewhere.example/v1"}


@pytest.mark.parametrize("name", NAMES)
def test_each_key_variable_reaches_one_header(name: str) -> None:
    """A key from any of a provider's variables is used, named by source, and shown nowhere."""
    for variable in providers.get(name).key_env:
        client = llmkit.Client(environ={variable: KEY})
        dry = client.completion(
            MODELS.get(name, f"{name}/some-model"), MESSAGES, dry_run=True, **address(name)
        )
        assert dry.key_source == variable
        assert "[redacted]" in dry.headers.values()
        assert KEY not in repr(dry)


@pytest.mark.parametrize("name", NAMES)
def test_the_first_key_variable_wins(name: str) -> None:
    """Where several variables are set, the first one that the provider lists is used."""
    variables = providers.get(name).key_env
    client = llmkit.Client(environ=dict.fromkeys(variables, KEY))
    dry = client.completion(
        MODELS.get(name, f"{name}/some-model"), MESSAGES, dry_run=True, **address(name)
    )
    assert dry.key_source == next(iter(variables), None)


@pytest.mark.parametrize("name", SIMULATED)
def test_sync_calls(name: str, simulator: Simulator) -> None:
    """A provider answers, streaming and not, and its key arrives in the header that it reads."""
    client = llmkit.Client(environ={}, **options(name, simulator))
    answer = client.completion(MODELS.get(name, f"{name}/some-model"), MESSAGES)
    assert "Say hello." in answer.text
    assert answer.call.provider == name
    assert KEY in "".join(simulator.requests[-1].headers.values())
    with client.completion(MODELS.get(name, f"{name}/some-model"), MESSAGES, stream=True) as stream:
        assert "".join(chunk.text for chunk in stream) == answer.text
    client.close()


@pytest.mark.parametrize("name", SIMULATED)
def test_async_calls(name: str, simulator: Simulator) -> None:
    """The same in async code."""

    async def ask() -> tuple[str, str]:
        async with llmkit.Client(environ={}, **options(name, simulator)) as client:
            answer = await client.acompletion(MODELS.get(name, f"{name}/some-model"), MESSAGES)
            stream = await client.acompletion(
                MODELS.get(name, f"{name}/some-model"), MESSAGES, stream=True
            )
            return answer.text, "".join([chunk.text async for chunk in stream])

    whole, streamed = asyncio.run(ask())
    assert whole == streamed
    assert "Say hello." in whole
