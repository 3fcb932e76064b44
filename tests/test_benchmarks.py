"""The benchmarks run: their server, two contestants for a few calls, what is made of samples. No time is judged."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import re
import socket
import subprocess
import sys
import venv
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
BENCHMARKS = ROOT / "benchmarks"
sys.path.append(str(BENCHMARKS))

import report  # noqa: E402 - programs, not installed: found by the line above
import run as command  # noqa: E402
from bench import (  # noqa: E402
    answers,
    bars,
    environments,
    headroom,
    leavings,
    machine,
    measures,
    page,
    peers,
    plot,
    processes,
    rounds,
    stands,
    summary,
    terminal,
    timing,
    verdicts,
)
from bench.contestants import llmkit as contestant  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

TINY = measures.Size(
    rounds=1,
    turns=2,
    seconds=0,
    crowd_turns=1,
    crowd_seconds=0,
    warm_calls=1,
    starts=1,
    memory_calls=128,
    memory_seconds=5,
)
OWN, FAST, HTTPX, BYTES = peers.OWN, peers.FAST, peers.REFERENCE, peers.BYTES
NATIVE, NATIVE_BYTES = peers.RAW, peers.RAW_BYTES
KEPT = {OWN, FAST, HTTPX, BYTES, NATIVE, NATIVE_BYTES}
CALLERS = {OWN, FAST, HTTPX, NATIVE}
MEASURED = ("first", "sync-1", "chunk-async", "memory-async")


@pytest.fixture(scope="module")
def server() -> Iterator[processes.Server]:
    """The benchmarks' server, not pinned: tests share their cores."""
    with processes.serving(None) as started:
        yield started


@pytest.fixture(scope="module")
def plan() -> Iterator[rounds.Plan]:
    """A tiny run of llmkit on both transports and of these two alone, with the interpreter of these tests."""
    kept = tuple(peer for peer in peers.PEERS if peer.name in KEPT)
    chosen = [measures.BY_NAME[name] for name in MEASURED]
    paths = [path for path in sys.path if Path(path).name == "src"]
    found = {
        **processes.environment(),
        "PYTHONPATH": os.pathsep.join([*paths, str(BENCHMARKS)]),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stands, "environment", lambda: found)
        patch.setattr(rounds, "warm", lambda plan, server, tell: None)  # ``first`` starts them, too
        yield rounds.Plan(chosen, kept, TINY, {"llmkit": Path(sys.executable)})


@pytest.fixture(scope="module")
def samples(plan: rounds.Plan, server: processes.Server) -> list[dict[str, Any]]:
    """What that run yields."""
    return list(rounds.run(plan, server, lambda line: None))


def result(samples: list[dict[str, Any]]) -> dict[str, Any]:
    """A run's file, around some samples."""
    return {
        "date": "2026-11-22",
        "quick": True,
        "size": dataclasses.asdict(TINY),
        "tree": "0123456789ab",
        "machine": {
            "system": "Linux",
            "processor": "made up",
            "cores": 2,
            "memory_gb": 24.0,
            "python": "3.11.7",
        },
        "versions": {"llmkit": {"httpx": "0.28.1", "llmkit": "0.1.0"}},
        "load": {"before": 0.1, "after": 1.1},
        "server": {"answers_a_second": 20_000, "by_its_cpu_time": 50_000, "pinned": True},
        "samples": samples,
    }


def sample(
    measure: str, contestant: str, *times: tuple[float, float], number: int = 0
) -> dict[str, Any]:
    """A made-up sample: wall and CPU time of each turn."""
    turns = [{"wall_us": wall, "cpu_us": cpu, "units": 1} for wall, cpu in times]
    name = {"round": number, "measure": measure, "contestant": contestant}
    return {**name, "machine_us": 17.0, "turns": turns}


# --- the server -------------------------------------------------------------------------------


def connected(server: processes.Server) -> socket.socket:
    """A connection that gives up soon."""
    sock = socket.create_connection(("127.0.0.1", server.port), timeout=5)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def request(path: str, **body: object) -> bytes:
    """A request's bytes."""
    data = json.dumps(body).encode()
    return b"POST %b HTTP/1.1\r\ncontent-LENGTH: %d\r\n\r\n%b" % (path.encode(), len(data), data)


