"""What a provider does to a request that the request does not show: data for the bound of a call's cost.

Facts only, from ``allowances.json``; what is made of them belongs in ``pricing``.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from .. import _json

__all__ = ["CAUTIOUS", "Allowance", "allowance"]


class Allowance(NamedTuple):
    """The most that a provider adds to a call, as far as it is known; the defaults hold for strangers.

    ``preamble``: tokens that it puts before every prompt; ``tools``: more of them where the request has
    tools or a schema. ``longer``: the Unicode forms that its tokenizer may bring a text into first.
    ``least``: a smaller limit for the answer is taken for this one; ``slack``: tokens by which answers
    have passed their limit. ``beyond``: what is billed above the limit, ``"reasoning"`` where its models
    think outside of it, ``"answer"`` where the limit is not kept at all, ``"unproven"`` where nobody has
    seen thinking end there. ``picture``: tokens of one picture that is made, at most.
    ``seconds``: the longest sound that it hears.
    ``documents``, ``chunk``: how many documents are one search, and how many tokens each may have.
    ``refused``: why nothing can be said beforehand.
    """

    preamble: int = 2048
    tools: int = 4096
    longer: tuple[str, ...] = ("NFC", "NFKC", "NFKD")
    least: int = 16
    slack: int = 64
    beyond: Literal["", "unproven", "reasoning", "answer"] = "unproven"
    picture: int | None = None
    seconds: int | None = None
    documents: int | None = None
    chunk: int | None = None
    refused: str | None = None


CAUTIOUS: Final = Allowance()
_FILE = Path(__file__).parent / "allowances.json"


@lru_cache(maxsize=1024)
def allowance(provider: str, model: str) -> Allowance:
    """What holds for a provider's model: the first of its rows whose pattern is found in the model's name.

    The pattern may begin anywhere in the name, whatever the case. Each row has its evidence beside it; those
    under ``""`` are of models that anybody serves, those under ``"*"`` go before any provider's own.
    """
    found = _rows()
    for pattern, facts in (*found["*"], *found.get(provider, ()), *found[""]):
        if re.search(pattern, model, re.IGNORECASE):
            return Allowance(**facts)
    return CAUTIOUS


@cache
def _rows() -> dict[str, list[tuple[str, dict[str, Any]]]]:
    data = _json.load(_FILE.read_bytes())["providers"]
    return {name: [(row["model"], _facts(row)) for row in rows] for name, rows in data.items()}


def _facts(row: dict[str, Any]) -> dict[str, Any]:
    facts = {name: value for name, value in row.items() if name not in ("model", "seen")}
    return {**facts, "longer": tuple(facts["longer"])} if "longer" in facts else facts
