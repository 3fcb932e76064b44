"""Models of genai-prices as rows of ours: windows of time become conditions.

Without a date the price that holds on the day of reading applies; what held before has ``until``
(and ``from``, where something else held before that), what is announced has ``from``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from .rows import Condition, Price, Rates, Row, ordered, tidy

Node = Mapping[str, Any]

KEYS: Final = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cached_read",
    "cache_write_mtok": "cache_write",
    "cache_audio_read_mtok": "cached_audio_read",
    "cache_image_read_mtok": "cached_image_read",
    "input_audio_mtok": "audio_input",
    "output_audio_mtok": "audio_output",
    "input_image_mtok": "image_input",
    "output_image_mtok": "image_output",
    "input_video_mtok": "video_input",
    "output_video_mtok": "video_output",
    "output_reasoning_mtok": "reasoning",
    "output_citation_mtok": "citation",
    "input_mchars": "input/character",
    "input_audio_hours": "audio_input/second",
    "input_document_kpages": "input/page",
    "input_annotated_document_kpages": "annotation/page",
    "input_text_messages_kcount": "text_message/message",
    "rerank_searches_kcount": "search/search",
    "web_searches_kcount": "web_search/call",
    "social_searches_kcount": "x_search/call",
    "storage_searches_kcount": "file_search/call",
    "code_executions_kcount": "code_interpreter/call",
    "requests_kcount": "request/request",
}
_WRITE_HOUR: Final = "cache_write_1h_mtok"
# Of a recording and of what is spoken alike; only where no other price of a second is given.
_ANY_AUDIO: Final = "audio_hours"
# What is billed for its input alone, by its name.
_BY_NAME: Final = (
    (("rerank",), "rerank"),
    (("moderation",), "moderation"),
    (("embed", "bge-", "gte-", "voyage"), "embedding"),
)
_VARIANTS: Final = {("processing", "batch"): ("service_tier", "batch")}
# "default" changes nothing, "fast" is another word for "priority".
_SAYS_NOTHING: Final = frozenset({("service_tier", "default"), ("service_tier", "fast")})
_YEAR: Final = timedelta(days=366)


def rows(models: Iterable[Node], today: str) -> Iterator[Row]:
    """The models of one provider. ``today`` is the day of reading."""
    for model in models:
        row = Row(str(model["id"]), "", {"limits": [model.get("context_window"), None]})
        row.aliases = sorted({*_exact(model["match"])} - {row.name})
        row.rates = dict(_rates(model, today))
        row.mode = _mode(row)
        yield row


def matches(clause: Node, name: str) -> bool:
    """Whether a match clause of genai-prices takes the name."""
    kind, text = clause["is"], name.lower()
    if kind in {"ClauseOr", "ClauseAnd"}:
        parts = clause["or_" if kind == "ClauseOr" else "and_"]
        return (any if kind == "ClauseOr" else all)(matches(part, name) for part in parts)
    word = next(str(value) for key, value in clause.items() if key != "is")
    if kind == "ClauseRegex":
        return re.search(word, text) is not None
    tests = {
        "ClauseEquals": text == word.lower(),
        "ClauseStartsWith": text.startswith(word.lower()),
        "ClauseEndsWith": text.endswith(word.lower()),
        "ClauseContains": word.lower() in text,
    }
    return tests[kind]


def exactly(clause: Node, name: str) -> bool:
    """Whether the clause names just this model, or dated snapshots of it."""
    if clause["is"] == "ClauseOr":
        return any(exactly(part, name) for part in clause["or_"])
    whole = clause["is"] == "ClauseEquals" or str(clause.get("regex", "")).startswith("^")
    return whole and matches(clause, name)


def _exact(clause: Node) -> Iterator[str]:
    if clause["is"] == "ClauseEquals":
        yield str(clause["equals"])
    elif clause["is"] == "ClauseOr":
        for part in clause["or_"]:
            yield from _exact(part)


def _rates(model: Node, today: str) -> Iterator[tuple[tuple[str, Condition], Price]]:
    prices = model.get("prices") or []
    steps = prices if isinstance(prices, list) else [{"prices": prices}]
    yield from _windows(steps, (), today)
    for variant in model.get("price_variants") or ():
        when = [_VARIANTS.get(pair, pair) for pair in variant["when"].items()]
        if not _SAYS_NOTHING.isdisjoint(when) or any(word == "route" for word, _ in when):
            continue
        start = (variant.get("constraint") or {}).get("start_date", "")
        announced = (("from", start),) if start > today else ()
        yield from _sheet(variant["prices"], ordered((*when, *announced)))


def _windows(
    steps: list[Node], when: Condition, today: str
) -> Iterator[tuple[tuple[str, Condition], Price]]:
    """The steps in time, each from its start to that of the next."""
    hours = [one for one in steps if "start_time" in (one.get("constraint") or {})]
    dated = [one for one in steps if one not in hours]
    starts = [(one.get("constraint") or {}).get("start_date", "") for one in dated]
    current = max(i for i, start in enumerate(starts) if start <= today)
    # Dearer hours of the day: without the time of a call they are what it may cost.
    now = max([dated[current], *hours], key=_dearness)
    held = dict(_sheet(now["prices"], when))
    yield from held.items()
    # How the former prices went by the hour is not told.
    for i, one in enumerate(dated if not hours else ()):
        end = starts[i + 1] if i + 1 < len(starts) else ""
        span: list[tuple[str, str | int]] = (
            [("from", starts[i])] if starts[i] and i != current else []
        )
        if i < current:
            if date.fromisoformat(end) < date.fromisoformat(today) - _YEAR:
                continue
            span.append(("until", end))
            recent = starts[i] and date.fromisoformat(starts[i]) > date.fromisoformat(today) - _YEAR
            span = span if recent else [("until", end)]
        if span:
            sheet = dict(_sheet(one["prices"], when))
            yield from _changed(sheet, held, span)


def _changed(
    sheet: Rates, held: Rates, span: list[tuple[str, str | int]]
) -> Iterator[tuple[tuple[str, Condition], Price]]:
    """The rates of another time that differ."""
    for (key, when), price in sheet.items():
        if held.get((key, when)) != price:
            yield (key, ordered((*when, *span))), price


def _dearness(step: Node) -> Decimal:
    price = step["prices"].get("output_mtok") or step["prices"].get("input_mtok") or "0"
    return Decimal(price if isinstance(price, str) else price["base"])


def _sheet(prices: Node, when: Condition) -> Iterator[tuple[tuple[str, Condition], Price]]:
    for name, price in prices.items():
        if name == _WRITE_HOUR:
            yield from _price("cache_write", price, ordered((*when, ("ttl", "1h"))))
        elif name == _ANY_AUDIO and "input_audio_hours" not in prices:
            yield from _price("audio_input/second", price, when)
        elif name in KEYS:
            yield from _price(KEYS[name], price, when)


def _price(key: str, price: Any, when: Condition) -> Iterator[tuple[tuple[str, Condition], Price]]:
    if isinstance(price, str):
        yield (key, when), Price(tidy(Decimal(price)), "g")
        return
    yield (key, when), Price(tidy(Decimal(price["base"])), "g")
    for tier in price["tiers"]:
        over = ordered((*when, ("input_tokens_over", int(tier["start"]))))
        yield (key, over), Price(tidy(Decimal(tier["price"])), "g")


def _mode(row: Row) -> str:
    """What kind of call the rates are of."""
    keys = {key for key, _ in row.rates}
    by_key = {
        "text_message/message": "realtime",
        "search/search": "rerank",
        "input/page": "ocr",
        "input/character": "audio_speech",
        "audio_input/second": "audio_transcription",
    }
    if "output" in keys or "input" not in keys:
        told = [mode for key, mode in by_key.items() if key in keys and "output" not in keys]
        return told[0] if told else "chat"
    for words, mode in _BY_NAME:
        if any(word in row.name.lower() for word in words):
            return mode
    # Models that only decide or extract: no call of ours.
    return ""
