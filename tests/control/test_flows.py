from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel

from llmkit import errors
from llmkit._call import Timeouts
from llmkit._control.call import perform
from llmkit._control.session import Session
from llmkit._flow import Acquire, Cancelled, Consult, Notify, Relay, Sleep
from llmkit._flow import Store as StoreEffect
from llmkit._http import HTTPResponse
from llmkit._secret import Secret
from llmkit.events import CallFinished
from llmkit.types.chat import ChatCompletion

from ._drive import (
    COST,
    KEY,
    STREAM,
    USAGE,
    Drive,
    Places,
    Time,
    answer,
    drive,
    events,
    piece,
    refusal,
)

OK = ["CallStarted", "AttemptStarted", "CallFinished"]
RETRIED = ["AttemptFailed", "RetryScheduled", "AttemptStarted"]


# --- an answer -----------------------------------------------------------------------------------


def test_success() -> None:
    """One request, one settlement, one terminal event; the answer knows its call and its cost."""
    run = drive(answer(x_request_id="r1", x_ratelimit_limit_tokens="9"), temperature=0.5)
    made = run.run()
    assert made.text == "hi"
    assert run.names == OK
    assert str(made.cost.total) == COST
    call = made.call
    assert (call.id, call.provider, call.model) == ("call_1", "openai", "gpt-4o-mini")
    assert (call.key_source, call.transport, call.base_url) == (
        "api_key",
        "script",
        "https://api.openai.com/v1",
    )
    assert (call.request_id, call.status_code, call.rate_limits) == (
        "r1",
        200,
        {"x-ratelimit-limit-tokens": "9"},
    )
    assert call.raw == answer().body
    assert [(a.number, a.error, a.status_code, a.sent, a.waited) for a in call.attempts] == [
        (1, None, 200, "yes", 0.0)
    ]
    assert run.finished[0].response is made
    assert run.finished[0].error is None


def test_request_and_deadlines() -> None:
    """What leaves is signed, carries an idempotency key, and has the call's deadlines."""
    run = drive(answer(), timeout=Timeouts(1, 2, 3, 4), extra_headers={"x-a": "b"})
    run.run()
    (sent,) = run.sent
    assert sent.request.headers["authorization"] == f"Bearer {KEY}"
    assert sent.request.headers["Idempotency-Key"] == "call_1-0"
    assert sent.request.headers["x-a"] == "b"
    assert sent.decoder is None
    limits = sent.deadlines
    assert (limits.connect, limits.first_token, limits.idle, limits.total) == (1, 2, 3, 104)


def test_no_event_has_the_key() -> None:
    """No event, error or settlement holds the key, also where the provider echoes it."""
    run = drive(refusal(401, f"wrong key: {KEY}", KEY), num_retries=0)
    with pytest.raises(errors.AuthenticationError) as caught:
        run.run()
    assert KEY not in f"{run.events} {run.settlement} {caught.value} {caught.value.__dict__}"


def test_address_in_events_has_no_query() -> None:
    """An address is told without its query, which may hold a credential."""
    run = drive(answer(), extra_query={"key": "hidden"})
    run.run()
    assert "hidden" not in repr(run.events)
    assert run.sent[0].request.url.endswith("?key=hidden")


@pytest.mark.parametrize("given", ["key-from-a-function", Secret("key-from-a-function")])
def test_key_from_a_function(given: Any) -> None:
    """A function is asked for the key of each attempt."""
    asked: list[int] = []

    def key() -> Any:
        asked.append(1)
        return given

    run = drive(refusal(500), answer(), api_key=key)
    run.run()
    assert len(asked) == 2
    assert run.sent[1].request.headers["authorization"] == "Bearer key-from-a-function"


def test_key_function_that_fails() -> None:
    """What the function raises is the call's failure; nothing was sent."""

    def key() -> str:
        raise RuntimeError("no vault")

    run = drive(api_key=key)
    with pytest.raises(RuntimeError, match="no vault"):
        run.run()
    assert (run.settlement.outcome, run.settlement.sent, run.settlement.error) == (
        "failed",
        "no",
        "RuntimeError",
    )


# --- retries -------------------------------------------------------------------------------------


