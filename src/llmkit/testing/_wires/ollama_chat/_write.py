"""Ollama's native API as its server writes it: whole answers, lines of a stream, vectors, models and errors.

Pure: a request's parts in, a `Reply` out. What is said is decided elsewhere, in `_answer` or by a script.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from ..._answer import Answer, Choice, ToolUse
from ..._tokens import count_prompt, split
from .._wire import Reply, Say
from ._check import Refusal, check_chat, check_embed, check_generate
from ._read import chat_asked, generate_asked

__all__ = ["OllamaChat"]

Body = dict[str, Any]
# A fixed time, so that equal requests get equal bodies.
_CREATED: Final = "2025-01-01T00:00:00.123456789Z"
_MODELS: Final = ("offline:latest", "offline-reasoning:latest")
_PLACES: Final = re.compile(r"[^?]*?/api/(chat|generate|embed|embeddings|tags|version)")
_LINES: Final = {"content-type": "application/x-ndjson"}
_DIMENSIONS: Final = 8


class OllamaChat:
    """Ollama's own API, under any prefix."""

    name: Final = "ollama_chat"

    def serves(self, path: str, headers: Mapping[str, str]) -> bool:
        """What is under ``/api`` by the server's own names."""
        return _place(path) is not None

    def reply(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, say: Say
    ) -> Reply:
        """The answer to one request."""
        try:
            return _routed(method, _place(path) or "", headers, body, say)
        except Refusal as refusal:
            return Reply(refusal.status, _json({"error": refusal.message}), headers=refusal.headers)
        except RecursionError:
            return self.failure(400, "exceeded max depth")

    def failure(self, status: int, message: str) -> Reply:
        """An error answer: the text is all there is."""
        return Reply(status, _json({"error": message}))

    def failure_frame(self, status: int, message: str) -> bytes:
        """The same error as a line of a stream, which does not say its status."""
        return _line({"error": message})


def _place(path: str) -> str | None:
    found = _PLACES.fullmatch(path.partition("?")[0].rstrip("/"))
    return None if found is None else found.group(1)


def _routed(method: str, place: str, headers: Mapping[str, str], body: bytes, say: Say) -> Reply:
    if "invalid" in headers.get("authorization", ""):
        raise Refusal(401, "unauthorized")
    expected = "GET" if place in ("tags", "version") else "POST"
    if method != expected:
        raise Refusal(405, "405 method not allowed")
    if place == "tags":
        return Reply(200, _json({"models": [_model(name) for name in _MODELS]}))
    if place == "version":
        return Reply(200, _json({"version": "0.32.0"}))
    return _ANSWERED[place](_parsed(body), say)


def _parsed(body: bytes) -> Any:
    if not body:
        raise Refusal(400, "missing request body")
    try:
        return json.loads(body)
    except ValueError:
        raise Refusal(400, "invalid character in JSON input") from None


def _known(model: str) -> None:
    if model.partition(":")[0] == "missing-model":
        raise Refusal(404, f"model '{model}' not found")
    if model.partition(":")[0] == "rate-limited":
        raise Refusal(429, "rate limit exceeded", {"retry-after": "1"})


def _model(name: str) -> Body:
    digest = hashlib.sha256(name.encode()).hexdigest()
    details = {"format": "gguf", "family": "llama", "parameter_size": "1B"}
    head = {"name": name, "model": name, "modified_at": _CREATED, "size": 1, "digest": digest}
    return {**head, "details": details}


def _chat(body: Any, say: Say) -> Reply:
    check_chat(body)
    _known(body["model"])
    if not body.get("messages"):
        loaded = {"message": {"role": "assistant", "content": ""}, "done_reason": "load"}
        return Reply(200, _json({**_head(body), **loaded, "done": True}))
    said = say(chat_asked(body))
    return _sent(body, said, [_chat_line(piece) for piece in _pieces(body, said.choices[0])])


def _generate(body: Any, say: Say) -> Reply:
    check_generate(body)
    _known(body["model"])
    said = say(generate_asked(body))
    lines = [_generate_line(piece) for piece in _pieces(body, said.choices[0])]
    return _sent(body, said, lines)


def _sent(body: Body, said: Answer, lines: list[Body]) -> Reply:
    if body.get("stream") is False:
        whole = _joined(lines) | _end(said)
        return Reply(200, _json({**_head(body), **whole}))
    lines[-1] |= _end(said)
    frames = (_line({**_head(body), "done": False, **line}) for line in lines)
    return Reply(200, frames=tuple(frames), headers=_LINES)


