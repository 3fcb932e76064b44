"""A call to a request: every parameter is sent, refused, or listed in the ledger.

``_WRITE`` has what becomes of each parameter; one that is not in it is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..._call import Call, ChatCall
from ..._http import Endpoint, HTTPRequest, join_url
from .._params import HEADERS, STREAM_HEADERS, Ledger, check_value, merge_extra, serialized, texts
from ._betas import BETA, BETA_FIELD, betas
from ._format import write_format
from ._messages import Conversation
from ._thinking import filled, write_effort, write_max_tokens
from ._tools import search_tool, write_choice, write_tools
from ._traits import Hosted

if TYPE_CHECKING:
    from . import AnthropicMessages

__all__ = ["address_of", "build", "hosted_form"]

_ROOT = "/v1"
_PATH = "/messages"
_SAFE = "-._~@:"
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
}
_SAMPLING: dict[str, Any] = {"temperature": 1, "top_p": 1, "top_k": None}
_HINTS = {
    "n": "it gives one answer a call",
    "functions": "use tools",
    "function_call": "use tool_choice",
    "prompt_cache_key": "mark what to cache with cache_control",
    "prompt_cache_retention": "give cache_control a ttl",
}
_TIERS = {"auto": "auto", "standard_only": "standard_only", "default": "standard_only"}
_HOTTEST = 1


def build(wire: AnthropicMessages, call: ChatCall, to: Endpoint) -> HTTPRequest:
    """Write the call as a POST to ``…/v1/messages``."""
    ledger = Ledger(call)
    conversation = Conversation(wire, ledger)
    body: dict[str, Any] = {"model": call.model, **conversation.encode()}
    _Params(wire, ledger).write(body)
    if call.stream:
        body["stream"] = True
    merge_extra(body, call.extra_body)
    write_max_tokens(wire.default_max_tokens, ledger, body)
    features = betas(body, conversation.kinds)
    address = address_of(to)
    if wire.hosted is not None:
        address, body = hosted_form(wire.hosted, call, to, body, features)
        features = []
    return HTTPRequest(
        method="POST",
        url=address,
        headers=_headers(call, to, features),
        body=serialized(ledger, body),
        adjustments=(*call.adjustments, *ledger.adjustments),
        lists=frozenset({BETA}),
    )


def address_of(to: Endpoint) -> str:
    """The API's address. People give the address with its version and without; a whole one is taken, too."""
    base, mark, query = to.base_url.partition("?")
    base = base.rstrip("/").removesuffix(_PATH).removesuffix(_ROOT)
    return join_url(f"{base}{_ROOT}{mark}{query}", _PATH, to.query)


def hosted_form(
    host: Hosted, call: Call, to: Endpoint, body: dict[str, Any], features: Sequence[str]
) -> tuple[str, dict[str, Any]]:
    """The address, which names the model, and the body, which names the version and the betas."""
    path = host.stream_path if call.stream else host.path
    url = join_url(to.base_url, path.format(model=quote(call.model, safe=_SAFE)), to.query)
    left_out = {"model"} if host.says_stream else {"model", "stream"}
    # What extra_body says of them goes before what is known here.
    made = {
        "anthropic_version": host.version,
        **{k: v for k, v in body.items() if k not in left_out},
    }
    if features:
        made[BETA_FIELD] = list(dict.fromkeys([*(made.get(BETA_FIELD) or ()), *features]))
    return url, made


def _headers(call: ChatCall, to: Endpoint, features: Sequence[str]) -> dict[str, str]:
    headers = {**(STREAM_HEADERS if call.stream else HEADERS), **to.headers}
    if features:
        headers[BETA] = ",".join(features)
    return headers


