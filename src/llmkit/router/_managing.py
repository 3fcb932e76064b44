"""What LiteLLM's router can be asked and told about its deployments and settings, by the same names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, ClassVar, Final

from .._call import Timeouts
from .._control import plan
from .._control.routing.arguments import settings_of
from .._control.routing.deployment import Deployment
from .._control.routing.entries import Reading, deployments_of, entry_of
from .._control.routing.hedging import Hedge, Hedging
from .._control.routing.legs import Legs
from .._control.routing.saying import keywords_of
from .._control.routing.settings import Settings
from .._control.routing.strategies import strategy_of
from ..errors import ConfigurationError, UnknownModelError
from ._deciding import Deciding
from ._routing import strategies_of

__all__ = ["Managing", "ModelGroupInfo"]

_OF_CALLS: Final = frozenset({"timeout", "stream_timeout"})
_FIXED: Final = frozenset({"default_litellm_params"})
"""Settings that deployments were made with."""


@dataclass(frozen=True, slots=True)
class ModelGroupInfo:
    """What is known of a group: the most that any of its deployments can do, and the most that one costs.

    Prices are USD for a token. ``tpm`` and ``rpm`` are those of all together; ``None``: not all are limited.
    """

    model_group: str
    providers: tuple[str, ...]
    mode: str | None
    max_input_tokens: int | None
    max_output_tokens: int | None
    input_cost_per_token: Decimal | None
    output_cost_per_token: Decimal | None
    tpm: int | None
    rpm: int | None
    capabilities: frozenset[str]
    """Those that every one of them has, as far as that is known."""


class Managing(Deciding):
    """LiteLLM's management of a router."""

    _manages: ClassVar[bool] = True

    # --- looking

    def get_model_list(self, model_name: str | None = None) -> list[dict[str, Any]]:
        """The deployments as entries of a ``model_list``, without their keys; of one group, or of all."""
        known = self._table.deployments
        if model_name is not None:
            known = tuple({m.place: m.deployment for m in self._members(model_name)}.values())
        return [entry_of(one) for one in known]

    def _members(self, name: str) -> Sequence[Any]:
        try:
            return self._table.find(name).members
        except UnknownModelError:
            return ()

    def get_model_names(self) -> list[str]:
        """What may be asked for: groups, and aliases that are not hidden."""
        settings = self._table.settings
        shown = [name for name in settings.aliases if name not in settings.hidden]
        return list(dict.fromkeys([*self._table.groups, *shown]))

    def get_model_group_info(self, model_group: str) -> ModelGroupInfo | None:
        """What is known of a group; ``None`` where there is none."""
        members = self._members(model_group)
        if not members:
            return None
        infos = [member.info for member in members if member.info is not None]
        prices = [member.price for member in members if member.price is not None]
        known = tuple({m.place: m.deployment for m in members}.values())
        sets = [info.capabilities for info in infos]
        return ModelGroupInfo(
            model_group=model_group,
            providers=tuple(dict.fromkeys(self._legs.named(member)[0] for member in members)),
            mode=infos[0].mode if infos else None,
            max_input_tokens=_most(info.max_input_tokens for info in infos),
            max_output_tokens=_most(info.max_output_tokens for info in infos),
            input_cost_per_token=_most(price[0] for price in prices),
            output_cost_per_token=_most(price[1] for price in prices),
            tpm=_all_of(one.tpm for one in known),
            rpm=_all_of(one.rpm for one in known),
            capabilities=frozenset.intersection(*sets) if sets else frozenset(),
        )

    def get_available_deployment(
        self, model: str, messages: Sequence[Any] | None = None, **params: Any
    ) -> dict[str, Any]:
        """The deployment that would be asked now, as an entry of a ``model_list``. Raises as ``route``."""
        return entry_of(self.route(model, messages, **params).deployment)

    # --- changing deployments

    def add_deployment(self, deployment: Deployment | Mapping[str, Any]) -> Deployment:
        """Take one more.

        Raises:
            ConfigurationError: it is wrong, or there is one of its id.
        """
        made = self._read_entry(deployment)
        if any(one.id == made.id for one in self._table.deployments):
            raise ConfigurationError(
                f"there is a deployment with the id {made.id!r}: upsert_deployment changes it"
            )
        return self._taken(made)

    def upsert_deployment(self, deployment: Deployment | Mapping[str, Any]) -> Deployment:
        """Take one more, or change the one of its id; what is known of how that does is kept."""
        return self._taken(self._read_entry(deployment))

    def _taken(self, made: Deployment) -> Deployment:
        self._table.add(made)
        self._changed()
        return made

    def delete_deployment(self, id: str) -> Deployment | None:  # noqa: A002 - LiteLLM's name
        """Let one go, by its id; calls that are there end as they would. ``None``: there is none."""
        found = next((one for one in self._table.deployments if one.id == id), None)
        if self._table.remove(id):
            self._changed()
        return found

    def set_model_list(self, model_list: Sequence[Any]) -> None:
        """Have these deployments and no others; those that stay keep what is known of them."""
        self._table.replace(
            deployments_of(model_list, self._reading(), self._table.settings.defaults)
        )
        self._changed()

    def _read_entry(self, deployment: Any) -> Deployment:
        [made] = deployments_of([deployment], self._reading(), self._table.settings.defaults)
        return made

    def _reading(self) -> Reading:
        return Reading(self._environ, catalogue=self._catalogue)

    def _changed(self) -> None:
        """Deployments came or went: what was worked out of them is worked out anew, and who waits looks again."""
        self._legs.forget()
        if self._hedging is not None:
            self._hedging.keep({one.id for one in self._table.deployments})
        self._line.wake()

    # --- changing settings

    def get_settings(self) -> dict[str, Any]:
        """How the router decides now, where that is not as usual, as ``update_settings`` takes it."""
        of_calls = {name: self._defaults[name] for name in _OF_CALLS & self._defaults.keys()}
        return {**keywords_of(self._table.settings), **of_calls}

    def update_settings(self, **changes: Any) -> None:
        """Decide otherwise from the next call on: any of the router's own keywords, and ``timeout``.

        Raises:
            ConfigurationError: a value is wrong, or a keyword is none that can be changed.
        """
        said = {name: value for name, value in changes.items() if name not in _OF_CALLS}
        fixed = {name: said.pop(name) for name in _FIXED & said.keys()}
        usual = self._table.settings
        if said.get("routing_strategy", usual.strategy) != usual.strategy:
            said.setdefault("routing_strategy_args", {})
        settings = settings_of(said, over=usual)
        if said or fixed:
            named = ", ".join(sorted((*said, *fixed)))
            raise ConfigurationError(f"no setting that can be changed: {named}")
        of_calls = {k: v for k, v in changes.items() if k in _OF_CALLS}
        plan.timeouts(of_calls, Timeouts(), stream=True)
        self._decide(settings)
        if of_calls:
            self._defaults = {**self._defaults, **of_calls}
            self._legs = Legs(self._defaults, self._environ, self._catalogue, self._vet)

    def _decide(self, settings: Settings, strategy: Any = None) -> None:
        hedge = Hedge.of(settings.hedge)
        strategy = strategy or strategy_of(settings.strategy, settings.strategy_args)
        self._table.decide(settings, strategy, strategies_of(settings))
        if hedge != (self._hedging and self._hedging.hedge):
            self._hedging = None if hedge is None else Hedging(hedge)
        if self._shared is not None:
            self._shared.local = settings.when_store_lost == "local"
        self._policy = replace(self._policy, retries=settings.num_retries)
        self._changed()

    def set_custom_routing_strategy(self, CustomRoutingStrategy: Any) -> None:  # noqa: N803 - LiteLLM's name
        """Let this decide: an object with ``plan``, or LiteLLM's ``CustomRoutingStrategyBase``."""
        made = strategy_of(CustomRoutingStrategy)
        self._decide(replace(self._table.settings, strategy=made, group_strategies={}), made)

    def flush_cache(self) -> None:
        """Forget how deployments have done: cooldowns, failures, latencies. Limits stay as they are."""
        for member in self._table.members:
            with self._table.lock:
                member.latency = member.first_chunk = None
        for one in self._table.deployments:
            self._heard_of(self._table.mark_success(one.id))

    def reset(self) -> None:
        """``flush_cache``; callbacks are the router's own, and stay."""
        self.flush_cache()


def _most(given: Any) -> Any:
    return max((one for one in given if one is not None), default=None)


def _all_of(given: Any) -> int | None:
    found = list(given)
    return None if any(one is None for one in found) else sum(found)
