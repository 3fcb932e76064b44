"""``Router``: calls for groups of deployments. Its docstring says how it is made; what it does is in its parents."""

from __future__ import annotations

from ._routing import Routing

__all__ = ["Router"]


class Router(Routing):
    """Every call of a ``Client``, for groups of deployments."""

    _manages = True
