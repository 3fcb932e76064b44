"""Scripted answers: for every provider, form and colour, with all but the network real."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel

import llmkit
from llmkit import RetryPolicy, errors, providers
from llmkit._flow import Deadlines
from llmkit._http import HTTPRequest
from llmkit._io._progress import Progress
from llmkit._io._tap import through
from llmkit.testing import (
    Cut,
    FrozenClock,
    Raw,
    ScriptExhaustedError,
    Simulator,
    ToolUse,
    no_network,
    scripted,
)
from llmkit.testing._dialects import DIALECTS
from llmkit.testing._wires import WIRES

from ._io import colours

each_colour = colours.each_colour
each_form = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
MESSAGES = [{"role": "user", "content": "hi"}]
MODEL = "openai/gpt-4o-mini"
# One provider for each wire that the simulated servers speak, and some that speak OpenAI's in their own way.
SPOKEN = {wire.name for wire in WIRES}
# What is not a chat is not scripted.
NO_CHATS = {
    "anthropic_others", "assemblyai", "cohere_embed", "cohere_generate", "deepgram", "elevenlabs", "gemini_others",
    "openai_audio", "openai_embeddings", "openai_others", "rerank",
}  # fmt: skip
# A prediction and its stream are two requests, and an entry of a script answers one.
NO_CHATS |= {"replicate"}
MODELS = [
    model
    for wire, model in (
        ("openai_chat", MODEL),
        ("openai_chat", "groq/llama-3.3-70b-versatile"),
        ("openai_chat", "mistral/mistral-small-latest"),
        ("ollama_chat", "ollama/llama3.2"),
        ("anthropic_messages", "anthropic/claude-haiku-4-5"),
        ("gemini", "gemini/gemini-3.5-flash"),
    )
    if wire in SPOKEN
]
each_model = pytest.mark.parametrize("model", MODELS)
GET_WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


class City(BaseModel):
    """A structured answer."""

    name: str
    people: int


def ask(model: str = MODEL, **params: Any) -> Any:
    """One call of a client whose environment is empty."""
    return llmkit.Client(environ={}, num_retries=0).completion(model, MESSAGES, **params)


@each_model
@each_form
@each_colour
async def test_a_text(colour: Any, model: str, *, stream: bool) -> None:
    """A text comes back in each colour and form, without key and socket, counted, settled and shown as scripted."""
    client = llmkit.Client(environ={})
    with no_network(allow=()), scripted("Hello there, reader.") as script:
        response = await colour.ask(client, model=model, stream=stream)
    assert response.choices[0].message.content == "Hello there, reader."
    assert response.choices[0].finish_reason == "stop"
    assert response.usage.completion_tokens > 0
    assert response.call.transport == "scripted"
    assert [s.outcome for s in client.ledger.settlements] == ["completed"]
    [request] = script.requests
    assert request.method == "POST"
    assert "hi" in request.body.decode()
    assert script.calls[0].answer == "Hello there, reader."
    await colour.close(client)


@each_model
@each_form
def test_tool_calls(model: str, *, stream: bool) -> None:
    """Tool calls come back as the provider would have sent them, alone and behind a text."""
    alone = ToolUse("get_weather", {"city": "Paris"})
    with scripted(alone, ["Let me see. ", alone, ToolUse("get_weather", '{"city": "Rome"}')]):
        for count in (1, 2):
            response = ask(model, tools=[GET_WEATHER], stream=stream)
            answer = response.until_done() if stream else response
            choice = answer.choices[0]
            assert choice.finish_reason == "tool_calls"
            arguments = [json.loads(c.function.arguments) for c in choice.message.tool_calls]
            assert arguments == [{"city": "Paris"}, {"city": "Rome"}][:count]
            assert (choice.message.content or "") == ("" if count == 1 else "Let me see. ")


def test_a_loop_of_an_agent() -> None:
    """The answer to a call goes back with its result, as with a real provider."""
    with scripted(ToolUse("get_weather", id="call_1"), "Sunny.") as script:
        first = ask(tools=[GET_WEATHER])
        result = {"role": "tool", "tool_call_id": "call_1", "content": "sun"}
        messages = [*MESSAGES, first.choices[0].message, result]
        client = llmkit.Client(environ={})
        assert client.completion(MODEL, messages, tools=[GET_WEATHER]).text == "Sunny."
    assert [m["role"] for m in script.requests[1].json()["messages"]] == [
        "user",
        "assistant",
        "tool",
    ]


COMPLETION = {
    "id": "x",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "4", "reasoning_content": "2 + 2"},
            "finish_reason": "length",
        }
    ],
    "usage": {
        "prompt_tokens": 100,
        "completion_tokens": 50,
        "completion_tokens_details": {"reasoning_tokens": 30},
    },
}
CHUNKS = [
    {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "He"}}]},
    {"choices": [{"index": 0, "delta": {"content": "llo"}, "finish_reason": "stop"}]},
]


@each_form
def test_a_completion(*, stream: bool) -> None:
    """A completion, as a dict or an object, keeps its reasoning, its end and its counts, and is priced by them."""
    for given in (COMPLETION, llmkit.ChatCompletion.model_validate(COMPLETION)):
        with scripted(given):
            made = ask(stream=stream)
        response = made.until_done() if stream else made
        choice = response.choices[0]
        assert (choice.message.content, choice.message.reasoning_content) == ("4", "2 + 2")
        assert choice.finish_reason == "length"
        usage = response.usage
        assert (usage.prompt_tokens, usage.completion_tokens) == (100, 50)
        assert usage.completion_tokens_details.reasoning_tokens == 30
        assert response.cost.total > Decimal(0)


def test_messages_chunks_and_objects() -> None:
    """A message, chunks, chunk objects and a pydantic object are answers too."""
    chunks = [llmkit.ChatCompletionChunk.model_validate(chunk) for chunk in CHUNKS]
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": {"a": 1}}}
    message = {"content": None, "tool_calls": [call, ToolUse("g")]}
    with scripted({"content": "said"}, CHUNKS, chunks, City(name="Oslo", people=7), message):
        assert [ask().text for _ in range(3)] == ["said", "Hello", "Hello"]
        assert ask(response_format=City).parsed == City(name="Oslo", people=7)
        calls = ask().choices[0].message.tool_calls
    assert (calls[0].id, calls[0].function.name) == ("c", "f")
    assert [json.loads(c.function.arguments) for c in calls] == [{"a": 1}, {}]


def test_a_function_sees_the_request() -> None:
    """A function is given the request; what it returns may be anything else that a script takes."""

    def said(request: Any) -> Any:
        return request.json()["messages"][0]["content"].upper()

    with scripted(said, lambda request: said, lambda request: 503) as script:
        assert [ask().text, ask().text] == ["HI", "HI"]
        with pytest.raises(errors.ServiceUnavailableError):
            ask()
    assert [call.answer for call in script.calls] == ["HI", "HI", 503]


ERRORS = [
    errors.BadRequestError("no"),
    errors.ContextWindowExceededError("too much"),
    errors.ContentPolicyViolationError("not that"),
    errors.AuthenticationError("who?"),
    errors.PaymentRequiredError("pay"),
    errors.PermissionDeniedError("no"),
    errors.NotFoundError("where?"),
    errors.ConflictError("later"),
    errors.RequestTooLargeError("big"),
    errors.UnprocessableEntityError("odd"),
    errors.RateLimitError("slow", retry_after=7.0),
    errors.InternalServerError("oh"),
    errors.BadGatewayError("oh"),
    errors.ServiceUnavailableError("oh"),
    errors.GatewayTimeoutError("oh"),
    errors.OverloadedError("oh"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@each_model
@each_form
def test_errors_come_back_as_what_they_are(error: Any, model: str, *, stream: bool) -> None:
    """An error is written as the provider writes it, and read as the class that it was."""
    with scripted(error), pytest.raises(errors.APIStatusError) as caught:
        ask(model, stream=stream)
    assert type(caught.value) is type(error)
    assert error.message in caught.value.message
    assert (caught.value.status_code, caught.value.retry_after) == (
        error.status_code,
        error.retry_after,
    )
    assert caught.value.sent == "yes"
    assert caught.value is not error
    assert error.attempts == ()


CUTS = {
    "reset": (Cut("Hello there, reader."), errors.APIConnectionError),
    "ended": (Cut("Hello there, reader.", error=None), errors.APIError),
    "status": (Cut("Hello there, reader.", error=500), errors.InternalServerError),
    "error": (Cut("Hello there, reader.", 2, errors.RateLimitError("slow")), errors.RateLimitError),
}


@pytest.mark.parametrize(("cut", "kind"), CUTS.values(), ids=CUTS)
@each_model
@each_form
@each_colour
async def test_answers_that_break_off(
    colour: Any, model: str, cut: Any, kind: type, *, stream: bool
) -> None:
    """An answer may end too early: by a reset, quietly, or by an error inside its 200."""
    client = llmkit.Client(environ={})
    if kind is errors.RateLimitError and model.startswith("ollama/"):
        kind = errors.InternalServerError  # an error inside its 200 has a text there, and no code
    with scripted(cut), pytest.raises(errors.APIError) as caught:
        await colour.ask(client, model=model, stream=stream)
    assert isinstance(
        caught.value,
        errors.StreamInterruptedError if stream and kind is errors.APIConnectionError else kind,
    )
    assert (caught.value.partial is not None) == stream
    assert [s.outcome for s in client.ledger.settlements] == ["interrupted" if stream else "failed"]
    await colour.close(client)


def test_classes_of_errors() -> None:
    """A class stands for an error of that class."""
    with scripted(errors.RateLimitError), pytest.raises(errors.RateLimitError):
        ask()


@pytest.mark.parametrize(
    ("error", "kind", "sent"),
    [
        (ConnectionRefusedError("no"), errors.APIConnectionError, "no"),
        (socket.gaierror("who?"), errors.APIConnectionError, "no"),
        (ConnectionResetError("gone"), errors.APIConnectionError, "maybe"),
        (TimeoutError("late"), errors.APITimeoutError, "maybe"),
        (errors.APIConnectionError("mine", sent="yes"), errors.APIConnectionError, "yes"),
        (errors.APITimeoutError("mine", sent="maybe"), errors.APITimeoutError, "maybe"),
    ],
)
@each_form
@each_colour
async def test_connections_fail(
    colour: Any, error: Any, kind: type, sent: str, *, stream: bool
) -> None:
    """What has no status is raised where the connection would have failed, and says whether the request had left."""
    client = llmkit.Client(environ={})
    with scripted(error), pytest.raises(errors.APIConnectionError) as caught:
        await colour.ask(client, stream=stream)
    assert type(caught.value) is kind
    assert caught.value.sent == sent
    assert len(caught.value.attempts) == 1
    assert caught.value is not error
    await colour.close(client)


@each_form
@each_colour
async def test_retries_and_fallbacks_are_real(colour: Any, *, stream: bool) -> None:
    """A retry takes the next answer after its wait, a fallback is written in its own provider's name."""
    clock = FrozenClock()
    policy = RetryPolicy(retries=1, first_wait=10, longest_wait=10, draw=lambda: 1.0)
    client = llmkit.Client(environ={}, clock=clock, retry=policy)
    with scripted(429, 503, "Hello") as script:
        response = await colour.ask(
            client, stream=stream, num_retries=1, fallbacks=["groq/llama-3.3-70b-versatile"]
        )
    assert clock.slept == [10.0]
    assert response.call.provider == "groq"
    assert [a.status_code for a in response.call.attempts[:2]] == [429, 503]
    assert [r.json()["model"] for r in script.requests] == [
        "gpt-4o-mini",
        "gpt-4o-mini",
        "llama-3.3-70b-versatile",
    ]
    assert len(client.ledger.settlements) == 1
    await colour.close(client)


