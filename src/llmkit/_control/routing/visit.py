"""``Visit``: one group in one call; and what failures in it say of the others. Values, and rules about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from .checks import window_of
from .failing import Instead, Others, Rule
from .groups import Group
from .member import Member
from .pool import Pool
from .wanted import Wanted

if TYPE_CHECKING:
    pass

__all__ = ["Asked", "Bar", "Tried", "Visit", "barred", "changed"]


class Tried(NamedTuple):
    """A member that was asked: in which round, up to which it may be asked again, and not before when."""

    round: int
    rounds: float
    ready: float


class Bar(NamedTuple):
    """What a failure says of who else may be asked: those that are ``others`` than ``failed``."""

    others: Others
    failed: Member


class Asked(NamedTuple):
    """What a store was asked, until it answers."""

    visit: Visit
    members: tuple[Member, ...]
    ticket: str


class Visit:
    """One group in one call."""

    __slots__ = (
        "ahead",
        "attempts",
        "changes",
        "closed",
        "group",
        "looked",
        "order",
        "pool",
        "rule",
        "succeeded",
        "wanted",
    )

    def __init__(self, group: Group, wanted: Wanted, changes: Mapping[str, Any]) -> None:
        self.group, self.wanted, self.changes = group, wanted, changes
        self.pool: Pool = group.pool
        self.order: Iterator[Member] | None = None
        self.ahead: Member | None = None
        """Who was seen to be first, and not asked yet."""
        self.attempts = 0
        self.succeeded = False
        """Whether it is known what to try instead of it."""
        self.closed = False
        """Whether a policy has ended it."""
        self.looked = False
        self.rule: Rule | None = None
        """What follows from the latest failure in it."""

    @property
    def why(self) -> Instead:
        """What the group is to be replaced for."""
        if self.rule is not None:
            return self.rule.instead
        return "context" if self.pool.too_long(self.wanted) else "plain"

    def anew(self) -> None:
        """Put its members into an order anew."""
        self.order, self.ahead, self.looked = None, None, False


def changed(wanted: Wanted, changes: Mapping[str, Any]) -> Wanted:
    """The call with what a fallback changes in it."""
    if not changes:
        return wanted
    about = {name: changes.get(name, value) for name, value in wanted.subject.items()}
    rest = {name: value for name, value in changes.items() if name not in about}
    return replace(wanted, subject=about, params={**wanted.params, **rest})


def barred(bars: list[Bar], member: Member) -> bool:
    """Whether an earlier failure says that this one is not to be asked either."""
    return any(_bars(bar, member) for bar in bars)


def _bars(bar: Bar, member: Member) -> bool:
    failed = bar.failed
    if bar.others == "none":
        return member is not failed
    if member.deployment.model == failed.deployment.model:
        # With one's own address, a model's name says nothing of who else has it.
        return bar.others == "elsewhere" or window_of(failed) == window_of(member)
    if bar.others == "elsewhere":
        return False
    window, other = window_of(failed), window_of(member)
    return window is not None and other is not None and other <= window
