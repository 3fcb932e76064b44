"""Why a deployment can never take a call: known before anything is sent, and for fallbacks as well.

Each check takes a member and a call and says a reason, or nothing. ``Fit`` asks the same of a whole group at once,
mostly with what it knows from calls before. What is not known of a model speaks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Final

from ...catalogue._capabilities import LITELLM
from ...errors import ConfigurationError
from ..address import resolve
from .member import Member
from .reading import answer_of
from .regions import region_of, within
from .settings import Settings
from .wanted import Wanted

__all__ = ["Fit", "unfit"]

_MOST_KEPT: Final = 256


def unfit(member: Member, wanted: Wanted, settings: Settings) -> str | None:
    """Why this member can never take this call, in words; ``None``: nothing is known that speaks against it.

    Tags are not looked at: what they mean depends on the others of the group (``tags``).
    """
    for check in _ALWAYS if not settings.pre_call_checks else _CHECKS:
        reason = check(member, wanted)
        if reason is not None:
            return reason
    return None


def _kind(member: Member, wanted: Wanted) -> str | None:
    if offers(member, wanted.kind):
        return None
    return f"{member.deployment.model} has no call of the kind {wanted.kind!r}"


def offers(member: Member, kind: str) -> bool:
    """Whether there is such a call where the member is."""
    declared = member.deployment
    options = declared.options
    try:
        provider, name = resolve(
            declared.model,
            options.get("custom_llm_provider"),
            elsewhere=options.get("base_url") is not None,
        )
    except ConfigurationError:
        return True  # the call itself says what is wrong
    return provider.family_of(name).wire(kind) is not None


def _where(member: Member) -> str | None:
    one = member.deployment
    return region_of(one.region, one.model, one.options)


def _region(member: Member, wanted: Wanted) -> str | None:
    there = _where(member)
    if wanted.region is None or within(there, wanted.region):
        return None
    if there:
        return f"it is in {there}, which is not within {wanted.region!r:.40}"
    return f"its region is not known to be {wanted.region!r:.40}: give it region_name"


SOFT: Final = frozenset({"json_schema", "reasoning", "web_search"})
"""What a deployment that is not listed with it may yet do: a wire writes the schema into the prompt, and lists are not
complete. Such a deployment goes behind those that are listed with it."""


def _capability(member: Member, wanted: Wanted) -> str | None:
    lacking = sorted(need for need in wanted.needs - SOFT if lacks(member, need))
    if not lacking:
        return None
    return (
        f"{member.deployment.model} is not listed with {', '.join(lacking)}; if it can, say so in its model_info: "
        + ", ".join(f"{_FLAGS[need]}=True" for need in lacking)
    )


_FLAGS: Final = {ours: f"supports_{theirs}" for theirs, ours in LITELLM.items()}


def lacks(member: Member, need: str) -> bool:
    """Whether it is known that a member's model cannot do something. Its ``model_info`` goes before the catalogue."""
    said = member.deployment.info.get(_FLAGS.get(need, need))
    if said is not None:
        return not said
    listed = member.info
    return listed is not None and bool(listed.capabilities) and not listed.supports(need)


def _without(need: str, member: Member) -> bool:
    return lacks(member, need)


def window_of(member: Member) -> int | None:
    """Tokens that a prompt may have there; ``None``: nobody knows."""
    given = member.deployment.max_input_tokens
    if given is not None:
        return given
    return None if member.info is None else member.info.max_input_tokens


def shared_of(member: Member) -> bool:
    """Whether the answer has to fit into the same window: where one number is listed for both."""
    info = member.info
    return (
        member.deployment.max_input_tokens is None
        and info is not None
        and info.max_input_tokens is not None
        and info.max_input_tokens == info.max_output_tokens
    )


def _window(member: Member, wanted: Wanted) -> str | None:
    window = window_of(member)
    if window is None:
        return None
    answer = _answer(member, wanted) if shared_of(member) else 0
    if wanted.size + answer <= window:
        return None
    tokens = wanted.at_least(member.info) + answer
    if tokens <= window:
        return None
    return f"the prompt has some {tokens} tokens{_with(answer)}, and its window is {window}"


def _answer(member: Member, wanted: Wanted) -> int:
    """Tokens that the answer may have there: as the call says, or else the deployment."""
    return wanted.answer or answer_of(member.deployment.params)


def room_of(member: Member) -> int | None:
    """Tokens that a call may have there that does not say how long its answer is."""
    window = window_of(member)
    if window is None or not shared_of(member):
        return window
    return window - answer_of(member.deployment.params)


def _with(answer: int) -> str:
    return f" with the {answer} of the answer" if answer else ""


def _price(member: Member, wanted: Wanted) -> str | None:
    if wanted.max_cost is None:
        return None
    bound = least_bound(member, wanted)
    if bound is None or bound <= wanted.max_cost:
        return None
    return (
        f"the call can cost ${bound:f} there at least, which is above max_cost=${wanted.max_cost:f}"
    )


