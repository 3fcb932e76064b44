"""Bodies that are streamed: in pieces, anew for each attempt, never whole in memory, closed at the end."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import io
import os
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio.to_thread
import httpx
import pytest
import trio

import llmkit
from llmkit import RetryPolicy, Timeouts, errors, providers
from llmkit._http import Endpoint, HTTPRequest, Streamed
from llmkit._multipart import Multipart
from llmkit._upload import Upload
from llmkit.providers import Provider
from llmkit.testing import Simulator, record, replay, scripted
from llmkit.wires.openai_chat import OpenAIChat

from ._colour import COLOURS, KEY, MESSAGES, Colour
from ._server import Server
from ._sink import Sink

pytestmark = pytest.mark.usefixtures("own_transport")
MODEL = "uploader/listens"
MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Listening(OpenAIChat):
    """A chat whose request is a file."""

    make: Callable[[], Any] = field(default=bytes)

    def build(self, call: Any, to: Endpoint) -> HTTPRequest:
        """Write the call."""
        made = OpenAIChat.build(self, call, to)
        body = self.make()
        kind = body.content_type if isinstance(body, Multipart) else body.media_type
        return replace(made, body=b"", upload=body, headers={"content-type": kind})


@contextmanager
def uploading(body: Callable[[], Streamed]) -> Iterator[None]:
    """While it lasts, calls of ``MODEL`` send this."""
    wire: Any = Listening(make=body)
    lent = Provider(name="uploader", base_url=None, chat=wire)
    with providers.lend(lent):
        yield


def form(file: Upload) -> Multipart:
    """A form with the file in it."""
    return Multipart("b0undary", [("model", "listens")], [("file", file)])


def client_of(url: str, **options: Any) -> Any:
    """A client that waits hardly at all before it tries again."""
    policy = RetryPolicy(retries=2, first_wait=0.01)
    return llmkit.Client(api_key=KEY, base_url=url, retry=policy, **options)


def ask(colour: Colour, client: Any, **params: Any) -> Any:
    """One call in this colour; the client's connections are closed."""

    async def main() -> Any:
        try:
            return await colour.call(client, model=MODEL, **params)
        finally:
            await colour.close(client)

    return colour.run(main)


@pytest.fixture(params=COLOURS)
def colour(request: pytest.FixtureRequest) -> Colour:
    """Each driver in turn."""
    return Colour(request.param)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A file of 24 MB with holes in it."""
    path = tmp_path / "large.wav"
    with path.open("wb") as file:
        file.write(b"RIFF")
        file.seek(24 * MB - 1)
        file.write(b"!")
    return path


def digest_of(body: Streamed) -> str:
    """What the server should come to."""
    hashed = hashlib.sha256()
    for piece in body.pieces():
        hashed.update(piece)
    return hashed.hexdigest()


class Pipe(io.RawIOBase):
    """A file that cannot be sought."""

    name = "piped.mp3"

    def __init__(self, data: bytes) -> None:
        self._inner = io.BytesIO(data)

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is not."""
        return False

    def readinto(self, buffer: Any) -> int:
        """Read."""
        data = self._inner.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def test_memory_stays_flat(colour: Colour, large: Path) -> None:
    """A file of 24 MB is sent without ever being in memory: the peak stays below one."""
    body = form(Upload.of(large))
    with Sink() as sink, uploading(lambda: body), client_of(sink.url) as client:
        ask(colour, client_of(sink.url))  # what is loaded late is loaded
        gc.collect()
        tracemalloc.start()
        try:
            assert ask(colour, client).text == "Hello there"
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    # The server's buffer, which is in this process too, is half of it.
    assert peak < 3 * MB, peak
    assert sink.taken[-1].size == body.length
    assert sink.taken[-1].digest == digest_of(body)


@pytest.mark.skipif("LLMKIT_FULL" not in os.environ, reason="takes its time")
def test_200_mb(colour: Colour, tmp_path: Path) -> None:
    """The same with 200 MB."""
    path = tmp_path / "200.wav"
    with path.open("wb") as file:
        file.truncate(200 * MB)
    body = form(Upload.of(path))
    with Sink() as sink, uploading(lambda: body), client_of(sink.url) as client:
        tracemalloc.start()
        try:
            ask(colour, client)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 8 * MB, peak
    assert sink.taken[-1].size == body.length


