"""What PyInstaller is told of llmkit. That a frozen program runs is ``scripts/frozen.py``'s to show."""

from __future__ import annotations

import runpy
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the hook says, by tools of PyInstaller's that only note what they are asked."""
    hooks: Any = ModuleType("PyInstaller.utils.hooks")
    hooks.collect_data_files = lambda package: [(package, "data")]
    hooks.copy_metadata = lambda package: [(package, "metadata")]
    hooks.collect_submodules = lambda package, filter, on_error: (package, filter, on_error)  # noqa: A006
    for name in ("PyInstaller", "PyInstaller.utils"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, hooks.__name__, hooks)
    module, _, function = (
        tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["entry-points"][
            "pyinstaller40"
        ]["hook-dirs"]
    ).partition(":")
    (folder,) = getattr(import_module(module), function)()
    return runpy.run_path(str(Path(folder) / "hook-llmkit.py"))


def test_data_and_metadata_go_along(told: dict[str, Any]) -> None:
    """The catalogue, stores' scripts and encodings; the version, and what others add by entry points."""
    assert told["datas"] == [("llmkit", "data"), ("llmkit", "metadata")]


@pytest.mark.parametrize(
    ("name", "goes"),
    [
        ("llmkit", True),
        ("llmkit.wires.openai_chat", True),
        ("llmkit.testing", True),
        ("llmkit.testing._simulator", True),
        ("llmkit.testing.plugin", False),
        ("llmkit.testing.conformance._read", False),
        ("llmkit.proxy", False),
        ("llmkit.proxy.app", False),
        ("llmkit.providers", True),
    ],
)
def test_what_is_loaded_by_name_goes_along(told: dict[str, Any], name: str, *, goes: bool) -> None:
    """All modules but tests' own tools, which bring pytest, and the gateway."""
    package, wanted, on_error = told["hiddenimports"]
    assert (package, on_error) == ("llmkit", "ignore")
    assert wanted(name) is goes
