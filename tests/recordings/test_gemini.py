"""Every recorded exchange of the generateContent wire, through the public client and a real socket.

What each answer must say comes from ``_gemini_oracle``, what each call must send from ``_gemini_requests``; what cannot
be asserted is in ``_gemini_unassertable``.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import fields, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

import llmkit
from llmkit import providers
from llmkit.wires.gemini import Gemini

from . import _cuts
from . import _gemini_oracle as oracle
from . import _gemini_requests as requests
from ._gemini_rows import Exchange, exchanges
from ._gemini_unassertable import EXEMPT, LESS, exempted
from ._server import Replay, pieces

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable, Iterator
    from pathlib import Path

MINIMAL: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}]}
KEY = "test-key"


def _rows(kind: str) -> list[Any]:
    found = [e for e in exchanges() if kind in _kinds(e)]
    return [pytest.param(e, id=e.id) for e in found] or [pytest.param(None, id="none")]


def _kinds(exchange: Exchange) -> set[str]:
    row = exchange.row
    form = "stream" if row.streaming and row.status == 200 else "plain"
    kinds = {"failed"} if oracle.failure(row) is not None else {form}
    kinds |= {"anystream"} if form == "stream" else set()
    return kinds | ({"asked"} if row.sent() is not None else set())


def name_of(exchange: Exchange, body: dict[str, Any]) -> str:
    """The provider that stands for the host: both hosts, each with both forms of schemas."""
    host = "vertex_ai" if exchange.enterprise else "gemini"
    return f"{host}_openapi" if requests.uses_openapi(body) else host


@pytest.fixture(scope="module", autouse=True)
def hosts() -> Iterator[None]:
    """Both hosts once more, with schemas in their other form: they differ by a field of the wire alone."""
    made = {}
    for own in map(providers.get, ("gemini", "vertex_ai")):
        assert isinstance(own.chat, Gemini)
        name, chat = f"{own.name}_openapi", replace(own.chat, json_schema=False)
        made[name] = replace(own, name=name, chat=chat, aliases=(), families=())
    with pytest.MonkeyPatch.context() as patch:
        for name, provider in made.items():
            # Not by register_provider: the other tests of this process count providers.
            patch.setitem(providers._registry._found, name, provider)
        yield


@pytest.fixture(scope="module")
def replay(recordings: Path) -> Iterator[Replay]:
    """The server that answers with the recorded bodies."""
    server = Replay({exchange.id: exchange.row for exchange in exchanges()})
    yield server
    server.close()


def asking(exchange: Exchange, *, recorded: bool = True) -> dict[str, Any]:
    """The recorded request as arguments, or a minimal one where there is none."""
    sent = exchange.row.sent() if recorded and "request" not in exempted(exchange.id) else None
    body = requests.canonical(sent) if sent is not None else None
    model = exchange.path.partition("/models/")[2].partition(":")[0] or "gemini-unnamed"
    call = MINIMAL if body is None else requests.as_call(body, model)
    name = name_of(exchange, body or {})
    place = re.match(r"/[^/]+/projects/([^/]+)/locations/([^/]+)/", exchange.path)
    where = {"vertex_project": place[1], "vertex_location": place[2]} if place else {}
    return {
        "model": f"{name}/{model}", "stream": exchange.row.streaming, "api_key": KEY, **where, **call
    }  # fmt: skip


# --- what an answer says -----------------------------------------------------------------------


def of_choices(choices: Iterable[Any], said: oracle.Said) -> None:
    """Read a whole answer's choices through attributes, as users do."""
    for choice in choices:
        index, message = choice.index, choice.message
        said.text[index] = message.content or ""
        said.thoughts[index] = message.reasoning_content or ""
        said.calls[index] = [_call(call) for call in message.tool_calls or ()]
        said.images[index] = [image["image_url"]["url"] for image in message.images or ()]
        said.sound[index] = (message.audio and message.audio.data) or ""
        tokens = (choice.logprobs and choice.logprobs.content) or []
        said.logprobs[index] = [(token.token, token.logprob) for token in tokens]
        cited = [a["url_citation"] for a in message.annotations or ()]
        said.sources[index] = [c["url"] for c in cited]
        text = message.content or ""
        said.cited[index] = {
            text[c["start_index"] : c["end_index"]] for c in cited if "start_index" in c
        }
        said.finish[index] = choice.finish_reason
        said.signatures[index] = [*_signatures(message)]


def _call(call: Any) -> dict[str, Any]:
    given = None if call.id.startswith("call_noid_") else call.id
    return {"id": given, "name": call.function.name, "args": json.loads(call.function.arguments)}


