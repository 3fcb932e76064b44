"""A small search by vectors, and the other kinds of calls. Checked by type checkers, never run."""

from __future__ import annotations

from typing import assert_type

import llmkit


def nearest(question: str, texts: list[str]) -> str:
    """The text that is most like the question."""
    found = llmkit.embedding(model="openai/text-embedding-3-small", input=[question, *texts])
    assert_type(found, llmkit.EmbeddingResponse)
    asked, *others = (list(row.vector) for row in found.data)
    likeness = [sum(a * b for a, b in zip(asked, other, strict=True)) for other in others]
    return texts[likeness.index(max(likeness))]


def heard(path: str) -> str:
    """What somebody said."""
    return llmkit.transcription("openai/gpt-4o-transcribe", path, language="en").text


def best(question: str, texts: list[str]) -> int | None:
    """The place of the text that fits best."""
    ranked = llmkit.rerank("cohere/rerank-v3.5", question, texts, top_n=1)
    return ranked.results[0].index
