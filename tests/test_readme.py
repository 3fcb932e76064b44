"""What readers are told to run, runs: the code in README and docs, and the examples."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import llmkit

from .testing.test_pages import PAGES as TESTED

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    page.relative_to(ROOT).as_posix()
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    if page.name not in TESTED
)
MARKED = re.compile(r"^<!-- (not run|run with|run by): (.+) -->$")
EXAMPLES = sorted(path.name for path in (ROOT / "examples").glob("[a-z]*.py"))
ALONE = {"docs/migration.md"}  # LiteLLM's settings are its module's, and stay
FLAGS = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
CALL = re.compile(
    r"llmkit\.(?:a?(?:responses|messages|transcription|speech|moderation)|(?:image|create|update|list)_\w+)\("
    r"|completion\(|map\(rows|(?:completion|transcription)s\.create\(|embedding\(|exact=True|chain\.invoke\("
)
ELSEWHERE = r"Simulator\(|base_url=|def test_|mock_response"
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


class Block(NamedTuple):
    """Python in a page."""

    page: str
    line: int
    code: str
    mark: str = ""
    """``not run``, ``run by`` or ``run with``."""
    words: str = ""
    """Why it is not run, which tests run it, or what it is run with (see `page_stages`)."""

    @property
    def given(self) -> tuple[str, int, str, list[str]]:
        """It as `run_page` takes it."""
        with_ = self.words.split(", ") if self.mark == "run with" else []
        return self.page, self.line, self.code, with_

    @property
    def here(self) -> bool:
        """Whether it can be run here: what it imports is installed."""
        # What stands in for LiteLLM needs none.
        found = re.findall(r"^import (?!litellm)(\w+)", self.code, re.MULTILINE)
        return self.mark in {"", "run with"} and all(map(importlib.util.find_spec, found))


def blocks() -> Iterator[Block]:
    """Every block of Python that a page has."""
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        for found in re.finditer(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
            before = text[: found.start()].splitlines()
            marked = MARKED.match(before[-1]) if before else None
            mark, words = marked.groups() if marked else ("", "")
            yield Block(page, len(before) + 1, found[1], mark, words)


BLOCKS: dict[str, list[Block]] = {}
for block in blocks():
    BLOCKS.setdefault(block.page, []).append(block)
RUN = {page: [b for b in found if b.here] for page, found in BLOCKS.items()}
LEFT = [b for found in BLOCKS.values() for b in found if not b.here]


ELSEWHERE_RUN = [b for b in LEFT if b.mark == "run by"]


def run(
    *arguments: str, cwd: Path | None = None, given: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run Python with warnings as errors and a small environment on top of this one."""
    if path := os.environ.get("PYTHONPATH"):
        # What is relative to here is nowhere from elsewhere.
        parts = (str(Path(part).absolute()) for part in path.split(os.pathsep))
        environment = {"PYTHONPATH": os.pathsep.join(parts), **environment}
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
        input=given,
        capture_output=True,
        encoding="utf-8",
        cwd=cwd,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("page", [page for page, found in RUN.items() if found])
def test_code_in_the_documentation_runs(page: str) -> None:
    """Each block stands alone, leaves stderr empty, and asks a provider if it calls for that."""
    found = RUN[page]
    for together in [[block] for block in found] if page in ALONE else [found]:
        given = json.dumps([block.given for block in together])
        done = run(str(ROOT / "tests" / "run_page.py"), given=given)
        assert (done.returncode, done.stderr) == (0, "")
        for block, asked in zip(together, json.loads(done.stdout), strict=True):
            calls = bool(CALL.search(block.code)) and "dry_run=True" not in block.code
            elsewhere = re.search(ELSEWHERE, block.code) and block.mark != "run with"
            assert bool(asked) is (calls and not elsewhere), f"{page}:{block.line}"


@pytest.mark.parametrize("block", LEFT, ids=[f"{b.page}:{b.line}" for b in LEFT])
def test_what_is_not_run_is_python_of_ours(block: Block) -> None:
    """It can be compiled, and what it takes from llmkit is there."""
    tree: Any = compile(block.code, block.page, "exec", FLAGS, dont_inherit=True)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "llmkit":
            assert hasattr(llmkit, node.attr), f"{block.page}:{block.line}"


@pytest.mark.parametrize("block", ELSEWHERE_RUN, ids=[f"{b.page}:{b.line}" for b in ELSEWHERE_RUN])
def test_what_is_run_elsewhere_is_read_there(block: Block) -> None:
    """The tests that a page names for a block read that page."""
    assert Path(block.page).name in (ROOT / block.words).read_text(encoding="utf-8")


def test_every_public_name_is_in_the_reference() -> None:
    """What can be imported from llmkit is described on one of the two pages."""
    pages = [ROOT / "docs" / f"{name}.md" for name in ("reference", "reference-objects")]
    shown = [n for page in pages for n in re.findall(r"^::: (\S+)", page.read_text(), re.MULTILINE)]
    for name in llmkit.__all__:
        found = getattr(llmkit, name)
        module, inside = getattr(found, "__module__", None), getattr(found, "__qualname__", name)
        assert module is None or f"{module}.{inside}".startswith(tuple(shown)), name


def test_blocks_are_found() -> None:
    """Pages whose blocks are no longer found would pass unread."""
    assert {"README.md", "docs/index.md", "docs/quickstart.md", "docs/wires/anthropic.md"} <= {
        page for page, found in RUN.items() if found
    }
    left = [f"{b.page}:{b.line}" for b in LEFT if b.mark == "not run"]
    assert not left, "a script, a simulator or a file can stand for a provider: see page_stages"


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
