"""OpenAI's text completions, as OpenAI, vLLM, Together and other hosts of plain language models speak them.

Sources: the types of openai 3.54.0 and recorded traffic, read 2026-11-22. Writer's recorded answers have less than
OpenAI's, and are read, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..._call import Call
from ..._calls import TextCall
from ..._http import Endpoint, HTTPRequest, HTTPResponse
from ...errors import APIError
from ...types.text import TextCompletion
from .._errors import api_error
from ._decode import parse
from ._encode import build
from ._stream import TextDecoder

__all__ = ["OPEN", "TEXTS", "OpenAIText", "TextDecoder"]


@dataclass(frozen=True, slots=True)
class OpenAIText:
    """The wire."""

    refused: frozenset[str] = frozenset({"top_k"})
    """Parameters that the host does not take."""

    renamed: Mapping[str, str] = field(default_factory=dict)
    """Parameter to the host's name for the same thing."""

    stream_usage: bool = True
    """Whether a stream's usage must be asked for by ``stream_options``."""

    path: str = "/completions"
    """Where it is, below the base URL."""

    def build(self, call: TextCall, to: Endpoint) -> HTTPRequest:
        """Write the call."""
        return build(self, call, to)

    def parse(self, call: TextCall, response: HTTPResponse) -> TextCompletion:
        """Read an answer."""
        return parse(call, response)

    def decoder(self, call: TextCall) -> TextDecoder:
        """A decoder for one stream."""
        return TextDecoder(call)

    def error(self, call: Call, response: HTTPResponse) -> APIError:
        """Read an error."""
        return api_error(call, response)


TEXTS = OpenAIText()
# Hosts of open models take what their engines do.
OPEN = OpenAIText(refused=frozenset())
