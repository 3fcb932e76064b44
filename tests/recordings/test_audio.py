"""Every recorded exchange of transcription and speech, through the public client and a real socket.

What an answer must say is read here from the raw body; what is no such exchange is listed with its reason.
"""

from __future__ import annotations

import json
from dataclasses import replace
from email import message_from_bytes
from email.policy import HTTP
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest

import llmkit
from llmkit.types.audio import SpeechModelParams

from . import _reader
from ._server import Replay

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator
    from pathlib import Path

    from ._reader import Row

HEARD = {
    "cartesia.transcription": "cartesia",
    "deepgram.listen": "deepgram",
    "deepgram.transcription": "deepgram",
    "elevenlabs.speech-to-text": "elevenlabs",
    "groq.audio.transcriptions": "groq",
    "llamacpp.audio.transcriptions": "llamacpp",
    "mistral.audio.transcriptions": "mistral",
    "openai.audio.transcriptions": "openai",
    "openai.audio.translations": "openai",
    "venice.audio.transcriptions": "venice",
}
"""File (without its ending) → the provider that reads it."""
SPOKEN = {
    "elevenlabs.text-to-speech": "elevenlabs",
    "groq.audio.speech": "groq",
    "openai.audio.speech": "openai",
    "venice.audio.speech": "venice",
}
NOT_OFFERED = {
    "fal.transcription": "a place in a queue, of a provider without transcription here",
    "gladia.transcription": "of a provider that is not offered",
    "gladia.other": "of a provider that is not offered",
    "revai.transcription": "of a provider that is not offered",
}
# A recorder's object around the answer: status, headers and body.
WRAPPED = {"i13676"}
# What the recorders left out of these requests is the form itself.
FORMS_LEFT_OUT = {"i02070", "i02071", "i02072", "i02073", "i08532", "i08533", "i02424"}
KEY = "a-key-of-ours"
WAV = ("a.wav", b"RIFF")


@cache
def _rows() -> dict[str, Row]:
    found = _reader.directory()
    apis = {**HEARD, **SPOKEN}
    rows = [] if found is None else [row for api in apis for row in _reader.rows(found, api)]
    return {row.id: _unwrapped(row) if row.id in WRAPPED else row for row in rows}


def _unwrapped(row: Row) -> Row:
    """The answer within."""
    inner = json.loads(row.body)
    return replace(
        row, status=inner["status"], headers=inner["headers"], body=inner["body"].encode()
    )


heard = [row.id for row in _rows().values() if row.api in HEARD] or ["none"]
spoken = [row.id for row in _rows().values() if row.api in SPOKEN] or ["none"]


@pytest.fixture(scope="module")
def audio_replay(recordings: Path) -> Iterator[Replay]:
    """The server that answers with the recorded bodies."""
    server = Replay(_rows())
    yield server
    server.close()


def base(row: Row, replay: Replay) -> dict[str, Any]:
    """Model and place of a call."""
    provider = {**HEARD, **SPOKEN}[row.api]
    sent = row.sent() or {}
    return {
        "model": f"{provider}/{sent.get('model') or row.model or 'unnamed'}",
        "api_key": KEY,
        "base_url": replay.base_url(row),
    }


def listening(row: Row, replay: Replay) -> tuple[str, dict[str, Any]]:
    """The function and its arguments: the recorded request, or a minimal one."""
    given: dict[str, Any] = {"file": WAV, **base(row, replay)}
    if row.api == "deepgram.listen":
        given["file"] = (row.sent() or {})["url"]
        given["model"] = "deepgram/nova-3-general"
        given["timestamp_granularities"] = ["segment"]
        given["extra_body"] = {"smart_format": True}
    if is_text(row):
        given["response_format"] = "vtt" if row.body.startswith(b"WEBVTT") else "text"
    return ("translation" if row.api.endswith("translations") else "transcription"), given


def is_text(row: Row) -> bool:
    """Whether the answer is the text itself."""
    return row.id in WRAPPED or row.body.startswith(b"WEBVTT")


def speaking(row: Row, replay: Replay) -> dict[str, Any]:
    """The recorded request as arguments, or a minimal one."""
    sent = {"input": "Hello", "voice": "somebody", **(row.sent() or {})}
    known = SpeechModelParams.__annotations__
    return {
        **base(row, replay),
        **{k: v for k, v in sent.items() if k != "model" or k in known},
    } | {"model": base(row, replay)["model"]}


