"""Tokens counted by the provider: ``count_tokens`` and ``acount_tokens``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from typing_extensions import Unpack

from .._control.plan import Kind
from .._control.structured import as_response_format, as_tools
from .._core import Core

if TYPE_CHECKING:
    from ..types.listing import TokenCount
    from ..types.params import ChatParams

__all__ = ["CountCalls"]

_KIND = Kind("count_tokens", "count_tokens", "_calls:CountCall", "types.params:ModelParams")


class CountCalls(Core):
    """Tokens counted by the provider."""

    def count_tokens(
        self, model: str, messages: Sequence[Any], **params: Unpack[ChatParams]
    ) -> TokenCount:
        """Ask the provider how many tokens a prompt has. Nothing is answered, and nothing is billed.

        Args:
            model: ``provider/model``, such as ``"anthropic/claude-haiku-4-5"``.
            messages: the conversation, as ``completion`` takes it: what is counted is what it would send.
            **params: as of ``completion``; those that do not change the count are listed and not sent.

        Raises:
            ConfigurationError: the provider counts no tokens; or a key, an address or a provider is missing.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        count: TokenCount = self._run(_KIND, model, {"messages": messages}, _written(params))
        return count

    async def acount_tokens(
        self, model: str, messages: Sequence[Any], **params: Unpack[ChatParams]
    ) -> TokenCount:
        """``count_tokens`` for async code, on asyncio or trio.

        Args:
            model: ``provider/model``, such as ``"anthropic/claude-haiku-4-5"``.
            messages: the conversation, as ``completion`` takes it: what is counted is what it would send.
            **params: as of ``completion``; those that do not change the count are listed and not sent.

        Raises:
            ConfigurationError: the provider counts no tokens; or a key, an address or a provider is missing.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        subject = {"messages": messages}
        count: TokenCount = await self._arun(_KIND, model, subject, _written(params))
        return count


def _written(params: Any) -> dict[str, Any]:
    """Functions and classes as what a chat would send of them."""
    written = dict(params)
    if written.get("tools") is not None:
        written["tools"] = as_tools(written["tools"])
    if written.get("response_format") is not None:
        written["response_format"], _, _ = as_response_format(written["response_format"])
    return written
