"""OpenAI's chat wire as its server writes it: completions, chunks, models and error bodies.

Pure: a request's parts in, a `Reply` out. What is said is decided elsewhere, in `_answer` or by a script.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any, Final

from ..._answer import Answer, Choice, ToolUse
from ..._asked import fingerprint
from ..._tokens import split
from .._wire import Reply, Say
from ._check import check
from ._door import authenticate, known, parsed
from ._read import asked
from ._refusal import Refusal

__all__ = ["OpenAIChat"]

# A fixed time (2025-01-01T00:00:00Z), so that equal requests get equal bodies.
_CREATED: Final = 1_735_689_600
_MODELS: Final = ("offline", "offline-reasoning")
# Compatible hosts have the same API behind prefixes of their own.
_PLACES: Final = re.compile(
    r"[^?]*?/(?:(?P<chat>chat/completions|publishers/mistralai/models/[^/]+:\w*awPredict)"
    r"|models(?:/(?P<model>(?!chat/completions$).+))?)"
)
_SERVER_ERROR: Final = 500
# status -> the type and code that the real API sends with it.
_ERRORS: Final[Mapping[int, tuple[str, str | None]]] = {
    401: ("invalid_request_error", "invalid_api_key"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
    501: ("invalid_request_error", None),
}


class OpenAIChat:
    """OpenAI's chat completions and its list of models, under any prefix."""

    name: Final = "openai_chat"

    def serves(self, path: str, headers: Mapping[str, str]) -> bool:
        """Everything: what no other wire claims is refused in OpenAI's form."""
        return True

    def reply(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, say: Say
    ) -> Reply:
        """The answer to one request."""
        try:
            return _routed(method, path.partition("?")[0].rstrip("/"), headers, body, say)
        except Refusal as refusal:
            return Reply(refusal.status, _json({"error": refusal.error}), headers=refusal.headers)
        except RecursionError:
            return self.failure(400, "The JSON body of your request is nested too deeply.")

    def failure(self, status: int, message: str) -> Reply:
        """An error answer with the type and code that OpenAI sends with *status*."""
        return Reply(status, _json({"error": _error(status, message)}))

    def failure_frame(self, status: int, message: str) -> bytes:
        """The same error as an event of a stream."""
        return _event({"error": _error(status, message)})


def _error(status: int, message: str) -> dict[str, Any]:
    kind, code = _ERRORS.get(
        status, ("server_error" if status >= _SERVER_ERROR else "invalid_request_error", None)
    )
    return {"message": message, "type": kind, "param": None, "code": code}


def _routed(method: str, path: str, headers: Mapping[str, str], body: bytes, say: Say) -> Reply:
    place = _PLACES.fullmatch(path)
    if place is None:
        raise Refusal(404, f"Invalid URL ({method} {path})")
    expected = "POST" if place["chat"] else "GET"
    if method != expected:
        raise Refusal(405, f"Not allowed to {method} on {path}; use {expected}.")
    authenticate(headers.get("authorization", ""))
    if place["chat"]:
        return _complete(parsed(body), say)
    return Reply(200, _json(_models() if place["model"] is None else _model(place["model"])))


def _models() -> dict[str, Any]:
    return {"object": "list", "data": [_model(name) for name in _MODELS]}


def _model(name: str) -> dict[str, Any]:
    known(name)
    return {"id": name, "object": "model", "created": _CREATED, "owned_by": "llmkit"}


def _complete(body: Any, say: Say) -> Reply:
    check(body)
    known(body["model"])
    said = say(asked(body))
    if not body.get("stream"):
        return Reply(200, _json(_completion(body, said)))
    return Reply(200, frames=(*map(_event, _chunks(body, said)), b"data: [DONE]\n\n"))


def _completion(body: Mapping[str, Any], said: Answer) -> dict[str, Any]:
    return {
        **_envelope(body, "chat.completion"),
        "choices": [_choice(body, choice) for choice in said.choices],
        "usage": _usage(said),
    }


