"""What is measured, in which order and size."""

from __future__ import annotations

from dataclasses import dataclass

from bench.bars import Field
from bench.peers import OURS, Peer


@dataclass(frozen=True, slots=True)
class Measure:
    """One row of the results for each contestant."""

    name: str
    title: str
    work: str
    """``import`` and ``first`` are processes; the others are the worker's."""
    unit: str
    field: Field = "wall_us"
    concurrency: int = 1
    path: str = "/v1"
    large: bool = False

    @property
    def process(self) -> bool:
        """Whether starting is what is measured."""
        return self.work in {"import", "first"}

    @property
    def streams(self) -> bool:
        """Whether it is chunks that are counted."""
        return "chunks" in self.work

    @property
    def memory(self) -> bool:
        """Whether it is bytes that are counted."""
        return "memory" in self.work

    def entrants(self, peers: tuple[Peer, ...]) -> tuple[Peer, ...]:
        """Those of the contestants that this is measured of."""
        if self.streams:
            return tuple(peer for peer in peers if not peer.calls_only)
        kept = tuple(peer for peer in peers if not peer.streams_only)
        if self.work == "import":
            return tuple(peer for peer in kept if peer.imports)
        # Limits on a pool change nothing where there is one connection.
        alone = self.memory or self.process
        return tuple(peer for peer in kept if not (alone and peer.calls_only))


_CALL, _CHUNK, _PROCESS = "call", "chunk", "process"

MEASURES = (
    Measure("import", "Import", "import", _PROCESS),
    Measure("first", "Fresh process to first answer", "first", _PROCESS),
    Measure("sync-1", "Sync call", "calls", _CALL),
    Measure("sync-64", "Sync calls in 64 threads", "calls", _CALL, concurrency=64),
    Measure("sync-256", "Sync calls in 256 threads", "calls", _CALL, concurrency=256),
    Measure("async-1", "Async call", "acalls", _CALL),
    Measure("async-64", "Async calls, 64 at once", "acalls", _CALL, concurrency=64),
    Measure("async-256", "Async calls, 256 at once", "acalls", _CALL, concurrency=256),
    Measure("large", "50 KB request: 100 messages, 5 tools", "calls", _CALL, large=True),
    Measure("chunk-sync", "Streamed chunk, sync", "chunks", _CHUNK, "cpu_us"),
    Measure("chunk-async", "Streamed chunk, async", "achunks", _CHUNK, "cpu_us"),
    Measure(
        "trickle-sync",
        "Streamed chunk, each event written by itself, sync",
        "chunks",
        _CHUNK,
        "cpu_us",
        path="/trickle/v1",
    ),
    Measure(
        "trickle-async",
        "Streamed chunk, each event written by itself, async",
        "achunks",
        _CHUNK,
        "cpu_us",
        path="/trickle/v1",
    ),
    Measure("memory-sync", "100,000 sync calls", "memory", _CALL),
    Measure("memory-async", "100,000 async calls, 32 at once", "amemory", _CALL, concurrency=32),
)
BY_NAME = {measure.name: measure for measure in MEASURES}

TIMEOUT = 300.0
"""Seconds for a turn; contestants that need more have failed."""
PATIENCE = TIMEOUT - 20
"""Seconds for all of our own calls, where memory is measured: their number is what the bar is about."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    rounds: int
    turns: int
    """Of each contestant in each measure of a round, one after the other."""
    seconds: float
    """Of one turn."""
    crowd_turns: int
    """The same where many call at once, which takes a while to be what it is."""
    crowd_seconds: float
    warm_calls: int
    """Before the first turn."""
    starts: int
    """Fresh processes of each contestant in a round, where starting is measured."""
    memory_calls: int
    memory_seconds: float
    """After which the memory of one of the others is looked at for the last time."""

    def turns_of(self, measure: Measure) -> int:
        """How often each contestant has its turn; memory is a count, not a time: once is enough."""
        if measure.memory:
            return 1
        if measure.process:
            return self.starts
        return self.turns if measure.concurrency == 1 else self.crowd_turns

    def seconds_of(self, measure: Measure, peer: Peer) -> float:
        """How long a turn is."""
        if measure.memory:
            return PATIENCE if peer.name in OURS else self.memory_seconds
        return self.seconds if measure.concurrency == 1 else self.crowd_seconds


FULL = Size(
    rounds=5,
    turns=8,
    seconds=0.15,
    crowd_turns=3,
    crowd_seconds=1.0,
    warm_calls=50,
    starts=3,
    memory_calls=100_000,
    memory_seconds=30,
)
QUICK = Size(
    rounds=2,
    turns=3,
    seconds=0.08,
    crowd_turns=1,
    crowd_seconds=0.3,
    warm_calls=20,
    starts=1,
    memory_calls=2_000,
    memory_seconds=5,
)