def _signatures(message: Any) -> Iterator[str]:
    kept = message.get("provider_specific_fields")
    if kept is not None:
        yield from (p["thoughtSignature"] for p in kept["parts"] if "thoughtSignature" in p)


def of_completion(completion: Any) -> oracle.Said:
    """What a whole answer says, in the oracle's terms."""
    said = oracle.Said(id=completion.id, model=completion.model)
    of_choices(completion.choices, said)
    usage = completion.usage
    if usage is not None:
        prompt, answer = usage.prompt_tokens_details, usage.completion_tokens_details
        said.usage = {
            "prompt": usage.prompt_tokens,
            "completion": usage.completion_tokens,
            "total": usage.total_tokens,
            "cached": prompt and prompt.cached_tokens,
            "thoughts": answer and answer.reasoning_tokens,
            "tier": completion.service_tier,
        }
        for side, details in (("prompt", prompt), ("completion", answer)):
            for kind in ("text", "image", "video", "audio", "document"):
                count = details and details.get(f"{kind}_tokens")
                said.usage |= {} if count is None else {f"{side}.{kind}": count}
    return said


def assert_said(exchange: Exchange, actual: oracle.Said) -> None:
    """Fail unless this is what the oracle reads, but for just the fields that are listed."""
    wanted = oracle.read(exchange.row)
    # An answer without a name gets the call's own, and the model that was asked.
    wanted.id = wanted.id or (actual.id if str(actual.id).startswith("call_") else "a made id")
    wanted.model = wanted.model or asking(exchange)["model"].partition("/")[2]
    for index, sources in wanted.sources.items():
        # A page can support several passages, and each is an annotation of its own.
        assert set(actual.sources.get(index, ())) == set(sources)
    found = {
        f.name: (getattr(wanted, f.name), getattr(actual, f.name))
        for f in fields(oracle.Said)
        if f.name != "sources" and getattr(wanted, f.name) != getattr(actual, f.name)
    }
    listed = exempted(exchange.id) - {"request", "turn", "next"}
    assert found.keys() == listed, found or listed


@pytest.mark.parametrize("exchange", _rows("plain"))
def test_plain_answer(exchange: Exchange, replay: Replay, client: llmkit.Client) -> None:
    """An answer in one piece says what its raw body says."""
    answer = client.completion(**asking(exchange), base_url=replay.base_url(exchange.row))
    assert_said(exchange, of_completion(answer))
    assert json.loads(answer.model_dump_json())["id"] == answer.id


@pytest.mark.parametrize("exchange", _rows("plain"))
def test_plain_answer_async(
    exchange: Exchange, replay: Replay, client: llmkit.Client, runner: asyncio.Runner
) -> None:
    """An answer in one piece says the same asynchronously."""
    call = client.acompletion(**asking(exchange), base_url=replay.base_url(exchange.row))
    assert_said(exchange, of_completion(runner.run(call)))


def socket_cuts(exchange: Exchange) -> tuple[int, int]:
    """The two sizes at which this row's stream goes through the socket."""
    return _cuts.on_socket(exchange.id, len(exchange.row.body))


@pytest.mark.parametrize("exchange", _rows("stream"))
def test_stream(exchange: Exchange, replay: Replay, client: llmkit.Client) -> None:
    """A stream's folded response says what the raw body says, and its deltas give the same texts."""
    for cut in socket_cuts(exchange):
        url = replay.base_url(exchange.row, cut)
        with client.completion(**asking(exchange), base_url=url) as opened:
            chunks = list(opened)
        assert_streamed(exchange, opened, chunks)


@pytest.mark.parametrize("exchange", _rows("stream"))
def test_stream_async(
    exchange: Exchange, replay: Replay, client: llmkit.Client, runner: asyncio.Runner
) -> None:
    """A stream says the same asynchronously."""
    chunks: list[Any] = []
    call = client.acompletion(**asking(exchange), base_url=replay.base_url(exchange.row, 11))
    opened = runner.run(collected(call, chunks))
    assert_streamed(exchange, opened, chunks)


async def collected(opening: Any, chunks: list[Any]) -> Any:
    """Read an asynchronous stream to its end, keeping its chunks as they come."""
    stream = await opening
    async for chunk in stream:
        chunks.append(chunk)  # noqa: PERF401 - what came before an error is wanted too
    return stream


