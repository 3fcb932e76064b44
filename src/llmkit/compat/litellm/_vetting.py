"""``CustomLogger``'s methods that say which of a router's deployments may be asked.

A call's own; which of them the router would choose, and what follows from a failure, is the router's affair.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from ..._control.routing.entries import entry_of
from ..._control.routing.failing import PassedOver
from ..._control.routing.member import Member
from ...errors import RateLimitError
from ._hooks import own

__all__ = ["Vetting", "vet", "vetted"]

_CHECKS: Final = ("async_pre_call_check", "pre_call_check")


class Vetting:
    """What loggers say of the deployments of one call.

    Args:
        named: the call's arguments.
        table: the router's deployments, and how they are.
        now: its clock.
        awaited: whether it is an async call: as in LiteLLM, nobody filters for a sync one.
    """

    def __init__(self, named: Mapping[str, Any], table: Any, now: Any, *, awaited: bool) -> None:
        self._named, self._table, self._now = named, table, now
        self._filters = own("async_filter_deployments") if awaited else []
        self._checks = own(_CHECKS[not awaited])
        self._allowed: dict[str, frozenset[str]] = {}
        self.awaited = awaited

    def __bool__(self) -> bool:
        return bool(self._filters or self._checks)

    def of(self, group: str, member: Member) -> Exception | Awaitable[Exception | None] | None:
        """With what a deployment is passed over, if it is. Raises what a logger fails with."""
        return self._awaited(group, member) if self.awaited else self._checked(member)

    def _checked(self, member: Member) -> Exception | None:
        try:
            for check in self._checks:
                check(entry_of(member.deployment))
        except RateLimitError as error:
            return error
        return None

    async def _awaited(self, group: str, member: Member) -> Exception | None:
        if self._filters and member.place not in await self._let(group):
            return PassedOver(f"async_filter_deployments leaves {member.place!r:.80} out")
        try:
            for check in self._checks:
                await check(entry_of(member.deployment), None)
        except RateLimitError as error:
            return error
        return None

    async def _let(self, group: str) -> frozenset[str]:
        """Those of a group that may be asked; each logger is given what the one before has left, once for a call."""
        if group not in self._allowed:
            members = self._table.find(group).members
            well = {m.place: m.deployment for m in members if m.cooling <= self._now()}
            left = [entry_of(one) for one in well.values()]
            for hook in self._filters:
                left = await hook(group, left, self._named.get("messages"), dict(self._named), None)
            self._allowed[group] = frozenset(map(_id, [left] if isinstance(left, dict) else left))
        return self._allowed[group]


def _id(deployment: Any) -> str:
    return str(deployment["model_info"]["id"])


_VETTING: Final[ContextVar[Vetting | None]] = ContextVar("llmkit_litellm_vetting", default=None)


@contextmanager
def vetted(vetting: Vetting) -> Iterator[None]:
    """Have these say it of the call that is made here."""
    if not vetting:
        yield
        return
    before = _VETTING.set(vetting)
    try:
        yield
    finally:
        _VETTING.reset(before)


def vet(group: str, member: Member) -> Any:
    """What the loggers of the call that is made here say of a deployment."""
    vetting = _VETTING.get()
    return None if vetting is None else vetting.of(group, member)
