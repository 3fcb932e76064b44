"""A finished call as a row: what is known of it, no key, no prompt and no answer."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

import llmkit
from llmkit.events import AttemptStarted, CallFinished, CallStarted
from llmkit.telemetry import failed_attempts, record
from llmkit.testing import Raw, scripted

from .conftest import KEY

if TYPE_CHECKING:
    from collections.abc import Callable

MODEL = "openai/gpt-4o-mini"
ASK: list[Any] = [{"role": "user", "content": "a secret prompt"}]


def ended(events: list[Any]) -> CallFinished:
    """The last call's end."""
    return next(one for one in reversed(events) if isinstance(one, CallFinished))


def test_a_call_that_went_well(client: Callable[..., llmkit.Client]) -> None:
    """Who, what, how long, how much: exact, and whose it was, without a budget or a context."""
    events: list[Any] = []
    with scripted(500, "an answer"):
        answer = client(events.append).completion(
            MODEL, ASK, user="ann", metadata={"tags": ["x", "y"], "session_id": "s", "n": 1}
        )
    row = record(ended(events))
    assert (row.kind, row.provider, row.model) == ("chat", "openai", "gpt-4o-mini")
    assert (row.outcome, row.error, row.failed, row.attempts) == ("completed", None, False, 2)
    assert row.cost == answer.cost.total
    assert isinstance(row.cost, Decimal)
    assert (row.user, row.tags, row.session) == ("ann", ("x", "y"), "s")
    assert row.metadata == {"tags": ["x", "y"], "session_id": "s", "n": 1}
    assert row.response_id == answer.id
    assert row.finish_reasons == ("stop",)
    [failed] = failed_attempts(ended(events))
    assert (failed.id, failed.number, failed.error, failed.status_code) == (
        row.id, 1, "InternalServerError", 500,
    )  # fmt: skip


def test_a_call_that_failed(client: Callable[..., llmkit.Client]) -> None:
    """Whose it was is known all the same, and what it cost is nothing."""
    events: list[Any] = []
    with scripted(400), pytest.raises(llmkit.BadRequestError):
        client(events.append).completion(MODEL, ASK, user="ann", tags=["t"])
    row = record(ended(events))
    assert (row.outcome, row.error, row.status_code, row.failed) == (
        "failed", "BadRequestError", 400, True,
    )  # fmt: skip
    assert (row.user, row.tags, row.cost) == ("ann", ("t",), Decimal(0))


def test_unknown_is_none(client: Callable[..., llmkit.Client]) -> None:
    """A model without a price has a cost that nobody knows, with the reason."""
    events: list[Any] = []
    with scripted("x"):
        client(events.append).completion("openai/gpt-nobody-knows", ASK)
    row = record(ended(events))
    assert row.cost is None
    assert row.cost_status == "unknown"
    assert row.cost_reason


def test_another_kind_of_call(client: Callable[..., llmkit.Client]) -> None:
    """An embedding has tokens, and no reasons to end."""
    events: list[Any] = []
    body = {"data": [{"index": 0, "embedding": [0.1]}], "usage": {"prompt_tokens": 3}}
    with scripted(Raw(body)):
        client(events.append).embedding("openai/text-embedding-3-small", "a lighthouse")
    row = record(ended(events))
    assert (row.kind, row.prompt_tokens, row.completion_tokens) == ("embedding", 3, 0)
    assert row.finish_reasons == ()
    asked = next(one for one in events if isinstance(one, AttemptStarted))
    assert asked.content == ("a lighthouse",)


def test_nothing_secret_is_in_a_row(client: Callable[..., llmkit.Client]) -> None:
    """Not the key, the prompt or the answer; what looks like a key is hidden in metadata, what is no JSON is named."""
    events: list[Any] = []
    other = "sk-" + "z" * 30
    metadata = {"a": [other], other: 1, "b": {"c": {"d": {"e": {"f": 1}}}}, "o": uuid.uuid4()}
    with scripted("a secret answer"):
        client(events.append).completion(
            MODEL, ASK, metadata={**metadata, "user": other, "long": "x" * 5_000}
        )
    row = record(ended(events))
    shown = repr(row.asdict())
    for secret in (KEY, other, "a secret"):
        assert secret not in shown
    assert row.user == "[redacted]"
    assert row.metadata["o"] == "<UUID>"
    assert len(row.metadata["long"]) == 1_000


def test_an_address_has_no_query(client: Callable[..., llmkit.Client]) -> None:
    """Of where a call went, what is secret stays behind."""
    events: list[Any] = []
    url = "https://host.test:8443/v1?key=" + "hidden"
    with scripted("x"):
        client(events.append, base_url=url).completion(MODEL, ASK)
    assert record(ended(events)).base_url == "https://host.test:8443/v1"


def test_events_show_no_content(client: Callable[..., llmkit.Client]) -> None:
    """What was asked is on an event for who looks there, and in no text of it, which a log may have."""
    events: list[Any] = []
    with scripted("x"):
        client(events.append).completion(MODEL, ASK, temperature=0.5)
    asked = next(one for one in events if isinstance(one, AttemptStarted))
    assert asked.content == ASK
    assert asked.params["temperature"] == 0.5
    assert not {"a secret", "0.5", KEY} & set(repr(asked).split())
    assert "a secret" not in repr(asked)
    assert ended(events).call is not None
    assert isinstance(events[0], CallStarted)
