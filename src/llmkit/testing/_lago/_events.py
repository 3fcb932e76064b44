"""Events coming in and being read back: one, many (all or nothing), by id, by page. Written from Lago's documentation.

`POST /events` looks at ids, the time, the expression and duplicates, and at nothing else: an unknown subscription,
an unknown metric and a property that is no number are all accepted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

from ._answers import Answer, failed, invalid, missing, moment, ok, second
from ._asked import Asked
from ._books import Books, Event, an_id

__all__ = ["create", "create_many", "listed", "page", "shown"]

_TIME: Final = re.compile(r"[0-9]+(\.[0-9]+)?")
_DUPLICATE: Final = {"transaction_id": ["value_already_exist"]}


class _Read(NamedTuple):
    event: Event | None
    wrong: Any = None


def create(books: Books, asked: Asked) -> Answer:
    """`POST /events`."""
    given = asked.member("event")
    if not isinstance(given, Mapping) or not given:
        return missing("event")
    event, wrong = _read(books, given, asked.now)
    if event is None:
        return invalid(wrong)
    return ok({"event": shown(books, event)}) if books.keep(event) else invalid(_DUPLICATE)


def create_many(books: Books, asked: Asked) -> Answer:
    """`POST /events/batch`: what is wrong in itself is said first; only without any of that, duplicates."""
    given = asked.member("events")
    if not isinstance(given, list):
        return missing("events")
    if not given or len(given) > asked.batch_limit:
        return invalid({"events": ["too_many_events" if given else "no_events"]})
    read = [_read(books, one if isinstance(one, Mapping) else {}, asked.now) for one in given]
    if not asked.rolls_back:
        return _kept_partly(books, read)
    wrong = {str(at): one.wrong for at, one in enumerate(read) if one.event is None}
    events = [one.event for one in read if one.event is not None]
    wrong = wrong or _duplicates(books, events)
    if wrong:
        return _refused(wrong)
    for event in events:
        books.keep(event)
    return ok({"events": [shown(books, event) for event in events]})


def page(books: Books, asked: Asked) -> Answer:
    """`GET /events`: the latest first."""
    found = [event for event in books.events.values() if _wanted(event, asked.query)]
    found.sort(key=lambda event: (event.created, event.at), reverse=True)
    return listed("events", [shown(books, event) for event in found], asked)


def listed(name: str, found: list[Any], asked: Asked) -> Answer:
    """A page of something, and where it is among the others."""
    size, at = _count(asked.query.get("per_page"), 100), _count(asked.query.get("page"), 1)
    pages = -(-len(found) // size)
    meta = {
        "current_page": at,
        "next_page": at + 1 if at < pages else None,
        "prev_page": at - 1 if at > 1 else None,
        "total_pages": pages,
        "total_count": len(found),
    }
    return ok({name: found[(at - 1) * size : at * size], "meta": meta})


def shown(books: Books, event: Event) -> dict[str, Any]:
    """An event as Lago answers it. The nulls are Lago's: it looks for a subscription later."""
    return {
        "lago_id": _lago_id(books, event),
        "transaction_id": event.transaction_id,
        "lago_customer_id": None,
        "code": event.code,
        "timestamp": moment(event.at),
        "precise_total_amount_cents": None if event.precise is None else format(event.precise, "f"),
        "properties": event.properties,
        "lago_subscription_id": None,
        "external_subscription_id": event.subscription,
        "created_at": second(event.created),
    }


def _lago_id(books: Books, event: Event) -> str:
    """A UUID; with ClickHouse a text that is composed (OpenAPI 1.51.0, `EventObject`), of the parts of its key."""
    key = (event.code, event.subscription, event.at, event.transaction_id)
    return an_id("event", *key) if books.store == "postgres" else "|".join(map(str, ("org", *key)))


def found(books: Books, transaction_id: str) -> Answer:
    """`GET /events/{transaction_id}`: the first, if several subscriptions have one of that id."""
    events = books.of_id(transaction_id)
    return ok({"event": shown(books, events[0])}) if events else failed(404, "event_not_found")


