"""Every recorded exchange of the Responses API: natively through the public client and a real socket, and as a chat.

What each answer must say comes from ``_responses_rows``, which reads it without llmkit, and from the official SDK.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

import llmkit
from llmkit._call import ChatCall
from llmkit._calls import ResponsesCall
from llmkit._fold import fold
from llmkit._http import HTTPResponse
from llmkit.wires.openai_responses import OpenAIResponses, ResponsesChat

from . import _cuts
from . import _responses_rows as found
from ._responses_rows import EXEMPT
from ._server import Replay, pieces

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from ._reader import Row

MESSAGES = [{"role": "user", "content": "Hello"}]


@cache
def groups() -> dict[str, list[Row]]:
    """The rows by what can be asked of them."""
    fine = [row for row in found.rows() if not found.is_failure(row)]
    return {
        "told": [row for row in fine if not row.is_event_stream],
        "streamed": [row for row in fine if row.is_event_stream],
        "answered": fine,
        "wrong": [row for row in found.rows() if found.is_failure(row)],
        "written": [row for row in found.rows() if row.sent() is not None],
    }


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once for every row of the group it asks for."""
    for name in groups().keys() & set(metafunc.fixturenames):
        ids = [row.id for row in groups()[name]] or ["none"]
        metafunc.parametrize(name, groups()[name] or [None], ids=ids)


@pytest.fixture(scope="module")
def served(recordings: Path) -> Iterator[Replay]:
    """The server that answers with the recorded bodies; skips where there are no recordings."""
    server = Replay({row.id: row for row in found.rows()})
    yield server
    server.close()


@pytest.fixture(autouse=True)
def _there(recordings: Path) -> None:
    """Skip where there are no recordings."""


def asking(row: Row, base_url: str) -> dict[str, Any]:
    """The recorded request as keywords, or a minimal one where there is none."""
    sent = row.sent() or {"input": "Hello"}
    known = llmkit.types.responses.ResponsesModelParams.__annotations__
    rest = {k: v for k, v in sent.items() if k not in ("model", "input", "stream")}
    return {
        "model": f"openai/{sent.get('model') or row.model or 'gpt-5-mini'}",
        "input": sent.get("input"),
        "stream": row.streaming,
        "api_key": "test-key",
        "base_url": base_url,
        "extra_body": {k: v for k, v in rest.items() if k not in known},
        **{k: v for k, v in rest.items() if k in known},
    }


def counted(usage: Any) -> dict[str, Any]:
    """A usage's counts, read through attributes as users do."""
    if usage is None:
        return {}
    prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
    return {
        "prompt": usage.prompt_tokens,
        "completion": usage.completion_tokens,
        "total": usage.total_tokens,
        "cached": prompt and prompt.cached_tokens,
        "written": prompt and prompt.cache_write_tokens,
        "reasoning": completion and completion.reasoning_tokens,
    }


def assert_whole(row: Row, answer: Any) -> None:
    """Fail unless a typed answer is the recorded one, and says and counts what that does."""
    whole = found.answer(row)
    assert answer.to_dict() == whole
    said = found.said(whole)
    assert answer.output_text == said.text
    assert counted(answer.counted()) == said.counts
    assert json.loads(answer.model_dump_json())["id"] == answer.id


def test_files_are_there(recordings: Path) -> None:
    """The dialect's files are found, and each exemption is of a row that is there."""
    assert len(found.apis()) > 10
    assert {row for row, _ in EXEMPT} <= {row.id for row in found.rows()}


def test_plain_answer(told: Row, served: Replay, client: llmkit.Client) -> None:
    """An answer in one piece is the recorded one, typed."""
    assert_whole(told, client.responses(**asking(told, served.base_url(told))))
    assert len(served.take()) == 1


def test_plain_answer_async(
    told: Row, served: Replay, client: llmkit.Client, runner: asyncio.Runner
) -> None:
    """An answer in one piece is the same asynchronously."""
    assert_whole(told, runner.run(client.aresponses(**asking(told, served.base_url(told)))))


def test_stream(streamed: Row, served: Replay, client: llmkit.Client) -> None:
    """A stream's events are the recorded ones, kept whole, and what they come to is the last one's answer."""
    for cut in _cuts.on_socket(streamed.id, len(streamed.body)):
        with client.responses(**asking(streamed, served.base_url(streamed, cut))) as opened:
            told = [event.to_dict() for event in opened]
        assert told == found.events(streamed)
        assert_whole(streamed, opened.response)


