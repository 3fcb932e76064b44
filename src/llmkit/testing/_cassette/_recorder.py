"""The tap that records: it asks the network, listens to what is read, and writes a cassette when its block ends.

Until then everything is in memory, secrets included; what is written has none, or nothing is written.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..._http import HTTPRequest
from ..._io._answers import head, raw
from ..._io._failures import causes, explain, texts
from ..._io._named import kind_of
from ..._io._progress import Progress
from ..._io._tap import AsyncGoOn, GoOn, tapped
from ...errors import APIError, APITimeoutError, CassetteError
from ._file import text_of, write
from ._forms import form
from ._scrub import Own, Scrub, several
from ._secrets import VOLATILE_HEADERS, in_environment, of_body, of_headers, of_url
from ._values import Exchange, Failure, Request, Response

__all__ = ["Recorder"]

# Of no meaning once a body is decompressed and cut out of its transfer.
_TRANSFER = frozenset({"content-encoding", "content-length", "transfer-encoding", "connection"})
# A clock that waits may be that much early.
_SOON = 0.002
_OURS = frozenset({"accept-encoding", "host", "content-length", "connection", "user-agent"})


class Recorder:
    """Records to a file all that is sent while its `with` block lasts."""

    transport: str | None = None

    def __init__(self, path: str | os.PathLike[str], scrub: Own | Iterable[Own] = ()) -> None:
        self.path = Path(path)
        self._own = several(scrub)
        self._takes: list[Take] = []
        self._secrets = set(in_environment(os.environ))
        self._lock = threading.Lock()
        self._tap: AbstractContextManager[None] | None = None

    def __enter__(self) -> Self:
        self._takes = []
        self._tap = tapped(self)
        self._tap.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._tap is not None  # noqa: S101 - entered before
        self._tap.__exit__(kind, error, trace)
        # A failure may be just what was to be recorded. Who pressed Ctrl-C wants nothing any more.
        if error is None or isinstance(error, Exception):
            self.write()

    def write(self) -> None:
        """Write what was recorded so far. Nothing recorded: nothing written.

        Raises:
            CassetteError: a secret is still in it, in a place where it could not be hidden.
        """
        with self._lock:
            exchanges = [made for take in self._takes if (made := take.exchange()) is not None]
            known = set(self._secrets)
        if not exchanges:
            return
        scrub = Scrub(known, self._own)
        cleared = [scrub.exchange(exchange) for exchange in exchanges]
        text = text_of(cleared)
        _refuse_secrets(
            Scrub(known, [own for own in self._own if isinstance(own, str)]), cleared, text
        )
        write(self.path, text)

    def send(self, request: HTTPRequest, progress: Progress, go_on: GoOn) -> Any:
        """Ask on, and listen."""
        take = self._take(request)
        try:
            response = go_on(request, progress)
        except BaseException as error:
            take.failed(error, progress)
            raise
        return self._heard(response, take, progress, "iter_bytes")

    async def asend(self, request: HTTPRequest, progress: Progress, go_on: AsyncGoOn) -> Any:
        """Ask on, and listen."""
        take = self._take(request)
        try:
            response = await go_on(request, progress)
        except BaseException as error:
            take.failed(error, progress)
            raise
        return self._heard(response, take, progress, "aiter_bytes")

    def _take(self, request: HTTPRequest) -> Take:
        headers = {name.lower(): value for name, value in request.headers.items()}
        take = Take(request, headers)
        kind = headers.get("content-type", "")
        self._learn(headers, request.url, of_body(kind, request.content))
        with self._lock:
            self._takes.append(take)
        return take

    def _learn(self, headers: Mapping[str, str], url: str, more: Iterable[str] = ()) -> None:
        found = {*of_headers(headers), *of_url(url), *more}
        with self._lock:
            self._secrets |= found

    def _heard(self, response: Any, take: Take, progress: Progress, decoded: str) -> Heard:
        # A caller's client adds credentials of its own, which only its request shows.
        if (sent := getattr(response, "request", None)) is not None:
            self._learn(dict(sent.headers.items()), str(sent.url))
        answered = head(response)
        self._learn(dict(response.headers.items()), "")
        pieces, inflate = raw(response, getattr(response, decoded))
        headers = {k: v for k, v in answered.headers.items() if k not in _TRANSFER}
        take.answered(answered.status, headers)
        return Heard(response, headers, (pieces, inflate), take, progress)


def _refuse_secrets(scrub: Scrub, exchanges: Iterable[Exchange], text: str) -> None:
    clean = not scrub.holds(text) and all(scrub.exchange(e) == e for e in exchanges)
    if not clean:
        raise CassetteError(
            "the recording was not written: a secret is still in it, in a place where it cannot be hidden"
            " without breaking what was recorded"
        )


class Take:
    """One exchange as it is being recorded."""

    def __init__(self, request: HTTPRequest, headers: Mapping[str, str]) -> None:
        self._request, self._headers = request, headers
        self._status: int | None = None
        self._answer: Mapping[str, str] = {}
        self._pieces: list[bytes] = []
        self._seconds: list[float] = []
        self._failure: Failure | None = None
        self._complete = False
        self._at = time.monotonic()

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """The head has come."""
        self._passed()
        self._status, self._answer = status, headers

    def add(self, piece: bytes) -> None:
        """A piece of the body has come."""
        self._passed()
        self._pieces.append(piece)

    def waits(self) -> None:
        """A piece is asked for: what its reader did before is none of the provider's time."""
        self._at = time.monotonic()

    def complete(self) -> None:
        """The body has ended."""
        self._complete = True

    def failed(self, error: BaseException, progress: Progress, until: float | None = None) -> None:
        """The transport has failed, unless its reader had left."""
        if self._complete or self._failure is not None or progress.stopped:
            return
        self._failure = _failure(error, progress, until)
        if self._failure is not None:
            self._passed()

    def exchange(self) -> Exchange | None:
        """What has been recorded; `None` where nothing is known of what came of it."""
        if self._status is None and self._failure is None:
            return None
        kind = self._headers.get("content-type", "")
        headers = {
            name: value
            for name, value in self._headers.items()
            if name not in VOLATILE_HEADERS and name not in _OURS
        }
        request = self._request
        return Exchange(
            request=Request(request.method, request.url, headers, form(kind, request.content)),
            response=self._response(),
            failure=self._failure,
            left=not self._complete and self._failure is None,
            seconds=tuple(self._seconds),
        )

    def _response(self) -> Response | None:
        if self._status is None:
            return None
        return Response(self._status, self._answer, tuple(self._pieces))

    def _passed(self) -> None:
        now = time.monotonic()
        self._seconds.append(now - self._at)
        self._at = now


