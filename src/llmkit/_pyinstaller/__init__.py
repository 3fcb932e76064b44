"""Where PyInstaller finds what it has to be told of llmkit: ``hook-llmkit.py``, beside this.

Loaded while a program is built, and never by one. How a package has hooks of its own:
https://pyinstaller.org/en/stable/hooks.html (read 2026-11-24).
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["hook_dirs"]


def hook_dirs() -> list[str]:
    """The folders of our hooks; ``pyproject.toml`` names this function."""
    return [str(Path(__file__).parent)]
