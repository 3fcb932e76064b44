"""The router: ``Router``, its ``Deployment``s, and what says how it chooses. Names only."""

from __future__ import annotations

from .._control.routing.deployment import Deployment
from ._router import Router

__all__ = ["Deployment", "Router"]
