"""What clients of LiteLLM's ask besides: many keys at once, days, estimates, checks; and who may ask it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import pytest_asyncio

from llmkit.budget import Budget
from llmkit.proxy.data.requests import RequestLog

from .._kit import Called, called
from ..data.conftest import new_url
from ._asks import ask, chat, get, post, refused, user

pytestmark = pytest.mark.asyncio(loop_scope="module")
TODAY = datetime.now(UTC).date()
DAYS = {"start_date": str(TODAY - timedelta(days=1)), "end_date": str(TODAY + timedelta(days=1))}


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=["sqlite", "postgresql"])
async def app(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Called]:
    """One gateway for all of these, of each database: each makes its own rows."""
    directory = tmp_path_factory.mktemp("beside")
    async with called(directory, database_url=new_url(request, directory)) as made:
        assert made.gateway.database.dialect == request.param
        yield made


async def _logged(app: Called) -> None:
    await RequestLog(app.gateway.store, app.gateway.database).drain()


# --- keys and teams


async def test_many_keys_are_changed_at_once(app: Called) -> None:
    """Each by itself; what is wrong with one is said of it."""
    made = [await post(app, "/key/generate", key_alias=f"many-{n}") for n in range(2)]
    tokens = [one["token"] for one in made]
    items = [{"key": tokens[0], "max_budget": 3}, {"key": "sk-" + "none" * 6, "max_budget": 1}]
    items.append({"key": tokens[1], "budget_id": "none"})
    found = await post(app, "/key/bulk_update", keys=items)
    assert found["total_requested"] == 3
    (done,) = found["successful_updates"]
    assert (done["key"], done["key_info"]["max_budget"]) == (tokens[0], 3)
    reasons = [one["failed_reason"] for one in found["failed_updates"]]
    assert reasons[0] == "there is no such key"
    assert "no budget 'none'" in reasons[1]
    plain = await user(app, "many")
    await refused(app, "/key/bulk_update", plain, 403, keys=items)
    assert await post(app, "/key/health", plain) == {"key": "healthy", "logging_callbacks": None}
    await refused(app, "/key/health", "sk-" + "none" * 6, 401)
    await refused(app, "/key/bulk_update", None, 422, keys=[])


async def test_when_a_key_was_used(app: Called) -> None:
    """The request log says it, of all keys of a list at once."""
    made = await post(app, "/key/generate", key_alias="used")
    assert made["last_used"] is made["last_active"] is None
    assert await chat(app, made["key"]) == 200
    await _logged(app)
    info = (await get(app, "/key/info", key=made["token"]))["info"]
    assert datetime.now(UTC) - datetime.fromisoformat(info["last_used"]) < timedelta(minutes=5)
    listed = await get(app, "/key/list", return_full_object=True, size=100)
    used = {one["token"]: one["last_active"] for one in listed["keys"]}
    assert used[made["token"]] == info["last_active"] == info["last_used"]
    assert any(at is None for at in used.values())


async def test_what_members_may_spend_in_a_team(app: Called) -> None:
    """Who administers sees everybody's, a member his own; nobody joins a team by himself."""
    keys = {name: await user(app, name) for name in ("tam", "tim")}
    await post(app, "/team/new", team_id="blue")
    for name, role in (("tam", "admin"), ("tim", "user")):
        member = {"user_id": name, "role": role}
        limits = {"max_budget_in_team": 2, "budget_duration": "1mo"} if name == "tim" else {}
        await post(app, "/team/member_add", team_id="blue", member=member, **limits)
    mine = (await post(app, "/key/generate", keys["tim"], team_id="blue"))["key"]
    assert await chat(app, mine) == 200
    seen = (await get(app, "/team/info", keys["tam"], team_id="blue"))["team_memberships"]
    by_name = {one["user_id"]: one for one in seen}
    table = {"max_budget": 2, "budget_duration": "1mo", "rpm_limit": None, "tpm_limit": None}
    assert by_name["tim"]["litellm_budget_table"] == table
    assert by_name["tim"]["spend"] > 0
    assert (by_name["tam"]["spend"], by_name["tam"]["litellm_budget_table"]) == (0, None)
    seen = (await get(app, "/team/info", keys["tim"], team_id="blue"))["team_memberships"]
    assert {one["user_id"]: "spend" in one for one in seen} == {"tam": False, "tim": True}
    assert await get(app, "/team/available", keys["tim"]) == []


# --- days and budgets


