"""Freeze a program that uses llmkit with PyInstaller, and run it: calls, routers, stores, prices, and both transports.

usage: python scripts/frozen.py        (in an environment that has llmkit[fast] and pyinstaller)
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAM = """
import asyncio, contextlib, tempfile
from pathlib import Path
import llmkit
from llmkit.compat import litellm
from llmkit.stores import SQLiteStore
from llmkit.testing import Simulator

MODEL, ASKED = "openai/gpt-4o-mini", [{"role": "user", "content": "Hi"}]
with Simulator() as simulator, tempfile.TemporaryDirectory() as place:
    at = {"base_url": simulator.base_url, "api_key": "k"}
    for number, transport in enumerate(("httpx", "reqwest")):
        with contextlib.closing(SQLiteStore(Path(place) / f"{number}.db")) as store:
            client = llmkit.Client(transport=transport, ledger=store, cache="memory", **at)
            assert client.completion(MODEL, ASKED).cost.total
            assert asyncio.run(client.acompletion(MODEL, ASKED, temperature=0)).cost.total
    behind = {"model": MODEL, "api_key": "k", "api_base": at["base_url"]}
    router = llmkit.Router([{"model_name": "any", "litellm_params": behind}])
    assert router.completion("any", ASKED).cost.total
assert llmkit.token_counter("openai/gpt-4o", ASKED).exact
assert llmkit.cost_per_token("anthropic/claude-haiku-4-5", prompt_tokens=1000)
assert litellm.completion(MODEL, ASKED, mock_response="x").choices[0].message.content == "x"
print("llmkit", llmkit.__version__, "frozen: well")
"""


def main() -> int:
    """Its exit code is the program's."""
    with tempfile.TemporaryDirectory() as place:
        program = Path(place) / "program.py"
        program.write_text(PROGRAM, encoding="utf-8")
        freeze = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level=ERROR"]
        subprocess.run([*freeze, program.name], cwd=place, check=True)
        frozen = Path(place) / "dist" / "program" / "program"
        return subprocess.run([str(frozen)], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
