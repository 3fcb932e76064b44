"""Sessions: what a page gets for a key, what its cookie is good for, and when it ends."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update

from llmkit.proxy.auth.bearers import Bearers
from llmkit.proxy.auth.keys import generate, token_of
from llmkit.proxy.auth.shown import COOKIE, COOKIE_HTTPS
from llmkit.proxy.data.database import Database
from llmkit.proxy.data.models import Session
from llmkit.proxy.failure import Refused

from .._kit import MASTER, Called, called
from ._kit import change, delete, new_key, now, person, shown

pytestmark = pytest.mark.asyncio


async def login(app: Called, key: str, **more: Any) -> httpx.Response:
    """Log in with a key; the client keeps no cookie."""
    answer = await app.http.post("/login", json={"key": key}, **more)
    app.http.cookies.clear()
    return answer


async def who(app: Called, token: str, **headers: str) -> Any:
    """Whose a session's cookie is; the refusal where it is nobody's."""
    try:
        return await app.gateway.bearers.subject(headers, {COOKIE: token})
    except Refused as refused:
        return refused


def count(database: Database) -> int:
    """How many sessions are kept."""
    return database.read_sync(lambda it: it.scalar(select(func.count()).select_from(Session)) or 0)


async def test_a_session_of_a_key(tmp_path: Path) -> None:
    """Its token is in the body and in a cookie that no script reads; its hash alone is kept."""
    async with called(tmp_path, key=None) as app:
        person(app.gateway.database, "ann", user_role="proxy_admin_viewer")
        key = new_key(app.gateway.database, user_id="ann", key_alias="hers")
        answer = await login(app, key)
        said = answer.json()
        token = said["token"]
        cookie = answer.headers["set-cookie"]
        assert (said["user_id"], said["user_role"]) == ("ann", "proxy_admin_viewer")
        assert said["expires_in"] == pytest.approx(24 * 3600, abs=60)
        assert cookie.startswith(f"{COOKIE}={token}; HttpOnly; Max-Age=86")
        assert "Path=/; SameSite=strict" in cookie
        assert "Domain" not in cookie
        assert "Secure" not in cookie
        subject = await who(app, token)
        assert (subject.user, subject.key, subject.alias) == ("ann", token_of(key), "hers")
        assert await app.gateway.bearers.subject(shown(token), {}) == subject
        rows = app.gateway.database.read_sync(lambda it: list(it.scalars(select(Session))))
        assert [(row.token, row.key) for row in rows] == [(token_of(token), token_of(key))]


async def test_over_https_the_cookie_is_the_host_s_own(tmp_path: Path) -> None:
    """No other host of the domain, and no page that came unencrypted, can put one of its own in its place."""
    async with called(tmp_path, key=None) as app:
        key = new_key(app.gateway.database)
        answer = await app.http.post("https://gateway/login", json={"key": key})
        assert answer.headers["set-cookie"].startswith(COOKIE_HTTPS + "=")
        assert answer.headers["set-cookie"].endswith("; Secure")
        tossed = (await login(app, new_key(app.gateway.database))).json()["token"]
        cookies = {COOKIE: tossed, COOKIE_HTTPS: answer.json()["token"]}
        assert (await app.gateway.bearers.subject({}, cookies)).key == token_of(key)


async def test_unknown_keys_get_one_answer(tmp_path: Path) -> None:
    """The same as anywhere else, and no cookie."""
    async with called(tmp_path, key=None) as app:
        for key in ("", "sk-" + "unknown", "a.b.c", generate("session-")):
            answer = await app.http.post("/login", json={"key": key})
            assert answer.status_code == 401
            assert answer.json()["error"]["code"] == "invalid_api_key"
            assert "set-cookie" not in answer.headers
        assert (await app.http.post("/login")).status_code == 401
        assert (await app.http.post("/login", headers=shown(MASTER))).status_code == 200


async def test_only_json_logs_in(tmp_path: Path) -> None:
    """What a form on somebody else's page could send is not read."""
    said = f'{{"key": "{MASTER}"}}'
    wrong: list[tuple[dict[str, Any], int]] = [
        ({"data": {"key": MASTER}}, 415),
        ({"content": said, "headers": {"content-type": "text/plain"}}, 415),
        ({"content": said}, 415),
        ({"json": {"key": [MASTER]}}, 400),
        ({"json": [MASTER]}, 400),
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400),
        ({"content": b" " * 9000, "headers": {"content-type": "application/json"}}, 413),
    ]
    async with called(tmp_path, key=None) as app:
        for how, status in wrong:
            assert (await app.http.post("/login", **how)).status_code == status, how
        assert count(app.gateway.database) == 0


async def test_a_session_does_not_open_another(tmp_path: Path) -> None:
    """Nor is what a client brings ever made a session (fixation)."""
    async with called(tmp_path, key=None) as app:
        key = new_key(app.gateway.database)
        token = (await login(app, key)).json()["token"]
        assert (await login(app, token)).status_code == 401
        brought = generate("session-")
        answer = await login(app, key, headers={"cookie": f"{COOKIE}={brought}"})
        assert answer.json()["token"] not in {brought, token}
        assert (await who(app, brought)).status == 401


async def test_a_key_in_a_cookie_is_none(tmp_path: Path) -> None:
    """Cookies are for sessions only."""
    async with called(tmp_path, key=None) as app:
        assert (await who(app, MASTER)).status == 401


