"""``Router``: a client whose calls go to one of several deployments, and to another one where that fails.

It owns the table and what waits for it, as a ``Client`` owns its connections. Who is asked is decided in
``_control.routing``.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from typing_extensions import override

from .._call import CONTEXT
from .._control import plan
from .._control.job import Job
from .._control.plan import Kind
from .._control.retry import RetryPolicy
from .._control.routing.flow import Way
from .._control.routing.groups import Terms, targets
from .._control.routing.hedging import Hedge, Hedging
from .._control.routing.legs import Asking, Legs, own
from .._control.routing.route import Route
from .._control.routing.shared import Shared
from .._control.routing.strategies import strategy_of
from .._control.routing.table import Table
from .._control.routing.wanted import Wanted
from .._core import DEFAULT_TIMEOUTS, NAMED
from .._io._clock import SYSTEM_CLOCK, Clock
from .._io._queue import FairQueue
from .._operations import Store
from ..catalogue import Catalogue
from ..client import Client
from ..errors import ConfigurationError
from ._given import given

__all__ = ["Router"]


class Router(Client):
    """Every call of a ``Client``, for groups of deployments.

    Args:
        model_list: the deployments: LiteLLM's dicts, or ``Deployment``s.
        store: where limits, places and cooldowns are kept for all processes.
    """

    def __init__(
        self,
        model_list: Sequence[Any] | None = None,
        *,
        store: Store | None = None,
        callbacks: Iterable[Callable[[Any], Any]] = (),
        hooks: Iterable[Any] = (),
        ledger: Store | None = None,
        budget: Any = None,
        retry: RetryPolicy | None = None,
        max_parallel: int | None = None,
        http_client: Any = None,
        verify: Any = None,
        transport: str = "httpx",
        environ: Mapping[str, str] | None = None,
        clock: Clock = SYSTEM_CLOCK,
        catalogue: Catalogue | str | os.PathLike[str] | None = None,
        **how: Any,
    ) -> None:
        environ = os.environ if environ is None else environ
        told = given(model_list or (), how, environ=environ)
        super().__init__(
            callbacks=callbacks,
            hooks=hooks,
            ledger=ledger,
            budget=budget,
            retry=retry,
            max_parallel=max_parallel,
            http_client=http_client,
            verify=verify,
            transport=transport,
            environ=environ,
            clock=clock,
            catalogue=catalogue,
            **told.client,
        )
        own(plan.Asked({}, self._defaults))
        settings = told.settings
        self._policy = replace(retry or RetryPolicy(), retries=settings.num_retries)
        self._table = Table(
            told.deployments,
            settings,
            strategy_of(settings.strategy, settings.strategy_args),
            strategies={
                name: strategy_of(one, arguments)
                for name, (one, arguments) in settings.group_strategies.items()
            },
            store=store,
        )
        self._legs = Legs(self._defaults, self._environ, self._catalogue)
        self._line = FairQueue()
        hedge = Hedge.of(settings.hedge)
        self._hedging = None if hedge is None else Hedging(hedge)
        self._shared = None if store is None else self._sharing(store)

    def _sharing(self, store: Store) -> Shared:
        table = self._table

        def lost(alone: bool) -> None:  # noqa: FBT001 - as it is told
            table.lost = alone

        local = table.settings.when_store_lost == "local"
        return Shared(store, local=local, clock=self._clock.now, lost=lost)

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
        said = plan.asked(params, {}, kind)
        options = {**self._defaults, **said.options} if self._defaults else said.options
        asked = plan.Asked(said.params, options, said.wanted, said.adjustments)
        job = self._blank(kind, asked, stream=stream, dry_run=dry_run)
        if self._book is not None or job.metadata or CONTEXT.get() or not NAMED.isdisjoint(options):
            self._attribute(job, asked)
        asking = Asking(job.id, kind, subject, own(said), stream, job.keyless)
        wanted = self._wanted(job, model, asking, options)
        route = self._route(job, wanted, options)
        first = route.peek(self._clock.now())
        job.way = Way(
            route,
            self._legs,
            asking,
            named=self._legs.named(first.member),
            group=model,
            line=self._line,
            priority=wanted.priority,
            shared=self._shared,
            hedging=self._hedging,
            now=self._clock.now,
            reroute=lambda group: self._route(job, replace(wanted, group=group), options),
        )
        if dry_run or job.mock is not None:
            job.legs = [self._legs.leg(asking, first.member, first.changes)]
        return job

    def _wanted(self, job: Job, model: str, asking: Asking, options: Mapping[str, Any]) -> Wanted:
        whose = job.attributes
        return Wanted(
            model,
            asking.kind.name,
            job.stream,
            asking.subject,
            asking.own.params,
            tags=whose.get("tag", ()),
            region=options.get("allowed_model_region"),
            session=next(iter(whose.get("session", ())), None),
            priority=options.get("priority", self._table.settings.priority),
            max_cost=options.get("max_cost"),
            budgeted=job.book is not None,
            user=next(iter(whose.get("user", ())), asking.own.params.get("user") or ""),
            catalogue=self._catalogue,
        )

    def _route(self, job: Job, wanted: Wanted, options: Mapping[str, Any]) -> Route:
        now = self._clock.now()
        return Route(
            self._table,
            wanted,
            until=now + job.timeouts.total,
            draw=random.random,
            now=now,
            id=job.id,
            policy=job.policy,
            **_terms(options),
        )

    @override
    def _after_fork(self) -> None:
        super()._after_fork()
        self._line.forget()


def _terms(options: Mapping[str, Any]) -> dict[str, Any]:
    """What a call says of its failover."""
    if NAMED.isdisjoint(options) and "fallbacks" not in options:
        return {}
    fallbacks = options.get("fallbacks")
    if isinstance(fallbacks, str | Mapping):
        raise ConfigurationError("fallbacks must be a list of groups")
    terms = Terms(
        fallbacks=None if fallbacks is None else targets(fallbacks),
        context_window_fallbacks=_by_group(options.get("context_window_fallbacks")),
        content_policy_fallbacks=_by_group(options.get("content_policy_fallbacks")),
        disable_fallbacks=bool(options.get("disable_fallbacks")),
    )
    return {"terms": terms}


def _by_group(listed: Any) -> Mapping[str, Any] | None:
    if listed is None:
        return None
    found: dict[str, Any] = {}
    for one in listed:
        found.update({name: tuple(groups) for name, groups in one.items()})
    return found
