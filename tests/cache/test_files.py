"""Recordings and other files: an answer is found by what is in them, and never by what they are called."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

import llmkit
from llmkit.cache import Cache

from ..fuzz._sound import ASSEMBLYAI, DEEPGRAM, PICTURES, QUEUED
from ..io._server import Answer, Request, Server, answer

KINDS = ("transcription", "image")
KEY = "sk-" + "made-up-0123456789"


class Hearing(Server):
    """Deepgram's and AssemblyAI's answers, whatever was said, and pictures."""

    @override
    def _next(self, request: Request) -> Answer:
        super()._next(request)
        path = request.target.partition("?")[0]
        if path.endswith("/upload"):
            return answer({"upload_url": "https://made.up/u"})
        if path.endswith("/transcript"):
            return answer(QUEUED)
        if path.endswith("/edits"):
            return answer({**PICTURES, "data": PICTURES["data"][:1]})
        return answer(DEEPGRAM if "listen" in path else ASSEMBLYAI)


@pytest.fixture
def asks() -> Iterator[Callable[..., int]]:
    """How many requests a call makes; all by one client, with one cache."""
    with Hearing() as server:
        client = llmkit.Client(cache=Cache(kinds=KINDS), base_url=server.url)

        def asked(model: str, file: Any, kind: str = "transcription", **params: Any) -> int:
            before = len(server.requests)
            call = getattr(client, kind)
            given = {"file" if kind == "transcription" else "image": file, "model": model}
            call(**given, **{"api_key": KEY, "num_retries": 0, **params})
            return len(server.requests) - before

        yield asked


@pytest.mark.parametrize(
    ("model", "requests"), [("deepgram/nova-3", 1), ("assemblyai/universal", 3)]
)
def test_a_recording_is_known_by_its_bytes(
    asks: Callable[..., int], tmp_path: Path, model: str, requests: int
) -> None:
    """Sent as a body, or uploaded in a step of its own: the same bytes are heard once, others anew."""
    first, second = tmp_path / "a.wav", tmp_path / "b.wav"
    first.write_bytes(b"RIFF0000WAVEdata")
    second.write_bytes(b"RIFF0000WAVEdata")
    assert asks(model, first) == requests
    assert asks(model, second) == 0
    assert asks(model, ("c.wav", b"RIFF0000WAVEdata")) == 0
    second.write_bytes(b"RIFF0000WAVEdatb")
    assert asks(model, second) == requests
    assert asks(model, first, language="de") == requests
    assert asks(model, first, api_key=KEY + "-another") == requests
    assert asks(model, first) == 0


def test_an_address_is_known_by_its_text(asks: Callable[..., int]) -> None:
    """What a provider fetches by itself has no bytes here."""
    model = "assemblyai/universal"
    made = [asks(model, f"https://made.up/{name}.wav") for name in ("a", "a", "b")]
    assert made[1] == 0
    assert made[0] == made[2] > 0


def test_pictures_are_known_by_their_bytes(asks: Callable[..., int]) -> None:
    """Each of them, in their order, and what is masked."""
    one, two = (("p.png", b"\x89PNG\r\n\x1a\n" + data) for data in (b"1", b"2"))

    def edited(images: Any, mask: Any = None) -> int:
        more = {} if mask is None else {"mask": mask}
        return asks("openai/gpt-image-1", images, "image_edit", prompt="a", **more)

    made = [[one, two], [one, two], [two, one], [one], [one]]
    assert [edited(images) for images in made] == [1, 0, 1, 1, 0]
    assert [edited([one], mask) for mask in (one, two, two)] == [1, 1, 0]
