"""Small data files and bundles."""

from __future__ import annotations

import json

from llmkit.catalogue._bundle import write_bundle
from llmkit.catalogue._load import FORMAT


def part(
    provider: str, usd: str = "0.1", *, own: bool = True, revision: str = "2026-12-01"
) -> bytes:
    """A provider's data file with one model."""
    head = {
        "format": FORMAT,
        "provider": provider,
        "revision": revision,
        "own": own,
        "sources": {"p": {"page": "https://acme.test/p", "via": "by hand", "read": revision}},
        "per": {"input": 1_000_000, "output": 1_000_000},
        "defaults": {},
        "tiers": {"": ["standard"]},
        "cache_write_marker": None,
        "priced_as": {},
        "models": [
            {
                "name": "road",
                "aliases": ["road-1"],
                "src": "p",
                "rates": {"p": f"input {usd} output {usd}"},
            }
        ],
    }
    return json.dumps(head).encode()


def bundle(usd: str = "0.1", revision: str = "2026-12-01") -> bytes:
    """Two providers that list one model each."""
    parts = {
        "acme": part("acme", usd, revision=revision),
        "host": part("host", usd, own=False, revision=revision),
    }
    return write_bundle(parts, revision)
