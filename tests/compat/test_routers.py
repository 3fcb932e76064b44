"""Each kind of call of LiteLLM's router, in both colours, over a simulated provider."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from llmkit.compat import litellm
from llmkit.testing import Simulator

SAY = [{"role": "user", "content": "Hi"}]
GROUPS = {
    "chat": "openai/gpt-4o-mini",
    "vector": "openai/text-embedding-3-small",
    "text": "openai/gpt-3.5-turbo-instruct",
    "picture": "openai/dall-e-3",
    "hear": "openai/whisper-1",
    "speak": "openai/tts-1",
    "judge": "openai/omni-moderation-latest",
    "rank": "cohere/rerank-v3.5",
}
WAVE = ("a.wav", b"RIFF0000WAVE")


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """The provider of all deployments."""
    with Simulator() as made:
        yield made


@pytest.fixture
def router(simulator: Simulator) -> Any:
    """A group for each kind."""
    to = {"api_key": "sk-" + "test", "api_base": simulator.base_url}
    rows = [
        {"model_name": group, "litellm_params": {"model": model, **to}}
        for group, model in GROUPS.items()
    ]
    return litellm.Router(rows, num_retries=0)


ASKED: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
    "completion": ("chat/completions", ("chat", SAY), {}),
    "embedding": ("embeddings", ("vector", ["a"]), {}),
    "text_completion": ("completions", ("text", "a"), {}),
    "responses": ("responses", ("a", "chat"), {}),
    "image_generation": ("images/generations", ("a", "picture"), {}),
    "rerank": ("rerank", ("rank", "q", ["a", "b"]), {}),
    "atranscription": ("audio/transcriptions", (WAVE, "hear"), {}),
    "aspeech": ("audio/speech", ("speak", "a", "alloy"), {}),
    "amoderation": ("moderations", ("a", "judge"), {}),
    "schedule_acompletion": ("chat/completions", ("chat", SAY, 1), {}),
}
CALLS = [*ASKED, *(f"a{name}" for name in ASKED if name[0] != "a" and "_a" not in name)]


@pytest.mark.parametrize("name", CALLS)
def test_a_call_reaches_its_group(router: Any, simulator: Simulator, name: str) -> None:
    """One request, for the group's model, to the path of its kind."""
    path, given, named = ASKED.get(name) or ASKED[name[1:]]
    before = len(simulator.requests)
    answer = getattr(router, name)(*given, **named)
    if inspect.isawaitable(answer):

        async def awaited() -> Any:
            return await answer

        answer = asyncio.run(awaited())
    [request] = simulator.requests[before:]
    assert request.path.endswith(path)
    known = {row["model_info"]["id"] for row in router.model_list}
    assert answer._hidden_params["model_id"] in known
    if name == "aspeech":
        assert isinstance(answer, litellm.HttpxBinaryResponseContent)
        assert answer.content


def test_several_groups_and_several_conversations(router: Any) -> None:
    """An answer for each group, and a list of them for each conversation."""

    async def main() -> Any:
        return (
            await router.abatch_completion(["chat", "chat"], SAY),
            await router.abatch_completion(["chat"], [SAY, SAY]),
            await router.abatch_completion_one_model_multiple_requests("chat", [SAY, SAY]),
            await router.abatch_completion_fastest_response("chat, chat", SAY),
        )

    groups, conversations, requests, fastest = asyncio.run(main())
    assert [len(groups), len(conversations), len(conversations[0]), len(requests)] == [2, 2, 1, 2]
    texts = {one.choices[0].message.content for one in (*groups, *requests, fastest)}
    assert texts == {conversations[1][0].choices[0].message.content}


def test_a_router_shows_what_it_is(router: Any) -> None:
    """Its groups are LiteLLM's list; whatever else it has is an llmkit router's."""
    assert [row["model_name"] for row in router.model_list] == [*GROUPS]
    assert sorted(router.get_model_names()) == sorted(GROUPS)
    assert repr(router).startswith("<litellm of ")
    with pytest.raises(AttributeError):
        litellm.Router.__new__(litellm.Router).llmkit  # noqa: B018
    with pytest.raises(litellm.BadRequestError):
        litellm.Router([{"model_name": "x"}])
