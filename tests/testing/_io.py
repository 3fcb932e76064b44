"""The colours and the scriptable server of ``tests/io``, which is a package of its own: loaded by path, once."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

_IO = Path(__file__).parents[1] / "io"


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"{__package__}.{name}", _IO / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


colours = _load("_colour")
servers = _load("_server")
