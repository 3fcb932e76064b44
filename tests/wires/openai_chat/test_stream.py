from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk as TheirChunk

from llmkit import errors
from llmkit._fold import fold
from llmkit.wires.openai_chat import OpenAIChatDecoder

from ._given import NAMES, call, choice, chunks, events, parsed, stream, whole

PURE = settings(derandomize=True, deadline=None, database=None)
# What a host says in only one of the two forms.
ONE_SIDED = {
    "azure": {"content_filter_results"},
    "moonshot": {"usage"},  # of the choice
}


def plain(name: str, completion: Any) -> dict[str, Any]:
    """An answer as data, without what only one of its two forms has."""
    data: dict[str, Any] = completion.model_dump()
    for made in data["choices"]:
        for extra in ONE_SIDED.get(name, ()):
            made.pop(extra, None)
    if name == "groq":
        data["x_groq"].pop("usage", None)
    return data


@pytest.mark.parametrize("name", NAMES)
def test_stream_folds_into_its_unstreamed_twin(name: str) -> None:
    """The folded chunks of a stream equal the answer that the host gives in one piece."""
    folded = fold(chunks([stream(name)]))
    assert plain(name, folded) == plain(name, parsed(whole(name)))


@pytest.mark.parametrize("name", NAMES)
def test_stream_cut_at_every_position(name: str) -> None:
    """Wherever a stream is cut, its chunks are the same."""
    data = stream(name)
    uncut = chunks([data])
    assert uncut
    for position in range(1, len(data)):
        assert chunks([data[:position], data[position:]]) == uncut


@pytest.mark.parametrize("name", NAMES)
def test_stream_byte_by_byte(name: str) -> None:
    """A stream that comes byte by byte has the same chunks, and is done at [DONE] at the latest."""
    data = stream(name)
    assert chunks(data[i : i + 1] for i in range(len(data))) == chunks([data])


def reading(completion: Any) -> dict[str, Any]:
    """What both SDKs call alike, of an answer as data."""
    return {
        "id": completion["id"],
        "model": completion["model"],
        "choices": [
            {
                "index": made["index"],
                "finish": made["finish_reason"],
                "content": made["message"].get("content"),
                "refusal": made["message"].get("refusal"),
                "calls": [
                    (c["id"], c["type"], c.get("function", {}).get("name"), arguments(c))
                    for c in made["message"].get("tool_calls") or ()
                ],
                "reasoning": made["message"].get("reasoning_content"),
                "logprobs": [
                    token["token"] for token in (made.get("logprobs") or {}).get("content") or ()
                ],
            }
            for made in completion["choices"]
        ],
        "usage": [
            (completion.get("usage") or {}).get(n)
            for n in ("prompt_tokens", "completion_tokens", "total_tokens")
        ],
    }


def arguments(made: dict[str, Any]) -> str:
    """What the model wrote for a tool call."""
    text: str = made["custom"]["input"] if "custom" in made else made["function"]["arguments"]
    return text


def theirs(name: str) -> dict[str, Any]:
    """The fixture as OpenAI's own accumulator puts it together."""
    state = ChatCompletionStreamState()
    for line in stream(name).decode().splitlines():
        if line.startswith("data: {"):
            state.handle_chunk(TheirChunk.construct(**json.loads(line.removeprefix("data: "))))
    return state.current_completion_snapshot.model_dump(warnings=False)


@pytest.mark.parametrize(
    "name", ["text", "tools", "refusal", "several", "logprobs", "deepseek", "xai", "web_search"]
)
def test_fold_equals_the_official_accumulator(name: str) -> None:
    """Where OpenAI's SDK can read a stream, the fold makes of it what the SDK makes."""
    assert reading(fold(chunks([stream(name)])).model_dump()) == reading(theirs(name))


def test_done_at_done() -> None:
    """[DONE] ends the stream; what follows it is not read."""
    decoder = OpenAIChatDecoder(call())
    data = events(choice({"content": "a"}, "stop")) + b"data: {broken\n\ndata: {}\n\n"
    assert [chunk.text for chunk in decoder.feed(data)] == ["a"]
    assert decoder.done
    assert list(decoder.finish()) == []


@pytest.mark.parametrize(
    "end",
    [
        choice({}, "stop"),
        {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}},
    ],
)
def test_end_without_done(end: Any) -> None:
    """A finish reason, or the usage, also shows that an answer is complete."""
    read = chunks([events(choice({"content": "a"}), end, done=False)])
    assert fold(read).text == "a"


