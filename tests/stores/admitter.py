"""A worker of the admission hammer: tasks that come, stay a moment and leave, until somebody kills it or says stop.

Run as ``python -m stores.admitter SPEC`` (JSON). What it was told it writes to a log of its own, one ``write`` for each line.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

from llmkit._operations import Admit, Admitted, Candidate, Leave, Quota
from llmkit.errors import StoreUnavailableError

from .hammer import opened

WIDTH = 50
"""Milliseconds of a bucket: a window lasts three seconds."""
WINDOW = 60 * WIDTH
LIMITS = {"a": 120, "b": 60}
"""Requests in a window, by deployment."""
PLACES = {"a": 6, "b": 4}
LEASE = 1500
PATIENCE = 30.0
"""Seconds after which an operation that is tried again and again counts as hanging."""

CANDIDATES = tuple(
    Candidate(name, (Quota("requests", WIDTH, limit, 1), Quota("tokens", WIDTH, 10**9, 5)), PLACES[name])
    for name, limit in LIMITS.items()
)  # fmt: skip
Steps = Generator[Any, Any, None]


class Admitter:
    """What each task does, in either colour. It yields operations and pauses, and is sent what came of them."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.stop = Path(spec["stop"])
        self.store = opened(spec)
        self.log = os.open(spec["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def say(self, *words: object) -> None:
        """One line."""
        os.write(self.log, f"{' '.join(map(str, words))}\n".encode())

    def task(self, name: str) -> Steps:
        """One call after another, by candidates in any order."""
        dice = random.Random(name)
        for number in range(10**9):
            if self.stop.exists():
                return
            ticket = f"{name}.{number}"
            candidates = tuple(dice.sample(CANDIDATES, 2))
            asked = time.monotonic_ns()
            came = yield Admit(ticket, candidates, LEASE)
            if not isinstance(came, Admitted):
                self.say("full", ticket, *came.waits)
                # As one who asks too often: the store has to say no.
                yield 0.02
                continue
            where = candidates[came.place].deployment
            self.say("in", ticket, where, came.now, int(came.again), asked, time.monotonic_ns())
            yield dice.choice((0.0, 0.002, 0.02))
            if dice.random() < 0.03:  # noqa: PLR2004 - some
                self.say("forgotten", ticket)
                continue
            self.say("leaving", ticket, time.monotonic_ns())
            yield Leave(ticket, (("tokens", dice.randint(0, 9)),), True)  # noqa: FBT003 - it worked

    # --- the colours -------------------------------------------------------------------------

    def perform(self, operation: Any) -> Any:
        """Until the store can be reached."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return self.store.perform(operation)
            except StoreUnavailableError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)

    async def aperform(self, operation: Any) -> Any:
        """The same."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return await self.store.aperform(operation)
            except StoreUnavailableError:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(0.02)

    def run(self, name: str) -> None:
        """A task in a thread."""
        try:
            steps, answer = self.task(name), None
            while (step := _next(steps, answer)) is not None:
                answer = time.sleep(step) if isinstance(step, float) else self.perform(step)
        except BaseException as error:
            self.say("WRONG", f"{error!r}".replace("\n", " "))
            raise

    async def arun(self, name: str) -> None:
        """A task in a loop."""
        try:
            steps, answer = self.task(name), None
            while (step := _next(steps, answer)) is not None:
                waited = asyncio.sleep if isinstance(step, float) else self.aperform
                answer = await waited(step)
        except BaseException as error:
            self.say("WRONG", f"{error!r}".replace("\n", " "))
            raise

    async def all(self, names: list[str]) -> None:
        """All tasks in one loop."""
        await asyncio.gather(*map(self.arun, names))
        await self.store.aclose()


def _next(steps: Steps, answer: Any) -> Any:
    try:
        return steps.send(answer)
    except StopIteration:
        return None


def main() -> None:
    """Work."""
    spec = json.loads(sys.argv[1])
    worker = Admitter(spec)
    names = [f"{spec['worker']}-{number}" for number in range(spec["tasks"])]
    if spec["colour"] == "async":
        asyncio.run(worker.all(names))
        return
    threads = [threading.Thread(target=worker.run, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    worker.store.close()


if __name__ == "__main__":
    main()
