"""The data of what providers add to a request: well-formed, with evidence, and as cautious as said."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from llmkit import catalogue, providers
from llmkit.catalogue._allowances import CAUTIOUS, Allowance, allowance

DATA = Path(catalogue.__file__).with_name("allowances.json")
ROWS: dict[str, list[dict[str, Any]]] = json.loads(DATA.read_text(encoding="utf-8"))["providers"]


def test_every_row_is_of_a_provider_and_has_evidence() -> None:
    """A pattern that compiles, facts that are known by name, and what was seen."""
    for provider, rows in ROWS.items():
        assert provider in {"", "*", *providers.names()}
        for row in rows:
            re.compile(row["model"])
            assert row["seen"]
            assert row.keys() - {"model", "seen"} <= set(Allowance._fields)


def test_every_fact_is_of_its_kind() -> None:
    """Counts are counts, forms are forms, and no row lets everything through by a slip."""
    for rows in ROWS.values():
        for row in rows:
            for name in ("preamble", "tools", "least", "slack", "picture", "documents", "chunk"):
                assert type(row.get(name, 0)) is int
                assert row.get(name, 0) >= 0
            assert set(row.get("longer", ())) <= {"NFC", "NFD", "NFKC", "NFKD"}
            assert row.get("beyond", "") in ("", "unproven", "reasoning", "answer")
            assert row.get("preamble", 1) > 0


@pytest.mark.parametrize(
    ("provider", "model", "field", "value"),
    [
        ("openai", "gpt-4o", "longer", ()),
        ("openai", "gpt-4o-search-preview", "refused", "its model searches the web in every call"),
        ("openai", "gpt-image-1-mini", "picture", 8192),
        ("anthropic", "claude-anything", "longer", ("NFKC",)),
        ("bedrock", "us.ANTHROPIC.claude", "tools", 1024),
        ("bedrock", "someone.else", "tools", CAUTIOUS.tools),
        ("xai", "grok-4", "beyond", "reasoning"),
        ("xai", "grok-4-fast-non-reasoning", "beyond", ""),
        ("azure", "deepseek-r1", "beyond", "answer"),
        ("cohere", "rerank-v3.5", "chunk", 500),
        ("nobody", "nothing", "beyond", "unproven"),
        ("nobody", "meta/Llama-3.3-70B", "beyond", ""),
        ("nobody", "meta/Llama-3.3-70B", "preamble", CAUTIOUS.preamble),
        ("nobody", "deepseek-r1-distill-llama-3-70b", "beyond", "unproven"),
        ("mistral", "magistral-small", "beyond", "unproven"),
    ],
)
def test_the_first_row_that_fits_holds(provider: str, model: str, field: str, value: Any) -> None:
    """By the provider, then by the model's name, whatever its case; strangers get the defaults."""
    assert getattr(allowance(provider, model), field) == value
