"""``Table``: the deployments of a router, in groups, and what is known of each. One for all its calls.

What changes while calls are made changes under ``lock``; groups are made anew where deployments come or go.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from ..._operations import Looked
from ...errors import ConfigurationError
from . import health
from ..admission import Admission
from .groups import Group, Names, filled
from .limits import Limits
from .member import Member
from .pool import Pool

if TYPE_CHECKING:
    from .deployment import Deployment
    from .settings import Settings
    from .strategy import Strategy

__all__ = ["Table"]

Describe = Callable[[Member], None]

_MOST_FILLED: Final = 1_000
"""Names that a wildcard's groups are kept for: callers choose them."""


class Table:
    """All deployments of a router.

    Args:
        deployments: what there is.
        settings: how to decide.
        strategy: who goes first, in groups that ``strategies`` says nothing of.
        admission: who keeps limits in this process.
        store: who keeps them for all processes, or ``None``.
        describe: what completes a member that was made: its ``info`` and ``price``.
    """

    def __init__(
        self,
        deployments: Iterable[Deployment],
        settings: Settings,
        strategy: Strategy,
        *,
        strategies: Mapping[str, Strategy] | None = None,
        admission: Admission | None = None,
        store: Any = None,
        describe: Describe | None = None,
    ) -> None:
        self.settings, self.strategy = settings, strategy
        self.strategies = dict(strategies or {})
        self.admission = Admission() if admission is None else admission
        self.store = store
        self.lock = threading.Lock()
        self.lost = False
        """Whether the store cannot be reached and this process keeps to its own share."""
        self._describe = describe
        self._deployments: dict[str, tuple[Deployment, tuple[Member, ...]]] = {}
        self._filled: dict[str, Group] = {}
        self.replace(deployments)

    # --- what there is

    @property
    def deployments(self) -> tuple[Deployment, ...]:
        """What there is, in the order in which it came."""
        return tuple(one for one, _ in self._deployments.values())

    @property
    def groups(self) -> Mapping[str, Group]:
        """By name; aliases are not among them."""
        return self.names.groups

    @property
    def members(self) -> tuple[Member, ...]:
        """Every deployment under every key."""
        return tuple(member for _, keys in self._deployments.values() for member in keys)

    def add(self, deployment: Deployment) -> None:
        """Take one more, or another of the same id for the one that was there.

        Its limits and all that makes it may be others; how it does is still known.
        """
        self._deployments[deployment.id] = deployment, self._members_of(deployment)
        self._arrange()

    def remove(self, deployment: str) -> bool:
        """Let one go, by its id; calls that are on their way there end as they would. Whether it was there."""
        found = self._deployments.pop(deployment, None) is not None
        if found:
            self._arrange()
        return found

    def replace(self, deployments: Iterable[Deployment]) -> None:
        """Have these and no others; those that stay keep what is known of them.

        Raises:
            ConfigurationError: two have one id.
        """
        made: dict[str, tuple[Deployment, tuple[Member, ...]]] = {}
        for one in deployments:
            if one.id in made:
                raise ConfigurationError(
                    f"two deployments have the id {one.id!r}: give each its own"
                )
            made[one.id] = one, self._members_of(one)
        self._deployments = made
        self._arrange()

    def _members_of(self, deployment: Deployment) -> tuple[Member, ...]:
        before = self._deployments.get(deployment.id)
        if before is not None and len(before[1]) == max(1, len(deployment.keys)):
            made = before[1]
            for number, member in enumerate(made):
                member.deployment = deployment
                member.key = deployment.keys[number] if deployment.keys else None
        else:
            keys = deployment.keys or (None,)
            made = tuple(Member(deployment, key, number) for number, key in enumerate(keys))
            if len(made) > 1:
                host = Member(deployment)
                for member in made:
                    member.host = host
        for member in made:
            self._complete(member)
        return made

    def _complete(self, member: Member) -> None:
        if self._describe is not None:
            self._describe(member)

    def _arrange(self) -> None:
        """Make the groups anew, in one step for those who look."""
        by_group: dict[str, list[Member]] = {}
        ids: dict[str, Group] = {}
        for deployment, members in self._deployments.values():
            by_group.setdefault(deployment.group, []).extend(members)
            ids[deployment.id] = self._group(deployment.group, members)
        groups = {name: self._group(name, those) for name, those in by_group.items()}
        self.limits = Limits(self.deployments, self.settings)
        self._filled = {}
        self.names = Names(groups, ids, self.settings.aliases)

    def _group(self, name: str, members: Iterable[Member], like: str = "") -> Group:
        strategy = self.strategies.get(like or name, self.strategy)
        return Group(name, Pool(members, self.settings, strategy, like or name))

    def find(self, name: str) -> Group:
        """Who may answer calls for this name.

        Raises:
            UnknownModelError: nobody; the message names near misses.
        """
        group, fill = self.names.find(name)
        if fill is None:
            return group
        found = self._filled.get(name)
        if found is None:
            found = self._fill(group, name, fill)
        return found

    def _fill(self, pattern: Group, name: str, fill: str) -> Group:
        """A wildcard's group for one model, its members' health its own."""
        members = [self._stand_in(one, name, fill) for one in pattern.members]
        made = self._group(name, members, pattern.name)
        with self.lock:
            if len(self._filled) >= _MOST_FILLED:
                self._filled.pop(next(iter(self._filled)))
            return self._filled.setdefault(name, made)

    def _stand_in(self, member: Member, name: str, fill: str) -> Member:
        if "*" not in member.deployment.model:
            return member
        made = filled(member, name, fill)
        self._complete(made)
        return made

    def member(self, id: str) -> Member:  # noqa: A002 - it is its id
        """The member with this id.

        Raises:
            ConfigurationError: there is none.
        """
        for member in self.members:
            if member.id == id:
                return member
        raise ConfigurationError(f"no deployment has the id {id!r:.80}")

    def keys_of(self, member: Member) -> tuple[Member, ...]:
        """Those of the same deployment, this one among them."""
        if member.host is member:
            return (member,)
        found = self._deployments.get(member.deployment.id)
        # One that was let go meanwhile is only known by who still holds it.
        return found[1] if found is not None and member in found[1] else (member,)

    # --- what is known of them

    @property
    def shared(self) -> bool:
        """Whether a store is asked."""
        return self.store is not None and not self.lost

    def take(self, group: Group, told: Looked, now: float) -> None:
        """Take over what is said of a group's members."""
        names = tuple(name for name, _ in self.limits.counted(group.members))
        with self.lock:
            health.merge(group.members, told, names, now)
