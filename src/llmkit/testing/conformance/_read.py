"""Checks of the answers that a wire reads: whole and streamed alike, cut anywhere, with usage and errors. Pure."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ..._fold import Fold
from ..._http import HTTPResponse
from ...errors import APIError, for_status
from ...types.chat import ChatCompletion
from ._samples import STATUSES
from ._subject import Subject

__all__ = ["Read"]

_WORDS = "conformance refuses this"
_GARBAGE = (
    b"",
    b"null",
    b"[]",
    b'"text"',
    b"{",
    b"<html><body>no</body></html>",
    b"\xff\xfe\x00",
    b'{"choices": 1}',
    b"data: {\n\n",
    b'data: {"choices": [null]}\n\n',
    b"event: error\ndata: 1\n\n",
)


class Read(Subject):
    """The answers."""

    def test_an_answer(self) -> None:
        """A whole answer has its text, its end, its model and its usage."""
        answer = self.parse(self.answered(stream=False).body)
        self._complete(answer)

    def test_a_stream(self) -> None:
        """A stream has the same."""
        self._complete(self.folded(self.streamed()))

    def test_a_stream_says_what_an_answer_says(self) -> None:
        """Put together, a stream is the whole answer."""
        whole = self.parse(self.answered(stream=False).body)
        self._same(whole, self.folded(self.streamed()))

    def test_tool_calls(self) -> None:
        """A tool call is read, from an answer and from a stream: id, name, arguments, reason to end."""
        whole, folded = (
            self.parse(self.calling(stream=False)),
            self.folded(self.calling(stream=True)),
        )
        for answer in (whole, folded):
            calls = answer.choices[0].message.tool_calls or []
            self.expect(len(calls) == 1, f"of one tool call, {len(calls)} are read")
            named = calls[0].function.name
            self.expect(named == "get_weather", f"the tool's name is read as {named!r}")
            told = _json(calls[0].function.arguments)
            self.expect(told == {"city": "Paris"}, f"its arguments are read as {told!r}")
            self.expect(calls[0].id, "a tool call has no id")
            reason = answer.choices[0].finish_reason
            self.expect(reason == "tool_calls", f"an answer that calls a tool ends with {reason!r}")

    def test_a_stream_may_be_cut_anywhere(self) -> None:
        """However the bytes of a stream are cut, the chunks are the same."""
        data = self.streamed()
        plain = self._chunks(data)
        for position in range(1, len(data), self.cut_every):
            same = self._chunks(data[:position], data[position:]) == plain
            self.expect(same, f"cut at byte {position}, a stream is read otherwise")
        single = self._chunks(*(data[i : i + 1] for i in range(len(data))))
        self.expect(single == plain, "byte by byte, a stream is read otherwise")

    def test_two_streams_at_once(self) -> None:
        """Decoders share nothing."""
        try:
            texts = [fold.result().text for fold in self._alternately(self.streamed())]
        except APIError as error:
            self.fail(f"two streams at once are mixed up: {error}")
        self.expect(texts == [self.answer_text] * 2, f"two streams at once are mixed up: {texts}")

    def test_the_end_of_a_stream(self) -> None:
        """A complete stream is done; one that breaks off half way is an error."""
        data = self.streamed()
        decoder = self.wire.decoder(self.call(stream=True))
        for _ in decoder.feed(data):
            continue
        for _ in decoder.finish():
            continue
        self.expect(decoder.done, "at its end a stream's decoder is not done")
        half = self._failure(lambda: self.decode(data[: len(data) // 2]))
        self.expect(half is not None, "a stream that breaks off half way is taken to be complete")

    @pytest.mark.parametrize("status", STATUSES)
    def test_each_status(self, status: int) -> None:
        """A status is the error class of that status, with the provider's words, and says whether to try again."""
        response = HTTPResponse(status, {"x-request-id": "r-1"}, self.error_body(status, _WORDS))
        error = self.wire.error(self.call(), response)
        kind = for_status(status)
        self.expect(type(error) is kind, f"{status} is read as {type(error).__name__}")
        self.expect(error.status_code == status, f"{status} is told as {error.status_code}")
        self.expect(error.retryable == kind.default_retryable, f"retryable of {status} is wrong")
        self.expect(_WORDS in error.message, f"the provider's words are lost: {error.message}")
        self.expect(error.sent == "yes", f"an answer came, but sent is {error.sent!r}")
        where = (error.provider, error.model)
        self.expect(where == (self.provider.name, self.model), f"it names {where}")
        self.expect(error.request_id == "r-1", "the request's id is lost")

    def test_an_error_inside_a_200(self) -> None:
        """An error that comes with a status of success is raised all the same."""
        body = self.error_body(500, _WORDS)
        error = self._failure(lambda: self.parse(body))
        self.expect(error is not None, "an error inside a 200 is taken for an answer")
        self.expect(_WORDS in str(error), f"the words of an error inside a 200 are lost: {error}")

    def test_an_error_inside_a_stream(self) -> None:
        """So is one that comes as a stream's event."""
        own = self.stream_error
        if own is None and self.stream_bytes is not None:
            pytest.skip("set stream_error for this check")
        data = own or self.spoken(stream=True).wire.failure_frame(500, _WORDS)
        error = self._failure(lambda: self.decode(data))
        self.expect(error is not None, "an error inside a stream is passed over")

    def test_garbage(self) -> None:
        """What is no answer at all is an error of ours, whoever sent it."""
        for data in _GARBAGE:
            self._failure(lambda data=data: self.parse(data))
            self._failure(lambda data=data: self.decode(data))
            error = self.wire.error(self.call(), HTTPResponse(502, {}, data))
            self.expect(error.status_code == 502, f"{data!r} with 502 is {error!r}")  # noqa: PLR2004 - it was sent
        told = self._failure(lambda: self.parse(b"<html>no</html>"))
        self.expect(told is not None, "a page of HTML is taken for an answer")

    def _alternately(self, data: bytes) -> list[Fold]:
        """Two decoders, fed the same in turns."""
        decoders = [self.wire.decoder(self.call(stream=True)) for _ in range(2)]
        folds = [Fold(), Fold()]
        pieces = [data[start : start + 50] for start in range(0, len(data), 50)]
        for piece in (*pieces, None):
            for decoder, fold in zip(decoders, folds, strict=True):
                for chunk in decoder.finish() if piece is None else decoder.feed(piece):
                    fold.add(chunk)
        return folds

    def _complete(self, answer: ChatCompletion) -> None:
        self.expect(answer.text == self.answer_text, f"the text is read as {answer.text!r}")
        reason = answer.choices[0].finish_reason
        self.expect(reason == "stop", f"a complete answer ends with {reason!r}")
        self.expect(answer.model, "the answer names no model")
        usage = answer.usage
        counted = usage is not None and usage.prompt_tokens and usage.completion_tokens
        self.expect(counted, f"the usage is read as {usage!r}")

    def _same(self, whole: ChatCompletion, folded: ChatCompletion) -> None:
        for one, other in zip(whole.choices, folded.choices, strict=True):
            self.expect(one.message.content == other.message.content, "the texts differ")
            ends = (one.finish_reason, other.finish_reason)
            self.expect(ends[0] == ends[1], f"the reasons to end differ: {ends}")
        counts = [
            answer.usage and (answer.usage.prompt_tokens, answer.usage.completion_tokens)
            for answer in (whole, folded)
        ]
        self.expect(counts[0] == counts[1], f"the usage differs: {counts}")

    def _chunks(self, *pieces: bytes) -> list[Any]:
        return [chunk.to_dict() for chunk in self.decode(*pieces)]

    def _failure(self, read: Any) -> APIError | None:
        """What reading raises; anything but an ``APIError`` ends the check."""
        try:
            read()
        except APIError as error:
            return error
        except Exception as error:  # noqa: BLE001 - whatever it is, it should not be
            self.fail(f"reading raises {error!r}, which is no APIError")
        return None


def _json(text: str | None) -> Any:
    try:
        return json.loads(text or "")
    except ValueError:
        return text
