"""Recorded traffic of the calls beside chat as values: method, path, query, and forms taken apart.

Nothing in this file knows llmkit.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from . import _reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

APIS: dict[str, str] = {
    "anthropic.batches": "anthropic",
    "anthropic.count_tokens": "anthropic",
    "anthropic.files": "anthropic",
    "anthropic.models": "anthropic",
    "bedrock_mantle.models": "openai",
    "cerebras.models": "cerebras",
    "copilot.models": "openai",
    "deepseek.models": "deepseek",
    "gemini.batchEmbedContents": "gemini",
    "gemini.batchGenerateContent": "gemini",
    "gemini.batches": "gemini",
    "gemini.cachedContents": "gemini",
    "gemini.countTokens": "gemini",
    "gemini.embedContent": "gemini",
    "gemini.embeddings": "gemini",
    "gemini.files": "gemini",
    "gemini.models": "gemini",
    "gemini.upload": "gemini",
    "groq.models": "groq",
    "llamacpp.models": "llamacpp",
    "local_compat.completions": "openai",
    "mistral.batch": "mistral",
    "mistral.models": "mistral",
    "openai.batches": "openai",
    "openai.completions": "openai",
    "openai.files": "openai",
    "openai.images.edits": "openai",
    "openai.images.generations": "openai",
    "openai.images.variations": "openai",
    "openai.models": "openai",
    "openai.moderations": "openai",
    "openai.responses.manage": "openai",
    "openrouter.models": "openrouter",
    "perplexity.models": "perplexity",
    "together.completions": "openai",
    "vertex.cachedContents": "vertex_ai",
    "vertex.countTokens": "vertex_ai",
    "writer.completions": "openai",
    "xai.batches": "xai",
    "xai.images.generations": "xai",
}
"""File (without its ending) → the provider that reads it."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form; ``filename`` is there where it is a file."""

    name: str
    filename: str | None
    media_type: str | None
    content: bytes


@dataclass(frozen=True, slots=True)
class Exchange:
    """A row, with how and where it was sent. ``method`` is empty where only the answer was recorded."""

    row: _reader.Row
    provider: str
    method: str
    path: str
    query: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """The row's id."""
        return self.row.id

    @property
    def where(self) -> str:
        """The path below the version."""
        return re.sub(r"^/*(openai/)?(api/)?(v1beta1|v1beta|v1)?(?=/)", "", self.path)

    def json(self) -> Any:
        """The request's body, parsed; nothing where there is none."""
        return json.loads(self.body) if self.body.strip() else None

    def answer(self) -> Any:
        """The answer's body, parsed."""
        return json.loads(self.row.body)

    def form(self) -> list[Part]:
        """The parts of a form."""
        return list(parts(self.body))


@cache
def exchanges() -> tuple[Exchange, ...]:
    """All rows; none where there are no recordings."""
    found = _reader.directory()
    return () if found is None else tuple(e for api in APIS for e in _read(found, api))


def _read(recordings: Path, api: str) -> Iterator[Exchange]:
    path = recordings / f"{api}.jsonl.gz"
    if not path.exists():
        return
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
        for line in lines:
            raw = json.loads(line)
            sent = {} if raw["response_only"] else raw.get("request") or {}
            yield Exchange(
                row=_reader._row(api, raw),
                provider=APIS[api],
                method=sent.get("method") or "",
                path=sent.get("path") or "",
                query=sent.get("query") or {},
                body=_sent(sent),
            )


def _sent(request: Mapping[str, Any]) -> bytes:
    if request.get("base64"):
        return base64.b64decode(request["base64"])
    text = request.get("text") or ""
    marked = text.removeprefix("base64:")
    # Some recorders wrote a form as base64 and called it text.
    if marked != text or re.fullmatch(r"LS0t[\w+/\s]+=*", text):
        return base64.b64decode(marked)
    return text.encode()  # type: ignore[no-any-return]


def parts(body: bytes) -> Iterator[Part]:
    """Take a form apart by its first line, which is the boundary."""
    boundary = re.match(rb"--[^\r\n]+", body)
    if boundary is None:
        return
    for piece in body.split(boundary.group())[1:]:
        head, mark, content = piece.partition(b"\r\n\r\n")
        if not mark:
            continue
        told = head.decode()
        name = re.search(r'name="([^"]*)"', told)
        if name is None:
            continue
        filename = re.search(r'filename="([^"]*)"', told)
        kind = re.search(r"Content-Type: *(\S+)", told, re.IGNORECASE)
        yield Part(
            name.group(1),
            filename.group(1) if filename else None,
            kind.group(1) if kind else None,
            content.removesuffix(b"\r\n"),
        )