@pytest.mark.parametrize("source", ["path", "file", "pipe", "bytes"])
def test_a_retry_sends_it_again(colour: Colour, tmp_path: Path, source: str) -> None:
    """Reset in the middle, the second attempt sends all of it, from where the file stood."""
    data = os.urandom(3 * MB)
    (tmp_path / "a.mp3").write_bytes(b"skip" + data)
    opened = (tmp_path / "a.mp3").open("rb")
    opened.seek(4)
    (tmp_path / "whole.mp3").write_bytes(data)
    given: dict[str, Any] = {
        "path": tmp_path / "whole.mp3",
        "file": opened,
        "pipe": Pipe(data),
        "bytes": ("a.mp3", data),
    }
    upload = Upload.of(given[source])
    with opened, Sink(reset_after=MB) as sink, uploading(lambda: upload):
        answer = ask(colour, client_of(sink.url), num_retries=2)
    assert [a.error is None for a in answer.call.attempts] == [False, True]
    assert answer.call.attempts[0].sent != "no"
    last = sink.taken[-1]
    assert (last.size, last.digest) == (len(data), hashlib.sha256(data).hexdigest())
    assert last.headers["content-type"] == "audio/mpeg"
    assert "transfer-encoding" not in last.headers


@pytest.mark.parametrize("tls", [False, True])
def test_an_answer_while_uploading(colour: Colour, large: Path, *, tls: bool) -> None:
    """A 413 that comes early is the call's error, and the rest is not sent; the connection is not used again."""
    upload = Upload.of(large)
    with Sink(refuse_after=2 * MB, tls=tls) as sink, uploading(lambda: upload):
        with pytest.raises(errors.RequestTooLargeError, match="the file is too large") as caught:
            ask(colour, client_of(sink.url, verify=False))
        assert caught.value.code == "too_large"
        assert sink.taken[0].gone.wait(2)
        assert sink.taken[0].size < 20 * MB
        assert len(sink.taken) == 1


def test_no_answer_yet(colour: Colour, large: Path) -> None:
    """What comes early and is no answer ("100 Continue") ends nothing."""
    upload = Upload.of(large)
    hint = b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"
    with Sink(before=hint) as sink, uploading(lambda: upload):
        assert ask(colour, client_of(sink.url)).text == "Hello there"
        assert sink.taken[0].size == 24 * MB


def test_tls_that_talks_to_itself(colour: Colour, large: Path) -> None:
    """Session tickets are readable, and no answer."""
    upload = Upload.of(large)
    with Sink(tls=True) as sink, uploading(lambda: upload):
        assert ask(colour, client_of(sink.url, verify=False)).text == "Hello there"
        assert sink.taken[0].size == 24 * MB


def test_a_file_that_is_gone(colour: Colour, tmp_path: Path) -> None:
    """Nothing is sent, and nothing is tried again."""
    upload = Upload.of(tmp_path / "none.wav")
    with Sink() as sink, uploading(lambda: upload):
        with pytest.raises(errors.InvalidRequestError, match=r"none\.wav cannot be read") as caught:
            ask(colour, client_of(sink.url), num_retries=2)
        assert caught.value.sent == "no"
        assert not sink.taken


class Shrinking(Upload):
    """A file that has less in it than it had."""

    @property
    def length(self) -> int:
        """More than there is."""
        return super().length + 1


class Growing(Upload):
    """A file that has more in it than it had."""

    @property
    def length(self) -> int:
        """Less than there is."""
        return super().length - 1


@pytest.mark.parametrize("kind", [Shrinking, Growing])
def test_a_file_that_changes(colour: Colour, kind: type[Upload]) -> None:
    """What was told as its length is what is sent, or the call fails: the server would wait for the rest."""
    upload = kind.of(b"x" * MB)
    with Sink() as sink, uploading(lambda: upload):
        with pytest.raises(errors.InvalidRequestError, match="changed while it was sent") as caught:
            ask(colour, client_of(sink.url), num_retries=2)
        assert caught.value.sent == "maybe"
        assert len(caught.value.attempts) == 1


def test_a_stall_is_an_idle_timeout(colour: Colour, large: Path) -> None:
    """A server that stops reading is given up after the idle limit, however long the first token may take."""
    upload = Upload.of(large)
    limits = Timeouts(connect=5, first_token=60, idle=0.3, total=60)
    with Sink(stall=True) as sink, uploading(lambda: upload):
        begun = time.monotonic()
        with pytest.raises(errors.APITimeoutError) as caught:
            ask(colour, client_of(sink.url), timeout=limits)
        assert time.monotonic() - begun < 5
        assert caught.value.sent == "maybe"