def test_stream_async(
    streamed: Row, served: Replay, client: llmkit.Client, runner: asyncio.Runner
) -> None:
    """A stream says the same asynchronously."""

    async def read() -> tuple[list[Any], Any]:
        opened = await client.aresponses(**asking(streamed, served.base_url(streamed, 5)))
        return [event.to_dict() async for event in opened], opened.response

    told, answer = runner.run(read())
    assert told == found.events(streamed)
    assert_whole(streamed, answer)


def test_error(wrong: Row, served: Replay, client: llmkit.Client) -> None:
    """An error by status, in a body or in a stream raises its class, with the provider's own words."""
    with pytest.raises(llmkit.APIError) as caught:
        list(client.responses(**asking(wrong, served.base_url(wrong, 7))))
    if wrong.status != 200:
        assert caught.value.status_code == wrong.status
        return
    failed = next(e for e in found.events(wrong) if e["type"] in ("error", "response.failed"))
    error = failed.get("error") or failed["response"]["error"]
    assert caught.value.code == error["code"]
    assert error["message"][:50] in caught.value.message


def test_request(written: Row, served: Replay, client: llmkit.Client) -> None:
    """A recorded request, asked for by its own fields, is sent out equal as JSON."""
    body = written.sent()
    assert body is not None
    try:
        opened = client.responses(**asking(written, served.base_url(written)))
        if written.streaming:
            opened.close()
    except llmkit.APIError:
        assert found.is_failure(written)
    (request,) = served.take()
    assert without_nulls({"model": None, **body}) == without_nulls(
        {**request.json(), "model": body.get("model")}
    )
    assert request.path == f"{written.mount}/responses"


def without_nulls(value: Any) -> Any:
    """JSON without nulls, and without a stream that is not one."""
    if isinstance(value, dict):
        kept = {k: without_nulls(v) for k, v in value.items() if v is not None}
        return {k: v for k, v in kept.items() if (k, v) != ("stream", False)}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def chat_call(row: Row) -> ChatCall:
    """A chat call that this row may be the answer to."""
    return ChatCall("call_0", "somebody", row.model, messages=MESSAGES, stream=row.streaming)


def decoded(decoder: Any, body: Iterable[bytes]) -> list[Any]:
    """What a decoder makes of these pieces."""
    made = [chunk for piece in body for chunk in decoder.feed(piece)]
    made += decoder.finish()
    assert decoder.done
    return made


def test_cuts_change_nothing(streamed: Row) -> None:
    """A stream decodes to the same events and chunks, however its bytes are cut."""
    call = ResponsesCall("call_0", "somebody", streamed.model, input="Hello", stream=True)
    makers = (
        lambda: OpenAIResponses().decoder(call),
        lambda: ResponsesChat().decoder(chat_call(streamed)),
    )
    for make in makers:
        whole = decoded(make(), [streamed.body])
        for size in _cuts.sizes(streamed.id, len(streamed.body)):
            assert decoded(make(), pieces(streamed.body, size)) == whole, f"cut at {size}"


def test_official_sdk_agrees(answered: Row) -> None:
    """The official SDK's types read the same text out of the same answer."""
    responses = pytest.importorskip("openai.types.responses")
    whole = found.answer(answered)
    theirs = responses.Response.construct(**whole)
    texts = [
        part.text
        for item in theirs.output
        if item.type == "message"
        for part in item.content
        if part.type == "output_text"
    ]
    assert "".join(texts) == found.said(whole).text


def test_as_chat(answered: Row) -> None:
    """An answer, read as a chat's, says what its items say."""
    whole = found.answer(answered)
    body = json.dumps(whole).encode()
    completion = ResponsesChat().parse(chat_call(answered), HTTPResponse(200, {}, body))
    assert_chat(found.said(whole), completion)


def test_stream_as_chat(streamed: Row) -> None:
    """A stream, read as a chat's chunks, folds into what its last answer says."""
    if (streamed.id, "gathered") in EXEMPT:
        return
    chunks = decoded(ResponsesChat().decoder(chat_call(streamed)), [streamed.body])
    assert_chat(found.said(found.answer(streamed)), fold(chunks))


def assert_chat(said: found.Said, completion: Any) -> None:
    """Fail unless a completion says what the items say."""
    (choice,) = completion.choices
    message = choice.message
    assert (message.content or "") == said.text
    assert (message.refusal or "") == said.refusal
    assert (message.reasoning_content or "") == "\n\n".join(said.reasoning)
    calls = [(c.id, c.function or c.custom) for c in message.tool_calls or []]
    told = [(i, c["name"], c["arguments"] if "arguments" in c else c["input"]) for i, c in calls]
    assert told == said.calls
    assert choice.finish_reason == said.finish
    assert counted(completion.usage) == said.counts
