"""Anthropic's files and batches of messages as their server answers them.

Pure: a request's parts in, a `Reply` out. Keys, versions and the form of errors are those of messages.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from ._kept import CREATED_TEXT, Got, Routes, form, ids, routed
from ._wire import Reply, Say
from .anthropic_messages import AnthropicMessages
from .anthropic_messages._refusal import Refusal, invalid
from .anthropic_messages._routes import admitted

__all__ = ["AnthropicOthers"]

_SERVED: Final = re.compile(r".*/v1/(?:files(?:/.+)?|messages/batches(?:/.+)?)")


class AnthropicOthers:
    """Files and batches of messages; they fail as messages do."""

    name: Final = "anthropic_others"
    _messages: Final = AnthropicMessages()

    def serves(self, path: str, headers: Mapping[str, str]) -> bool:
        """By the path, and the version that Anthropic's clients say."""
        bare = path.partition("?")[0].rstrip("/")
        return _SERVED.fullmatch(bare) is not None and "anthropic-version" in headers

    def reply(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, say: Say
    ) -> Reply:
        """The answer to one request."""
        try:
            admitted(headers)
            answer = routed(_ROUTES, method, path, headers, body)
            if answer is None:
                raise Refusal(404, "Not Found")
        except Refusal as refusal:
            return self._messages.failure(refusal.status, str(refusal))
        named = {"request-id": ids("req_", method, path, body)}
        return Reply(answer.status, answer.body, answer.frames, {**named, **answer.headers})

    failure = _messages.failure
    failure_frame = _messages.failure_frame


def _shown(value: Any) -> Reply:
    return Reply(200, json.dumps(value).encode())


def _created_file(got: Got) -> Reply:
    fields = form(got)
    if "file" not in fields:
        raise invalid("file", "Field required")
    name, content = fields["file"]
    made = _file(ids("file_", name, content))
    return _shown({**made, "filename": name, "size_bytes": len(content)})


def _file(name: str) -> dict[str, Any]:
    if "missing" in name:
        raise Refusal(404, f"File not found: {name}")
    return {
        "type": "file",
        "id": name,
        "size_bytes": 12,
        "created_at": CREATED_TEXT,
        "filename": "simulated.txt",
        "mime_type": "text/plain",
        "downloadable": False,
    }


def _deleted(got: Got) -> Reply:
    return _shown({"id": _file(got.places["id"])["id"], "type": "file_deleted"})


def _not_downloadable(got: Got) -> Reply:
    raise Refusal(400, f"File '{_file(got.places['id'])['id']}' is not downloadable")


def _page(one: dict[str, Any]) -> Reply:
    return _shown({"data": [one], "has_more": False, "first_id": one["id"], "last_id": one["id"]})


def _created_batch(got: Got) -> Reply:
    requests = got.json().get("requests")
    if not isinstance(requests, list) or not requests:
        raise invalid("requests", "Field required")
    return _shown(_batch(ids("msgbatch_", requests), "in_progress", len(requests)))


def _batch(name: str, status: str = "ended", count: int = 1) -> dict[str, Any]:
    if "missing" in name:
        raise Refusal(404, f"Batch {name} not found.")
    ended = status == "ended"
    counts = {"processing": 0 if ended else count, "succeeded": count if ended else 0}
    return {
        "id": name,
        "type": "message_batch",
        "processing_status": status,
        "request_counts": {**counts, "errored": 0, "canceled": 0, "expired": 0},
        "created_at": CREATED_TEXT,
        "expires_at": "2025-01-02T00:00:00Z",
        "ended_at": CREATED_TEXT if ended else None,
        "cancel_initiated_at": CREATED_TEXT if status == "canceling" else None,
        "archived_at": None,
        "results_url": None,
    }


def _deleted_batch(got: Got) -> Reply:
    return _shown({"id": _batch(got.places["id"])["id"], "type": "message_batch_deleted"})


def _results(got: Got) -> Reply:
    name = _batch(got.places["id"])["id"]
    message = {
        "id": ids("msg_", name),
        "type": "message",
        "role": "assistant",
        "model": "offline",
        "content": [{"type": "text", "text": f"The simulator's answer in {name}."}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 6},
    }
    line = {"custom_id": "1", "result": {"type": "succeeded", "message": message}}
    return Reply(
        200, json.dumps(line).encode() + b"\n", headers={"Content-Type": "application/x-jsonl"}
    )


_ROUTES: Final[Routes] = (
    ("POST", "/files", _created_file),
    ("GET", "/files", lambda got: _page(_file("file_listed"))),
    ("GET", "/files/(?P<id>[^/]+)", lambda got: _shown(_file(got.places["id"]))),
    ("DELETE", "/files/(?P<id>[^/]+)", _deleted),
    ("GET", "/files/(?P<id>[^/]+)/content", _not_downloadable),
    ("POST", "/messages/batches", _created_batch),
    ("GET", "/messages/batches", lambda got: _page(_batch("msgbatch_listed"))),
    ("GET", "/messages/batches/(?P<id>[^/]+)", lambda got: _shown(_batch(got.places["id"]))),
    ("DELETE", "/messages/batches/(?P<id>[^/]+)", _deleted_batch),
    ("POST", "/messages/batches/(?P<id>[^/]+)/cancel", lambda got: _shown(_batch(got.places["id"], "canceling"))),
    ("GET", "/messages/batches/(?P<id>[^/]+)/results", _results),
)  # fmt: skip