@each_form
@each_colour
async def test_no_answer_left(colour: Any, *, stream: bool) -> None:
    """A call too many raises an error that nothing retries or falls back from."""
    client = llmkit.Client(environ={}, num_retries=5)
    with scripted("one", strict=False) as script:
        await colour.call(client)
        with pytest.raises(ScriptExhaustedError, match=r"1 given.*POST /v1/chat/completions"):
            await colour.ask(client, stream=stream, num_retries=5, fallbacks=["groq/llama"])
    assert len(script.requests) == 1
    assert [s.outcome for s in client.ledger.settlements] == ["completed", "failed"]
    await colour.close(client)


def test_a_swallowed_end_of_the_script() -> None:
    """A program that catches everything does not hide that answers were missing."""
    with pytest.raises(ScriptExhaustedError), scripted(), contextlib.suppress(AssertionError):
        ask()


def test_answers_left_over() -> None:
    """Answers that nobody asked for fail the block, unless it fails by itself or is not strict."""
    with (
        pytest.raises(AssertionError, match=r"2 scripted answer.*'two', 503"),
        scripted("one", "two", 503),
    ):
        ask()
    with pytest.raises(KeyError), scripted("one"):
        raise KeyError
    with scripted("one", strict=False) as script:
        pass
    assert script.remaining == ["one"]


