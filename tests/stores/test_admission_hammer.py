"""Many processes share deployments of so many requests a window; they are killed, the server falls: no limit is exceeded.

It is judged by the workers' own logs, and, in PostgreSQL, by what a trigger has seen at every change.
"""

from __future__ import annotations

import bisect
import json
import os
import random
import struct
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

import llmkit
from llmkit._operations import Audit, Look

from ._postgres import PostgresServer
from ._redis import running
from .admitter import LEASE, LIMITS, PLACES, WIDTH, WINDOW
from .hammer import opened

PROGRAM = "stores.admitter"
PATHS = os.pathsep.join(map(str, (Path(llmkit.__file__).parents[1], Path(__file__).parents[1])))
LONG = float(os.environ.get("LLMKIT_HAMMER") or 0)
PROCESSES, TASKS, SECONDS = (8, 12, LONG) if LONG else (3, 6, 5.0)
LONGEST = 60.0


@dataclass
class Admitting:
    """Workers on one store. ``strikes`` are what befalls it now and then, in turn."""

    folder: Path
    kind: str
    at: str
    name: str = "admitting"
    strikes: Sequence[Callable[[], None]] = ()
    more: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.stop, self.clock = self.folder / "stop", self.folder / "clock"
        self.clock.write_bytes(struct.pack("q", 0))
        self.dice = random.Random(self.kind)
        self.started = self.killed = self.struck = 0

    def store(self) -> Any:
        """The store, as workers have it."""
        return opened(self.spec(more={}))

    def spec(self, **more: Any) -> dict[str, Any]:
        """What a worker is told."""
        said = {"kind": self.kind, "at": self.at, "name": self.name, "clock": str(self.clock)}
        return said | {"stop": str(self.stop), "more": self.more} | more

    def worker(self) -> subprocess.Popen[bytes]:
        """One more of them; every other one is async."""
        self.started += 1
        colour, log = ("sync", "async")[self.started % 2], self.folder / f"{self.started}.log"
        spec = self.spec(worker=f"w{self.started}", tasks=TASKS, colour=colour, log=str(log))
        with (self.folder / f"{self.started}.err").open("wb") as errors:
            return subprocess.Popen(
                [sys.executable, "-m", PROGRAM, json.dumps(spec)],
                env={**os.environ, "PYTHONPATH": PATHS}, stdin=subprocess.DEVNULL, stderr=errors,
            )  # fmt: skip

    def run(self) -> None:
        """For a time, and until everything has happened; then let all who live come to an end."""
        workers = [self.worker() for _ in range(PROCESSES)]
        began = time.monotonic()
        try:
            while time.monotonic() < began + SECONDS or not self.enough():
                assert time.monotonic() < began + SECONDS + LONGEST, f"too slow\n{self.errors()}"
                time.sleep(self.dice.uniform(0.2, 0.5))
                self.befall(workers)
            self.stop.touch()
            for worker in workers:
                assert worker.wait(60) == 0, self.errors()
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()

    def enough(self) -> bool:
        """Whether there is something to judge: a busy machine takes longer."""
        said = "".join(path.read_text() for path in self.folder.glob("*.log"))
        befallen = self.killed > 1 and self.struck >= 2 * len(self.strikes)
        return befallen and said.count("in ") > 2 * sum(LIMITS.values())

    def befall(self, workers: list[subprocess.Popen[bytes]]) -> None:
        """A worker that has begun dies and is replaced, or the store falls."""
        if self.strikes and self.dice.random() < 0.5:
            self.strikes[self.struck % len(self.strikes)]()
            self.struck += 1
            return
        place = self.dice.randrange(len(workers))
        if len([*self.folder.glob("*.log")]) == self.started:
            workers[place].kill()
            workers[place].wait()
            workers[place] = self.worker()
            self.killed += 1

    def errors(self) -> str:
        """What workers have said before they ended."""
        return "\n".join(path.read_text(errors="replace") for path in self.folder.glob("*.err"))

    # --- judging -----------------------------------------------------------------------------

    def judge(self) -> dict[str, int]:
        """No window has more than the limit, no moment more than the places; in the end nobody is in."""
        said = [line for path in self.folder.glob("*.log") for line in path.read_text().splitlines()]
        assert not [line for line in said if line.startswith("WRONG")], self.errors()
        words = [line.split(" ") for line in said]
        left = {word[1]: int(word[2]) for word in words if word[0] == "leaving"}
        came: dict[str, list[int]] = defaultdict(list)
        stays: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for _, ticket, where, now, again, asked, told in (w for w in words if w[0] == "in"):
            if again == "0":
                came[where].append(int(now))
            until = min(left.get(ticket, int(told)), int(asked) + LEASE * 10**6)
            stays[where] += [(int(told), 1), (until, -1)] if until > int(told) else []
        most = {name: fullest(sorted(came[name])) for name in LIMITS}
        at_once = {name: crowd(sorted(stays[name])) for name in LIMITS}
        assert all(most[name] <= LIMITS[name] for name in LIMITS), most
        assert all(at_once[name] <= PLACES[name] for name in LIMITS), at_once
        # There was a crowd before the doors: the limits have been reached, or nearly.
        assert all(most[name] > 0.9 * LIMITS[name] for name in LIMITS), most
        self.nobody_is_in()
        return most

    def nobody_is_in(self) -> None:
        """When the last lease is over; and money was not touched."""
        time.sleep(LEASE / 1000)
        store = self.store()
        looked = store.perform(Look(tuple(LIMITS), (("requests", WIDTH),)))
        assert [(one.running, one.strikes) for one in looked.health] == [(0, 0)] * len(LIMITS)
        audited = store.perform(Audit())
        assert (audited.entries, audited.holds, audited.differences) == (0, 0, ())
        store.close()


