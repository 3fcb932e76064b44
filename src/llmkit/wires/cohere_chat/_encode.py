"""A call to a request: every parameter is sent, refused, or listed in the ledger.

``_WRITE`` has what becomes of each parameter; one that is not in it is refused. Ranges:
https://docs.cohere.com/v2/reference/chat in its machine-readable form, read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..._call import ChatCall
from ..._http import Endpoint, HTTPRequest
from ..._json import dump_text
from .._cohere import address
from .._params import HEADERS, STREAM_HEADERS, Ledger, check_value, merge_extra, serialized
from ._messages import Conversation
from ._tools import write_choice, write_tools

if TYPE_CHECKING:
    from . import CohereChat

__all__ = [
    "HINTS",
    "NEUTRAL",
    "SAMPLING",
    "build",
    "in_range",
    "limited",
    "stops",
    "written_format",
]

# What asks for nothing: the dialect's own behaviour, so there is nothing to send, and nothing to refuse.
NEUTRAL: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "logit_bias": ({},),
    "top_logprobs": (0,),
    "store": (False,),
    "modalities": (["text"], ("text",)),
    "verbosity": ("medium",),
    "service_tier": ("auto", "default"),
}
HINTS = {
    "n": "it gives one answer a call",
    "top_logprobs": "only the chosen tokens have log-probabilities; logprobs=True gives those",
    "functions": "use tools",
    "function_call": "use tool_choice",
    "service_tier": "its requests have a 'priority', 0 to 999, which goes into extra_body",
}
SAMPLING: dict[str, tuple[str, float, float]] = {
    "temperature": ("temperature", 0, 1),
    "top_p": ("p", 0.01, 0.99),
    "top_k": ("k", 0, 500),
    "presence_penalty": ("presence_penalty", 0, 1),
    "frequency_penalty": ("frequency_penalty", 0, 1),
}
_MOST_STOPS = 5
# Effort to tokens; none of them is the vendor's. The ledger says so each time.
_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192}
_UNLIMITED = ("high", "xhigh", "max")


def build(wire: CohereChat, call: ChatCall, to: Endpoint) -> HTTPRequest:
    """Write the call as a POST to ``…/v2/chat``."""
    ledger = Ledger(call)
    body: dict[str, Any] = {"model": call.model, "messages": Conversation(ledger).encode()}
    _Params(wire, ledger).write(body)
    if call.stream:
        body["stream"] = True
    merge_extra(body, call.extra_body)
    return HTTPRequest(
        method="POST",
        url=address(to, "v2", "/chat"),
        headers={**(STREAM_HEADERS if call.stream else HEADERS), **to.headers},
        body=serialized(ledger, body),
        adjustments=(*call.adjustments, *ledger.adjustments),
    )


def in_range(ledger: Ledger, name: str, value: Any, least: float, most: float) -> Any:
    """A number as the API takes it: what is beyond is brought to the end of the range, and listed."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ledger.invalid(f"{name} must be a number, not {value!r:.40}")
    held = min(max(value, least), most)
    if held != value:
        reason = f"the range there is {least:g} to {most:g}"
        ledger.adjust(name, "clamped", value, held, reason)
        return held
    return value


def stops(ledger: Ledger, value: Any) -> list[Any]:
    """``stop`` as a list, of at most five texts."""
    written = [value] if isinstance(value, str) else list(value)
    if len(written) <= _MOST_STOPS:
        return written
    if not ledger.call.drop_params:
        raise ledger.invalid(f"stop has {len(written)} texts; {_MOST_STOPS} are taken")
    reason = f"{_MOST_STOPS} are taken"
    ledger.adjust("stop", "clamped", value, written[:_MOST_STOPS], reason)
    return written[:_MOST_STOPS]


def limited(ledger: Ledger, value: Any, body: dict[str, Any]) -> None:
    """``max_tokens``, which has two names."""
    if body.setdefault("max_tokens", value) != value:
        raise ledger.invalid(
            "give 'max_tokens' or 'max_completion_tokens', not both: they are one parameter here"
        )


