"""``/key/…``: made, shown once, changed, blocked, replaced, deleted. What a key is and who shows it: ``auth``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from fastapi import APIRouter
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from ..auth import keys
from ..data.models import Key, Team
from ..data.models import Session as Login
from ..data.reports import last_used
from . import fields
from .asking import MODELS_ONLY, Asked, Asking, forbidden, missing, refused, there
from .durations import end_of, now, when
from .limits import Limits
from .rows import Held, answer, apply, drop, keep, limits_in, set_spend, stamp

__all__ = ["answer_of", "answers_of", "delete_keys", "generated", "router", "token_in"]

router = APIRouter(tags=["key management"])
_OWN: Final = frozenset({"key_alias", "metadata", "key", "new_key"})
"""What somebody may change of a key of his that somebody else has made."""
_SHOWN: Final = (
    "token",
    "key_name",
    "key_alias",
    "expires",
    "user_id",
    "team_id",
    "organization_id",
    "allowed_routes",
    "tags",
)
_ROUTES: Final = {
    "llm_api": MODELS_ONLY,
    "management": ["management_routes"],
    "read_only": ["info_routes"],
}
_LIMITING: Final = (
    "max_budget",
    "budget_id",
    "tpm_limit",
    "rpm_limit",
    "max_parallel_requests",
    "model_max_budget",
    "tags",
)
_UNLIMITED: Final[tuple[Any, ...]] = (None, {}, [])
_HEX: Final = frozenset("0123456789abcdef")
_TOKEN: Final = 64


def token_in(key: str) -> str:
    """What is kept of a key that is named by itself, or by that."""
    return key if len(key) == _TOKEN and _HEX.issuperset(key) else keys.token_of(key)


async def answer_of(asking: Asking, one: Held[Key]) -> dict[str, Any]:
    """A key as answers show it: never itself."""
    return (await answers_of(asking, [one]))[0]


async def answers_of(asking: Asking, found: Sequence[Held[Key]]) -> list[dict[str, Any]]:
    """Keys as answers show them. When they were used is the request log's to say, which is a moment behind."""
    tokens = [one.row.token for one in found]
    used = await asking.read(lambda session: last_used(session, tokens)) if tokens else {}
    return [{**await _shown(asking, one), **_used(used.get(one.row.token))} for one in found]


async def _shown(asking: Asking, one: Held[Key]) -> dict[str, Any]:
    empty: dict[str, Any] = {"aliases": {}, "config": {}, "permissions": {}}
    return {**await answer(asking, one, *_SHOWN), **empty}


def _used(at: datetime | None) -> dict[str, Any]:
    return {"last_active": when(at), "last_used": when(at)}


# --- making


@router.post("/key/generate")
async def generate(asking: Asked, body: fields.NewKey) -> dict[str, Any]:
    """Make a key. It is in this answer, and nowhere else ever after."""
    return await generated(asking, body)


async def generated(asking: Asking, body: fields.NewKey) -> dict[str, Any]:
    """Make a key, and say it."""
    if body.key is not None:
        asking.must_be_administrator()
    key, given = body.key or keys.generate(), body.given()
    one = await keep(asking, lambda session: (_made(session, asking, key, given), None))
    await set_spend(asking, one, given, new=True)
    return await _with(asking, key, one)


async def _with(asking: Asking, key: str, one: Held[Key]) -> dict[str, Any]:
    found = await answer_of(asking, one)
    return {**found, "key": key, "token_id": one.row.token}


def _made(session: Session, asking: Asking, key: str, given: Mapping[str, Any]) -> Key:
    row = Key(token=keys.token_of(key), key_name=keys.key_name(key))
    said = {"user_id": asking.subject.user or None, **given}
    if not asking.all and said.get("team_id") is None:
        said["team_id"] = asking.subject.team or None
    routes = _ROUTES.get(said.pop("key_type", None) or "")
    if routes and not said.get("allowed_routes"):
        said["allowed_routes"] = routes
    apply(row, said)
    row.expires = end_of(given.get("duration"), now())
    stamp(row, asking.name)
    _placed(session, row)
    if not asking.all:
        _check_maker(session, asking, row)
    session.add(row)
    return row


def _placed(session: Session, row: Key) -> None:
    """A team's key is its organisation's, too."""
    if row.team_id:
        team = session.get(Team, row.team_id)
        if team is None:
            raise refused(f"there is no team {row.team_id!r}: POST /team/new makes one", "team_id")
        row.organization_id = row.organization_id or team.organization_id


