"""The legs of a router's calls: what a deployment says, under what the call itself says. Made when one is asked.

What does not change from call to call is worked out once for each deployment and kind of call. Nothing is chosen here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ..._call import Timeouts
from ..._flow import Consult, Flow
from ...catalogue import Catalogue
from ...errors import ConfigurationError
from .. import plan
from ..address import Address, mapping, resolve
from ..job import Leg
from .deployment import Deployment
from .member import Member

if TYPE_CHECKING:
    from .places import Place

__all__ = ["Asking", "Legs", "own"]

_OF_CALLS: Final = frozenset({
    "additional_drop_params", "allowed_openai_params", "cache", "caching", "customer", "drop_params",
    "extra_body", "extra_headers", "extra_query", "fallbacks", "fetch_media", "max_cost",
    "mock_response", "num_retries", "session", "stream_timeout", "subscription", "tags", "team", "timeout",
}) | plan.OF_ROUTERS  # fmt: skip
"""The options that a call through a router may have: all others say whose connection it is."""
_ABOUT_THE_WAY: Final = plan.OF_ROUTERS | {"cache", "caching", "fallbacks"}
_ADDRESSED: Final = frozenset({"extra_query"})
"""Options of a call that are part of an address."""
_MOST_KEPT: Final = 4096
"""Callers choose the names that wildcards stand for."""
_ADDED: Final = ("extra_body", "extra_headers", "extra_query")
"""Options that a call adds to, where it has them as well."""


class Asking(NamedTuple):
    """A call before it is any deployment's. ``own``: what its caller said, without what says where it goes."""

    id: str
    kind: plan.Kind
    subject: Mapping[str, Any]
    own: plan.Asked
    stream: bool
    keyless: bool


def own(given: plan.Asked) -> plan.Asked:
    """What a call says of itself to whoever answers it.

    Raises:
        ConfigurationError: it says whose connection to use.
    """
    options = given.options
    if strange := sorted(options.keys() - _OF_CALLS):
        raise ConfigurationError(
            f"a deployment has its own {', '.join(strange)}: a router's call cannot say it; "
            "declare a deployment, or give it to all by default_litellm_params"
        )
    if not _ABOUT_THE_WAY.isdisjoint(options):
        options = {name: value for name, value in options.items() if name not in _ABOUT_THE_WAY}
    return plan.Asked(given.params, options, given.wanted, given.adjustments)


class _Base(NamedTuple):
    """What a deployment says of each call of a kind."""

    told: Deployment
    asked: plan.Asked
    whole: Timeouts | None
    streamed: Timeouts | None
    address: Address | None
    """Where it is asked, where that is the same for every call: it has a key of its own."""


