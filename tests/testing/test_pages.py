"""The code in the pages about testing runs, as the tests that it is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import llmkit

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    "testing-kit.md": "3 passed",
    "conformance.md": "passed",
    "adding-a-provider.md": "passed",
}
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
    without = [
        word for name in ("cacheprovider", "asyncio", *UNUSED) for word in ("-p", f"no:{name}")
    ]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", *without, "."],
        env={**os.environ, "PYTHONPATH": str(Path(llmkit.__file__).parents[1])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    assert PAGES[page] in ran.stdout