def _read(books: Books, given: Mapping[str, Any], now: float) -> _Read:
    for name in ("transaction_id", "code"):
        if not given.get(name):
            return _Read(None, {name: ["value_is_mandatory"]})
    at = _time(given.get("timestamp"), now)
    if at is None:
        return _Read(None, {"timestamp": ["invalid_format"]})
    properties = given.get("properties")
    properties = properties if isinstance(properties, Mapping) else {}
    unmet = _unmet(books, str(given["code"]), properties)
    if unmet is not None:
        return _Read(None, unmet)
    return _Read(
        Event(
            str(given["transaction_id"]),
            _text(given.get("external_subscription_id")),
            str(given["code"]),
            at,
            properties,
            _precise(given.get("precise_total_amount_cents")),
            now,
        )
    )


def _time(given: Any, now: float) -> int | None:
    """Milliseconds; an integer or a decimal text of seconds, or the time at which it came."""
    if given is None or given == "":
        return int(now * 1000)
    if isinstance(given, bool) or not isinstance(given, int | str):
        return None
    return int(Decimal(given) * 1000) if _TIME.fullmatch(str(given)) else None


def _text(given: Any) -> str | None:
    return None if given is None else str(given)


def _precise(given: Any) -> Decimal | None:
    """A `numeric(40,15)`; what is no number is none."""
    try:
        return None if given is None else Decimal(str(given)).quantize(Decimal(1).scaleb(-15))
    except InvalidOperation:
        return None


def _unmet(books: Books, code: str, properties: Mapping[str, Any]) -> str | None:
    metric = books.metrics.get(code)
    lacking = [name for name in (metric.needs if metric else ()) if name not in properties]
    return f"Variable: {lacking[0]} not found" if lacking else None


def _duplicates(books: Books, events: list[Event]) -> dict[str, Any]:
    """Of a whole batch; two of one id in it are taken for duplicates whatever their subscriptions are."""
    if books.store != "postgres":
        return {}
    seen: set[str] = set()
    wrong: dict[str, Any] = {}
    for at, event in enumerate(events):
        if event.transaction_id in seen or books.holds(event):
            wrong[str(at)] = _DUPLICATE
        seen.add(event.transaction_id)
    return wrong


def _kept_partly(books: Books, read: list[_Read]) -> Answer:
    """A server from before December 2025: what is good stays, though all are refused."""
    wrong = {str(at): one.wrong for at, one in enumerate(read) if one.event is None}
    for at, one in enumerate(read):
        if one.event is not None and books.holds(one.event):
            wrong[str(at)] = _DUPLICATE
    good = [
        one.event for at, one in enumerate(read) if one.event is not None and str(at) not in wrong
    ]
    for event in good:
        books.keep(_unprocessed(event) if wrong else event)
    return _refused(wrong) if wrong else ok({"events": [shown(books, event) for event in good]})


def _unprocessed(event: Event) -> Event:
    return Event(
        event.transaction_id, event.subscription, event.code, event.at,
        event.properties, event.precise, event.created, processed=False,
    )  # fmt: skip


def _refused(wrong: dict[str, Any]) -> Answer:
    """An expression that fails is told as a text, and so is told for its entry."""
    said = {
        at: f"expression_evaluation_failed: {what}" if isinstance(what, str) else what
        for at, what in wrong.items()
    }
    return invalid(said)


def _wanted(event: Event, query: Mapping[str, str]) -> bool:
    since, until = _instant(query.get("timestamp_from")), _instant(query.get("timestamp_to"))
    return (
        query.get("external_subscription_id") in (None, event.subscription)
        and query.get("code") in (None, event.code)
        and (since is None or event.at >= since)
        and (until is None or event.at <= until)
    )


def _instant(given: str | None) -> int | None:
    if not given:
        return None
    at = datetime.fromisoformat(given)
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def _count(given: str | None, default: int) -> int:
    return max(1, int(given)) if given and given.isdigit() else default
