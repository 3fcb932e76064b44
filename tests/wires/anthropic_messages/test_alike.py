"""Chunks that are copied from the event before are just those that are read one by one."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from llmkit import errors
from llmkit._call import ChatCall
from llmkit.wires.anthropic_messages import AnthropicMessages
from llmkit.wires.anthropic_messages._stream import AnthropicDecoder

PURE = settings(derandomize=True, deadline=None, database=None, max_examples=300)
CALL = ChatCall("call_1", "anthropic", "m", messages=[])
TEXTS = st.text(max_size=5) | st.sampled_from(['"', "\\", "\n\n", 'a","text":"b', ""])
START = {"type": "message_start", "message": {"id": "msg_1", "model": "m", "role": "assistant"}}
STOP = {
    "type": "message_delta",
    "delta": {"stop_reason": "end_turn"},
    "usage": {"output_tokens": 2},
}
BLOCKS = {
    "text": {"type": "text", "text": ""},
    "thinking": {"type": "thinking", "thinking": ""},
    "partial_json": {"type": "tool_use", "id": "t", "name": "f", "input": {}},
}
DELTAS = {"text": "text_delta", "thinking": "thinking_delta", "partial_json": "input_json_delta"}


class Slow(AnthropicDecoder):
    """Looks at each event by itself."""

    def _learn(self, *_: Any) -> None:
        """Nothing."""


CITED = {"type": "char_location", "cited_text": "a", "document_index": 0}
CITED |= {"document_title": "d", "start_char_index": 0, "end_char_index": 1}


def cited(index: int) -> dict[str, Any]:
    """A citation for a block."""
    told = {"type": "citations_delta", "citation": CITED}
    return {"type": "content_block_delta", "index": index, "delta": told}


def delta(name: str, text: str, index: int) -> dict[str, Any]:
    """A piece of a block."""
    told = {"type": DELTAS[name], name: text}
    return {"type": "content_block_delta", "index": index, "delta": told}


@st.composite
def answers(draw: st.DrawFn) -> list[dict[str, Any]]:
    """The events of an answer of a few blocks, which may begin, grow and stop in any order."""
    events = [START]
    for name in draw(st.lists(st.sampled_from([*BLOCKS]), min_size=1, max_size=3)):
        index = draw(st.integers(0, 1))
        events.append(
            {"type": "content_block_start", "index": index, "content_block": BLOCKS[name]}
        )
        other = draw(st.sampled_from([*BLOCKS]))
        for _ in range(draw(st.integers(0, 6))):
            odd = draw(st.integers(0, 9)) == 0
            events.append(delta(other if odd else name, draw(TEXTS), index))
        if draw(st.booleans()):
            events.append(draw(st.sampled_from([{"type": "ping"}, cited(index)])))
        if draw(st.booleans()):
            events.append({"type": "content_block_stop", "index": index})
    return [*events, STOP, {"type": "message_stop"}]


def framed(events: Iterable[dict[str, Any]], *, named: bool) -> bytes:
    """Events as they are sent."""
    lines = (f"event: {event['type']}\n" if named else "" for event in events)
    return b"".join(
        f"{line}data: {json.dumps(event)}\n\n".encode()
        for line, event in zip(lines, events, strict=True)
    )


def read(decoder: AnthropicDecoder, pieces: Iterable[bytes]) -> list[Any]:
    """The chunks of a stream, and the error that it ends with."""
    found: list[Any] = []
    try:
        for piece in pieces:
            run = decoder.run(piece)
            if run is not None:
                found += run.chunks
                piece = run.rest  # noqa: PLW2901 - what is left of it
            found += decoder.feed(piece)
        found += decoder.finish()
    except errors.APIError as error:
        found.append(repr(error))
    return found


@PURE
@given(answers(), st.booleans(), st.data())
def test_events_that_are_alike(
    events: list[dict[str, Any]],
    named: bool,  # noqa: FBT001 - hypothesis gives it
    data: st.DataObject,
) -> None:
    """However cut, a stream has the same chunks, and its last one knows the same blocks."""
    told = framed(events, named=named)
    cuts = sorted(data.draw(st.lists(st.integers(1, len(told) - 1), max_size=4, unique=True)))
    pieces = [told[a:b] for a, b in zip([0, *cuts], [*cuts, None], strict=True)]
    slow = read(Slow(AnthropicMessages(), CALL), [told])
    assert read(AnthropicDecoder(AnthropicMessages(), CALL), pieces) == slow
    apart = [framed([event], named=named) for event in events]
    assert read(AnthropicDecoder(AnthropicMessages(), CALL), apart) == slow


def test_runs_are_found() -> None:
    """Pieces of one block that come together are one run."""
    begun = {"type": "content_block_start", "index": 0, "content_block": BLOCKS["text"]}
    decoder = AnthropicDecoder(AnthropicMessages(), CALL)
    words = [delta("text", f"w{n}", 0) for n in range(5)]
    list(decoder.feed(framed([START, begun, *words[:2]], named=True)))
    run = decoder.run(framed(words[2:], named=True))
    assert run is not None
    assert run.texts == ["w2", "w3", "w4"]
    assert [chunk.text for chunk in run.chunks] == run.texts
