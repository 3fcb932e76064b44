"""The requests are those that the openai package writes for the same arguments: of most, no forms were recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import openai
import pytest

from llmkit._json import load
from llmkit.wires.openai_audio import SPEECH, TRANSCRIPTION

from ._given import TO, WAV, form, heard, spoken

TRANSCRIPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"language": "en", "prompt": "Names", "response_format": "json", "temperature": 0.2},
    {"response_format": "verbose_json", "timestamp_granularities": ["word", "segment"]},
    {"include": ["logprobs"], "chunking_strategy": "auto"},
    {"chunking_strategy": {"type": "server_vad", "threshold": 0.5, "silence_duration_ms": 200}},
    {
        "response_format": "diarized_json",
        "known_speaker_names": ["Ann", "Bob"],
        "known_speaker_references": ["data:audio/wav;base64,AAAA", "data:audio/wav;base64,BBBB"],
    },
)


def sent(call: Callable[[openai.OpenAI], Any]) -> httpx.Request:
    """What the package sends."""
    seen: list[httpx.Request] = []

    def noted(request: httpx.Request) -> httpx.Response:
        request.read()
        seen.append(request)
        return httpx.Response(200, json={"text": "x"})

    transport = httpx.MockTransport(noted)
    with httpx.Client(transport=transport) as http:
        call(openai.OpenAI(api_key="none", base_url=TO.base_url, http_client=http))
    return seen[0]


def same(request: httpx.Request, ours: Any) -> None:
    """The same fields in whatever order; the package does not guess a file's type."""
    told = [f if f[0] != "file" else ("file", (f[1][0], f[1][2])) for f in fields(request)]
    made = [f if f[0] != "file" else ("file", (f[1][0], f[1][2])) for f in form(ours)]
    assert sorted(map(repr, told)) == sorted(map(repr, made))


def fields(request: httpx.Request) -> list[tuple[str, Any]]:
    """A form as ``form`` reads ours."""
    made: Any = type("Sent", (), {"headers": request.headers, "content": request.content})
    return form(made)


@pytest.mark.parametrize("params", TRANSCRIPTIONS)
def test_transcriptions(params: dict[str, Any]) -> None:
    """The same fields and the same file, in whatever order."""
    theirs = sent(lambda sdk: sdk.audio.transcriptions.create(model="m", file=WAV, **params))
    ours = TRANSCRIPTION.build(heard(params=params), TO)
    assert str(theirs.url) == ours.url
    same(theirs, ours)


def test_streamed_transcriptions() -> None:
    """A stream is asked for in the same way."""
    theirs = sent(lambda sdk: sdk.audio.transcriptions.create(model="m", file=WAV, stream=True))
    same(theirs, TRANSCRIPTION.build(heard(stream=True), TO))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_translations() -> None:
    """At their own address."""
    params = {"prompt": "p", "temperature": 0.5, "response_format": "json"}
    theirs = sent(lambda sdk: sdk.audio.translations.create(model="m", file=WAV, **params))  # type: ignore[call-overload]
    ours = TRANSCRIPTION.build(heard(translate=True, params=params), TO)
    assert str(theirs.url) == ours.url
    same(theirs, ours)


def test_speech() -> None:
    """The same JSON."""
    params: dict[str, Any] = {"response_format": "wav", "speed": 1.5, "instructions": "softly"}
    theirs = sent(
        lambda sdk: sdk.audio.speech.create(model="m", input="Hello", voice="nova", **params)
    )
    ours = SPEECH.build(spoken(params=params), TO)
    assert str(theirs.url) == ours.url
    assert load(theirs.content) == load(ours.body)
