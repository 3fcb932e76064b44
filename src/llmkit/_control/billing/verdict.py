"""What an answer to a batch says of each bill in it. Pure functions.

Lago takes a batch or refuses all of it; a refusal names events by their index, as a text, and what is wrong with
each. What is wrong with their form is said first and alone, which are there already only once that is gone
(``Events::CreateBatchService`` of https://github.com/getlago/lago-api, read 2026-11-22).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from ..._http import HTTPResponse
from ..._json import NotJSON, load
from ...errors import LagoError
from .answers import refusal, shown

__all__ = ["Trouble", "Verdict", "judge", "waited"]

Trouble = Literal["", "held", "split", "too_many"]
"""Why a bill that is in none of a verdict's lists is to be sent again.

``held``: nothing is said of any; later. ``split``: one of them may be at fault, and it is not said which.
``too_many``: there are too many of them.
"""

_TAKEN: Final = frozenset({200, 201, 202})
_ISOLATING: Final = frozenset({400, 409, 413, 422})
_TOO_LARGE: Final = 413
_SLOW_DOWN: Final = 429
_DENIED: Final = frozenset({401, 403})
_DUPLICATE: Final = "value_already_exist"
_TOO_MANY: Final = "too_many_events"
_NONE: Final = "no_events"
LONGEST_WAIT: Final = 60.0
_LONGEST_REASON: Final = 500


class Verdict(NamedTuple):
    """What became of the bills of one request, by their places in it. ``refused``: with the reason.

    ``reason`` is of ``trouble``. ``wait``: seconds that were asked for. ``denied``: the key is not good.
    ``throttled``: there was too much at once. ``large``: there were too many bytes.
    """

    accepted: tuple[int, ...] = ()
    duplicates: tuple[int, ...] = ()
    refused: tuple[tuple[int, str], ...] = ()
    trouble: Trouble = ""
    reason: str = ""
    wait: float | None = None
    denied: bool = False
    throttled: bool = False
    large: bool = False

    @property
    def named(self) -> int:
        """Of how many bills it says what became of them."""
        return len(self.accepted) + len(self.duplicates) + len(self.refused)


def judge(response: HTTPResponse, ids: Sequence[str]) -> Verdict:
    """Read the answer to a batch of the events with these transaction ids; there is at least one."""
    if response.status in _TAKEN:
        return _taken(response, ids)
    refused = refusal(response)
    if response.status not in _ISOLATING:
        return Verdict(
            trouble="held",
            reason=refused.message,
            wait=waited(response.headers),
            denied=response.status in _DENIED,
            throttled=response.status == _SLOW_DOWN,
        )
    return _refused(response, refused, len(ids))


def waited(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, as ``X-RateLimit-Reset`` says (until then) or ``Retry-After``; at most a minute."""
    found = (seconds(headers.get(name)) for name in ("x-ratelimit-reset", "retry-after"))
    return next((min(LONGEST_WAIT, wait) for wait in found if wait is not None), None)


def seconds(text: str | None) -> float | None:
    """A header's number, if it is one and not less than 0."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None


def _taken(response: HTTPResponse, ids: Sequence[str]) -> Verdict:
    """It is there only if the answer names it: a proxy's page of HTML comes with a 200, too."""
    named = _named(response.body)
    accepted = tuple(at for at, id_ in enumerate(ids) if id_ in named)
    if len(accepted) == len(ids):
        return Verdict(accepted)
    kind = response.content_type or "an empty body"
    reason = f"Lago answered {response.status}, but not that it has the events ({kind})"
    return Verdict(accepted, trouble="held", reason=reason, wait=waited(response.headers))


def _named(body: bytes) -> frozenset[str]:
    value = _parsed(body)
    events = value.get("events") if isinstance(value, Mapping) else None
    found = (event.get("transaction_id") for event in _objects(events))
    return frozenset(id_ for id_ in found if isinstance(id_, str))


def _objects(value: Any) -> list[Mapping[str, Any]]:
    items = value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, Mapping)]


def _parsed(body: bytes) -> Any:
    try:
        return load(body)
    except NotJSON:
        return None


def _refused(response: HTTPResponse, refused: LagoError, count: int) -> Verdict:
    value = _parsed(response.body)
    details = value.get("error_details") if isinstance(value, Mapping) else None
    if _has(details, _TOO_MANY) and count > 1:
        return Verdict(trouble="too_many", reason=refused.message)
    found = _by_index(details, count)
    if not found:
        large = response.status == _TOO_LARGE
        return Verdict(trouble="split", reason=refused.message, large=large)
    duplicates = tuple(at for at, detail in found.items() if _is_duplicate(detail))
    reasons = ((at, _reason(detail)) for at, detail in found.items() if at not in duplicates)
    return Verdict(duplicates=duplicates, refused=tuple(reasons))


def _by_index(details: Any, count: int) -> dict[int, Any]:
    """What is said of each event; a single one needs no index."""
    if not details:
        return {}
    if isinstance(details, Mapping):
        nested = details.get("events")
        found = _indexed(details, count) or (
            _indexed(nested, count) if isinstance(nested, Mapping) else {}
        )
        if found:
            return found
    return {0: details} if count == 1 and _is_of_one(details) else {}


def _is_of_one(details: Any) -> bool:
    """Whether this is about an event: neither about another of a batch, nor about the batch."""
    indexed = isinstance(details, Mapping) and any(str(key).isdecimal() for key in details)
    return not indexed and not any(_has(details, word) for word in (_TOO_MANY, _NONE))


def _indexed(details: Mapping[str, Any], count: int) -> dict[int, Any]:
    places = ((str(key), detail) for key, detail in details.items() if detail)
    numbers = ((int(key), detail) for key, detail in places if key.isdecimal() and len(key) < 10)  # noqa: PLR2004
    return {at: detail for at, detail in sorted(numbers, key=lambda one: one[0]) if at < count}


def _is_duplicate(detail: Any) -> bool:
    return isinstance(detail, Mapping) and _has(detail.get("transaction_id"), _DUPLICATE)


def _has(detail: Any, word: str, depth: int = 4) -> bool:
    if isinstance(detail, str):
        return detail == word
    if depth == 0:
        return False
    if isinstance(detail, Mapping):
        return any(_has(item, word, depth - 1) for item in detail.values())
    return isinstance(detail, list) and any(_has(item, word, depth - 1) for item in detail)


def _reason(detail: Any) -> str:
    said = shown(detail)
    text = said if isinstance(said, str) else _flat(said)
    return text[:_LONGEST_REASON]


def _flat(said: Any) -> str:
    """``timestamp: invalid_format``, not Python's braces."""
    if isinstance(said, Mapping):
        return "; ".join(f"{name}: {_flat(value)}" for name, value in said.items())
    if isinstance(said, list):
        return ", ".join(_flat(value) for value in said)
    return str(said)
