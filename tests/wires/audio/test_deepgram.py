"""Deepgram's wire: everything in the query, its answers in OpenAI's form, its errors."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from llmkit import errors
from llmkit._json import load
from llmkit._multipart import whole
from llmkit.wires.deepgram import LISTEN, SPEAK

from ._given import TO, WAV, answer, heard, query, spoken

WORDS = [
    {"word": "hello", "punctuated_word": "Hello.", "start": 0.1, "end": 0.5, "confidence": 0.9, "speaker": 0},
    {"word": "yes", "start": 1.0, "end": 1.4, "confidence": 0.8, "speaker": 1, "speaker_confidence": 0.7},
]  # fmt: skip
UTTERANCES = [
    {"start": 0.1, "end": 0.5, "transcript": "Hello.", "speaker": 0, "id": "u1", "channel": 0},
    {"start": 1.0, "end": 1.4, "transcript": "Yes.", "speaker": 1, "id": "u2", "channel": 0},
]


def said(**more: Any) -> dict[str, Any]:
    """An answer, in the shape that real ones have."""
    best = {"transcript": "Hello. Yes.", "confidence": 0.99, "words": WORDS, **more.pop("best", {})}
    channel = {"alternatives": [best], "detected_language": "en"}
    results = {"channels": [channel], **more}
    metadata = {"request_id": "r-1", "duration": 2.5, "channels": 1, "models": ["x"]}
    return {"metadata": metadata, "results": results}


def test_a_file_is_the_body() -> None:
    """As it is, with its type; what is asked for stands in the query."""
    call = heard(
        model="nova-3",
        params={"language": "en"},
        extra_body={"smart_format": True, "tag": ["a", "b c"]},
    )
    request = LISTEN.build(call, TO)
    assert request.url.startswith("https://host.test/v1/listen?")
    assert query(request) == [
        ("model", "nova-3"),
        ("language", "en"),
        ("smart_format", "true"),
        ("tag", "a"),
        ("tag", "b c"),
    ]
    assert request.headers["content-type"] == "audio/wav"
    assert whole(request.content) == WAV[1]


def test_an_address() -> None:
    """It is fetched there."""
    request = LISTEN.build(heard("https://files.test/a.wav"), TO)
    assert load(request.body) == {"url": "https://files.test/a.wav"}
    assert request.upload is None


@pytest.mark.parametrize(
    ("params", "sent"),
    [
        ({"keywords": ["a", "b"]}, [("keyterm", "a"), ("keyterm", "b")]),
        ({"diarize": True}, [("diarize", "true")]),
        ({"languages": ["en", "de"]}, [("detect_language", "en"), ("detect_language", "de")]),
        ({"timestamp_granularities": ["word"]}, []),
        ({"timestamp_granularities": ["segment"]}, [("utterances", "true")]),
        ({"response_format": "verbose_json"}, []),
        ({"response_format": "diarized_json"}, [("diarize", "true"), ("utterances", "true")]),
    ],
)
def test_parameters(params: dict[str, Any], sent: list[tuple[str, str]]) -> None:
    """Each in Deepgram's words."""
    request = LISTEN.build(heard(model="nova-3", params=params), TO)
    assert query(request)[1:] == sent
    assert request.adjustments == ()


def test_older_models_have_another_word() -> None:
    """Key terms came with the third generation."""
    request = LISTEN.build(heard(model="nova-2", params={"keywords": ["a"]}), TO)
    assert query(request)[1:] == [("keywords", "a")]


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"translate": True}, "translation"),
        ({"stream": True}, "stream"),
        ({"params": {"prompt": "x"}}, "prompt"),
        ({"params": {"temperature": 0.1}}, "temperature"),
        ({"params": {"response_format": "docx"}}, "response_format"),
    ],
)
def test_refusals(options: dict[str, Any], name: str) -> None:
    """What it has no word for is refused."""
    with pytest.raises(errors.UnsupportedParamsError, match=name):
        LISTEN.build(heard(**options), TO)
    dropped = LISTEN.build(heard(drop_params=True, **options), TO)
    assert [(a.parameter, a.change) for a in dropped.adjustments] == [(name, "dropped")]


def test_allowed_by_the_caller() -> None:
    """It goes into the query as it is."""
    call = heard(params={"prompt": "x"}, allowed=frozenset({"prompt"}))
    assert ("prompt", "x") in query(LISTEN.build(call, TO))


