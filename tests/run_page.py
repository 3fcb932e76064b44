"""Runs the Python blocks of one page of documentation, given as JSON on stdin, and prints as JSON what each asked for.

Each block is a program of its own: an empty folder, fresh names, the environment as it was, and what its page asks for
(`page_stages`). They share one process, for the start is most of what a block costs, and one simulator, which stands
in for every provider with a chat.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import json
import os
import sys
import tempfile
import types
from typing import Any
from unittest import mock

from llmkit.testing import Simulator, no_network
from page_stages import Scene, staged

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
    left: dict[str, Any] = {}
    with no_network(), Simulator() as simulator:
        os.environ.update(dict.fromkeys(KEYS, "made-up"))
        for provider, variable in ADDRESSES.items():
            os.environ[variable] = simulator.base_url_for(provider)
        for page, line, code, words in json.load(sys.stdin):
            scene = Scene(code, simulator, before=left)
            with contextlib.redirect_stdout(None), mock.patch.dict(os.environ), folder():
                asked.append(run(page, line, scene, words))
            left = scene.names
    sys.stdout.write(json.dumps(asked))


def run(page: str, line: int, scene: Scene, words: list[str]) -> int:
    """One block, as a module of its own; its traceback names the page's line. Returns how often it asked."""
    with staged(words, scene) as ready:
        before = [count() for count in ready.counted]
        sys.modules["__main__"] = module = types.ModuleType("__main__")
        module.__dict__.update(ready.names)
        lines = "\n" * (line - 1) + ready.code
        program = compile(lines, page, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        done = eval(program, module.__dict__)  # noqa: S307 - it is our own page
        if inspect.iscoroutine(done):
            asyncio.run(done)
        scene.names = module.__dict__
        return sum(count() for count in ready.counted) - sum(before)


@contextlib.contextmanager
def folder() -> Any:
    """An empty one to be in."""
    with tempfile.TemporaryDirectory() as made, contextlib.chdir(made):
        yield


if __name__ == "__main__":
    main()
