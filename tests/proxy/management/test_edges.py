"""What callers of the management get wrong, and what few of them ask: each is told what to change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from .._kit import MASTER, Called, called, shown
from ._asks import ask, chat, get, post, refused, user

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Called]:
    """One gateway for all of these: each makes its own rows."""
    async with called(tmp_path_factory.mktemp("edges")) as made:
        yield made


# --- bodies as programs send them


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain; charset=utf-8"])
async def test_curl_needs_no_content_type(app: Called, kind: str) -> None:
    """``curl -d`` says that JSON is a web page's form."""
    headers = {**shown(MASTER), "content-type": kind}
    made = await app.http.post("/key/generate", content=b'{"max_budget": 5}', headers=headers)
    assert made.status_code == 200, made.text
    assert made.json()["max_budget"] == 5
    wrong = await app.http.post("/key/generate", content=b"max_budget=5", headers=headers)
    assert wrong.status_code == 422
    assert "JSON" in wrong.json()["error"]["message"]


async def test_a_page_of_somebody_elses_cannot_send_one(app: Called) -> None:
    """Who shows no key but a cookie has to say that it is JSON, which a form of a browser cannot."""
    key = await user(app, "browsing")
    cookies = (await app.http.post("/login", json={"key": key}, headers={})).cookies
    app.http.cookies.clear()
    cookie = {"cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    without = {"authorization": "", **cookie}
    for kind, status in (("text/plain", 422), ("application/json", 200)):
        headers = {**without, "content-type": kind}
        found = await app.http.post("/key/generate", content=b"{}", headers=headers)
        assert found.status_code == status, found.text


# --- users


async def test_users_who_are_made_into_teams(app: Called) -> None:
    """With the role that is said, in teams that there are."""
    for team in ("north", "south"):
        await post(app, "/team/new", team_id=team)
    said = ["north", {"team_id": "south", "user_role": "admin"}]
    made = await post(app, "/user/new", user_id="ned", teams=said)
    assert made["teams"] == ["north", "south"]
    assert (await get(app, "/v2/user/info", user_id="ned"))["teams"] == ["north", "south"]
    strange: list[Any] = [[{"team_id": 5}], [{"team_id": "north", "user_role": "king"}], [{}]]
    for wrong in strange:
        said_back = await refused(app, "/user/new", None, 400, user_id="nobody", teams=wrong)
        assert "team_id" in said_back
    await refused(app, "/user/new", None, 404, user_id="nobody", teams=["west"])
    assert await post(app, "/user/delete", user_ids=["ned"]) == 1
    members = await get(app, "/team/info", team_id="south")
    assert "ned" not in str(members["team_info"]["members_with_roles"])


async def test_users_are_found_by_what_is_said_of_them(app: Called) -> None:
    """By role, ids, team; one of several by one address is nobody."""
    await post(app, "/team/new", team_id="finders")
    for name in ("f1", "f2"):
        await post(app, "/user/new", user_id=name, user_email="f@example.org", teams=["finders"])
    await post(app, "/user/new", user_id="f3", user_role="proxy_admin_viewer")

    async def listed(**asked: Any) -> set[str]:
        found = await get(app, "/user/list", **asked)
        return {one["user_id"] for one in found["users"]}

    assert await listed(role="proxy_admin_viewer") == {"f3"}
    assert await listed(user_ids="f1, f3") == {"f1", "f3"}
    assert await listed(team="finders") == {"f1", "f2"}
    said = await refused(app, "/user/update", None, 400, user_email="f@example.org", max_budget=1)
    assert "several" in said
    assert "user_id or user_email" in await refused(app, "/user/update", None, 400, max_budget=1)
    await refused(app, "/user/new", None, 400, organizations=["a", "b"])
    await refused(app, "/v2/user/info", None, 404, "GET", user_id="no one")


async def test_an_organisations_administrator_gives_no_more_than_he_has(app: Called) -> None:
    """Users of his own, with no rights beyond; not what is the gateway's."""
    await post(app, "/organization/new", organization_id="org")
    boss = await user(app, "the-boss")
    member = {"user_id": "the-boss", "role": "org_admin"}
    await post(app, "/organization/member_add", organization_id="org", member=member)
    made = await post(app, "/user/new", boss, user_id="his-own")
    assert made["organization_id"] == "org"
    assert "admin" in await refused(app, "/user/new", boss, 403, user_role="proxy_admin")
    assert "spend" in await refused(app, "/user/new", boss, 403, sso_user_id="x")
    await refused(app, "/user/new", boss, 403, organization_id="another")
    found = await get(app, "/user/list", boss)
    assert {one["user_id"] for one in found["users"]} == {"the-boss", "his-own"}
    keys = await get(app, "/key/list", boss, return_full_object=True)
    assert {one["user_id"] for one in keys["keys"]} <= {"the-boss", "his-own"}
    changed = {"organization_id": "org", "user_id": "his-own", "role": "internal_user_viewer"}
    await ask(app, "PATCH", "/organization/member_update", None, 200, **changed)
    assert (await get(app, "/user/info", user_id="his-own"))["user_info"]["user_role"] == changed[
        "role"
    ]
    gone = {"organization_id": "org", "user_id": "nobody-there"}
    await refused(app, "/organization/member_delete", None, 404, "DELETE", **gone)
    await refused(app, "/organization/info", None, 404, "GET", organization_id="none")


# --- teams


async def test_members_are_named_by_their_address(app: Called) -> None:
    """If there is one of it; and of teams and organisations that there are."""
    await post(app, "/team/new", team_id="mail")
    await post(app, "/user/new", user_id="mia", user_email="mia@example.org")
    member = {"user_email": "mia@example.org", "role": "user"}
    await post(app, "/team/member_add", team_id="mail", member=member)
    assert [t["team_id"] for t in await get(app, "/team/list", user_id="mia")] == ["mail"]
    await post(
        app, "/team/member_update", team_id="mail", user_email="mia@example.org", role="admin"
    )
    nobody = {"user_email": "nobody@example.org", "role": "user"}
    said = await refused(app, "/team/member_add", None, 400, team_id="mail", member=nobody)
    assert "user_id" in said
    await refused(app, "/team/member_update", None, 400, team_id="mail", role="user")
    await refused(
        app, "/team/member_update", None, 400, team_id="mail", user_email="nobody@example.org"
    )
    new: dict[str, Any] = {"team_id": "mail-2", "members_with_roles": [nobody]}
    assert "user_id" in await refused(app, "/team/new", None, 400, **new)
    both = [{"user_email": "mia@example.org", "role": "user"}]
    await post(app, "/team/new", team_id="mail-3", members_with_roles=both)
    said = await refused(app, "/team/new", None, 400, organization_id="nowhere")
    assert "nowhere" in said


# --- keys


async def test_kinds_of_keys(app: Called) -> None:
    """One for models alone manages nothing, one for managing asks nobody."""
    models = (await post(app, "/key/generate", key_type="llm_api"))["key"]
    assert await chat(app, models) == 200
    await refused(app, "/key/list", models, 403, "GET")
    manages = (await post(app, "/key/generate", key_type="management"))["key"]
    assert await chat(app, manages) == 403
    several = await post(app, "/v2/key/info", keys=[models, manages])
    assert len(several["info"]) == 2
    await refused(app, "/v2/key/info", None, 404, keys=["sk-" + "nobodys"])
    assert "key" in await refused(app, "/key/regenerate", None, 400)
    changed = await post(app, "/key/update", key=models, duration="1h")
    assert changed["expires"] is not None
    own = "sk-" + "chosen-by-its-owner"
    await refused(app, "/key/regenerate", manages, 403, key=manages, new_key=own)
    renewed = await post(app, "/key/regenerate", key=models, new_key=own)
    assert (renewed["key"], await chat(app, own), await chat(app, models)) == (own, 200, 401)


async def test_limits_that_cannot_be(app: Called) -> None:
    """More of a budget that there is none of; one of a group that several models answer for."""
    said = await refused(
        app, "/key/generate", None, 400, temp_budget_increase=5, temp_budget_expiry="2099-01-01"
    )
    assert "max_budget" in said
    two: dict[str, Any] = {
        "model_name": "two",
        "litellm_params": {"model": "openai/gpt-4o", "api_key": "sk-" + "x"},
    }
    other = {**two, "litellm_params": {**two["litellm_params"], "model": "openai/gpt-4o-mini"}}
    for entry in (two, other):
        await post(app, "/model/new", **entry)
    limited = {"two": {"budget_limit": 1, "time_period": "1d"}}
    said = await refused(app, "/key/generate", None, 400, model_max_budget=limited)
    assert "several models" in said


@pytest.mark.parametrize(
    ("path", "wrong", "meant"),
    [
        ("/key/generate", "max_bugdet", "max_budget"),
        ("/key/generate", "rpmLimit", "rpm_limit"),
        ("/key/generate", "key_allias", "key_alias"),
        ("/user/new", "budget_durations", "budget_duration"),
        ("/team/new", "modells", "models"),
    ],
)
async def test_a_limit_that_is_misspelled_is_not_left_out(
    app: Called, path: str, wrong: str, meant: str
) -> None:
    """It would hold nobody. What is nothing like a field here is ignored, as LiteLLM's clients send more."""
    assert f"did you mean {meant}?" in await refused(app, path, None, 422, **{wrong: "1"})
    await post(app, path, send_invite_email=True, agent_id="x", members=[], key=None)


# --- models


async def test_deployments_have_ids_of_their_own(app: Called) -> None:
    """Each is named by it."""
    params = {"model": "openai/gpt-4o-mini", "api_key": "sk-" + "upstream"}
    own: dict[str, Any] = {
        "model_name": "own",
        "litellm_params": params,
        "model_info": {"id": "own-1"},
    }
    await post(app, "/model/new", **own)
    assert "/model/update" in await refused(app, "/model/new", None, 400, **own)
    for wrong in (5, "", "x" * 256):
        await refused(app, "/model/new", None, 400, **{**own, "model_info": {"id": wrong}})
    assert "which" in await refused(app, "/model/update", None, 400, litellm_params=params)
    found = await get(app, "/model/info", litellm_model_id="own-1")
    assert [one["model_name"] for one in found["data"]] == ["own"]
    await refused(app, "/model/info", None, 404, "GET", litellm_model_id="own-2")
