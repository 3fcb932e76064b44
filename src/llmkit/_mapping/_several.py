"""Several chats at once, from blocking code: all of them, or the first that answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._core import Core
from .._io._crew import StoppableClock, crew
from ..errors import ConfigurationError
from ._target import CallTarget

__all__ = ["asked_all", "asked_first", "models_of"]


class _Enough(Exception):
    """The first answer is there."""


class _Several:
    def __init__(self, client: Core, calls: Sequence[Mapping[str, Any]], many: int) -> None:
        if not isinstance(many, int) or many < 1:
            raise ConfigurationError(f"max_workers is a number from 1 on, not {many!r}")
        self._target = CallTarget(client, "completion", None, {})
        self._clock = StoppableClock(client._clock)  # noqa: SLF001 - a copy gets it
        self._target.under(_clock=self._clock)
        # What is wrong with all of them is said before anything is sent.
        self._calls, self._many = [self._target.about(call) for call in calls], many
        self.found: list[Any] = [None] * len(calls)
        self.first: Any = None

    def run(self, *, until_first: bool) -> None:
        """Ask."""

        def told(number: int) -> None:
            if until_first and not isinstance(self.found[number], Exception):
                self.first = self.found[number]
                raise _Enough

        numbers = range(len(self._calls))
        crew(self._ask, numbers, min(self._many, max(1, len(numbers))), told, self._clock.stop)

    def _ask(self, number: int) -> None:
        try:
            self.found[number] = self._target.call(self._calls[number])
        except Exception as error:  # noqa: BLE001 - it is this one's outcome
            self.found[number] = error


def asked_all(client: Core, calls: Sequence[Mapping[str, Any]], many: int) -> list[Any]:
    """What each comes to, in their order: an answer, or the exception that it failed with."""
    several = _Several(client, calls, many)
    several.run(until_first=False)
    return several.found


def asked_first(client: Core, calls: Sequence[Mapping[str, Any]]) -> Any:
    """The first answer; raises what the last call failed with, where all did."""
    several = _Several(client, calls, max(1, len(calls)))
    try:
        several.run(until_first=True)
    except _Enough:
        return several.first
    raise next(error for error in reversed(several.found) if isinstance(error, Exception))


def models_of(given: Sequence[str] | str) -> list[str]:
    """The models that were named.

    Raises:
        ConfigurationError: there are none.
    """
    models = [given] if isinstance(given, str) else list(given)
    if not models:
        raise ConfigurationError("name at least one model: models=['openai/gpt-4o-mini', …]")
    return models
