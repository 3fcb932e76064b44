"""What a program of PyInstaller's needs of llmkit beside what it finds by itself: what is loaded by name, and data.

Tests' own tools are left out, save the simulator; so is the gateway, which is a program by itself.
"""

from __future__ import annotations

from typing import Final

from PyInstaller.utils.hooks import collect_data_files, collect_submodules, copy_metadata

_APART: Final = (
    "llmkit._pyinstaller",
    "llmkit.proxy",
    "llmkit.testing._fixtures_kit",
    "llmkit.testing.conformance",
    "llmkit.testing.plugin",
    "llmkit.testing.store_conformance",
)


def _is_needed(name: str) -> bool:
    return not any(name == one or name.startswith(f"{one}.") for one in _APART)


hiddenimports = collect_submodules("llmkit", filter=_is_needed, on_error="ignore")
datas = [*collect_data_files("llmkit"), *copy_metadata("llmkit")]
