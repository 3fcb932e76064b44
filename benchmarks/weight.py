"""What the gateway's memory is, step by step: when ready, after chats, management, reports and streams.

usage: python benchmarks/weight.py [--seconds S] [--workers N]

Run it with an interpreter that has llmkit with the extra ``proxy``, on Linux. "resident" counts shared libraries whole,
"its own" in proportion to how many processes share them (PSS); both in MB, of all processes of the gateway.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.gateways import MASTER, Gateway, Load, asked, family, made_key, ours, running
from bench.processes import cores, serving
from bench.section import Table

_DAYS = "start_date=2026-11-01&end_date=2026-11-30"
_REPORTS = (
    "/key/list",
    "/user/list",
    "/spend/logs",
    f"/global/spend/report?{_DAYS}",
    f"/global/activity?{_DAYS}",
    "/metrics",
)


def steps(gateway: Gateway, load: Load, seconds: float) -> Iterator[str]:
    """Do one thing after the other, and say what was done."""
    port, key = gateway.port, MASTER
    yield f"it is ready (in {gateway.ready:.1f} s)"
    chats = {"path": "/v1/chat/completions", "port": port, "seconds": seconds}
    load.run(concurrency=1, stream=False, key=key, **{**chats, "seconds": 0.1})
    yield "the first chats"
    key = made_key(port)
    yield "the first request of management: a key"
    for many in (1, 16, 64):
        load.run(concurrency=many, stream=False, key=key, **chats)
        yield f"chats, {many} at once"
    load.run(concurrency=16, stream=True, key=key, **chats)
    yield "streams, 16 at once"
    for path in _REPORTS:
        status, answer = asked(port, "GET", path)
        if status != 200:
            raise SystemExit(f"{path}: {status} {answer[:200]!r}")
    yield "lists, reports, /metrics"
    load.run(concurrency=64, stream=True, key=key, **chats)
    load.run(concurrency=64, stream=False, key=key, **chats)
    yield "streams and chats, 64 at once"
    asked(port, "GET", "/openapi.json")
    yield "the OpenAPI document: FastAPI"


def resident(gateway: Gateway) -> float:
    """MB of memory that its processes have, whoever shares it."""
    found = 0
    for pid in family(gateway.process.pid):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        found += sum(int(line.split()[1]) for line in lines if line.startswith("Rss:"))
    return found / 1e3


def _more(command: Callable[[Path, int], Sequence[str]], *more: str) -> Any:
    return lambda folder, port: [*command(folder, port), *more]


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="of each load")
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    mine, other = cores()
    load = Load(other)
    rows: list[tuple[str, ...]] = []
    with serving(other) as server, tempfile.TemporaryDirectory() as place:
        plan = ours(Path(sys.executable), f"http://127.0.0.1:{server.port}")
        workers = ["--workers", str(given.workers)]
        # The key is made by ``steps``: management is loaded for it.
        plan = replace(plan, key=lambda port: MASTER, command=_more(plan.command, *workers))
        with running(plan, Path(place) / "it", mine) as gateway:
            done = steps(gateway, load, given.seconds)
            rows += [(what, f"{resident(gateway):.0f}", f"{gateway.memory():.0f}") for what in done]
    load.close()
    print(Table(("after", "resident", "its own"), rows).text())


if __name__ == "__main__":
    main()
