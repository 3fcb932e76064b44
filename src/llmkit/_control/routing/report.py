"""``Report``: what of a configuration is not honoured, key by key, and why. Values are never in it.

What is said in code is an error at once (``STRICT``); a file of LiteLLM's says much that is for its proxy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple, Protocol

from typing_extensions import override

from ..._secret import redact
from ...errors import ConfigurationError

__all__ = ["NEUTRAL", "STRICT", "Refusals", "Report", "Row"]

NEUTRAL: Final[tuple[Any, ...]] = (None, False, (), [], {}, "")
"""Values that ask for nothing: what is not honoured need not be said then."""

_WORDS: Final = re.compile("[a-z]+(?:_[a-z]+)*")


class Row(NamedTuple):
    """A key that is not honoured."""

    key: str
    """Where it stands, such as ``router_settings.cache_responses``."""
    why: str
    """And what can be done instead."""

    @override
    def __str__(self) -> str:
        return f"{self.key}: {self.why}"


class Refusals(Protocol):
    """Who hears of what is not honoured."""

    def refuse(self, key: str, why: str) -> None:
        """It is not honoured."""


class Report:
    """What is not honoured: rows of (key, why). It is false where all is."""

    __slots__ = ("_rows",)

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}

    def refuse(self, key: str, why: str) -> None:
        """It is not honoured."""
        # A key that somebody mixed up with its value may be anything; plain words are none.
        plain = _WORDS.fullmatch(key.rpartition(".")[2])
        self._rows.setdefault(key, Row(key, why) if plain else Row(redact(key), redact(why)))

    @property
    def rows(self) -> tuple[Row, ...]:
        """Everything, in the order in which it was found."""
        return tuple(self._rows.values())

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, key: object) -> bool:
        return key in self._rows

    @override
    def __repr__(self) -> str:
        if not self._rows:
            return "Report: every key is honoured"
        many = "1 key is" if len(self) == 1 else f"{len(self)} keys are"
        return "\n  ".join([f"Report: {many} not honoured", *map(str, self)])

    def _repr_markdown_(self) -> str:
        rows = [f"| `{row.key}` | {row.why.replace('|', chr(92) + '|')} |" for row in self]
        return "\n".join(["| not honoured | why |", "|---|---|", *rows])


class _Strict:
    """Whatever is not honoured is an error."""

    def refuse(self, key: str, why: str) -> None:
        raise ConfigurationError(f"{key}: {why}")


STRICT: Final[Refusals] = _Strict()
