"""llmkit's router in the world: each call is a ``Route``, driven as the client's flow drives it, in virtual time."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from types import MappingProxyType
from typing import Final

from llmkit._control.retry import RetryPolicy
from llmkit._control.routing.deployment import Deployment
from llmkit._control.routing.route import Route
from llmkit._control.routing.settings import Settings
from llmkit._control.routing.steps import Go, Wait
from llmkit._control.routing.strategies import strategy_of
from llmkit._control.routing.table import Table
from llmkit._control.routing.wanted import Wanted

from .clock import Clock
from .world import Answer, Call, Host, World

__all__ = ["Ours"]

_TOTAL: Final = 600.0
_SUBJECT: Final = MappingProxyType({"messages": ({"role": "user", "content": "Hello"},)})


def _deployment(host: Host) -> Deployment:
    price = host.price / 1e6
    return Deployment(
        "chat", f"openai/{host.name}", id=host.name, api_key="sk-" + host.name, rpm=host.rpm,
        base_url=f"https://{host.name}.example/v1",
        input_cost_per_token=price, output_cost_per_token=price,
    )  # fmt: skip


class Ours:
    """A router with one strategy."""

    def __init__(
        self, world: World, clock: Clock, strategy: str, seed: int, *, order: bool = False
    ) -> None:
        self._world, self._clock = world, clock
        dice = random.Random(seed)
        self._draw, self._policy = dice.random, RetryPolicy(draw=dice.random)
        made = [_deployment(host) for host in world.hosts]
        if order:
            made = [one.changed(order=n // 20) for n, one in enumerate(made)]
        self._table = Table(made, Settings(strategy=strategy), strategy_of(strategy))
        self._hosts = {host.name: host for host in world.hosts}
        self._line: dict[Route, Callable[[], None]] = {}

    def ask(self, call: Call, ended: Callable[[Host | None], None]) -> None:
        """A call comes; say how it ended: who answered, or nobody."""
        now = self._clock.now
        session = f"s{call.number % 997}"
        wanted = Wanted("chat", subject=_SUBJECT, session=session, count=lambda: call.prompt)
        route = Route(
            self._table, wanted, until=now + _TOTAL, draw=self._draw, now=now,
            id=str(call.number), policy=self._policy,
        )  # fmt: skip
        self._next(route, call, ended)

    def _next(self, route: Route, call: Call, ended: Callable[[Host | None], None]) -> None:
        now = self._clock.now
        try:
            step = route.next(now)
        except Exception:  # noqa: BLE001 - whatever it is, the call has failed
            self._leave(route)
            ended(None)
            return
        if isinstance(step, Go):
            self._leave(route)
            self._send(route, step, call, ended)
            return
        assert isinstance(step, Wait)  # noqa: S101 - there is no store to be asked
        again = partial(self._next, route, call, ended)
        if step.retry:
            self._clock.at(now + step.seconds, again)
        else:
            self._wait(route, now + step.seconds, again)

    def _send(self, route: Route, go: Go, call: Call, ended: Callable[[Host | None], None]) -> None:
        now, host = self._clock.now, self._hosts[go.member.deployment.id]
        answer = self._world.ask(host, call, now)
        done = partial(self._done, route, go, host, answer, call, ended)
        self._clock.at(now + answer.seconds, done)

    def _done(
        self,
        route: Route,
        go: Go,
        host: Host,
        answer: Answer,
        call: Call,
        ended: Callable[[Host | None], None],
    ) -> None:
        now = self._clock.now
        if answer.error is None:
            route.worked(go, now, answer.seconds, prompt=call.prompt, answer=call.answer)
            ended(host)
        else:
            route.failed(go, answer.error, now)
            self._next(route, call, ended)
        self._wake()

    def _wait(self, route: Route, until: float, again: Callable[[], None]) -> None:
        """Stand in line: the first looks when its time has come, the others a second later at the earliest."""
        once = _Once(again)
        first = not self._line or next(iter(self._line)) is route
        self._line[route] = once
        self._clock.at(until if first else max(until, self._clock.now + 1.0), once)

    def _leave(self, route: Route) -> None:
        if self._line.pop(route, None) is not None:
            self._wake()

    def _wake(self) -> None:
        """Let the first in line look, and after it the next."""
        first = next(iter(self._line.values()), None)
        if first is not None:
            self._clock.at(self._clock.now, first)


class _Once:
    """Called twice, it does it once."""

    __slots__ = ("_what",)

    def __init__(self, what: Callable[[], None]) -> None:
        self._what: Callable[[], None] | None = what

    def __call__(self) -> None:
        what, self._what = self._what, None
        if what is not None:
            what()
