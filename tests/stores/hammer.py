"""A worker of the hammer: tasks that hold, settle, release and forget, until somebody kills it or says stop.

Run as ``python hammer.py SPEC`` (JSON). Before and after each operation it writes a line to a log of its own, by one
``write`` to a file opened for appending: that survives SIGKILL, and says what this process had been told by then.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import struct
import sys
import threading
import time
from collections.abc import Callable, Generator
from decimal import Decimal
from pathlib import Path
from typing import Any

from llmkit._operations import (
    Attribution,
    Claim,
    Gone,
    Reserve,
    Reserved,
    Reset,
    SettleHold,
    Stale,
    Sweep,
    Window,
    WriteRule,
)
from llmkit.errors import StoreUnavailableError

WIDTH = 50
ROLLING = Window(WIDTH, ())
LIMITS = {"usd:rolling": 400, "usd:ever": 120, "requests:rolling": 250, "parallel:ever": 12}
WINDOWS = {name: ROLLING if name.endswith(":rolling") else Window() for name in LIMITS}
WHO = Attribution(("global",), "acme", "m")
PATIENCE = 30.0
"""Seconds after which an operation that is tried again and again counts as hanging."""

Steps = Generator[Any, Any, None]


def clock_of(path: str) -> Callable[[], float]:
    """The wall clock, moved by as many milliseconds as a file says."""
    handle = os.open(path, os.O_RDONLY)

    def clock() -> float:
        (moved,) = struct.unpack("q", os.pread(handle, 8, 0))
        return time.time() + float(moved) / 1000

    return clock


def opened(spec: dict[str, Any]) -> Any:
    """The store that is hammered."""
    if spec["kind"] == "sqlite":
        from llmkit.stores import SQLiteStore

        return SQLiteStore(spec["at"], clock=clock_of(spec["clock"]), **spec.get("more", {}))
    if spec["kind"] == "redis":
        from llmkit.stores import RedisStore

        return RedisStore(spec["at"], name=spec["name"], **spec.get("more", {}))
    from llmkit._io.stores.postgres import PostgresStore

    return PostgresStore(spec["at"], schema=spec["name"], **spec.get("more", {}))


class Worker:
    """What each task does, in either colour."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.store = opened(spec)
        self.stop = Path(spec["stop"])
        self.lease = spec["lease"]
        self.ever = 0, LIMITS["usd:ever"]
        """The version of the rule about this account, and what it says; others write it too."""
        self.log = os.open(spec["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def say(self, *words: object) -> None:
        """One line: when, and what."""
        line = " ".join(map(str, (time.monotonic_ns(), *words)))
        os.write(self.log, f"{line}\n".encode())

    def task(self, name: str) -> Steps:
        """Operations and pauses (seconds), one after another; it is sent what came of each."""
        dice = random.Random(name)
        for number in range(10**9):
            if self.stop.exists():
                return
            yield from self.job(f"{name}.{number}", dice)
            if dice.random() < 0.02:
                yield Sweep(20)
            if dice.random() < 0.02:
                yield from self.rule(dice)
            if dice.random() < 0.03:
                yield Reset(f"reset.{name}.{number}", (("usd:ever", Window()),))

    def rule(self, dice: random.Random) -> Steps:
        """From now on the limit is another."""
        limit = dice.randint(LIMITS["usd:ever"] // 2, LIMITS["usd:ever"])
        written = yield WriteRule("usd:ever", str(limit))
        self.say("written", written.rule.version)

    def reserve(self, hold: str, claims: list[Claim]) -> Reserve:
        """By the rule that this process knows."""
        version, limit = self.ever
        known = tuple(
            claim._replace(limit=Decimal(limit)) if claim.account == "usd:ever" else claim
            for claim in claims
        )
        seen = (("usd:ever", version),)
        return Reserve(hold, known, self.lease, claims[0].amount, WHO, seen)

    def job(self, hold: str, dice: random.Random) -> Steps:
        """One hold and what becomes of it."""
        claims = [
            Claim(
                account, WINDOWS[account], Decimal(dice.randint(1, 5) if account.startswith("usd") else 1),
                Decimal(limit), keep=not account.startswith("parallel"),
            )
            for account, limit in LIMITS.items()
        ]  # fmt: skip
        dice.shuffle(claims)
        self.say("ask", hold)
        while True:
            reserve = self.reserve(hold, claims)
            answer = yield reserve
            if not isinstance(answer, Stale):
                break
            [rule] = answer.rules
            if rule.version > self.ever[0]:
                self.ever = rule.version, int(rule.body or 0)
        if not isinstance(answer, Reserved):
            self.say("gone" if isinstance(answer, Gone) else "refused", hold)
            yield dice.choice((0.001, 0.01, 0.05))
            return
        amounts = {claim.account: str(claim.amount) for claim in claims}
        self.say("granted", hold, reserve.seen[0][1], json.dumps(amounts, separators=(",", ":")))
        if dice.random() < 0.1:
            yield reserve
        yield 0.0 if dice.random() < 0.9 else dice.choice((0.005, 0.02, self.lease / 1000 * 1.5))
        yield from self.end(hold, claims, dice)

    def end(self, hold: str, claims: list[Claim], dice: random.Random) -> Steps:
        """Settle it; sometimes twice, sometimes never."""
        fate = dice.random()
        if fate < 0.05:
            self.say("forgotten", hold)
            return
        used = [Decimal(dice.randint(0, int(claim.amount))) for claim in claims]
        if fate < 0.3:
            operation = SettleHold(hold, "release", tuple(Decimal(0) for _ in claims), Decimal(0))
        elif fate < 0.4:
            operation = SettleHold(hold, "unknown")
            used = [claim.amount for claim in claims]
        else:
            operation = SettleHold(hold, "settle", tuple(used), used[0])
        spent = dict(
            zip([c.account for c in claims], used if fate >= 0.3 else [0] * len(used), strict=True)
        )
        told = json.dumps(
            {name: str(amount) for name, amount in spent.items()}, separators=(",", ":")
        )
        self.say("settling", hold, told)
        answer = yield operation
        self.say("settled", hold, answer.status)
        if dice.random() < 0.1:
            again = yield operation
            if again.status != "again":
                self.say("WRONG", f"{hold} was settled a second time: {again!r}")

    # --- the colours -------------------------------------------------------------------------

    def perform(self, operation: Any) -> Any:
        """Until the store can be reached."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return self.store.perform(operation)
            except StoreUnavailableError as error:
                if time.monotonic() > until:
                    self.say("WRONG", f"unreachable for {PATIENCE} s: {error!r}")
                    raise
                time.sleep(0.02)

    async def aperform(self, operation: Any) -> Any:
        """The same."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return await self.store.aperform(operation)
            except StoreUnavailableError as error:
                if time.monotonic() > until:
                    self.say("WRONG", f"unreachable for {PATIENCE} s: {error!r}")
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
                answer = (
                    await asyncio.sleep(step)
                    if isinstance(step, float)
                    else await self.aperform(step)
                )
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


def work(kind: type[Worker]) -> None:
    """As the one argument says."""
    spec = json.loads(sys.argv[1])
    worker = kind(spec)
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
    work(Worker)
