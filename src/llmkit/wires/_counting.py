"""A prompt to be counted, as the chat that would send it: what changes the count is kept, the rest is listed.

No dialect's names: how a chat is written is its wire's affair.
"""

from __future__ import annotations

from .._call import Adjustment, Call, ChatCall
from .._calls import CountCall

__all__ = ["as_chat", "uncounted"]

_COUNTED = frozenset({
    "tools", "tool_choice", "functions", "function_call", "parallel_tool_calls", "thinking", "reasoning_effort",
    "response_format", "web_search_options",
})  # fmt: skip
_WHY = "it does not change what is counted"


def as_chat(call: Call) -> ChatCall:
    """The chat whose prompt is counted, with the parameters that are part of it."""
    params = {k: v for k, v in call.params.items() if k in _COUNTED or k in call.allowed}
    return ChatCall(
        call.id,
        call.provider,
        call.model,
        call.messages if isinstance(call, CountCall) else (),
        params=params,
        extra_body=call.extra_body,
        extra_headers=call.extra_headers,
        drop_params=call.drop_params,
        allowed=call.allowed,
        catalogue=call.catalogue,
    )


def uncounted(call: CountCall) -> list[Adjustment]:
    """The parameters that are not sent, as the ledger has them."""
    kept = _COUNTED | call.allowed
    return [
        Adjustment(name, "dropped", value, None, _WHY)
        for name, value in call.params.items()
        if value is not None and name not in kept
    ]
