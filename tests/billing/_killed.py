"""One process that makes calls, and is billed for them, until somebody kills it.

``python -m tests.billing._killed``: reads specs (JSON) from its input, line by line, and forks a process for each,
which says its number; so none has to load anything. A call stands in the log once it has returned to whoever made it.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import threading
import time
import traceback
from typing import Any, Never

import llmkit
from llmkit.billing import LagoBilling
from llmkit.stores import PostgresStore, SQLiteStore

KEY = "sk-" + "killed-0123456789abcdef"
FATES = ("whole", "whole", "stream", "closed")


class Ahead:
    """The machine's clock, so many seconds ahead: what others have leased is over."""

    now = staticmethod(time.monotonic)

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def wall(self) -> float:
        """Unix time, then."""
        return time.time() + self._seconds

    def sleep(self, seconds: float, wake: threading.Event | None = None) -> None:
        """Wait."""
        if wake is None:
            time.sleep(seconds)
        else:
            wake.wait(seconds)

    async def asleep(self, seconds: float) -> None:
        """Wait, awaiting."""
        await asyncio.sleep(seconds)


def store_of(spec: dict[str, Any]) -> Any:
    """The outbox that it says, on a clock that is ahead."""
    clock = Ahead(spec["ahead"])
    if "dsn" in spec:
        return PostgresStore(spec["dsn"], schema=spec["schema"], clock=clock.wall)
    return SQLiteStore(spec["path"], clock=clock.wall)


def billing_of(spec: dict[str, Any], **more: Any) -> LagoBilling:
    """Whoever bills its calls."""
    return LagoBilling(
        spec["lago"],
        spec["key"],
        outbox=store_of(spec),
        clock=Ahead(spec["ahead"]),
        subscription="sub",
        entitlement=None,
        properties=("nonce",),
        flush_every=0.01,
        flush_at=3,
        batch_size=spec.get("batch", 5),
        timeout=spec.get("timeout", 20.0),
        **more,
    )


class Worker:
    """What each of its threads or tasks does."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.log = os.open(spec["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self.lago = billing_of(spec)
        self.given = {"api_key": KEY, "base_url": spec["provider"], "billing": self.lago}

    def say(self, *words: object) -> None:
        """One line of the log, at once."""
        os.write(self.log, (" ".join(map(str, (self.spec["name"], *words))) + "\n").encode())

    def ask(self, nonce: str) -> dict[str, Any]:
        """A call by which it can be told from all others."""
        return {
            "model": "openai/gpt-4o-mini",
            "messages": [{"role": "user", "content": nonce}],
            "metadata": {"nonce": nonce},
            "max_tokens": 40,
            "num_retries": 0,
        }

    def told(self, fate: str, nonce: str, answer: Any) -> None:
        """It has returned: so much is owed."""
        self.say(fate, nonce, answer.call.id, answer.cost.total)

    def threads(self) -> None:
        """Calls in some threads."""
        with llmkit.Client(**self.given) as client:
            numbers = range(self.spec.get("many", 3))
            works = [threading.Thread(target=self.work, args=(client, i)) for i in numbers]
            for work in works:
                work.start()
            for work in works:
                work.join()
            self.say("closing")
        self.say("left", self.lago.close(self.spec.get("close", 3)))

    def forked(self) -> None:
        """Calls before a fork, and in both processes after it; twice."""
        with llmkit.Client(**self.given) as client:
            self.work(client, 0)
            children = [self.fork(client, number) for number in (1, 2)]
            self.work(client, 3)
            codes = [os.waitpid(child, 0)[1] for child in children]
            self.say("closing", *codes)
        self.say("left", self.lago.close(10))

    def fork(self, client: llmkit.Client, number: int) -> int:
        """A child that makes calls and ends."""
        pid = os.fork()
        if not pid:
            self.work(client, number)
            self.lago.close(10)
            os._exit(0)
        return pid

    def work(self, client: llmkit.Client, number: int) -> None:
        """One thread's calls."""
        dice = random.Random(f"{self.spec['name']}-{number}")
        for done in range(self.spec["calls"]):
            self.call(client, dice.choice(FATES), f"{self.spec['name']}-{number}-{done}")

    def call(self, client: llmkit.Client, fate: str, nonce: str) -> None:
        """One call."""
        if fate == "whole":
            self.told(fate, nonce, client.completion(**self.ask(nonce)))
            return
        stream = client.completion(**self.ask(nonce), stream=True)
        if fate == "stream":
            self.told(fate, nonce, stream.until_done())
            return
        next(stream)
        stream.close()
        self.told(fate, nonce, stream)

    async def tasks(self) -> None:
        """Calls in three tasks."""
        async with llmkit.Client(**self.given) as client:
            async with asyncio.TaskGroup() as group:
                for number in range(3):
                    group.create_task(self.awork(client, number))
            self.say("closing")
        self.say("left", await self.lago.aclose(self.spec.get("close", 3)))

    async def awork(self, client: llmkit.Client, number: int) -> None:
        """One task's calls."""
        dice = random.Random(f"{self.spec['name']}-{number}")
        for done in range(self.spec["calls"]):
            await self.acall(client, dice.choice(FATES), f"{self.spec['name']}-{number}-{done}")

    async def acall(self, client: llmkit.Client, fate: str, nonce: str) -> None:
        """One call."""
        if fate == "whole":
            self.told(fate, nonce, await client.acompletion(**self.ask(nonce)))
            return
        stream = await client.acompletion(**self.ask(nonce), stream=True)
        if fate == "stream":
            self.told(fate, nonce, await stream.until_done())
            return
        await anext(stream)
        await stream.aclose()
        self.told(fate, nonce, stream)

    def run(self) -> None:
        """All of it, in the way that the spec says."""
        self.say("ready")
        if self.spec["way"] == "async":
            asyncio.run(self.tasks())
        else:
            {"threads": self.threads, "forked": self.forked}[self.spec["way"]]()


def main() -> None:
    """Fork a process for each line, until there is none."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            _be(json.loads(line))
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def _be(spec: dict[str, Any]) -> Never:
    """Be this worker, and end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        Worker(spec).run()
    except BaseException:  # noqa: BLE001 - whatever it is, it is seen
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main()
