"""Answers from a script in place of the network: every call of the process, whatever its provider, wire and colour.

It stands where the transports begin (`_io._tap`), so that building, decoding, retries, fallbacks, pricing and
settlement are the real ones. What an entry means is `_script`'s business, how it is written a wire's.
"""

from __future__ import annotations

import copy
import itertools
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from .._http import HTTPRequest
from .._io._progress import Progress
from .._io._tap import Answer as Response
from .._io._tap import AsyncGoOn, GoOn, Pointed, Step, tapped
from .._multipart import whole
from ..errors import LLMKitError
from ._answer import Answer
from ._asked import Asked
from ._dialects import DIALECTS, KEY, Dialect
from ._script import Cut, Entry, Raw, answer_of, check, refused
from ._wires import Reply, Wire, wire_for

__all__ = ["Script", "ScriptExhaustedError", "ScriptedCall", "SentRequest", "scripted"]

_NOT_SENT = (ConnectionRefusedError, socket.gaierror)


class ScriptExhaustedError(AssertionError):
    """A call came for which the script has no answer. No ``APIError``: nothing retries it or falls back from it."""


@dataclass(frozen=True, slots=True)
class SentRequest:
    """A request as it would have left; ``headers`` have lower-case names. Only method and path are in the repr."""

    method: str
    path: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body, parsed. Raises ``ValueError`` if it is not JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class ScriptedCall:
    """One request, and what it was answered with. A retry is a request of its own."""

    request: SentRequest
    answer: Entry


class Script:
    """What has been asked so far, and what is left to answer. Thread-safe."""

    def __init__(self, answers: tuple[Entry, ...], otherwise: Entry | None) -> None:
        for entry in answers if otherwise is None else (*answers, otherwise):
            check(entry)
        self.calls: list[ScriptedCall] = []
        """Each request with its answer, in order."""
        self.remaining = list(answers)
        """The answers that nobody has asked for yet."""
        self._otherwise = otherwise
        self._lock = threading.Lock()
        self._exhausted: AssertionError | None = None

    @property
    def requests(self) -> list[SentRequest]:
        """What was sent, in order."""
        return [call.request for call in self.calls]

    def take(self, request: SentRequest) -> Entry:
        """The next answer. Raises ``ScriptExhaustedError`` if there is none."""
        with self._lock:
            entry = self.remaining.pop(0) if self.remaining else self._otherwise
            if entry is None:
                self._exhausted = self._exhausted or self._used_up(request)
                raise self._used_up(request)
        while callable(entry) and not _is_error(entry):
            entry = entry(request)
            check(entry)
        entry = entry(KEY) if isinstance(entry, type) else entry
        with self._lock:
            self.calls.append(ScriptedCall(request, entry))
        return entry

    def spoken_by(self, request: SentRequest) -> Spoken:
        """The wire of a request. Raises ``AssertionError`` where it is no chat's, now and at the block's end."""
        try:
            return spoken_by(request)
        except AssertionError as error:
            with self._lock:
                self._exhausted = self._exhausted or error
            raise

    def _used_up(self, request: SentRequest) -> ScriptExhaustedError:
        return ScriptExhaustedError(
            f"the script's answers are used up ({len(self.calls)} given), and now came "
            f"{request.method} {request.path}"
        )

    def finish(self) -> None:
        """Raise ``AssertionError`` for a call that found no answer, or for answers that found no call."""
        if self._exhausted is not None:
            raise self._exhausted
        if self.remaining:
            listed = ", ".join(f"{entry!r:.60}" for entry in self.remaining)
            raise AssertionError(
                f"{len(self.remaining)} scripted answer(s) were never asked for: {listed}"
            )


def _is_error(entry: Entry) -> bool:
    return isinstance(entry, type) and issubclass(entry, BaseException)


@contextmanager
def scripted(
    *answers: Entry, otherwise: Entry | None = None, strict: bool = True
) -> Iterator[Script]:
    """Answer every call made inside the block with these, in turn, without a socket and without a key.

    Args:
        *answers: texts, ``ToolUse`` (or a list of them, also with texts), a message or completion as a dict, a
            ``ChatCompletion``, a list of chunks, a pydantic object (sent as JSON), an error of ``llmkit.errors`` (sent
            as the provider's error answer, or raised where it has no status), a status, an ``OSError`` (raised as
            a connection's failure), or a function of the ``SentRequest`` that returns one of these. Calls that are no
            chats are answered by ``Raw``, which is sent as it is, and by errors.
        otherwise: what answers when they are used up.
        strict: whether answers that were not asked for, and calls that found none, fail at the block's end.

    Raises:
        TypeError: an entry is none of these.
        ScriptExhaustedError: by a call, when the answers are used up.
        AssertionError: at the end of the block, if it ended well but answers are left.
    """
    script = Script(answers, otherwise)
    with tapped(_Tap(script)):
        yield script
    if strict:
        script.finish()


