"""Calls in the Messages form to a host that speaks it: they go and come back as they are, and nothing is lost.

What is added is what the API demands (``max_tokens``, the names of beta features); what is left out is thinking that
another provider's model did, which only its signature would make known here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..._calls import MessagesCall
from ..._http import Endpoint, HTTPRequest, HTTPResponse
from ..._json import NotJSON, load
from ...errors import APIError
from ...types._model import lenient
from ...types.messages import MessageResponse
from ...types.usage import Usage
from .._errors import unreadable
from .._params import HEADERS, STREAM_HEADERS, Ledger, check_value, merge_extra, serialized
from ._betas import BETA, betas
from ._encode import address_of, hosted_form
from ._errors import error, stream_error
from ._native_stream import MessagesDecoder
from ._thinking import write_max_tokens
from ._traits import Hosted
from ._usage import translated

__all__ = ["MESSAGES", "NativeMessages", "typed"]

_SCHEMAS = frozenset({"tools", "output_config"})


@dataclass(frozen=True, slots=True)
class NativeMessages:
    """The wire. Each field states how a host differs from the dialect at its widest."""

    refused: frozenset[str] = frozenset()
    """Parameters that the host does not take at all."""

    hosted: Hosted | None = None
    """Where a cloud that has the model in its address wants everything; ``None``: as Anthropic has it."""

    default_max_tokens: int = 4096
    """``max_tokens`` where neither the call nor the catalogue has a limit."""

    def build(self, call: MessagesCall, to: Endpoint) -> HTTPRequest:
        """Write the call as a POST to ``…/v1/messages``."""
        ledger = Ledger(call)
        body: dict[str, Any] = {"model": call.model, "messages": _messages(ledger, call.messages)}
        for name, value in call.params.items():
            if value is None:
                continue
            if name in self.refused and name not in call.allowed:
                ledger.refuse(name, value)
                continue
            if name not in _SCHEMAS:
                check_value(ledger, name, value)
            body[name] = value
        ledger.settle()
        return self._post(ledger, body, to)

    def _post(self, ledger: Ledger, body: dict[str, Any], to: Endpoint) -> HTTPRequest:
        call = ledger.call
        if call.stream:
            body["stream"] = True
        merge_extra(body, call.extra_body)
        write_max_tokens(self.default_max_tokens, ledger, body)
        headers = {**(STREAM_HEADERS if call.stream else HEADERS), **to.headers}
        names, url = betas(body, {*_kinds(body["messages"])}), address_of(to)
        if self.hosted is not None:
            url, body = hosted_form(self.hosted, call, to, body, names)
        elif names:
            headers[BETA] = ",".join(names)
        return HTTPRequest(
            method="POST",
            url=url,
            headers=headers,
            body=serialized(ledger, body),
            adjustments=(*call.adjustments, *ledger.adjustments),
            lists=frozenset({BETA}),
        )

    def parse(self, call: MessagesCall, response: HTTPResponse) -> MessageResponse:
        """Read an answer below 300. Raises an ``APIError``: also for an error inside a 200."""
        return parse(call, response)

    def decoder(self, call: MessagesCall) -> MessagesDecoder:
        """A decoder for one stream; its chunks are the API's events."""
        return MessagesDecoder(call, parse, typed)

    def error(self, call: MessagesCall, response: HTTPResponse) -> APIError:
        """Read an answer of 300 and above."""
        return error(call, response)


def parse(call: MessagesCall, response: HTTPResponse) -> MessageResponse:
    """Read an answer. Raises an ``APIError``."""
    try:
        data = load(response.body)
    except NotJSON:
        raise unreadable(call, response, "it is not JSON") from None
    if not isinstance(data, dict):
        raise unreadable(call, response, "it is JSON, but no object")
    if data.get("type") == "error" or data.get("error"):
        raise stream_error(call, data, response.headers)
    if not isinstance(data.get("content"), list):
        raise unreadable(call, response, "it has no content")
    return typed(data)


def typed(data: Mapping[str, Any]) -> MessageResponse:
    """An answer as its model, with its usage counted in chat's terms beside it."""
    made = lenient(MessageResponse, data)
    usage = data.get("usage")
    if isinstance(usage, Mapping) and usage:
        made.count(lenient(Usage, translated(usage)))
    return made


def _messages(ledger: Ledger, given: Any) -> list[Any]:
    if isinstance(given, str | bytes | Mapping) or not given:
        raise ledger.invalid("messages must be a list of messages that is not empty")
    return [_without_foreign(ledger, f"messages[{i}]", message) for i, message in enumerate(given)]


def _without_foreign(ledger: Ledger, path: str, message: Any) -> Any:
    """A turn without the thinking of other providers' models, which would be refused."""
    content = message.get("content") if isinstance(message, Mapping) else None
    if not isinstance(content, list) or message.get("role") != "assistant":
        return message
    foreign = [block for block in content if _is_foreign(block)]
    if not foreign:
        return message
    why = "it is the thinking of another provider's model"
    ledger.adjust(f"{path}.content", "dropped", foreign, None, why)
    return {**message, "content": [block for block in content if block not in foreign]}


def _is_foreign(block: Any) -> bool:
    if not isinstance(block, Mapping):
        return False
    if block.get("type") == "redacted_thinking":
        return str(block.get("data")).startswith(_PACKED)
    return block.get("type") == "thinking" and not block.get("signature")


_PACKED = "bGxta2l0LjE6"
"""How a text begins that stands for another dialect's fields: see ``fronts``."""


def _kinds(messages: Any) -> Iterator[str]:
    """The types of all blocks and of their sources: some are behind the name of a beta."""
    for message in messages:
        content = message.get("content") if isinstance(message, Mapping) else None
        for block in content if isinstance(content, list) else ():
            if isinstance(block, Mapping):
                yield from _kinds_of(block)


def _kinds_of(block: Mapping[str, Any]) -> Iterator[str]:
    yield str(block.get("type"))
    source = block.get("source")
    if isinstance(source, Mapping):
        yield str(source.get("type"))
    inner = block.get("content")
    for part in inner if isinstance(inner, list) else ():
        if isinstance(part, Mapping):
            yield from _kinds_of(part)


MESSAGES = NativeMessages()
"""The dialect at its widest, as Anthropic itself speaks it."""
