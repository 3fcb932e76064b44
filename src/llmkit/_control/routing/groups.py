"""Groups: whose members may answer a call, by name, alias and wildcard; and what to try instead of one.

Immutable once made: a router that is told of other deployments makes them anew, around the same members.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from ...errors import ConfigurationError, UnknownModelError
from .failing import Instead
from .member import Member
from .pool import Pool
from .settings import Fallbacks, Settings

__all__ = ["Group", "Names", "Target", "Terms", "filled", "groups_in", "instead_of", "targets"]

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_SPECIAL: Final = {"context": "context_window_fallbacks", "content": "content_policy_fallbacks"}

_FALLBACKS: Final = ("fallbacks", *_SPECIAL.values())
_BY_GROUP: Final = {
    **dict(zip(_FALLBACKS, _FALLBACKS, strict=True)),
    "group_retry_policy": "model_group_retry_policy",
    "group_strategies": "routing_groups",
    "group_affinity": "model_group_affinity_config",
}
"""Settings that are said by group, and the keywords that say them."""


class Group:
    """Those who may answer calls for one name."""

    __slots__ = (
        "alone",
        "counted",
        "failover",
        "hosts",
        "ids",
        "looked",
        "members",
        "name",
        "pool",
        "strategy",
    )

    def __init__(self, name: str, pool: Pool, counted: tuple[tuple[str, int], ...]) -> None:
        self.name, self.pool = name, pool
        self.members, self.strategy = pool.members, pool.strategy
        self.counted = counted
        """(name, width) of all that is counted at any of them."""
        self.failover: Pool | None = None
        """Who puts them into an order after a failure, where that is somebody else."""
        self.hosts = len({id(one.host) for one in self.members})
        """How many deployments they are, whatever keys these have."""
        both = (name for one in self.members for name in (one.id, one.place))
        self.ids = tuple(dict.fromkeys(both))
        """All that a store knows them by."""
        self.looked = float("-inf")
        """When a store was last asked how they are."""
        self.alone: Member | None = None
        """The only one, where nobody has to be asked whether there is room, and nothing to be chosen."""


class Target(NamedTuple):
    """A group to try, and what changes in the call for it."""

    group: str
    changes: Mapping[str, Any] = _NOTHING


@dataclass(frozen=True, slots=True)
class Terms:
    """What one call says of its failover; ``None`` is as the router has it."""

    fallbacks: tuple[Target, ...] | None = None
    context_window_fallbacks: Fallbacks | None = None
    content_policy_fallbacks: Fallbacks | None = None
    disable_fallbacks: bool = False


def targets(entries: Iterable[str | Mapping[str, Any]]) -> tuple[Target, ...]:
    """Groups, or mappings with ``model`` and what changes, as they are written."""
    return tuple(map(_target, entries))


def _target(entry: str | Mapping[str, Any]) -> Target:
    if isinstance(entry, str):
        return Target(entry)
    if not isinstance(entry, Mapping) or not isinstance(entry.get("model"), str):
        # Its values are not shown: a key may be among them.
        shown = sorted(map(str, entry)) if isinstance(entry, Mapping) else type(entry).__name__
        raise ConfigurationError(
            f"a fallback must be a group or a mapping with 'model' and what differs, not {shown!s:.80}"
        )
    return Target(entry["model"], {k: v for k, v in entry.items() if k != "model"})


def instead_of(group: str, why: Instead, terms: Terms, settings: Settings) -> Sequence[Target]:
    """What to try instead of a group. ``why``: whether its prompts are too long, refused, or it just fails."""
    if why == "none" or terms.disable_fallbacks:
        return ()
    if (name := _SPECIAL.get(why)) is not None:
        found = _listed(getattr(terms, name), group)
        if found is None and terms.fallbacks is None:
            found = _listed(getattr(settings, name), group)
        if found is not None:
            return targets(found)
    if terms.fallbacks is not None:
        return terms.fallbacks
    own = settings.fallbacks.get(group)
    if own is None:
        own = (*settings.fallbacks.get("*", ()), *settings.default_fallbacks)
    return targets(own)


def groups_in(settings: Settings) -> Iterator[tuple[str, str]]:
    """What settings name, each after where they do."""
    yield from ((f"model_group_alias[{name!r}]", name) for name in settings.aliases)
    yield from (("default_fallbacks", one.group) for one in targets(settings.default_fallbacks))
    yield from (("health_check_groups", name) for name in settings.health_check_groups or ())
    for field, said in _BY_GROUP.items():
        yield from ((said, name) for name in getattr(settings, field) if name != "*")
    for field in _FALLBACKS:
        for name, entries in getattr(settings, field).items():
            yield from ((f"{field}[{name!r}]", one.group) for one in targets(entries))


def _listed(fallbacks: Fallbacks | None, group: str) -> Sequence[str | Mapping[str, Any]] | None:
    if not fallbacks:
        return None
    return fallbacks.get(group, fallbacks.get("*"))


class _Pattern(NamedTuple):
    """A name with a ``*`` in it."""

    head: str
    tail: str
    name: str

    def fill(self, name: str) -> str | None:
        """What stands for the ``*``; ``None`` where the name is none of these."""
        if len(name) < len(self.head) + len(self.tail):
            return None
        if not name.startswith(self.head) or not name.endswith(self.tail):
            return None
        return name[len(self.head) : len(name) - len(self.tail)]


def _meant(name: str, aliases: Mapping[str, str], groups: Mapping[str, Group]) -> str:
    """What an alias stands for in the end: it may be that of another. In a circle, it is one that nobody has."""
    for _ in aliases:
        name = aliases[name]
        if name in groups or name not in aliases:
            break
    return name


class Names:
    """What callers may ask for: groups, their aliases, deployments by their id, and what a wildcard stands for."""

    __slots__ = ("_aliases", "_patterns", "groups", "ids")

    def __init__(
        self, groups: Mapping[str, Group], ids: Mapping[str, Group], aliases: Mapping[str, str]
    ) -> None:
        self.groups, self.ids = groups, ids
        self._aliases = {name: _meant(name, aliases, groups) for name in aliases}
        parts = (name.partition("*") for name in groups if "*" in name)
        patterns = [_Pattern(head, tail, f"{head}*{tail}") for head, _, tail in parts]
        # The most that is said outright goes first.
        self._patterns = sorted(patterns, key=lambda one: (-len(one.head), -len(one.tail)))

    def find(self, name: str) -> tuple[Group, str | None]:
        """The group, and what stands for its ``*`` where it has one.

        Raises:
            UnknownModelError: there is none; the message names near misses.
            ConfigurationError: the name is no text.
        """
        if not isinstance(name, str):
            raise ConfigurationError(f"a group is named by a text, not {type(name).__name__}")
        name = self._aliases.get(name, name)
        found = self.groups.get(name) or self.ids.get(name)
        if found is not None:
            return found, None
        for pattern in self._patterns:
            if (filled := pattern.fill(name)) is not None:
                return self.groups[pattern.name], filled
        raise self._unknown(name)

    def stands_for(self, name: str) -> bool:
        """Whether a wildcard does."""
        return any(pattern.fill(name) is not None for pattern in self._patterns)

    def _unknown(self, name: str) -> UnknownModelError:
        known = [one for one in (*self.groups, *self._aliases) if one != name]
        near = difflib.get_close_matches(name, known, n=3)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else ""
        hint = hint or f"there are {', '.join(sorted(known)[:10]) or 'none'}"
        return UnknownModelError(f"no deployment's group is called {name!r:.80}; {hint}")


def filled(member: Member, name: str, fill: str) -> Member:
    """A wildcard's member for one model: under the same limits and key, with a health of its own."""
    head, _, tail = member.deployment.model.partition("*")
    # Where ``*`` stands for the whole name, its provider may be said already.
    model = fill if head and fill.startswith(head) else f"{head}{fill}{tail}"
    own = member.deployment.changed(model=model, group=name, id=f"{member.id}:{fill}")
    made = Member(own, member.key)
    made.place = member.place
    return made