class _Tap:
    """Between the drivers and the network."""

    transport: str | None = "scripted"

    def __init__(self, script: Script) -> None:
        self._script = script
        self._numbers = itertools.count(1)

    def send(self, request: HTTPRequest, progress: Progress, go_on: GoOn) -> Any:
        """Answer; what is fetched for a prompt is not a model's to answer."""
        if isinstance(request, Pointed):
            return go_on(request, progress)
        return self._answered(request, progress)

    async def asend(self, request: HTTPRequest, progress: Progress, go_on: AsyncGoOn) -> Any:
        """Answer."""
        if isinstance(request, Pointed):
            return await go_on(request, progress)
        return self._answered(request, progress)

    def _answered(self, request: HTTPRequest, progress: Progress) -> Response:
        sent = seen(request)
        entry = self._script.take(sent)
        cut = entry if isinstance(entry, Cut) else None
        if cut is None:
            _raise(entry, progress)
        if (plain := _plain(sent, entry)) is not None:
            return response(plain, progress, next(self._numbers))
        spoken = self._script.spoken_by(sent)
        reply = spoken.reply(sent, entry if cut is None else cut.answer)
        steps = None if cut is None else _broken(cut, reply, spoken.wire)
        return response(reply, progress, next(self._numbers), steps)


def _plain(sent: SentRequest, entry: Entry) -> Reply | None:
    """An answer that is the same for every kind of call: what is sent as it is, and refusals where nobody chats."""
    if isinstance(entry, Raw):
        headers = {name.lower(): value for name, value in entry.headers.items()}
        return Reply(entry.status, entry.content, headers=headers)
    if refused(entry) is None or _dialect(sent) is not None:
        return None
    return _refusal(wire_for(sent.path, sent.headers), entry)


def response(
    reply: Reply, progress: Progress, number: int, steps: Sequence[Step] | None = None
) -> Response:
    """A simulated server's answer as the drivers read it; ``steps`` are what its body does instead."""
    kind = "text/event-stream" if reply.frames else "application/json"
    headers = {"content-type": kind, "x-request-id": f"req_scripted_{number}"}
    body = (reply.frames or (reply.body,)) if steps is None else steps
    return Response(reply.status, {**headers, **reply.headers}, body, progress)


def _broken(cut: Cut, reply: Reply, wire: Wire) -> Sequence[Step]:
    """What the body of a cut answer does."""
    begun: Sequence[Step] = reply.frames[: cut.after] or (reply.body[: len(reply.body) // 2],)
    found = None if cut.error is None else refused(cut.error)
    if found is not None and not reply.frames:
        return (wire.failure(found.status, found.message).body,)
    if found is not None:
        return (*begun, wire.failure_frame(found.status, found.message))
    return begun if not isinstance(cut.error, Exception) else (*begun, cut.error)


def seen(request: HTTPRequest) -> SentRequest:
    """A request as tests look at it."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    path = urlsplit(request.url).path
    return SentRequest(request.method, path, request.url, headers, whole(request.content))


def _refusal(wire: Wire, entry: Entry) -> Reply | None:
    found = refused(entry)
    if found is None:
        return None
    reply = wire.failure(found.status, found.message)
    headers = {name.lower(): value for name, value in reply.headers.items()} | dict(found.headers)
    return Reply(reply.status, reply.body, reply.frames, headers)


def _raise(entry: Entry, progress: Progress) -> None:
    """Fail as a connection does, where the entry is no answer of a server's."""
    if not isinstance(entry, BaseException) or refused(entry) is not None:
        return
    if not isinstance(entry, _NOT_SENT):
        progress.writing()
    # An error of ours is filled in by the call it ends: the script's own stays as it was written.
    raise copy.copy(entry) if isinstance(entry, LLMKitError) else entry


@dataclass(frozen=True, slots=True)
class Spoken:
    """The wire that a request is written in."""

    dialect: Dialect
    wire: Wire
    path: str

    def reply(self, sent: SentRequest, entry: Entry) -> Reply:
        """An entry as the provider's server would send it; exceptions must have a status."""
        refusal = _refusal(self.wire, entry)
        return refusal or self._said(sent, lambda asked: answer_of(entry, asked))

    def _said(self, sent: SentRequest, say: Callable[[Asked], Answer]) -> Reply:
        """The script's answer, in the wire's form, whether or not the strict server would take the request.

        Hosts that speak the same wire take more, or other, parameters than the simulated one.
        """
        said: list[Asked] = []

        def noted(asked: Asked) -> Answer:
            said.append(asked)
            return say(asked)

        body = sent.json()
        if body.get("stream"):
            body = {**self.dialect.streaming, **body}
        reply = self._ask(body, noted)
        return reply if said else self._ask(self._least(body), noted)

    def _ask(self, body: Mapping[str, Any], say: Callable[[Asked], Answer]) -> Reply:
        written = json.dumps(body).encode()
        return self.wire.reply("POST", self.path, self.dialect.headers, written, say)

    def _least(self, body: Mapping[str, Any]) -> dict[str, Any]:
        kept = {name: body[name] for name in self.dialect.kept if name in body}
        return {**self.dialect.least, **kept}


def spoken_by(sent: SentRequest) -> Spoken:
    """The wire of a request. Raises ``AssertionError`` where it is no chat's that the simulator speaks."""
    found = _dialect(sent)
    if found is None:
        raise AssertionError(
            f"a script's texts answer chats; {sent.method} {sent.path} is another call: "
            "give a Raw(…) of what the provider answers"
        )
    return found


def _dialect(sent: SentRequest) -> Spoken | None:
    path, query = unquote(sent.path), urlsplit(sent.url).query
    for dialect in DIALECTS if sent.method == "POST" else ():
        if not path.endswith(dialect.end) or (dialect.has and dialect.has not in sent.json()):
            continue
        home = dialect.home(path) + (f"?{query}" if query else "")
        wire = wire_for(home, dialect.headers)
        # The last wire takes whatever the others leave.
        if wire.name == dialect.wire:
            return Spoken(dialect, wire, home)
    return None
