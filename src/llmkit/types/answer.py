"""``Answer``: what the whole answers of all kinds of call have in common, their cost and how they came about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import PrivateAttr

from .._call import Call, CallInfo
from .._cost import Cost, Measure, unknown
from ._model import Model
from .usage import Usage

__all__ = ["Answer"]


class Answer(Model):
    """A whole answer."""

    _cost: Any = PrivateAttr(default=None)
    _call: Any = PrivateAttr(default=None)

    @property
    def call(self) -> CallInfo:
        """What happened to the call: attempts, timings, parameter ledger, headers, request id."""
        if self._call is None:
            self._call = CallInfo(id=str(self.get("id", "")))
        return self._call  # type: ignore[no-any-return]

    @property
    def cost(self) -> Cost:
        """What the call cost in USD, line by line with sources; or unknown, with the reason."""
        if self._cost is None:
            self._cost = unknown("this answer was not priced")
        return self._cost  # type: ignore[no-any-return]

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

    def tier(self) -> str | None:
        """The service tier that the call was served in, for the price; ``None`` where the answer does not say."""
        tier = self.get("service_tier")
        return tier if isinstance(tier, str) else None
