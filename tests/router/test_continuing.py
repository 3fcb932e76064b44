"""A stream that broke goes on elsewhere, in the same object: what is asked there, what it costs, when it does not."""

from __future__ import annotations

import gc
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from llmkit import Timeouts, errors
from llmkit._call import ChatCall
from llmkit._control.routing.continuing import continued
from llmkit._control.routing.hedging import Hedge
from llmkit.events import CallFinished, StreamStarted
from llmkit.events import Continued as Told
from llmkit.providers import get

from ..io._colour import MESSAGES, collect, each_colour, text_of
from ..io._server import CLOSE, END, HOLD, RESET, event, failure, piece, streamed
from ._pair import pair

if TYPE_CHECKING:
    from ..io._colour import Colour

ASK: dict[str, Any] = {"max_tokens": 50}
NEVER = Hedge(after=30)
BROKEN = streamed(piece("Hel"), piece("lo, "), RESET, end=False)
REST = streamed(piece("wor"), piece("ld"), END, model="other")
COST = Decimal("0.00000315")
BREAKS: dict[str, Any] = {
    "reset": BROKEN,
    "closed": streamed(piece("Hel"), piece("lo, "), CLOSE, end=False),
    "ended too early": streamed(piece("Hel"), piece("lo, ")),
    "an error within": streamed(
        piece("Hel"), piece("lo, "), event({"error": {"message": "busy", "type": "server_error"}})
    ),
}


@pytest.mark.parametrize("how", BREAKS)
@each_colour
async def test_another_writes_on(colour: Colour, how: str) -> None:
    """The reader sees one stream: one id, one role, one end, and the whole text in the answer."""
    with pair(NEVER) as world:
        world.servers[0].always(*BREAKS[how])
        world.servers[1].always(*REST)
        chunks, stream = await colour.read(world.client, **ASK)
        assert text_of(chunks) == "Hello, world"
        assert stream.response.choices[0].message.content == "Hello, world"
        assert stream.response.choices[0].finish_reason == "stop"
        assert len({chunk.id for chunk in chunks}) == 1
        assert [c.choices[0].delta.role for c in chunks if c.choices].count("assistant") == 2
        call = stream.call
        assert call.deployment == "d1"
        first, second = call.attempts
        assert (first.deployment, second.deployment, second.error) == ("d0", "d1", None)
        assert first.error is not None
        told = world.seen.of(Told)
        assert [t.deployment for t in told] == ["d1"]
        assert isinstance(told[0].error, errors.APIError)
        assert len(world.seen.of(StreamStarted)) == len(world.seen.of(CallFinished)) == 1
        assert [s.outcome for s in world.client.ledger.settlements] == ["completed"]
        assert world.free()
        await colour.close(world.client)


@each_colour
async def test_what_is_asked_and_what_it_costs(colour: Colour) -> None:
    """The second is told what was said, and to go on; both are paid for, the first as a guess, and held for."""
    with pair(NEVER) as world:
        world.servers[0].always(*BROKEN)
        world.servers[1].always(*REST)
        _, stream = await colour.read(world.client, **ASK)
        asked = world.servers[1].requests[0].json()
        assert asked["messages"][:2] == [*MESSAGES, {"role": "assistant", "content": "Hello, "}]
        assert asked["messages"][2]["role"] == "user"
        assert "cut off" in asked["messages"][2]["content"]
        limit = asked.get("max_tokens") or asked["max_completion_tokens"]
        assert 40 <= limit < 50
        changes = {c.parameter: c for c in stream.call.ledger}
        assert changes["messages"].change == "emulated"
        assert "after 7 characters" in changes["messages"].reason
        usage, cost = stream.usage, stream.cost
        # 9 in and 3 out are what the second one said.
        assert usage.prompt_tokens > 9
        assert usage.completion_tokens > 3
        assert cost.status == "estimated"
        assert cost.total > COST
        settlement = world.client.ledger.settlements[0]
        assert (settlement.cost, settlement.usage_source) == (cost.total, "estimated")
        assert settlement.completion_tokens == usage.completion_tokens
        unknown, settled = world.purse.entries
        assert (unknown.kind, settled.kind, settled.usd) == ("unknown", "settle", COST)
        world.purse.check(unknown.usd + COST)
        await colour.close(world.client)


@each_colour
async def test_it_breaks_again_and_again(colour: Colour) -> None:
    """A third one writes on from both; what all of them used is added up."""
    with pair(NEVER, servers=3) as world:
        world.servers[0].always(*streamed(piece("a "), RESET, end=False))
        world.servers[1].always(*streamed(piece("b "), RESET, end=False))
        world.servers[2].always(*streamed(piece("c"), END))
        chunks, stream = await colour.read(world.client, **ASK)
        assert text_of(chunks) == "a b c"
        asked = world.servers[2].requests[0].json()
        assert asked["messages"][1]["content"] == "a b "
        assert len(asked["messages"]) == 3
        assert [a.error is None for a in stream.call.attempts] == [False, False, True]
        assert stream.usage.completion_tokens >= 3 + 2
        world.purse.check(kinds=["unknown", "unknown", "settle"])
        await colour.close(world.client)


