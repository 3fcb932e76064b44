"""Strategies of others: in LiteLLM's form, which names one deployment; and such as say little of themselves."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ....errors import ConfigurationError
from ..member import Member
from ..strategy import State
from ..wanted import Wanted
from .shuffle import drawn, sums_of

__all__ = ["Custom", "Given"]


class Given:
    """An object with ``plan`` that lacks some of what a ``Strategy`` says of itself.

    Raises:
        ConfigurationError: its ``plan`` is for async code: who waits to decide cannot be asked here.
    """

    def __init__(self, inner: Any, name: str) -> None:
        if inspect.iscoroutinefunction(inner.plan):
            raise ConfigurationError(f"plan of {name!r:.80} must be a plain function")
        self.name: str = getattr(inner, "name", name)
        self.counts: bool = getattr(inner, "counts", False)
        self.used: bool = getattr(inner, "used", False)
        self.plan: Callable[[Wanted, State, float], Iterable[Member]] = inner.plan
        self.prepare: Any = getattr(inner, "prepare", None)
        self.why: Any = getattr(inner, "why", None)


class Custom:
    """Puts first whom ``get_available_deployment`` names, and draws the others by weight.

    It is called as LiteLLM calls it, with ``model``, ``messages``, ``input``, ``specific_deployment`` and
    ``request_kwargs``, and returns an
    element of the model list, a deployment or an id; ``None``, or one that cannot take the call: drawn by weight.

    Raises:
        ConfigurationError: it has no such method, or only for async code: who waits to decide cannot be asked here.
    """

    counts = False
    used = False
    whole = True

    def __init__(self, inner: Any, name: str = "") -> None:
        self._choose = getattr(inner, "get_available_deployment", None)
        self.name = name or type(inner).__name__
        if not callable(self._choose) or inspect.iscoroutinefunction(self._choose):
            raise ConfigurationError(
                f"a strategy has plan(call, state, now), or LiteLLM's get_available_deployment as a plain function: "
                f"{self.name} has neither"
            )
        if _only_waits(type(inner)):
            raise ConfigurationError(
                f"{self.name} chooses only in async_get_available_deployment, which cannot be asked here: write "
                "get_available_deployment as well, as a plain function"
            )

    def plan(self, call: Wanted, state: State, now: float) -> Iterator[Member]:
        """See ``Strategy``."""
        named = _id_of(self._asked(call))
        chosen = [member for member in state.members if named in (member.id, member.deployment.id)]
        yield from drawn(sums_of(chosen), state.draw)
        others = [member for member in state.members if member not in chosen]
        yield from drawn(sums_of(others), state.draw)

    def _asked(self, call: Wanted) -> Any:
        assert self._choose is not None  # noqa: S101 - it was looked at
        return self._choose(
            model=call.group,
            messages=call.subject.get("messages"),
            input=call.subject.get("inputs"),
            specific_deployment=False,
            request_kwargs={**call.params, "metadata": {"tags": list(call.tags)}},
        )


def _only_waits(kind: type) -> bool:
    """Whether a class has only the async form of its own, and the other from the class that both are to replace."""
    own, other = "async_get_available_deployment", "get_available_deployment"
    first = next((one for one in kind.__mro__ if own in vars(one) or other in vars(one)), kind)
    return own in vars(first) and other not in vars(first)


def _id_of(chosen: Any) -> Any:
    if isinstance(chosen, Mapping):
        info = chosen.get("model_info")
        return info.get("id") if isinstance(info, Mapping) else None
    return getattr(chosen, "id", chosen)
