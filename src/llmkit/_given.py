"""What a client is given to work with: whether it is what it is taken for. Raises ConfigurationError where not.

Nothing is made or kept here.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable
from typing import Any

from .catalogue import Catalogue, default
from .errors import ConfigurationError

__all__ = ["book_of", "catalogue_of", "desk_of", "listeners", "no_call"]


def book_of(budget: Any) -> Any:
    """What keeps a client's budgets."""
    if budget is not None and not hasattr(budget, "book"):
        raise ConfigurationError(
            f"budget must be a BudgetManager, not {type(budget).__name__}: BudgetManager(budgets=[…])"
        )
    return None if budget is None else budget.book


def desk_of(billing: Any) -> Any:
    """What a client's calls are told billing by."""
    desk = getattr(billing, "desk", None)
    if billing is not None and not callable(getattr(desk, "perform", None)):
        raise ConfigurationError(
            f"billing must be a LagoBilling, not {type(billing).__name__}: LagoBilling(api_key=…)"
        )
    return desk


def catalogue_of(given: Catalogue | str | os.PathLike[str] | None) -> Catalogue:
    """The catalogue that a client goes by."""
    if given is None:
        # A file that cannot be read is heard of now, not when an answer is to be priced.
        default().ready()
        return default()
    if isinstance(given, str | os.PathLike):
        return Catalogue(given)
    if isinstance(given, Catalogue):
        return given
    raise ConfigurationError(f"catalogue must be a Catalogue or a path, not {type(given).__name__}")


def listeners(given: Any) -> tuple[Callable[[Any], Any], ...]:
    """A client's callbacks; names stand for sinks of ``llmkit.telemetry``."""
    several = isinstance(given, Iterable) and not isinstance(given, str) and not callable(given)
    found = tuple(given) if several else (given,)
    if any(isinstance(one, str) for one in found):
        from .telemetry import sink  # noqa: PLC0415 - few name one

        found = tuple(sink(one) if isinstance(one, str) else one for one in found)
    for one in found:
        if isinstance(one, type) and any("__call__" in vars(kind) for kind in one.__mro__):
            raise ConfigurationError(
                f"callbacks has the class {one.__name__} itself; make one: {one.__name__}()"
            )
        if not callable(one):
            raise ConfigurationError(
                f"callbacks are functions of one event, or names of sinks, not {type(one).__name__}"
            )
    return found


def no_call(function: str, calls: frozenset[str], what: str) -> ConfigurationError:
    """A client has no such call."""
    near = difflib.get_close_matches(str(function), calls - {str(function)}, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return ConfigurationError(f"{function!r:.80} is no call that can be {what}{hint}")
