"""The simulator's audio APIs, through real calls in each colour: transcripts, speech, streams, refusals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import llmkit
from llmkit import errors
from llmkit._json import load
from llmkit.testing import FrozenClock, Simulator
from llmkit.testing._wires import wire_for

from ._colour import COLOURS, Colour

KEY = "test-key-0123456789"
WAV = ("a.wav", b"RIFF" + bytes(32_000))
LISTENING = ("openai", "groq", "mistral", "deepgram", "elevenlabs", "assemblyai", "cartesia")
FORM = "multipart/form-data; boundary=b"
SPEAKING = ("openai", "groq", "mistral", "deepgram", "elevenlabs")


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """One for all."""
    with Simulator() as running:
        yield running


@pytest.fixture(params=COLOURS)
def colour(request: pytest.FixtureRequest) -> Colour:
    """Each driver in turn."""
    return Colour(request.param)


def call(
    simulator: Simulator, colour: Colour, function: str, provider: str, *args: Any, **params: Any
) -> Any:
    """One call; streams are read: their chunks and answer."""

    async def main() -> Any:
        clock = FrozenClock()
        options = {"api_key": KEY, "base_url": simulator.base_url_for(provider), "num_retries": 0}
        with llmkit.Client(clock=clock, **{**options, **params.pop("options", {})}) as client:
            try:
                if colour.is_sync:
                    made = getattr(client, function)(f"{provider}/m", *args, **params)
                    return (list(made), made.response) if params.get("stream") else made
                made = await getattr(client, f"a{function}")(f"{provider}/m", *args, **params)
                if not params.get("stream"):
                    return made
                return [piece async for piece in made], made.response
            finally:
                await colour.close(client)

    return colour.run(main)


@pytest.mark.parametrize("provider", LISTENING)
def test_transcription(simulator: Simulator, colour: Colour, provider: str) -> None:
    """Every provider hears the same in the same file, and says so in one form."""
    made = call(simulator, colour, "transcription", provider, WAV)
    assert "simulator" in made.text
    assert made.call.provider == provider
    if provider == "openai":
        assert made.counted().completion_tokens > 0


def test_assemblyai_takes_several_requests(simulator: Simulator, colour: Colour) -> None:
    """Upload, order, question, and one for subtitles: all of them are one call."""
    made = call(simulator, colour, "transcription", "assemblyai", WAV, response_format="vtt")
    assert made.text.startswith("WEBVTT")
    asked = [r.path.partition("/v1/")[2].partition("/")[0] for r in simulator.requests[-4:]]
    assert asked == ["upload", "transcript", "transcript", "transcript"]
    speakers = call(simulator, colour, "transcription", "assemblyai", WAV, diarize=True).speakers
    assert speakers == ["A"]
    params = {"timestamp_granularities": ["segment"]}
    assert call(simulator, colour, "transcription", "assemblyai", WAV, **params).segments


@pytest.mark.parametrize("form", ["text", "srt", "vtt", "verbose_json", "diarized_json"])
def test_formats(simulator: Simulator, colour: Colour, form: str) -> None:
    """Each of OpenAI's formats, and those that others emulate."""
    made = call(simulator, colour, "transcription", "openai", WAV, response_format=form)
    assert "simulator" in made.text
    if form == "diarized_json":
        assert made.speakers == ["A"]
    for provider in ("deepgram", "elevenlabs"):
        other = call(simulator, colour, "transcription", provider, WAV, response_format=form)
        assert ("-->" in other.text) == (form in ("srt", "vtt"))


def test_words_and_segments(simulator: Simulator, colour: Colour) -> None:
    """Times, where they are asked for."""
    params = {"response_format": "verbose_json", "timestamp_granularities": ["word", "segment"]}
    made = call(simulator, colour, "transcription", "openai", WAV, **params)
    assert " ".join(w.word for w in made.words) == made.text
    assert made.segments[0].end == made.duration
    translated = call(simulator, colour, "translation", "openai", WAV)
    assert "simulator" in translated.text


