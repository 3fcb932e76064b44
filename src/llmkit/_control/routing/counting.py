"""The tokens of a call's prompt by a model's own rule, for who has to know whether it fits. Nothing else is decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...catalogue import Catalogue, ModelInfo, default
from ...errors import ConfigurationError
from .reading import said, texts_of

__all__ = ["counted"]

_SCHEMAS: Final = ("tools", "functions", "tool_choice", "function_call", "response_format")


def counted(
    subject: Mapping[str, Any],
    params: Mapping[str, Any],
    model: ModelInfo | None,
    catalogue: Catalogue | None = None,
) -> tuple[int, bool]:
    """Tokens of a prompt at this model, and whether that is exact."""
    from ...tokens import count  # noqa: PLC0415 - only for prompts that may be too long

    rule: Mapping[str, Any] = {}
    if model is not None:
        rule = (catalogue or default()).counting(model.provider, model.name)
    try:
        found = _count(count, rule, subject, params)
    except ConfigurationError:  # its encoding is not there
        found = _count(count, {}, subject, params)
    return int(found), found.exact


def _count(
    count: Any, rule: Mapping[str, Any], subject: Mapping[str, Any], params: Mapping[str, Any]
) -> Any:
    messages = subject.get("messages")
    if isinstance(messages, list | tuple):
        instructions = list(texts_of(params.get("system")))
        return count(rule, text=instructions, messages=messages, **_sent(params))
    counts = [count(rule, text="\n".join(texts_of(one))) for one in said(subject, params)]
    return max(counts, default=count(rule))


def _sent(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: params[name] for name in _SCHEMAS if params.get(name) is not None}
