"""Prompts and answers, for who asks for them: as messages of parts, with every text redacted on its way.

Form: https://github.com/open-telemetry/semantic-conventions-genai, docs/gen-ai/gen-ai-input-messages.json and
gen-ai-output-messages.json, read 2026-11-23. Pictures, sounds and files are named and left out.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from .._secret import redact as hide_keys
from ..errors import ConfigurationError
from ..events import AttemptStarted, CallFinished

__all__ = ["Contents"]

Redact = Callable[[str], str]
Message = dict[str, Any]

_log = logging.getLogger("llmkit")

LEFT_OUT: Final = "[left out: redact failed]"
_WAITING: Final = 10_000
"""Calls under way of which the prompt is kept; of more, the oldest is let go of."""
_LONGEST: Final = 32_768
"""Characters of one text."""


class Contents:
    """What calls under way were asked, where a sink is told to keep it.

    Args:
        wanted: whether it is.
        redact: is given each text, and says what is kept of it. Where it raises, nothing is.

    Raises:
        ConfigurationError: ``redact`` is no function, or given without ``content=True``.
    """

    def __init__(self, *, wanted: bool, redact: Redact | None) -> None:
        if redact is not None and not callable(redact):
            raise ConfigurationError(f"redact is a function of a text, not {type(redact).__name__}")
        if redact is not None and not wanted:
            raise ConfigurationError(
                "redact is for content, which is not kept unless content=True is given"
            )
        self._wanted, self._redact = wanted, redact
        self._asked: OrderedDict[str, Any] = OrderedDict()
        self._lock = threading.Lock()

    def note(self, event: AttemptStarted) -> None:
        """Keep what is asked until the call has ended."""
        if self._wanted:
            with self._lock:
                self._asked[event.call_id] = event.content
                if len(self._asked) > _WAITING:
                    self._asked.popitem(last=False)

    def of(self, event: CallFinished) -> tuple[list[Message], list[Message]] | None:
        """A finished call's messages, and those of its answer; ``None`` where nobody asked for them."""
        if not self._wanted:
            return None
        with self._lock:
            asked = self._asked.pop(event.settlement.call_id, None)
        said = _Said(self._text)
        try:
            return list(said.asked(asked)), list(said.answered(event.response))
        except Exception as error:  # noqa: BLE001 - the call's row is not lost with what it was about
            _log.error("content could not be read, and is left out: %s", type(error).__name__)
            return None

    def _text(self, text: str) -> str:
        text = hide_keys(text[:_LONGEST])
        if self._redact is None:
            return text
        try:
            return str(self._redact(text))
        except Exception as error:  # noqa: BLE001 - a caller's function; nothing it was given may get out
            _log.error("redact failed, so that a text was left out: %s", type(error).__name__)
            return LEFT_OUT


class _Said:
    """Messages of what was asked and answered; ``text`` says what is kept of each text."""

    def __init__(self, text: Redact) -> None:
        self._text = text

    def asked(self, content: Any) -> Iterator[Message]:
        if content is None:
            return
        several = isinstance(content, Sequence) and not isinstance(content, str | bytes)
        for one in content if several else (content,):
            yield self._message(one)

    def answered(self, answer: Any) -> Iterator[Message]:
        for choice in getattr(answer, "choices", None) or ():
            message = getattr(choice, "message", None)
            said = self._message(message if message is not None else getattr(choice, "text", ""))
            said["role"] = "assistant"
            yield {**said, "finish_reason": getattr(choice, "finish_reason", None) or "error"}

    def _message(self, given: Any) -> Message:
        message = _mapping(given)
        if message is None:
            return {"role": "user", "parts": list(self._parts(given))}
        role = str(message.get("role") or "user")
        if role == "tool":
            return {"role": role, "parts": [self._response(message)]}
        parts = [*self._thought(message), *self._parts(message.get("content"))]
        return {"role": role, "parts": [*parts, *map(self._call, message.get("tool_calls") or ())]}

    def _thought(self, message: Mapping[str, Any]) -> Iterator[Message]:
        if isinstance(thought := message.get("reasoning_content"), str) and thought:
            yield {"type": "reasoning", "content": self._text(thought)}

    def _parts(self, content: Any) -> Iterator[Message]:
        if isinstance(content, str):
            yield {"type": "text", "content": self._text(content)}
        elif isinstance(content, Sequence) and not isinstance(content, bytes):
            yield from map(self._part, content)

    def _part(self, given: Any) -> Message:
        part = _mapping(given) or {"text": given}
        if isinstance(text := part.get("text"), str):
            return {"type": "text", "content": self._text(text)}
        # What else there is may be megabytes, or point at what is secret.
        return {"type": str(part.get("type") or "unknown")[:64], "left_out": True}

    def _call(self, given: Any) -> Message:
        call = _mapping(given) or {}
        function = _mapping(call.get("function")) or {}
        name, arguments = function.get("name"), self._text(str(function.get("arguments") or ""))
        return {"type": "tool_call", "id": call.get("id"), "name": name, "arguments": arguments}

    def _response(self, message: Mapping[str, Any]) -> Message:
        content = message.get("content")
        text = content if isinstance(content, str) else json.dumps(content, default=_kind)
        response = self._text(text)
        return {
            "type": "tool_call_response",
            "id": message.get("tool_call_id"),
            "response": response,
        }


def _kind(value: Any) -> str:
    return f"<{type(value).__name__}>"


def _mapping(given: Any) -> Mapping[str, Any] | None:
    """A message or a part of one, however it was written: a dict, or an object of ours."""
    if isinstance(given, Mapping):
        return given
    dump = getattr(given, "model_dump", None)
    return dump() if callable(dump) else None
