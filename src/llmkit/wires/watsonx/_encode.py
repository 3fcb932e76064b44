"""A call to a request: every parameter is sent, refused, or listed in the ledger.

``_WRITE`` has what becomes of each parameter; one that is not in it is refused. What the service knows beyond OpenAI's
parameters (``time_limit``, ``guided_regex``, ``repetition_penalty``, ``context`` …) goes in ``extra_body``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..._call import ChatCall
from ..._http import Endpoint, HTTPRequest
from .._params import HEADERS, STREAM_HEADERS, Ledger, check_value, merge_extra, serialized, texts
from ..openai_chat import OpenAIChat
from ..openai_chat._messages import Messages
from ._place import concerned, url

__all__ = ["build"]

_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "parallel_tool_calls": (True,),
    "store": (False,),
    "modalities": (["text"], ("text",)),
    "service_tier": ("auto", "default"),
    "verbosity": ("medium",),
}
_HINTS = {
    "functions": "use tools",
    "function_call": "use tool_choice",
    "parallel_tool_calls": "the model decides how many tools it calls",
    "user": "the project tells who asks",
}
_CHOICES = ("auto", "none", "required")
# The levels are low, medium and high (``TextChatParameters``).
_EFFORTS: dict[str, tuple[str, str]] = {
    "minimal": ("low", "the least level there is low"),
    "low": ("low", ""),
    "medium": ("medium", ""),
    "high": ("high", ""),
    "xhigh": ("high", "the highest level there is high"),
    "max": ("high", "the highest level there is high"),
}


def build(wire: OpenAIChat, call: ChatCall, to: Endpoint) -> HTTPRequest:
    """Write the call as a POST to ``…/text/chat``, or to ``…/text/chat_stream``."""
    ledger = Ledger(call)
    messages = Messages(wire, call)
    body: dict[str, Any] = {**concerned(call.model, to), "messages": messages.encode()}
    _Params(ledger, messages).write(body)
    merge_extra(body, call.extra_body)
    return HTTPRequest(
        method="POST",
        url=url(call.model, "chat_stream" if call.stream else "chat", to),
        headers={**(STREAM_HEADERS if call.stream else HEADERS), **to.headers},
        body=serialized(ledger, body),
        adjustments=(*call.adjustments, *messages.adjustments, *ledger.adjustments),
    )


class _Params:
    """One call's parameters on their way to the body."""

    def __init__(self, ledger: Ledger, messages: Messages) -> None:
        self._ledger, self._messages, self._call = ledger, messages, ledger.call

    def write(self, body: dict[str, Any]) -> None:
        for name, value in self._call.params.items():
            if value is not None and value not in _NEUTRAL.get(name, ()):
                check_value(self._ledger, name, value)
                self._one(name, value, body)
        self._ledger.settle()

    def _one(self, name: str, value: Any, body: dict[str, Any]) -> None:
        if name in _WRITE:
            _WRITE[name](self, name, value, body)
        elif name in self._call.allowed:
            body[name] = value
        else:
            self._ledger.refuse(name, value, _HINTS.get(name, ""))

    def _plain(self, name: str, value: Any, body: dict[str, Any]) -> None:
        body[name] = value

    def _stop(self, name: str, value: Any, body: dict[str, Any]) -> None:
        body[name] = texts(self._ledger, name, value)

    def _limit(self, name: str, value: Any, body: dict[str, Any]) -> None:
        # max_tokens is the older name of the same, and deprecated there.
        if body.setdefault("max_completion_tokens", value) != value:
            raise self._ledger.invalid(
                "give 'max_tokens' or 'max_completion_tokens', not both: they are one parameter here"
            )

    def _tools(self, name: str, value: Any, body: dict[str, Any]) -> None:
        if isinstance(value, str | bytes) or not isinstance(value, Sequence):
            raise self._ledger.invalid(f"tools must be a list, not {type(value).__name__}")
        if value:
            body[name] = self._messages.tools(value)

    def _choice(self, name: str, value: Any, body: dict[str, Any]) -> None:
        """A word and a tool have fields of their own."""
        if isinstance(value, str) and value in _CHOICES:
            body["tool_choice_option"] = value
        elif isinstance(value, Mapping):
            body["tool_choice"] = value
        else:
            raise self._ledger.invalid(
                f"tool_choice must be auto, none, required or one function, not {value!r:.80}"
            )

    def _effort(self, name: str, value: Any, body: dict[str, Any]) -> None:
        if value == "none":
            self._ledger.refuse(
                name, value, "thinking={'type': 'disabled'} turns it off where the model can"
            )
            return
        if not isinstance(value, str) or value not in _EFFORTS:
            known = ", ".join(_EFFORTS)
            raise self._ledger.invalid(
                f"reasoning_effort must be one of {known}, not {value!r:.80}"
            )
        level, why = _EFFORTS[value]
        if why:
            self._ledger.adjust(name, "clamped", value, level, why)
        body[name] = level

    def _thinking(self, name: str, value: Any, body: dict[str, Any]) -> None:
        kind = value.get("type") if isinstance(value, Mapping) else None
        if kind not in ("enabled", "adaptive", "disabled"):
            raise self._ledger.invalid(
                f"thinking must be {{'type': 'enabled' | 'adaptive' | 'disabled'}}, not {value!r:.80}"
            )
        rest = {k: v for k, v in value.items() if k != "type" and v is not None}
        if rest:
            why = "thinking is on or off there, or at a level by reasoning_effort"
            self._ledger.adjust(name, "dropped", rest, None, why)
        body["chat_template_kwargs"] = {"thinking": kind != "disabled"}

    def _nothing(self, name: str, value: Any, body: dict[str, Any]) -> None:
        """For llmkit alone: a stream always ends with its usage."""


_Write = Callable[[_Params, str, Any, dict[str, Any]], None]
_WRITE: dict[str, _Write] = {
    **dict.fromkeys(
        (
            "temperature", "top_p", "n", "seed", "presence_penalty", "frequency_penalty", "logit_bias", "logprobs",
            "top_logprobs", "response_format",
        ),
        _Params._plain,  # noqa: SLF001 - the class's own table
    ),
    "stop": _Params._stop,  # noqa: SLF001
    "max_tokens": _Params._limit,  # noqa: SLF001
    "max_completion_tokens": _Params._limit,  # noqa: SLF001
    "tools": _Params._tools,  # noqa: SLF001
    "tool_choice": _Params._choice,  # noqa: SLF001
    "reasoning_effort": _Params._effort,  # noqa: SLF001
    "thinking": _Params._thinking,  # noqa: SLF001
    "stream_options": _Params._nothing,  # noqa: SLF001
}  # fmt: skip
