"""``llmkit billing``: how an outbox stands, what waits in it, sending, comparing with Lago.

What is done, a ``LagoBilling`` does; here is what people and programs are told of it. No key and no password is shown.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .._outbox import WAITING
from ..billing import LagoBilling, Waiting
from ..billing._opening import scheme_of
from ..errors import BillingError, MissingKeyError
from ..stores import PostgresStore, SQLiteStore
from ._output import plain
from ._tables import aligned
from ._usage import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from .._outbox import Bill, State

__all__ = ["lines"]

_OUTBOX: Final = "LLMKIT_OUTBOX"
_KEY: Final = "LAGO_API_KEY"
_OFFLINE: Final = frozenset({"status", "list", "replay", "reprice", "attribute", "bill", "discard"})
"""What asks Lago nothing, and needs no key."""
_STATES: Final = (*WAITING, "listed", "queued", "intent", "delivered", "discarded")
_DISCARDABLE: Final[tuple[State, ...]] = (*WAITING, "listed")
_PAGE: Final = 1000
_NONE: Final = "-"
_SENT_BY: Final = "a process that bills with this outbox sends them, or else: llmkit billing flush"


class _Found(NamedTuple):
    """``value`` for programs, ``lines`` for people; ``problem``: why not all is well."""

    value: Any
    lines: Sequence[str]
    problem: str = ""


def lines(arguments: argparse.Namespace) -> Iterator[str]:
    """What to print. Raises ``BillingError`` behind it where not all is well."""
    _check(arguments)
    found = _done(arguments, _store(arguments))
    if arguments.json:
        yield json.dumps(plain(found.value), indent=2, ensure_ascii=False)
    else:
        yield from found.lines
    if found.problem:
        raise BillingError(found.problem)


def _done(arguments: argparse.Namespace, store: Any) -> _Found:
    lago = _billing(arguments, store)
    try:
        return _ACTIONS[arguments.action](lago, arguments)
    finally:
        if arguments.action not in _OFFLINE:
            # Others need not wait until the lane's lease ends; nothing more is sent.
            lago.close(0)
        if store is not None:
            store.close()


# --- arguments --------------------------------------------------------------------------------

# Option -> the actions that read it.
_READ_BY: Final[Mapping[str, frozenset[str]]] = {
    "all": frozenset({"replay", "reprice", "attribute", "bill"}),
    "reason": frozenset({"discard"}),
    "usd": frozenset({"reprice", "bill"}),
    "subscription": frozenset({"attribute", "list", "reconcile", "doctor"}),
    "timeout": frozenset({"flush"}),
    "since": frozenset({"reconcile"}),
    "until": frozenset({"reconcile"}),
    "resend": frozenset({"reconcile"}),
}
_CHANGING: Final = frozenset({"replay", "reprice", "attribute", "bill", "discard"})


def _check(arguments: argparse.Namespace) -> None:
    """Nothing that was written is passed over silently."""
    action = arguments.action
    for name, readers in _READ_BY.items():
        if getattr(arguments, name) and action not in readers:
            raise UsageError(f"--{name} means nothing to `{action}`")
    if action in _CHANGING:
        _check_ids(arguments)
    elif action != "list" and arguments.ids:
        raise UsageError(f"`{action}` takes no ids: {arguments.ids[0]}")


def _check_ids(arguments: argparse.Namespace) -> None:
    if bool(arguments.ids) is bool(arguments.all):
        every = "" if arguments.action == "discard" else ", or --all"
        raise UsageError(f"say which: the ids of bills{every}")
    for action, name in (("discard", "reason"), ("attribute", "subscription")):
        if arguments.action == action and not (getattr(arguments, name) or "").strip():
            raise UsageError(f"`{action}` needs --{name}")


def _store(arguments: argparse.Namespace) -> Any:
    """The outbox. A file that is not there is not made; ``doctor`` needs none."""
    given = arguments.outbox or os.environ.get(_OUTBOX, "").strip()
    if scheme := scheme_of(given):
        if scheme not in {"postgresql", "postgres"}:
            raise UsageError(f"an outbox is a file or postgresql://…, not {scheme}://…")
        return PostgresStore(given)
    if not given:
        if arguments.action == "doctor":
            return None
        raise UsageError(f"say which outbox: --outbox PATH, or {_OUTBOX}")
    if not Path(given).is_file():
        raise UsageError(f"there is no file {given}")
    return SQLiteStore(given)


def _outbox(arguments: argparse.Namespace) -> str:
    """Where it is, without a password."""
    given: str = arguments.outbox or os.environ[_OUTBOX].strip()
    return "in PostgreSQL" if scheme_of(given) else given


def _billing(arguments: argparse.Namespace, store: Any) -> LagoBilling:
    key = None
    if arguments.action in _OFFLINE and not os.environ.get(_KEY, "").strip():
        key = _no_key
    options: dict[str, Any] = {"subscription": arguments.subscription, "outbox": store}
    return LagoBilling(arguments.api_url, key, background=False, **options)


def _no_key() -> str:
    raise MissingKeyError(f"{_KEY} is not set")


def _moment(text: str | None, name: str) -> datetime | None:
    if text is None:
        return None
    try:
        if text.replace(".", "", 1).isdecimal():
            return datetime.fromtimestamp(float(text), UTC)
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        raise UsageError(
            f"--{name} is a day or a time, such as 2026-11-01 or 2026-11-01T12:00:00+00:00, not {text!r}"
        ) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


# --- actions ----------------------------------------------------------------------------------


def _status(lago: LagoBilling, arguments: argparse.Namespace) -> _Found:
    health = lago.health()
    told = (f"outbox {_outbox(arguments)}: {health}", "", str(health.stats))
    return _Found(health.dump(), told, "" if health else "billing is not well")


def _list(lago: LagoBilling, arguments: argparse.Namespace) -> _Found:
    for state in arguments.ids:
        if state not in _STATES:
            raise UsageError(f"bills are {', '.join(_STATES)}: not {state}")
    whose = arguments.subscription
    found = [
        bill
        for bill in _bills(lago, tuple(arguments.ids) or WAITING)
        if whose is None or bill.subscription == whose
    ]
    told = aligned([_HEAD, *map(_row, found)], right=(4, 5, 6)) if found else ("there are none",)
    return _Found([_plain_bill(bill) for bill in found], tuple(told))


def _bills(lago: LagoBilling, states: tuple[State, ...]) -> Iterator[Bill]:
    waiting, after = Waiting(lago.desk, states), 0
    while page := waiting.list(limit=_PAGE, after=after):
        yield from page
        after = page[-1].number


def _flush(lago: LagoBilling, arguments: argparse.Namespace) -> _Found:
    flushed = lago.flush(arguments.timeout)
    reasons = "; ".join(lago.health().reasons)
    problem = f"not all was delivered: {flushed}" if flushed.left or flushed.dead else ""
    return _Found(flushed.dump(), (str(flushed),), f"{problem}: {reasons}" if problem else "")


def _replay(lago: LagoBilling, arguments: argparse.Namespace) -> _Found:
    done = lago.dead_letter.replay(_ids(arguments))
    return _changed(arguments, done, f"queued again: {_count(done)}; {_SENT_BY}")


def _reprice(lago: LagoBilling, arguments: argparse.Namespace) -> _Found:
    done = lago.unpriced.reprice(_ids(arguments), arguments.usd)
    return _changed(arguments, done, f"priced: {_count(done)}; {_SENT_BY}")


def _attribute(lago: LagoBilling, arguments: argparse.Namespace) -> _Found:
    done = lago.unattributed.attribute(_ids(arguments), arguments.subscription)
    told = f"{arguments.subscription}'s now: {_count(done)}; {_SENT_BY}"
    return _changed(arguments, done, told)


def _bill(lago: LagoBilling, arguments: argparse.Namespace) -> _Found:
    states: tuple[State, ...] = ("held",) if arguments.all else ("held", "listed", "unknown")
    done = Waiting(lago.desk, states).bill(_ids(arguments), arguments.usd)
    return _changed(arguments, done, f"queued: {_count(done)}; {_SENT_BY}")


def _discard(lago: LagoBilling, arguments: argparse.Namespace) -> _Found:
    done = Waiting(lago.desk, _DISCARDABLE).discard(arguments.ids, arguments.reason)
    return _changed(arguments, done, f"discarded: {_count(done)}")


def _reconcile(lago: LagoBilling, arguments: argparse.Namespace) -> _Found:
    since = _moment(arguments.since, "since")
    until = _moment(arguments.until, "until") or datetime.now(UTC)
    if since is None:
        raise UsageError("say from when on to compare: --since 2026-11-01")
    found = lago.reconcile(
        since, until, subscription=arguments.subscription, resend=arguments.resend
    )
    told, value = [str(found)], {"ok": found.ok, **_record(found), "sent": None}
    if found.requeued:
        sent = lago.flush()
        told.append(f"sent again: {sent}")
        value["sent"] = sent.dump()
        if not sent.left and found._replace(missing=()).ok:
            return _Found(value, told)
    return _Found(value, told, "" if found.ok else "Lago has something else than was delivered")


def _doctor(lago: LagoBilling, _: argparse.Namespace) -> _Found:
    found = lago.doctor()
    value = {"ok": found.ok, **_record(found)}
    return _Found(value, (str(found),), "" if found.ok else "billing cannot work like this")


# --- what is told -----------------------------------------------------------------------------

_HEAD: Final = ("ID", "STATE", "SUBSCRIPTION", "AT", "UNITS", "USD", "TRIES", "REASON")


def _record(found: Any) -> Any:
    """Named tuples as dicts, also those within."""
    if hasattr(found, "_asdict"):
        return {name: _record(value) for name, value in found._asdict().items()}
    return [_record(one) for one in found] if isinstance(found, tuple) else found


def _ids(arguments: argparse.Namespace) -> list[str] | None:
    return None if arguments.all else list(arguments.ids)


def _changed(arguments: argparse.Namespace, done: Sequence[str], told: str) -> _Found:
    """What was changed; and a problem where something that was named was not."""
    # What was unknown is named as its call, and becomes bills that are named behind it.
    calls = {one.rpartition(":")[0] for one in done}
    left = [one for one in arguments.ids if one not in done and one not in calls]
    problem = ""
    if left:
        problem = f"not there, or in another state, and not changed: {', '.join(left)}"
    return _Found({"changed": list(done), "unchanged": left}, (told,), problem)


def _count(done: Sequence[str]) -> str:
    return "1 bill" if len(done) == 1 else f"{len(done):,} bills"


def _row(bill: Bill) -> tuple[str, ...]:
    usd = _NONE if bill.usd is None else f"{bill.usd:f}"
    return (
        bill.id,
        bill.state,
        bill.subscription or _NONE,
        f"{datetime.fromtimestamp(bill.at // 1000, UTC):%Y-%m-%d %H:%M:%S}",
        f"{bill.units:f}",
        usd,
        str(bill.tries),
        bill.reason or _NONE,
    )


def _plain_bill(bill: Bill) -> dict[str, Any]:
    names = ("id", "call", "state", "subscription", "code", "units", "usd", "reason", "tries")
    times = {name: _time(getattr(bill, name)) for name in ("at", "changed")}
    return {**{name: getattr(bill, name) for name in names}, **times, "facts": _facts(bill)}


def _facts(bill: Bill) -> Any:
    try:
        return json.loads(bill.facts)
    except ValueError:
        return bill.facts


def _time(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")


_ACTIONS: Final[Mapping[str, Callable[[LagoBilling, argparse.Namespace], _Found]]] = {
    "attribute": _attribute,
    "bill": _bill,
    "discard": _discard,
    "doctor": _doctor,
    "flush": _flush,
    "list": _list,
    "reconcile": _reconcile,
    "replay": _replay,
    "reprice": _reprice,
    "status": _status,
}
