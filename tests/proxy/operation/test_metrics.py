from __future__ import annotations

import os
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families as read
from sqlalchemy import text

from llmkit._settlements import Settlement
from llmkit.events import CallFinished, DeploymentCooledDown, StreamStarted
from llmkit.proxy.operation.counting import Counts
from llmkit.proxy.operation.metrics import Metrics
from llmkit.proxy.operation.sharing import Pages
from llmkit.proxy.settings import Settings
from llmkit.telemetry._counting import OTHER, SECONDS, Count, Histogram, Table

from .._kit import called
from ._known import ANN, Known

PROXY = {"key": "a" * 64, "key_alias": "ann's", "team": "red", "user": "ann", "group": "fast"}


PLACE = ("chat", "fast", "openai", "gpt-4o-mini", "")


def settled(number: int = 1, **changes: Any) -> Settlement:
    """How one call ended: 7 tokens in, 3 out, half a dollar."""
    one = Settlement(
        f"call_{number}", "completed", "openai", "gpt-4o-mini", False, "yes", 1, 0.0, 0.25, 7, 3,
        "reported", Decimal("0.5"), "known", metadata={"proxy": PROXY},
    )  # fmt: skip
    return one._replace(**changes)


def found(page: bytes) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Samples of a page, by name."""
    samples: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in read(page.decode()):
        for sample in family.samples:
            samples.setdefault(sample.name, []).append((sample.labels, sample.value))
    return samples


def one(page: bytes, name: str) -> float:
    """The value of the only sample of this name."""
    [(_, value)] = found(page)[name]
    return value


def test_a_call_is_counted_by_model_and_key() -> None:
    """Tokens, money and time stand under the group, the deployment and the key's beginning."""
    metrics = Metrics()
    metrics.heard(CallFinished(settled()))
    page, media_type = metrics.page()
    samples = found(page)
    place = dict(zip(Counts().models.labels, PLACE, strict=True))
    assert samples["llmkit_spend_usd_total"] == [(place, 0.5)]
    assert samples["llmkit_prompt_tokens_total"] == [(place, 7.0)]
    assert samples["llmkit_call_seconds_sum"] == [(place, 0.25)]
    whose = {"key": "a" * 12, "key_alias": "ann's", "team": "red", "user": "ann"}
    assert samples["llmkit_key_completion_tokens_total"] == [(whose, 3.0)]
    assert media_type.startswith("text/plain")
    assert not any(name.startswith("litellm_") for name in samples)


def test_unknown_costs_are_not_nothing() -> None:
    """A call without a price adds to the calls without one, and to no amount."""
    metrics = Metrics()
    metrics.heard(CallFinished(settled(cost=None)))
    page, _ = metrics.page()
    assert one(page, "llmkit_unpriced_calls_total") == 1
    assert one(page, "llmkit_spend_usd_total") == 0


def test_a_failure_has_its_class() -> None:
    """How a call ended, and with which error, are labels."""
    metrics = Metrics()
    metrics.heard(CallFinished(settled(outcome="failed", error="RateLimitError 429", cost=None)))
    [(labels, value)] = found(metrics.page()[0])["llmkit_calls_total"]
    assert (labels["outcome"], labels["error"], value) == ("failed", "RateLimitError", 1.0)


def test_first_chunks() -> None:
    """What a stream's beginning took is known when it ends, and forgotten then."""
    metrics = Metrics()
    metrics.heard(StreamStarted("call_1", 0.125))
    metrics.heard(CallFinished(settled(stream=True)))
    metrics.heard(CallFinished(settled(2, stream=True)))
    page, _ = metrics.page()
    assert one(page, "llmkit_first_chunk_seconds_count") == 1
    assert one(page, "llmkit_first_chunk_seconds_sum") == 0.125


def test_litellms_names(tmp_path: Path) -> None:
    """On request the same numbers stand under LiteLLM's names, with its labels."""
    metrics = Metrics(Settings(litellm_metrics=True))
    metrics.heard(CallFinished(settled()))
    metrics.heard(CallFinished(settled(2, outcome="failed", error="RateLimitError 429", cost=None)))
    metrics.heard(DeploymentCooledDown("d1", "fast", 5.0, "429", 1))
    samples = found(metrics.page()[0])
    total = {
        labels["status_code"]: value
        for labels, value in samples["litellm_proxy_total_requests_metric_total"]
    }
    assert total == {"200": 1.0, "429": 1.0}
    [(labels, spend)] = samples["litellm_spend_metric_total"]
    assert spend == 0.5
    assert labels["hashed_api_key"] == "a" * 64
    assert (labels["requested_model"], labels["model"]) == ("fast", "gpt-4o-mini")
    assert labels["end_user"] == labels["team_alias"] == "None"
    assert samples["litellm_deployment_cooled_down_total"] == [({"model_id": "d1"}, 1.0)]
    assert sum(v for _, v in samples["litellm_deployment_failure_responses_total"]) == 1


