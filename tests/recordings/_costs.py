"""Every recorded answer with its cost: read by the wire that reads it for users, priced as a call's account prices it.

What an amount must be is said in ``test_costs``.
"""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from llmkit import errors, providers
from llmkit._call import CallInfo, ChatCall
from llmkit._calls import (
    EmbeddingCall,
    ImageCall,
    MessagesCall,
    ModerationCall,
    RerankCall,
    ResponsesCall,
    SpeechCall,
    TextCall,
    TranscriptionCall,
)
from llmkit._control.job import Leg
from llmkit._control.settle import Account
from llmkit._fold import Fold
from llmkit._http import Endpoint, HTTPResponse
from llmkit._upload import Upload

from . import _bedrock_rows, _gemini_rows, _other_rows, _reader
from ._scope import OPENAI_CHAT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llmkit.types.answer import Answer

# Files that are no OpenAI chat: the kind of call, and the provider.
_OTHERS: dict[str, tuple[str, str]] = {
    "anthropic.messages": ("chat", "anthropic"),
    "azure.anthropic_messages": ("messages", "azure_ai"),
    "azure.completions": ("text_completion", "azure"),
    "azure.embeddings": ("embedding", "azure"),
    "azure.responses": ("responses", "azure"),
    "bedrock_mantle.responses": ("responses", "bedrock_mantle"),
    "chatgpt.responses": ("responses", "openai"),
    "cohere.chat.v1": ("chat", "cohere_v1"),
    "cohere.chat.v2": ("chat", "cohere"),
    "cohere.embed": ("embedding", "cohere_v1"),
    "cohere.embed.v2": ("embedding", "cohere"),
    "cohere.rerank": ("rerank", "cohere"),
    "cohere.rerank.v2": ("rerank", "cohere"),
    "copilot.embeddings": ("embedding", "github_copilot"),
    "copilot.responses": ("responses", "github_copilot"),
    "deepgram.listen": ("transcription", "deepgram"),
    "deepgram.transcription": ("transcription", "deepgram"),
    "deepseek.responses": ("responses", "deepseek"),
    "doubleword.embeddings": ("embedding", "doubleword"),
    "elevenlabs.speech-to-text": ("transcription", "elevenlabs"),
    "elevenlabs.text-to-speech": ("speech", "elevenlabs"),
    "gemini.batchEmbedContents": ("embedding", "gemini"),
    "groq.audio.speech": ("speech", "groq"),
    "groq.audio.transcriptions": ("transcription", "groq"),
    "mistral.audio.transcriptions": ("transcription", "mistral"),
    "mistral.embeddings": ("embedding", "mistral"),
    "ollama.chat": ("chat", "ollama"),
    "openai.audio.speech": ("speech", "openai"),
    "openai.audio.transcriptions": ("transcription", "openai"),
    "openai.audio.translations": ("transcription", "openai"),
    "openai.completions": ("text_completion", "openai"),
    "openai.embeddings": ("embedding", "openai"),
    "openai.images.edits": ("image", "openai"),
    "openai.images.generations": ("image", "openai"),
    "openai.images.variations": ("image", "openai"),
    "openai.moderations": ("moderation", "openai"),
    "openai.responses": ("responses", "openai"),
    "openrouter.embeddings": ("embedding", "openrouter"),
    "openrouter.rerank": ("rerank", "openrouter"),
    "openrouter.responses": ("responses", "openrouter"),
    "perplexity.embeddings": ("embedding", "perplexity"),
    "together.completions": ("text_completion", "together_ai"),
    "together.rerank": ("rerank", "together_ai"),
    "venice.embeddings": ("embedding", "venice"),
    "vertex.anthropic.rawPredict": ("chat", "vertex_ai"),
    "vertex.anthropic.streamRawPredict": ("chat", "vertex_ai"),
    "vertex.predict": ("embedding", "vertex_ai"),
    "voyage.embeddings": ("embedding", "voyage"),
    "voyage.rerank": ("rerank", "voyage"),
    "writer.completions": ("text_completion", "writer"),
    "xai.images.generations": ("image", "xai"),
    "xai.responses": ("responses", "xai"),
}
_BEDROCK = {
    "bedrock.converse": "",
    "bedrock.converse-stream": "",
    "bedrock.invoke": "invoke/",
    "bedrock.invoke-stream": "invoke/",
}
# Hosts whose recordings are read as OpenAI's, but whose prices are none of OpenAI's.
_NOBODYS = {
    "local_compat.chat", "mistralrs.chat", "openai-compatible.chat", "ollama.openai_chat", "gemini.openai_compat.chat",
    "anthropic.openai_compat.chat",
}  # fmt: skip
_ABOUT: dict[str, tuple[type[Any], dict[str, Any]]] = {
    "chat": (ChatCall, {"messages": ()}),
    "messages": (MessagesCall, {"messages": ()}),
    "responses": (ResponsesCall, {"input": ""}),
    "embedding": (EmbeddingCall, {"inputs": ("x",)}),
    "text_completion": (TextCall, {"prompt": ""}),
    "rerank": (RerankCall, {"query": "", "documents": ()}),
    "moderation": (ModerationCall, {"inputs": ("",)}),
    "transcription": (TranscriptionCall, {"file": Upload("a.wav", "audio/wav", b"")}),
    "speech": (SpeechCall, {"text": ""}),
    "image": (ImageCall, {"prompt": None}),
}


