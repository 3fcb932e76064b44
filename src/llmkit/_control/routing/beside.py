"""What a router's flow does for those who are asked beside each other, as ``hedging`` asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._flow import Flow, Opened
from ...types.answer import Answer
from ..job import Job
from ..settle import Account
from .places import Place

if TYPE_CHECKING:
    from .flow import Way

__all__ = ["Beside"]


class Beside:
    """An ``Asking`` of ``hedging``, for one call's way."""

    __slots__ = ("_job", "_way")

    def __init__(self, way: Way, job: Job) -> None:
        self._way, self._job = way, job

    def named(self, choice: Place) -> str:
        """See ``hedging.Asking``."""
        return choice.go.member.place

    def another(self) -> Flow[Place | None]:
        """See ``hedging.Asking``."""
        return self._way.beside()

    def attempt(self, choice: Place, account: Account) -> Flow[Answer | Opened]:
        """See ``hedging.Asking``."""
        return self._way.attempt(self._job, account, choice)

    def unused(self, choice: Place) -> None:
        """See ``hedging.Asking``."""
        self._way.unused(choice)
