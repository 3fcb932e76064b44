"""SageMaker's endpoints: a container's own body in, its own answer out. Two bodies are known: OpenAI's chat, and texts.

Sources, read 2026-11-22: the service model of sagemaker-runtime in botocore 1.44.5,
https://huggingface.co/docs/text-generation-inference/reference/api_reference (``inputs`` and ``parameters``), and one
recorded exchange. A stream's frames hold the container's bytes as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from .._call import ChatCall
from .._calls import TextCall
from .._http import Endpoint, HTTPRequest, HTTPResponse, join_url
from .._json import NotJSON, load
from ..errors import APIError
from ..types._model import lenient
from ..types.chat import ChatCompletion, ChatCompletionChunk
from ..types.text import TextCompletion
from . import ChatDecoder, ChatWire
from ._aws_errors import failed, failure
from ._aws_frames import FrameReader
from ._errors import unreadable
from ._params import HEADERS, Ledger, check_value, merge_extra, serialized
from .openai_chat import OpenAIChat

__all__ = ["SAGEMAKER_TEXT", "SageMakerChat", "SageMakerText"]

_NAMES = {
    "max_tokens": "max_new_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "stop": "stop",
    "seed": "seed",
}


def _url(to: Endpoint, endpoint: str, *, stream: bool) -> str:
    method = "invocations-response-stream" if stream else "invocations"
    return join_url(to.base_url, f"/endpoints/{quote(endpoint, safe='-._~')}/{method}", to.query)


@dataclass(frozen=True, slots=True)
class SageMakerChat:
    """The chat that most containers have, OpenAI's; the model's name is the endpoint's."""

    inner: ChatWire = field(default_factory=OpenAIChat)

    def build(self, call: ChatCall, to: Endpoint) -> HTTPRequest:
        """Write the call; see ``ChatWire``."""
        made = self.inner.build(call, to)
        url = _url(to, call.model, stream=call.stream)
        return HTTPRequest("POST", url, made.headers, made.body, made.adjustments)

    def parse(self, call: ChatCall, response: HTTPResponse) -> ChatCompletion:
        """Read an answer; see ``ChatWire``."""
        return self.inner.parse(call, response)

    def decoder(self, call: ChatCall) -> _Decoder:
        """A decoder for one stream."""
        return _Decoder(call, self.inner.decoder(call))

    def reads_url(self, url: str) -> bool:
        """Whether the container fetches an address by itself."""
        return self.inner.reads_url(url)

    def error(self, call: ChatCall, response: HTTPResponse) -> APIError:
        """Read an error."""
        return failed(call, response)


class _Decoder:
    """The container's events, cut by frames anywhere."""

    def __init__(self, call: ChatCall, inner: ChatDecoder) -> None:
        self._frames, self._inner = FrameReader(call), inner
        self.done = False

    def feed(self, data: bytes) -> Iterator[ChatCompletionChunk]:
        """Take the next bytes."""
        for frame in self._frames.feed(data):
            yield from self._inner.feed(frame.payload)
            self.done = self._inner.done

    def finish(self) -> Iterator[ChatCompletionChunk]:
        """The bytes have ended."""
        if (plain := self._frames.plain) is not None:
            yield from self._inner.feed(plain.body)
        yield from self._inner.finish()
        self.done = True


@dataclass(frozen=True, slots=True)
class SageMakerText:
    """Texts continued, as the containers of text-generation-inference have it."""

    def build(self, call: TextCall, to: Endpoint) -> HTTPRequest:
        """Write the call. Raises ``InvalidRequestError`` or ``UnsupportedParamsError``."""
        ledger = Ledger(call)
        if not isinstance(call.prompt, str):
            raise ledger.invalid("prompt must be one text")
        parameters: dict[str, Any] = {}
        for name, value in call.params.items():
            check_value(ledger, name, value)
            if name in _NAMES or name in call.allowed:
                given = [value] if name == "stop" and isinstance(value, str) else value
                parameters[_NAMES.get(name, name)] = given
            else:
                ledger.refuse(name, value)
        ledger.settle()
        body: dict[str, Any] = {"inputs": call.prompt}
        body |= {"parameters": parameters} if parameters else {}
        merge_extra(body, call.extra_body)
        changes = (*call.adjustments, *ledger.adjustments)
        url = _url(to, call.model, stream=False)
        return HTTPRequest(
            "POST", url, {**HEADERS, **to.headers}, serialized(ledger, body), changes
        )

    def parse(self, call: TextCall, response: HTTPResponse) -> TextCompletion:
        """Read an answer below 300: one text, or a list of them; they have the prompt in them if it was asked for."""
        try:
            data = load(response.body)
        except NotJSON:
            raise unreadable(call, response, "it is not JSON") from None
        items = data if isinstance(data, list) else [data]
        found = [item for item in items if isinstance(item, Mapping) and "generated_text" in item]
        if not found:
            if isinstance(data, Mapping) and data.keys() & {"message", "Message", "error"}:
                raise failure(call, response, data)
            raise unreadable(call, response, "it has no generated_text")
        choices = [
            {"index": i, "text": item["generated_text"], "finish_reason": _reason(item)}
            for i, item in enumerate(found)
        ]
        return lenient(TextCompletion, {"id": call.id, "model": call.model, "choices": choices})

    def error(self, call: TextCall, response: HTTPResponse) -> APIError:
        """Read an answer of 300 and above."""
        return failed(call, response)


def _reason(item: Mapping[str, Any]) -> str | None:
    details = item.get("details")
    told = details.get("finish_reason") if isinstance(details, Mapping) else None
    if told is None:
        return None
    return "length" if told == "length" else "stop"


SAGEMAKER_TEXT = SageMakerText()