def assert_streamed(exchange: Exchange, opened: Any, chunks: list[Any]) -> None:
    """Fail unless the folded response is the oracle's, and the chunks say it piece by piece."""
    assert_said(exchange, of_completion(opened.response))
    texts: dict[int, str] = defaultdict(str)
    ends: list[int] = []
    for choice in (choice for chunk in chunks for choice in chunk.choices):
        assert choice.index not in ends, "nothing follows a finish reason"
        texts[choice.index] += choice.delta.content or ""
        ends += [choice.index] if choice.finish_reason else []
    assert texts == oracle.read(exchange.row).text
    assert sorted(ends) == sorted(texts)
    assert opened.usage == opened.response.usage


@pytest.mark.parametrize("exchange", _rows("failed"))
def test_error(exchange: Exchange, replay: Replay, client: llmkit.Client) -> None:
    """An error by status, in a body or in a stream raises its class."""
    with pytest.raises(llmkit.APIError) as caught:
        list(client.completion(**asking(exchange), base_url=replay.base_url(exchange.row, 7)))
    assert_error(exchange, caught.value)


@pytest.mark.parametrize("exchange", _rows("failed"))
def test_error_async(
    exchange: Exchange, replay: Replay, client: llmkit.Client, runner: asyncio.Runner
) -> None:
    """An error raises its class asynchronously too."""
    call = client.acompletion(**asking(exchange), base_url=replay.base_url(exchange.row, 7))
    with pytest.raises(llmkit.APIError) as caught:
        runner.run(collected(call, []))
    assert_error(exchange, caught.value)


def assert_error(exchange: Exchange, error: llmkit.APIError) -> None:
    """Fail unless this error is what the row's answer calls for."""
    expected = oracle.failure(exchange.row)
    assert expected is not None
    assert type(error) is getattr(llmkit, expected.kind), error
    assert error.status_code == expected.status
    assert expected.message in error.message
    assert error.retry_after == expected.retry_after


@pytest.mark.parametrize("exchange", _rows("anystream"))
def test_cuts_change_nothing(exchange: Exchange) -> None:
    """A stream decodes to the same chunks, and the same error, however its bytes are cut."""
    body = exchange.row.body
    whole = decoded(exchange, [body])
    for size in _cuts.sizes(exchange.id, len(body)):
        assert decoded(exchange, pieces(body, size)) == whole, f"cut at {size}"


def decoded(exchange: Exchange, body: Iterable[bytes]) -> list[Any]:
    """What the wire's decoder makes of these pieces: chunks, and the error that ended them."""
    from llmkit._call import ChatCall

    call = ChatCall("call_0", "gemini", "gemini-2.5-flash", MINIMAL["messages"], stream=True)
    decoder = Gemini().decoder(call)
    made: list[Any] = []
    try:
        for piece in body:
            made += decoder.feed(piece)
        made += decoder.finish()
    except llmkit.APIError as error:
        made.append((type(error), str(error)))
    return made


# --- what a call sends -------------------------------------------------------------------------


@pytest.mark.parametrize("exchange", _rows("asked"))
def test_request(exchange: Exchange, replay: Replay, client: llmkit.Client) -> None:
    """A recorded request, rebuilt as a call in OpenAI's form, is sent out equal as JSON."""
    sent = exchange.row.sent()
    assert sent is not None
    wanted, raised = requests.canonical(sent), None
    arguments = asking(exchange)
    try:
        opened = client.completion(**arguments, base_url=replay.base_url(exchange.row))
        if exchange.row.streaming:
            opened.close()
    except llmkit.LLMKitError as error:
        raised = error
    received = replay.take()
    if "request" in exempted(exchange.id):
        assert not received or requests.canonical(received[0].json()) != wanted, "no longer needed"
        return
    assert received, raised
    (only,) = received
    assert requests.canonical(only.json()) == wanted
    method = "streamGenerateContent?alt=sse" if exchange.row.streaming else "generateContent"
    assert (
        only.path.partition("/models/")[2]
        == f"{arguments['model'].partition('/')[2].removeprefix('models/')}:{method}"
    )
    if exchange.enterprise:
        assert unquote(only.path.partition("?")[0]) == exchange.path
    assert only.headers["x-goog-api-key"] == KEY
    assert KEY not in only.path


@pytest.mark.parametrize("exchange", [*_rows("plain"), *_rows("stream")])
def test_turn_goes_back(exchange: Exchange, replay: Replay, client: llmkit.Client) -> None:
    """Every answer, put back into the history, is sent as the parts that it came as: signatures and all."""
    answer = client.completion(**asking(exchange), base_url=replay.base_url(exchange.row))
    if exchange.row.streaming:
        list(answer)
        answer = answer.response
    message = answer.choices[0].message
    wanted = [requests._part(part) for part in oracle.turn(exchange.row)] or [{"text": ""}]
    for said in (message, message.model_dump(), json.loads(message.model_dump_json())):
        assert turned(client, said) == wanted


