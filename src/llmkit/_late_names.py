"""Names of a package that are loaded when they are first asked for (PEP 562). Nothing else of llmkit is known here."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["late_names"]


def late_names(
    package: dict[str, Any], homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """A package's ``__getattr__`` and ``__dir__``.

    Args:
        package: its ``globals()``, where what was asked for once is kept.
        homes: names and the modules that have them, as in ``from .calls import``; a module of just that name is
            itself what is asked for.
    """
    here: str = package["__name__"]

    def get(name: str) -> Any:
        if (home := homes.get(name)) is None:
            raise AttributeError(f"module {here!r} has no attribute {name!r}")
        module = importlib.import_module(home, here)
        value = package[name] = module if home == f".{name}" else getattr(module, name)
        return value

    def names() -> list[str]:
        return sorted(package["__all__"])

    return get, names
