"""The simulated Messages API as its clients meet it: the official SDK, and llmkit."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import anthropic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

import llmkit
from llmkit.testing import Simulator

from ._anthropic import (
    CALLED,
    FORECAST,
    HEADERS,
    HELLO,
    PDF,
    PNG,
    PROFILE,
    RESULT,
    WEATHER,
    WIRE,
    parsed,
    post,
    request,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

THINKING = {"type": "enabled", "budget_tokens": 1024}
FUNCTION = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": WEATHER["input_schema"]},
}
ASKING = [{"role": "user", "content": "call get_weather for Rome"}]


class Profile(BaseModel):
    """A format of an answer."""

    name: str
    age: int


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """A running simulator."""
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def client(sim: Simulator) -> Iterator[Any]:
    """The official SDK, pointed at the simulator (untyped, for tests that send nonsense)."""
    url = sim.base_url_for("anthropic")
    with anthropic.Anthropic(base_url=url, api_key="test-key", max_retries=0) as sdk:
        yield sdk


@pytest.fixture
def ours(sim: Simulator) -> Iterator[llmkit.Client]:
    """llmkit, pointed at the simulator."""
    url = sim.base_url_for("anthropic")
    with llmkit.Client(environ={}, api_key="test-key", base_url=url, max_retries=0) as made:
        yield made


def create(client: Any, **changes: Any) -> Any:
    """One message by the official SDK."""
    return client.messages.create(**request(**changes))


def folded(frames: tuple[bytes, ...]) -> dict[str, Any]:
    """The message that a stream adds up to, read by hand as the documentation tells."""
    whole: dict[str, Any] = {}
    for frame in frames:
        name, data = frame.decode().removesuffix("\n\n").split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        _FOLD.get(event["type"], lambda *_: None)(whole, event)
    for block in whole["content"]:
        if "partial" in block:
            block["input"] = json.loads(block.pop("partial"))
    return whole


def _opened(whole: dict[str, Any], event: dict[str, Any]) -> None:
    whole.update(event["message"])


def _block(whole: dict[str, Any], event: dict[str, Any]) -> None:
    assert len(whole["content"]) == event["index"]
    whole["content"].append(event["content_block"])


def _grown(whole: dict[str, Any], event: dict[str, Any]) -> None:
    block, delta = whole["content"][event["index"]], event["delta"]
    names = {"partial_json": "partial", "text": "text", "thinking": "thinking"}
    for name, value in delta.items():
        if name in names:
            block[names[name]] = block.get(names[name], "") + value
        elif name != "type":
            block[name] = value


def _ended(whole: dict[str, Any], event: dict[str, Any]) -> None:
    whole.update(event["delta"])
    whole["usage"].update(event["usage"])


_FOLD: dict[str, Any] = {
    "message_start": _opened,
    "content_block_start": _block,
    "content_block_delta": _grown,
    "message_delta": _ended,
}

# --- the official SDK --------------------------------------------------------------------------


def test_a_message_has_all_that_the_real_one_has(client: Any) -> None:
    """Ids, role, stop reason and each count of the usage, cache and thinking included."""
    made = create(client, model="claude-haiku-4-5")
    assert made.id.startswith("msg_")
    assert (made.type, made.role, made.model) == ("message", "assistant", "claude-haiku-4-5")
    assert (made.stop_reason, made.stop_sequence, made.stop_details) == ("end_turn", None, None)
    assert [block.type for block in made.content] == ["text"]
    assert "simulator" in made.content[0].text
    assert "hello there" in made.content[0].text
    assert made.usage.to_dict() == {
        "input_tokens": 6,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": 13,
        "output_tokens_details": {"thinking_tokens": 0},
        "service_tier": "standard",
        "inference_geo": "global",
    }


def test_equal_requests_get_equal_replies() -> None:
    """Bodies, frames and headers are the same, and another request gets another id."""
    assert post(request()) == post(request())
    assert post(request(stream=True)) == post(request(stream=True))
    assert parsed(post(request()))["id"] != parsed(post(request(max_tokens=5)))["id"]


def test_the_request_id_is_in_the_header(client: Any) -> None:
    """The SDK finds the id where the real API puts it, of answers and of errors."""
    assert create(client)._request_id.startswith("req_")
    with pytest.raises(anthropic.BadRequestError) as caught:
        create(client, max_tokens=-1)
    assert caught.value.request_id == caught.value.body["request_id"]


def test_a_stream_comes_token_by_token(client: Any) -> None:
    """The SDK's accumulator makes the same message of a stream; the events come in their order."""
    whole = create(client)
    with client.messages.stream(**request()) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_message()
    assert final.content[0].text == whole.content[0].text
    assert final.usage.output_tokens == whole.usage.output_tokens
    assert kinds.count("text") == 13
    assert [kinds[0], kinds[1], kinds[-1]] == [
        "message_start",
        "content_block_start",
        "message_stop",
    ]


