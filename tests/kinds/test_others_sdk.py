"""The same calls by the providers' own SDKs: what they send and what llmkit sends is equal, and so is what they read.

The SDKs are an independent reading of the providers' references; both talk to the simulator.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import anthropic
import openai
import pytest

import llmkit
from llmkit.testing import Simulator

from ._calling import KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HELLO = [{"role": "user", "content": "Hello"}]
PNG = ("a.png", b"\x89PNG", "image/png")
FILE = ("a.jsonl", b"{}\n", "application/jsonl")
BATCH = {"input_file_id": "file-1", "endpoint": "/v1/embeddings", "completion_window": "24h"}
CALLS = [{"custom_id": "1", "params": {"model": "m", "max_tokens": 5, "messages": HELLO}}]


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """A server."""
    with Simulator() as running:
        yield running


OPENAI: dict[str, tuple[Callable[[openai.OpenAI], Any], str, dict[str, Any]]] = {
    "moderation": (
        lambda sdk: sdk.moderations.create(input=["a", "b"], model="omni-moderation-latest"),
        "moderation",
        {"input": ["a", "b"], "model": "openai/omni-moderation-latest"},
    ),
    "text": (
        lambda sdk: sdk.completions.create(model="m", prompt="Hi", max_tokens=3, n=2, logprobs=1),
        "text_completion",
        {"model": "openai/m", "prompt": "Hi", "max_tokens": 3, "n": 2, "logprobs": 1},
    ),
    "image": (
        lambda sdk: sdk.images.generate(prompt="x", model="m", n=2, size="auto", quality="low"),
        "image_generation",
        {"prompt": "x", "model": "openai/m", "n": 2, "size": "auto", "quality": "low"},
    ),
    "edit": (
        lambda sdk: sdk.images.edit(image=[PNG, PNG], prompt="x", model="m", mask=PNG, n=2),
        "image_edit",
        {"image": [PNG, PNG], "prompt": "x", "model": "openai/m", "mask": PNG, "n": 2},
    ),
    "edit of one": (
        lambda sdk: sdk.images.edit(image=PNG, prompt="x"),
        "image_edit",
        {"image": PNG, "prompt": "x"},
    ),
    "file": (
        lambda sdk: sdk.files.create(
            file=FILE, purpose="batch", expires_after={"anchor": "created_at", "seconds": 3600}
        ),
        "create_file",
        {"file": FILE, "purpose": "batch", "expires_after": 3600},
    ),
    "one file": (lambda sdk: sdk.files.retrieve("f/1"), "retrieve_file", {"file_id": "f/1"}),
    "files": (
        lambda sdk: sdk.files.list(limit=3, purpose="batch", after="f", order="asc"),
        "list_files",
        {"limit": 3, "purpose": "batch", "after": "f", "order": "asc"},
    ),
    "no file": (lambda sdk: sdk.files.delete("f1"), "delete_file", {"file_id": "f1"}),
    "content": (lambda sdk: sdk.files.content("f1"), "file_content", {"file_id": "f1"}),
    "batch": (
        lambda sdk: sdk.batches.create(**BATCH, metadata={"a": "b"}),  # type: ignore[arg-type]
        "create_batch",
        {**BATCH, "metadata": {"a": "b"}},
    ),
    "one batch": (lambda sdk: sdk.batches.retrieve("b1"), "retrieve_batch", {"batch_id": "b1"}),
    "batches": (
        lambda sdk: sdk.batches.list(limit=2, after="b"),
        "list_batches",
        {"limit": 2, "after": "b"},
    ),
    "no batch": (lambda sdk: sdk.batches.cancel("b1"), "cancel_batch", {"batch_id": "b1"}),
    "models": (lambda sdk: sdk.models.list(), "list_models", {}),
    "model": (
        lambda sdk: sdk.models.retrieve("offline"),
        "retrieve_model",
        {"model": "openai/offline"},
    ),
}

ANTHROPIC: dict[str, tuple[Callable[[anthropic.Anthropic], Any], str, dict[str, Any]]] = {
    "count": (
        lambda sdk: sdk.messages.count_tokens(model="claude-haiku-4-5", messages=HELLO),  # type: ignore[arg-type]
        "count_tokens",
        {"model": "anthropic/claude-haiku-4-5", "messages": HELLO},
    ),
    "file": (lambda sdk: sdk.files.upload(file=FILE), "create_file", {"file": FILE}),
    "one file": (
        lambda sdk: sdk.files.retrieve_metadata("f1"), "retrieve_file", {"file_id": "f1"},
    ),
    "files": (lambda sdk: sdk.files.list(limit=3), "list_files", {"limit": 3}),
    "no file": (lambda sdk: sdk.files.delete("f1"), "delete_file", {"file_id": "f1"}),
    "batch": (
        lambda sdk: sdk.messages.batches.create(requests=CALLS),  # type: ignore[arg-type]
        "create_batch",
        {"requests": CALLS},
    ),
    "one batch": (
        lambda sdk: sdk.messages.batches.retrieve("b1"), "retrieve_batch", {"batch_id": "b1"},
    ),
    "batches": (
        lambda sdk: sdk.messages.batches.list(limit=2, after_id="b"),
        "list_batches",
        {"limit": 2, "after": "b"},
    ),
    "no batch": (
        lambda sdk: sdk.messages.batches.cancel("b1"), "cancel_batch", {"batch_id": "b1"},
    ),
    "models": (lambda sdk: sdk.models.list(limit=1000), "list_models", {}),
    "model": (
        lambda sdk: sdk.models.retrieve("offline"),
        "retrieve_model",
        {"model": "anthropic/offline"},
    ),
}  # fmt: skip


def sent(simulator: Simulator) -> tuple[Any, ...]:
    """The request that came: method, path, query, and body in one spelling."""
    (only,) = simulator.requests
    where = urlsplit(only.path)
    return only.method, where.path, dict(parse_qsl(where.query)), spelled(only)


def spelled(request: Any) -> Any:
    """A body: JSON, or a form's parts in any order."""
    kind = request.headers.get("content-type", "")
    if "multipart" not in kind:
        return json.loads(request.body) if request.body.strip() not in (b"", b"{}") else None
    boundary = kind.partition("boundary=")[2].strip('"').encode()
    parts = []
    for piece in request.body.split(b"--" + boundary)[1:-1]:
        head, _, content = piece.strip(b"\r\n").partition(b"\r\n\r\n")
        told = head.decode()
        name, file = re.search(r'[; ]name="([^"]*)"', told), re.search(r'filename="([^"]*)"', told)
        assert name
        parts.append((name.group(1), file.group(1) if file else None, content))
    return sorted(parts, key=str)


