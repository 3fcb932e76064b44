"""Replicate: models of many makers, run by predictions.

Sources, read 2026-11-22: https://replicate.com/docs/topics/predictions/streaming shows the token to streams, too, which
``createReadableStream`` of the official JavaScript client does not. Which models call their limit so, peers tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from .._flow import Flow
from .._http import HTTPRequest
from ..wires.replicate import ReplicateChat
from ._auth import Bearer, Identity
from ._provider import Provider

__all__ = ["PROVIDER", "TokenAtHome"]


_OWN = (".replicate.com", ".replicate.net")


@dataclass(frozen=True, slots=True)
class TokenAtHome:
    """The token, as a bearer's. A stream's address is the answer's own: only Replicate's hosts are shown it there."""

    def authorize(self, request: HTTPRequest, identity: Identity) -> Flow[HTTPRequest]:
        """Set the header, unless the caller gave it, or a stream is opened elsewhere."""
        streams = request.method == "GET" and request.headers.get("accept") == "text/event-stream"
        parts = urlsplit(request.url)
        if streams and not (parts.scheme == "https" and (parts.hostname or "").endswith(_OWN)):
            return request
        return (yield from Bearer().authorize(request, identity))


PROVIDER = Provider(
    name="replicate",
    base_url="https://api.replicate.com/v1",
    chat=ReplicateChat(limits=((r"llama-2|codellama|mixtral|mistral-7b", "max_new_tokens"),)),
    key_env=("REPLICATE_API_TOKEN", "REPLICATE_API_KEY"),
    base_env=("REPLICATE_API_BASE", "REPLICATE_BASE_URL"),
    calls={"image": "llmkit.wires.replicate.images:IMAGES"},
    auth=TokenAtHome(),
    docs="https://replicate.com/docs/reference/http",
    read="2026-11-22",
)