def read(sock: socket.socket, expected: bytes) -> bytes:
    """As many bytes as are expected; fewer if it ends."""
    found = b""
    while len(found) < len(expected) and (piece := sock.recv(65536)):
        found += piece
    return found


def test_the_server_answers_requests_that_come_in_pieces_or_together(
    server: processes.Server,
) -> None:
    """Half a request is waited for; two at once are both answered, in order."""
    asked, answer = request("/v1/chat/completions", model="m"), answers.completion()
    missing = answers.whole({"error": {"message": "no such path"}}, "404 Not Found")
    with connected(server) as sock:
        sock.sendall(asked[:20])
        sock.sendall(asked[20:] + asked[:-3])
        assert read(sock, answer) == answer
        sock.sendall(asked[-3:] + request("/elsewhere"))
        assert read(sock, answer + missing) == answer + missing


@pytest.mark.parametrize("path", ["/v1", "/trickle/v1"])
def test_a_stream_is_the_same_in_one_write_and_in_many(path: str, server: processes.Server) -> None:
    """Both variants send the same bytes, and serve the next request after them."""
    whole = b"".join(answers.pieces())
    asked = request(f"{path}/chat/completions", stream=True)
    with connected(server) as sock:
        sock.sendall(asked + asked)
        assert read(sock, whole + whole) == whole + whole


def test_a_stream_holds_as_many_chunks_as_it_says() -> None:
    """EVENTS counts the events with a chunk, each an HTTP chunk of its own."""
    head, *events = answers.pieces()
    assert len(events) == answers.EVENTS + 1
    assert all(b"data: {" in event for event in events[:-1])
    assert b"chunked" in head
    assert events[-1].endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")


def test_the_server_outlives_clients_that_leave(server: processes.Server) -> None:
    """A client that goes in the middle of a stream takes nothing with it, and the server counts on."""
    before = server.served()
    for path in ("/v1", "/trickle/v1"):
        with connected(server) as sock:
            sock.sendall(request(f"{path}/chat/completions", stream=True))
    with connected(server) as sock:
        sock.sendall(request("/v1/chat/completions"))
        assert read(sock, answers.completion()) == answers.completion()
    assert server.served()["requests"] - before["requests"] == 3


