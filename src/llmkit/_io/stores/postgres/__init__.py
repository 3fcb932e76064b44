"""``PostgresStore``: accounts, ledger, settlements, routers' state, bills in PostgreSQL, shared by all who reach it.

Every operation is one round trip. psycopg (the extra ``postgres``) is loaded when a store is made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal

from typing_extensions import override

from ...._control.checking import checked
from ....errors import ConfigurationError, StoreError
from ._bills import BILLING
from ._compiled import COMPILED, Form
from ._texts import read, written

if TYPE_CHECKING:
    from ._pool import Pool

__all__ = ["PostgresStore"]


_FORMS: Final = {**COMPILED, **BILLING}


class PostgresStore:
    """Accounts, ledger, settlements, bills, and what routers share, in a PostgreSQL database (14 or later).

    Thread-safe; forked children may use it too.

    What an operation has changed is flushed to the server's disk when it returns, even in a database whose
    ``synchronous_commit`` is off; where standbys are waited for, they have it, too. Nobody waits for a place that a
    call gives back at a deployment: lost, it ends with its lease. An operation is one round trip, and is repeated
    once if its connection breaks, which counts nothing twice (though a ``Leave`` may then say that the ticket was not
    in, and a ``Conclude`` that there was no intent). Nothing is kept in a session, and nothing is prepared there.
    Tables are made at first use, in a schema of their own.

    Args:
        dsn: the database, as ``postgresql://user@host/name`` or ``host=… dbname=…``; what is missing comes from the
            variables and files that every PostgreSQL client reads.
        schema: the schema (namespace) of the ledger's tables. Each is a ledger of its own.
        durability: ``"crash"``: it survives the end of any process, and of the machine's power as far as the
            server cares for that; ``"power"``: a server that does not (``fsync`` or ``full_page_writes`` off) is
            refused with ``StoreError``. Between the two there is no difference in speed.
        connections: at most so many at a time in each process; who finds none free waits.
        timeout: seconds for one operation, connecting and waiting included; an audit may take sixty times that.
        clock: for tests: gives the time in seconds, in place of the server's clock.

    Raises:
        ConfigurationError: psycopg is not installed, or an argument cannot be right.
    """

    def __init__(
        self,
        dsn: str,
        *,
        schema: str = "llmkit",
        durability: Literal["crash", "power"] = "crash",
        connections: int = 8,
        timeout: float = 10.0,
        clock: Callable[[], float] | None = None,
    ) -> None:
        if durability not in {"crash", "power"}:
            raise ConfigurationError(f'durability is "crash" or "power", not {durability!r}')
        if not timeout > 0:
            raise ConfigurationError(f"timeout must be more than 0 seconds, not {timeout!r}")
        self.durability = durability
        self._pool, self._statements = _made(dsn, schema, durability, connections, timeout)
        self._wait = str(round(timeout * 1000))
        self._clock = clock

    @override
    def __repr__(self) -> str:
        return f"PostgresStore({str(self._pool.where)!r})"

    def perform(self, operation: Any) -> Any:
        """Perform one operation, blocking. Raises ``StoreError``, ``StoreUnavailableError``."""
        kind = type(operation)
        form = _form(kind)
        payload = self._payload(form, operation)
        answer = self._pool.ask(self._statements[kind], payload, form.patience)
        return form.read(read(answer))

    async def aperform(self, operation: Any) -> Any:
        """Perform one operation, awaiting it on asyncio or trio."""
        kind = type(operation)
        form = _form(kind)
        payload = self._payload(form, operation)
        answer = await self._pool.aask(self._statements[kind], payload, form.patience)
        return form.read(read(answer))

    def _payload(self, form: Form, operation: Any) -> bytes:
        asked = form.asked(checked(operation))
        asked["wait"] = self._wait
        if self._clock is not None:
            asked["now"] = int(self._clock() * 1000)
        return written(asked)

    def close(self) -> None:
        """Close the connections that are not in use. The store can be used again, and opens new ones."""
        self._pool.close()

    async def aclose(self) -> None:
        """``close``, which waits for nothing."""
        self._pool.close()


def _form(kind: type) -> Form:
    if (form := _FORMS.get(kind)) is None:
        raise StoreError(f"no PostgresStore performs {kind.__name__}")
    return form


def _made(
    dsn: str, schema: str, durability: str, connections: int, timeout: float
) -> tuple[Pool, dict[type, bytes]]:
    try:
        from ._pool import Pool  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "psycopg":
            raise
    else:
        from ._schema import Schema  # noqa: PLC0415 - with it

        space = Schema(schema, flushed=durability == "power")
        statements = {kind: space.statement(form.statement) for kind, form in _FORMS.items()}
        return Pool(dsn, connections, timeout, space.prepare), statements
    raise ConfigurationError("PostgresStore needs psycopg: pip install 'llmkit[postgres]'")
