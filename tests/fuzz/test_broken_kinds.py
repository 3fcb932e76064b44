"""hypothesis breaks the traffic of all calls beside chat: see ``_promises`` for what must hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ._kinds import KINDS
from ._mutate import broken_events, broken_text
from ._promises import TARGETS, has_steps, parsed, refused, streamed, walked
from ._traffic import ERRORS
from .test_broken import BROKEN as CHATS
from .test_broken import BYTES, CHANCE, FULL

if TYPE_CHECKING:
    import random

# There are many of them, and what they are made of is tried with chat's.
BROKEN = settings(CHATS, max_examples=600 if FULL else 40)
STREAMED = [kind for kind, subject in KINDS.items() if subject.streams]
STEPPED = [kind for kind in KINDS if has_steps(kind)]
SAID = sorted({text for texts in ERRORS.values() for text in texts})


def encoded(text: str) -> bytes:
    """As it is sent, halves of characters too."""
    return text.encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("kind", STREAMED)
@BROKEN
@given(chance=CHANCE)
def test_broken_streams(kind: str, chance: random.Random) -> None:
    """A stream broken in any way gives events, then at most one error of ours, however it is cut."""
    subject = KINDS[kind]
    events = broken_events(chance.choice(subject.streams), chance)
    streamed(kind, subject.framing(events, chance), [chance.randrange(1, 40)])


@pytest.mark.parametrize("kind", KINDS)
@BROKEN
@given(chance=CHANCE)
def test_broken_answers(kind: str, chance: random.Random) -> None:
    """An answer broken in any way is read, or refused by an error of ours; so is one where a stream was due."""
    subject = KINDS[kind]
    body = encoded(broken_text(chance.choice(subject.answers), chance))
    parsed(kind, body)
    if subject.streams:
        streamed(kind, body, [chance.randrange(1, 40)])


@pytest.mark.parametrize("kind", STEPPED)
@BROKEN
@given(chance=CHANCE)
def test_broken_steps(kind: str, chance: random.Random) -> None:
    """A call of several requests ends, or asks for what can be asked for, whatever it is answered."""
    told = (broken_text(a, chance) if chance.randrange(2) else a for a in KINDS[kind].answers)
    walked(kind, [encoded(text) for text in told])


@pytest.mark.parametrize("kind", KINDS)
@BROKEN
@given(chance=CHANCE, status=st.sampled_from([300, 400, 401, 413, 422, 429, 500, 529, 599]))
def test_broken_errors(kind: str, chance: random.Random, status: int) -> None:
    """An error broken in any way is an error still, without the key that it echoes; in a 200 it raises nothing else."""
    subject = KINDS[kind]
    text = broken_text(chance.choice(SAID), chance)
    refused(kind, encoded(text), status)
    parsed(kind, encoded(text))
    if subject.streams:
        name = chance.choice(("", "error", "aException"))
        streamed(kind, subject.framing([(name, text)], None), [chance.randrange(1, 40)])


@pytest.mark.parametrize("name", TARGETS)
@BROKEN
@given(data=BYTES)
def test_any_bytes(name: str, data: bytes) -> None:
    """Each wire keeps its promises whatever bytes come."""
    TARGETS[name](data)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_whole_is_read(kind: str) -> None:
    """The traffic that is broken here is sound before: nothing of it is an error."""
    subject = KINDS[kind]
    told = [encoded(answer) for answer in subject.answers]
    assert (walked(kind, told) if has_steps(kind) else parsed(kind, told[0])) is not None
    for events in subject.streams:
        read, failure, _ = streamed(kind, subject.framing(events, None), [1, 2, 3, 64])
        assert read
        assert not failure
