"""llmkit in a real kernel: the example notebooks, live streams, interrupts. Needs nbclient and ipykernel (``dev``)."""

from __future__ import annotations

import json
import os
import queue
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from llmkit.testing import Simulator, faults

from .conftest import KEY

pytest.importorskip("ipykernel")
nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")

# What Jupyter's own packages warn of is theirs.
pytestmark = pytest.mark.filterwarnings("ignore")

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NOTEBOOKS = sorted(path.name for path in EXAMPLES.glob("*.ipynb"))
SHOWN = {
    "quickstart.ipynb": ["$0.0000", "sky blue", "global", "deployment", "completion tokens"],
    "map.ipynb": [
        "0 in the checkpoint, 3 to do",
        "InvalidRequestError",
        "[True, True, True, False, False]",
    ],
}
SETUP = """
import asyncio, threading, llmkit
ASK = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "<b>Hi</b>"}], "num_retries": 0}
ROWS = {"model": ASK["model"], "max_tokens": 9, "concurrency": 4, "num_retries": 0}
"""


def environment() -> dict[str, str]:
    """This one, with paths that hold anywhere, and nothing of Jupyter's that is kept in a home."""
    found = {**os.environ, "JUPYTER_PLATFORM_DIRS": "1", "PYTHONWARNINGS": "ignore"}
    paths = found.get("PYTHONPATH", "").split(os.pathsep)
    found["PYTHONPATH"] = os.pathsep.join(str(Path(path).absolute()) for path in paths if path)
    return found


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From its first cell to its last, without a key; what it shows is there."""
    for key, value in environment().items():
        monkeypatch.setenv(key, value)
    notebook = nbformat.read(EXAMPLES / name, as_version=4)
    where = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3", resources=where).execute()
    said = json.dumps([cell.get("outputs") for cell in notebook.cells])
    assert '"output_type": "error"' not in said
    assert [text for text in SHOWN[name] if text not in said] == []
    assert "<script" not in said


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_kept_without_outputs(name: str) -> None:
    """They would hold the machine's paths, and change with each run."""
    cells = json.loads((EXAMPLES / name).read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


class Said(NamedTuple):
    """What a cell shows: the messages' kinds and contents."""

    messages: list[tuple[str, Any]]

    @property
    def text(self) -> str:
        """All of it."""
        return json.dumps(self.messages)

    def kinds(self) -> list[str]:
        """The kinds, in their order."""
        return [kind for kind, _ in self.messages]


class Kernel:
    """A kernel, and the provider that its cells ask."""

    def __init__(self, manager: Any, simulator: Simulator) -> None:
        self.manager, self.simulator = manager, simulator
        self.client = manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def run(self, code: str, interrupt_at: int | None = None) -> Said:
        """Run a cell; interrupt it once so many more requests have come."""
        at = None if interrupt_at is None else len(self.simulator.requests) + interrupt_at
        number = self.client.execute(code)
        said = Said([])
        for _ in range(2000):
            if at is not None and len(self.simulator.requests) >= at:
                self.manager.interrupt_kernel()
                at = None
            try:
                message = self.client.get_iopub_msg(timeout=0.02 if at is not None else 30)
            except queue.Empty:
                assert at is not None, f"nothing came of {code!r}"
                continue
            if message["parent_header"].get("msg_id") != number:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                return said
            if kind not in {"status", "execute_input"}:
                said.messages.append((kind, content))
        raise AssertionError(f"no end of {code!r}")


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    """One for all tests of this module."""
    from jupyter_client.manager import KernelManager

    with Simulator() as simulator:
        manager = KernelManager(kernel_name="python3")
        address = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": simulator.base_url}
        manager.start_kernel(env=environment() | address, stderr=-3)
        try:
            made = Kernel(manager, simulator)
            assert made.run(SETUP).messages == []
            yield made
            made.client.stop_channels()
        finally:
            manager.shutdown_kernel(now=True)


def test_answers_are_shown(kernel: Kernel) -> None:
    """With HTML in which nothing is markup, from both colours."""
    for call in ("llmkit.completion(**ASK)", "await llmkit.acompletion(**ASK)"):
        [(kind, content)] = kernel.run(call).messages
        assert kind == "execute_result"
        assert "&lt;b&gt;Hi&lt;/b&gt;" in content["data"]["text/html"]
        assert "<b>" not in content["data"]["text/html"]


@pytest.mark.parametrize(
    "cell",
    [
        "display(llmkit.completion(**ASK, stream=True))",
        "stream = await llmkit.acompletion(**ASK, stream=True); display(stream); _ = await stream.until_done()",
    ],
)
def test_streams_are_shown_while_they_come(kernel: Kernel, cell: str) -> None:
    """One output, that changes; its last form is the answer with its cost."""
    said = kernel.run(f"import llmkit._io._live as live; live._EVERY = 0.0\n{cell}")
    assert said.kinds()[0] == "display_data"
    assert set(said.kinds()[1:]) == {"update_display_data"}
    assert len(said.messages) > 3
    assert "$0.0000" not in json.dumps(said.messages[-2])
    assert "$0.0000" in json.dumps(said.messages[-1])


@pytest.mark.parametrize(
    ("cell", "requests", "name"),
    [
        ("llmkit.completion(**ASK)", 1, "KeyboardInterrupt"),
        ("llmkit.map(list('abcdef'), 'Say {row}', **ROWS)", 4, "KeyboardInterrupt"),
        ("await llmkit.amap(list('abcdef'), 'Say {row}', **ROWS)", 4, "CancelledError"),
    ],
)
def test_an_interrupt_ends_a_cell(kernel: Kernel, cell: str, requests: int, name: str) -> None:
    """The calls are settled as cancelled, and the kernel goes on as before."""
    kernel.simulator.fail(*[faults.SlowStart(30)] * requests)
    said = kernel.run(cell, interrupt_at=requests)
    [error] = [content for kind, content in said.messages if kind == "error"]
    assert error["ename"] == name
    outcomes = f"[one.outcome for one in llmkit.default_client().ledger.settlements][-{requests}:]"
    assert (
        str(["cancelled"] * requests) in kernel.run(outcomes).messages[0][1]["data"]["text/plain"]
    )
    assert "execute_result" in kernel.run("llmkit.completion(**ASK)").kinds()