@pytest.mark.parametrize(
    "data", [b"", b"\n\n", b": ping\n\n", events(choice({"content": "a"}), done=False)]
)
def test_end_too_early(data: bytes) -> None:
    """A stream that ends before its answer is complete was interrupted."""
    with pytest.raises(
        errors.StreamInterruptedError, match="before its answer was complete"
    ) as caught:
        chunks([data])
    assert (caught.value.sent, caught.value.retryable, caught.value.provider) == (
        "yes",
        True,
        "acme",
    )


@pytest.mark.parametrize("data", [b"\x80\xffnoise", b"it works!\n\n", b": ping\n\nError: busy\n"])
def test_what_is_no_event_stream_is_unreadable(data: bytes) -> None:
    """Bytes in which there is no event were no interrupted answer."""
    with pytest.raises(errors.APIResponseValidationError, match="no event stream"):
        chunks([data])


def test_noise_within_a_stream_is_passed_over() -> None:
    """A line that belongs to no event does no harm, and a stream that ends behind it was interrupted."""
    begun = events(choice({"content": "a"}), done=False)
    assert chunks([b"noise\n", begun, events(choice({}, "stop"))])
    with pytest.raises(errors.StreamInterruptedError):
        chunks([begun, b"noise\n"])


def test_last_event_without_its_blank_line() -> None:
    """A host that forgets the last line break loses nothing."""
    data = events(choice({"content": "a"}, "stop"), done=False).rstrip(b"\n")
    assert [chunk.text for chunk in chunks([data])] == ["a"]


@pytest.mark.parametrize(
    "noise",
    [
        b": comment\n\n",
        b"event: ping\ndata: {}\n\n",
        b"event: ping\ndata: 12:30\n\n",
        b"data: \n\n",
        b"data\n\n",
        b"data: null\n\n",
        b"data: [1]\n\n",
        b'data: "text"\n\n',
        b'data: {"type": "unknown"}\n\n',
        b"retry: 300\nid: 7\n\n",
        b"event: keep-alive\n\n",
        b"unknown: field\n\n",
    ],
)
def test_unknown_events_never_raise(noise: bytes) -> None:
    """Events that nobody knows are passed over."""
    data = events(choice({"content": "a"}, "stop"))
    assert [chunk.text for chunk in chunks([noise + data])] == ["a"]


def test_event_that_is_no_json() -> None:
    """Broken JSON in an event of ours is an answer that could not be read, with what it says."""
    with pytest.raises(errors.APIResponseValidationError, match="not JSON") as caught:
        chunks([b'data: {"choices": [\n\n'])
    assert caught.value.body == '{"choices": ['
    assert caught.value.sent == "yes"


@pytest.mark.parametrize(
    ("said", "kind", "status"),
    [
        ('data: {"error": {"message": "busy", "code": 502}}', errors.BadGatewayError, 502),
        (
            'data: {"error": {"message": "busy", "type": "overloaded_error"}}',
            errors.OverloadedError,
            529,
        ),
        (
            'data: {"error": {"message": "no", "code": "rate_limit_exceeded"}}',
            errors.RateLimitError,
            429,
        ),
        ('data: {"error": "it broke"}', errors.APIError, None),
        (
            'data: {"object": "error", "message": "too long", "code": 400}',
            errors.BadRequestError,
            400,
        ),
        ('event: error\ndata: {"message": "slow", "code": "429"}', errors.RateLimitError, 429),
        ("event: error\ndata: it is down", errors.APIError, None),
        ("event: error\ndata:", errors.APIError, None),
        (
            (
                'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "error"}],'
                ' "error": {"code": 503, "message": "gone"}}'
            ),
            errors.ServiceUnavailableError,
            503,
        ),
    ],
)
@pytest.mark.parametrize("before", [b"", events(choice({"content": "a"}), done=False)])
def test_error_inside_a_stream(
    said: str, kind: type[errors.APIError], status: int | None, before: bytes
) -> None:
    """An error event is raised as what its code says, also after chunks, which come first."""
    decoder = OpenAIChatDecoder(call())
    read = list(decoder.feed(before))
    with pytest.raises(kind) as caught:
        list(decoder.feed(f"{said}\n\n".encode()))
    assert type(caught.value) is kind
    assert (caught.value.status_code, caught.value.sent) == (status, "yes")
    assert len(read) == bool(before)


