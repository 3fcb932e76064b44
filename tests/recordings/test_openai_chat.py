"""Every recorded exchange of the OpenAI chat wire, through the public client and a real socket.

What each answer must say comes from ``_oracle``; what cannot be asserted is in ``_unassertable``.
"""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any

import pytest

import llmkit
from llmkit import providers
from llmkit.types.params import ModelParams

from . import _azure, _cuts, _observed, _oracle, _reader
from ._scope import OPENAI_CHAT, OTHER_WIRES
from ._server import pieces
from ._unassertable import EXEMPT, exempted

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from ._reader import Row
    from ._server import Replay

MINIMAL: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}]}


def socket_cuts(row: Row) -> tuple[int, int]:
    """The two sizes at which this row's stream goes through the socket."""
    return _cuts.SMALL_CUTS[
        zlib.crc32(row.id.encode()) % len(_cuts.SMALL_CUTS)
    ], _cuts.random_sizes(row.id, len(row.body), 1)[0]


def asking(row: Row, *, recorded: bool | None = None) -> dict[str, Any]:
    """The recorded request as arguments, or a minimal one where it cannot be passed."""
    if recorded is None:
        recorded = "request" not in exempted(row.id)
    sent = (row.sent() if recorded else None) or MINIMAL
    model = sent.get("model") or row.model or "unnamed"
    rest = {k: v for k, v in sent.items() if k not in {"model", "messages", "stream"}}
    known = ModelParams.__annotations__.keys()
    made = {
        "model": f"{OPENAI_CHAT[row.api]}/{model}",
        "messages": sent["messages"],
        "stream": row.streaming,
        "api_key": "test-key",
        "extra_body": {k: v for k, v in rest.items() if k not in known},
        **{k: v for k, v in rest.items() if k in known},
    }
    return _azure.asking(row, sent, made) if row.api == "azure.chat" else made


def assert_reading(row: Row, actual: _oracle.Reading) -> None:
    """Fail unless this reading is the oracle's, but for just the fields that are listed."""
    found = _observed.differences(_oracle.read(row), actual)
    listed = exempted(row.id) - {"request", "path"}
    assert found.keys() == listed, {k: v for k, v in found.items() if k not in listed} or listed


def assert_error(row: Row, error: llmkit.APIError) -> None:
    """Fail unless this error is what the row's answer calls for."""
    expected = _oracle.failure(row)
    assert expected is not None
    assert isinstance(error, getattr(llmkit, expected.kind))
    assert error.status_code == expected.status
    assert expected.message in error.message
    if expected.request_id is not None:
        assert error.request_id == expected.request_id


async def collected(opening: Any, chunks: list[Any]) -> Any:
    """Read an asynchronous stream to its end, keeping its chunks as they come."""
    stream = await opening
    async for chunk in stream:
        chunks.append(chunk)  # noqa: PERF401 - what came before an error is wanted too
    return stream


def test_every_chat_file_is_placed(recordings: Path) -> None:
    """Each file of chats is read here or named with the wire that it speaks."""
    chats = {api for api in _reader.apis(recordings) if "chat" in api}
    assert chats == OPENAI_CHAT.keys() | OTHER_WIRES.keys()
    assert not OPENAI_CHAT.keys() & OTHER_WIRES.keys()
    assert set(OPENAI_CHAT.values()) <= set(providers.names())


def test_exemptions_name_rows(recordings: Path) -> None:
    """Each exemption is of a row that is there, and none is given twice."""
    ids = {row.id for api in OPENAI_CHAT for row in _reader.rows(recordings, api)}
    assert {entry.row for entry in EXEMPT} <= ids
    assert len({entry[:2] for entry in EXEMPT}) == len(EXEMPT)


def test_cuts_cover_all_sizes(recordings: Path) -> None:
    """Every size from 1 to 16 is used on the socket by some stream, and given to a decoder by some."""
    rows = [row for api in OPENAI_CHAT for row in _reader.rows(recordings, api)]
    streams = [row for row in rows if row.is_event_stream]
    assert {socket_cuts(row)[0] for row in streams} == set(_cuts.SMALL_CUTS)
    cuts = (_cuts.sizes(row.id, len(row.body), full=False) for row in streams)
    assert {size for each in cuts for size in each} > set(_cuts.SMALL_CUTS)


def test_plain_answer(plain: Row, replay: Replay, client: llmkit.Client) -> None:
    """An answer in one piece says what its raw body says."""
    answer = client.completion(**asking(plain), base_url=replay.base_url(plain))
    assert_reading(plain, _observed.of_completion(answer))
    assert [c.message.content is None for c in answer.choices] == _oracle.absent(plain)
    assert len(replay.take()) == 1
    # People store answers: what was read must also be written.
    assert json.loads(answer.model_dump_json())["id"] == answer.id


def test_plain_answer_async(
    plain: Row, replay: Replay, client: llmkit.Client, runner: asyncio.Runner
) -> None:
    """An answer in one piece says the same asynchronously."""
    call = client.acompletion(**asking(plain), base_url=replay.base_url(plain))
    assert_reading(plain, _observed.of_completion(runner.run(call)))
    assert len(replay.take()) == 1


def test_stream(stream: Row, replay: Replay, client: llmkit.Client) -> None:
    """A stream's deltas, put together, and its folded response say what the raw body says."""
    for cut in socket_cuts(stream):
        with client.completion(**asking(stream), base_url=replay.base_url(stream, cut)) as opened:
            chunks = list(opened)
        assert_streamed(stream, opened, chunks)
        assert len(replay.take()) == 1


