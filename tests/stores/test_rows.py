"""Rows in SQL are what rows in memory are, in the middle of an operation too."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from decimal import Decimal
from typing import Any

import pytest

from llmkit._io.stores._sqlite_rows import SQLRows
from llmkit._io.stores._sqlite_schema import bring_up_to_date
from llmkit.stores.memory import MemoryRows

AMOUNTS = [Decimal(text) for text in ("0", "0.10", "-0.10", "3", "1E-20")]


def step(dice: random.Random) -> tuple[str, tuple[Any, ...]]:
    """One look or change, of two accounts and nine buckets."""
    account, bucket = dice.choice("ab"), dice.randrange(9)
    name = dice.choice(["used", "counters", "counter", "newest", "count", "count", "forget"])
    if name == "newest":
        return name, (account,)
    amounts = (dice.choice(AMOUNTS), dice.choice(AMOUNTS)) if name == "count" else ()
    return name, (account, bucket, *amounts)


@pytest.mark.parametrize("seed", range(40))
def test_any_sequence_of_looks_and_changes_has_the_same_answers(seed: int) -> None:
    """What was read is not read again, and never differs from what it would be."""
    dice = random.Random(seed)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        bring_up_to_date(connection, "here")
        memory, in_sql = MemoryRows(keep=9), SQLRows(connection)
        memory.count("a", 0, Decimal(1), Decimal(0))
        memory.count("b", 0, Decimal(1), Decimal(0))
        in_sql.count("a", 0, Decimal(1), Decimal(0))
        in_sql.count("b", 0, Decimal(1), Decimal(0))
        for _ in range(60):
            name, arguments = step(dice)
            answers = [getattr(rows, name)(*arguments) for rows in (memory, in_sql)]
            assert answers[0] == answers[1] or not any(answers), (name, arguments)
            if dice.random() < 0.1:
                in_sql.flush()
                in_sql = SQLRows(connection)
