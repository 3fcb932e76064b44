"""What the author of a provider imports; stable, unlike the modules that it comes from. Names only.

A provider is a declaration (``Provider``, or ``openai_compatible`` in one call). One with a dialect of its own brings
a wire (``ChatWire``), one with a credential of its own an ``Auth``. ``examples/provider-plugin`` is a whole one.
"""

from __future__ import annotations

from ._call import Adjustment, ChatCall
from ._flow import Flow
from ._http import Endpoint, HTTPRequest, HTTPResponse, join_url
from .errors import APIError, InvalidRequestError, UnsupportedParamsError
from .providers import (
    Auth,
    Bearer,
    HeaderKey,
    Identity,
    NoAuth,
    Provider,
    openai_compatible,
    register_provider,
)
from .types.chat import ChatCompletion, ChatCompletionChunk
from .wires import ChatDecoder, ChatWire
from .wires._errors import api_error, error_from, incomplete, unreadable
from .wires._params import Ledger
from .wires.openai_chat import OpenAIChat

__all__ = [
    "APIError",
    "Adjustment",
    "Auth",
    "Bearer",
    "ChatCall",
    "ChatCompletion",
    "ChatCompletionChunk",
    "ChatDecoder",
    "ChatWire",
    "Endpoint",
    "Flow",
    "HTTPRequest",
    "HTTPResponse",
    "HeaderKey",
    "Identity",
    "InvalidRequestError",
    "Ledger",
    "NoAuth",
    "OpenAIChat",
    "Provider",
    "UnsupportedParamsError",
    "api_error",
    "error_from",
    "incomplete",
    "join_url",
    "openai_compatible",
    "register_provider",
    "unreadable",
]