def turned(client: llmkit.Client, message: Any) -> Any:
    """The parts of a message in the next request."""
    messages = [*MINIMAL["messages"], message, {"role": "user", "content": "And?"}]
    made = client.completion("gemini/gemini-2.5-flash", messages, api_key=KEY, dry_run=True)
    return requests.canonical(made.body)["contents"][1]["parts"]


def chains() -> list[Any]:
    """Pairs of exchanges of which the second goes on where the first ended."""
    by_source: dict[str, list[tuple[int, Exchange]]] = defaultdict(list)
    for exchange in exchanges():
        source, _, number = exchange.source.rpartition("#")
        if exchange.row.sent() is not None:
            by_source[source].append((int(number), exchange))
    found = []
    for rows in by_source.values():
        ordered = [e for _, e in sorted(rows, key=lambda pair: pair[0])]
        found += [pair for pair in pairwise(ordered) if _continues(*pair)]
    return [pytest.param(a, b, id=f"{a.id}-{b.id}") for a, b in found] or [pytest.param(None, None)]


def _continues(first: Exchange, second: Exchange) -> bool:
    before, after = (requests.canonical(e.row.sent() or {})["contents"] for e in (first, second))
    new = after[len(before) :]
    same = after[: len(before)] == before
    return same and bool(new) and new[0]["role"] == "model" and oracle.failure(first.row) is None


@pytest.mark.parametrize(("first", "second"), chains())
def test_next_request(
    first: Exchange, second: Exchange, replay: Replay, client: llmkit.Client
) -> None:
    """The answer of one turn, put into the history, gives the recorded request of the next."""
    answer = client.completion(**asking(first), base_url=replay.base_url(first.row))
    if first.row.streaming:
        list(answer)
        answer = answer.response
    wanted = requests.joined(requests.canonical(second.row.sent() or {}))
    arguments = asking(second)
    before = len(requests.as_messages(requests.canonical(first.row.sent() or {})["contents"]))
    before += sum(1 for m in arguments["messages"] if m["role"] == "system")
    messages = [*arguments["messages"]]
    old, message = messages[before], answer.choices[0].message
    messages[before] = said_again(messages[before + 1 :], old, message)
    if second.id in LESS:
        messages[before] = {k: messages[before].get(k) for k in ("role", "content", "tool_calls")}
    arguments |= {"messages": messages, "base_url": replay.base_url(second.row)}
    made = client.completion(**arguments, dry_run=True)
    same = requests.joined(requests.canonical(made.body)) == wanted
    if "next" in exempted(second.id):
        assert not same, "no longer needed"
        return
    assert requests.joined(requests.canonical(made.body)) == wanted


def said_again(messages: list[Any], old: dict[str, Any], message: Any) -> dict[str, Any]:
    """The answer as that client kept it: some give the calls ids of their own, and the results theirs."""
    again: dict[str, Any] = message.model_dump()
    for was, now in zip(old.get("tool_calls") or (), again.get("tool_calls") or (), strict=False):
        if not was["id"].startswith("call_noid_"):
            now["id"] = was["id"]
        for result in messages:
            if result.get("tool_call_id") == was["id"]:
                result["tool_call_id"] = now["id"]
    return again


def test_exemptions_name_rows(recordings: Path) -> None:
    """Each exemption is of a row that is there, and none is given twice."""
    assert {entry.row for entry in EXEMPT} | LESS.keys() <= {
        exchange.id for exchange in exchanges()
    }
    assert len({entry[:2] for entry in EXEMPT}) == len(EXEMPT)


def test_ids_of_calls_without_ids(recordings: Path) -> None:
    """Made ids are the same each time, and no two calls of all answers share one."""
    from llmkit._call import ChatCall
    from llmkit._http import HTTPResponse

    call = ChatCall("call_0", "gemini", "gemini-2.5-flash", MINIMAL["messages"])
    seen: dict[str, str] = {}
    for exchange in exchanges():
        row = exchange.row
        if row.streaming or oracle.failure(row) is not None or "REDACTED" in row.body.decode():
            continue
        twice = [Gemini().parse(call, HTTPResponse(200, body=row.body)) for _ in range(2)]
        ids = [[c.id for c in r.choices[0].message.tool_calls or ()] for r in twice]
        assert ids[0] == ids[1]
        for made in ids[0]:
            assert seen.setdefault(made, twice[0].id) == twice[0].id
        assert len(set(ids[0])) == len(ids[0])
