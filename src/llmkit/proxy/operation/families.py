"""What is counted, under Prometheus's names: ours, and LiteLLM's where they are asked for. Nothing is counted here.

LiteLLM's names and labels as its ``litellm/types/integrations/prometheus.py`` lists them, read 2026-11-23.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from ...telemetry._families import (
    NUMBERS,
    Reading,
    call_families,
    counter,
    event_families,
    folded,
    gauge,
    histogram,
)
from .counting import UNKNOWN, Counts

__all__ = ["litellm_families", "own_families", "state_families"]


def own_families(counts: Counts) -> Iterator[Metric]:
    """Ours. Times are seconds, money is USD."""
    yield from _of_requests(counts)
    yield from call_families(counts)
    yield from _of_keys(counts)
    yield from event_families(counts)
    yield folded(counts)


def _of_requests(counts: Counts) -> Iterator[Metric]:
    yield counter(
        "llmkit_requests",
        "Requests over HTTP that were answered.",
        counts.requests,
        lambda cell: cell.number,
    )
    yield histogram(
        "llmkit_request_seconds",
        "From a request's head to the last byte of its answer.",
        counts.requests,
        lambda cell: cell,
    )
    yield gauge("llmkit_requests_in_flight", "Requests being answered.", counts.in_flight)
    yield histogram(
        "llmkit_overhead_seconds",
        "What an answer that is no stream took beside its provider.",
        counts.overhead,
        lambda cell: cell,
    )
    yield histogram(
        "llmkit_database_seconds", "Statements to the database.", counts.database, lambda cell: cell
    )


def _of_keys(counts: Counts) -> Iterator[Metric]:
    numbers = (("calls", "Calls.", lambda cell: cell.calls), *NUMBERS)
    for name, what, number in numbers:
        yield counter(f"llmkit_key_{name}", f"By key: {what}", counts.keys, number)


def litellm_families(counts: Counts) -> Iterator[Metric]:
    """LiteLLM's, from the same numbers. What is not known says ``None``, as there."""
    table = counts.litellm
    for name, labels, number in _LITELLM_NUMBERS:
        yield counter(f"litellm_{name}", "", table, number, (*_CALLER, *labels), _value)
    for name, times in _LITELLM_TIMES:
        yield histogram(f"litellm_{name}", "", table, times, (*_CALLER, *_MODELS), _value)
    for name, number in _LITELLM_DEPLOYMENTS:
        yield counter(f"litellm_deployment_{name}", "", table, number, _DEPLOYED, _value)
    yield gauge("litellm_in_flight_requests", "", counts.in_flight)
    yield _cooled_down(counts)


def _cooled_down(counts: Counts) -> Metric:
    family = CounterMetricFamily("litellm_deployment_cooled_down", "", labels=["model_id"])
    sums: dict[str, float] = {}
    for named, cell in counts.cooldowns:
        sums[named["deployment"]] = sums.get(named["deployment"], 0) + cell.value
    for deployment, number in sums.items():
        family.add_metric([deployment], number)
    return family


_CALLER: Final = ("end_user", "hashed_api_key", "api_key_alias", "team", "team_alias", "user")
_MODELS: Final = ("requested_model", "model")
_DEPLOYED: Final = ("requested_model", "litellm_model_name", "model_id", "api_provider")
_LITELLM_NUMBERS: Final[tuple[tuple[str, tuple[str, ...], Reading], ...]] = (
    (
        "proxy_total_requests_metric",
        ("requested_model", "route", "status_code"),
        lambda cell: cell.calls,
    ),
    (
        "proxy_failed_requests_metric",
        ("requested_model", "route", "exception_class", "exception_status"),
        lambda cell: cell.failed,
    ),
    ("spend_metric", _MODELS, lambda cell: cell.usd),
    ("total_tokens_metric", _MODELS, lambda cell: cell.prompt + cell.completion),
    ("input_tokens_metric", _MODELS, lambda cell: cell.prompt),
    ("output_tokens_metric", _MODELS, lambda cell: cell.completion),
)
_LITELLM_TIMES: Final[tuple[tuple[str, Reading], ...]] = (
    ("request_total_latency_metric", lambda cell: cell.seconds),
    ("llm_api_latency_metric", lambda cell: cell.upstream),
    ("llm_api_time_to_first_token_metric", lambda cell: cell.first),
)
_LITELLM_DEPLOYMENTS: Final[tuple[tuple[str, Reading], ...]] = (
    ("total_requests", lambda cell: cell.calls),
    ("success_responses", lambda cell: cell.calls - cell.failed),
    ("failure_responses", lambda cell: cell.failed),
)


def state_families(states: Iterable[Any], *, litellm: bool) -> Iterator[Metric]:
    """How deployments are, of a router's ``DeploymentState``s, one for each; several keys of one are one."""
    labels = ["group", "deployment", "provider", "model"]
    known: dict[tuple[str, ...], list[Any]] = {}
    for one in states:
        known.setdefault((one.group, one.deployment, one.provider, one.model), []).append(one)
    state = GaugeMetricFamily(
        "llmkit_deployment_state",
        "0: well; 1: some of its keys are let be; 2: it is let be.",
        labels=labels,
    )
    running = GaugeMetricFamily(
        "llmkit_deployment_running", "Calls on their way there.", labels=labels
    )
    failing = GaugeMetricFamily(
        "llmkit_deployment_failing", "The share of its latest calls that failed.", labels=labels
    )
    lite = GaugeMetricFamily(
        "litellm_deployment_state", "", labels=["litellm_model_name", "model_id", "api_provider"]
    )
    for (group, deployment, provider, model), members in known.items():
        values, level = [group, deployment, provider, model], _level(members)
        state.add_metric(values, level)
        running.add_metric(values, max(one.running for one in members))
        failing.add_metric(values, max(one.failing for one in members))
        lite.add_metric([model, deployment, provider], level)
    yield from (state, running, failing, *((lite,) if litellm else ()))


def _level(members: list[Any]) -> int:
    resting = sum(one.state != "well" for one in members)
    return 0 if not resting else 1 + (resting == len(members))


def _value(named: Mapping[str, str], label: str) -> str:
    if label == "status_code":
        return "200" if named["exception_class"] == UNKNOWN else named["exception_status"]
    # LiteLLM calls the provider's name for the model otherwise, where a deployment is counted.
    return named.get("model" if label == "litellm_model_name" else label, UNKNOWN)
