"""``Table``: the deployments of a router, in groups, and what is known of each. One for all its calls.

What changes while calls are made changes under ``lock``; groups are made anew where deployments come or go, and who
reads them without the lock sees those before or those after.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Final

from ..._operations import Look, Looked
from ...catalogue import Catalogue, default
from ...errors import ConfigurationError, UnknownModelError
from ..admitting import Admission
from . import ending, health
from .facts import describing
from .failing import rule_of
from .groups import Group, Names, filled, groups_in
from .member import Member
from .pool import Pool
from .quotas import Limits
from .steps import After
from .strategies.shuffle import SimpleShuffle

if TYPE_CHECKING:
    from .deployment import Deployment
    from .settings import Settings
    from .shared import Shared
    from .strategy import Strategy

__all__ = ["Table"]

_ALONE: Final = nullcontext()
_Known = dict[str, "tuple[Deployment, tuple[Member, ...]]"]
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
        catalogue: what knows the models; by default the process's.
        lock: what lets in one thread at a time; by default nothing, for who has but one.

    Raises:
        ConfigurationError: two deployments have one id, or a fallback or an alias names nobody.
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
        catalogue: Catalogue | None = None,
        lock: AbstractContextManager[Any] = _ALONE,
    ) -> None:
        self.settings, self.strategy = settings, strategy
        self.strategies = dict(strategies or {})
        self.admission = Admission() if admission is None else admission
        self.store = store
        self.lock = lock
        self.sharing: Shared | None = None
        """How the store is asked, where there is one."""
        self._complete = describing(default() if catalogue is None else catalogue)
        self._deployments: _Known = {}
        self._filled: dict[str, Group] = {}
        self.numbers = itertools.count(1)
        """Of attempts."""
        self.replace(deployments)
        self.check(settings)

    def decide(
        self, settings: Settings, strategy: Strategy, strategies: Mapping[str, Strategy]
    ) -> None:
        """Decide so from the next call on; how deployments do is still known.

        Raises:
            ConfigurationError: as of ``check``; everything stays as it was.
        """
        self.check(settings)
        with self.lock:
            self.settings, self.strategy, self.strategies = settings, strategy, dict(strategies)
            self._arrange(self._deployments)

    def check(self, settings: Settings) -> None:
        """What settings name has to be there, or nobody would hear of it before it is needed.

        Raises:
            ConfigurationError: it is not, though there are deployments.
        """
        names = Names(self.names.groups, self.names.ids, settings.aliases)
        for place, name in groups_in(settings) if self._deployments else ():
            try:
                names.find(name)
            except UnknownModelError as error:
                raise ConfigurationError(f"{place}: {error.message}") from None

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
        with self.lock:
            made = deployment, self._members_of(deployment)
            self._arrange({**self._deployments, deployment.id: made})

    def remove(self, deployment: str) -> bool:
        """Let one go, by its id; calls that are on their way there end as they would. Whether it was there."""
        with self.lock:
            left = dict(self._deployments)
            found = left.pop(deployment, None) is not None
            if found:
                self._arrange(left)
        return found

    def replace(self, deployments: Iterable[Deployment]) -> None:
        """Have these and no others; those that stay keep what is known of them.

        Raises:
            ConfigurationError: two have one id.
        """
        told: dict[str, Deployment] = {}
        for one in deployments:
            if told.setdefault(one.id, one) is not one:
                raise ConfigurationError(
                    f"two deployments have the id {one.id!r}: give each its own"
                )
        with self.lock:
            self._arrange({id_: (one, self._members_of(one)) for id_, one in told.items()})

    def _members_of(self, deployment: Deployment) -> tuple[Member, ...]:
        before = self._deployments.get(deployment.id)
        # A key that was put in another's place has not failed yet.
        if before is not None and before[0].keys == deployment.keys:
            made = before[1]
            for member in made:
                member.deployment = deployment
        else:
            made = _made(deployment)
        for member in made:
            self._complete(member)
        return made

    def _arrange(self, known: _Known) -> None:
        """Make the groups anew, of these. Whoever calls has the lock, or is the only one."""
        self._deployments = known
        self.limits = Limits(self.deployments, self.settings)
        by_group: dict[str, list[Member]] = {}
        ids: dict[str, Group] = {}
        for deployment, members in known.values():
            by_group.setdefault(deployment.group, []).extend(members)
            ids[deployment.id] = self._group(deployment.group, members)
        groups = {name: self._group(name, those) for name, those in by_group.items()}
        self._filled = {}
        self.names = Names(groups, ids, self.settings.aliases)

    def _group(self, name: str, members: Iterable[Member], like: str = "") -> Group:
        strategy = self.strategies.get(like or name, self.strategy)
        pool = Pool(members, self.settings, strategy, like or name)
        made = Group(name, pool, self.limits.counted(pool.members))
        only = pool.alone
        if only is not None and self.store is None and not self.limits.any(only):
            made.alone = None if getattr(strategy, "used", False) else only
        if self.settings.weighted_failover:
            made.failover = Pool(made.members, self.settings, SimpleShuffle(), like or name)
        return made

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
        keys: dict[Member, list[Member]] = {}
        for one, made_of in zip(members, pattern.members, strict=True):
            if one is not made_of and made_of.host is not made_of:
                keys.setdefault(made_of.host, []).append(one)
        for those in keys.values():
            _put_together(those)
        made = self._group(name, members, pattern.name)
        with self.lock:
            if self.names.groups.get(pattern.name) is not pattern:
                # Deployments have changed meanwhile: this one call goes by what was, and nobody else does.
                return made
            if len(self._filled) >= _MOST_FILLED:
                self._filled.pop(next(iter(self._filled)))
            return self._filled.setdefault(name, made)

    def _stand_in(self, member: Member, name: str, fill: str) -> Member:
        if "*" not in member.deployment.model:
            return member
        made = filled(member, name, fill)
        self._complete(made)
        return made

    def named(self, id: str) -> tuple[Member, ...]:  # noqa: A002 - it is its id
        """The members of the deployment with this id; or the one that it is the id of.

        Raises:
            ConfigurationError: there is none.
        """
        if (found := self._deployments.get(id)) is not None:
            return found[1]
        known = (
            one
            for group in (*self.groups.values(), *self._filled.values())
            for one in group.members
        )
        one = next((member for member in known if member.id == id), None)
        if one is None:
            raise ConfigurationError(f"no deployment has the id {id!r:.80}")
        return (one,)

    def member(self, id: str) -> Member:  # noqa: A002 - it is its id
        """The member with this id; of a deployment with several keys, the first.

        Raises:
            ConfigurationError: there is none.
        """
        return self.named(id)[0]

    def keys_of(self, member: Member) -> tuple[Member, ...]:
        """Those of the same deployment, this one among them."""
        return member.host.keys or (member,)

    # --- what is known of them

    @property
    def lost(self) -> bool:
        """Whether the store cannot be reached and this process keeps to its own share."""
        return self.sharing is not None and self.sharing.lost

    @property
    def shared(self) -> bool:
        """Whether a store is asked."""
        return self.store is not None and not self.lost

    def counts(self, group: Group) -> bool:
        """Whether a group's strategy has to know, before each choice, what is counted elsewhere than here."""
        strategy = group.strategy
        if self.store is None or self.lost:
            return getattr(strategy, "used", False)
        return strategy.counts

    def look(self, group: Group, op: Look, now: float) -> None:
        """Ask this process's own admission how a group's members are."""
        with self.lock:
            told = self.admission.perform(op, int(now * 1000))
            health.count(group.members, told, group.counted)

    def take(self, group: Group, told: Looked, now: float) -> None:
        """Take over what is said of a group's members."""
        with self.lock:
            health.merge(group.members, told, group.counted, now)

    def forked(self, lock: AbstractContextManager[Any]) -> None:
        """In a forked process: whoever is on their way, or has the lock, is so in the other one."""
        self.lock, self.admission = lock, Admission()
        for group in (*self.groups.values(), *self._filled.values()):
            for member in group.members:
                member.inside.clear()
                member.running, member.prober, member.probing = member.elsewhere, 0, 0.0

    # --- what somebody says of them

    def mark_failure(self, id: str, error: Exception, now: float) -> After:  # noqa: A002 - it is its id
        """Count a failure of a deployment, or of one of its keys, as if a call had failed there."""
        member = self.member(id)
        rule = rule_of(error)
        group = self.find(member.deployment.group)
        alone = group.hosts == 1 if rule.whole else len(group.members) == 1
        what = health.Failure(error, rule, now, alone)
        with self.lock:
            struck = health.failed(member, self.keys_of(member), what, self.settings, now)
            return ending.cooled(self, struck, now)

    def mark_success(self, id: str) -> After:  # noqa: A002 - it is its id
        """Forget that a deployment, or one of its keys, has failed."""
        with self.lock:
            return ending.recovered(self, self.named(id))

    def cool(self, id: str, seconds: float, now: float, reason: str = "somebody said so") -> After:  # noqa: A002
        """Let a deployment, or one of its keys, be for so long."""
        with self.lock:
            known = self.named(id)
            for member in known:
                health.cool(member, seconds, reason, now, strikes=member.strikes + 1)
            return ending.cooled(self, known, now)


def _made(deployment: Deployment) -> tuple[Member, ...]:
    """A member for each key, and, where there are several, one that stands for them all."""
    keys = deployment.keys
    if len(keys) < 2:  # noqa: PLR2004 - several
        return (Member(deployment, *keys),)
    made = tuple([Member(deployment, key, number) for number, key in enumerate(keys)])
    _put_together(made)
    return made


def _put_together(members: Sequence[Member]) -> None:
    """Let one stand for them all."""
    host = Member(members[0].deployment)
    host.keys = tuple(members)
    for member in members:
        member.host = host
