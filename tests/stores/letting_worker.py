"""A worker that wants to be let in, again and again, until there is no more for a minute.

Run as ``python letting_worker.py SPEC`` (JSON). Whoever was let in is written into a log that all share, by one
``write``. An operation of which nobody knows whether it was done is asked again, by the same name.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Generator
from typing import Any

from llmkit._operations import Admit, Admitted, Candidate, Leave, Quota
from llmkit.errors import StoreUnavailableError
from llmkit.stores import RedisStore

_PATIENCE = 40.0


def steps(spec: dict[str, Any]) -> Generator[Any, Any, None]:
    """Operations, one after another; it is sent what came of each."""
    log = os.open(spec["log"], os.O_WRONLY | os.O_APPEND)
    quota = Quota("rpm", spec["width"], spec["limit"], 1)
    for number in range(10**6):
        ticket = f"{spec['worker']}/{number}"
        answer = yield Admit(ticket, (Candidate("d", (quota,), 50),), 60_000)
        if not isinstance(answer, Admitted):
            return
        os.write(log, f"{ticket}\n".encode())
        yield Leave(ticket)


async def run(spec: dict[str, Any]) -> None:
    """Perform them, in the colour that was said."""
    store = RedisStore(spec["url"])
    asked, answer, until = steps(spec), None, time.monotonic() + _PATIENCE
    while True:
        try:
            operation = asked.send(answer)
        except StopIteration:
            break
        while True:
            try:
                if spec["colour"] == "sync":
                    answer = store.perform(operation)
                else:
                    answer = await store.aperform(operation)
                break
            except StoreUnavailableError:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(0.005)
    await store.aclose()


if __name__ == "__main__":
    asyncio.run(run(json.loads(sys.argv[1])))
