"""Amazon's Converse and ConverseStream: one form for the models of many makers.

Sources: the service model of bedrock-runtime (2023-09-30) in botocore 1.44.5, which has every field and each one's
meaning; https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-call.html; recorded traffic; read
2026-11-22. docs/wires/bedrock_converse.md has the decisions. What differs by model is data that a provider hands in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from ..._call import ChatCall
from ..._http import Endpoint, HTTPRequest, HTTPResponse
from ...errors import APIError
from ...types.chat import ChatCompletion
from .._aws_errors import failed
from ._decode import parse
from ._encode import build
from ._stream import ConverseDecoder
from ._traits import Traits

__all__ = ["BedrockConverse", "ConverseDecoder", "Traits"]

_UNKNOWN = Traits()


@dataclass(frozen=True, slots=True)
class BedrockConverse:
    """The wire. What a family of models takes comes from ``models``."""

    prefills: ClassVar[bool] = True
    """Models that can go on from an answer that comes last in a call do so."""

    models: tuple[tuple[str, Traits], ...] = ()
    """Pattern (``re.search`` in the model's name) and what such models take; the first that fits holds."""

    refused: frozenset[str] = frozenset()
    """Parameters that the host does not take at all."""

    def traits(self, model: str) -> Traits:
        """What this model takes."""
        fitting = (traits for pattern, traits in self.models if re.search(pattern, model))
        return next(fitting, _UNKNOWN)

    def reads_url(self, url: str) -> bool:
        """Whether the host fetches an address in a message by itself: only objects of its own store."""
        return url.startswith("s3://")

    def build(self, call: ChatCall, to: Endpoint) -> HTTPRequest:
        """Write the call; see ``ChatWire``."""
        return build(self, call, to)

    def parse(self, call: ChatCall, response: HTTPResponse) -> ChatCompletion:
        """Read an answer; see ``ChatWire``."""
        return parse(self, call, response)

    def decoder(self, call: ChatCall) -> ConverseDecoder:
        """A decoder for one stream."""
        return ConverseDecoder(self, call)

    def error(self, call: ChatCall, response: HTTPResponse) -> APIError:
        """Read an error."""
        return failed(call, response)