async def test_each_days_activity(app: Called) -> None:
    """Of a user, a team, a tag, a customer: everybody's own, by model, provider and key."""
    keys = {name: await user(app, name, key_alias=name) for name in ("dot", "don")}
    body = {"messages": [{"role": "user", "content": "Hi"}], "tags": ["t1"], "user": "c1"}
    await ask(app, "POST", "/v1/chat/completions", keys["dot"], 200, model="fast", **body)
    assert await chat(app, keys["don"]) == 200
    assert await chat(app, keys["don"], "none") == 404
    await _logged(app)
    found = await get(app, "/user/daily/activity", keys["dot"], **DAYS)
    (day,) = found["results"]
    assert day["date"] == str(TODAY)
    metrics = day["metrics"]
    assert (metrics["api_requests"], metrics["failed_requests"]) == (1, 0)
    assert metrics["spend"] > 0
    assert found["metadata"]["total_spend"] == metrics["spend"]
    assert found["metadata"]["has_more"] is False
    assert day["breakdown"]["model_groups"].keys() == {"fast"}
    assert day["breakdown"]["providers"]["openai"]["metrics"] == metrics
    (key,) = day["breakdown"]["api_keys"].values()
    assert key["metadata"]["key_alias"] == "dot"
    for path, said in (("tag", {"tags": "t1,t2"}), ("customer", {"end_user_ids": "c1"})):
        one = await get(app, f"/{path}/daily/activity", **said, **DAYS)
        assert one["metadata"]["total_spend"] == metrics["spend"]
    both = await get(app, "/user/daily/activity", **DAYS)
    assert both["metadata"]["total_spend"] > metrics["spend"]
    assert (await get(app, "/team/daily/activity", team_ids="none"))["results"] == []
    await refused(app, "/user/daily/activity", keys["dot"], 403, "GET", user_id="don")
    await refused(app, "/tag/daily/activity", keys["dot"], 403, "GET", tags="t1")
    await refused(app, "/user/daily/activity", None, 400, "GET", start_date="soon")


async def test_budgets_of_providers_and_a_new_beginning(app: Called) -> None:
    """Providers' are told with what was spent; keys' and teams' begin anew, and nobody else's."""
    await app.gateway.budget.aset_budget(Budget(5, "month", {"provider": "openai"}))
    made = await post(app, "/key/generate", max_budget=1)
    await post(app, "/user/new", user_id="kim", max_budget=1, auto_create_key=False)
    key = (await post(app, "/key/generate", user_id="kim", max_budget=1))["key"]
    assert (await chat(app, made["key"]), await chat(app, key)) == (200, 200)
    openai = (await get(app, "/provider/budgets"))["providers"]["openai"]
    assert (openai["budget_limit"], openai["time_period"], openai["spend"] > 0) == (5, "1mo", True)
    assert openai["budget_reset_at"] is not None
    assert (await post(app, "/global/spend/reset"))["budgets"] >= 2
    assert (await get(app, "/key/info", key=made["token"]))["info"]["spend"] == 0
    assert (await get(app, "/user/info", user_id="kim"))["user_info"]["spend"] > 0
    assert (await get(app, "/provider/budgets"))["providers"]["openai"]["spend"] > 0
    plain = await user(app, "lea")
    await refused(app, "/global/spend/reset", plain, 403)
    await refused(app, "/provider/budgets", plain, 403, "GET")


# --- estimates


async def test_tokens_are_counted(app: Called) -> None:
    """Here, for who may ask the model; where no tokenizer is known, it is an estimate."""
    said = [{"role": "user", "content": "Hello there"}]
    found = await post(app, "/utils/token_counter", model="fast", messages=said)
    used = {"request_model": "fast", "model_used": "openai/gpt-4o-mini"}
    assert found == {"total_tokens": 9, **used, "tokenizer_type": "tiktoken"}
    more = await post(app, "/utils/token_counter", model="fast", messages=said, system="Be kind.")
    assert more["total_tokens"] > 9
    text = await post(app, "/utils/token_counter", model="claude", prompt="Hello there")
    assert (text["tokenizer_type"], text["total_tokens"] > 0) == ("estimate", True)
    there = "/utils/token_counter?call_endpoint=true"
    asked = await post(app, there, model="claude", prompt="Hello there")
    assert (asked["tokenizer_type"], asked["total_tokens"] > 0) == ("provider", True)
    asked = await post(app, there, model="fast", prompt="Hello there")
    assert asked["tokenizer_type"] == "tiktoken"
    await refused(app, there, None, 404, model="none", prompt="x")
    key = (await post(app, "/key/generate", models=["careful"]))["key"]
    await refused(app, "/utils/token_counter", key, 403, model="fast", prompt="x")
    await refused(app, "/utils/token_counter", None, 400, model="fast")


