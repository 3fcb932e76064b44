"""Parrot's credential: the key never leaves, each request is signed with it."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from llmkit.plugins import Flow, HTTPRequest, Identity

__all__ = ["Signature", "signature"]


def signature(key: str, body: bytes) -> str:
    """What the host computes, too: HMAC-SHA256 of the body."""
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Signature:
    """``Authorization: Parrot SIGNATURE``: a header that llmkit hides in dry runs, errors and recordings.

    ``authorize`` is a flow. This one waits for nothing, hence the empty ``yield from``; one that asks a token server
    would ``yield from`` that exchange, and be the same code in sync and async programs.
    """

    def authorize(self, request: HTTPRequest, identity: Identity) -> Flow[HTTPRequest]:
        """Sign the request."""
        yield from ()
        if identity.secret is None or not isinstance(request.body, bytes):
            return request
        signed = signature(identity.secret.reveal(), request.body)
        return request.with_headers({"authorization": f"Parrot {signed}"})
