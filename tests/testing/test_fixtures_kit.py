"""The fixtures of the kit, in a pytest of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import llmkit

SUITE = """
import socket
import pytest
import llmkit
from llmkit.testing._fixtures_kit import *

HI = [{"role": "user", "content": "hi"}]

def test_simulator(llmkit_simulator):
    assert "hi" in llmkit.completion("x", HI, base_url=llmkit_simulator.base_url, api_key="any").text

def test_clock(llmkit_clock, llmkit_scripted):
    llmkit_scripted(500, "Hello")
    client = llmkit.Client(clock=llmkit_clock, environ={})
    assert client.completion("openai/gpt-4o-mini", HI).text == "Hello"
    assert len(llmkit_clock.slept) == 1

def test_left_over(llmkit_scripted):
    llmkit_scripted("never asked for")

def test_guarded(llmkit_no_network):
    with pytest.raises(RuntimeError, match="203.0.113.1"):
        socket.create_connection(("203.0.113.1", 9))
    llmkit_no_network.attempts.clear()

def test_swallowed(llmkit_no_network):
    try:
        socket.create_connection(("203.0.113.1", 9))
    except Exception:
        pass

def test_free_again():
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", 9))
"""


def test_the_fixtures(tmp_path: Path) -> None:
    """Each one does in a user's test what its function does, and ends with the test."""
    (tmp_path / "test_suite.py").write_text(SUITE)
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:asyncio",
            "-rA",
            ".",
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(llmkit.__file__).parents[1])},
    )
    lines = [line for line in ran.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    assert "6 passed, 2 errors" in ran.stdout, ran.stdout
    assert "test_left_over" in lines[0]
    assert "'never asked for'" in ran.stdout
    assert "test_swallowed" in lines[1]
