"""Text completions by InvokeModel: each maker has a body of its own, told by the model's name.

Sources, read 2026-11-22: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-text.html and the
pages beside it on Meta's, Mistral's, Cohere's, Anthropic's and DeepSeek's models, and recorded traffic.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..._calls import TextCall
from ..._http import Endpoint, HTTPRequest, HTTPResponse
from ..._json import NotJSON, load
from ...errors import APIError
from ...types._model import lenient
from ...types.text import TextCompletion, TextCompletionChunk
from .._aws_errors import failed, failure
from .._aws_frames import FrameReader
from .._aws_paths import bare, model_url
from .._errors import incomplete, unreadable
from .._params import HEADERS, Ledger, check_value, merge_extra, serialized
from ..bedrock_invoke._stream import event_of
from ._forms import FORMS, Form, Piece

__all__ = ["BEDROCK_TEXT", "BedrockText"]

_NEUTRAL: dict[str, Any] = {"n": 1, "echo": False, "best_of": 1}


@dataclass(frozen=True, slots=True)
class BedrockText:
    """The wire. ``forms``: pattern in the model's name, and how its maker writes; the first that fits holds."""

    forms: tuple[tuple[str, Form], ...] = FORMS

    def build(self, call: TextCall, to: Endpoint) -> HTTPRequest:
        """Write the call. Raises ``InvalidRequestError`` or ``UnsupportedParamsError``."""
        ledger, form = Ledger(call), self.form(call)
        body = form.write(_prompt(ledger, call.prompt), self._given(ledger, call, form))
        merge_extra(body, call.extra_body)
        method = "invoke-with-response-stream" if call.stream else "invoke"
        url = model_url(to, call.model, method)
        accept = "application/vnd.amazon.eventstream" if call.stream else "application/json"
        headers = {**HEADERS, "accept": accept, **to.headers}
        changes = (*call.adjustments, *ledger.adjustments)
        return HTTPRequest("POST", url, headers, serialized(ledger, body), changes)

    def parse(self, call: TextCall, response: HTTPResponse) -> TextCompletion:
        """Read an answer below 300."""
        whole = _Whole(call)
        for _ in whole.add(_piece(self.form(call), call, response)):
            pass
        return whole.answer()

    def decoder(self, call: TextCall) -> _Decoder:
        """A decoder for one stream."""
        return _Decoder(call, self.form(call))

    def error(self, call: TextCall, response: HTTPResponse) -> APIError:
        """Read an answer of 300 and above."""
        return failed(call, response)

    def form(self, call: TextCall) -> Form:
        """How this model's maker writes. Raises ``InvalidRequestError`` where that is not known."""
        found = next((form for pattern, form in self.forms if re.search(pattern, call.model)), None)
        if found is None:
            raise Ledger(call).invalid(
                f"{bare(call.model)!r:.80} is none of the models that continue texts: use completion()"
            )
        return found

    def _given(self, ledger: Ledger[TextCall], call: TextCall, form: Form) -> dict[str, Any]:
        given: dict[str, Any] = {}
        for name, value in call.params.items():
            if value is None or name == "stream_options" or _NEUTRAL.get(name, ...) == value:
                continue
            check_value(ledger, name, value)
            if name in form.names:
                given[name] = [value] if name == "stop" and isinstance(value, str) else value
            elif name in call.allowed:
                given[name] = value
            else:
                ledger.refuse(name, value, "this model does not take it")
        ledger.settle()
        return given


def _prompt(ledger: Ledger[TextCall], prompt: Any) -> str:
    only = prompt[0] if isinstance(prompt, list | tuple) and len(prompt) == 1 else prompt
    if not isinstance(only, str):
        raise ledger.invalid("prompt must be one text: these models take no lists and no token ids")
    return only


def _piece(form: Form, call: TextCall, response: HTTPResponse) -> Piece:
    try:
        data = load(response.body)
    except NotJSON:
        raise unreadable(call, response, "it is not JSON") from None
    piece = form.read(data) if isinstance(data, dict) else None
    if piece is None:
        if isinstance(data, dict) and data.keys() & {"message", "__type"}:
            raise failure(call, response, data)
        raise unreadable(call, response, "it has no text")
    return piece


class _Whole:
    """The answer that pieces add up to."""

    def __init__(self, call: TextCall) -> None:
        self._call = call
        self._texts: dict[int, list[str]] = {}
        self._ends: dict[int, str | None] = {}
        self._usage: dict[str, int] = {}
        self._beside: dict[str, Any] = {}

    @property
    def ended(self) -> bool:
        """Whether each text that began has said why it ended."""
        return bool(self._ends) and all(self._ends.values())

    def add(self, piece: Piece) -> Iterator[TextCompletionChunk]:
        """Take a piece; yield it as a chunk."""
        self._usage |= piece.usage
        self._beside |= piece.beside
        texts = [*piece.texts]
        if piece.ends is not None:
            begun = {*self._ends, *(index for index, _, _ in texts)} or {0}
            open_ = (index for index in begun if not self._ends.get(index))
            texts += [(index, "", piece.ends) for index in sorted(open_)]
        for index, text, reason in texts:
            self._texts.setdefault(index, []).append(text)
            self._ends[index] = reason or self._ends.get(index)
            choice = {"index": index, "text": text, "finish_reason": reason}
            yield lenient(TextCompletionChunk, {**self._head(), "choices": [choice]})

    def last(self) -> TextCompletionChunk:
        """The chunk of counts."""
        return lenient(TextCompletionChunk, {**self._head(), **self._rest()})

    def answer(self) -> TextCompletion:
        """The whole, as far as it has come."""
        choices = [
            {"index": index, "text": "".join(texts), "finish_reason": self._ends[index]}
            for index, texts in sorted(self._texts.items())
        ]
        return lenient(TextCompletion, {**self._rest(), **self._head(), "choices": choices})

    def _head(self) -> dict[str, Any]:
        return {"id": self._call.id, "model": bare(self._call.model)}

    def _rest(self) -> dict[str, Any]:
        usage: dict[str, int] = dict(self._usage)
        if len(usage) == 2:  # noqa: PLR2004 - the prompt's and the answer's
            usage["total_tokens"] = sum(usage.values())
        return {**self._beside, **({"usage": usage} if usage else {})}


class _Decoder:
    """Feed it bytes, cut anywhere; it yields chunks."""

    def __init__(self, call: TextCall, form: Form) -> None:
        self._call, self._form = call, form
        self._frames = FrameReader(call)
        self._whole = _Whole(call)
        self.done = False

    def feed(self, data: bytes) -> Iterator[TextCompletionChunk]:
        """Take the next bytes."""
        for frame in self._frames.feed(data):
            if event := event_of(self._call, frame):
                response = HTTPResponse(200, body=event)
                yield from self._whole.add(_piece(self._form, self._call, response))

    def finish(self) -> Iterator[TextCompletionChunk]:
        """The bytes have ended."""
        if (plain := self._frames.plain) is not None:
            yield from self._whole.add(_piece(self._form, self._call, plain))
        if not self._whole.ended:
            raise incomplete(self._call, self._frames.pending)
        self.done = True
        yield self._whole.last()

    def result(self) -> TextCompletion:
        """The whole answer, as far as it has come."""
        return self._whole.answer()


BEDROCK_TEXT = BedrockText()
