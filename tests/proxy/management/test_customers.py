"""Customers and tags: their limits are the ledger's, and who is blocked is not answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from .._kit import Called, called, shown
from ..data.conftest import new_url
from ._asks import get, post, refused, user

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=["sqlite", "postgresql"])
async def app(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Called]:
    """One gateway for all of these, of each database: each makes its own rows."""
    directory = tmp_path_factory.mktemp("customers")
    async with called(directory, database_url=new_url(request, directory)) as made:
        assert made.gateway.database.dialect == request.param
        yield made


async def said(app: Called, key: str | None = None, /, **body: Any) -> tuple[int, str]:
    """The status and the error's type that a chat is answered with."""
    asked = {"model": "fast", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 10}
    asked = {name: value for name, value in {**asked, **body}.items() if value is not None}
    headers = {} if key is None else shown(key)
    found = await app.http.post("/v1/chat/completions", json=asked, headers=headers)
    return found.status_code, found.json().get("error", {}).get("type", "")


async def test_a_customer_has_a_budget(app: Called) -> None:
    """It is the ledger's, begins when it is made, and refuses when it is used up."""
    await refused(app, "/customer/info", None, 404, "GET", end_user_id="ada")
    assert await said(app, user="ada") == (200, "")
    before = await get(app, "/customer/info", end_user_id="ada")
    assert (before["spend"] > 0, before["created_at"], before["blocked"]) == (True, None, False)
    made = await post(
        app,
        "/customer/new",
        user_id="ada",
        alias="Ada",
        max_budget=1,
        budget_duration="30d",
        metadata={"plan": "gold"},
    )
    assert (made["user_id"], made["alias"], made["max_budget"]) == ("ada", "Ada", 1)
    assert made["metadata"] == {"plan": "gold"}
    assert made["spend"] == 0
    assert await said(app, user="ada") == (200, "")
    assert (await get(app, "/customer/info", end_user_id="ada"))["spend"] == before["spend"]
    await refused(app, "/customer/new", None, 400, user_id="ada")
    await post(app, "/end_user/update", user_id="ada", max_budget=0)
    assert await said(app, user="ada") == (429, "budget_exceeded")
    assert await said(app, user="another") == (200, "")
    await post(app, "/customer/update", user_id="ada", max_budget=None)
    assert await said(app, user="ada") == (200, "")
    listed = await get(app, "/end_user/list")
    assert [one["alias"] for one in listed] == ["Ada"]
    assert (await post(app, "/customer/delete", user_ids=["ada"]))["deleted_customers"] == 1
    await refused(app, "/customer/update", None, 404, user_id="ada", alias="x")


async def test_a_budget_by_name_is_each_customers_own(app: Called) -> None:
    """One who has used his up does not keep another from his; a change of the budget is everybody's."""
    await post(app, "/budget/new", budget_id="free", max_budget=0)
    for name in ("bea", "bob"):
        made = await post(app, "/customer/new", user_id=name, budget_id="free")
        assert made["litellm_budget_table"]["max_budget"] == 0
    assert (await said(app, user="bea"))[0] == 429
    await post(app, "/budget/update", budget_id="free", max_budget=1)
    assert [(await said(app, user=name))[0] for name in ("bea", "bob")] == [200, 200]
    await refused(app, "/budget/delete", None, 400, id="free")


async def test_a_blocked_customer_is_refused(app: Called) -> None:
    """By every key, however he is named, from the next request on; also one who was never made."""
    key = await user(app, "cat")
    assert await said(app, key, user="eve") == (200, "")
    blocked = await post(app, "/customer/block", user_ids=["eve", "eve"])
    assert [(one["user_id"], one["blocked"]) for one in blocked["blocked_users"]] == [("eve", True)]
    assert await said(app, key, user="eve") == (403, "auth_error")
    assert await said(app, None, user=" eve ") == (403, "auth_error")
    asked = {"model": "vectors", "input": "Hi"}
    headers = {**shown(key), "x-litellm-end-user-id": "eve"}
    assert (await app.http.post("/v1/embeddings", json=asked, headers=headers)).status_code == 403
    message = {**asked, "model": "claude", "max_tokens": 5, "metadata": {"user_id": "eve"}}
    message["messages"] = [{"role": "user", "content": "Hi"}]
    del message["input"]
    assert (await app.http.post("/v1/messages", json=message)).status_code == 403
    assert await said(app, key, user="adam") == (200, "")
    await post(app, "/end_user/unblock", user_ids=["eve"])
    assert await said(app, key, user="eve") == (200, "")
    await refused(app, "/customer/unblock", None, 404, user_ids=["nobody"])
    await post(app, "/customer/new", user_id="mal", blocked=True)
    assert (await said(app, key, user="mal"))[0] == 403
    await post(app, "/customer/delete", user_ids=["mal"])
    assert (await said(app, key, user="mal"))[0] == 200


