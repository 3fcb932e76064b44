"""What the simulated API refuses in a request: its parameters one by one, then together, then for its model.

Pure: a parsed body in, a `Refusal` raised or nothing. Names and ranges: https://platform.claude.com/docs/en/api/messages
and the official SDK's types, 2.12.0, read 2026-11-22; what is between them, from answers of the real API.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ....catalogue import find
from ._blocks import CACHE_CONTROL, SYSTEM
from ._check_messages import MESSAGES, check_messages, check_text
from ._check_tools import OUTPUT_FORMAT, TOOL_CHOICE, TOOLS, check_format, check_tools
from ._refusal import Refusal, invalid
from ._shape import (
    Check,
    anything,
    boolean,
    filled,
    integer,
    list_of,
    mapping,
    nullable,
    one_of,
    record,
    share,
    tagged,
    text,
)
from ._terms import Terms, traits_of
from ._turns import Turn, turns

__all__ = ["check", "check_length", "wanted_format"]

_LEAST_BUDGET: Final = 1024
_MOST_MARKS: Final = 4
_CONTEXT: Final = 200_000
_DISPLAY: Final[Mapping[str, Check]] = {
    "type": text,
    "display": nullable(one_of("summarized", "omitted")),
}
_EFFORTS: Final = ("low", "medium", "high", "xhigh", "max")

# What counting tokens takes, too.
_COUNTED: Final[Mapping[str, Check]] = {
    "model": filled,
    "messages": MESSAGES,
    "cache_control": CACHE_CONTROL,
    "output_config": record(
        {
            "effort": nullable(one_of(*_EFFORTS)),
            "format": nullable(OUTPUT_FORMAT),
            "task_budget": mapping,
        }
    ),
    "speed": nullable(one_of("standard", "fast")),
    "system": SYSTEM,
    "thinking": tagged(
        {
            "enabled": record(
                {**_DISPLAY, "budget_tokens": integer(_LEAST_BUDGET)}, ("budget_tokens",)
            ),
            "adaptive": record(_DISPLAY),
            "between_tools": record({"type": text}),
            "disabled": record({"type": text}),
        }
    ),
    "tool_choice": TOOL_CHOICE,
    "tools": TOOLS,
}
# Not in the reference, and taken all the same.
_UNSET: Final = -1


def _top_p(value: Any, where: str) -> None:
    if value != _UNSET:
        share(value, where)


_SAMPLING: Final[Mapping[str, Check]] = {
    "temperature": share,
    "top_k": integer(_UNSET),
    "top_p": _top_p,
}
_WRITTEN: Final[Mapping[str, Check]] = {
    **_COUNTED,
    # Nothing is written at 0: so one fills the prompt's cache.
    "max_tokens": integer(0),
    "container": anything,
    "diagnostics": nullable(mapping),
    "inference_geo": nullable(text),
    "metadata": record({"user_id": nullable(text)}),
    "service_tier": one_of("auto", "standard_only"),
    "stop_sequences": list_of(text),
    "stream": boolean,
}
# Parameters of betas -> how the names of the betas begin that let them in.
_OF_BETAS: Final[Mapping[str, tuple[str, ...]]] = {
    "context_management": ("context-management-", "compact-"),
    "fallbacks": ("server-side-fallback-",),
    "mcp_servers": ("mcp-client-",),
    "output_format": ("structured-outputs-",),
}
_BETA_SHAPES: Final[Mapping[str, Check]] = {
    "context_management": nullable(mapping),
    "fallbacks": anything,
    "mcp_servers": anything,
    "output_format": nullable(OUTPUT_FORMAT),
}
_NOT_SIMULATED: Final = ("container", "fallbacks", "mcp_servers")


def check(body: Any, terms: Terms, *, counting: bool = False) -> None:
    """Raise the `Refusal` that *body* deserves; return if it is fine.

    *counting*: the request is to count its tokens only, which takes fewer parameters.
    """
    required = ("model", "messages") if counting else ("model", "max_tokens", "messages")
    record(_fields(terms, counting=counting), required)(body, "")
    if "task_budget" in (body.get("output_config") or {}) and not terms.has("task-budgets-"):
        raise invalid("output_config.task_budget", "Extra inputs are not permitted")
    for name in _NOT_SIMULATED:
        if body.get(name):
            raise invalid(name, "the simulator has none of these")
    check_messages(body, terms)
    _check_system(body.get("system"))
    check_tools(body)
    for where, wanted in _formats(body):
        check_format(wanted, where)
    _check_marks(body)
    _check_stops(body.get("stop_sequences") or ())
    _check_model(body)
    if not counting:
        _check_limit(body)
        _check_thinking(body, terms)


def wanted_format(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The format that the output of a checked request must have, if there is one."""
    return next((wanted for _, wanted in _formats(body)), None)


def _fields(terms: Terms, *, counting: bool) -> Mapping[str, Check]:
    sampling = {} if counting or terms.is_newest else _SAMPLING
    betas = {name: _BETA_SHAPES[name] for name in _OF_BETAS if terms.has(*_OF_BETAS[name])}
    return {**(_COUNTED if counting else _WRITTEN), **sampling, **betas}