def test_stream_async(
    stream: Row, replay: Replay, client: llmkit.Client, runner: asyncio.Runner
) -> None:
    """A stream says the same asynchronously, cut in one of the two ways."""
    cuts = socket_cuts(stream)
    for cut in cuts if _cuts.FULL else [cuts[zlib.crc32(stream.id.encode()) % 3 % 2]]:
        chunks: list[Any] = []
        call = client.acompletion(**asking(stream), base_url=replay.base_url(stream, cut))
        opened = runner.run(collected(call, chunks))
        assert_streamed(stream, opened, chunks)
        assert len(replay.take()) == 1


def assert_streamed(row: Row, opened: Any, chunks: list[Any]) -> None:
    """Fail unless chunks, folded response and usage of a stream are the oracle's."""
    folded = _observed.of_completion(opened.response)
    assert_reading(row, folded)
    by_hand = _observed.of_chunks(chunks)
    # Usage comes in a chunk only where it was asked for; the stream itself always has it.
    by_hand.usage = folded.usage
    assert_reading(row, by_hand)
    assert opened.usage == opened.response.usage
    assert opened.response.model_dump_json()


def test_error(failed: Row, replay: Replay, client: llmkit.Client) -> None:
    """An error by status, in a body or in a stream raises its class."""
    with pytest.raises(llmkit.APIError) as caught:  # noqa: PT012 - a stream may raise at either step
        opened = client.completion(**asking(failed), base_url=replay.base_url(failed, 7))
        list(opened)
    assert_error(failed, caught.value)
    assert len(replay.take()) == 1


def test_error_async(
    failed: Row, replay: Replay, client: llmkit.Client, runner: asyncio.Runner
) -> None:
    """An error raises its class asynchronously too."""
    call = client.acompletion(**asking(failed), base_url=replay.base_url(failed, 7))
    with pytest.raises(llmkit.APIError) as caught:
        runner.run(collected(call, []))
    assert_error(failed, caught.value)
    assert len(replay.take()) == 1


def test_cuts_change_nothing(anystream: Row) -> None:
    """A stream decodes to the same chunks, and the same error, however its bytes are cut."""
    whole = decoded(anystream, [anystream.body])
    for size in _cuts.sizes(anystream.id, len(anystream.body)):
        assert decoded(anystream, pieces(anystream.body, size)) == whole, f"cut at {size}"


def decoded(row: Row, body: Iterable[bytes]) -> list[Any]:
    """What the wire's decoder makes of these pieces: chunks, and the error that ended them."""
    made: list[Any] = []
    try:
        made.extend(decoding(row, body))
    except llmkit.APIError as error:
        made.append((type(error), str(error)))
    return made


def decoding(row: Row, body: Iterable[bytes]) -> Iterator[Any]:
    """Feed pieces to a decoder of the wire, as a driver would."""
    from llmkit._call import ChatCall

    name = OPENAI_CHAT[row.api]
    call = ChatCall("call_0", name, row.model, MINIMAL["messages"], stream=True)
    wire = providers.get(name).chat
    assert wire is not None
    decoder = wire.decoder(call)
    for piece in body:
        yield from decoder.feed(piece)
    yield from decoder.finish()


def test_request(asked: Row, replay: Replay, client: llmkit.Client) -> None:
    """A recorded request, passed as parameters, is sent out equal as JSON."""
    recorded = without_nulls(asked.sent())
    arrived, refused = sending(asked, replay, client) if recorded is not None else (None, None)
    same = arrived is not None and without_nulls(arrived) == recorded
    if "request" in exempted(asked.id):
        assert not same, "this exemption is no longer needed"
    else:
        assert same, refused or differing(without_nulls(arrived), recorded)


def sending(
    row: Row, replay: Replay, client: llmkit.Client
) -> tuple[dict[str, Any] | None, Exception | None]:
    """Make the call; return the body that arrived, if one did, and the error that was raised."""
    arguments = asking(row, recorded=True)
    raised: Exception | None = None
    try:
        opened = client.completion(**arguments, base_url=replay.base_url(row))
        if row.streaming:
            opened.close()
    except llmkit.LLMKitError as error:
        raised = error
    received = replay.take()
    if not received:
        return None, raised
    (only,) = received
    if row.api == "azure.chat":
        assert only.headers["api-key"] == "test-key"
        assert _azure.same_address(row, only.path) != ("path" in exempted(row.id))
    else:
        assert only.path == "/v1" + getattr(providers.get(OPENAI_CHAT[row.api]).chat, "path", "")
        assert only.headers["authorization"] == "Bearer test-key"
    return without_additions(only.json(), row.sent() or {}), raised


def without_additions(body: dict[str, Any], recorded: dict[str, Any]) -> dict[str, Any]:
    """Leave out what llmkit adds by design where the recording had none."""
    added = {"stream_options"} - recorded.keys()
    # Azure names the deployment in its path, so some recordings have no model in the body.
    added |= {"model"} - recorded.keys()
    return {k: v for k, v in body.items() if k not in added}


def without_nulls(value: Any) -> Any:
    """Drop nulls from objects, at every depth, and a ``stream: false``."""
    if isinstance(value, dict):
        kept = {k: without_nulls(v) for k, v in value.items() if v is not None}
        return {k: v for k, v in kept.items() if (k, v) != ("stream", False)}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def differing(arrived: Any, recorded: Any) -> str:
    """Say which fields of two bodies differ."""
    names = sorted({*arrived, *recorded})
    pairs = {k: (recorded.get(k), arrived.get(k)) for k in names}
    return json.dumps({k: p for k, p in pairs.items() if p[0] != p[1]}, indent=1)[:2000]
