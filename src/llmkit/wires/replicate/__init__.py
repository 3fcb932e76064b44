"""Replicate's predictions, spoken to as a chat: a prompt in, an output out, asked for until it is there.

Sources, read 2026-11-22: https://replicate.com/docs/topics/predictions/lifecycle and …/streaming, and
github.com/replicate/replicate-python 1.0.7. What a model takes as input is its own affair.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..._call import ChatCall
from ..._http import Endpoint, HTTPRequest, HTTPResponse
from ...errors import APIError
from ...types.chat import ChatCompletion
from .. import Step, Steps
from ._errors import failed
from ._input import build
from ._poll import finished, streamed
from ._read import completion, prediction
from ._stream import ReplicateDecoder

__all__ = ["ReplicateChat", "ReplicateDecoder"]


@dataclass(frozen=True, slots=True)
class ReplicateChat:
    """The wire. The model is ``owner/name``, ``owner/name:version``, a version, or ``deployments/owner/name``."""

    limits: tuple[tuple[str, str], ...] = ()
    """Pattern in a model's name, and what its input calls the most tokens of an answer; others: ``max_tokens``."""

    def build(self, call: ChatCall, to: Endpoint) -> HTTPRequest:
        """Write the call's first request; see ``ChatWire``."""
        return build(self.limits, call, to)

    def steps(self, call: ChatCall, to: Endpoint) -> Steps:
        """Create the prediction, and ask for it until it has ended; or open its stream."""
        response = yield Step(self.build(call, to), repeatable=False)
        if call.stream:
            yield from streamed(call, to, response)
        return completion(call, (yield from finished(call, to, response)))

    def parse(self, call: ChatCall, response: HTTPResponse) -> ChatCompletion:
        """Read a prediction that has ended; see ``ChatWire``."""
        return completion(call, prediction(call, response))

    def decoder(self, call: ChatCall) -> ReplicateDecoder:
        """A decoder for one stream."""
        return ReplicateDecoder(call)

    def reads_url(self, url: str) -> bool:
        """A prompt is a text: pictures are models' own inputs."""
        return False

    def error(self, call: ChatCall, response: HTTPResponse) -> APIError:
        """Read an error."""
        return failed(call, response)
