"""Transports' failures by the name of their class: what is written of one, and how it is raised again from that.

The other side of ``_failures``, which reads the names.
"""

from __future__ import annotations

import builtins
from typing import Any

import httpx

from .. import errors
from .._call import Sent

__all__ = ["kind_of", "named"]


def kind_of(error: BaseException) -> str:
    """The name of its class, or of the nearest one above it that ``named`` knows."""
    return next(k.__name__ for k in type(error).__mro__ if _class(k.__name__) is not None)


def named(kind: str, words: str, sent: Sent) -> Exception:
    """A failure of this kind, to be raised. An unknown name is a failed request's."""
    found = _class(kind)
    if found is None:
        return httpx.RequestError(words)
    made: Exception = (
        found(words, sent=sent) if issubclass(found, errors.APIError) else found(words)
    )
    return made


def _class(name: str) -> type[Any] | None:
    for home in (httpx, errors, builtins):
        found = getattr(home, name, None)
        if isinstance(found, type) and issubclass(found, Exception):
            return found
    return None
