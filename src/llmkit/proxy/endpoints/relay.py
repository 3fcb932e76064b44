"""Answers handed on as they came, where client and provider speak the same form: nothing is written anew.

They are those of the same calls: held, settled, logged and refused as all are. What has to be mended, and what others
have to say to it (guardrails, another host that writes on), goes the general way, piece by piece.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["pieces", "whole"]


def whole(answer: Any, write: Callable[[Any], bytes]) -> bytes:
    """A chat's answer for a client of OpenAI's: the provider's own bytes, or what ``write`` makes of it."""
    sent: bytes | None = answer.as_sent
    return write(answer) if sent is None else sent


async def pieces(
    stream: Any, tell: Callable[[Any], bytes], *, as_sent: bool
) -> AsyncIterator[bytes]:
    """A stream, as much at a time as has come.

    Args:
        stream: of any call.
        tell: what is sent for a chunk; it may be nothing.
        as_sent: whether its client reads OpenAI's chunks: bytes of a provider that sends them are handed on.
    """
    async for chunks in stream.pieces(as_sent=as_sent):
        told = [chunk if type(chunk) is bytes else tell(chunk) for chunk in chunks]
        if piece := told[0] if len(told) == 1 else b"".join(told):
            yield piece
