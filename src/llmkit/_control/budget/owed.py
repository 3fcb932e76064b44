"""What a store is owed: the end of a hold, or spend that had none, as it is kept until the store can be told.

Pure. Whatever is owed has the hold's id, so that however often it is done, the store counts it once: first the hold is
settled; where the store has no such hold (it was never taken, or was lost), the spend is posted as the hold's entry.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final, NamedTuple

from ... import _json
from ..._cost import MATH
from ..._operations import Attribution, Charge, Claim, Post, Reserve, SettleHold, Window

__all__ = [
    "GO",
    "Done",
    "Due",
    "Go",
    "Keep",
    "Kept",
    "Owed",
    "Owes",
    "Owing",
    "correction",
    "dumped",
    "loaded",
    "owed",
    "unsettled",
]

GO: Final = "unheld"
"""The flag of spend that had no hold, where nothing else is to be said of it."""
_ZERO: Final = Decimal(0)


class Owed(NamedTuple):
    """Settle the hold; where there is none, post. Either may be ``None``, not both."""

    settle: SettleHold | None
    post: Post | None

    @property
    def id(self) -> str:
        """What it is known by: the hold's id, or the entry's."""
        if self.settle is not None:
            return self.settle.hold
        return self.post.entry if self.post is not None else ""

    @property
    def usd(self) -> Decimal:
        """What it comes to, where it is posted."""
        return _ZERO if self.post is None else self.post.usd


# --- what a ledger of what is owed does (it performs these as a store performs its own) --------


class Go(NamedTuple):
    """Let a call go without a hold, owing ``owed`` if nothing more is heard of it within ``lease`` milliseconds.

    The answer is whether it may: all that is unheld may not come to more than ``limit``.
    """

    owed: Owed
    lease: int
    limit: Decimal | None = None


class Keep(NamedTuple):
    """Keep what is owed, in place of what was kept under its id when a call was let go. The answer is ``True``."""

    owed: Owed
    unheld: bool = False


class Kept(NamedTuple):
    """One thing owed, by its number in the ledger."""

    number: int
    owed: Owed


class Due(NamedTuple):
    """Take what is to be done now, the oldest first: a tuple of ``Kept``. Nobody else is given it for a while."""

    limit: int = 50


class Done(NamedTuple):
    """These are done; ``back`` are not, and anybody may take them. The answer is ``True``."""

    numbers: tuple[int, ...]
    back: tuple[int, ...] = ()


class Owing(NamedTuple):
    """Look at what is owed. The answer is ``Owes``."""


class Owes(NamedTuple):
    """How much is kept, and what of it was spent, or may have been, without a hold, in USD."""

    entries: int
    unheld: Decimal


# --- making ------------------------------------------------------------------------------------


def owed(op: SettleHold, held: Reserve, at: int, flag: str = "") -> Owed:
    """What is owed for a hold, or for a call that went without one at ``at``, in the store's milliseconds."""
    amounts = [claim.amount for claim in held.claims] if op.amounts is None else op.amounts
    pairs = zip(held.claims, amounts, strict=True)
    charges = [_charge(claim, amount) for claim, amount in pairs if claim.keep and amount]
    usd = held.usd if op.usd is None else op.usd
    if op.kind == "release" and not charges and not usd:
        return Owed(op, None)
    post = Post(
        entry=op.hold,
        charges=tuple(charges),
        usd=usd,
        whose=held.whose,
        prompt_tokens=op.prompt_tokens,
        completion_tokens=op.completion_tokens,
        calls=int(op.kind != "release"),
        at=_within(at, charges),
        flag=op.flag or flag,
    )
    return Owed(op, post)


def unsettled(held: Reserve, at: int) -> Owed:
    """What is owed for a call of which nothing more was heard: all that it might have spent."""
    return owed(SettleHold(held.hold, "unknown", flag="expired"), held, at)


def correction(before: Owed, after: Owed) -> Owed | None:
    """What is still owed where ``before`` was done, and ``after`` turned out to be right."""
    one, other = before.post, after.post
    if one is None:
        return after
    right = {charge.account: charge for charge in (other.charges if other else ())}
    for charge in one.charges:
        now = right[charge.account].amount if charge.account in right else _ZERO
        right[charge.account] = charge._replace(amount=MATH.subtract(now, charge.amount))
    return _corrected(one, other, tuple(charge for charge in right.values() if charge.amount))


def _corrected(one: Post, other: Post | None, charges: tuple[Charge, ...]) -> Owed:
    right = other or one._replace(usd=_ZERO, calls=0, prompt_tokens=0, completion_tokens=0, flag="")
    post = right._replace(
        entry=f"{one.entry}/late",
        charges=charges,
        usd=MATH.subtract(right.usd, one.usd),
        prompt_tokens=right.prompt_tokens - one.prompt_tokens,
        completion_tokens=right.completion_tokens - one.completion_tokens,
        calls=right.calls - one.calls,
        at=one.at,
    )
    return Owed(None, post)


def _charge(claim: Claim, amount: Decimal) -> Charge:
    return Charge(claim.account, claim.window, amount)


def _within(at: int, charges: Iterable[Charge]) -> int:
    """The time, moved into the periods that the windows were made for, so that the store can place it."""
    for charge in charges:
        if not charge.window.width:
            first, last = charge.window.starts[0], charge.window.starts[-1] - 1
            at = min(max(at, first), last)
    return at


# --- as text -----------------------------------------------------------------------------------


def dumped(one: Owed) -> str:
    """What is owed, as JSON."""
    settle, post = one
    return _json.dump_text(
        {
            "settle": None if settle is None else _row(settle),
            "post": None if post is None else _post(post),
        }
    )


def _row(op: SettleHold) -> tuple[Any, ...]:
    """Without the settlement: that is not the budget's to keep."""
    return tuple(op._replace(**_texts(op))[:7])


def _texts(op: SettleHold) -> dict[str, Any]:
    amounts = None if op.amounts is None else [str(amount) for amount in op.amounts]
    return {"amounts": amounts, "usd": None if op.usd is None else str(op.usd)}


def _post(post: Post) -> Post:
    charges: Any = [(c.account, c.window, str(c.amount)) for c in post.charges]
    usd: Any = str(post.usd)
    return post._replace(charges=charges, usd=usd)


def loaded(text: str) -> Owed:
    """What ``dumped`` wrote."""
    found = _json.load(text)
    settle, post = found["settle"], found["post"]
    return Owed(
        None if settle is None else _settle(settle), None if post is None else _posted(post)
    )


def _settle(row: list[Any]) -> SettleHold:
    op = SettleHold(*row)
    amounts: Any = op.amounts
    return op._replace(
        amounts=None if amounts is None else tuple(Decimal(amount) for amount in amounts),
        usd=None if op.usd is None else Decimal(op.usd),
    )


def _posted(row: list[Any]) -> Post:
    post = Post(*row)
    charges: Any = post.charges
    scopes, *rest = post.whose
    return post._replace(
        charges=tuple(
            Charge(account, Window(width, tuple(starts)), Decimal(amount))
            for account, (width, starts), amount in charges
        ),
        usd=Decimal(post.usd),
        whose=Attribution(tuple(scopes), *rest),
    )
