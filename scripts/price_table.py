"""Write docs/price-comparison.md: our price of each scenario of tests/pricing/peer_prices.json, beside the two others.

usage: price_table.py [--check]   (--check writes nothing; exit status 1 if the page is not current)

Why a figure is neither package's is written in tests/pricing/peer_reasons.json; the test of it all is
tests/pricing/test_peers.py, which runs this file.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from llmkit import catalogue, pricing
from llmkit._cost import Measure

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "price-comparison.md"
FIGURES = ROOT / "tests" / "pricing" / "peer_prices.json"
REASONS = ROOT / "tests" / "pricing" / "peer_reasons.json"

Shape = Mapping[str, Any]
OPENING = """\
# Prices beside those of others

Two packages price calls as well: `genai-prices` {genai} and LiteLLM {litellm}. This page holds llmkit's figures
against theirs. A scenario is a model, a shape of usage and a service tier that both of them price above zero:
{count:,} scenarios of {models:,} models. llmkit's figure equals at least one of theirs, to eleven digits, or the
reason why it does not is given below. That two agree is no proof: they often copy the same page, or each other.

The page is written by `scripts/price_table.py`, and `tests/pricing/test_peers.py` fails where it is not true.
The packages' figures are in `tests/pricing/peer_prices.json`, which `scripts/peer_prices.py` makes. Rate by rate,
[the catalogue's own list](catalogue-conflicts.md) says which of the two it takes where they disagree, and why.

## By provider

"""
SHAPES = """
## The shapes of usage

Numbers are tokens, and totals include their parts, unless said otherwise. A model is asked for the shapes that
either package has a price of its own for.

"""
DIFFERENCES = """
## Where the figure is neither's

`unknown` means that llmkit gives no figure: no rate of its catalogue says what such a call costs, and it does
not guess.

"""
LEGEND = {
    "prompt": "prompt {}",
    "completion": "completion {}",
    "cached": "{} read from the cache",
    "written": "{} written to the cache",
    "written_1h": "{} written to the cache for an hour",
    "reasoning": "{} of the completion are reasoning",
    "audio": "{} of the prompt are audio",
    "cached_audio": "{} of the prompt are audio read from the cache",
    "audio_out": "{} of the completion are audio",
    "image": "{} of the prompt are images",
    "image_out": "{} of the completion are images",
    "searches": "web searches: {}",
    "tier": "service tier `{}`",
    "speed": "speed `{}`",
    "seconds": "{} seconds of audio",
    "characters": "{} characters",
    "pages": "{} pages",
    "at": "at {}",
}


class Scenario(NamedTuple):
    """One figure of ours beside the two others; ``None`` where we have none, and why in ``status``."""

    provider: str
    model: str
    shape: str
    ours: Decimal | None
    genai: Decimal
    litellm: Decimal
    status: str

    @property
    def name(self) -> str:
        """The model as it is called."""
        return f"{self.provider}/{self.model}"

    @property
    def equal(self) -> str:
        """Whose figure ours is: ``both``, ``genai-prices``, ``LiteLLM`` or ``neither``."""
        first, second = same(self.ours, self.genai), same(self.ours, self.litellm)
        if first and second:
            return "both"
        return "genai-prices" if first else "LiteLLM" if second else "neither"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why our figure is neither's, for the models and shapes that the patterns fit."""

    models: tuple[str, ...]
    shapes: tuple[str, ...]
    unknown: bool
    why: str

    def covers(self, scenario: Scenario) -> bool:
        """Whether it is about this difference; one about figures says nothing of the lack of one."""
        return (
            self.unknown == (scenario.ours is None)
            and any(fnmatchcase(scenario.name, pattern) for pattern in self.models)
            and any(fnmatchcase(scenario.shape, pattern) for pattern in self.shapes)
        )


def same(ours: Decimal | None, theirs: Decimal) -> bool:
    """Equal to twelve digits: one of the packages computes in floats."""
    return ours is not None and abs(ours - theirs) <= theirs * Decimal("1e-11")


def scenarios(figures: Mapping[str, Any]) -> Iterator[Scenario]:
    """Every scenario of the file, priced by us."""
    for provider, table in figures["prices"].items():
        for model, row in table.items():
            found = catalogue.find(provider, model)
            for shape, told in row.items():
                genai, litellm = (told, told) if isinstance(told, str) else told
                cost = priced(found, figures["shapes"][shape], figures["now"], model)
                status = cost.reason or cost.status
                yield Scenario(
                    provider, model, shape, cost.total, Decimal(genai), Decimal(litellm), status
                )


def priced(model: catalogue.ModelInfo | None, shape: Shape, now: str, name: str) -> pricing.Cost:
    """What pricing makes of a shape."""
    return pricing.cost(
        usage(shape) if "prompt" in shape else None,
        model,
        measures=tuple(measures(shape)),
        service_tier=shape.get("tier"),
        model_name=name,
        on=shape.get("at", now),
    )


def usage(shape: Shape) -> dict[str, Any]:
    """A usage as llmkit's answers have it."""
    prompt, completion = shape["prompt"], shape["completion"]
    reheard = shape.get("cached_audio", 0)
    told: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {
            "cached_tokens": shape.get("cached", 0) + reheard,
            "cached_tokens_details": {"audio_tokens": reheard} if reheard else None,
            "audio_tokens": shape.get("audio"),
            "image_tokens": shape.get("image"),
        },
        "completion_tokens_details": {
            "reasoning_tokens": shape.get("reasoning"),
            "audio_tokens": shape.get("audio_out"),
            "image_tokens": shape.get("image_out"),
        },
    }
    if "written" in shape:
        told["prompt_tokens_details"]["cache_write_tokens"] = shape["written"]
    if "written_1h" in shape:
        told["cache_creation_input_tokens"] = shape["written_1h"]
        told["cache_creation"] = {"ephemeral_1h_input_tokens": shape["written_1h"]}
    told["server_tool_use"] = {"web_search_requests": shape.get("searches", 0)}
    return {**told, "speed": shape.get("speed")}