def test_an_answer() -> None:
    """Words as they were punctuated, speakers as texts, seconds to be billed; its own fields stay."""
    made = LISTEN.parse(heard(), answer(said(utterances=UTTERANCES)))
    assert (made.text, made.language, made.duration) == ("Hello. Yes.", "en", 2.5)
    assert [(w.word, w.speaker, w.confidence) for w in made.words or ()] == [
        ("Hello.", "0", 0.9),
        ("yes", "1", 0.8),
    ]
    assert [(s.text, s.start, s.speaker, s.id) for s in made.segments or ()] == [
        ("Hello.", 0.1, "0", "u1"),
        ("Yes.", 1.0, "1", "u2"),
    ]
    assert made.speakers == ["0", "1"]
    assert made.usage is not None
    assert (made.usage.type, made.usage.seconds) == ("duration", 2.5)
    assert made["metadata"]["request_id"] == "r-1"
    assert made["results"]["channels"]


def test_paragraphs_are_segments() -> None:
    """Where they were asked for in place of utterances."""
    sentences = [{"text": "Hello.", "start": 0.1, "end": 0.5}]
    best = {
        "paragraphs": {"transcript": "…", "paragraphs": [{"sentences": sentences, "speaker": 0}]}
    }
    made = LISTEN.parse(heard(), answer(said(best=best)))
    assert [(s.text, s.speaker) for s in made.segments or ()] == [("Hello.", "0")]


def test_channels() -> None:
    """Each is a transcript of its own; a word says which it is of."""
    body = said()
    body["results"]["channels"] *= 2
    made = LISTEN.parse(heard(), answer(body))
    assert made.text == "Hello. Yes.\nHello. Yes."
    assert [w["channel"] for w in made.words or ()] == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("srt", "1\n00:00:00,100 --> 00:00:00,500\n0: Hello.\n\n2\n00:00:01,000 --> 00:00:01,400\n1: Yes.\n\n"),
        ("vtt", "WEBVTT\n\n00:00:00.100 --> 00:00:00.500\n0: Hello.\n\n00:00:01.000 --> 00:00:01.400\n1: Yes.\n\n"),
    ],
)  # fmt: skip
def test_subtitles_are_written_here(form: str, text: str) -> None:
    """From utterances, which are asked for; the ledger says so. Without any, from the words."""
    call = heard(params={"response_format": form})
    request = LISTEN.build(call, TO)
    assert ("utterances", "true") in query(request)
    assert [(a.parameter, a.change) for a in request.adjustments] == [
        ("response_format", "emulated")
    ]
    assert LISTEN.parse(call, answer(said(utterances=UTTERANCES))).text == text
    assert LISTEN.parse(call, answer(said())).text == text.replace("Yes.", "yes")


def test_a_callback() -> None:
    """The text goes elsewhere: there is only an id."""
    made = LISTEN.parse(heard(), answer({"request_id": "r-1"}))
    assert (made.text, made["request_id"]) == ("", "r-1")


@pytest.mark.parametrize(
    "body", [b"<html>", b'{"half"', b"[]", b"{}", b'{"results": 1}', b'{"err_code": "x"}']
)
def test_what_is_no_transcript(body: bytes) -> None:
    """An error, and never one of Python's."""
    with pytest.raises(errors.APIError):
        LISTEN.parse(heard(), answer(body))


def test_odd_answers() -> None:
    """Parts that are not what they should be are left out."""
    odd = {"results": {"channels": [{"alternatives": 1}, 2], "utterances": "x"}, "metadata": 3}
    made = LISTEN.parse(heard(), answer(odd))
    assert (made.text, made.words, made.segments, made.usage) == ("", None, None, None)


OLD = {"err_code": "Bad Request", "err_msg": "failed to process audio", "request_id": "r-1"}
NEW = {
    "category": "INVALID_JSON",
    "message": "Invalid JSON submitted.",
    "details": "at line 7",
    "request_id": "r-1",
}


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (400, OLD, errors.BadRequestError, "Bad Request"),
        (400, NEW, errors.BadRequestError, "INVALID_JSON"),
        (
            401,
            {"err_code": "INVALID_AUTH", "err_msg": "Invalid credentials."},
            errors.AuthenticationError,
            "INVALID_AUTH",
        ),
        (
            402,
            {"err_code": "ASR_PAYMENT_REQUIRED", "err_msg": "no funds"},
            errors.PaymentRequiredError,
            "ASR_PAYMENT_REQUIRED",
        ),
        (
            403,
            {"err_code": "INSUFFICIENT_PERMISSIONS", "err_msg": "no access"},
            errors.PermissionDeniedError,
            "INSUFFICIENT_PERMISSIONS",
        ),
        (
            404,
            {"err_code": "PROJECT_NOT_FOUND", "err_msg": "gone"},
            errors.NotFoundError,
            "PROJECT_NOT_FOUND",
        ),
        (
            413,
            {"err_code": "PAYLOAD_TOO_LARGE", "err_msg": "too much"},
            errors.RequestTooLargeError,
            "PAYLOAD_TOO_LARGE",
        ),
        (
            422,
            {"err_code": "UNPROCESSABLE", "err_msg": "cut off"},
            errors.UnprocessableEntityError,
            "UNPROCESSABLE",
        ),
        (
            429,
            {"category": "TOO_MANY_REQUESTS", "message": "slow"},
            errors.RateLimitError,
            "TOO_MANY_REQUESTS",
        ),
        (500, {"err_code": "INTERNAL", "err_msg": "sorry"}, errors.InternalServerError, "INTERNAL"),
        (
            503,
            {"err_code": "OVERLOADED", "err_msg": "busy"},
            errors.ServiceUnavailableError,
            "OVERLOADED",
        ),
        (504, "upstream timed out", errors.GatewayTimeoutError, None),
    ],
)
def test_errors(status: int, body: Any, kind: type[errors.APIError], code: str | None) -> None:
    """Both of its forms, and plain text: the class is the status's, the words are theirs."""
    for wire, call in ((LISTEN, heard()), (SPEAK, spoken())):
        made = wire.error(call, answer(body, status))  # type: ignore[attr-defined]
        assert type(made) is kind
        assert (made.status_code, made.code, made.body) == (status, code, body)
        if isinstance(body, dict):
            assert str(body.get("err_msg") or body["message"]) in str(made)
            assert made.request_id == body.get("request_id")