def test_retry_after() -> None:
    """The wait that the provider asks for is kept, with jitter on top."""
    run = drive(refusal(429, retry_after="3"), refusal(503, retry_after_ms="500"), answer())
    made = run.run()
    # half of 0.5, doubled once; a tenth of it goes on top
    assert run.slept == pytest.approx([3.025, 0.55])
    assert run.names == [*OK[:2], *RETRIED, *RETRIED, "CallFinished"]
    assert [(a.number, a.error, a.status_code, a.waited) for a in made.call.attempts] == [
        (1, "RateLimitError", 429, 0.0),
        (2, "ServiceUnavailableError", 503, pytest.approx(3.025)),
        (3, None, 200, pytest.approx(0.55)),
    ]
    assert run.settlement.attempts == 3


def test_retry_after_of_the_latest_answer() -> None:
    """What an earlier answer asked for does not count for a later failure."""
    broken = errors.APIConnectionError("gone", sent="maybe")
    run = drive(refusal(429, retry_after="7"), broken, answer())
    run.run()
    assert run.slept == pytest.approx([7.025, 0.5])


def test_resets_as_retry_after() -> None:
    """Without Retry-After the used-up limit's reset counts."""
    headers = {"x_ratelimit_remaining_requests": "0", "x_ratelimit_reset_requests": "2s"}
    run = drive(refusal(429, **headers), answer())
    run.run()
    assert run.slept == pytest.approx([2.025])


def test_full_jitter() -> None:
    """Without a word from the provider waits double, are drawn, and have a cap."""
    run = drive(*[refusal(500)] * 7, num_retries=6)
    with pytest.raises(errors.InternalServerError):
        run.run()
    assert run.slept == [0.25, 0.5, 1.0, 2.0, 4.0, 4.0]


def test_retries_used_up() -> None:
    """The latest failure is raised, with all attempts on it."""
    run = drive(refusal(500, "one"), refusal(502, "two"), refusal(503, "three", x_request_id="r3"))
    with pytest.raises(errors.ServiceUnavailableError, match="three") as caught:
        run.run()
    error = caught.value
    assert [(a.number, a.status_code) for a in error.attempts] == [(1, 500), (2, 502), (3, 503)]
    assert (error.provider, error.model, error.request_id) == ("openai", "gpt-4o-mini", "r3")
    assert run.names == [*OK[:2], *RETRIED, *RETRIED, "AttemptFailed", "CallFinished"]
    assert run.finished[0].error is error
    assert run.settlement.outcome == "failed"


@pytest.mark.parametrize(
    "failure",
    [
        refusal(400),
        refusal(401),
        refusal(404),
        refusal(429, code="insufficient_quota"),
        refusal(503, x_should_retry="false"),
        refusal(429, retry_after="61"),
        HTTPResponse(200, {}, b"<html>"),
    ],
)
def test_what_is_not_retried(failure: HTTPResponse) -> None:
    """A failure that does not pass, or not soon enough, is final."""
    run = drive(failure)
    with pytest.raises(errors.APIError):
        run.run()
    assert (len(run.sent), run.slept) == (1, [])


@pytest.mark.parametrize(
    "failure",
    [
        refusal(408),
        refusal(409),
        refusal(429),
        refusal(529),
        refusal(400, x_should_retry="true"),
        errors.APIConnectionError("gone"),
        errors.APITimeoutError("slow", sent="yes"),
        HTTPResponse(200, {}, b'{"error": {"code": 502, "message": "upstream"}}'),
    ],
)
def test_what_is_retried(failure: Any) -> None:
    """A failure that may pass is tried again, also one inside a 200."""
    run = drive(failure, answer())
    assert run.run().text == "hi"
    assert len(run.slept) == 1


@pytest.mark.parametrize("status", [301, 302, 307])
def test_redirects_are_not_followed(status: int) -> None:
    """A redirect is an error that says where it points; it may leave with the key."""
    elsewhere = HTTPResponse(status, {"location": "https://other.test/v1"}, b"moved")
    run = drive(elsewhere)
    with pytest.raises(
        errors.APIStatusError, match=r"redirects to https://other\.test/v1"
    ) as caught:
        run.run()
    assert (caught.value.status_code, len(run.sent)) == (status, 1)
    with pytest.raises(errors.APIStatusError, match="moved"):
        drive(HTTPResponse(status, {}, b"moved")).run()