def test_one_ping_comes_after_the_first_block_opened() -> None:
    """As the real API sends it; a message without content has none."""
    frames = post(request(stream=True)).frames
    assert [i for i, frame in enumerate(frames) if b"event: ping" in frame] == [2]
    assert not any(b"ping" in frame for frame in post(request(stream=True, max_tokens=0)).frames)


def test_a_stream_opens_with_the_counts_of_the_prompt() -> None:
    """`message_start` has the prompt's counts, no stop reason, and at most one token written."""
    opened = json.loads(post(request(stream=True)).frames[0].split(b"data: ")[1])["message"]
    assert opened["usage"]["input_tokens"] == 6
    assert opened["usage"]["output_tokens"] == 1
    assert opened["stop_reason"] is None
    assert opened["content"] == []


def test_tools_are_called_when_mentioned(client: Any) -> None:
    """A tool whose name the user says is called with arguments made from its schema."""
    made = create(client, messages=ASKING, tools=[WEATHER, FORECAST])
    assert made.stop_reason == "tool_use"
    (block,) = made.content
    assert (block.type, block.name) == ("tool_use", "get_weather")
    assert block.input == {"city": "sample city", "days": 2}
    assert block.caller.type == "direct"


@pytest.mark.parametrize(
    ("choice", "called"),
    [
        ({"type": "auto"}, []),
        ({"type": "any"}, ["get_weather"]),
        ({"type": "tool", "name": "get_forecast"}, ["get_forecast"]),
        ({"type": "none"}, []),
    ],
)
def test_the_choice_decides_which_tool_is_called(choice: Any, called: list[str]) -> None:
    """Without a mention: auto and none call nothing, any the first, tool the one that it names."""
    made = parsed(post(request(tools=[WEATHER, FORECAST], tool_choice=choice)))
    assert [block["name"] for block in made["content"] if block["type"] == "tool_use"] == called


def test_parallel_calls_can_be_turned_off() -> None:
    """Two tools that are mentioned are both called, but one where parallel use is disabled."""
    both = [{"role": "user", "content": "get_weather and get_forecast"}]
    for choice, count in (({}, 2), ({"disable_parallel_tool_use": True}, 1)):
        body = request(messages=both, tools=[WEATHER, FORECAST])
        made = parsed(post({**body, "tool_choice": {"type": "auto", **choice}}))
        assert len(made["content"]) == count


def test_a_result_is_answered_and_no_tool_called_again(client: Any) -> None:
    """A conversation that ends with results ends an agent's loop, whatever is mentioned."""
    made = create(client, messages=[*ASKING, CALLED, RESULT], tools=[WEATHER])
    assert made.stop_reason == "end_turn"
    assert "sunny" in made.content[0].text


