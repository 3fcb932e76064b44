"""A call to a request: every parameter is sent, refused, or listed in the ledger.

``_WRITE`` has what becomes of each parameter; one that is not in it is refused. What the server knows beyond OpenAI's
parameters goes in ``extra_body``: ``{"options": {"num_ctx": …}, "keep_alive": "5m"}``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..._call import ChatCall
from ..._http import Endpoint, HTTPRequest, join_url
from .._params import HEADERS, Ledger, check_value, merge_extra, serialized, texts
from ._messages import Messages
from ._tools import offered

__all__ = ["Params", "build"]

_PATH = "/api/chat"
_STREAM_HEADERS = {"content-type": "application/json", "accept": "application/x-ndjson"}
# What asks for nothing: the server's own behaviour, so there is nothing to send, and nothing to refuse.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "logit_bias": ({},),
    "store": (False,),
    "modalities": (["text"], ("text",)),
    "tool_choice": ("auto",),
    "parallel_tool_calls": (True,),
    "service_tier": ("auto", "default"),
    "verbosity": ("medium",),
    "tools": ([], ()),
}
_HINTS = {
    "n": "it gives one answer a call",
    "functions": "use tools",
    "function_call": "use tool_choice",
    "parallel_tool_calls": "the model decides how many tools it calls",
    "prompt_cache_key": "prompts are cached by themselves",
    "prompt_cache_retention": "keep_alive in extra_body says how long a model stays loaded",
}
# The levels are low, medium, high and max (api/types.go, ThinkValue); which a model tells apart is its own affair.
_Level = bool | str
_EFFORTS: dict[str, tuple[_Level, str]] = {
    "none": (False, ""),
    "minimal": ("low", "the least level there is low"),
    "low": ("low", ""),
    "medium": ("medium", ""),
    "high": ("high", ""),
    "xhigh": ("max", "the level above high is called max there"),
    "max": ("max", ""),
}


def build(call: ChatCall, to: Endpoint) -> HTTPRequest:
    """Write the call as a POST to ``…/api/chat``."""
    ledger = Ledger(call)
    body: dict[str, Any] = {
        "model": call.model,
        "messages": Messages(ledger, call.messages).encode(),
    }
    Params(ledger, call.params).write(body)
    # Streaming is what the server does unless it is told not to.
    body["stream"] = call.stream
    merge_extra(body, call.extra_body)
    return HTTPRequest(
        method="POST",
        url=join_url(to.base_url, _PATH, to.query),
        headers={**(_STREAM_HEADERS if call.stream else HEADERS), **to.headers},
        body=serialized(ledger, body),
        adjustments=(*call.adjustments, *ledger.adjustments),
    )


class Params:
    """One call's parameters on their way to the body; the older completions have most of them, too."""

    def __init__(self, ledger: Ledger, params: Mapping[str, Any]) -> None:
        self._ledger, self._params, self._call = ledger, params, ledger.call

    def write(self, body: dict[str, Any]) -> None:
        """Put every parameter into the body. Raises ``UnsupportedParamsError`` for what cannot be."""
        for name, value in self._params.items():
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

    def _option(self, name: str, value: Any, body: dict[str, Any]) -> None:
        body.setdefault("options", {})[name] = value

    def _limit(self, name: str, value: Any, body: dict[str, Any]) -> None:
        if body.setdefault("options", {}).setdefault("num_predict", value) != value:
            raise self._ledger.invalid(
                "give 'max_tokens' or 'max_completion_tokens', not both: they are one parameter here"
            )

    def _stop(self, name: str, value: Any, body: dict[str, Any]) -> None:
        # The server takes a list, and only that.
        self._option(name, texts(self._ledger, name, value), body)

    def _plain(self, name: str, value: Any, body: dict[str, Any]) -> None:
        body[name] = value

    def _top_logprobs(self, name: str, value: Any, body: dict[str, Any]) -> None:
        if value:
            body[name] = value

    def _format(self, name: str, value: Any, body: dict[str, Any]) -> None:
        kind = value.get("type") if isinstance(value, Mapping) else None
        if kind == "json_object":
            body["format"] = "json"
        elif kind == "json_schema":
            described = value.get("json_schema")
            schema = described.get("schema") if isinstance(described, Mapping) else None
            body["format"] = "json" if schema is None else schema
        elif kind != "text":
            raise self._ledger.invalid(
                "response_format must be {'type': 'text' | 'json_object' | 'json_schema', …} or a pydantic class"
            )

    def _effort(self, name: str, value: Any, body: dict[str, Any]) -> None:
        if not isinstance(value, str) or value not in _EFFORTS:
            known = ", ".join(_EFFORTS)
            raise self._ledger.invalid(
                f"reasoning_effort must be one of {known}, not {value!r:.80}"
            )
        level, why = _EFFORTS[value]
        if why:
            self._ledger.adjust(
                name, "renamed" if value == "xhigh" else "clamped", value, level, why
            )
        self._think(name, level, body)

    def _thinking(self, name: str, value: Any, body: dict[str, Any]) -> None:
        kind = value.get("type") if isinstance(value, Mapping) else None
        if kind not in ("enabled", "adaptive", "disabled"):
            raise self._ledger.invalid(
                f"thinking must be {{'type': 'enabled' | 'adaptive' | 'disabled'}}, not {value!r:.80}"
            )
        rest = {k: v for k, v in value.items() if k != "type" and v is not None}
        if rest:
            why = "thinking is on, off or at a level there; extra_body's think sets it"
            self._ledger.adjust(name, "dropped", rest, None, why)
        self._think(name, kind != "disabled", body)

    def _think(self, name: str, level: _Level, body: dict[str, Any]) -> None:
        if body.setdefault("think", level) != level:
            raise self._ledger.invalid(
                "give 'reasoning_effort' or 'thinking', not both: they set one thing here"
            )

    def _tools(self, name: str, value: Any, body: dict[str, Any]) -> None:
        if self._params.get("tool_choice") == "none":
            why = "there is no way to forbid them but to leave them out"
            self._ledger.adjust("tool_choice", "emulated", "none", None, why)
            return
        body[name] = offered(self._ledger, value)

    def _choice(self, name: str, value: Any, body: dict[str, Any]) -> None:
        if value != "none":
            self._ledger.refuse(name, value, "the model decides whether it calls a tool")

    def _nothing(self, name: str, value: Any, body: dict[str, Any]) -> None:
        """For llmkit alone: the stream's usage always comes."""


_Write = Callable[[Params, str, Any, dict[str, Any]], None]
_WRITE: dict[str, _Write] = {
    **dict.fromkeys(
        ("temperature", "top_p", "top_k", "seed", "presence_penalty", "frequency_penalty"),
        Params._option,  # noqa: SLF001 - the class's own table
    ),
    "max_tokens": Params._limit,  # noqa: SLF001
    "max_completion_tokens": Params._limit,  # noqa: SLF001
    "stop": Params._stop,  # noqa: SLF001
    "logprobs": Params._plain,  # noqa: SLF001
    "top_logprobs": Params._top_logprobs,  # noqa: SLF001
    "response_format": Params._format,  # noqa: SLF001
    "reasoning_effort": Params._effort,  # noqa: SLF001
    "thinking": Params._thinking,  # noqa: SLF001
    "tools": Params._tools,  # noqa: SLF001
    "tool_choice": Params._choice,  # noqa: SLF001
    "stream_options": Params._nothing,  # noqa: SLF001
}