def test_no_retries() -> None:
    """Zero retries are none."""
    run = drive(refusal(500), num_retries=0)
    with pytest.raises(errors.InternalServerError):
        run.run()
    assert len(run.sent) == 1


def test_the_same_idempotency_key_for_every_try() -> None:
    """A repeated request has the key of the first; another deployment has its own."""
    run = drive(refusal(500), refusal(500), answer(), num_retries=1, fallbacks=["openai/gpt-4o"])
    run.run()
    keys = [sent.request.headers["Idempotency-Key"] for sent in run.sent]
    assert keys == ["call_1-0", "call_1-0", "call_1-1"]


def test_no_wait_beyond_the_total_time() -> None:
    """A wait that the call's time does not allow is not begun."""
    run = drive(refusal(429, retry_after="5"), timeout=Timeouts(total=5))
    with pytest.raises(errors.RateLimitError):
        run.run()
    assert run.slept == []


def test_total_time_used_up() -> None:
    """When the time is used up before a request leaves, it does not leave."""
    time = Time()

    def slow_key() -> str:
        time.pass_by(6)
        return "k"

    run = drive(time=time, timeout=Timeouts(total=5), api_key=slow_key)
    with pytest.raises(errors.APITimeoutError, match="5 s were used up") as caught:
        run.run()
    assert run.sent == []
    assert (caught.value.sent, caught.value.provider) == ("no", "openai")
    assert (run.settlement.sent, run.settlement.cost) == ("no", Decimal(0))


def test_time_spent_counts_for_all_legs() -> None:
    """A fallback has what is left of the call's time."""
    time = Time()

    def key() -> str:
        time.pass_by(3)
        return "k"

    run = drive(
        refusal(500), answer(), time=time, timeout=Timeouts(total=10), num_retries=0, api_key=key,
        fallbacks=["openai/gpt-4o"],
    )  # fmt: skip
    run.run()
    assert [sent.deadlines.total for sent in run.sent] == [110.0, 110.0]


# --- fallbacks -----------------------------------------------------------------------------------


def test_fallbacks_in_order() -> None:
    """Each deployment is tried when the one before has failed for good; the answer names its own."""
    run = drive(
        refusal(401), refusal(404), answer(), fallbacks=["groq/openai/gpt-oss-20b", "openai/gpt-4o"]
    )
    made = run.run()
    hosts = [sent.request.url.split("/")[2] for sent in run.sent]
    assert hosts == ["api.openai.com", "api.groq.com", "api.openai.com"]
    assert run.sent[1].request.headers["authorization"].startswith("Bearer gsk-test")
    assert "Idempotency-Key" not in run.sent[1].request.headers
    assert run.names == [
        "CallStarted", "AttemptStarted", "AttemptFailed", "FallingBack", "AttemptStarted", "AttemptFailed",
        "FallingBack", "AttemptStarted", "CallFinished",
    ]  # fmt: skip
    falling = [event for event in run.events if type(event).__name__ == "FallingBack"]
    assert [(f.provider, f.model, f.error.status_code) for f in falling] == [
        ("groq", "openai/gpt-oss-20b", 401),
        ("openai", "gpt-4o", 404),
    ]
    assert (made.call.provider, made.call.model) == ("openai", "gpt-4o")
    assert [(a.number, a.provider) for a in made.call.attempts] == [
        (1, "openai"),
        (2, "groq"),
        (3, "openai"),
    ]
    assert (run.settlement.model, run.settlement.attempts) == ("gpt-4o", 3)


def test_all_deployments_fail() -> None:
    """The last failure is raised, with the attempts of all."""
    run = drive(refusal(500), refusal(503), num_retries=0, fallbacks=["groq/x"])
    with pytest.raises(errors.ServiceUnavailableError) as caught:
        run.run()
    assert [a.provider for a in caught.value.attempts] == ["openai", "groq"]
    assert caught.value.provider == "groq"


def test_a_wrong_request_is_found_before_anything_is_sent() -> None:
    """A mistake in any deployment's request comes to light at once."""
    run = drive(answer(), fallbacks=[{"model": "groq/x", "top_k": 3}])
    with pytest.raises(errors.UnsupportedParamsError):
        run.run()
    assert run.sent == []
    assert run.names == ["CallStarted", "CallFinished"]


