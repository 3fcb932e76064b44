"""What a row of a checkpoint is known by: all that is asked, whatever its values are."""

from __future__ import annotations

import functools
from collections import namedtuple
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import pytest

from llmkit._control.mapping.identity import _said
from llmkit.errors import ConfigurationError


@dataclass(slots=True)
class Slotted:
    value: Any


@dataclass
class Plain:
    value: Any


Pair = namedtuple("Pair", "a b")  # noqa: PYI024 - a program's may have no types


def one(text: str, *, loud: bool = False) -> str:
    """The text."""
    return text


VALUES: list[Any] = [
    Slotted(1), Slotted(2), Plain(1), Pair(1, 2), b"1", b"2", Decimal(1), Decimal("1.0"), date(2026, 1, 1), time(1),
    UUID(int=1), PurePosixPath("a"), {1, 2}, {1, 3}, {"1": 1}, {1: 1}, [1], ["1"], float("nan"), None, True, 1, "1",
    one, functools.partial(one, loud=True), functools.partial(one, loud=False),
]  # fmt: skip


def test_each_value_is_another() -> None:
    """No two of them are alike, though some are spelled so."""
    told = [repr(_said(value)) for value in VALUES]
    assert sorted(told) == sorted(set(told))
    assert told == [repr(_said(value)) for value in VALUES]


def test_what_is_no_value_is_refused() -> None:
    """By a word of ours that says what to give."""
    with pytest.raises(ConfigurationError, match="object is none: give what is in it"):
        _said(object())
