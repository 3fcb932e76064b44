"""A call to a prediction: messages to a prompt, parameters to the names that language models' inputs have.

Names as official language models have them (``prompt``, ``system_prompt``, ``max_tokens``, ``stop_sequences`` …). Each
model's page lists its own; what it takes beside these goes in ``extra_body``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ..._call import ChatCall
from ..._http import Endpoint, HTTPRequest, join_url
from ..._json import dump_text
from .._params import HEADERS, Ledger, check_value, merge_extra, serialized, texts
from ._prompt import prompted

__all__ = ["build", "place"]

Limits = Sequence[tuple[str, str]]
_VERSION = re.compile(r"[0-9a-f]{64}")
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "tools": ([], ()),
    "tool_choice": ("auto", "none"),
    "parallel_tool_calls": (True,),
    "logit_bias": ({},),
    "logprobs": (False,),
    "store": (False,),
    "modalities": (["text"], ("text",)),
    "service_tier": ("auto", "default"),
}
_HINTS = {
    "n": "a prediction is one answer",
    "tools": "a model's input has no tools",
    "functions": "a model's input has no tools",
    "reasoning_effort": "where a model has it, it goes in extra_body's input",
    "verbosity": "where a model has it, it goes in extra_body's input",
}
_JSON_ONLY = "Answer with one JSON object and nothing else: no fence, no words before or after it."


def build(limits: Limits, call: ChatCall, to: Endpoint) -> HTTPRequest:
    """Write the call as a POST to ``…/predictions``."""
    ledger = Ledger(call)
    params = _Params(ledger, limits)
    given = params.encode()
    body = place(call.model)[1] | {
        "input": prompted(ledger, call.messages, params.instruction) | given
    }
    if call.stream:
        body["stream"] = True
    merge_extra(body, call.extra_body)
    return HTTPRequest(
        method="POST",
        url=join_url(to.base_url, place(call.model)[0], to.query),
        # Held open until it has ended, for a minute at most; a stream is opened at once.
        headers={**HEADERS, **({} if call.stream else {"prefer": "wait"}), **to.headers},
        body=serialized(ledger, body),
        adjustments=(*call.adjustments, *ledger.adjustments),
    )


def place(model: str) -> tuple[str, dict[str, Any]]:
    """Where predictions of a model are made, and what their body says of it."""
    name, _, version = model.partition(":")
    if version:
        return "/predictions", {"version": version}
    if _VERSION.fullmatch(model):
        return "/predictions", {"version": model}
    escaped = quote(name, safe="/")
    return (
        f"/{escaped}" if name.startswith("deployments/") else f"/models/{escaped}"
    ) + "/predictions", {}


class _Params:
    """One call's parameters on their way to the input."""

    def __init__(self, ledger: Ledger, limits: Limits) -> None:
        self._ledger, self._limits, self._call = ledger, limits, ledger.call
        self.instruction: str | None = None

    def encode(self) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for name, value in self._call.params.items():
            if value is not None and value not in _NEUTRAL.get(name, ()):
                check_value(self._ledger, name, value)
                self._one(name, value, made)
        self._ledger.settle()
        return made

    def _one(self, name: str, value: Any, made: dict[str, Any]) -> None:
        if name in _WRITE:
            _WRITE[name](self, name, value, made)
        elif name in self._call.allowed:
            made[name] = value
        else:
            self._ledger.refuse(name, value, _HINTS.get(name, ""))

    def _plain(self, name: str, value: Any, made: dict[str, Any]) -> None:
        made[name] = value

    def _limit(self, name: str, value: Any, made: dict[str, Any]) -> None:
        fitting = (
            theirs for pattern, theirs in self._limits if re.search(pattern, self._call.model)
        )
        if made.setdefault(next(fitting, "max_tokens"), value) != value:
            raise self._ledger.invalid(
                "give 'max_tokens' or 'max_completion_tokens', not both: they are one parameter here"
            )

    def _stop(self, name: str, value: Any, made: dict[str, Any]) -> None:
        stops = texts(self._ledger, name, value)
        if any("," in stop for stop in stops):
            self._ledger.refuse(
                name, value, "commas separate the texts there, so none may have one"
            )
            return
        made["stop_sequences"] = ",".join(stops)

    def _format(self, name: str, value: Any, made: dict[str, Any]) -> None:
        kind = value.get("type") if isinstance(value, Mapping) else None
        if kind == "text":
            return
        if kind not in ("json_object", "json_schema"):
            raise self._ledger.invalid("response_format must be {'type': …} or a pydantic class")
        described = value.get("json_schema")
        schema = described.get("schema") if isinstance(described, Mapping) else None
        self.instruction = _JSON_ONLY
        if schema is not None:
            self.instruction = f"{_JSON_ONLY} It must fit this JSON schema: {dump_text(schema)}"
        why = "by an instruction: a model's input has no format"
        self._ledger.adjust(name, "emulated", value, None, why)

    def _nothing(self, name: str, value: Any, made: dict[str, Any]) -> None:
        """For llmkit alone: streams have no usage to ask for."""


_Write = Callable[[_Params, str, Any, dict[str, Any]], None]
_WRITE: dict[str, _Write] = {
    **dict.fromkeys(
        ("temperature", "top_p", "top_k", "seed", "presence_penalty", "frequency_penalty"),
        _Params._plain,  # noqa: SLF001 - the class's own table
    ),
    "max_tokens": _Params._limit,  # noqa: SLF001
    "max_completion_tokens": _Params._limit,  # noqa: SLF001
    "stop": _Params._stop,  # noqa: SLF001
    "response_format": _Params._format,  # noqa: SLF001
    "stream_options": _Params._nothing,  # noqa: SLF001
}
