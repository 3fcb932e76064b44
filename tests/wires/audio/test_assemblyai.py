"""AssemblyAI's wire: several requests, fed by hand; times in milliseconds; failures inside a 200."""

from __future__ import annotations

from typing import Any

import pytest

from llmkit import errors
from llmkit._http import HTTPRequest, HTTPResponse
from llmkit._json import load
from llmkit._multipart import whole
from llmkit.wires.assemblyai import TRANSCRIPTION

from ._given import TO, WAV, answer, heard

DONE = {
    "id": "t/1",
    "status": "completed",
    "text": "Hello. Yes.",
    "language_code": "en_us",
    "audio_duration": 3,
    "confidence": 0.9,
    "words": [{"text": "Hello.", "start": 100, "end": 500, "confidence": 0.9, "speaker": "A"}],
    "utterances": [
        {"text": "Hello.", "start": 100, "end": 500, "speaker": "A", "words": [1]},
        {"text": "Yes.", "start": 1000, "end": 1400, "speaker": "B"},
    ],
}


def run(call: Any, *answers: HTTPResponse) -> tuple[list[HTTPRequest], list[float], Any]:
    """Feed the steps of a call: what they ask, how long they wait, what comes of it."""
    steps, asked, waits = TRANSCRIPTION.steps(call, TO), [], []
    replies = iter(answers)
    step = next(steps)
    while True:
        asked.append(step.request)
        waits.append(step.wait)
        try:
            step = steps.send(next(replies))
        except StopIteration as stop:
            return asked, waits, stop.value


def test_upload_order_ask() -> None:
    """The file goes first, as it is; then the order, and questions, ever less often."""
    asked, waits, made = run(
        heard(model="universal-2", params={"language": "en"}),
        answer({"upload_url": "https://cdn.test/u"}),
        answer({"id": "t/1", "status": "queued"}),
        *[answer({"id": "t/1", "status": "processing"})] * 7,
        answer(DONE),
    )
    assert [(r.method, r.url.removeprefix(TO.base_url)) for r in asked] == [
        ("POST", "/upload"),
        ("POST", "/transcript"),
        *[("GET", "/transcript/t%2F1")] * 8,
    ]
    assert whole(asked[0].content) == WAV[1]
    assert asked[0].headers["content-type"] == "application/octet-stream"
    assert load(asked[1].body) == {
        "audio_url": "https://cdn.test/u",
        "speech_models": ["universal-2"],
        "language_code": "en",
    }
    assert waits[:4] == [0, 0, 0.5, 0.75]
    assert waits[-1] == 5.0
    assert (made.text, made.language, made.duration) == ("Hello. Yes.", "en_us", 3)
    assert [(w.word, w.start, w.end, w.speaker) for w in made.words] == [("Hello.", 0.1, 0.5, "A")]
    assert [(s.text, s.start, s.speaker) for s in made.segments] == [
        ("Hello.", 0.1, "A"),
        ("Yes.", 1.0, "B"),
    ]
    assert (made.usage.type, made.usage.seconds) == ("duration", 3)
    assert made.speakers == ["A", "B"]
    assert made["confidence"] == 0.9


def test_an_address() -> None:
    """It is fetched there: nothing is uploaded."""
    call = heard("https://files.test/a.wav")
    asked, _, _ = run(call, answer(DONE))
    assert load(asked[0].body)["audio_url"] == "https://files.test/a.wav"
    assert TRANSCRIPTION.build(call, TO).url.endswith("/transcript")


