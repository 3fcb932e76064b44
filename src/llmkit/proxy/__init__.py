"""The gateway: OpenAI's endpoints over HTTP, with keys, teams, budgets and a request log. ``python -m llmkit.proxy``.

It decides nothing about models, prices, retries or budgets: it finds out who asks, and makes the same call of the
library's that they could have made themselves.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .app import create_app as create_app
    from .settings import Settings as Settings

__all__ = ["Settings", "create_app"]

_WHERE = {"Settings": "settings", "create_app": "app"}
_LIBRARIES = ("fastapi", "sqlalchemy", "starlette", "uvicorn")


def check_installed() -> None:
    """Raises ``ModuleNotFoundError`` that says what to install, where the extra is missing."""
    missing = [name for name in _LIBRARIES if find_spec(name) is None]
    if missing:
        raise ModuleNotFoundError(
            f"the gateway needs {', '.join(missing)}: pip install 'llmkit[proxy]'", name=missing[0]
        )


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    check_installed()
    # What is here brings a web framework along.
    return getattr(import_module(f".{_WHERE[name]}", __name__), name)