def _check_maker(session: Session, asking: Asking, row: Key) -> None:
    """Raise ``Refused`` (403) where a key would be more than he who asks has."""
    mine = asking.may_have(row)
    if not (mine or asking.administers_key(row)):
        raise forbidden("a key is for yourself, or for a team or organization that you administer")
    if row.tags or row.budget_id:
        raise forbidden("tags and budget_id are an administrator's to give")
    asking.check_owner(session, row)
    _bounded(_bounds(session, asking), row)


@dataclass(frozen=True, slots=True)
class _Bounds:
    """What the key can do that somebody asks with: he makes none that can do more."""

    limited: bool
    models: tuple[str, ...]
    allowed_routes: tuple[str, ...]
    expires: datetime | None


def _bounds(session: Session, asking: Asking) -> _Bounds | None:
    by = session.get(Key, asking.subject.key)
    if by is None:
        return None
    limited = any(getattr(by, name) not in _UNLIMITED for name in _LIMITING)
    return _Bounds(limited, tuple(by.models), tuple(by.allowed_routes), by.expires)


def _bounded(by: _Bounds | None, row: Key) -> None:
    if by is None:
        return
    if by.limited:
        raise forbidden("your key has limits of its own: keys are made with one that has none")
    for name in ("models", "allowed_routes"):
        mine, asked = getattr(by, name), getattr(row, name)
        if mine and not set(asked) <= set(mine):
            raise forbidden(f"{name} may be what your own key has: {', '.join(mine):.300}")
        if mine and not asked:
            setattr(row, name, list(mine))
    if by.expires is not None:
        row.expires = min(row.expires or by.expires, by.expires)


# --- changing


def _changeable(session: Session, asking: Asking, key: str) -> Key:
    """A key that may be changed; what is not his is not there for him."""
    row = session.get(Key, token_in(key))
    if row is None or not (asking.administers_key(row) or asking.owns(row)):
        raise missing("key")
    return row


@router.post("/key/update")
async def update(asking: Asked, body: fields.UpdatedKey) -> dict[str, Any]:
    """Change what is said of a key; what is not said stays."""
    given = body.given()

    def work(session: Session) -> tuple[Key, Limits]:
        row = _changeable(session, asking, body.key)
        before = limits_in(session, row)
        _change(session, asking, row, given)
        return row, before

    one = await keep(asking, work)
    await asking.gateway.bearers.forget(one.row.token)
    await set_spend(asking, one, given, new=False)
    return {**await answer_of(asking, one), "key": body.key}


def _change(session: Session, asking: Asking, row: Key, given: Mapping[str, Any]) -> None:
    bounds = _bounds(session, asking)
    if not asking.all:
        _check_change(asking, row, given)
    apply(row, given)
    if "duration" in given:
        row.expires = end_of(given["duration"], now())
    _placed(session, row)
    stamp(row, asking.name)
    if not asking.all:
        if not (asking.administers_key(row) or asking.may_have(row)):
            raise forbidden("a key stays with you, or with what you administer")
        if not asking.administers_key(row) and given.keys() - _OWN:
            _bounded(bounds, row)


def _check_change(asking: Asking, row: Key, given: Mapping[str, Any]) -> None:
    """Raise ``Refused`` (403) for what he who asks may not change of a key that he may see."""
    own_making = asking.owns(row) and row.created_by == asking.name
    said = {name for name in given if name not in _OWN}
    if said and not (own_making or asking.administers_key(row)):
        raise forbidden(
            f"an administrator made this key: {', '.join(sorted(said))} are his to change"
        )
    never = {"tags", "budget_id", "spend"} & said
    if row.user_id != asking.subject.user:
        never |= {"user_id", "allowed_routes"} & said
    elif given.get("user_id", row.user_id) != row.user_id:
        never.add("user_id")
    if never:
        raise forbidden(f"{', '.join(sorted(never))}: only an administrator changes this")


@router.post("/key/block")
async def block(asking: Asked, body: fields.OneKey) -> dict[str, Any]:
    """Take a key no more, from the next request on, in every process."""
    return await _blocked(asking, body.key, blocked=True)