def test_headroom_is_what_the_server_answered(
    server: processes.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loop over plain sockets gets a figure for the server alone."""
    monkeypatch.setattr(headroom, "_SECONDS", 0.05)
    found = headroom.measured(server)
    assert found["answers_a_second"] > 100
    assert found["by_its_cpu_time"] >= found["answers_a_second"]


# --- contestants ------------------------------------------------------------------------------


def test_every_sample_is_taken(samples: list[dict[str, Any]]) -> None:
    """Each measure has turns of each of its contestants, with times in all of them."""
    taken = {(one["measure"], one["contestant"]) for one in samples}
    assert not [one for one in samples if "error" in one]
    assert taken == {
        *((name, peer) for name in ("first", "sync-1", "memory-async") for peer in CALLERS),
        *(("chunk-async", peer) for peer in KEPT),
    }
    for one in samples:
        expected = 2 if one["measure"] in {"chunk-async", "sync-1"} else 1
        assert len(one["turns"]) == expected
        if one["measure"] != "memory-async":
            assert all(turn["wall_us"] > 0 and turn["cpu_us"] > 0 for turn in one["turns"])


def test_units_are_calls_or_chunks(samples: list[dict[str, Any]]) -> None:
    """A turn has one call at least; a stream counts its chunks; memory is of all calls."""
    units = {(one["measure"], one["contestant"]): one["turns"][0]["units"] for one in samples}
    assert units["sync-1", OWN] == 1
    assert units["chunk-async", OWN] == answers.EVENTS
    assert units["memory-async", OWN] == 128


@pytest.mark.parametrize("name", [OWN, FAST])
def test_llmkit_leaves_nothing_open(name: str, samples: list[dict[str, Any]]) -> None:
    """After ``close`` there are no sockets, threads or tasks of its own."""
    one = next(s for s in samples if (s["measure"], s["contestant"]) == ("memory-async", name))
    assert summary.left_open(one["turns"][0]) == ""


def test_what_is_left_open_is_seen() -> None:
    """A socket and a thread that nobody closed are counted."""
    before = leavings.sockets()
    left, right = socket.socketpair()
    with left, right:
        after = leavings.sockets()
    assert (before, after) == (None, None) or after == (before or 0) + 2


def entered(plan: rounds.Plan, server: processes.Server, name: str) -> stands.Entry:
    """An entry of raw httpx, or of someone with another name."""
    httpx = next(peer for peer in plan.peers if peer.name == HTTPX)
    peer = dataclasses.replace(httpx, name=name)
    return stands.Entry(Path(sys.executable), peer, measures.BY_NAME["sync-1"], TINY, server)


def test_a_contestant_that_fails_is_a_result(plan: rounds.Plan, server: processes.Server) -> None:
    """Where a worker raises, its turns say so, and the run goes on."""
    with stands.stand(entered(plan, server, "nobody")) as stand:
        assert "ModuleNotFoundError" in stand.turn()["error"]
        assert "ModuleNotFoundError" in stand.turn()["error"]


def test_a_contestant_that_dies_is_a_result(plan: rounds.Plan, server: processes.Server) -> None:
    """Where its process ends, too."""
    with stands.stand(entered(plan, server, HTTPX)) as stand:
        assert isinstance(stand, stands._Waiting)
        stand._process.kill()
        assert "ended" in stand.turn()["error"]


def test_ours_have_to_end_as_they_should(plan: rounds.Plan, server: processes.Server) -> None:
    """A process of llmkit that does not end with 0 spoils its turns; another's end is its own business."""

    class Broken:
        def turn(self) -> dict[str, Any]:
            return {"error": "not asked"}

        def ended(self) -> int | None:
            return -6

    turns = [{"wall_us": 1.0}]
    assert rounds._unless_it_broke(turns, FAST, Broken()) == [{"error": "ended with status -6"}]
    assert rounds._unless_it_broke(turns, HTTPX, Broken()) is turns
    with stands.stand(entered(plan, server, HTTPX)) as stand:
        assert "error" not in stand.turn()
    assert stand.ended() == 0


def test_llmkit_is_measured_on_the_transport_that_is_said(server: processes.Server) -> None:
    """Another one than its name says is an error, not a measurement."""
    with pytest.raises(RuntimeError, match="over httpx, not reqwest"):
        contestant._expect("reqwest", "httpx")
    one = contestant.Sync(f"http://127.0.0.1:{server.port}/v1")
    one.check()
    one.close()


def test_a_library_that_asks_too_often_is_found_out(
    plan: rounds.Plan, server: processes.Server
) -> None:
    """The server's count and the worker's must agree."""

    class Twice(processes.Server):
        def served(self) -> dict[str, float]:
            state = super().served()
            return {**state, "requests": 2 * state["requests"]}

    with stands.stand(entered(plan, Twice(server.port), HTTPX)) as stand:
        assert stand.turn() == {"error": "4 requests for 2 answers"}


def test_a_crowd_is_measured_once_it_is_going() -> None:
    """The first calls are not counted, nor the last; a failure in one caller is raised."""

    async def acall() -> None:
        await asyncio.sleep(0)

    for result in (
        timing.in_threads(lambda: None, timing.Crowd(8, 0), 8),
        asyncio.run(timing.in_tasks(acall, timing.Crowd(8, 0), 8)),
    ):
        assert result["units"] == 8
        assert result["asked"] >= 16
    with pytest.raises(ZeroDivisionError):
        timing.in_threads(lambda: 1 / 0, timing.Crowd(2, 0), 2)
    with pytest.raises(RuntimeError, match="early"):
        timing.Crowd(2, 0).whole()


def test_an_empty_answer_is_none() -> None:
    """A contestant that gets nothing is not fast."""
    with pytest.raises(RuntimeError, match="empty"):
        timing.warm(lambda: "", 1)


# --- what is made of samples ------------------------------------------------------------------


def test_ratios_are_of_turns_of_the_same_moment() -> None:
    """A machine that slows down for both changes no ratio."""
    made = [
        sample("sync-1", OWN, (110, 55), (220, 110), (330, 165)),
        sample("sync-1", HTTPX, (100, 50), (200, 100), (300, 150)),
        sample("sync-1", OWN, (240, 1), number=1),
        sample("sync-1", HTTPX, (200, 1), number=1),
    ]
    (table,) = summary.tables(made)
    row = table.of(OWN)
    assert row is not None
    assert row.wall_ratio is not None
    assert row.wall_ratio.least == pytest.approx(1.1)
    assert row.wall_ratio.most == pytest.approx(1.2)
    assert row.wall == summary.Middle(230, 220, 240)
    assert table.ratio(OWN, HTTPX, "wall_us") == row.wall_ratio
    assert table.ratio(OWN, "openai", "wall_us") is None


def verdict(text: str, *made: dict[str, Any]) -> verdicts.Verdict:
    """How that bar stands, by these samples."""
    (found,) = [one for one in verdicts.verdicts(summary.tables(made)) if one.bar == text]
    return found


def test_many_at_once_are_held_against_the_faster_httpx() -> None:
    """Default limits can be the harder to beat; then that is what the bar is about."""
    one = verdict(
        "at least 1.5 × raw httpx's calls a second",
        sample("async-64", OWN, (100, 1)),
        sample("async-64", HTTPX, (400, 1)),
        sample("async-64", peers.DEFAULT, (125, 1)),
    )
    assert (one.wall, one.who) == ("1.25 × (1.25 to 1.25)", "llmkit")
    assert one.word == "missed"


@pytest.mark.parametrize(("wall", "word"), [(190, "met"), (220, "within noise"), (240, "missed")])
def test_calls_a_second_are_held_against_pyreqwest(wall: float, word: str) -> None:
    """Half as many a second is twice the time."""
    one = verdict(
        "at least 0.5 × raw pyreqwest's calls a second",
        sample("async-64", FAST, (wall, 1)),
        sample("async-64", NATIVE, (100, 1)),
    )
    assert one.who == "llmkit [fast]"
    assert one.wall.startswith(f"{100 / wall:.2f} ×")
    assert one.word == word


def test_a_peer_is_slower_by_so_much() -> None:
    """What the other needs is said as a multiple of what we need."""
    one = verdict(
        "LiteLLM needs at least 25 × as long",
        sample("sync-1", FAST, (100, 50)),
        sample("sync-1", "litellm", (3000, 1000)),
    )
    assert one.wall == "30.00 × (30.00 to 30.00)"
    assert one.cpu == "20.00 × (20.00 to 20.00)"
    assert one.word == "met (by CPU time: missed)"


@pytest.mark.parametrize(
    ("of", "transport", "text", "cpu", "word"),
    [
        (OWN, BYTES, "at most 25 µs of CPU above the raw transport", 34, "met"),
        (FAST, NATIVE_BYTES, "at most 15 µs of CPU above the raw transport", 34, "missed"),
        (FAST, NATIVE_BYTES, "at most 15 µs of CPU above the raw transport", 24, "met"),
    ],
)
def test_chunks_are_held_against_the_bytes(
    of: str, transport: str, text: str, cpu: float, word: str
) -> None:
    """What counts is the CPU time above that of the transport that is used, which is not the other's."""
    other = {BYTES: NATIVE_BYTES, NATIVE_BYTES: BYTES}[transport]
    made = [sample("chunk-sync", of, (99, cpu)), sample("chunk-sync", transport, (9, 10))]
    found = [
        one
        for one in verdicts.verdicts(summary.tables([*made, sample("chunk-sync", other, (1, 1))]))
        if one.word != "not measured"
    ]
    assert [(one.bar, one.cpu, one.word, one.wall) for one in found] == [
        (text, f"{cpu - 10:.1f} µs ({cpu - 10:.1f} µs to {cpu - 10:.1f} µs)", word, "–")
    ]


def test_a_wall_time_is_not_left_alone() -> None:
    """Beside it stands the CPU time, which other processes do not spoil as much."""
    made = [sample("sync-1", OWN, (200, 45)), sample("sync-1", HTTPX, (100, 50))]
    one = verdict("at most raw httpx", *made)
    assert (one.wall, one.cpu) == ("2.00 × (2.00 to 2.00)", "0.90 × (0.90 to 0.90)")
    assert one.word == "missed"


@pytest.mark.parametrize(
    ("milliseconds", "word"), [(340, "met"), (400, "within noise"), (410, "missed")]
)
def test_a_start_has_a_bar_of_its_own(milliseconds: float, word: str) -> None:
    """It needs nobody beside it."""
    start = sample("first", FAST, (milliseconds * 1e3, 1e5))
    one = verdict("at most 350 ms", start)
    assert (one.wall.partition(" (")[0], one.word) == (f"{milliseconds:.1f} ms", word)


@pytest.mark.parametrize(
    ("value", "word"), [(0.9, "met"), (1.0, "met"), (1.1, "within noise"), (1.2, "missed")]
)
def test_a_bar_is_met_or_not_or_within_noise(value: float, word: str) -> None:
    """15 % is what one run can be off by."""
    assert verdicts.word(bars.Bar("sync-1", OWN, "at most raw httpx", 1.0), value) == word


def test_without_llmkit_or_httpx_nothing_is_claimed() -> None:
    """A bar with one half of its ratio missing is not measured, and says so."""
    failed = {
        "round": 0,
        "measure": "memory-sync",
        "contestant": OWN,
        "machine_us": 1,
        "error": "x",
    }
    found = summary.tables([sample("sync-1", OWN, (1, 1)), failed])
    assert {one.word for one in verdicts.verdicts(found)} == {"not measured"}
    assert "failed: x" in terminal.table(found[1])


@pytest.mark.parametrize("name", [OWN, FAST])
@pytest.mark.parametrize(
    ("calls", "growth", "tasks", "word"),
    [
        (100_000, 2_000_000, 0, "met"),
        (100_000, 2_000_000, 1, "missed"),
        (100_000, 4_000_000, 0, "missed"),
        (20_000, 2_000_000, 0, "not measured: 20,000 calls"),
    ],
)
def test_memory_is_growth_and_what_is_left(
    name: str, calls: int, growth: int, tasks: int, word: str
) -> None:
    """A leak of either kind misses the bar; too few calls show nothing."""
    turn = {"units": calls, "resident_bytes": 5e7, "growth_bytes": growth, "tasks": tasks}
    one = {"round": 0, "measure": "memory-async", "contestant": name, "machine_us": 17}
    found = verdicts.verdicts(summary.tables([{**one, "turns": [turn]}]))
    label = next(peer.label for peer in peers.PEERS if peer.name == name)
    assert {(each.who, each.word) for each in found if each.wall} == {(label, word)}
    left = f"{tasks} tasks" if tasks else "nothing"
    assert f"{growth / 1e6:+.2f} MB; {left} left open" in {each.wall for each in found}


def test_every_bar_is_about_something_that_is_measured() -> None:
    """Its measure exists, and whom it needs is measured in it."""
    for bar in bars.BARS:
        entrants = {peer.name for peer in measures.BY_NAME[bar.measure].entrants(peers.PEERS)}
        assert bar.names(peers.PEERS) <= entrants
    assert bars.needed("chunk-sync", peers.PEERS) == {OWN, FAST, BYTES, NATIVE_BYTES, "tensorzero"}
    assert bars.needed("memory-sync", peers.PEERS) == {OWN, FAST}


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [(2.5, "2.5 µs"), (250, "250 µs"), (25_000, "25.0 ms"), (2_500_000, "2.50 s")],
)
def test_times_are_in_units_that_suit_them(microseconds: float, text: str) -> None:
    """A table is read, not calculated with."""
    assert terminal.time(microseconds) == text


