"""Which rules count a model's tokens: reads ``token_rules.json``, on first use, and looks a model up in it.

A rule is data: an encoding, what stands around messages, numbers for pictures, pages, sound and film, the
weights of an estimate and the terms of a bound. Counting belongs in ``llmkit.tokens``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

from .. import _json
from ._model import FrozenMap

__all__ = ["counting"]

FORMAT: Final = 1
_FILE: Final = Path(__file__).with_name("token_rules.json")
# Fields of a rule that name a set of numbers which several rules share.
_SETS: Final = ("image", "pdf", "audio", "video", "text", "around", "bound")
_LONGEST_NAME: Final = 200


def counting(provider: str, model: str) -> Mapping[str, Any]:
    """The rule for a model at a provider, whatever their names; read-only. Never raises.

    Keys, each of which may be missing: ``name`` (always there), ``encoding`` (tiktoken's name for it),
    ``assumed`` (the encoding is a guess), ``relayed`` (somebody else than the model's maker is called),
    ``chat`` (what stands around messages, where it is known exactly),
    ``image``, ``pdf``, ``audio``, ``video`` (numbers for attachments, with ``src``), ``anything_by_url``
    (an ``image_url`` may carry other things), ``text`` and ``around`` (the weights of an estimate),
    ``bound`` (the terms of an upper bound), ``notes`` (what a count has to say). A provider that is not
    listed serves anybody's models, so the model's name decides.
    """
    return _found(str(provider)[:_LONGEST_NAME], str(model)[:_LONGEST_NAME].lower())


@lru_cache(maxsize=1024)
def _found(provider: str, model: str) -> FrozenMap[Any]:
    data = _data()
    listed = data["providers"]
    entry = listed.get(provider) or listed[""]
    named = (rule for pattern, rule in _rows(data, entry) if re.search(pattern, model))
    rule = _rule(next(named, entry["otherwise"]))
    if provider and provider not in listed and "chat" in rule:
        return FrozenMap({**rule, "relayed": True})
    return rule


def _rows(data: Mapping[str, Any], entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in entry["lists"]:
        yield from data["lists"][name]


@cache
def _rule(name: str) -> FrozenMap[Any]:
    data = _data()
    rule = data["rules"][name]
    sets = {key: _frozen(data[key][rule[key]]) for key in _SETS if key in rule}
    notes = tuple(data["notes"][note] for note in rule.get("notes", ()))
    return FrozenMap({**rule, **sets, "notes": notes, "name": name})


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return FrozenMap({key: _frozen(inner) for key, inner in value.items()})
    return tuple(value) if isinstance(value, list) else value


@cache
def _data() -> Mapping[str, Any]:
    data: Mapping[str, Any] = _json.load(_FILE.read_bytes())
    if data["format"] != FORMAT:
        raise ValueError(f"token rules of format {data['format']!r}, this reads {FORMAT}")
    return data
