"""The router: ``Router``, its ``Deployment``s, how it hedges, and what it says of itself. Names only."""

from __future__ import annotations

from .._control.routing.decision import Decision
from .._control.routing.deployment import Deployment
from .._control.routing.hedging import Hedge
from .._control.routing.keywords import RouterOptions
from .._control.routing.member import Member
from .._control.routing.strategy import State, Strategy
from .._control.routing.wanted import Wanted
from ..errors import NoDeploymentError, RouterRateLimitError, RouterUnavailableError
from ._checking import HealthCheck
from ._deciding import DeploymentState
from ._managing import ModelGroupInfo
from ._router import Router

__all__ = [
    "Decision",
    "Deployment",
    "DeploymentState",
    "HealthCheck",
    "Hedge",
    "Member",
    "ModelGroupInfo",
    "NoDeploymentError",
    "Router",
    "RouterOptions",
    "RouterRateLimitError",
    "RouterUnavailableError",
    "State",
    "Strategy",
    "Wanted",
]
