"""The router's simulation: nothing fails that need not, a seed gives one result, and its peer is as it says."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))

import router_sim
from sim import report, world
from sim.clock import Clock
from sim.shuffle import Shuffle
from sim.world import Call, Host, World

COUNT = 1_500
PEER = "LiteLLM's default (model)"
CALL = Call(0, 0.0, 100, 200)
LONG = 10_000.0


@pytest.fixture(scope="module")
def results() -> list[report.Result]:
    """A short run of two strategies and of the peer."""
    names = (PEER, "simple-shuffle", "latency-based-routing")
    return [router_sim.Run(name, COUNT, 1).result() for name in names]


def test_no_call_fails_that_need_not(results: list[report.Result]) -> None:
    """While anybody is well and has room, every call is answered; the peer loses some, so the world is hard enough."""
    peer, *ours = results
    assert [(one.failed, one.avoidable) for one in ours] == [(0, 0), (0, 0)]
    assert peer.avoidable > 0
    assert peer.failed >= peer.avoidable


def test_all_calls_are_counted_once(results: list[report.Result]) -> None:
    """What was answered and what failed is what was asked, in every part of the time."""
    for one in results:
        assert one.calls == COUNT
        assert sum(one.failed_by_slice) == one.failed
        assert len(one.p99_by_slice) == report.SLICES
        assert 0 < one.p50 < one.p99
        assert one.attempts >= 1 - one.failed / COUNT
        assert set(one.phases) == {phase.name for phase in world.PHASES}


def test_a_seed_gives_one_result() -> None:
    """The same seed gives the same figures to the last digit; another one gives others."""
    first, again, other = (
        router_sim.Run("simple-shuffle", 400, seed).result() for seed in (3, 3, 4)
    )
    assert first == again
    assert first != other


def test_page_and_drawings_are_written(results: list[report.Result], tmp_path: Path) -> None:
    """The tables stand between the markers, nothing else of the page changes, and the drawings are beside it."""
    page = tmp_path / "router.md"
    page.write_text("Before.\n<!-- simulation -->\nold\n<!-- end of simulation -->\nAfter.\n")
    router_sim.written(page, results)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("Before.\n<!-- simulation -->\n")
    assert text.endswith("<!-- end of simulation -->\nAfter.\n")
    assert "old" not in text
    for one in results:
        assert f"| {one.name} | {one.avoidable:,} | {one.failed:,} |" in text
    for phase in world.PHASES:
        assert f"| {phase.name} |" in text
    for name in ("failed", "p99"):
        text = (tmp_path / f"router-{name}.svg").read_text(encoding="utf-8")
        drawn = ET.fromstring(text)  # noqa: S314 - our own drawing
        lines = [one for one in drawn if one.tag.endswith("polyline")]
        assert len(lines) == len(results)


def test_a_page_without_markers_is_left_alone(results: list[report.Result], tmp_path: Path) -> None:
    """The program says so, rather than write somewhere."""
    page = tmp_path / "page.md"
    page.write_text("Nothing.\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="no markers"):
        router_sim.written(page, results)
    assert page.read_text(encoding="utf-8") == "Nothing.\n"


# --- the peer's model: what its header says


class Scene:
    """A world of a few hosts, and the model in it."""

    def __init__(self, *hosts: Host) -> None:
        self.world, self.clock = World(1, LONG), Clock()
        self.world.hosts = list(hosts)
        self.router = Shuffle(self.world, self.clock, 1)

    def ask(self, at: float) -> list[Host | None]:
        """A call that comes then; how it ends."""
        ended: list[Host | None] = []
        self.clock.now = at
        self.router.ask(CALL, ended.append)
        self.clock.run()
        return ended


def host(name: str, rpm: int = 1_000, *faults: world.Kind) -> Host:
    """A host that suffers these all the time."""
    return Host(name, 1.0, rpm, 1.0, [(0.0, LONG, kind) for kind in faults])


def test_the_peer_draws_by_rpm() -> None:
    """Of two, the one with three times the requests a minute is asked about three times as often."""
    few, many = host("few", 1_000), host("many", 3_000)
    scene = Scene(few, many)
    for number in range(1_000):
        scene.ask(number * 10.0)
    assert few.asked + many.asked == 1_000
    assert 2.5 < many.asked / few.asked < 3.6


def test_the_peer_tries_three_times() -> None:
    """Two retries, at once while anybody is well."""
    down = host("down", 1_000, "down")
    scene = Scene(down)
    assert scene.ask(0.0) == [None]
    assert scene.clock.now == pytest.approx(3 * world.REFUSED)
    assert down.asked == 3


def test_the_peer_fails_while_all_cool_down() -> None:
    """After a 429 the deployment is let be for its Retry-After; where that is everybody, calls fail at once."""
    one = host("one", 1)
    scene = Scene(one)
    assert scene.ask(0.0) == [one]
    assert scene.ask(2.0) == [None]
    assert scene.clock.now == pytest.approx(2.0 + world.REFUSED)
    assert one.asked == 2
    assert scene.ask(59.0) == [None]
    assert one.asked == 2
    assert scene.ask(61.0) == [one]


@pytest.mark.parametrize("kind", ["hangs", "down"])
@pytest.mark.parametrize(("count", "asked"), [(5, 5), (4, 8)])
def test_the_peer_cools_down_after_five(kind: world.Kind, count: int, asked: int) -> None:
    """Five failures in the clock's minute let a deployment be for five seconds; after four, all are asked again."""
    bad = host("bad", 1_000, kind)
    scene = Scene(bad)
    for _ in range(count):
        scene.router.ask(CALL, lambda _: None)
    scene.clock.run()
    assert bad.asked == asked
    ended = scene.clock.now
    scene.ask(ended + 4.9)
    assert bad.asked == asked
    scene.ask(ended + 5.1)
    assert bad.asked > asked


