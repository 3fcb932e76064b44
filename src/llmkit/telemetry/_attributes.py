"""What OpenTelemetry's conventions call what is known of a call. Names only: nothing here knows its library.

Source: https://github.com/open-telemetry/semantic-conventions-genai, docs/gen-ai/client-inference.md (commit 024a4f9),
client-embeddings.md (88eccb1) and gen-ai-spans.md, and what was published before it moved (``LATER``),
https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans, read 2026-11-23; all of it is in development. What has
no name there begins with ``llmkit.``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from ..providers._conventional import conventional_name
from ._record import Record

__all__ = [
    "INFERENCE",
    "LATER",
    "asked",
    "begun",
    "measured",
    "operation",
    "place",
    "said",
    "whole",
]

Attributes = dict[str, Any]

_OPERATIONS: Final[Mapping[str, str]] = {
    "embedding": "embeddings",
    "messages": "chat",
    "responses": "chat",
}
"""What the conventions call a kind of call; what they have no word for keeps ours."""
INFERENCE: Final = frozenset({"chat", "text_completion", "generate_content"})
LATER: Final = {"gen_ai.usage.cache_creation.input_tokens": "gen_ai.usage.cache_write.input_tokens"}
"""What was published, and what it is called since."""
_MADE: Final[Mapping[str, str]] = {"image": "image", "speech": "speech"}
"""``gen_ai.output.type`` where the kind of call says it."""
_LARGEST: Final = 2**63
_PORTS: Final[Mapping[str, int]] = {"http": 80, "https": 443}

_REQUESTED: Final[Mapping[str, tuple[str, type | tuple[type, ...]]]] = {
    "temperature": ("temperature", (int, float)),
    "top_p": ("top_p", (int, float)),
    "top_k": ("top_k", int),
    "max_tokens": ("max_tokens", int),
    "max_completion_tokens": ("max_tokens", int),
    "max_output_tokens": ("max_tokens", int),
    "frequency_penalty": ("frequency_penalty", (int, float)),
    "presence_penalty": ("presence_penalty", (int, float)),
    "seed": ("seed", int),
    "reasoning_effort": ("reasoning.level", str),
    "previous_response_id": ("previous_response.id", str),
}
"""Parameter: its name behind ``gen_ai.request.``, and what it has to be."""
_FORMATS: Final = ("encoding_format", "embedding_types")


def operation(kind: str) -> str:
    """``gen_ai.operation.name`` of a kind of call."""
    return _OPERATIONS.get(kind, kind)


def begun(kind: str, provider: str, model: str, *, stream: bool, url: str = "") -> Attributes:
    """Of a call that begins: what samplers may decide by."""
    found: Attributes = {"gen_ai.operation.name": operation(kind)}
    if provider:
        found["gen_ai.provider.name"] = conventional_name(provider)
    if model:
        found["gen_ai.request.model"] = model
    if stream:
        found["gen_ai.request.stream"] = True
    if (made := _MADE.get(kind)) is not None:
        found["gen_ai.output.type"] = made
    return {**found, **place(url)}


def asked(params: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Of a request's parameters. Values of another type than they should have are the provider's to refuse."""
    for name, value in params.items():
        wanted = _REQUESTED.get(name)
        if wanted is not None and isinstance(value, wanted[1]) and _fits(value):
            yield f"gen_ai.request.{wanted[0]}", value
    if isinstance(count := params.get("n"), int) and count != 1:
        yield "gen_ai.request.choice.count", count
    if stop := _texts(params.get("stop")):
        yield "gen_ai.request.stop_sequences", stop
    form = params.get("response_format")
    if form is not None:
        plain = isinstance(form, Mapping) and form.get("type") == "text"
        yield "gen_ai.output.type", "text" if plain else "json"
    if isinstance(long := params.get("dimensions"), int) and _fits(long):
        yield "gen_ai.embeddings.dimension.count", long
    for name in _FORMATS:
        if formats := _texts(params.get(name)):
            yield "gen_ai.request.encoding_formats", formats


def whole(row: Record) -> Iterator[tuple[str, Any]]:
    """Of a call that has ended. What is not known is not said."""
    found = {
        **begun(row.kind, row.provider, row.model, stream=row.stream),
        **place(row.base_url),
        "gen_ai.conversation.id": row.session,
        "gen_ai.response.id": row.response_id,
        "gen_ai.response.model": row.response_model,
        "gen_ai.response.finish_reasons": row.finish_reasons or None,
        "gen_ai.response.time_to_first_chunk": row.first_chunk_seconds,
        "gen_ai.usage.input_tokens": row.prompt_tokens,
        "gen_ai.usage.output_tokens": row.completion_tokens,
        "gen_ai.usage.cache_read.input_tokens": row.cached_tokens,
        "gen_ai.usage.cache_creation.input_tokens": row.cache_write_tokens,
        "gen_ai.usage.reasoning.output_tokens": row.reasoning_tokens,
        "error.type": row.error,
        "http.response.status_code": row.status_code,
        "user.id": row.user,
        "session.id": row.session,
        "llmkit.call_id": row.id,
        "llmkit.outcome": row.outcome,
        "llmkit.attempts": row.attempts,
        "llmkit.group": row.group or None,
        "llmkit.deployment": row.deployment or None,
        "llmkit.cache_hit": row.cache_hit or None,
        "llmkit.saved_cache_cost_usd": None
        if row.saved_cache_cost is None
        else f"{row.saved_cache_cost:f}",
        # A text: exact. None of the conventions has a name for money.
        "llmkit.cost_usd": None if row.cost is None else f"{row.cost:f}",
        "llmkit.cost_status": row.cost_status,
        "llmkit.usage_source": row.usage_source,
        "llmkit.tags": row.tags or None,
        "llmkit.team": row.team,
    }
    return ((name, value) for name, value in found.items() if value is not None)


def measured(row: Record) -> Attributes:
    """Of a call's measurements: few values each."""
    found = begun(row.kind, row.provider, row.model, stream=False)
    found.pop("gen_ai.output.type", None)
    if row.response_model is not None:
        found["gen_ai.response.model"] = row.response_model
    return {**found, **place(row.base_url)}


def said(content: tuple[list[Any], list[Any]]) -> Iterator[tuple[str, str]]:
    """Prompt and answer, as JSON: attributes of spans cannot have structure yet."""
    for name, messages in zip(("input", "output"), content, strict=True):
        if messages:
            text = json.dumps(messages, ensure_ascii=False, default=str)
            yield f"gen_ai.{name}.messages", text.encode("utf-8", "replace").decode()


def place(base_url: str) -> Attributes:
    """Where an address is: host and port."""
    if not base_url:
        return {}
    try:
        parts = urlsplit(base_url)
        host, port = parts.hostname, parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return {}
    if not host:
        return {}
    return {"server.address": host, **({} if port is None else {"server.port": port})}


def _fits(value: Any) -> bool:
    """Whether an attribute can have it: a number that is larger would spoil the batch that it is sent in."""
    return not isinstance(value, bool) and (isinstance(value, str) or abs(value) < _LARGEST)


def _texts(given: Any) -> Sequence[str]:
    if isinstance(given, str):
        return (given,)
    return tuple(map(str, given)) if isinstance(given, list | tuple) else ()