def form_of(request: Any) -> dict[str, tuple[str | None, bytes]]:
    """A form's parts, as the standard library reads them: name to file name and content."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    parts: Any = message_from_bytes(head + request.body, policy=HTTP).get_payload()
    return {
        p.get_param("name", header="content-disposition"): (
            p.get_filename(),
            p.get_payload(decode=True),
        )
        for p in parts
    }


def check_text(row: Row, made: Any) -> None:
    """The answer says what the body says."""
    assert made.call.raw == row.body
    if is_text(row):
        assert made.text == row.body.decode()
        return
    body = json.loads(row.body)
    assert made.text == text_of(row, body)
    words, segments = times_of(row, body)
    assert [(w.word, w.start, w.end) for w in made.words or ()] == words
    assert [(s.text, s.start, s.end) for s in made.segments or ()] == segments
    assert made.duration == body.get("duration", (body.get("metadata") or {}).get("duration"))
    assert made.language == language_of(row, body)
    usage = body.get("usage") or {}
    if usage.get("type") == "duration":
        assert made.usage.seconds == usage["seconds"]
        assert made.counted() is None
    elif usage:
        prompt = usage.get("input_tokens", usage.get("prompt_tokens"))
        spent = usage.get("output_tokens", usage.get("completion_tokens"))
        counted = made.counted()
        assert (counted.prompt_tokens, counted.completion_tokens) == (prompt, spent)
    elif row.api.startswith("deepgram"):
        assert made.usage.seconds == body["metadata"]["duration"]


def language_of(row: Row, body: Any) -> str | None:
    """The language in a raw answer."""
    if row.api.startswith("deepgram"):
        found: str | None = body["results"]["channels"][0].get("detected_language")
        return found
    told: str | None = body.get("language") or body.get("language_code")
    return told


def text_of(row: Row, body: Any) -> str:
    """The text in a raw answer."""
    if row.api.startswith("deepgram"):
        return str(body["results"]["channels"][0]["alternatives"][0]["transcript"])
    return str(body["text"])


def times_of(row: Row, body: Any) -> tuple[list[Any], list[Any]]:
    """Words and segments in a raw answer: what, from, to."""
    if row.api.startswith("deepgram"):
        best = body["results"]["channels"][0]["alternatives"][0]
        words = [(w.get("punctuated_word", w["word"]), w["start"], w["end"]) for w in best["words"]]
        told = body["results"].get("utterances")
        if told is None:
            paragraphs = (best.get("paragraphs") or {}).get("paragraphs", ())
            sentences = [s for p in paragraphs for s in p["sentences"]]
            return words, [(s["text"], s["start"], s["end"]) for s in sentences]
        return words, [(u["transcript"], u["start"], u["end"]) for u in told]
    named = [w for w in body.get("words") or () if w.get("type") != "spacing"]
    words = [(w.get("word", w.get("text")), w["start"], w["end"]) for w in named]
    return words, [(s["text"], s["start"], s["end"]) for s in body.get("segments") or ()]


def check_form(row: Row, sent: list[Any], given: dict[str, Any]) -> None:
    """The request is what was recorded, as far as it was."""
    if row.api == "deepgram.listen":
        assert sent[0].json() == row.sent()
        query = dict(parse_qsl(urlsplit(sent[0].path).query))
        assert query == {"model": "nova-3-general", "smart_format": "true", "utterances": "true"}
    elif row.api == "llamacpp.audio.transcriptions":
        assert form_of(sent[0])["file"] == WAV
        assert "RIFF" in (row.request or "")
    elif row.request:
        assert row.id in FORMS_LEFT_OUT


@pytest.mark.parametrize("name", heard)
def test_heard(name: str, audio_replay: Replay, client: llmkit.Client) -> None:
    """A recorded transcription, synchronously."""
    row = _rows()[name]
    function, given = listening(row, audio_replay)
    if row.status >= 400:
        with pytest.raises(llmkit.APIStatusError) as raised:
            getattr(client, function)(**given)
        assert raised.value.status_code == row.status
        assert raised.value.body == json.loads(row.body)
    else:
        check_text(row, getattr(client, function)(**given))
    check_form(row, audio_replay.take(), given)


@pytest.mark.parametrize("name", heard)
def test_heard_async(
    name: str, audio_replay: Replay, client: llmkit.Client, runner: asyncio.Runner
) -> None:
    """A recorded transcription, asynchronously."""
    row = _rows()[name]
    function, given = listening(row, audio_replay)
    call = getattr(client, f"a{function}")
    if row.status >= 400:
        with pytest.raises(llmkit.APIStatusError) as raised:
            runner.run(call(**given))
        assert raised.value.status_code == row.status
        return
    check_text(row, runner.run(call(**given)))
    check_form(row, audio_replay.take(), given)


@pytest.mark.parametrize("name", spoken)
def test_spoken(
    name: str, audio_replay: Replay, client: llmkit.Client, runner: asyncio.Runner
) -> None:
    """Recorded speech, in both colours, whole and as a stream."""
    row = _rows()[name]
    given = speaking(row, audio_replay)
    assert client.speech(**given).content == row.body
    request = row.sent()
    if request is not None:
        assert audio_replay.take()[0].json() == request
    assert runner.run(client.aspeech(**given)).content == row.body
    with client.speech(stream=True, **given) as stream:
        assert b"".join(stream) == row.body
    assert stream.response.content == row.body

    async def read() -> bytes:
        stream = await client.aspeech(stream=True, **given)
        return b"".join([piece async for piece in stream])

    assert runner.run(read()) == row.body


def test_all_are_there(recordings: Path) -> None:
    """The files of audio are those that are recorded, and what is left out is among them."""
    words = ("audio", "transcription", "speech", "listen", "gladia")
    apis = {api for api in _reader.apis(recordings) if any(word in api for word in words)}
    assert apis == {*HEARD, *SPOKEN, *NOT_OFFERED}
    ids = {row.id for api in HEARD for row in _reader.rows(recordings, api)}
    assert ids >= WRAPPED | FORMS_LEFT_OUT
