"""Answers, whole and in lines: what they say, where they may be cut, how they may break, and errors."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import llmkit
from llmkit._fold import fold
from llmkit._http import HTTPResponse
from llmkit.wires.ollama_chat import OllamaChat

from ._wire import COUNTS, calling, decode, folded, line, lines, parse, tool_call

LOGPROB = {"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": []}
STREAM = [
    line("", said={"thinking": "H{"}),
    line("", said={"thinking": "m"}),
    line("Grüße \u2028", logprobs=[LOGPROB]),
    line("!"),
    line("", said={"tool_calls": [tool_call(id="call_1"), tool_call("mul")]}),
    line("", said={"tool_calls": [tool_call("div", arguments={})]}),
    line("", done=True),
]


def test_a_whole_answer() -> None:
    """Text, thoughts, calls, counts and times come in OpenAI's form; what has no place there is kept."""
    calls = [tool_call(id="call_1"), tool_call("div", arguments='{"y": 1}')]
    answer = parse(
        line("Yes", done=True, said={"thinking": "Hm", "tool_calls": calls}, logprobs=[LOGPROB])
    )
    (choice,) = answer.choices
    assert (answer.id, answer.model, answer.created) == ("call_of_mine", "tiny:1b", 1749495332)
    assert (choice.message.content, choice.message.reasoning_content) == ("Yes", "Hm")
    assert choice.finish_reason == "tool_calls"
    made = [
        (c.id, c.type, c.function.name, c.function.arguments)
        for c in choice.message.tool_calls or ()
    ]
    assert made[0] == ("call_1", "function", "add", '{"x":2}')
    assert made[1][2:] == ("div", '{"y": 1}')
    assert choice.logprobs is not None
    assert choice.logprobs.content is not None
    assert choice.logprobs.content[0].logprob == -0.5
    assert answer.usage is not None
    assert answer.usage.to_dict() == {
        "prompt_tokens": 5,
        "completion_tokens": 7,
        "total_tokens": 12,
    }
    assert answer["eval_duration"] == 3


@pytest.mark.parametrize(
    ("counts", "wanted"),
    [
        ({"prompt_eval_count": 5}, (5, None, None)),
        ({"eval_count": 7}, (None, 7, None)),
        ({"eval_count": "7", "prompt_eval_count": True}, None),
        ({}, None),
    ],
)
def test_counts_that_are_absent(counts: dict[str, Any], wanted: Any) -> None:
    """A count that the server leaves out stays unsaid: it never becomes zero, and makes no total."""
    data = {k: v for k, v in line("Hi", done=True).items() if k not in COUNTS} | counts
    usage = parse(data).usage
    found = usage and (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens)
    assert found == wanted


def test_cached_counts() -> None:
    """What was read from the cache is a part of the prompt, and told as one."""
    usage = parse(line("Hi", done=True, prompt_eval_cached_count=4)).usage
    assert usage is not None
    assert usage.prompt_tokens_details is not None
    assert (usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens) == (5, 4)
    assert usage.cache_read_input_tokens == 4


@pytest.mark.parametrize(
    ("reason", "wanted"),
    [("stop", "stop"), ("length", "length"), ("load", "load"), (None, "stop"), ("", "stop")],
)
def test_finish_reasons(reason: Any, wanted: str) -> None:
    """The server's words are kept; older ones give none, and have stopped."""
    assert parse(line("Hi", done=True, done_reason=reason)).choices[0].finish_reason == wanted


def test_odd_answers() -> None:
    """What should be a text, a list or a time may be anything; nothing raises, and nothing is lost."""
    answer = parse(
        line(None, done=True, created_at="soon", logprobs=3, said={"tool_calls": "x", "mood": 1})
    )
    assert (answer.created, answer.choices[0].logprobs) == (None, None)
    assert answer.choices[0].message["mood"] == 1
    assert answer.choices[0].message.content is None
    odd = parse(line(None, done=True, said={"content": 3, "images": [3], "tool_calls": [3, {}]}))
    assert odd["malformed"]
    assert parse(line("x", done=True, created_at=3, model=None)).model == "tiny:1b"


def test_pictures() -> None:
    """Pictures come as base64 without a type, which their first bytes tell."""
    starts = ("iVBOR", "/9j/", "R0lG", "UklG")
    images = parse(line("", done=True, said={"images": [*starts]})).choices[0].message.images or []
    kinds = [image["image_url"]["url"].partition(";")[0] for image in images]
    assert kinds == ["data:image/png", "data:image/jpeg", "data:image/gif", "data:image/webp"]
    assert [image["index"] for image in images] == [0, 1, 2, 3]


