"""Tokens that a key is exchanged for: kept until shortly before they expire, and fetched once however many wait.

Flows only: waiting is the driver's. A token never shows in a repr.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .._flow import Cancelled, Flow, Limit, Opened, acquire, send
from .._http import HTTPRequest, HTTPResponse
from .._secret import redact
from ..errors import APIConnectionError, APIError, AuthenticationError

if TYPE_CHECKING:
    from ._auth import Identity

__all__ = ["Grant", "Tokens", "asked", "granted"]

_EARLY, _EARLIEST = 300.0, 0.2
_REFUSED = 300
_SHOWN = 300
_MOST = 1024


@dataclass(frozen=True, slots=True)
class Grant:
    """What was granted, and until when, in Unix time."""

    value: Any = field(repr=False)
    expires: float = float("inf")
    begun: float = 0.0

    @property
    def renew(self) -> float:
        """From when on a new one is wanted: five minutes before the end, or a fifth of its life where that is less."""
        return self.expires - min(_EARLY, max(0.0, (self.expires - self.begun) * _EARLIEST))


@dataclass(slots=True)
class _Cell:
    limit: Limit
    grant: Grant | None = None
    renewing: bool = False


class Tokens:
    """The tokens of one client, by what they were granted for. ``limit`` makes what lets one in at a time."""

    def __init__(self, limit: Callable[[int], Limit]) -> None:
        self._limit = limit
        self._cells: dict[Hashable, _Cell] = {}
        self._lock = threading.Lock()

    def cell(self, key: Hashable) -> _Cell:
        """The one place of this key."""
        with self._lock:
            if len(self._cells) >= _MOST:
                self._cells.clear()
            return self._cells.setdefault(key, _Cell(self._limit(1)))


def granted(identity: Identity, key: Hashable, make: Callable[[], Flow[Grant]]) -> Flow[Any]:
    """The value granted for ``key``: the one that is kept, or a new one made by ``make``.

    Shortly before the end one call makes a new one while the others go on with the old, which also serves where
    the new one is refused. Without one, all wait for the first.

    Raises:
        AuthenticationError: what was asked for it refused.
        APIConnectionError: it could not be asked; nothing of the call was sent.
    """
    cell = identity.tokens.cell(key)
    kept = cell.grant
    if kept is None or identity.wall() >= kept.expires:
        return (yield from _first(identity, cell, make))
    if identity.wall() >= kept.renew and not cell.renewing:
        return (yield from _renewed(cell, kept, make))
    return kept.value


def _first(identity: Identity, cell: _Cell, make: Callable[[], Flow[Grant]]) -> Flow[Any]:
    give_back = yield from acquire(cell.limit, identity.deadlines.total)
    try:
        if cell.grant is None or identity.wall() >= cell.grant.expires:
            cell.grant = yield from make()
        return cell.grant.value
    finally:
        give_back()


def _renewed(cell: _Cell, kept: Grant, make: Callable[[], Flow[Grant]]) -> Flow[Any]:
    cell.renewing = True
    try:
        cell.grant = yield from make()
        return cell.grant.value
    except APIError:
        # The old one is good still: a later call tries again.
        return kept.value
    finally:
        cell.renewing = False


def asked(identity: Identity, request: HTTPRequest, what: str) -> Flow[HTTPResponse]:
    """One exchange with ``what`` (named in errors), such as a token server; an answer below 300.

    Raises:
        AuthenticationError: it refused.
        APIConnectionError: it could not be asked, or is out of order; nothing of the call was sent.
    """
    try:
        outcome = yield from send(request, identity.deadlines)
    except Cancelled as cancelled:
        # What has left was not the call's.
        cancelled.sent = "no"
        raise
    except APIConnectionError as error:
        error.sent = "no"
        error.message = f"{what}: {error.message}"
        error.args = (error.message,)
        raise
    assert not isinstance(outcome, Opened)  # noqa: S101 - nothing was to be streamed
    if outcome.status >= _REFUSED:
        raise _refusal(outcome, what)
    return outcome


def _refusal(response: HTTPResponse, what: str) -> APIError:
    told = redact(response.body[:_SHOWN].decode("utf-8", "replace"))
    text = f"{what} answered {response.status}: {told}"
    passing = response.status >= 500 or response.status == 429  # noqa: PLR2004 - as HTTP has them
    if passing:
        return APIConnectionError(text, sent="no", retryable=True)
    return AuthenticationError(text, status_code=response.status, sent="no", retryable=False)