def test_several_results_are_all_answered() -> None:
    """Results of parallel calls, in blocks or without content, in one message or two."""
    calls = [{**CALLED["content"][0], "id": each} for each in ("a", "b", "c")]
    parts = [{"type": "text", "text": "rainy"}, {"type": "image", "source": _png()}]
    results = [
        {"type": "tool_result", "tool_use_id": "a", "content": "sunny"},
        {"type": "tool_result", "tool_use_id": "b", "content": parts},
        {"type": "tool_result", "tool_use_id": "c", "is_error": True},
    ]
    spread = [{"role": "user", "content": [result]} for result in results]
    for turns in ([{"role": "user", "content": results}], spread):
        messages = [*HELLO, {"role": "assistant", "content": calls}, *turns]
        said = parsed(post(request(messages=messages)))["content"][0]["text"]
        assert said.endswith("The tool answered: sunny\nrainy\n")


def test_words_after_a_result_are_answered_instead() -> None:
    """Where the user goes on speaking, the conversation does not end with a result."""
    more = {"role": "user", "content": "thanks"}
    said = parsed(post(request(messages=[*HELLO, CALLED, RESULT, more])))["content"][0]["text"]
    assert said.endswith("You said: thanks")


def _png() -> dict[str, str]:
    return {"type": "base64", "media_type": "image/png", "data": PNG}


