"""Health checks: each deployment is asked something small, now or again and again in the background."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Final

from typing_extensions import override

from .._control import plan
from .._control.call import perform
from .._control.job import Job
from .._control.plan import CHAT, Kind
from .._control.retry import ONCE
from .._control.routing.legs import Asking
from .._control.routing.member import Member
from .._control.routing.settings import Settings
from .._io._together import together
from .._kinds.embedding import EMBEDDING
from ..errors import APIError, APITimeoutError, LLMKitError, RateLimitError
from ._managing import Managing

__all__ = ["Checking", "HealthCheck"]

_SECONDS: Final = 30.0
"""Longest that a check takes, unless its deployment says otherwise."""
_ASKED: Final[dict[str, tuple[Kind, dict[str, Any], dict[str, Any]]]] = {
    "chat": (CHAT, {"messages": [{"role": "user", "content": "hi"}]}, {"max_tokens": 16}),
    "embedding": (EMBEDDING, {"inputs": ("hi",), "alone": True}, {}),
}
"""What is asked of which mode of models: all other checks would cost too much, or need a file."""
_CHATS: Final = frozenset({"chat", "completion", "responses"})


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """What came of a check. ``healthy`` is ``None`` where nothing was asked, and ``error`` says why."""

    deployment: str
    member: str
    group: str
    model: str
    healthy: bool | None
    seconds: float = 0.0
    error: str = ""


class Checking(Managing):
    """Health checks of a router's deployments."""

    _manages: ClassVar[bool] = True
    _stop: threading.Event | None = None

    def health_check(self, group: str | None = None) -> tuple[HealthCheck, ...]:
        """Ask each deployment something small; what comes of it counts as a call's outcome does.

        Each is asked under each of its keys, also while it cools down. Checks are calls: they cost a little, and are
        in the ledger and in budgets.

        Raises:
            UnknownModelError: there is no such group.
        """
        return tuple(self._checked(member) for member in self._to_check(group))

    async def ahealth_check(self, group: str | None = None) -> tuple[HealthCheck, ...]:
        """``health_check`` for async code, all at the same time."""
        found = await together([partial(self._achecked, one) for one in self._to_check(group)])
        for one in found:
            if isinstance(one, Exception):
                raise one
        return tuple(found)

    def _to_check(self, group: str | None) -> Iterable[Member]:
        members = self._table.members if group is None else self._table.find(group).members
        return [member for member in members if "*" not in member.deployment.model]

    def _checked(self, member: Member) -> HealthCheck:
        began = self._clock.now()
        try:
            self._driver().run(perform(self._check_job(member)))
        except LLMKitError as error:
            return self._found(member, began, error)
        return self._found(member, began, None)

    async def _achecked(self, member: Member) -> HealthCheck:
        began = self._clock.now()
        try:
            await (await self._async_driver()).run(perform(self._check_job(member)))
        except LLMKitError as error:
            return self._found(member, began, error)
        return self._found(member, began, None)

    def _check_job(self, member: Member) -> Job:
        mode = member.deployment.info.get("mode") or getattr(member.info, "mode", None) or "chat"
        if (asked := _ASKED.get("chat" if mode in _CHATS else mode)) is None:
            raise _Unasked(f"nothing is asked of models for {mode}")
        kind, subject, params = asked
        limit = {} if "timeout" in member.deployment.options else {"timeout": _SECONDS}
        said = plan.asked({**params, **limit}, {}, kind)
        job = self._blank(kind, said, stream=False, dry_run=False)
        asking = Asking(job.id, kind, subject, said, stream=False, keyless=job.keyless)
        job.legs, job.policy = [self._legs.leg(asking, member)], ONCE
        if self._book is not None:
            self._attribute(job, said)
        return job

    def _found(self, member: Member, began: float, error: LLMKitError | None) -> HealthCheck:
        shown = member.place, member.id, member.deployment.group, member.deployment.model
        if isinstance(error, _Unasked):
            return HealthCheck(*shown, None, error=error.message)
        seconds = self._clock.now() - began
        if error is None:
            self.mark_success(member.id)
            return HealthCheck(*shown, healthy=True, seconds=seconds)
        passes = isinstance(error, RateLimitError | APITimeoutError)
        if isinstance(error, APIError) and not (
            passes and self._table.settings.health_check_ignores
        ):
            self.mark_failure(member.id, error)
        return HealthCheck(*shown, healthy=False, seconds=seconds, error=str(error))

    # --- in the background

    @override
    def _decide(self, settings: Settings, strategy: Any = None) -> None:
        before = self._table.settings.health_check_interval
        super()._decide(settings, strategy)
        if settings.health_check_interval != before:
            self._end_checks()
            self._begin_checks()

    def _begin_checks(self) -> None:
        """Check again and again, on a thread that ends with ``close`` and never keeps the router alive."""
        seconds = self._table.settings.health_check_interval
        if seconds is None or self._stop is not None:
            return
        self._stop = stop = threading.Event()
        name = "llmkit-health-checks"
        given = (weakref.ref(self), stop, seconds)
        threading.Thread(target=_checks, args=given, name=name, daemon=True).start()

    def _check_groups(self) -> None:
        groups = self._table.settings.health_check_groups
        for group in (None,) if groups is None else groups:
            self.health_check(group)

    @override
    def close(self) -> None:
        self._end_checks()
        super().close()

    @override
    async def aclose(self) -> None:
        self._end_checks()
        await super().aclose()

    def _end_checks(self) -> None:
        if self._stop is not None:
            self._stop.set()
            self._stop = None

    @override
    def _after_fork(self) -> None:
        super()._after_fork()
        if self._stop is not None:
            # The thread is the parent's.
            self._stop = None
            self._begin_checks()


class _Unasked(LLMKitError):
    """There is nothing small to ask."""


def _checks(router: weakref.ref[Checking], stop: threading.Event, seconds: float) -> None:
    while not stop.wait(seconds):
        one = router()
        if one is None:
            return
        # A check that cannot be made says nothing, and the next may be.
        with contextlib.suppress(Exception):
            one._check_groups()  # noqa: SLF001 - its own thread
        del one