@router.post("/key/unblock")
async def unblock(asking: Asked, body: fields.OneKey) -> dict[str, Any]:
    """Take a key again; its owner alone cannot do that."""
    return await _blocked(asking, body.key, blocked=False)


async def _blocked(asking: Asking, key: str, *, blocked: bool) -> dict[str, Any]:
    def work(session: Session) -> Held[Key]:
        row = _changeable(session, asking, key)
        if not blocked and not asking.administers_key(row):
            raise forbidden("only an administrator lets a key be used again")
        row.blocked = blocked
        stamp(row, asking.name)
        return Held(row, limits_in(session, row))

    one = await asking.run(work)
    await asking.gateway.bearers.forget(one.row.token)
    return await answer_of(asking, one)


# --- replacing


@router.post("/key/regenerate")
async def regenerate(asking: Asked, body: fields.Regenerated) -> dict[str, Any]:
    """Put another key in the place of one, which is taken no more. Limits and spend go on."""
    if body.key is None:
        raise refused("say which key: {'key': …}", "key")
    return await _regenerated(asking, body.key, body)


@router.post("/key/{key}/regenerate")
async def regenerate_named(
    asking: Asked, key: str, body: fields.Regenerated | None = None
) -> dict[str, Any]:
    """``/key/regenerate`` of the key that the path names."""
    return await _regenerated(asking, key, body or fields.Regenerated())


async def _regenerated(asking: Asking, old: str, body: fields.Regenerated) -> dict[str, Any]:
    if body.new_key is not None:
        asking.must_be_administrator()
    new, given = body.new_key or keys.generate(), body.given()
    tokens: list[str] = []

    def work(session: Session) -> tuple[Key, Limits]:
        row = _changeable(session, asking, old)
        if not asking.all and row.user_id != asking.subject.user and _manages(row):
            raise forbidden("with this key somebody else manages what is his: he replaces it")
        before = limits_in(session, row)
        _change(session, asking, row, given)
        tokens.append(row.token)
        return _replaced(session, row, new), before

    one = await keep(asking, work)
    await asking.gateway.bearers.forget(tokens[0])
    return await _with(asking, new, one)


def _manages(row: Key) -> bool:
    return row.user_id is not None and row.allowed_routes != MODELS_ONLY


def _replaced(session: Session, row: Key, new: str) -> Key:
    _end_logins(session, row.token)
    row.account = row.account or row.token
    row.token, row.key_name = keys.token_of(new), keys.key_name(new)
    return row


def _end_logins(session: Session, token: str) -> None:
    session.execute(delete(Login).where(Login.key == token))


@router.post("/key/{key}/reset_spend")
async def reset_spend(asking: Asked, key: str, body: fields.ResetSpend) -> dict[str, Any]:
    """Begin a key's budget anew."""
    asking.must_be_administrator()
    one = await asking.read(lambda session: _held(session, key))
    await set_spend(asking, one, {"spend": body.reset_to}, new=False)
    return {**await answer_of(asking, one), "key_hash": one.row.token}


def _held(session: Session, key: str) -> Held[Key]:
    row = there(session.get(Key, token_in(key)), "key")
    return Held(row, limits_in(session, row))


# --- ending


@router.post("/key/delete")
async def remove(asking: Asked, body: fields.Keys) -> dict[str, Any]:
    """Delete keys, all of them or none. What they spent stays in the ledger."""

    def rows(session: Session) -> list[Key]:
        found = [_changeable(session, asking, key) for key in body.keys or ()]
        for alias in body.key_aliases or ():
            row = session.scalar(select(Key).where(Key.key_alias == alias))
            found.append(_changeable(session, asking, row.token if row else alias))
        return list(dict.fromkeys(found))

    gone = await delete_keys(asking, rows)
    named = body.keys or [one.row.token for one in gone]
    return {"deleted_keys": named, "failed_tokens": []}


async def delete_keys(asking: Asking, rows: Callable[[Session], list[Key]]) -> list[Held[Key]]:
    """Delete the keys that this finds, in one transaction."""

    def work(session: Session) -> list[Held[Key]]:
        gone = [Held(row, limits_in(session, row)) for row in rows(session)]
        for one in gone:
            _end_logins(session, one.row.token)
            session.delete(one.row)
        return gone

    gone = await asking.run(work)
    for one in gone:
        await asking.gateway.bearers.forget(one.row.token)
    await drop(asking, gone)
    return gone