def test_a_streamed_transcription(simulator: Simulator, colour: Colour) -> None:
    """Its deltas are its text, and it is settled once."""
    events, whole = call(simulator, colour, "transcription", "openai", WAV, stream=True)
    deltas = [e.delta for e in events if e.type == "transcript.text.delta"]
    assert len(deltas) > 3
    assert "".join(deltas) == events[-1].text == whole.text
    assert whole.counted().completion_tokens > 0


@pytest.mark.parametrize("provider", SPEAKING)
def test_speech(simulator: Simulator, colour: Colour, provider: str, tmp_path: Path) -> None:
    """Whole and streamed it is the same sound."""
    voice = None if provider == "deepgram" else "nova"
    made = call(simulator, colour, "speech", provider, "Hello you there", voice)
    assert made.content.startswith(b"ID3")
    pieces, whole = call(
        simulator, colour, "speech", provider, "Hello you there", voice, stream=True
    )
    assert b"".join(pieces) == whole.content == made.content
    if provider in ("deepgram", "elevenlabs"):
        assert made.usage.characters == len("Hello you there")


def test_speech_into_a_file(simulator: Simulator, colour: Colour, tmp_path: Path) -> None:
    """As it comes, and the answer is there afterwards."""

    async def main() -> Any:
        with llmkit.Client(api_key=KEY, base_url=simulator.base_url) as client:
            given = {"model": "openai/m", "input": "Hello", "voice": "nova", "stream": True}
            if colour.is_sync:
                made = client.speech(**given).stream_to_file(tmp_path / "a.mp3")
            else:
                stream = await client.aspeech(**given)
                made = await stream.stream_to_file(tmp_path / "a.mp3")
            await colour.close(client)
            assert [s.outcome for s in client.ledger.settlements] == ["completed"]
            return made

    made = colour.run(main)
    assert (tmp_path / "a.mp3").read_bytes() == made.content


def test_iterating_bytes(simulator: Simulator) -> None:
    """The stream's own names for its pieces; closed early it settles as that."""
    with llmkit.Client(api_key=KEY, base_url=simulator.base_url) as client:
        stream = client.speech("openai/m", "Hello", "nova", stream=True)
        assert b"".join(stream.iter_bytes()) == stream.response.content
        early = client.speech("openai/m", "Hello " * 9000, "nova", stream=True)
        next(iter(early))
        early.close()
        assert [s.outcome for s in client.ledger.settlements] == ["completed", "closed"]

        async def main() -> bytes:
            stream = await client.aspeech(
                "openai/m", "Hello", "nova", stream=True, stream_format="sse"
            )
            pieces = [piece async for piece in stream.aiter_bytes()]
            assert stream.usage.completion_tokens > 0
            await client.aclose()
            return b"".join(pieces)

        assert Colour("asyncio").run(main).startswith(b"ID3")


def test_the_openai_sdks_names(simulator: Simulator) -> None:
    """``client.audio`` has its three, in both colours."""
    with llmkit.Client(api_key=KEY, base_url=simulator.base_url) as client:
        heard = client.audio.transcriptions.create(model="openai/m", file=WAV)
        assert heard.text == client.audio.translations.create(model="openai/m", file=WAV).text
        said = client.audio.speech.create(model="openai/m", input="Hello", voice="nova")

        async def main() -> None:
            made = await client.audio.speech.acreate(model="openai/m", input="Hello", voice="nova")
            assert made.content == said.content
            translated = await client.audio.translations.acreate(model="openai/m", file=WAV)
            assert translated.text == heard.text
            await client.aclose()

        Colour("asyncio").run(main)


def test_the_default_client(simulator: Simulator) -> None:
    """The module's functions are the default client's."""
    given: dict[str, Any] = {"api_key": KEY, "base_url": simulator.base_url}
    heard = llmkit.transcription("openai/m", WAV, **given)
    assert heard.text == llmkit.translation("openai/m", WAV, **given).text
    assert llmkit.speech("openai/m", "Hello", "nova", **given).content.startswith(b"ID3")
    with pytest.raises(errors.InvalidRequestError, match="input must be a text"):
        llmkit.speech("openai/m", b"Hello", "nova", **given)  # type: ignore[arg-type]

    async def main() -> None:
        assert (await llmkit.atranscription("openai/m", WAV, **given)).text == heard.text
        assert (await llmkit.atranslation("openai/m", WAV, **given)).text == heard.text
        assert (await llmkit.aspeech("openai/m", "Hello", "nova", **given)).content
        await llmkit.default_client().aclose()

    Colour("asyncio").run(main)
    llmkit.default_client().close()