def test_a_stream_falls_back_before_its_first_chunk() -> None:
    """An error instead of the first chunk leads to a retry, or to the next deployment."""
    broken = events({"error": {"code": 502, "message": "upstream"}})
    run = drive(broken, broken, STREAM, stream=True, num_retries=1, fallbacks=["groq/x"])
    made = run.run()
    assert (made.text, made.call.provider) == ("hi", "groq")
    assert [a.error for a in made.call.attempts] == ["BadGatewayError", "BadGatewayError", None]


# --- hooks ---------------------------------------------------------------------------------------


class Guard:
    """A guardrail made of two functions."""

    def __init__(self, before: Any = None, after: Any = None) -> None:
        if before is not None:
            self.before_call = before
        if after is not None:
            self.after_call = after


def test_hooks_change_call_and_answer() -> None:
    """A hook's call is what is sent, each hook sees the one before's; its answer is what is returned."""

    def louder(call: Any) -> Any:
        return replace(call, messages=[*call.messages, {"role": "user", "content": "LOUD"}])

    def shorter(call: Any, response: Any) -> ChatCompletion:
        assert call.messages[-1]["content"] == "LOUD"
        return ChatCompletion(id=response.id + "!")

    hooks = [Guard(louder, shorter), Guard(lambda call: None, lambda call, response: None), Guard()]
    run = drive(answer(), job={"hooks": hooks})
    made = run.run()
    assert json.loads(run.sent[0].request.body)["messages"][-1]["content"] == "LOUD"
    assert made.id == "a!"
    # it was paid for as it came
    assert str(run.settlement.cost) == COST


def test_a_hook_refuses_the_call() -> None:
    """A refusal before the call sends nothing and costs nothing."""

    def refuse(call: Any) -> None:
        raise errors.PermissionDeniedError("not here")

    run = drive(job={"hooks": [Guard(refuse)]})
    with pytest.raises(errors.PermissionDeniedError, match="not here"):
        run.run()
    assert run.names == ["CallStarted", "CallFinished"]
    settled = run.settlement
    assert (settled.outcome, settled.sent, settled.cost, settled.cost_status) == (
        "failed",
        "no",
        Decimal(0),
        "none",
    )
    assert settled.error == "PermissionDeniedError 403"


def test_a_hook_refuses_the_answer() -> None:
    """An answer that is refused was still paid for: it is settled as completed, once."""

    def refuse(call: Any, response: Any) -> None:
        raise errors.LLMKitError("unfit")

    run = drive(answer(), job={"hooks": [Guard(None, refuse)]})
    with pytest.raises(errors.LLMKitError, match="unfit"):
        run.run()
    assert (run.settlement.outcome, str(run.settlement.cost)) == ("completed", COST)


class Wanted(BaseModel):
    n: int


def test_wanted_class() -> None:
    """An answer that fits is parsed; one that does not raises, after its settlement."""
    run = drive(answer('{"n": 3}'), response_format=Wanted)
    assert run.run().parsed == Wanted(n=3)
    run = drive(answer('{"n": "x"}'), response_format=Wanted)
    with pytest.raises(errors.JSONSchemaValidationError) as caught:
        run.run()
    assert caught.value.completion.text == '{"n": "x"}'
    assert caught.value.provider == "openai"
    assert run.settlement.outcome == "completed"


# --- streams -------------------------------------------------------------------------------------


def test_stream() -> None:
    """A stream is relayed and settled as its folded answer."""
    run = drive(STREAM, stream=True)
    made = run.run()
    assert (made.text, made.choices[0].finish_reason, str(made.cost.total)) == ("hi", "stop", COST)
    assert run.names == ["CallStarted", "AttemptStarted", "StreamStarted", "CallFinished"]
    assert run.sent[0].decoder is not None
    assert [chunk.text for chunk in run.chunks] == ["h", "i"]
    assert made.call.first_chunk_seconds == 0.0
    assert (run.settlement.stream, run.settlement.request_id) == (True, "r-stream")


