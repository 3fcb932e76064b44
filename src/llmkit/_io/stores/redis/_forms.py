"""Each operation in Redis' form: what its script is given, and what its answer means. Generators of commands.

The scripts (``lua/``) keep the rules of ``_control.accounts``; amounts are rounded to units on the way (``_units``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import uuid4

from ...._cost import MATH
from ...._operations import (
    Attribution,
    Balance,
    Balances,
    Claim,
    Gone,
    Line,
    Post,
    Posted,
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
    Window,
    WriteRule,
    Written,
)
from ...._settlements import Settlement
from ._talking import Commands
from ._units import MOST, amount, dollars, limit, units, whole

__all__ = ["CHANGING", "Ask", "lines_of", "recorded", "rules_of"]

Ask = Callable[[str, dict[str, Any]], Commands[Any]]
"""Runs a script by its name on an operation; returns its answer."""

_UNLIMITED: Final = Decimal("Infinity")


def _whose(whose: Attribution) -> list[Any]:
    return [list(whose.scopes), whose.provider, whose.model, whose.call]


def _window(window: Window) -> list[Any]:
    return [
        whole(window.width, "a window"),
        [whole(start, "the beginning of a period") for start in window.starts],
    ]


def _claim(claim: Claim) -> list[Any]:
    account = claim.account
    return [
        account,
        *_window(claim.window),
        units(account, claim.amount),
        False if claim.limit is None else limit(account, claim.limit),
        limit(account, claim.extra),
        whole(claim.extra_until, "extra_until"),
        False if claim.rollover is None else limit(account, claim.rollover),
        claim.keep,
    ]


def reserve(op: Reserve, ask: Ask) -> Commands[Any]:
    """Hold every claim's amount, or none."""
    given = {
        "hold": op.hold,
        "lease": whole(op.lease, "a lease"),
        "usd": dollars(op.usd),
        "whose": _whose(op.whose),
        "seen": op.seen,
        "claims": [_claim(claim) for claim in op.claims],
    }
    return _reserved((yield from ask("reserve", given)))


def _reserved(answer: Sequence[Any]) -> Any:
    return _ANSWERS[answer[0]](int(answer[1]), *answer[2:])


def _held(now: int, expires: str, lines: Any, again: bool) -> Reserved:  # noqa: FBT001 - as it is answered
    return Reserved(now, int(expires), lines_of(lines), again)


def lines_of(lines: Iterable[Any]) -> tuple[Line, ...]:
    """The lines of a hold as scripts write them."""
    return tuple(
        Line(account, int(bucket), int(width), amount(account, digits), keep)
        for account, bucket, width, digits, keep in lines
    )


def _refusals(lines: Iterable[Any]) -> tuple[Refusal, ...]:
    return tuple(
        Refusal(
            account,
            amount(account, most) if most else _UNLIMITED,
            amount(account, used),
            amount(account, spent),
            amount(account, asked),
            tuple((int(bucket), amount(account, digits)) for bucket, digits in buckets),
        )
        for account, most, used, spent, asked, buckets in lines
    )


def rules_of(rules: Iterable[Any]) -> tuple[Rule, ...]:
    """Rules as scripts write them."""
    return tuple(
        Rule(scope, version, None if body is False else body) for scope, version, body in rules
    )


_ANSWERS: Final[dict[str, Callable[..., Any]]] = {
    "reserved": _held,
    "refused": lambda now, refusals: Refused(now, _refusals(refusals)),
    "balance": lambda now, lines: Balance(now, _refusals(lines)),
    "stale": lambda now, rules: Stale(now, rules_of(rules)),
    "untimely": Untimely,
    "gone": Gone,
}


def settle_hold(op: SettleHold, ask: Ask) -> Commands[Settled]:
    """End a hold. Its lines say which account each amount is of, so that it takes a script to know the unit."""
    given = {
        "hold": op.hold,
        "kind": op.kind,
        "amounts": False if op.amounts is None else [_either(value) for value in op.amounts],
        "usd": False if op.usd is None else dollars(op.usd),
        "prompt": whole(op.prompt_tokens, "prompt_tokens"),
        "completion": whole(op.completion_tokens, "completion_tokens"),
        "flag": op.flag,
        "settlement": False if op.settlement is None else recorded(op.settlement),
    }
    status, now, lines, stored = yield from ask("settle_hold", given)
    return Settled(status, int(now), _standings(lines), stored)


