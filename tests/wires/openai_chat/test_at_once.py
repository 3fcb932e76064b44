"""What is read in one step, or copied from the event before, is just what is read piece by piece."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import llmkit
from llmkit import errors
from llmkit._fold import fold
from llmkit._http import HTTPResponse
from llmkit._io import _tap
from llmkit.types._model import Model
from llmkit.types.chat import ChatCompletionChunk
from llmkit.wires.openai_chat import OpenAIChat, OpenAIChatDecoder, _at_once
from llmkit.wires.openai_chat._decode import parse

from ._given import call

PURE = settings(derandomize=True, deadline=None, database=None, max_examples=1000)
TEXTS = st.text(max_size=5) | st.sampled_from(['"', "\\", "\u2028", "\n\n", 'a","content":"b', ""])


GONE = object()
DETAILS = {"cached_tokens": 1, "audio_tokens": 0}
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
FUNCTION = {"name": "f", "arguments": "{}"}
CALL: dict[str, Any] = {"index": 0, "id": "a", "type": "function", "function": FUNCTION}
SAID = {"role": "assistant", "content": "a", "refusal": None}
# Where something may be other than in what OpenAI sends, and what may be there.
HEADS: dict[str, list[Any]] = {
    "id": ["", "d", None, 1, GONE],
    "object": ["", "error", None, GONE],
    "created": [None, 2, 1.0, "1", GONE],
    "model": ["", None, GONE],
    "choices": [[], None, [None], GONE],
    "error": [{"message": "no"}, {}, None],
    "x_groq": [{"usage": USAGE}, {"id": "r"}],
    "service_tier": ["default", None, 1],
    "own": [None, 1, {"a": [1]}],
    "malformed": [{"a": 1}],
}
USAGES: dict[str, list[Any]] = {
    "usage": [None, [], USAGE, GONE],
    **{f"usage.{name}": [0, 1, 1.0, None, GONE] for name in USAGE},
    "usage.prompt_tokens_details": [None, {}, {"cached_tokens": None}, GONE],
    "usage.prompt_tokens_details.cache_write_tokens": [0, 2, None],
    "usage.prompt_token_details": [{"cached_tokens": 2}],
    "usage.completion_token_details": [{"reasoning_tokens": 2}],
    "usage.prompt_cache_hit_tokens": [0, 2],
    "usage.cached_tokens": [2],
    "usage.num_cached_tokens": [2],
    "usage.reasoning_tokens": [2],
    "usage.cache_read_input_tokens": [None, 2],
    "usage.cache_creation_input_tokens": [None, 2],
    "usage.num_search_queries": [2],
    "usage.server_tool_use_details": [{"web_search_requests": 2}],
    "usage.queue_time": [0.5],
}


def choices(part: str) -> dict[str, list[Any]]:
    """What of a choice may be otherwise."""
    at = f"choices.0.{part}"
    return {
        "choices.0.index": [1, None, "1", 1.0, True, GONE],
        "choices.0.finish_reason": ["stop", "eos", "", GONE],
        "choices.0.usage": [USAGE, None],
        "choices.0.message": [SAID, None],
        "choices.0.text": ["b"],
        "choices.0.own": [None, {"a": 1}],
        at: [None, {}, "a", GONE],
        f"{at}.role": [None, GONE],
        f"{at}.content": ["", None, [{"type": "text", "text": "b"}], 1, GONE],
        f"{at}.reasoning": ["b", "", None, 1],
        f"{at}.reasoning_content": ["b", None],
        f"{at}.reasoning_details": [[], [{"text": "b"}], [{}], None, "b"],
        f"{at}.function_call": [{"name": ""}, {"name": "f"}, None],
        f"{at}.audio": [{"id": ""}, {"id": "a"}],
        f"{at}.annotations": [[], [{"a": 1}], [1]],
        f"{at}.tool_calls": [[CALL], [CALL, CALL], [None], [], None],
        f"{at}.tool_calls.0": [CALL],
        f"{at}.tool_calls.0.index": [1, None, "0", GONE],
        f"{at}.tool_calls.0.id": [None, "b", GONE],
        f"{at}.tool_calls.0.type": [None, GONE],
        f"{at}.tool_calls.0.custom": [None, {}, {"input": "a"}, {"input": ""}],
        f"{at}.tool_calls.0.function": [None, {}, GONE],
        f"{at}.tool_calls.0.function.name": [None, "", GONE],
        f"{at}.tool_calls.0.function.arguments": [None, {}, {"a": 1}, GONE],
    }


def changed(value: Any, path: list[str], new: Any) -> None:
    """Put something else in this place, if there is such a place."""
    for step in path[:-1]:
        if isinstance(value, dict) and step == "tool_calls":
            value[step] = value.get(step) or [{**CALL, "function": {**FUNCTION}}]
        if isinstance(value, list):
            value = value[0] if value and step == "0" else None
        elif isinstance(value, dict):
            value = value.get(step)
    if isinstance(value, list):
        value[:1] = [] if new is GONE else [new]
    elif isinstance(value, dict) and new is GONE:
        value.pop(path[-1], None)
    elif isinstance(value, dict):
        value[path[-1]] = json.loads(json.dumps(new))


@st.composite
def told(draw: st.DrawFn, part: str) -> dict[str, Any]:
    """An answer or an event as OpenAI sends it, but for up to three things."""
    usage = {**USAGE, "prompt_tokens_details": {**DETAILS}}
    choice = {"index": 0, part: {**SAID}, "logprobs": None, "finish_reason": None}
    whole = "chat.completion" if part == "message" else "chat.completion.chunk"
    made: dict[str, Any] = {"id": "c", "object": whole, "created": 1, "model": "m"}
    made |= {"choices": [choice], "usage": draw(st.sampled_from([None, usage]))}
    places = {**HEADS, **USAGES, **choices(part)}
    for place in draw(st.lists(st.sampled_from(sorted(places)), max_size=3)):
        changed(made, place.split("."), draw(st.sampled_from(places[place])))
    return made


def seen(value: Any) -> Any:
    """All that there is to see of models: their fields, which of them were given, what is unknown."""
    if isinstance(value, Model):
        fields = {name: seen(one) for name, one in value.__dict__.items()}
        extra = seen(value.__pydantic_extra__)
        return type(value), list(fields.items()), extra, value.__pydantic_fields_set__
    if isinstance(value, list):
        return [seen(one) for one in value]
    if isinstance(value, dict):
        return {name: seen(one) for name, one in value.items()}
    return type(value), value


class Slow(OpenAIChatDecoder):
    """Looks at each event piece by piece."""

    def _at_once(self, event: Any) -> None:
        return None


def read(decoder: OpenAIChatDecoder, pieces: Iterable[bytes]) -> list[Any]:
    """What is seen of the chunks of a stream, and of the error that it ends with."""
    found: list[Any] = []
    try:
        for piece in pieces:
            run = decoder.run(piece)
            if run is not None:
                found += map(seen, run.chunks)
                piece = run.rest  # noqa: PLW2901 - what is left of it
            found += map(seen, decoder.feed(piece)) if piece else ()
        found += map(seen, decoder.finish())
    except errors.APIError as error:
        found.append(repr(error))
    return found


def framed(events: Iterable[Any], *, ascii_only: bool = True) -> bytes:
    """Events as they are sent."""
    return b"".join(
        b"data: %b\n\n" % json.dumps(e, ensure_ascii=ascii_only, separators=(",", ":")).encode()
        for e in events
    )


@PURE
@given(st.lists(told("delta"), max_size=4))
def test_any_events(events: list[Any]) -> None:
    """Whatever an event holds, it is read at once as it is read piece by piece, or not at once."""
    data = framed(events) + b"data: [DONE]\n\n"
    assert read(OpenAIChatDecoder(call()), [data]) == read(Slow(call()), [data])


@PURE
@given(told("message"))
def test_any_answer(answer: dict[str, Any]) -> None:
    """Whatever an answer holds, it is read at once as it is read piece by piece, or not at once."""
    response = HTTPResponse(200, body=json.dumps(answer).encode())
    at_once = _at_once.whole(response.body)
    if at_once is not None:
        assert seen(at_once) == seen(parse(call(), response))


def test_an_answer_is_read_at_once() -> None:
    """An answer as OpenAI sends it needs no second look, and neither does a stream of such chunks."""
    choice = {"index": 0, "message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    usage |= {"prompt_tokens_details": {"cached_tokens": 1}}
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "usage": usage}
    data = json.dumps(body | {"choices": [choice]}).encode()
    found = _at_once.whole(data)
    assert found is not None
    assert seen(found) == seen(OpenAIChat().parse(call(), HTTPResponse(200, body=data)))
    assert found.usage is not None
    assert found.usage.cache_read_input_tokens == 1


def chunk(text: str, *, name: str = "content", padding: str | None = None, **more: Any) -> Any:
    """An event with this text."""
    delta: dict[str, Any] = {name: text}
    if name == "arguments":
        delta = {"tool_calls": [{"index": 0, "function": {"arguments": text}}]}
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}
    made = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    made |= {"choices": [choice], "usage": None}
    return made | more | ({} if padding is None else {"obfuscation": padding})


def test_calls_that_share_a_number() -> None:
    """Where hosts count all calls as the first, pieces go to the call that was begun last."""
    args = [chunk(f"w{n}", name="arguments") for n in range(3)]
    events = [call_of("a"), *args, call_of("b"), *args]
    apart = [framed([event]) for event in events]
    found = read(OpenAIChatDecoder(call()), apart)
    assert found == read(Slow(call()), apart)
    decoder = OpenAIChatDecoder(call())
    made = [one for piece in apart for one in decoder.feed(piece)]
    assert [one.choices[0].delta.tool_calls[0].index for one in made] == [0] * 4 + [1] * 4


@st.composite
def words(draw: st.DrawFn) -> list[Any]:
    """Events of which some that follow each other are alike."""
    made: list[Any] = []
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(["content", "reasoning_content", "arguments"]))
        padded = draw(st.booleans())
        texts = draw(st.lists(st.tuples(TEXTS, TEXTS), max_size=6))
        made += [chunk(a, name=name, padding=b if padded else None) for a, b in texts]
        others = [chunk("a", created=2), chunk("c", id="d"), None, call_of("a"), call_of("b")]
        other = draw(st.sampled_from(others))
        made += [] if other is None else [other]
    return made


def call_of(name: str) -> Any:
    """An event with the start of a call, all under one number."""
    made = chunk("", name="arguments")
    said = {"index": 0, "id": name, "function": {"name": "g", "arguments": ""}}
    made["choices"][0]["delta"]["tool_calls"] = [said]
    return made


@PURE
@given(words(), st.booleans(), st.data())
def test_events_that_are_alike(
    events: list[Any],
    ascii_only: bool,  # noqa: FBT001 - hypothesis gives it
    data: st.DataObject,
) -> None:
    """Chunks that are copied, from however cut a stream, are those that are read one by one."""
    told = framed(events, ascii_only=ascii_only)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(told)), max_size=4)))
    pieces = [told[a:b] for a, b in zip([0, *cuts], [*cuts, None], strict=True) if a != b]
    apart = [framed([event], ascii_only=ascii_only) for event in events] or [b""]
    slow = read(Slow(call()), [told])
    assert read(OpenAIChatDecoder(call()), pieces) == slow
    assert read(OpenAIChatDecoder(call()), apart) == slow
    assert read(OpenAIChatDecoder(call()), [apart[0], b"".join(apart[1:])]) == slow


@pytest.mark.parametrize("padding", [None, "xx"])
@pytest.mark.parametrize("name", ["content", "reasoning_content", "arguments"])
def test_runs_are_found(name: str, padding: str | None) -> None:
    """Many events of one piece are one run, once there was one like them."""
    events = [chunk(f"w{n}", name=name, padding=padding) for n in range(6)]
    decoder = OpenAIChatDecoder(call())
    list(decoder.feed(framed(events[:2])))
    rest = framed([chunk("", id="d")])
    run = decoder.run(framed(events[2:]) + rest)
    assert run is not None
    assert run.texts == ["w2", "w3", "w4", "w5"]
    assert run.rest == rest
    assert [seen(one) for one in run.chunks] == read(Slow(call()), [framed(events[2:])])[:4]


# Pieces that are like a run at a glance, and are none.
FALSE_RUNS = [
    framed([chunk("a"), chunk("b")]).replace(b'"a"', b'"a","b"'),
    framed([chunk("a"), chunk("b")]).replace(b'"a"', b'["a"').replace(b'"b"', b'"b"]'),
    framed([chunk("a"), chunk("b")]).replace(b'"a"', b'"a').replace(b'"b"', b'b"'),
    framed([chunk("a"), chunk("b")]).replace(b'"a"', b'"a"\n'),
    framed([chunk("a"), chunk("b")]).replace(b'"a"', b'"a"\r'),
    framed([chunk("a"), chunk("b")]).replace(b'"a"', b""),
    framed([chunk("a"), chunk("b")]).replace(b'"a"', b"0"),
    framed([chunk("a"), chunk("b")]).replace(b'"a"', b'"\\ud800"'),
    framed([chunk("a"), chunk("b")]).replace(b'"a"', b'"\xff"'),
    framed([chunk("a")])[:-1],
    framed([chunk("a")])[:-2] + b"\r\n\r\n",
]


@pytest.mark.parametrize("piece", FALSE_RUNS)
@pytest.mark.parametrize("begun", [b"", b"data: ", b"event: error\n", b"data: 1\n"])
def test_what_only_looks_like_a_run(piece: bytes, begun: bytes) -> None:
    """What is no run is read as what it is, also within an event that is open."""
    before = framed([chunk("w0"), chunk("w1")])
    pieces = [before, begun, piece, framed([chunk("w2")])]
    assert read(OpenAIChatDecoder(call()), pieces) == read(Slow(call()), pieces)


@pytest.mark.parametrize(
    "between",
    [
        b'"a",\n0,\n"b"',
        b'"a",0,"b"',
    ],
)
def test_no_false_padding(between: bytes) -> None:
    """Where two texts are told in each event, one that has other ones is told apart."""
    events = [chunk("w", padding="p"), chunk("v", padding="q"), chunk("u", padding="r")]
    before, last = framed(events[:2]), framed(events[2:])
    start, end = last.split(b'"u"')
    odd = start + between + end[-3:]
    pieces = [before, odd + last, last]
    assert read(OpenAIChatDecoder(call()), pieces) == read(Slow(call()), pieces)


def test_copies_share_nothing() -> None:
    """Whoever changes a chunk changes that one alone, and what comes after it is as it was sent."""
    events = [chunk(f"w{n}", own="x") for n in range(5)]
    decoder = OpenAIChatDecoder(call())
    made: list[ChatCompletionChunk] = list(decoder.feed(framed(events[:2])))
    for event in events[2:]:
        for one in made:
            one.choices[0].delta.content = "changed"
            one.choices[0].delta.refusal = "new"
            one.choices.append(one.choices[0])
            one["own"] = one["more"] = "changed"
            one.usage = None
        run = decoder.run(framed([event]))
        assert run is not None
        made += run.chunks
    assert seen(made[-1]) == read(Slow(call()), [framed(events[-1:])])[0]
    assert made[-1].model_copy(deep=True) == made[-1]


class Says:
    """Answers each request with these pieces."""

    transport = "made up"

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces

    def send(self, request: Any, progress: Any, go_on: Any) -> Any:
        """Answer, blocking."""
        return _tap.Answer(200, {"content-type": "text/event-stream"}, self.pieces, progress)


@settings(PURE, max_examples=150)
@given(words(), st.data())
def test_a_stream_and_its_answer(events: list[Any], data: st.DataObject) -> None:
    """A client's stream has the chunks that there are, in their order, and its answer is what they make up."""
    last = chunk("")
    last["choices"][0] |= {"delta": {}, "finish_reason": "stop"}
    told = framed([*events, last]) + b"data: [DONE]\n\n"
    ends = [i + 2 for i in range(len(told) - 2) if told[i : i + 2] == b"\n\n"]
    places = st.sampled_from(ends) | st.integers(1, len(told) - 1)
    cuts = sorted(data.draw(st.lists(places, max_size=6, unique=True)))
    cuts = ends if data.draw(st.booleans()) else cuts
    pieces = [told[a:b] for a, b in zip([0, *cuts], [*cuts, None], strict=True)]
    slow = list(Slow(call()).feed(told))
    key = "sk-" + "made-up"
    with llmkit.Client(api_key=key) as client, _tap.tapped(Says(pieces)):
        stream = client.completion("openai/m", [{"role": "user", "content": "a"}], stream=True)
        assert [seen(one) for one in stream] == [seen(one) for one in slow]
        assert stream.response.model_dump() == fold(slow).model_dump()