def test_deltas() -> None:
    """Text, thoughts and calls come as they arrive; the end has the reason and the counts, at once."""
    chunks = decode(lines(*STREAM))
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert [d.role for d in deltas] == ["assistant"] + [None] * 6
    assert [d.reasoning_content for d in deltas[:3]] == ["H{", "m", None]
    assert [[c.index for c in d.tool_calls or ()] for d in deltas[4:6]] == [[0, 1], [2]]
    assert [c.choices[0].finish_reason for c in chunks] == [None] * 6 + ["tool_calls"]
    assert [c.usage is None for c in chunks] == [True] * 6 + [False]


def test_cuts_change_nothing() -> None:
    """A stream gives the same chunks wherever its bytes are cut."""
    raw = lines(*STREAM)
    wanted = [chunk.model_dump() for chunk in decode(raw)]
    for size in range(1, 40):
        assert [chunk.model_dump() for chunk in decode(raw, size=size)] == wanted
    for at in range(len(raw)):
        decoder = OllamaChat().decoder(calling(stream=True))
        chunks = [*decoder.feed(raw[:at]), *decoder.feed(raw[at:]), *decoder.finish()]
        assert [chunk.model_dump() for chunk in chunks] == wanted


PIECES = st.lists(
    st.one_of(
        st.builds(line, st.text(max_size=4)),
        st.builds(lambda t: line("", said={"thinking": t}), st.text(max_size=4)),
        st.builds(lambda n: line("", said={"tool_calls": [tool_call(n)]}), st.sampled_from("fg")),
    ),
    min_size=1,
    max_size=6,
)


@settings(derandomize=True, deadline=None, database=None, max_examples=100)
@given(PIECES)
def test_a_stream_adds_up(pieces: list[dict[str, Any]]) -> None:
    """Folded, a stream says what the same answer says in one piece."""
    messages = [piece["message"] for piece in pieces]
    whole: dict[str, Any] = {"content": "".join(m["content"] for m in messages)}
    for name, empty in (("thinking", ""), ("tool_calls", [])):
        found = [m[name] for m in messages if name in m]
        if found:
            whole[name] = sum(found, empty) if empty == [] else "".join(found)
    expected = parse(line(None, done=True, said=whole)).model_dump()
    assert folded(*pieces, line("", done=True)).model_dump() == expected


def test_made_ids() -> None:
    """A call without an id gets one that is the same each time, and no other call's."""
    again = [c.id for c in folded(*STREAM).choices[0].message.tool_calls or ()]
    ids = [c.id for c in folded(*STREAM).choices[0].message.tool_calls or ()]
    assert ids == again
    assert len(set(ids)) == 3
    twice = line("", done=True, said={"tool_calls": [tool_call(), tool_call()]})
    made = [c.id for c in parse(twice).choices[0].message.tool_calls or ()]
    assert made[0] != made[1]


def test_what_else_a_call_has() -> None:
    """Fields of a call that nobody knows are kept on it."""
    (call,) = (
        parse(line("", done=True, said={"tool_calls": [tool_call(mood="odd")]}))
        .choices[0]
        .message.tool_calls
        or ()
    )
    assert call["mood"] == "odd"


def test_nothing_follows_the_end() -> None:
    """What comes behind the last line is not looked at; a last line needs no line end."""
    raw = lines(line("Hi"), line("", done=True))
    wanted = [chunk.model_dump() for chunk in decode(raw)]
    assert [c.model_dump() for c in decode(raw[:-1])] == wanted
    assert [c.model_dump() for c in decode(raw + b"<html>\n" + lines(line("more")))] == wanted


def test_a_plain_body_is_a_stream_of_one() -> None:
    """A server that does not stream is read all the same."""
    (chunk,) = decode(json.dumps(line("Hi", done=True)).encode())
    assert (chunk.text, chunk.choices[0].finish_reason) == ("Hi", "stop")


BROKEN: list[tuple[bytes, str]] = [
    (lines(line("Hi")), "StreamInterruptedError"),
    (lines(line("Hi")) + b'{"model"', "StreamInterruptedError"),
    (b"", "StreamInterruptedError"),
    (b"<html>nothing here</html>", "APIResponseValidationError"),
    (b'{"half', "APIResponseValidationError"),
    (lines(line("Hi")) + b"nonsense\n", "APIResponseValidationError"),
    (b'{"object": "list", "data": []}\n', "APIResponseValidationError"),
    (b"{}\n[3]\n", "APIResponseValidationError"),
    (lines(line("Hi"), {"error": "it broke"}), "InternalServerError"),
    (
        lines({"error": "server busy, please try again.  maximum pending requests exceeded"}),
        "ServiceUnavailableError",
    ),
    (lines({"error": "slow down", "status": 429}), "RateLimitError"),
    (lines({"error": "rate limit exceeded"}), "RateLimitError"),
]


