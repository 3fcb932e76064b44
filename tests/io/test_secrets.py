"""A key appears on the wire, and nowhere else: not in errors, events, logs, records or representations."""

from __future__ import annotations

import io
import logging
import pickle
import subprocess
import sys
import textwrap
import traceback
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

import httpx
import pytest

import llmkit
from llmkit import errors
from llmkit._control.plan import CHAT
from llmkit._secret import Secret

from ._colour import MESSAGES, MODEL, each_colour
from ._server import CLOSE, HOLD, RESET, answer, completion, event, failure, piece, streamed
from .test_failures import unused_port

if TYPE_CHECKING:
    from ._colour import Colour
    from ._server import Server

# No prefix that a pattern could know: only its being known as a secret can hide it.
WORD = "quiet-elephants-9137-dance"


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and all that travels along with it."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        current = waiting.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        waiting += [current.__cause__, current.__context__]
        if isinstance(current, BaseExceptionGroup):
            waiting += current.exceptions


def shown(error: BaseException) -> str:
    """Everything that a log, a report or a pickle would keep of an exception."""
    texts = []
    for one in chain(error):
        texts += [str(one), repr(one), repr(one.args), repr(vars(one))]
        texts += [repr(getattr(one, "__notes__", ()))]
        request = vars(one).get("_request")
        texts += [] if request is None else [repr(dict(request.headers))]
    texts.append("".join(traceback.format_exception(error)))
    texts.append(repr(pickle.dumps(error)) if isinstance(error, llmkit.LLMKitError) else "")
    return "\n".join(texts)


class Everything:
    """A client whose callbacks keep all they are told, and a log that keeps all that is said."""

    def __init__(self, server: Server, **options: Any) -> None:
        self.events: list[Any] = []
        options = {"api_key": WORD, "base_url": server.url, "num_retries": 0} | options
        self.client = llmkit.Client(callbacks=[self.events.append], **options)
        self.log = io.StringIO()
        self._handler = logging.StreamHandler(self.log)

    def __enter__(self) -> Self:
        # llmkit's own: httpcore's, where somebody turns it on, is no more than what the provider sent.
        logger = logging.getLogger("llmkit")
        self._level = logger.level
        logger.addHandler(self._handler)
        logger.setLevel(logging.DEBUG)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("llmkit").removeHandler(self._handler)
        logging.getLogger("llmkit").setLevel(self._level)
        self.client.close()

    def text(self) -> str:
        """All of it."""
        errors_told = [e.error for e in self.events if getattr(e, "error", None)]
        parts = [self.log.getvalue(), repr(self.events), repr(self.client)]
        parts += [repr(self.client.ledger.settlements), *map(shown, errors_told)]
        return "\n".join(parts)


ECHOES: dict[str, Any] = {
    "message": failure(401, f"Incorrect API key provided: {WORD}."),
    "code": failure(400, "no", code=WORD),
    "field": answer({"error": {"message": "no", "given": [WORD, {WORD: WORD}]}}, 403),
    "text": answer(f"no: {WORD}", 500, content_type="text/plain"),
    "html": answer(f"<html>{WORD}</html>", 502, content_type="text/html"),
    "request id": failure(500, x_request_id=WORD),
    "unreadable": answer(f"surprise {WORD}"),
    "within a 200": answer({"error": {"message": f"bad key {WORD}", "code": 401}}),
    "location": answer(b"", 302, location=f"http://elsewhere.test/?key={WORD}"),
    "bearer": failure(401, f"got 'Bearer {WORD}'"),
    "header": failure(401, x_echo=WORD),
}


@pytest.mark.parametrize("steps", ECHOES.values(), ids=ECHOES)
@each_colour
async def test_a_provider_that_echoes_the_key(colour: Colour, server: Server, steps: Any) -> None:
    """Wherever an error repeats the key, it is hidden from all who are told of the error."""
    server.script(steps)
    with Everything(server) as every:
        with pytest.raises(errors.APIError) as caught:
            await colour.call(every.client, num_retries=None)
        assert server.requests[0].headers["authorization"] == f"Bearer {WORD}"
        assert WORD not in shown(caught.value)
        assert WORD not in every.text()
        await colour.close(every.client)


