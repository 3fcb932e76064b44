"""The bars: what llmkit has to reach on each of its transports, beside whom, and how that is said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bench.peers import DEFAULT, FAST, OWN, RAW, REFERENCE, TYPED, Peer

Field = Literal["wall_us", "cpu_us"]
Kind = Literal["ratio", "rate", "inverse", "above", "absolute", "growth"]
"""What is held against the limit: times as a multiple of another's (or, said the other way round, the other's rate or
times as a multiple of ours), µs above the raw transport's, µs, or bytes."""

NOISE = 1.15
"""What one run can be off by: a bar missed by less than this is neither met nor missed."""
TENSORZERO, OPENAI, LITELLM = "tensorzero", "openai", "litellm"


@dataclass(frozen=True, slots=True)
class Bar:
    """A limit in one measure. ``field`` decides; the other time stands beside it."""

    measure: str
    of: str
    text: str
    limit: float
    kind: Kind = "ratio"
    beside: tuple[str, ...] = ()
    """Of several, whichever is harder to beat."""
    field: Field = "wall_us"

    def names(self, peers: tuple[Peer, ...]) -> set[str]:
        """Whom it takes to say how it stands: with what is above a transport, that transport."""
        own = {peer.bytes for peer in peers if self.kind == "above" and peer.name == self.of}
        return {self.of, *self.beside, *own}


def _above(measure: str, of: str, limit: float) -> Bar:
    text = f"at most {limit:g} µs of CPU above the raw transport"
    return Bar(measure, of, text, limit, "above", field="cpu_us")


def _fewer(measure: str) -> Bar:
    text = "less CPU than TensorZero (embedded)"
    return Bar(measure, FAST, text, 1.0, "ratio", (TENSORZERO,), "cpu_us")


def _level(measure: str) -> Bar:
    return Bar(measure, OWN, "at most raw httpx", 1.0, "ratio", (REFERENCE,))


def _faster(measure: str) -> Bar:
    text = "at least 1.5 × raw httpx's calls a second"
    return Bar(measure, OWN, text, 1.5, "rate", (REFERENCE, DEFAULT))


def _needs(measure: str, other: str, label: str, times: float) -> Bar:
    text = f"{label} needs at least {times:g} × as long"
    return Bar(measure, FAST, text, times, "inverse", (other,))


GROWTH_CALLS = 99_900
"""The 100,000, but for what is left over when they are shared among callers."""


def _grows(measure: str, of: str) -> Bar:
    return Bar(measure, of, "less than 3 MB over 100,000 calls, nothing left open", 3e6, "growth")


_CHUNKS = ("chunk-sync", "chunk-async", "trickle-sync", "trickle-async")
_MEMORY = ("memory-sync", "memory-async")

BARS = (
    Bar("first", OWN, "at most 2 × raw httpx", 2.0, "ratio", (REFERENCE,)),
    Bar("first", FAST, "at most 350 ms", 350_000, "absolute"),
    # 1,150 and 4,250 ms by 350: the same bar on a machine of any speed.
    _needs("first", OPENAI, "the openai SDK", 3.3),
    _needs("first", LITELLM, "LiteLLM", 12),
    _level("sync-1"),
    Bar("sync-1", FAST, "at most 2 × raw pyreqwest", 2.0, "ratio", (RAW,)),
    Bar("sync-1", FAST, "at most 2 × the least by hand, typed and priced", 2.0, "ratio", (TYPED,)),
    Bar("sync-1", FAST, "less than TensorZero (embedded)", 1.0, "ratio", (TENSORZERO,)),
    _needs("sync-1", OPENAI, "the openai SDK", 8),
    _needs("sync-1", LITELLM, "LiteLLM", 25),
    _faster("async-64"),
    Bar("async-64", FAST, "at least 0.5 × raw pyreqwest's calls a second", 0.5, "rate", (RAW,)),
    Bar("async-64", FAST, "at least 0.5 × the least by hand", 0.5, "rate", (TYPED,)),
    Bar("async-64", FAST, "more calls a second than TensorZero", 1.0, "rate", (TENSORZERO,)),
    _faster("async-256"),
    _level("large"),
    Bar("large", FAST, "at most 1.5 × raw pyreqwest", 1.5, "ratio", (RAW,)),
    *(_above(measure, OWN, 25) for measure in _CHUNKS),
    *(_above(measure, FAST, 15) for measure in _CHUNKS),
    *(_fewer(measure) for measure in _CHUNKS),
    *(_grows(measure, of) for measure in _MEMORY for of in (OWN, FAST)),
)


def of(measure: str) -> tuple[Bar, ...]:
    """The bars of one measure."""
    return tuple(bar for bar in BARS if bar.measure == measure)


def needed(measure: str, peers: tuple[Peer, ...]) -> set[str]:
    """The contestants that the bars of one measure are about."""
    return {name for bar in of(measure) for name in bar.names(peers)}