@pytest.mark.parametrize(
    ("params", "sent"),
    [
        ({"prompt": "p"}, {"prompt": "p"}),
        ({"temperature": 0.1}, {"temperature": 0.1}),
        ({"keywords": ["a"]}, {"keyterms_prompt": ["a"]}),
        ({"diarize": True, "num_speakers": 2}, {"speaker_labels": True, "speakers_expected": 2}),
        ({"response_format": "diarized_json"}, {"speaker_labels": True}),
        (
            {"languages": ["en", "de"]},
            {
                "language_detection": True,
                "language_detection_options": {"expected_languages": ["en", "de"]},
            },
        ),
        ({"timestamp_granularities": ["word"], "response_format": "json"}, {}),
    ],
)
def test_parameters(params: dict[str, Any], sent: dict[str, Any]) -> None:
    """Each in AssemblyAI's words."""
    call = heard("https://x.test/a", model="best", params=params, extra_body={"punctuate": False})
    body = load(TRANSCRIPTION.build(call, TO).body)
    shell = {"audio_url": "https://x.test/a", "speech_model": "best", "punctuate": False}
    assert body == {**shell, **sent}


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"translate": True}, "translation"),
        ({"stream": True}, "stream"),
        ({"params": {"seed": 1}}, "seed"),
        ({"params": {"response_format": "docx"}}, "response_format"),
    ],
)
def test_refusals(options: dict[str, Any], name: str) -> None:
    """Before anything is uploaded."""
    with pytest.raises(errors.UnsupportedParamsError, match=name):
        TRANSCRIPTION.build(heard(**options), TO)
    dropped = TRANSCRIPTION.build(heard(drop_params=True, **options), TO)
    assert [(a.parameter, a.change) for a in dropped.adjustments] == [(name, "dropped")]
    if "params" in options:
        call = heard("https://x.test/a", allowed=frozenset({"seed"}), params={"seed": 1})
        assert load(TRANSCRIPTION.build(call, TO).body)["seed"] == 1


@pytest.mark.parametrize("form", ["srt", "vtt"])
def test_subtitles_are_fetched(form: str) -> None:
    """They are written there."""
    call = heard("https://x.test/a", params={"response_format": form})
    asked, _, made = run(call, answer(DONE), answer(b"1\n00:00 --> x\n"))
    assert asked[1].url.endswith(f"/transcript/t%2F1/{form}")
    assert made.text == "1\n00:00 --> x\n"


def test_sentences_are_fetched() -> None:
    """Where segments are wanted and speakers were not told apart."""
    call = heard("https://x.test/a", params={"timestamp_granularities": ["segment"]})
    whole_ = {k: v for k, v in DONE.items() if k != "utterances"}
    sentences = [{"text": "Hello.", "start": 100, "end": 500}]
    asked, _, made = run(call, answer(whole_), answer({"sentences": sentences}))
    assert asked[1].url.endswith("/transcript/t%2F1/sentences")
    assert [(s.text, s.end) for s in made.segments] == [("Hello.", 0.5)]


@pytest.mark.parametrize(
    "answers",
    [
        [answer(b"<html>")],
        [answer({"error": "no"})],
        [answer([1])],
        [answer({"upload_url": "u"}), answer(b"{half")],
        [answer({"upload_url": "u"}), answer({"status": "queued"})],
        [answer({"upload_url": "u"}), answer({"status": "odd", "id": 1})],
        [
            answer({"upload_url": "u"}),
            answer(DONE | {"status": "error", "error": "Unsupported file"}),
        ],
    ],
)
def test_failures_inside_a_200(answers: list[HTTPResponse]) -> None:
    """Each is an error, with what was said, and never one of Python's."""
    with pytest.raises(errors.APIError) as caught:
        run(heard(), *answers)
    if b"Unsupported file" in answers[-1].body:
        assert "Unsupported file" in str(caught.value)
        assert not caught.value.retryable


def test_a_silent_recording() -> None:
    """No words are none; parts that are not what they should be are left out."""
    body = {
        "id": "t",
        "status": "completed",
        "text": None,
        "words": [1, {"start": "x"}],
        "audio_duration": True,
    }
    made = TRANSCRIPTION.parse(heard(), answer(body))
    assert made.text == ""
    assert len(made.words or ()) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.BadRequestError),
        (401, errors.AuthenticationError),
        (403, errors.PermissionDeniedError),
        (404, errors.NotFoundError),
        (413, errors.RequestTooLargeError),
        (429, errors.RateLimitError),
        (500, errors.InternalServerError),
        (503, errors.ServiceUnavailableError),
    ],
)
def test_errors(status: int, kind: type[errors.APIError]) -> None:
    """A text in ``error``; the class is the status's."""
    made = TRANSCRIPTION.error(heard(), answer({"error": "Authentication error, sorry"}, status))
    assert type(made) is kind
    assert "Authentication error, sorry" in str(made)
