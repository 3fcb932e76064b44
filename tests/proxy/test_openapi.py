"""Whatever is sent to management, by its own OpenAPI: no request makes it fail."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.transport import Response

from ._kit import MASTER, Served, gateway, shown

MANY = 15 if os.environ.get("LLMKIT_FULL") else 2


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One gateway for all."""
    with gateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running


def test_nothing_that_is_sent_makes_it_fail(served: Served) -> None:
    """Each operation gets a few requests, right ones and wrong ones: never a 5xx, and no internals in what is said."""
    with served.client() as client:
        found = client.get("/openapi.json").json()
        schema = schemathesis.openapi.from_dict(found)
        failures: list[str] = []
        asked = 0
        for operation in schema.get_all_operations():

            @settings(
                max_examples=MANY,
                deadline=None,
                derandomize=True,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=_operation(operation).as_strategy())
            def ask(case: schemathesis.Case[Any]) -> None:
                nonlocal asked
                asked += 1
                answer = case.call(base_url=served.origin, headers=shown(MASTER))
                _look(case, answer, failures)

            ask()
    assert asked > 20
    assert failures == []


def _operation(found: Any) -> Any:
    return found.ok()


def _look(
    case: schemathesis.Case[Any], answer: Response | httpx.Response, failures: list[str]
) -> None:
    text = answer.content.decode("utf-8", "replace")
    if answer.status_code >= 500 or "Traceback" in text or "sqlalchemy" in text.lower():
        failures.append(
            f"{case.method} {case.formatted_path}: {answer.status_code} {text[:200]} {case.body!r:.200}"
        )
