"""What makes a ``Client``'s calls a router's: its table, what waits for it, and the way that each call is given.

It owns these as a client owns its connections. Who is asked is decided in ``_control.routing``, and nothing here.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final

from typing_extensions import Unpack, override

from .. import stores
from .._call import CONTEXT, Timeouts
from .._control import plan
from .._control.job import Job
from .._control.plan import CHAT, Kind
from .._control.retry import RetryPolicy
from .._control.routing import checked
from .._control.routing.arguments import Given, given
from .._control.routing.decision import Decision
from .._control.routing.flow import Way
from .._control.routing.groups import Names, Target, Terms, targets
from .._control.routing.hedging import Hedge, Hedging
from .._control.routing.keywords import RouterOptions
from .._control.routing.legs import Asking, Legs, own
from .._control.routing.member import Member
from .._control.routing.policies import fallbacks_of
from .._control.routing.route import Route
from .._control.routing.settings import Settings
from .._control.routing.shared import Shared
from .._control.routing.strategies import strategy_of
from .._control.routing.strategy import Strategy
from .._control.routing.table import Table
from .._control.routing.wanted import Wanted
from .._core import NAMED
from .._given import catalogue_of
from .._io._clock import SYSTEM_CLOCK, Clock
from .._io._queue import FairQueue
from .._settlements import Store
from ..catalogue import Catalogue
from ..client import Client
from ..errors import ConfigurationError, UnknownModelError

__all__ = ["Routing", "strategies_of"]

_BY_PROVIDER: Final = frozenset({
    "batches", "caches", "files", "image", "models", "moderation", "stored_responses",
})  # fmt: skip
"""Kinds of calls that may name a provider and no model: what is kept is kept by somebody."""
_KEPT: Final = _BY_PROVIDER - {"image", "moderation"}
"""Those of them that ask no model."""
_SAID: Final = NAMED | {"fallbacks"}
_NOTHING_SAID: Final = plan.Asked({}, {})
_TOTAL: Final = Timeouts().total
_DECISIVE: Final = _SAID | {"max_cost", "timeout", "extra_headers", "headers", "num_retries"}
"""Options that decide who is asked, or until when."""


class Routing(Client):
    """A client whose calls go to one of several deployments."""

    _manages: ClassVar[bool] = True
    _vet: Callable[[str, Member], Any] | None = None
    """What others say of each deployment that was chosen; see ``Legs``."""

    def __init__(
        self,
        model_list: Sequence[Any] | None = None,
        *,
        store: Store | None = None,
        callbacks: Iterable[Callable[[Any], Any] | str] = (),
        hooks: Iterable[Any] = (),
        ledger: Store | None = None,
        budget: Any = None,
        billing: Any = None,
        cache: Any = None,
        retry: RetryPolicy | None = None,
        max_parallel: int | None = None,
        http_client: Any = None,
        verify: Any = None,
        cert: Any = None,
        proxy: str | None = None,
        transport: str | None = None,
        http2: bool = False,
        environ: Mapping[str, str] | None = None,
        clock: Clock = SYSTEM_CLOCK,
        catalogue: Catalogue | str | os.PathLike[str] | None = None,
        **how: Unpack[RouterOptions],
    ) -> None:
        environ = os.environ if environ is None else environ
        known = catalogue_of(catalogue)
        told = given(model_list, how, environ=environ, catalogue=known, budget=budget)
        self._set_up(
            told,
            store,
            callbacks=callbacks,
            hooks=hooks,
            ledger=ledger,
            budget=budget,
            billing=billing,
            cache=cache,
            retry=retry,
            max_parallel=max_parallel,
            http_client=http_client,
            verify=verify,
            cert=cert,
            proxy=proxy,
            transport=transport,
            http2=http2,
            clock=clock,
            catalogue=known,
        )

    def _set_up(self, told: Given, store: Store | None, **how: Any) -> None:
        """Be a router of what was given; ``how``: keywords of a ``Client``."""
        self._own_store = told.redis is not None
        store = _store(store, told)
        how["budget"] = how.get("budget") or _budget(told, store)
        super().__init__(**{**told.client, **how, "environ": told.environ})
        own(plan.Asked({}, self._defaults))
        plan.timeouts(self._defaults, Timeouts(), stream=True)
        self.report = told.report
        """What of a configuration is not honoured, and why."""
        retry, settings = how.get("retry"), told.settings
        if retry is None or settings.num_retries != _USUAL.num_retries:
            retry = replace(retry or RetryPolicy(), retries=settings.num_retries)
        self._policy = retry
        self._legs = Legs(self._defaults, self._environ, self._catalogue, self._vet)
        self._line = FairQueue()
        self._draw = random.random
        self._store = store
        self._table = self._made(told.deployments, settings)
        self._shared = None if store is None else self._sharing(store)

    def _made(self, deployments: Iterable[Any], settings: Settings) -> Table:
        hedge = Hedge.of(settings.hedge)
        self._hedging = None if hedge is None else Hedging(hedge)
        return Table(
            deployments,
            settings,
            strategy_of(settings.strategy, settings.strategy_args),
            strategies=strategies_of(settings),
            store=self._store,
            catalogue=self._catalogue,
            lock=threading.Lock(),
        )

    def _sharing(self, store: Store) -> Shared:
        local = self._table.settings.when_store_lost == "local"
        self._table.sharing = made = Shared(store, local=local, clock=self._clock.now)
        return made

    # --- one call

    @override
    def _job(
        self,
        kind: Kind,
        model: str,
        subject: Mapping[str, Any],
        params: Mapping[str, Any],
        *,
        stream: bool = False,
        dry_run: bool = False,
    ) -> Job:
        if "custom_llm_provider" in params and kind.name in _BY_PROVIDER:
            model, params = self._named(model, params, kind)
        said = plan.asked(params, {}, kind)
        options = {**self._defaults, **said.options} if self._defaults else said.options
        asked = plan.Asked(said.params, options, said.wanted, said.adjustments)
        job = self._blank(kind, asked, stream=stream, dry_run=dry_run)
        told = self._counts or job.heard or job.metadata or CONTEXT.get()
        if told or not NAMED.isdisjoint(options):
            self._attribute(job, asked)
        meant = own(said) if said.options else said
        asking = Asking(job.id, kind, subject, meant, stream, job.keyless)
        self._send_on_its_way(job, model, asking, options)
        return job

    def _named(
        self, model: str, params: Mapping[str, Any], kind: Kind
    ) -> tuple[str, Mapping[str, Any]]:
        """What is meant where a call names a provider: a group, a deployment, or a provider's only one."""
        provider = params["custom_llm_provider"]
        rest = {name: value for name, value in params.items() if name != "custom_llm_provider"}
        names, aliases = self._table.names, self._table.settings.aliases
        for name in (model, provider):
            if name in names.groups or name in names.ids or name in aliases:
                return name, rest
        if not model.endswith("/"):
            return model, rest  # a wildcard's, or nobody's
        found = {one.place for one in self._table.members if self._legs.named(one)[0] == provider}
        if not found and kind.name in _KEPT and names.stands_for(any_of := f"{model}*"):
            return any_of, rest  # a wildcard's that has no provider of its own
        if len(found) != 1:
            many = f"{len(found)} deployments are" if found else "no deployment is"
            raise ConfigurationError(
                f"{many} at {provider!r:.80}: name a group or a deployment (custom_llm_provider=…, or model=…)"
            )
        return found.pop(), rest

    def _send_on_its_way(
        self, job: Job, model: str, asking: Asking, options: Mapping[str, Any]
    ) -> None:
        wanted = self._wanted(job, model, asking, options)
        # Of the call, not the call: whoever knows its way would be known by it.
        longest, id_, policy = job.timeouts.total, job.id, job.policy

        def rerouted(name: str) -> Route:
            other = replace(wanted, group=self._meant(name))
            return self._route(id_, longest, policy, other, options)

        route = self._route(id_, longest, policy, wanted, options)
        job.way = Way(
            route,
            self._legs,
            asking,
            named=self._legs.named(self._first(route, job)),
            group=model,
            line=self._line,
            priority=wanted.priority,
            shared=self._shared,
            hedging=self._hedging,
            now=self._clock.now,
            reroute=rerouted,
        )

    def _first(self, route: Route, job: Job) -> Member:
        """Who is likely to be asked first, where anybody is told of that."""
        members = route.visits[0].group.members
        if job.heard and len(members) > 1:
            return route.peek(self._clock.now()).member
        first: Member = members[0]
        return first

    def _meant(self, name: str) -> str:
        """A group; or a deployment's id, where a model is named (as budgets do) and one has it."""
        names = self._table.names
        if name in names.groups or name in names.ids:
            return name
        having = (one for one in self._table.deployments if one.model == name)
        found = next(having, None)
        return name if found is None else found.id

    def _wanted(self, job: Job, model: str, asking: Asking, options: Mapping[str, Any]) -> Wanted:
        whose, params, settings = job.attributes, asking.own.params, self._table.settings
        return Wanted(
            model,
            asking.kind.name,
            job.stream,
            asking.subject,
            params,
            tags=whose.get("tag", ()) if whose else (),
            region=options.get("allowed_model_region"),
            session=whose["session"][0] if "session" in whose else None,
            priority=_priority(options["priority"])
            if options.get("priority") is not None
            else settings.priority,
            max_cost=options.get("max_cost"),
            budgeted=job.book is not None,
            agent=_agent(options) if settings.tag_filtering else "",
            user=whose["user"][0] if "user" in whose else str(params.get("user") or ""),
            catalogue=self._catalogue,
        )

    def _route(
        self,
        id: str,  # noqa: A002 - it is the call's
        longest: float,
        policy: RetryPolicy,
        wanted: Wanted,
        options: Mapping[str, Any],
    ) -> Route:
        now = self._clock.now()
        return Route(
            self._table,
            wanted,
            until=now + longest,
            draw=self._draw,
            now=now,
            id=id,
            policy=policy,
            terms=self._failover(wanted.group, options) if options else _USUAL_TERMS,
        )

    def _decision(
        self, model: str, subject: Mapping[str, Any], params: Mapping[str, Any]
    ) -> Decision:
        """Who would be asked for a chat. Only one that says more than what it asks of a model is made for that."""
        said = plan.asked(params, {}, CHAT) if params else _NOTHING_SAID
        if self._counts or CONTEXT.get() or not _plainly(said.options, self._defaults):
            decision: Decision = self._job(CHAT, model, subject, params).way.decision()
            return decision
        now, settings = self._clock.now(), self._table.settings
        user = str(said.params.get("user") or "") if said.params else ""
        wanted = Wanted(
            model, CHAT.name, subject=subject, params=said.params, priority=settings.priority,
            user=user, catalogue=self._catalogue,
        )  # fmt: skip
        policy, until = self._policy, now + _TOTAL
        route = Route(self._table, wanted, until=until, draw=self._draw, now=now, policy=policy)
        return route.decision(now)

    def _failover(self, group: str, options: Mapping[str, Any]) -> Terms:
        if _SAID.isdisjoint(options):
            return _USUAL_TERMS
        return _terms(options, group, self._table.names)

    # --- its end

    @override
    def close(self) -> None:
        super().close()
        if self._own_store:
            self._store.close()  # type: ignore[union-attr]

    @override
    async def aclose(self) -> None:
        await super().aclose()
        if self._own_store:
            await self._store.aclose()  # type: ignore[union-attr]

    @override
    def _after_fork(self) -> None:
        super()._after_fork()
        self._table.forked(threading.Lock())
        self._line.forget()


