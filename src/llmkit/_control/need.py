"""What one attempt needs: the most money and tokens that its request, as it is written, can come to.

Nothing is held here, and nothing is sent. See ``bounding`` for how it is found out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from .._call import Call, ChatCall
from .._calls import MessagesCall, ResponsesCall, TextCall
from .._cost import Cost, Unbounded
from .._http import HTTPRequest
from ..errors import BudgetExceededError
from ..providers._unbilled import at_home
from .bounding import bound_of
from .job import Job, Leg

__all__ = ["LIMITS", "LIMIT_NAMES", "Need"]

LIMITS: Final = ("max_tokens", "max_completion_tokens", "max_output_tokens")
"""What limits an answer's length, whatever the call."""
LIMIT_NAMES: Final[Mapping[type, str]] = {
    ChatCall: "max_tokens",
    MessagesCall: "max_tokens",
    TextCall: "max_tokens",
    ResponsesCall: "max_output_tokens",
}
"""By which name it is limited, for calls that are answered in words."""
_SEVERAL: Final = ("n", "best_of")


class Need:
    """What one request needs, worked out when it is asked for, and once."""

    __slots__ = ("_bound", "_job", "leg", "request")

    def __init__(self, job: Job, leg: Leg, request: HTTPRequest) -> None:
        self._job, self.leg, self.request = job, leg, request
        self._bound: Cost | Unbounded | None = None

    @property
    def bound(self) -> Cost | Unbounded:
        """The most that it costs, or why that is not known."""
        if self._bound is None:
            bound = self._bound = bound_of(self._job, self.leg, self.request)
            known = type(bound) is Cost and bound.total is not None
            if not known and at_home(self.leg.call.provider, self.leg.endpoint.base_url):
                self._bound = Cost.zero
        return self._bound

    @property
    def stated(self) -> Decimal | None:
        """The most that it costs, by its caller's word."""
        given: Decimal | None = self.leg.options.get("max_cost")
        return given

    def usd(self) -> Decimal | Unbounded:
        """What is to be held in USD."""
        bound = self.bound
        if isinstance(bound, Cost) and bound.total is not None:
            return bound.total
        if self.stated is not None:
            return self.stated
        return bound if isinstance(bound, Unbounded) else Unbounded("its price is not known")

    def tokens(self) -> int | Unbounded:
        """The most tokens that it uses."""
        bound = self.bound
        billed = type(self.leg.call) not in LIMIT_NAMES
        if isinstance(bound, Cost) and bound.lines:
            counted = [line.quantity for line in bound.lines if line.unit == "token"]
            # An answer in words has tokens, by whatever else it is billed.
            if counted or billed:
                return math.ceil(sum(counted))
        call = self.leg.call
        given = [said.get(name) for said in (call.params, call.extra_body) for name in LIMITS]
        answers = [most for most in given if isinstance(most, int)]
        if not answers and type(call) in LIMIT_NAMES:
            return Unbounded("no max_tokens, and the model's output limit is not known")
        # No text has more tokens than bytes.
        return len(self.request.body) + max(answers, default=0) * _answers(call)

    def is_free(self) -> bool:
        """Whether it asks for nothing that anybody bills: it looks something up, or removes it."""
        if self.leg.call.concerns is None:
            return False
        return isinstance(self.bound, Cost) and not self.bound.total

    def check(self) -> None:
        """Raises BudgetExceededError where it can cost more than its caller says."""
        if (most := self.stated) is None:
            return
        bound = self.bound
        if not isinstance(bound, Cost) or (bound.total or 0) <= most:
            return
        error = BudgetExceededError(
            f"this attempt can cost up to ${bound.total:f}, which is more than its max_cost of ${most:f}"
        )
        error.scope, error.window, error.limit = "max_cost", "attempt", most
        error.type = error.code = "budget_exceeded"
        error.asked = bound.total or Decimal(0)
        raise error


def _answers(call: Call) -> int:
    given = [said.get(name) for said in (call.params, call.extra_body) for name in _SEVERAL]
    return max([1, *(many for many in given if isinstance(many, int))])
