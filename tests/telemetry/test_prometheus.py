"""Prometheus: the gateway's families of a program's own calls, with an end to their labels."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families as read

import llmkit
from llmkit.proxy.operation.counting import Counts
from llmkit.proxy.operation.families import own_families
from llmkit.telemetry import Prometheus
from llmkit.testing import scripted

if TYPE_CHECKING:
    from collections.abc import Callable

MODEL = "openai/gpt-4o-mini"
ASK: list[Any] = [{"role": "user", "content": "Hi"}]


def sums(page: str) -> dict[str, float]:
    """Each sample's sum over all labels."""
    found: dict[str, float] = {}
    for family in read(page):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0) + sample.value
    return found


def test_what_is_counted(client: Callable[..., llmkit.Client]) -> None:
    """Calls by how they ended, tokens, money, times; unknown costs apart."""
    sink = Prometheus(CollectorRegistry())
    made = client(sink)
    with scripted(500, "x", 400, "y", "z"):
        paid = made.completion(MODEL, ASK)
        with pytest.raises(llmkit.BadRequestError):
            made.completion(MODEL, ASK)
        streamed = made.completion(MODEL, ASK, stream=True)
        list(streamed)
        made.completion("openai/gpt-nobody-knows", ASK)
    found = sums(sink.page())
    assert found["llmkit_calls_total"] == 4
    assert found["llmkit_attempts_total"] == 5
    assert found["llmkit_unpriced_calls_total"] == 1
    assert found["llmkit_spend_usd_total"] == pytest.approx(
        float(paid.cost.total + streamed.cost.total)
    )
    assert found["llmkit_call_seconds_count"] == 4
    assert found["llmkit_first_chunk_seconds_count"] == 1
    assert 'error="BadRequestError"' in sink.page()


def test_names_are_the_gateways() -> None:
    """There is one list of families: what a program shows, a gateway shows."""
    own = {family.name for family in Prometheus(CollectorRegistry()).describe()}
    assert own < {family.name for family in own_families(Counts())}
    assert "llmkit_spend_usd" in own


def test_labels_have_an_end(client: Callable[..., llmkit.Client]) -> None:
    """Models of which callers make up the names do not make series without end, and no user makes one."""
    sink = Prometheus(CollectorRegistry())
    made = client(sink)
    for number in range(230):
        made.completion(f"openai/made-up-{number}", ASK, mock_response="x", user=f"user{number}")
    page = sink.page()
    assert page.count("llmkit_call_seconds_count{") <= 201
    assert 'model="other"' in page
    assert sums(page)["llmkit_calls_total"] == 230
    assert "user1" not in page


def test_a_registry_has_it_once() -> None:
    """A second one is refused with what to do; one that has left makes room."""
    registry = CollectorRegistry()
    first = Prometheus(registry)
    with pytest.raises(llmkit.ConfigurationError, match="has such a sink already"):
        Prometheus(registry)
    first.close()
    Prometheus(registry)
    with pytest.raises(llmkit.ConfigurationError, match="CollectorRegistry"):
        Prometheus(3)  # type: ignore[arg-type]


def test_threads_lose_no_call(client: Callable[..., llmkit.Client]) -> None:
    """Calls that end at once in many threads are all counted, while pages are made."""
    sink = Prometheus(CollectorRegistry())
    made = client(sink)

    def calls() -> None:
        for _ in range(25):
            made.completion(MODEL, ASK, mock_response="x")

    threads = [threading.Thread(target=calls) for _ in range(4)]
    for one in threads:
        one.start()
    sink.page()
    for one in threads:
        one.join()
    assert sums(sink.page())["llmkit_calls_total"] == 100
