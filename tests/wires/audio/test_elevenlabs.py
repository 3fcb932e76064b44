"""ElevenLabs' wire: a form and words with spaces between them, voices in the address, errors in ``detail``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from llmkit import errors
from llmkit._json import load
from llmkit.wires.elevenlabs import SPEECH, TRANSCRIPTION

from ._given import TO, WAV, answer, fed, form, heard, query, spoken

SAID = {
    "language_code": "eng",
    "language_probability": 0.9,
    "text": "Hi you.",
    "words": [
        {"text": "Hi", "start": 0.1, "end": 0.3, "type": "word", "speaker_id": "speaker_0", "logprob": 0},
        {"text": " ", "start": 0.3, "end": 0.4, "type": "spacing", "speaker_id": "speaker_0"},
        {"text": "you.", "start": 0.4, "end": 0.8, "type": "word", "speaker_id": "speaker_0"},
        {"text": "(laughter)", "start": 1, "end": 2, "type": "audio_event", "speaker_id": "speaker_1"},
    ],
}  # fmt: skip


def test_a_form() -> None:
    """Fields by their names there, the file last."""
    params = {
        "language": "en",
        "diarize": True,
        "num_speakers": 2,
        "keywords": ["a", "b"],
        "temperature": 0.5,
        "seed": 7,
        "timestamp_granularities": ["word"],
        "response_format": "json",
    }
    extra = {"tag_audio_events": False, "additional_formats": [{"format": "txt"}]}
    request = TRANSCRIPTION.build(heard(model="scribe_v1", params=params, extra_body=extra), TO)
    assert request.url == "https://host.test/v1/speech-to-text"
    assert form(request) == [
        ("model_id", "scribe_v1"),
        ("language_code", "en"),
        ("diarize", "true"),
        ("num_speakers", "2"),
        ("keyterms", "a"),
        ("keyterms", "b"),
        ("temperature", "0.5"),
        ("seed", "7"),
        ("timestamps_granularity", "word"),
        ("tag_audio_events", "false"),
        ("additional_formats", '[{"format": "txt"}]'),
        ("file", ("a.wav", "audio/wav", WAV[1])),
    ]


def test_an_address_and_characters() -> None:
    """It fetches files itself; times may be told for each character."""
    call = heard("https://files.test/a.wav", params={"timestamp_granularities": ["character"]})
    assert form(TRANSCRIPTION.build(call, TO)) == [
        ("model_id", "m"),
        ("timestamps_granularity", "character"),
        ("cloud_storage_url", "https://files.test/a.wav"),
    ]


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"translate": True}, "translation"),
        ({"stream": True}, "stream"),
        ({"params": {"prompt": "x"}}, "prompt"),
        ({"params": {"timestamp_granularities": ["segment"]}}, "timestamp_granularities"),
        ({"params": {"response_format": "docx"}}, "response_format"),
    ],
)
def test_refusals(options: dict[str, Any], name: str) -> None:
    """What it has no word for is refused, or dropped and listed."""
    with pytest.raises(errors.UnsupportedParamsError, match=name):
        TRANSCRIPTION.build(heard(**options), TO)
    dropped = TRANSCRIPTION.build(heard(drop_params=True, **options), TO)
    assert [(a.parameter, a.change) for a in dropped.adjustments] == [(name, "dropped")]
    if "params" in options:
        allowed = TRANSCRIPTION.build(heard(allowed=frozenset({name}), **options), TO)
        assert allowed.adjustments == () or name == "response_format"


def test_an_answer() -> None:
    """Words without the spaces, with speakers; no usage is told, so none is made up."""
    made = TRANSCRIPTION.parse(heard(), answer(SAID))
    assert (made.text, made.language, made.duration, made.usage) == ("Hi you.", "eng", None, None)
    assert [(w.word, w.start, w.speaker, w["type"]) for w in made.words or ()] == [
        ("Hi", 0.1, "speaker_0", "word"),
        ("you.", 0.4, "speaker_0", "word"),
        ("(laughter)", 1, "speaker_1", "audio_event"),
    ]
    assert made["language_probability"] == 0.9
    assert made.speakers == ["speaker_0", "speaker_1"]


def test_channels() -> None:
    """Several transcripts are one, line by line."""
    made = TRANSCRIPTION.parse(heard(), answer({"transcripts": [SAID, {**SAID, "text": "No."}, 1]}))
    assert made.text == "Hi you.\nNo."
    assert len(made.words or ()) == 6
    assert made.language == "eng"


def test_how_long_it_was() -> None:
    """The length is told under a name of theirs, and is what is used; also of several channels."""
    one = {"text": "Hi", "words": [], "language_code": "eng", "audio_duration_secs": 2.5}
    made = TRANSCRIPTION.parse(heard(), answer(one))
    assert made.usage is not None
    assert (made.duration, made.usage.type, made.usage.seconds) == (2.5, "duration", 2.5)
    for both in (
        {"transcripts": [one, one], "audio_duration_secs": 2.5},
        {"transcripts": [one, {**one, "audio_duration_secs": 1}]},
    ):
        made = TRANSCRIPTION.parse(heard(), answer(both))
        assert made.usage is not None
        assert (made.duration, made.usage.seconds) == (2.5, 2.5)


def test_subtitles_are_written_here() -> None:
    """From the times of the words, and the ledger says so."""
    call = heard(params={"response_format": "srt"})
    assert [a.change for a in TRANSCRIPTION.build(call, TO).adjustments] == ["emulated"]
    assert TRANSCRIPTION.parse(call, answer(SAID)).text == (
        "1\n00:00:00,100 --> 00:00:00,800\nspeaker_0: Hi you.\n\n"
        "2\n00:00:01,000 --> 00:00:02,000\nspeaker_1: (laughter)\n\n"
    )


def test_a_webhook() -> None:
    """The text goes elsewhere."""
    made = TRANSCRIPTION.parse(heard(), answer({"message": "accepted", "request_id": "r"}, 202))
    assert (made.text, made["request_id"]) == ("", "r")


@pytest.mark.parametrize(
    "body", [b"<html>", b"{", b"[]", b"{}", b'{"text": 1}', b'{"detail": "no"}']
)
def test_what_is_no_transcript(body: bytes) -> None:
    """An error, and never one of Python's."""
    with pytest.raises(errors.APIError):
        TRANSCRIPTION.parse(heard(), answer(body))


