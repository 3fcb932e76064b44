"""Replicate: models of many makers, run by predictions.

Sources, read 2026-11-22: https://replicate.com/docs/reference/http; ``createReadableStream`` of the official JavaScript
client asks for streams without a token, and so does this; the inputs of the models named here are on their own pages.
"""

from __future__ import annotations

from dataclasses import dataclass

from .._flow import Flow
from .._http import HTTPRequest
from ..wires.replicate import ReplicateChat
from ._auth import Bearer, Identity
from ._provider import Provider

__all__ = ["PROVIDER", "TokenButForStreams"]


@dataclass(frozen=True, slots=True)
class TokenButForStreams:
    """The token, as a bearer's; a stream's address is on another host, and is a secret of its own."""

    def authorize(self, request: HTTPRequest, identity: Identity) -> Flow[HTTPRequest]:
        """Set the header, unless the caller gave it, or a stream is opened."""
        if request.method == "GET" and request.headers.get("accept") == "text/event-stream":
            return request
        return (yield from Bearer().authorize(request, identity))


PROVIDER = Provider(
    name="replicate",
    base_url="https://api.replicate.com/v1",
    chat=ReplicateChat(limits=((r"llama-2|codellama|mixtral|mistral-7b", "max_new_tokens"),)),
    key_env=("REPLICATE_API_TOKEN", "REPLICATE_API_KEY"),
    base_env=("REPLICATE_API_BASE", "REPLICATE_BASE_URL"),
    auth=TokenButForStreams(),
    docs="https://replicate.com/docs/reference/http",
    read="2026-11-22",
)
