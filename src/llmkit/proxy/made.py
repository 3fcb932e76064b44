"""What a gateway consists of, made of its settings. Nothing is opened, and no request is seen here."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from .. import stores
from .._io._config import read_config
from ..budget import Budget, BudgetManager, RateLimit
from ..errors import ConfigurationError
from ..router import Router
from .auth.bearers import Bearers
from .data.database import Database
from .gateway import Gateway
from .loading import routers_part
from .operation.metrics import Metrics
from .operation.telemetry import hooks, sinks
from .settings import Settings
from .subject import MASTER

__all__ = ["made"]

_EVERYTHING: Final = [{"model_name": "*", "litellm_params": {"model": "*"}}]
"""Models of any name go to their providers, whose keys are in the environment."""
_NO_LIMIT: Final = 10**9
"""Requests a minute of the master key, whose bearer sets all others'."""
_SQLITE: Final = "sqlite:///"
_POSTGRES: Final = ("postgresql://", "postgres://")


def made(settings: Settings) -> Gateway:
    """The parts.

    Raises:
        ConfigurationError: something is wrong in the settings or in the file that they name.
    """
    store = _store(settings)
    metrics = Metrics(settings)
    router, budget = _router(settings, store, metrics)
    database = Database(settings.database_url)
    return Gateway(
        settings=settings,
        calls=router,
        budget=budget,
        store=store,
        database=database,
        bearers=Bearers(settings, database),
        metrics=metrics,
    )


def _store(settings: Settings) -> Any:
    url = settings.database_url
    if url.startswith(_SQLITE) and len(url) > len(_SQLITE):
        file = Path(url.removeprefix(_SQLITE))
        # One of its own: whoever writes to the database holds up no call.
        beside = file.with_name(f"{file.stem}-ledger{file.suffix}")
        return stores.SQLiteStore(beside, durability=settings.durability)
    if url.startswith(_POSTGRES):
        return stores.PostgresStore(url, durability=settings.durability)
    # Not the address: it may have a password.
    raise ConfigurationError("database_url is sqlite:///PATH or postgresql://USER@HOST/NAME")


def _router(settings: Settings, store: Any, metrics: Metrics) -> tuple[Router, BudgetManager]:
    """Who makes the calls, and what holds their budgets: the usual limit, and what the file says."""
    usual = (
        RateLimit(requests=settings.requests_a_minute, scope="key"),
        RateLimit(requests=_NO_LIMIT, scope={"key": MASTER}),
    )
    how: dict[str, Any] = {
        "ledger": store,
        "transport": settings.transport,
        "callbacks": [metrics.heard, *sinks()],
        "hooks": hooks(settings),
        "store": _shared(settings, store),
    }
    if settings.config is None:
        budget = BudgetManager(store, usual)
        # Whoever asks for a model that there is not must not keep others from those that there are.
        return Router(_EVERYTHING, budget=budget, disable_cooldowns=True, **how), budget
    managers: list[BudgetManager] = []

    def budget_of(said: Iterable[Budget | RateLimit]) -> BudgetManager:
        managers.append(BudgetManager(store, [*usual, *said]))
        return managers[0]

    sections = routers_part(read_config(settings.config).sections, settings.redis_url)
    router = Router.from_config(sections, budget=budget_of, **how)
    return router, managers[0]


def _shared(settings: Settings, store: Any) -> Any:
    """Where routers of several processes share what they know of deployments."""
    if settings.redis_url is not None:
        return stores.RedisStore(settings.redis_url)
    return store if settings.workers > 1 else None
