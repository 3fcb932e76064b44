"""``/spend/…`` and ``/global/…``: who sees what, and that the numbers are those of the calls."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from llmkit.proxy.data.requests import RequestLog

from .._kit import Called, called, shown
from ..data.conftest import new_url
from ._asks import ask, get, post, refused, user

pytestmark = pytest.mark.asyncio(loop_scope="module")
TODAY = datetime.now(UTC).date()
DAYS = {"start_date": str(TODAY - timedelta(days=1)), "end_date": str(TODAY + timedelta(days=1))}


@dataclass
class Town:
    """Ann is in team red, Bob is its administrator, Eve is in none. Each has called once, Ann twice."""

    app: Called
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def ann(self) -> str:
        return self.keys["ann"]

    @property
    def bob(self) -> str:
        return self.keys["bob"]

    @property
    def eve(self) -> str:
        return self.keys["eve"]

    async def chat(self, who: str, model: str = "fast", **said: Any) -> str:
        body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 10}
        found = await self.app.http.post(
            "/v1/chat/completions", json={**body, **said}, headers=shown(self.keys[who])
        )
        assert found.status_code == 200, found.text
        return str(found.headers["x-request-id"])

    async def written(self) -> None:
        """The request log has everything."""
        gateway = self.app.gateway
        await RequestLog(gateway.store, gateway.database).drain()

    async def spent(self, **whose: str) -> float:
        usage = await self.app.gateway.budget.aget_usage(whose or "global", group_by=())
        assert usage.usd > 0
        return float(usage.usd)


@asynccontextmanager
async def town(directory: Path, **said: Any) -> AsyncIterator[Town]:
    """A gateway where they have called."""
    async with called(directory, **said) as app:
        made = Town(app)
        for name in ("ann", "bob", "eve"):
            made.keys[name] = await user(app, name)
        await post(app, "/team/new", team_id="red", team_alias="Red")
        members = [{"role": "user", "user_id": "ann"}, {"role": "admin", "user_id": "bob"}]
        await post(app, "/team/member_add", team_id="red", member=members)
        made.keys["red"] = (await post(app, "/key/generate", team_id="red", user_id="ann"))["key"]
        await made.chat("ann", metadata={"tags": ["own"]})
        await made.chat("red", "careful", metadata={"tags": ["job"]})
        await made.chat("bob")
        await made.chat("eve", metadata={"tags": ["eves"]})
        await made.written()
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["sqlite", "postgresql"])
async def at(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Town]:
    """A town for tests that change nothing, with each database."""
    directory = tmp_path_factory.mktemp("town")
    async with town(directory, database_url=new_url(request, directory)) as made:
        yield made


async def test_rows_are_for_whom_they_are_about(at: Town) -> None:
    """Administrators see all rows, a user his own, a team's administrator also his team's."""
    seen = {}
    for name, key in {**at.keys, "root": None}.items():
        found = await get(at.app, "/spend/logs", key)
        seen[name] = sorted((row["user"], row["team_id"] or "") for row in found)
    others = await get(at.app, "/spend/logs", at.eve, user_id="ann")
    assert seen["root"] == [("ann", ""), ("ann", "red"), ("bob", ""), ("eve", "")]
    assert seen["ann"] == [("ann", ""), ("ann", "red")]
    assert seen["bob"] == [("ann", "red"), ("bob", "")]
    assert seen["eve"] == [("eve", "")]
    assert others == []


async def test_a_row_says_what_a_call_was(tmp_path: Path) -> None:
    """Its ids, times, tokens and cost, in LiteLLM's fields; prompts are not kept unless somebody asks."""
    async with town(tmp_path) as at:
        http_id = await at.chat("ann")
        await at.written()
        [row] = await get(at.app, "/spend/logs", None, http_id=http_id)
        [again] = await get(at.app, "/spend/logs", None, request_id=row["request_id"])
        by_key = await get(at.app, "/spend/logs", None, api_key=at.ann)
    assert again == row
    assert row in by_key
    assert len(by_key) == 2
    assert row["http_id"] == http_id
    assert (row["model_group"], row["custom_llm_provider"]) == ("fast", "openai")
    assert row["total_tokens"] == row["prompt_tokens"] + row["completion_tokens"]
    assert row["spend"] > 0
    assert datetime.fromisoformat(row["startTime"]) <= datetime.fromisoformat(row["endTime"])
    assert (row["status"], row["outcome"]) == ("success", "completed")
    assert (row["messages"], row["response"]) == (None, None)


