"""What the tests of Redis ask of a store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from decimal import Decimal
from itertools import count
from typing import Any

from llmkit._operations import Attribution, Balances, Claim, Reserve, SettleHold, Window
from llmkit.stores import RedisStore

__all__ = ["ACCOUNT", "at_once", "held", "hold", "name", "settled"]

ACCOUNT = "usd:ever:global"
_NAMES = count()


def name() -> str:
    """A ledger of its own."""
    return f"ledger-{next(_NAMES)}"


def hold(id_: str, amount: str = "1", limit: str | None = "10", account: str = ACCOUNT) -> Reserve:
    """Reserve so much of an account."""
    claim = Claim(account, Window(), Decimal(amount), None if limit is None else Decimal(limit))
    return Reserve(id_, (claim,), 60_000, Decimal(amount), Attribution(("global",), "acme", "m"))


def settled(id_: str, amount: str = "1") -> SettleHold:
    """Settle it at so much."""
    return SettleHold(id_, "settle", (Decimal(amount),), Decimal(amount))


def at_once(store: RedisStore, operations: Iterable[Any]) -> None:
    """Perform many together: the disk is waited for by all of them at once."""

    async def main() -> None:
        await asyncio.gather(*map(store.aperform, operations))
        await store.aclose()

    asyncio.run(main())


def held(store: RedisStore, account: str = ACCOUNT) -> tuple[Decimal, Decimal]:
    """(spent, held) of an account."""
    line: Any = store.perform(Balances((Claim(account, Window(), Decimal(0)),))).lines[0]
    return line.spent, line.used - line.spent