class _Params:
    """One call's parameters on their way to the body."""

    def __init__(self, wire: CohereChat, ledger: Ledger) -> None:
        self._wire, self._ledger, self._call = wire, ledger, ledger.call
        self._together: dict[str, Any] = {}

    def write(self, body: dict[str, Any]) -> None:
        for name, value in self._call.params.items():
            if value is not None and value not in NEUTRAL.get(name, ()):
                check_value(self._ledger, name, value)
                self._one(name, value, body)
        write_choice(self._ledger, self._together, body)
        if "response_format" in self._together:
            self._format(self._together["response_format"], body)
        self._ledger.settle()

    def _one(self, name: str, value: Any, body: dict[str, Any]) -> None:
        known = name in _WRITE and name not in self._wire.refused
        if known:
            _WRITE[name](self, name, value, body)
        elif name in self._call.allowed:
            body[name] = value
        else:
            self._ledger.refuse(name, value, HINTS.get(name, ""))

    def _same(self, name: str, value: Any, body: dict[str, Any]) -> None:
        body[name] = value

    def _later(self, name: str, value: Any, body: dict[str, Any]) -> None:
        """Written when the others are, or for llmkit alone."""
        self._together[name] = value

    def _sampling(self, name: str, value: Any, body: dict[str, Any]) -> None:
        new, least, most = SAMPLING[name]
        body[new] = in_range(self._ledger, name, value, least, most)

    def _limit(self, name: str, value: Any, body: dict[str, Any]) -> None:
        limited(self._ledger, value, body)

    def _stop(self, name: str, value: Any, body: dict[str, Any]) -> None:
        body["stop_sequences"] = stops(self._ledger, value)

    def _tools(self, name: str, value: Any, body: dict[str, Any]) -> None:
        write_tools(self._ledger, value, body)

    def _thinking(self, name: str, value: Any, body: dict[str, Any]) -> None:
        if not isinstance(value, Mapping):
            raise self._ledger.invalid("thinking must be a dict such as {'type': 'enabled'}")
        sent = {k: v for k, v in value.items() if k not in ("budget_tokens", "display")}
        if value.get("budget_tokens") is not None:
            sent.setdefault("token_budget", value["budget_tokens"])
        if value.get("type") == "adaptive":
            sent["type"] = "enabled"
            reason = "the model decides how much it thinks wherever thinking is on"
            self._ledger.adjust("thinking", "renamed", dict(value), sent, reason)
        body["thinking"] = sent

    def _effort(self, name: str, value: Any, body: dict[str, Any]) -> None:
        if self._call.params.get("thinking") is not None:
            self._ledger.refuse(name, value, "'thinking' says it")
            return
        value = str(value)
        if value == "none":
            body["thinking"] = {"type": "disabled"}
        elif value in _UNLIMITED:
            body["thinking"] = {"type": "enabled"}
            reason = "thinking has no levels; without a budget it is not limited"
            self._ledger.adjust(name, "renamed", value, body["thinking"], reason)
        elif value in _BUDGETS:
            body["thinking"] = {"type": "enabled", "token_budget": _BUDGETS[value]}
            reason = "thinking has no levels, but a budget of tokens"
            self._ledger.adjust(name, "emulated", value, body["thinking"], reason)
        else:
            known = ", ".join(("none", *_BUDGETS, *_UNLIMITED))
            raise self._ledger.invalid(f"reasoning_effort is {value!r:.40}; it must be {known}")

    def _format(self, given: Any, body: dict[str, Any]) -> None:
        sent = written_format(self._ledger, given, "json_schema")
        if sent is None:
            return
        if not body.get("tools"):
            body["response_format"] = sent
            return
        reason = "by a system message: a response format is not taken together with tools"
        self._ledger.adjust("response_format", "emulated", given, None, reason)
        told = {"role": "system", "content": _instruction(sent.get("json_schema"))}
        body["messages"] = [*body["messages"], told]


def written_format(ledger: Ledger, given: Any, field: str) -> dict[str, Any] | None:
    """A response format in the dialect's form, its schema under ``field``; ``None`` for plain text."""
    kind = given.get("type") if isinstance(given, Mapping) else None
    if kind == "text":
        return None
    if kind == "json_object":
        return dict(given)
    inner = given.get("json_schema") if kind == "json_schema" else None
    schema = inner.get("schema") if isinstance(inner, Mapping) else None
    if not isinstance(schema, Mapping):
        raise ledger.invalid(
            "response_format must be {'type': 'text' | 'json_object'}, {'type': 'json_schema', 'json_schema': "
            "{'schema': …}} or a pydantic class"
        )
    return {"type": "json_object", field: schema}


def _instruction(schema: Any) -> str:
    told = "Answer with one JSON object and nothing else: no fence, no words before or after it."
    return f"{told} It must fit this JSON schema: {dump_text(schema)}" if schema else told


_Write = Callable[[_Params, str, Any, dict[str, Any]], None]
_WRITE: dict[str, _Write] = {
    **dict.fromkeys(SAMPLING, _Params._sampling),  # noqa: SLF001 - the class's own table
    "seed": _Params._same,  # noqa: SLF001
    "logprobs": _Params._same,  # noqa: SLF001
    "max_tokens": _Params._limit,  # noqa: SLF001
    "max_completion_tokens": _Params._limit,  # noqa: SLF001
    "stop": _Params._stop,  # noqa: SLF001
    "tools": _Params._tools,  # noqa: SLF001
    "thinking": _Params._thinking,  # noqa: SLF001
    "reasoning_effort": _Params._effort,  # noqa: SLF001
    "response_format": _Params._later,  # noqa: SLF001
    "tool_choice": _Params._later,  # noqa: SLF001
    "parallel_tool_calls": _Params._later,  # noqa: SLF001
    "stream_options": _Params._later,  # noqa: SLF001
}
