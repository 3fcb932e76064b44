"""Calls that cost nothing, and those whose cost nobody can tell when they are made: by kind, as data with sources.

What a provider bills later or by other means (storage by the hour, a batch's calls) is said in the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import urlsplit

__all__ = ["Unbilled", "at_home", "unbilled"]


class Unbilled(NamedTuple):
    """Why a call has no price: it is free (``known``), or its cost cannot be told from its answer."""

    known: bool
    reason: str


_STORED: Final = Unbilled(
    known=False,
    reason="the tokens written and the hours they are kept are billed; the answer does not say at what amount",
)
_LATER: Final = Unbilled(
    known=False, reason="billed when it is done: each row of its results says what it cost"
)
# (resource, action), or the resource alone for every other action.
_RESOURCES: Final[Mapping[object, Unbilled]] = {
    "files": Unbilled(True, "not billed: files are kept, listed and read"),
    "models": Unbilled(True, "not billed: models are listed"),
    "batches": Unbilled(True, "not billed: a batch's calls are"),
    ("batches", "create"): _LATER,
    "caches": Unbilled(True, "not billed; the hours that a cache is kept are"),
    ("caches", "create"): _STORED,
    ("caches", "update"): Unbilled(
        False, "the hours that it is kept longer are billed; the answer does not say at what amount"
    ),
    "count": Unbilled(True, "not billed: tokens are counted"),
    "responses": Unbilled(True, "not billed: what was answered before is looked up"),
}

# What providers themselves say of it; pages read 2026-11-22.
_SAID: Final[Mapping[tuple[str, str], str]] = {
    ("anthropic", "files"): "https://platform.claude.com/docs/en/build-with-claude/files",
    ("anthropic", "count"): "https://platform.claude.com/docs/en/build-with-claude/token-counting",
    ("bedrock", "count"): "https://docs.aws.amazon.com/bedrock/latest/userguide/count-tokens.html",
    ("gemini", "files"): "https://ai.google.dev/gemini-api/docs/files",
    ("gemini", "caches"): "https://ai.google.dev/gemini-api/docs/caching",
    ("gemini", "count"): "https://ai.google.dev/gemini-api/docs/tokens",
    ("vertex_ai", "count"): (
        "https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/get-token-count"
    ),
    ("vertex_ai", "caches"): (
        "https://cloud.google.com/vertex-ai/generative-ai/docs/context-cache/context-cache-overview"
    ),
}


def unbilled(provider: str, resource: str, action: str) -> Unbilled:
    """What a call costs that makes, looks up, lists or removes something, or counts."""
    found = _RESOURCES.get((resource, action)) or _RESOURCES[resource]
    return _with_source(provider, resource, found)


def _with_source(provider: str, what: str, found: Unbilled) -> Unbilled:
    page = _SAID.get((provider, what))
    return found if page is None else found._replace(reason=f"{found.reason} ({page})")


# Programs that serve models on a machine of one's own: nobody sends a bill for that.
_AT_HOME: Final = frozenset({
    "docker_model_runner", "hosted_vllm", "lemonade", "llamacpp", "llamafile", "lm_studio", "ollama", "xinference",
})  # fmt: skip
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def at_home(provider: str, address: str) -> str | None:
    """Why a model without a price costs nothing: it runs on this machine. ``None`` where it does not."""
    if provider not in _AT_HOME or urlsplit(address).hostname not in _LOOPBACK:
        return None
    return f"not billed: {provider} on this machine"
