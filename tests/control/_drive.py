"""A driver for tests: it performs the effects of one flow by a script, and keeps what it saw."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from llmkit._call import Timeouts
from llmkit._control import plan
from llmkit._control.call import perform
from llmkit._control.job import Clock, Job
from llmkit._control.retry import RetryPolicy
from llmkit._flow import (
    Acquire,
    Cancelled,
    Consult,
    Deadlines,
    Notify,
    Opened,
    Relay,
    Send,
    Sleep,
    Store,
)
from llmkit._http import HTTPResponse
from llmkit._io._limit import ParallelLimit
from llmkit.errors import APIError
from llmkit.events import CallFinished
from llmkit.providers import Tokens

if TYPE_CHECKING:
    from collections.abc import Generator

    from llmkit._settlements import Settlement

KEY = "sk-test-0123456789abcdefghij"
MODEL = "openai/gpt-4o-mini"
USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
# gpt-4o-mini: 0.15 and 0.60 USD for a million tokens.
COST = "0.00021"


def answer(
    text: str = "hi", status: int = 200, *, usage: Any = USAGE, **headers: str
) -> HTTPResponse:
    """A host's answer in one piece."""
    message = {"role": "assistant", "content": text}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    body = {"id": "a", "model": "m", "choices": choices, "usage": usage}
    return HTTPResponse(status, _spelled(headers), json.dumps(body).encode())


def refusal(status: int, message: str = "no", code: Any = None, **headers: str) -> HTTPResponse:
    """A host's error."""
    body = json.dumps({"error": {"message": message, "code": code}}).encode()
    return HTTPResponse(status, _spelled(headers), body)


