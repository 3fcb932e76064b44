"""One process of a machine whose store comes and goes: makes calls without end, and is killed.

``python -m tests.budget._killed FOLDER NAME``: a call stands in the log before anything is asked, and once more when
its settlement has returned. The store is unreachable while the file ``down`` is there; before or after it did its work.
"""

from __future__ import annotations

import logging
import os
import random
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from llmkit._control.budget.outage import LetGo, Outage
from llmkit._io._observe import Observers
from llmkit._io.stores.catch_up import CatchUp
from llmkit._io.sync import SyncDriver
from llmkit._operations import Attribution, Claim, Reserve, Reserved, SettleHold, Window
from llmkit.errors import BudgetUnavailableError, StoreUnavailableError
from llmkit.stores import SQLiteStore

ACCOUNT = "usd:total:global"
BOUND = Decimal(1)
LEASE = 5_000


class Away:
    """A store that is unreachable while a file is there."""

    def __init__(self, folder: Path) -> None:
        self._store = SQLiteStore(folder / "store.db")
        self._down = folder / "down"

    def perform(self, operation: Any) -> Any:
        late = random.random() < 0.5
        if self._down.exists() and not late:
            raise StoreUnavailableError("away")
        answer = self._store.perform(operation)
        if self._down.exists():
            raise StoreUnavailableError("away, after all")
        return answer


def ask(hold: str) -> Reserve:
    """A hold of a dollar."""
    claims = (
        Claim(ACCOUNT, Window(), BOUND),
        Claim("usd:30d:global", Window(43_200_000), BOUND),
        Claim("parallel:total:global", Window(), Decimal(1), keep=False),
    )
    return Reserve(hold, claims, LEASE, BOUND, Attribution(("global",), "acme", "large", hold))


def main(folder: Path, name: str) -> None:
    """Make calls until killed."""
    logging.disable()
    log = os.open(folder / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    nothing: Any = None
    driver = SyncDriver(nothing, Observers(()), nothing)
    disk = CatchUp(folder / "catch-up.db")
    outage = Outage(Away(folder), unreachable="open", catch_up=disk, clock=time.monotonic)
    number = 0
    while True:
        number += 1
        one = ask(f"{name}-{number}")
        os.write(log, f"begin {one.hold}\n".encode())
        try:
            answer: Reserved | LetGo = driver.run(outage.reserve(one, int(time.time() * 1000)))
        except BudgetUnavailableError:
            continue
        usd = Decimal(random.randrange(1, 100)) / 100
        op = SettleHold(one.hold, "settle", (usd, usd, Decimal(0)), usd, 1, 1)
        driver.run(outage.settle(op, one, answer))
        os.write(log, f"done {one.hold} {usd}\n".encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