def test_assemblyais_two_addresses() -> None:
    """Chat goes to its gateway with a bearer token, transcripts to their own place with the key as it is."""
    client = llmkit.Client(environ={"ASSEMBLYAI_API_KEY": KEY})
    messages = [{"role": "user", "content": "hi"}]
    chat = client.completion("assemblyai/m", messages, dry_run=True)
    assert chat.url == "https://llm-gateway.assemblyai.com/v1/chat/completions"
    heard = client.dry_run("transcription", model="assemblyai/m", file=WAV)
    assert heard.url == "https://api.assemblyai.com/v2/upload"
    assert heard.body == f"<a.wav: {len(WAV[1])} bytes of audio/wav>"
    given = {
        "model": "assemblyai/m",
        "file": "https://x.test/a.wav",
        "base_url": "https://eu.test/v2",
    }
    assert client.dry_run("transcription", **given).url == "https://eu.test/v2/transcript"


def test_a_fallback_sends_the_file_again(simulator: Simulator, colour: Colour) -> None:
    """Where one provider fails, the other is sent all of it."""
    given = {
        "fallbacks": [{"model": "deepgram/nova-3", "api_key": KEY, "base_url": simulator.base_url}]
    }
    wrong = {"options": {"api_key": "invalid-" + "key-0123456789"}}
    made = call(simulator, colour, "transcription", "openai", WAV, **given, **wrong)
    assert made.call.provider == "deepgram"
    assert simulator.requests[-1].body == WAV[1]


@pytest.mark.parametrize("provider", LISTENING)
def test_refusals(simulator: Simulator, colour: Colour, provider: str) -> None:
    """A wrong key, and no file, in each provider's own form."""
    wrong = {"options": {"api_key": "invalid-" + "key-0123456789"}}
    with pytest.raises(errors.AuthenticationError):
        call(simulator, colour, "transcription", provider, WAV, **wrong)
    if provider in ("deepgram", "assemblyai"):
        with pytest.raises(errors.APIStatusError):
            call(simulator, colour, "transcription", provider, ("a.wav", b""))


@pytest.mark.parametrize("provider", SPEAKING)
def test_speech_refusals(simulator: Simulator, provider: str) -> None:
    """No text, in each provider's own form."""
    voice = None if provider == "deepgram" else "nova"
    with pytest.raises(errors.APIStatusError) as caught:
        call(simulator, Colour("sync"), "speech", provider, "", voice)
    assert caught.value.status_code in (400, 422)


@pytest.mark.parametrize(
    ("method", "path", "headers", "body"),
    [
        ("GET", "/v1/audio/speech", {}, b""),
        ("POST", "/v1/audio/speech", {"authorization": "Bearer x"}, b"{"),
        ("POST", "/v1/audio/transcriptions", {"authorization": "Bearer x"}, b"x"),
        ("POST", "/v1/listen", {"authorization": "Token x"}, b"x"),
        ("POST", "/v1/listen?model=m", {"authorization": "Token x", "content-type": "application/json"}, b"["),
        ("POST", "/v1/speech-to-text", {"xi-api-key": "x", "content-type": FORM}, b"--b--"),
        ("POST", "/v1/text-to-speech/v", {"xi-api-key": "x"}, b"{"),
        ("POST", "/v2/transcript", {"authorization": "x"}, b"{"),
        ("POST", "/v2/transcript", {"authorization": "x"}, b"{}"),
        ("GET", "/v2/transcript/zzz", {"authorization": "x"}, b""),
    ],
)  # fmt: skip
def test_what_the_servers_refuse(
    simulator: Simulator, method: str, path: str, headers: dict[str, str], body: bytes
) -> None:
    """Each bad request has an error's status and a body in JSON."""
    wire = wire_for(path, headers)
    assert wire.name != "openai_chat"
    reply = wire.reply(method, path, headers, body, simulator._say)
    assert 400 <= reply.status < 500
    assert load(reply.body)
    assert isinstance(wire.failure_frame(500, "no"), bytes)
    assert wire.failure(503, "busy").status == 503
