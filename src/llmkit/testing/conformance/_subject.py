"""The provider under test: what its author says of it, and what every check needs to ask and to answer in its place."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, NoReturn

import pytest
from typing_extensions import override

from ... import providers
from ..._call import ChatCall
from ..._control.address import addressed
from ..._control.retry import RetryPolicy
from ..._fold import Fold
from ..._http import Endpoint, HTTPRequest, HTTPResponse
from ..._io._progress import Progress
from ..._io._tap import AsyncGoOn, GoOn, tapped
from ...client import Client
from ...providers import Provider
from ...types.chat import ChatCompletion, ChatCompletionChunk
from ...wires import ChatWire
from .._script import Entry, ToolUse
from .._scripted import SentRequest, Spoken, response, seen, spoken_by
from .._wires import Reply
from ._samples import HI, KEY

__all__ = ["Subject", "Talk"]


@dataclass
class Talk:
    """One call as it went: what was sent, what came of it, what observers and logs saw."""

    client: Client
    sent: list[SentRequest] = field(default_factory=list)
    events: list[Any] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)
    result: Any = None
    error: BaseException | None = None


class Subject:
    """Set ``provider`` and ``model``; the rest has defaults that fit the wires that llmkit's simulator speaks."""

    provider: ClassVar[Provider]
    """The declaration under test."""
    model: ClassVar[str] = "some-model"
    """The provider's name for one of its models."""
    base_url: ClassVar[str | None] = None
    """An address, where the provider has none of its own."""
    environ: ClassVar[Mapping[str, str]] = {}
    """The environment that its address needs; keys are put in by the checks."""
    answer_text: ClassVar[str] = "Hello there, reader."
    """What the answers below say."""
    answer_body: ClassVar[bytes | None] = None
    """For a wire of your own: a whole answer's body as the provider sent it, with its usage."""
    stream_bytes: ClassVar[bytes | None] = None
    """For a wire of your own: the same answer as a stream, to its last byte."""
    tool_body: ClassVar[bytes | None] = None
    """For a wire of your own: an answer that calls ``get_weather`` with ``{"city": "Paris"}``."""
    tool_stream: ClassVar[bytes | None] = None
    """For a wire of your own: the same as a stream."""
    stream_error: ClassVar[bytes | None] = None
    """For a wire of your own: an error that comes as the first event of a stream."""
    cut_every: ClassVar[int] = 1
    """At every how many bytes the stream is cut."""

    def error_body(self, status: int, message: str) -> bytes:
        """An error's body as the provider writes it; override it for a wire of your own."""
        return self.spoken().wire.failure(status, message).body

    # --- what checks say ---------------------------------------------------------------------

    def fail(self, message: str) -> NoReturn:
        """End the check with a message."""
        pytest.fail(f"{self.provider.name}: {message}", pytrace=False)

    def expect(self, fulfilled: object, message: str) -> None:
        """End the check unless this holds."""
        if not fulfilled:
            self.fail(message)

    # --- asking ------------------------------------------------------------------------------

    @property
    def wire(self) -> ChatWire:
        """The provider's chat wire."""
        if self.provider.chat is None:
            self.fail("it has no chat wire")
        return self.provider.chat

    def call(self, messages: Any = HI, *, stream: bool = False, **more: Any) -> ChatCall:
        """A call as the wire gets it; ``more`` are fields of ``ChatCall``."""
        name = self.provider.name
        return ChatCall("call_conformance", name, self.model, messages, stream=stream, **more)

    def options(self) -> dict[str, Any]:
        """Where to call."""
        return {} if self.base_url is None else {"base_url": self.base_url}

    def endpoint(self) -> Endpoint:
        """The address, with the provider's own headers."""
        model = f"{self.provider.name}/{self.model}"
        with providers.lend(self.provider):
            return addressed(model, self.options(), self.environ, keyless=True).endpoint

    def build(self, messages: Any = HI, *, stream: bool = False, **more: Any) -> HTTPRequest:
        """The request of a call, before its credentials."""
        return self.wire.build(self.call(messages, stream=stream, **more), self.endpoint())

    # --- answering ---------------------------------------------------------------------------

    def spoken(self, *, stream: bool = False) -> Spoken:
        """The simulated wire that this provider's requests are written in."""
        try:
            return spoken_by(seen(self.build(stream=stream)))
        except AssertionError:
            self.fail(
                "its wire is none that the simulator speaks: set answer_body and stream_bytes, and override error_body"
            )

    def reply(self, entry: Entry, *, stream: bool) -> Reply:
        """An entry of a script as the provider sends it."""
        sent = seen(self.build(stream=stream))
        return self.spoken(stream=stream).reply(sent, entry)

    def answered(self, *, stream: bool) -> Reply:
        """The provider's answer that says ``answer_text``."""
        own = self.stream_bytes if stream else self.answer_body
        if own is None:
            return self.reply(self.answer_text, stream=stream)
        return Reply(200, b"" if stream else own, (own,) if stream else ())

    def calling(self, *, stream: bool) -> bytes:
        """The bytes of an answer that calls a tool; the check is skipped where there are none."""
        own = self.tool_stream if stream else self.tool_body
        if own is not None:
            return own
        if self.answer_body is not None:
            pytest.skip("set tool_body and tool_stream for this check")
        made = self.reply(ToolUse("get_weather", {"city": "Paris"}), stream=stream)
        return b"".join(made.frames) if stream else made.body

    def streamed(self) -> bytes:
        """The bytes of a stream that says ``answer_text``."""
        return b"".join(self.answered(stream=True).frames)

    # --- reading -----------------------------------------------------------------------------

    def parse(self, body: bytes) -> ChatCompletion:
        """A whole answer, read."""
        return self.wire.parse(self.call(), HTTPResponse(200, {}, body))

    def decode(self, *pieces: bytes) -> list[ChatCompletionChunk]:
        """A stream, read from its pieces."""
        decoder = self.wire.decoder(self.call(stream=True))
        chunks = [chunk for piece in pieces for chunk in decoder.feed(piece)]
        return [*chunks, *decoder.finish()]

    def folded(self, *pieces: bytes) -> ChatCompletion:
        """A stream, read and put together."""
        fold = Fold()
        for chunk in self.decode(*pieces):
            fold.add(chunk)
        return fold.result()

    # --- whole calls -------------------------------------------------------------------------

    def talk(
        self,
        *replies: Reply,
        stream: bool = False,
        colour: str = "sync",
        key: str | None = KEY,
        environ: Mapping[str, str] | None = None,
        **params: Any,
    ) -> Talk:
        """One call of a client, answered by these in turn in place of the network. Its error is kept, not raised."""
        events: list[Any] = []
        found = {**self.environ, **(environ or {})}
        policy = RetryPolicy(retries=0, first_wait=0.0)
        talk = Talk(Client(environ=found, retry=policy, callbacks=[events.append]), events=events)
        given = {"api_key": key, "stream": stream, **self.options(), **params}
        with (
            providers.lend(self.provider),
            tapped(_Server(talk, replies or (self.answered(stream=stream),))),
            _listening(talk.logged),
        ):
            try:
                talk.result = self._ask(talk.client, colour, given)
            except Exception as error:  # noqa: BLE001 - what it is, is for the check to judge
                talk.error = error
        talk.client.close()
        return talk

    def answered_well(self, talk: Talk) -> None:
        """Raise the error that a call ended with, if it did."""
        if talk.error is not None:
            raise talk.error

    def _ask(self, client: Client, colour: str, given: dict[str, Any]) -> Any:
        model = f"{self.provider.name}/{self.model}"
        if colour == "sync":
            made: Any = client.completion(model, HI, **given)
            return made.until_done() if given["stream"] else made

        async def ask() -> Any:
            made: Any = await client.acompletion(model, HI, **given)
            answer = await made.until_done() if given["stream"] else made
            await client.aclose()
            return answer

        return asyncio.run(ask())

    def dry(self, **params: Any) -> Any:
        """The same call, dry."""
        client = Client(environ=self.environ)
        model = f"{self.provider.name}/{self.model}"
        with providers.lend(self.provider):
            return client.completion(model, HI, dry_run=True, **self.options(), **params)


class _Server:
    """A tap that answers in turn, the last one for ever. It answers by itself only where a key is no matter."""

    transport: str | None = None

    def __init__(self, talk: Talk, replies: tuple[Reply, ...]) -> None:
        self._talk = talk
        self._replies = itertools.chain(replies, itertools.repeat(replies[-1]))

    def send(self, request: HTTPRequest, progress: Progress, go_on: GoOn) -> Any:
        """Answer."""
        self._talk.sent.append(seen(request))
        return response(next(self._replies), progress, len(self._talk.sent))

    async def asend(self, request: HTTPRequest, progress: Progress, go_on: AsyncGoOn) -> Any:
        """Answer."""
        return self.send(request, progress, None)  # type: ignore[arg-type]


class _Kept(logging.Handler):
    def __init__(self, into: list[str]) -> None:
        super().__init__()
        self._into = into

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self._into.append(record.getMessage())


@contextmanager
def _listening(into: list[str]) -> Iterator[None]:
    """Keep what is logged anywhere, at every level."""
    root, ours = logging.getLogger(), logging.getLogger("llmkit")
    handler, before = _Kept(into), ours.level
    root.addHandler(handler)
    ours.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        ours.setLevel(before)
        root.removeHandler(handler)
