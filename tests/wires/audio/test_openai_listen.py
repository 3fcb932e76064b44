"""Transcription in OpenAI's form: requests, answers in each format, streams cut anywhere, errors."""

from __future__ import annotations

from typing import Any

import pytest

from llmkit import errors
from llmkit.providers import _audio
from llmkit.wires.openai_audio import TRANSCRIPTION, OpenAITranscription

from ._given import TO, WAV, answer, events, fed, form, heard

EVENTS = (
    {"type": "transcript.text.delta", "delta": "Hello", "logprobs": [{"token": "Hello"}]},
    {"type": "transcript.text.delta", "delta": " you."},
    {
        "type": "transcript.text.segment",
        "id": "seg_1",
        "start": 0.5,
        "end": 1.5,
        "text": "Hello you.",
        "speaker": "A",
    },
    {
        "type": "transcript.text.done",
        "text": "Hello you.",
        "usage": {
            "type": "tokens",
            "input_tokens": 14,
            "input_token_details": {"text_tokens": 4, "audio_tokens": 10},
            "output_tokens": 5,
            "total_tokens": 19,
        },
    },
)
VERBOSE = {
    "task": "transcribe",
    "language": "english",
    "duration": 2.5,
    "text": "Hi there.",
    "words": [{"word": "Hi", "start": 0, "end": 0.5}, {"word": "there", "start": 0.5, "end": 1}],
    "segments": [{"id": 0, "start": 0, "end": 1, "text": "Hi there.", "avg_logprob": -0.5}],
    "usage": {"type": "duration", "seconds": 3},
}


def test_a_request() -> None:
    """Fields come first, lists several times, booleans and numbers in JSON's words, the file last."""
    params = {
        "language": "en",
        "timestamp_granularities": ["word", "segment"],
        "temperature": 0.5,
        "chunking_strategy": {"type": "server_vad"},
    }
    call = heard(params=params, extra_body={"own": True, "left": None})
    request = TRANSCRIPTION.build(call, TO)
    assert request.url == "https://host.test/v1/audio/transcriptions"
    assert request.headers["content-type"] == "multipart/form-data; boundary=llmkit-0123"
    assert form(request) == [
        ("model", "m"),
        ("language", "en"),
        ("timestamp_granularities[]", "word"),
        ("timestamp_granularities[]", "segment"),
        ("temperature", "0.5"),
        ("chunking_strategy[type]", "server_vad"),
        ("own", "true"),
        ("file", ("a.wav", "audio/wav", WAV[1])),
    ]


def test_a_translation() -> None:
    """It has its own address, and takes less."""
    request = TRANSCRIPTION.build(heard(translate=True, params={"prompt": "p"}), TO)
    assert request.url.endswith("/audio/translations")
    with pytest.raises(errors.UnsupportedParamsError, match="language"):
        TRANSCRIPTION.build(heard(translate=True, params={"language": "en"}), TO)


def test_streaming_is_asked_for() -> None:
    """By a field, and by what is accepted."""
    request = TRANSCRIPTION.build(heard(stream=True), TO)
    assert ("stream", "true") in form(request)
    assert request.headers["accept"] == "text/event-stream"


@pytest.mark.parametrize(
    ("wire", "options", "refused"),
    [
        (TRANSCRIPTION, {"params": {"diarize": True}}, "diarize"),
        (TRANSCRIPTION, {"params": {"seed": 1}}, "seed"),
        (_audio.GROQ, {"params": {"response_format": "srt"}}, "response_format"),
        (_audio.GROQ, {"stream": True}, "stream"),
        (_audio.MISTRAL, {"params": {"prompt": "x"}}, "prompt"),
        (_audio.MISTRAL, {"translate": True}, "translation"),
        (_audio.CARTESIA, {"params": {"temperature": 0.1}}, "temperature"),
    ],
)
def test_refusals(wire: OpenAITranscription, options: dict[str, Any], refused: str) -> None:
    """What a host does not take is refused before anything is sent, or listed as dropped."""
    with pytest.raises(errors.UnsupportedParamsError, match=refused):
        wire.build(heard(**options), TO)
    made = wire.build(heard(drop_params=True, **options), TO)
    assert [(a.parameter, a.change) for a in made.adjustments] == [(refused, "dropped")]
    assert refused not in [name for name, _ in form(made)]


