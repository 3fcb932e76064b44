"""Speech, pictures, reranking, moderation and models, asked with OpenAI's client over a real socket."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from llmkit.budget import Budget
from llmkit.proxy.auth.keys import token_of
from llmkit.testing import faults
from llmkit.tokens._ogg import _checksum

from .._kit import MASTER, Served, gateway
from ._keys import new_key

WAV = b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00" + b"\x00" * 300
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 32


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway that listens."""
    with gateway(tmp_path_factory.mktemp("proxy")) as made:
        yield made


@pytest.fixture
def client(served: Served) -> Iterator[openai.OpenAI]:
    """OpenAI's own client."""
    url = f"{served.origin}/v1"
    with openai.OpenAI(base_url=url, api_key=MASTER, max_retries=0) as made:
        yield made


def test_a_transcription_goes_to_its_provider_as_a_form(
    client: openai.OpenAI, served: Served
) -> None:
    """With the file, and every field as it was meant."""
    answer = client.audio.transcriptions.create(
        model="openai/whisper-1",
        file=("talk.wav", WAV),
        temperature=0.5,
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )
    assert answer.text
    body = served.simulator.requests[-1].body
    assert WAV in body
    assert body.count(b'name="timestamp_granularities[]"') == 2
    assert b'filename="talk.wav"' in body


def ogg(packet: bytes) -> bytes:
    """A page with one packet."""
    made = b"OggS" + bytes(22) + bytes([1, len(packet)]) + packet
    return made[:22] + struct.pack("<I", _checksum(made)) + made[26:]


def test_a_transcription_within_a_budget(served: Served) -> None:
    """What is in it says how long it can last; where nobody knows, HTTP callers are told of no keyword."""
    key = new_key(served)
    served.gateway.budget.set_budget(Budget("0.01", scope={"key": token_of(key)}))
    second = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        16036,
        b"WAVE",
        b"fmt ",
        16,
        1,
        1,
        8000,
        16000,
        2,
        16,
        b"data",
        16000,
    )
    with served.client(key) as http:

        def asked(name: str, content: bytes) -> httpx.Response:
            files = {"file": (name, content)}
            return http.post(
                "/v1/audio/transcriptions", data={"model": "openai/whisper-1"}, files=files
            )

        assert asked("a.wav", second + bytes(16000)).status_code == 200
        long = asked("a.wav", second[:-4] + struct.pack("<I", 16000 * 300) + bytes(16000 * 300))
        assert long.json()["error"]["code"] == "budget_exceeded"
        said = ogg(b"OpusHead" + bytes(11)) + ogg(b"\x78" + bytes(9))
        assert asked("a.ogg", said).status_code == 200
        long = asked("a.ogg", said + ogg(b"\x78" + bytes(9)) * 15_000)
        assert long.json()["error"]["code"] == "budget_exceeded"
        strange = asked("a.ogg", b"OggS" + bytes(400))
    assert strange.status_code == 400
    assert strange.json()["error"]["code"] == "unbounded_cost"
    assert "max_cost=" not in strange.text
    assert "WAV, FLAC or Ogg" in strange.text


@pytest.mark.parametrize("form", ["text", "srt", "vtt"])
def test_a_transcription_may_be_a_text(client: openai.OpenAI, form: Any) -> None:
    """Just as it came."""
    answer: Any = client.audio.transcriptions.create(
        model="openai/whisper-1", file=("talk.wav", WAV), response_format=form
    )
    assert isinstance(answer, str)
    assert answer.strip()


def test_a_transcription_may_be_streamed(client: openai.OpenAI) -> None:
    """As OpenAI's events."""
    with client.audio.transcriptions.create(
        model="openai/gpt-4o-transcribe", file=("talk.wav", WAV), stream=True
    ) as stream:
        events = list(stream)
    assert events[-1].type == "transcript.text.done"
    assert "".join(e.delta for e in events if e.type == "transcript.text.delta") == events[-1].text


def test_a_translation(served: Served) -> None:
    """Goes where translations go."""
    with served.client() as http:
        said: Any = {"data": {"model": "openai/whisper-1"}, "files": {"file": ("a.wav", WAV)}}
        assert http.post("/v1/audio/translations", **said).json()["text"]
    assert served.simulator.requests[-1].path.endswith("/translations")


def test_speech_comes_in_pieces(client: openai.OpenAI) -> None:
    """With the kind that the provider says."""
    with client.audio.speech.with_streaming_response.create(
        model="openai/gpt-4o-mini-tts", input="Hello", voice="alloy"
    ) as answer:
        assert answer.headers["content-type"].startswith("audio/")
        assert b"".join(answer.iter_bytes())