def _plainly(*options: Mapping[str, Any]) -> bool:
    return all(map(_DECISIVE.isdisjoint, options))


_USUAL: Final = Settings()
_USUAL_TERMS: Final = Terms()


def strategies_of(settings: Settings) -> dict[str, Strategy]:
    """Those of groups that have another one."""
    told = settings.group_strategies.items()
    return {name: strategy_of(one, arguments) for name, (one, arguments) in told}


def _store(store: Store | None, told: Given) -> Store | None:
    if told.redis is None:
        if store is not None and not callable(getattr(store, "perform", None)):
            raise ConfigurationError(
                f"store must be a store, such as SQLiteStore('router.db'), not {type(store).__name__}"
            )
        return store
    if store is not None:
        raise ConfigurationError("store and redis_url are one thing: give one of them")
    made: Store = stores.RedisStore(told.redis.reveal())
    return made


def _budget(told: Given, store: Store | None) -> Any:
    """What keeps the budgets that deployments, providers and tags were given."""
    if not told.budgets:
        return None
    from ..budget import BudgetManager  # noqa: PLC0415 - few routers have any

    return BudgetManager(store, told.budgets)


def _priority(given: Any) -> int:
    return checked.whole(given, "priority", -(2**31))


def _agent(options: Mapping[str, Any]) -> str:
    headers = options.get("extra_headers") or {}
    return next((str(v) for k, v in headers.items() if str(k).lower() == "user-agent"), "")


