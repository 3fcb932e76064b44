"""What users of other routers complain about, as they meet it: each complaint is a test of its name."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from llmkit import errors
from llmkit.events import CallFinished, Queued
from llmkit.router import Router
from llmkit.stores import MemoryStore
from llmkit.testing import Cut, FrozenClock, Raw

from ..io._colour import Colour, Seen, each_colour, text_of
from ._kit import ASK, answering, deployment, idle, key_of, router

A, B = deployment("a", order=1), deployment("b", order=2, model="openai/gpt-4o")
OTHER = deployment("c", "h", "anthropic/claude-haiku-4-5")


def stream_of(body: str) -> Raw:
    """A stream as a server sends it."""
    return Raw(body, headers={"content-type": "text/event-stream"})


ABNORMAL: dict[str, Any] = {
    "cut before its first chunk": Cut("hello", after=0),
    "ended before its first chunk": Cut("hello", after=0, error=None),
    "stalled before its first chunk": Cut("hello", after=0, error=TimeoutError("stalled")),
    "an error for its first chunk": Cut("hello", after=0, error=500),
    "malformed": stream_of("data: {nonsense\n\n"),
    "empty": stream_of(""),
    "a page in its place": Raw("<html>busy</html>", headers={"content-type": "text/html"}),
}


@pytest.mark.parametrize("how", ABNORMAL)
@each_colour
async def test_73_a_stream_that_ends_abnormally_is_fallen_back_from(
    colour: Colour, how: str
) -> None:
    """However a stream fails before its first chunk, the fallback is tried."""
    made = router(A, OTHER, fallbacks=[{"g": ["h"]}])
    with answering(a=ABNORMAL[how], c="hello") as answers:
        chunks, stream = await colour.read(made, model="g")
    assert text_of(chunks) == "hello"
    assert answers.asked == ["a", "c"]
    assert stream.call.deployment == "c"
    assert idle(made)


BROKEN = Cut("one two three four five six", after=4)


@each_colour
async def test_74_a_stream_that_breaks_is_never_mended_silently(colour: Colour) -> None:
    """After its first chunk it is an error that has what came, unless one has asked for more."""
    made = router(A, B)
    with (
        answering(a=BROKEN, b="never") as answers,
        pytest.raises(errors.StreamInterruptedError) as caught,
    ):
        await colour.read(made, model="g")
    assert caught.value.partial.text
    assert answers.asked == ["a"]
    assert idle(made)


@each_colour
async def test_74_a_stream_that_breaks_is_retried_where_one_asks_for_it(colour: Colour) -> None:
    """With ``continue_streams`` it goes on at another deployment, and says so."""
    made = router(A, B, continue_streams=True)
    with answering(a=BROKEN, b=" the rest") as answers:
        chunks, stream = await colour.read(made, model="g")
    assert text_of(chunks).endswith(" the rest")
    assert answers.asked == ["a", "b"]
    assert [one.deployment for one in stream.call.attempts] == ["a", "b"]
    assert idle(made)


@each_colour
async def test_75_disable_fallbacks_holds_in_the_middle_of_a_stream(colour: Colour) -> None:
    """No other group goes on with a stream whose caller wants none."""
    made = router(A, OTHER, fallbacks=[{"g": ["h"]}], continue_streams=True, num_retries=0)
    with answering(a=BROKEN, c=" the rest") as answers:
        with pytest.raises(errors.StreamInterruptedError):
            await colour.read(made, model="g", disable_fallbacks=True)
        assert answers.asked == ["a"]
    made = router(A, OTHER, fallbacks=[{"g": ["h"]}], continue_streams=True, num_retries=0)
    with answering(a=BROKEN, c=" the rest") as answers:
        await colour.read(made, model="g")
    assert answers.asked == ["a", "c"]


RESPONSE = {
    "id": "r",
    "object": "response",
    "status": "completed",
    "model": "gpt-4o",
    "output": [],
    "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2},
}


def events(*of: dict[str, Any]) -> Raw:
    """A stream of the Responses API."""
    import json

    return stream_of("".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in of))


@each_colour
async def test_76_responses_are_fallen_back_from_while_streaming(colour: Colour) -> None:
    """A stream of the Responses API is routed like any other."""
    whole = events(
        {"type": "response.created", "response": {**RESPONSE, "status": "in_progress"}},
        {"type": "response.completed", "response": RESPONSE},
    )
    made = router(A, B)
    with answering(a=503, b=whole) as answers:
        if colour.is_sync:
            kinds = [one.type for one in made.responses("hi", "g", stream=True)]
        else:
            stream = await made.aresponses("hi", "g", stream=True)
            kinds = [one.type async for one in stream]
    assert kinds[-1] == "response.completed"
    assert answers.asked == ["a", "b"]
    assert idle(made)


def busy(seconds: float) -> Raw:
    """A 429 that says when to come back."""
    return Raw({"error": {"message": "busy"}}, 429, {"retry-after": f"{seconds:g}"})


@each_colour
async def test_77_the_latest_retry_after_is_waited_for(colour: Colour) -> None:
    """Each failure's own Retry-After holds, not the first one's."""
    clock = FrozenClock()
    made = router(deployment("a"), clock=clock, num_retries=3)
    with answering(a=[busy(1), busy(12), "hello"]):
        await colour.call(made, model="g", num_retries=3)
    assert len(clock.slept) == 2
    assert 1 <= clock.slept[0] < 2
    assert 12 <= clock.slept[1] < 14


@each_colour
async def test_78_all_that_cool_down_say_when_to_come_back(colour: Colour) -> None:
    """Where nobody is free and nobody wants to wait, the error says when somebody will be, and who cools down."""
    made = router(A, B, when_busy="raise")
    made.cooldown_deployment("a", 30)
    made.cooldown_deployment("b", 20)
    with (
        answering(a="never", b="never") as answers,
        pytest.raises(errors.RouterRateLimitError) as caught,
    ):
        await colour.call(made, model="g")
    error = caught.value
    assert answers.asked == []
    assert error.retry_after == pytest.approx(20)
    assert error.cooldown_time == error.retry_after
    assert set(error.cooldown_list) == set(error.reasons) == {"a", "b"}
    assert isinstance(error, ValueError)


@each_colour
async def test_79_the_first_that_is_free_is_waited_for(colour: Colour, seen: Seen) -> None:
    """Where all cool down, a call waits for the first of them, and says that it does."""
    clock = FrozenClock()
    made = router(A, B, clock=clock, callbacks=[seen])
    made.cooldown_deployment("a", 30)
    made.cooldown_deployment("b", 20)
    with answering(a="never", b="hello") as answers:
        said = await colour.call(made, model="g")
    assert (said.text, answers.asked) == ("hello", ["b"])
    assert sum(clock.slept) == pytest.approx(20, abs=0.1)
    assert seen.of(Queued)
    assert said.call.attempts[0].waited == pytest.approx(20, abs=0.1)


@pytest.mark.parametrize("limits", [{"rpm": 3}, {"tpm": 30}], ids=["rpm", "tpm"])
def test_80_a_limit_is_not_multiplied_by_the_number_of_replicas(limits: dict[str, int]) -> None:
    """Routers that share a store let together no more out than the deployment takes."""
    store = MemoryStore()
    replicas = [router(deployment("a", **limits), store=store, when_busy="raise") for _ in range(4)]
    went = []

    def ask(made: Router) -> None:
        for _ in range(3):
            try:
                made.completion("g", ASK, max_tokens=5)
                went.append(1)
            except errors.RouterRateLimitError:
                return

    with answering(a="hi"):
        threads = [threading.Thread(target=ask, args=(one,)) for one in replicas]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    assert 1 <= len(went) <= 3


def test_81_limits_hold_without_a_flag() -> None:
    """A router given a store uses it: there is no setting that has to be found, nor one that does nothing."""
    store = MemoryStore()
    one, two = (router(deployment("a", rpm=1), store=store, when_busy="raise") for _ in range(2))
    with answering(a="hello"):
        one.completion("g", ASK)
        with pytest.raises(errors.RouterRateLimitError):
            two.completion("g", ASK)


def test_82_many_routers_tell_each_event_once() -> None:
    """Making routers registers nothing anywhere: the hundredth call is told of once, as the first."""
    seen: list[Any] = []
    many = [router(deployment("a"), callbacks=[seen.append]) for _ in range(40)]
    with answering(a="hello"):
        for one in many:
            one.completion("g", ASK)
    assert sum(isinstance(event, CallFinished) for event in seen) == 40


def test_83_callbacks_are_a_routers_own() -> None:
    """What one router's callbacks are told, another's are not."""
    first, second = Seen(), Seen()
    one, two = router(A, callbacks=[first]), router(A, callbacks=[second])
    with answering(a="hello"):
        one.completion("g", ASK)
    assert len(first.of(CallFinished)) == 1
    assert second == []
    assert two.deployments()[0].state == "well"


def test_84_keys_and_addresses_are_never_mixed_up() -> None:
    """Routers and deployments at the same time: each request has its own deployment's key and address."""
    places = {name: f"https://{name}.example/v1" for name in ("a", "b")}
    routers = [router(deployment(name, base_url=places[name])) for name in places]
    with answering(a="from a", b="from b") as answers:

        def ask(made: Router) -> None:
            for _ in range(20):
                made.completion("g", ASK)

        threads = [threading.Thread(target=ask, args=(one,)) for one in routers * 2]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    assert len(answers.sent) == 80
    for sent in answers.sent:
        name = "a" if key_of("a") in sent.headers["authorization"] else "b"
        assert sent.url.startswith(places[name])


