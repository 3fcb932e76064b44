"""Routers over scripted providers: who is asked is told from the key that a request goes out with."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llmkit import RetryPolicy
from llmkit.router import Router
from llmkit.testing import FrozenClock, SentRequest, scripted

__all__ = ["ASK", "Answers", "answering", "deployment", "idle", "key_of", "places", "router"]

ASK = [{"role": "user", "content": "hi"}]
_MARK = "sk-" + "routed-"


def key_of(name: str) -> str:
    """The key of the deployment of this name."""
    return f"{_MARK}{name}-0123456789"


def deployment(name: str, group: str = "g", model: str = "openai/gpt-4o-mini", **how: Any) -> Any:
    """An entry of a ``model_list``."""
    info = how.pop("model_info", {})
    params = {"model": model, "api_key": key_of(name), **how}
    return {"model_name": group, "litellm_params": params, "model_info": {"id": name, **info}}


def router(*entries: Any, clock: Any = None, **how: Any) -> Router:
    """A router that waits for nothing, unless it is given a clock."""
    how.setdefault("retry", RetryPolicy(first_wait=0.01, draw=lambda: 0.5))
    return Router(list(entries), clock=clock or FrozenClock(), **how)


class Answers:
    """What each deployment answers, in turn, and the last of it ever after; ``asked``: who was, in order."""

    def __init__(self, **by_name: Any) -> None:
        self._left = {
            name: list(said) if isinstance(said, list) else [said] for name, said in by_name.items()
        }
        self._lock = threading.Lock()
        self.asked: list[str] = []
        self.sent: list[SentRequest] = []

    def __call__(self, request: SentRequest) -> Any:
        shown = " ".join(request.headers.values())
        name = shown.partition(_MARK)[2].rpartition("-0123456789")[0]
        with self._lock:
            self.asked.append(name)
            self.sent.append(request)
            left = self._left[name]
            return left.pop(0) if len(left) > 1 else left[0]


@contextmanager
def answering(**by_name: Any) -> Iterator[Answers]:
    """Every call within is answered like this."""
    answers = Answers(**by_name)
    with scripted(otherwise=answers):
        yield answers


def places(made: Router) -> list[int]:
    """How many calls each deployment has on its way."""
    return [member.running for member in made._table.members]


def idle(made: Router) -> bool:
    """Whether no call has a place anywhere, nor waits for one."""
    line = made._line
    # One of a place that was given back before it was known to be there is at no deployment.
    tickets = [one for one in made._table.admission._rows._tickets.values() if one.deployment]
    waits = line._looking or any(entry[-1].entry is entry for entry in (*line._line, *line._tried))
    return not any(places(made)) and not tickets and not waits
