"""Facts for rows of genai-prices, which has prices alone: what the same model can do elsewhere.

At its maker, or, where no maker lists it, at more than half of the hosts that say anything. Limits of an answer are
not lent: hosts set their own.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from .rows import ORDER, Row

_NOT_A_NAME = re.compile(r"[^a-z0-9]")
_HOST = re.compile(r"(:[a-z0-9-]+)$")
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
                pools[provider not in first][_key(row)].append(row)
    for listed in rows.values():
        for row in (one for one in listed.values() if one.facts.pop("untold", False)):
            donors = pools[0].get(_key(row)) or pools[1].get(_key(row))
            if donors:
                _give(row, donors)


def _key(row: Row) -> tuple[str, str]:
    """The model behind a name: without its vendor, its host and its punctuation."""
    last = _HOST.sub("", row.name.lower()).rpartition("/")[2]
    return row.mode, _NOT_A_NAME.sub("", last)


def _give(row: Row, donors: list[Row]) -> None:
    row.facts["can"] = set(_usual(donors, "can")) - _SERVICE
    for fact in ("in", "out"):
        usual = _usual(donors, fact)
        row.facts[fact] = [word for word in ORDER if word in usual]
    row.facts["src"] = "lent"


def _usual(donors: list[Row], fact: str) -> set[str]:
    """What more than half of them say."""
    said = Counter(word for donor in donors for word in donor.facts[fact])
    return {word for word, times in said.items() if 2 * times > len(donors)}