async def test_pages(at: Town) -> None:
    """A list of pages says how much there is; failures are found by that they failed."""
    first = await get(at.app, "/spend/logs/v2", None, page_size=3)
    second = await get(at.app, "/spend/logs/v2", None, page_size=3, page=2)
    failed = await get(at.app, "/spend/logs/v2", None, status_filter="failure")
    await refused(at.app, "/spend/logs/v2", None, 422, "GET", page=0)
    assert (first["total"], first["total_pages"], len(first["data"])) == (4, 2, 3)
    ids = {row["request_id"] for row in (*first["data"], *second["data"])}
    assert len(ids) == 4
    assert failed["data"] == []


async def test_days(at: Town) -> None:
    """Between two days, rows are added up; a day of long ago has none; what is no day is refused."""
    days = await get(at.app, "/spend/logs", None, **DAYS)
    rows = await get(at.app, "/spend/logs", None, **DAYS, summarize=False)
    none = await get(at.app, "/spend/logs", None, start_date="2020-01-01", end_date="2020-01-02")
    whole = await at.spent()
    for wrong in ("tomorrow", "2026-13-01", "9" * 60):
        said = await refused(at.app, "/spend/logs", None, 400, "GET", start_date=wrong)
        assert "2026-11-23" in said
    swapped = {"start_date": "2026-02-01", "end_date": "2026-01-01"}
    assert "exchange" in await refused(at.app, "/global/spend", None, 400, "GET", **swapped)
    assert len(rows) == 4
    assert none == []
    assert sum(day["calls"] for day in days) == 4
    assert sum(day["spend"] for day in days) == pytest.approx(whole)
    assert {name for day in days for name in day["users"]} == {"ann", "bob", "eve"}


async def test_sums_are_the_ledgers(tmp_path: Path) -> None:
    """What keys, users and teams spent is what budgets are kept by, whatever the request log has."""
    async with town(tmp_path) as at:
        await at.app.gateway.budget.aupdate_spend("3", user="eve", key="0" * 64)
        users = {row["user_id"]: row for row in await get(at.app, "/spend/users")}
        teams = await get(at.app, "/spend/teams")
        keys = {row["user_id"]: row["spend"] for row in await get(at.app, "/spend/keys", at.eve)}
        eve, red, whole = await at.spent(user="eve"), await at.spent(team="red"), await at.spent()
        everything = await get(at.app, "/global/spend")
        per_day = await get(at.app, "/global/spend/logs", None, **DAYS)
    assert users["eve"]["spend"] == eve
    assert eve > 3
    assert next(iter(users)) == "eve"
    assert [(row["team_id"], row["spend"]) for row in teams] == [("red", red)]
    assert 0 < keys["eve"] < 1
    assert everything == {"spend": whole, "max_budget": None}
    assert sum(day["spend"] for day in per_day) == pytest.approx(whole)


async def test_sums_are_for_whom_they_are_about(at: Town) -> None:
    """Nobody sees a sum of what he may not see."""
    assert [row["user_id"] for row in await get(at.app, "/spend/users", at.eve)] == ["eve"]
    assert await get(at.app, "/spend/teams", at.ann) == []
    assert [row["team_id"] for row in await get(at.app, "/spend/teams", at.bob)] == ["red"]
    bobs = {row["user_id"] for row in await get(at.app, "/spend/keys", at.bob)}
    assert bobs == {"ann", "bob"}
    assert len(await get(at.app, "/spend/keys", at.bob)) == 2
    own = await get(at.app, "/global/spend", at.eve)
    assert own["spend"] == await at.spent(user="eve")
    team = await get(at.app, "/global/spend", at.bob, team_id="red")
    assert team["spend"] == await at.spent(team="red")
    for path in ("/global/spend", "/global/spend/models", "/global/activity"):
        await refused(at.app, path, at.ann, 403, "GET", team_id="red")
    for star in ("*", " "):
        await refused(at.app, "/global/spend", None, 400, "GET", team_id=star)
    await refused(at.app, "/global/spend/logs", at.eve, 404, "GET", api_key=at.ann)
    await refused(at.app, "/global/spend/report", at.bob, 403, "GET", group_by="team")
    await refused(at.app, "/global/spend/report", at.bob, 403, "GET", internal_user_id="ann")


async def test_tags(at: Town) -> None:
    """What was spent under tags: everybody's for who sees all, else of the calls that one may see."""
    seen = {}
    for name, key in {"root": None, "ann": at.ann, "bob": at.bob, "eve": at.eve}.items():
        found = await get(at.app, "/spend/tags", key)
        seen[name] = {row["individual_request_tag"]: row["log_count"] for row in found}
    spend = await get(at.app, "/global/spend/tags", None)
    names = await get(at.app, "/global/spend/all_tag_names", at.eve)
    assert seen["root"] == {"own": 1, "job": 1, "eves": 1}
    assert seen["ann"] == {"own": 1, "job": 1}
    assert seen["bob"] == {"job": 1}
    assert seen["eve"] == {"eves": 1}
    assert {one["name"] for one in spend["spend_per_tag"]} == {"own", "job", "eves"}
    assert all(one["spend"] > 0 for one in spend["spend_per_tag"])
    assert names == {"tag_names": ["eves"]}