def _unpriced(member: Member) -> bool:
    """Whether nothing at all is known of what it costs."""
    if member.price is not None or any("cost" in name for name in member.deployment.options):
        return False
    return member.info is None or not member.info.rates


# Of a cheaper tier the bound is lower than standard prices make it.
_AT_LEAST_STANDARD: Final = (None, "auto", "default", "standard", "priority")
# What is made or looked after at a provider is no prompt to the deployment's model.
_KEPT: Final = frozenset({"batches", "caches", "files", "models"})


def least_bound(member: Member, wanted: Wanted) -> Decimal | None:
    """USD that the bound of an attempt is not below: who refuses by this would be refused by the bound itself.

    A bound takes a token for each byte of the prompt, and the longest answer that is asked for; where none is, it may
    be made shorter.
    """
    if member.price is None or wanted.params.get("service_tier") not in _AT_LEAST_STANDARD:
        return None
    if wanted.kind in _KEPT:
        return None
    prompt, answer = member.price
    return prompt * wanted.letters + answer * _answer(member, wanted)


_Check = Callable[[Member, Wanted], str | None]
_ALWAYS: Final[tuple[_Check, ...]] = (_kind, _region, _price)
_CHECKS: Final[tuple[_Check, ...]] = (*_ALWAYS, _capability, _window)


class Fit:
    """The checks of one group, asked of all its members at once. Masks have a bit for each member, in their order."""

    __slots__ = ("_costs", "_least", "_masks", "_members", "_settings", "_unpriced", "_windows")

    def __init__(self, members: Sequence[Member], settings: Settings) -> None:
        self._members = members
        self._settings = settings
        self._masks: dict[tuple[str, Any], int] = {}
        windows = [(room_of(member), place) for place, member in enumerate(members)]
        self._windows = tuple([(window, place) for window, place in windows if window is not None])
        self._least = min([window for window, _ in self._windows], default=None)
        self._unpriced = self._mask(_unpriced)
        self._costs = _alike(members)

    def unfit(self, wanted: Wanted) -> int:
        """The mask of those who can never take the call."""
        out = self._masks.get(("kind", wanted.kind))
        if out is None:
            out = self._known("kind", wanted.kind, lambda member: not offers(member, wanted.kind))
        if wanted.region is not None:
            region = wanted.region
            out |= self._known("region", region, lambda m: not within(_where(m), region))
        if wanted.max_cost is not None:
            for member, mask in self._costs:
                if _price(member, wanted) is not None:
                    out |= mask
        return out | self._by_model(wanted) if self._settings.pre_call_checks else out

    def behind(self, wanted: Wanted) -> int:
        """The mask of those who may be able to take the call, while it is known of others."""
        # A budget refuses what has no price; only it knows whether it counts USD at all.
        out = self._unpriced if wanted.budgeted and wanted.max_cost is None else 0
        if not self._settings.pre_call_checks or wanted.needs.isdisjoint(SOFT):
            return out
        return out | self._lacking(wanted.needs & SOFT)

    def _lacking(self, needs: frozenset[str]) -> int:
        out = 0
        for need in needs:
            out |= self._known("need", need, partial(_without, need))
        return out

    def _by_model(self, wanted: Wanted) -> int:
        needs = wanted.needs
        out = self._lacking(needs - SOFT) if needs else 0
        if self._least is None or wanted.span <= self._least:
            return out
        return out | self._too_small(wanted)

    def too_long(self, wanted: Wanted) -> bool:
        """Whether there is somebody for whom it is too long."""
        return self._settings.pre_call_checks and self._too_small(wanted) != 0

    def _too_small(self, wanted: Wanted) -> int:
        out = 0
        if self._least is not None and wanted.span > self._least:
            for window, place in self._windows:
                if wanted.span > window and _window(self._members[place], wanted):
                    out |= 1 << place
        return out

    def _known(self, check: str, what: str, fails: Callable[[Member], bool]) -> int:
        """What depends on nothing but one word of the call is found out once for each."""
        mask = self._masks.get((check, what))
        if mask is None:
            mask = self._mask(fails)
            if len(self._masks) < _MOST_KEPT:  # words come from callers
                self._masks[check, what] = mask
        return mask

    def _mask(self, fails: Callable[[Member], bool]) -> int:
        return sum(1 << place for place, member in enumerate(self._members) if fails(member))


def _alike(members: Sequence[Member]) -> tuple[tuple[Member, int], ...]:
    """One of each that costs the same, with the mask of all these."""
    found: dict[Any, tuple[Member, int]] = {}
    for place, member in enumerate(members):
        costs = member.price, answer_of(member.deployment.params)
        one, mask = found.get(costs, (member, 0))
        found[costs] = one, mask | 1 << place
    return tuple(found.values())
