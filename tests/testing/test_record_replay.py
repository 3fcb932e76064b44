"""`record` and `replay`: what was answered once is answered again, in each colour, and nothing else is."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import llmkit
from llmkit import CassetteError, MediaPolicy, ReplayMissError, RetryPolicy, errors
from llmkit._flow import Fetch
from llmkit._http import HTTPRequest
from llmkit._io._media import afetch, fetch, fetching
from llmkit._io._progress import Progress
from llmkit._io._tap import Answer, tapped
from llmkit.testing import Simulator, cassette, record, replay
from llmkit.testing._cassette._recorder import Take, _cause

from ._io import colours, issuers, servers

if TYPE_CHECKING:
    from ..io._colour import Colour
    from ..io._server import Server

KEY, MESSAGES, MODEL = colours.KEY, colours.MESSAGES, colours.MODEL
each_colour, collect, text_of = colours.each_colour, colours.collect, colours.text_of
each_form = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
NOWHERE = "http://127.0.0.1:9/v1"


@pytest.fixture(params=colours.COLOURS)
def colour(request: pytest.FixtureRequest) -> Colour:
    """Each driver in turn."""
    return colours.Colour(request.param)  # type: ignore[no-any-return]


@pytest.fixture
def server() -> Iterator[Server]:
    """A running server."""
    with servers.Server() as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[Any]:
    """A client of the server."""
    policy = RetryPolicy(retries=0, first_wait=0.01)
    with llmkit.Client(api_key=KEY, base_url=server.url, retry=policy) as made:
        yield made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the cassette is to be."""
    return tmp_path / "tapes" / "tape.json"


def document(path: Path) -> Any:
    """The cassette's contents."""
    return json.loads(path.read_text(encoding="utf-8"))["exchanges"]


def asked(text: str) -> dict[str, Any]:
    """A call of its own."""
    return {"messages": [{"role": "user", "content": text}]}


@each_form
@each_colour
async def test_a_replay_is_the_original(
    colour: Colour, server: Server, client: Any, path: Path, *, stream: bool
) -> None:
    """Answer, chunks, cost, status and headers are the same when the server is gone."""
    server.script(servers.hello() if stream else servers.completion(x_request_id="req_7"))
    seen: list[Any] = []
    for mode in (record, replay):
        with mode(path):
            if stream:
                chunks, made = await colour.read(client)
                seen.append(([chunk.model_dump() for chunk in chunks], made.response))
            else:
                seen.append(([], await colour.call(client)))
        server.stop()
    (chunks, first), (again, second) = seen
    assert chunks == again
    assert first.model_dump() == second.model_dump()
    assert first.cost.total is not None
    assert first.cost == second.cost
    assert (first.call.transport, second.call.transport) == ("httpx", "replay")
    for name in ("status_code", "request_id", "raw", "rate_limits"):
        assert getattr(first.call, name) == getattr(second.call, name)
    assert len(server.requests) == 1
    assert KEY not in text_of_file(path)
    await colour.close(client)


@each_form
@each_colour
async def test_a_callers_own_client(
    colour: Colour, server: Server, path: Path, *, stream: bool
) -> None:
    """Calls through a caller's httpx client are recorded and replayed, with what the client adds hidden."""
    made = httpx.Client if colour.is_sync else httpx.AsyncClient
    theirs: Any = made(headers={"x-gateway-token": "gw-0123456789"}, params={"key": "q-0123456789"})
    ours: Any = llmkit.Client(api_key=KEY, base_url=server.url, http_client=theirs)
    server.script(
        servers.hello() if stream else servers.completion("gw-0123456789 and q-0123456789")
    )
    texts = []
    for mode in (record, replay):
        with mode(path):
            response = await colour.ask(ours, stream=stream)
            texts.append((response.choices[0].message.content, response.call.transport))
    assert server.requests[0].headers["x-gateway-token"] == "gw-0123456789"
    assert "0123456789" not in text_of_file(path)
    assert [transport for _, transport in texts] == ["httpx", "replay"]
    if not stream:
        assert texts[1][0] == "[redacted] and [redacted]"
    await colour.close(ours)
    closed = theirs.close() if colour.is_sync else await theirs.aclose()
    assert closed is None


@each_colour
async def test_the_module_functions_against_the_simulator(colour: Colour, path: Path) -> None:
    """The default client's calls too; a key that a streamed answer spells out token by token is hidden."""
    said = f"please repeat {KEY} now"
    with Simulator() as simulator:
        options = {"api_key": KEY, "base_url": simulator.base_url, **asked(said)}
        with record(path):
            first, _ = await colour.read(llmkit, **options)
        await colour.close(llmkit.default_client())
    assert KEY in text_of(first)
    assert KEY not in text_of_file(path)
    with replay(path, all_used=True):
        again, stream = await colour.read(llmkit, **{**options, "api_key": "another"})
    assert text_of(again) == text_of(first).replace(KEY, "[redacted]")
    assert len(again) == len(first)
    assert stream.call.transport == "replay"