LIST = [
    {"loc": ["body", "model_id"], "msg": "Field required", "type": "missing"},
    "odd",
    {"msg": "x"},
]


@pytest.mark.parametrize(
    ("status", "detail", "kind", "code"),
    [
        (
            400,
            {"status": "max_character_limit_exceeded", "message": "too long"},
            errors.BadRequestError,
            "max_character_limit_exceeded",
        ),
        (
            401,
            {"status": "invalid_api_key", "message": "Invalid API key"},
            errors.AuthenticationError,
            "invalid_api_key",
        ),
        (
            401,
            {"status": "quota_exceeded", "message": "no quota"},
            errors.PaymentRequiredError,
            "quota_exceeded",
        ),
        (
            403,
            {
                "type": "authorization_error",
                "code": "missing_permissions",
                "message": "no",
                "status": "x",
            },
            errors.PermissionDeniedError,
            "missing_permissions",
        ),
        (
            404,
            {"status": "voice_not_found", "message": "no voice"},
            errors.NotFoundError,
            "voice_not_found",
        ),
        (
            413,
            {"status": "file_too_large", "message": "too large"},
            errors.RequestTooLargeError,
            "file_too_large",
        ),
        (422, LIST, errors.UnprocessableEntityError, None),
        (
            429,
            {"status": "too_many_concurrent_requests", "message": "slow"},
            errors.RateLimitError,
            "too_many_concurrent_requests",
        ),
        (429, {"status": "system_busy", "message": "busy"}, errors.RateLimitError, "system_busy"),
        (
            500,
            {"status": "internal_error", "message": "sorry"},
            errors.InternalServerError,
            "internal_error",
        ),
        (503, "busy", errors.ServiceUnavailableError, None),
    ],
)
def test_errors(status: int, detail: Any, kind: type[errors.APIError], code: str | None) -> None:
    """``detail`` is an object, a list or a text; the class is the status's."""
    for wire, call in ((TRANSCRIPTION, heard()), (SPEECH, spoken())):
        made = wire.error(call, answer({"detail": detail}, status))  # type: ignore[attr-defined]
        assert type(made) is kind
        assert (made.status_code, made.code, made.body) == (status, code, {"detail": detail})
        if isinstance(detail, dict):
            assert detail["message"] in str(made)
    if detail is LIST:
        assert "body.model_id: Field required; odd; x" in str(made)
    if code == "quota_exceeded":
        assert not made.retryable


