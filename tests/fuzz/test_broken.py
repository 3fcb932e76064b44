"""hypothesis breaks real-shaped traffic, and makes up bytes: see ``_targets`` for what must hold."""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ._framing import framing_of
from ._mutate import NASTY, broken_events, broken_text
from ._targets import TARGETS, WIRES, answers, refuses, streams
from ._traffic import ANSWERS, ERRORS, KEY, STREAMS

FULL = bool(os.environ.get("LLMKIT_FULL"))
BROKEN = settings(
    derandomize=not FULL,
    deadline=None,
    database=None,
    max_examples=1500 if FULL else 120,
    suppress_health_check=list(HealthCheck),
)
SCHEMA = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
CALLED = [*((wire, {}) for wire in WIRES), ("anthropic_messages", {"response_format": SCHEMA})]
# One number says all that is left to chance: hypothesis looks after each single draw, so that it can make what fails
# shorter, and that is dearer than all that is tested. The full run does.
CHANCE = st.randoms(use_true_random=False) if FULL else st.integers(0, 2**63).map(random.Random)
# Words that decoders look for, among bytes that mean nothing.
WORDS = (
    b"data: ", b"event: error\n", b"\n\n", b"\r", b":", b"[DONE]", b"{", b"}", b"[", b'"', b"\\", b"\\ud8", b",",
    b'{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}', b'{"type":"message_stop"}', b"null",
    b'{"candidates":[{"finishReason":"STOP"}]}', b"\xef\xbb\xbf", b"\xff", b"1h", b"30", b" ", b"```json", b"```",
    b"\x1f\x8b\x08", b"\x78\x9c", b"\x78", b"openai/", b"http://[", b"base64,", b"%", b"Bearer ", b"sk-", b"@",
    b"\xed\xa0\x80", b"\x00", KEY.encode(), KEY[:20].encode(), b"2026-11-22T10:00:00Z", b"9" * 40,
    *(nasty.encode("utf-8", "surrogatepass") for nasty in NASTY),
)  # fmt: skip


def some_bytes(chance: random.Random) -> bytes:
    """Up to a dozen words, or bytes that mean nothing."""
    made = (
        chance.choice(WORDS) if chance.random() < 0.5 else chance.randbytes(chance.randrange(7))
        for _ in range(chance.randrange(13))
    )
    return b"".join(made)


BYTES = (
    st.lists(st.sampled_from(WORDS) | st.binary(max_size=6), max_size=12).map(b"".join)
    if FULL
    else CHANCE.map(some_bytes)
)


@pytest.mark.parametrize(
    ("wire", "params"), CALLED, ids=lambda it: it if isinstance(it, str) else ""
)
@BROKEN
@given(chance=CHANCE)
def test_broken_streams(wire: str, params: dict[str, object], chance: random.Random) -> None:
    """A stream broken in any way gives chunks, then at most one error of ours, however it is cut."""
    events = chance.choice(STREAMS[wire])
    data = framing_of(wire)(broken_events(events, chance), chance)
    streams(wire, data, [chance.randrange(1, 40)], **params)


@pytest.mark.parametrize(
    ("wire", "params"), CALLED, ids=lambda it: it if isinstance(it, str) else ""
)
@BROKEN
@given(chance=CHANCE)
def test_broken_answers(wire: str, params: dict[str, object], chance: random.Random) -> None:
    """An answer broken in any way is read, or refused by an error of ours; so is one where a stream was due."""
    body = broken_text(chance.choice(ANSWERS[wire]), chance).encode("utf-8", "surrogatepass")
    answers(wire, body, **params)
    streams(wire, body, [chance.randrange(1, 40)], **params)


@pytest.mark.parametrize("wire", WIRES)
@BROKEN
@given(chance=CHANCE, status=st.sampled_from([300, 400, 401, 413, 422, 429, 500, 529, 599]))
def test_broken_errors(wire: str, chance: random.Random, status: int) -> None:
    """An error broken in any way is an error still, without the key that it echoes; in a 200 it is one, too."""
    body = broken_text(chance.choice(ERRORS[wire]), chance).encode("utf-8", "surrogatepass")
    refuses(wire, body, status)
    said = body.decode("utf-8", "surrogatepass")
    framed = framing_of(wire)([(chance.choice(("", "error", "aException")), said)], None)
    streams(wire, framed, [chance.randrange(1, 40)])
    answers(wire, body)


@pytest.mark.parametrize("name", TARGETS)
@BROKEN
@given(data=BYTES)
def test_any_bytes(name: str, data: bytes) -> None:
    """Each decoder keeps its promises whatever bytes come."""
    TARGETS[name](data)


@pytest.mark.parametrize("wire", WIRES)
def test_what_is_whole_is_read(wire: str) -> None:
    """The traffic that is broken here is sound before: streams end, answers are read, nothing is an error."""
    for events in STREAMS[wire]:
        chunks, error = streams(wire, framing_of(wire)(events, None), [1, 2, 3, 64])
        assert chunks
        assert error == "None"
    assert answers(wire, ANSWERS[wire][0].encode()) is not None
