"""What a client tells its ``callbacks``: frozen, typed events, in the order in which things happen.

A callback is any callable of one event (or a coroutine function). What it raises is logged and goes nowhere else.
No event holds a key, a prompt or an answer, save those whose docstring says so. Each module is loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._late_names import late_names

if TYPE_CHECKING:
    from .caching import CacheHit, CacheMissed, CacheReached, CacheUnreachable, EntryUnreadable
    from .calls import (
        AttemptFailed,
        AttemptStarted,
        Callback,
        CallFinished,
        CallStarted,
        Diverted,
        FallingBack,
        Hook,
        RetryScheduled,
        StreamStarted,
    )
    from .every import Event
    from .routing import (
        Continued,
        DeploymentCooledDown,
        DeploymentRecovered,
        Hedged,
        Queued,
        Rerouted,
        StateReached,
        StateUnreachable,
    )
    from .spending import (
        BudgetOverrun,
        BudgetThresholdCrossed,
        CatchUpFailed,
        SpendKept,
        SpendPosted,
        StoreReached,
        StoreUnreachable,
    )

__all__ = [
    "AttemptFailed",
    "AttemptStarted",
    "BudgetOverrun",
    "BudgetThresholdCrossed",
    "CacheHit",
    "CacheMissed",
    "CacheReached",
    "CacheUnreachable",
    "CallFinished",
    "CallStarted",
    "Callback",
    "CatchUpFailed",
    "Continued",
    "DeploymentCooledDown",
    "DeploymentRecovered",
    "Diverted",
    "EntryUnreadable",
    "Event",
    "FallingBack",
    "Hedged",
    "Hook",
    "Queued",
    "Rerouted",
    "RetryScheduled",
    "SpendKept",
    "SpendPosted",
    "StateReached",
    "StateUnreachable",
    "StoreReached",
    "StoreUnreachable",
    "StreamStarted",
]

_HOMES = {
    "AttemptFailed": ".calls",
    "AttemptStarted": ".calls",
    "BudgetOverrun": ".spending",
    "BudgetThresholdCrossed": ".spending",
    "CacheHit": ".caching",
    "CacheMissed": ".caching",
    "CacheReached": ".caching",
    "CacheUnreachable": ".caching",
    "CallFinished": ".calls",
    "CallStarted": ".calls",
    "Callback": ".calls",
    "CatchUpFailed": ".spending",
    "Continued": ".routing",
    "DeploymentCooledDown": ".routing",
    "DeploymentRecovered": ".routing",
    "Diverted": ".calls",
    "EntryUnreadable": ".caching",
    "Event": ".every",
    "FallingBack": ".calls",
    "Hedged": ".routing",
    "Hook": ".calls",
    "Queued": ".routing",
    "Rerouted": ".routing",
    "RetryScheduled": ".calls",
    "SpendKept": ".spending",
    "SpendPosted": ".spending",
    "StateReached": ".routing",
    "StateUnreachable": ".routing",
    "StoreReached": ".spending",
    "StoreUnreachable": ".spending",
    "StreamStarted": ".calls",
}

__getattr__, __dir__ = late_names(globals(), _HOMES)
