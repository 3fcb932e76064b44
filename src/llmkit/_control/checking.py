"""What an operation must be before a store performs it. Pure; every store asks this first.

What no store could keep rightly is refused here, once for all dialects: an account claimed twice would be weighed
twice against the same room. What has more digits than sums can keep exactly is rounded up.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from decimal import ROUND_CEILING, Context, Decimal, InvalidOperation, Overflow
from itertools import pairwise
from typing import Any, Final

from .._operations import (
    FOR_EVER,
    Admit,
    Attribution,
    Balances,
    Candidate,
    Claim,
    Cool,
    Leave,
    Look,
    Post,
    Reserve,
    Reset,
    SettleHold,
    Window,
)
from .._secret import is_plain, redact
from .._settlements import Settle, Settlement
from ..errors import StoreError
from .checking_bills import BILL_CHECKS

__all__ = ["EXPIRED", "checked"]

EXPIRED: Final = "/expired"
"""What the entry of a hold's expiry is called after the hold's id: no other entry may be called so."""

# Below 10^24 and in whole 10^-29: whatever is added up of it has less than the 60 digits that sums keep.
_GRAIN: Final = Context(
    prec=30, rounding=ROUND_CEILING, Emin=0, Emax=23, traps=[InvalidOperation, Overflow]
)
_plus: Final = _GRAIN.plus
_ZERO: Final = Decimal(0)
_ABOVE_ALL: Final = Decimal(10**24)
_LONGEST_LEASE: Final = 2**42
# So that no store's sums of sixty-one buckets leave the whole numbers that a double has.
_MOST: Final = 10**12
_LONGEST_REASON: Final = 200


def checked(operation: Any) -> Any:
    """The operation, with amounts that can be kept exactly.

    Raises:
        StoreError: it can be performed by no store; nothing was done.
    """
    check = _CHECKS.get(type(operation))
    return operation if check is None else check(operation)


def _finite(amount: Decimal) -> Decimal:
    try:
        exact = _plus(amount)
        if -_ABOVE_ALL < exact < _ABOVE_ALL:
            return exact
    except (ArithmeticError, TypeError):
        pass
    raise StoreError(f"an amount is a Decimal below 1e24, not {amount!r}")


def _amount(amount: Decimal) -> Decimal:
    try:
        exact = _plus(amount)
        if _ZERO <= exact < _ABOVE_ALL:
            return exact
    except (ArithmeticError, TypeError):
        pass
    raise StoreError(f"what is held or settled is a Decimal from 0 to 1e24, not {amount!r}")


def _named(entry: str) -> None:
    if not entry or entry.endswith(EXPIRED) or "\0" in entry:
        raise StoreError(f"this cannot be the id of a hold or of an entry: {entry!r}")


def _window(window: Window) -> None:
    starts = window.starts
    if window.width > 0 or (window.width == 0 and starts == (0, FOR_EVER)):
        return
    if window.width < 0 or len(starts) < 2 or any(a >= b for a, b in pairwise(starts)):  # noqa: PLR2004
        raise StoreError(f"a window's periods begin one after the other, not at {starts}")


def _once(accounts: list[str]) -> None:
    if len(set(accounts)) != len(accounts):
        raise StoreError("an account was named twice in one operation")


def _claim(claim: Claim) -> Claim:
    _, window, amount, limit, extra, _, rollover, _ = claim
    if window.width <= 0:
        _window(window)
    if limit is not None:
        _finite(limit)
    if extra:
        _finite(extra)
    if rollover is not None:
        _amount(rollover)
    exact = _amount(amount)
    return claim if exact == amount else claim._replace(amount=exact)


def _claims(claims: tuple[Claim, ...]) -> tuple[Claim, ...]:
    return tuple([_claim(claim) for claim in claims])


def _whose(whose: Attribution) -> Attribution:
    if len(set(whose.scopes)) == len(whose.scopes):
        return whose
    return whose._replace(scopes=tuple(dict.fromkeys(whose.scopes)))


def _reserve(op: Reserve) -> Reserve:
    _named(op.hold)
    if not 0 < op.lease < _LONGEST_LEASE:
        raise StoreError(f"a lease is a number of milliseconds above 0, not {op.lease}")
    if len(op.claims) > 1:
        _once([claim.account for claim in op.claims])
    return Reserve(
        op.hold, _claims(op.claims), op.lease, _amount(op.usd), _whose(op.whose), op.seen
    )


def _count(number: int) -> int:
    """What a provider counted is not always true; it must not lose the settlement."""
    return number if 0 <= number < FOR_EVER else min(max(number, 0), FOR_EVER)


def _settle_hold(op: SettleHold) -> SettleHold:
    return SettleHold(
        op.hold,
        op.kind,
        None if op.amounts is None else tuple([_amount(a) for a in op.amounts]),
        None if op.usd is None else _amount(op.usd),
        _count(op.prompt_tokens),
        _count(op.completion_tokens),
        op.flag,
        None if op.settlement is None else _shown_settlement(op.settlement),
    )


def _post(op: Post) -> Post:
    _named(op.entry)
    for charge in op.charges:
        _window(charge.window)
    return op._replace(
        charges=tuple([c._replace(amount=_finite(c.amount)) for c in op.charges]),
        usd=_finite(op.usd),
        whose=_whose(op.whose),
        prompt_tokens=_count(op.prompt_tokens),
        completion_tokens=_count(op.completion_tokens),
    )


def _reset(op: Reset) -> Reset:
    _named(op.entry)
    for _, window in op.accounts:
        _window(window)
    _once([account for account, _ in op.accounts])
    return op


def _settle(op: Settle) -> Settle:
    shown = _shown_settlement(op.settlement)
    return op if shown is op.settlement else Settle(shown)


def _shown_settlement(settlement: Settlement) -> Settlement:
    """Metadata is the caller's, and may hold keys: what a store keeps, others read for years."""
    metadata = settlement.metadata
    if not metadata:
        return settlement
    texts: list[str] = []
    try:
        shown = _copied(metadata, texts)
        if not is_plain(texts):
            shown = _shown(metadata)
    except RecursionError:
        # What holds itself.
        shown = {str(name): redact(str(value)) for name, value in metadata.items()}
    return settlement._replace(metadata=shown)


