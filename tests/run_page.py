"""Runs the Python blocks of one page of documentation, given as JSON on stdin, and prints as JSON what each asked for.

Each block is a program of its own: an empty folder, fresh names, the environment as it was. They share one process,
for the start is most of what a block costs, and one simulator, which stands in for every provider with a chat.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import types
from unittest import mock

from llmkit.testing import Simulator, no_network

ADDRESSES = {
    "openai": "OPENAI_BASE_URL",
    "anthropic": "ANTHROPIC_BASE_URL",
    "gemini": "GEMINI_API_BASE",
    "cohere": "COHERE_BASE_URL",
}
KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "COHERE_API_KEY")


def main() -> None:
    """Run all blocks, in order; what they print goes nowhere, what they say on stderr is passed on."""
    asked: list[int] = []
    with no_network(), Simulator() as simulator:
        os.environ.update(dict.fromkeys(KEYS, "made-up"))
        for provider, variable in ADDRESSES.items():
            os.environ[variable] = simulator.base_url_for(provider)
        for page, line, code in json.load(sys.stdin):
            before = len(simulator.requests)
            with contextlib.redirect_stdout(None), mock.patch.dict(os.environ):
                run(page, line, code)
            asked.append(len(simulator.requests) - before)
    sys.stdout.write(json.dumps(asked))


def run(page: str, line: int, code: str) -> None:
    """One block, as a module of its own; its traceback names the page's line."""
    program = compile("\n" * (line - 1) + code, page, "exec", dont_inherit=True)
    sys.modules["__main__"] = module = types.ModuleType("__main__")
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        exec(program, module.__dict__)  # noqa: S102 - it is our own page


if __name__ == "__main__":
    main()
