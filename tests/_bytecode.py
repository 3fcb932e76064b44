"""What pytest makes of the test files, written by the workers together before any of them collects.

Every worker collects all files, in the same order and at the same time: each would rewrite the asserts of them all.
"""

from __future__ import annotations

import contextlib
import sys
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest


def write_share(config: pytest.Config) -> None:
    """In a worker of several: write the bytecode of those files that fall to it. Elsewhere nothing."""
    worker: dict[str, object] = getattr(config, "workerinput", {})
    if worker and not sys.dont_write_bytecode:
        number, workers = int(str(worker["workerid"])[2:]), int(str(worker["workercount"]))
        for path in sorted(set(_asked_for(config)))[number::workers]:
            _write(config, path)


def _asked_for(config: pytest.Config) -> Iterator[Path]:
    for argument in config.args:
        path = Path(argument.partition("::")[0]).resolve()
        if path.is_dir():
            yield from path.rglob("test_*.py")


def _write(config: pytest.Config, path: Path) -> None:
    """Let pytest's own loader write it. Without built-ins, the module ends at its first import."""
    hook = config.pluginmanager.rewrite_hook
    spec = spec_from_file_location(f"unrun.{path.stem}", path)
    unrun = ModuleType(f"unrun.{path.stem}")
    unrun.__spec__ = spec
    unrun.__dict__["__builtins__"] = {}
    with contextlib.suppress(Exception):
        hook.exec_module(unrun)
