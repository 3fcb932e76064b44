"""Whole answers, good and bad, in each colour: what is read, what is refused, and what becomes of the connection."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import TYPE_CHECKING, Any

import pytest

import llmkit
from llmkit import errors

from ._colour import KEY, MESSAGES, each_colour
from ._server import (
    CLOSE,
    COUNTED,
    DONE,
    LAST,
    answer,
    chat,
    chunked,
    completion,
    head,
    hello,
    piece,
)

if TYPE_CHECKING:
    from ._colour import Colour
    from ._server import Server

pytestmark = pytest.mark.usefixtures("own_transport")
each_form = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@each_colour
async def test_the_request_is_what_was_asked(colour: Colour, server: Server, client: Any) -> None:
    """Method, path, key, length and body of a call arrive as they should."""
    await colour.call(client, temperature=0.5)
    request = server.requests[0]
    assert (request.method, request.target) == ("POST", "/v1/chat/completions")
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["host"] == f"127.0.0.1:{server.port}"
    assert int(request.headers["content-length"]) == len(request.body)
    assert request.headers["content-type"] == "application/json"
    assert request.json() == {"model": "gpt-4o-mini", "messages": MESSAGES, "temperature": 0.5}


@each_colour
async def test_an_answer_is_read_and_settled(colour: Colour, server: Server, client: Any) -> None:
    """A good answer comes with its text, usage, cost, headers and one settlement."""
    server.script(completion(x_request_id="req_1", x_ratelimit_remaining_requests=7))
    response = await colour.call(client)
    assert response.choices[0].message.content == "Hello there"
    assert response.usage.total_tokens == 12
    assert response.cost.total > 0
    assert response.call.request_id == "req_1"
    assert response.call.rate_limits == {"x-ratelimit-remaining-requests": "7"}
    assert json.loads(response.call.raw) == chat()
    [settled] = client.ledger.settlements
    assert (settled.outcome, settled.sent, settled.attempts) == ("completed", "yes", 1)
    assert (settled.prompt_tokens, settled.completion_tokens) == (9, 3)


@each_form
@each_colour
async def test_one_connection_serves_many_calls(
    colour: Colour, server: Server, client: Any, own_transport: str, *, stream: bool
) -> None:
    """Calls one after the other use one connection, also after a stream that was read to its end."""
    server.always(*(hello() if stream else completion()))
    for _ in range(5):
        await colour.ask(client, stream=stream)
        if own_transport == "reqwest":
            await colour.sleep(0.02)  # its thread puts a connection back in its own time
    assert len(server.requests) == 5
    assert len(server.peers) == 1
    assert server.peers[0].how == ""


@pytest.mark.parametrize("packed", ["gzip", "deflate"])
@each_form
@each_colour
async def test_compressed_answers_are_unpacked(
    colour: Colour, server: Server, client: Any, *, stream: bool, packed: str
) -> None:
    """Both gzip and deflate are undone, in whole answers and in streams."""
    plain = (
        piece("Hello there") + piece(finish="stop") + COUNTED + DONE
        if stream
        else json.dumps(chat()).encode()
    )
    data = gzip.compress(plain) if packed == "gzip" else zlib.compress(plain)
    kind = "text/event-stream" if stream else "application/json"
    server.script(answer(data, content_type=kind, content_encoding=packed))
    response = await colour.ask(client, stream=stream)
    assert response.choices[0].message.content == "Hello there"


@each_form
@each_colour
async def test_broken_compression_is_an_unreadable_answer(
    colour: Colour, server: Server, client: Any, *, stream: bool
) -> None:
    """What claims to be gzip and is not gets a typed error."""
    server.script(answer(b"not gzip at all", content_encoding="gzip"))
    with pytest.raises(errors.APIResponseValidationError, match="decompressed") as caught:
        await colour.ask(client, stream=stream)
    assert caught.value.sent == "yes"


@each_colour
async def test_a_chunked_answer_is_put_together(
    colour: Colour, server: Server, client: Any
) -> None:
    """A chunked body cut within a character is one body."""
    data = json.dumps(chat("Grüße"), ensure_ascii=False).encode()
    cut = data.index("ü".encode()) + 1
    first = head(transfer_encoding="chunked")
    server.script([first + chunked(data[:cut]), 0.02, chunked(data[cut:]) + LAST])
    assert (await colour.call(client)).choices[0].message.content == "Grüße"


@each_form
@each_colour
async def test_http_1_0_ends_with_its_connection(
    colour: Colour, server: Server, client: Any, *, stream: bool
) -> None:
    """An answer without a length ends where its connection does; the next call opens another."""
    body = (
        piece("Hello there") + piece(finish="stop") + DONE
        if stream
        else json.dumps(chat()).encode()
    )
    server.always(b"HTTP/1.0 200 OK\r\ncontent-type: x/y\r\n\r\n" + body, CLOSE)
    for _ in range(2):
        response = await colour.ask(client, stream=stream)
        assert response.choices[0].message.content == "Hello there"
    assert len(server.peers) == 2


@each_form
@each_colour
async def test_garbage_is_named_and_not_repeated(
    colour: Colour, server: Server, client: Any, *, stream: bool
) -> None:
    """Five megabytes of garbage end in a short typed error."""
    server.script(answer(b"\xff\xfegarbage\x00" * 500_000))
    with pytest.raises(errors.APIResponseValidationError) as caught:
        await colour.ask(client, stream=stream)
    assert len(str(caught.value)) < 2000
    assert caught.value.sent == "yes"


@each_form
@each_colour
async def test_a_page_of_html_asks_about_the_address(
    colour: Colour, server: Server, client: Any, *, stream: bool
) -> None:
    """HTML instead of JSON is most likely a wrong base_url, and the error says so."""
    server.script(
        answer("<!doctype html><html><body>Welcome</body></html>", content_type="text/html")
    )
    with pytest.raises(errors.APIResponseValidationError, match="base_url"):
        await colour.ask(client, stream=stream)


@pytest.mark.parametrize("status", [200, 204])
@each_form
@each_colour
async def test_an_empty_answer_is_an_error(
    colour: Colour, server: Server, client: Any, *, stream: bool, status: int
) -> None:
    """No body, with 200 or with 204, is no answer; a stream may go better the next time."""
    server.script([head(status, content_length=None if status == 204 else 0)])
    kind = errors.APIConnectionError if stream else errors.APIResponseValidationError
    with pytest.raises(kind) as caught:
        await colour.ask(client, stream=stream)
    assert caught.value.sent == "yes"
    assert client.ledger.settlements[0].cost is None


@each_colour
async def test_a_body_shorter_than_its_length_is_no_answer(
    colour: Colour, server: Server, client: Any
) -> None:
    """A connection that ends before content-length is reached is a failure after sending."""
    data = json.dumps(chat()).encode()
    server.script([head(content_length=len(data) + 10) + data, CLOSE])
    with pytest.raises(errors.APIConnectionError) as caught:
        await colour.call(client)
    assert caught.value.sent == "yes"
    assert caught.value.retryable


@each_colour
async def test_json_instead_of_a_stream_is_one_chunk(
    colour: Colour, server: Server, client: Any
) -> None:
    """A host that ignores ``stream`` and answers with JSON is read all the same."""
    server.script(completion("All at once"))
    chunks, stream = await colour.read(client)
    assert [c.choices[0].delta.content for c in chunks] == ["All at once"]
    assert stream.response.choices[0].message.content == "All at once"
    assert client.ledger.settlements[0].usage_source == "reported"


@each_form
@pytest.mark.parametrize("status", [302, 308])
@each_colour
async def test_a_redirect_is_not_followed(
    colour: Colour, server: Server, client: Any, *, stream: bool, status: int
) -> None:
    """A redirect could leave with the key: the error says where it points, and nothing more is sent."""
    server.always(head(status, location="https://elsewhere.test/v1", content_length=0))
    with pytest.raises(errors.APIError, match=r"redirects to https://elsewhere\.test/v1") as caught:
        await colour.ask(client, stream=stream, num_retries=2)
    assert caught.value.status_code == status
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.BadRequestError),
        (401, errors.AuthenticationError),
        (402, errors.PaymentRequiredError),
        (403, errors.PermissionDeniedError),
        (404, errors.NotFoundError),
        (409, errors.ConflictError),
        (413, errors.RequestTooLargeError),
        (422, errors.UnprocessableEntityError),
        (429, errors.RateLimitError),
        (500, errors.InternalServerError),
        (503, errors.ServiceUnavailableError),
        (529, errors.OverloadedError),
    ],
)
@each_colour
async def test_a_status_has_its_class(
    colour: Colour, server: Server, client: Any, status: int, kind: type
) -> None:
    """Errors keep their status, request id and words, and the connection is used again."""
    server.script(answer({"error": {"message": "because"}}, status, x_request_id="req_9"))
    with pytest.raises(kind, match="because") as caught:
        await colour.call(client)
    error = caught.value
    assert (error.status_code, error.request_id, error.sent) == (status, "req_9", "yes")
    assert (error.provider, error.model) == ("openai", "gpt-4o-mini")
    [settled] = client.ledger.settlements
    assert (settled.outcome, settled.cost_status) == ("failed", "none")
    await colour.call(client)
    assert len(server.peers) == 1


@each_colour
async def test_cookies_are_not_kept(colour: Colour, server: Server, client: Any) -> None:
    """A cookie that a host sets is neither shown nor sent back."""
    server.script(completion(set_cookie="session=abc; Path=/"))
    response = await colour.call(client)
    assert "set-cookie" not in response.call.headers
    await colour.call(client)
    assert "cookie" not in server.requests[1].headers


@each_colour
async def test_extra_headers_go_out_once(colour: Colour, server: Server, client: Any) -> None:
    """A header of the caller's replaces ours of that name, whatever its case."""
    await colour.call(client, extra_headers={"User-Agent": "mine/1", "X-Trace": "7"})
    assert server.requests[0].headers["user-agent"] == "mine/1"
    assert server.requests[0].headers["x-trace"] == "7"


@each_colour
async def test_the_base_urls_own_query_is_kept(colour: Colour, server: Server, seen: Any) -> None:
    """A query in base_url is sent with the path behind it."""
    with llmkit.Client(api_key=KEY, base_url=f"{server.url}?api-version=1") as client:
        await colour.call(client)
    assert server.requests[0].target == "/v1/chat/completions?api-version=1"


@each_colour
async def test_a_server_that_closed_its_idle_connection_costs_nothing(
    colour: Colour, server: Server, client: Any
) -> None:
    """A kept connection that the server has closed meanwhile is noticed before anything is sent on it."""
    await colour.call(client)
    server.drop_idle()
    await colour.sleep(0.05)
    await colour.call(client)
    assert len(server.peers) == 2
    assert [s.outcome for s in client.ledger.settlements] == ["completed", "completed"]
