"""All of them."""

from __future__ import annotations

from .caching import CacheHit, CacheMissed, CacheReached, CacheUnreachable, EntryUnreadable
from .calls import (
    AttemptFailed,
    AttemptStarted,
    CallFinished,
    CallStarted,
    Diverted,
    FallingBack,
    RetryScheduled,
    StreamStarted,
)
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

__all__ = ["Event"]

Event = (
    CallStarted
    | AttemptStarted
    | AttemptFailed
    | RetryScheduled
    | FallingBack
    | Diverted
    | Rerouted
    | Queued
    | Hedged
    | Continued
    | DeploymentCooledDown
    | DeploymentRecovered
    | StateUnreachable
    | StateReached
    | StreamStarted
    | BudgetThresholdCrossed
    | BudgetOverrun
    | CallFinished
    | StoreUnreachable
    | StoreReached
    | SpendKept
    | SpendPosted
    | CatchUpFailed
    | CacheHit
    | CacheMissed
    | EntryUnreadable
    | CacheUnreachable
    | CacheReached
)
