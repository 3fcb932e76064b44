"""Where the time of a call goes is found out: stages, samples, counts, tables. No time is judged."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING

import pytest

ROOT = Path(__file__).resolve().parents[1]
BENCHMARKS = ROOT / "benchmarks"
sys.path.append(str(BENCHMARKS))

import stages as command  # noqa: E402 - programs, not installed: found by the line above
from bench import environments, processes  # noqa: E402
from bench.stages import places, process, sampling  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType


@pytest.fixture(scope="module")
def server() -> Iterator[processes.Server]:
    """The benchmarks' server, not pinned: tests share their cores."""
    with processes.serving(None) as started:
        yield started


# --- which module is which stage --------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "stage"),
    [
        ("_core", "the call"),
        ("_kinds.chat", "the call"),
        ("_control.plan", "planning"),
        ("_control.settle", "settlement"),
        ("_control.call", "driver"),
        ("_io.sync", "driver"),
        ("_io._http", "transport"),
        ("_io._reqwest_errors", "transport"),
        ("wires.openai_chat._encode", "request"),
        ("wires.openai_chat._decode", "parsing"),
        ("wires.openai_chat._stream", "parsing"),
        ("types.usage", "money"),
        ("types.answer", "parsing"),
        ("pricing._rates", "money"),
        ("_json", None),
        ("something_new", "the rest"),
    ],
)
def test_a_module_has_a_stage(module: str, stage: str | None) -> None:
    """By the first pattern that it matches; what serves several has the stage of its caller."""
    assert places.stage_of(module) == stage


def test_every_stage_has_a_place_in_the_order() -> None:
    """What is found is shown."""
    assert {stage.name for stage in places.ALL} == set(places.ORDER)
    assert len(places.ORDER) == len(places.ALL)


def _within(inner: Callable[[], FrameType] | None = None) -> FrameType:
    return inner() if inner else sys._getframe()


def made_in(file: str) -> Callable[..., FrameType]:
    """A function that says to be of that file; it returns its frame, or what it is given returns."""
    code = _within.__code__.replace(co_filename=file)
    return FunctionType(code, {"sys": sys}, None, _within.__defaults__)


def frame_in(file: str, inner: str | None) -> FrameType:
    """A frame of a function of that file, or of one that it called in another."""
    return made_in(file)(made_in(inner)) if inner else made_in(file)()


@pytest.mark.parametrize(
    ("file", "inner", "stage"),
    [
        ("/x/site-packages/llmkit/_core.py", None, "the call"),
        ("/x/site-packages/llmkit/_core.py", "/x/site-packages/json/decoder.py", "the call"),
        ("/x/src/llmkit/_core.py", "/x/src/llmkit/_json.py", "the call"),
        ("/x/src/llmkit/_core.py", "/x/src/llmkit/pricing/__init__.py", "money"),
        ("/x/src/llmkit/something_new.py", None, "the rest"),
        ("/x/bench/contestants/llmkit.py", None, "the caller"),
        ("/x/llmkit/.venv/lib/site-packages/anyio/_core.py", None, "the caller"),
        ("/x/llmkit/.venv/lib/site-packages/llmkit/_core.py", None, "the call"),
    ],
)
def test_what_libraries_do_is_done_for_their_caller(
    file: str, inner: str | None, stage: str
) -> None:
    """The innermost function of llmkit around a place says which stage it belongs to."""
    assert places.place(frame_in(file, inner)).stage == stage


def test_a_place_outside_is_the_callers_or_the_loops() -> None:
    """The time of asyncio itself is shown as such."""

    async def one() -> str:
        ran: list[str] = []
        asyncio.get_running_loop().call_soon(
            lambda: ran.append(places.place(sys._getframe()).stage)
        )
        await asyncio.sleep(0)
        return ran[0]

    assert places.place(None) == places.Place("the caller", "")
    assert asyncio.run(one()) == "event loop"


# --- samples and counts -----------------------------------------------------------------------


def test_samples_are_of_where_time_is_spent() -> None:
    """A wait is seen, too, and waited to its end; afterwards nothing rings."""
    before = signal.getsignal(signal.SIGALRM)
    start = time.monotonic()
    with sampling.sampled() as samples:
        time.sleep(0.1)
    assert time.monotonic() - start >= 0.1
    assert samples.total() >= 20
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) is before


