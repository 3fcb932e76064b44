"""Who may do what to whose rows: nobody gets by a key what he could not do himself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from .._kit import Called, called
from ._asks import ask, get, post, refused, user

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Called]:
    """One gateway for all of these: each has people and keys of its own, or leaves those of all as they are."""
    async with called(tmp_path_factory.mktemp("rights")) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def keys(app: Called) -> dict[str, str]:
    """Everybody's."""
    return await _people(app)


async def _people(app: Called) -> dict[str, str]:
    """Keys of: two users, a team's administrator and a member, an organisation's administrator, one who looks."""
    await post(app, "/organization/new", organization_id="acme")
    await post(app, "/team/new", team_id="red")
    await post(app, "/team/new", team_id="blue", organization_id="acme")
    keys = {name: await user(app, name) for name in ("ann", "bob", "lead", "mate", "boss")}
    keys["root"] = await user(app, "root", user_role="proxy_admin")
    keys["eye"] = await user(app, "eye", user_role="proxy_admin_viewer")
    keys["guest"] = await user(app, "guest", user_role="internal_user_viewer")
    for name, role in (("lead", "admin"), ("mate", "user"), ("root", "user")):
        member = {"user_id": name, "role": role}
        await post(app, "/team/member_add", team_id="red", member=member)
    boss = {"user_id": "boss", "role": "org_admin"}
    await post(app, "/organization/member_add", organization_id="acme", member=boss)
    return keys


async def test_a_user_has_his_own_keys_and_no_others(app: Called, keys: dict[str, str]) -> None:
    """Another's key is not there for him: not to see, not to change, not to count."""
    ann, bob = keys["ann"], keys["bob"]
    for path, said in (
        ("/key/update", {"key": bob, "key_alias": "mine"}),
        ("/key/delete", {"keys": [bob]}),
        ("/key/block", {"key": bob}),
        ("/key/unblock", {"key": bob}),
        ("/key/regenerate", {"key": bob}),
        ("/key/info", {"key": bob}),
        ("/user/info", {"user_id": "bob"}),
        ("/team/info", {"team_id": "red"}),
        ("/organization/info", {"organization_id": "acme"}),
    ):
        method = "GET" if path.endswith("info") else "POST"
        assert "no such" in await refused(app, path, ann, 404, method, **said), path
    assert (await get(app, "/key/list", ann))["total_count"] == 1
    assert (await get(app, "/key/list", ann, user_id="bob"))["total_count"] == 0
    assert await get(app, "/team/list", ann) == []
    assert await get(app, "/organization/list", ann) == []
    assert (await get(app, "/user/info", ann))["user_id"] == "ann"
    made = await post(app, "/key/generate", ann, key_alias="second")
    assert made["user_id"] == "ann"
    assert (await post(app, "/key/update", ann, key=made["key"], max_budget=5))["max_budget"] == 5
    assert (await get(app, "/key/list", ann))["total_count"] == 2
    await post(app, "/key/delete", ann, keys=[made["key"]])


@pytest.mark.parametrize(
    "said",
    [
        {"user_id": "bob"},
        {"user_id": None},
        {"team_id": "red"},
        {"organization_id": "acme"},
        {"tags": ["x"]},
        {"key": "sk-" + "of-my-own-making-0000"},
    ],
)
async def test_a_user_makes_no_key_for_others(
    app: Called, keys: dict[str, str], said: dict[str, Any]
) -> None:
    """Nor one for a team or organisation where he is not."""
    await refused(app, "/key/generate", keys["ann"], 403, **said)


async def test_who_only_looks_changes_nothing(app: Called, keys: dict[str, str]) -> None:
    """One sees all, one sees his own; the paths that change are neither's."""
    assert (await get(app, "/key/list", keys["eye"]))["total_count"] == len(keys)
    assert (await get(app, "/key/list", keys["guest"]))["total_count"] == 1
    for name in ("eye", "guest"):
        for path in ("/key/generate", "/user/new", "/team/new", "/budget/new", "/model/new"):
            await refused(app, path, keys[name], 403)
        await refused(app, "/key/delete", keys[name], 403, keys=[keys[name]])


async def test_an_administrator_of_a_team(app: Called, keys: dict[str, str]) -> None:
    """Its members and its keys are his to change; what limits it is not, nor are other teams'."""
    lead = keys["lead"]
    made = await post(app, "/key/generate", lead, team_id="red", user_id="mate")
    assert made["allowed_routes"] == ["llm_api_routes"]
    assert (await post(app, "/key/update", lead, key=made["key"], max_budget=1))["max_budget"] == 1
    await post(app, "/key/block", lead, key=made["key"])
    await post(app, "/key/unblock", lead, key=made["key"])
    assert len((await get(app, "/team/info", lead, team_id="red"))["keys"]) == 1
    await post(app, "/team/member_add", lead, team_id="red", member={"user_id": "ann"})
    await post(app, "/team/member_delete", lead, team_id="red", user_id="ann")
    await post(app, "/team/update", lead, team_id="red", team_alias="Red")
    await refused(app, "/team/update", lead, 403, team_id="red", max_budget=9)
    await refused(app, "/team/model/add", lead, 403, team_id="red", models=["fast"])
    await refused(app, "/team/block", lead, 403, team_id="red")
    await refused(app, "/team/update", lead, 404, team_id="blue", team_alias="x")
    await refused(app, "/team/member_add", lead, 404, team_id="blue", member={"user_id": "lead"})
    await refused(app, "/key/generate", lead, 403, team_id="blue")
    assert (await get(app, "/key/info", keys["mate"], key=made["key"]))["info"]["user_id"] == "mate"
    await refused(app, "/key/delete", lead, 404, keys=[keys["bob"]])
    await refused(app, "/key/update", lead, 404, key=keys["bob"])