def test_attachments_are_counted(client: Any) -> None:
    """Images and documents from all their sources are said back, and count flat in the prompt."""
    pdf = {"type": "base64", "media_type": "application/pdf", "data": PDF}
    plain = {"type": "text", "media_type": "text/plain", "data": "a" * 5000}
    content = [
        {"type": "text", "text": "look"},
        {"type": "image", "source": _png()},
        {"type": "image", "source": {"type": "url", "url": "https://a.test/b.png"}},
        {"type": "document", "source": pdf, "title": "T", "citations": {"enabled": True}},
        {"type": "document", "source": plain},
        {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
        {"type": "document", "source": {"type": "content", "content": "words"}},
    ]
    made = create(client, messages=[{"role": "user", "content": content}])
    assert made.content[0].text.endswith("You said: look (with 2 images, 4 documents)")
    assert made.usage.input_tokens == 3 + 1 + 1 + 2 * 85 + 4 * 200


def test_thinking_comes_signed(client: Any) -> None:
    """A block with a signature comes before the text, counts, and streams with its signature last."""
    made = create(client, thinking=THINKING, max_tokens=2000)
    thought, said = made.content
    assert (thought.type, said.type) == ("thinking", "text")
    assert thought.thinking
    assert thought.signature
    assert made.usage.output_tokens_details.thinking_tokens == 10
    with client.messages.stream(**request(thinking=THINKING, max_tokens=2000)) as stream:
        assert stream.get_final_message().content[0] == thought


@pytest.mark.parametrize(
    ("thinking", "model", "kinds"),
    [
        ({"type": "adaptive"}, "offline", ["thinking", "text"]),
        ({"type": "adaptive"}, "claude-opus-4-8", ["thinking", "text"]),
        ({"type": "disabled"}, "offline", ["text"]),
        ({"type": "between_tools"}, "offline", ["text"]),
        (..., "claude-opus-5-5", ["thinking", "text"]),
    ],
)
def test_who_thinks(thinking: Any, model: str, kinds: list[str]) -> None:
    """A model thinks where it is told to, and one that always does also where it is not."""
    made = parsed(post(request(thinking=thinking, model=model)))
    assert [block["type"] for block in made["content"]] == kinds


def test_thinking_between_tools() -> None:
    """A model that is to think between tools thinks when it has a result."""
    body = request(messages=[*HELLO, CALLED, RESULT], thinking={"type": "between_tools"})
    assert parsed(post(body))["content"][0]["type"] == "thinking"


def test_thinking_can_be_left_out() -> None:
    """With `omitted` the block comes empty and signed, in one piece and streamed, and is billed."""
    body = request(thinking={**THINKING, "display": "omitted"}, max_tokens=2000)
    made = parsed(post(body))
    assert made["content"][0]["thinking"] == ""
    assert made["content"][0]["signature"]
    assert made["usage"]["output_tokens_details"] == {"thinking_tokens": 10}
    frames = post({**body, "stream": True}).frames
    assert not any(b"thinking_delta" in frame for frame in frames)
    assert folded(frames)["content"] == made["content"]


def test_thinking_goes_back_with_its_signature(client: Any) -> None:
    """The SDK's own loop: the message goes back as it came, and is taken."""
    body = request(messages=ASKING, tools=[WEATHER], thinking=THINKING, max_tokens=2000)
    made = client.messages.create(**body)
    back = {"role": "assistant", "content": made.content}
    result = {"type": "tool_result", "tool_use_id": made.content[1].id, "content": "sunny"}
    turns = [*ASKING, back, {"role": "user", "content": [result]}]
    assert "sunny" in client.messages.create(**{**body, "messages": turns}).content[1].text


def test_structured_output_by_the_sdk(client: Any) -> None:
    """`parse` gets an instance of the class that it was given."""
    made = client.messages.parse(**request(), output_format=Profile)
    assert made.parsed_output == Profile(name="sample name", age=1)


@pytest.mark.parametrize(
    ("changes", "beta"),
    [
        ({"output_config": {"format": {"type": "json_schema", "schema": PROFILE}}}, ""),
        ({"output_format": {"type": "json_schema", "schema": PROFILE}}, "structured-outputs-2025"),
    ],
)
def test_structured_output_in_its_places(changes: Any, beta: str) -> None:
    """The format is taken where it is now, and with its beta where it was."""
    made = parsed(post(request(**changes), {**HEADERS, "anthropic-beta": beta}))
    assert json.loads(made["content"][0]["text"]) == {"name": "sample name", "age": 1}


def test_stop_sequences_and_limits(client: Any) -> None:
    """Each says why it ended the answer; at a limit of zero nothing is written."""
    made = create(client, stop_sequences=["simulator"])
    assert (made.stop_reason, made.stop_sequence) == ("stop_sequence", "simulator")
    assert made.content[0].text == "This is llmkit's offline "
    made = create(client, max_tokens=3)
    assert (made.stop_reason, made.usage.output_tokens) == ("max_tokens", 3)
    made = create(client, max_tokens=0)
    assert (made.stop_reason, made.content, made.usage.output_tokens) == ("max_tokens", [], 0)


def test_a_call_that_a_limit_cuts_off_has_no_arguments() -> None:
    """Half an object is none: the block comes with an empty one, the stream with what there was."""
    body = request(messages=ASKING, tools=[WEATHER], max_tokens=4)
    made = parsed(post(body))
    assert (made["stop_reason"], made["content"][0]["input"]) == ("max_tokens", {})
    assert b'"partial_json":"{' in b"".join(post({**body, "stream": True}).frames)


def test_tokens_are_counted_as_they_are_billed(client: Any) -> None:
    """`count_tokens` says what the usage of the same request will be."""
    changes = {"system": "be kind", "tools": [WEATHER], "messages": [*HELLO, CALLED, RESULT]}
    counted = client.messages.count_tokens(model="offline", **changes)
    assert counted.input_tokens == create(client, **changes).usage.input_tokens
    assert counted.input_tokens > create(client).usage.input_tokens


def test_models(client: Any) -> None:
    """The list, and any model by its name."""
    assert [model.id for model in client.models.list()] == ["offline"]
    one = client.models.retrieve("claude-haiku-4-5")
    assert (one.id, one.type, one.created_at.year) == ("claude-haiku-4-5", "model", 2025)
    with pytest.raises(anthropic.NotFoundError):
        client.models.retrieve("missing-model")


@pytest.mark.parametrize(
    ("model", "error"),
    [("missing-model", anthropic.NotFoundError), ("rate-limited", anthropic.RateLimitError)],
)
def test_models_that_fail(client: Any, model: str, error: type[Exception]) -> None:
    """Two names get an error, when streaming, too, and when tokens are counted."""
    for call in (
        lambda: create(client, model=model),
        lambda: create(client, model=model, stream=True),
        lambda: client.messages.count_tokens(model=model, messages=HELLO),
    ):
        with pytest.raises(error):
            call()


def test_async_sdk(sim: Simulator) -> None:
    """The asynchronous SDK gets the same message, in one piece and streamed."""

    async def ask() -> tuple[str, str]:
        url = sim.base_url_for("anthropic")
        async with anthropic.AsyncAnthropic(base_url=url, api_key="test-key") as sdk:
            whole = await sdk.messages.create(**request())
            async with sdk.messages.stream(**request()) as stream:
                return whole.content[0].text, await stream.get_final_text()

    whole, streamed = asyncio.run(ask())
    assert whole == streamed


# --- llmkit ------------------------------------------------------------------------------------


def test_llmkit_gets_the_same(ours: llmkit.Client) -> None:
    """In one piece and streamed, with usage and the reason for the end."""
    made = ours.completion("anthropic/offline", HELLO)
    assert "hello there" in made.text
    assert made.choices[0].finish_reason == "stop"
    assert made.usage is not None
    assert (made.usage.prompt_tokens, made.usage.completion_tokens) == (6, 13)
    with ours.completion("anthropic/offline", HELLO, stream=True) as stream:
        assert "".join(chunk.text for chunk in stream) == made.text


def test_llmkit_goes_through_a_tool_loop(ours: llmkit.Client, sim: Simulator) -> None:
    """Tools, the result, the answer: thinking goes back with its signature, and is taken."""
    options: dict[str, Any] = {"tools": [FUNCTION], "thinking": THINKING, "max_tokens": 2000}
    first = ours.completion("anthropic/offline", ASKING, **options)
    message = first.choices[0].message
    (call,) = message.tool_calls
    assert json.loads(call.function.arguments) == {"city": "sample city", "days": 2}
    result = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
    final = ours.completion("anthropic/offline", [*ASKING, message, result], **options)
    assert "sunny" in final.text
    sent = sim.requests[-1].json()["messages"][1]["content"]
    assert [block["type"] for block in sent] == ["thinking", "tool_use"]
    assert sent[0]["signature"]


def test_llmkit_streams_tools_and_thinking(ours: llmkit.Client) -> None:
    """What a stream adds up to is what comes in one piece."""
    options: dict[str, Any] = {"tools": [FUNCTION], "thinking": {"type": "adaptive"}}
    whole = ours.completion("anthropic/offline", ASKING, **options).choices[0].message
    with ours.completion("anthropic/offline", ASKING, stream=True, **options) as stream:
        streamed = stream.until_done().choices[0].message
    assert streamed.reasoning_content == whole.reasoning_content
    assert [c.function.name for c in streamed.tool_calls] == ["get_weather"]
    arguments = [json.loads(m.tool_calls[0].function.arguments) for m in (streamed, whole)]
    assert arguments[0] == arguments[1]


@pytest.mark.parametrize("model", ["anthropic/offline", "anthropic/claude-3-haiku-20240307"])
def test_llmkit_gets_structured_output(ours: llmkit.Client, model: str) -> None:
    """Natively, and through a tool where the model has no native form."""
    made = ours.completion(model, HELLO, response_format=Profile, max_tokens=500)
    assert json.loads(made.text) == {"name": "sample name", "age": 1}


def test_llmkit_sends_images(ours: llmkit.Client) -> None:
    """An image in OpenAI's form arrives as a block that the API takes."""
    url = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    content = [{"type": "text", "text": "look"}, url]
    made = ours.completion("anthropic/offline", [{"role": "user", "content": content}])
    assert "(with 1 image)" in made.text


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"model": "anthropic/missing-model"}, llmkit.NotFoundError),
        ({"model": "anthropic/rate-limited"}, llmkit.RateLimitError),
        ({"api_key": "an-" + "invalid-key"}, llmkit.AuthenticationError),
        ({"extra_body": {"colour": "red"}}, llmkit.BadRequestError),
        ({"messages": [{"role": "user", "content": "word " * 210_000}]},
         llmkit.ContextWindowExceededError),
    ],
)  # fmt: skip
def test_llmkit_knows_each_refusal(
    ours: llmkit.Client, changes: dict[str, Any], error: type[llmkit.APIStatusError]
) -> None:
    """Each comes as its own class, with the request's id, and streaming changes nothing."""
    call: dict[str, Any] = {"model": "anthropic/offline", "messages": HELLO, **changes}
    for stream in (False, True):
        with pytest.raises(error) as caught:
            ours.completion(**call, stream=stream)
        assert caught.value.request_id


