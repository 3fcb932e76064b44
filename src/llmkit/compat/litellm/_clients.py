"""The clients behind the compat layer's calls: one for each way to connect that the settings have named."""

from __future__ import annotations

import functools
import threading
from typing import Any, Final

from ...client import Client
from ...errors import ConfigurationError
from ._custom_calls import CustomClient
from ._settings import BUDGET, setting
from ._telling import listen, sinks

__all__ = ["client_for", "how"]

_MOST: Final = 8
_lock = threading.Lock()


def how(*, awaited: bool) -> dict[str, Any]:
    """What the settings say of connections and budgets, as keywords of a client or a router."""
    session = setting("aclient_session" if awaited else "client_session")
    told: dict[str, Any] = {
        "callbacks": (listen, *sinks()),
        "cache": setting("cache"),
        "budget": BUDGET.manager if BUDGET.limit else None,
    }
    if session is not None:
        return told | {"http_client": session}
    verify = setting("ssl_verify")
    return told | {
        "verify": None if verify is True else verify,
        "cert": setting("ssl_certificate"),
    }


def client_for(*, awaited: bool) -> Client:
    """The client that the settings want now."""
    told = how(awaited=awaited)
    try:
        with _lock:
            return _made(tuple(sorted(told.items())))
    except TypeError:
        raise ConfigurationError(
            "litellm.ssl_verify is True, False or the path of a CA file"
        ) from None


@functools.lru_cache(maxsize=_MOST)
def _made(told: tuple[tuple[str, Any], ...]) -> Client:
    return CustomClient(**dict(told))