def recorded(settlement: Settlement) -> dict[str, str]:
    """A settlement as scripts take it; ``once``: by which a repetition is told from another one's."""
    body = _body(settlement, dict(settlement.metadata))
    return {"call": settlement.call_id, "body": body, "once": uuid4().hex}


def _body(settlement: Settlement, metadata: dict[str, Any]) -> str:
    cost = None if settlement.cost is None else str(settlement.cost)
    kept = settlement._replace(cost=None, metadata={})._asdict()
    kept |= {"cost": cost, "metadata": metadata}
    try:
        return json.dumps(kept, ensure_ascii=False, default=str)
    except (TypeError, ValueError):
        # Keys that are no text, or what holds itself. Metadata is the caller's, and may not cost a settlement.
        return _body(settlement, {str(name): str(value) for name, value in metadata.items()})


def _either(value: Decimal) -> list[Any]:
    """An amount as an account of money counts it, and as any other does; which one it is, the hold knows."""
    money = False if value.copy_abs() > _MOST_MONEY else units("usd:", value)
    return [money, units("", value)]


_MOST_MONEY: Final = MATH.scaleb(Decimal(MOST), -9)


def _standings(lines: Iterable[Any]) -> tuple[Standing, ...]:
    return tuple(
        Standing(account, amount(account, spent), amount(account, held), amount(account, delta))
        for account, spent, held, delta in lines
    )


def post(op: Post, ask: Ask) -> Commands[Posted | Untimely]:
    """Record what was spent elsewhere."""
    given = {
        "entry": op.entry,
        "charges": [
            [c.account, *_window(c.window), units(c.account, c.amount)] for c in op.charges
        ],
        "usd": dollars(op.usd),
        "whose": _whose(op.whose),
        "prompt": whole(op.prompt_tokens, "prompt_tokens"),
        "completion": whole(op.completion_tokens, "completion_tokens"),
        "calls": whole(op.calls, "calls"),
        "at": False if op.at is None else whole(op.at, "at"),
        "flag": op.flag,
    }
    return _posted((yield from ask("post", given)))


def reset(op: Reset, ask: Ask) -> Commands[Posted | Untimely]:
    """Take back what was spent in the windows that count now."""
    accounts = [[account, *_window(window)] for account, window in op.accounts]
    return _posted((yield from ask("reset", {"entry": op.entry, "accounts": accounts})))


def _posted(answer: Sequence[Any]) -> Posted | Untimely:
    status, now = answer[0], int(answer[1])
    if status == "untimely":
        return Untimely(now)
    return Posted(status, now, _standings(answer[2]))


def balances(op: Balances, ask: Ask) -> Commands[Balance | Stale | Untimely]:
    """Look at accounts as ``reserve`` would."""
    given = {"seen": op.seen, "claims": [_claim(claim) for claim in op.claims]}
    found: Balance | Stale | Untimely = _reserved((yield from ask("balances", given)))
    return found


def sweep(op: Sweep, ask: Ask) -> Commands[int]:
    """Make spend of what is held beyond its lease."""
    return int((yield from ask("sweep", {"limit": op.limit})))


def write_rule(op: WriteRule, ask: Ask) -> Commands[Written]:
    """Write a rule, or take it back."""
    given = {
        "scope": op.scope,
        "body": False if op.body is None else op.body,
        "expected": False if op.expected is None else op.expected,
        "once": uuid4().hex,
    }
    done, rule = yield from ask("write_rule", given)
    return Written(done, rules_of([rule])[0])


CHANGING: Final[dict[type, Callable[[Any, Ask], Commands[Any]]]] = {
    Reserve: reserve,
    SettleHold: settle_hold,
    Post: post,
    Reset: reset,
    Balances: balances,
    Sweep: sweep,
    WriteRule: write_rule,
}
"""What is done in one command each."""
