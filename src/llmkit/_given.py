"""What a client is given to work with: whether it is what it is taken for. Raises ConfigurationError where not.

Nothing is made here, and what is kept is what was given.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Never, Self

from typing_extensions import override

from .catalogue import Catalogue, default
from .errors import ConfigurationError

if TYPE_CHECKING:
    from ._control.job import Job
    from ._control.plan import Asked

__all__ = ["Attached", "caching_of", "catalogue_of", "listeners", "no_call"]


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


def cache_of(cache: Any) -> Any:
    """What keeps a client's answers."""
    if cache is None or cache is False:
        return None
    from .cache import Cache  # noqa: PLC0415 - few clients have one

    return Cache.of(cache)


def caching_of(cache: Any, job: Job, asked: Asked) -> Any:
    """A call's part in a cache; ``None``: none. Raises ConfigurationError where it cannot have what it says."""
    from ._control.caching.controls import control_of  # noqa: PLC0415 - few clients have one

    control = control_of(asked.options, None if cache is None else cache.mode)
    if control is None or job.mock is not None:
        return None
    from ._control.caching.naming import tenant_of  # noqa: PLC0415 - as above

    tenant = tenant_of(job.attributes, asked.params, cache.separate)
    if job.kind == "embedding":
        from ._control.caching.each import CachingEach  # noqa: PLC0415 - as above

        return CachingEach(cache, control, tenant)
    from ._control.caching.flow import Caching  # noqa: PLC0415 - as above

    return Caching(cache, control, tenant)


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


class Attached:
    """What stands beside a client, and may be changed while it is used: its budget, billing and cache.

    It stays in its process: copied, it shares all that it has, and it is not pickled.
    """

    _book: Any = None
    _desk: Any = None
    _cache: Any = None
    _counts = False
    """Whether it matters whose calls are, or what they say beside."""

    @property
    def budget(self) -> Any:
        """The ``BudgetManager`` that calls are under; another one holds from the next call on, ``None`` ends it."""
        return self._budget

    @budget.setter
    def budget(self, budget: Any) -> None:
        self._book, self._budget = book_of(budget), budget
        self._count()

    @property
    def billing(self) -> Any:
        """Who bills for calls; another one does from the next call on, ``None`` ends it."""
        return self._billing

    @billing.setter
    def billing(self, billing: Any) -> None:
        self._desk, self._billing = desk_of(billing), billing
        self._count()

    @property
    def cache(self) -> Any:
        """The ``Cache`` of calls' answers; another one holds from the next call on, ``None`` ends it."""
        return self._cache

    @cache.setter
    def cache(self, cache: Any) -> None:
        self._cache = cache_of(cache)
        self._count()

    def __copy__(self) -> Self:
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__)
        return made

    @override
    def __reduce__(self) -> Never:
        raise TypeError(
            f"a {type(self).__name__} cannot be pickled, nor copied with all that it has: make one in each process"
        )

    def _count(self) -> None:
        self._counts = not (self._book is self._desk is self._cache is None)