def test_the_peer_forgets_with_the_minute() -> None:
    """Four failures of one minute and four of the next never make five."""
    state = Shuffle(World(1, LONG), Clock(), 1)._states["d00"]
    assert [state.count(at, worked=False) for at in (56, 57, 58, 59)] == [0.0] * 4
    assert [state.count(at, worked=False) for at in (60, 61, 62, 63)] == [0.0] * 4
    assert state.count(64, worked=True) == pytest.approx(4 / 5)


# --- the world


def test_a_host_takes_no_more_than_it_says() -> None:
    """Within any minute it answers its requests, then it refuses, and says for how long."""
    scene = World(1, LONG)
    one = host("one", 5)
    answers = [scene.ask(one, CALL, now) for now in (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)]
    assert [answer.error is None for answer in answers] == [True] * 5 + [False]
    error = answers[-1].error
    assert error is not None
    assert error.retry_after == 55.0
    assert scene.ask(one, CALL, 60.1).error is None


def test_faults_are_what_they_are_called() -> None:
    """Down refuses at once, hanging ends with the timeout, slow is slow, limited takes less."""
    scene = World(1, LONG)
    down, hangs = (scene.ask(host("h", 100, kind), CALL, 0.0) for kind in ("down", "hangs"))
    assert (down.seconds, hangs.seconds) == (world.REFUSED, world.TIMEOUT)
    assert down.error is not None
    assert hangs.error is not None
    assert (down.error.sent, hangs.error.sent) == ("no", "yes")
    limited = host("h", 100, "limited")
    assert sum(scene.ask(limited, CALL, 0.0).error is None for _ in range(100)) == 20
    brown = host("h", 10_000, "brown-out")
    assert 300 < sum(scene.ask(brown, CALL, 0.0).error is not None for _ in range(1_000)) < 500
    slow, usual = (
        sum(scene.ask(host("h", 10_000, *kind), CALL, 0.0).seconds for _ in range(300))
        for kind in (("slow",), ())
    )
    assert 6 < slow / usual < 10


def test_capacity_is_of_those_who_would_answer() -> None:
    """Who is down, hangs or browns out has none, nor has one that is full."""
    scene = World(1, LONG)
    scene.hosts = [host("a", 5, "down"), host("b", 5, "hangs"), host("c", 5, "brown-out")]
    assert not scene.capacity(0.0)
    scene.hosts.append(replace(host("d", 1)))
    assert scene.capacity(0.0)
    scene.ask(scene.hosts[-1], CALL, 0.0)
    assert not scene.capacity(0.0)
    assert scene.capacity(60.1)
