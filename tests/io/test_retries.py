"""Trying again and falling back: how often, after how long, with what; in each colour."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

import llmkit
from llmkit import RetryPolicy, errors
from llmkit.events import AttemptFailed, AttemptStarted, FallingBack, RetryScheduled

from ._colour import KEY, each_colour, each_loop
from ._server import (
    DONE,
    END,
    RESET,
    Server,
    completion,
    event,
    failure,
    hello,
    piece,
    stream_head,
    streamed,
)

if TYPE_CHECKING:
    from ._colour import Colour, Seen

pytestmark = [pytest.mark.usefixtures("own_transport"), each_loop]
each_form = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


def good(*, stream: bool) -> Any:
    """A good answer of this form."""
    return hello() if stream else completion()


PASSING = {
    "500": failure(500),
    "503": failure(503),
    "429": failure(429),
    "reset": [RESET],
    "half a head": [b"HTTP/1.1 200 OK\r\ncont", RESET],
}


@pytest.mark.parametrize("first", PASSING.values(), ids=PASSING)
@each_form
@each_colour
async def test_what_passes_is_tried_again(
    colour: Colour, server: Server, client: Any, seen: Seen, *, stream: bool, first: Any
) -> None:
    """A failure that may pass is tried again, with the same idempotency key; each try is listed."""
    server.script(first, good(stream=stream))
    response = await colour.ask(client, stream=stream, num_retries=2)
    assert response.choices[0].message.content == "Hello there"
    attempts = response.call.attempts
    assert [a.number for a in attempts] == [1, 2]
    assert attempts[0].error is not None
    assert attempts[1].error is None
    keys = [r.headers["idempotency-key"] for r in server.requests]
    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert [r.body for r in server.requests] == [server.requests[0].body] * 2
    assert [s.attempts for s in client.ledger.settlements] == [2]
    assert len(seen.of(RetryScheduled)) == len(seen.of(AttemptFailed)) == 1


@each_colour
async def test_keys_differ_between_calls(colour: Colour, server: Server, client: Any) -> None:
    """Two calls are two requests, not one and its repetition."""
    await colour.call(client)
    await colour.call(client)
    assert len({r.headers["idempotency-key"] for r in server.requests}) == 2


@each_form
@each_colour
async def test_no_retries_means_one_try(
    colour: Colour, server: Server, client: Any, *, stream: bool
) -> None:
    """num_retries=0 sends one request."""
    server.always(*failure(500))
    with pytest.raises(errors.InternalServerError) as caught:
        await colour.ask(client, stream=stream, num_retries=0)
    assert len(server.requests) == len(caught.value.attempts) == 1


@each_form
@each_colour
async def test_retries_are_counted(
    colour: Colour, server: Server, client: Any, *, stream: bool
) -> None:
    """num_retries=2 sends three requests and raises the last failure."""
    server.script(failure(500, "one"), failure(503, "two"), failure(500, "three"))
    with pytest.raises(errors.InternalServerError, match="three") as caught:
        await colour.ask(client, stream=stream, num_retries=2)
    assert [a.status_code for a in caught.value.attempts] == [500, 503, 500]
    assert len(server.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422])
@each_colour
async def test_what_does_not_pass_is_not_tried_again(
    colour: Colour, server: Server, client: Any, status: int
) -> None:
    """The provider's final word ends the call."""
    server.always(*failure(status))
    with pytest.raises(errors.APIStatusError):
        await colour.call(client, num_retries=3)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "header", [{"retry_after": "0.4"}, {"retry_after_ms": "400", "retry_after": "9"}]
)
@each_form
@each_colour
async def test_the_providers_wait_is_kept(
    colour: Colour, server: Server, client: Any, *, stream: bool, header: dict[str, str]
) -> None:
    """Retry-After, and before it retry-after-ms, says how long to wait."""
    server.script(failure(429, **header), good(stream=stream))
    response = await colour.ask(client, stream=stream, num_retries=1)
    waited = server.requests[1].at - server.requests[0].at
    assert 0.38 < waited < 1.5
    assert 0.4 <= response.call.attempts[1].waited < 0.5


@each_colour
async def test_the_latest_answer_says_how_long(colour: Colour, server: Server, client: Any) -> None:
    """A wait that an earlier answer asked for does not hold for a later failure."""
    server.script(failure(429, retry_after="0.4"), failure(500), [RESET], completion())
    await colour.call(client, num_retries=3)
    gaps = [b.at - a.at for a, b in zip(server.requests, server.requests[1:], strict=False)]
    assert gaps[0] > 0.38
    assert max(gaps[1:]) < 0.3


@each_colour
async def test_a_long_wait_is_refused(colour: Colour, server: Server, client: Any) -> None:
    """A provider that asks for an hour gets no second request, and the error says how long."""
    server.always(*failure(429, retry_after=3600))
    with pytest.raises(errors.RateLimitError) as caught:
        await colour.call(client, num_retries=3)
    assert caught.value.retry_after == 3600
    assert len(server.requests) == 1