def fullest(times: list[int]) -> int:
    """The most in any window; times are sorted milliseconds of the store's clock."""
    return max(
        (bisect.bisect_left(times, at + WINDOW) - place for place, at in enumerate(times)),
        default=0,
    )


def crowd(changes: list[tuple[int, int]]) -> int:
    """The most that were certainly in at one moment."""
    taken = most = 0
    for _, change in changes:
        taken += change
        most = max(most, taken)
    return most


def test_sqlite(tmp_path: Path) -> None:
    """SQLite, by processes of one machine."""
    admitting = Admitting(tmp_path, "sqlite", str(tmp_path / "llmkit.db"))
    admitting.run()
    admitting.judge()


SEEN = """
CREATE TABLE {schema}.witness (deployment text, used numeric);
CREATE FUNCTION {schema}.seen() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO {schema}.witness SELECT NEW.deployment, sum(amount) FROM {schema}.taken
    WHERE deployment = NEW.deployment AND quota = NEW.quota AND bucket >= (
        SELECT max(bucket) - 60 FROM {schema}.taken WHERE deployment = NEW.deployment AND quota = NEW.quota
    );
    RETURN NEW;
END $$;
CREATE TRIGGER seen AFTER INSERT OR UPDATE ON {schema}.taken
FOR EACH ROW WHEN (NEW.quota = 'requests') EXECUTE FUNCTION {schema}.seen();
"""


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_postgres(tmp_path: Path, postgres_server: PostgresServer, end: str) -> None:
    """PostgreSQL, which ends without a word, or is stopped, and starts again, while everybody wants in."""

    def restart() -> None:
        getattr(postgres_server, end)()
        postgres_server.start()

    schema = postgres_server.schema()
    admitting = Admitting(tmp_path, "postgres", postgres_server.dsn(), schema, [restart])
    store = admitting.store()
    store.perform(Look(()))
    store.close()
    with psycopg.connect(postgres_server.dsn()) as connection:
        connection.execute(SEEN.format(schema=schema))
    admitting.run()
    admitting.judge()
    with psycopg.connect(postgres_server.dsn()) as connection:
        query = f"SELECT deployment, max(used) FROM {schema}.witness GROUP BY 1"  # noqa: S608 - our own name
        used = dict(connection.execute(query).fetchall())
    assert all(used[name] <= LIMITS[name] for name in LIMITS), used


def test_redis(tmp_path: Path) -> None:
    """Redis, which is killed, and starts again."""
    with running() as server:
        admitting = Admitting(
            tmp_path, "redis", server.url, strikes=[server.restart], more={"timeout": 0.5}
        )
        admitting.run()
        admitting.judge()
