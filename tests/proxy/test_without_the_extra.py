"""Who has not installed the extra reads what to install."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "uvicorn" else found(name, package)
from llmkit._cli import main
sys.exit(main(["proxy", "--port", "0"]))
"""


def test_it_says_what_to_install() -> None:
    """One line, and no traceback."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == "llmkit proxy: the gateway needs uvicorn: pip install 'llmkit[proxy]'\n"