def _formats(body: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    places = {
        "output_config.format": (body.get("output_config") or {}).get("format"),
        "output_format": body.get("output_format"),
    }
    return ((where, wanted) for where, wanted in places.items() if wanted is not None)


def _check_system(system: Any) -> None:
    for block in system if isinstance(system, list) else ():
        check_text(block["text"], "system")


def _check_marks(body: Mapping[str, Any]) -> None:
    """Not more than four places up to which a prompt is cached."""
    parts = (body.get("system"), body.get("tools"), body["messages"])
    found = sum(map(_marks, parts)) + (body.get("cache_control") is not None)
    if found > _MOST_MARKS:
        raise Refusal(
            400,
            f"A maximum of {_MOST_MARKS} blocks with cache_control may be provided. Found {found}.",
        )


def _marks(value: Any) -> int:
    if isinstance(value, list):
        return sum(map(_marks, value))
    if not isinstance(value, dict):
        return 0
    # Only content holds further blocks: schemas and arguments may have members of any name.
    return (value.get("cache_control") is not None) + _marks(value.get("content"))


def _check_stops(stops: Any) -> None:
    if not all(stop.strip() for stop in stops):
        raise invalid("stop_sequences", "each stop sequence must contain non-whitespace")


def check_length(model: str, tokens: int) -> None:
    """Raise the `Refusal` of a prompt that is longer than the model's context."""
    known = find("anthropic", model)
    most = (known.max_input_tokens if known else None) or _CONTEXT
    if tokens > most:
        raise Refusal(400, f"prompt is too long: {tokens} tokens > {most} maximum")


def _check_limit(body: Mapping[str, Any]) -> None:
    known = find("anthropic", body["model"])
    most = known.max_output_tokens if known else None
    if most is not None and body["max_tokens"] > most:
        raise invalid(
            "max_tokens",
            f"{body['max_tokens']} > {most}, which is the maximum allowed number of output tokens "
            f"for {body['model']}",
        )


_THINKING_DOCS: Final = (
    "Please consult our documentation at "
    "https://platform.claude.com/docs/en/build-with-claude/extended-thinking"
)


def _check_thinking(body: Mapping[str, Any], terms: Terms) -> None:
    thinking = body.get("thinking") or {"type": "disabled"}
    if thinking["type"] not in ("enabled", "adaptive"):
        return
    _check_sampling_with_thinking(body)
    forced = (body.get("tool_choice") or {}).get("type") in ("any", "tool")
    if thinking["type"] == "adaptive":
        return
    if forced:
        raise Refusal(400, "Thinking may not be enabled when tool_choice forces tool use.")
    _check_loop(turns(body["messages"]))
    interleaved = terms.has("interleaved-thinking-") and body.get("tools")
    if thinking["budget_tokens"] >= body["max_tokens"] and not interleaved:
        raise Refusal(
            400, f"`max_tokens` must be greater than `thinking.budget_tokens`. {_THINKING_DOCS}"
        )


def _check_loop(conversation: Sequence[Turn]) -> None:
    """Between a call and the answer to its result, the thinking that led to the call must be there."""
    if not conversation[-1].of("tool_result"):
        return
    where, first = conversation[-2].blocks[0]
    if first["type"] not in ("thinking", "redacted_thinking"):
        raise invalid(
            f"{where}.type",
            f"Expected `thinking` or `redacted_thinking`, but found `{first['type']}`. When `thinking` "
            "is enabled, a final `assistant` message must start with a thinking block (preceeding the "
            "lastmost set of `tool_use` and `tool_result` blocks). To avoid this requirement, disable "
            f"`thinking`. {_THINKING_DOCS}",
        )


def _check_sampling_with_thinking(body: Mapping[str, Any]) -> None:
    mode = "when thinking is enabled or in adaptive mode"
    if body.get("temperature", 1) != 1:
        raise Refusal(400, f"`temperature` may only be set to 1 {mode}. {_THINKING_DOCS}")
    if body.get("top_k", _UNSET) != _UNSET:
        raise Refusal(400, f"`top_k` must be unset {mode}. {_THINKING_DOCS}")
    if _UNSET < body.get("top_p", 1) < _LEAST_TOP_P:
        raise Refusal(
            400,
            f"`top_p` must be greater than or equal to {_LEAST_TOP_P} or unset {mode}. {_THINKING_DOCS}",
        )


_LEAST_TOP_P: Final = 0.95
# What models that sample by themselves still take, for old programs' sake.
_HARMLESS_TOP_P: Final = 0.99


def _check_model(body: Mapping[str, Any]) -> None:
    """What this model in particular does not take."""
    traits = traits_of(body["model"])
    kind = (body.get("thinking") or {"type": "disabled"})["type"]
    effort = (body.get("output_config") or {}).get("effort")
    if not traits.sampling:
        _check_unsampled(body, kind)
    if kind == "adaptive" and traits.thinking in ("budget", "none"):
        raise Refusal(400, "adaptive thinking is not supported on this model")
    if body.get("thinking") == {"type": "disabled"} and traits.thinking == "always":
        raise Refusal(400, '"thinking.type.disabled" is not supported for this model.')
    if kind == "enabled" and traits.thinking == "none":
        raise Refusal(400, f"'{body['model']}' does not support thinking.")
    if effort is not None and not traits.efforts:
        raise Refusal(400, "This model does not support the effort parameter.")
    if effort is not None and effort not in traits.efforts:
        listed = ", ".join(sorted(traits.efforts))
        raise Refusal(
            400,
            f"This model does not support effort level '{effort}'. Supported levels: {listed}.",
        )
    if not traits.schema and any(_formats(body)):
        raise Refusal(400, f"'{body['model']}' does not support output format.")


def _check_unsampled(body: Mapping[str, Any], thinking: str) -> None:
    """Of models that lost sampling and budgets for thinking, which went on one day."""
    changed = {
        "temperature": body.get("temperature", 1) != 1,
        "top_p": _UNSET < body.get("top_p", 1) < _HARMLESS_TOP_P,
        "top_k": body.get("top_k", _UNSET) != _UNSET,
    }
    for name, is_changed in changed.items():
        if is_changed:
            raise Refusal(400, f"`{name}` is deprecated for this model.")
    if thinking == "enabled":
        raise Refusal(
            400,
            '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" '
            'and "output_config.effort" to control thinking behavior.',
        )