def test_the_page_says_what_was_measured(samples: list[dict[str, Any]]) -> None:
    """Every table, every bar, the date, the machine and the versions are in it."""
    text = page.written(result(samples))
    for name in MEASURED:
        assert f"### {measures.BY_NAME[name].title}\n" in text
    for expected in ("2026-11-22", "made up", "`0123456789ab`", "| llmkit | 0.1.0 |", "--quick"):
        assert expected in text
    assert text.count("**") % 2 == 0
    assert "was not quiet" not in text
    busy = {**result(samples), "load": {"before": 3.0, "after": 3.0}}
    assert "was not quiet: its load was 3.0" in page.written(busy)
    assert "at most 2 × raw httpx" in text


def test_the_terminal_has_every_table(samples: list[dict[str, Any]]) -> None:
    """The same figures, in columns."""
    found = summary.tables(samples)
    text = "\n".join([*map(terminal.table, found), verdicts.text(verdicts.verdicts(found))])
    assert text.count("raw httpx, bytes unparsed") == 1
    assert "Sync call" in text


def test_the_plot_is_an_image(samples: list[dict[str, Any]]) -> None:
    """It parses as SVG, with a bar for every ratio; memory is no ratio."""
    made = summary.tables(samples)
    tree = ET.fromstring(plot.drawn(made))  # noqa: S314 - our own
    drawn = [one for one in tree.iter() if one.tag.endswith("rect")]
    assert len(drawn) - 1 == 4 + 4 + 6
    assert ET.fromstring(plot.drawn(())) is not None  # noqa: S314


