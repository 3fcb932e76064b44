"""An error made anew as another class, where its code or its text says what its status does not."""

from __future__ import annotations

from collections.abc import Mapping

from .. import errors

__all__ = ["by_code", "reclassed"]


def reclassed(kind: type[errors.APIError], made: errors.APIError) -> errors.APIError:
    """The same error as ``kind``; one that was told apart like this does not pass by trying again."""
    if kind is type(made):
        return made
    return kind(
        made.message,
        status_code=made.status_code,
        provider=made.provider,
        model=made.model,
        code=made.code,
        type=made.type,
        param=made.param,
        request_id=made.request_id,
        body=made.body,
        retryable=False,
        sent=made.sent,
    )


def by_code(
    kinds: Mapping[str, type[errors.APIStatusError]], made: errors.APIError
) -> errors.APIError:
    """The error as the class that its code stands for, where there is one."""
    return reclassed(kinds.get(made.code or "", type(made)), made)