@pytest.mark.parametrize(
    ("asked", "counts"),
    [({"include_usage": True}, [1, 1, 1, 0]), (None, [1, 1, 1]), ({}, [1, 1, 1])],
)
@pytest.mark.parametrize("with_finish", [True, False])
def test_usage_chunk(asked: Any, counts: list[int], with_finish: bool) -> None:  # noqa: FBT001 - a table
    """Who asked gets one closing chunk of usage, wherever the host puts the usage; others get none."""
    last = piece(None, "stop", usage=USAGE) if with_finish else {"choices": [], "usage": USAGE}
    ends = [last] if with_finish else [piece(None, "stop"), last]
    pieces = events(piece("h"), piece("i"), *ends, "[DONE]")
    run = drive(pieces, stream=True, stream_options=asked)
    relay = next(
        effect
        for position in range(20)
        if isinstance(effect := run_to(pieces, asked, position), Relay)
    )
    session = relay.session
    for data in relay.opened.handle:
        session.feed(data)
    assert [chunk.text for chunk in session.ready] == ["h", "i"]
    session.release()
    assert [len(chunk.choices) for chunk in session.ready] == counts
    assert not asked or session.ready[-1].usage.total_tokens == 1100
    assert run.job.stream


def run_to(pieces: list[bytes], asked: Any, position: int) -> Any:
    """The effect of this position of a stream's flow."""
    return drive(list(pieces), stream=True, stream_options=asked).reach(position)


def test_error_in_the_middle_of_a_stream() -> None:
    """What came is on the error, it is settled as interrupted, and nothing is tried again."""
    pieces = events(piece("h"), piece("i"), {"error": {"code": 503, "message": f"gone {KEY}"}})
    run = drive(pieces, stream=True, fallbacks=["groq/x"])
    with pytest.raises(errors.ServiceUnavailableError, match="gone") as caught:
        run.run()
    error = caught.value
    assert (error.partial.text, error.provider, error.request_id) == ("hi", "openai", "r-stream")
    assert KEY not in str(error)
    assert len(error.attempts) == 1
    assert len(run.sent) == 1
    settled = run.settlement
    assert (settled.outcome, settled.sent, settled.usage_source) == (
        "interrupted",
        "yes",
        "estimated",
    )
    assert (settled.prompt_tokens, settled.completion_tokens) == (17, 1)
    assert settled.cost_status == "estimated"
    assert run.finished[0].response.text == "hi"


@pytest.mark.parametrize("failure", [errors.APIConnectionError("cut", sent="yes"), None])
def test_stream_that_breaks_off(failure: Exception | None) -> None:
    """A connection that breaks, and bytes that end too early, interrupt the stream."""
    pieces: list[Any] = [*events(piece("h")), *([failure] if failure else [])]
    run = drive(pieces, stream=True)
    with pytest.raises(errors.APIError) as caught:
        run.run()
    assert caught.value.partial.text == "h"
    assert (run.settlement.outcome, run.settlement.cost_status) == ("interrupted", "estimated")


def test_failure_right_behind_the_first_chunks() -> None:
    """A failure that came with the first chunks waits until they are handed over, and is raised once."""
    run = drive(STREAM, stream=True)
    effect = run.reach(0)
    while not isinstance(effect, Relay):
        effect = run._resume(effect)
    gone = errors.BadGatewayError("gone")
    opened = replace(effect.opened, pending=gone)
    session = Session(run.job.legs[0].call, opened, effect.session._account)
    assert [chunk.text for chunk in session.ready] == ["h"]
    with pytest.raises(errors.BadGatewayError):
        session.check()
    session.check()
    assert (session.holding, session.over, session.info.id) == (False, False, "call_1")


def test_patience_with_the_end() -> None:
    """Once the usage is there, the formal end is waited for less long."""
    pieces = events(piece("h"), piece("i", "stop"), {"choices": [], "usage": USAGE})
    run = drive(pieces, stream=True)
    effect = run.reach(0)
    while not isinstance(effect, Relay):
        effect = run._resume(effect)
    session = effect.session
    session.feed(pieces[1])
    before = session.patience
    session.feed(pieces[2])
    assert session.holding
    assert 0 < session.patience < before


