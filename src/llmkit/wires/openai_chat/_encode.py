"""A call to a request: parameters named, refused, emulated as the host demands; each change in the ledger."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..._call import Adjustment, ChatCall
from ..._http import Endpoint, HTTPRequest, join_url
from ..._json import NotSerializable, dump, dump_text
from ...errors import InvalidRequestError, UnsupportedParamsError
from ._messages import Messages

if TYPE_CHECKING:
    from . import OpenAIChat

__all__ = ["build"]

_PATH = "/chat/completions"
_SCHEMAS = frozenset({"tools", "functions", "response_format"})
_HEADERS = {"content-type": "application/json", "accept": "application/json"}
_STREAM_HEADERS = {"content-type": "application/json", "accept": "text/event-stream"}


def build(wire: OpenAIChat, call: ChatCall, to: Endpoint) -> HTTPRequest:
    """Write the call as a POST to ``…/chat/completions``."""
    messages = Messages(wire, call)
    body: dict[str, Any] = {"model": call.model, "messages": messages.encode()}
    params = _Params(wire, call)
    body |= params.encode()
    if body.get("tools"):
        body["tools"] = messages.tools(body["tools"])
    if params.instruction:
        body["messages"] = [*body["messages"], {"role": "system", "content": params.instruction}]
    if call.stream:
        body |= {"stream": True} | _stream_options(wire, call, body)
    _merge_extra(body, call.extra_body)
    return HTTPRequest(
        method="POST",
        url=join_url(to.base_url, _PATH, to.query),
        headers={**(_STREAM_HEADERS if call.stream else _HEADERS), **to.headers},
        body=_serialized(call, body),
        adjustments=(*call.adjustments, *messages.adjustments, *params.adjustments),
    )


def _serialized(call: ChatCall, body: Mapping[str, Any]) -> bytes:
    try:
        return dump(body)
    except (NotSerializable, UnicodeEncodeError) as error:
        raise InvalidRequestError(
            f"the request cannot be written as JSON: {error}",
            provider=call.provider,
            model=call.model,
        ) from None


def _stream_options(wire: OpenAIChat, call: ChatCall, body: Mapping[str, Any]) -> dict[str, Any]:
    # Usage is asked for even when the caller did not: without it there is no cost, only a guess.
    if "stream_options" in call.extra_body or not wire.stream_usage:
        return {}
    return {"stream_options": {"include_usage": True} | (body.get("stream_options") or {})}


def _merge_extra(body: dict[str, Any], extra: Mapping[str, Any]) -> None:
    """Put the caller's own fields in; two mappings are merged one level deep, anything else replaces."""
    for name, value in extra.items():
        old = body.get(name)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        body[name] = {**old, **value} if both else value  # type: ignore[dict-item]


class _Params:
    """One call's parameters on their way to the wire."""

    def __init__(self, wire: OpenAIChat, call: ChatCall) -> None:
        self._wire, self._call = wire, call
        self.adjustments: list[Adjustment] = []
        self.instruction: str | None = None

    def encode(self) -> dict[str, Any]:
        encoded: dict[str, Any] = {}
        refused: list[str] = []
        for name, value in self._call.params.items():
            if value is None:
                continue
            if name == "stream_options" and not isinstance(value, Mapping):
                raise self._invalid(f"stream_options must be a dict, not {type(value).__name__}")
            if name == "stream_options" and not self._sends_stream_options():
                continue
            if name in self._wire.refused and name not in self._call.allowed:
                refused.append(name)
                continue
            self._check(name, value)
            encoded[self._name(name)] = value
        self._refuse(refused)
        if "response_format" in encoded:
            self._response_format(encoded)
        return encoded

    def _sends_stream_options(self) -> bool:
        return self._call.stream and self._wire.stream_usage

    def _check(self, name: str, value: Any) -> None:
        """Refuse what JSON would only seem to say. Schemas are not searched: they are long, and have none."""
        if isinstance(value, float) and not math.isfinite(value):
            raise self._invalid(f"{name} must be a finite number, not {value!r}")
        if name == "n" and (isinstance(value, bool) or not isinstance(value, int)):
            raise self._invalid(f"n must be a whole number, not {value!r:.80}")
        if isinstance(value, set | frozenset):
            raise self._invalid(f"{name} must be a list, not a set: sets have no order")
        if name in _SCHEMAS:
            return
        if isinstance(value, Mapping):
            for key, inner in value.items():
                self._check(f"{name}.{key}", inner)
        elif isinstance(value, list | tuple):
            for position, inner in enumerate(value):
                self._check(f"{name}[{position}]", inner)

    def _name(self, name: str) -> str:
        new = self._wire.renamed.get(name)
        if new is None:
            return name
        if self._call.params.get(new) is not None:
            raise self._invalid(f"give {name!r} or {new!r}, not both: they are one parameter here")
        return new

    def _refuse(self, names: list[str]) -> None:
        if not names:
            return
        provider = self._call.provider
        if not self._call.drop_params:
            listed = ", ".join(repr(name) for name in names)
            raise UnsupportedParamsError(
                f"{provider} does not take {listed}; leave it out, set drop_params=True to have it left out "
                "and listed in .call.ledger, or send it as it is in extra_body",
                provider=provider,
                model=self._call.model,
                param=names[0],
            )
        for name in names:
            self._adjust(
                name, "dropped", self._call.params[name], None, f"{provider} does not take it"
            )

    def _response_format(self, encoded: dict[str, Any]) -> None:
        """Emulate a format that the host has no native form for, by the next best one."""
        given = encoded["response_format"]
        kind = given.get("type") if isinstance(given, Mapping) else None
        if not isinstance(kind, str):
            raise self._invalid("response_format must be {'type': …} or a pydantic class")
        if kind not in self._wire.refused:
            return
        self.instruction = _instruction(given)
        sent = None
        if kind == "json_schema" and "json_object" not in self._wire.refused:
            sent = {"type": "json_object"}
        encoded["response_format"] = sent
        if sent is None:
            del encoded["response_format"]
        self._adjust(
            "response_format", "emulated", given, sent, "by a system message with the schema"
        )

    def _adjust(self, parameter: str, change: Any, given: Any, sent: Any, reason: str) -> None:
        self.adjustments.append(Adjustment(parameter, change, given, sent, reason))

    def _invalid(self, message: str) -> InvalidRequestError:
        return InvalidRequestError(message, provider=self._call.provider, model=self._call.model)


def _instruction(response_format: Mapping[str, Any]) -> str:
    described = response_format.get("json_schema")
    schema = described.get("schema") if isinstance(described, Mapping) else None
    if schema is None:
        return "Answer with one JSON object and nothing else."
    return f"Answer with one JSON object and nothing else. It must fit this JSON schema: {dump_text(schema)}"
