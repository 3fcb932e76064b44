"""``Answer``: what the whole answers of all kinds of call have in common, their cost and how they came about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._call import Call, CallInfo
from .._cost import Cost, Measure, unknown
from ._model import Model
from .usage import Usage

__all__ = ["Answer"]

_set = object.__setattr__


class Answer(Model):
    """A whole answer."""

    # Kept as pydantic keeps private attributes, but not declared as such: its hook costs each answer a third more.
    def _kept(self, name: str) -> Any:
        private = self.__pydantic_private__
        return None if private is None else private.get(name)

    def _keep(self, **values: Any) -> None:
        private = self.__pydantic_private__
        object.__setattr__(
            self, "__pydantic_private__", values if private is None else private | values
        )

    @property
    def _cost(self) -> Any:
        return self._kept("_cost")

    @_cost.setter
    def _cost(self, cost: Any) -> None:
        self._keep(_cost=cost)

    @property
    def _call(self) -> Any:
        return self._kept("_call")

    @_call.setter
    def _call(self, call: Any) -> None:
        self._keep(_call=call)

    def came(self, call: CallInfo, cost: Cost) -> None:
        """Say how it came about, and what it cost; for who made the call."""
        private = self.__pydantic_private__
        if private is None:
            _set(self, "__pydantic_private__", {"_call": call, "_cost": cost})
        else:
            private["_call"], private["_cost"] = call, cost

    @property
    def call(self) -> CallInfo:
        """What happened to the call: attempts, timings, parameter ledger, headers, request id."""
        private = self.__pydantic_private__
        call: CallInfo | None = None if private is None else private.get("_call")
        if call is None:
            self._call = call = CallInfo(id=str(self.get("id", "")))
        return call

    @property
    def cost(self) -> Cost:
        """What the call cost in USD, line by line with sources; or unknown, with the reason."""
        private = self.__pydantic_private__
        cost: Cost | None = None if private is None else private.get("_cost")
        if cost is None:
            self._cost = cost = unknown("this answer was not priced")
        return cost

    @property
    def as_sent(self) -> bytes | None:
        """The provider's own bytes, where they are in OpenAI's form and nothing of them had to be mended."""
        private = self.__pydantic_private__
        if not private or not private.get("_as_sent"):
            return None
        call: CallInfo = private["_call"]
        return call.raw

    def counted(self) -> Usage | None:
        """The tokens used, in a chat's terms, for the price; ``None`` where the answer does not say."""
        usage = getattr(self, "usage", None)
        return usage if isinstance(usage, Usage) else None

    def measured(self, call: Call | None) -> tuple[Measure, ...]:
        """What else was used, for the price: seconds, characters, pictures. Some of it only ``call`` tells."""
        return ()

    def wrote(self) -> Any:
        """The texts that the model wrote, for a guess where no usage came; ``None`` where the answer is no text."""
        return None

    def rows(self) -> Sequence[Any]:
        """The results of calls that were made together; each is priced by itself."""
        return ()

    def _repr_markdown_(self) -> str:
        """For notebooks; what a provider only keeps or lists has no usage, and mostly no cost that it says."""
        used = "usage" in type(self).model_fields or self.cost.total is not None
        return f"{self!r}\n\n---\n*{self.cost}*" if used else repr(self)

    def _parts(self) -> list[tuple[str, str, str]]:
        """What the model said, for notebooks: (``text``, ``reasoning``, ``refusal`` or ``call``; a name; the text)."""
        text = getattr(self, "text", None)
        return [("text", "", text)] if isinstance(text, str) else []

    def _markdown(self) -> str:
        """Its parts, its tokens and its cost, in Markdown."""
        from ._page import answer_markdown  # noqa: PLC0415 - only in notebooks

        return answer_markdown(self, self._parts())

    def _html(self) -> str:
        """The same, with the cost's lines, in HTML."""
        from ._page import answer_page  # noqa: PLC0415 - only in notebooks

        return answer_page(self, self._parts())

    def tier(self) -> str | None:
        """The service tier that the call was served in, for the price; ``None`` where the answer does not say."""
        # Not by way of get(), which looks up whether there is such a field.
        more, tier = self.__pydantic_extra__, self.__dict__.get("service_tier")
        if tier is None and more:
            tier = more.get("service_tier")
        return tier if isinstance(tier, str) else None
