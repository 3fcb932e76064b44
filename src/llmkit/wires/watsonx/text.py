"""watsonx.ai's text completions: ``/ml/v1/text/generation`` and ``generation_stream``.

Sources, read 2026-11-22: https://cloud.ibm.com/apidocs/watsonx-ai#text-generation by way of ``TextGenParameters`` of
ibm-watsonx-ai 1.8.1 and the tests of IBM's Java SDK. The service calls this API legacy; deployments may have no other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..._call import Call
from ..._calls import TextCall
from ..._http import Endpoint, HTTPRequest, HTTPResponse
from ..._json import NotJSON, load
from ..._sse import Event, SSEDecoder, TooLong
from ...errors import APIError
from ...types.text import TextCompletion, TextCompletionChunk
from .._errors import incomplete, unreadable
from .._objects import built, items, loaded
from .._params import (
    HEADERS,
    STREAM_HEADERS,
    Ledger,
    check_value,
    merge_extra,
    serialized,
    texts,
)
from .._plain import PlainBody
from .._times import unix
from ._errors import failed, is_error, stream_error
from ._place import concerned, url

__all__ = ["TEXTS", "WatsonxText", "WatsonxTextDecoder"]

_NAMES = {
    "max_tokens": "max_new_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "seed": "random_seed",
    "stop": "stop_sequences",
}
_SAMPLED = ("temperature", "top_p", "top_k", "random_seed")
_NEUTRAL: dict[str, tuple[Any, ...]] = {"n": (1,), "best_of": (1,), "echo": (False,)}
_RUNNING = "not_finished"
_FINISH = {
    "eos_token": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "token_limit": "length",
}
_READ = frozenset({"model_id", "created_at", "results"})
_COUNTS = (("prompt_tokens", "input_token_count"), ("completion_tokens", "generated_token_count"))


@dataclass(frozen=True, slots=True)
class WatsonxText:
    """The wire. A model's name that begins with ``deployment/`` is a deployment's id."""

    def build(self, call: TextCall, to: Endpoint) -> HTTPRequest:
        """Write the call. Raises ``InvalidRequestError`` or ``UnsupportedParamsError``."""
        ledger = Ledger(call)
        if not isinstance(call.prompt, str):
            raise ledger.invalid("prompt must be one text: the service continues one at a time")
        body: dict[str, Any] = {**concerned(call.model, to), "input": call.prompt}
        if parameters := _parameters(ledger, call):
            body["parameters"] = parameters
        merge_extra(body, call.extra_body)
        return HTTPRequest(
            method="POST",
            url=url(call.model, "generation_stream" if call.stream else "generation", to),
            headers={**(STREAM_HEADERS if call.stream else HEADERS), **to.headers},
            body=serialized(ledger, body),
            adjustments=(*call.adjustments, *ledger.adjustments),
        )

    def parse(self, call: TextCall, response: HTTPResponse) -> TextCompletion:
        """Read an answer below 300. Raises an ``APIError``: also for an error inside a 200."""
        whole = _Whole(call)
        whole.add(_checked(call, response, loaded(call, response)))
        return whole.answer()

    def decoder(self, call: TextCall) -> WatsonxTextDecoder:
        """A decoder for one stream."""
        return WatsonxTextDecoder(call)

    def error(self, call: Call, response: HTTPResponse) -> APIError:
        """Read an answer of 300 and above."""
        return failed(call, response)


def _parameters(ledger: Ledger, call: TextCall) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in call.params.items():
        if value is None or name == "stream_options" or value in _NEUTRAL.get(name, ()):
            continue
        check_value(ledger, name, value)
        if name in _NAMES:
            made[_NAMES[name]] = texts(ledger, name, value) if name == "stop" else value
        elif name in call.allowed:
            made[name] = value
        else:
            ledger.refuse(name, value)
    ledger.settle()
    if any(name in made for name in _SAMPLED):
        # Otherwise the service takes the likeliest token, whatever these say.
        made["decoding_method"] = "sample"
        why = "what is said of sampling holds only where there is any"
        ledger.adjust("decoding_method", "defaulted", None, "sample", why)
    return made


def _checked(call: TextCall, response: HTTPResponse, data: Any) -> dict[str, Any]:
    if is_error(data):
        raise stream_error(call, response, data)
    if not isinstance(data, dict) or not isinstance(data.get("results"), list):
        raise unreadable(call, response, "it has no results")
    return data


class WatsonxTextDecoder:
    """Feed it bytes, cut anywhere; it yields chunks. ``done`` once a reason to stop has come."""

    def __init__(self, call: TextCall) -> None:
        self._call = call
        self._sse = SSEDecoder()
        self._plain = PlainBody(call)
        self._whole = _Whole(call)
        self.done = False

    def feed(self, data: bytes) -> Iterator[TextCompletionChunk]:
        """Take the next bytes."""
        if self._plain.takes(data):
            return
        try:
            for event in self._sse.feed(data):
                yield from self._event(event)
        except TooLong as error:
            raise unreadable(self._call, HTTPResponse(200), str(error)) from None

    def finish(self) -> Iterator[TextCompletionChunk]:
        """The bytes have ended."""
        if (plain := self._plain.response) is not None:
            yield self._chunk(_checked(self._call, plain, loaded(self._call, plain)))
        for event in self._sse.finish():
            yield from self._event(event)
        if self._whole.finish is None:
            raise incomplete(self._call, b"" if self._whole.begun else bytes(self._sse.stray))
        self.done = True

    def result(self) -> TextCompletion:
        """The whole answer, as far as it has come."""
        return self._whole.answer()

    def _event(self, event: Event) -> Iterator[TextCompletionChunk]:
        if self.done or not event.data.strip():
            return
        response = HTTPResponse(200, body=event.data)
        try:
            data = load(event.data)
        except NotJSON:
            raise unreadable(self._call, response, "an event of the stream is not JSON") from None
        if event.name == "error":
            raise stream_error(self._call, response, data)
        if is_error(data) or (isinstance(data, dict) and "results" in data):
            yield self._chunk(_checked(self._call, response, data))

    def _chunk(self, data: dict[str, Any]) -> TextCompletionChunk:
        made = self._whole.add(data)
        self.done = self._whole.finish is not None
        return built(TextCompletionChunk, made)


class _Whole:
    """The answer that objects, one or many, add up to."""

    def __init__(self, call: TextCall) -> None:
        self._call = call
        self._texts: list[str] = []
        self._counts: dict[str, int] = {}
        self._head: dict[str, Any] = {"id": call.id, "model": call.model, "created": None}
        self.finish: str | None = None

    @property
    def begun(self) -> bool:
        """Whether anything has come."""
        return bool(self._texts)

    def add(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Take an object; return what it says, as a chunk."""
        result = next(iter(items(data["results"])), {})
        text = result.get("generated_text")
        text = text if isinstance(text, str) else ""
        self._texts.append(text)
        self._note(data, result)
        reason = result.get("stop_reason")
        if isinstance(reason, str) and reason != _RUNNING:
            self.finish = _FINISH.get(reason, reason)
        choice = {"index": 0, "text": text, "finish_reason": self.finish}
        usage = self._usage() if self.finish else None
        return {**self._head, "choices": [choice], **({"usage": usage} if usage else {})}

    def _note(self, data: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        self._head |= {k: v for k, v in data.items() if k not in _READ and v is not None}
        self._head["model"] = data.get("model_id") or self._head["model"]
        self._head["created"] = self._head["created"] or unix(data.get("created_at"))
        for ours, theirs in _COUNTS:
            count = result.get(theirs)
            if isinstance(count, int):
                # A stream counts what has been made so far, and the prompt once.
                self._counts[ours] = max(count, self._counts.get(ours, 0))

    def _usage(self) -> dict[str, Any] | None:
        if not self._counts:
            return None
        both = len(self._counts) == len(_COUNTS)
        return {**self._counts, "total_tokens": sum(self._counts.values()) if both else None}

    def answer(self) -> TextCompletion:
        """The whole, as far as it has come."""
        choice = {"index": 0, "text": "".join(self._texts), "finish_reason": self.finish}
        made = {**self._head, "choices": [choice] if self.begun else [], "usage": self._usage()}
        return built(TextCompletion, made)


TEXTS = WatsonxText()
