"""Users, teams, members, organisations: what is answered, and what holds."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from .._kit import Called, called
from ..data.conftest import new_url
from ._asks import ask, chat, get, post, refused, user

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=["sqlite", "postgresql"])
async def app(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Called]:
    """One gateway for all of these, of each database: each makes its own rows."""
    directory = tmp_path_factory.mktemp("people")
    async with called(directory, database_url=new_url(request, directory)) as made:
        assert made.gateway.database.dialect == request.param
        yield made


async def test_a_user_comes_with_a_key(app: Called) -> None:
    """He is listed, changed, limited in all his keys, and deleted with them."""
    made = await post(
        app,
        "/user/new",
        user_id="ann",
        user_email="ann@example.org",
        max_budget=2,
        key_alias="first",
    )
    assert (made["user_role"], made["max_budget"], made["teams"]) == ("internal_user", 2, [])
    key = made["key"]
    assert (made["key_alias"], await chat(app, key)) == ("first", 200)
    info = await get(app, "/user/info", user_id="ann")
    assert info["user_info"]["user_email"] == "ann@example.org"
    assert [one["token"] for one in info["keys"]] == [made["token"]]
    changed = await post(app, "/user/update", user_email="ann@example.org", max_budget=0)
    assert (changed["user_id"], changed["data"]["max_budget"]) == ("ann", 0)
    assert await chat(app, key) == 429
    listed = await get(app, "/user/list", user_email="ANN@")
    assert [(u["user_id"], u["key_count"]) for u in listed["users"]] == [("ann", 1)]
    assert listed["total"] == listed["total_pages"] == 1
    assert await post(app, "/user/delete", user_ids=["ann"]) == 1
    assert await chat(app, key) == 401
    await refused(app, "/user/info", None, 404, "GET", user_id="ann")


async def test_a_team(app: Called) -> None:
    """Its models and its budget are its keys'; blocked, none of them is taken; deleted, they are gone."""
    member = {"role": "admin", "user_id": "ann"}
    made = await post(
        app,
        "/team/new",
        team_id="red",
        team_alias="Red",
        members_with_roles=[member],
        models=["fast"],
    )
    assert made["members_with_roles"] == [{**member, "user_email": None}]
    assert made["admins"] == ["ann"]
    key = (await post(app, "/key/generate", team_id="red"))["key"]
    assert (await chat(app, key), await chat(app, key, "careful")) == (200, 403)
    await post(app, "/team/model/add", team_id="red", models=["careful"])
    assert await chat(app, key, "careful") == 200
    left = await post(app, "/team/model/delete", team_id="red", models=["careful"])
    assert left["models"] == ["fast"]
    await refused(app, "/team/model/delete", None, 400, team_id="red", models=["fast"])
    updated = await post(app, "/team/update", team_id="red", max_budget=0)
    assert updated["data"]["max_budget"] == 0
    assert await chat(app, key) == 429
    await post(app, "/team/update", team_id="red", max_budget=None)
    assert await chat(app, key) == 200
    assert (await post(app, "/team/block", team_id="red"))["blocked"] is True
    assert await chat(app, key) == 401
    await post(app, "/team/unblock", team_id="red")
    info = await get(app, "/team/info", team_id="red")
    assert (info["team_info"]["team_alias"], len(info["keys"])) == ("Red", 1)
    assert [one["team_id"] for one in await get(app, "/team/list")] == ["red"]
    assert (await get(app, "/v2/team/list"))["teams"][0]["team_id"] == "red"
    assert (await post(app, "/team/delete", team_ids=["red"]))["deleted_teams"] == ["red"]
    assert await chat(app, key) == 401


async def test_a_members_budget_is_the_teams_and_his(app: Called) -> None:
    """What he may spend there holds for his keys there, and for no others; when he leaves, those go."""
    own = await user(app, "bea", user_email="bea@example.org")
    await post(app, "/team/new", team_id="blue")
    added = await post(
        app,
        "/team/member_add",
        team_id="blue",
        member={"role": "user", "user_email": "bea@example.org"},
        max_budget_in_team=0,
    )
    assert [one["user_id"] for one in added["members_with_roles"]] == ["bea"]
    assert added["updated_team_memberships"][0]["max_budget_in_team"] == 0
    his = (await post(app, "/key/generate", team_id="blue", user_id="bea"))["key"]
    assert (await chat(app, his), await chat(app, own)) == (429, 200)
    changed = await post(
        app,
        "/team/member_update",
        team_id="blue",
        user_id="bea",
        role="admin",
        max_budget_in_team=1,
    )
    assert (changed["max_budget_in_team"], await chat(app, his)) == (1, 200)
    gone = await post(app, "/team/member_delete", team_id="blue", user_id="bea")
    assert gone["members_with_roles"] == []
    assert (await chat(app, his), await chat(app, own)) == (401, 200)
    await refused(app, "/team/member_delete", None, 404, team_id="blue", user_id="bea")


async def test_an_organisation(app: Called) -> None:
    """It has users and teams, and a budget that is all of theirs; it goes when it is empty."""
    await post(app, "/organization/new", organization_id="acme", organization_alias="Acme")
    await post(app, "/team/new", team_id="green", organization_id="acme")
    key = (await post(app, "/key/generate", team_id="green"))["key"]
    await user(app, "cat")
    member = {"user_id": "cat", "role": "org_admin"}
    await post(app, "/organization/member_add", organization_id="acme", member=member)
    found = await get(app, "/organization/info", organization_id="acme")
    assert [one["user_role"] for one in found["members"]] == ["org_admin"]
    assert found["teams"] == [{"team_id": "green", "team_alias": None}]
    await ask(app, "PATCH", "/organization/update", None, 200, organization_id="acme", max_budget=0)
    assert await chat(app, key) == 429
    assert [o["organization_id"] for o in await get(app, "/organization/list")] == ["acme"]
    gone = {"organization_ids": ["acme"]}
    assert "delete or move" in await refused(
        app, "/organization/delete", None, 400, "DELETE", **gone
    )
    await post(app, "/team/delete", team_ids=["green"])
    who = {"organization_id": "acme", "user_id": "cat"}
    left = await ask(app, "DELETE", "/organization/member_delete", None, 200, **who)
    assert left["user_role"] == "internal_user"
    [told] = await ask(app, "DELETE", "/organization/delete", None, 200, **gone)
    assert told["organization_id"] == "acme"
    assert await get(app, "/organization/list") == []


async def test_nobody_is_everybody(app: Called) -> None:
    """``*`` is each of all to the ledger: no id can be that."""
    await refused(app, "/user/new", None, 422, user_id="*")
    await refused(app, "/team/new", None, 422, team_id=" * ")
    await refused(app, "/organization/new", None, 422, organization_id="*")
    await refused(app, "/key/generate", None, 422, user_id="*")
    member = {"user_id": "*"}
    await refused(app, "/team/member_add", None, 422, team_id="red", member=member)
