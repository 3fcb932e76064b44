"""The connections of a store: few, the one used last first, for threads and event loops alike, and for no forked child.

An operation whose connection turns out to be broken is repeated once on a new one: each is known to the database by its
id, so whether it was done the first time makes no difference.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final

import anyio.to_thread

from ....errors import APITimeoutError, ConfigurationError, StoreUnavailableError
from ..._limit import ParallelLimit
from ._connection import Connection, Where, connected
from ._failures import Lost

__all__ = ["Pool"]

# A connection may not even be closed in another process than the one that opened it: that would end it there, too.
_INHERITED: Final[list[Connection]] = []


class Pool:
    """At most ``capacity`` connections. ``prepare`` is done with the first one."""

    def __init__(
        self,
        dsn: str,
        capacity: int,
        timeout: float,
        prepare: Callable[[Connection, float], None],
    ) -> None:
        self.where = Where(dsn)
        self._capacity = capacity
        self._timeout = timeout
        self._prepare = prepare
        if capacity < 1:
            raise ConfigurationError(f"connections must be at least 1, not {capacity}")
        self._begin()

    def _begin(self) -> None:
        self._idle: list[Connection] = []
        self._limit = ParallelLimit(self._capacity, "connections")
        self._prepared = False
        self._pid = os.getpid()

    def _here(self, patience: int) -> float:
        """Make sure that this is not a forked child of the process whose connections these are; the deadline."""
        if self._pid != os.getpid():
            _INHERITED.extend(self._idle)
            self._begin()
        return time.monotonic() + self._timeout * patience

    def ask(self, statement: bytes, payload: bytes, patience: int = 1) -> bytes:
        """One operation. Raises ``StoreError``, ``StoreUnavailableError``."""
        deadline = self._here(patience)
        release = self._place(deadline)
        try:
            return self._first(statement, payload, deadline)
        finally:
            release()

    def _place(self, deadline: float) -> Callable[[], None]:
        try:
            return self._limit.acquire(deadline)
        except APITimeoutError:
            raise self._too_late() from None

    def _first(self, statement: bytes, payload: bytes, deadline: float) -> bytes:
        try:
            return self._asked(self._take() or self._open(deadline), statement, payload, deadline)
        except Lost:
            # What was opened before it is no better.
            self.close()
        try:
            return self._asked(self._open(deadline), statement, payload, deadline)
        except Lost as lost:
            raise self._unavailable(lost) from None

    def _asked(
        self, connection: Connection, statement: bytes, payload: bytes, deadline: float
    ) -> bytes:
        try:
            return connection.ask(statement, payload, deadline)
        except TimeoutError:
            raise self._too_late() from None
        finally:
            self._put(connection)

    async def aask(self, statement: bytes, payload: bytes, patience: int = 1) -> bytes:
        """``ask``, awaiting, under asyncio or trio."""
        deadline = self._here(patience)
        release = await self._aplace(deadline)
        try:
            return await self._afirst(statement, payload, deadline)
        finally:
            release()

    async def _aplace(self, deadline: float) -> Callable[[], None]:
        try:
            return await self._limit.aacquire(deadline)
        except APITimeoutError:
            raise self._too_late() from None

    async def _afirst(self, statement: bytes, payload: bytes, deadline: float) -> bytes:
        try:
            connection = self._take() or await self._aopen(deadline)
            return await self._aasked(connection, statement, payload, deadline)
        except Lost:
            self.close()
        try:
            return await self._aasked(await self._aopen(deadline), statement, payload, deadline)
        except Lost as lost:
            raise self._unavailable(lost) from None

    async def _aasked(
        self, connection: Connection, statement: bytes, payload: bytes, deadline: float
    ) -> bytes:
        try:
            return await connection.aask(statement, payload, deadline)
        except TimeoutError:
            raise self._too_late() from None
        finally:
            self._put(connection)

    def _take(self) -> Connection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _put(self, connection: Connection) -> None:
        """Keep it for the next one, unless a timeout, a cancellation or an interrupt has left something under way."""
        if connection.usable and len(self._idle) < self._capacity:
            self._idle.append(connection)
        else:
            connection.close()

    def _open(self, deadline: float) -> Connection:
        left = deadline - time.monotonic()
        if left <= 0:
            raise self._too_late()
        connection = connected(self.where, left)
        if self._prepared:
            return connection
        try:
            self._prepare(connection, deadline)
        except TimeoutError:
            connection.close()
            raise self._too_late() from None
        except BaseException:
            connection.close()
            raise
        self._prepared = True
        return connection

    async def _aopen(self, deadline: float) -> Connection:
        """Connecting looks up names, and is rare: a thread does it. Given up, what it opens closes itself."""
        return await anyio.to_thread.run_sync(self._open, deadline, abandon_on_cancel=True)

    def _too_late(self) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"PostgreSQL at {self.where} did not answer in time ({self._timeout:g} s)"
        )

    def _unavailable(self, lost: Lost) -> StoreUnavailableError:
        return StoreUnavailableError(f"PostgreSQL at {self.where} broke off twice: {lost}")

    def close(self) -> None:
        """Close what nobody uses. What is used is closed by who comes back with it, or used again."""
        while (connection := self._take()) is not None:
            connection.close()
