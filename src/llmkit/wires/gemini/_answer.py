"""One candidate under construction: parts in, deltas out. A whole answer and a stream are read by this one class.

Source: ``Candidate`` and ``Part`` of the v1beta reference (docs/wires/gemini.md), read 2026-11-22. A signature belongs
to the part it came with, whatever the part is; signed parts are never merged with others.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

from . import _grounding as grounding
from ._history import as_call, made_id, text_of, unsaid
from ._partial import PartialCall

__all__ = ["Answer", "snake"]

# Error: the model broke off, and what it said may be half a thing. OpenAI has no word for that.
_FINISH = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "FINISH_REASON_UNSPECIFIED": "error",
    **dict.fromkeys(
        (
            "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR", "IMAGE_SAFETY",
            "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION",
        ),
        "content_filter",
    ),
    **dict.fromkeys(
        (
            "OTHER", "LANGUAGE", "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS",
            "MISSING_THOUGHT_SIGNATURE", "MALFORMED_RESPONSE", "NO_IMAGE", "IMAGE_OTHER", "ESCALATION",
        ),
        "error",
    ),
}  # fmt: skip
# Some clients ask for enums as numbers.
_NUMBERED = (
    "FINISH_REASON_UNSPECIFIED", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER", "LANGUAGE", "BLOCKLIST",
    "PROHIBITED_CONTENT", "SPII", "MALFORMED_FUNCTION_CALL",
)  # fmt: skip
_READ = frozenset({"content", "finishReason", "index", "logprobsResult", "groundingMetadata"})
_PLAIN = frozenset({"text", "thought"})
_TRIPLE = 3


def snake(name: str) -> str:
    """``safetyRatings`` as ``safety_ratings``."""
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


class Answer:
    """One candidate. ``finished`` once its finish reason has come; ``close`` when nothing more can."""

    def __init__(self, response: str, index: int) -> None:
        self._response, self._index = response, index
        self._parts: list[dict[str, Any]] = []
        self._pieces: list[str] = []
        self._calls: list[dict[str, Any]] = []
        self._partial: PartialCall | None = None
        self._images: list[dict[str, Any]] = []
        self._audio: str | None = None
        self._tail = b""
        self._begun = False
        self._finish: str | None = None
        self._extra: dict[str, Any] = {}
        self._grounding: dict[str, Any] = {}
        self._queries: set[str] = set()

    @property
    def finished(self) -> bool:
        """Whether the provider said why it stopped."""
        return self._finish is not None

    @property
    def searches(self) -> int:
        """How many different searches the answer took."""
        return len(self._queries)

    def add(self, candidate: Mapping[str, Any]) -> dict[str, Any]:
        """Take what one event says; return what it adds, as a choice with a delta."""
        content = candidate.get("content")
        parts = content.get("parts") if isinstance(content, Mapping) else None
        delta: dict[str, Any] = {} if self._begun else {"role": "assistant"}
        self._begun = True
        for part in parts if isinstance(parts, list) else ():
            if isinstance(part, Mapping):
                self._part(dict(part), delta)
        self._note(candidate)
        made: dict[str, Any] = {"index": self._index, "finish_reason": None}
        made["delta"] = _put_together(delta)
        logprobs = _logprobs(candidate.get("logprobsResult"))
        return made | ({"logprobs": logprobs} if logprobs else {})

    def _note(self, candidate: Mapping[str, Any]) -> None:
        reason = candidate.get("finishReason")
        if isinstance(reason, int):
            reason = _NUMBERED[reason] if 0 <= reason < len(_NUMBERED) else str(reason)
        self._finish = str(reason) if reason else self._finish
        if isinstance(candidate.get("groundingMetadata"), Mapping):
            grounding.merge(self._grounding, candidate["groundingMetadata"])
            self._queries.update(grounding.queries(candidate["groundingMetadata"]))
        for name, value in candidate.items():
            if name not in _READ and value is not None:
                self._extra[name] = value

    def _part(self, part: dict[str, Any], delta: dict[str, Any]) -> None:
        if isinstance(part.get("functionCall"), Mapping):
            self._function_call(part, delta)
        elif isinstance(part.get("inlineData"), Mapping) and not part.get("thought"):
            self._media(part, delta)
        elif isinstance(part.get("text"), str):
            self._text(part, delta)
        else:
            self._keep(part)

    def _text(self, part: dict[str, Any], delta: dict[str, Any]) -> None:
        if not part.get("thought"):
            part.pop("thought", None)
        if part["text"]:
            name = "reasoning_content" if part.get("thought") else "content"
            delta.setdefault(name, []).append(part["text"])
        if not part["text"] and part.keys() <= _PLAIN:
            return
        if self._pieces and _joins(self._parts[-1], part):
            self._pieces.append(part["text"])
        else:
            self._keep(part)
            self._pieces = [part["text"]]

    def _keep(self, part: dict[str, Any]) -> None:
        """Append a part; the text before it is whole now, and joined once, however many pieces it came in."""
        if len(self._pieces) > 1:
            self._parts[-1] = self._parts[-1] | {"text": "".join(self._pieces)}
        self._pieces = []
        if part:
            self._parts.append(part)

    def _function_call(self, part: dict[str, Any], delta: dict[str, Any]) -> None:
        function = part["functionCall"]
        if self._partial is not None and not function.get("name"):
            self._partial.add(part)
        elif function.get("willContinue") or "partialArgs" in function:
            self._complete(delta)
            self._partial = PartialCall(part)
        else:
            self._complete(delta)
            self._call(part, delta)
        if self._partial is not None and not self._partial.more:
            self._complete(delta)

    def _complete(self, delta: dict[str, Any]) -> None:
        """A call whose arguments came piecemeal is told as one: half a JSON helps nobody."""
        if self._partial is not None:
            part, self._partial = self._partial.result(), None
            self._call(part, delta)

    def _call(self, part: dict[str, Any], delta: dict[str, Any]) -> None:
        if not part.get("thought"):
            part.pop("thought", None)
        function = part["functionCall"]
        position = len(self._calls)
        call_id = function.get("id") or made_id(
            self._response, self._index, position, str(function.get("name"))
        )
        call = as_call(part, str(call_id))
        self._keep(part)
        self._calls.append(call)
        delta.setdefault("tool_calls", []).append({"index": position, **call})

    def _media(self, part: dict[str, Any], delta: dict[str, Any]) -> None:
        blob = part["inlineData"]
        kind, data = str(blob.get("mimeType") or ""), blob.get("data")
        if not isinstance(data, str):
            self._keep(part)
        elif kind.lower().startswith("image/"):
            self._keep(part)
            url = {"url": f"data:{kind};base64,{data}"}
            image = {"type": "image_url", "image_url": url, "index": len(self._images)}
            self._images.append(image)
            delta.setdefault("images", []).append(image)
        elif kind.lower().startswith("audio/"):
            self._sound(part, kind, data, delta)
        else:
            self._keep(part)

    def _sound(self, part: dict[str, Any], kind: str, data: str, delta: dict[str, Any]) -> None:
        """Sound comes in pieces, each base64 of its own; put together they must be base64 again."""
        known, last = self._audio is not None, self._parts[-1] if self._parts else {}
        same = known and "thoughtSignature" not in part and _kind(last) == kind
        if not same:
            self._keep(part)
        self._audio = self._audio or kind
        try:
            raw = self._tail + base64.b64decode(data, validate=True)
        except ValueError:
            piece, self._tail = data, b""
        else:
            whole = len(raw) - len(raw) % _TRIPLE
            piece, self._tail = base64.b64encode(raw[:whole]).decode("ascii"), raw[whole:]
        self._sounds(piece, delta)

    def _sounds(self, piece: str, delta: dict[str, Any]) -> None:
        sound = delta.setdefault("audio", {"data": [], "mime_type": self._audio})
        sound["data"].append(piece)

    def close(self) -> dict[str, Any]:
        """Nothing more comes: what was held back, as a last choice with a delta and the finish reason."""
        delta: dict[str, Any] = {} if self._begun else {"role": "assistant"}
        self._complete(delta)
        if self._tail:
            self._sounds(base64.b64encode(self._tail).decode("ascii"), delta)
            self._tail = b""
        self._keep({})
        text = text_of(self._parts)
        if not (text or self._calls or self._images or self._audio):
            delta["content"] = []
        delta |= self._beside(text)
        made = {"index": self._index, "finish_reason": self._reason()}
        return self._told() | made | {"delta": _put_together(delta)}

    def _beside(self, text: str) -> dict[str, Any]:
        """What OpenAI's form has no place for until the end: thoughts, citations, native parts."""
        made: dict[str, Any] = {}
        thoughts = [
            _thought(p) for p in self._parts if p.get("thought") and isinstance(p.get("text"), str)
        ]
        if thoughts:
            made["thinking_blocks"] = thoughts
        cited = grounding.citations(text, self._grounding, self._extra.get("citationMetadata"))
        if cited:
            made["annotations"] = cited
        kept = unsaid({"content": text or None, "tool_calls": self._calls}, self._parts)
        if kept is not None:
            made["provider_specific_fields"] = {"parts": kept}
        return made

    def _reason(self) -> str | None:
        if self._finish is None:
            return "tool_calls" if self._calls else None
        reason = _FINISH.get(self._finish, self._finish.lower())
        return "tool_calls" if reason == "stop" and self._calls else reason

    def _told(self) -> dict[str, Any]:
        """The candidate's own fields, by their names in snake case."""
        made = {snake(name): value for name, value in self._extra.items()}
        if self._finish is not None:
            made["native_finish_reason"] = self._finish
        return made | ({"grounding_metadata": self._grounding} if self._grounding else {})


