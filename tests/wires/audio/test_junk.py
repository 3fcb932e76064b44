"""Answers with anything anywhere: each is read, or is an error of ours; and work grows no faster than what comes."""

from __future__ import annotations

import copy
import json
import random
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from llmkit import errors
from llmkit.wires.assemblyai import TRANSCRIPTION as ASSEMBLYAI
from llmkit.wires.deepgram import LISTEN, SPEAK
from llmkit.wires.elevenlabs import SPEECH as ELEVENLABS_SPEECH
from llmkit.wires.elevenlabs import TRANSCRIPTION as ELEVENLABS
from llmkit.wires.openai_audio import SPEECH, TRANSCRIPTION

from ._given import TO, answer, events, fed, heard, spoken
from .test_assemblyai import DONE
from .test_deepgram import UTTERANCES, said
from .test_elevenlabs import LIST, SAID
from .test_openai_listen import EVENTS, VERBOSE

JUNK: tuple[Any, ...] = (
    None,
    True,
    0,
    -1.5,
    10**400,
    "",
    "x",
    [],
    [[]],
    [None],
    {},
    {"a": {}},
    "9" * 5,
)
WIRES: dict[str, tuple[Any, Any]] = {
    "openai": (TRANSCRIPTION, VERBOSE),
    "deepgram": (LISTEN, said(utterances=UTTERANCES)),
    "elevenlabs": (ELEVENLABS, {**SAID, "transcripts": [SAID]}),
    "assemblyai": (ASSEMBLYAI, DONE),
}


def places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a tree: what it is in, and its key."""
    items = (
        tree.items()
        if isinstance(tree, dict)
        else enumerate(tree)
        if isinstance(tree, list)
        else ()
    )
    for key, value in list(items):
        yield tree, key
        yield from places(value)


def spoiled(body: Any, dice: random.Random) -> Any:
    """A copy with junk, or nothing, in one or two places."""
    made = copy.deepcopy(body)
    for _ in range(dice.randint(1, 2)):
        parent, key = dice.choice(list(places(made)) or [([made], 0)])
        if dice.random() < 0.2:
            del parent[key]
        else:
            parent[key] = copy.deepcopy(dice.choice(JUNK))
    return made


@pytest.mark.parametrize("form", [None, "srt"])
@pytest.mark.parametrize("name", WIRES)
def test_spoiled_answers(name: str, form: str | None) -> None:
    """Any part may be missing or be something else."""
    wire, body = WIRES[name]
    dice = random.Random(f"{name} {form}")
    call = heard(params={"response_format": form} if form else {})
    for _ in range(400):
        given = answer(spoiled(body, dice))
        try:
            made = wire.parse(call, given)
        except errors.APIError:
            continue
        made.model_dump_json()
        assert isinstance(made.text, str)
        assert made.counted() is None or made.counted()
        assert all(isinstance(speaker, str) for speaker in made.speakers)


@pytest.mark.parametrize("name", ["deepgram", "elevenlabs", "assemblyai", "openai"])
def test_spoiled_errors(name: str) -> None:
    """An error's body may be anything; it stays an error."""
    bodies = [
        {"err_code": "x", "err_msg": "y", "request_id": "z"},
        {"category": "x", "message": "y", "details": "z"},
        {"detail": {"status": "x", "message": "y"}},
        {"detail": LIST},
        {"error": {"message": "x", "code": "y"}},
    ]
    dice = random.Random(name)
    for _ in range(400):
        body = spoiled(dice.choice(bodies), dice)
        made = WIRES[name][0].error(heard(), answer(body, 429))
        assert isinstance(made, errors.RateLimitError)
        assert str(made)


@pytest.mark.parametrize("wire", [SPEECH, SPEAK, ELEVENLABS_SPEECH])
def test_spoiled_speech(wire: Any) -> None:
    """What stands in speech's place is audio or an error."""
    dice = random.Random(1)
    for _ in range(200):
        body = spoiled({"audio": "QUJD", "usage": {"input_tokens": 1, "prompt_tokens": 2}}, dice)
        for data in (json.dumps(body).encode(), events(body, {"type": "speech.audio.done"})):
            try:
                made = wire.parse(spoken(), answer(data))
            except errors.APIError:
                continue
            assert isinstance(made.content, bytes)


def test_spoiled_events() -> None:
    """A stream's events may have anything in them; what is read folds."""
    dice = random.Random(2)
    for _ in range(400):
        stream = [spoiled(event, dice) if dice.random() < 0.5 else event for event in EVENTS]
        decoder = TRANSCRIPTION.decoder(heard(stream=True))
        try:
            for event in fed(decoder, events(*stream), dice.choice([0, 7])):
                event.model_dump_json()
        except errors.APIError:
            pass
        assert isinstance(decoder.result().text, str)


def test_spoiled_steps() -> None:
    """A call of several requests ends, whatever it is answered."""
    dice = random.Random(3)
    call = heard(params={"response_format": "srt", "timestamp_granularities": ["segment"]})
    good = [
        {"upload_url": "https://x.test/u"},
        {"id": "t", "status": "queued"},
        DONE,
        "1\n",
        {"sentences": [{}]},
    ]
    for _ in range(300):
        steps = ASSEMBLYAI.steps(call, TO)
        next(steps)
        try:
            for body in good:
                steps.send(answer(spoiled(body, dice) if dice.random() < 0.5 else body))
        except (StopIteration, errors.APIError):
            continue


def test_work_grows_with_what_comes() -> None:
    """Twice the bytes, twice the work: nothing is looked at again. Counted, not timed."""

    def calls(count: int) -> int:
        made = 0

        def tracer(*_: Any) -> None:
            nonlocal made
            made += 1

        decoder = TRANSCRIPTION.decoder(heard(stream=True))
        data = events(*[EVENTS[1]] * count)
        sys.setprofile(tracer)
        try:
            for at in range(0, len(data), 16):
                list(decoder.feed(data[at : at + 16]))
        finally:
            sys.setprofile(None)
        return made

    small, large = calls(50), calls(200)
    assert large < 4.4 * small