def _terms(options: Mapping[str, Any], group: str, names: Names) -> Terms:
    """What a call for a group says of its failover."""
    fallbacks = _instead(options.get("fallbacks"), group, names)
    special = ("context_window_fallbacks", "content_policy_fallbacks")
    window, policy = (
        None if options.get(name) is None else fallbacks_of(options[name], name) for name in special
    )
    return Terms(
        fallbacks=fallbacks,
        context_window_fallbacks=window,
        content_policy_fallbacks=policy,
        disable_fallbacks=bool(options.get("disable_fallbacks")),
    )


def _instead(given: Any, group: str, names: Names) -> tuple[Target, ...] | None:
    """A call's fallbacks: groups, or as a router is told them (``[{"group": ["another"]}]``).

    Raises:
        ConfigurationError: they are none, or name a group that there is not.
    """
    if given is None:
        return None
    if not isinstance(given, list | tuple):
        raise ConfigurationError("fallbacks must be a list of groups")
    if given and all(map(_is_by_group, given)):
        told = fallbacks_of(given, "fallbacks")
        given = next((told[n] for n in (group, names.find(group)[0].name, "*") if n in told), ())
    found = targets(given)
    for one in found:
        try:
            names.find(one.group)
        except UnknownModelError as error:
            raise UnknownModelError(f"fallbacks: {error.message}") from None
    return found


def _is_by_group(entry: Any) -> bool:
    return isinstance(entry, Mapping) and all(isinstance(one, list) for one in entry.values())