def test_calls_are_counted_exactly() -> None:
    """Each call of a Python function, a generator's resumption included; nothing after the block."""

    def generator() -> Iterator[int]:
        yield from (1, 2)

    with process.counted() as nothing:
        pass
    with process.counted() as calls:
        list(generator())
        len([])
    assert calls.total() - nothing.total() == 3
    assert sys.getprofile() is None


def test_disturbed_parts_are_left_out() -> None:
    """When calls took longer than they do, it was not they that took the time."""
    a, b = places.Place("driver", ""), places.Place("transport", "")
    parts = [(100.0, Counter({a: 1})), (110.0, Counter({a: 2})), (200.0, Counter({b: 9}))]
    assert process.undisturbed(parts) == {a: 3}


@pytest.mark.parametrize("transport", process.TRANSPORTS)
@pytest.mark.parametrize("section", ["sync", "async-chunk"])
def test_a_kind_of_call_is_looked_into(
    section: str, transport: str, server: processes.Server
) -> None:
    """Times, samples and counts come out; of a plain call nothing belongs to no stage."""
    paths = [path for path in sys.path if Path(path).name == "src"]
    found = {
        **processes.environment(),
        "PYTHONPATH": os.pathsep.join([*paths, str(BENCHMARKS)]),
    }
    url = f"http://127.0.0.1:{server.port}/v1"
    done = subprocess.run(
        [sys.executable, "-m", "bench.stages.process", section, transport, url, "0.2"],
        env=found,
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout)
    assert set(result["times"]) == {"ours", "alone"}
    figures = command.stages(result)
    assert {"planning", "driver", "transport", "parsing", "money", "settlement"} <= set(figures)
    assert [one for one in result["calls"] if one[0] == "the rest"] == []
    total = sum(micros for _, micros in figures.values())
    assert total == pytest.approx(result["times"]["ours"]["wall_us"])


# --- the command ------------------------------------------------------------------------------

RESULT = {
    "times": {
        "ours": {"wall_us": 100.0, "cpu_us": 80.0},
        "alone": {"wall_us": 50.0, "cpu_us": 40.0},
    },
    "samples": [["transport", "_io/_http.py:raw", 6], ["driver", "_io/sync.py:go", 4]],
    "calls": [["driver", "_io/sync.py:go", 2.0], ["planning", "_control/plan.py:plan", 3.5]],
}


def test_a_table_has_stages_down_and_transports_across() -> None:
    """Calls, microseconds and shares, their sums, and the transport alone beside them."""
    (section,) = command.chosen("sync")
    text = command.table(section, {"httpx": RESULT, "reqwest": RESULT}).markdown()
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    by_name = {line[0]: line[1:4] for line in lines}
    assert len(lines[0]) == 7
    assert by_name["driver"] == ["2.0", "40.0", "40%"]
    assert by_name["transport"] == ["0.0", "60.0", "60%"]
    assert by_name["planning"] == ["3.5", "0.0", "0%"]
    assert by_name["**together**"][:2] == ["6", "100.0"]
    assert by_name["the transport alone, in turns with it"][1] == "50.0"
    assert "parsing" not in by_name
    assert "_io/_http.py:raw" in "\n".join(command.heaviest(RESULT, 1))


def test_the_command_writes_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The tables take their place in the page, and what people wrote stays."""
    page = tmp_path / "performance.md"
    page.write_text(f"# Performance\n\n{command.HEADING}\nold\n\n## After\n\nkept\n")
    monkeypatch.setattr(environments, "ready", lambda *where: Path(sys.executable))
    monkeypatch.setattr(command, "found", lambda *what: RESULT)
    monkeypatch.setattr(command, "pin", lambda core: None)
    command.main(["--quick", "--only", "sync,large", "--page", str(page), "--functions", "2"])
    text = page.read_text(encoding="utf-8")
    assert "old" not in text
    assert text.endswith("## After\n\nkept\n")
    assert "| Sync call | httpx: Python calls |" in text
    assert "- *money*: " in text
    assert "50 KB request" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="takes"):
        command.chosen("nothing")


def test_a_process_that_fails_ends_the_command(server: processes.Server) -> None:
    """What it said is shown."""
    stranger = process.Section("strange", "", "call")
    with pytest.raises(SystemExit, match="strange over httpx failed"):
        command.found(Path(sys.executable), stranger, "httpx", server, 0.1)
