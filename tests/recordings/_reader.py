"""Rows of recorded traffic as values, with the recorders' known mistakes undone.

The recordings' own format stops here. Nothing in this file knows llmkit or a wire.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ENDING = ".jsonl.gz"
_HOP_BY_HOP = frozenset(
    {"connection", "content-encoding", "content-length", "keep-alive", "transfer-encoding"}
)


_REDACTED_ID = re.compile(r"\bcall_REDACTED_([1-9])\b")


@dataclass(frozen=True, slots=True)
class Row:
    """One recorded exchange.

    ``request`` is the body that was sent, ``None`` where only the answer was recorded; ``model`` is
    what the recordings' index says, which may be nothing. ``path`` and ``query`` are where it was sent to.
    """

    id: str
    api: str
    model: str
    streaming: bool
    request: str | None
    status: int
    headers: Mapping[str, str]
    body: bytes
    path: str = ""
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def mount(self) -> str:
        """What the base URL of such a client ends with: some are given a host, and find the rest by themselves."""
        if found := re.match(r"/v1(beta1)?(?=/projects/)", self.path):
            return found[0]
        if found := re.match(r"/+openai/deployments/[^/]+", self.path):
            # These recorders left the version out, without which nothing is answered.
            return "" if self.query else found[0]
        # What is asked of Azure's responses is not its address.
        own = self.api.startswith("azure.") and self.api != "azure.responses"
        return "" if own else "/v1"

    @property
    def is_event_stream(self) -> bool:
        """Whether the answer is a stream of events; a refused stream is answered in one piece."""
        return self.streaming and self.status == 200

    def sent(self) -> dict[str, Any] | None:
        """The request as an object; ``None`` where there is none or it is no JSON object."""
        try:
            body = json.loads(self.request or "")
        except ValueError:
            return None
        return body if isinstance(body, dict) else None


def directory() -> Path | None:
    """The directory of recordings, if the environment names one that is there."""
    name = os.environ.get("LLMKIT_RECORDINGS")
    path = Path(name) if name else None
    return path if path is not None and path.is_dir() else None


def apis(recordings: Path) -> list[str]:
    """What is recorded: file names without their ending."""
    return sorted(path.name.removesuffix(_ENDING) for path in recordings.glob("*" + _ENDING))


def rows(recordings: Path, api: str) -> Iterator[Row]:
    """Read one file, a row at a time; a file that is not there has none."""
    path = recordings / (api + _ENDING)
    if not path.exists():
        return
    # Only "\n" ends a row: the JSON has U+2028 and its kin unescaped.
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
        for line in lines:
            yield _row(api, json.loads(line))


def _row(api: str, raw: dict[str, Any]) -> Row:
    response, headers = raw["response"], raw["response"].get("headers") or {}
    streaming = bool(raw["streaming"])
    if api.startswith("mistral."):
        _with_ids(raw)
    status = int(response["status"])
    body = _body(response)
    if streaming and status == 200:
        body = _as_events(body)
    return Row(
        id=raw["id"],
        api=api,
        model=raw.get("model") or "",
        streaming=streaming,
        request=None if raw["response_only"] else (raw.get("request") or {}).get("text"),
        status=status,
        headers={k: v for k, v in headers.items() if k.lower() not in _HOP_BY_HOP},
        body=body,
        path=(raw.get("request") or {}).get("path") or "",
        query=(raw.get("request") or {}).get("query") or {},
    )


def _with_ids(raw: dict[str, Any]) -> None:
    """Redacted ids of tool calls are nine characters again, as this API has them and demands them."""
    for message in (raw.get("request") or {}, raw["response"]):
        if message.get("text") is not None:
            message["text"] = _REDACTED_ID.sub(r"REDACTED\1", message["text"])


def _body(message: dict[str, Any]) -> bytes:
    if message.get("text") is not None:
        return _unwrapped(message["text"]).encode()
    return base64.b64decode(message["base64"]) if message.get("base64") else b""


def _unwrapped(text: str) -> str:
    """Undo a recorder that wrote base64 where it meant text: it must come out as JSON or events."""
    try:
        inner = base64.b64decode(text.strip(), validate=True).decode()
    except ValueError:
        return text
    return inner if _is_json(inner) or _is_events(inner) else text


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict | list)
    except ValueError:
        return False


def _is_events(text: str) -> bool:
    return any(line.startswith(("data:", "event:", ":")) for line in text.splitlines()[:1])


def _as_events(body: bytes) -> bytes:
    """Give events that were recorded bare, one JSON a line or an array, the framing they had."""
    text = body.decode()
    if not text.lstrip().startswith(("{", "[")):
        return body
    events = [json.dumps(event, ensure_ascii=False) for event in _bare_events(text)]
    return "".join(f"data: {event}\n\n" for event in [*events, "[DONE]"]).encode()


def _bare_events(text: str) -> list[Any]:
    try:
        whole = json.loads(text)
    except ValueError:
        return [_bare_event(line) for line in text.split("\n") if line.strip()]
    return whole if isinstance(whole, list) else [whole]


def _bare_event(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        # One recorder lost the last brace of each event that has a response in it.
        return json.loads(line + "}")
