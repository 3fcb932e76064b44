"""The code in the pages about testing runs, as the tests that it is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import llmkit
from llmkit.testing import Simulator

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    "testing-kit.md": "3 passed",
    "conformance.md": "passed",
    "adding-a-provider.md": "passed",
}
RECORDED = "record-replay.md"
UNUSED = (
    "schemathesis",
    "langsmith_plugin",
)  # plugins of other packages, which take seconds to load


@pytest.mark.parametrize("page", PAGES)
def test_its_tests_pass(page: str, tmp_path: Path) -> None:
    """Each block is a module of tests that passes in a pytest of its own, with warnings as errors."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert blocks
    for number, code in enumerate(blocks):
        (tmp_path / f"test_{number}.py").write_text(code, encoding="utf-8")
    ran = passed(tmp_path)
    assert PAGES[page] in ran.stdout


def test_the_page_of_cassettes_records_and_replays(tmp_path: Path) -> None:
    """Its conftest, with the options that it shows, and its tests: recorded from a simulator, then replayed without."""
    text = (ROOT / "docs" / RECORDED).read_text(encoding="utf-8")
    first, conftest, greeting, another, options, *_ = re.findall(
        r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE
    )
    assert "with replay(" in first
    (tmp_path / "conftest.py").write_text(f"import pytest\n{conftest}\n{options}")
    (tmp_path / "test_greeting.py").write_text(f"import pytest\n{greeting}\n\n{another}")
    with Simulator() as simulator:
        at = {"OPENAI_BASE_URL": simulator.base_url, "CI": ""}
        assert "2 passed" in passed(tmp_path, "--llmkit-record=all", **at).stdout
        assert len(simulator.requests) == 1
        assert "2 passed" in passed(tmp_path, **at).stdout
        assert len(simulator.requests) == 1
    made = {
        path.relative_to(tmp_path / "cassettes").as_posix() for path in tmp_path.rglob("*.json")
    }
    assert "test_greeting/test_greeting.json" in made


def passed(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run pytest there, with warnings as errors."""
    without = [
        word for name in ("cacheprovider", "asyncio", *UNUSED) for word in ("-p", f"no:{name}")
    ]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", *without, *options, "."],
        env={**os.environ, "PYTHONPATH": str(Path(llmkit.__file__).parents[1]), **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    return ran