STREAMED: dict[str, Any] = {
    "first": streamed(event({"error": {"message": f"no {WORD}", "code": 401}})),
    "midway": streamed(piece("x"), 0.02, event({"error": {"message": f"no {WORD}", "type": WORD}})),
    "garbage": streamed(piece("x"), 0.02, event(f"not json {WORD}")),
    "named": streamed(piece("x"), 0.02, f"event: error\ndata: {WORD}\n\n".encode()),
}


@pytest.mark.parametrize("steps", STREAMED.values(), ids=STREAMED)
@each_colour
async def test_a_stream_that_echoes_the_key(colour: Colour, server: Server, steps: Any) -> None:
    """So it is within a stream, before and after its first chunk."""
    server.script(steps)
    with Everything(server) as every:
        with pytest.raises(errors.APIError) as caught:
            await colour.read(every.client)
        assert WORD not in shown(caught.value)
        assert WORD not in every.text()
        await colour.close(every.client)


BROKEN: dict[str, Any] = {
    "reset": [RESET],
    "half": [b"HTTP/1.1 200 OK\r\n", CLOSE],
    "midway": streamed(piece("x"), RESET, end=False),
    "garbage": [b"\x00\x01\x02" * 20, CLOSE],
    "gzip": answer(b"no gzip", content_encoding="gzip"),
    "timeout": [HOLD],
}


