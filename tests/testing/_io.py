"""The colours and the servers of ``tests/io`` and ``tests/providers``, packages of their own: loaded by path, once."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

_TESTS = Path(__file__).parents[1]


def _load(name: str, package: str = "io") -> ModuleType:
    path = _TESTS / package / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"{__package__}.{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


colours = _load("_colour")
servers = _load("_server")
issuers = _load("_issuer", "providers")
