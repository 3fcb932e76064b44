"""OpenAI's Responses API as its server speaks it: reading, refusing, writing. Nothing is kept between two requests."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from .._wire import Reply, Say
from ..openai_chat._door import authenticate, known, parsed
from ..openai_chat._refusal import Refusal
from ._check import check
from ._read import asked
from ._write import event, events, response

__all__ = ["OpenAIResponses"]

_PLACES: Final = re.compile(r"[^?]*?/responses(?:/(?P<kept>[^/]+)(?:/(?:cancel|input_items))?)?")
_SERVER_ERROR: Final = 500
# status -> the type and code that the real API sends with it.
_ERRORS: Final[Mapping[int, tuple[str, str | None]]] = {
    401: ("invalid_request_error", "invalid_api_key"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}


class OpenAIResponses:
    """Responses, under any prefix."""

    name: Final = "openai_responses"

    def serves(self, path: str, headers: Mapping[str, str]) -> bool:
        """What is sent to `/responses`."""
        return _PLACES.fullmatch(path.partition("?")[0].rstrip("/")) is not None

    def reply(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, say: Say
    ) -> Reply:
        """The answer to one request."""
        try:
            return _routed(method, path.partition("?")[0].rstrip("/"), headers, body, say)
        except Refusal as refusal:
            told = _json({"error": refusal.error})
            return Reply(refusal.status, told, headers=refusal.headers)
        except RecursionError:
            return self.failure(400, "The JSON body of your request is nested too deeply.")

    def failure(self, status: int, message: str) -> Reply:
        """An error answer with the type and code that OpenAI sends with *status*."""
        return Reply(status, _json({"error": _error(status, message)}))

    def failure_frame(self, status: int, message: str) -> bytes:
        """The same error as an event of a stream."""
        error = _error(status, message)
        return event({"type": "error", "sequence_number": 0, "error": error})


def _error(status: int, message: str) -> dict[str, Any]:
    kind, code = _ERRORS.get(
        status, ("server_error" if status >= _SERVER_ERROR else "invalid_request_error", None)
    )
    return {"message": message, "type": kind, "param": None, "code": code}


def _routed(method: str, path: str, headers: Mapping[str, str], body: bytes, say: Say) -> Reply:
    place = _PLACES.fullmatch(path)
    authenticate(headers.get("authorization", ""))
    if place is not None and place["kept"]:
        text = f"Response with id '{place['kept']}' not found."
        raise Refusal(404, text, param="id", code=None)
    if method != "POST":
        raise Refusal(405, f"Not allowed to {method} on {path}; use POST.")
    given = parsed(body)
    check(given)
    known(given["model"])
    said = say(asked(given))
    if not given.get("stream"):
        return Reply(200, _json(response(given, said)))
    return Reply(200, frames=tuple(map(event, events(given, said))))


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