# --- the commands -----------------------------------------------------------------------------


def test_a_run_is_written_and_reported(
    samples: list[dict[str, Any]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What ``run.py`` writes, ``report.py`` reads."""
    written = tmp_path / "results" / "one.json"
    command.write(result(samples), written)
    assert json.loads(written.read_text(encoding="utf-8")) == result(samples)
    assert written.with_suffix(".svg").exists()
    report.main([str(written), "--docs", str(tmp_path)])
    assert (tmp_path / "benchmarks.md").read_text(encoding="utf-8") == page.written(result(samples))
    assert (tmp_path / "benchmarks.svg").exists()
    assert str(written) in capsys.readouterr().out


def test_one_command_does_it_all(
    plan: rounds.Plan,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """From options to tables, samples and plot; only the environment is not made, and nobody is pinned."""
    monkeypatch.setattr(environments, "ready", lambda *where: plan.interpreters["llmkit"])
    monkeypatch.setattr(command, "pin", lambda core: None)
    monkeypatch.setattr(command, "QUICK", TINY)
    monkeypatch.setattr(headroom, "_SECONDS", 0.05)
    out = tmp_path / "one.json"
    command.main(
        ["--quick", "--bars", "--only", "sync-1,import", "--peers", "none", "--out", str(out)]
    )
    printed = capsys.readouterr()
    assert "Sync call" in printed.out
    assert str(out) in printed.out
    assert "llmkit" in printed.err
    found = json.loads(out.read_text(encoding="utf-8"))
    assert {one["contestant"] for one in found["samples"]} == {*CALLERS, peers.TYPED}
    assert found["versions"]["llmkit"]["httpx"]
    assert "not quiet" in page.written({**found, "load": {"before": 9.0, "after": None}})


def test_a_full_run_goes_before_a_quick_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report is of the newest results that mean something."""
    monkeypatch.setattr(report, "HOME", tmp_path)
    with pytest.raises(SystemExit):
        report.newest()
    (tmp_path / "results").mkdir()
    for name in ("2026-11-22-quick", "2026-11-20", "2026-11-21"):
        (tmp_path / "results" / f"{name}.json").write_text("{}")
    assert report.newest().stem == "2026-11-21"


def test_options_choose_measures_contestants_and_size() -> None:
    """Names may be beginnings; strangers are refused; llmkit and httpx are always there."""
    assert [one.name for one in command.chosen("sync-1,chunk")] == [
        "sync-1",
        "chunk-sync",
        "chunk-async",
    ]
    assert len(command.chosen("")) == len(measures.MEASURES)
    everyone = command.contestants(None)
    assert everyone == peers.PEERS
    assert {peer.environment for peer in command.contestants("none")} == {"llmkit"}
    assert command.contestants("openai")[-1].name == "openai"
    for wrong in (lambda: command.chosen("nothing"), lambda: command.contestants("nobody")):
        with pytest.raises(SystemExit):
            wrong()
    quick = command.size(command.arguments(["--quick", "--rounds", "3"]))
    assert (quick.rounds, quick.turns) == (3, measures.QUICK.turns)
    assert command.size(command.arguments([])) == measures.FULL
    kept, needed = command.barred(command.chosen("import,first,chunk-sync"), peers.PEERS)
    assert [one.name for one in kept] == ["first", "chunk-sync"]
    assert {peer.name for peer in needed} == {*KEPT, "openai", "litellm", "tensorzero"} - {NATIVE}


def test_every_contestant_has_a_module_and_an_environment() -> None:
    """The table of peers and what it names agree."""
    for peer in peers.PEERS:
        assert (BENCHMARKS / "bench" / "contestants" / f"{peer.name}.py").is_file()
        assert peer.bytes in {BYTES, NATIVE_BYTES}
        assert peer.environment in peers.PINS
    assert all("==" in pin for pins in peers.PINS.values() for pin in pins)


def test_an_environment_is_made_once_and_again_when_it_must(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is installed while the pins and the tree are the same; a changed tree is installed alone."""
    ran: list[tuple[str, ...]] = []

    def note(*arguments: str) -> str:
        ran.append(arguments)
        if "venv" in arguments:
            venv.create(arguments[-1], with_pip=False, symlinks=True)
        return ""

    monkeypatch.setattr(environments, "_run", note)
    tree = tmp_path / "tree"
    (tree / "src").mkdir(parents=True)
    (tree / "pyproject.toml").write_text("[project]")
    (tree / "src" / "one.py").write_text("1")
    made = environments.ready("llmkit", tmp_path, tree)
    assert made.exists()
    assert [("venv" in one, "install" in one) for one in ran] == [(True, False), (False, True)]
    assert environments.ready("llmkit", tmp_path, tree) == made
    assert len(ran) == 2
    (tree / "src" / "one.py").write_text("2")
    assert environments.ready("llmkit", tmp_path, tree) == made
    assert "--no-deps" in ran[2]
    assert environments.ready("llmkit", tmp_path, tmp_path / "other") != made
    wheel = tmp_path / "llmkit-1.whl"
    wheel.write_bytes(b"1")
    assert environments.ready("llmkit", tmp_path, wheel) != made
    assert ran[-1][-1] == str(wheel)
    assert environments.ready("openai", tmp_path, tree).parts[-3] == "openai"
    assert ran[-1][-1] == peers.PINS["openai"][0]


def test_an_installation_that_fails_ends_the_run() -> None:
    """What pip said is shown, not swallowed; what is there is listed with versions."""
    with pytest.raises(SystemExit, match="failed"):
        environments._run(sys.executable, "-c", "raise SystemExit('no')")
    assert "httpx" in {name.lower() for name in environments.contents(Path(sys.executable))}


def test_a_run_says_what_and_where_it_was(tmp_path: Path) -> None:
    """A wheel has a name, a tree that git does not know has none; the machine has a processor and cores."""
    wheel = tmp_path / "llmkit-1.whl"
    wheel.write_bytes(b"")
    assert machine.revision(wheel) == "llmkit-1.whl"
    assert machine.revision(tmp_path) == "unknown"
    assert machine.described()["cores"] == os.cpu_count()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", machine.today())


def test_help_needs_nothing() -> None:
    """``--help`` answers without an environment, a server or a network."""
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "run.py"), "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--tree" in done.stdout


def test_of_several_runs_the_last_counts() -> None:
    """A measure is that of the last run that made it, and the page names the runs of the others."""
    old = {
        "tree": "old",
        "versions": {"llmkit": {"a": "1"}, "peer": {"b": "1"}},
        "samples": [{"measure": "import", "of": "old"}, {"measure": "sync-1", "of": "old"}],
    }
    new = {
        "tree": "new",
        "versions": {"llmkit": {"a": "2"}},
        "samples": [{"measure": "sync-1", "of": "new"}],
    }
    made = report.together([old, new])
    assert [(s["measure"], s["of"]) for s in made["samples"]] == [
        ("import", "old"),
        ("sync-1", "new"),
    ]
    assert made["made_by"] == {"import": "old", "sync-1": "new"}
    assert made["versions"] == {"llmkit": {"a": "2"}, "peer": {"b": "1"}}
    assert list(page._earlier(made)) == [
        "- Of an earlier run the same day, llmkit at `old`: import."
    ]
    assert report.together([old]) is old
