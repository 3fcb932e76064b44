"""The tokens of a call's prompt by a model's own rule, for who has to know whether it fits. Nothing else is decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...catalogue import Catalogue, ModelInfo, default
from ...errors import ConfigurationError
from .reading import size_of, texts_of

__all__ = ["counted"]

_SCHEMAS: Final = ("tools", "functions", "tool_choice", "function_call", "response_format")
# By how much an estimate may be above what the provider counts: nobody is left out for that.
_OVER: Final = 0.9


def counted(
    subject: Mapping[str, Any],
    params: Mapping[str, Any],
    model: ModelInfo | None,
    catalogue: Catalogue | None = None,
) -> int:
    """Tokens of a prompt at this model. What is only estimated is counted a tenth lower."""
    from ...tokens import count  # noqa: PLC0415 - only for prompts that may be too long

    rule: Mapping[str, Any] = {}
    if model is not None:
        rule = (catalogue or default()).counting(model.provider, model.name)
    messages = subject.get("messages")
    try:
        if isinstance(messages, list | tuple):
            found = count(rule, messages=messages, **_sent(params))
        else:
            found = count(rule, text="\n".join(texts_of((subject, params))))
    except ConfigurationError:
        return 0  # nobody knows: the provider says
    return int(found) if found.exact else int(found * _OVER)


def _sent(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: params[name] for name in _SCHEMAS if params.get(name) is not None}