def test_otherwise() -> None:
    """One answer may stand for all that follow."""
    with scripted("first", otherwise=lambda request: "then") as script:
        assert [ask().text for _ in range(3)] == ["first", "then", "then"]
    assert len(script.calls) == 3


WRONG = [None, 3.5, True, 200, 600, b"bytes", [], [1], {}, {"a": 1}, object()]


@pytest.mark.parametrize("wrong", [*WRONG, Cut(503), Cut("x", -1)])
def test_what_is_no_answer(wrong: Any) -> None:
    """A script with something that cannot be an answer is refused before anything is called."""
    with pytest.raises(TypeError, match="cannot answer"), scripted(wrong):
        raise AssertionError("not reached")


def test_what_a_function_must_not_return() -> None:
    """The same holds for what a function returns."""
    with pytest.raises(TypeError, match="cannot answer"), scripted(lambda request: 3.5):
        ask()


NATIVE = ("anthropic", "gemini", "replicate")
OPENAI_ROWS = [n for n in providers.names() if n not in NATIVE and providers.get(n).chat]


@pytest.mark.parametrize("name", OPENAI_ROWS)
def test_every_compatible_provider(name: str) -> None:
    """Every provider is answered without a key, whatever its paths and headers, also for parameters of its own."""
    provider = providers.get(name)
    places = (name for variable in provider.variables for name in provider.names_of(variable))
    environ = {name: "https://somewhere.example" for name in places if not name.islower()}
    # Their own auth looks for a credential, and would go and fetch one.
    environ |= {"DATABRICKS_TOKEN": "dapi-" + "0123456789", "VERTEXAI_PROJECT": "a-project"}
    environ |= {"WATSONX_REGION": "eu-de", "WATSONX_PROJECT_ID": "a-project"}
    base = {} if provider.base_url else {"base_url": "https://somewhere.example/v1"}
    model = f"{name}/chat/an-id/some-model" if name == "ragflow" else f"{name}/some-model"
    client = llmkit.Client(environ=environ, num_retries=0)
    with no_network(allow=()), scripted("Hello", "there"):
        answer = client.completion(model, MESSAGES, **base)
        extra = {"a_parameter_of_its_own": 1}
        stream = client.completion(model, MESSAGES, stream=True, extra_body=extra, **base)
        assert (answer.text, stream.until_done().text) == ("Hello", "there")
    assert f"{name}/{answer.model}" == model