def test_several_choices_are_awaited() -> None:
    """The end is held back until every choice has finished."""
    other = {"choices": [{"index": 1, "delta": {"content": "x"}, "finish_reason": "stop"}]}
    pieces = events(piece("h", "stop"), other, {"choices": [], "usage": USAGE}, "[DONE]")
    run = drive(pieces, stream=True, n=2)
    made = run.run()
    assert [c.message.content for c in made.choices] == ["h", "x"]
    assert [chunk.text for chunk in run.chunks] == ["h"]


# --- limits --------------------------------------------------------------------------------------


@pytest.mark.parametrize("sends", [[answer()], [refusal(400)], [refusal(500), answer()]])
def test_limit(sends: list[Any]) -> None:
    """A place is taken once for all attempts, until the call's deadline, and given back once."""
    places = Places()
    run = drive(*sends, job={"limit": places})
    try:
        run.run()
    except errors.APIError:
        assert sends[-1].status == 400
    assert (places.taken, places.returned) == (1, 1)
    acquired = [effect for effect in run.seen if isinstance(effect, Acquire)]
    assert [effect.deadline for effect in acquired] == [100 + 1800]


def test_limit_holds_a_stream_to_its_end() -> None:
    """A stream keeps its place while it is relayed."""
    places = Places()
    run = drive(STREAM, stream=True, job={"limit": places})
    effect = run.reach(0)
    while not isinstance(effect, Relay):
        effect = run._resume(effect)
    assert (places.taken, places.returned) == (1, 0)
    run.flow.close()
    assert (places.taken, places.returned) == (1, 1)


def test_limit_that_is_not_had() -> None:
    """A place that is not had in time fails the call; none is given back."""

    class Full(Places):
        def take(self) -> Any:
            raise errors.APITimeoutError("no place")

    full = Full()
    run = drive(job={"limit": full})
    with pytest.raises(errors.APITimeoutError, match="no place"):
        run.run()
    assert full.returned == 0
    assert (run.settlement.outcome, run.settlement.sent) == ("failed", "no")


# --- mocks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "mock",
    [
        "hello, world",
        {"choices": [{"message": {"content": "hello, world"}}]},
        ChatCompletion.model_validate(
            {"id": "a", "choices": [{"message": {"content": "hello, world"}}]}
        ),
    ],
)
def test_mock(mock: Any, stream: bool) -> None:  # noqa: FBT001 - a table
    """A mocked answer is an answer, streamed too: nobody is asked, and it costs nothing."""
    run = drive(stream=stream, mock_response=mock)
    made = run.run()
    assert made.text == "hello, world"
    assert made.call.mocked
    assert (made.cost.total, made.cost.status) == (Decimal(0), "none")
    settled = run.settlement
    assert (settled.outcome, settled.sent, settled.attempts, settled.cost) == (
        "mocked",
        "no",
        0,
        Decimal(0),
    )
    assert "".join(chunk.text for chunk in run.chunks) == ("hello, world" if stream else "")


def test_mocked_tool_calls_stream() -> None:
    """A mocked tool call is streamed as one."""
    calls = [{"id": "x", "function": {"name": "f", "arguments": "{}"}}] * 2
    mock = {
        "choices": [
            {"message": {"content": None, "tool_calls": calls}, "finish_reason": "tool_calls"}
        ]
    }
    made = drive(stream=True, mock_response=mock).run()
    assert [c.id for c in made.choices[0].message.tool_calls] == ["x", "x"]
    assert made.choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize("mock", [errors.RateLimitError("busy"), ValueError("busy"), RuntimeError])
def test_mocked_failure(mock: Any) -> None:
    """A mocked exception, or its class, is raised as it is."""
    run = drive(mock_response=mock)
    kind = mock if isinstance(mock, type) else type(mock)
    with pytest.raises(kind):
        run.run()
    assert (run.settlement.outcome, run.settlement.error) == (
        "failed",
        kind.__name__ + run_status(mock),
    )


def run_status(mock: Any) -> str:
    """What a settlement adds to an error's name."""
    return " 429" if isinstance(mock, errors.RateLimitError) else ""


def test_mock_of_a_wrong_type() -> None:
    """What cannot be an answer is refused."""
    with pytest.raises(errors.InvalidRequestError, match="mock_response must be"):
        drive(mock_response=7).run()


