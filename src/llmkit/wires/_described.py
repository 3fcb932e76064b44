"""An error's body to its message, code, type and param, wherever a provider puts them. ``_errors`` judges.

Forms as they were seen or documented, 2026-11-22, ``E`` standing for ``{"message", "type", "param", "code"}``:
``{"error": E}``, ``E`` itself, ``{"error": "text"}`` with ``code`` or ``error_type`` beside it, ``{"error":
["text"]}``, ``{"errors": [E]}`` (Cloudflare), ``{"data": E}`` (Portkey), ``{"error_code", "message"}`` (Databricks),
``{"detail": …}`` and ``{"message": {"detail": […]}}`` (Mistral), a list of one such object, text, and pages of HTML.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["described"]

_SNIPPET = 300
_MESSAGE = (
    "message",
    "detail",
    "msg",
    "error_description",
    "error_message",
    "description",
    "title",
)
_CODE = ("code", "error_code", "errorCode")
_TYPE = ("type", "error_type", "status")
_STATUS = ("raw_status_code", "http_status_code", "status_code", "statusCode")


def described(body: Any) -> dict[str, str | None]:
    """What a body says: ``message``, ``code``, ``type``, ``param``, and ``status`` where the body repeats it."""
    if isinstance(body, list) and body:
        body = body[0]
    if not isinstance(body, Mapping):
        return dict.fromkeys(("code", "type", "param", "status")) | {"message": _plain(body)}
    source = _source(body)
    return {
        "message": _with_upstream(_message(source), source),
        "code": _first(source, _CODE),
        "type": _first(source, _TYPE),
        "param": _word(source.get("param")),
        "status": _first(source, _STATUS),
    }


def _source(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The object that speaks of the error."""
    inner = body.get("error")
    if isinstance(inner, Mapping):
        return inner
    several = body.get("errors")
    if isinstance(several, list) and several:
        return several[0] if isinstance(several[0], Mapping) else {**body, "message": several[0]}
    data = body.get("data")
    if isinstance(data, Mapping) and "message" in data and "message" not in body:
        return data
    return body


def _message(source: Mapping[str, Any]) -> str | None:
    found = next((source[name] for name in _MESSAGE if source.get(name)), source.get("error"))
    return _flat(found)


def _flat(value: Any) -> str | None:
    """A message that is no text: FastAPI's list of places and what is wrong there, or an object of it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and value:
        return "; ".join(_complaint(item) for item in value[:_SNIPPET])
    if isinstance(value, Mapping) and (inner := _message(value)) is not None:
        return inner
    return str(value)


def _complaint(item: Any) -> str:
    if not isinstance(item, Mapping) or "msg" not in item:
        return str(item)
    place = item.get("loc")
    path = ".".join(map(str, place)) if isinstance(place, list) else ""
    return f"{path}: {item['msg']}" if path else str(item["msg"])


def _with_upstream(message: str | None, source: Mapping[str, Any]) -> str | None:
    """Add what an aggregator quotes of the provider behind it: its own message says only that it failed."""
    metadata = source.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, Mapping) else None
    upstream = str(raw)[:_SNIPPET] if raw else None
    if message is None or upstream is None or upstream in message:
        return message if message is not None else upstream
    return f"{message}: {upstream}"


def _plain(body: Any) -> str:
    text = str(body or "").strip()
    if not text.startswith("<"):
        return text[:_SNIPPET]
    words = re.sub(
        r"<(script|style).*?</\1>|<[^>]*>",
        " ",
        text[: 8 * _SNIPPET],
        flags=re.DOTALL | re.IGNORECASE,
    )
    return f"a page of HTML, not JSON (is base_url right?): {' '.join(words.split())[:_SNIPPET]}"


def _first(source: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((_word(source[name]) for name in names if source.get(name) is not None), None)


def _word(value: Any) -> str | None:
    return None if value is None else str(value)
