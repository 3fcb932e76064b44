"""``Patch``: what somebody says of a model, over what the catalogue says already.

Values, and how they are laid over each other; where they come from is read in ``_fields`` and ``_user``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ._model import FrozenMap, ModelInfo, Rate, Uplift

__all__ = ["Layer", "Patch", "laid_over", "unlisted"]

# Conditions that tell one statement of a price from a later one, not one price from another.
_IN_TIME: Final = frozenset({"from", "until"})


@dataclass(frozen=True, slots=True)
class Patch:
    """Facts and rates of one model at one provider.

    ``facts`` are fields of a ``ModelInfo``, ``adds`` and ``drops`` single capabilities. A rate goes before the
    catalogue's of the same key and condition; others stay, unless ``whole``: then nothing is taken from below. ``like``
    is the model to start from, by default the one of this name. ``mark`` goes on the record's revision.
    """

    provider: str
    name: str
    mark: str
    facts: Mapping[str, Any] = FrozenMap()
    rates: tuple[Rate, ...] = ()
    uplifts: tuple[Uplift, ...] = ()
    adds: frozenset[str] = frozenset()
    drops: frozenset[str] = frozenset()
    like: tuple[str, str] | None = None
    whole: bool = False

    @property
    def aliases(self) -> tuple[str, ...]:
        """Further names that this patch gives the model."""
        return tuple(self.facts.get("aliases", ()))

    def after(self, before: Patch) -> Patch:
        """Both as one, of which this one was said later."""
        if self.whole or self.like:
            return self
        return replace(
            before,
            mark=f"{before.mark}+{self.mark}",
            facts=FrozenMap({**before.facts, **self.facts}),
            rates=laid_over(before.rates, self.rates),
            uplifts=_uplifts(before.uplifts, self.uplifts),
            adds=(before.adds - self.drops) | self.adds,
            drops=(before.drops - self.adds) | self.drops,
        )

    def over(self, below: ModelInfo | None, head: Mapping[str, Any]) -> ModelInfo:
        """The record that this makes of what is below it; ``head`` says how the provider's prices are read."""
        bare = None if self.whole else below
        base = unlisted(self.provider, self.name, head) if bare is None else bare
        same = (base.provider, base.name) == (self.provider, self.name)
        facts = {"capabilities": base.capabilities, **self.facts}
        return replace(
            base,
            **{
                **({} if same else {"aliases": ()}),
                **facts,
                "provider": self.provider,
                "name": self.name,
                "capabilities": (facts["capabilities"] | self.adds) - self.drops,
                "rates": laid_over(base.rates, self.rates),
                "uplifts": _uplifts(base.uplifts, self.uplifts),
                "revision": f"{base.revision}+{self.mark}",
                # Who says what he pays means that.
                "varies": "" if self.rates else base.varies,
            },
        )


# How prices are read at a provider of which there is no file.
_USUAL: Final[Mapping[str, Any]] = {
    "tiers": dict.fromkeys(("", "auto", "default", "standard"), ("standard",)),
    "defaults": {"service_tier": "standard"},
    "priced_as": {"reasoning": "output", "image_input": "input"},
}


def unlisted(provider: str, name: str, head: Mapping[str, Any]) -> ModelInfo:
    """A model of which nothing is known but its name, and how its provider's tiers and prices are read."""
    text, none = frozenset({"text"}), frozenset[str]()
    ways = {**_USUAL, **{key: head[key] for key in _USUAL if key in head}}
    return ModelInfo(
        provider,
        name,
        (),
        "chat",
        None,
        None,
        text,
        text,
        none,
        None,
        (),
        "",
        "",
        tiers=FrozenMap({key: tuple(billed) for key, billed in ways["tiers"].items()}),
        defaults=FrozenMap(ways["defaults"]),
        priced_as=FrozenMap(ways["priced_as"]),
        cache_write_marker=head.get("cache_write_marker"),
    )


def laid_over(below: Iterable[Rate], above: tuple[Rate, ...]) -> tuple[Rate, ...]:
    """The rates of ``above``, and those below that they do not replace.

    A rate replaces those for the same thing under the same condition, announced later prices included: who says what
    he pays is not to find the list price in his bill from January on. One that itself holds from a day on replaces
    that of the same day.
    """
    replaced = {(rate.key, FrozenMap(rate.condition)) for rate in above}
    kept = [
        rate
        for rate in below
        if (rate.key, FrozenMap(rate.condition)) not in replaced
        and (rate.key, _timeless(rate.condition)) not in replaced
    ]
    return (*above, *kept)


def _timeless(condition: Mapping[str, str | int]) -> FrozenMap[str | int]:
    return FrozenMap({k: v for k, v in condition.items() if k not in _IN_TIME})


def _uplifts(below: Iterable[Uplift], above: tuple[Uplift, ...]) -> tuple[Uplift, ...]:
    replaced = {FrozenMap(uplift.condition) for uplift in above}
    return (*above, *(u for u in below if FrozenMap(u.condition) not in replaced))


@dataclass(frozen=True, slots=True)
class Layer:
    """Patches by provider and every name that they give; ``mark`` stands for all of them in a revision."""

    mark: str
    patches: Mapping[tuple[str, str], Patch]
    own: Mapping[str, bool] = FrozenMap()
    """Providers of which it says whether they make the models that they list."""

    @classmethod
    def of(
        cls, mark: str, patches: Iterable[Patch], own: Mapping[str, bool] = FrozenMap()
    ) -> Layer:
        """A layer of these patches; of two for one name the later holds."""
        named = {(p.provider, name): p for p in patches for name in (p.name, *p.aliases)}
        return cls(mark, named, own)

    def names(self, provider: str) -> list[str]:
        """The models of a provider that it speaks of."""
        return list(dict.fromkeys(p.name for p in self.patches.values() if p.provider == provider))

    @property
    def providers(self) -> frozenset[str]:
        """Whose models it speaks of."""
        return frozenset(provider for provider, _ in self.patches)
