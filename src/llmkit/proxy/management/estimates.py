"""``/utils/…`` and ``/cost/estimate``: what a call would be, counted and priced. Nothing is sent, unless it says so.

Paths and fields are LiteLLM's (``proxy_server.py``, ``cost_tracking_settings.py``, 1.109.1, read 2026-11-23).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Final

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from pydantic import Field

from ...errors import (
    ConfigurationError,
    NoDeploymentError,
    NotFoundError,
    UnknownModelError,
    UnknownProviderError,
    UnsupportedParamsError,
)
from ..auth.allowed import may_use
from ..endpoints.asking import around
from ..endpoints.beside import Beside, refuse
from . import fields
from .asking import Asked, Asking, refused
from .spend import deployed
from .usage import amount

__all__ = ["router"]

router = APIRouter(tags=["llm utils"])
ModelName = Annotated[str, Field(min_length=1, max_length=512)]
Tokens = Annotated[int, Field(ge=0, le=10**12)]
Requests = Annotated[int, Field(ge=0, le=10**12)]


# --- tokens --------------------------------------------------------------------------------------


class Counted(fields.Said):
    """``/utils/token_counter``: messages, as a chat has them, or a text."""

    model: ModelName
    messages: list[dict[str, Any]] | None = None
    prompt: str | None = None
    tools: list[dict[str, Any]] | None = None
    system: str | None = None


@router.post("/utils/token_counter")
async def token_counter(
    request: Request, asking: Asked, body: Counted, *, call_endpoint: bool = False
) -> dict[str, Any]:
    """How many tokens a prompt has: counted here; with ``call_endpoint`` by the provider, if it counts.

    ``tokenizer_type`` says by what: ``tiktoken``, ``estimate`` where no public tokenizer is known, ``provider``.
    """
    if (body.messages is None) == (body.prompt is None):
        raise refused("give one of messages and prompt", "messages")
    may_use(asking.subject, body.model)
    named = deployed(asking, body.model)
    count, by = None, "provider"
    if call_endpoint:
        how = {"call_type": "acount_tokens", "group": body.model}
        with around(request, asking.subject, Beside(), **how):
            count = await _by_provider(asking, body)
    if count is None:
        counted = await run_sync(_counted, asking, named, body)
        count, by = int(counted), "tiktoken" if counted.exact else "estimate"
    used = {"request_model": body.model, "model_used": named}
    return {"total_tokens": count, **used, "tokenizer_type": by}


def _messages(body: Counted) -> list[dict[str, Any]]:
    said = body.messages
    if said is None:
        said = [{"role": "user", "content": body.prompt}]
    return said if body.system is None else [{"role": "system", "content": body.system}, *said]


def _counted(asking: Asking, model: str, body: Counted) -> Any:
    calls = asking.gateway.calls
    if body.prompt is not None and body.system is None and body.tools is None:
        return calls.token_counter(model, text=body.prompt)
    tools = {} if body.tools is None else {"tools": body.tools}
    return calls.token_counter(model, _messages(body), **tools)


async def _by_provider(asking: Asking, body: Counted) -> int | None:
    """As the provider counts; ``None`` where it counts none."""
    tools = {} if body.tools is None else {"tools": body.tools}
    try:
        found = await asking.gateway.calls.acount_tokens(body.model, _messages(body), **tools)
    except (ConfigurationError, NoDeploymentError, NotFoundError) as error:
        if isinstance(error, UnknownModelError | UnknownProviderError):
            raise
        return None
    return int(found.input_tokens)


# --- parameters ----------------------------------------------------------------------------------

_SCHEMA: Final = {"type": "object", "properties": {}}
_TOOL: Final = {"type": "function", "function": {"name": "look", "parameters": _SCHEMA}}
_PROBES: Final[Mapping[str, Mapping[str, Any]]] = {
    "frequency_penalty": {"frequency_penalty": 0.1},
    "logit_bias": {"logit_bias": {"1": 1}},
    "logprobs": {"logprobs": True},
    "top_logprobs": {"logprobs": True, "top_logprobs": 1},
    "max_tokens": {"max_tokens": 16},
    "max_completion_tokens": {"max_completion_tokens": 16},
    "modalities": {"modalities": ["text"]},
    "n": {"n": 2},
    "parallel_tool_calls": {"tools": [_TOOL], "parallel_tool_calls": False},
    "presence_penalty": {"presence_penalty": 0.1},
    "reasoning_effort": {"reasoning_effort": "low"},
    "response_format": {"response_format": {"type": "json_object"}},
    "seed": {"seed": 1},
    "service_tier": {"service_tier": "auto"},
    "stop": {"stop": ["end"]},
    "stream": {"stream": True},
    "stream_options": {"stream": True, "stream_options": {"include_usage": True}},
    "temperature": {"temperature": 0.5},
    "thinking": {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2048},
    "tool_choice": {"tools": [_TOOL], "tool_choice": "auto"},
    "tools": {"tools": [_TOOL]},
    "top_p": {"top_p": 0.5},
    "user": {"user": "someone"},
    "web_search_options": {"web_search_options": {}},
}
"""A request that has a parameter, by its name."""


@router.get("/utils/supported_openai_params")
async def supported(
    asking: Asked, model: Annotated[str, Query(min_length=1, max_length=512)]
) -> dict[str, Any]:
    """Which of OpenAI's parameters a chat with a model takes: each is tried, and nothing is sent."""
    may_use(asking.subject, model)
    return {"supported_openai_params": await run_sync(_taken, asking, model)}


