"""The request log, fed from the ledger: who follows its settlements loses none, whenever a process dies.

A settlement is durable before its answer is handed over. Here they are read behind the last one that is in the log, and
written together with how far that is. Several processes may do so at once. What a row says: ``rows``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final

from anyio import CancelScope, create_task_group, move_on_after, sleep
from anyio.to_thread import run_sync
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from ..._settlements import Numbered, Settlement, SettlementsAfter
from ..gateway import Gateway
from . import keeping
from .database import Database
from .models import Content, Request
from .pages import Pages
from .rows import row_of, utc

__all__ = ["RequestLog", "request_log", "running"]

_log = logging.getLogger("llmkit.proxy")

_PAGE: Final = 128
"""Settlements in one transaction: few, so that no request waits long for the interpreter."""
_IDLE: Final = 0.5
"""Seconds between two looks, when there was nothing more to read."""
_BETWEEN: Final = 0.01
"""Seconds between two pages."""
_FAILED: Final = 5.0
"""Seconds after a failure. Nothing is lost meanwhile: the ledger has it."""
_LAST: Final = 10.0
"""Seconds that the end of a process waits for what is not in the log; the next one goes on."""
_SWEEP: Final = 600.0
"""Seconds between two looks for what is too old."""
_SWEPT: Final = 500
"""Rows that are deleted in one transaction."""


class RequestLog:
    """Follows a ledger.

    Args:
        store: the ledger: it performs ``SettlementsAfter``.
        database: where the log is.
        days: how long rows are kept; ``None``: for ever.
        kept_days: how long it is known who made what providers keep; ``None``: for ever.
    """

    def __init__(
        self,
        store: Any,
        database: Database,
        days: float | None = None,
        kept_days: float | None = None,
    ) -> None:
        self._store, self._database = store, database
        self._days, self._kept_days = days, kept_days
        self._ledger = ""
        self._pages = Pages(database.engine)
        self._swept = float("-inf")

    async def follow(self) -> None:
        """Go on until cancelled; what fails is tried again."""
        well = True
        while True:
            try:
                more = await run_sync(self.step)
                await self._sweep()
            except Exception as error:  # noqa: BLE001 - of two databases: whatever it is, it is tried again
                if well:
                    _log.warning(
                        "the request log is behind: %s", type(error).__name__, exc_info=True
                    )
                well = False
                await sleep(_FAILED)
            else:
                well = True
                await sleep(_BETWEEN if more else _IDLE)

    async def drain(self) -> None:
        """Write what there is, before the process ends."""
        try:
            while await run_sync(self.step):
                pass
        except Exception:  # noqa: BLE001 - as above: the next process goes on
            _log.warning("the request log is behind; it goes on at the next start", exc_info=True)

    def step(self) -> bool:
        """Write the next page; whether there is more."""
        begin = self._pages.reached(self._ledger) if self._ledger else 0
        page: Numbered = self._store.perform(SettlementsAfter(begin, _PAGE))
        if page.ledger != self._ledger:
            # Another one than we thought: how far it was read is known only now.
            self._ledger = page.ledger
            return True
        if page.latest < begin:
            # A ledger of an earlier day was put in its place. What the log has of it already is not written twice.
            with self._pages.writing() as writing:
                writing.note(self._ledger, 0)
            return True
        if page.rows:
            self._write(page.rows)
        return len(page.rows) == _PAGE

    def _write(self, page: Sequence[tuple[int, Settlement]]) -> None:
        """All that nobody else has written since, and how far that is."""
        oldest = self._oldest()
        with self._pages.writing() as writing:
            begin = writing.reached(self._ledger)
            rows = [row_of(settled) for number, settled in page if number > begin]
            rows = [row for row in rows if oldest is None or row["started"] >= oldest]
            if rows:
                writing.add(rows)
            if page[-1][0] > begin:
                writing.note(self._ledger, page[-1][0])

    def _oldest(self) -> Any:
        return None if self._days is None else utc(time.time()) - timedelta(days=self._days)

    async def _sweep(self) -> None:
        never = self._days is None and self._kept_days is None
        if never or time.monotonic() < self._swept + _SWEEP:
            return
        while await run_sync(self.forget):  # noqa: ASYNC110 - others come in between
            await sleep(_BETWEEN)
        self._swept = time.monotonic()

    def forget(self) -> bool:
        """Delete some of what is too old; whether there may be more."""
        more = self._kept_days is not None and self._forget_kept(self._kept_days)
        if (oldest := self._oldest()) is None:
            return more

        def work(session: Session) -> int:
            old = select(Request.request_id).where(Request.started < oldest).limit(_SWEPT)
            told = select(Content.request_id).where(Content.kept_at < oldest).limit(_SWEPT)
            gone: list[Any] = [
                session.execute(delete(Request).where(Request.request_id.in_(old))),
                session.execute(delete(Content).where(Content.request_id.in_(told))),
            ]
            return max(int(result.rowcount) for result in gone)

        return self._database.run_sync(work) >= _SWEPT or more

    def _forget_kept(self, days: float) -> bool:
        before = utc(time.time()) - timedelta(days=days)
        gone = self._database.run_sync(lambda session: keeping.forget(session, before, _SWEPT))
        return gone >= _SWEPT


@asynccontextmanager
async def running(gateway: Gateway) -> AsyncIterator[None]:
    """Follow the gateway's ledger meanwhile; at the end, to its end."""
    log = RequestLog(
        gateway.store, gateway.database, gateway.settings.log_days, gateway.settings.kept_days
    )
    try:
        async with create_task_group() as tasks:
            tasks.start_soon(log.follow)
            try:
                yield
            finally:
                tasks.cancel_scope.cancel()
    finally:
        with CancelScope(shield=True), move_on_after(_LAST):
            await log.drain()


request_log = running
"""By the name that says what it is."""
