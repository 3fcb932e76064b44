"""Which deployments a call's tags lead to, by LiteLLM's rules. It is decided for a whole group at once.

``!tag`` keeps away from deployments that have it, ``&tag`` asks for it in any case, all others are wanted. Where none
has what is wanted, those tagged ``default`` take the call; so they do calls without tags, where there are any.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from .member import Member
from .settings import Settings
from .wanted import Wanted

__all__ = ["Tagged"]

_DEFAULT: Final = "default"
_MOST_KEPT: Final = 256


class Tagged:
    """The tags of one group. Masks have a bit for each member, in their order."""

    __slots__ = ("_all", "_any", "_default", "_having", "_known", "_patterns", "_plain", "_prefix")

    def __init__(self, members: Sequence[Member], settings: Settings) -> None:
        self._all = (1 << len(members)) - 1
        self._any = settings.tag_match_any
        self._prefix = settings.tag_prefix
        self._having: dict[str, int] = {}
        self._patterns: dict[str, int] = {}
        for place, member in enumerate(members):
            for tag in member.deployment.tags:
                self._having[tag] = self._having.get(tag, 0) | 1 << place
            for pattern in member.deployment.tag_regex:
                self._patterns[pattern] = self._patterns.get(pattern, 0) | 1 << place
        self._plain = 0
        for mask in self._having.values():
            self._plain |= mask
        self._default = self._having.get(_DEFAULT, 0)
        self._known: dict[tuple[tuple[str, ...], str], int] = {}

    def unfit(self, wanted: Wanted) -> int:
        """The mask of those whom the call's tags do not lead to."""
        if not wanted.tags and not (self._patterns and wanted.agent):
            return self._all & ~self._default if self._default else 0
        key = wanted.tags, wanted.agent if self._patterns else ""
        mask = self._known.get(key)
        if mask is None:
            mask = self._all & ~self._led(*key)
            if len(self._known) < _MOST_KEPT:  # tags come from callers
                self._known[key] = mask
        return mask

    def _led(self, given: tuple[str, ...], agent: str) -> int:
        meant = (tag.removeprefix(self._prefix) for tag in given if tag.startswith(self._prefix))
        tags = [tag for tag in meant if tag not in ("", "!", "&")]
        allowed = self._all
        for tag in tags:
            if tag[:1] == "!":
                allowed &= ~self._having.get(tag[1:], 0)
            elif tag[:1] == "&":
                allowed &= self._having.get(tag[1:], 0)
        positive = [tag for tag in tags if tag[:1] not in ("!", "&")]
        if not positive and not (agent and self._patterns):
            defaults = allowed & self._default
            return allowed if tags or not defaults else defaults
        found = (self._matching(positive) | self._searched(agent)) & allowed
        if found or any(tag in self._having for tag in positive):
            return found
        # Nobody here knows these tags.
        return allowed & self._default

    def _matching(self, positive: Sequence[str]) -> int:
        if not positive:
            return 0
        masks = [self._having.get(tag, 0) for tag in positive]
        found = 0 if self._any else self._all
        for mask in masks:
            found = found | mask if self._any else found & mask
        return found

    def _searched(self, agent: str) -> int:
        """Who has a pattern for the caller's programme. Where all tags must match, one does not stand in for them."""
        header, found = f"User-Agent: {agent}", 0
        for pattern, mask in self._patterns.items():
            if agent and re.search(pattern, header):
                found |= mask
        return found if self._any else found & ~self._plain