# httpx's own, where a write fails within it: trio complains of that when it is collected.
@pytest.mark.filterwarnings("ignore:Async generator 'httpx:ResourceWarning")
@pytest.mark.parametrize("steps", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("borrowed", [False, True], ids=["own", "borrowed"])
@each_colour
async def test_a_transports_failure_carries_no_key(
    colour: Colour, server: Server, steps: Any, *, borrowed: bool
) -> None:
    """No exception of the HTTP library's, which would hold the request, travels along with ours."""
    server.always(*steps)
    theirs: Any = None
    if borrowed:
        theirs = httpx.Client() if colour.is_sync else httpx.AsyncClient()
    with Everything(server, http_client=theirs) as every:
        for retries in (0, 1):
            with pytest.raises(errors.APIError) as caught:
                await colour.read(every.client, timeout=0.5, num_retries=retries)
            assert WORD not in shown(caught.value)
            kinds = {type(one).__module__.partition(".")[0] for one in chain(caught.value)}
            assert not kinds & {"httpx", "httpcore", "h11"}
        assert WORD not in every.text()
        await colour.close(every.client)
    if borrowed and colour.is_sync:
        theirs.close()
    elif borrowed:
        await theirs.aclose()


@each_colour
async def test_a_key_from_a_function(colour: Colour, server: Server) -> None:
    """A key that a function gives is as secret as another; so is what it fails with."""
    server.script(failure(401, f"bad {WORD}"))
    with Everything(server, api_key=lambda: WORD) as every:
        with pytest.raises(errors.AuthenticationError) as caught:
            await colour.call(every.client)
        assert WORD not in shown(caught.value) + every.text()
        await colour.close(every.client)
    assert server.requests[0].headers["authorization"] == f"Bearer {WORD}"


@each_colour
async def test_both_keys_of_a_fallback(colour: Colour, server: Server) -> None:
    """A second deployment that echoes the first one's key, and its own, gives neither away."""
    second = "noisy-penguins-2468-sleep"
    server.script(failure(500, f"1 {WORD}"), failure(500, f"2 {second} {WORD}"))
    spare = {"model": "openai/gpt-4o", "api_key": second}
    with Everything(server) as every:
        with pytest.raises(errors.InternalServerError) as caught:
            await colour.call(every.client, fallbacks=[spare])
        text = shown(caught.value) + every.text()
        assert second not in text
        assert WORD not in text
        await colour.close(every.client)


@each_colour
async def test_a_good_answer_shows_no_key(colour: Colour, server: Server) -> None:
    """Neither does what a completed call keeps: its info, its dump, its stream."""
    server.script(
        completion(set_cookie="a=b"), streamed(piece("Hi", finish="stop"), b"data: [DONE]\n\n")
    )
    with Everything(server) as every:
        response = await colour.call(every.client)
        _, stream = await colour.read(every.client)
        kept = [response, response.call, response.model_dump(), pickle.dumps(response)]
        kept += [stream.call, stream.response, getattr(stream, "inner", stream)]
        assert WORD not in repr(kept) + every.text()
        assert response.call.key_source == "api_key"
        await colour.close(every.client)


def test_a_dry_run_shows_no_key(server: Server) -> None:
    """What would be sent is shown without the key, also where the caller put it into a header."""
    with Everything(server) as every:
        headers = {"X-Api-Key": WORD, "X-Note": f"with {WORD} inside"}
        run = every.client.completion(MODEL, MESSAGES, dry_run=True, extra_headers=headers)
        assert WORD not in repr(run) + repr(run.to_dict())
        assert WORD not in every.text()
    assert server.requests == []


def test_jobs_and_secrets_hide_it(server: Server) -> None:
    """What flows through the library has the key only as something that does not show it."""
    with Everything(server) as every:
        job = every.client._job(CHAT, MODEL, {"messages": MESSAGES}, {})
        assert WORD not in repr(job)
        assert WORD not in repr(job.legs[0].key)
    secret = Secret(WORD)
    assert WORD not in f"{secret} {secret!r} {[secret]}"
    assert WORD.encode() not in pickle.dumps(secret)


@each_colour
async def test_credentials_in_the_address(colour: Colour, server: Server) -> None:
    """User and password within base_url are refused, because addresses are shown, and not shown themselves."""
    url = server.url.replace("http://", f"http://user:{WORD}@")
    with Everything(server, base_url=url, api_key="other-key-1234") as every:
        with pytest.raises(errors.ConfigurationError, match="password") as caught:
            await colour.call(every.client)
        assert WORD not in shown(caught.value) + every.text()
        await colour.close(every.client)
    assert server.requests == []


@each_colour
async def test_an_unreachable_address_with_a_key_in_its_query(
    colour: Colour, server: Server
) -> None:
    """A key that the caller put into the address's query is not in what is told of a failure."""
    url = f"http://127.0.0.1:{unused_port()}/v1?key={WORD}"
    with Everything(server, base_url=url, api_key="other-key-1234") as every:
        with pytest.raises(errors.APIConnectionError) as caught:
            await colour.call(every.client)
        assert WORD not in shown(caught.value)
        assert WORD not in every.log.getvalue() + repr(every.events)
        await colour.close(every.client)


def test_the_debug_log_shows_no_key(server: Server) -> None:
    """LLMKIT_LOG=debug tells the story of a call on stderr, without its key."""
    script = """
    import sys, llmkit
    client = llmkit.Client(api_key=sys.argv[2], base_url=sys.argv[1], num_retries=0)
    for stream in (False, True, False):
        try:
            answer = client.completion("openai/gpt-4o-mini", [{"role": "user", "content": "hi"}], stream=stream)
            list(answer)
        except llmkit.APIError as error:
            print(type(error).__name__)
    """
    server.script(failure(401, f"bad {WORD}"), streamed(piece("x"), RESET, end=False), completion())
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), server.url, WORD],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        env={"LLMKIT_LOG": "debug", "PYTHONPATH": ":".join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["AuthenticationError", "StreamInterruptedError"]
    for word in ("CallStarted", "AttemptFailed", "Settlement"):
        assert word in done.stderr
    assert WORD not in done.stderr


def test_a_client_keeps_no_key_as_text() -> None:
    """What a client remembers of its options shows the key nowhere, and a malformed key is still found."""
    client = llmkit.Client(api_key=WORD)
    assert WORD not in repr(vars(client))
    broken = llmkit.Client(api_key="two\nlines")
    with pytest.raises(llmkit.ConfigurationError, match="no header can carry"):
        broken.completion(MODEL, MESSAGES)