def test_llmkit_reads_when_to_come_back(ours: llmkit.Client) -> None:
    """A rate limit says a second."""
    with pytest.raises(llmkit.RateLimitError) as caught:
        ours.completion("anthropic/rate-limited", HELLO)
    assert caught.value.retry_after == 1


# --- streams -----------------------------------------------------------------------------------

WORDS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=40).filter(
    lambda text: bool(text.strip())
)


@given(
    words=WORDS,
    limit=st.integers(0, 60),
    stops=st.lists(WORDS, max_size=2),
    thinks=st.booleans(),
    format_=st.sampled_from([None, PROFILE]),
)
def test_a_stream_adds_up_to_the_message(
    words: str, limit: int, stops: list[str], *, thinks: bool, format_: Any
) -> None:
    """Whatever is asked, folding the events gives the answer in one piece, usage included."""
    body = request(
        messages=[{"role": "user", "content": words}], max_tokens=limit, stop_sequences=stops
    )
    body |= {"thinking": {"type": "adaptive"}} if thinks else {}
    body |= (
        {"output_config": {"format": {"type": "json_schema", "schema": format_}}} if format_ else {}
    )
    assert folded(post({**body, "stream": True}).frames) | {"id": ""} == parsed(post(body)) | {
        "id": ""
    }


