"""``/key/…``: what is answered, what is kept, what holds."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from .._kit import MODEL, Called, called
from ..data.conftest import new_url
from ._asks import ask, chat, get, kept_in, post, refused

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=["sqlite", "postgresql"])
async def app(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Called]:
    """One gateway for all of these, of each database: each makes its own rows."""
    directory = tmp_path_factory.mktemp("keys")
    async with called(directory, database_url=new_url(request, directory)) as made:
        assert made.gateway.database.dialect == request.param
        yield made


async def test_a_key_is_shown_once(tmp_path: Path) -> None:
    """The answer has it; its row, the lists and the database have its SHA-256."""
    async with called(tmp_path) as app:
        made = await post(app, "/key/generate", key_alias="ci", duration="30d", models=["fast"])
        key = made["key"]
        token = hashlib.sha256(key.encode()).hexdigest()
        assert made["token"] == made["token_id"] == token
        assert made["key_name"] == f"sk-...{key[-4:]}"
        end = datetime.fromisoformat(made["expires"])
        assert abs(end - datetime.now(UTC) - timedelta(days=30)) < timedelta(minutes=1)
        info = await get(app, "/key/info", key=token)
        assert info["key"] == token
        assert info["info"]["key_alias"] == "ci"
        assert info["info"]["models"] == ["fast"]
        assert info["info"]["spend"] == 0
        listed = await get(app, "/key/list", return_full_object=True)
        assert (listed["total_count"], listed["total_pages"]) == (1, 1)
        assert key not in str((info, listed))
    kept = kept_in(tmp_path)
    assert token.encode() in kept
    assert key.encode() not in kept


async def test_a_key_is_changed_blocked_and_deleted(app: Called) -> None:
    """Each holds for the next request."""
    key = (await post(app, "/key/generate", metadata={"a": 1}))["key"]
    assert await chat(app, key) == 200
    changed = await post(app, "/key/update", key=key, models=["careful"], metadata=None)
    assert (changed["key"], changed["models"], changed["metadata"]) == (key, ["careful"], {})
    assert await chat(app, key) == 403
    await post(app, "/key/update", key=key, models=None)
    assert (await post(app, "/key/block", key=key))["blocked"] is True
    assert await chat(app, key) == 401
    assert (await post(app, "/key/unblock", key=key))["blocked"] is False
    assert await chat(app, key) == 200
    assert (await post(app, "/key/delete", keys=[key]))["deleted_keys"] == [key]
    assert await chat(app, key) == 401
    assert "no such key" in await refused(app, "/key/delete", None, 404, keys=[key])


async def test_limits_hold_and_spend_is_the_ledgers(app: Called) -> None:
    """A budget that is spent refuses; ``spend`` is what the ledger has; 0 begins anew; an increase holds for a time."""
    made = await post(
        app, "/key/generate", max_budget=0.5, budget_duration="1mo", rpm_limit=50, spend=0.25
    )
    key, budget = made["key"], app.gateway.budget
    assert (made["spend"], made["max_budget"]) == (0.25, 0.5)
    assert made["budget_reset_at"] is not None
    await budget.aupdate_spend("0.2499999", key=made["token"])
    info = (await get(app, "/key/info", key=key))["info"]
    assert info["spend"] == 0.4999999
    assert await chat(app, key) == 429
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    raised = {"temp_budget_increase": 1, "temp_budget_expiry": until}
    assert (await post(app, "/key/update", key=key, **raised))["metadata"] == raised
    assert await chat(app, key) == 200
    ended = {"temp_budget_increase": None, "temp_budget_expiry": None}
    assert (await post(app, "/key/update", key=key, **ended))["metadata"] == {}
    assert await chat(app, key) == 429
    assert (await post(app, f"/key/{made['token']}/reset_spend", reset_to=0))["spend"] == 0
    assert await chat(app, key) == 200
    await post(app, "/key/update", key=key, rpm_limit=1)
    assert await chat(app, key) == 429


async def test_a_models_limit_of_a_key(app: Called) -> None:
    """By a group's name it is of the model that answers; taken back, it holds no more."""
    made = await post(
        app,
        "/key/generate",
        model_max_budget={"fast": {"max_budget": 0, "budget_duration": "1d"}},
    )
    key = made["key"]
    assert await chat(app, key) == 429
    assert await chat(app, key, "careful") == 200
    await post(app, "/key/update", key=key, model_max_budget={}, model_rpm_limit={MODEL: 0})
    found = await get(app, "/key/info", key=key)
    assert found["info"]["model_rpm_limit"] == {MODEL: 0}
    assert await chat(app, key) == 429
    await post(app, "/key/update", key=key, model_rpm_limit=None)
    assert await chat(app, key) == 200


