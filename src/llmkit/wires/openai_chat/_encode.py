"""A call to a request: parameters named, refused, emulated as the host demands; each change in the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from ..._call import Adjustment, ChatCall
from ..._http import Endpoint, HTTPRequest, join_url
from ..._json import dump_text
from .._params import HEADERS, STREAM_HEADERS, Ledger, as_json, check_value, merge_extra
from ._messages import plain

if TYPE_CHECKING:
    from . import OpenAIChat

__all__ = ["build"]


def build(wire: OpenAIChat, call: ChatCall, to: Endpoint) -> HTTPRequest:
    """Write the call as a POST to the wire's path."""
    messages = plain(call.messages) if wire.as_given else None
    adjustments = call.adjustments
    body: dict[str, Any] = {"model": call.model, "messages": messages}
    params = None if messages is None else _plainly(wire, call.params)
    if params is None:
        adjustments += _told(wire, call, body)
    else:
        body |= params
    if call.stream:
        body |= {"stream": True} | _stream_options(wire, call, body)
    if call.extra_body:
        merge_extra(body, call.extra_body)
    return HTTPRequest(
        "POST",
        join_url(to.base_url, wire.path, to.query),
        {**(STREAM_HEADERS if call.stream else HEADERS), **to.headers},
        as_json(call, body),
        adjustments,
    )


_PLAIN: Final = frozenset({
    "frequency_penalty", "max_completion_tokens", "max_tokens", "presence_penalty", "seed", "stop", "temperature",
    "top_p", "user",
})  # fmt: skip
"""Parameters that no host has a form of its own for, but a name."""
_SURE: Final = frozenset({str, int, bool})


def _plainly(wire: OpenAIChat, params: Mapping[str, Any]) -> dict[str, Any] | None:
    """Parameters that are sent as they are, as most are; ``None``: some have to be looked at."""
    encoded: dict[str, Any] = {}
    for name, value in params.items():
        sure = type(value) in _SURE or (type(value) is float and isfinite(value))
        if name not in _PLAIN or not sure or name in wire.refused:
            return None
        new = wire.renamed.get(name, name)
        if new != name and new in params:
            return None
        encoded[new] = value
    return encoded


def _told(wire: OpenAIChat, call: ChatCall, body: dict[str, Any]) -> tuple[Adjustment, ...]:
    """Write messages that are more than texts, and parameters; return what was changed."""
    messages, ledger = wire.messages(call), Ledger(call)
    if body["messages"] is None:
        body["messages"] = messages.encode()
    params = _Params(wire, ledger)
    body |= params.encode()
    if body.get("tools"):
        body["tools"] = messages.tools(body["tools"])
    if params.instruction:
        body["messages"] = [*body["messages"], {"role": "system", "content": params.instruction}]
    return (*messages.adjustments, *ledger.adjustments)


def _stream_options(wire: OpenAIChat, call: ChatCall, body: Mapping[str, Any]) -> dict[str, Any]:
    # Usage is asked for even when the caller did not: without it there is no cost, only a guess.
    if "stream_options" in call.extra_body or not wire.stream_usage:
        return {}
    return {"stream_options": {"include_usage": True} | (body.get("stream_options") or {})}


class _Params:
    """One call's parameters on their way to the wire."""

    def __init__(self, wire: OpenAIChat, ledger: Ledger) -> None:
        self._wire, self._ledger, self._call = wire, ledger, ledger.call
        self.instruction: str | None = None

    def encode(self) -> dict[str, Any]:
        encoded: dict[str, Any] = {}
        for name, value in self._call.params.items():
            if value is None:
                continue
            if name == "stream_options" and not isinstance(value, Mapping):
                raise self._ledger.invalid(
                    f"stream_options must be a dict, not {type(value).__name__}"
                )
            if name == "stream_options" and not self._sends_stream_options():
                continue
            if name in self._wire.refused and name not in self._call.allowed:
                self._ledger.refuse(name, value)
                continue
            self._check(name, value)
            encoded[self._name(name)] = value
        self._ledger.settle()
        if "response_format" in encoded:
            self._response_format(encoded)
        return encoded

    def _sends_stream_options(self) -> bool:
        return self._call.stream and self._wire.stream_usage

    def _check(self, name: str, value: Any) -> None:
        if name == "n" and (isinstance(value, bool) or not isinstance(value, int)):
            raise self._ledger.invalid(f"n must be a whole number, not {value!r:.80}")
        check_value(self._ledger, name, value)

    def _name(self, name: str) -> str:
        new = self._wire.renamed.get(name)
        if new is None:
            return name
        if self._call.params.get(new) is not None:
            raise self._ledger.invalid(
                f"give {name!r} or {new!r}, not both: they are one parameter here"
            )
        return new

    def _response_format(self, encoded: dict[str, Any]) -> None:
        """Emulate a format that the host has no native form for, by the next best one."""
        given = encoded["response_format"]
        kind = given.get("type") if isinstance(given, Mapping) else None
        if not isinstance(kind, str):
            raise self._ledger.invalid("response_format must be {'type': …} or a pydantic class")
        if kind not in self._wire.refused:
            return
        self.instruction = _instruction(given)
        sent = None
        if kind == "json_schema" and "json_object" not in self._wire.refused:
            sent = {"type": "json_object"}
        encoded["response_format"] = sent
        if sent is None:
            del encoded["response_format"]
        self._ledger.adjust(
            "response_format", "emulated", given, sent, "by a system message with the schema"
        )


def _instruction(response_format: Mapping[str, Any]) -> str:
    described = response_format.get("json_schema")
    schema = described.get("schema") if isinstance(described, Mapping) else None
    if schema is None:
        return "Answer with one JSON object and nothing else."
    return f"Answer with one JSON object and nothing else. It must fit this JSON schema: {dump_text(schema)}"