def _taken(asking: Asking, model: str) -> list[str]:
    calls, said = asking.gateway.calls, [{"role": "user", "content": "Hi"}]
    # Whatever is wrong with the model itself is told.
    calls.completion(model, said, dry_run=True)
    found = []
    for name, probe in _PROBES.items():
        try:
            calls.completion(model, said, dry_run=True, **probe)
        except UnsupportedParamsError:
            continue
        found.append(name)
    return found


# --- requests ------------------------------------------------------------------------------------

_SHOWN: Final = frozenset(
    {
        "completion",
        "embedding",
        "image_generation",
        "messages",
        "moderation",
        "rerank",
        "responses",
        "speech",
        "text_completion",
    }
)
"""Calls without files: a file's name would be read as one of the gateway's own."""


class Transformed(fields.Said):
    """``/utils/transform_request``: LiteLLM's word for the call, with its body."""

    call_type: Annotated[str, Field(max_length=64)]
    request_body: dict[str, Any]


@router.post("/utils/transform_request")
async def transform(asking: Asked, body: Transformed) -> dict[str, Any]:
    """The request that a call would send to its provider, without its secrets. Where that is, administrators see."""
    if not asking.sees_all:
        asking.must_be_administrator()
    name = body.call_type.removeprefix("a") if body.call_type[1:] in _SHOWN else body.call_type
    if name not in _SHOWN:
        raise refused(f"call_type is one of {', '.join(sorted(_SHOWN))}", "call_type")
    refuse(body.request_body, asking.subject, asking.gateway.settings)
    said = {key: value for key, value in body.request_body.items() if value is not None}
    made = await run_sync(_dry, asking, name, said)
    return {
        "raw_request_api_base": made.url,
        "raw_request_body": made.body if isinstance(made.body, dict) else {"body": made.body},
        "raw_request_headers": dict(made.headers),
        "error": None,
    }


def _dry(asking: Asking, name: str, said: dict[str, Any]) -> Any:
    try:
        return asking.gateway.calls.dry_run(name, **said)
    except TypeError as error:
        # A field is missing, or is none: Python says which, and nothing else.
        text = str(error).rpartition("() ")[2]
        raise refused(f"request_body: {text:.200}", "request_body") from None


# --- prices --------------------------------------------------------------------------------------


class Estimated(fields.Said):
    """``/cost/estimate``."""

    model: ModelName
    input_tokens: Tokens
    output_tokens: Tokens
    cache_read_input_tokens: Tokens = 0
    cache_creation_input_tokens: Tokens = 0
    reasoning_tokens: Tokens = 0
    num_requests_per_day: Requests | None = None
    num_requests_per_month: Requests | None = None


_PARTS: Final = {
    "cache_read": "cached_read",
    "cache_creation": "cache_write",
    "reasoning": "reasoning",
}
"""LiteLLM's names for parts of a price, and ours."""
_INTO: Final = frozenset({"input", "cached_read", "cache_write"})


@router.post("/cost/estimate")
async def estimate(asking: Asked, body: Estimated) -> dict[str, Any]:
    """What calls of this size cost, each, in a day and in a month, in USD. Where no price is known: ``null``."""
    if body.cache_read_input_tokens + body.cache_creation_input_tokens > body.input_tokens:
        raise refused("cached tokens are among input_tokens: give more of these", "input_tokens")
    if body.reasoning_tokens > body.output_tokens:
        raise refused(
            "reasoning_tokens are among output_tokens: give more of these", "output_tokens"
        )
    may_use(asking.subject, body.model)
    model = deployed(asking, body.model)
    cost = await run_sync(
        partial(asking.gateway.calls.completion_cost, model=model, usage=_usage(body))
    )
    each = _each(cost)
    return {
        **body.model_dump(),
        **{f"{name}_per_request": amount(usd) for name, usd in each.items()},
        "margin_cost_per_request": 0.0,
        **_times("daily", each, body.num_requests_per_day),
        **_times("monthly", each, body.num_requests_per_month),
        "provider": model.partition("/")[0] if "/" in model else None,
        "status": cost.status,
        "reason": cost.reason,
    }


def _usage(body: Estimated) -> dict[str, Any]:
    return {
        "prompt_tokens": body.input_tokens,
        "completion_tokens": body.output_tokens,
        "total_tokens": body.input_tokens + body.output_tokens,
        "prompt_tokens_details": {
            "cached_tokens": body.cache_read_input_tokens,
            "cache_write_tokens": body.cache_creation_input_tokens,
        },
        "completion_tokens_details": {"reasoning_tokens": body.reasoning_tokens},
    }


def _each(cost: Any) -> dict[str, Decimal | None]:
    """What one costs, and how much of that is which side's; all unknown where the whole is."""
    if cost.total is None:
        names = ("cost", "input_cost", "output_cost", *(f"{name}_cost" for name in _PARTS))
        return dict.fromkeys(names)
    into = sum((x.amount for x in cost.lines if x.dimension in _INTO), Decimal(0))
    parts = {
        f"{name}_cost": sum((x.amount for x in cost.lines if x.dimension == of), Decimal(0))
        for name, of in _PARTS.items()
    }
    return {"cost": cost.total, "input_cost": into, "output_cost": cost.total - into, **parts}


def _times(name: str, each: Mapping[str, Decimal | None], many: int | None) -> dict[str, Any]:
    said = {
        f"{name}_{part}": None if many is None or usd is None else float(usd * many)
        for part, usd in each.items()
    }
    return {**said, f"{name}_margin_cost": None if many is None else 0.0}
