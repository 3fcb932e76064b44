"""Errors that are openai's, too, where they were asked for; and libraries that take a client of ours."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from pydantic import BaseModel

import llmkit
from llmkit import errors
from llmkit.compat import litellm
from llmkit.compat.openai_errors import Client, Router, also_openais
from llmkit.testing import Cut, Simulator, scripted

MODEL, SAY = "openai/gpt-4o-mini", [{"role": "user", "content": "Hi"}]
KEY = "sk-" + "test"


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """One that raises openai's."""
    with Client(api_key=KEY, num_retries=0) as made:
        yield made


@pytest.mark.parametrize(
    ("status", "theirs"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (402, openai.APIStatusError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (409, openai.ConflictError),
        (422, openai.UnprocessableEntityError),
        (429, openai.RateLimitError),
        (503, openai.InternalServerError),
    ],
)
def test_a_status_is_openais_error(client: Client, status: int, theirs: type[Exception]) -> None:
    """And llmkit's own, with both's attributes; it can be pickled."""
    with scripted(status), pytest.raises(theirs) as caught:
        client.completion(MODEL, SAY)
    error: Any = caught.value
    assert isinstance(error, errors.for_status(status))
    assert error.response.status_code == error.status_code == status  # type: ignore[attr-defined]
    assert error.request.method == "POST"  # type: ignore[attr-defined]
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert (type(again), str(again)) == (type(error), str(error))


def test_all_ways_to_fail_are_openais(client: Client) -> None:
    """Before anything is sent, with no answer, in the middle of a stream, from async code, by way of a router."""
    with pytest.raises(openai.BadRequestError):
        client.completion(MODEL, SAY, temprature=1)  # type: ignore[call-overload]
    with pytest.raises(openai.OpenAIError):
        client.completion("nowhere-known/m", SAY)
    with scripted(TimeoutError()), pytest.raises(openai.APITimeoutError):
        client.completion(MODEL, SAY)
    with scripted(Cut("Hello there, you", after=2)), pytest.raises(openai.APIError) as caught:
        list(client.completion(MODEL, SAY, stream=True))
    assert isinstance(caught.value, errors.StreamInterruptedError)

    async def main() -> None:
        await client.acompletion(MODEL, SAY)

    with scripted(429), pytest.raises(openai.RateLimitError):
        asyncio.run(main())
    said = {"model_name": "g", "litellm_params": {"model": MODEL, "api_key": KEY}}
    with Router([said], num_retries=0) as router:
        with pytest.raises(openai.OpenAIError):
            router.completion("other", SAY)
        with scripted(401), pytest.raises(openai.AuthenticationError):
            router.completion("g", SAY)


def _every_kind() -> list[type[errors.LLMKitError]]:
    kinds = (kind for kind in vars(errors).values() if isinstance(kind, type))
    return [kind for kind in kinds if issubclass(kind, errors.LLMKitError)]


def test_every_class_is_of_both_with_both_attributes() -> None:
    """By itself and as LiteLLM's: what openai's programs look at is there, before and after ``pickle``."""
    attributes = ("message", "body", "code", "param", "type", "request")
    of_answers = ("response", "status_code", "request_id")
    for kind in _every_kind():
        for adopt in (lambda error: error, litellm.exceptions.adopted):
            error = also_openais(adopt(kind("why")))
            again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
            for one in (error, again, copy.copy(error)):
                assert isinstance(one, kind)
                assert type(one) is type(error)
                assert str(one) == str(error)
                looked_at = attributes if isinstance(one, openai.APIError) else ()
                if isinstance(one, openai.APIStatusError):
                    looked_at += of_answers
                    assert one.response.request is not None
                assert all(hasattr(one, name) for name in looked_at)
            theirs = isinstance(error, openai.OpenAIError)
            assert theirs is issubclass(kind, errors.APIError | errors.ConfigurationError)


def test_who_does_not_ask_gets_none_of_it() -> None:
    """Llmkit's own clients raise llmkit's errors, and so does the compat layer until it is told."""
    with pytest.raises(llmkit.RateLimitError) as caught:
        llmkit.completion(MODEL, SAY, mock_response=llmkit.RateLimitError("slow"))
    assert not isinstance(caught.value, openai.OpenAIError)
    with pytest.raises(litellm.RateLimitError) as other:
        litellm.completion(MODEL, SAY, mock_response="litellm.RateLimitError")
    assert not isinstance(other.value, openai.OpenAIError)
    store = errors.StoreError("full")
    assert also_openais(store) is store
    assert type(store) is errors.StoreError


def test_litellms_are_openais_where_told() -> None:
    """``except litellm.RateLimitError`` and ``except openai.RateLimitError`` both catch it."""
    litellm.openai_errors = True
    try:
        with pytest.raises(openai.RateLimitError) as caught:
            litellm.completion(MODEL, SAY, mock_response="litellm.RateLimitError")
        assert isinstance(caught.value, litellm.RateLimitError)
        with pytest.raises(openai.BadRequestError) as unknown:
            litellm.completion("nowhere-known/m", SAY)
    finally:
        litellm.openai_errors = False
    for error in (caught.value, unknown.value):
        assert type(pickle.loads(pickle.dumps(error))) is type(error)  # noqa: S301 - our own


class City(BaseModel):
    """What is asked for."""

    name: str
    people: int


def test_instructor_takes_a_clients_completion() -> None:
    """Whole answers of either colour through ``Client``, streamed ones through the compat layer."""
    instructor = pytest.importorskip("instructor")
    ask: Any = {"model": MODEL, "messages": SAY, "response_model": City}
    with Simulator() as simulator, llmkit.Client(api_key=KEY, base_url=simulator.base_url) as ours:
        chats = instructor.from_litellm(ours.completion).chat.completions
        city, answer = chats.create_with_completion(**ask)
        assert isinstance(city, City)
        assert answer.cost.total > 0
        achats = instructor.from_litellm(ours.acompletion).chat.completions
        assert isinstance(asyncio.run(achats.create(**ask)), City)
        patched = instructor.patch(create=ours.chat.completions.create)
        assert isinstance(patched(**ask), City)
        to = {"api_base": simulator.base_url, "api_key": KEY}
        streamed = instructor.from_litellm(litellm.completion).chat.completions
        for parts in (chats.create_partial(**ask), streamed.create_partial(**ask, **to)):
            assert list(parts)[-1].name == city.name
        assert [one.name for one in chats.create_iterable(**ask)] == [city.name]

        async def main() -> list[Any]:
            return [part async for part in achats.create_partial(**ask)]

        assert asyncio.run(main())[-1].name == city.name
        rows = [{"model_name": "g", "litellm_params": {"model": MODEL, **to}}]
        routed = instructor.from_litellm(llmkit.Router(rows).completion).chat.completions
        assert isinstance(routed.create(**{**ask, "model": "g"}), City)
