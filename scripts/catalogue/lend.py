"""Facts for rows that have prices alone, as all of genai-prices' do: what the same model can do elsewhere.

At its maker, or, where no maker lists it, at more than half of the hosts that say anything. Limits are lent only by
makers whose models nobody else runs: of others hosts set their own.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from .rows import ORDER, Row

_NOT_A_NAME = re.compile(r"[^a-z0-9]")
_HOST = re.compile(r"(:[a-z0-9-]+)$")
# When a model was made. Without its day a preview may be another model than what came of it.
_SNAPSHOT = re.compile(r"(-preview)?-(\d\d-\d{4}|\d\d-\d\d|\d{4}-\d\d-\d\d|\d{8})$")
# How routers call the makers that alone run their models, or have them run as they do.
_VENDORS = {
    "anthropic": "anthropic",
    "google": "gemini",
    "openai": "openai",
    "x-ai": "xai",
    "xai": "xai",
}
_OPEN = re.compile(r"gemma|gpt-oss")
# Behind a router's colon: the same model, billed or chosen otherwise.
_SAME_MODEL = re.compile(r"(:(batch|free|nitro|floor|online))?$")
# What a maker's own service does beside the model, and a host need not.
_SERVICE = frozenset(
    {"web_search", "web_search_always", "url_context", "computer_use", "prompt_caching"}
)


def lend(rows: Mapping[str, Mapping[str, Row]], makers: Iterable[str]) -> None:
    """Gives each row without facts those of its model's other rows."""
    first = set(makers)
    pools: tuple[dict[object, list[Row]], ...] = (defaultdict(list), defaultdict(list))
    for provider, listed in rows.items():
        for row in listed.values():
            if "untold" not in row.facts:
                pools[provider not in first][_key(row.mode, row.name)].append(row)
    for provider, listed in rows.items():
        for row in listed.values():
            if row.facts.pop("untold", False):
                every = (pool.get(key) for key in _keys(row) for pool in pools)
                _give(row, next(filter(None, every), ()))
            _limit(provider, row, rows)


def _keys(row: Row) -> Iterator[tuple[str, str]]:
    """The model behind a name, and that of which it is a snapshot."""
    yield _key(row.mode, row.name)
    yield _key(row.mode, _SNAPSHOT.sub("", row.name))


def _key(mode: str, name: str) -> tuple[str, str]:
    """The model behind a name: without its vendor, its host and its punctuation."""
    last = _HOST.sub("", name.lower()).rpartition("/")[2]
    return mode, _plain(last)


def _limit(provider: str, row: Row, rows: Mapping[str, Mapping[str, Row]]) -> None:
    """A limit that is not told, from the maker of the model that this one can only be."""
    vendor, _, name = row.name.partition("/")
    maker = _VENDORS.get(vendor, "") if name else ""
    bare = _SAME_MODEL.sub("", name or row.name)
    if ":" in bare or _OPEN.search(bare) or maker in ("", provider):
        return
    wanted = _plain(bare)
    told = [one.facts["limits"] for one in rows.get(maker, {}).values() if wanted in _names(one)]
    for i, limit in enumerate(row.facts["limits"]):
        most = [limits[i] for limits in told]
        if limit is None and most and all(most):
            row.facts["limits"][i] = max(most)


def _names(row: Row) -> set[str]:
    return {_plain(name) for name in (row.name, *row.aliases)}


def _plain(name: str) -> str:
    return _NOT_A_NAME.sub("", name.lower())


def _give(row: Row, donors: Sequence[Row]) -> None:
    if not donors:
        return
    row.facts["can"] = set(_usual(donors, "can")) - _SERVICE
    for fact in ("in", "out"):
        usual = _usual(donors, fact)
        row.facts[fact] = [word for word in ORDER if word in usual]
    row.facts["src"] = "lent"


def _usual(donors: Sequence[Row], fact: str) -> set[str]:
    """What more than half of them say."""
    said = Counter(word for donor in donors for word in donor.facts[fact])
    return {word for word, times in said.items() if 2 * times > len(donors)}
