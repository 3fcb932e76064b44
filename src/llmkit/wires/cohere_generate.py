"""Cohere's first text completions, ``/v1/generate``: deprecated there, and still asked for.

Source: https://docs.cohere.com/v1/reference/generate in its machine-readable form (2026-08-20), recorded answers; read
2026-11-22. Streams are lines of JSON, as the first chat's are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .._calls import TextCall
from .._http import Endpoint, HTTPRequest, HTTPResponse
from .._json import NotJSON, load
from ..errors import APIError
from ..types._model import lenient
from ..types.text import TextCompletion, TextCompletionChunk
from ._cohere import address, besides, count, error, error_in, named_error
from ._errors import incomplete, unreadable
from ._params import HEADERS, Ledger, check_value, merge_extra, serialized
from .cohere_chat._encode import SAMPLING, in_range, stops
from .cohere_chat._usage import translated
from .cohere_chat_v1._lines import Lines

__all__ = ["GENERATE", "CohereGenerate", "GenerateDecoder"]

_SAME = frozenset({"seed", "max_tokens"})
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "best_of": (1,),
    "echo": (False,),
    "logit_bias": ({},),
    "logprobs": (0, False),
    "suffix": ("",),
}
_FINISH = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "ERROR_LIMIT": "length",
}


@dataclass(frozen=True, slots=True)
class CohereGenerate:
    """The wire."""

    def build(self, call: TextCall, to: Endpoint) -> HTTPRequest:
        """Write the call. Raises ``InvalidRequestError`` or ``UnsupportedParamsError``."""
        ledger = Ledger(call)
        if not isinstance(call.prompt, str):
            raise ledger.invalid(
                "prompt must be one text: several, and token ids, are not taken here"
            )
        body: dict[str, Any] = {"model": call.model, "prompt": call.prompt}
        for name, value in call.params.items():
            if value not in _NEUTRAL.get(name, ()):
                check_value(ledger, name, value)
                _write(ledger, name, value, body)
        ledger.settle()
        if call.stream:
            body["stream"] = True
        merge_extra(body, call.extra_body)
        changes = (*call.adjustments, *ledger.adjustments)
        url = address(to, "v1", "/generate")
        return HTTPRequest(
            "POST", url, {**HEADERS, **to.headers}, serialized(ledger, body), changes
        )

    def parse(self, call: TextCall, response: HTTPResponse) -> TextCompletion:
        """Read an answer below 300. Raises an ``APIError``: also for an error inside a 200."""
        try:
            body = load(response.body)
        except NotJSON:
            raise unreadable(call, response, "it is no JSON.") from None
        return _read(call, response, body)

    def decoder(self, call: TextCall) -> GenerateDecoder:
        """A decoder for one stream."""
        return GenerateDecoder(call)

    def error(self, call: TextCall, response: HTTPResponse) -> APIError:
        """Read an answer of 300 and above."""
        return error(call, response)


def _write(ledger: Ledger[TextCall], name: str, value: Any, body: dict[str, Any]) -> None:
    if name in _SAME or name in ledger.call.allowed:
        body[name] = value
    elif name in SAMPLING:
        new, least, most = SAMPLING[name]
        # This one is as random as it was asked to be.
        body[new] = value if name == "temperature" else in_range(ledger, name, value, least, most)
    elif name == "n":
        body["num_generations"] = value
    elif name == "stop":
        # Its stop sequences stay in the text; OpenAI's do not.
        body["end_sequences"] = stops(ledger, value)
    elif name == "logprobs":
        body["return_likelihoods"] = "GENERATION"
        reason = "only the chosen tokens have likelihoods"
        ledger.adjust(name, "renamed", value, "GENERATION", reason)
    elif name != "stream_options":
        ledger.refuse(name, value)


def _read(call: TextCall, response: HTTPResponse, body: Any) -> TextCompletion:
    if not isinstance(body, Mapping):
        raise unreadable(call, response, "it is JSON, but no object.")
    found = body.get("generations")
    if not isinstance(found, list):
        if isinstance(body.get("message"), str) or body.get("error"):
            raise error_in(call, body, response.headers)
        raise unreadable(call, response, "it has no generations.")
    given = [item for item in found if isinstance(item, Mapping)]
    # The prompt is an echo of what was asked.
    made = {name: value for name, value in body.items() if name not in ("generations", "prompt")}
    made |= {"id": body.get("id") or call.id, "model": call.model}
    made["choices"] = [_choice(call, i, item) for i, item in enumerate(given)]
    made["usage"] = _usage(body)
    return lenient(TextCompletion, made)


def _choice(call: TextCall, place: int, item: Mapping[str, Any]) -> dict[str, Any]:
    made = {k: v for k, v in item.items() if k not in ("finish_reason", "token_likelihoods")}
    made["index"] = item["index"] if isinstance(item.get("index"), int) else place
    made["finish_reason"] = _finish(call, item)
    told = item.get("token_likelihoods")
    tokens = [each for each in told if isinstance(each, Mapping)] if isinstance(told, list) else []
    if tokens:
        made["logprobs"] = {
            "tokens": [each.get("token") for each in tokens],
            "token_logprobs": [each.get("likelihood") for each in tokens],
        }
    return made


def _finish(call: TextCall, told: Mapping[str, Any]) -> str | None:
    reason = told.get("finish_reason")
    if not isinstance(reason, str) or not reason:
        return None
    failure = named_error(call, reason.upper(), told)
    if failure is not None:
        raise failure
    return _FINISH.get(reason.upper(), reason.lower())


def _usage(body: Mapping[str, Any]) -> dict[str, Any] | None:
    told = {
        name: value
        for name in ("billed_units", "tokens")
        if isinstance(value := besides(body).get(name), Mapping)
    }
    cached = count(besides(body), "cached_tokens")
    if not told:
        return None
    return translated(told if cached is None else {**told, "cached_tokens": cached})


class GenerateDecoder:
    """Feed it bytes, cut anywhere; it yields chunks. ``done`` once ``stream-end`` has come."""

    def __init__(self, call: TextCall) -> None:
        self._call = call
        self._lines = Lines(call)
        self._texts: dict[int, list[str]] = {}
        self._whole: TextCompletion | None = None
        self.done = False

    def feed(self, data: bytes) -> Iterator[TextCompletionChunk]:
        """Take the next bytes."""
        for event in self._lines.feed(data):
            yield from self._event(event)

    def finish(self) -> Iterator[TextCompletionChunk]:
        """The bytes have ended."""
        for event in self._lines.finish():
            yield from self._event(event)
        if not self.done:
            raise incomplete(self._call)

    def result(self) -> TextCompletion:
        """The whole answer, as far as it has come."""
        if self._whole is not None:
            return self._whole
        choices = [
            {"index": i, "text": "".join(pieces)} for i, pieces in sorted(self._texts.items())
        ]
        made = {"id": self._call.id, "model": self._call.model, "choices": choices}
        return lenient(TextCompletion, made)

    def _event(self, data: dict[str, Any]) -> Iterator[TextCompletionChunk]:
        if self.done:
            return
        kind = data.get("event_type")
        if kind == "text-generation":
            yield from self._text(data)
        elif kind == "stream-end":
            yield self._end(data.get("response"), data)
        elif kind == "stream-error":
            raise self._failure(data)
        elif kind is None and "generations" in data:
            yield self._end(data, data)
        elif kind is None and (isinstance(data.get("message"), str) or data.get("error")):
            raise error_in(self._call, data)

    def _text(self, data: dict[str, Any]) -> Iterator[TextCompletionChunk]:
        text, told = data.get("text"), data.get("index")
        if isinstance(text, str):
            index = told if isinstance(told, int) else 0
            self._texts.setdefault(index, []).append(text)
            yield self._chunk([{"index": index, "text": text}])

    def _end(self, response: Any, data: dict[str, Any]) -> TextCompletionChunk:
        whole = self._whole = _read(self._call, HTTPResponse(200), response)
        self.done = True
        ended = []
        for choice in whole.choices:
            choice.finish_reason = choice.finish_reason or _finish(self._call, data) or "stop"
            told = "".join(self._texts.get(choice.index, ()))
            choice.text = choice.text or told
            # What came before is not told again; where nothing did, all of it is.
            ended.append({**choice.to_dict(), "text": "" if told else choice.text})
        return self._chunk(ended, usage=whole.usage and whole.usage.to_dict(), id=whole.id)

    def _failure(self, data: dict[str, Any]) -> APIError:
        told = {"error": data.get("err"), **data}
        reason = str(data.get("finish_reason") or "ERROR").upper()
        return named_error(self._call, reason, told) or error_in(self._call, told)

    def _chunk(self, choices: list[dict[str, Any]], **fields: Any) -> TextCompletionChunk:
        made = {"id": self._call.id, "model": self._call.model, "choices": choices, **fields}
        return lenient(TextCompletionChunk, {k: v for k, v in made.items() if v is not None})


GENERATE = CohereGenerate()