def _failure(error: BaseException, progress: Progress, until: float | None) -> Failure | None:
    """A transport's failure as a value; `None` for what is none."""
    if until is not None and time.monotonic() >= until:
        # The call's own time is up; what ends the read is a caller's client being stopped.
        words = "the time is used up" if isinstance(error, Exception) else ""
        return Failure("TimeoutError", words, progress.sent, "", progress.limiting)
    if not isinstance(error, Exception):
        return None
    limit = progress.limiting
    ours = explain(error, progress)
    if isinstance(ours, CassetteError) or (ours is error and not isinstance(error, APIError)):
        return None
    sent = getattr(ours, "sent", progress.sent)
    is_timeout = isinstance(ours, APITimeoutError)
    return Failure(kind_of(error), str(error), sent, _cause(error), limit if is_timeout else "")


def _cause(error: Exception) -> str:
    """What one of its causes says, where it says more: why TLS failed is known to that one alone.

    It need not be the last: a handshake that comes in pieces has another before it. Of an error that says nothing
    itself, the system's word behind it is what is told.
    """
    told = (str(cause) for cause in causes(error))
    distrust = next((words for words in told if "CERTIFICATE_VERIFY_FAILED" in words), "")
    return distrust or ("" if str(error).strip() else next(texts(error), ""))


class Heard:
    """A transport's response, in the driver's hands; what is read from it is noted down."""

    def __init__(
        self,
        response: Any,
        headers: Mapping[str, str],
        body: tuple[Any, Any],
        take: Take,
        progress: Progress,
    ) -> None:
        self._response = response
        self.status_code = response.status_code
        self.headers = headers
        self.stream = _Listening(body, take, progress)

    def iter_bytes(self) -> Any:
        """The body, which is decompressed already."""
        return self.stream

    aiter_bytes = iter_bytes

    def close(self) -> None:
        """Close the transport's response."""
        self._response.close()

    async def aclose(self) -> None:
        """Close the transport's response."""
        await self._response.aclose()


class _Listening:
    """A body in both colours. No generator: those below it are to be ended by whoever reads it to its end."""

    def __init__(self, body: tuple[Any, Any], take: Take, progress: Progress) -> None:
        self._body, self._inflate = body
        self._take, self._progress = take, progress
        self._pieces: Any = None

    # It is asked for its iterator more than once, and goes on where it was: what is below must not begin again.
    def __iter__(self) -> Iterator[bytes]:
        self._pieces = self._pieces or iter(self._body)
        return self

    def __next__(self) -> bytes:
        until = self._reading()
        try:
            piece = next(self._pieces, None)
        except BaseException as error:
            self._take.failed(error, self._progress, until)
            raise
        if piece is None:
            self._take.complete()
            raise StopIteration
        return self._noted(piece)

    def __aiter__(self) -> Self:
        self._pieces = self._pieces or aiter(self._body)
        return self

    async def __anext__(self) -> bytes:
        until = self._reading()
        try:
            piece = await anext(self._pieces, None)
        except BaseException as error:
            self._take.failed(error, self._progress, until)
            raise
        if piece is None:
            self._take.complete()
            raise StopAsyncIteration
        return self._noted(piece)

    def _reading(self) -> float | None:
        """A read begins; when it is stopped from above. Our own transports know their limits themselves."""
        self._take.waits()
        return self._progress.until - _SOON if self._progress.borrowed else None

    def _noted(self, piece: bytes) -> bytes:
        if self._progress.stopped:
            return piece
        if self._inflate is not None:
            piece = self._inflated(piece)
        self._take.add(piece)
        return piece

    def _inflated(self, piece: bytes) -> bytes:
        inflate: Callable[[bytes], bytes] = self._inflate.feed
        try:
            return inflate(piece)
        except Exception as error:
            self._take.failed(error, self._progress)
            # It is only read on to be closed.
            self._inflate = None
            raise
