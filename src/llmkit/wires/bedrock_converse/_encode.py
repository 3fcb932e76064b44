"""A call to a request: every parameter is sent, refused, or listed in the ledger.

``_WRITE`` has what becomes of each parameter; one that is not in it is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..._call import ChatCall
from ..._http import Endpoint, HTTPRequest
from .._aws_paths import model_url
from .._params import Ledger, check_value, merge_extra, serialized
from ._format import write_format
from ._messages import Conversation
from ._thinking import write_effort, write_thinking
from ._tools import write_choice, write_tools

if TYPE_CHECKING:
    from . import BedrockConverse

__all__ = ["build"]

_HEADERS = {"content-type": "application/json", "accept": "application/json"}
_STREAM_HEADERS = {**_HEADERS, "accept": "application/vnd.amazon.eventstream"}
_EXTRA = "additionalModelRequestFields"
# What asks for nothing: the dialect's own behaviour, so there is nothing to send, and nothing to refuse.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "logit_bias": ({},),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "store": (False,),
    "modalities": (["text"], ("text",)),
    "verbosity": ("medium",),
    "parallel_tool_calls": (True,),
}
_UNSAID: dict[str, Any] = {"temperature": 1, "top_p": 1}
_HINTS = {
    "n": "it gives one answer a call",
    "functions": "use tools",
    "function_call": "use tool_choice",
    "user": "tag calls with metadata",
    "safety_identifier": "tag calls with metadata",
    "prompt_cache_key": "mark what to cache with cache_control",
    "prompt_cache_retention": "give cache_control a ttl",
}
_TIERS = frozenset({"default", "priority", "flex", "reserved"})
_FIELDS = {"temperature": "temperature", "top_p": "topP"}


def build(wire: BedrockConverse, call: ChatCall, to: Endpoint) -> HTTPRequest:
    """Write the call as a POST to ``…/model/{model}/converse`` or ``…/converse-stream``."""
    ledger = Ledger(call)
    body: dict[str, Any] = Conversation(wire.traits(call.model), ledger, call.messages).encode()
    _Params(wire, ledger, call).write(body)
    merge_extra(body, call.extra_body)
    method = "converse-stream" if call.stream else "converse"
    return HTTPRequest(
        method="POST",
        url=model_url(to, call.model, method),
        headers={**(_STREAM_HEADERS if call.stream else _HEADERS), **to.headers},
        body=serialized(ledger, body),
        adjustments=(*call.adjustments, *ledger.adjustments),
    )


class _Params:
    """One call's parameters on their way to the body."""

    def __init__(self, wire: BedrockConverse, ledger: Ledger, call: ChatCall) -> None:
        self._wire, self._ledger, self._call = wire, ledger, call
        self._traits = wire.traits(call.model)
        self._instruction: str | None = None

    def write(self, body: dict[str, Any]) -> None:
        for name, value in self._call.params.items():
            if value is not None and value not in _NEUTRAL.get(name, ()):
                check_value(self._ledger, name, value)
                self._one(name, value, body)
        write_effort(self._traits, self._ledger, self._call.params.get("reasoning_effort"), body)
        write_choice(self._traits, self._ledger, body)
        self._ledger.settle()
        if self._instruction:
            body["system"] = [*body.get("system", ()), {"text": self._instruction}]

    def _one(self, name: str, value: Any, body: dict[str, Any]) -> None:
        if name in self._call.allowed and (name in self._wire.refused or name not in _WRITE):
            body.setdefault(_EXTRA, {})[name] = value
        elif name in self._wire.refused or name not in _WRITE:
            self._ledger.refuse(name, value, _HINTS.get(name, ""))
        else:
            _WRITE[name](self, name, value, body)

    def _later(self, name: str, value: Any, body: dict[str, Any]) -> None:
        """Written when the others are, or for llmkit alone."""

    def _config(self, name: str, value: Any, body: dict[str, Any]) -> None:
        messages = self._traits.messages
        if messages is None or messages.sampling or name in self._call.allowed:
            body.setdefault("inferenceConfig", {})[_FIELDS[name]] = self._cooled(name, value)
        elif value == _UNSAID[name]:
            reason = "it is the default, which the model takes only unsaid"
            self._ledger.adjust(name, "dropped", value, None, reason)
        else:
            self._ledger.refuse(name, value, "the model takes no sampling parameters")

    def _cooled(self, name: str, value: Any) -> Any:
        if name != "temperature" or not isinstance(value, int | float) or value <= 1:
            return value
        self._ledger.adjust(name, "clamped", value, 1, "temperatures end at 1 there")
        return 1

    def _limit(self, name: str, value: Any, body: dict[str, Any]) -> None:
        if body.setdefault("inferenceConfig", {}).setdefault("maxTokens", value) != value:
            raise self._ledger.invalid(
                "give 'max_tokens' or 'max_completion_tokens', not both: they are one parameter here"
            )

    def _stop(self, name: str, value: Any, body: dict[str, Any]) -> None:
        stops = [value] if isinstance(value, str) else value
        if not isinstance(stops, Sequence) or isinstance(stops, bytes):
            raise self._ledger.invalid(f"stop must be a text or a list of texts, not {value!r:.80}")
        body.setdefault("inferenceConfig", {})["stopSequences"] = [*stops]

    def _top_k(self, name: str, value: Any, body: dict[str, Any]) -> None:
        if not self._traits.top_k:
            reason = "where this model takes it is not known; say it in extra_body, in " + _EXTRA
            self._ledger.refuse(name, value, reason)
            return
        *parents, last = self._traits.top_k
        place = body.setdefault(_EXTRA, {})
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value

    def _metadata(self, name: str, value: Any, body: dict[str, Any]) -> None:
        if not isinstance(value, Mapping):
            raise self._ledger.invalid(f"metadata must be a dict, not {type(value).__name__}")
        body["requestMetadata"] = dict(value)

    def _tier(self, name: str, value: Any, body: dict[str, Any]) -> None:
        if value == "auto":
            reason = "without a tier the account's own holds"
            self._ledger.adjust(name, "dropped", value, None, reason)
        elif isinstance(value, str) and value in _TIERS:
            body["serviceTier"] = {"type": value}
        else:
            self._ledger.refuse(name, value, f"the tiers are {', '.join(sorted(_TIERS))}")

    def _tools(self, name: str, value: Any, body: dict[str, Any]) -> None:
        written = write_tools(self._traits, self._ledger, value)
        if written:
            body["toolConfig"] = {"tools": written}

    def _format(self, name: str, value: Any, body: dict[str, Any]) -> None:
        self._instruction = write_format(self._wire, self._ledger, self._call, body)

    def _thinking(self, name: str, value: Any, body: dict[str, Any]) -> None:
        write_thinking(self._traits, self._ledger, value, body)


_Write = Callable[[_Params, str, Any, dict[str, Any]], None]
_WRITE: dict[str, _Write] = {
    "temperature": _Params._config,  # noqa: SLF001 - the class's own table
    "top_p": _Params._config,  # noqa: SLF001
    "top_k": _Params._top_k,  # noqa: SLF001
    "max_tokens": _Params._limit,  # noqa: SLF001
    "max_completion_tokens": _Params._limit,  # noqa: SLF001
    "stop": _Params._stop,  # noqa: SLF001
    "metadata": _Params._metadata,  # noqa: SLF001
    "service_tier": _Params._tier,  # noqa: SLF001
    "tools": _Params._tools,  # noqa: SLF001
    "response_format": _Params._format,  # noqa: SLF001
    "thinking": _Params._thinking,  # noqa: SLF001
    "reasoning_effort": _Params._later,  # noqa: SLF001
    "tool_choice": _Params._later,  # noqa: SLF001
    "parallel_tool_calls": _Params._later,  # noqa: SLF001
    "stream_options": _Params._later,  # noqa: SLF001
}
