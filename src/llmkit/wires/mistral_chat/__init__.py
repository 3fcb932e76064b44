"""Mistral's chat completions: OpenAI's form with rules of its own for messages.

Sources, read 2026-11-22: https://github.com/mistralai/platform-docs-public (openapi.yaml; no schema takes a field
that it does not name), https://docs.mistral.ai/capabilities/reasoning, recorded traffic. Ids of tool calls have nine
characters by no schema, but the API insists: https://github.com/nearai/ironclaw/issues/1241 (code 3280, 2026-03).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from typing_extensions import override

from ..._call import Adjustment, ChatCall
from ..._http import Endpoint, HTTPRequest
from ...errors import InvalidRequestError
from ..openai_chat import OpenAIChat
from ._messages import MistralMessages

__all__ = ["MistralChat"]

_EFFORTS = {"minimal": "none", "low": "high", "medium": "high", "xhigh": "high", "max": "high"}
_REFUSED = frozenset({
    "top_k", "thinking", "logit_bias", "user", "functions", "function_call", "verbosity",
    "modalities", "audio", "web_search_options", "service_tier", "store", "safety_identifier",
    "prompt_cache_retention", "cache_control", "developer", "video_url",
})  # fmt: skip
_WHY = "there is 'none' and 'high' only"


@dataclass(frozen=True, slots=True)
class MistralChat(OpenAIChat):
    """The wire. Answers are read as OpenAI's are; content in parts is known there."""

    prefills: ClassVar[bool] = True
    """Models that can go on from an answer that comes last in a call do so."""

    refused: frozenset[str] = _REFUSED
    renamed: Mapping[str, str] = field(
        default_factory=lambda: {"seed": "random_seed", "max_completion_tokens": "max_tokens"}
    )
    stream_usage: bool = False
    history: tuple[str, ...] | None = ("content_parts",)
    instead: tuple[tuple[str, str], ...] = ()
    """Pattern in the name of models that take no chat, and what to do with them."""

    @override
    def build(self, call: ChatCall, to: Endpoint) -> HTTPRequest:
        """Write the call. Raises ``InvalidRequestError`` also for a model that takes no chat."""
        for pattern, what in self.instead:
            if re.search(pattern, call.model):
                raise InvalidRequestError(
                    f"{call.model} takes no chat: {what}", provider=call.provider, model=call.model
                )
        return OpenAIChat.build(self, _with_effort(call), to)

    @override
    def messages(self, call: ChatCall) -> MistralMessages:
        """The messages of one call on their way to the wire."""
        return MistralMessages(self, call)


def _with_effort(call: ChatCall) -> ChatCall:
    given = call.params.get("reasoning_effort")
    nearest = _EFFORTS.get(given) if isinstance(given, str) else None
    if nearest is None or "reasoning_effort" in call.allowed:
        return call
    clamped = Adjustment("reasoning_effort", "clamped", given, nearest, _WHY)
    return replace(
        call,
        params={**call.params, "reasoning_effort": nearest},
        adjustments=(*call.adjustments, clamped),
    )
