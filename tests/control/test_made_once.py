"""What makes something that stays is not asked for twice, where the first may have been heard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import httpx
import pytest

import llmkit
from llmkit import errors
from llmkit.testing import FrozenClock, Simulator, faults

KEY = "test-key-" + "0123456789"
ASK = [{"role": "user", "content": "Hello"}]
CHATS = [{"custom_id": "1", "body": {"model": "m", "messages": ASK}}]
FILE = {"file": ("a.jsonl", b"{}\n"), "purpose": "batch"}
SOUND = {"file": ("a.wav", b"RIFF\x00\x00\x00\x00WAVE")}
WARNED = "it may have been done all the same: look before you ask again"

Answer = Callable[[httpx.Request], httpx.Response]


def unheard(request: httpx.Request) -> httpx.Response:
    """There is no connection."""
    raise httpx.ConnectError("refused", request=request)


def status(code: int) -> Answer:
    """A refusal."""
    return lambda _: httpx.Response(code, json={"error": {"message": "no"}})


def asked(answer: Answer, function: str, **arguments: Any) -> tuple[list[str], errors.APIError]:
    """The requests that a call makes, and what it fails with; both colours do the same."""
    made: list[list[str]] = [[], []]
    failures: list[errors.APIError] = []
    options: dict[str, Any] = {"api_key": KEY, "clock": FrozenClock(), "environ": {}}

    def handler(seen: list[str]) -> Answer:
        def handle(request: httpx.Request) -> httpx.Response:
            seen.append(f"{request.method} {request.url.path}")
            return answer(request)

        return handle

    with httpx.Client(transport=httpx.MockTransport(handler(made[0]))) as http:
        client = llmkit.Client(http_client=http, **options)
        with pytest.raises(errors.APIError) as caught:
            getattr(client, function)(**arguments)
        failures.append(caught.value)

    async def later() -> None:
        transport = httpx.MockTransport(handler(made[1]))
        async with httpx.AsyncClient(transport=transport) as http:
            other = llmkit.Client(http_client=http, **options)
            with pytest.raises(errors.APIError) as again:
                await getattr(other, f"a{function}")(**arguments)
            failures.append(again.value)

    anyio.run(later)
    assert made[0] == made[1]
    assert str(failures[0]) == str(failures[1])
    return made[0], failures[0]


@pytest.mark.parametrize(
    ("function", "arguments", "path"),
    [
        ("create_batch", {"custom_llm_provider": "anthropic", "requests": CHATS}, "/v1/messages/batches"),
        ("create_batch", {"model": "mistral/m", "requests": CHATS}, "/v1/batch/jobs"),
        ("create_batch", {"custom_llm_provider": "xai", "requests": CHATS}, "/v1/batches"),
        ("create_batch", {"model": "gemini/m", "requests": CHATS}, "/v1beta/models/m:batchGenerateContent"),
        ("create_file", {"custom_llm_provider": "groq", **FILE}, "/openai/v1/files"),
        ("create_file", {"custom_llm_provider": "anthropic", "file": FILE["file"]}, "/v1/files"),
        ("create_cache", {"model": "gemini/m", "messages": ASK}, "/v1beta/cachedContents"),
        ("completion", {"model": "replicate/a/b", "messages": ASK}, "/v1/models/a/b/predictions"),
        ("image_generation", {"model": "replicate/a/b", "prompt": "An otter"}, "/v1/models/a/b/predictions"),
        ("transcription", {"model": "assemblyai/m", "file": "https://sounds.test/a.wav"}, "/v2/transcript"),
    ],
)  # fmt: skip
def test_one_request(function: str, arguments: dict[str, Any], path: str) -> None:
    """A gateway gave up, and nobody knows what became of it: it goes out once, and the error says what to do."""
    requests, error = asked(status(504), function, **arguments)
    assert requests == [f"POST {path}"]
    assert WARNED in str(error)
    assert error.args == (error.message,)


@pytest.mark.parametrize("answer", [unheard, status(500), status(429), status(503)])
def test_what_was_not_done_is_asked_for_again(answer: Answer) -> None:
    """Nobody heard it, or it was refused."""
    requests, error = asked(answer, "create_file", custom_llm_provider="groq", **FILE)
    assert requests == ["POST /openai/v1/files"] * 3
    assert WARNED not in str(error)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("create_file", FILE),
        ("create_batch", {"input_file_id": "f", "endpoint": "/v1/chat/completions", "completion_window": "24h"}),
        ("list_files", {"custom_llm_provider": "groq"}),
        ("delete_file", {"file_id": "f", "custom_llm_provider": "groq"}),
        ("cancel_batch", {"batch_id": "b", "custom_llm_provider": "groq"}),
        ("create_file", {"custom_llm_provider": "gemini", "file": FILE["file"]}),
        ("transcription", {"model": "assemblyai/m", **SOUND}),
        ("embedding", {"model": "openai/m", "input": "a"}),
    ],
)  # fmt: skip
def test_what_may_be_repeated_is(function: str, arguments: dict[str, Any]) -> None:
    """Under a key that makes it one, or where nothing is made, or only a place for what follows."""
    requests, error = asked(status(504), function, **arguments)
    assert len(requests) == 3
    assert WARNED not in str(error)


def test_each_step_by_itself() -> None:
    """A prediction is created once; it is asked for as often as need be."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(201, json={"id": "p", "status": "starting"})
        return httpx.Response(504)

    requests, error = asked(answer, "completion", model="replicate/a/b", messages=ASK)
    assert requests == ["POST /v1/models/a/b/predictions", *["GET /v1/predictions/p"] * 3]
    assert WARNED not in str(error)


def test_a_bag_is_filled_once() -> None:
    """Calls that were put in twice would be billed twice."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/requests"):
            return httpx.Response(504)
        return httpx.Response(200, json={"batch_id": "b"})

    requests, error = asked(answer, "create_batch", custom_llm_provider="xai", requests=CHATS)
    assert requests == ["POST /v1/batches", "POST /v1/batches/b/requests"]
    assert WARNED in str(error)


def test_an_error_that_is_final_anyway() -> None:
    """A mistake of the caller's is told as it is."""
    requests, error = asked(status(400), "create_file", custom_llm_provider="groq", **FILE)
    assert len(requests) == 1
    assert WARNED not in str(error)


@pytest.mark.parametrize(
    ("function", "arguments", "times"),
    [
        ("create_file", {"custom_llm_provider": "groq", **FILE}, 1),
        ("create_batch", {"custom_llm_provider": "anthropic", "requests": CHATS}, 1),
        ("list_files", {"custom_llm_provider": "groq"}, 3),
    ],
)
def test_a_connection_that_breaks(function: str, arguments: dict[str, Any], times: int) -> None:
    """With the request out and no answer there."""
    with Simulator() as simulator:
        simulator.fail_always(faults.Reset("before"))
        base_url = simulator.base_url_for(arguments["custom_llm_provider"])
        client = llmkit.Client(api_key=KEY, base_url=base_url, clock=FrozenClock())
        with client, pytest.raises(errors.APIConnectionError) as caught:
            getattr(client, function)(**arguments)
        assert len(simulator.requests) == times
    assert (WARNED in str(caught.value)) is (times == 1)


def test_the_warning_is_said_where_nothing_is_tried_again() -> None:
    """Whoever tries again by himself must know, too."""
    arguments = {"custom_llm_provider": "groq", "num_retries": 0, **FILE}
    requests, error = asked(status(502), "create_file", **arguments)
    assert len(requests) == 1
    assert str(error).count(WARNED) == 1