def test_a_stream_of_calls_adds_up_to_the_message() -> None:
    """The same of tools: their input comes in pieces of JSON."""
    both = [{"role": "user", "content": "get_weather and get_forecast"}]
    body = request(messages=both, tools=[WEATHER, FORECAST], thinking={"type": "adaptive"})
    whole = folded(post({**body, "stream": True}).frames)
    plain = parsed(post(body))
    # Ids stand for the request, and streaming is a part of it.
    for block in (*whole["content"][1:], *plain["content"][1:]):
        del block["id"]
    assert whole | {"id": ""} == plain | {"id": ""}


# --- failures ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (409, "conflict_error"),
        (413, "request_too_large"),
        (418, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (503, "api_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ],
)
def test_failures_have_the_type_of_their_status(status: int, kind: str) -> None:
    """In an answer, and as an event in the middle of a stream."""
    reply = WIRE.failure(status, "Broken")
    body = parsed(reply)
    assert reply.status == status
    assert body["error"] == {"type": kind, "message": "Broken"}
    assert body["type"] == "error"
    assert body["request_id"] == reply.headers["request-id"]
    name, data, *_ = WIRE.failure_frame(status, "Broken").decode().split("\n")
    assert name == "event: error"
    assert json.loads(data.removeprefix("data: ")) == body


def test_a_body_too_large_is_refused_in_this_form(sim: Simulator) -> None:
    """What the server refuses by itself is written by the wire that the path belongs to."""
    client = anthropic.Anthropic(base_url=sim.origin, api_key="test-key", max_retries=0)
    with client, pytest.raises(anthropic.RequestTooLargeError):
        create(client, system="x" * (64 * 1024 * 1024 + 1))
