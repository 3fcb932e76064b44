"""A worker of the clients' hammer: calls under a budget, whole and streamed, broken off, cancelled, until it is killed.

Run as ``python client_hammer.py SPEC`` (JSON). It writes what it was told to a log, as ``hammer.py`` does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import sys
import threading
import time
from pathlib import Path
from typing import Any

import llmkit
from llmkit.budget import Budget, BudgetManager, RateLimit
from llmkit.errors import BudgetError, LimitReachedError, LLMKitError
from llmkit.stores import SQLiteStore

KEY = "sk-" + "hammer-0123456789abcdef"
ASK: dict[str, Any] = {
    "model": "openai/gpt-4o-mini",
    "messages": [{"role": "user", "content": "hello"}],
    "max_tokens": 100,
    "num_retries": 0,
    "user": "ann",
}
FATES = ("whole", "whole", "stream", "close", "drop", "hasty")


class Worker:
    """What each task does, in either colour."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.stop = Path(spec["stop"])
        self.log = os.open(spec["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self.manager = BudgetManager(
            SQLiteStore(spec["at"]),
            [
                Budget(spec["ever"], None),
                Budget(spec["limit"], "10s", {"user": "*"}),
                RateLimit(parallel=spec["parallel"]),
            ],
            margin=0.2,
        )
        self.client = llmkit.Client(
            budget=self.manager,
            ledger=self.manager.store,
            api_key=KEY,
            base_url=spec["base_url"],
            timeout=1.0,
        )

    def say(self, *words: object) -> None:
        """One line: when, and what."""
        os.write(self.log, (" ".join(map(str, (time.monotonic_ns(), *words))) + "\n").encode())

    def told(self, answer: Any) -> None:
        """A whole answer: this call cost so much."""
        self.say("done", answer.call.id, answer.cost.total)

    def failed(self, error: Exception) -> float:
        """How long to wait after it."""
        refused = isinstance(error, BudgetError | LimitReachedError)
        self.say("refused" if refused else "failed", type(error).__name__)
        return 0.02 if refused else 0.0

    def run(self, name: str) -> None:
        """A task in a thread."""
        dice = random.Random(name)
        while not self.stop.exists():
            try:
                self.call(dice.choice(FATES), dice)
            except LLMKitError as error:
                time.sleep(self.failed(error))

    def call(self, fate: str, dice: random.Random) -> None:
        """One call."""
        if fate in {"whole", "hasty"}:
            given = {"timeout": dice.choice((0.001, 0.004, 0.02))} if fate == "hasty" else {}
            self.told(self.client.completion(**ASK, **given))
            return
        stream = self.client.completion(**ASK, stream=True)
        if fate == "stream":
            self.told(stream.until_done())
            return
        next(stream)
        if fate == "close":
            stream.close()

    async def arun(self, name: str) -> None:
        """A task in a loop."""
        dice = random.Random(name)
        while not self.stop.exists():
            calling = asyncio.ensure_future(self.acall(dice.choice(FATES), dice))
            if dice.random() < 0.2:
                await asyncio.sleep(dice.choice((0.0, 0.002, 0.01)))
                calling.cancel()
            try:
                with contextlib.suppress(asyncio.CancelledError):
                    await calling
            except LLMKitError as error:
                await asyncio.sleep(self.failed(error))

    async def acall(self, fate: str, dice: random.Random) -> None:
        """One call."""
        if fate in {"whole", "hasty"}:
            given = {"timeout": dice.choice((0.001, 0.004, 0.02))} if fate == "hasty" else {}
            self.told(await self.client.acompletion(**ASK, **given))
            return
        stream = await self.client.acompletion(**ASK, stream=True)
        if fate == "stream":
            self.told(await stream.until_done())
            return
        await anext(stream)
        if fate == "close":
            await stream.aclose()

    async def all(self, names: list[str]) -> None:
        """All tasks in one loop."""
        await asyncio.gather(*map(self.arun, names))
        await self.client.aclose()
        await self.manager.aclose()


def main() -> None:
    """Work."""
    spec = json.loads(sys.argv[1])
    worker = Worker(spec)
    names = [f"{spec['worker']}-{number}" for number in range(spec["tasks"])]
    if spec["colour"] == "async":
        asyncio.run(worker.all(names))
        return
    threads = [threading.Thread(target=worker.run, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    worker.client.close()
    worker.manager.close()


if __name__ == "__main__":
    main()