@pytest.mark.parametrize("name", OPENAI)
def test_openai(name: str, simulator: Simulator) -> None:
    """What the openai SDK sends is sent, and what it reads is read."""
    ask, function, arguments = OPENAI[name]
    del simulator.requests[:]
    with openai.OpenAI(api_key=KEY, base_url=simulator.base_url, max_retries=0) as sdk:
        theirs = ask(sdk)
    wanted = sent(simulator)
    del simulator.requests[:]
    with llmkit.Client(api_key=KEY, base_url=simulator.base_url) as client:
        ours = getattr(client, function)(**arguments)
    assert sent(simulator) == wanted
    if name == "content":
        assert ours.content == theirs.content
        return
    agree(theirs.to_dict(), ours)


@pytest.mark.parametrize("name", ANTHROPIC)
def test_anthropic(name: str, simulator: Simulator) -> None:
    """What the anthropic SDK sends is sent, and what it reads is kept."""
    ask, function, arguments = ANTHROPIC[name]
    named = {} if "model" in arguments else {"custom_llm_provider": "anthropic"}
    base = simulator.base_url_for("anthropic")
    del simulator.requests[:]
    with anthropic.Anthropic(api_key=KEY, base_url=base, max_retries=0) as sdk:
        theirs = ask(sdk)
    wanted = sent(simulator)
    del simulator.requests[:]
    with llmkit.Client(api_key=KEY, base_url=base) as client:
        ours = getattr(client, function)(**arguments, **named)
    assert sent(simulator) == wanted
    told = theirs.to_dict()
    items = told.get("data", [told])
    read = ours.data if "data" in told else [ours]
    assert [one.get("id") for one in items] == [one.get("id") for one in read]
    # Its own words are kept, but for those whose name OpenAI's form has for something else.
    kept = {"type", "filename", "processing_status", "display_name", "input_tokens", "max_tokens"}
    for one, other in zip(items, read, strict=True):
        for field in kept & one.keys():
            assert other[field] == one[field]


def agree(theirs: dict[str, Any], ours: Any) -> None:
    """All that the SDK reads is in the answer, with the same values."""
    mine = json.loads(ours.model_dump_json())

    def within(part: Any, whole: Any) -> None:
        if isinstance(part, dict):
            for key, value in part.items():
                within(value, whole[key])
        elif isinstance(part, list):
            assert len(part) == len(whole)
            for one, other in zip(part, whole, strict=True):
                within(one, other)
        else:
            assert part == whole

    within(theirs, mine)