@each_colour
async def test_an_error_instead_of_the_first_chunk_is_tried_again(
    colour: Colour, server: Server, client: Any
) -> None:
    """An error event that comes before any chunk is a failed try like another."""
    broke = event({"error": {"message": "busy", "code": "server_error"}})
    server.script(streamed(b": wait\n\n", broke), hello())
    _, stream = await colour.read(client, num_retries=1)
    assert stream.response.choices[0].message.content == "Hello there"
    assert [a.error for a in stream.call.attempts] == ["InternalServerError", None]


@each_colour
async def test_a_stream_that_ends_before_its_first_chunk_is_tried_again(
    colour: Colour, server: Server, client: Any
) -> None:
    """Nothing has been handed over yet: the caller need not know."""
    server.script(streamed(b": wait\n\n"), [stream_head(), RESET], hello())
    _, stream = await colour.read(client, num_retries=2)
    assert stream.response.choices[0].message.content == "Hello there"
    assert len(server.requests) == 3


BROKEN = {
    "reset": streamed(piece("Hel"), 0.02, RESET, end=False),
    "error": streamed(piece("Hel"), event({"error": {"message": "x", "code": 500}})),
    "end": streamed(piece("Hel")),
}


@pytest.mark.parametrize("steps", BROKEN.values(), ids=BROKEN)
@each_colour
async def test_nothing_is_tried_again_after_the_first_chunk(
    colour: Colour, server: Server, client: Any, steps: Any
) -> None:
    """What was handed over cannot be taken back, so a broken stream is the caller's to repeat."""
    server.script(steps)
    with pytest.raises(errors.APIError) as caught:
        await colour.read(client, num_retries=3, fallbacks=["openai/gpt-4o"])
    assert len(server.requests) == 1
    assert caught.value.partial.choices[0].message.content == "Hel"


@each_form
@each_colour
async def test_falling_back_to_another_server(
    colour: Colour, server: Server, client: Any, seen: Seen, *, stream: bool
) -> None:
    """The next deployment answers where the first failed for good; all tries are listed in order."""
    server.always(*failure(500))
    with Server(always=good(stream=stream)) as second:
        spare = {"model": "groq/llama-3", "base_url": second.url, "api_key": "spare-key-1234"}
        response = await colour.ask(client, stream=stream, num_retries=1, fallbacks=[spare])
        assert response.choices[0].message.content == "Hello there"
        assert second.requests[0].headers["authorization"] == "Bearer spare-key-1234"
        assert KEY not in str(second.requests)
        assert second.requests[0].json()["model"] == "llama-3"
    tried = [(a.provider, a.status_code) for a in response.call.attempts]
    assert tried == [("openai", 500), ("openai", 500), ("groq", 200)]
    assert [a.number for a in response.call.attempts] == [1, 2, 3]
    assert [e.number for e in seen.of(AttemptStarted)] == [1, 2, 3]
    assert [e.provider for e in seen.of(FallingBack)] == ["groq"]
    [settled] = client.ledger.settlements
    assert (settled.provider, settled.attempts, settled.outcome) == ("groq", 3, "completed")


@each_colour
async def test_all_fallbacks_fail(colour: Colour, server: Server, client: Any) -> None:
    """The last failure is raised, and knows of all tries."""
    server.script(failure(500, "first"), failure(401, "second"))
    with pytest.raises(errors.AuthenticationError, match="second") as caught:
        await colour.call(client, fallbacks=["openai/gpt-4o"])
    assert [a.model for a in caught.value.attempts] == ["gpt-4o-mini", "gpt-4o"]
    assert len(client.ledger.settlements) == 1


@each_colour
async def test_refusals_are_not_billed_but_lost_answers_may_be(
    colour: Colour, server: Server, client: Any
) -> None:
    """A call that was refused each time costs nothing; one try that got lost makes the cost unknown."""
    server.script(failure(500), failure(429), failure(400))
    with pytest.raises(errors.BadRequestError):
        await colour.call(client, num_retries=2)
    server.script([RESET], failure(400))
    with pytest.raises(errors.BadRequestError):
        await colour.call(client, num_retries=2)
    assert [s.cost_status for s in client.ledger.settlements] == ["none", "unknown"]


@each_colour
async def test_waits_grow_with_full_jitter(colour: Colour, server: Server) -> None:
    """Without the provider's word, waits are drawn between nothing and twice the last bound."""
    server.always(*failure(500))
    policy = RetryPolicy(retries=3, first_wait=0.05, draw=lambda: 1.0)
    with llmkit.Client(api_key=KEY, base_url=server.url, retry=policy) as client:
        begun = time.monotonic()
        with pytest.raises(errors.InternalServerError) as caught:
            await colour.call(client, num_retries=None)
        assert time.monotonic() - begun > 0.34
        await colour.close(client)
    assert [a.waited for a in caught.value.attempts] == pytest.approx([0, 0.05, 0.1, 0.2])


@each_colour
async def test_a_finish_in_the_first_piece(colour: Colour, server: Server, client: Any) -> None:
    """A stream that is complete with its first bytes is one, too."""
    server.script(streamed(piece("Hi") + END), streamed(piece("Hi", finish="stop") + DONE))
    for _ in range(2):
        _, stream = await colour.read(client)
        assert stream.response.choices[0].message.content == "Hi"