async def test_which_parameters_a_model_takes(app: Called) -> None:
    """What a provider does not take is not there; an unknown model is none."""
    path = "/utils/supported_openai_params"
    openai, claude = [
        (await get(app, path, model=model))["supported_openai_params"]
        for model in ("fast", "claude")
    ]
    assert {"temperature", "seed", "logprobs", "tools"} <= set(openai)
    assert {"temperature", "tools"} <= set(claude)
    assert "logit_bias" not in claude
    await refused(app, path, None, 404, "GET", model="none")


async def test_the_request_that_would_be_sent(app: Called) -> None:
    """Without its secrets, and for who may see where models are; files of the gateway's are nobody's to read."""
    body = {"model": "claude", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 9}
    path = "/utils/transform_request"
    found = await post(app, path, call_type="acompletion", request_body=body)
    assert found["raw_request_body"]["max_tokens"] == 9
    assert found["raw_request_api_base"].endswith("/v1/messages")
    assert "upstream" not in str(found)
    viewer = await user(app, "vera", user_role="proxy_admin_viewer")
    assert await ask(app, "POST", path, viewer, 200, call_type="completion", request_body=body)
    plain = await user(app, "moe")
    await refused(app, path, plain, 403, call_type="completion", request_body=body)
    given = {"model": "fast", "file": "/etc/hostname"}
    await refused(app, path, None, 400, call_type="transcription", request_body=given)
    stolen = {**body, "api_base": "http://127.0.0.1:9"}
    assert "api_base" in await refused(
        app, path, None, 400, call_type="completion", request_body=stolen
    )
    assert "messages" in await refused(
        app, path, None, 400, call_type="completion", request_body={"model": "fast"}
    )


async def test_what_calls_would_cost(app: Called) -> None:
    """Each, and in a day; to the last digit. What nobody knows is null."""
    sizes = {"input_tokens": 1000, "output_tokens": 100, "cache_read_input_tokens": 400}
    found = await post(app, "/cost/estimate", model="fast", **sizes, num_requests_per_day=10)
    each = (Decimal("0.15") * 600 + Decimal("0.075") * 400 + Decimal("0.6") * 100) / 10**6
    assert Decimal(str(found["cost_per_request"])) == each
    assert Decimal(str(found["daily_cost"])) == each * 10
    assert Decimal(str(found["cache_read_cost_per_request"])) == Decimal("0.00003")
    assert Decimal(str(found["output_cost_per_request"])) == Decimal("0.00006")
    assert (found["monthly_cost"], found["provider"]) == (None, "openai")
    unknown = await post(app, "/cost/estimate", model="openai/of-nobody", **sizes)
    assert (unknown["cost_per_request"], unknown["status"]) == (None, "unknown")
    assert unknown["reason"]
    sizes["input_tokens"] = 1
    await ask(app, "POST", "/cost/estimate", None, 400, model="fast", **sizes)


# --- checks


async def test_services_and_connections(app: Called) -> None:
    """What is there answers; a model that is tried is nobody's to ask, and leaves nothing behind."""
    for service in ("database", "ledger"):
        found = await get(app, "/health/services", service=service)
        assert (found["status"], found["service"]) == ("success", service)
    await refused(app, "/health/services", None, 400, "GET", service="redis")
    assert "database" in await refused(app, "/health/services", None, 400, "GET", service="slack")
    path = "/health/test_connection"
    names = app.gateway.calls.get_model_names()
    assert (await post(app, path, litellm_params={"model": "fast"}))["status"] == "success"
    params = {"model": "openai/gpt-4o-mini", "api_key": "sk-" + "tried"}
    there = {**params, "api_base": app.simulator.base_url}
    assert (await post(app, path, litellm_params=there, mode="chat"))["status"] == "success"
    found = await post(app, path, litellm_params={**params, "api_base": "http://127.0.0.1:9"})
    assert found["status"] == "error"
    assert found["result"]["error"]
    assert "tried" not in str(found)
    assert app.gateway.calls.get_model_names() == names
    await refused(app, path, None, 400, litellm_params={"model": "openai/*"})
    await refused(app, path, None, 400, litellm_params={"model": "openai/x", "rpm": "many"})
    wrong = {"model": "openai/x", "api_base": 5}
    text = await refused(app, "/model/new", None, 400, model_name="x", litellm_params=wrong)
    assert "base_url is a text" in text
    viewer = await user(app, "val", user_role="proxy_admin_viewer")
    await refused(app, path, viewer, 403, litellm_params=there)
    assert (await get(app, "/health/services", viewer, service="ledger"))["status"] == "success"