class Legs:
    """What makes legs for one router.

    Args:
        defaults: the client's own options, under those of each deployment.
        environ: where keys are looked up.
        catalogue: models and prices.
        vet: asked of each who was chosen, in its group: a failure with which it is passed over, or nothing; it may be
            awaited. What it raises ends the call.
    """

    def __init__(
        self,
        defaults: Mapping[str, Any],
        environ: Mapping[str, str],
        catalogue: Catalogue,
        vet: Callable[[str, Member], Any] | None = None,
    ) -> None:
        self._defaults, self._environ, self._catalogue = defaults, environ, catalogue
        self.vet = vet
        self._bases: dict[tuple[str, plan.Kind], _Base] = {}
        self._names: dict[str, tuple[Deployment, tuple[str, str]]] = {}

    def vetted(self, place: Place) -> Flow[None]:
        """Ask ``vet`` of one that was chosen. Raises what it is passed over with."""
        place.final = True
        failure = yield Consult(self.vet, (place.go.group, place.go.member))  # type: ignore[arg-type] # it is asked for
        place.final = False
        if failure is not None:
            raise failure

    def leg(self, asking: Asking, member: Member, changes: Mapping[str, Any] | None = None) -> Leg:
        """The leg of a call at a member.

        Args:
            asking: the call.
            member: who is asked.
            changes: what a fallback changes of the call.

        Raises:
            ConfigurationError: the deployment lacks a key or an address.
            UnsupportedParamsError: its provider does not take a parameter.
        """
        base = self._bases.get((member.id, asking.kind))
        # A call that is out while a deployment changes goes on by what that was, and nobody else does.
        if base is None or base.told is not member.deployment:
            base = self._new(asking, member)
        subject, said = asking.subject, asking.own
        if changes:
            subject, said = _changed(asking, changes)
        how = _merged(base.asked, said)
        address = base.address
        if address is None or not _ADDRESSED.isdisjoint(said.options):
            address = self._address(asking, member, how)
        leg = plan.leg_at(
            address, asking.id, subject, how, asking.kind, self._catalogue, stream=asking.stream
        )
        leg.deployment = member.place
        leg.timeouts = base.streamed if asking.stream else base.whole
        return leg

    def _address(self, asking: Asking, member: Member, how: plan.Asked) -> Address:
        return plan.address_of(
            member.deployment.model,
            how,
            self._environ,
            keyless=asking.keyless or how.options.get("mock_response") is not None,
            kind=asking.kind,
            catalogue=self._catalogue,
        )

    def named(self, member: Member) -> tuple[str, str]:
        """Its provider and model; what cannot be resolved is told as it is written."""
        found = self._names.get(member.id)
        if found is None or found[0] is not member.deployment:
            if len(self._names) >= _MOST_KEPT:
                self._names = {}
            found = self._names[member.id] = member.deployment, self._resolved(member)
        return found[1]

    def _resolved(self, member: Member) -> tuple[str, str]:
        declared, options = member.deployment.model, member.deployment.options
        elsewhere = options.get("base_url") is not None
        given = options.get("custom_llm_provider")
        try:
            provider, name = resolve(declared, given, self._catalogue, elsewhere=elsewhere)
        except ConfigurationError:
            head, _, rest = declared.partition("/")
            return (head, rest) if rest else ("", declared)
        return provider.name, name

    def forget(self) -> None:
        """The deployments have changed."""
        self._bases, self._names = {}, {}

    def _new(self, asking: Asking, member: Member) -> _Base:
        told, kind = member.deployment, asking.kind
        params = {name: value for name, value in told.params.items() if name in kind.params}
        key = {} if member.key is None else {"api_key": member.key}
        asked = plan.asked({**params, **told.options, **key}, self._defaults, kind)
        if len(self._bases) >= _MOST_KEPT:
            self.forget()
        whole, streamed = (_timeouts(told.options, stream=stream) for stream in (False, True))
        # What is found with the help of more than that is found anew for each call.
        address = self._address(asking, member, asked) if key else None
        where = None if address is None or address.where is not None else address
        made = self._bases[member.id, kind] = _Base(told, asked, whole, streamed, where)
        return made


def _timeouts(options: Mapping[str, Any], *, stream: bool) -> Timeouts | None:
    """What a deployment says of an attempt; the call's own limits are the call's."""
    said = options.get("timeout") is not None
    if not said and (not stream or options.get("stream_timeout") is None):
        return None
    return plan.timeouts(options, Timeouts(), stream=stream)


def _changed(asking: Asking, changes: Mapping[str, Any]) -> tuple[Mapping[str, Any], plan.Asked]:
    """Subject and keywords of a fallback that is more than a name."""
    subject = {name: changes.get(name, value) for name, value in asking.subject.items()}
    words = {k: v for k, v in changes.items() if k not in subject}
    return subject, _merged(asking.own, own(plan.asked(words, {}, asking.kind)))


def _merged(under: plan.Asked, over: plan.Asked) -> plan.Asked:
    """Keywords over others."""
    options: Mapping[str, Any] = under.options
    if over.options:
        options = {**under.options, **over.options}
        for name in _ADDED:
            if name in over.options and name in under.options:
                options[name] = {**mapping(under.options, name), **mapping(over.options, name)}
    params = {**under.params, **over.params} if under.params else over.params
    adjustments = (*under.adjustments, *over.adjustments)
    if names := options.get("additional_drop_params"):
        params, dropped = plan.without(params, names)
        adjustments = (*adjustments, *(one for one in dropped if one not in adjustments))
    return plan.Asked(params, options, over.wanted or under.wanted, adjustments)
