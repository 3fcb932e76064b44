"""Answers made of providers' own specifications: whatever they allow is read, and what is told is kept.

Skipped without the specifications; see ``_openapi``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from llmkit import errors, providers
from llmkit._call import ChatCall
from llmkit._calls import EmbeddingCall, ImageCall, ModerationCall, RerankCall, TextCall
from llmkit._calls import TranscriptionCall as Heard
from llmkit._http import HTTPResponse
from llmkit._upload import Upload

from ._generated import Maker, texts
from ._openapi import document

if TYPE_CHECKING:
    from llmkit._call import Call

COHERE, MISTRAL, OLLAMA = (
    "cohere/cohere-openapi.yaml",
    "mistral/openapi.yaml",
    "ollama/openapi.yaml",
)
TOGETHER, GROQ, OPENROUTER = "together/openapi.yaml", "groq/openapi.yaml", "openrouter/openapi.yaml"
AZURE = "azure/azure-openai-2024-10-21.yaml"
HOW_MANY = 60

CASES: tuple[tuple[str, str, str, str, tuple[str, ...]], ...] = (
    # The caller's own inputs come back with some answers, and are not handed back; ``object`` is ours.
    ("cohere", "chat", COHERE, "/v2/chat", ("$.message.role", "$.message.content", "$.logprobs")),
    ("cohere", "rerank", COHERE, "/v2/rerank", ()),
    ("cohere_v1", "rerank", COHERE, "/v1/rerank", ()),
    ("mistral", "chat", MISTRAL, "/v1/chat/completions", ("$.object",)),
    ("mistral", "text_completion", MISTRAL, "/v1/fim/completions", ("$.object",)),
    ("mistral", "embedding", MISTRAL, "/v1/embeddings", ()),
    ("mistral", "moderation", MISTRAL, "/v1/moderations", ()),
    ("mistral", "transcription", MISTRAL, "/v1/audio/transcriptions", ()),
    ("groq", "chat", GROQ, "/openai/v1/chat/completions", ("$.object",)),
    ("groq", "transcription", GROQ, "/openai/v1/audio/transcriptions", ()),
    ("together_ai", "chat", TOGETHER, "/chat/completions", ("$.object",)),
    ("together_ai", "text_completion", TOGETHER, "/completions", ("$.object",)),
    ("together_ai", "embedding", TOGETHER, "/embeddings", ()),
    ("together_ai", "rerank", TOGETHER, "/rerank", ()),
    ("together_ai", "image", TOGETHER, "/images/generations", ()),
    ("openrouter", "chat", OPENROUTER, "/chat/completions", ("$.object",)),
    ("openrouter", "embedding", OPENROUTER, "/embeddings", ()),
    ("openrouter", "rerank", OPENROUTER, "/rerank", ()),
    ("azure", "chat", AZURE, "/deployments/{deployment-id}/chat/completions", ("$.object",)),
    ("deepgram", "transcription", "deepgram/openapi.yml", "/v1/listen", ()),
)


def call(provider: str, kind: str) -> Call:
    """A call of that kind."""
    who: Any = {"id": "c", "provider": provider, "model": "m"}
    made: dict[str, Call] = {
        "chat": ChatCall(**who, messages=[]),
        "text_completion": TextCall(**who, prompt="p"),
        "embedding": EmbeddingCall(**who, inputs=("a", "b")),
        "rerank": RerankCall(**who, query="q", documents=("a", "b", "c")),
        "moderation": ModerationCall(**who, inputs=("a",)),
        "image": ImageCall(**who, prompt="p"),
        "transcription": Heard(**who, file=Upload("a.wav", "audio/wav", b"x")),
    }
    return made[kind]


def place(value: Any, mark: str, path: str = "$") -> str:
    """Where a text stands in a value; empty where it does not."""
    if value == mark:
        return path
    if isinstance(value, dict):
        inner = ((f"{path}.{'<key>' if k == mark else k}", k, v) for k, v in value.items())
        found = (at if k == mark else place(v, mark, at) for at, k, v in inner)
        return next((at for at in found if at), "")
    if isinstance(value, list):
        return next((at for v in value if (at := place(v, mark, f"{path}[]"))), "")
    return ""


@pytest.mark.parametrize(
    ("provider", "kind", "name", "path", "ours"), CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES]
)
@pytest.mark.filterwarnings("error")
def test_nothing_is_lost(
    provider: str, kind: str, name: str, path: str, ours: tuple[str, ...]
) -> None:
    """Each answer that the specification allows is read or refused as unreadable, and each of its texts is kept."""
    spec = document(name)
    schema = spec["paths"][path]["post"]["responses"]["200"]["content"]["application/json"]
    declared = providers.get(provider)
    wire: Any = declared.chat if kind == "chat" else declared.wire(kind)
    read = 0
    for seed in range(HOW_MANY):
        maker = Maker(spec, seed)
        value = maker.value(schema["schema"])
        response = HTTPResponse(
            200, {"content-type": "application/json"}, json.dumps(value).encode()
        )
        try:
            made = wire.parse(call(provider, kind), response).to_dict()
        except errors.APIError:
            continue
        read += 1
        kept = set(texts(made))
        joined = "\n".join(kept)
        lost = [m for m in maker.marks & set(texts(value)) if m not in kept and m not in joined]
        places = [at for mark in lost if not (at := place(value, mark)).startswith(ours or ("-",))]
        assert not places, (seed, places)
    assert read > HOW_MANY // 5