@pytest.mark.parametrize(("raw", "kind"), BROKEN)
def test_streams_that_break(raw: bytes, kind: str) -> None:
    """A stream that ends early, is something else, or has an error in it raises what fits, however it is cut."""
    for size in (0, 1, 7):
        with pytest.raises(llmkit.APIError) as caught:
            decode(raw, size=size)
        assert type(caught.value).__name__ == kind


def test_a_line_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that grows beyond all bounds is not gathered for ever."""
    monkeypatch.setattr("llmkit._ndjson._MAX_LINE", 100)
    decoder = OllamaChat().decoder(calling(stream=True))
    decoder._lines._limit = 100
    with pytest.raises(llmkit.APIResponseValidationError, match="more than 100 bytes"):
        list(decoder.feed(b'{"model": "' + b"x" * 200))


ANSWERS: list[bytes] = [
    b"<html>",
    b"[]",
    b"{}",
    b'{"object": "list"}',
    b'{"message": "Hi"}',
    b'{"mess',
    b"3",
]


@pytest.mark.parametrize("raw", ANSWERS)
def test_answers_that_are_none(raw: bytes) -> None:
    """A page, half a JSON or another API's object is told as what cannot be read."""
    with pytest.raises(llmkit.APIResponseValidationError):
        parse(raw)


def test_an_error_inside_a_200() -> None:
    """It is raised as what it says."""
    with pytest.raises(llmkit.NotFoundError, match="not found"):
        parse({"error": "model 'x' not found"})
    with pytest.raises(llmkit.InternalServerError):
        parse({"error": "it broke"})


KINDS = [
    (400, 'option "stop" must be of type array', "BadRequestError", False),
    (400, '"tiny:1b" does not support thinking', "BadRequestError", False),
    (
        400,
        "request (302 tokens) exceeds the available context size (256 tokens)",
        "ContextWindowExceededError",
        False,
    ),
    (500, "the input length exceeds the context length", "ContextWindowExceededError", False),
    (401, "unauthorized", "AuthenticationError", False),
    (
        403,
        "ollama cloud is disabled: remote inference is unavailable",
        "PermissionDeniedError",
        False,
    ),
    (404, "model 'nonexistent-model:latest' not found", "NotFoundError", False),
    (413, "http: request body too large", "RequestTooLargeError", False),
    (429, "rate limit exceeded", "RateLimitError", True),
    (500, "llama runner process has terminated: exit status 2", "InternalServerError", True),
    (502, "upstream error", "BadGatewayError", True),
    (
        503,
        "server busy, please try again.  maximum pending requests exceeded",
        "ServiceUnavailableError",
        True,
    ),
]


@pytest.mark.parametrize(("status", "text", "kind", "retryable"), KINDS)
def test_errors(status: int, text: str, kind: str, *, retryable: bool) -> None:
    """Each error has its class, its status and its text; what may pass can be tried again."""
    raw = json.dumps({"error": text}).encode()
    made = OllamaChat().error(calling(), HTTPResponse(status, {"x-request-id": "q"}, raw))
    assert (type(made).__name__, made.status_code, made.retryable) == (kind, status, retryable)
    assert text in made.message
    assert (made.provider, made.model, made.request_id) == ("acme", "tiny:1b", "q")


def test_errors_that_are_pages() -> None:
    """A page of somebody in between is told as one."""
    made = OllamaChat().error(
        calling(), HTTPResponse(502, body=b"<html><h1>Bad gateway</h1></html>")
    )
    assert "base_url" in made.message


def test_the_openai_form() -> None:
    """Answers in OpenAI's form are read, whole, in events, and as an error."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": "Hi"},
        "finish_reason": "stop",
    }
    assert parse({"id": "x", "choices": [choice]}).text == "Hi"
    delta = {"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}
    events = b'data: {"id": "x", "choices": [%b]}\n\ndata: [DONE]\n\n' % json.dumps(delta).encode()
    for size in range(1, len(events) + 1):
        assert fold(decode(events, size=size)).text == "Hi"
    with pytest.raises(llmkit.StreamInterruptedError):
        decode(b"data: {}\n\n")
