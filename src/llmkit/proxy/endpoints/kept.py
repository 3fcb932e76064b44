"""Whose files and batches are: nobody reads, uses or deletes those of another key's, but an administrator.

All keys share the gateway's account at a provider, which therefore tells them nothing apart. What was not made through
the gateway is nobody's, and what is another's is answered just as what there is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..data import keeping
from ..data.keeping import Thing, Where
from ..data.models import Kept
from ..failure import Refused
from ..gateway import Gateway
from ..subject import Subject

__all__ = [
    "NAMES_OF_FILES",
    "check_ids",
    "find",
    "ids_in",
    "missing",
    "note",
    "owner_of",
    "plausible",
    "whose",
]

_LONGEST = 512
_FILES = frozenset({"file_id", "file_ids", "input_file_id"})
_ADDRESSES = frozenset({"fileUri", "file_uri"})
_AT_GOOGLE = re.compile(
    r"(?:https?://generativelanguage\.googleapis\.com(?::\d+)?/[^?#]*?)?(files/[^/?#]+)[^/]*",
    re.IGNORECASE,
)
"""Gemini's files are named by their address, or by its end: https://ai.google.dev/api/files, read 2026-11-23."""

NAMES_OF_FILES = (b"file_id", b"fileUri", b"file_uri", b"\\u")
"""What the bytes of a body have in them where ``ids_in`` may find any."""


def owner_of(subject: Subject) -> str:
    """Who has what this subject makes: the key, also once it was regenerated."""
    key = getattr(subject, "account", "") or subject.key
    if key:
        return f"key:{key}"
    return f"user:{subject.user}" if subject.user else "master"


def whose(subject: Subject) -> str | None:
    """Whose things this subject may see; ``None``: everybody's."""
    return None if subject.role == "proxy_admin" else owner_of(subject)


async def note(
    gateway: Gateway,
    kind: Thing,
    owner: str,
    there: Where,
    told: Mapping[str, Any],
    models: Iterable[str] = (),
    money: Mapping[str, Any] | None = None,
) -> None:
    """Keep whose it is, what the provider says of it, and what it has to do with money (``None``: as it was)."""
    named = list(models)
    await gateway.database.run(
        lambda session: keeping.keep(session, kind, owner, there, told, models=named, money=money)
    )


async def find(gateway: Gateway, subject: Subject, kind: Thing, id_: str) -> Kept:
    """What this subject has by this id. Raises ``Refused`` (404)."""
    row = None
    if plausible(id_):
        owner = whose(subject)
        row = await gateway.database.read(lambda session: keeping.find(session, kind, id_, owner))
    if row is None:
        raise missing(kind, id_)
    return row


def plausible(id_: str) -> bool:
    """Whether something may be called so: no database holds a null character in a text, nor half a character."""
    return len(id_) <= _LONGEST and id_.isprintable()


def missing(kind: Thing, id_: str, param: str | None = None) -> Refused:
    """The answer for what there is not, and for what is another's."""
    return Refused(404, f"you have no {kind} {id_[:100]!r}", "not_found_error", param=param)


async def check_ids(gateway: Gateway, subject: Subject, ids: Iterable[str]) -> None:
    """See that what a request names is its sender's: a model would tell what is in a file.

    Args:
        gateway: whose files they are.
        subject: who asks.
        ids: of files, as ``ids_in`` finds them, batches and stored answers.

    Raises:
        Refused: 404, one of them is not.
    """
    every, owner = set(ids), whose(subject)
    if not every or owner is None:
        return
    asked = {id_ for id_ in every if plausible(id_)}
    found = await gateway.database.read(lambda session: keeping.owned(session, asked, owner))
    for id_ in every - found:
        raise Refused(404, f"you have nothing by the id {id_[:100]!r}", "not_found_error")


def ids_in(body: Any) -> Iterator[str]:
    """The ids of files that a request's body names, at whatever depth."""
    left = [body]
    while left:
        one = left.pop()
        if isinstance(one, list):
            left += one
        elif isinstance(one, dict):
            for name, value in one.items():
                if name in _FILES or name in _ADDRESSES:
                    yield from _ids(value, any_=name in _FILES)
                elif isinstance(value, dict | list):
                    left.append(value)


def _ids(value: Any, *, any_: bool) -> Iterator[str]:
    """Ids; of addresses only those that are Google's, as others are somewhere in the world."""
    for one in value if isinstance(value, list) else [value]:
        found = _AT_GOOGLE.fullmatch(one) if isinstance(one, str) else None
        if found is not None:
            yield found[1]
        elif any_ and isinstance(one, str):
            yield one
