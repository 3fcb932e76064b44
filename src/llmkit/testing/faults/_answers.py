"""Faults in what is said: errors, limits, and bodies that are not what they should be. How it is sent is in order."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any, Final, Literal

from typing_extensions import override

from .._sending import Turn
from .._wires import Reply
from ._fault import Fault, at_least, one_of
from ._framing import framing_of

__all__ = ["ContentType", "ErrorInside", "HTMLPage", "Malformed", "RateLimited", "Status"]

_LIMIT: Final = re.compile("retry-after|ratelimit", re.IGNORECASE)
_RETRY_INFO: Final = "type.googleapis.com/google.rpc.RetryInfo"
_PAGE: Final = (
    "<!DOCTYPE html>\n<html>\n<head><title>{status} {phrase}</title></head>\n<body>\n"
    "<center><h1>{status} {phrase}</h1></center>\n<hr><center>a proxy</center>\n</body>\n</html>\n"
)
_PHRASES: Final = {502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Time-out"}


@dataclass(frozen=True, slots=True)
class Status(Fault):
    """An error of any status from 300 to 599, with the body that the provider sends with it.

    *message* is in the body; *headers* are sent besides the usual ones, or in their place.
    """

    status: int
    message: str = "The simulator was told to fail."
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        at_least(300, status=self.status)
        at_least(-599, status=-self.status)

    @override
    def reply(self, turn: Turn) -> Reply:
        failure = turn.wire.failure(self.status, self.message)
        given = {name.lower() for name in self.headers}
        kept = {k: v for k, v in failure.headers.items() if k.lower() not in given}
        return replace(failure, headers={**kept, **self.headers})


@dataclass(frozen=True, slots=True)
class RateLimited(Fault):
    """A 429 that says in one *style*, and in no other, that one may come back in so many *seconds*.

    =============================  ==================================================================
    ``retry-after``                ``Retry-After``, in seconds (RFC 9110, section 10.2.3)
    ``retry-after-date``           ``Retry-After``, an HTTP date: whole seconds, rounded up
    ``retry-after-ms``             ``retry-after-ms``, as OpenAI and Azure send it
    ``x-ratelimit-reset``          OpenAI's ``x-ratelimit-reset-requests`` and ``-tokens``: ``1s``, ``6m0s``
    ``anthropic-ratelimit-reset``  Anthropic's ``anthropic-ratelimit-requests-reset`` and its like: RFC 3339
    ``epoch``                      ``x-ratelimit-reset``, in seconds of Unix time, rounded up
    ``epoch-ms``                   the same in milliseconds, as OpenRouter sends it
    ``body``                       Google's ``RetryInfo`` in the error's ``details``
    ``none``                       not at all
    =============================  ==================================================================

    Where these are from: `llmkit._ratelimit` for the headers, `llmkit.wires.gemini` for Google's detail.
    """

    seconds: float = 1
    style: Literal[
        "retry-after",
        "retry-after-date",
        "retry-after-ms",
        "x-ratelimit-reset",
        "anthropic-ratelimit-reset",
        "epoch",
        "epoch-ms",
        "body",
        "none",
    ] = "retry-after"

    def __post_init__(self) -> None:
        at_least(0, seconds=self.seconds)
        one_of(_STYLES, style=self.style)

    @override
    def reply(self, turn: Turn) -> Reply:
        failure = turn.wire.failure(429, "Rate limit reached: the simulator was told so.")
        if self.style == "body":
            failure = replace(failure, body=_with_retry_info(failure.body, self.seconds))
        # A wire may have a habit of its own, which is another style.
        kept = {k: v for k, v in failure.headers.items() if not _LIMIT.search(k)}
        return replace(failure, headers=kept | _STYLES[self.style](self.seconds, turn.now))


@dataclass(frozen=True, slots=True)
class ErrorInside(Fault):
    """A 200 that turns out to be an error: as the whole body, or as an event of the stream, which then ends.

    *status* is the one the error would have had; a stream has *after* good events before it.
    """

    status: int = 500
    after: int = 0
    message: str = "The simulator was told to fail inside its answer."

    def __post_init__(self) -> None:
        at_least(400, status=self.status)
        at_least(0, after=self.after)

    @override
    def reply(self, turn: Turn) -> Reply:
        if not turn.reply.frames:
            return replace(turn.wire.failure(self.status, self.message), status=200)
        error = turn.wire.failure_frame(self.status, self.message)
        return replace(turn.reply, frames=(*turn.reply.frames[: self.after], error))


@dataclass(frozen=True, slots=True)
class Malformed(Fault):
    """A body that cannot be read: half a JSON, or a stream whose events are broken *after* so many good ones.

    *how* a stream is broken: ``json``, events whose JSON is cut off; ``sse``, events without their line ends
    (AWS's frames: without their checksums), so that they run into one.
    """

    after: int = 1
    how: Literal["json", "sse"] = "json"

    def __post_init__(self) -> None:
        at_least(0, after=self.after)
        one_of(("json", "sse"), how=self.how)

    @override
    def reply(self, turn: Turn) -> Reply:
        frames = turn.reply.frames
        framing = framing_of(frames)
        if not frames:
            return replace(turn.reply, body=framing.halve(turn.reply.body))
        # One at least is broken, however short the stream.
        good = min(self.after, len(frames) - 1)
        broken = map(framing.halve if self.how == "json" else framing.run_on, frames[good:])
        return replace(turn.reply, frames=(*frames[:good], *broken))


@dataclass(frozen=True, slots=True)
class ContentType(Fault):
    """The right body under another content type.

    `None` stands for the other one of the two: that of an event stream for a plain answer, and JSON's for a stream.
    """

    value: str | None = None

    @override
    def reply(self, turn: Turn) -> Reply:
        other = "application/json" if turn.reply.frames else "text/event-stream; charset=utf-8"
        kept = {k: v for k, v in turn.reply.headers.items() if k.lower() != "content-type"}
        return replace(turn.reply, headers=kept | {"Content-Type": self.value or other})


@dataclass(frozen=True, slots=True)
class HTMLPage(Fault):
    """The page of a proxy that could not reach the provider. With a *status* of 200, that of a captive portal."""

    status: int = 502

    def __post_init__(self) -> None:
        at_least(200, status=self.status)

    @override
    def reply(self, turn: Turn) -> Reply:
        page = _PAGE.format(status=self.status, phrase=_PHRASES.get(self.status, ""))
        return Reply(self.status, page.encode(), headers={"Content-Type": "text/html"})


def _with_retry_info(body: bytes, seconds: float) -> bytes:
    """*body* with Google's detail in its error, if it is an object with an error that is one."""
    data: Any = json.loads(body)
    error = data.get("error") if isinstance(data, dict) else None
    if not isinstance(error, dict):
        return body
    info = {"@type": _RETRY_INFO, "retryDelay": f"{_decimal(seconds)}s"}
    error["details"] = [*error.get("details", ()), info]
    return json.dumps(data).encode()


def _openai(seconds: float, now: float) -> dict[str, str]:
    counted = {"requests": "60", "tokens": "150000"}
    limits = {f"x-ratelimit-limit-{what}": most for what, most in counted.items()}
    remaining = {f"x-ratelimit-remaining-{what}": "0" for what in counted}
    resets = {f"x-ratelimit-reset-{what}": _duration(seconds) for what in counted}
    return limits | remaining | resets


def _anthropic(seconds: float, now: float) -> dict[str, str]:
    moment = datetime.fromtimestamp(math.ceil(now + seconds), UTC)
    members = {"limit": "50", "remaining": "0", "reset": f"{moment:%Y-%m-%dT%H:%M:%SZ}"}
    return {
        f"anthropic-ratelimit-{what}-{member}": value
        for what in ("requests", "tokens", "input-tokens", "output-tokens")
        for member, value in members.items()
    }


def _reset_at(moment: int) -> dict[str, str]:
    members = {"limit": "20", "remaining": "0", "reset": str(moment)}
    return {f"x-ratelimit-{member}": value for member, value in members.items()}


def _duration(seconds: float) -> str:
    """Seconds as Go writes a duration: ``120ms``, ``1s``, ``6m0s``, ``1h0m0s``."""
    if 0 < seconds < 1:
        return f"{_decimal(seconds * 1000)}ms"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    whole = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{whole}{_decimal(rest)}s"


def _decimal(number: float) -> str:
    """A number without an exponent and without idle zeros."""
    return f"{number:.3f}".rstrip("0").rstrip(".")


_STYLES: Final[Mapping[str, Callable[[float, float], dict[str, str]]]] = {
    "retry-after": lambda seconds, now: {"Retry-After": _decimal(seconds)},
    "retry-after-date": lambda seconds, now: {
        "Retry-After": formatdate(math.ceil(now + seconds), usegmt=True)
    },
    "retry-after-ms": lambda seconds, now: {"retry-after-ms": _decimal(seconds * 1000)},
    "x-ratelimit-reset": _openai,
    "anthropic-ratelimit-reset": _anthropic,
    "epoch": lambda seconds, now: _reset_at(math.ceil(now + seconds)),
    "epoch-ms": lambda seconds, now: _reset_at(math.ceil((now + seconds) * 1000)),
    "body": lambda seconds, now: {},
    "none": lambda seconds, now: {},
}