def _spelled(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def events(*data: Any) -> list[bytes]:
    """A stream in pieces, one event each."""
    said = (item if isinstance(item, str) else json.dumps(item) for item in data)
    return [f"data: {item}\n\n".encode() for item in said]


def piece(text: str | None = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """A chunk of one choice."""
    delta = {} if text is None else {"content": text}
    return {
        "id": "a",
        "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        **more,
    }


STREAM = events(
    piece("h"), piece("i"), piece(None, "stop"), {"choices": [], "usage": USAGE}, "[DONE]"
)


@dataclass
class Time:
    """A clock that moves when the flow sleeps."""

    now: float = 100.0
    wall: float = 1_763_800_000.0

    def pass_by(self, seconds: float) -> None:
        self.now += seconds
        self.wall += seconds

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.now, lambda: self.wall)


class Places:
    """A limit that counts what it gives and gets back."""

    capacity = 1

    def __init__(self) -> None:
        self.taken = self.returned = 0

    def take(self) -> Callable[[], None]:
        self.taken += 1
        return self.give_back

    def give_back(self) -> None:
        self.returned += 1

    acquire = aacquire = None  # the flow never performs


@dataclass
class Drive:
    """One flow, its script, and what became of it."""

    job: Job
    time: Time
    sends: list[Any] = field(default_factory=list)
    """What each ``Send`` meets, in order: an answer, a list of pieces, or a failure."""
    abandoned: list[CallFinished] = field(default_factory=list)
    seen: list[Any] = field(default_factory=list)
    """Every effect that was yielded, the interrupted one included."""
    stored: list[Settlement] = field(default_factory=list)
    chunks: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.job = replace(self.job, abandon=self.abandoned.append)
        self.flow: Generator[Any, Any, Any] = perform(self.job)

    @property
    def events(self) -> list[Any]:
        """What the callbacks were told."""
        return [effect.event for effect in self.seen if isinstance(effect, Notify)]

    @property
    def names(self) -> list[str]:
        """The kinds of events, in order."""
        return [type(event).__name__ for event in self.events]

    @property
    def sent(self) -> list[Send]:
        """The requests that left."""
        return [effect for effect in self.seen if isinstance(effect, Send)]

    @property
    def slept(self) -> list[float]:
        """The waits."""
        return [effect.seconds for effect in self.seen if isinstance(effect, Sleep)]

    @property
    def finished(self) -> list[CallFinished]:
        """The terminal events that were told."""
        return [event for event in self.events if isinstance(event, CallFinished)]

    @property
    def settlement(self) -> Settlement:
        """The one settlement."""
        (only,) = self.stored
        (told,) = self.finished
        assert told.settlement is only
        assert self.abandoned == []
        return only

    def run(self) -> Any:
        """Drive the flow to its end; return or raise what it does."""
        return self._on(lambda: next(self.flow))

    def interrupt(self, position: int, error: BaseException) -> Any:
        """Drive the flow to its effect of this position, throw there, and drive on."""
        self.reach(position)
        return self._on(lambda: self.flow.throw(error))

    def reach(self, position: int) -> Any:
        """Drive the flow up to its effect of this position; return that."""
        effect = next(self.flow)
        for _ in range(position):
            self.seen.append(effect)
            effect = self._resume(effect)
        self.seen.append(effect)
        return effect

    def _on(self, step: Callable[[], Any]) -> Any:
        try:
            effect = step()
            while True:
                self.seen.append(effect)
                effect = self._resume(effect)
        except StopIteration as stop:
            return stop.value

    def _resume(self, effect: Any) -> Any:
        try:
            outcome = self._perform(effect)
        except Exception as error:  # noqa: BLE001 - a driver throws whatever came
            return self.flow.throw(error)
        return self.flow.send(outcome)

    def _perform(self, effect: Any) -> Any:
        return PERFORM[type(effect)](self, effect)

    def _consult(self, effect: Consult) -> Any:
        return effect.function(*effect.arguments)

    def _send(self, effect: Send) -> Any:
        outcome = self.sends.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        if (
            isinstance(outcome, HTTPResponse)
            and effect.decoder is not None
            and outcome.status < 400
        ):
            outcome = [outcome.body]
        if not isinstance(outcome, list):
            return outcome
        assert effect.decoder is not None
        pieces, first = list(outcome), []
        while not first and pieces:
            first += effect.decoder.feed(pieces.pop(0))
        if not first:
            first += effect.decoder.finish()
        head = HTTPResponse(200, {"x-request-id": "r-stream"})
        return Opened(head, pieces, effect.decoder, first, Deadlines(0, 0, 0, 0))

    def _relay(self, effect: Relay) -> Any:
        session = effect.session
        for data in effect.opened.handle or ():
            if session.over:
                break
            if isinstance(data, Exception):
                raise data
            session.feed(data)
            self.chunks += session.ready
            session.ready.clear()
        if not session.over:
            session.end()
        self.chunks += session.ready
        session.ready.clear()
        return session


PERFORM: dict[type, Callable[[Drive, Any], Any]] = {
    Send: Drive._send,
    Consult: Drive._consult,
    Relay: Drive._relay,
    Sleep: lambda run, effect: run.time.pass_by(effect.seconds),
    Store: lambda run, effect: run.stored.append(effect.operation.settlement),
    Acquire: lambda run, effect: effect.limit.take(),
    Notify: lambda run, effect: None,
}


def drive(
    *sends: Any,
    model: str = MODEL,
    messages: Any = ({"role": "user", "content": "a" * 40},),
    stream: bool = False,
    time: Time | None = None,
    job: dict[str, Any] | None = None,
    **keywords: Any,
) -> Drive:
    """A flow of ``completion(model, messages, **keywords)`` that meets these outcomes."""
    time = time or Time()
    asked = plan.asked({"api_key": KEY, **keywords}, {})
    environ = {"GROQ_API_KEY": "gsk-test-0123456789abcdefghij"}
    legs = plan.legs("call_1", model, {"messages": messages}, asked, stream=stream, environ=environ)
    made = Job(
        id="call_1",
        legs=legs,
        policy=RetryPolicy(asked.options.get("num_retries", 2), draw=lambda: 0.5),
        timeouts=asked.options.get("timeout") or Timeouts(),
        clock=time.clock,
        abandon=lambda finished: None,
        tokens=Tokens(ParallelLimit),
        stream=stream,
        wanted=asked.wanted,
        mock=asked.options.get("mock_response"),
        transport="script",
        metadata=asked.params.get("metadata") or {},
    )
    return Drive(replace(made, **(job or {})), time, list(sends))


__all__ = [
    "COST",
    "KEY",
    "MODEL",
    "STREAM",
    "USAGE",
    "APIError",
    "Cancelled",
    "Drive",
    "Places",
    "Time",
    "answer",
    "drive",
    "events",
    "piece",
    "refusal",
]
