"""``Router``: a client whose calls go to one of several deployments, and to another one where that fails.

It owns drivers, a table and its lock, as a ``Client`` owns its connections. Who is asked is decided in ``_control.routing``.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .._call import CONTEXT
from .._control import plan
from .._control.address import resolve
from .._control.job import Job
from .._control.plan import Kind
from .._control.retry import RetryPolicy
from .._control.routing.flow import Way
from .._control.routing.groups import Terms, targets
from .._control.routing.legs import Asking, Legs, own
from .._control.routing.member import Member
from .._control.routing.route import Route
from .._control.routing.shared import Shared
from .._control.routing.strategies import strategy_of
from .._control.routing.table import Table
from .._control.routing.wanted import Wanted
from .._core import NAMED
from .._io._clock import SYSTEM_CLOCK, Clock
from .._io._queue import FairQueue
from .._operations import Store
from ..catalogue import Catalogue
from ..client import Client
from ..errors import ConfigurationError
from ._given import given

__all__ = ["Router"]
