"""All files of the catalogue, as text by their path."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from llmkit import providers
from llmkit.catalogue._load import FORMAT

from . import conflicts, from_genai, from_litellm, judge, lend, names, overlay, write
from .merge import merge
from .rows import Condition, Conflict, Price, Rates, Row
from .sources import GENAI, LITELLM, READ, Sources

DATA: Final = Path("src/llmkit/catalogue/data")
INDEX: Final = DATA.parent / "makers_and_hosts.json"
REPORT: Final = Path("docs/catalogue-conflicts.md")
_SOUND: Final = (("audio_input", "input"), ("audio_output", "output"))
_NO_PROMPT: Final = frozenset({"embedding", "rerank"})
_HAND: Final = "no data package lists these; from the vendor's own tables as widely published"


def files(sources: Sources, by_hand: Path = overlay.DIRECTORY) -> dict[Path, str]:
    """Everything that is built, the same each time."""
    known = set(providers.names())
    listed: dict[str, list[Any]] = defaultdict(list)
    for provider, name, row in from_litellm.rows(sources.litellm, known):
        listed[provider].append((name, row))
    dated, pages = _dated(sources, known)
    made: dict[Path, str] = {}
    found: list[Conflict] = []
    heads: dict[str, Mapping[str, Any]] = {}
    order = sorted({*listed, *dated})
    kept = {provider: overlay.read(provider, by_hand) for provider in order}
    rows: dict[str, dict[str, Row]] = {}
    for provider in order:
        merged = merge(provider, listed[provider], dated[provider], kept[provider])
        found += merged.conflicts
        found += judge.judged(provider, merged.rows.values())
        rows[provider] = merged.rows
    lend.lend(rows, [provider for provider in order if kept[provider].head["own"]])
    for provider in order:
        found += overlay.apply(provider, kept[provider], rows[provider])
        finished = _finished(kept[provider], rows[provider])
        heads[provider] = _head(provider, kept[provider], pages)
        made[DATA / f"{provider}.json"] = write.spell(heads[provider], finished)
    made[INDEX] = _index(heads)
    made[REPORT] = conflicts.page(found)
    return made


def save(root: Path, made: Mapping[Path, str]) -> None:
    """Writes the files, and removes data files that are no longer made."""
    for old in (root / DATA).glob("*.json"):
        if DATA / old.name not in made:
            old.unlink()
    for path, text in made.items():
        (root / path).write_text(text, encoding="utf-8")


def differing(root: Path, made: Mapping[Path, str]) -> list[str]:
    """Paths whose text is another than what would be made."""
    there = {DATA / path.name for path in (root / DATA).glob("*.json")}
    return sorted(
        str(path)
        for path in {*made, *there}
        if not (root / path).exists() or (root / path).read_text(encoding="utf-8") != made.get(path)
    )


def _dated(sources: Sources, known: set[str]) -> tuple[dict[str, list[Any]], dict[str, str]]:
    """Rows of genai-prices by our providers, and the page that each list was read from."""
    found: dict[str, list[Any]] = defaultdict(list)
    pages: dict[str, str] = {}
    for theirs in sources.genai:
        name = str(theirs["id"])
        for ours in (one for one in names.genai_providers(name) if one in known):
            pages.setdefault(ours, str(theirs["pricing_urls"][0]))
            for node, row in zip(
                theirs["models"], from_genai.rows(theirs["models"], READ), strict=True
            ):
                if not names.sells(ours, name, row.name):
                    continue
                row.name = names.genai_names(name, row.name)
                row.aliases = [] if ours == "huggingface" else row.aliases
                found[ours].append((node, row))
    return found, pages


def _finished(kept: overlay.Overlay, rows: Mapping[str, Row]) -> list[Row]:
    """The rows in the order of the file, each with what follows from its rates."""
    rank = {name: i for i, name in enumerate(kept.order)}
    ordered = sorted(rows.values(), key=lambda row: (rank.get(row.name, len(rank)), row.name))
    for row in ordered:
        _follow(row, kept.head)
    return ordered


def _follow(row: Row, head: Mapping[str, Any]) -> None:
    keys = {key for key, _ in row.rates}
    row.facts["can"] = (row.facts["can"] | set(_billed(row))) - row.facts.get("cannot", set())
    if "json_schema" in row.facts["can"] and head.get("json_mode"):
        row.facts["can"] |= {"json_mode"}
    if "claude" in row.name and "cached_read" in keys and "cache_write" not in keys:
        # Writing costs more than reading there, and how much is not told: nothing stands in.
        row.facts["priced_as"] = {**row.facts.get("priced_as", {}), "cache_write": ""}
    if re.fullmatch(head.get("search_by_prompt", ""), row.name):
        # However often a prompt is searched for, it is billed once.
        row.rates = {
            ("web_search/prompt" if key == "web_search/call" else key, when): price
            for (key, when), price in row.rates.items()
        }
    for own, usual in _SOUND:
        _outdated(row, own, usual)
    if re.fullmatch(head.get("writes_beside", ""), row.name):
        row.rates = {rate: _with_reading(rate, row.rates) for rate in row.rates}
    if head.get("claims_are_priced") and "cached_read" not in keys:
        row.facts["can"] = row.facts["can"] - {"prompt_caching"}
    ttl = head.get("write_ttl")
    if ttl:
        row.rates = {
            (key, tuple(sorted((*when, ("ttl", ttl)))) if _plain_write(key, when) else when): price
            for (key, when), price in row.rates.items()
        }


def _outdated(row: Row, own: str, usual: str) -> None:
    """Sound that costs what text does goes on doing so where a change of the price was announced for text alone."""
    mine, theirs = (
        {when: price.usd for (key, when), price in row.rates.items() if key == name}
        for name in (own, usual)
    )
    dated = {when for when in theirs if not {"from", "until"}.isdisjoint(dict(when))}
    if mine and dated - set(mine) and all(theirs.get(when) == usd for when, usd in mine.items()):
        row.rates = {rate: price for rate, price in row.rates.items() if rate[0] != own}
        row.facts["priced_as"] = {**row.facts.get("priced_as", {}), own: usual}


def _with_reading(rate: tuple[str, Condition], rates: Rates) -> Price:
    """The price of writing to a cache, where what is listed is its storage alone, paid beside reading the tokens."""
    price, read = rates[rate], rates.get(("input", rate[1]))
    if rate[0] != "cache_write" or read is None or price.usd >= read.usd:
        return price
    return Price(price.usd + read.usd, price.source)


def _billed(row: Row) -> Iterator[str]:
    """What a host that bills it can do. LiteLLM copies the price of a search to hosts that search nothing."""
    for (key, _), price in row.rates.items():
        if key == "cached_read" and row.mode not in _NO_PROMPT:
            yield "prompt_caching"
        elif key == "web_search/call" and "g" in price.source:
            yield "web_search"


def _plain_write(key: str, when: Iterable[tuple[str, object]]) -> bool:
    return key == "cache_write" and "ttl" not in dict(when)


def _head(provider: str, kept: overlay.Overlay, pages: Mapping[str, str]) -> dict[str, Any]:
    head = kept.head
    prices = head.get("prices_page") or pages.get(provider) or providers.get(provider).docs
    models = head.get("models_page") or providers.get(provider).docs
    both = f"{GENAI} and {LITELLM}, which agree"
    regional = f"{LITELLM}, and a tenth for a regional call"
    via = {"g": GENAI, "gl": both, "l": LITELLM, "x": regional, "hand": _HAND}
    read = {"read": READ}
    sources = {letter: {"page": prices, "via": text, **read} for letter, text in via.items()}
    sources[""] = {"page": models, "via": LITELLM, **read}
    sources["lent"] = {"page": models, "via": f"{LITELLM}, of the same model elsewhere", **read}
    sources["page"] = {"page": models, "via": _HAND, **read}
    names = ("own", "defaults", "tiers", "cache_write_marker", "priced_as", "notes")
    return {
        "provider": provider,
        "revision": READ,
        "sources": {**sources, **head.get("sources", {})},
        **{name: head[name] for name in names},
        **({"varies": head["varies"]} if "varies" in head else {}),
    }


def _index(heads: Mapping[str, Mapping[str, Any]]) -> str:
    """Which files there are, so that naming them opens none: makers of models, then hosts."""
    makers = [name for name, head in heads.items() if head["own"]]
    hosts = [name for name, head in heads.items() if not head["own"]]
    index = {"format": FORMAT, "revision": READ, "makers": makers, "hosts": hosts}
    lines = [f'"{name}": {json.dumps(value)}' for name, value in index.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"
