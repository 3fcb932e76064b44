"""Batches that nobody asks about: the gateway looks at them now and then, so that they are settled at what they cost.

One of all processes that share a database does so each time. It only looks, as their makers may at any time: what is
settled, and that it is once, is ``batches``' and ``owing``'s.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Final

from ..._control.attributes import context
from ..data import keeping, turns
from ..data.models import Kept
from ..data.rows import utc
from ..gateway import Gateway
from ..subject import ADMINISTRATOR
from . import owing
from .batches import now

__all__ = ["Watch", "running"]

_log = logging.getLogger("llmkit.proxy")

_TURN: Final = "batches_looked_at"
_MOST: Final = 100
"""Batches of one round, one after the other; the next goes on behind them."""
_OLDEST: Final = timedelta(days=30)
"""Providers keep results about as long."""
_LONGEST: Final = 60.0
"""Seconds for one batch."""
_ASKING: Final = 60.0
"""Seconds between two questions whether it is time, at most."""
_LAST: Final = 5.0
"""Seconds that the end of a process waits for the batch that is being looked at."""


class Watch:
    """Looks at batches that money is held for.

    Args:
        gateway: whose they are.
        every: seconds between two rounds of all processes together.
    """

    def __init__(self, gateway: Gateway, every: float) -> None:
        self._gateway, self._every = gateway, every
        self._behind = ""
        self._stop = asyncio.Event()

    async def follow(self) -> None:
        """Go on until told to stop; what fails is tried again in the next round."""
        while not await self._stopped(min(_ASKING, self._every / 2)):
            try:
                if await self._turn():
                    await self.round()
            except Exception as error:  # noqa: BLE001 - of the database: whatever it is, it is tried again
                _log.warning("batches were not looked at: %s", type(error).__name__)

    def stop(self) -> None:
        """Begin no further batch."""
        self._stop.set()

    async def round(self) -> int:
        """Look at what is not settled; how many batches were looked at."""
        rows = await self._rows()
        count = 0
        for row in rows:
            if self._stop.is_set():
                break
            self._behind = row.kept_id
            count += await self._look(row)
        return count

    async def _look(self, row: Kept) -> bool:
        try:
            async with asyncio.timeout(_LONGEST):
                await now(self._gateway, row, _ours)
        except Exception as error:  # noqa: BLE001 - one batch keeps nobody from the others
            # Its provider may have forgotten it: then it counts at its bound.
            _log.warning("batch %s was not looked at: %s", row.kept_id, type(error).__name__)
            return False
        return True

    async def _rows(self) -> list[Kept]:
        since = utc(time.time()) - _OLDEST
        database = self._gateway.database
        every = await database.read(lambda session: keeping.batches(session, since))
        owed = [row for row in every if owing.owes(row)]
        # Behind the last one of the round before, then from the beginning.
        owed.sort(key=lambda row: (row.kept_id <= self._behind, row.kept_id))
        return owed[:_MOST]

    async def _turn(self) -> bool:
        moment, every, database = time.time(), self._every, self._gateway.database
        # Who only reads holds up nobody.
        if not await database.read(lambda session: turns.due(session, _TURN, moment, every)):
            return False
        return await database.run(lambda session: turns.take(session, _TURN, moment, every))

    async def _stopped(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)
        return self._stop.is_set()


def _ours(call_type: str, group: str) -> context:
    """What the gateway's own calls are made in: they count as the master key's, and against no limit."""
    told = {"key_alias": ADMINISTRATOR.alias, "call_type": call_type, "group": group}
    return ADMINISTRATOR.around(metadata={"proxy": told})


@asynccontextmanager
async def running(gateway: Gateway) -> AsyncIterator[None]:
    """Look at batches meanwhile, unless the settings say never; at the end, wait for the one that is looked at."""
    every = gateway.settings.batch_interval
    if not every:
        yield
        return
    watch = Watch(gateway, every)
    task = asyncio.create_task(watch.follow(), name="llmkit-proxy-batches")
    try:
        yield
    finally:
        watch.stop()
        await asyncio.wait([task], timeout=_LAST)
        task.cancel()
        await asyncio.wait([task])
