"""The openai SDK's names (and anthropic's one): each is the client's own call, in both colours."""

from __future__ import annotations

import gc
import inspect
import weakref
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import anyio
import pytest

import llmkit
from llmkit.testing import Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "test-key-" + "0123456789"
MODEL, ASK = "openai/gpt-4o-mini", [{"role": "user", "content": "Hello"}]
SOUND = ("hello.wav", b"RIFF\x00\x00\x00\x00WAVE")
PICTURE = ("otter.png", b"\x89PNG")
BATCH = {"input_file_id": "f", "endpoint": "/v1/chat/completions", "completion_window": "24h"}
SPEAK = {"model": "openai/tts-1", "input": "Hello", "voice": "alloy"}

# The name, its twin, the client's call, and arguments as somebody writes them who comes from the SDK.
NAMES: list[tuple[str, str, str, dict[str, Any]]] = [
    ("chat.completions.create", "chat.completions.acreate", "completion", {"model": MODEL, "messages": ASK}),
    ("completions.create", "completions.acreate", "text_completion", {"model": MODEL, "prompt": "Once"}),
    ("embeddings.create", "embeddings.acreate", "embedding", {"model": MODEL, "input": ["a", "b"]}),
    ("moderations.create", "moderations.acreate", "moderation", {"model": "omni-moderation-latest", "input": "a"}),
    ("images.generate", "images.agenerate", "image_generation", {"model": MODEL, "prompt": "An otter", "n": 1}),
    ("images.edit", "images.aedit", "image_edit", {"model": MODEL, "image": PICTURE, "prompt": "Two"}),
    ("images.create_variation", "images.acreate_variation", "image_variation", {"model": MODEL, "image": PICTURE}),
    ("audio.speech.create", "audio.speech.acreate", "speech", SPEAK),
    ("audio.transcriptions.create", "audio.transcriptions.acreate", "transcription", {"model": MODEL, "file": SOUND}),
    ("audio.translations.create", "audio.translations.acreate", "translation", {"model": MODEL, "file": SOUND}),
    ("files.create", "files.acreate", "create_file", {"file": ("a.jsonl", b"{}\n"), "purpose": "batch"}),
    ("files.list", "files.alist", "list_files", {"limit": 2}),
    ("files.retrieve", "files.aretrieve", "retrieve_file", {"file_id": "file-1"}),
    ("files.content", "files.acontent", "file_content", {"file_id": "file-1"}),
    ("files.delete", "files.adelete", "delete_file", {"file_id": "file-1"}),
    ("batches.create", "batches.acreate", "create_batch", BATCH),
    ("batches.list", "batches.alist", "list_batches", {}),
    ("batches.retrieve", "batches.aretrieve", "retrieve_batch", {"batch_id": "batch_1"}),
    ("batches.cancel", "batches.acancel", "cancel_batch", {"batch_id": "batch_1"}),
    ("batches.results", "batches.aresults", "batch_results", {"batch_id": "batch_1"}),
    ("models.list", "models.alist", "list_models", {}),
    ("models.retrieve", "models.aretrieve", "retrieve_model", {"model": "gpt-4o-mini"}),
    ("responses.create", "responses.acreate", "responses", {"model": MODEL, "input": "Hello"}),
    ("messages.create", "messages.acreate", "messages", {"model": MODEL, "messages": ASK, "max_tokens": 9}),
]  # fmt: skip
# What the simulator does not keep.
KEPT = [
    ("models.delete", "models.adelete", "delete_model"),
    ("responses.retrieve", "responses.aretrieve", "get_responses"),
    ("responses.delete", "responses.adelete", "delete_responses"),
    ("responses.cancel", "responses.acancel", "cancel_responses"),
    ("responses.input_items.list", "responses.input_items.alist", "list_input_items"),
    ("batches.delete", "batches.adelete", "delete_batch"),
]


@pytest.fixture
def client() -> Iterator[llmkit.Client]:
    """A client of a simulator."""
    with (
        Simulator() as simulator,
        llmkit.Client(api_key=KEY, base_url=simulator.base_url) as made,
    ):
        yield made


@pytest.mark.parametrize(("name", "twin", "call", "arguments"), NAMES, ids=[n[0] for n in NAMES])
def test_a_name_is_the_call(
    client: llmkit.Client, name: str, twin: str, call: str, arguments: dict[str, Any]
) -> None:
    """The SDK's keywords are understood, and the twin answers the same."""

    async def later() -> Any:
        async with client:
            return await attrgetter(twin)(client)(**arguments)

    answer = attrgetter(name)(client)(**arguments)
    assert answer.model_dump() == getattr(client, call)(**arguments).model_dump()
    assert answer.model_dump() == anyio.run(later).model_dump()


@pytest.mark.parametrize(("name", "twin", "call"), [*(n[:3] for n in NAMES), *KEPT])
def test_names_have_the_calls_signatures(name: str, twin: str, call: str) -> None:
    """Editors offer the same parameters under either name."""
    client = llmkit.Client()
    wanted = inspect.signature(getattr(client, call))
    assert inspect.signature(attrgetter(name)(client)) == wanted
    assert inspect.signature(attrgetter(twin)(client)) == inspect.signature(
        getattr(client, f"a{call}")
    )


def test_calls_that_are_names_stream(client: llmkit.Client) -> None:
    """Both ways of writing them."""
    for made in (
        client.responses("Hello", MODEL, stream=True),
        client.responses.create(input="Hello", model=MODEL, stream=True),
    ):
        assert "Hello" in "".join(event.text for event in made)
    for written in (
        client.messages(MODEL, ASK, max_tokens=90, stream=True),
        client.messages.create(model=MODEL, messages=ASK, max_tokens=90, stream=True),
    ):
        assert "Hello" in "".join(event.said for event in written)


def test_names_keep_no_client() -> None:
    """A client that is let go of is freed at once, whatever was asked of it."""
    client = llmkit.Client()
    for name in ("chat", "completions", "embeddings", "moderations", "images", "audio", "files",
                 "batches", "models", "responses", "messages"):  # fmt: skip
        assert getattr(client, name) is not None
    gone = weakref.ref(client)
    gc.disable()
    try:
        del client
        assert gone() is None
    finally:
        gc.enable()