def test_host_that_ignores_stream() -> None:
    """One JSON object instead of a stream is read as a stream of one chunk."""
    read = chunks([b"  \n", whole("tools")[:50], whole("tools")[50:]])
    assert len(read) == 1
    assert read[0].object == "chat.completion.chunk"
    assert plain("tools", fold(read)) == plain("tools", parsed(whole("tools")))


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"<html><body>404</body></html>", errors.APIResponseValidationError),
        (b'{"error": {"message": "no", "code": 401}}', errors.AuthenticationError),
        (b'[{"error": {"message": "no", "code": 429}}]', errors.RateLimitError),
        (b'{"half": ', errors.APIResponseValidationError),
        (b"{}", errors.APIResponseValidationError),
    ],
)
def test_other_things_instead_of_a_stream(data: bytes, kind: type[errors.APIError]) -> None:
    """HTML, errors and broken JSON instead of a stream are errors that say so."""
    with pytest.raises(kind) as caught:
        chunks([data[:3], data[3:]])
    assert type(caught.value) is kind


def test_endless_plain_body(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that is no stream and does not end is given up."""
    monkeypatch.setattr("llmkit.wires._plain._MAX_BODY", 100)
    with pytest.raises(errors.APIResponseValidationError, match="more than 100 bytes"):
        chunks([b"{" + b"x" * 99, b"x"])


def test_endless_event(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event that does not end is given up."""
    monkeypatch.setattr("llmkit._sse._MAX_EVENT", 100)
    decoder = OpenAIChatDecoder(call())
    decoder._sse._limit = 100
    with pytest.raises(errors.APIResponseValidationError, match="more than 100 bytes"):
        list(decoder.feed(b"data: " + b"x" * 200))


def test_head_is_filled_in() -> None:
    """A chunk that leaves out id, model or time has its predecessors', or the call's."""
    first, second = chunks(
        [events({"id": "x", "created": 7, **choice({"content": "a"})}, choice({}, "stop"))]
    )
    assert (first.id, first.created, first.model) == ("x", 7, "m1")
    assert (second.id, second.created, second.model) == ("x", 7, "m1")
    assert chunks([events(choice({}, "stop"))])[0].id == "call_1"


@pytest.mark.parametrize(
    "pieces",
    [
        # no index at all
        [
            {"id": "a", "function": {"name": "f", "arguments": "{"}},
            {"function": {"arguments": "}"}},
            {"id": "b", "function": {"name": "g", "arguments": "{}"}},
        ],
        # index 0 for all of them
        [
            {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{"}},
            {"index": 0, "id": "a", "function": {"arguments": "}"}},
            {"index": 0, "id": "b", "function": {"name": "g", "arguments": "{}"}},
        ],
        # as it should be, with the id and the name again
        [
            {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{"}},
            {"index": 0, "id": "a", "function": {"name": "f", "arguments": "}"}},
            {"index": 1, "id": "b", "function": {"name": "g", "arguments": "{}"}},
        ],
        # an index of the wrong type
        [
            {"index": [], "id": "a", "function": {"name": "f", "arguments": "{}"}},
            {"index": {}, "id": "b", "function": {"name": "g", "arguments": "{}"}},
        ],
    ],
)
def test_tool_calls_are_numbered(pieces: list[dict[str, Any]]) -> None:
    """Two calls stay two, whatever a host makes of their indices."""
    said = [choice({"tool_calls": [piece]}) for piece in pieces]
    made = fold(chunks([events(*said, choice({}, "tool_calls"))])).choices[0].message
    assert made.tool_calls is not None
    assert [(c.id, c.function.name, c.function.arguments) for c in made.tool_calls] == [
        ("a", "f", "{}"),
        ("b", "g", "{}"),
    ]


def test_tool_calls_of_several_choices_are_numbered_apart() -> None:
    """Each choice counts its own tool calls."""
    piece = {"index": 0, "function": {"name": "f", "arguments": "{}"}}
    said = [
        choice({"tool_calls": [{**piece, "id": "a"}]}),
        choice({"tool_calls": [{**piece, "id": "b"}]}, index=1),
    ]
    read = chunks([events(*said, choice({}, "stop"))])
    assert [c.choices[0].delta.tool_calls[0].index for c in read[:2]] == [0, 0]  # type: ignore[index]


def test_last_piece_as_a_message() -> None:
    """A host that sends the last piece as a message is understood; one that sends nulls, too."""
    last = {"choices": [{"index": 0, "message": {"content": "b"}, "finish_reason": "stop"}]}
    null = {"choices": [{"index": 0, "delta": None, "finish_reason": None}]}
    assert fold(chunks([events(choice({"content": "a"}), null, last)])).text == "ab"


def test_half_a_character_in_a_piece() -> None:
    """A host that cuts a text within an escaped character is read: each half becomes U+FFFD."""
    data = b'data: {"choices":[{"delta":{"content":"a\\ud83d"}}]}\n\n'
    data += b'data: {"choices":[{"delta":{"content":"\\ude00 \\ud83d\\ude00 \\\\ud83d"},"finish_reason":"stop"}]}\n\n'
    assert fold(chunks([data])).text == "a\ufffd\ufffd \U0001f600 \\ud83d"


def test_unknown_fields_are_kept() -> None:
    """What nobody knows stays on the chunk, its choice and its delta."""
    said = choice({"content": "a", "mood": "fine"}, "stop", weather={"sun": True})
    said["choices"][0]["taste"] = 1
    (chunk,) = chunks([events(said)])
    assert (chunk["weather"], chunk.choices[0]["taste"], chunk.choices[0].delta["mood"]) == (
        {"sun": True},
        1,
        "fine",
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("429"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=4) | st.sampled_from(["index", "id", "type"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


def shaped(part: str) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with the wire's own names and anything under them."""
    return st.fixed_dictionaries(
        {},
        optional={
            "id": JSON,
            "object": JSON,
            "created": JSON,
            "model": JSON,
            "usage": JSON | USAGE,
            "x_groq": JSON | st.fixed_dictionaries({"usage": JSON}),
            "service_tier": JSON,
            "system_fingerprint": JSON,
            "error": st.none()
            | JSON
            | st.fixed_dictionaries({}, optional=dict.fromkeys(ERROR, JSON)),
            "choices": JSON
            | st.lists(
                JSON
                | st.fixed_dictionaries(
                    {},
                    optional={
                        "index": JSON | st.integers(0, 2),
                        "finish_reason": JSON,
                        "logprobs": JSON
                        | st.fixed_dictionaries({"content": JSON | st.lists(LOGPROB)}),
                        "text": JSON,
                        "message": JSON,
                        part: JSON | MESSAGE,
                    },
                ),
                max_size=3,
            ),
        },
    )


ERROR = ("message", "code", "type", "param", "metadata", "status", "detail")
LOGPROB = JSON | st.fixed_dictionaries({"token": JSON, "bytes": JSON, "top_logprobs": JSON})
USAGE = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        (
            "prompt_tokens",
            "completion_tokens",
            "prompt_tokens_details",
            "completion_tokens_details",
            "cached_tokens",
            "reasoning_tokens",
            "num_search_queries",
            "cache_read_input_tokens",
        ),
        JSON,
    ),
)
CALL = JSON | st.fixed_dictionaries(
    {},
    optional={
        "index": JSON,
        "id": JSON,
        "type": JSON,
        "function": JSON | st.fixed_dictionaries({"name": JSON, "arguments": JSON}),
        "custom": JSON | st.fixed_dictionaries({"name": JSON, "input": JSON}),
    },
)
PIECE = JSON | st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("type", "text", "thinking", "summary", "data", "signature", "index"), JSON
    ),
)
MESSAGE = st.fixed_dictionaries(
    {},
    optional={
        "role": JSON,
        "content": JSON | st.lists(PIECE, max_size=2),
        "refusal": JSON,
        "tool_calls": JSON | st.lists(CALL, max_size=2),
        "function_call": JSON,
        "audio": JSON | st.fixed_dictionaries({"data": JSON, "expires_at": JSON}),
        "annotations": JSON,
        "images": JSON,
        "reasoning": JSON,
        "reasoning_content": JSON,
        "reasoning_details": JSON | st.lists(PIECE, max_size=3),
        "thinking_blocks": JSON | st.lists(PIECE, max_size=3),
    },
)


@settings(PURE, max_examples=400)
@given(JSON | shaped("message"))
def test_any_json_as_an_answer(data: Any) -> None:
    """Whatever JSON a host answers, it is read, or refused as an error of ours; and then it can be written."""
    try:
        completion = parsed(data)
    except errors.APIError:
        return
    assert json.loads(completion.model_dump_json())["object"] == "chat.completion"
    repr(completion)


@settings(PURE, max_examples=400)
@given(st.lists(JSON | shaped("delta"), max_size=4))
def test_any_json_as_events(data: list[Any]) -> None:
    """Whatever JSON a host streams, it is read and folded, or refused as an error of ours."""
    try:
        read = chunks([events(*data)])
    except errors.APIError:
        return
    folded = fold(read)
    assert json.loads(folded.model_dump_json())["object"] == "chat.completion"
    assert len({made.index for made in folded.choices}) == len(folded.choices)


@settings(PURE, max_examples=300)
@given(
    st.binary(max_size=60),
    st.sampled_from([b"", b"data: ", b"data: {", b"event: error\ndata:", b"{", b"<"]),
)
def test_any_bytes(data: bytes, before: bytes) -> None:
    """Whatever bytes a host sends, nothing but errors of ours comes of it."""
    for read in (lambda: chunks([before + data]), lambda: [parsed(before + data)]):
        with contextlib.suppress(errors.APIError):
            read()