async def test_a_regenerated_key_goes_on_with_its_budget(app: Called) -> None:
    """The old one is taken no more; what it spent counts."""
    made = await post(app, "/key/generate", max_budget=1, spend=1, key_alias="mine")
    new = await post(app, f"/key/{made['token']}/regenerate")
    assert new["key"] != made["key"]
    assert (new["key_alias"], new["spend"], new["max_budget"]) == ("mine", 1, 1)
    assert await chat(app, made["key"]) == 401
    assert await chat(app, new["key"]) == 429
    again = await post(app, "/key/regenerate", key=new["key"], max_budget=2)
    assert again["spend"] == 1
    assert await chat(app, again["key"]) == 200


async def test_a_budgets_limits_are_its_bearers(app: Called) -> None:
    """Each has its own; a change holds for all at once; what they say themselves goes before it."""
    await post(app, "/budget/new", budget_id="small", max_budget=0, tpm_limit=10_000)
    one = await post(app, "/key/generate", budget_id="small")
    other = await post(app, "/key/generate", budget_id="small", max_budget=1)
    assert one["litellm_budget_table"]["max_budget"] == 0
    assert await chat(app, one["key"]) == 429
    assert await chat(app, other["key"]) == 200
    await post(app, "/budget/update", budget_id="small", max_budget=5)
    assert await chat(app, one["key"]) == 200
    [told] = await post(app, "/budget/info", budgets=["small"])
    assert told["max_budget"] == 5
    assert [b["budget_id"] for b in await get(app, "/budget/list")] == ["small"]
    assert "somebody has" in await refused(app, "/budget/delete", None, 400, id="small")
    await post(app, "/key/delete", keys=[one["key"], other["key"]])
    await post(app, "/budget/delete", id="small")
    assert "no budget" in await refused(app, "/key/generate", None, 400, budget_id="small")


_WRONG: list[tuple[dict[str, Any], int, str]] = [
    ({"duration": "soon"}, 400, "30d"),
    ({"duration": "9" * 9 + "w"}, 400, "that long"),
    ({"max_budget": 1, "budget_duration": "2mo"}, 400, "1mo, 3mo"),
    ({"max_budget": -1}, 422, "max_budget"),
    ({"max_budget": 1e-300}, 422, "max_budget"),
    ({"rpm_limit": 2**40}, 422, "rpm_limit"),
    ({"guardrails": ["pii"]}, 422, "not honoured"),
    ({"temp_budget_increase": 1}, 422, "together"),
    ({"key_alias": "a\x00b"}, 422, "key_alias"),
    ({"team_id": "none"}, 400, "no team"),
    ({"model_max_budget": {"fast": {"limit": 1}}}, 400, "a model's limit"),
    ({"model_max_budget": {"fast": "much"}}, 400, "amount"),
    ({"key": "short"}, 422, "key"),
]


async def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    """Nothing is made."""
    async with called(tmp_path) as app:
        for said, status, why in _WRONG:
            assert why in await refused(app, "/key/generate", None, status, **said)
        assert (await get(app, "/key/list"))["total_count"] == 0


async def test_an_alias_is_one_keys(tmp_path: Path) -> None:
    """A second one is refused; metadata cannot say what is a field's."""
    async with called(tmp_path) as app:
        await post(app, "/key/generate", key_alias="a")
        assert "already" in await refused(app, "/key/generate", None, 400, key_alias="a")
        found = await post(app, "/key/generate", metadata={"temp_budget_increase": 9, "x": 1})
        assert found["metadata"] == {"x": 1}
        assert (await get(app, "/key/aliases"))["aliases"] == ["a"]
        await ask(app, "POST", "/key/delete", None, 200, key_aliases=["a"])
        assert (await get(app, "/key/list"))["total_count"] == 1
