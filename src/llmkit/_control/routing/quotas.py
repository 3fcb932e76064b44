"""What a call takes of a deployment's limits: requests, tokens, a place. Whether there is room is not known here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

from ..._operations import Candidate, Quota

if TYPE_CHECKING:
    from .deployment import Deployment
    from .member import Member
    from .settings import Settings
    from .wanted import Wanted

__all__ = ["MINUTE", "Limits", "used"]

MINUTE: Final = 1_000
"""Milliseconds of a bucket, of which sixty are a window."""
_DAY: Final = 1_440_000
_WIDTHS: Final = {
    "rpm": MINUTE, "rpd": _DAY, "tpm": MINUTE, "tpd": _DAY, "itpm": MINUTE, "otpm": MINUTE
}  # fmt: skip
"""What may be limited, and a sixtieth of its window in milliseconds."""
_REQUESTS: Final = frozenset({"rpm", "rpd"})
_CHEAP: Final = 20


class _Limit(NamedTuple):
    name: str
    width: int
    limit: int
    request: Quota | None = None
    """What every call takes of it, where that is the same for all."""


class Limits:
    """Those of all deployments. All keys of one share them."""

    __slots__ = ("_of",)

    def __init__(self, deployments: Iterable[Deployment], settings: Settings) -> None:
        self._of = {
            one.id: (_quotas(one, settings), _parallel(one, settings)) for one in deployments
        }

    def any(self, member: Member) -> bool:
        """Whether a call has to be let in there."""
        quotas, parallel = self._of.get(member.place, _NONE)
        return parallel is not None or bool(quotas)

    def candidate(
        self, member: Member, wanted: Wanted, share: float = 1.0, *, counts: bool = False
    ) -> Candidate:
        """What a call takes there.

        ``share``: of every limit, where this process keeps them by itself. ``counts``: whether requests and tokens
        are counted where they are not limited, too.
        """
        quotas, parallel = self._of.get(member.place, _NONE)
        if share >= 1:
            taken = [each.request or _taken(each, member, wanted) for each in quotas]
        else:
            parallel = parallel and _part(parallel, share)
            taken = [_taken(_shared(each, share), member, wanted) for each in quotas]
        if counts:
            have = {each.name for each in quotas}
            free = (each for each in _FREE if each.name not in have)
            taken += [_taken(each, member, wanted) for each in free]
        return Candidate(member.place, tuple(taken), parallel)

    def counted(self, members: Iterable[Member]) -> tuple[tuple[str, int], ...]:
        """(name, width) of all that is counted at any of them."""
        have = (each for one in members for each in self._of.get(one.place, _NONE)[0])
        return tuple(dict.fromkeys((each.name, each.width) for each in (*_FREE, *have)))


_FREE: Final = (_Limit("rpm", MINUTE, 10**12), _Limit("tpm", MINUTE, 10**12))
_NONE: Final[tuple[tuple[_Limit, ...], int | None]] = ((), None)


def _quotas(one: Deployment, settings: Settings) -> tuple[_Limit, ...]:
    if not settings.enforce_limits:
        return ()
    given = ((name, width, getattr(one, name)) for name, width in _WIDTHS.items())
    return tuple(_limited(name, width, limit) for name, width, limit in given if limit is not None)


def _limited(name: str, width: int, limit: int) -> _Limit:
    return _Limit(name, width, limit, Quota(name, width, limit, 1) if name in _REQUESTS else None)


def _parallel(one: Deployment, settings: Settings) -> int | None:
    return settings.max_parallel if one.max_parallel is None else one.max_parallel


def _part(limit: int, share: float) -> int:
    return max(1, int(limit * share))


def _shared(each: _Limit, share: float) -> _Limit:
    return each._replace(limit=_part(each.limit, share), request=None)


def _taken(each: _Limit, member: Member, wanted: Wanted) -> Quota:
    name, width, limit, _ = each
    return Quota(name, width, limit, _amount(name, limit, member, wanted))


def _amount(name: str, limit: int, member: Member, wanted: Wanted) -> int:
    """What is taken until it is known what was used. Of a prompt that fits, no more than there is."""
    if name in _REQUESTS:
        return 1
    prompt = 0 if name == "otpm" else _prompt(limit, member, wanted)
    answer = 0 if name == "itpm" else wanted.answer
    return prompt if prompt > limit else min(prompt + answer, limit)


def _prompt(limit: int, member: Member, wanted: Wanted) -> int:
    """Tokens of the prompt; a token a byte where that is little: counting takes longer than the rest of the call."""
    size = wanted.size
    return size if size * _CHEAP <= limit else wanted.tokens(member.info)


def used(prompt: int | None, answer: int | None) -> tuple[tuple[str, int], ...]:
    """What was used of each quota of tokens, as far as the answer tells."""
    if prompt is None:
        return () if answer is None else (("otpm", answer),)
    if answer is None:
        return (("tpm", prompt), ("tpd", prompt), ("itpm", prompt))
    both = prompt + answer
    return (("tpm", both), ("tpd", both), ("itpm", prompt), ("otpm", answer))
