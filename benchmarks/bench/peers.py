"""Who is measured, in which environment, at which pinned versions. To bring a peer up to date, change its row."""

from __future__ import annotations

from dataclasses import dataclass

OWN = "llmkit"
FAST = "llmkit_fast"
REFERENCE = "httpx"
DEFAULT = "httpx_default"
BYTES = "httpx_bytes"
RAW = "pyreqwest"
RAW_BYTES = "pyreqwest_bytes"
TYPED = "pyreqwest_typed"
OURS = frozenset({OWN, FAST})


@dataclass(frozen=True, slots=True)
class Peer:
    """One contestant; ``name`` is also its module in ``bench.contestants``."""

    name: str
    label: str
    environment: str
    """The virtual environment that it runs in; those of one environment share it."""
    imports: str
    """The module whose import is timed; empty where another contestant's time says it already."""
    streams_only: bool = False
    calls_only: bool = False
    """Neither its streams nor its start nor its memory are another's than the one beside it."""
    bytes: str = BYTES
    """The raw transport that its chunks are held against."""


PEERS = (
    Peer(OWN, "llmkit", "llmkit", "llmkit"),
    Peer(FAST, "llmkit [fast]", "llmkit", "", bytes=RAW_BYTES),
    Peer(REFERENCE, "raw httpx", "llmkit", "httpx"),
    Peer(DEFAULT, "raw httpx, default limits", "llmkit", "", calls_only=True),
    Peer(BYTES, "raw httpx, bytes unparsed", "llmkit", "", streams_only=True),
    Peer(RAW, "raw pyreqwest", "llmkit", "pyreqwest.client", bytes=RAW_BYTES),
    Peer(
        RAW_BYTES,
        "raw pyreqwest, bytes unparsed",
        "llmkit",
        "",
        streams_only=True,
        bytes=RAW_BYTES,
    ),
    Peer(TYPED, "raw pyreqwest, typed and priced", "llmkit", "", calls_only=True),
    Peer("openai", "openai SDK", "openai", "openai"),
    Peer("litellm", "LiteLLM", "litellm", "litellm"),
    Peer("any_llm", "any-llm", "any-llm", "any_llm"),
    Peer("pydantic_ai", "pydantic-ai", "pydantic-ai", "pydantic_ai"),
    Peer("tensorzero", "TensorZero (embedded)", "tensorzero", "tensorzero", bytes=RAW_BYTES),
)

# Environment -> what pip installs in it, and llmkit in its own; what that brings along is recorded in the results.
PINS = {
    "llmkit": ("httpx==0.28.1", "pyreqwest==0.15.1"),
    "openai": ("openai==3.54.0",),
    "litellm-proxy": ("litellm[proxy]==1.106.2",),
    "litellm": ("litellm==1.106.2", "mcp==2.3.0"),  # without mcp, a request with tools fails
    "any-llm": ("any-llm-sdk[openai]==1.40.2",),
    "pydantic-ai": ("pydantic-ai-slim[openai]==2.68.0",),
    "tensorzero": ("tensorzero==2026.6.0",),
    # These bill: benchmarks/bills.py.
    "lago-agent-sdk": ("lago-agent-sdk==0.3.1", "openai==3.54.0"),
}
