"""Several calls at once: the same of several groups, several of one group, the fastest of some. LiteLLM's names."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from .._io._together import fastest, together
from ..errors import ConfigurationError
from ..types.chat import ChatCompletion
from ._routing import Routing

__all__ = ["Several"]


class Several(Routing):
    """Calls that run beside each other."""

    _manages: ClassVar[bool] = True

    async def abatch_completion(
        self, models: Sequence[str], messages: Sequence[Any], **params: Any
    ) -> list[Any]:
        """Ask several groups the same; or, where ``messages`` are several conversations, each of them of all.

        Returns:
            What each group answers, in their order, or the exception that it failed with; of several conversations,
            a list of such lists.
        """
        several = bool(messages) and isinstance(messages[0], list | tuple)
        asked = messages if several else [messages]
        calls = [
            partial(self.acompletion, model, one, **params) for one in asked for model in models
        ]
        found = await together(calls)
        rows = [found[i : i + len(models)] for i in range(0, len(found), max(1, len(models)))]
        return rows if several else found

    async def abatch_completion_one_model_multiple_requests(
        self, model: str, messages: Sequence[Sequence[Any]], **params: Any
    ) -> list[Any]:
        """Ask one group several things: answers in their order, or the exceptions they failed with."""
        return await together([partial(self.acompletion, model, one, **params) for one in messages])

    async def abatch_completion_fastest_response(
        self, model: str | Sequence[str], messages: Sequence[Any], **params: Any
    ) -> ChatCompletion:
        """Ask several groups (``"a, b"``) at once, and take the first answer; the others are cancelled.

        Each of them may be billed: a ``hedge`` asks a second one only where the first is slow.
        """
        names = model.split(",") if isinstance(model, str) else model
        groups = [name.strip() for name in names if name.strip()]
        if not groups or params.get("stream"):
            raise ConfigurationError("name the groups, as in 'a, b'; a race of streams is none")
        calls = [partial(self.acompletion, name, messages, **params) for name in groups]
        answer: ChatCompletion = await fastest(calls)
        return answer

    async def schedule_acompletion(
        self, model: str, messages: Sequence[Any], priority: int, **params: Any
    ) -> Any:
        """``acompletion`` with a ``priority``: who waits for a free deployment goes in its order."""
        return await self.acompletion(model, messages, priority=priority, **params)
