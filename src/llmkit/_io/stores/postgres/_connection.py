"""One connection to PostgreSQL: a statement goes out, its answer comes back, in one round trip.

It speaks through libpq as psycopg wraps it, not through psycopg's cursors: nothing is prepared on the server (so any
pooler may stand between), no event loop owns it, and sync and async differ in how they wait and nothing else.
"""

from __future__ import annotations

import contextlib
import selectors
import time
from typing import Any, Final

import anyio
import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict
from typing_extensions import override

from ...._secret import Secret, redact
from ....errors import ConfigurationError, StoreUnavailableError
from ._failures import Lost, refusal

__all__ = ["Connection", "Where", "connected"]

_JSONB: Final = 3802
_PATIENCE: Final = 1.0
"""Seconds that a cancelled task stays for the answer to what it has asked."""
_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
_SECRETS: Final = ("password", "sslpassword", "oauth_client_secret")
# Without a descriptor of its own, as epoll's would need.
_Selector: Final = getattr(selectors, "PollSelector", selectors.SelectSelector)


class Where:
    """A server's address. It shows no password."""

    def __init__(self, dsn: str) -> None:
        self.words = _words(dsn)
        if self.words is None or _is_torn(dsn, self.words):
            raise ConfigurationError(
                "this DSN cannot be read; it is postgresql://user@host/database, with what is special in a"
                " password percent-encoded, or host=… dbname=…"
            )
        found = (self.words.get(name) for name in _SECRETS)
        self.secrets = tuple(Secret(str(value)) for value in found if value)

    @override
    def __str__(self) -> str:
        words = self.words or {}
        port = f":{words['port']}" if words.get("port") else ""
        return f"{words.get('host') or 'localhost'}{port}/{words.get('dbname') or ''}"


def _words(dsn: str) -> dict[str, Any] | None:
    """What a DSN says; ``None`` where it says nothing: the error's text may quote the password."""
    try:
        return dict(conninfo_to_dict(dsn))
    except (psycopg.Error, AttributeError, TypeError):
        return None


def _is_torn(dsn: str, words: dict[str, Any]) -> bool:
    """Whether an "@" or "/" of a password divides it: its rest would be a host, a port or a database, and shown."""
    _, uri, rest = dsn.partition("://")
    authority, _, path = rest.partition("?")[0].partition("/")
    port = str(words.get("port") or "").replace(",", "")
    torn = uri and (authority.count("@") > 1 or "@" in path)
    return bool(torn or (port and not port.isdecimal()))


class _Opened(psycopg.Connection[Any]):
    """What psycopg connects, to whichever of several hosts answers. libpq's connection goes on without it."""

    @override
    def __del__(self, _: Any = None, /) -> None:
        """It is not lost but handed on."""


def connected(where: Where, timeout: float) -> Connection:
    """Connect, blocking. Raises ``StoreUnavailableError``."""
    words: dict[str, Any] = {
        "application_name": "llmkit",
        "connect_timeout": max(2, round(timeout)),
    }
    words |= (where.words or {}) | {"client_encoding": "UTF8"}
    try:
        opened = _Opened.connect(**words, autocommit=True)
    except psycopg.Error as error:
        problem = redact(" ".join(str(error).split()), where.secrets)
    else:
        return Connection(opened.pgconn)
    raise StoreUnavailableError(f"PostgreSQL at {where} cannot be reached: {problem}")


class Connection:
    """One connection. ``usable`` says whether it can be used again."""

    __slots__ = ("_conn", "_result", "_selector")

    def __init__(self, conn: pq.abc.PGconn) -> None:
        self._conn = conn
        self._result: pq.abc.PGresult | None = None
        self._selector = _Selector()
        self._selector.register(conn.socket, _READ)

    @property
    def usable(self) -> bool:
        """Whether nothing is under way on it, and it was not seen to be broken."""
        return self._conn.transaction_status == pq.TransactionStatus.IDLE

    def ask(self, statement: bytes, payload: bytes | None, deadline: float) -> bytes:
        """One round trip, blocking. Raises ``Lost``, ``StoreError``, ``StoreUnavailableError``."""
        try:
            self._send(statement, payload)
            while self._conn.flush():
                self._wait(deadline, _READ | _WRITE)
            while not self._received():
                self._wait(deadline, _READ)
        except psycopg.Error as error:
            lost = str(error)
        else:
            return self._answer()
        raise Lost(redact(lost))

    async def aask(self, statement: bytes, payload: bytes | None, deadline: float) -> bytes:
        """``ask``, awaiting."""
        try:
            self._send(statement, payload)
            with anyio.fail_after(deadline - time.monotonic()):
                await self._exchanged()
        except anyio.get_cancelled_exc_class():
            await self._ended(deadline)
            raise
        except psycopg.Error as error:
            lost = str(error)
        else:
            return self._answer()
        raise Lost(redact(lost))

    async def _exchanged(self) -> None:
        while self._conn.flush():
            await anyio.wait_writable(self._conn.socket)
        while not self._received():
            await anyio.wait_readable(self._conn.socket)

    async def _ended(self, deadline: float) -> None:
        """Wait a little for what nobody waits for: the release of a hold must not overtake the hold."""
        left = min(_PATIENCE, deadline - time.monotonic())
        with contextlib.suppress(psycopg.Error), anyio.move_on_after(left, shield=True):
            await self._exchanged()

    def _send(self, statement: bytes, payload: bytes | None) -> None:
        self._result = None
        if payload is None:
            self._conn.send_query(statement)
        else:
            self._conn.send_query_params(statement, [payload], [_JSONB])

    def _wait(self, deadline: float, events: int) -> None:
        if events != _READ:
            self._selector.modify(self._conn.socket, events)
        if not self._selector.select(max(0.0, deadline - time.monotonic())):
            raise TimeoutError
        if events != _READ:
            self._selector.modify(self._conn.socket, _READ)
            # The server does not read on while nobody takes what it says.
            self._conn.consume_input()

    def _received(self) -> bool:
        """Take what has come; whether that was all. The last result counts, and an error ends them."""
        self._conn.consume_input()
        while not self._conn.is_busy():
            result = self._conn.get_result()
            if result is None:
                return True
            self._result = result
        return False

    def _answer(self) -> bytes:
        result, self._result = self._result, None
        if result is None:
            raise Lost("the server closed the connection")
        if result.status in {pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.BAD_RESPONSE}:
            raise _refusal(result)
        return (result.get_value(0, 0) or b"") if result.ntuples else b""

    def close(self) -> None:
        """Close it. What the server is doing for it may still be done."""
        self._selector.close()
        self._conn.finish()


def _refusal(result: pq.abc.PGresult) -> Exception:
    code = result.error_field(pq.DiagnosticField.SQLSTATE)
    text = result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or result.error_message
    if code is None:
        # libpq's own: the connection broke.
        return Lost(redact(text.decode(errors="replace")))
    return refusal(code.decode(), text.decode(errors="replace"))