async def test_refresh(tmp_path: Path) -> None:
    """A new token, and the old one is good no longer; of two at once one is answered."""
    async with called(tmp_path, key=None) as app:
        old = (await login(app, MASTER)).json()["token"]
        both = await asyncio.gather(
            *(app.http.post("/refresh", headers=shown(old)) for _ in range(2))
        )
        app.http.cookies.clear()
        assert sorted(answer.status_code for answer in both) == [200, 401]
        new = next(answer.json()["token"] for answer in both if answer.is_success)
        assert (await who(app, old)).status == 401
        assert (await who(app, new)).reserved
        assert count(app.gateway.database) == 1
        assert (await app.http.post("/refresh", headers=shown(MASTER))).status_code == 401
        assert (await app.http.post("/refresh")).status_code == 401


async def test_logout(tmp_path: Path) -> None:
    """At once, as often as wanted; the browser is told to forget."""
    async with called(tmp_path, key=None) as app:
        token = (await login(app, MASTER)).json()["token"]
        await who(app, token)
        for _ in range(2):
            answer = await app.http.post("/logout", headers={"cookie": f"{COOKIE}={token}"})
            assert answer.json() == {"logged_out": True}
            assert len(answer.headers.get_list("set-cookie")) == 2
            assert all("Max-Age=0" in one for one in answer.headers.get_list("set-cookie"))
        assert (await who(app, token)).status == 401
        assert count(app.gateway.database) == 0


async def test_a_session_ends_with_its_key(tmp_path: Path) -> None:
    """Whatever ends it; and by itself after its time."""
    past = now() - timedelta(seconds=1)
    ends: dict[str, Any] = {
        "blocked": lambda database, key: change(database, key, blocked=True),
        "expired": lambda database, key: change(database, key, expires=past),
        "deleted": delete,
        "over": lambda database, key: database.run_sync(
            lambda it: it.execute(update(Session).values(expires=past))
        ),
    }
    async with called(tmp_path, key=None) as app:
        database, bearers = app.gateway.database, app.gateway.bearers
        for how, end in ends.items():
            key = new_key(database)
            token = (await login(app, key)).json()["token"]
            assert (await who(app, token)).key == token_of(key)
            end(database, key)
            await bearers.forget(token_of(key))
            assert (await who(app, token)).status == 401, how
            assert (await app.http.post("/refresh", headers=shown(token))).status_code == 401


async def test_another_master_key_ends_the_sessions_of_the_last(tmp_path: Path) -> None:
    """They were that key's."""
    async with called(tmp_path, key=None) as app:
        token = (await login(app, MASTER)).json()["token"]
    async with called(tmp_path, key=None, master_key=None) as app:
        assert (await who(app, token)).status == 401


async def test_sessions_do_not_pile_up(tmp_path: Path) -> None:
    """Those that have ended go, and of one key there are so many at most."""
    async with called(tmp_path, key=None) as app:
        database = app.gateway.database
        past = now() - timedelta(seconds=1)
        old = [Session(token=f"{n:064}", key="k", expires=past) for n in range(5)]
        more = [
            Session(
                token=f"{n:064x}", key=token_of(MASTER), expires=now() + timedelta(hours=n / 100)
            )
            for n in range(10, 80)
        ]
        database.run_sync(lambda it: it.add_all([*old, *more]))
        await login(app, MASTER)
        assert count(database) == 50


ORIGINS = [
    ({}, 200),
    ({"sec-fetch-site": "same-origin", "origin": "http://behind.example"}, 200),
    ({"sec-fetch-site": "none"}, 200),
    ({"origin": "http://gateway"}, 200),
    ({"origin": "https://page.example", "sec-fetch-site": "cross-site"}, 200),
    ({"sec-fetch-site": "same-site", "origin": "http://sibling.gateway"}, 403),
    ({"sec-fetch-site": "cross-site"}, 403),
    ({"sec-fetch-site": "cross-site", "origin": "http://gateway"}, 403),
    ({"origin": "http://evil.example"}, 403),
    ({"origin": "http://gateway.evil.example"}, 403),
    ({"origin": "http://gateway:81"}, 403),
    ({"origin": "null"}, 403),
    ({"origin": "http://["}, 403),
]


async def test_a_cookie_is_for_our_own_pages(tmp_path: Path) -> None:
    """A browser adds it to whatever a page sends (CSRF); a request of another page's is not heeded."""
    async with called(tmp_path, key=None, cors_origins=("https://page.example",)) as app:
        token = (await login(app, MASTER)).json()["token"]
        for headers, status in ORIGINS:
            app.http.cookies.clear()
            shows = {"cookie": f"{COOKIE}={token}", **headers}
            answer = await app.http.post("/refresh", headers=shows)
            assert answer.status_code == status, headers
            if status == 200:
                token = answer.json()["token"]
                continue
            assert (await app.http.post("/logout", headers=shows)).status_code == 403
            # A key that a page has itself is no cookie.
            assert (await app.gateway.bearers.subject({**headers, **shown(MASTER)}, {})).reserved
        assert count(app.gateway.database) == 1


async def test_a_wildcard_lets_no_page_use_cookies(tmp_path: Path) -> None:
    """Every page may ask with a key of its own; none with a cookie."""
    async with called(tmp_path, key=None, cors_origins=("*",)) as app:
        token = (await login(app, MASTER)).json()["token"]
        assert (await who(app, token, origin="http://evil.example", host="gateway")).status == 403


async def test_bearers_without_a_gateway_s_begin(tmp_path: Path) -> None:
    """Before they are opened, and after they are closed, nothing is remembered."""
    async with called(tmp_path, key=None) as app:
        bearers = Bearers(app.gateway.settings, app.gateway.database)
        key = new_key(app.gateway.database)
        assert (await bearers.subject(shown(key), {})).key == token_of(key)
        change(app.gateway.database, key, blocked=True)
        with pytest.raises(Refused, match="blocked"):
            await bearers.subject(shown(key), {})
