"""Streams in all framings: what they add up to, where they may be cut, and how they may break."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import llmkit
from llmkit._fold import fold

from ._wire import back, call_part, candidate, decode, event, folded, parse, sse

EVENTS: list[dict[str, Any]] = [
    event({"text": "Thi", "thought": True}, finish=None),
    event({"text": 'nk {"', "thought": True}, finish=None),
    event({"text": "Grüße \\ \u2028"}, {"text": "!"}, finish=None),
    event(call_part("f", {"q": "}]{"}, thoughtSignature="s"), finish=None),
    {**event({"text": ""}), "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2}},
]


def array(*events: Any) -> bytes:
    """Events as one JSON array, as they come without ``alt=sse``."""
    return b"[" + b"\n,\r\n".join(json.dumps(e, indent=1).encode() for e in events) + b"\n]\n"


def lines(*events: Any) -> bytes:
    """Events one a line, as some gateways pass them on."""
    return b"\n".join(json.dumps(e).encode() for e in events)


@pytest.mark.parametrize("framed", [sse, array, lines])
def test_framings_and_cuts(framed: Any) -> None:
    """Events, array and lines give the same chunks, wherever they are cut."""
    wanted = [chunk.model_dump() for chunk in decode(sse(*EVENTS))]
    raw = framed(*EVENTS)
    for size in range(1, len(raw) + 1):
        assert [chunk.model_dump() for chunk in decode(raw, size=size)] == wanted


def test_deltas() -> None:
    """Text, thoughts and calls come as they arrive; the end brings the rest, once."""
    chunks = decode(sse(*EVENTS))
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert deltas[0].role == "assistant"
    assert [d.reasoning_content for d in deltas[:2]] == ["Thi", 'nk {"']
    assert deltas[2].content == "Grüße \\ \u2028!"
    assert deltas[3].tool_calls is not None
    assert deltas[3].tool_calls[0].index == 0
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * 5 + ["tool_calls"]
    assert [chunk.usage is None for chunk in chunks] == [True] * 4 + [False, False]
    assert deltas[-1]["provider_specific_fields"]["parts"][0] == {
        "text": 'Think {"',
        "thought": True,
    }


def whole(events: list[dict[str, Any]]) -> dict[str, Any]:
    """The answer that has all parts of these events."""
    parts = [p for e in events for p in e["candidates"][0]["content"]["parts"]]
    return {**event(*parts), "usageMetadata": events[-1].get("usageMetadata")}


PIECE = st.one_of(
    st.builds(lambda t: {"text": t}, st.text(max_size=3)),
    st.builds(lambda t: {"text": t, "thought": True}, st.text(max_size=3)),
    st.builds(lambda t: {"text": t, "thoughtSignature": "s"}, st.text(max_size=3)),
    st.builds(lambda n: call_part(n, {"x": n}), st.sampled_from("fg")),
    st.just({"executableCode": {"code": "1"}}),
    st.just({"inlineData": {"mimeType": "image/png", "data": "eHl6"}}),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(PIECE, max_size=3), min_size=1, max_size=5))
def test_a_stream_is_its_answer(pieces: list[list[dict[str, Any]]]) -> None:
    """A stream adds up to what the same parts say in one answer, and goes back the same."""
    events = [event(*parts, finish=None) for parts in pieces]
    events[-1] = {**event(*pieces[-1]), "usageMetadata": {"promptTokenCount": 1}}
    streamed, plain = folded(*events), parse(whole(events))
    assert streamed.model_dump() == plain.model_dump()
    assert back(streamed.choices[0].message) == back(plain.choices[0].message)


def test_sound_in_pieces() -> None:
    """Pieces of sound, each base64 of its own, are base64 when put together, and one part."""
    raw = bytes(range(100))
    cuts = [raw[:7], raw[7:8], raw[8:50], raw[50:]]
    encoded = [base64.b64encode(piece).decode() for piece in cuts]
    events = [
        event({"inlineData": {"mimeType": "audio/pcm", "data": e}}, finish=None) for e in encoded
    ]
    made = (
        folded(*events, event({"inlineData": {"mimeType": "audio/pcm", "data": "?"}}))
        .choices[0]
        .message
    )
    assert made.audio is not None
    assert made.audio.data is not None
    assert made.audio.data.endswith("?"), "what is no base64 is kept as it is"
    fine = folded(*events, event()).choices[0].message
    assert fine.audio is not None
    assert base64.b64decode(fine.audio.data or "") == raw
    (part,) = back(fine)[0]["parts"]
    assert base64.b64decode(part["inlineData"]["data"]) == raw


def partial(path: str, *, more: bool, **value: Any) -> dict[str, Any]:
    """A piece of a call's arguments; ``more``: of this value, and so of the call."""
    piece = {"jsonPath": path, **value, **({"willContinue": True} if more else {})}
    return {"functionCall": {"partialArgs": [piece], "willContinue": True}}


