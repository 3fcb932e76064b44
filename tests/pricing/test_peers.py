"""Our prices against those of two other packages: the same figure as one of them, or a reason in writing.

The figures are in ``peer_prices.json`` (made by ``scripts/peer_prices.py`` where the packages are installed), the
reasons in ``peer_reasons.json``, the page of both in ``docs/price-comparison.md``.
"""

from __future__ import annotations

import re
import runpy
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
AGAIN = "run python scripts/price_table.py"


@cache
def table() -> dict[str, Any]:
    """What the script defines."""
    return runpy.run_path(str(ROOT / "scripts" / "price_table.py"))


@cache
def priced() -> tuple[Any, list[Any]]:
    """The file of figures, and every scenario of it priced by us."""
    figures, found = table()["read"]()
    return figures, found


def test_every_scenario_has_one_of_their_figures_or_a_reason() -> None:
    """A difference from both, and a model that only they price, wants a sentence that says why."""
    _, left = table()["explained"](priced()[1], table()["reasons"]())
    lines = [f"{s.name}, {s.shape}: {s.ours} {s.genai} {s.litellm} ({s.status})" for s in left]
    assert not left, f"{len(left)} without a reason:\n" + "\n".join(lines[:50])


# Models whose shapes follow two price lists, and why that is right; peer_reasons.json says more.
MIXED = {
    "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0": "a region's tenth upon the dearer rate",
    "vertex_ai/gemini-2.0-flash": "sound from the cache is billed as sound",
}


def test_no_model_is_half_of_each() -> None:
    """Where they disagree on a plain call, a cache or a batch at the other's rate would be another price list's."""
    found = table()["mixed"](priced()[1])
    assert {name: kinds for name, kinds in found.items() if name not in MIXED} == {}
    assert MIXED.keys() <= found.keys()


def test_one_model_has_one_price_under_each_of_its_names() -> None:
    """A dated name and the name without its date cost the same, for every shape that both are asked for."""
    ours = {(s.name, s.shape): s.ours for s in priced()[1]}
    dated = re.compile(r"(-\d{4}-?\d{2}-?\d{2}|@default)$")
    differing = [
        f"{name}, {shape}: {amount}, without its date {ours[dated.sub('', name), shape]}"
        for (name, shape), amount in ours.items()
        if dated.search(name)
        and (dated.sub("", name), shape) in ours
        and ours[dated.sub("", name), shape] != amount
        and name not in OLDER
    ]
    assert differing == []


# Names with a date that are not what the name without one means today.
OLDER = {
    "openai/gpt-4o-2024-05-13": "the first gpt-4o, which was dearer",
    "azure/gpt-4o-2024-05-13": "the first gpt-4o, which was dearer",
}


def test_no_reason_is_left_over() -> None:
    """A reason that nothing needs any more would hide the next mistake."""
    by_reason, _ = table()["explained"](priced()[1], table()["reasons"]())
    unused = [reason.why for reason, rows in by_reason.items() if not rows]
    assert unused == []


def test_reasons_name_their_evidence() -> None:
    """A reason is a sentence with a source, an arithmetic or a name in it, and not that figures differ."""
    for reason in table()["reasons"]():
        assert len(reason.why.split()) >= 12, reason.why
        assert re.search(r"https?://|\d|LiteLLM|genai-prices", reason.why), reason.why
        assert not re.search(r"(?i)\bdiffers?\b\.?$", reason.why), reason.why


def test_the_page_is_what_the_script_writes() -> None:
    """docs/price-comparison.md shows these figures and reasons, and no older ones."""
    page = ROOT / "docs" / "price-comparison.md"
    assert page.read_text(encoding="utf-8") == table()["page"](*priced()), AGAIN


def test_the_scenarios_are_many_and_of_many_kinds() -> None:
    """Losing a provider, a tier or a kind of usage from the file would make the comparison easy."""
    figures, found = priced()
    assert len(found) >= 4500
    assert len({scenario.provider for scenario in found}) >= 25
    wanted = {"plain", "cached", "written", "written 1h", "reasoning", "heard", "spoken", "seen"}
    wanted |= {"drawn alone", "searched", "batch", "flex", "priority", "fast", "embedded", "pages"}
    wanted |= {"seconds", "characters", "peak", "next year", "at 200k", "over 200k", "over 272k"}
    assert wanted <= set(figures["shapes"])


def test_sums_that_should_be_equal_are() -> None:
    """Equal means to eleven digits, as one of them computes in floats; a digit more or less is another figure."""
    same = table()["same"]
    assert same(Decimal("0.1"), Decimal("0.1"))
    assert same(Decimal("0.100000000000001"), Decimal("0.1"))
    assert not same(Decimal("0.10000001"), Decimal("0.1"))
    assert not same(None, Decimal("0.1"))


def test_the_script_writes_and_checks() -> None:
    """With --check it writes nothing and says by its exit status whether the page is current."""
    assert table()["main"](["--check"]) == 0
