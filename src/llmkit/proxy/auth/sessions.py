"""Sessions of people who use a page: ``/login`` makes one of a key, ``/refresh`` a new one of it, ``/logout`` ends it.

A session's token is made here, never taken from a request; it may do what its key may, and is good as long as that is.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session as Transaction
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from ..data.models import Session
from ..endpoints.asking import body_of, fields_of
from ..failure import Refused
from ..subject import Subject
from .bearers import SESSION, unknown
from .keys import generate, token_of
from .shown import COOKIE, COOKIE_HTTPS, shown_by

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from ..gateway import Gateway

__all__ = ["routes"]

_LONGEST: Final = 8 * 1024
"""Bytes of a body."""
_MOST: Final = 50
"""Sessions of one key; the oldest end where there are more."""


def routes(gateway: Gateway) -> list[BaseRoute]:
    """``POST /login``, ``/refresh``, ``/logout``."""
    desk = _Desk(gateway)
    return [
        Route("/login", desk.login, methods=["POST"]),
        Route("/refresh", desk.refresh, methods=["POST"]),
        Route("/logout", desk.logout, methods=["POST"]),
    ]


class _Desk:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._span = timedelta(hours=gateway.settings.session_hours)

    async def login(self, request: Request) -> Response:
        """A session of the key in the body's ``key``, or in a header. It lasts no longer than its key."""
        key = await _key(request)
        if not key or key.startswith(SESSION):
            raise unknown()
        subject = await self._gateway.bearers.subject({}, {}, key)
        if subject.key != token_of(key) and not subject.reserved:
            raise unknown()
        row, made = self._made(token_of(key))
        await self._gateway.database.run(lambda transaction: _opened(transaction, row))
        return _begun(request, subject, made, row.expires)

    async def refresh(self, request: Request) -> Response:
        """A new session in place of the one that is shown, which ends."""
        old, subject = await self._session(request)
        key = await self._gateway.database.read(
            lambda transaction: transaction.scalar(select(Session.key).where(Session.token == old))
        )
        row, made = self._made(key or "")
        if not await self._gateway.database.run(lambda it: _replaced(it, old, row)):
            raise unknown()
        await self._gateway.bearers.forget(old)
        return _begun(request, subject, made, row.expires)

    async def logout(self, request: Request) -> Response:
        """End the session that is shown, if there is one, and let the browser forget it."""
        try:
            old, _ = await self._session(request)
        except Refused as refused:
            if refused.status != 401:  # noqa: PLR2004 - HTTP's
                raise
        else:
            await self._gateway.database.run(lambda it: _ended(it, old))
            await self._gateway.bearers.forget(old)
        answer = JSONResponse({"logged_out": True})
        for name in (COOKIE, COOKIE_HTTPS):
            _set(answer, request, name, "", 0)
        return answer

    async def _session(self, request: Request) -> tuple[str, Subject]:
        """The hash of the session that is shown, and whose it is."""
        cookies = request.cookies
        shown = shown_by(request.headers) or cookies.get(COOKIE_HTTPS) or cookies.get(COOKIE) or ""
        subject = await self._gateway.bearers.subject(request.headers, cookies)
        request.scope.setdefault("state", {})["subject"] = subject
        if not shown.startswith(SESSION):
            raise unknown()
        return token_of(shown), subject

    def _made(self, key: str) -> tuple[Session, str]:
        made = generate(SESSION)
        ends = datetime.now(UTC).replace(tzinfo=None) + self._span
        # Where its key ends before, so does what it may do: the key's row is read with it.
        return Session(token=token_of(made), key=key, expires=ends), made


async def _key(request: Request) -> Any:
    """The key that is shown. Only JSON is read: no form on somebody else's page can send that."""
    body = await body_of(request.receive, _LONGEST)
    if not body:
        return shown_by(request.headers)
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Refused(415, 'send JSON: {"key": "sk-…"}', "bad_request_error")
    key = fields_of(body).get("key")
    if not isinstance(key, str):
        raise Refused(400, "'key' is the key to log in with", "bad_request_error", param="key")
    return key


def _opened(transaction: Transaction, row: Session) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    transaction.execute(delete(Session).where(Session.expires <= now))
    older = select(Session.token).where(Session.key == row.key)
    surplus = transaction.scalars(older.order_by(Session.expires.desc()).offset(_MOST - 1)).all()
    transaction.execute(delete(Session).where(Session.token.in_(surplus)))
    transaction.add(row)


def _replaced(transaction: Transaction, old: str, row: Session) -> bool:
    """Of two who refresh one session at once, one succeeds."""
    if not _ended(transaction, old):
        return False
    transaction.add(row)
    return True


def _ended(transaction: Transaction, token: str) -> bool:
    ended = delete(Session).where(Session.token == token).returning(Session.token)
    return transaction.scalar(ended) is not None


def _begun(request: Request, subject: Subject, token: str, ends: datetime) -> Response:
    seconds = round((ends - datetime.now(UTC).replace(tzinfo=None)).total_seconds())
    answer = JSONResponse(
        {
            "token": token,
            "token_type": "Bearer",
            "expires": ends.replace(tzinfo=UTC).isoformat(),
            "expires_in": seconds,
            "user_id": subject.user or None,
            "user_role": subject.role,
            "team_id": subject.team or None,
            "key_name": subject.key_name or None,
            "key_alias": subject.alias or None,
        }
    )
    _set(answer, request, COOKIE_HTTPS if _secure(request) else COOKIE, token, seconds)
    return answer


def _secure(request: Request) -> bool:
    return request.url.scheme == "https"


def _set(answer: Response, request: Request, name: str, value: str, seconds: int) -> None:
    answer.set_cookie(
        name,
        value,
        max_age=seconds,
        path="/",
        httponly=True,
        samesite="strict",
        # Browsers keep what begins with __Host- only so.
        secure=_secure(request) or name == COOKIE_HTTPS,
    )
