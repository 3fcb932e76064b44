"""A router's core by hand: calls are played on a clock of one's own, by what each deployment is said to answer."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from llmkit._control.admitting import Admission
from llmkit._control.retry import RetryPolicy
from llmkit._control.routing.deployment import Deployment
from llmkit._control.routing.groups import Terms
from llmkit._control.routing.member import Member
from llmkit._control.routing.route import Route
from llmkit._control.routing.settings import Settings
from llmkit._control.routing.steps import After, Ask, Go, Step, Wait
from llmkit._control.routing.strategy import State
from llmkit._control.routing.table import Table
from llmkit._control.routing.wanted import Wanted

Answer = Exception | None
Answers = Callable[[Member, float], Answer]
STORE_TIME = 1_700_000_000_000
"""What the store's clock shows when ours begins: the two have nothing in common."""


class InOrder:
    """Members as they were declared."""

    name = "in-order"
    counts = False
    used = False

    def plan(self, call: Wanted, state: State, now: float) -> Iterator[Member]:
        """See ``Strategy``."""
        return iter(state.members)


class Counting(InOrder):
    """The same, for who wants to be told what all processes have used."""

    counts = True
    used = True


def deployment(name: str, group: str = "g", model: str = "", **said: Any) -> Deployment:
    """A deployment with this id, of a model that no catalogue lists."""
    key = said.pop("api_key", f"key-of-{name}-0123")
    return Deployment(group, model or f"openai/own-{name}", id=name, api_key=key, **said)


def several(names: str, group: str = "g", **said: Any) -> list[Deployment]:
    """One for each of the words."""
    return [deployment(name, group, **said) for name in names.split()]


def of_ids(answers: Mapping[str, Answer | Sequence[Answer]]) -> Answers:
    """What each says, by its id: always the same, or one after the other; whoever is not named answers."""
    left = {name: list(said) for name, said in answers.items() if isinstance(said, Sequence)}

    def answer(member: Member, now: float) -> Answer:
        if member.id in left:
            return left[member.id].pop(0) if left[member.id] else None
        said = answers.get(member.id)
        return said if isinstance(said, Exception) else None

    return answer


@dataclass
class Played:
    """A call that was played: whom it asked and when, what it waited, what it came to."""

    asked: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    hows: list[str] = field(default_factory=list)
    probes: list[bool] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    error: Exception | None = None

    @property
    def answered(self) -> str:
        """Who has answered; empty where nobody has."""
        return self.asked[-1] if self.error is None else ""


class World:
    """A table, its clock, and a store beside it where there is one."""

    def __init__(
        self,
        deployments: Iterable[Deployment],
        *,
        strategy: Any = None,
        store: Admission | None = None,
        retry: RetryPolicy | None = None,
        **settings: Any,
    ) -> None:
        self.settings = Settings(**settings)
        self.store = store
        self.table = Table(deployments, self.settings, strategy or InOrder(), store=store)
        self.now = 0.0
        self.calls = 0
        self.events: list[Any] = []
        self.performed: list[Any] = []
        self.policy = retry or RetryPolicy(retries=self.settings.num_retries, draw=lambda: 1.0)
        self.draw = random.Random(7).random

    def route(
        self, group: str = "g", until: float = 600.0, terms: Terms | None = None, **wanted: Any
    ) -> Route:
        """A call's route from now on."""
        self.calls += 1
        return Route(
            self.table,
            Wanted(group, **wanted),
            until=self.now + until,
            draw=self.draw,
            now=self.now,
            id=f"{id(self)}-{self.calls}",
            policy=self.policy,
            terms=terms or Terms(),
        )

    def perform(self, operation: Any) -> Any:
        """What the store says."""
        assert self.store is not None
        self.performed.append(operation)
        return self.store.perform(operation, STORE_TIME + int(self.now * 1000))

    def done(self, after: After) -> None:
        """Do what is to be done after an attempt."""
        self.events += after.events
        for operation in after.operations:
            self.perform(operation)

    def step(self, route: Route) -> Go | Wait:
        """The next step that is no question to the store."""
        step: Step = route.next(self.now)
        while isinstance(step, Ask):
            route.answered(self.perform(step.operation), self.now)
            step = route.next(self.now)
        return step

    def play(
        self,
        answers: Answers | Mapping[str, Any] | None = None,
        *,
        route: Route | None = None,
        takes: float = 0.1,
        repeatable: bool = True,
        **said: Any,
    ) -> Played:
        """Play a call to its end."""
        answer = answers if callable(answers) else of_ids(answers or {})
        route = route or self.route(**said)
        played = Played()
        try:
            for _ in range(1000):
                step = self.step(route)
                if isinstance(step, Wait):
                    played.waits.append(step)
                    self.now += step.seconds
                elif self._asked(route, step, played, answer, takes, repeatable):
                    return played
            raise AssertionError("the call does not end")
        except AssertionError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever the call fails with
            played.error = error
        return played

    def _asked(
        self,
        route: Route,
        go: Go,
        played: Played,
        answer: Answers,
        takes: float,
        repeatable: bool,  # noqa: FBT001
    ) -> bool:
        """Ask one; whether it has answered."""
        played.asked.append(go.member.id)
        played.times.append(self.now)
        played.hows.append(go.how)
        played.probes.append(go.probe)
        played.groups.append(go.group)
        played.changes.append(dict(go.changes))
        said = answer(go.member, self.now)
        self.now += takes
        if said is None:
            self.done(route.worked(go, self.now, takes))
            return True
        self.done(route.failed(go, said, self.now, repeatable))
        return False

    def member(self, name: str) -> Member:
        """The member with this id."""
        return self.table.member(name)

    def told(self, kind: type) -> list[Any]:
        """Events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]