def _envelope(body: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{fingerprint(body)}",
        "object": kind,
        "created": _CREATED,
        "model": body["model"],
        "service_tier": "default",
        "system_fingerprint": "fp_simulator",
    }


def _choice(body: Mapping[str, Any], choice: Choice) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": choice.content, "refusal": None}
    if choice.reasoning:
        message["reasoning_content"] = choice.reasoning
    if choice.tools:
        message["tool_calls"] = [_tool_call(tool) for tool in choice.tools]
    return {
        "index": choice.index,
        "message": message | {"annotations": []},
        "logprobs": _logprobs(body, split(choice.content or "")),
        "finish_reason": choice.finish_reason,
    }


def _tool_call(tool: ToolUse) -> dict[str, Any]:
    payload = "arguments" if tool.kind == "function" else "input"
    inner = {"name": tool.name, payload: tool.arguments}
    return {"id": tool.id, "type": tool.kind, tool.kind: inner}


def _logprobs(body: Mapping[str, Any], tokens: list[str]) -> dict[str, Any] | None:
    if not body.get("logprobs"):
        return None
    alternatives = body.get("top_logprobs") or 0
    return {"content": [_logprob(token, alternatives) for token in tokens], "refusal": None}


def _logprob(token: str, alternatives: int) -> dict[str, Any]:
    """*token* as the likeliest one, with *alternatives* made up by marking it."""
    top = [_scored(token + "~" * rank, rank) for rank in range(alternatives)]
    return {**_scored(token, 0), "top_logprobs": top}


def _scored(token: str, rank: int) -> dict[str, Any]:
    return {"token": token, "logprob": -0.125 - rank, "bytes": list(token.encode(errors="replace"))}


def _usage(said: Answer) -> dict[str, Any]:
    return {
        "prompt_tokens": said.prompt_tokens,
        "completion_tokens": said.completion_tokens,
        "total_tokens": said.prompt_tokens + said.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": said.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _chunks(body: Mapping[str, Any], said: Answer) -> Iterator[dict[str, Any]]:
    """The answer as chunks; several choices take turns, as they do when a model streams them."""
    counts_usage = bool((body.get("stream_options") or {}).get("include_usage"))
    envelope = _envelope(body, "chat.completion.chunk")
    extra = {"usage": None} if counts_usage else {}
    for round_ in zip_longest(*(_steps(body, choice) for choice in said.choices)):
        for step in filter(None, round_):
            yield {**envelope, "choices": [step], **extra}
    if counts_usage:
        yield {**envelope, "choices": [], "usage": _usage(said)}


def _steps(body: Mapping[str, Any], choice: Choice) -> Iterator[dict[str, Any]]:
    for delta in _deltas(choice):
        content = delta.get("content")
        logprobs = _logprobs(body, [content]) if content else None
        yield {"index": choice.index, "delta": delta, "logprobs": logprobs, "finish_reason": None}
    yield {
        "index": choice.index,
        "delta": {},
        "logprobs": None,
        "finish_reason": choice.finish_reason,
    }


def _deltas(choice: Choice) -> Iterator[dict[str, Any]]:
    opening = None if choice.tools or choice.content is None else ""
    yield {"role": "assistant", "content": opening, "refusal": None}
    for token in split(choice.reasoning):
        yield {"reasoning_content": token}
    for token in split(choice.content or ""):
        yield {"content": token}
    for position, tool in enumerate(choice.tools):
        yield from _tool_deltas(position, tool)


def _tool_deltas(position: int, tool: ToolUse) -> Iterator[dict[str, Any]]:
    payload = "arguments" if tool.kind == "function" else "input"
    opened = {**_tool_call(tool), tool.kind: {"name": tool.name, payload: ""}}
    yield {"tool_calls": [{"index": position, **opened}]}
    for token in split(tool.arguments):
        yield {"tool_calls": [{"index": position, tool.kind: {payload: token}}]}


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def _event(value: Any) -> bytes:
    return b"data: %b\n\n" % _json(value)
