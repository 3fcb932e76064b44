"""Hedging without a router: a client whose calls go to one of several servers, with another one beside the first.

The way of its calls does the least that a router's flow does, and counts the places that it gives out and gets back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

import llmkit
from llmkit import RetryPolicy
from llmkit._control.call import on_leg, read, written
from llmkit._control.job import Job
from llmkit._control.routing.hedging import Hedge, Hedging
from llmkit._control.settle import Account
from llmkit._flow import Flow

from ..budget._purse import Purse
from ..io._colour import KEY, Seen
from ..io._server import Server

__all__ = ["Hedged", "Pair", "Way", "pair"]


class Way:
    """One call's way: the first server, and the others in turn beside it."""

    group = ""

    def __init__(self, client: Hedged, legs: Sequence[Any]) -> None:
        self._client, self._legs = client, legs
        self._next = 0
        self._open: set[int] = set()
        self.named = legs[0].call.provider, legs[0].call.model

    def asked(self, job: Job, account: Account) -> Flow[Any]:
        """Ask, and see to it that no place is kept."""
        try:
            return (yield from self._asked(job, account))
        finally:
            # Only an interrupt leaves any.
            self._client.left_over += len(self._open)
            for choice in tuple(self._open):
                self.gave_back(choice)

    def _asked(self, job: Job, account: Account) -> Flow[Any]:
        """Ask the first, and others beside it; go on to the next where that fails."""
        while True:
            asking, first = _Asking(self, job), self.taken()
            try:
                choice, result = yield from self._client.hedging.run(job, account, first, asking)
            except llmkit.errors.APIError:
                if self._next >= len(self._legs):
                    raise
                continue
            try:
                return (yield from read(job, account, result))
            finally:
                self.gave_back(choice)

    def taken(self) -> int:
        """The next one, with a place there."""
        taken, self._next = self._next, self._next + 1
        self._open.add(taken)
        self._client.places[taken] += 1
        return taken

    def gave_back(self, choice: int) -> None:
        """Its place is free."""
        if choice in self._open:
            self._open.remove(choice)
            self._client.places[choice] -= 1

    def there_are_more(self) -> bool:
        """Whether there is a next one."""
        return self._next < len(self._legs)

    def leg(self, choice: int) -> Any:
        """What is asked there."""
        return self._legs[choice]


class _Asking:
    """What a hedge calls."""

    def __init__(self, way: Way, job: Job) -> None:
        self._way, self._job = way, job

    def named(self, choice: int) -> str:
        return f"d{choice}"

    def another(self) -> Flow[int | None]:
        yield from ()
        return self._way.taken() if self._way.there_are_more() else None

    def attempt(self, choice: int, account: Account) -> Flow[Any]:
        leg = self._way.leg(choice)
        try:
            ready = yield from written(self._job, choice, leg, leg.call)
            return (yield from on_leg(self._job, account, *ready))
        except BaseException:
            self._way.gave_back(choice)
            raise

    def unused(self, choice: int) -> None:
        self._way.gave_back(choice)


class Hedged(llmkit.Client):
    """A client of several servers."""

    def __init__(self, urls: Sequence[str], hedge: Hedge, **how: Any) -> None:
        super().__init__(api_key=KEY, retry=RetryPolicy(retries=0), **how)
        self._urls = urls
        self.hedging = Hedging(hedge)
        self.places: Counter[int] = Counter()
        self.left_over = 0
        """Places that nobody had given back when their call ended."""

    @override
    def _job(self, kind: Any, model: Any, subject: Any, params: Any, **how: Any) -> Job:
        """The call, with a way of its own."""
        jobs = [
            super(Hedged, self)._job(kind, model, subject, {**params, "base_url": url}, **how)
            for url in self._urls
        ]
        legs = [job.legs[0] for job in jobs]
        for number, leg in enumerate(legs):
            leg.deployment = f"d{number}"
        jobs[0].way = Way(self, legs)
        return jobs[0]


@dataclass
class Pair:
    """Servers, the client that hedges between them, and what it is told and spends."""

    servers: list[Server]
    client: Hedged
    seen: Seen
    purse: Purse

    def free(self) -> bool:
        """Whether every place that was taken is free again."""
        return not any(self.client.places.values())


@contextmanager
def pair(hedge: Hedge | None = None, servers: int = 2, **how: Any) -> Iterator[Pair]:
    """So many servers, a budget with room for everything, and a hedge after 50 ms."""
    purse, seen = Purse.of(), Seen()
    with ExitStack() as stack:
        running = [stack.enter_context(Server()) for _ in range(servers)]
        given = {"callbacks": [seen], "budget": purse.manager, **how}
        client = stack.enter_context(
            Hedged([s.url for s in running], hedge or Hedge(after=0.05), **given)
        )
        yield Pair(running, client, seen, purse)
