"""A stream of chunks as this API's chunks: candidates that say what is new. Calls are told whole, as by the API.

Source: https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent, read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..._fold import Fold
from ...types.chat import ChatCompletionChunk
from ...types.usage import Usage
from .. import Asked
from .._pieces import Piece, extra_of, pieces
from .._riding import riding
from ._write import beside, candidate, finished, kept_parts, moment, native_usage, ride, told, write

__all__ = ["GenerateContentEvents"]

Event = dict[str, Any]


class GenerateContentEvents:
    """Show it every chunk; it yields events."""

    def __init__(self, asked: Asked | None = None) -> None:
        self._asked = asked
        self._fold = Fold()
        self._head: Event = {}
        self._extra: dict[int, dict[str, Any]] = {}
        self._beside: dict[str, Any] = {}
        self._tier: str | None = None

    def add(self, chunk: ChatCompletionChunk) -> Iterator[Event]:
        """Take the next chunk."""
        self._fold.add(chunk)
        model = chunk.model or ("" if self._asked is None else self._asked.model)
        self._head = {"modelVersion": model, "responseId": chunk.id, **moment(chunk.created)}
        self._beside |= extra_of(chunk)
        self._tier = chunk.service_tier or self._tier
        candidates = []
        for choice in chunk.choices:
            self._extra.setdefault(choice.index, {}).update(extra_of(choice))
            parts = [part for piece in pieces(choice) for part in _parts(piece)]
            if parts:
                content = {"role": "model", "parts": parts}
                candidates.append({"content": content, "index": choice.index})
        if candidates:
            yield self._head | {"candidates": candidates}

    def finish(self) -> Iterator[Event]:
        """The chunks have ended: calls, signatures, reasons and counts come now."""
        last = [self._last(choice) for choice in self._fold.result().choices]
        usage = native_usage(self.usage, self._tier)
        made: Event = {**told(self._beside), **self._head, "candidates": last}
        yield made | ({} if usage is None else {"usageMetadata": usage})

    def _last(self, choice: Any) -> Event:
        whole = candidate(choice)["content"]["parts"]
        message = choice.message.to_dict()
        kept = kept_parts(message)
        parts = [part for part in whole if "functionCall" in part]
        if isinstance(kept, list):
            # What the text was signed with: the text itself has been told.
            parts += ({"text": "", "thoughtSignature": s} for s in _signatures(kept))
        elif rides := riding(message):
            parts.append(ride(rides))
        extra = self._extra.get(choice.index, {})
        made = {"content": {"role": "model", "parts": parts}, "index": choice.index}
        return made | {"finishReason": finished(choice.finish_reason, extra)} | beside(extra)

    @property
    def usage(self) -> Usage | None:
        """What was used so far, in chat's terms."""
        return self._fold.usage

    def result(self) -> dict[str, Any]:
        """The whole answer, as far as it has come."""
        return write(self._fold.result(), self._asked)


def _parts(piece: Piece) -> Iterator[Event]:
    if piece.kind == "thought":
        yield {"text": piece.value, "thought": True}
    elif piece.kind in ("text", "refusal"):
        yield {"text": piece.value}
    elif piece.kind == "image":
        address = piece.value.get("image_url")
        url = str(address.get("url") if isinstance(address, Mapping) else address)
        kind, mark, data = url.removeprefix("data:").partition(";base64,")
        if mark:
            yield {"inlineData": {"mimeType": kind, "data": data}}
    elif piece.kind == "audio" and piece.value.get("data"):
        kind = piece.value.get("mime_type") or "audio/pcm"
        yield {"inlineData": {"mimeType": kind, "data": piece.value["data"]}}


def _signatures(parts: list[Any]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, Mapping) and "functionCall" not in part:
            signature = part.get("thoughtSignature")
            if isinstance(signature, str):
                yield signature