def test_a_mock_is_not_changed() -> None:
    """The caller's own answer is not what is returned."""
    mock = ChatCompletion.model_validate({"choices": [{"message": {"content": "x"}}]})
    made = drive(mock_response=mock).run()
    assert made is not mock
    assert mock.call is not made.call


# --- endings at every point ----------------------------------------------------------------------

HOOKS = [Guard(lambda call: None, lambda call, response: None)]
SCENARIOS: dict[str, dict[str, Any]] = {
    "answer": {
        "sends": [answer()],
        "job": {"hooks": HOOKS},
        "api_key": lambda: "key-of-a-function",
    },
    "retries": {"sends": [refusal(500), refusal(429, retry_after="1"), answer()]},
    "fallback": {"sends": [refusal(401), answer()], "fallbacks": ["groq/x"]},
    "failure": {"sends": [refusal(400)]},
    "stream": {"sends": [STREAM], "stream": True, "job": {"hooks": HOOKS}},
    "broken": {"sends": [events(piece("h"), {"error": {"code": 502}})], "stream": True},
    "mock": {"mock_response": "x"},
    "mocked stream": {"mock_response": "x", "stream": True},
}


def scenario(name: str) -> tuple[Drive, Places]:
    """A flow of this scenario, under a limit."""
    how = dict(SCENARIOS[name])
    places = Places()
    job = {**how.pop("job", {}), "limit": places}
    return drive(*how.pop("sends", ()), job=job, **how), places


def length(name: str) -> int:
    """How many effects the scenario has."""
    run, _ = scenario(name)
    with contextlib.suppress(errors.APIError):
        run.run()
    return len(run.seen)


POINTS = [(name, position) for name in SCENARIOS for position in range(length(name))]


@pytest.mark.parametrize(("name", "position"), POINTS)
@pytest.mark.parametrize("reason", ["cancelled", "closed"])
def test_cancelled_at_every_point(name: str, position: int, reason: str) -> None:
    """Wherever a call is cancelled, it is settled and told once, only that is still done, and it goes on."""
    run, places = scenario(name)
    cancelled = Cancelled("maybe", reason)
    with pytest.raises(Cancelled) as caught:
        run.interrupt(position, cancelled)
    assert caught.value is cancelled
    assert len(run.stored) == 1
    assert [event.settlement for event in run.finished] == run.stored
    assert run.abandoned == []
    assert places.taken == places.returned
    assert all(isinstance(effect, StoreEffect | Notify) for effect in run.seen[position + 1 :])
    settled_before = any(isinstance(effect, StoreEffect) for effect in run.seen[: position + 1])
    if not settled_before:
        assert run.stored[0].outcome == reason
        # Before a request is ready nothing of the call can have left.
        asked = run.seen[position]
        ready = not isinstance(asked, Consult) or asked.function is not HOOKS[0].before_call
        assert run.stored[0].sent in (("maybe", "yes") if ready else ("no",))
        assert run.finished[0].error is None


@pytest.mark.parametrize(("name", "position"), POINTS)
def test_dropped_at_every_point(name: str, position: int) -> None:
    """Wherever a flow is dropped, it yields nothing more, and its settlement is on the queue if it was not stored."""
    run, places = scenario(name)
    last = run.reach(position)
    seen = len(run.seen)
    run.flow.close()
    assert len(run.seen) == seen
    assert len(run.abandoned) + len(run.stored) == 1
    assert places.taken == places.returned
    told = isinstance(last, Notify) and isinstance(last.event, CallFinished)
    if run.abandoned and not isinstance(last, StoreEffect):
        assert run.abandoned[0].settlement.outcome == "abandoned"
    assert bool(run.stored) == (told or run.finished != [])


@pytest.mark.parametrize(("name", "position"), POINTS)
def test_interrupted_by_ctrl_c_at_every_point(name: str, position: int) -> None:
    """A KeyboardInterrupt that comes into the flow itself is settled like a cancellation."""
    run, places = scenario(name)
    with pytest.raises(KeyboardInterrupt):
        run.interrupt(position, KeyboardInterrupt())
    assert len(run.stored) == 1
    assert len(run.finished) == 1
    assert places.taken == places.returned


