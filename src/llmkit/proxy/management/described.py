"""Management's OpenAPI document, and its pages, by FastAPI: loaded when somebody first asks for them.

FastAPI reads the same functions that ``routes`` asks. Nothing is answered here beside the document.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any, Final

from fastapi import FastAPI
from starlette.requests import Request

from .asking import Asking
from .routes import Entry, Work, parameters

__all__ = ["described"]

_ABOUT: Final = "Keys, users, teams, organisations, budgets, models and spend."
_ERROR: Final[dict[str, Any]] = {
    "description": "Refused",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["error"],
                "properties": {
                    "error": {
                        "type": "object",
                        "required": ["message", "type", "param", "code"],
                        "properties": {
                            "message": {"type": "string"},
                            "type": {"type": "string"},
                            "param": {"type": ["string", "null"]},
                            "code": {"type": "string"},
                        },
                    }
                },
            }
        }
    },
}
_STATUSES: Final = (400, 401, 403, 404, 405, 422, 429, 500, 503)


def described(entries: Iterable[Entry]) -> FastAPI:
    """An app that answers at ``/openapi.json``, ``/docs`` and ``/redoc``."""
    app = FastAPI(
        title="llmkit",
        description=_ABOUT,
        responses=dict.fromkeys(_STATUSES, _ERROR),
        redirect_slashes=False,
    )
    for entry in entries:
        if entry.described:
            app.add_api_route(
                entry.path, _shown(entry.work), methods=[entry.method], tags=list(entry.tags)
            )
    return app


def _shown(work: Work) -> Work:
    """A function that takes what a client says, and nothing of the gateway's. Nobody calls it."""

    async def shown() -> None:
        raise NotImplementedError

    shown.__name__, shown.__doc__ = getattr(work, "__name__", ""), work.__doc__
    said = [one for one in parameters(work).values() if one.annotation not in {Asking, Request}]
    answered = inspect.signature(work, eval_str=True).return_annotation
    shown.__signature__ = inspect.Signature(said, return_annotation=answered)  # type: ignore[attr-defined]
    return shown