async def test_what_most_was_spent_on(at: Town) -> None:
    """Models, providers, keys and teams, the largest first."""
    models = await get(at.app, "/global/spend/models")
    providers = await get(at.app, "/global/spend/provider")
    keys = await get(at.app, "/global/spend/keys", None, limit=2)
    teams = await get(at.app, "/global/spend/teams", None, **DAYS)
    whole = await at.spent()
    assert "gpt-4o" in models[0]["model"]
    assert models[0]["total_spend"] > models[1]["total_spend"] > 0
    assert sum(one["total_spend"] for one in models) == pytest.approx(whole)
    assert [one["provider"] for one in providers] == ["openai"]
    assert len(keys) == 2
    assert keys[0]["total_spend"] > keys[1]["total_spend"]
    assert teams["teams"] == ["Red"]
    assert teams["daily_spend"] == [
        {"date": str(TODAY), "Red": teams["total_spend_per_team"][0]["total_spend"]}
    ]


async def test_a_report(at: Town) -> None:
    """Each day by team, customer, key or user; of one that is named, by model."""
    [day] = await get(at.app, "/global/spend/report", None, **DAYS)
    [users] = await get(at.app, "/global/spend/report", None, group_by="internal_user")
    [own] = await get(at.app, "/global/spend/report", at.eve, api_key=at.eve)
    eve = await at.spent(user="eve")
    assert day["group_by_day"] == str(TODAY)
    [red] = day["teams"]
    assert red["team_name"] == "red"
    assert red["metadata"][0]["api_requests"] == 1
    assert {one["internal_user"] for one in users["internal_users"]} == {"ann", "bob", "eve"}
    assert own["total_cost"] == eve
    assert own["total_input_tokens"] > 0
    assert at.eve not in str(own)
    assert [one["total_cost"] for one in own["model_details"]] == [eve]


async def test_activity(at: Town) -> None:
    """Calls and tokens of each day, and of each model."""
    whole = await get(at.app, "/global/activity", None, **DAYS)
    own = await get(at.app, "/global/activity", at.eve, **DAYS)
    models = await get(at.app, "/global/activity/model", None, **DAYS)
    assert (whole["sum_api_requests"], own["sum_api_requests"]) == (4, 1)
    assert [day["date"] for day in whole["daily_data"]] == [str(TODAY)]
    assert [one["sum_api_requests"] for one in models] == [3, 1]
    assert sum(one["sum_total_tokens"] for one in models) == whole["sum_total_tokens"] > 0


async def test_calculate(tmp_path: Path) -> None:
    """What messages would cost, or an answer did; what has no price is unknown, and nothing is booked."""
    async with called(tmp_path) as app:
        messages = [{"role": "user", "content": "How is the weather in Oslo?"}]
        asked = await post(app, "/spend/calculate", None, model="fast", messages=messages)
        usage = {"prompt_tokens": 1_000_000, "completion_tokens": 0, "total_tokens": 1_000_000}
        answer = {"model": "openai/gpt-4o-mini", "usage": usage}
        done = await post(app, "/spend/calculate", None, completion_response=answer)
        unknown = {"model": "openai/no-such-model", "messages": messages}
        none = await post(app, "/spend/calculate", None, **unknown)
        wrongs: list[dict[str, Any]] = [{}, {"model": "fast"}, {"messages": messages}]
        for wrong in (*wrongs, {"completion_response": {}}):
            await refused(app, "/spend/calculate", None, 400, **wrong)
        broken: dict[str, Any] = {"model": "fast", "completion_response": {"id": 1}}
        empty = await post(app, "/spend/calculate", None, **broken)
        broken["completion_response"]["usage"] = 5
        await refused(app, "/spend/calculate", None, 400, **broken)
        await refused(app, "/spend/calculate", None, 400, model="fast", messages=[1])
        usage_ = await app.gateway.budget.aget_usage("global", group_by=())
        sent = app.simulator.requests
    assert 0 < asked["cost"] < 0.001
    assert Decimal(str(done["cost"])) == Decimal("0.15")
    assert none["cost"] is empty["cost"] is None
    assert none["reason"]
    assert usage_.usd == 0
    assert not sent


async def test_nothing_without_a_key(tmp_path: Path) -> None:
    """Who is not known is told nothing, at any of these paths."""
    async with called(tmp_path) as app:
        described = (await app.http.get("/openapi.json")).json()["paths"]
        paths = [path for path in described if path.startswith(("/spend", "/global"))]
        for path in paths:
            method = next(iter(described[path])).upper()
            await ask(app, method, path, "sk-" + "nobody", 401)
    assert len(paths) >= 15
