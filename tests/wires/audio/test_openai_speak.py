"""Speech in OpenAI's form: requests, bytes and events and JSON, streams cut anywhere, files, errors."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from llmkit import errors
from llmkit._json import load
from llmkit.providers import _audio
from llmkit.types.audio import Speech
from llmkit.wires.openai_audio import SPEECH

from ._given import TO, answer, events, fed, spoken

MP3 = b"ID3\x04" + bytes(range(256)) * 4
B64 = base64.b64encode(MP3).decode()
USAGE = {"input_tokens": 3, "output_tokens": 20, "total_tokens": 23}


def test_a_request() -> None:
    """The text, the voice, and what was given."""
    params = {"response_format": "wav", "speed": 1.5, "instructions": "softly"}
    request = SPEECH.build(spoken(params=params, extra_body={"own": 1}), TO)
    assert request.url == "https://host.test/v1/audio/speech"
    body = {"model": "m", "input": "Hello", "voice": "nova", **params, "own": 1}
    assert load(request.body) == body


def test_a_stream_is_no_other_request() -> None:
    """OpenAI sends every answer as it is made; others want to be asked."""
    assert "stream" not in load(SPEECH.build(spoken(stream=True), TO).body)
    body = load(_audio.MISTRAL_SPEECH.build(spoken(stream=True), TO).body)
    assert body == {"model": "m", "input": "Hello", "voice_id": "nova", "stream": True}


@pytest.mark.parametrize(
    ("wire", "name", "value"),
    [
        (SPEECH, "sample_rate", 8000),
        (SPEECH, "seed", 1),
        (_audio.GROQ_SPEECH, "instructions", "softly"),
        (_audio.MISTRAL_SPEECH, "speed", 2.0),
    ],
)
def test_refusals(wire: Any, name: str, value: Any) -> None:
    """What a host does not take is refused, or listed as dropped."""
    with pytest.raises(errors.UnsupportedParamsError, match=name):
        wire.build(spoken(params={name: value}), TO)
    made = wire.build(spoken(params={name: value}, drop_params=True), TO)
    assert [a.parameter for a in made.adjustments] == [name]
    allowed = wire.build(spoken(params={name: value}, allowed=frozenset({name})), TO)
    assert load(allowed.body)[name] == value


def test_the_host_that_takes_it() -> None:
    """A rate, and no voice where none is given."""
    request = _audio.GROQ_SPEECH.build(spoken(voice=None, params={"sample_rate": 8000}), TO)
    assert load(request.body) == {"model": "m", "input": "Hello", "sample_rate": 8000}


@pytest.mark.parametrize("size", [*range(1, 20), 0])
def test_bytes_as_they_come(size: int) -> None:
    """Audio is handed on, whatever pieces it comes in."""
    decoder = SPEECH.decoder(spoken(stream=True))
    assert b"".join(fed(decoder, MP3, size)) == MP3
    made = decoder.result()
    assert (made.content, made.media_type) == (MP3, "audio/mpeg")
    assert decoder.done


@pytest.mark.parametrize("size", [*range(1, 40), 0])
def test_events_cut_anywhere(size: int) -> None:
    """They have audio in base64, and the usage at the end."""
    half = len(MP3) // 3 * 2
    parts = [base64.b64encode(part).decode() for part in (MP3[:half], MP3[half:])]
    data = events(
        *({"type": "speech.audio.delta", "audio": part} for part in parts),
        {"type": "speech.audio.done", "usage": USAGE},
    )
    decoder = SPEECH.decoder(spoken(stream=True))
    assert b"".join(fed(decoder, data, size)) == MP3
    counted = decoder.result().counted()
    assert counted is not None
    assert (counted.prompt_tokens, counted.completion_tokens) == (3, 20)
    assert counted.completion_tokens_details is not None
    assert counted.completion_tokens_details.audio_tokens == 20


def test_another_hosts_events() -> None:
    """Audio under another name, usage in a chat's; without an end it is cut short."""
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    data = b"event: speech.audio.delta\n" + events({"audio_data": B64})
    end = b"event: speech.audio.done\n" + events({"usage": usage})
    decoder = _audio.MISTRAL_SPEECH.decoder(spoken(stream=True))
    assert fed(decoder, data + end) == [MP3]
    made = decoder.result()
    assert made.usage is not None
    assert (made.usage.input_tokens, made.usage.output_tokens) == (1, 2)
    with pytest.raises(errors.StreamInterruptedError):
        fed(_audio.MISTRAL_SPEECH.decoder(spoken(stream=True)), data)