class Slow(Upload):
    """A file that is read slowly."""

    def pieces(self) -> Iterator[bytes]:
        """A piece every 20 ms."""
        for piece in super().pieces():
            time.sleep(0.02)
            yield piece


def test_first_token_counts_from_the_end_of_the_upload(colour: Colour) -> None:
    """An upload that takes longer than the first token may is no timeout."""
    upload = Slow.of(io.BytesIO(b"x" * MB))
    limits = Timeouts(connect=5, first_token=0.2, idle=5, total=60)
    with Sink() as sink, uploading(lambda: upload):
        answer = ask(colour, client_of(sink.url), timeout=limits)
    assert answer.call.seconds > 0.3


@pytest.mark.parametrize("name", ["asyncio", "trio"])
def test_cancelling_closes_the_file(name: str, tmp_path: Path) -> None:
    """A call that is cancelled while it uploads has closed the file when it has ended."""
    path = tmp_path / "big.wav"
    path.write_bytes(b"x" * 8 * MB)
    opened: list[Any] = []

    class Watched(Upload):
        def pieces(self) -> Iterator[bytes]:
            inner = super().pieces()
            opened.append(inner)
            return inner

    upload = Watched.of(path)

    async def with_asyncio(client: Any, sink: Sink) -> None:
        task = asyncio.ensure_future(client.acompletion(MODEL, MESSAGES))
        assert await anyio.to_thread.run_sync(sink.begun.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await client.aclose()

    async def with_trio(client: Any, sink: Sink) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.acompletion, MODEL, MESSAGES)
            assert await anyio.to_thread.run_sync(sink.begun.wait, 10)
            nursery.cancel_scope.cancel()
        await client.aclose()

    with Sink(stall=True) as sink, uploading(lambda: upload), client_of(sink.url) as client:
        if name == "asyncio":
            asyncio.run(with_asyncio(client, sink))
        else:
            trio.run(with_trio, client, sink)
        assert [s.sent for s in client.ledger.settlements] == ["maybe"]
    assert [inner.gi_frame for inner in opened] == [None]


def test_async_reads_elsewhere(tmp_path: Path) -> None:
    """The loop's own thread reads no file."""
    threads: list[str] = []

    class Told(Upload):
        def pieces(self) -> Iterator[bytes]:
            for piece in super().pieces():
                threads.append(threading.current_thread().name)
                yield piece

    (tmp_path / "a.wav").write_bytes(b"x" * 200_000)
    upload = Told.of(tmp_path / "a.wav")
    with Sink() as sink, uploading(lambda: upload):
        for name in ("asyncio", "trio"):
            ask(Colour(name), client_of(sink.url))
    assert len(threads) == 8
    assert threading.main_thread().name not in threads


def test_a_borrowed_client(colour: Colour, large: Path) -> None:
    """Somebody's own httpx client streams it too, with its length, and again when it is tried again."""
    body = form(Upload.of(large))
    with Sink(reset_after=MB) as sink, uploading(lambda: body):

        async def main() -> Any:
            kind: Any = httpx.Client if colour.is_sync else httpx.AsyncClient
            own = kind()
            client = client_of(sink.url, http_client=own)
            answer = await colour.call(client, model=MODEL, num_retries=2)
            own.close() if colour.is_sync else await own.aclose()
            await colour.close(client)
            return answer

        if colour.name == "trio":
            pytest.skip("httpx speaks trio as it speaks asyncio")
        answer = colour.run(main)
    assert len(answer.call.attempts) == 2
    assert sink.taken[-1].headers["content-length"] == str(body.length)
    assert sink.taken[-1].digest == digest_of(body)


class Unmeasured:
    """A body whose length nobody knows before its end."""

    media_type = "application/json"
    length = None

    def pieces(self) -> Iterator[bytes]:
        """A chat, in three pieces, one of them empty."""
        yield b'{"model": "m", "messages": [{"role": '
        yield b""
        yield b'"user", "content": "Hello"}]}'

    def shown(self) -> str:
        """It is not."""
        return "<unmeasured>"


