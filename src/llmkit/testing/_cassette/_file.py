"""The cassette's file: JSON for people and for diffs, with a version; written at once or not at all.

What an exchange is, `_values` says; docs/record-replay.md describes the format.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ...errors import CassetteError
from ._forms import pieces_of, written
from ._values import Exchange, Failure, Request, Response

__all__ = ["VERSION", "exchanges_in", "text_of", "write"]

VERSION: Final = 1
_NAME: Final = "llmkit_cassette"
# A line feed within a string is written as an escape: what has a real one is layout.
_NUMBERS: Final = re.compile(r"\[\n +([\d.eE+-]+(?:,\n +[\d.eE+-]+)*)\n +\]")
_LONE: Final = re.compile("[\ud800-\udfff]")


def text_of(exchanges: Sequence[Exchange]) -> str:
    """The file's text. Equal exchanges give equal text."""
    document = {_NAME: VERSION, "exchanges": [_exchange(exchange) for exchange in exchanges]}
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2)
    # Half a character can be said in JSON, but not in UTF-8.
    text = _LONE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    return _NUMBERS.sub(lambda match: f"[{' '.join(match[1].split())}]", text) + "\n"


def _exchange(exchange: Exchange) -> dict[str, Any]:
    response, failure = exchange.response, exchange.failure
    made: dict[str, Any] = {"request": _request(exchange.request)}
    if response is not None:
        made["response"] = {
            "status": response.status,
            "headers": dict(sorted(response.headers.items())),
            "body": written(response.pieces),
        }
    if failure is not None:
        names = ("kind", "message", "sent", "cause", "limit")
        made["failure"] = {name: value for name in names if (value := getattr(failure, name))}
    if exchange.left:
        made["left"] = True
    made["seconds"] = [round(seconds, 4) for seconds in exchange.seconds]
    return made


def _request(request: Request) -> dict[str, Any]:
    return {
        "method": request.method,
        "url": request.url,
        "headers": dict(sorted(request.headers.items())),
        "body": _sorted(request.body),
    }


def _sorted(value: Any) -> Any:
    """By name, as their order means nothing in a request."""
    if isinstance(value, Mapping):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def exchanges_in(document: Any, path: Path) -> list[Exchange]:
    """The exchanges of a parsed file. Raises `CassetteError` where it is none, or of a later version."""
    version = document.get(_NAME) if isinstance(document, Mapping) else None
    if version != VERSION:
        raise CassetteError(
            f"{path} is no cassette that this llmkit can read: its {_NAME!r} is {version!r}, not {VERSION}"
        )
    try:
        return [_read(item) for item in document["exchanges"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CassetteError(f"{path} is damaged: {type(error).__name__}: {error}") from None


def _read(item: Mapping[str, Any]) -> Exchange:
    response = item.get("response")
    failure = item.get("failure")
    return Exchange(
        request=Request(**item["request"]),
        response=None if response is None else _response(response),
        failure=None if failure is None else Failure(**failure),
        left=item.get("left", False),
        seconds=tuple(float(seconds) for seconds in item.get("seconds", ())),
    )


def _response(item: Mapping[str, Any]) -> Response:
    return Response(int(item["status"]), dict(item["headers"]), pieces_of(item["body"]))


def write(path: Path, text: str) -> None:
    """Put the file there whole. Until then, and if that fails, what was there before stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        beside.write_text(text, encoding="utf-8", newline="\n")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
