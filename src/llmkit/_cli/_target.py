"""Whom to ask when the user does not say: a key that is set, a local Ollama, or the simulator.

Nothing is sent to a provider here; the only question asked is the one over loopback in `_ollama`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from .. import providers
from . import _ollama
from ._usage import UsageError

if TYPE_CHECKING:
    from contextlib import ExitStack

__all__ = ["Target", "choose"]

_OFFLINE: Final = "offline"
_OFFLINE_MODELS: Final = (_OFFLINE, "offline-reasoning")
_NO_KEY: Final = (
    "no key found and no local Ollama: answering offline, with a simulator that only echoes. "
    "Set a provider's key (see: llmkit providers)"
)


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to ask; *note* is what the user must be told about the choice."""

    model: str
    base_url: str | None = None
    api_key: str | None = None
    note: str | None = None

    def params(self) -> dict[str, Any]:
        """The target as parameters of `completion`."""
        given = {"model": self.model, "base_url": self.base_url, "api_key": self.api_key}
        return {name: value for name, value in given.items() if value is not None}


def choose(model: str | None, base_url: str | None, stack: ExitStack) -> Target:
    """The target for these arguments; a simulator that it needs is started on *stack*.

    Raises `UsageError` if an address is given without a model.
    """
    if model in _OFFLINE_MODELS and base_url is None:
        return _simulated(stack, str(model), None)
    if model is not None:
        return Target(model, base_url)
    if base_url is not None:
        raise UsageError("--base-url needs a model: add -m MODEL")
    return _with_a_key() or _local(stack) or _simulated(stack, _OFFLINE, _NO_KEY)


def _with_a_key() -> Target | None:
    for name in providers.preferred():
        provider = providers.get(name)
        if any(os.environ.get(variable, "").strip() for variable in provider.key_env):
            return Target(f"{name}/{provider.default_model}")
    return None


def _local(stack: ExitStack) -> Target | None:
    found = _ollama.find()
    if found is None:
        return None
    base_url, model = found
    _go_straight_to(base_url, stack)
    return Target(f"ollama/{model}", base_url, note=f"no key found: asking {model} on local Ollama")


def _simulated(stack: ExitStack, model: str, note: str | None) -> Target:
    from ..testing import Simulator  # noqa: PLC0415 - a web server; most calls do without one

    simulator = stack.enter_context(Simulator())
    _go_straight_to(simulator.base_url, stack)
    return Target(model, simulator.base_url, api_key=_OFFLINE, note=note)


def _go_straight_to(base_url: str, stack: ExitStack) -> None:
    """Keep calls to *base_url* off the environment's proxy, which does not know this machine.

    By the variable that says so, put back when *stack* ends: the library asks it for each client.
    """
    host = urlsplit(base_url).hostname or ""
    for name in ("no_proxy", "NO_PROXY"):
        before = os.environ.get(name)
        os.environ[name] = ",".join(filter(None, [before, host]))
        stack.callback(_put_back, name, before)


def _put_back(name: str, value: str | None) -> None:
    os.environ.pop(name, None)
    if value is not None:
        os.environ[name] = value