def _put_together(delta: dict[str, Any]) -> dict[str, Any]:
    """A delta with the pieces of its texts joined, however many of them one event had."""
    for name in delta.keys() & {"content", "reasoning_content"}:
        delta[name] = "".join(delta[name])
    if "audio" in delta:
        delta["audio"]["data"] = "".join(delta["audio"]["data"])
    return delta


def _joins(last: Mapping[str, Any], part: Mapping[str, Any]) -> bool:
    """Whether a piece of text continues the last one: of one kind, and neither signed."""
    same = bool(last.get("thought")) == bool(part.get("thought"))
    return same and last.keys() <= _PLAIN and part.keys() <= _PLAIN


def _kind(part: Mapping[str, Any]) -> str | None:
    blob = part.get("inlineData")
    return str(blob.get("mimeType")) if isinstance(blob, Mapping) else None


def _thought(part: Mapping[str, Any]) -> dict[str, Any]:
    block = {"type": "thinking", "thinking": part["text"]}
    return block | ({"signature": part["thoughtSignature"]} if part.get("thoughtSignature") else {})


def _logprobs(found: Any) -> dict[str, Any] | None:
    """``logprobsResult`` as OpenAI's, with the bytes of each token."""
    chosen = found.get("chosenCandidates") if isinstance(found, Mapping) else None
    if not isinstance(chosen, list):
        return None
    tops = found.get("topCandidates")
    tops = tops if isinstance(tops, list) else []
    content = [_token(token) for token in chosen]
    for token, top in zip(content, tops, strict=False):
        others = top.get("candidates") if isinstance(top, Mapping) else None
        token["top_logprobs"] = [_token(o) for o in others] if isinstance(others, list) else []
    return {"content": content}


def _token(found: Any) -> dict[str, Any]:
    found = found if isinstance(found, Mapping) else {}
    text = str(found.get("token") or "")
    spelled = list(text.encode("utf-8", "replace"))
    return {
        "token": text,
        "logprob": found.get("logProbability"),
        "bytes": spelled,
        "top_logprobs": [],
    }
