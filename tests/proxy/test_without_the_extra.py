"""Who has not installed the extra reads what to install."""

from __future__ import annotations

import subprocess
import sys

import pytest

HIDDEN = """
import runpy
import sys
import importlib.util

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("fastapi", "uvicorn", "starlette", "sqlalchemy"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hidden())
found = importlib.util.find_spec
names = ("fastapi", "uvicorn", "starlette", "sqlalchemy")
importlib.util.find_spec = lambda name, package=None: None if name in names else found(name, package)
"""
COMMANDS = {
    "llmkit proxy": "from llmkit._cli import main\nsys.exit(main(['proxy', '--port', '0']))",
    "python -m": "sys.argv[1:] = ['--help']\nrunpy.run_module('llmkit.proxy', run_name='__main__', alter_sys=True)",
}
SAID = "the gateway needs fastapi, sqlalchemy, starlette, uvicorn: pip install 'llmkit[proxy]'"


@pytest.mark.parametrize("command", COMMANDS)
def test_it_says_what_to_install(command: str) -> None:
    """One line, and no traceback, whichever way it is begun."""
    done = run(COMMANDS[command])
    assert done.returncode == 1
    assert done.stderr == f"llmkit proxy: {SAID}\n"


def test_who_embeds_it_is_told_too() -> None:
    """With an error that says so, also where only the settings are wanted."""
    for name in ("create_app", "Settings"):
        done = run(f"from llmkit.proxy import {name}")
        assert done.stderr.rstrip().endswith(f"ModuleNotFoundError: {SAID}")


def run(program: str) -> subprocess.CompletedProcess[str]:
    """A program in a Python that has none of the extra's libraries."""
    command = [sys.executable, "-c", HIDDEN + program]
    return subprocess.run(command, capture_output=True, text=True, check=False)