def test_cancelled_in_the_middle_of_a_stream() -> None:
    """What came of a stream is in the terminal event of its cancellation, with an estimate."""
    run = drive(STREAM, stream=True)
    effect = run.reach(0)
    while not isinstance(effect, Relay):
        run.seen.append(effect)
        effect = run._resume(effect)
    effect.session.feed(STREAM[1])
    with pytest.raises(Cancelled):
        run._on(lambda: run.flow.throw(Cancelled("yes", "closed")))
    settled = run.stored[0]
    assert (settled.outcome, settled.sent, settled.usage_source) == ("closed", "yes", "estimated")
    assert run.finished[0].response.text == "hi"
    assert settled.cost_status == "estimated"


def test_cancelled_before_anything_left() -> None:
    """A call that is cancelled before its request left costs nothing."""
    run = drive(answer())
    with pytest.raises(Cancelled):
        run.interrupt(1, Cancelled("no"))
    assert (run.stored[0].sent, run.stored[0].cost) == ("no", Decimal(0))


def test_cancelled_while_waiting_for_another_try() -> None:
    """A cancellation between tries keeps what is known of the tries before."""
    run = drive(refusal(500), answer())
    position = 0
    while not isinstance(drive(refusal(500), answer()).reach(position), Sleep):
        position += 1
    with pytest.raises(Cancelled):
        run.interrupt(position, Cancelled("no"))
    assert (run.stored[0].attempts, run.stored[0].sent) == (1, "yes")


class FailingStore(Drive):
    """A drive whose ledger is broken."""

    def _perform(self, effect: Any) -> Any:
        if isinstance(effect, StoreEffect):
            raise RuntimeError("disk full")  # noqa: TRY004 - a failure, not a mistake
        return super()._perform(effect)


@pytest.mark.parametrize("send", [answer(), refusal(400)])
def test_a_store_that_fails(send: HTTPResponse) -> None:
    """A ledger's failure is raised, and the call's end is told all the same."""
    made = drive(send)
    run = FailingStore(made.job, made.time, [send])
    with pytest.raises(RuntimeError, match="disk full"):
        run.run()
    assert len(run.finished) == 1


def test_nothing_of_an_earlier_answer_is_left() -> None:
    """A failure without an answer has no request id and no status, whatever came before."""
    broken = errors.APIConnectionError("gone", sent="maybe")
    run = drive(refusal(500, x_request_id="r1"), broken, num_retries=1)
    with pytest.raises(errors.APIConnectionError) as caught:
        run.run()
    assert (caught.value.request_id, run.settlement.request_id) == (None, None)


def test_estimate_of_an_answer_without_usage() -> None:
    """An answer in one piece that reports no usage is estimated by its own text."""
    run = drive(answer("Hello, how are you?" * 10, usage=None))
    run.run()
    settled = run.settlement
    assert (settled.usage_source, settled.completion_tokens) == ("estimated", 56)


def test_usage_of_a_mock() -> None:
    """A mock's usage is the answer's, streamed too."""
    mock = {"choices": [{"message": {"content": "x"}}], "usage": USAGE}
    for stream in (False, True):
        made = drive(stream=stream, mock_response=mock).run()
        assert made.usage is not None
        assert made.usage.total_tokens == 1100


def test_ledger_of_a_mock() -> None:
    """A mocked call lists what would have been changed."""
    made = drive(mock_response="x", top_k=3, drop_params=True).run()
    assert [a.parameter for a in made.call.ledger] == ["top_k"]


def test_dropped_while_a_cancellation_is_settled() -> None:
    """A flow that is dropped while it answers a cancellation still leaves its settlement."""
    run = drive(answer())
    run.reach(2)
    assert isinstance(run.flow.throw(Cancelled("maybe")), StoreEffect)
    run.flow.close()
    assert [finished.settlement.outcome for finished in run.abandoned] == ["cancelled"]


def test_key_echoed_as_a_request_id() -> None:
    """A key that comes back as a request id is not kept."""
    run = drive(refusal(401, x_request_id=KEY))
    with pytest.raises(errors.AuthenticationError):
        run.run()
    assert KEY not in repr(run.settlement)


def test_a_flow_asks_for_nothing_before_it_is_run() -> None:
    """Making a flow does nothing; it can be dropped without a trace."""
    run = drive(answer())
    flow = perform(run.job)
    flow.close()
    assert run.abandoned == []
    assert isinstance(next(run.flow), Notify)
