"""The makers' bodies for text completions: names of parameters, and where texts and counts stand in answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .._numbers import whole

__all__ = ["FORMS", "Form", "Piece"]

_METRICS = "amazon-bedrock-invocationMetrics"
_ADDED = "amazon-bedrock-"
_GUARDED = "amazon-bedrock-guardrailAction"
_REASONS = {
    "finish": "stop",
    "finished": "stop",
    "complete": "stop",
    "stop": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "content_filtered": "content_filter",
    "error_toxic": "content_filter",
}
_COUNTS = {
    "inputTextTokenCount": "prompt_tokens",
    "prompt_token_count": "prompt_tokens",
    "inputTokenCount": "prompt_tokens",
    "totalOutputTextTokenCount": "completion_tokens",
    "generation_token_count": "completion_tokens",
    "outputTokenCount": "completion_tokens",
}
Text = tuple[int, str, str | None]


@dataclass(frozen=True, slots=True)
class Piece:
    """Texts by index with the reasons of their ends, counts, and what stands beside them."""

    texts: list[Text]
    usage: dict[str, int] = field(default_factory=dict)
    beside: dict[str, Any] = field(default_factory=dict)
    ends: str | None = None
    """Why all texts ended that have not said so themselves."""


@dataclass(frozen=True, slots=True)
class Form:
    """One maker's body. ``names``: our parameters to theirs; ``nested``: where all but the prompt stand."""

    prompt: str
    names: Mapping[str, str]
    texts: Callable[[Mapping[str, Any]], Iterator[Text]]
    nested: str | None = None

    def write(self, prompt: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """The body."""
        params = {self.names.get(name, name): value for name, value in given.items()}
        if self.nested is None:
            return {self.prompt: prompt, **params}
        return {self.prompt: prompt} | ({self.nested: params} if params else {})

    def read(self, data: Mapping[str, Any]) -> Piece | None:
        """An answer, or one event of a stream; ``None`` where it is neither."""
        texts, added = [*self.texts(data)], {k: v for k, v in data.items() if k.startswith(_ADDED)}
        metrics = data.get(_METRICS)
        counted = {**data, **(metrics if isinstance(metrics, Mapping) else {})}
        told = ((ours, whole(counted.get(name))) for name, ours in _COUNTS.items())
        usage = {ours: count for ours, count in told if count is not None}
        if (summed := _summed(data)) is not None:
            usage.setdefault("completion_tokens", summed)
        ends = "content_filter" if data.get(_GUARDED) == "INTERVENED" else None
        if not texts:
            ends = ends or _reason(data.get("finish_reason"))
        return Piece(texts, usage, added, ends) if texts or added or ends else None


def _summed(data: Mapping[str, Any]) -> int | None:
    """The tokens of several results, where each has its own count."""
    found = data.get("results")
    results = [r for r in found if isinstance(r, Mapping)] if isinstance(found, list) else []
    counts = [r["tokenCount"] for r in results if isinstance(r.get("tokenCount"), int)]
    return sum(counts) if counts and len(counts) == len(results) else None


def _reason(given: Any) -> str | None:
    return _REASONS.get(given.lower(), given.lower()) if isinstance(given, str) else None


def _listed(name: str, text: str, reason: str) -> Callable[[Mapping[str, Any]], Iterator[Text]]:
    """Texts in a list of objects."""

    def texts(data: Mapping[str, Any]) -> Iterator[Text]:
        found = data.get(name)
        for place, item in enumerate(found if isinstance(found, list) else ()):
            if isinstance(item, Mapping) and isinstance(item.get(text), str):
                index = whole(item.get("index"))
                yield place if index is None else index, item[text], _reason(item.get(reason))

    return texts


def _single(text: str, reason: str) -> Callable[[Mapping[str, Any]], Iterator[Text]]:
    """One text in the object itself."""

    def texts(data: Mapping[str, Any]) -> Iterator[Text]:
        if isinstance(data.get(text), str):
            yield whole(data.get("index")) or 0, data[text], _reason(data.get(reason))

    return texts


def _either(
    *ways: Callable[[Mapping[str, Any]], Iterator[Text]],
) -> Callable[[Mapping[str, Any]], Iterator[Text]]:
    """A whole answer and an event of a stream have their texts in different places."""

    def texts(data: Mapping[str, Any]) -> Iterator[Text]:
        for way in ways:
            if found := [*way(data)]:
                yield from found
                return

    return texts


_TITAN = Form(
    "inputText",
    {
        "max_tokens": "maxTokenCount",
        "temperature": "temperature",
        "top_p": "topP",
        "stop": "stopSequences",
    },
    _either(
        _listed("results", "outputText", "completionReason"),
        _single("outputText", "completionReason"),
    ),
    "textGenerationConfig",
)
_LLAMA = Form(
    "prompt",
    {"max_tokens": "max_gen_len", "temperature": "temperature", "top_p": "top_p"},
    _single("generation", "stop_reason"),
)
_MISTRAL = Form(
    "prompt",
    {name: name for name in ("max_tokens", "temperature", "top_p", "top_k", "stop")},
    _listed("outputs", "text", "stop_reason"),
)
_COMMAND = Form(
    "prompt",
    {
        "max_tokens": "max_tokens",
        "temperature": "temperature",
        "top_p": "p",
        "top_k": "k",
        "stop": "stop_sequences",
        "n": "num_generations",
    },
    _either(_listed("generations", "text", "finish_reason"), _single("text", "finish_reason")),
)
_CLAUDE = Form(
    "prompt",
    {
        "max_tokens": "max_tokens_to_sample",
        "temperature": "temperature",
        "top_p": "top_p",
        "top_k": "top_k",
        "stop": "stop_sequences",
    },
    _single("completion", "stop_reason"),
)
_DEEPSEEK = Form(
    "prompt",
    {name: name for name in ("max_tokens", "temperature", "top_p", "stop")},
    _listed("choices", "text", "stop_reason"),
)
FORMS: tuple[tuple[str, Form], ...] = (
    (r"amazon\.titan-(text|tg1)", _TITAN),
    (r"meta\.llama", _LLAMA),
    (r"mistral\.", _MISTRAL),
    (r"cohere\.command-(light-)?text", _COMMAND),
    (r"anthropic\.claude-(v\d|instant)", _CLAUDE),
    (r"deepseek\.r1", _DEEPSEEK),
)
"""Pattern in the model's name, and its maker's body; the first that fits holds."""
