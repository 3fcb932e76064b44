"""AssemblyAI: transcription, and the chat of its LLM gateway, which has another address and shows its key otherwise.

https://www.assemblyai.com/docs/api-reference/overview and …/llm-gateway/quickstart, read 2026-11-22.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .._http import Endpoint, HTTPRequest
from ..wires.openai_chat import OpenAIChat
from ._auth import Bearer, HeaderKey, Identity
from ._provider import Provider, Where

if TYPE_CHECKING:
    from .._flow import Flow

_GATEWAY = "https://llm-gateway.assemblyai.com/v1"
_TRANSCRIPTS = "https://api.assemblyai.com/v2"
_GATEWAY_KEY, _PLAIN_KEY = Bearer(), HeaderKey("authorization")


@dataclass(frozen=True, slots=True)
class _Key:
    """The key as it is, but for the gateway's chat."""

    def authorize(self, request: HTTPRequest, identity: Identity) -> Flow[HTTPRequest]:
        """Return the request with the key on it."""
        is_chat = request.url.partition("?")[0].endswith("/chat/completions")
        return (_GATEWAY_KEY if is_chat else _PLAIN_KEY).authorize(request, identity)


def _located(where: Where) -> Flow[Endpoint]:
    """The gateway for chat, the other address for everything else, unless the caller names one."""
    yield from ()
    base = where.base_url or _GATEWAY
    if where.kind != "chat" and base == _GATEWAY:
        base = _TRANSCRIPTS
    return Endpoint(base, where.headers, where.query)


PROVIDER = Provider(
    name="assemblyai",
    base_url=_GATEWAY,
    chat=OpenAIChat(),
    key_env=("ASSEMBLYAI_API_KEY",),
    base_env=("ASSEMBLYAI_API_BASE", "ASSEMBLYAI_BASE_URL"),
    auth=_Key(),
    locate=_located,
    calls={"transcription": "llmkit.wires.assemblyai:TRANSCRIPTION"},
    docs="https://www.assemblyai.com/docs/api-reference/overview",
    read="2026-11-22",
)