def _head(body: Body) -> Body:
    return {"model": body["model"], "created_at": _CREATED}


def _end(said: Answer) -> Body:
    reason = "length" if said.choices[0].finish_reason == "length" else "stop"
    spent = {"total_duration": 3_000_000, "load_duration": 1_000_000}
    return {
        "done": True,
        "done_reason": reason,
        **spent,
        "prompt_eval_count": said.prompt_tokens,
        "prompt_eval_duration": 1_000_000,
        "eval_count": said.completion_tokens,
        "eval_duration": 1_000_000,
    }


def _pieces(body: Body, choice: Choice) -> Iterator[Body]:
    """What is said, a token a piece; calls come whole, and the last piece is empty."""
    for token in split(choice.reasoning):
        yield {"thinking": token}
    for token in split(choice.content or ""):
        yield {"content": token, "logprobs": _logprobs(body, token)}
    for position, tool in enumerate(choice.tools):
        yield {"tool_calls": [_tool_call(position, tool)]}
    yield {}


def _chat_line(piece: Body) -> Body:
    logprobs = piece.pop("logprobs", None)
    message = {"message": {"role": "assistant", "content": "", **piece}}
    return message | ({"logprobs": logprobs} if logprobs else {})


def _generate_line(piece: Body) -> Body:
    logprobs, said = piece.pop("logprobs", None), piece.pop("content", "")
    return {"response": said, **piece} | ({"logprobs": logprobs} if logprobs else {})


def _joined(lines: Sequence[Body]) -> Body:
    """The lines of a stream as the one object that is sent in their place."""
    whole: Body = {}
    for line in lines:
        for name, value in line.items():
            whole[name] = _added(whole.get(name), value)
    return whole


def _added(before: Any, value: Any) -> Any:
    if isinstance(value, dict):
        names = {**(before or {}), **value}
        return {name: _added((before or {}).get(name), value.get(name)) for name in names}
    if value is None or before is None:
        return before if value is None else value
    return before if value == "assistant" else before + value


def _tool_call(position: int, tool: ToolUse) -> Body:
    arguments = _object(tool.arguments)
    function = {"index": position, "name": tool.name, "arguments": arguments}
    return {"id": tool.id, "function": function}


def _object(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except ValueError:
        # Cut off by the limit: the real parser keeps such a call to itself.
        return {}


def _logprobs(body: Body, token: str) -> list[Body] | None:
    if not body.get("logprobs"):
        return None
    count = body.get("top_logprobs") or 0
    top = [_scored(token + "~" * rank, rank) for rank in range(count)]
    return [_scored(token, 0) | ({"top_logprobs": top} if top else {})]


def _scored(token: str, rank: int) -> Body:
    return {"token": token, "logprob": -0.125 - rank, "bytes": list(token.encode(errors="replace"))}


def _embed(body: Any, say: Say) -> Reply:
    check_embed(body)
    _known(body["model"])
    given = body.get("input") or []
    texts = [given] if isinstance(given, str) else given
    size = body.get("dimensions") or _DIMENSIONS
    tokens = sum(count_prompt({"messages": [{"content": text}]}) for text in texts)
    vectors = {"model": body["model"], "embeddings": [_vector(text, size) for text in texts]}
    counts = {"total_duration": 3_000_000, "load_duration": 1_000_000, "prompt_eval_count": tokens}
    return Reply(200, _json(vectors | counts))


def _embeddings(body: Any, say: Say) -> Reply:
    """The older form: one text, one vector, no counts."""
    check_embed(body)
    _known(body["model"])
    return Reply(200, _json({"embedding": _vector(body.get("prompt") or "", _DIMENSIONS)}))


def _vector(text: str, size: int) -> list[float]:
    """Numbers that stand for a text: equal texts have equal ones."""
    seed = hashlib.shake_256(text.encode(errors="replace")).digest(size)
    return [round(byte / 127.5 - 1, 6) for byte in seed]


_ANSWERED: Final[Mapping[str, Callable[[Any, Say], Reply]]] = {
    "chat": _chat,
    "generate": _generate,
    "embed": _embed,
    "embeddings": _embeddings,
}


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def _line(value: Any) -> bytes:
    return b"%b\n" % _json(value)
