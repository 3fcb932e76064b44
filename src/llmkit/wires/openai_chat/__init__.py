"""OpenAI's chat completions, as OpenAI and a hundred compatible hosts speak it.

Sources: https://platform.openai.com/docs/api-reference/chat and …/chat-streaming, read 2026-11-22.
Hosts differ by the five fields below and no more; who differs in messages has a wire of its own on top of this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from typing_extensions import override

from ..._call import ChatCall
from ..._http import Endpoint, HTTPRequest, HTTPResponse
from ...errors import APIError
from ...types.chat import ChatCompletion
from .._errors import api_error
from . import _at_once
from ._decode import parse
from ._encode import build
from ._messages import Messages
from ._stream import OpenAIChatDecoder

__all__ = ["OpenAIChat", "OpenAIChatDecoder"]


@dataclass(frozen=True, slots=True)
class OpenAIChat:
    """The wire. Each field states how a host differs from OpenAI's own API."""

    refused: frozenset[str] = frozenset()
    """What the host does not take: parameters; types of content parts (``input_audio``, ``file``);
    ``cache_control``; the role ``developer``; the response formats ``json_object``, ``json_schema``."""

    renamed: Mapping[str, str] = field(default_factory=dict)
    """Parameter to the host's name for the same thing."""

    stream_usage: bool = True
    """Whether a stream's usage must be asked for by ``stream_options``; other hosts send it anyway."""

    history: tuple[str, ...] | None = None
    """The fields beyond OpenAI's that an assistant message may carry when it is sent back, best first: a
    reasoning in another host's spelling takes the first. ``None``: unknown, all are sent as they are."""

    path: str = "/chat/completions"
    """What comes after the base URL."""

    as_given: ClassVar[bool] = True
    """Whether messages that are a role and a text are sent as they are; not by who has ``messages`` of its own."""

    @override
    def __init_subclass__(cls) -> None:
        cls.as_given = cls.messages is OpenAIChat.messages

    def build(self, call: ChatCall, to: Endpoint) -> HTTPRequest:
        """Write the call; see ``ChatWire``."""
        return build(self, call, to)

    def messages(self, call: ChatCall) -> Messages:
        """The messages of one call on their way to the wire."""
        return Messages(self, call)

    def parse(self, call: ChatCall, response: HTTPResponse) -> ChatCompletion:
        """Read an answer; see ``ChatWire``."""
        answer = _at_once.whole(response.body)
        if answer is None:
            return parse(call, response)
        answer._keep(_as_sent=True)  # noqa: SLF001 - one's own answer
        return answer

    def decoder(self, call: ChatCall) -> OpenAIChatDecoder:
        """A decoder for one stream."""
        return OpenAIChatDecoder(call)

    def reads_url(self, url: str) -> bool:
        """OpenAI's API takes addresses of images; a host that does not says so itself."""
        return True

    def error(self, call: ChatCall, response: HTTPResponse) -> APIError:
        """Read an error."""
        return api_error(call, response)