def measures(shape: Shape) -> Iterator[Measure]:
    """What is used besides tokens."""
    for word, dimension, unit in (
        ("seconds", "audio_input", "second"),
        ("characters", "input", "character"),
        ("pages", "input", "page"),
    ):
        if word in shape:
            yield Measure(dimension, shape[word], unit)


def reasons() -> list[Reason]:
    """The reasons that are written down."""
    rows = json.loads(REASONS.read_text(encoding="utf-8"))
    return [
        Reason(
            tuple(row["models"].split()),
            tuple(shape.strip() for shape in row["shapes"].split(",")),
            bool(row.get("unknown")),
            row["why"],
        )
        for row in rows
    ]


def explained(
    found: Iterable[Scenario], why: Iterable[Reason]
) -> tuple[dict[Reason, list[Scenario]], list[Scenario]]:
    """The differences by the first reason that covers each, and those that no reason covers."""
    by_reason: dict[Reason, list[Scenario]] = {reason: [] for reason in why}
    left: list[Scenario] = []
    for scenario in found:
        if scenario.equal == "neither":
            reason = next((reason for reason in by_reason if reason.covers(scenario)), None)
            (left if reason is None else by_reason[reason]).append(scenario)
    return by_reason, left


def mixed(found: list[Scenario]) -> dict[str, set[str]]:
    """Models of which some figures are the one package's and some the other's, where they disagree on a plain call.

    Such a model has the input of one price list and the cache, the batch or the long prompts of another.
    """
    whose: dict[str, set[str]] = {}
    disputed = {s.name for s in found if s.shape == "plain" and s.equal != "both"}
    for scenario in found:
        if scenario.name in disputed and scenario.equal != "both":
            whose.setdefault(scenario.name, set()).add(scenario.equal)
    return {name: kinds for name, kinds in whose.items() if len(kinds) > 1}


# --- the page ----------------------------------------------------------------------------------


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def summary(found: list[Scenario]) -> Iterator[tuple[str, ...]]:
    """A line per provider, and one of the sums."""
    count: dict[str, Counter[str]] = {}
    for scenario in found:
        for name in (f"`{scenario.provider}`", "**all**"):
            count.setdefault(name, Counter())[scenario.equal] += 1
    everything = count.pop("**all**", Counter[str]())
    for name, by in [*sorted(count.items()), ("**all**", everything)]:
        kinds = [str(by[kind]) for kind in ("both", "genai-prices", "LiteLLM", "neither")]
        yield (name, str(by.total()), *kinds)


def described(shape: Shape) -> str:
    """A shape in words."""
    numbers = (
        LEGEND[word].format(f"{value:,}" if isinstance(value, int) else value)
        for word, value in shape.items()
    )
    return ", ".join(numbers)


def money(amount: Decimal | None) -> str:
    """An amount as digits."""
    return "unknown" if amount is None else f"{amount.normalize():f}"


def differences(by_reason: Mapping[Reason, list[Scenario]]) -> Iterator[str]:
    """A paragraph per reason, then the scenarios that it is the reason of."""
    head = ("Model", "Shape", "llmkit", "genai-prices", "LiteLLM")
    for reason, rows in by_reason.items():
        lines = (
            (f"`{s.name}`", s.shape, money(s.ours), money(s.genai), money(s.litellm)) for s in rows
        )
        yield f"**{len(rows)}** {'scenario' if len(rows) == 1 else 'scenarios'}: {reason.why}\n\n"
        yield table(head, lines) + "\n"


def page(figures: Mapping[str, Any], found: list[Scenario]) -> str:
    """The whole page."""
    opening = OPENING.format(
        genai=figures["genai-prices"],
        litellm=figures["litellm"],
        count=len(found),
        models=len({scenario.name for scenario in found}),
    )
    head = ("Provider", "Scenarios", "Both", "genai-prices only", "LiteLLM only", "Neither")
    shapes = ((name, described(shape)) for name, shape in figures["shapes"].items())
    return (
        opening
        + table(head, summary(found))
        + SHAPES
        + table(("Shape", "What was used"), shapes)
        + DIFFERENCES
        + "".join(differences(explained(found, reasons())[0]))
    ).rstrip("\n") + "\n"


def read() -> tuple[Mapping[str, Any], list[Scenario]]:
    """The file of figures, and its scenarios priced."""
    figures = json.loads(FIGURES.read_text(encoding="utf-8"))
    return figures, list(scenarios(figures))


def main(arguments: list[str]) -> int:
    """Write or check the page; returns the exit status."""
    written = page(*read())
    if arguments == ["--check"]:
        return int(PAGE.read_text(encoding="utf-8") != written)
    PAGE.write_text(written, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
