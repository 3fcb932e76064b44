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
    "check_ids",
    "drop",
    "find",
    "ids_in",
    "missing",
    "named_in",
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

_TOP = {"container": "id", "conversation": "id", "prompt": "id"}
"""Fields of a body that name what the account has, and where in it, if they are objects: OpenAI's and Anthropic's."""
_CACHES = ("cachedContent", "cached_content")
_STORES = ("vector_store_ids", "vectorStoreIds", "fileSearchStoreNames", "file_search_store_names")

_OF_ACCOUNT = frozenset({*_TOP, *_CACHES, "tools", "input"})
_NAMES_OF_FILES = (b"file_id", b"fileUri", b"file_uri", b"\\u")
"""What the bytes of a body have in them where it may name files."""


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


async def drop(gateway: Gateway, row: Kept) -> None:
    """It is there no more."""
    await gateway.database.run(lambda session: keeping.drop(session, row))


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


def named_in(body: bytes, fields: dict[str, Any], *, shared: bool) -> list[str]:
    """``ids_in`` of a body and what was read of it: few name files, also with a letter of that name escaped, and only
    those are looked through.
    """
    found: list[str] = []
    if not shared and not _OF_ACCOUNT.isdisjoint(fields):
        found += _of_account(fields)
    id_, address, other, escaped = _NAMES_OF_FILES
    if id_ in body or address in body or other in body or escaped in body:
        found += ids_in(fields, shared=True)
    return found


def ids_in(body: Any, *, shared: bool = False) -> Iterator[str]:
    """The ids that a request's body names: of files at whatever depth, and of what else the account has.

    ``shared``: containers, vector stores, conversations, prompts, caches and stored items are everybody's.
    """
    if not shared and isinstance(body, dict):
        yield from _of_account(body)
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


def _of_account(body: Mapping[str, Any]) -> Iterator[str]:
    """What is named where a provider reads it: a tool's arguments may have fields of these names, too."""
    for name, within in _TOP.items():
        yield from _named(body.get(name), within, texts=name != "prompt")
    for name in _CACHES:
        yield from _named(body.get(name), "name")
    for tool in _objects(body.get("tools")):
        yield from _named(tool.get("container"), "id")
        # Gemini's stand one level deeper.
        for one in (tool, *_objects(list(tool.values()))):
            for name in _STORES:
                found = one.get(name)
                yield from (
                    id_
                    for id_ in (found if isinstance(found, list) else ())
                    if isinstance(id_, str)
                )
    for item in _objects(body.get("input")):
        if item.get("type") == "item_reference":
            yield from _named(item, "id")


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    return (one for one in (value if isinstance(value, list) else ()) if isinstance(one, dict))


def _named(value: Any, within: str, *, texts: bool = True) -> Iterator[str]:
    found = value.get(within) if isinstance(value, dict) else value if texts else None
    if isinstance(found, str) and found:
        yield found


def _ids(value: Any, *, any_: bool) -> Iterator[str]:
    """Ids; of addresses only those that are Google's, as others are somewhere in the world."""
    for one in value if isinstance(value, list) else [value]:
        found = _AT_GOOGLE.fullmatch(one) if isinstance(one, str) else None
        if found is not None:
            yield found[1]
        elif any_ and isinstance(one, str):
            yield one
