"""Rows of recorded Bedrock traffic, with their paths, and frames put back where the recorder undid them.

Nothing in this file knows llmkit's wires; the frames that are missing are written by its encoder.
"""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote

from llmkit._eventstream import encoded

from . import _reader
from ._reader import Row

_PREFIX = "base64:"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A row and the path that it was asked at; empty where only the answer was recorded."""

    row: Row
    path: str

    @property
    def id(self) -> str:
        """The row's id."""
        return self.row.id

    @property
    def model(self) -> str:
        """The model as the path has it, unescaped: ARNs are whole there."""
        named = unquote(self.path.partition("/model/")[2].rpartition("/")[0])
        return named or self.row.model or "unnamed.model-v1:0"


@cache
def exchanges(api: str) -> tuple[Exchange, ...]:
    """All rows of one file, where there are recordings."""
    recordings = _reader.directory()
    path = None if recordings is None else recordings / f"{api}.jsonl.gz"
    if path is None or not path.exists():
        return ()
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
        return tuple(_exchange(api, json.loads(line)) for line in lines)


def _exchange(api: str, raw: dict[str, Any]) -> Exchange:
    request, response = raw.get("request") or {}, raw["response"]
    # Some recorders hid the media type.
    headers = {k: v for k, v in (response.get("headers") or {}).items() if "REDACTED" not in v}
    row = Row(
        id=raw["id"],
        api=api,
        model=raw.get("model") or "",
        streaming=bool(raw["streaming"]) or api.endswith("-stream"),
        request=None if raw["response_only"] else request.get("text"),
        status=int(response["status"]),
        headers=headers,
        body=_body(response),
    )
    return Exchange(row, str(request.get("path") or ""))


def _body(response: dict[str, Any]) -> bytes:
    """The bytes as they were on the wire: some recorders wrote them as base64, one as lines of JSON."""
    text = response.get("text")
    if text is None:
        return base64.b64decode(response.get("base64") or "")
    try:
        return base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except ValueError:
        bare = text.startswith('{"messageStart"')
        lines = text.split("\n") if bare else ()
        return b"".join(_frame(json.loads(line)) for line in lines if line.strip()) or text.encode()


def _frame(event: dict[str, Any]) -> bytes:
    ((name, data),) = event.items()
    headers = {":event-type": name, ":message-type": "event"}
    return encoded(headers, json.dumps(data).encode())