def text_of_file(path: Path) -> str:
    """What the pieces of a cassette's answers spell out, however they are cut."""
    texts = [path.read_text(encoding="utf-8")]
    for exchange in document(path):
        events = "".join(exchange["response"]["body"].get("pieces", ())).split("data: ")
        for event in events:
            with contextlib.suppress(ValueError):
                choices = json.loads(event).get("choices") or [{}]
                texts.append(choices[0].get("delta", {}).get("content") or "")
    return "".join(texts)


@each_colour
async def test_a_stream_that_is_left(
    colour: Colour, server: Server, client: Any, path: Path
) -> None:
    """What came until the reader left is recorded; a replay goes as far, and says so to who reads on."""
    piece = servers.piece
    server.script(servers.streamed(piece("Hel"), 0.05, piece("lo"), servers.HOLD, end=False))
    for mode in (record, replay):
        with mode(path):
            stream = await colour.open(client)
            assert text_of([await anext(stream)]) == "Hel"
            await stream.aclose()
        server.stop()
    assert document(path)[0]["left"] is True
    assert [s.outcome for s in client.ledger.settlements] == ["closed", "closed"]
    seen: list[Any] = []
    with replay(path), pytest.raises(ReplayMissError, match="its reader stopped here"):
        await collect(await colour.open(client), seen)
    assert text_of(seen) == "Hel"
    await colour.close(client)


@each_colour
async def test_a_stream_that_is_dropped(
    colour: Colour, server: Server, client: Any, path: Path
) -> None:
    """A stream that nobody closed is recorded as far as it was read, and replayed as far."""
    server.script(servers.streamed(servers.piece("Hel"), servers.HOLD, end=False))
    for mode in (record, replay):
        with mode(path):
            stream = await colour.open(client)
            assert text_of([await anext(stream)]) == "Hel"
            del stream
            await colour.sleep(0.01)
    await colour.close(client)
    assert [s.outcome for s in client.ledger.settlements] == ["abandoned", "abandoned"]


HEAD = servers.head(content_length=50)
FAILURES: dict[str, tuple[Any, bool]] = {
    "reset before the answer": ([servers.RESET], False),
    "reset in the head": ([b"HTTP/1.1 200 OK\r\nx", 0.02, servers.RESET], False),
    "cut in the body": ([HEAD + b'{"id"', 0.02, servers.CLOSE], False),
    "no HTTP": ([b"SSH-2.0-OpenSSH\r\n", servers.CLOSE], False),
    "no gzip": (servers.answer(b"no gzip", content_encoding="gzip"), False),
    "broken gzip": (
        servers.answer(gzip.compress(b"x" * 2000)[:20] + b"no" * 9, content_encoding="gzip"),
        False,
    ),
    "refused": (servers.failure(401, "wrong key"), False),
    "broken stream": (
        servers.streamed(servers.piece("Hel"), 0.03, servers.RESET, end=False),
        True,
    ),
    "an error in the stream": (
        servers.streamed(servers.piece("Hel"), servers.event({"error": {"message": "no"}})),
        True,
    ),
    "first token": ([servers.HOLD], False),
    "idle": (servers.streamed(servers.piece("x"), servers.HOLD, end=False), True),
}
LIMITS = {
    "first token": llmkit.Timeouts(first_token=0.1),
    "idle": llmkit.Timeouts(idle=0.1),
}


def told(error: errors.LLMKitError) -> Any:
    """What a failure says."""
    names = ("message", "status_code", "sent", "retryable", "code")
    partial = getattr(error, "partial", None)
    text = partial and partial.choices[0].message.content
    return (type(error), text, *(getattr(error, name, None) for name in names))


@pytest.mark.parametrize("borrowed", [False, True], ids=["own", "borrowed"])
@pytest.mark.parametrize("which", FAILURES)
@each_colour
async def test_failures_are_replayed(
    colour: Colour, server: Server, path: Path, which: str, *, borrowed: bool
) -> None:
    """A failure comes back as the same class with the same words, and the same `sent`, without the server."""
    steps, stream = FAILURES[which]
    server.script(steps)
    theirs: Any = None
    if borrowed:
        theirs = (httpx.Client if colour.is_sync else httpx.AsyncClient)(timeout=None)
    client: Any = llmkit.Client(api_key=KEY, base_url=server.url, http_client=theirs)
    seen = []
    for mode in (record, replay):
        with mode(path), pytest.raises(errors.APIError) as caught:
            await colour.ask(client, stream=stream, timeout=LIMITS.get(which))
        seen.append(told(caught.value))
    assert seen[0] == seen[1]
    assert len(server.requests) == 1
    await colour.close(client)
    if borrowed:
        closed = theirs.close() if colour.is_sync else await theirs.aclose()
        assert closed is None


