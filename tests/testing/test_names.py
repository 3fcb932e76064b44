"""The names of ``llmkit.testing``: all there, and cheap until they are used."""

from __future__ import annotations

import subprocess
import sys

import pytest

from llmkit import testing

HEAVY = """
import sys
import llmkit.testing as testing
heavy = {"httpcore", "httpx", "anyio", "pytest"}
print(sorted(heavy & set(sys.modules)))
testing.scripted
print("httpcore" in sys.modules, "pytest" in sys.modules)
"""


@pytest.mark.parametrize("name", testing.__all__)
def test_every_listed_name_is_there(name: str) -> None:
    """What is listed can be had, also lazily, and again."""
    assert getattr(testing, name) is getattr(testing, name)
    assert name in dir(testing)


def test_no_other_name() -> None:
    """A name that is not there is an ``AttributeError``, as always."""
    with pytest.raises(AttributeError, match="no attribute 'simulater'"):
        _ = testing.simulater  # type: ignore[attr-defined]


def test_nothing_heavy_is_loaded() -> None:
    """Neither an HTTP library nor pytest comes along before it is needed."""
    ran = subprocess.run([sys.executable, "-c", HEAVY], capture_output=True, text=True, check=True)
    assert ran.stdout.split("\n")[:-1] == ["[]", "False False"]
