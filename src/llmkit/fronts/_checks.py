"""What all fronts look at first: whether a request is one. No front's own fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import APIError, InvalidRequestError

__all__ = ["invalid", "listed", "mapping", "present", "status_of", "text"]

_LEAST = 400


def invalid(message: str, param: str | None = None) -> InvalidRequestError:
    """An error for a mistake in the request."""
    return InvalidRequestError(message, param=param)


def mapping(value: Any, path: str) -> Mapping[str, Any]:
    """The value, which must be an object."""
    if type(value) is not dict and not isinstance(value, Mapping):
        raise invalid(f"{path} must be an object, not {type(value).__name__}", path)
    return value


def listed(value: Any, path: str) -> list[Any]:
    """The value, which must be a list."""
    if not isinstance(value, list | tuple):
        raise invalid(f"{path} must be a list, not {type(value).__name__}", path)
    return list(value)


def text(value: Any, path: str) -> str:
    """The value, which must be a text."""
    if not isinstance(value, str):
        raise invalid(f"{path} must be a text, not {type(value).__name__}", path)
    return value


def present(source: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that say something: null stands for a field that is left out."""
    return {name: value for name, value in source.items() if value is not None}


def status_of(failure: APIError) -> int:
    """The status to answer a failure with: a call that got no answer is a bad gateway's."""
    status = failure.status_code
    return status if status is not None and status >= _LEAST else 502