# A Thursday, when no vendor is at its peak: 2026-11-19T12:00:00Z.
_NOON = 1_795_089_600.0
_FIRST = 1_577_836_800


@dataclass(frozen=True, slots=True)
class Priced:
    """A recorded answer, read and priced."""

    row: _reader.Row
    provider: str
    model: str
    kind: str
    answer: Answer


@cache
def priced() -> tuple[Priced, ...]:
    """Every recorded answer that is no error and is of a kind that is billed; none without recordings."""
    return tuple(_all()) if _reader.directory() is not None else ()


def _all() -> Iterator[Priced]:
    found = _reader.directory()
    assert found is not None
    for api, provider in OPENAI_CHAT.items():
        for row in _reader.rows(found, api):
            yield from _one(row, "openai_like" if api in _NOBODYS else provider, "chat", row.model)
    for api, (kind, provider) in _OTHERS.items():
        for row in _reader.rows(found, api):
            yield from _one(row, _host(row, provider), kind, _model(row))
    for api, route in _BEDROCK.items():
        for bedrock in _bedrock_rows.exchanges(api):
            yield from _one(bedrock.row, "bedrock", "chat", route + bedrock.model)
    for gemini in _gemini_rows.exchanges():
        provider = "vertex_ai" if gemini.enterprise else "gemini"
        yield from _one(gemini.row, provider, "chat", _model(gemini.row))


def _host(row: _reader.Row, provider: str) -> str:
    """Whose traffic it is: the dialect is spoken by others, too."""
    sent = row.sent() or {}
    if row.api == "anthropic.messages" and "/" in str(sent.get("model") or row.model):
        return "openrouter"
    return provider


def _model(row: _reader.Row) -> str:
    """The model as the call named it."""
    found = re.search(r"(?:/models|/deployments|/engines)/([^/:]+)", unquote(row.path))
    sent = row.sent() or {}
    if found is not None and found[1] not in ("embeddings", "chat"):
        return found[1]
    told = sent.get("model") or sent.get("model_id") or row.query.get("model") or row.model
    return str(told or _forms(row.api).get(row.id) or "unnamed")


@cache
def _forms(api: str) -> dict[str, str]:
    """The models that are named in forms, by row."""
    recordings = _reader.directory()
    assert recordings is not None
    with gzip.open(recordings / f"{api}.jsonl.gz", "rt", encoding="utf-8", newline="\n") as lines:
        raws = [json.loads(line) for line in lines]
    found = {}
    for raw in raws:
        parts = _other_rows.parts(_other_rows._sent(raw.get("request") or {}))
        for part in parts:
            if part.name in ("model", "model_id"):
                found[raw["id"]] = part.content.decode()
    return found


def _one(row: _reader.Row, provider: str, kind: str, model: str) -> Iterator[Priced]:
    if row.status != 200 or not row.body:
        return
    try:
        answer = _read(row, provider, kind, model)
    except errors.APIError:
        return
    if answer is not None:
        yield Priced(row, provider, model, kind, answer)


def _read(row: _reader.Row, provider: str, kind: str, model: str) -> Answer | None:
    host = providers.get(provider)
    rules, sent = host.family_of(model), row.sent() or {}
    name = host.name_of(model)
    wire = rules.wire(kind)
    if wire is None:
        return None
    made, about = _ABOUT[kind]
    params = {k: v for k, v in sent.items() if k in ("size", "quality", "service_tier", "n")}
    if kind == "speech":
        about = {"text": str(sent.get("input") or sent.get("text") or "x")}
    known_as = host.priced_name(name)
    priced_as = "" if rules.own_names else None if known_as == name else known_as
    call = made(
        "c", provider, name, params=params, stream=row.is_event_stream, priced_as=priced_as, **about
    )
    account = Account(CallInfo("c", provider, name), lambda: 0.0, lambda _: None, stream=False)
    account.leaving(Leg(host, wire, Endpoint(rules.base_url or ""), None, None, call), ())
    whole = _whole(row, wire, call)
    account.info.started = _when(whole)
    priced: Answer = account.priced(whole)
    return priced


def _when(answer: Answer) -> float:
    """When the answer was made, where it says so: recorders took many of these times out."""
    told = answer.get("created") or answer.get("created_at")
    return told if isinstance(told, int | float) and told > _FIRST else _NOON


def _whole(row: _reader.Row, wire: Any, call: Any) -> Any:
    if not row.is_event_stream:
        return wire.parse(call, HTTPResponse(200, dict(row.headers), row.body))
    decoder = wire.decoder(call)
    events = [*decoder.feed(row.body), *decoder.finish()]
    if not isinstance(call, ChatCall):
        return decoder.result()
    fold = Fold()
    for event in events:
        fold.add(event)
    return fold.result()


def said(row: _reader.Row) -> str:
    """The body as text, for what is to be found in it by hand."""
    return row.body.decode("utf-8", "replace")


def usages(text: str) -> list[dict[str, Any]]:
    """Every JSON object in the text that is called ``usage``."""
    found = []
    for match in re.finditer(r'"usage":\s*(?=\{)', text):
        try:
            value, _ = json.JSONDecoder().raw_decode(text, match.end())
        except ValueError:
            continue
        found.append(value)
    return found