def test_arguments_in_pieces() -> None:
    """A call whose arguments come piecemeal is one call, with its signature, in its place."""
    pieces: list[Any] = [
        {"functionCall": {"name": "f", "willContinue": True}, "thoughtSignature": "s"},
        partial("$.text", more=True, stringValue="Grü"),
        partial("$.text", more=False, stringValue="ße"),
        partial("$.items[1].n", more=False, numberValue=2),
        partial("$['a b'][\"c\"]", more=False, boolValue=True),
        partial("$.none", more=False, nullValue="NULL_VALUE"),
        partial("$.text.deeper", more=False, stringValue="over a text"),
        {"functionCall": {"partialArgs": [3, {"jsonPath": "$"}], "willContinue": True}},
        {"functionCall": {}},
        {"functionCall": {"name": "g", "willContinue": True}},
    ]
    made = folded(*(event(p, finish=None) for p in pieces), event()).choices[0].message
    assert made.tool_calls is not None
    assert [c.function.name for c in made.tool_calls] == ["f", "g"]
    args = {
        "text": {"deeper": "over a text"},
        "items": [None, {"n": 2}],
        "a b": {"c": True},
        "none": None,
    }
    assert json.loads(made.tool_calls[0].function.arguments or "") == args
    assert back(made)[0]["parts"] == [call_part("f", args, thoughtSignature="s"), call_part("g")]


def test_a_call_after_an_unfinished_one() -> None:
    """A call that begins ends the one before it; a whole one beside pieces is whole."""
    unfinished = {
        "functionCall": {"name": "f", "partialArgs": [], "args": {"a": 1}, "willContinue": True}
    }
    made = folded(
        event(unfinished, call_part("g"), {"functionCall": {"name": "h", "partialArgs": []}})
    )
    calls = made.choices[0].message.tool_calls or []
    assert [c.function.name for c in calls] == ["f", "g", "h"]
    assert calls[0].function.arguments == '{"a":1}'


def test_grounding_in_pieces() -> None:
    """Grounding that comes bit by bit, or again and again, is whole in the end, and not twice."""
    first = {
        "groundingChunks": [{"web": {"uri": "https://a.test", "title": "A"}}],
        "webSearchQueries": ["q"],
    }
    more = {
        "groundingChunks": [{"web": {"uri": "https://b.test", "title": "B"}}],
        "webSearchQueries": ["q"],
    }
    supports = {
        "groundingSupports": [
            {"segment": {"endIndex": 1, "text": "A"}, "groundingChunkIndices": [1]}
        ]
    }
    made = folded(
        event({"text": "A"}, finish=None, groundingMetadata=first),
        event(finish=None, groundingMetadata=first),
        event(finish=None, groundingMetadata={}),
        event(finish=None, groundingMetadata=more),
        event(groundingMetadata=supports),
    )
    choice = made.choices[0]
    assert [c["web"]["uri"][8] for c in choice["grounding_metadata"]["groundingChunks"]] == [
        "a",
        "b",
    ]
    cited = [a["url_citation"]["url"] for a in choice.message.annotations or ()]
    assert cited == ["https://b.test", "https://a.test"]


def test_several_candidates() -> None:
    """Candidates of one stream are told apart by their index, and all must finish."""
    both = {
        "candidates": [candidate({"text": "a"}, finish=None), candidate({"text": "b"}, index=1)]
    }
    last = {"candidates": [candidate({"text": "A"}, index=0)]}
    made = fold(decode(sse(both, last)))
    assert [choice.message.content for choice in made.choices] == ["aA", "b"]
    with pytest.raises(llmkit.StreamInterruptedError):
        decode(sse(both))


def test_a_whole_answer_to_a_stream() -> None:
    """A host that ignores what it was asked, and answers in one JSON, is read all the same."""
    made = fold(decode(json.dumps(event({"text": "Hi"}), indent=1).encode()))
    assert made.choices[0].message.content == "Hi"


def test_an_empty_stream_of_an_answer() -> None:
    """An answer of nothing is an answer, with empty content."""
    assert folded(event()).choices[0].message.content == ""


@pytest.mark.parametrize(
    "noise",
    [
        b": ping\n\n",
        b"event: ping\ndata: [DONE]\n\n",
        b"data:\n\n",
        b"data: 3\n\n",
        b"data: {}\n\n",
        b"\n\n",
    ],
)
def test_noise(noise: bytes) -> None:
    """Comments, other events and gateways' last words are no matter."""
    raw = noise + sse(event({"text": "A"}, finish=None)) + noise + sse(event()) + noise
    assert fold(decode(raw)).choices[0].message.content == "A"


def test_junk_after_the_end() -> None:
    """What follows a finished answer cannot spoil it."""
    assert fold(decode(sse(event({"text": "A"})) + b"<!-- proxied -->")).text == "A"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"   ",
        sse(event({"text": "A"}, finish=None)),
        array(EVENTS[0])[:-9],
        b'data: {"promptFeedback": {}}',
    ],
)
def test_early_ends(raw: bytes) -> None:
    """Bytes that end before a finish reason broke off; it may be tried again."""
    with pytest.raises(llmkit.StreamInterruptedError) as caught:
        decode(raw, size=5)
    assert caught.value.retryable


@pytest.mark.parametrize("raw", [b"<html>\n<b>502</b>", b"data: {oops\n\n", b"[{oops}]"])
def test_no_stream(raw: bytes) -> None:
    """What is no stream of this wire says so, with how it begins."""
    with pytest.raises(llmkit.APIResponseValidationError):
        decode(raw, size=4)


def test_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """An object without an end does not fill the memory."""
    from llmkit.wires.gemini import _frames

    monkeypatch.setattr(_frames, "_MAX_OBJECT", 100)
    with pytest.raises(llmkit.APIResponseValidationError, match="more than 100 bytes"):
        decode(b'[{"a": "' + b"x" * 200, size=10)