def test_speech() -> None:
    """The voice in the address, the format in the query, the speed among the voice's settings."""
    params = {"response_format": "mp3", "speed": 1.2, "language": "en", "seed": 3}
    request = SPEECH.build(
        spoken(voice="v/1", params=params, extra_body={"voice_settings": {"style": 1}}), TO
    )
    assert request.url.partition("?")[0] == "https://host.test/v1/text-to-speech/v%2F1"
    assert query(request) == [("output_format", "mp3_44100_128")]
    assert load(request.body) == {
        "text": "Hello",
        "model_id": "m",
        "voice_settings": {"speed": 1.2, "style": 1},
        "language_code": "en",
        "seed": 3,
    }


def test_streamed_speech() -> None:
    """It has its own address, and bytes as they come."""
    request = SPEECH.build(spoken(stream=True), TO)
    assert request.url == "https://host.test/v1/text-to-speech/nova/stream"
    data = b"ID3" + bytes(100)
    assert b"".join(fed(SPEECH.decoder(spoken(stream=True)), data, 7)) == data


@pytest.mark.parametrize(
    ("params", "sent"),
    [
        ({"response_format": "pcm"}, "pcm_24000"),
        ({"response_format": "pcm", "sample_rate": 16000}, "pcm_16000"),
        ({"response_format": "mp3", "sample_rate": 22050}, "mp3_22050_128"),
        ({"response_format": "opus", "stream_format": "audio"}, "opus_48000_128"),
        ({"response_format": "mp3_22050_32", "sample_rate": 1}, "mp3_22050_32"),
    ],
)
def test_formats(params: dict[str, Any], sent: str) -> None:
    """OpenAI's names, or theirs."""
    assert query(SPEECH.build(spoken(params=params), TO)) == [("output_format", sent)]


@pytest.mark.parametrize(
    "params", [{"response_format": "flac"}, {"instructions": "x"}, {"sample_rate": 8000}]
)
def test_speech_refusals(params: dict[str, Any]) -> None:
    """A format that it does not have, and what no field is for."""
    with pytest.raises(errors.UnsupportedParamsError, match=next(iter(params))):
        SPEECH.build(spoken(params=params), TO)


def test_a_voice_is_needed() -> None:
    """There is no address without one."""
    with pytest.raises(errors.InvalidRequestError, match="id of a voice"):
        SPEECH.build(spoken(voice=None), TO)


def test_spoken() -> None:
    """Audio, with what it cost in characters; an error in its place is raised."""
    made = SPEECH.parse(
        spoken(), answer(b"ID3" + bytes(50), content_type="audio/mpeg", character_cost="12")
    )
    assert made.usage is not None
    assert (made.usage.characters, made.media_type) == (12, "audio/mpeg")
    with pytest.raises(errors.APIError, match="no voice"):
        SPEECH.parse(spoken(), answer({"detail": {"status": "x", "message": "no voice"}}))
    with pytest.raises(errors.APIResponseValidationError):
        SPEECH.parse(spoken(), answer(b""))


def test_the_specification() -> None:
    """Every field of a request is in the vendor's own specification."""
    root = os.environ.get("LLMKIT_SPECS")
    if root is None:
        pytest.skip("LLMKIT_SPECS names no directory")
    spec = json.loads((Path(root) / "elevenlabs" / "openapi.json").read_text(encoding="utf-8"))
    schemas = spec["components"]["schemas"]
    fields = schemas["Body_Speech_to_Text_v1_speech_to_text_post"]["properties"]
    params = {"language": "en", "diarize": True, "num_speakers": 2, "temperature": 0, "seed": 1}
    request = TRANSCRIPTION.build(heard(params={**params, "timestamp_granularities": ["word"]}), TO)
    assert {name for name, _ in form(request)} <= set(fields)
    body = schemas["Body_Text_to_speech_v1_text_to_speech__voice_id__post"]["properties"]
    asked = SPEECH.build(spoken(params={"speed": 1, "language": "en", "seed": 1}), TO)
    assert set(load(asked.body)) <= set(body)