def test_a_wire_that_nobody_wrote() -> None:
    """Where the request is no chat's, the error says what to give; nothing leaves, and the block fails for it."""
    progress = Progress(Deadlines(time.monotonic() + 9, 9, 9, 9))
    odd = HTTPRequest("POST", "https://odd.example/ask?key=1", {}, b"{}")
    said = r"POST /ask is another call: give a Raw\(…\)"
    script = pytest.raises(AssertionError, match=said)
    with script, scripted("x"), contextlib.suppress(AssertionError):
        through(lambda request, progress: None)(odd, progress)


VECTORS = {"data": [{"index": 0, "embedding": [1, 2]}], "usage": {"prompt_tokens": 1}}


@each_colour
async def test_other_calls_than_chats(colour: Any) -> None:
    """What the provider answers is given as it is: JSON, bytes, a stream; errors are the provider's own."""
    events = b'data: {"type": "transcript.text.done", "text": "Hello"}\n\ndata: [DONE]\n\n'
    answers = [
        429,
        Raw(VECTORS),
        Raw({"data": [{"id": "a"}]}),
        Raw(b"sound", headers={"Content-Type": "audio/wav"}),
        Raw(events, headers={"content-type": "text/event-stream"}),
        Raw('{"error": {"message": "no", "type": "x"}}', status=404),
    ]
    client = llmkit.Client(environ={}, clock=FrozenClock())

    async def ask(function: str, *arguments: Any, **more: Any) -> Any:
        if colour.is_sync:
            return getattr(client, function)(*arguments, **more)
        return await getattr(client, f"a{function}")(*arguments, **more)

    with no_network(), scripted(*answers) as script:
        made = await ask("embedding", "openai/m", "a")
        assert made.vectors == [[1, 2]]
        assert len(made.call.attempts) == 2
        assert (await ask("list_models")).ids == ["a"]
        assert (await ask("speech", "openai/m", "a", "b")).content == b"sound"
        heard = await ask("transcription", "openai/m", ("a.wav", b"a"), stream=True)
        whole = heard.until_done() if colour.is_sync else await heard.until_done()
        assert whole.text == "Hello"
        with pytest.raises(errors.NotFoundError, match="no"):
            await ask("retrieve_file", "f")
    methods = [request.method for request in script.requests]
    assert methods == ["POST", "POST", "GET", "POST", "POST", "GET"]
    client.close()
    if not colour.is_sync:
        await client.aclose()


