"""One running gateway: what its endpoints share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..budget import BudgetManager
    from .auth.bearers import Bearers
    from .data.database import Database
    from .operation.metrics import Metrics
    from .settings import Settings

__all__ = ["Gateway"]


@dataclass(slots=True)
class Gateway:
    """What its endpoints share. ``app.create_app`` makes it; whoever has it closes nothing."""

    settings: Settings
    calls: Any
    """A ``Router`` (also where nothing is configured: models then go to their providers). Its ledger is ``store``."""
    budget: BudgetManager
    store: Any
    """Where budgets, the ledger and its settlements are: one of ``llmkit.stores``."""
    database: Database
    bearers: Bearers
    """Who finds out who asks."""
    metrics: Metrics
    ending: asyncio.Event = field(default_factory=asyncio.Event)
    """Whether it was told to end: what lasts longer than a request ends by itself then."""