async def test_a_member_does_not_see_what_others_have(app: Called, keys: dict[str, str]) -> None:
    """He sees the team, and his own keys of it."""
    other = await post(app, "/key/generate", team_id="red", user_id="lead")
    found = await get(app, "/team/info", keys["mate"], team_id="red")
    assert found["team_id"] == "red"
    assert {one["user_id"] for one in found["keys"]} <= {"mate"}
    await refused(app, "/key/info", keys["mate"], 404, "GET", key=other["key"])
    await refused(
        app, "/team/member_add", keys["mate"], 403, team_id="red", member={"user_id": "bob"}
    )


async def test_nobody_becomes_an_administrator_by_a_key(app: Called, keys: dict[str, str]) -> None:
    """Keys for administrators, keys of theirs, and routes of others' keys are not a team's administrator's."""
    lead, boss = keys["lead"], keys["boss"]
    await refused(app, "/key/generate", lead, 403, team_id="red", user_id="root")
    await refused(app, "/key/generate", lead, 403, team_id="red", user_id="nobody")
    roots = await post(app, "/key/generate", team_id="red", user_id="root")
    await refused(app, "/key/regenerate", lead, 403, key=roots["key"])
    await refused(app, "/key/update", lead, 403, key=roots["key"], allowed_routes=[])
    mates = await post(app, "/key/generate", lead, team_id="red", user_id="mate")
    await refused(app, "/key/update", lead, 403, key=mates["key"], allowed_routes=["*"])
    await refused(app, "/key/update", lead, 403, key=mates["key"], user_id="root")
    own = await post(app, "/key/generate", lead, team_id="red")
    await refused(app, "/key/update", lead, 403, key=own["key"], user_id="root")
    await refused(app, "/user/new", boss, 403, user_role="proxy_admin")
    await refused(app, "/user/update", boss, 403, user_id="root", max_budget=0)
    await refused(app, "/user/update", boss, 403, user_id="boss", user_role="proxy_admin")
    await refused(
        app, "/organization/update", boss, 403, "PATCH", organization_id="acme", max_budget=9
    )
    assert (await get(app, "/user/info", user_id="boss"))["user_info"]["user_role"] == "org_admin"


async def test_an_organisations_administrator(app: Called, keys: dict[str, str]) -> None:
    """Its teams and users are his; others' are not."""
    boss = keys["boss"]
    await post(app, "/team/new", boss, team_id="green", max_budget=5)
    await post(app, "/team/update", boss, team_id="blue", models=["fast"], max_budget=1)
    made = await post(app, "/user/new", boss, user_id="new")
    assert made["organization_id"] == "acme"
    assert sorted(one["team_id"] for one in await get(app, "/team/list", boss)) == [
        "blue",
        "green",
    ]
    assert len((await get(app, "/user/list", boss))["users"]) == 2
    await refused(app, "/team/update", boss, 404, team_id="red", max_budget=1)
    await refused(app, "/team/new", boss, 403, organization_id="other")
    await refused(app, "/team/update", boss, 403, team_id="blue", organization_id=None)
    member = {"user_id": "ann", "role": "internal_user"}
    await refused(app, "/organization/member_add", boss, 403, organization_id="acme", member=member)


async def test_a_key_makes_none_that_may_more(app: Called, keys: dict[str, str]) -> None:
    """Models, routes and expiry go on; one with limits makes none; what an administrator limited stays so."""
    await post(app, "/user/new", user_id="amy", auto_create_key=False)
    few = await post(app, "/key/generate", user_id="amy", models=["fast"], duration="1h")
    await refused(app, "/key/generate", few["key"], 403, models=["careful"])
    made = await post(app, "/key/generate", few["key"], duration="2d")
    assert (made["models"], made["expires"]) == (["fast"], few["expires"])
    await refused(app, "/key/update", few["key"], 403, key=made["key"], models=["careful"])
    changed = await post(app, "/key/update", few["key"], key=made["key"], models=None)
    assert changed["models"] == ["fast"]
    await refused(app, "/key/update", made["key"], 403, key=made["key"], models=["careful"])
    changed = await post(app, "/key/update", made["key"], key=made["key"], models=None)
    assert changed["models"] == ["fast"]
    small = await post(app, "/key/generate", user_id="amy", max_budget=1)
    await refused(app, "/key/generate", small["key"], 403)
    never: list[dict[str, Any]] = [
        {"max_budget": None},
        {"duration": "-1"},
        {"blocked": False},
        {"models": []},
    ]
    for said in never:
        await refused(app, "/key/update", small["key"], 403, key=small["key"], **said)
    await post(app, "/key/update", small["key"], key=small["key"], key_alias="mine")
    await post(app, "/key/block", few["key"], key=small["key"])
    await refused(app, "/key/unblock", few["key"], 403, key=small["key"])
    assert (await ask(app, "POST", "/key/generate", small["key"], 401))["error"]