def test_speech_may_come_as_events(served: Served) -> None:
    """Where the client asks for that."""
    asked = {"model": "openai/gpt-4o-mini-tts", "input": "Hello", "voice": "alloy"}
    with served.client() as http:
        answer = http.post("/v1/audio/speech", json={**asked, "stream_format": "sse"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "speech.audio.delta" in answer.text
    assert answer.text.rstrip().rpartition("data: ")[2].startswith('{"type":"speech.audio.done"')


def test_pictures(client: openai.OpenAI) -> None:
    """Made, and changed."""
    made = client.images.generate(model="openai/gpt-image-1", prompt="a lighthouse", n=2)
    assert made.data
    assert len(made.data) == 2
    edited = client.images.edit(
        model="openai/gpt-image-1", image=[("a.png", PNG), ("b.png", PNG)], mask=("m.png", PNG),
        prompt="at night", n=1,
    )  # fmt: skip
    assert edited.data
    assert edited.data[0].b64_json


def test_pictures_may_be_streamed(client: openai.OpenAI) -> None:
    """The unfinished ones first."""
    stream = client.images.generate(
        model="openai/gpt-image-1", prompt="a lighthouse", stream=True, partial_images=2
    )
    kinds = [event.type for event in stream]
    assert kinds == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]


def test_moderation(client: openai.OpenAI) -> None:
    """By the usual model, and by another one."""
    usual: Any = {"model": "openai/omni-moderation-latest"}
    assert client.moderations.create(input="harm", **usual).results[0].flagged
    assert not client.moderations.create(input=["a", "b"], **usual).results[1].flagged


@pytest.mark.parametrize("path", ["/rerank", "/v1/rerank", "/v2/rerank"])
def test_reranking(served: Served, path: str) -> None:
    """At all its paths."""
    asked = {"model": "reranker", "query": "a", "documents": ["a b", "c"], "top_n": 1}
    with served.client() as http:
        answer = http.post(path, json=asked)
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["results"]) == 1


def test_models_are_those_of_the_router(client: openai.OpenAI) -> None:
    """Groups by their names, and in place of a wildcard what it stands for."""
    names = [model.id for model in client.models.list()]
    assert {"fast", "careful", "claude", "openai/gpt-4o"} <= set(names)
    assert not [name for name in names if "*" in name]
    assert client.models.retrieve("fast").owned_by == "openai"
    assert client.models.retrieve("openai/whisper-1").id == "openai/whisper-1"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nothing-of-the-kind")


def test_azures_paths_name_the_model(served: Served) -> None:
    """Whatever the body says."""
    with openai.AzureOpenAI(
        azure_endpoint=served.origin, api_key=MASTER, api_version="2024-10-21", max_retries=0
    ) as client:
        assert client.images.generate(model="fast", prompt="a lighthouse").data
        assert client.audio.transcriptions.create(model="fast", file=("a.wav", WAV)).text


def test_the_async_client(served: Served) -> None:
    """Is answered just so."""

    async def ask() -> str:
        url = f"{served.origin}/v1"
        async with openai.AsyncOpenAI(base_url=url, api_key=MASTER, max_retries=0) as client:
            answer = await client.audio.transcriptions.create(
                model="openai/whisper-1", file=("a.wav", WAV)
            )
            return answer.text

    assert asyncio.run(ask())


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/v1/rerank", {"model": "fast", "documents": ["a"]}, "query"),
        ("/v1/rerank", {"model": "fast", "query": "a", "documents": []}, "documents"),
        ("/v1/rerank", {"query": "a", "documents": ["a"]}, "model"),
        ("/v1/moderations", {"model": "openai/o"}, "input"),
        ("/v1/images/generations", {"model": "fast"}, "prompt"),
        ("/v1/images/generations", {"model": "fast", "prompt": "a", "sise": "1"}, "sise"),
        ("/v1/images/generations", {"model": "fast", "prompt": "a", "self": 1}, "self"),
        ("/v1/images/generations", {"model": "fast", "prompt": "a", "stream": "x"}, "stream"),
        ("/v1/images/generations", {"model": "fast", "prompt": "a", "base_url": "http://x"}, "base_url"),
        ("/v1/audio/speech", {"model": "fast", "input": 1}, "input"),
    ],
)  # fmt: skip
def test_mistakes_are_named(served: Served, path: str, body: dict[str, Any], param: str) -> None:
    """With 400, and the field."""
    with served.client() as http:
        answer = http.post(path, json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == param


def test_a_form_says_no_address(served: Served) -> None:
    """A caller chooses neither the host nor the key, in forms as in JSON; and no address to fetch a file from."""
    files = {"file": ("a.wav", WAV)}
    with served.client() as http:
        for field in ("base_url", "api_key", "extra_body"):
            data = {"model": "fast", field: "http://127.0.0.1:1"}
            answer = http.post("/v1/audio/transcriptions", data=data, files=files)
            assert answer.status_code == 400
            assert answer.json()["error"]["param"] == field
        told = {"model": (None, "fast"), "file": (None, "http://127.0.0.1:1/a.wav")}
        assert http.post("/v1/audio/transcriptions", files=told).status_code == 400


def test_strangers_are_refused_before_they_are_heard(served: Served, tmp_path: Path) -> None:
    """An upload is not read for who has no key."""
    with served.client(key=None) as http:
        answer = http.post("/v1/audio/transcriptions", files={"file": ("a.wav", WAV)})
    assert answer.status_code == 401


def test_a_client_that_goes_ends_its_call(served: Served) -> None:
    """Its provider is asked no longer, and the place is free."""
    served.simulator.fail(faults.Stall(30))
    before = len(served.simulator.requests)
    files, data = {"file": ("a.wav", WAV)}, {"model": "openai/whisper-1"}
    with served.client(timeout=0.5) as http, pytest.raises(httpx.ReadTimeout):
        http.post("/v1/audio/transcriptions", data=data, files=files)
    until = time.monotonic() + 20
    members = served.gateway.calls._table.members
    while any(one.running for one in members) and time.monotonic() < until:
        time.sleep(0.01)
    assert not any(one.running for one in members)
    assert len(served.simulator.requests) == before + 1