def _copied(value: Any, texts: list[str]) -> Any:
    """A copy: its caller may go on with what is in it. All texts in it, names included, are listed."""
    kind = type(value)
    if kind is str:
        texts.append(value)
        return value
    if kind in _SCALARS:
        return value
    if kind is dict or isinstance(value, Mapping):
        texts += [name for name in value if isinstance(name, str)]
        return {
            name: item if type(item) in _SCALARS else _copied(item, texts)
            for name, item in value.items()
        }
    if kind is list or isinstance(value, list | tuple):
        return [_copied(item, texts) for item in value]
    if isinstance(value, str):
        texts.append(value)
        return str(value)
    return value


_SCALARS: Final = frozenset((type(None), bool, int, float))


def _shown(value: Any) -> Any:
    """A copy in which nothing stands that looks like a key."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {
            redact(name) if isinstance(name, str) else name: _shown(item)
            for name, item in value.items()
        }
    return [_shown(item) for item in value] if isinstance(value, list | tuple) else value


def _balances(op: Balances) -> Balances:
    return op._replace(claims=_claims(op.claims))


def _whole(number: int) -> None:
    if type(number) is not int or not 0 <= number <= _MOST:
        raise StoreError(f"what is counted is a whole number from 0 to 1e12, not {number!r}")


def _quotas(quotas: Collection[tuple[str, int]]) -> None:
    for name, width in quotas:
        if type(width) is not int or not 0 < width < _LONGEST_LEASE:
            raise StoreError(f"a bucket is a number of milliseconds wide, above 0, not {width!r}")
        if "\0" in name:
            raise StoreError(f"this cannot be the name of a quota: {name!r}")
    if len(quotas) > 1 and len(set(quotas)) != len(quotas):
        raise StoreError("a quota was named twice in one operation")


def _called(name: str) -> None:
    if not name or "\0" in name:
        raise StoreError(f"this cannot be the name of a ticket or of a deployment: {name!r}")


def _candidate(candidate: Candidate) -> None:
    deployment, quotas, parallel = candidate
    _called(deployment)
    if parallel is not None:
        _whole(parallel)
    for _, _, limit, amount in quotas:
        _whole(limit)
        _whole(amount)
    _quotas([quota[:2] for quota in quotas])


def _admit(op: Admit) -> Admit:
    _called(op.ticket)
    if not 0 < op.lease < _LONGEST_LEASE:
        raise StoreError(f"a lease is a number of milliseconds above 0, not {op.lease}")
    for candidate in op.candidates:
        _candidate(candidate)
    return op


def _leave(op: Leave) -> Leave:
    _called(op.ticket)
    if not op.used:
        return op
    if len(dict(op.used)) != len(op.used):
        raise StoreError("a quota was named twice in one operation")
    return op._replace(used=tuple([(name, min(max(n, 0), _MOST)) for name, n in op.used]))


def _cool(op: Cool) -> Cool:
    """Its reason is read by others, and may have come with an error."""
    _called(op.deployment)
    if not 0 <= op.lease < _LONGEST_LEASE:
        raise StoreError(f"a cooldown is a number of milliseconds, not {op.lease}")
    _whole(op.strikes)
    reason = redact(op.reason).replace("\0", " ").encode("utf-8", "backslashreplace").decode()
    return op._replace(reason=reason[:_LONGEST_REASON])


def _look(op: Look) -> Look:
    for deployment in op.deployments:
        _called(deployment)
    _quotas(op.quotas)
    return op


_CHECKS: Final[dict[type, Callable[[Any], Any]]] = {
    Reserve: _reserve,
    SettleHold: _settle_hold,
    Post: _post,
    Reset: _reset,
    Balances: _balances,
    Settle: _settle,
    Admit: _admit,
    Leave: _leave,
    Cool: _cool,
    Look: _look,
    **BILL_CHECKS,
}