@pytest.mark.parametrize("checks", [True, False])
def test_prompts_that_are_found_too_long_go_where_long_prompts_go(*, checks: bool) -> None:
    """Whether llmkit or the provider finds it: ``context_window_fallbacks`` go before the others."""
    small = deployment("a", model="openai/gpt-4")
    others = deployment("b", "plain", "openai/gpt-4.1"), deployment("c", "long", "openai/gpt-4o")
    how = {"fallbacks": [{"g": ["plain"]}], "context_window_fallbacks": [{"g": ["long"]}]}
    made = router(small, *others, enable_pre_call_checks=checks, **how)
    long = [{"role": "user", "content": "word " * 10_000}]
    with answering(a=errors.ContextWindowExceededError, b="plain", c="long") as answers:
        assert made.completion("g", long).text == "long"
        assert made.completion("g", long, disable_fallbacks=False).call.deployment == "c"
        with pytest.raises((errors.NoDeploymentError, errors.ContextWindowExceededError)):
            made.completion("g", long, disable_fallbacks=True)
    assert set(answers.asked) == ({"c"} if checks else {"a", "c"})
    assert made.route("g", ASK).deployment.id == "a"
    if checks:
        assert made.route("g", long).deployment.id == "c"


def test_prompts_that_are_too_long_for_some_are_not_said_to_be_too_long() -> None:
    """Where somebody could take the call, and fails otherwise, the plain fallbacks are tried."""
    group = deployment("s", model="openai/gpt-4"), deployment("a", model="openai/gpt-4o")
    others = deployment("b", "plain", "openai/gpt-4.1"), deployment("c", "long", "openai/gpt-4.1")
    how = {"fallbacks": [{"g": ["plain"]}], "context_window_fallbacks": [{"g": ["long"]}]}
    made = router(*group, *others, **how)
    made.cooldown_deployment("a", 60)
    with answering(b="plain") as answers:
        made.completion("g", [{"role": "user", "content": "word " * 10_000}])
    assert answers.asked == ["b"]