def test_a_whole_answer() -> None:
    """Bytes with their type; characters where the head counts them."""
    made = SPEECH.parse(spoken(), answer(MP3, content_type="audio/mpeg", dg_char_count="5"))
    assert made.content == MP3
    assert made.usage is not None
    assert made.usage.characters == 5
    assert made.counted() is None
    assert SPEECH.parse(spoken(), answer(b"\0" * 100)).media_type == ""


def test_an_answer_in_json_or_events() -> None:
    """A call that is not streamed reads them just as well."""
    assert SPEECH.parse(spoken(), answer({"audio_data": B64})).content == MP3
    data = events({"type": "speech.audio.delta", "audio": B64}, {"type": "speech.audio.done"})
    assert SPEECH.parse(spoken(), answer(data)).content == MP3


def test_samples_without_a_header() -> None:
    """Raw samples may begin with a byte that looks like a brace."""
    for data in (b"{\x00\x01\xff" * 10, b"<\x80" * 20, b" " * 3 + b"{" + bytes(40)):
        assert SPEECH.parse(spoken(), answer(data)).content == data


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", errors.APIResponseValidationError),
        (b"<html><body>What is this page</body></html>", errors.APIResponseValidationError),
        (b'{"object": "list", "data": []}', errors.APIResponseValidationError),
        (b'{"audio": "not base64!"}                ', errors.APIResponseValidationError),
        (b'{"audio": 12}               ', errors.APIResponseValidationError),
        (b'{"error": {"message": "no", "code": "rate_limit_exceeded"}}', errors.RateLimitError),
        (b"data: {half                   \n\n", errors.APIResponseValidationError),
        (b'data: {"error": {"code": "server_error"}}\n\n', errors.InternalServerError),
        (b"data: [DONE]           \n\n", None),
    ],
)
def test_what_is_no_audio(body: bytes, kind: type[Exception] | None) -> None:
    """A page, another API's object, an error inside a 200: each an error of its kind, in both forms of call."""
    if kind is None:
        assert SPEECH.parse(spoken(), answer(body)).content == b""
        return
    with pytest.raises(kind):
        SPEECH.parse(spoken(), answer(body))
    with pytest.raises(kind):
        fed(SPEECH.decoder(spoken(stream=True)), body, 3)


def test_too_much_of_what_is_no_audio(monkeypatch: pytest.MonkeyPatch) -> None:
    """JSON without an end, and an event without one, are given up."""
    monkeypatch.setattr("llmkit.wires.openai_audio._spoken._MOST", 100)
    with pytest.raises(errors.APIResponseValidationError, match="more than 100 bytes"):
        list(SPEECH.decoder(spoken()).feed(b'{"audio": "' + b"A" * 200))
    decoder: Any = SPEECH.decoder(spoken())
    decoder._events._limit = 10
    with pytest.raises(errors.APIResponseValidationError, match="more than 10 bytes"):
        list(decoder.feed(b"data: " + b"A" * 200 + b"\n\n"))


def test_speech_as_a_file(tmp_path: Path) -> None:
    """It is read, iterated and written; dumped and shown it has no bytes."""
    made = Speech(content=MP3, media_type="audio/mpeg")
    assert made.read() == b"".join(made.iter_bytes(100)) == MP3
    for name in ("write_to_file", "stream_to_file"):
        getattr(made, name)(tmp_path / name)
        assert (tmp_path / name).read_bytes() == MP3
    assert repr(made) == str(made) == f"Speech({len(MP3)} bytes of audio/mpeg)"
    assert made.model_dump() == {"media_type": "audio/mpeg"}
    assert "Speech(" in made._repr_markdown_()


def test_errors() -> None:
    """In OpenAI's form, with the class of their status."""
    body = {"error": {"message": "No such voice", "param": "voice"}}
    made = SPEECH.error(spoken(), answer(body, 400))
    assert type(made) is errors.BadRequestError
    assert made.param == "voice"
