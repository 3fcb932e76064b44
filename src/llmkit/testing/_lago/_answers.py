"""What the fake Lago says: an answer as bytes, and the envelopes of its errors as Lago's documentation has them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from typing_extensions import override

__all__ = ["Answer", "date_of", "failed", "invalid", "missing", "moment", "ok", "second"]

_PHRASES = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "Internal Server Error",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, body and headers of an answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class _Plain(json.JSONEncoder):
    @override
    def default(self, o: Any) -> Any:
        return float(o) if isinstance(o, Decimal) else super().default(o)


def ok(said: Any, headers: Mapping[str, str] | None = None) -> Answer:
    """200 with this as JSON."""
    return Answer(200, _json(said), headers or {})


def failed(status: int, code: str | None = None, details: Any = None) -> Answer:
    """An error; *details* are whatever stands in `error_details`: an object, a text, nothing."""
    said: dict[str, Any] = {"status": status, "error": _PHRASES.get(status, "Error")}
    said |= {} if code is None else {"code": code}
    said |= {} if details is None else {"error_details": details}
    return Answer(status, _json(said))


def invalid(details: Any) -> Answer:
    """422 with what is wrong by field, or by an entry's index; or a text."""
    return failed(422, "validation_errors", details)


def missing(parameter: str) -> Answer:
    """400: a body without the object that it must be wrapped in."""
    said = f"BadRequest: param is missing or the value is empty or invalid: {parameter}"
    return Answer(400, _json({"status": 400, "error": said}))


def moment(at: int) -> str:
    """Milliseconds of Unix time as Lago writes an event's timestamp."""
    return second(at // 1000)[:-1] + f".{at % 1000:03d}Z"


def second(at: float) -> str:
    """Unix time as Lago writes it, to the second."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def date_of(at: float) -> str:
    """The day of a Unix time."""
    return second(at)[:10]


def _json(said: Any) -> bytes:
    return json.dumps(said, cls=_Plain, ensure_ascii=False).encode()
