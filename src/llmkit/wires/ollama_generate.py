"""Ollama's text completions, ``/api/generate``: a prompt through the model's template, streamed as JSON lines.

Sources, read 2026-11-22: https://docs.ollama.com/api/generate by its OpenAPI document, and ``GenerateRequest`` of the
server's ``api/types.go`` (github.com/ollama/ollama). ``raw``, ``system``, ``images`` … go in ``extra_body``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .._call import Call
from .._calls import TextCall
from .._http import Endpoint, HTTPRequest, HTTPResponse
from .._json import NotJSON, load
from .._ndjson import LineDecoder, TooLong
from ..errors import APIError
from ..types.text import TextCompletion, TextCompletionChunk
from ._errors import incomplete, unreadable
from ._objects import built, items, loaded, posted
from ._params import Ledger
from ._times import unix
from .ollama_chat import error, stream_error
from .ollama_chat._decode import usage
from .ollama_chat._encode import Params
from .openai_text import OPEN, OpenAIText, TextDecoder

__all__ = ["OLLAMA_GENERATE", "OllamaGenerate", "OllamaTextDecoder"]

_PATH, _COMPATIBLE = "/api/generate", "/v1"
_NEUTRAL: dict[str, tuple[Any, ...]] = {"best_of": (1,), "echo": (False,)}
_READ = frozenset(
    {"model", "created_at", "response", "thinking", "done", "done_reason", "logprobs"}
    | {"prompt_eval_count", "prompt_eval_cached_count", "eval_count"}
)


@dataclass(frozen=True, slots=True)
class OllamaGenerate:
    """The wire. An address that ends in ``/v1`` is spoken to in OpenAI's form."""

    compatible: OpenAIText = OPEN
    """How requests are written to an address that ends in ``/v1``."""

    def build(self, call: TextCall, to: Endpoint) -> HTTPRequest:
        """Write the call. Raises ``InvalidRequestError`` or ``UnsupportedParamsError``."""
        if to.base_url.partition("?")[0].rstrip("/").endswith(_COMPATIBLE):
            return self.compatible.build(call, to)
        ledger = Ledger(call)
        if not isinstance(call.prompt, str):
            raise ledger.invalid("prompt must be one text: the server continues one at a time")
        body: dict[str, Any] = {"model": call.model, "prompt": call.prompt}
        Params(ledger, _told(ledger, call, body)).write(body)
        body["stream"] = call.stream
        return posted(ledger, to, _PATH, body)

    def parse(self, call: TextCall, response: HTTPResponse) -> TextCompletion:
        """Read an answer below 300, in either form."""
        data = loaded(call, response)
        if isinstance(data, dict) and "choices" in data:
            return self.compatible.parse(call, response)
        whole = _Whole(call)
        whole.add(_checked(call, response, data))
        return whole.answer()

    def decoder(self, call: TextCall) -> OllamaTextDecoder:
        """A decoder for one stream, in either form."""
        return OllamaTextDecoder(call)

    def error(self, call: Call, response: HTTPResponse) -> APIError:
        """Read an answer of 300 and above."""
        return error(call, response)


def _told(ledger: Ledger, call: TextCall, body: dict[str, Any]) -> dict[str, Any]:
    """The parameters that chats have, too; what only completions have is written here."""
    rest: dict[str, Any] = {}
    for name, value in call.params.items():
        if value is None or value in _NEUTRAL.get(name, ()):
            continue
        if name == "suffix":
            body[name] = value
        elif name == "logprobs":
            # None of the alternatives is still the token's own.
            body |= {"logprobs": value is not False, **({"top_logprobs": value} if value else {})}
        else:
            rest[name] = value
    return rest


def _checked(call: Call, response: HTTPResponse, data: Any) -> dict[str, Any]:
    if isinstance(data, Mapping) and data.get("error"):
        raise stream_error(call, response, data)
    if not isinstance(data, dict) or not data.keys() & {"response", "done"}:
        raise unreadable(call, response, "it has no response")
    return data


