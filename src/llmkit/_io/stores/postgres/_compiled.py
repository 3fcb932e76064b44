"""What each operation is in PostgreSQL: the statement that performs it, and its answer as a value.

Most are asked by their fields, as JSON; what they do is said in ``schema/``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import uuid4

from ...._operations import (
    Admit,
    Admitted,
    Attribution,
    Audit,
    Audited,
    Balance,
    Balances,
    Cool,
    Difference,
    Entry,
    Full,
    Gone,
    Health,
    Leave,
    Line,
    Look,
    Looked,
    Post,
    Posted,
    ReadEntries,
    ReadRules,
    ReadUsage,
    Refusal,
    Refused,
    Reserve,
    Reserved,
    Reset,
    Rule,
    Settled,
    SettleHold,
    Stale,
    Standing,
    Sweep,
    Untimely,
    UsageRow,
    WriteRule,
    Written,
)
from ...._settlements import Numbered, Settle, Settlement, Settlements, SettlementsAfter
from ._texts import read, written

__all__ = ["COMPILED", "Form", "changing", "once", "reading"]


class Form(NamedTuple):
    """A statement of one parameter, how its parameter is made of the operation, and its answer read."""

    statement: str
    read: Callable[[Any], Any]
    asked: Callable[[Any], dict[str, Any]] = lambda operation: operation._asdict()
    patience: int = 1
    """How many times as long as others it may take."""


def changing(name: str) -> str:
    """A statement that calls a procedure of ours, which commits by itself."""
    return f"call @.{name}($1, null)"


def reading(name: str) -> str:
    """A statement that asks a function of ours, which changes nothing."""
    return f"select @.{name}($1)"


def _lines(lines: Any) -> tuple[Line, ...]:
    return tuple(Line(a, bucket, width, Decimal(n), keep) for a, bucket, width, n, keep in lines)


def _rules(rules: Any) -> tuple[Rule, ...]:
    return tuple(Rule(*rule) for rule in rules)


def _refusals(lines: Any) -> tuple[Refusal, ...]:
    return tuple(
        Refusal._make([account, *map(Decimal, amounts), _buckets(buckets)])
        for account, *amounts, buckets in lines
    )


def _buckets(buckets: Any) -> tuple[tuple[int, Decimal], ...]:
    return tuple((bucket, Decimal(used)) for bucket, used in buckets)


def _standings(lines: Any) -> tuple[Standing, ...]:
    return tuple(Standing(account, *map(Decimal, amounts)) for account, *amounts in lines)


_ANSWERS: Final[Mapping[str, Callable[..., Any]]] = {
    "reserved": lambda now, expires, lines, again: Reserved(now, expires, _lines(lines), again),
    "refused": lambda now, refusals: Refused(now, _refusals(refusals)),
    "stale": lambda now, rules: Stale(now, _rules(rules)),
    "untimely": Untimely,
    "gone": Gone,
    "balance": lambda now, lines: Balance(now, _refusals(lines)),
}


def _answer(answer: Any) -> Any:
    return _ANSWERS[answer[0]](*answer[1:])


def _admitted(answer: Any) -> Admitted | Full:
    if answer[0] == "full":
        return Full(answer[1], tuple(answer[2]))
    return Admitted._make(answer[1:])


def _health(row: Any) -> Health:
    *rest, used = row
    return Health._make([*rest, tuple(used)])


def _looked(answer: Any) -> Looked:
    now, rows = answer
    return Looked(now, tuple(map(_health, rows)))


def _settled(answer: Any) -> Settled:
    done, (status, now, lines) = answer
    return Settled(status, now, _standings(lines), done == "stored")


def _posted(answer: Any) -> Posted | Untimely:
    if answer[0] == "untimely":
        return Untimely(answer[1])
    status, now, lines = answer
    return Posted(status, now, _standings(lines))


def _usage(rows: Any) -> tuple[UsageRow, ...]:
    return tuple(UsageRow._make([*row, Decimal(usd)]) for *row, usd in rows)


def _entries(rows: Any) -> tuple[Entry, ...]:
    return tuple(
        Entry._make([*head, Decimal(usd), _entered(lines), _whose(whose)])
        for *head, usd, lines, whose in rows
    )


def _entered(lines: Any) -> tuple[tuple[str, int, Decimal], ...]:
    return tuple((account, bucket, Decimal(amount)) for account, bucket, amount in lines)


def _whose(whose: Any) -> Attribution:
    return Attribution(tuple(whose[0]), *whose[1:])


def _audited(answer: Any) -> Audited:
    *head, differences = answer
    found = (
        Difference(what, key, Decimal(expected), Decimal(is_))
        for what, key, expected, is_ in differences
    )
    return Audited._make([*head, tuple(found)])


def _ending(operation: SettleHold) -> dict[str, Any]:
    settlement = operation.settlement
    kept = None if settlement is None else _recorded(settlement)
    return operation._replace(settlement=None)._asdict() | {"settlement": kept}


def _recorded(settlement: Settlement) -> dict[str, Any]:
    kept = settlement._asdict() | {"metadata": dict(settlement.metadata)}
    try:
        body = written(kept)
    except (TypeError, ValueError, RecursionError):
        # Metadata is the caller's, and may be anything. The settlement is kept in any case.
        kept["metadata"] = {str(name): str(value) for name, value in settlement.metadata.items()}
        body = written(kept)
    return once({"call": settlement.call_id, "body": body.decode()})


def once(asked: dict[str, Any]) -> dict[str, Any]:
    """By this a repetition is told from somebody else's operation, where its own id does not tell."""
    return asked | {"once": uuid4().hex}


def _settlements(bodies: Any) -> tuple[Settlement, ...]:
    return tuple(map(_settlement_of, bodies))


def _settlement_of(body: str) -> Settlement:
    words = read(body.encode())
    cost = words["cost"]
    words["cost"] = None if cost is None else Decimal(cost)
    # A newer llmkit may have written more.
    return Settlement(**{name: words[name] for name in Settlement._fields if name in words})


def _numbered(answer: Any) -> Numbered:
    ledger, latest, rows = answer
    return Numbered(ledger, latest, tuple((n, _settlement_of(body)) for n, body in rows))


COMPILED: Final[Mapping[type, Form]] = {
    Reserve: Form(changing("reserve"), _answer),
    SettleHold: Form(changing("end_hold"), _settled, _ending),
    Post: Form(changing("post"), _posted),
    Reset: Form(changing("reset"), _posted),
    Sweep: Form(changing("sweep"), int),
    WriteRule: Form(
        changing("write_rule"),
        lambda answer: Written(answer[0], Rule(*answer[1])),
        lambda operation: once(operation._asdict()),
    ),
    Admit: Form(changing("admit"), _admitted),
    Leave: Form(changing("leave"), bool),
    Cool: Form(changing("cool"), _health),
    Look: Form(changing("look"), _looked),
    ReadEntries: Form(changing("read_entries"), _entries),
    Settle: Form(changing("settle"), bool, lambda operation: _recorded(operation.settlement)),
    Settlements: Form(reading("settlements"), _settlements),
    SettlementsAfter: Form(changing("settlements_after"), _numbered),
    Balances: Form(reading("balances"), _answer),
    ReadUsage: Form(reading("read_usage"), _usage),
    ReadRules: Form(reading("read_rules"), _rules),
    Audit: Form(reading("audit"), _audited, patience=60),  # it reads the whole ledger
}
