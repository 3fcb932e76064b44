"""What is kept: the answers of a call's exchanges as they came, and how such an entry is written and read.

An entry holds bytes and not models, so that it is read by the very wire that reads the provider, streams included, and
by a later version of it. What is damaged, or somebody else's, is told from what is another version's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from ..._http import HTTPResponse
from ..._secret import Secret, redact_headers

__all__ = ["DamagedEntry", "Entry", "Exchange", "packed", "unpacked"]

_MAGIC: Final = b"llmkit-cache\x01"
_NAME: Final = b"llmkit-cache"
_SUM: Final = 16
_A_KEY: Final = 12
"""Characters of a key at least: what is shorter stands where none is needed, and is a word like any in an answer."""
_PASSING: Final = frozenset({
    "age", "alt-svc", "connection", "content-encoding", "content-length", "date", "keep-alive", "nel", "report-to",
    "retry-after", "set-cookie", "strict-transport-security", "transfer-encoding",
})  # fmt: skip
"""Headers of an exchange, and not of its answer."""


class DamagedEntry(Exception):
    """What was found is no entry."""


class Exchange(NamedTuple):
    """One answer: its head, and its body in the pieces in which it came."""

    status: int
    headers: Mapping[str, str]
    pieces: Sequence[bytes]

    @property
    def response(self) -> HTTPResponse:
        """As a wire reads it."""
        return HTTPResponse(self.status, self.headers, b"".join(self.pieces))


class Entry(NamedTuple):
    """An answer that is kept: its exchanges, the last one a stream's if ``stream``; ``made``: Unix time."""

    key: str
    made: float
    stream: bool
    exchanges: Sequence[Exchange]


def packed(entry: Entry, secrets: Iterable[Secret] = ()) -> bytes | None:
    """The entry as bytes; ``None`` where a credential is in what came: that is kept nowhere."""
    known = tuple(secrets)
    bodies = [piece for one in entry.exchanges for piece in one.pieces]
    keys = [key.encode() for s in known if len(key := s.reveal()) >= _A_KEY]
    whole = b"".join(bodies)
    if any(key in whole for key in keys):
        return None
    head: dict[str, Any] = {
        "key": entry.key,
        "made": entry.made,
        "stream": entry.stream,
        "exchanges": [_head(one, known) for one in entry.exchanges],
    }
    text = json.dumps(head, separators=(",", ":")).encode()
    rest = len(text).to_bytes(4, "big") + text + whole
    return _MAGIC + _sum(rest) + rest


def _head(one: Exchange, secrets: Sequence[Secret]) -> list[Any]:
    said = {
        name: value
        for name, value in one.headers.items()
        if name not in _PASSING and "ratelimit" not in name
    }
    return [one.status, redact_headers(said, secrets), [len(piece) for piece in one.pieces]]


def unpacked(data: bytes, keys: Sequence[str]) -> Entry | None:
    """An entry from its bytes; ``None``: another version's.

    Raises:
        DamagedEntry: it is no entry, not a whole one, or that of another key.
    """
    start = len(_MAGIC)
    if data[:start] != _MAGIC:
        if data.startswith(_NAME):
            return None
        raise DamagedEntry("it is nothing that llmkit wrote")
    rest = data[start + _SUM :]
    if _sum(rest) != data[start : start + _SUM]:
        raise DamagedEntry("its checksum is wrong")
    try:
        size = int.from_bytes(rest[:4], "big")
        head = json.loads(rest[4 : 4 + size])
        found = Entry(
            head["key"],
            head["made"],
            head["stream"],
            _exchanges(head, memoryview(rest)[4 + size :]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedEntry("it cannot be read") from error
    if found.key not in keys:
        raise DamagedEntry("it is another call's")
    return found


def _exchanges(head: Mapping[str, Any], bodies: memoryview) -> list[Exchange]:
    found, at = [], 0
    for status, headers, lengths in head["exchanges"]:
        pieces = []
        for length in lengths:
            pieces.append(bytes(bodies[at : at + length]))
            at += length
        found.append(Exchange(status, headers, pieces))
    return found


def _sum(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_SUM, person=b"llmkit-entry").digest()