class OllamaTextDecoder:
    """Feed it bytes, cut anywhere; it yields chunks. ``done`` once the last line has come."""

    def __init__(self, call: TextCall) -> None:
        self._call = call
        self._lines = LineDecoder()
        self._whole = _Whole(call)
        self._events: TextDecoder | None = None
        self._sniffed = False
        self.done = False

    def feed(self, data: bytes) -> Iterator[TextCompletionChunk]:
        """Take the next bytes."""
        if not self._sniffed and (data := data.lstrip()):
            self._sniffed = True
            self._events = None if data[:1] == b"{" else TextDecoder(self._call)
        if self._events is not None:
            yield from self._events.feed(data)
            self.done = self._events.done
            return
        try:
            for line in self._lines.feed(data):
                yield from self._line(line)
        except TooLong as error:
            raise unreadable(self._call, HTTPResponse(200), str(error)) from None

    def finish(self) -> Iterator[TextCompletionChunk]:
        """The bytes have ended."""
        if self._events is not None:
            yield from self._events.finish()
            self.done = True
            return
        for line in self._lines.finish():
            yield from self._line(line, last=True)
        if not self.done:
            raise incomplete(self._call)

    def result(self) -> TextCompletion:
        """The whole answer, as far as it has come."""
        return self._whole.answer() if self._events is None else self._events.result()

    def _line(self, line: bytes, *, last: bool = False) -> Iterator[TextCompletionChunk]:
        if self.done:
            return
        response = HTTPResponse(200, body=line)
        try:
            data = load(line)
        except NotJSON:
            if last and self._whole.begun:
                raise incomplete(self._call) from None
            raise unreadable(self._call, response, "a line of the stream is not JSON") from None
        made = self._whole.add(_checked(self._call, response, data))
        self.done = bool(data.get("done"))
        yield built(TextCompletionChunk, made)


class _Whole:
    """The answer that objects, one or many, add up to."""

    def __init__(self, call: TextCall) -> None:
        self._call = call
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._logprobs: list[dict[str, Any]] = []
        self._finish: str | None = None
        self._head: dict[str, Any] = {"id": call.id, "model": call.model}

    @property
    def begun(self) -> bool:
        """Whether anything has come."""
        return bool(self._texts)

    def add(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Take an object; return what it says, as a chunk."""
        text, thought = _text(data.get("response")), _text(data.get("thinking"))
        listed = items(data.get("logprobs"))
        self._texts.append(text)
        self._thoughts.append(thought)
        self._logprobs += listed
        self._note(data)
        reason = str(data.get("done_reason") or "stop") if data.get("done") else None
        self._finish = reason or self._finish
        choice = _choice(text, thought, listed, reason)
        made = {name: self._head[name] for name in ("id", "model", "created")}
        return (
            made | ({"usage": counted} if (counted := usage(data)) else {}) | {"choices": [choice]}
        )

    def _note(self, data: Mapping[str, Any]) -> None:
        told = {k: v for k, v in data.items() if k not in _READ and v is not None}
        counted = usage(data)
        self._head |= told | ({} if counted is None else {"usage": counted})
        self._head["model"] = data.get("model") or self._head["model"]
        self._head["created"] = self._head.get("created") or unix(data.get("created_at"))

    def answer(self) -> TextCompletion:
        """The whole, as far as it has come."""
        text, thought = "".join(self._texts), "".join(self._thoughts)
        choice = _choice(text, thought, self._logprobs, self._finish)
        return built(TextCompletion, {**self._head, "choices": [choice] if self.begun else []})


def _choice(
    text: str, thought: str, listed: list[dict[str, Any]], reason: str | None
) -> dict[str, Any]:
    made: dict[str, Any] = {"index": 0, "text": text, "finish_reason": reason}
    if thought:
        made["reasoning_content"] = thought
    if listed:
        made["logprobs"] = {
            "tokens": [token.get("token") for token in listed],
            "token_logprobs": [token.get("logprob") for token in listed],
            "top_logprobs": [_tops(token) for token in listed],
        }
    return made


def _tops(token: Mapping[str, Any]) -> dict[str, Any] | None:
    tops = items(token.get("top_logprobs"))
    return {str(top.get("token")): top.get("logprob") for top in tops} or None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


OLLAMA_GENERATE = OllamaGenerate()
