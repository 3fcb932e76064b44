"""One contestant in a process of its own: it warms up, then measures for a moment whenever a line comes in.

usage: python -m bench.worker CONTESTANT WORK SETTINGS   (SETTINGS is JSON: the fields of ``works.Settings``)

Each turn is answered by a line that begins with ``MARK``. Times are per call (per chunk for a stream), in microseconds:
``wall_us``, and ``cpu_us`` of the whole process, user and system, all threads. The garbage collector stays on.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from typing import Any

from bench import leavings
from bench.works import ASYNC, SYNC, Settings

MARK = "bench: "


def run(module: Any, work: str, settings: Settings) -> None:
    """Warm up, then take turns until there are no more."""
    contestant = module.Sync(settings.url)
    if check := getattr(contestant, "check", None):
        check()
    doing = SYNC[work](contestant, settings)
    doing.warm()
    say({"ready": True})
    while sys.stdin.readline():
        say(doing.turn())
    contestant.close()


async def arun(module: Any, work: str, settings: Settings) -> None:
    """``run``, for async code. Its loop stands still while others have their turns."""
    leavings.sockets_of_nobody()
    contestant = module.Async(settings.url)
    if check := getattr(contestant, "check", None):
        await check()
    doing = ASYNC[work](contestant, settings)
    await doing.warm()
    say({"ready": True})
    while sys.stdin.readline():
        say(await doing.turn())
    await contestant.close()


def say(result: dict[str, Any]) -> None:
    """One line, on a line of its own whatever a library has printed."""
    print(f"\n{MARK}{json.dumps(result)}", flush=True)


def main(contestant: str, work: str, settings: str) -> None:
    """Take turns; a contestant that fails is a result, too."""
    asked_for = Settings(**json.loads(settings))
    try:
        module = importlib.import_module(f"bench.contestants.{contestant}")
        if work in SYNC:
            run(module, work, asked_for)
        else:
            asyncio.run(arun(module, work, asked_for))
    except Exception as error:  # noqa: BLE001 - whatever it is
        say({"error": f"{type(error).__name__}: {error}"[:300]})


if __name__ == "__main__":
    main(*sys.argv[1:])
