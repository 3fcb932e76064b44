"""hypothesis breaks what is asked in each format, and what is to be told in it: see ``_fronts`` for what must hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from ._framing import framing_of
from ._fronts import BODIES, FRONTS, TARGETS, answers, reads, tells
from ._mutate import broken_events, broken_text
from ._targets import WIRES
from ._traffic import ANSWERS, STREAMS
from .test_broken import BROKEN, BYTES, CHANCE, FULL

if TYPE_CHECKING:
    import random

# Each body read is written by every chat, twice.
READ = settings(BROKEN, max_examples=1000 if FULL else 60)


def encoded(text: str) -> bytes:
    """As it is sent, halves of characters too."""
    return text.encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("front", FRONTS)
@READ
@given(chance=CHANCE)
def test_broken_requests(front: str, chance: random.Random) -> None:
    """A request broken in any way is read and can be sent, or is refused as a mistake."""
    reads(front, encoded(broken_text(BODIES[front], chance)))


@pytest.mark.parametrize("front", FRONTS)
@BROKEN
@given(chance=CHANCE)
def test_broken_streams(front: str, chance: random.Random) -> None:
    """Whatever a stream says can be told in every format."""
    wire = chance.choice(sorted(WIRES))
    events = broken_events(chance.choice(STREAMS[wire]), chance)
    tells(front, wire, framing_of(wire)(events, chance))


@pytest.mark.parametrize("front", FRONTS)
@BROKEN
@given(chance=CHANCE)
def test_broken_answers(front: str, chance: random.Random) -> None:
    """Whatever an answer says can be told in every format."""
    wire = chance.choice(sorted(WIRES))
    answers(front, wire, encoded(broken_text(chance.choice(ANSWERS[wire]), chance)))


@pytest.mark.parametrize("name", TARGETS)
@READ
@given(data=BYTES)
def test_any_bytes(name: str, data: bytes) -> None:
    """Each reader keeps its promises whatever bytes come."""
    TARGETS[name](data)


@pytest.mark.parametrize("front", FRONTS)
def test_what_is_whole_is_read(front: str) -> None:
    """The bodies that are broken here are sound before: they are read, and each chat writes them where it can."""
    asked = reads(front, BODIES[front].encode())
    assert asked is not None
    assert asked.messages
    assert asked.params