def test_a_parameter_that_is_allowed_by_the_caller() -> None:
    """``allowed_openai_params`` sends it whatever is known."""
    request = TRANSCRIPTION.build(heard(params={"seed": 1}, allowed=frozenset({"seed"})), TO)
    assert ("seed", "1") in form(request)


def test_another_hosts_names() -> None:
    """Respelled, with plain lists; the one format there is needs no word."""
    params = {"keywords": ["a", "b"], "diarize": True, "response_format": "json"}
    request = _audio.MISTRAL.build(heard(params=params), TO)
    assert form(request)[1:4] == [("context_bias", "a"), ("context_bias", "b"), ("diarize", "true")]
    assert request.adjustments == ()


def test_an_address_in_place_of_a_file() -> None:
    """Where the host fetches it, the address goes into its field; where not, the caller hears of it."""
    call = heard("https://files.test/a.mp3")
    assert form(_audio.GROQ.build(call, TO)) == [
        ("model", "m"),
        ("url", "https://files.test/a.mp3"),
    ]
    with pytest.raises(errors.InvalidRequestError, match="fetches no audio"):
        TRANSCRIPTION.build(call, TO)


def test_a_number_that_is_none() -> None:
    """NaN would be no number on the other side either."""
    with pytest.raises(errors.InvalidRequestError, match="finite"):
        TRANSCRIPTION.build(heard(params={"temperature": float("nan")}), TO)


def test_verbose_json() -> None:
    """Words, segments, language and seconds; what is not known is kept."""
    made = TRANSCRIPTION.parse(heard(), answer(VERBOSE))
    assert (made.text, made.language, made.duration, made.task) == (
        "Hi there.",
        "english",
        2.5,
        "transcribe",
    )
    assert [w.word for w in made.words or ()] == ["Hi", "there"]
    assert made.segments is not None
    assert made.segments[0]["avg_logprob"] == -0.5
    assert made.usage is not None
    assert (made.usage.type, made.usage.seconds) == ("duration", 3)
    assert made.counted() is None
    assert made.to_dict()["words"][0] == {"word": "Hi", "start": 0, "end": 0.5}


def test_tokens_are_counted_as_a_chats() -> None:
    """Audio among the prompt's, for the price."""
    usage = EVENTS[-1]["usage"]
    counted = TRANSCRIPTION.parse(heard(), answer({"text": "x", "usage": usage})).counted()
    assert counted is not None
    assert (counted.prompt_tokens, counted.completion_tokens, counted.total_tokens) == (14, 5, 19)
    assert counted.prompt_tokens_details is not None
    assert counted.prompt_tokens_details.audio_tokens == 10


def test_usage_in_a_chats_names() -> None:
    """Mistral counts so, and tells the seconds beside it."""
    usage = {"prompt_tokens": 4, "completion_tokens": 9, "prompt_audio_seconds": 12}
    made = TRANSCRIPTION.parse(heard(), answer({"text": "x", "usage": usage}))
    counted = made.counted()
    assert counted is not None
    assert (counted.prompt_tokens, counted.completion_tokens) == (4, 9)
    assert made.usage is not None
    assert made.usage.seconds == 12
    assert made.usage["prompt_audio_seconds"] == 12


def test_speakers() -> None:
    """Whoever speaks, in order; numbers are names as well."""
    segments = [{"speaker": "B"}, {"speaker_id": 1}, {"speaker": "B"}, {"text": "?"}, "odd"]
    made = TRANSCRIPTION.parse(heard(), answer({"text": "x", "segments": segments}))
    assert made.speakers == ["B", "1"]
    assert "malformed" in made


