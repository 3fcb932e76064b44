"""Flows fed by hand: what a driver would do, done here with values. No network, no clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from llmkit._flow import Acquire, Consult, Deadlines, Read, Send
from llmkit._http import HTTPRequest, HTTPResponse
from llmkit._secret import Secret
from llmkit.providers._auth import Identity
from llmkit.providers._tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

NOW = 1_790_000_000.0


@dataclass
class World:
    """What flows meet: files, and a server that answers whatever is sent to it."""

    answer: Callable[[HTTPRequest], HTTPResponse] = lambda request: HTTPResponse(500)
    files: Mapping[str, bytes] = field(default_factory=dict)
    now: float = NOW
    sent: list[HTTPRequest] = field(default_factory=list)
    read: list[str] = field(default_factory=list)
    shown: list[Secret] = field(default_factory=list)
    deadlines: list[Deadlines] = field(default_factory=list)
    tokens: Tokens = field(default_factory=lambda: Tokens(lambda count: None))  # type: ignore[arg-type,return-value]

    def identity(
        self,
        options: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
        secret: str | None = None,
    ) -> Identity:
        """Who calls."""
        return Identity(
            Secret(secret) if secret else None,
            options or {},
            environ or {},
            lambda: self.now,
            Deadlines(100.0, 10.0, 60.0, 60.0),
            self.tokens,
            self.shown.append,
        )

    def run(self, flow: Generator[Any, Any, Any]) -> Any:
        """Drive a flow to its end."""
        outcome: Any = None
        error: BaseException | None = None
        while True:
            try:
                effect = flow.throw(error) if error else flow.send(outcome)
            except StopIteration as stop:
                return stop.value
            error = None
            try:
                outcome = self._done(effect)
            except Exception as failure:  # noqa: BLE001 - it is the flow's to meet
                error = failure

    def _done(self, effect: Any) -> Any:
        if isinstance(effect, Send):
            self.sent.append(effect.request)
            self.deadlines.append(effect.deadlines)
            return self.answer(effect.request)
        if isinstance(effect, Read):
            self.read.append(effect.path)
            return self.files.get(effect.path)
        if isinstance(effect, Consult):
            return effect.function(*effect.arguments)
        assert isinstance(effect, Acquire)
        return lambda: None


def form(request: HTTPRequest) -> dict[str, str]:
    """The fields of a form that was sent."""
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    return {name: values[0] for name, values in parse_qs(request.body.decode()).items()}


def query(request: HTTPRequest) -> dict[str, str]:
    """The query of an address."""
    found = parse_qs(urlsplit(request.url).query)
    return {name: values[0] for name, values in found.items()}
