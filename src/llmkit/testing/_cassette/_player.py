"""The tap that plays back: it answers from a cassette, and never asks the network.

A request that the cassette does not have is an error that says what to do; nothing is guessed.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

from ..._http import HTTPRequest
from ..._io._named import named
from ..._io._progress import Progress
from ..._io._tap import Answer, AsyncGoOn, GoOn, Step, apause, pause, tapped
from ...errors import CassetteError, ReplayMissError
from ._compare import differences, ignoring
from ._forms import form
from ._load import load
from ._scrub import Own, Scrub, several
from ._secrets import of_body, of_headers, of_url
from ._values import Exchange, Failure, Request

__all__ = ["Player"]

_LISTED = 12


class Player:
    """Answers from a file all that is sent while its `with` block lasts."""

    transport: str | None = "replay"

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        ignore: str | Sequence[str] = (),
        repeat: bool = False,
        all_used: bool = False,
        timing: bool = False,
        scrub: Own | Iterable[Own] = (),
        must_exist: bool = True,
    ) -> None:
        self.path = Path(path)
        self._ignore = ignoring((ignore,) if isinstance(ignore, str) else ignore)
        self._repeat, self._all_used, self._timing = repeat, all_used, timing
        self._own = several(scrub)
        self._must_exist = must_exist
        self._exchanges: list[Exchange] = []
        self._used: set[int] = set()
        self._lock = threading.Lock()
        self._tap: AbstractContextManager[None] | None = None

    @property
    def unused(self) -> list[str]:
        """The recorded requests that nobody has asked for; a replay asks for no tokens."""
        return [
            f"{index + 1}: {_named(exchange.request)}"
            for index, exchange in enumerate(self._exchanges)
            if index not in self._used and not _asks_for_a_token(exchange.request)
        ]

    def __enter__(self) -> Self:
        if self._must_exist or self.path.exists():
            self._exchanges = load(self.path)
        self._used = set()
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
        if self._all_used and error is None and self.unused:
            listed = "".join(f"\n  {line}" for line in self.unused)
            raise CassetteError(f"{self.path} has requests that were never made:{listed}")

    def send(self, request: HTTPRequest, progress: Progress, go_on: GoOn) -> Answer:
        """Answer what was recorded."""
        exchange = self._find(request)
        if (seconds := self._head(exchange, progress)) is not None:
            pause(progress, seconds)
        return self._answer(exchange, progress)

    async def asend(self, request: HTTPRequest, progress: Progress, go_on: AsyncGoOn) -> Answer:
        """Answer what was recorded."""
        exchange = self._find(request)
        if (seconds := self._head(exchange, progress)) is not None:
            await apause(progress, seconds)
        return self._answer(exchange, progress)

    def _head(self, exchange: Exchange, progress: Progress) -> float | None:
        """How long to wait for the answer. By then the request has left, or not, as it had then."""
        if exchange.response is not None:
            progress.reading()
        return exchange.seconds[0] if self._timing and exchange.seconds else None

    def _answer(self, exchange: Exchange, progress: Progress) -> Answer:
        response = exchange.response
        if response is None:
            assert exchange.failure is not None  # noqa: S101 - an exchange has one of them
            raise _failure(exchange.failure, progress)
        steps = self._steps(exchange, response.pieces, progress)
        return Answer(response.status, response.headers, steps, progress)

    def _steps(
        self, exchange: Exchange, pieces: Iterable[bytes], progress: Progress
    ) -> Iterator[Step]:
        waits = iter(exchange.seconds[1:] if self._timing else ())
        for piece in pieces:
            yield next(waits, 0.0)
            yield piece
        yield next(waits, 0.0)
        if exchange.failure is not None:
            yield _failure(exchange.failure, progress)
        if exchange.left:
            yield ReplayMissError(
                f"{self.path}: the answer to {_named(exchange.request)} was recorded only up to here, because"
                " its reader stopped here; record it again to read on"
            )

    def _find(self, request: HTTPRequest) -> Exchange:
        headers = {name.lower(): value for name, value in request.headers.items()}
        kind = headers.get("content-type", "")
        asked = Request(request.method, request.url, headers, form(kind, request.content))
        known = {*of_headers(headers), *of_url(request.url), *of_body(kind, request.content)}
        with self._lock:
            unused = (i for i in range(len(self._exchanges)) if i not in self._used)
            fresh = next((i for i in unused if self._is_answer(i, asked)), None)
            if fresh is not None:
                self._used.add(fresh)
                return self._exchanges[fresh]
            used = [i for i in sorted(self._used) if self._is_answer(i, asked)]
        if used and self._repeat:
            return self._exchanges[used[-1]]
        raise self._miss(Scrub(known, self._own).request(asked), len(used))

    def _is_answer(self, index: int, asked: Request) -> bool:
        exchange = self._exchanges[index]
        if not self._unlike(exchange, asked):
            return True
        # A user's own function may have changed what was recorded in a way that only it knows.
        return bool(self._own) and not self._unlike(exchange, Scrub(own=self._own).request(asked))

    def _unlike(self, exchange: Exchange, asked: Request) -> bool:
        return next(self._differences(exchange, asked), None) is not None

    def _differences(self, exchange: Exchange, asked: Request) -> Iterator[str]:
        recorded = exchange.request
        return differences(recorded, asked, self._ignore, every_header=exchange.every_header)

    def _miss(self, asked: Request, used: int) -> ReplayMissError:
        lines = [f"{self.path} has no answer for {_named(asked)}"]
        if used:
            lines.append(
                f"It was recorded {_times(used)}, and asked for once more than that:"
                " repeat=True gives the last answer again."
            )
            return ReplayMissError("\n".join(lines))
        if not self._exchanges:
            there = "it is empty" if self.path.exists() else "there is no such file"
            return ReplayMissError(f"{lines[0]}: {there}. {_ADVICE}")
        unlike = [list(self._differences(exchange, asked)) for exchange in self._exchanges]
        nearest = min(range(len(unlike)), key=lambda index: len(unlike[index]))
        lines.append(f"The nearest of {len(unlike)}, number {nearest + 1}, differs in")
        lines += [f"  {line}" for line in unlike[nearest][:_LISTED]]
        if (more := len(unlike[nearest]) - _LISTED) > 0:
            lines.append(f"  and {more} more")
        lines.append(f"{_ADVICE} What does not matter in a body can be named in ignore=(…).")
        return ReplayMissError("\n".join(lines), unlike[nearest])


_ADVICE = "Nothing was sent. If the request is right, record it again."


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _asks_for_a_token(request: Request) -> bool:
    """Whether it is a form, as OAuth's token servers and AWS' take: no provider's own call is one."""
    kinds = (value for name, value in request.headers.items() if name.lower() == "content-type")
    return next(kinds, "").startswith("application/x-www-form-urlencoded")


def _named(request: Request) -> str:
    return f"{request.method} {request.url}"


def _failure(failure: Failure, progress: Progress) -> Exception:
    progress.sent = failure.sent
    progress.limiting = failure.limit or progress.limiting
    made = named(failure.kind, failure.message, failure.sent)
    if failure.cause:
        made.__cause__ = OSError(failure.cause)
    return made