class _Params:
    """One call's parameters on their way to the body."""

    def __init__(self, wire: AnthropicMessages, ledger: Ledger[ChatCall]) -> None:
        self._wire, self._ledger, self._call = wire, ledger, ledger.call
        self._traits = wire.traits(ledger.call.model)
        self._instruction: str | None = None
        self._together: dict[str, Any] = {}

    def write(self, body: dict[str, Any]) -> None:
        for name, value in self._call.params.items():
            if value is not None and value not in _NEUTRAL.get(name, ()):
                check_value(self._ledger, name, value)
                self._one(name, value, body)
        write_effort(self._traits, self._ledger, self._together.get("reasoning_effort"), body)
        write_choice(self._ledger, self._together, body)
        self._ledger.settle()
        if self._instruction:
            body["system"] = _appended(body.get("system"), self._instruction)

    def _one(self, name: str, value: Any, body: dict[str, Any]) -> None:
        if name in self._call.allowed and (name in self._wire.refused or name not in _WRITE):
            body[name] = value
        elif name in self._wire.refused or name not in _WRITE:
            self._ledger.refuse(name, value, _HINTS.get(name, ""))
        else:
            _WRITE[name](self, name, value, body)

    def _thinking(self, name: str, value: Any, body: dict[str, Any]) -> None:
        body[name] = filled(self._traits, self._ledger, value)

    def _later(self, name: str, value: Any, body: dict[str, Any]) -> None:
        """Written when the others are, or for llmkit alone."""
        self._together[name] = value

    def _sampling(self, name: str, value: Any, body: dict[str, Any]) -> None:
        if name in self._call.allowed:
            body[name] = value
        elif self._traits.sampling:
            body[name] = self._cooled(value) if name == "temperature" else value
        elif value == _SAMPLING[name]:
            reason = "it is the default, which the model takes only unsaid"
            self._ledger.adjust(name, "dropped", value, None, reason)
        else:
            self._ledger.refuse(name, value, "the model takes no sampling parameters")

    def _cooled(self, value: Any) -> Any:
        if not isinstance(value, int | float) or value <= _HOTTEST:
            return value
        reason = "temperatures end at 1 there"
        self._ledger.adjust("temperature", "clamped", value, _HOTTEST, reason)
        return _HOTTEST

    def _limit(self, name: str, value: Any, body: dict[str, Any]) -> None:
        if body.setdefault("max_tokens", value) != value:
            raise self._ledger.invalid(
                "give 'max_tokens' or 'max_completion_tokens', not both: they are one parameter here"
            )

    def _stop(self, name: str, value: Any, body: dict[str, Any]) -> None:
        body["stop_sequences"] = texts(self._ledger, name, value)

    def _user(self, name: str, value: Any, body: dict[str, Any]) -> None:
        metadata = body.setdefault("metadata", {})
        if metadata.setdefault("user_id", value) != value:
            raise self._ledger.invalid(
                "user, safety_identifier and metadata.user_id are one field here; give one of them"
            )

    def _metadata(self, name: str, value: Any, body: dict[str, Any]) -> None:
        if not isinstance(value, Mapping):
            raise self._ledger.invalid(f"metadata must be a dict, not {type(value).__name__}")
        for tag, text in value.items():
            if tag == "user_id":
                self._user(name, text, body)
            else:
                reason = "user_id is the only tag that is kept"
                self._ledger.refuse(f"metadata.{tag}", text, reason)

    def _tier(self, name: str, value: Any, body: dict[str, Any]) -> None:
        if not isinstance(value, str) or value not in _TIERS:
            self._ledger.refuse(name, value, f"the tiers are {', '.join(_TIERS)}")
            return
        body[name] = _TIERS[value]

    def _tools(self, name: str, value: Any, body: dict[str, Any]) -> None:
        written = write_tools(self._traits, self._ledger, value)
        if written:
            body["tools"] = [*written, *body.get("tools", ())]

    def _search(self, name: str, value: Any, body: dict[str, Any]) -> None:
        tool = search_tool(self._ledger, self._wire.web_search, value)
        body["tools"] = [*body.get("tools", ()), tool]

    def _format(self, name: str, value: Any, body: dict[str, Any]) -> None:
        self._instruction = write_format(self._wire, self._ledger, value, body)


_Write = Callable[[_Params, str, Any, dict[str, Any]], None]
_WRITE: dict[str, _Write] = {
    "temperature": _Params._sampling,  # noqa: SLF001 - the class's own table
    "top_p": _Params._sampling,  # noqa: SLF001
    "top_k": _Params._sampling,  # noqa: SLF001
    "max_tokens": _Params._limit,  # noqa: SLF001
    "max_completion_tokens": _Params._limit,  # noqa: SLF001
    "stop": _Params._stop,  # noqa: SLF001
    "user": _Params._user,  # noqa: SLF001
    "safety_identifier": _Params._user,  # noqa: SLF001
    "metadata": _Params._metadata,  # noqa: SLF001
    "service_tier": _Params._tier,  # noqa: SLF001
    "tools": _Params._tools,  # noqa: SLF001
    "web_search_options": _Params._search,  # noqa: SLF001
    "response_format": _Params._format,  # noqa: SLF001
    "thinking": _Params._thinking,  # noqa: SLF001
    "reasoning_effort": _Params._later,  # noqa: SLF001
    "tool_choice": _Params._later,  # noqa: SLF001
    "parallel_tool_calls": _Params._later,  # noqa: SLF001
    "stream_options": _Params._later,  # noqa: SLF001
}


def _appended(system: Any, instruction: str) -> Any:
    if system is None:
        return instruction
    if isinstance(system, str):
        return f"{system}\n\n{instruction}"
    return [*system, {"type": "text", "text": instruction}]
