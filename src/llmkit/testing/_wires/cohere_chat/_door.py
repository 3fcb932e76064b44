"""What Cohere's server looks at first, whatever is asked: key, JSON, model; and how it refuses.

Errors are ``{"id", "message"}``. Wording: recorded errors, and https://docs.cohere.com/errors-reference, read
2026-11-22.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from ..._asked import fingerprint
from .._wire import Reply

__all__ = ["Refusal", "answered", "authenticate", "encoded", "known", "parsed", "refused"]

_MISSING_MODEL: Final = "missing-model"
_LIMITED_MODEL: Final = "rate-limited"


class Refusal(Exception):
    """An error answer: its HTTP *status*; what it says is the exception's text."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})


def answered(
    method: str, headers: Mapping[str, str], body: bytes, answer: Callable[[Any], Reply]
) -> Reply:
    """What *answer* makes of a request that was let in, or the refusal that it met."""
    try:
        if method != "POST":
            raise Refusal(405, "method not allowed")
        authenticate(headers.get("authorization", ""))
        return answer(parsed(body))
    except Refusal as refusal:
        return refused(refusal)
    except RecursionError:
        return refused(Refusal(400, "invalid request: nested too deeply"))


def refused(refusal: Refusal) -> Reply:
    """The answer that a refusal is."""
    told = {"id": fingerprint(str(refusal)), "message": str(refusal)}
    return Reply(refusal.status, encoded(told), headers=refusal.headers)


def authenticate(authorization: str) -> None:
    """Raise the `Refusal` that a missing or wrong key deserves."""
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Refusal(401, "no api key supplied")
    if "invalid" in key:
        shown = "Incorrect API key provided: ***********."
        raise Refusal(
            401, f"{shown} You can find your API key at https://dashboard.cohere.com/api-keys."
        )


def parsed(body: bytes) -> dict[str, Any]:
    """The JSON object that a body is, with a model that is there."""
    try:
        made = json.loads(body)
    except ValueError:
        raise Refusal(400, "invalid request: could not parse the body as JSON") from None
    if not isinstance(made, dict):
        raise Refusal(400, "invalid request: the body must be an object")
    # What is null is as good as absent.
    given = {name: value for name, value in made.items() if value is not None}
    if not isinstance(given.get("model"), str):
        raise Refusal(400, "invalid request: model is required")
    known(given["model"])
    return given


def known(model: str) -> None:
    """Raise the `Refusal` that the model's name asks for."""
    if model == _MISSING_MODEL:
        ask = "make sure the correct model ID was used and that you have access to the model."
        raise Refusal(404, f"model '{model}' not found, {ask}")
    if model == _LIMITED_MODEL:
        text = "You are using a Trial key, which is limited to 20 API calls / minute."
        raise Refusal(429, text, {"retry-after": "1"})


def encoded(value: Any) -> bytes:
    """*value* as JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