def test_labels_are_bounded() -> None:
    """Beyond so many cells, what callers choose is counted together; what is ours keeps its name."""
    table = Table(Count, ("group", "provider"), ("group",), most=2)
    for number in range(9):
        table.cell(f"model-{number}", "openai").value += 1
    table.cell("x" * 1000, "groq").value += 1
    cells = {values: cell.value for values, cell in table.cells.items()}
    own = {("model-0", "openai"): 1, ("model-1", "openai"): 1}
    assert cells == {**own, (OTHER, "openai"): 7, (OTHER, "groq"): 1}
    assert table.folded == 8


def test_what_is_other_stays_other() -> None:
    """A cell that was made goes on; labels are cut to a length."""
    table = Table(Count, ("group",), ("group",), most=1)
    for _ in range(2):
        table.cell("y" * 1000).value += 1
    assert {values: cell.value for values, cell in table.cells.items()} == {("y" * 128,): 2}


def test_buckets_add_up() -> None:
    """A time on a bucket's end is in it, and the last bucket has them all."""
    times = Histogram()
    for seconds in (SECONDS[0], SECONDS[0] + 0.001, 10_000.0):
        times.add(seconds)
    buckets = times.buckets()
    assert buckets[0] == ("0.005", 1.0)
    assert buckets[1] == ("0.01", 2.0)
    assert buckets[-1] == ("+Inf", 3.0)


def test_workers_have_one_page(tmp_path: Path) -> None:
    """Whichever is asked adds up what all counted; what a dead one had under way is gone."""
    settings = Settings(metrics_directory=tmp_path)
    first = Metrics(settings)
    first.heard(CallFinished(settled()))
    other = Counts()
    other.in_flight = 3
    cell = other.models.cell(*PLACE)
    cell.calls, cell.prompt, cell.completion, cell.usd = 1, 1, 1, Decimal("0.25")
    pages = Pages(tmp_path)
    pages.write(other)
    pages.own.rename(tmp_path / "1.json")
    (tmp_path / "2.json").write_text("{broken")
    shown = first.page()[0]
    assert one(shown, "llmkit_spend_usd_total") == 0.75
    assert one(shown, "llmkit_requests_in_flight") == 3
    old = time.time() - 60
    os.utime(tmp_path / "1.json", (old, old))
    shown = first.page()[0]
    assert one(shown, "llmkit_spend_usd_total") == 0.75
    assert one(shown, "llmkit_requests_in_flight") == 0


@pytest.mark.asyncio
async def test_a_worker_leaves_its_page(tmp_path: Path) -> None:
    """At the end of its life, at the latest, everything is in its file."""
    metrics = Metrics(Settings(metrics_directory=tmp_path))
    async with metrics.sharing():
        metrics.heard(CallFinished(settled()))
    again = Metrics(Settings(metrics_directory=tmp_path))
    assert one(again.page()[0], "llmkit_attempts_total") == 1


@pytest.mark.asyncio
async def test_over_http(tmp_path: Path) -> None:
    """A gateway's page has its requests by pattern, its database and its deployments; it is not for everybody."""
    async with called(tmp_path, "root") as app:
        app.gateway.bearers = Known()
        await app.gateway.database.run(lambda session: session.execute(text("SELECT 1")))
        with ANN.around():
            await app.gateway.calls.acompletion("fast", [{"role": "user", "content": "Hi"}])
        await app.http.get("/health/liveliness")
        await app.http.get("/nowhere/at/all")
        for name, status in (("ann", 403), ("nobody", 401)):
            refused = await app.http.get("/metrics", headers={"authorization": f"Bearer {name}"})
            assert refused.status_code == status
        answer = await app.http.get("/metrics")
    samples = found(answer.content)
    requests = {(k["route"], k["status"]): v for k, v in samples["llmkit_requests_total"]}
    assert requests["/health/liveliness", "200"] == 1
    assert requests["/metrics", "403"] == requests["/metrics", "401"] == 1
    assert not any("nowhere" in route for route, _ in requests)
    assert samples["llmkit_requests_in_flight"] == [({}, 1.0)]
    assert sum(v for _, v in samples["llmkit_database_seconds_count"]) >= 1
    [spent] = [v for k, v in samples["llmkit_spend_usd_total"] if k["group"] == "fast"]
    assert spent > 0
    groups = {labels["group"] for labels, _ in samples["llmkit_deployment_state"]}
    assert {"fast", "careful", "claude"} <= groups


@pytest.mark.asyncio
async def test_open_metrics(tmp_path: Path) -> None:
    """Where it is said so, whoever asks may see."""
    async with called(tmp_path, None, open_metrics=True) as app:
        answer = await app.http.get("/metrics", headers={"accept": "application/openmetrics-text"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
