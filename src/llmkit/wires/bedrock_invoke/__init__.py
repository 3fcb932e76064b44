"""InvokeModel and InvokeModelWithResponseStream: a maker's own body in, its own answer out, in AWS's envelope.

Sources: the service model of bedrock-runtime in botocore 1.44.5, the pages of each maker's parameters below
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html, and recorded traffic; read 2026-11-22. The
bodies are the makers' own wires'; only what the envelope changes is here.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..._call import ChatCall
from ..._http import Endpoint, HTTPRequest, HTTPResponse
from ...errors import APIError
from ...types.chat import ChatCompletion
from .. import ChatWire
from .._aws_errors import failed
from ._converse import InvokedConverse
from ._envelope import wrapped
from ._stream import InvokedDecoder

__all__ = ["BedrockInvoke", "InvokedConverse", "InvokedDecoder"]


@dataclass(frozen=True, slots=True)
class BedrockInvoke:
    """The wire: ``inner`` writes the body and reads the answer, whose stream is made of events with JSON data."""

    inner: ChatWire

    version: str | None = None
    """``anthropic_version``, where the body has one."""

    named: bool = True
    """Whether model and stream stand in the body, or are said by the path alone."""

    lines: bool = False
    """Whether the maker's own streams are lines of JSON, instead of server-sent events."""

    def build(self, call: ChatCall, to: Endpoint) -> HTTPRequest:
        """Write the call; see ``ChatWire``."""
        return wrapped(self.inner.build(call, to), call, to, self.version, named=self.named)

    def parse(self, call: ChatCall, response: HTTPResponse) -> ChatCompletion:
        """Read an answer; see ``ChatWire``."""
        return self.inner.parse(call, response)

    def decoder(self, call: ChatCall) -> InvokedDecoder:
        """A decoder for one stream."""
        return InvokedDecoder(call, self.inner.decoder(call), lines=self.lines)

    def reads_url(self, url: str) -> bool:
        """Whether the host fetches an address in a message by itself."""
        return self.inner.reads_url(url)

    def error(self, call: ChatCall, response: HTTPResponse) -> APIError:
        """Read an error."""
        return failed(call, response)
