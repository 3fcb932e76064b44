"""What can go wrong with a request to `FakeLago`: values, which can be combined with ``&``. Nothing is done here.

lago.fail(lost_ack() & slow(0.2), times=3)
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Any, Literal

from ._answers import Answer, failed, invalid

__all__ = [
    "LagoFault", "answered", "details", "empty", "garbage", "hang", "html", "lost_ack", "partial_commit",
    "rate_limited", "reset", "slow", "status", "truncated", "wrong_date",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class LagoFault:
    """What happens to one request; the functions of this module make them.

    Attributes:
        before: seconds until Lago begins.
        after: seconds between its work and its answer.
        works: whether Lago does what it is asked to.
        answer: what is answered in place of Lago's words.
        ends: how the connection ends in place of, or (``cut``) within, the answer.
        keep: bytes of the body that are sent before it is cut.
        rolls_back: whether a refused batch leaves nothing behind.
        date: seconds by which the `Date` header is wrong.
    """

    before: float = 0.0
    after: float = 0.0
    works: bool = True
    answer: Answer | None = None
    ends: Literal["", "reset", "hang", "cut"] = ""
    keep: int = 0
    rolls_back: bool = True
    date: float = 0.0

    def __and__(self, other: LagoFault) -> LagoFault:
        """Both; where both say something of the same, the second's word counts."""
        plain = LagoFault()
        said = {field.name: getattr(other, field.name) for field in fields(LagoFault)}
        kept = {
            name: getattr(self, name) if value == getattr(plain, name) else value
            for name, value in said.items()
        }
        return LagoFault(**kept)


def slow(seconds: float, *, after: float = 0.0) -> LagoFault:
    """Lago begins only after so many seconds, and answers so many *after* its work."""
    return LagoFault(before=seconds, after=after)


def lost_ack() -> LagoFault:
    """Lago does what it is asked to, and its answer never comes: the connection is torn down."""
    return LagoFault(ends="reset")


def reset() -> LagoFault:
    """The connection is torn down before Lago has done anything."""
    return LagoFault(works=False, ends="reset")


def hang(*, works: bool = False) -> LagoFault:
    """No answer, and no end. *works*: whether Lago has done it all the same."""
    return LagoFault(works=works, ends="hang")


def truncated(keep: int = 20) -> LagoFault:
    """Lago does it; its answer breaks off behind *keep* bytes of its body."""
    return LagoFault(ends="cut", keep=keep)


def answered(answer: Answer, *, works: bool = False) -> LagoFault:
    """This is answered. *works*: whether Lago has done it all the same."""
    return LagoFault(works=works, answer=answer)


def status(code: int, said: Any = None, *, works: bool = False, **headers: str) -> LagoFault:
    """This status, in Lago's envelope unless *said* is something else (JSON); `_` in header names is `-`."""
    body = failed(code).body if said is None else json.dumps(said).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return answered(Answer(code, body, named), works=works)


def rate_limited(reset: float | None = 1, limit: int = 500) -> LagoFault:
    """429 by the cloud's edge: with its three headers, or (``None``) without any."""
    headers = {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": f"{reset:g}" if reset is not None else "",
    }
    said = failed(429, "rate_limit_exceeded")
    return answered(Answer(429, said.body, {} if reset is None else headers))


def html(code: int = 502) -> LagoFault:
    """A proxy's page, with whatever status."""
    page = b"<html><head><title>Bad gateway</title></head><body>nginx</body></html>"
    return answered(Answer(code, page, {"Content-Type": "text/html"}))


def empty(code: int = 200, *, works: bool = False) -> LagoFault:
    """No body."""
    return answered(Answer(code), works=works)


def garbage(code: int = 200, *, works: bool = False) -> LagoFault:
    """A body that says JSON and is none."""
    return answered(Answer(code, b'{"events": [\xff\x00'), works=works)


def details(said: Any) -> LagoFault:
    """422 with this as `error_details`: a text, an object, an object of objects; `None`: without any."""
    return answered(invalid(said))


def partial_commit() -> LagoFault:
    """A server from before December 2025: it refuses a batch, and keeps what is good of it."""
    return LagoFault(rolls_back=False)


def wrong_date(seconds: float) -> LagoFault:
    """The `Date` header is so many seconds ahead."""
    return LagoFault(date=seconds)