def test_speech() -> None:
    """Model, format and rate in the query, the text in JSON."""
    call = spoken(
        model="aura-2-thalia-en", voice=None, params={"response_format": "wav", "sample_rate": 8000}
    )
    request = SPEAK.build(call, TO)
    assert query(request) == [
        ("model", "aura-2-thalia-en"),
        ("encoding", "linear16"),
        ("container", "wav"),
        ("sample_rate", "8000"),
    ]
    assert load(request.body) == {"text": "Hello"}
    plain = SPEAK.build(
        spoken(
            model="aura-2-thalia-en",
            voice=None,
            params={"response_format": "mulaw", "stream_format": "audio"},
        ),
        TO,
    )
    assert query(plain)[1:] == [("encoding", "mulaw")]


@pytest.mark.parametrize(
    ("model", "voice", "sent"),
    [
        ("aura-2", "thalia-en", "aura-2-thalia-en"),
        ("aura-2", "aura-2-thalia-en", "aura-2-thalia-en"),
        ("aura", "asteria-en", "aura-asteria-en"),
        ("aura-2-thalia-en", "aura-2-thalia-en", "aura-2-thalia-en"),
        ("aura-2-thalia-en", "zeus-en", None),
        ("aura-2", {"id": 1}, None),
    ],
)
def test_voices(model: str, voice: Any, sent: str | None) -> None:
    """A voice completes the model's name, or it is one too many."""
    if sent is None:
        with pytest.raises(errors.InvalidRequestError, match="voice"):
            SPEAK.build(spoken(model=model, voice=voice), TO)
    else:
        assert query(SPEAK.build(spoken(model=model, voice=voice), TO)) == [("model", sent)]


def test_speech_refuses_and_reads() -> None:
    """No instructions; audio with the characters that were counted; an error in its place is raised."""
    with pytest.raises(errors.UnsupportedParamsError, match="instructions"):
        SPEAK.build(spoken(model="aura-2", voice="x-en", params={"instructions": "softly"}), TO)
    made = SPEAK.parse(
        spoken(), answer(b"ID3" + bytes(50), content_type="audio/mpeg", dg_char_count="5")
    )
    assert made.usage is not None
    assert made.usage.characters == 5
    with pytest.raises(errors.APIError, match="failed to process"):
        SPEAK.parse(spoken(), answer(OLD))
    assert b"".join(SPEAK.decoder(spoken()).feed(b"ID3" + bytes(50)))[:3] == b"ID3"


def test_the_specification() -> None:
    """Every name in the query is in the vendor's own specification."""
    root = os.environ.get("LLMKIT_SPECS")
    if root is None:
        pytest.skip("LLMKIT_SPECS names no directory")
    yaml = pytest.importorskip("yaml")
    spec = yaml.safe_load((Path(root) / "deepgram" / "openapi.yml").read_text(encoding="utf-8"))
    listen = {p["name"] for p in spec["paths"]["/v1/listen"]["post"]["parameters"]}
    speak = {p["name"] for p in spec["paths"]["/v1/speak"]["post"]["parameters"]}
    everything = {"language": "en", "languages": ["en"], "keywords": ["x"], "diarize": True}
    asked = LISTEN.build(heard(params={**everything, "response_format": "srt"}), TO)
    assert {name for name, _ in query(asked)} <= listen
    params = {"response_format": "wav", "speed": 1, "sample_rate": 8000}
    assert {
        name for name, _ in query(SPEAK.build(spoken(model="aura-2", voice="x", params=params), TO))
    } <= speak
