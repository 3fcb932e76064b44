"""A call's arguments as LiteLLM has them, told apart: what llmkit's call is given, and what the loggers are told.

Keywords that nobody knows are the provider's, as in LiteLLM: they go into the request's body.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from ..._control.plan import Kind
from ..._control.prices import is_price
from ...errors import UnsupportedParamsError
from ...types.params import CallOptions
from ._positions import order_of

__all__ = ["Told", "told", "with_positions"]

_OPTIONS: Final = frozenset(CallOptions.__annotations__)
_FOR_LOGGERS: Final = frozenset({
    "completion_call_id", "id", "litellm_call_id", "litellm_metadata", "litellm_session_id", "litellm_trace_id",
    "logger_fn", "metadata", "model_info", "no-log", "proxy_server_request", "stream_response",
})  # fmt: skip
_MOOT: Final = frozenset({
    "acompletion", "aembedding", "api_type", "azure", "cooldown_time", "force_timeout", "hf_model_name", "itpm",
    "litellm_request_debug", "max_parallel_requests", "no_log", "order", "otpm", "preset_cache_key", "rpd",
    "rpm", "tag_regex", "tpd", "tpm", "verbose", "weight",
})  # fmt: skip
"""Of deployments, of older versions, or for logs that are not made: nothing is lost without them."""
_REFUSED: Final = {
    "client": "give llmkit.Client(http_client=…) an httpx client, or litellm.client_session",
    "context_window_fallback_dict": "give fallbacks=, or use a Router with context_window_fallbacks",
    "custom_prompt_dict": "prompts are made by the provider: give messages",
    "ensure_alternating_roles": "messages are never changed: give them as the provider takes them",
    "guardrails": "give llmkit.Client(hooks=[…]) an object with before_call and after_call",
    "initial_prompt_value": "prompts are made by the provider: give messages",
    "model_list": "make a Router of it",
    "prompt_id": "prompts are kept by nobody here: give messages",
    "retry_policy": "give num_retries=, or use a Router",
    "roles": "prompts are made by the provider: give messages",
    "shared_session": "set litellm.aclient_session to an httpx.AsyncClient",
    "use_litellm_proxy": "call the gateway by its address: api_base= and custom_llm_provider='openai'",
}  # fmt: skip
"""What changes the answer, or who gives it, and is not there: given, it is an error."""
_SPELLED: Final = {"request_timeout": "timeout", "deployment_id": "model"}
_SENDS_METADATA: Final = frozenset({"batches", "messages", "responses"})
"""Kinds of call whose metadata is the provider's; elsewhere it is the loggers' alone."""


class Told(NamedTuple):
    """Arguments, told apart."""

    ours: dict[str, Any]
    """What llmkit's call is given."""

    optional: dict[str, Any]
    """What of them goes to the model: LiteLLM's ``optional_params``."""


def with_positions(name: str, given: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
    """All arguments by name.

    Raises:
        TypeError: there are too many, or one is there twice.
    """
    order = order_of(name)
    if len(given) > len(order):
        raise TypeError(f"{name}() takes {len(order)} arguments without names, not {len(given)}")
    placed = dict(zip(order, given, strict=False))
    if twice := placed.keys() & named.keys():
        raise TypeError(f"{name}() got {min(twice)!r} twice")
    return {**placed, **named}


def told(kind: Kind, subject: Sequence[str], arguments: Mapping[str, Any]) -> Told:
    """Tell arguments apart, over the settings.

    Raises:
        UnsupportedParamsError: one is not honoured, and its absence would be missed; the message says what to do.
    """
    ours: dict[str, Any] = {}
    unknown: dict[str, Any] = {}
    known = kind.params
    beside = _FOR_LOGGERS - {"metadata"} if kind.name in _SENDS_METADATA else _FOR_LOGGERS
    for name, value in arguments.items():
        spelled = _SPELLED.get(name, name)
        if value is None or name in _MOOT or name in beside:
            continue
        if name in _REFUSED and value:
            raise UnsupportedParamsError(f"{name}= is not honoured: {_REFUSED[name]}", param=name)
        if spelled in subject or spelled in known or spelled in _OPTIONS or is_price(name):
            ours.setdefault(spelled, value)
        elif name not in _REFUSED:
            unknown[name] = value
    optional = {name: value for name, value in ours.items() if name in known}
    if unknown:
        ours["extra_body"] = {**unknown, **(ours.get("extra_body") or {})}
    _tags(ours, arguments)
    return Told(ours, {**optional, **unknown})


def _tags(ours: dict[str, Any], arguments: Mapping[str, Any]) -> None:
    """Tags of the metadata are the call's, for budgets; the rest of it is for loggers, and is not sent."""
    tags = (
        (arguments.get("metadata") or {}).get("tags")
        if isinstance(arguments.get("metadata"), Mapping)
        else None
    )
    if tags and "tags" not in ours:
        ours["tags"] = tags