@each_colour
async def test_a_limit_on_a_busy_machine(
    colour: Colour, server: Server, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ends a read of a caller's client is known by when it was to end, however late the read itself began."""
    steps, _ = FAILURES["idle"]
    server.script(steps)
    waits = Take.waits

    def later(take: Take) -> None:
        time.sleep(0.03)
        waits(take)

    monkeypatch.setattr(Take, "waits", later)
    theirs: Any = (httpx.Client if colour.is_sync else httpx.AsyncClient)(timeout=None)
    client: Any = llmkit.Client(api_key=KEY, base_url=server.url, http_client=theirs)
    for mode in (record, replay):
        with mode(path), pytest.raises(errors.APITimeoutError, match="idle"):
            await colour.ask(client, stream=True, timeout=LIMITS["idle"])
    await colour.close(client)
    closed = theirs.close() if colour.is_sync else await theirs.aclose()
    assert closed is None


@each_colour
async def test_nobody_listens(colour: Colour, client: Any, path: Path) -> None:
    """A connection that was refused is refused again, and has sent nothing."""
    seen = []
    for mode in (record, replay):
        with mode(path), pytest.raises(errors.APIConnectionError) as caught:
            await colour.call(client, base_url=NOWHERE)
        seen.append(told(caught.value))
    assert seen[0] == seen[1]
    assert caught.value.sent == "no"
    assert "response" not in document(path)[0]
    await colour.close(client)


@each_colour
async def test_retries_are_replayed(
    colour: Colour, server: Server, client: Any, path: Path
) -> None:
    """Equal requests are answered in the order in which they were: the failure first."""
    server.script(servers.failure(429, retry_after_ms=1), servers.completion("at last"))
    for mode in (record, replay):
        with mode(path):
            response = await colour.call(client, num_retries=1)
        assert [attempt.status_code for attempt in response.call.attempts] == [429, 200]
        assert response.choices[0].message.content == "at last"
    await colour.close(client)


def test_why_tls_failed_is_kept_wherever_it_stands() -> None:
    """The certificate's error may have come while another was handled: it is kept all the same."""
    untrusted = ssl.SSLCertVerificationError("[SSL: CERTIFICATE_VERIFY_FAILED] no")
    untrusted.__context__ = ssl.SSLWantReadError("more")
    failure = httpx.ConnectError("")
    failure.__cause__ = untrusted
    assert _cause(failure) == str(untrusted)


@each_colour
async def test_an_untrusted_certificate(colour: Colour, path: Path) -> None:
    """A TLS failure is final in the replay too, and says what to do."""
    with servers.Server(tls=True) as secure:
        client: Any = llmkit.Client(api_key=KEY, base_url=secure.url)
        seen = []
        for mode in (record, replay):
            with mode(path), pytest.raises(errors.APIConnectionError, match="verify=") as caught:
                await colour.call(client)
            seen.append(told(caught.value))
        assert seen[0] == seen[1]
        await colour.close(client)


@each_colour
async def test_chunks_and_timing(colour: Colour, server: Server, client: Any, path: Path) -> None:
    """Pieces are cut where they were, wherever that was; pauses are kept, and waited for only when asked."""
    data = servers.piece("Gr@e").replace(b"@", "üß".encode()) + servers.END
    # Within a character: neither piece is text.
    cut = data.index("ü".encode()) + 1
    server.script(servers.streamed(data[:cut], 0.29, data[cut:]))
    with record(path):
        await colour.read(client)
    [exchange] = document(path)
    assert [sorted(piece) for piece in exchange["response"]["body"]["pieces"]] == [["base64"]] * 2
    assert exchange["seconds"][2] > 0.25
    for timing in (False, True):
        begun = time.monotonic()
        with replay(path, timing=timing):
            chunks, _ = await colour.read(client)
        assert (time.monotonic() - begun > 0.25) is timing
        assert text_of(chunks) == "Grüße"
    await colour.close(client)


def test_a_slow_reader_is_not_recorded(server: Server, client: Any, path: Path) -> None:
    """The pauses are the provider's: what the reader does between two chunks is not among them."""
    server.script(servers.hello())
    with record(path):
        for _ in client.completion(MODEL, MESSAGES, stream=True):
            time.sleep(0.1)
    assert max(document(path)[0]["seconds"][1:]) < 0.09


@each_colour
async def test_a_timed_failure_is_within_the_limits(
    colour: Colour, server: Server, client: Any, path: Path
) -> None:
    """A replay with its pauses still keeps to the call's own limits."""
    server.script([0.2, *servers.completion()])
    with record(path):
        await colour.call(client)
    with (
        replay(path, timing=True),
        pytest.raises(errors.APITimeoutError, match="first token") as caught,
    ):
        await colour.call(client, timeout=llmkit.Timeouts(first_token=0.05))
    assert caught.value.sent == "yes"
    await colour.close(client)


@each_colour
async def test_a_compressed_answer_is_readable(
    colour: Colour, server: Server, client: Any, path: Path
) -> None:
    """What came compressed is written as what it says."""
    body = gzip.compress(json.dumps(servers.chat("plain")).encode())
    server.script(servers.answer(body, content_encoding="gzip"))
    for mode in (record, replay):
        with mode(path):
            assert (await colour.call(client)).choices[0].message.content == "plain"
    [exchange] = document(path)
    choices = exchange["response"]["body"]["json"]["choices"]
    assert choices[0]["message"]["content"] == "plain"
    assert "content-encoding" not in exchange["response"]["headers"]
    await colour.close(client)


@each_form
@each_colour
async def test_a_miss_is_final(
    colour: Colour, server: Server, client: Any, path: Path, *, stream: bool
) -> None:
    """What was not recorded reaches nobody, is not tried again and falls back on nothing; it says what differs."""
    with record(path):
        await colour.call(client)
    with replay(path) as tape, pytest.raises(ReplayMissError) as caught:
        await colour.ask(
            client, stream=stream, **asked("other"), num_retries=3, fallbacks=["openai/gpt-4o"]
        )
    assert len(server.requests) == 1
    assert caught.value.sent == "no"
    assert "body.messages[0].content: recorded 'hi', asked 'other'" in caught.value.differences
    assert str(path) in str(caught.value)
    assert "record it again" in str(caught.value)
    assert tape.unused == [f"1: POST {server.url}/chat/completions"]
    assert client.ledger.settlements[-1].sent == "no"
    await colour.close(client)


def test_a_miss_hides_the_key(client: Any, path: Path) -> None:
    """What is asked now is shown without its secrets."""
    with record(path):
        client.completion(MODEL, MESSAGES)
    with replay(path), pytest.raises(ReplayMissError) as caught:
        client.completion(MODEL, asked(f"my key is {KEY}")["messages"])
    assert KEY not in str(caught.value)
    assert "my key is [redacted]" in str(caught.value)


def test_each_exchange_is_used_once(server: Server, client: Any, path: Path) -> None:
    """Equal exchanges are used in order, each once; `repeat` lets the last one be used again."""
    server.script(servers.completion("one"), servers.completion("two"))

    def ask() -> str | None:
        return client.completion(MODEL, MESSAGES).choices[0].message.content  # type: ignore[no-any-return]

    with record(path):
        ask()
        ask()
    with replay(path):
        assert [ask(), ask()] == ["one", "two"]
        with pytest.raises(ReplayMissError, match=r"recorded 2 times.*repeat=True"):
            ask()
    with replay(path, repeat=True):
        assert [ask(), ask(), ask(), ask()] == ["one", "two", "two", "two"]
    with replay(path) as tape:
        ask()
        assert len(tape.unused) == 1


def test_all_must_be_used_if_asked(client: Any, path: Path) -> None:
    """`all_used` makes an exchange that nobody asked for an error, unless the block failed anyway."""
    with record(path):
        client.completion(MODEL, MESSAGES)
    with replay(path):
        pass
    with (
        pytest.raises(CassetteError, match="never made:\n  1: POST http"),
        replay(path, all_used=True),
    ):
        pass
    with pytest.raises(KeyError), replay(path, all_used=True):
        raise KeyError
    with replay(path, all_used=True):
        client.completion(MODEL, MESSAGES)


@pytest.mark.parametrize("key", [True, False], ids=["with a key", "without"])
def test_tokens_are_not_asked_for_again(path: Path, *, key: bool) -> None:
    """What a key was exchanged for is recorded, and neither needed nor missed when it is replayed."""
    options = {"WATSONX_PROJECT_ID": "p"}
    with issuers.Issuer() as issuer, Simulator() as sim, record(path):
        environ = {**options, "WATSONX_API_KEY": "k" * 20, "WATSONX_IAM_URL": issuer.origin}
        recorded = {"base_url": sim.base_url_for("watsonx")}
        with llmkit.Client(environ=environ, **recorded) as client:
            said = client.completion("watsonx/m", MESSAGES).text
        assert len(issuer.asked) == 1
    environ = environ if key else options
    with replay(path, all_used=True) as tape, llmkit.Client(environ=environ, **recorded) as client:
        assert client.completion("watsonx/m", MESSAGES).text == said
    assert tape.unused == []


def test_ignored_fields(client: Any, path: Path) -> None:
    """Fields that are named do not have to be equal; all others do."""
    with record(path):
        client.completion(MODEL, MESSAGES, user="ann", extra_body={"trace": {"id": 1, "run": 7}})
    again = {"user": "bob", "extra_body": {"trace": {"id": 2, "run": 7}}}
    for ignore in ("user", "trace.id", ["user"], ["trace"]):
        with replay(path, ignore=ignore), pytest.raises(ReplayMissError):
            client.completion(MODEL, MESSAGES, **again)
    for paths in (["user", "trace.id"], ["user", "trace.*"], ["user", "*.id"]):
        with replay(path, ignore=paths):
            client.completion(MODEL, MESSAGES, **again)


def test_recording_again_replaces(server: Server, client: Any, path: Path) -> None:
    """A later recording takes the place of the earlier one, and leaves nothing else behind."""
    for text in ("old", "new"):
        server.script(servers.completion(text))
        with record(path):
            client.completion(MODEL, MESSAGES)
    with replay(path):
        assert client.completion(MODEL, MESSAGES).choices[0].message.content == "new"
    assert list(path.parent.iterdir()) == [path]


def test_equal_recordings_are_equal_text(server: Server, client: Any, tmp_path: Path) -> None:
    """But for the times, the same exchange is written as the same text: a diff shows only what changed."""
    server.always(*servers.completion())
    texts = []
    for name in ("a.json", "b.json"):
        with record(tmp_path / name):
            client.completion(MODEL, MESSAGES, temperature=0.5, user="u")
        text = (tmp_path / name).read_text()
        texts.append([line for line in text.splitlines() if '"seconds"' not in line])
    assert texts[0] == texts[1]
    assert "llmkit_cassette" in texts[0][1]


def test_a_failing_block_is_written(client: Any, path: Path) -> None:
    """What was recorded before an exception is written; after Ctrl-C, and where nothing was sent, nothing is."""
    with pytest.raises(KeyError), record(path):
        raise KeyError
    assert not path.parent.exists()

    def ask_and_fail(error: type[BaseException]) -> None:
        client.completion(MODEL, MESSAGES)
        raise error

    with pytest.raises(KeyboardInterrupt), record(path):
        ask_and_fail(KeyboardInterrupt)
    assert not path.exists()
    with pytest.raises(KeyError), record(path):
        ask_and_fail(KeyError)
    assert len(document(path)) == 1


def test_a_file_is_written_at_once_or_not(
    client: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where writing fails, what was there stays as it was, and no part of the new one is left."""
    with record(path):
        client.completion(MODEL, MESSAGES)
    before = path.read_bytes()

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"), record(path):
        client.completion(MODEL, MESSAGES, user="new")
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_secret_that_cannot_be_hidden(client: Any, path: Path) -> None:
    """Where a key is still found in what would be written, nothing is: the earlier file stays."""
    with record(path):
        client.completion(MODEL, MESSAGES)
    before = path.read_bytes()
    with pytest.raises(CassetteError, match="a secret is still in it") as caught, record(path):
        # A key that is also a word of the format.
        client.completion(MODEL, MESSAGES, api_key="exchanges")
    assert "exchanges" not in str(caught.value)
    assert path.read_bytes() == before
    with pytest.raises(CassetteError), record(path, scrub=lambda text: text + KEY):
        client.completion(MODEL, MESSAGES)
    assert path.read_bytes() == before


def test_modes(server: Server, client: Any, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mode "auto" records what is not there and replays what is; in CI it records nothing by itself."""
    monkeypatch.setenv("CI", "true")
    with pytest.raises(CassetteError, match="in CI none is recorded"):
        cassette(path)
    monkeypatch.setenv("CI", "false")
    for transport in ("httpx", "replay", "replay"):
        with cassette(path):
            assert client.completion(MODEL, MESSAGES).call.transport == transport
    monkeypatch.setenv("CI", "1")
    for mode, transport in (("auto", "replay"), ("replay", "replay"), ("record", "httpx")):
        with cassette(path, mode):  # type: ignore[arg-type]
            assert client.completion(MODEL, MESSAGES).call.transport == transport
    assert len(server.requests) == 2
    with pytest.raises(errors.ConfigurationError, match="mode must be"):
        cassette(path, "new_episodes")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "is not JSON"),
        ("{}", "no cassette that this llmkit can read"),
        ('{"llmkit_cassette": 2, "exchanges": []}', "is 2, not 1"),
        ('{"llmkit_cassette": 1}', "is damaged: KeyError"),
        ('{"llmkit_cassette": 1, "exchanges": [{"request": {}}]}', "is damaged"),
        ('{"llmkit_cassette": 1, "exchanges": [3]}', "is damaged"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_what_is_no_cassette(path: Path, text: str, why: str) -> None:
    """A file that is none, or a newer one, is refused when the block begins, and no tap is left behind."""
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(CassetteError, match=why), replay(path):
        raise AssertionError
    path.write_bytes(b"\xff")
    with pytest.raises(CassetteError, match="cannot be read"), replay(path):
        raise AssertionError
    path.unlink()
    with pytest.raises(CassetteError, match="record it first"), replay(path):
        raise AssertionError


def test_an_empty_cassette(client: Any, path: Path) -> None:
    """Without any exchange there is nothing near, which the error says."""
    path.parent.mkdir()
    path.write_text('{"llmkit_cassette": 1, "exchanges": []}')
    with replay(path), pytest.raises(ReplayMissError, match="it is empty"):
        client.completion(MODEL, MESSAGES)


def test_parallel_threads(server: Server, client: Any, path: Path) -> None:
    """Threads record into one cassette, and are answered from it in whatever order they come."""
    server.always(*servers.completion())
    count = 16

    def all_at_once() -> list[str]:
        got: list[str] = []

        def ask(number: int) -> None:
            made = client.completion(MODEL, asked(f"number {number}")["messages"])
            got.append(made.call.transport)

        threads = [threading.Thread(target=ask, args=(n,)) for n in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return got

    with record(path):
        assert all_at_once() == ["httpx"] * count
    with replay(path, all_used=True):
        assert all_at_once() == ["replay"] * count
    assert len(server.requests) == count


def test_tasks(server: Server, client: Any, path: Path) -> None:
    """Tasks of one loop, too."""
    server.always(*servers.completion())

    async def all_at_once() -> list[str]:
        calls = (client.acompletion(MODEL, **asked(f"number {n}")) for n in range(8))
        made = await asyncio.gather(*calls)
        await client.aclose()
        return [response.call.transport for response in made]

    with record(path):
        asyncio.run(all_at_once())
    with replay(path, all_used=True):
        assert asyncio.run(all_at_once()) == ["replay"] * 8


def test_who_is_cancelled_recorded_nothing(server: Server, client: Any, path: Path) -> None:
    """A call that was given up before its answer is not in the cassette: nobody knows what it would be."""
    server.script([servers.HOLD], servers.completion())

    async def give_up() -> None:
        slow = asyncio.ensure_future(client.acompletion(MODEL, **asked("slow")))
        await asyncio.to_thread(server.wait_requests, 1)
        slow.cancel()
        with pytest.raises(asyncio.CancelledError):
            await slow
        await client.acompletion(MODEL, MESSAGES)
        await client.aclose()

    with record(path):
        asyncio.run(give_up())
    [exchange] = document(path)
    assert exchange["request"]["body"]["json"]["messages"] == MESSAGES


def test_a_foreign_failure_is_not_recorded(client: Any, path: Path) -> None:
    """What another tool raises in the place of the network is no exchange."""

    class Guard:
        transport = None

        def send(self, request: HTTPRequest, progress: Progress, go_on: Any) -> Any:
            raise ZeroDivisionError

        asend = send

    with tapped(Guard()), record(path), pytest.raises(ZeroDivisionError):
        client.completion(MODEL, MESSAGES)
    assert not path.exists()


@each_form
@each_colour
async def test_a_replay_can_be_recorded(
    colour: Colour, server: Server, client: Any, tmp_path: Path, *, stream: bool
) -> None:
    """Taps are nested: what is recorded from a replay is the same cassette, but for its times."""
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    server.script(servers.hello() if stream else servers.completion())
    with record(first):
        await colour.ask(client, stream=stream)
    with replay(first), record(second):
        response = await colour.ask(client, stream=stream)
    assert response.call.transport == "replay"
    exchanges = [document(first), document(second)]
    for [exchange] in exchanges:
        exchange.pop("seconds")
    assert exchanges[0] == exchanges[1]
    with replay(first), record(tmp_path / "none.json"), pytest.raises(ReplayMissError):
        await colour.call(client, **asked("unknown"))
    assert not (tmp_path / "none.json").exists()
    await colour.close(client)


@pytest.mark.parametrize("name", colours.COLOURS)
def test_media_are_recorded(server: Server, path: Path, name: str) -> None:
    """What is fetched for a prompt is recorded and replayed as well, without its signature; so is its refusal."""
    server.always(*servers.answer(b"\x89PNG\xff", content_type="image/png"))
    policy = MediaPolicy(schemes=("http",), public_only=False, max_bytes=100, seconds=1.0)
    colour = colours.Colour(name)

    def got(url: str, given: MediaPolicy = policy) -> Any:
        async def get() -> Any:
            effect = Fetch(url, given)
            progress = fetching(effect)
            return fetch(effect, progress) if colour.is_sync else await afetch(effect, progress)

        return colour.run(get)

    guarded = MediaPolicy(schemes=("http",), seconds=1.0)
    for mode in (record, replay):
        with mode(path):
            response = got(f"{server.origin}/p.png?X-Amz-Signature=s3cr3t-0123&size=9")
            assert (response.body, response.content_type) == (b"\x89PNG\xff", "image/png")
            with pytest.raises(errors.InvalidRequestError, match="not a public address"):
                got(f"{server.origin}/private.png", guarded)
    assert len(server.requests) == 1
    assert "s3cr3t-0123" not in path.read_text()
    with replay(path), pytest.raises(ReplayMissError, match=r"query.size: recorded '9', asked '8'"):
        got(f"{server.origin}/p.png?size=8&X-Amz-Signature=other")
    with replay(path):
        got(f"{server.origin}/p.png?size=9&X-Amz-Signature=other")


def exchanged(request: HTTPRequest, answer: bytes = b"ok", kind: str = "text/plain") -> Any:
    """Send a request straight through the taps to something that answers."""
    from llmkit._flow import Deadlines
    from llmkit._io._tap import through

    progress = Progress(Deadlines(time.monotonic() + 5, 5, 5, 5))

    def network(asked: HTTPRequest, progress: Progress) -> Answer:
        return Answer(200, {"content-type": kind}, [answer], progress)

    response = through(network)(request, progress)
    return b"".join(response.stream)


def multipart(boundary: str, secret: str = "", name: str = "a.wav") -> HTTPRequest:
    """An upload."""
    lines = [
        f"--{boundary}",
        'Content-Disposition: form-data; name="model"',
        "",
        f"whisper-1{secret}",
        f"--{boundary}",
        f'Content-Disposition: form-data; name="file"; filename="{name}"',
        "Content-Type: audio/wav",
        "",
        "RIFF\xff\r\n\xfe",
        f"--{boundary}--",
        "",
    ]
    headers = {
        "content-type": f'multipart/form-data; boundary="{boundary}"',
        "authorization": f"Bearer {KEY}",
    }
    return HTTPRequest("POST", "https://a.test/x", headers, "\r\n".join(lines).encode("latin-1"))


def test_multipart(path: Path) -> None:
    """An upload's parts are compared, whatever boundary stands between them."""
    with record(path):
        exchanged(multipart("one", KEY))
    parts = document(path)[0]["request"]["body"]["multipart"]
    assert [sorted(part) for part in parts] == [["headers", "text"], ["base64", "headers"]]
    assert KEY not in path.read_text()
    with replay(path):
        assert exchanged(multipart("two", KEY)) == b"ok"
    with replay(path), pytest.raises(ReplayMissError, match=r"part\[1\].headers"):
        exchanged(multipart("one", KEY, name="b.wav"))
    broken = multipart("one")
    with record(path):
        exchanged(HTTPRequest("POST", broken.url, broken.headers, b"no parts at all"))
    assert document(path)[0]["request"]["body"] == {"text": "no parts at all"}


def test_forms(path: Path) -> None:
    """A form's fields are compared; those that authenticate are hidden, and match any."""
    url, headers = "https://a.test/token", {"Content-Type": "application/x-www-form-urlencoded"}
    body = b"grant_type=x&client_secret=hush-hush-1"
    with record(path):
        answer = b'{"access_token": "tok-9", "echo": "hush-hush-1", "n": 1.0}'
        exchanged(HTTPRequest("POST", url, headers, body), answer)
    assert "hush" not in path.read_text()
    assert "tok-9" not in path.read_text()
    with replay(path):
        other = body.replace(b"hush-hush-1", b"else")
        got = json.loads(exchanged(HTTPRequest("POST", url, headers, other)))
        assert got == {"access_token": "[redacted]", "echo": "[redacted]", "n": 1.0}
    with replay(path), pytest.raises(ReplayMissError, match="form"):
        exchanged(HTTPRequest("POST", url, headers, b"grant_type=y&client_secret=z"))


def test_all_that_authenticates_is_hidden(path: Path) -> None:
    """Headers, queries and users of addresses are hidden by name, their values and the user's own wherever they are."""
    secrets = {
        "Authorization": "Bearer bearer-0123",
        "X-Api-Key": "x-api-0123",
        "X-Goog-Api-Key": "goog-0123",
        "Cookie": "sid=cookie-0123; theme=x",
        "X-Custom-Auth": "custom-0123",
        "Proxy-Authorization": "Basic dXNlcjpwcm94eS0wMTIz",
        "X-Amz-Security-Token": "amz-0123456",
    }
    values = [
        "bearer-0123",
        "x-api-0123",
        "goog-0123",
        "cookie-0123",
        "custom-0123",
        "proxy-0123",
        "dXNlcjpwcm94eS0wMTIz",
        "amz-0123456",
        "query-0123",
        "pass-0123",
        "mine-0123",
        "pattern-0123",
    ]
    url = "https://user:pass-0123@a.test/v1?key=query-0123&sig=x%2Fy&alt=sse"
    body = json.dumps({"texts": values, "url": "see https://b.test/i?token=body-0123&w=1"})
    answer = json.dumps({"echo": values}).encode()
    import re

    own = ["mine-0123", re.compile("pattern-[0-9]+"), lambda text: text.replace("me", "ME")]
    request = HTTPRequest("POST", url, {**secrets, "x-mine": "me"}, body.encode())
    with record(path, scrub=own):
        exchanged(request, answer, "application/json")
    text = path.read_text()
    assert not [value for value in [*values, "body-0123", "x%2Fy"] if value in text]
    recorded = document(path)[0]["request"]
    assert recorded["url"] == "https://a.test/v1?key=[redacted]&sig=[redacted]&alt=sse"
    assert recorded["headers"]["x-mine"] == "ME"
    with replay(path, scrub=own):
        exchanged(request)
    with replay(path):
        exchanged(HTTPRequest("POST", url, {**secrets, "x-mine": "me"}, body.encode()))


def test_what_scrub_takes(path: Path) -> None:
    """Texts, patterns and functions: anything else is a mistake that is named at once."""
    with pytest.raises(errors.ConfigurationError, match="not int"):
        record(path, scrub=[3])  # type: ignore[list-item]
    with pytest.raises(errors.ConfigurationError, match="not float"):
        replay(path, scrub=1.5)  # type: ignore[arg-type]
    with record(path, scrub="a plain text"):
        exchanged(HTTPRequest("POST", "https://a.test", {}, b"this is a plain text."))
    assert document(path)[0]["request"]["body"] == {"text": "this is [redacted]."}


def test_organisations_and_the_environment(
    server: Server, client: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose account it was, and keys of this process that went nowhere, are not written either."""
    monkeypatch.setenv("OTHER_API_KEY", "environment-0123456789")
    headers = {
        "openai_organization": "org-AbCdEfGh12",
        "openai_project": "my-project",
        "set_cookie": "sid=abcdefgh12",
        "x_ratelimit_remaining_tokens": "99",
    }
    said = "environment-0123456789 of org-AbCdEfGh12, my-project, abcdefgh12"
    server.script(servers.completion(said, **headers))
    with record(path):
        first = client.completion(MODEL, MESSAGES)
    with replay(path):
        again = client.completion(MODEL, MESSAGES)
    assert again.choices[0].message.content == "[redacted] of [redacted], my-project, [redacted]"
    assert again.call.rate_limits == first.call.rate_limits
    assert again.call.headers["openai-project"] == "[redacted]"


def test_a_placeholder_is_no_secret(server: Server, client: Any, path: Path) -> None:
    """A word that is given where any key will do is left where it is a word."""
    server.script(servers.completion("a test of ollama"))
    for mode in (record, replay):
        with mode(path):
            made = client.completion(MODEL, MESSAGES, api_key="ollama")
            assert made.choices[0].message.content == "a test of ollama"


def test_another_key_replays(client: Any, path: Path) -> None:
    """A replay needs no key, nor the one of the recording, also where a prompt holds one."""
    with record(path):
        client.completion(MODEL, asked(f"keep {KEY} safe")["messages"])
    for key in ("another-key-1", "any"):
        with replay(path):
            said = asked(f"keep {key} safe")["messages"]
            client.completion(MODEL, said, api_key=key)


@each_colour
async def test_what_nobody_read_is_not_recorded(
    colour: Colour, server: Server, client: Any, path: Path
) -> None:
    """What had come already when the reader left is no part of what it was given."""
    pieces = [servers.chunked(servers.piece(text)) for text in "abc"]
    server.script([servers.stream_head() + b"".join(pieces), servers.HOLD])
    with record(path):
        stream = await colour.open(client)
        assert text_of([await anext(stream)]) == "a"
        await stream.aclose()
    [exchange] = document(path)
    assert len(exchange["response"]["body"]["pieces"]) == 1
    await colour.close(client)


def test_a_coding_that_is_not_ours(path: Path) -> None:
    """A body whose coding only the caller's client knows is recorded as that client gives it."""
    from llmkit._flow import Deadlines
    from llmkit._io._tap import through

    progress = Progress(Deadlines(time.monotonic() + 5, 5, 5, 5))

    def network(asked: HTTPRequest, progress: Progress) -> Answer:
        return Answer(200, {"content-encoding": "br"}, [b"plain"], progress)

    with record(path):
        response = through(network)(HTTPRequest("GET", "https://a.test/"), progress)
        assert list(response.iter_bytes()) == [b"plain"]
    [exchange] = document(path)
    assert exchange["response"] == {"status": 200, "headers": {}, "body": {"pieces": ["plain"]}}


def test_failures_by_name() -> None:
    """A failure is raised again as the nearest class that is known; a name that nobody knows is a failed request."""
    from llmkit._io._named import kind_of, named

    class OwnError(httpx.ReadError):
        pass

    assert kind_of(OwnError("x")) == "ReadError"
    assert isinstance(named("ReadError", "x", "yes"), httpx.ReadError)
    assert isinstance(named("NobodysError", "x", "yes"), httpx.RequestError)
    assert isinstance(named("ConnectionResetError", "x", "yes"), ConnectionResetError)
    made = named("APITimeoutError", "x", "maybe")
    assert isinstance(made, errors.APITimeoutError)
    assert made.sent == "maybe"


def test_a_long_list_of_differences(path: Path) -> None:
    """Only the first dozen differences are in the message; all are on the error."""
    url = "https://a.test/"
    with record(path):
        exchanged(
            HTTPRequest("POST", url, {}, json.dumps(dict.fromkeys("abcdefghijklmno", 1)).encode())
        )
    with replay(path), pytest.raises(ReplayMissError, match="and 3 more") as caught:
        exchanged(HTTPRequest("POST", url, {}, b"{}"))
    assert len(caught.value.differences) == 15


def test_no_basic_credentials(path: Path) -> None:
    """A malformed credential is hidden like a good one, and so is one that names its user alone."""
    for value in ("Basic !!!not-base64!!!", "Basic dXNlcg=="):
        with record(path):
            exchanged(
                HTTPRequest("POST", "https://a.test/", {"authorization": value}, b"x"),
                b"!!!not-base64!!!",
            )
        assert value.partition(" ")[2] not in path.read_text()