def test_what_is_looked_up_does_not_leave() -> None:
    """Nor does a text answer it."""
    client = llmkit.Client(environ={}, num_retries=0)
    said = pytest.raises(AssertionError, match="GET /v1/models is another call")
    with no_network(), scripted("x", strict=False), said:
        client.list_models()


@pytest.mark.parametrize(
    ("model", "environ"),
    [
        ("databricks/m", {"DATABRICKS_HOST": "https://h.test"}),
        (
            "databricks/m",
            {
                "DATABRICKS_HOST": "https://h.test",
                "DATABRICKS_CLIENT_ID": "c",
                "DATABRICKS_CLIENT_SECRET": "s" * 9,
            },
        ),
        ("bedrock/m", {"AWS_REGION": "us-east-1"}),
        ("bedrock/m", {"AWS_REGION": "us-east-1", "AWS_PROFILE": "gone"}),
        ("vertex_ai/gemini-2.5-flash", {"VERTEXAI_PROJECT": "p"}),
        ("vertex_ai/gemini-2.5-flash", {"VERTEXAI_PROJECT": "p", "GOOGLE_API_KEY": "k" * 9}),
        ("azure/m", {"AZURE_API_BASE": "https://h.test"}),
        (
            "azure/m",
            {
                "AZURE_API_BASE": "https://h.test",
                "AZURE_TENANT_ID": "t",
                "AZURE_CLIENT_ID": "c",
                "AZURE_CLIENT_SECRET": "s" * 9,
            },
        ),
        ("watsonx/m", {"WATSONX_REGION": "us-south", "WATSONX_PROJECT_ID": "p"}),
        (
            "watsonx/m",
            {"WATSONX_REGION": "us-south", "WATSONX_PROJECT_ID": "p", "WATSONX_API_KEY": "k" * 9},
        ),
    ],
)
def test_nobody_is_asked_for_a_credential(model: str, environ: dict[str, str]) -> None:
    """Of providers that have credentials of their own: none is missed, and none is exchanged."""
    client = llmkit.Client(environ={"HOME": "/nowhere", **environ}, num_retries=0)
    with no_network(), scripted("Hello") as script:
        assert client.completion(model, MESSAGES).text == "Hello"
    assert len(script.requests) == 1
    assert "authorization" not in script.requests[0].headers


def test_a_key_is_used_where_there_is_one_and_never_shown() -> None:
    """A key reaches the request as the provider wants it, and no repr."""
    key = "test-key-" + "0123456789"
    with scripted("x") as script:
        llmkit.Client(environ={"OPENAI_API_KEY": key}).completion(MODEL, MESSAGES)
    assert script.requests[0].headers["authorization"] == f"Bearer {key}"
    assert key not in repr(script.calls)


def test_after_the_block_the_network_is_back() -> None:
    """Outside of the block a key is needed again and the server is asked."""
    client = llmkit.Client(environ={})
    with scripted("x"):
        client.completion(MODEL, MESSAGES)
    with pytest.raises(errors.MissingKeyError):
        client.completion(MODEL, MESSAGES)
    with Simulator() as simulator:
        client.completion(MODEL, MESSAGES, api_key="any", base_url=simulator.base_url)
        assert len(simulator.requests) == 1


def test_module_functions_and_threads() -> None:
    """The default client is answered as well, and threads share one script, each answer given once."""
    texts: list[str] = []
    with scripted(*map(str, range(20))):
        threads = [
            threading.Thread(target=lambda: texts.append(llmkit.completion(MODEL, MESSAGES).text))
            for _ in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(texts, key=int) == list(map(str, range(20)))


@each_colour
async def test_media_are_not_the_models_to_answer(colour: Any) -> None:
    """What is fetched for a prompt goes past the script."""
    policy = llmkit.MediaPolicy(schemes=("http",), public_only=False)
    client = llmkit.Client(environ={}, fetch_media=policy)
    with Simulator() as simulator, scripted("x", strict=False) as script:
        image = {"type": "image_url", "image_url": {"url": simulator.base_url + "/models"}}
        messages = [{"role": "user", "content": [image]}]
        with pytest.raises(errors.InvalidRequestError, match="fetch_media"):
            await colour.call(client, model="gemini/gemini-3.5-flash", messages=messages)
        assert len(simulator.requests) == 1
    assert script.requests == []
    await colour.close(client)


def test_every_simulated_wire_has_a_dialect() -> None:
    """A wire of chats that is added to the simulator is one that a script can be written in."""
    assert {dialect.wire for dialect in DIALECTS} >= SPOKEN - NO_CHATS