@each_colour
async def test_nobody_can_write_on(colour: Colour) -> None:
    """What broke it is raised, as it is, and the answer is what has come."""
    with pair(NEVER) as world:
        world.servers[0].always(*BROKEN)
        world.servers[1].always(*failure(500))
        stream = await colour.open(world.client, **ASK)
        chunks: list[Any] = []
        with pytest.raises(errors.StreamInterruptedError) as caught:
            await collect(stream, chunks)
        assert text_of(chunks) == "Hello, "
        assert caught.value.partial.choices[0].message.content == "Hello, "
        assert [a.deployment for a in caught.value.attempts] == ["d0", "d1"]
        assert stream.call.deployment == "d0"
        assert [s.outcome for s in world.client.ledger.settlements] == ["interrupted"]
        world.purse.check(kinds=["unknown", "release"])
        assert world.free()
        error = caught.value
        del caught, stream
        gc.collect()
        assert error.attempts
        await colour.close(world.client)


TOOL = {"index": 0, "id": "t1", "function": {"name": "f", "arguments": "{"}}


@pytest.mark.parametrize(
    ("params", "first"),
    [
        ({"response_format": {"type": "json_object"}}, BROKEN),
        ({"n": 2}, BROKEN),
        (
            {},
            streamed(
                event({
                    "id": "c", "created": 1, "model": "m", "object": "chat.completion.chunk",
                    "choices": [{"index": 0, "delta": {"tool_calls": [TOOL]}, "finish_reason": None}],
                }),
                RESET,
                end=False,
            ),
        ),
        ({}, streamed(piece("no"), event({"error": {"message": "x", "code": "content_filter", "status": 400}}))),
    ],
    ids=["structured", "two answers", "a tool call", "refused"],
)  # fmt: skip
@each_colour
async def test_what_is_no_text_does_not_go_on(
    colour: Colour, params: dict[str, Any], first: Any
) -> None:
    """Structured output, several answers, tools under way, refusals: what broke it is raised, nobody is asked."""
    with pair(NEVER) as world:
        world.servers[0].always(*first)
        stream = await colour.open(world.client, **ASK, **params)
        with pytest.raises(errors.APIError):
            await collect(stream, [])
        assert not world.servers[1].requests
        assert not world.seen.of(Told)
        world.purse.check()
        await colour.close(world.client)


@each_colour
async def test_closed_and_dropped_after_it_went_on(colour: Colour) -> None:
    """The second one's socket is closed at once, and both are settled, once."""
    with pair(NEVER) as world:
        world.servers[0].always(*BROKEN)
        world.servers[1].always(*streamed(piece("wor"), HOLD, end=False))
        for number in range(2):
            stream = await colour.open(world.client, **ASK)
            text = ""
            while "wor" not in text:
                text += (await anext(stream)).choices[0].delta.content
            if number == 0:
                await stream.aclose()
                assert stream.response.choices[0].message.content == "Hello, wor"
            del stream
            gc.collect()
            world.servers[1].wait_gone(number)
        await colour.close(world.client)
        assert [s.outcome for s in world.client.ledger.settlements] == ["closed", "abandoned"]
        world.purse.manager.catch_up()
        world.purse.check(kinds=["unknown"] * 4)
        assert world.free()


@each_colour
async def test_a_stall_goes_on_elsewhere(colour: Colour) -> None:
    """A stream that says nothing for longer than it may is one that broke."""
    with pair(NEVER) as world:
        world.servers[0].always(*streamed(piece("Hello, "), HOLD, end=False))
        world.servers[1].always(*REST)
        limits = Timeouts(idle=0.2, total=10)
        chunks, _ = await colour.read(world.client, **ASK, timeout=limits)
        assert text_of(chunks) == "Hello, world"
        world.servers[0].wait_gone()
        await colour.close(world.client)


@each_colour
async def test_usage_that_was_asked_for_is_that_of_both(colour: Colour) -> None:
    """The closing chunk of ``include_usage`` has what both used."""
    with pair(NEVER) as world:
        world.servers[0].always(*BROKEN)
        world.servers[1].always(*REST)
        options = {"stream_options": {"include_usage": True}}
        chunks, stream = await colour.read(world.client, **ASK, **options)
        (last,) = [chunk for chunk in chunks if chunk.usage is not None]
        assert last.usage.completion_tokens == stream.usage.completion_tokens > 3
        assert not last.choices
        await colour.close(world.client)


def test_an_answer_is_begun_where_model_and_wire_go_on_with_it() -> None:
    """A model that is known to take the beginning of its answer gets that; its white space comes again."""
    provider = get("anthropic")
    wire = provider.wire("chat") if hasattr(provider, "wire") else provider.chat
    call = ChatCall(
        "c", "anthropic", "claude-sonnet-4-5", messages=MESSAGES, params={"max_tokens": 9}
    )
    made = continued(call, "Once upon ", 4, "StreamInterruptedError", wire)
    assert made.messages[-1] == {"role": "assistant", "content": "Once upon"}
    assert made.params == {"max_tokens": 5}
    assert [(c.parameter, c.sent) for c in made.adjustments] == [
        ("messages", "begun as the assistant's"),
        ("max_tokens", 5),
    ]
    thinking = ChatCall(
        "c", "anthropic", "claude-sonnet-4-5", messages=MESSAGES, params={"thinking": {}}
    )
    assert continued(thinking, "x", 1, "E", wire).messages[-1]["role"] == "assistant"
    asked = ChatCall(
        "c", "anthropic", "claude-sonnet-4-5", messages=MESSAGES, params={"reasoning_effort": "low"}
    )
    assert continued(asked, "x", 1, "E", wire).messages[-1]["role"] == "user"


def test_nothing_yet_is_asked_anew() -> None:
    """Where no text had come, the same is asked again."""
    call = ChatCall("c", "openai", "gpt-4o-mini", messages=MESSAGES)
    made = continued(call, "  ", 0, "E", None)
    assert made.messages == MESSAGES
    assert made.adjustments[0].sent == "asked again"
