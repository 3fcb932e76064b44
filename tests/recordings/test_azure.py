"""What only Azure's recorded chats have: the results of its content filter, which nobody may lose."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from . import _azure, _oracle, _reader
from ._server import Replay

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator
    from pathlib import Path

    import llmkit

    from ._reader import Row

PROMPT, CHOICE = "prompt_filter_results", "content_filter_results"


@cache
def _rows() -> dict[str, Row]:
    found = _reader.directory()
    rows = [] if found is None else _reader.rows(found, "azure.chat")
    return {row.id: row for row in rows if _oracle.failure(row) is None}


@pytest.fixture(scope="module")
def served(recordings: Path) -> Iterator[Replay]:
    """The server that answers with the recorded bodies."""
    server = Replay(_rows())
    yield server
    server.close()


def seen(row: Row) -> tuple[Any, dict[int, dict[str, Any]]]:
    """What the raw answer says of the prompt, and of each choice: pieces of a stream add to each other."""
    prompt: Any = None
    choices: dict[int, dict[str, Any]] = {}
    for event in _oracle._answers(row):
        prompt = event.get(PROMPT) or prompt
        for choice in event.get("choices") or ():
            choices.setdefault(choice["index"], {}).update(choice.get(CHOICE) or {})
    return prompt, choices


@pytest.mark.parametrize("name", list(_rows()) or ["none"])
def test_filter_results(name: str, served: Replay, client: llmkit.Client) -> None:
    """What the filter saw in prompt and answer is in the answer, whole or streamed."""
    row = _rows()[name]
    sent = row.sent() or {}
    minimal = {"model": f"azure/{sent.get('model') or 'unnamed'}", "extra_body": {}}
    call = _azure.asking(row, sent, minimal)
    made: Any = client.completion(
        messages=[{"role": "user", "content": "Hello"}],
        stream=row.streaming,
        api_key="test-key",
        base_url=served.base_url(row),
        **call,
    )
    answer = made.until_done() if row.streaming else made
    prompt, choices = seen(row)
    assert (answer.get(PROMPT) or None) == (prompt or None)
    assert {c.index: c.get(CHOICE) or {} for c in answer.choices} == choices
    assert json.loads(answer.model_dump_json()).get(PROMPT) == answer.get(PROMPT)


# --- continued texts -------------------------------------------------------------------------------


@cache
def _texts() -> dict[str, Row]:
    found = _reader.directory()
    return {} if found is None else {r.id: r for r in _reader.rows(found, "azure.completions")}


@pytest.fixture(scope="module")
def texts_served(recordings: Path) -> Iterator[Replay]:
    """The server that answers with the recorded bodies of continued texts."""
    server = Replay(_texts())
    yield server
    server.close()


@pytest.mark.parametrize("name", list(_texts()) or ["none"])
def test_text(
    name: str, texts_served: Replay, client: llmkit.Client, runner: asyncio.Runner
) -> None:
    """A continued text is asked for and read as it was recorded, in both colours."""
    row = _texts()[name]
    sent, body = row.sent() or {}, json.loads(row.body)
    rest = {k: v for k, v in sent.items() if k not in ("model", "prompt")}
    call = _azure.asking(row, sent, {"model": f"azure/{sent['model']}", "extra_body": {}, **rest})
    call |= {"prompt": sent["prompt"], "api_key": "test-key"}
    base = texts_served.base_url(row)
    for made in (
        client.text_completion(**call, base_url=base),
        runner.run(client.atext_completion(**call, base_url=base)),
    ):
        assert [choice.text for choice in made.choices] == [c["text"] for c in body["choices"]]
        assert [c["content_filter_results"] for c in made.choices] == [
            c["content_filter_results"] for c in body["choices"]
        ]
        assert made[PROMPT] == body[PROMPT]
        assert made.usage is not None
        assert made.usage.total_tokens == body["usage"]["total_tokens"]
    for received in texts_served.take():
        assert received.json() == sent
        assert received.headers["api-key"] == "test-key"
        assert _azure.same_address(row, received.path)


# --- responses -------------------------------------------------------------------------------------


@cache
def _responses() -> dict[str, Row]:
    found = _reader.directory()
    rows = [] if found is None else _reader.rows(found, "azure.responses")
    return {row.id: row for row in rows if row.request is not None}


@pytest.fixture(scope="module")
def responses_served(recordings: Path) -> Iterator[Replay]:
    """The server that answers with the recorded bodies of responses."""
    server = Replay(_responses())
    yield server
    server.close()


@pytest.mark.parametrize("name", list(_responses()) or ["none"])
def test_responses(name: str, responses_served: Replay, client: llmkit.Client) -> None:
    """Responses are asked for where Azure has them, in both forms; what they say is another test's."""
    row = _responses()[name]
    sent = row.sent() or {}
    rest = {k: v for k, v in sent.items() if k not in ("model", "input", "stream")}
    dated = not row.path.startswith("/openai/v1/")
    # Some recorders left the version out, without which nothing is answered.
    version = row.query.get("api-version", "2025-04-01-preview") if dated else None
    made: Any = client.responses(
        model=f"azure/{sent['model']}",
        input=sent["input"],
        stream=row.streaming,
        api_key="test-key",
        api_version=version,
        base_url=responses_served.base_url(row).removesuffix("/v1"),
        extra_body=rest,
    )
    answer = made.until_done() if row.streaming else made
    assert answer.id
    (received,) = responses_served.take()
    assert received.json() == {k: v for k, v in sent.items() if (k, v) != ("stream", False)}
    assert received.headers["api-key"] == "test-key"
    assert _azure.same_address(row, received.path)