@pytest.mark.parametrize("form", ["text", "srt", "vtt"])
def test_text_as_given(form: str) -> None:
    """Texts and subtitles are not touched, even where they would be JSON."""
    for text in ("1\n00:00 --> x\nHi\n\n", " Hello\n", "42", '"quoted"'):
        call = heard(params={"response_format": form})
        assert (
            TRANSCRIPTION.parse(call, answer(text.encode(), content_type="text/plain")).text == text
        )


def test_text_where_json_was_asked_for() -> None:
    """A host that knows nothing else says so by its type, or by how it begins."""
    assert TRANSCRIPTION.parse(heard(), answer(b"Hello", content_type="text/plain")).text == "Hello"
    assert TRANSCRIPTION.parse(heard(), answer(b"WEBVTT\n\n")).text == "WEBVTT\n\n"


@pytest.mark.parametrize("asked", [None, "text", "srt"])
@pytest.mark.parametrize(
    "body",
    [b"<!DOCTYPE html><p>no", b"<html><body>", b'{"object": "list"}', b"[1]", b"", b'{"text": '],
)
def test_what_is_no_transcription(body: bytes, asked: str | None) -> None:
    """A page, half a JSON, another API's object: an error that says so, and what came."""
    if asked and not body.startswith(b"<"):
        pytest.skip("as a text it may be anything")
    call = heard(params={"response_format": asked} if asked else {})
    with pytest.raises(errors.APIResponseValidationError, match="could not be read"):
        TRANSCRIPTION.parse(call, answer(body, content_type="application/json"))


def test_an_error_inside_a_200() -> None:
    """It is raised as what its code says."""
    body = {"error": {"message": "slow down", "code": "rate_limit_exceeded"}}
    with pytest.raises(errors.RateLimitError, match="slow down"):
        TRANSCRIPTION.parse(heard(params={"response_format": "text"}), answer(body))


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (
            400,
            {"error": {"message": "Invalid file format.", "type": "invalid_request_error"}},
            errors.BadRequestError,
        ),
        (
            401,
            {"error": {"message": "Incorrect API key", "code": "invalid_api_key"}},
            errors.AuthenticationError,
        ),
        (403, {"error": {"message": "not for you"}}, errors.PermissionDeniedError),
        (
            404,
            {"error": {"message": "no such model", "code": "model_not_found"}},
            errors.NotFoundError,
        ),
        (
            413,
            {"error": {"message": "Maximum content size limit (26214400) exceeded"}},
            errors.RequestTooLargeError,
        ),
        (429, {"error": {"message": "slow", "code": "rate_limit_exceeded"}}, errors.RateLimitError),
        (500, {"error": {"message": "sorry"}}, errors.InternalServerError),
        (
            501,
            {"error": {"code": 501, "message": "no audio", "type": "not_supported_error"}},
            errors.InternalServerError,
        ),
        (503, {"error": {"message": "overloaded"}}, errors.ServiceUnavailableError),
    ],
)
def test_errors(status: int, body: Any, kind: type[errors.APIError]) -> None:
    """Each status is its class, with the provider's words."""
    made = TRANSCRIPTION.error(heard(), answer(body, status))
    assert type(made) is kind
    assert body["error"]["message"] in str(made)
    assert (made.status_code, made.provider, made.model) == (status, "acme", "m")


@pytest.mark.parametrize("size", [*range(1, 40), 0])
def test_a_stream_cut_anywhere(size: int) -> None:
    """The events are the same however their bytes come, and so is what they come to."""
    decoder = TRANSCRIPTION.decoder(heard(stream=True))
    made = fed(decoder, events(*EVENTS) + b"data: [DONE]\n\n", size)
    assert [e.type for e in made] == [e["type"] for e in EVENTS]
    assert [e.delta for e in made][:2] == ["Hello", " you."]
    assert (made[2].speaker, made[2].start, made[2].id) == ("A", 0.5, "seg_1")
    whole = decoder.result()
    assert decoder.done
    assert whole.text == "Hello you."
    assert whole.speakers == ["A"]
    counted = whole.counted()
    assert counted is not None
    assert counted.total_tokens == 19
    assert decoder.result() is whole