@pytest.mark.parametrize("borrowed", [False, True])
def test_a_body_without_a_length(colour: Colour, *, borrowed: bool) -> None:
    """It is sent in chunks; an empty piece, which would end it, is left out."""
    if borrowed and colour.name == "trio":
        pytest.skip("httpx speaks trio as it speaks asyncio")

    async def main(url: str) -> Any:
        kind: Any = httpx.Client if colour.is_sync else httpx.AsyncClient
        own = kind() if borrowed else None
        client = client_of(url, **({"http_client": own} if borrowed else {}))
        try:
            return await colour.call(client, model=MODEL)
        finally:
            if own is not None:
                own.close() if colour.is_sync else await own.aclose()
            await colour.close(client)

    with Simulator() as simulator, uploading(Unmeasured):
        assert "simulator" in colour.run(main, simulator.base_url).text
        request = simulator.requests[0]
    assert request.body == b"".join(Unmeasured().pieces())
    assert request.headers["transfer-encoding"] == "chunked"
    assert "content-length" not in request.headers


@pytest.mark.parametrize("own_transport", ["httpx"], indirect=True)
def test_through_hooked_transports(
    colour: Colour, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where somebody has hooked httpx's transport, the body goes through it in pieces as well."""
    hooked: list[str] = []
    sync, awaited = (
        httpx.HTTPTransport.handle_request,
        httpx.AsyncHTTPTransport.handle_async_request,
    )

    def seen(self: Any, request: Any) -> Any:
        hooked.append(request.method)
        return sync(self, request)

    async def aseen(self: Any, request: Any) -> Any:
        hooked.append(request.method)
        return await awaited(self, request)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", seen)
    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", aseen)
    body = form(Upload.of(large))
    with Sink() as sink, uploading(lambda: body):
        ask(colour, client_of(sink.url))
    assert hooked == ["POST"]
    assert sink.taken[0].digest == digest_of(body)


def test_a_dry_run_shows_the_fields(tmp_path: Path) -> None:
    """Fields as they are, and of a file its name, size and type."""
    (tmp_path / "a.wav").write_bytes(b"x" * 1000)
    body = Multipart("b", [("m[]", "1"), ("m[]", "2")], [("file", Upload.of(tmp_path / "a.wav"))])
    with uploading(lambda: body), client_of("http://127.0.0.1:1/v1") as client:
        dry = client.completion(MODEL, MESSAGES, dry_run=True)
    assert dry.body == {"m[]": ["1", "2"], "file": "<a.wav: 1000 bytes of audio/wav>"}


def test_recorded_and_replayed(colour: Colour, tmp_path: Path) -> None:
    """A small file is recorded; of a large one its size; both are found again, another one is not."""
    small, large = Upload.of(("a.wav", b"RIFFabc")), Upload.of(("b.wav", b"x" * 300_000))
    body = Multipart("b", [("model", "m")], [("file", small), ("file", large)])
    other = Multipart("b", [("model", "m")], [("file", small), ("file", Upload.of(b"x"))])
    path = tmp_path / "cassette.json"
    with Server() as server, uploading(lambda: body):
        with record(path):
            ask(colour, client_of(server.url))
        text = path.read_text(encoding="utf-8")
        assert "RIFFabc" in text
        assert "<300000 bytes, left out>" in text
        assert len(text) < 10_000
        with replay(path):
            assert ask(colour, client_of(server.url)).text == "Hello there"
        sent = len(server.requests)
    with uploading(lambda: other), replay(path), pytest.raises(errors.ReplayMissError):
        ask(colour, client_of(server.url))
    assert sent == 1


def test_scripted_sees_the_bytes() -> None:
    """A scripted test may look at the whole body."""
    upload = Upload.of(
        ("a.json", b'{"model": "m", "messages": [{"role": "user", "content": "hi"}]}')
    )
    with uploading(lambda: upload), scripted("hi") as script:
        ask(Colour("sync"), client_of("http://127.0.0.1:1/v1"))
    assert (
        script.calls[0].request.body
        == b'{"model": "m", "messages": [{"role": "user", "content": "hi"}]}'
    )


def test_racing_attempts_read_one_file() -> None:
    """Two readers of one file object do not take each other's pieces."""
    data = os.urandom(MB)
    upload = Upload.of(io.BytesIO(data))
    one, other = upload.pieces(), upload.pieces()
    read = [[], []]  # type: ignore[var-annotated]
    for a, b in zip(one, other, strict=True):
        read[0].append(a)
        read[1].append(b)
    assert [b"".join(pieces) for pieces in read] == [data, data]
