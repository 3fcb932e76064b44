"""Anthropic's Messages, as Anthropic and the hosts that resell its models speak it.

Sources: https://platform.claude.com/docs/en/api/messages, …/build-with-claude/streaming and the official Python SDK's
types, 2.12.0; read 2026-11-22. What differs by model is data that a provider hands in (``models``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from ..._call import ChatCall
from ..._http import Endpoint, HTTPRequest, HTTPResponse
from ...errors import APIError
from ...types.chat import ChatCompletion
from ._decode import parse
from ._encode import build
from ._errors import error
from ._stream import AnthropicDecoder
from ._traits import Hosted, Traits

__all__ = ["AnthropicDecoder", "AnthropicMessages", "Hosted", "Traits"]

_UNKNOWN = Traits()


@dataclass(frozen=True, slots=True)
class AnthropicMessages:
    """The wire. Each field states how a host or its models differ from the dialect at its widest."""

    prefills: ClassVar[bool] = True
    """Models that can go on from an answer that comes last in a call do so."""

    models: tuple[tuple[str, Traits], ...] = ()
    """Pattern (``re.search`` in the model's name) and what such models take; the first that fits holds. A
    model that no pattern fits is taken to be new: it gets what the newest take."""

    refused: frozenset[str] = frozenset()
    """Parameters that the host does not take at all."""

    media_urls: bool = True
    """Whether the host fetches images and documents by their URL, or takes bytes only."""

    web_search: str = "web_search_20250305"
    """The server tool that ``web_search_options`` turns on; every host that searches has this version."""

    hosted: Hosted | None = None
    """Where a cloud that has the model in its address wants everything; ``None``: as Anthropic has it."""

    default_max_tokens: int = 4096
    """``max_tokens`` (the dialect demands it) where neither the call nor the catalogue has a limit: what even
    the smallest model may write."""

    def traits(self, model: str) -> Traits:
        """What this model takes."""
        fitting = (traits for pattern, traits in self.models if re.search(pattern, model))
        return next(fitting, _UNKNOWN)

    def reads_url(self, url: str) -> bool:
        """Whether the host fetches an address in a message by itself."""
        return self.media_urls

    def build(self, call: ChatCall, to: Endpoint) -> HTTPRequest:
        """Write the call; see ``ChatWire``."""
        return build(self, call, to)

    def parse(self, call: ChatCall, response: HTTPResponse) -> ChatCompletion:
        """Read an answer; see ``ChatWire``."""
        return parse(self, call, response)

    def decoder(self, call: ChatCall) -> AnthropicDecoder:
        """A decoder for one stream."""
        return AnthropicDecoder(self, call)

    def error(self, call: ChatCall, response: HTTPResponse) -> APIError:
        """Read an error."""
        return error(call, response)