def test_a_stream_so_far() -> None:
    """Closed early, the answer is what has come."""
    decoder = TRANSCRIPTION.decoder(heard(stream=True))
    list(decoder.feed(events(*EVENTS[:3])))
    assert not decoder.done
    assert decoder.result().text == "Hello you."
    assert decoder.result().segments is not None
    with pytest.raises(errors.StreamInterruptedError):
        list(decoder.finish())


def test_another_hosts_events() -> None:
    """They have OpenAI's names, and what they say beside it is kept."""
    theirs = (
        {"type": "transcription.language", "audio_language": "fr"},
        {"type": "transcription.text.delta", "text": "Bonjour"},
        {"type": "transcription.segment", "text": "Bonjour", "start": 0, "end": 1, "speaker_id": "s0"},
        {
            "type": "transcription.done",
            "model": "voice",
            "text": "Bonjour",
            "language": "fr",
            "segments": [],
            "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        },
    )  # fmt: skip
    decoder = _audio.MISTRAL.decoder(heard(stream=True))
    made = fed(decoder, events(*theirs))
    assert [e.type for e in made] == [
        "transcription.language",
        "transcript.text.delta",
        "transcript.text.segment",
        "transcript.text.done",
    ]
    assert made[1].delta == "Bonjour"
    assert made[3].usage.input_tokens == 1
    whole = decoder.result()
    assert (whole.text, whole.language, whole["model"], whole.speakers) == (
        "Bonjour",
        "fr",
        "voice",
        ["s0"],
    )


@pytest.mark.parametrize("size", [1, 3, 0])
def test_a_host_that_does_not_stream(size: int) -> None:
    """One JSON body, or a text, is one delta and the end."""
    decoder = TRANSCRIPTION.decoder(heard(stream=True))
    made = fed(decoder, b'\n {"text": "Hello"}', size)
    assert [(e.type, e.delta or e.text) for e in made] == [
        ("transcript.text.delta", "Hello"),
        ("transcript.text.done", "Hello"),
    ]
    assert decoder.result().text == "Hello"
    subtitles = b"1\n00:00:00,000 --> 00:00:01,000\nHello\n\n"
    decoder = TRANSCRIPTION.decoder(heard(stream=True, params={"response_format": "srt"}))
    fed(decoder, subtitles, size)
    assert decoder.result().text == subtitles.decode()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"data: {half\n\n", errors.APIResponseValidationError),
        (b"data: 12\n\n", errors.APIResponseValidationError),
        (events({"type": "error", "error": {"code": "server_error", "message": "no"}}), errors.InternalServerError),
        (events({"error": {"code": "rate_limit_exceeded", "message": "no"}}), errors.RateLimitError),
        (b"what is this", errors.APIResponseValidationError),
        (b"<html>", errors.APIResponseValidationError),
        (b"", errors.StreamInterruptedError),
    ],
)  # fmt: skip
def test_broken_streams(data: bytes, kind: type[Exception]) -> None:
    """Each is an error of its kind, never one of Python's."""
    with pytest.raises(kind):
        fed(TRANSCRIPTION.decoder(heard(stream=True)), data)


def test_an_event_that_is_too_long() -> None:
    """It is given up before it fills the memory."""
    decoder: Any = TRANSCRIPTION.decoder(heard(stream=True))
    decoder._events._limit = 10
    with pytest.raises(errors.APIResponseValidationError, match="more than 10 bytes"):
        list(decoder.feed(b"data: 1234567890123\n\n"))


def test_odd_fields_survive() -> None:
    """A wrong type is set aside, in answers and events."""
    made = TRANSCRIPTION.parse(heard(), answer({"text": "x", "words": {"no": 1}, "usage": 3}))
    assert made.words is None
    decoder = TRANSCRIPTION.decoder(heard(stream=True))
    list(decoder.feed(events({"type": "transcript.text.delta", "delta": ["x"], "start": "soon"})))
    assert decoder.result().text == ""
