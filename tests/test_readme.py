"""What readers are told to run, runs: the code in README and docs, and the examples."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from llmkit.testing import Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "docs/index.md",
    "docs/quickstart.md",
    "docs/embedding.md",
    "docs/streaming.md",
    "docs/errors.md",
    "docs/catalogue.md",
    "docs/fake-lago.md",
    "docs/costs.md",
    "docs/bounds.md",
    "docs/billing.md",
    "docs/budgets.md",
    "docs/notebooks.md",
    "docs/router.md",
    "docs/tokens.md",
    "docs/stores.md",
    "docs/migration.md",
    "docs/telemetry.md",
    "docs/cache.md",
]
NOT_RUN = re.compile(r"^<!-- not run: .+ -->$")
EXAMPLES = sorted(path.name for path in (ROOT / "examples").glob("[a-z]*.py"))
CALL = re.compile(r"completion\(|map\(rows|completions\.create\(|embedding\(|exact=True")
PRINTED_BY_EXAMPLES = {
    "billing.py": "the books agree: True",
    "budget.py": "the ledger balances: True",
    "cache.py": "asked once: True",
    "costs.py": "given with the call",
    "fallbacks.py": "openai gpt-4o-mini answered",
    "more_calls.py": "flagged: False",
    "routing.py": "fast: there",
    "quickstart.py": "answered by openai with the key from",
    "streaming.py": "stop",
    "telemetry.py": "together 5 calls $",
    "structured.py": "City(name=",
    "tools.py": "get_weather({",
}


def blocks() -> Iterator[tuple[str, int, str]]:
    """Every Python block: its page, the line it starts on, its code."""
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        for found in re.finditer(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
            before = text[: found.start()].splitlines()
            if not (before and NOT_RUN.match(before[-1])):
                yield page, len(before) + 1, found[1]


BLOCKS = list(blocks())


def run(
    *arguments: str, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run Python with warnings as errors and a small environment on top of this one."""
    if path := os.environ.get("PYTHONPATH"):
        # What is relative to here is nowhere from elsewhere.
        parts = (str(Path(part).absolute()) for part in path.split(os.pathsep))
        environment = {"PYTHONPATH": os.pathsep.join(parts), **environment}
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        cwd=cwd,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("page", "line", "code"), BLOCKS, ids=[f"{page}:{line}" for page, line, _ in BLOCKS]
)
def test_code_in_the_documentation_runs(page: str, line: int, code: str, tmp_path: Path) -> None:
    """Each block stands alone, leaves stderr empty, and asks a provider if it calls for that."""
    with Simulator() as simulator:
        done = run(
            "-c",
            code,
            cwd=tmp_path,
            OPENAI_API_KEY="made-up",
            OPENAI_BASE_URL=simulator.base_url,
            ANTHROPIC_API_KEY="made-up",
            ANTHROPIC_BASE_URL=simulator.base_url_for("anthropic"),
        )
        asked = bool(simulator.requests)
    assert (done.returncode, done.stderr) == (0, ""), f"{page}:{line}"
    assert asked is (bool(CALL.search(code)) and "dry_run=True" not in code)


def test_every_page_has_code() -> None:
    """A page whose blocks are no longer found would pass unread."""
    assert {page for page, _, _ in BLOCKS} == set(PAGES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_run_without_a_key(name: str) -> None:
    """Each example answers offline and prints what it is about."""
    done = run(str(ROOT / "examples" / name))
    assert (done.returncode, done.stderr) == (0, "")
    assert PRINTED_BY_EXAMPLES[name] in done.stdout


@pytest.mark.parametrize("name", ["try", "test"])
def test_readme_has_its_two_commands(name: str) -> None:
    """CI extracts both from README; each is one line that needs only python3."""
    done = run(str(ROOT / "scripts" / "readme_command.py"), name)
    assert done.returncode == 0
    assert done.stdout.startswith("python3 -m venv .venv && .venv/bin/pip install -q ")
    assert done.stdout.count("\n") == 1
