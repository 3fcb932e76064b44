"""Moderation: ``moderation`` and ``amoderation``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from typing_extensions import Unpack

from .._control.plan import Kind
from .._core import Core
from ..errors import InvalidRequestError
from ._kept import model_of

if TYPE_CHECKING:
    from ..types.moderation import ModerationParams, ModerationResponse

__all__ = ["ModerationCalls"]

_KIND = Kind(
    "moderation", "moderation", "_calls:ModerationCall", "types.moderation:ModerationModelParams"
)


class ModerationCalls(Core):
    """Moderation."""

    def moderation(
        self,
        input: str | Sequence[Any],
        model: str | None = None,
        **params: Unpack[ModerationParams],
    ) -> ModerationResponse:
        """Have content judged: whether it is hateful, violent, about self-harm …

        Args:
            input: a text, a list of texts, or one input as a list of OpenAI's content parts.
            model: such as ``"openai/omni-moderation-latest"``; by default OpenAI's own choice.
            **params: see ``llmkit.types.ModerationParams``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        name, keywords = model_of(model, params)
        answer: ModerationResponse = self._run(_KIND, name, {"inputs": _inputs(input)}, keywords)
        return answer

    async def amoderation(
        self,
        input: str | Sequence[Any],
        model: str | None = None,
        **params: Unpack[ModerationParams],
    ) -> ModerationResponse:
        """``moderation`` for async code, on asyncio or trio.

        Args:
            input: a text, a list of texts, or one input as a list of OpenAI's content parts.
            model: such as ``"openai/omni-moderation-latest"``; by default OpenAI's own choice.
            **params: see ``llmkit.types.ModerationParams``.

        Raises:
            ConfigurationError: a key, an address or a provider is missing or malformed.
            UnsupportedParamsError: the provider does not take a parameter.
            APIError: the call failed; its subclasses say how.
        """
        name, keywords = model_of(model, params)
        subject = {"inputs": _inputs(input)}
        answer: ModerationResponse = await self._arun(_KIND, name, subject, keywords)
        return answer


def _inputs(given: Any) -> tuple[Any, ...]:
    if isinstance(given, str | Mapping):
        return (given,)
    if not isinstance(given, Sequence) or isinstance(given, bytes) or not given:
        raise InvalidRequestError("input must be a text or a list that is not empty", param="input")
    return tuple(given)
