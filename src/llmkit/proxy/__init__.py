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

_MISSING = [
    name for name in ("fastapi", "sqlalchemy", "starlette", "uvicorn") if find_spec(name) is None
]
if _MISSING:
    raise ModuleNotFoundError(
        f"the gateway needs {', '.join(_MISSING)}: pip install 'llmkit[proxy]'", name=_MISSING[0]
    )

_WHERE = {"Settings": "settings", "create_app": "app"}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # What is here brings a web framework along.
    return getattr(import_module(f".{_WHERE[name]}", __name__), name)
