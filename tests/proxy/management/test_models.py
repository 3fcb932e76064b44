"""``/model/…``: what is added is asked at once, in every process, and its key is nowhere to be read."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from llmkit._secret import Secret
from llmkit.proxy.management import deployments

from .._kit import MODEL, Called, called
from ._asks import ask, chat, get, kept_in, post, refused, user

pytestmark = pytest.mark.asyncio
KEY = "sk-" + "of-the-provider-0123456789"


def _params(app: Called, **more: Any) -> dict[str, Any]:
    return {"model": MODEL, "api_key": KEY, "api_base": app.simulator.base_url, **more}


async def test_a_model_is_added_changed_and_deleted(tmp_path: Path) -> None:
    """Its key reaches the provider, and no answer, no row, no log."""
    async with called(tmp_path) as app:
        assert await chat(app, None, "new") != 200
        made = await post(app, "/model/new", model_name="new", litellm_params=_params(app, rpm=50))
        model_id = made["model_id"]
        assert (made["model_info"]["id"], made["model_info"]["db_model"]) == (model_id, True)
        assert await chat(app, None, "new") == 200
        assert KEY in str(app.simulator.requests[-1].headers)
        changed = await post(
            app, "/model/update", id=model_id, litellm_params={"rpm": 9}, model_info={"team": "x"}
        )
        assert (changed["litellm_params"]["rpm"], changed["model_info"]["team"]) == (9, "x")
        named = f"/model/{model_id}/update"
        await ask(app, "PATCH", named, None, 200, litellm_params={"rpm": None}, model_name="newer")
        assert await chat(app, None, "newer") == 200
        told = await get(app, "/model/info", litellm_model_id=model_id)
        assert told["data"][0]["litellm_params"]["model"] == MODEL
        assert KEY not in json.dumps([made, changed, told, await get(app, "/v2/model/info")])
        await post(app, "/model/delete", id=model_id)
        assert await chat(app, None, "newer") != 200
        await refused(app, "/model/delete", None, 404, id=model_id)
    kept = kept_in(tmp_path)
    assert b"newer" in kept
    assert KEY.encode() not in kept


async def test_other_processes_have_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that run look; those that begin load; what goes, goes everywhere."""
    monkeypatch.setattr(deployments, "_EVERY", 0.01)
    async with called(tmp_path) as one, called(tmp_path) as other:
        made = await post(one, "/model/new", model_name="new", litellm_params=_params(one))
        await _until(other, "new", there=True)
        assert await chat(other, None, "new") == 200
        async with called(tmp_path) as third:
            assert await chat(third, None, "new") == 200
        await post(other, "/model/delete", id=made["model_id"])
        await _until(one, "new", there=False)


async def _until(app: Called, name: str, *, there: bool) -> None:
    async with asyncio.timeout(10):
        while (name in app.gateway.calls.get_model_names()) is not there:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)


async def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    """What the router does not take is not kept; what a file has is changed there."""
    async with called(tmp_path) as app:
        assert "model_name" in await refused(app, "/model/new", None, 400, litellm_params={})
        said: dict[str, Any] = {"model_name": "x", "litellm_params": _params(app, rpmm=1)}
        assert "rpmm" in await refused(app, "/model/new", None, 400, **said)
        listed = (await get(app, "/v1/model/info"))["data"]
        filed = next(one["model_info"]["id"] for one in listed if one["model_name"] == "fast")
        assert "configuration file" in await refused(app, "/model/delete", None, 400, id=filed)
        await refused(app, "/model/update", None, 404, id="none", litellm_params={})
        assert len((await get(app, "/v1/model/info"))["data"]) == len(listed)


async def test_another_master_key_opens_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The gateway begins without it, and says so."""
    async with called(tmp_path) as app:
        made = await post(app, "/model/new", model_name="new", litellm_params=_params(app))
    other = "sk-" + "another-master"
    async with called(tmp_path, other, master_key=Secret(other)) as app:
        assert "another master key" in caplog.text
        assert KEY not in caplog.text
        wrong = await refused(app, "/model/update", None, 400, id=made["model_id"])
        assert "add it anew" in wrong
        await post(app, "/model/delete", id=made["model_id"])


async def test_a_user_is_told_what_he_may_ask(tmp_path: Path) -> None:
    """Of what he may not there is nothing; of the rest, not where it is."""
    async with called(tmp_path) as app:
        key = await user(app, "ann", models=["fast"])
        [found] = (await get(app, "/model/info", key))["data"]
        assert (found["model_name"], found["litellm_params"]) == ("fast", {"model": MODEL})
        [group] = (await get(app, "/model_group/info", key))["data"]
        assert (group["model_group"], group["providers"]) == ("fast", ["openai"])
        assert group["input_cost_per_token"] > 0
        await refused(app, "/model/new", key, 403, model_name="x", litellm_params=_params(app))
