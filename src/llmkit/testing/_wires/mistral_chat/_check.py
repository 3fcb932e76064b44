"""What Mistral refuses, and in which words. Sources: its openapi.yaml, and errors that users have reported."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

__all__ = ["Refused", "check", "refusal"]

_KNOWN: Final = frozenset({
    "model", "temperature", "top_p", "max_tokens", "stream", "stop", "random_seed", "metadata",
    "messages", "response_format", "tools", "tool_choice", "presence_penalty", "frequency_penalty",
    "n", "prediction", "parallel_tool_calls", "prompt_mode", "reasoning_effort", "guardrails",
    "prompt_cache_key", "safe_prompt",
})  # fmt: skip
_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "system": frozenset({"role", "content"}),
    "user": frozenset({"role", "content"}),
    "assistant": frozenset({"role", "content", "tool_calls", "prefix"}),
    "tool": frozenset({"role", "content", "tool_call_id", "name"}),
}
_ID: Final = re.compile(r"[a-zA-Z0-9]{9}")
_CODES: Final[Mapping[int, tuple[str, str]]] = {
    400: ("invalid_request_error", "3051"),
    404: ("invalid_model", "1500"),
    429: ("service_tier_capacity_exceeded", "3505"),
    503: ("unreachable_backend", "1100"),
}
_OTHER: Final = ("internal_server_error", "3000")
_MALFORMED: Final = 422


class Refused(Exception):
    """An error answer: its status and its body."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(status)
        self.status, self.body = status, body


def refusal(
    status: int, message: Any, kind: str | None = None, code: str | None = None
) -> dict[str, Any]:
    """An error's body."""
    usual, number = _CODES.get(status, _OTHER)
    return {
        "object": "error",
        "message": message,
        "type": kind or usual,
        "param": None,
        "code": code or number,
        "raw_status_code": status,
    }


def check(method: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """The request's body, if Mistral would take it. Raises ``Refused``."""
    if method != "POST":
        raise Refused(405, {"detail": "Method Not Allowed"})
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip() or "invalid" in key:
        raise Refused(401, {"detail": "Invalid API Key"})
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(_MALFORMED, {"detail": "the body is no JSON"}) from None
    faults = list(_faults(sent))
    if faults:
        raise Refused(_MALFORMED, refusal(_MALFORMED, {"detail": faults}, "invalid_request_error"))
    _check_order(sent["messages"])
    return dict(sent)


def _faults(sent: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(sent, dict):
        yield _fault("dict_type", "Input should be a valid dictionary")
        return
    yield from (_extra(name) for name in sent if name not in _KNOWN)
    messages = sent.get("messages")
    if not isinstance(sent.get("model"), str):
        yield _fault("missing", "Field required", "model")
    if not isinstance(messages, list) or not messages:
        yield _fault("missing", "Field required", "messages")
        return
    for i, message in enumerate(messages):
        role = message.get("role") if isinstance(message, dict) else None
        if not isinstance(role, str) or role not in _FIELDS:
            yield _fault("union_tag_invalid", f"Input tag {role!r} is unknown", "messages", i)
            continue
        yield from (_extra("messages", i, role, n) for n in message if n not in _FIELDS[role])


def _fault(kind: str, text: str, *place: Any) -> dict[str, Any]:
    return {"type": kind, "loc": ["body", *place], "msg": text}


def _extra(*place: Any) -> dict[str, Any]:
    return _fault("extra_forbidden", "Extra inputs are not permitted", *place)


def _check_order(messages: list[dict[str, Any]]) -> None:
    for message in messages:
        ids = [call.get("id") for call in message.get("tool_calls") or ()]
        for given in [*ids, message.get("tool_call_id")]:
            if given is not None and not _ID.fullmatch(str(given)):
                text = f"Tool call id was {given} but must be a-z, A-Z, 0-9, with a length of 9."
                raise Refused(400, refusal(400, text, "invalid_function_call", "3280"))
    last = messages[-1]
    if last["role"] not in ("user", "tool") and not last.get("prefix"):
        text = (
            "Expected last role User or Tool (or Assistant with prefix True) for serving but got "
            f"{last['role']}"
        )
        raise Refused(400, refusal(400, text, "invalid_request_message_order", "3230"))
