"""Who shows what: a key, a token of an identity provider's, or a session's cookie."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from anyio.to_thread import run_sync
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session as Transaction

from ..data.database import Database
from ..failure import Refused
from ..gateway import Gateway
from ..restricted import Restricted
from ..settings import IdentityProvider, Settings
from ..subject import ADMINISTRATOR, Subject
from . import master, rows
from .fresh import Fresh, fresh_by
from .keys import LONGEST, same, token_of
from .shown import COOKIE, COOKIE_HTTPS, looks_like_a_token, own, shown_by

if TYPE_CHECKING:
    from .tokens import Person, Tokens

__all__ = ["SESSION", "Bearers", "expired", "running", "unknown"]

_log = logging.getLogger("llmkit.proxy")

SESSION: Final = "session-"
"""What tokens of sessions begin with."""
_REMEMBERED: Final = 30.0
"""Seconds after which a row is read again though nobody said that it changed: a person may have edited it."""
_SHORT: Final = 16
"""Characters of a master key that whoever tries for long enough may guess."""
_MOST: Final = 20_000
"""Keys that are remembered at once."""


_Finding = Callable[[Transaction], rows.Known | None]


@dataclass(frozen=True, slots=True)
class _Entry:
    """What is remembered of a key."""

    known: rows.Known
    number: int | None
    until: float
    """On the monotonic clock."""


@dataclass(frozen=True, slots=True)
class _Restrictions:
    """What is remembered of customers and tags, as long as of a key."""

    number: int | None
    until: float
    restricted: Restricted | None


class Bearers:
    """Finds out who asks. What it finds is remembered until anything changes anywhere, and for 30 s at most.

    Args:
        settings: the master key, and whose tokens are taken.
        database: where the keys are.
        clock: Unix time.

    Raises:
        ConfigurationError: what is set of an identity provider would let tokens in that anybody could have made.
    """

    def __init__(
        self, settings: Settings, database: Database, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings, self._database, self._clock = settings, database, clock
        self._entries: dict[str, _Entry] = {}
        self._looking: dict[tuple[str, int], asyncio.Task[_Entry]] = {}
        self._restricted = _Restrictions(None, 0.0, None)
        self._fresh: Fresh | None = None
        given = settings.master
        self._master = token_of(given.reveal()) if given else None
        provider = settings.identity_provider
        self._tokens = None if provider is None else _tokens_of(provider)

    def open(self) -> str | None:
        """Begin to listen to other processes; the master key, where one was made just now. Waits for the database."""
        given = self._settings.master
        if given and len(given.reveal()) < _SHORT:
            _log.warning(
                "the master key is short: one of %d random characters cannot be guessed", 32
            )
        made = master.ensure(self._database, given=self._master)
        self._fresh = fresh_by(self._database.engine)
        return made

    def close(self) -> None:
        """Nobody will ask any more; whoever does is looked up anew."""
        fresh, self._fresh = self._fresh, None
        self._entries.clear()
        if fresh is not None:
            fresh.close()

    async def subject(
        self, headers: Mapping[str, str], cookies: Mapping[str, str], shown: str | None = None
    ) -> Subject:
        """Who asks, by a request's headers (names in lower case, where they are a plain mapping) and cookies.

        Args:
            headers: the key is in ``Authorization: Bearer``, ``x-api-key``, ``x-goog-api-key``, ``api-key`` or
                ``x-litellm-api-key``.
            cookies: a session's counts where no key is shown, and the request comes from a page of the gateway's own.
            shown: a key that came in elsewhere: in Gemini's ``?key=``, or in the subprotocols of a WebSocket. Headers
                go before it.

        Raises:
            Refused: 401, with one text for all that is not known; another one where the key is known, and has expired
                or is blocked. 403: a cookie came from a page of somebody else's. 503: the database cannot be asked.
        """
        key = shown_by(headers) or shown or self._cookie(headers, cookies)
        if not key or len(key) > LONGEST:
            raise unknown()
        token, number = token_of(key), None if self._fresh is None else self._fresh.number()
        entry = self._entries.get(token)
        if entry is None or entry.number != number or entry.until <= time.monotonic():
            entry = await self._entry(key, token, number)
        subject = entry.known.subject
        if subject.expires is None and entry.known.why is None:
            return subject
        return self._answer(entry)

    async def forget(self, token: str | None = None) -> None:
        """A key (by its SHA-256), or any, has changed: no process of this gateway may go by what it knew of it."""
        self._entries.clear()
        if self._fresh is not None:
            await run_sync(self._fresh.change)

    def _cookie(self, headers: Mapping[str, str], cookies: Mapping[str, str]) -> str:
        token = cookies.get(COOKIE_HTTPS) or cookies.get(COOKIE) or ""
        if token and not own(headers, self._settings.cors_origins):
            raise Refused(403, "a page of another site may not use this session", "auth_error")
        # A cookie is a session's only: a page that can set one must not pass a key of its own off as it.
        return token if token.startswith(SESSION) else ""

    async def _entry(self, key: str, token: str, number: int | None) -> _Entry:
        if number is None:
            return await self._look(key, token, None)
        return await self._look_once(key, token, number)

    async def _look_once(self, key: str, token: str, number: int) -> _Entry:
        """One look for all who ask at once; for none who asks after a change."""
        task = self._looking.get((token, number))
        if task is None:
            task = asyncio.create_task(self._look(key, token, number))
            self._looking[token, number] = task
            task.add_done_callback(lambda done: self._looked((token, number), done))
        return await asyncio.shield(task)

    def _looked(self, which: tuple[str, int], done: asyncio.Task[_Entry]) -> None:
        del self._looking[which]
        if not done.cancelled():
            # Whoever asked may have gone, and an error would be nobody's.
            done.exception()

    async def _look(self, key: str, token: str, number: int | None) -> _Entry:
        known = await self._known(key, token, number)
        entry = _Entry(known, number, time.monotonic() + _REMEMBERED)
        if number is not None:
            self._remember(token, entry)
        return entry

    def _remember(self, token: str, entry: _Entry) -> None:
        if len(self._entries) >= _MOST:
            del self._entries[next(iter(self._entries))]
        self._entries[token] = entry

    async def _known(self, key: str, token: str, number: int | None) -> rows.Known:
        find = await self._finding(key, token)
        if find is None:
            raise unknown()
        try:
            known = await self._database.read(lambda t: self._found(t, find, number))
        except SQLAlchemyError as error:
            _log.warning("keys cannot be looked up: %s", type(error).__name__)
            raise Refused(
                503,
                "the gateway cannot reach its database: try again",
                "no_db_connection",
                headers={"retry-after": "1"},
            ) from None
        if known is None:
            raise unknown()
        return known

    def _found(
        self, transaction: Transaction, find: _Finding, number: int | None
    ) -> rows.Known | None:
        """Who it is, with the customers and tags that are restricted: they are read once for all, until a change."""
        known = find(transaction)
        if known is None:
            return None
        had, now = self._restricted, time.monotonic()
        if number is None or had.number != number or had.until <= now:
            had = _Restrictions(number, now + _REMEMBERED, rows.restricted(transaction))
            self._restricted = had
        if had.restricted is None:
            return known
        return replace(known, subject=replace(known.subject, restricted=had.restricted))

    async def _finding(self, key: str, token: str) -> _Finding | None:
        """How to look for who this is; ``None``: a token that is not to be believed."""
        if self._tokens is not None and looks_like_a_token(key):
            person = await self._tokens.person(key)
            return None if person is None else lambda transaction: _of(person, transaction)
        by = self._by_session if key.startswith(SESSION) else self._by_key
        return lambda transaction: by(transaction, token)

    def _by_session(self, transaction: Transaction, token: str) -> rows.Known | None:
        session = rows.by_session(transaction, token)
        if session is None:
            return None
        opened_by, ends = session
        known = self._by_key(transaction, opened_by)
        if known is None:
            return None
        expires = min(ends, known.subject.expires or ends)
        return rows.Known(replace(known.subject, expires=expires), known.why)

    def _by_key(self, transaction: Transaction, token: str) -> rows.Known | None:
        if self._is_master(transaction, token):
            return rows.Known(ADMINISTRATOR)
        return rows.by_key(transaction, token)

    def _is_master(self, transaction: Transaction, token: str) -> bool:
        if self._master is not None:
            return same(self._master, token)
        return master.is_master(transaction, token)

    def _answer(self, entry: _Entry) -> Subject:
        subject = entry.known.subject
        if subject.expires is not None and subject.expires <= self._clock():
            raise expired()
        if entry.known.why is not None:
            why = entry.known.why
            raise Refused(why.status, why.message, why.type)
        return subject


def _tokens_of(provider: IdentityProvider) -> Tokens:
    from .tokens import Tokens  # noqa: PLC0415 - few have one, and what it needs is large

    return Tokens(provider)


def _of(person: Person, transaction: Transaction) -> rows.Known:
    known = rows.of_person(transaction, person.user, person.team, person.organisation)
    role = person.role or known.subject.role
    subject = replace(known.subject, key=person.key, expires=person.expires, role=role)
    return replace(known, subject=subject)


def unknown() -> Refused:
    """The one answer to all that is not known: no key, one that never was, one that is deleted, a stranger's token."""
    return Refused(
        401,
        "no valid key: send one as 'Authorization: Bearer KEY', or ask an administrator for one",
        "auth_error",
        code="invalid_api_key",
        headers={"www-authenticate": "Bearer"},
    )


def expired() -> Refused:
    """For who shows a key or a session that was good."""
    return Refused(401, "this key or session has expired: ask for a new one", "expired_key")


@asynccontextmanager
async def running(gateway: Gateway) -> AsyncIterator[None]:
    """Open the gateway's bearers, and close them."""
    bearers = gateway.bearers
    made = await run_sync(bearers.open)
    if made is not None:
        master.announce(made)
    try:
        yield
    finally:
        await run_sync(bearers.close)