async def test_other_processes_refuse_him_too(app: Called, tmp_path: Path) -> None:
    """From the next request on, though they have answered for him before."""
    async with called(tmp_path, database_url=app.gateway.settings.database_url) as other:
        assert await said(other, user="pat") == (200, "")
        await post(app, "/customer/block", user_ids=["pat"])
        await _until(other, 403)
        await post(app, "/customer/delete", user_ids=["pat"])
        await _until(other, 200)


async def _until(app: Called, status: int) -> None:
    """What another process has changed is heard of: at once in SQLite, by a notice of PostgreSQL's a moment later."""
    for _ in range(1 if app.gateway.database.dialect == "sqlite" else 500):
        found, _ = await said(app, user="pat")
        if found == status:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"answered with {found}, not {status}")


async def test_a_customers_models(app: Called) -> None:
    """His own model where none is named; no others than his; and nowhere but in his region."""
    await post(app, "/customer/new", user_id="dan", models=["careful"], default_model="careful")
    assert await said(app, user="dan", model=None) == (200, "")
    assert await said(app, user="dan") == (403, "customer_model_access_denied")
    assert await said(app, user="dan", model="careful", fallbacks=["fast"]) == (
        403,
        "customer_model_access_denied",
    )
    assert (await said(app, model=None))[0] == 400
    await post(app, "/customer/update", user_id="dan", models=None, allowed_model_region="eu")
    status, _ = await said(app, user="dan", allowed_model_region="us")
    assert status >= 400
    await post(app, "/customer/update", user_id="dan", allowed_model_region=None)
    assert await said(app, user="dan") == (200, "")
    text = await refused(app, "/customer/new", None, 400, user_id="x", default_model="none")
    assert "no model 'none'" in text


async def test_a_tag(app: Called) -> None:
    """Its budget and its models hold for calls that have it, by themselves or by their key."""
    made = await post(app, "/tag/new", name="batch", description="At night", models=["careful"])
    assert (made["tag"]["name"], made["tag"]["models"]) == ("batch", ["careful"])
    key = (await post(app, "/key/generate", tags=["batch"]))["key"]
    assert await said(app, key) == (403, "tag_model_access_denied")
    assert await said(app, tags=["batch", "other"]) == (403, "tag_model_access_denied")
    assert await said(app, key, model="careful") == (200, "")
    assert (await post(app, "/tag/info", names=["batch"]))["batch"]["spend"] > 0
    await post(app, "/tag/update", name="batch", models=[], max_budget=0)
    assert await said(app, key) == (429, "budget_exceeded")
    assert await said(app, tags=["other"]) == (200, "")
    info = await post(app, "/tag/info", names=["batch"])
    assert info["batch"]["max_budget"] == 0
    await refused(app, "/tag/info", None, 404, names=["batch", "none"])
    listed = {one["name"]: one["created_at"] for one in await get(app, "/tag/list")}
    assert listed["other"] is None
    assert listed["batch"] is not None
    await post(app, "/tag/delete", name="batch")
    assert await said(app, key) == (200, "")
    ids = (await get(app, "/model/info"))["data"][0]["model_info"]
    await refused(app, "/tag/new", None, 400, name="x", models=[ids["id"]])


async def test_they_are_an_administrators(app: Called) -> None:
    """One who sees all may look, and changes nothing; others are told nothing."""
    plain = await user(app, "fay")
    viewer = await user(app, "vic", user_role="proxy_admin_viewer")
    await post(app, "/customer/new", user_id="gil")
    await post(app, "/tag/new", name="night")
    assert (await get(app, "/customer/info", viewer, end_user_id="gil"))["user_id"] == "gil"
    assert "night" in await post(app, "/tag/info", viewer, names=["night"])
    for path, body in (
        ("/customer/new", {"user_id": "y"}),
        ("/customer/block", {"user_ids": ["gil"]}),
        ("/end_user/delete", {"user_ids": ["gil"]}),
        ("/tag/new", {"name": "y"}),
        ("/tag/delete", {"name": "night"}),
    ):
        for key in (plain, viewer):
            await refused(app, path, key, 403, **body)
    await refused(app, "/tag/info", plain, 403, names=["night"])
    await refused(app, "/customer/info", plain, 403, "GET", end_user_id="gil")
    await refused(app, "/customer/new", None, 422, user_id="*")
    await refused(app, "/customer/new", None, 422, user_id="x", object_permission={"a": 1})
