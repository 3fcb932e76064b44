"""A second request beside one that takes too long: who wins, what the loser costs, and that nothing of it is left."""

from __future__ import annotations

import gc
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from llmkit import Timeouts, errors
from llmkit._control.routing.hedging import Hedge, Hedging, Latencies
from llmkit.events import AttemptStarted, CallFinished
from llmkit.events import Hedged as Told

from ..io._colour import MESSAGES, MODEL, each_colour
from ..io._server import COUNTED, DONE, HOLD, completion, failure, hello, piece, streamed
from ._pair import pair

if TYPE_CHECKING:
    from ..io._colour import Colour
    from ._pair import Pair

ASK: dict[str, Any] = {"max_tokens": 50}
COST = Decimal("0.00000315")
"""9 tokens in and 3 out, at 0.15 and 0.60 USD for a million."""
SLOW = (0.6, *completion("slow"))


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    """What a first call loads takes longer than these hedges wait."""
    with pair(Hedge(after=30)) as world:
        world.client.completion(model=MODEL, messages=MESSAGES, **ASK)


def bound(world: Pair) -> Decimal:
    """What one attempt of these calls holds."""
    unknown = [entry.usd for entry in world.purse.entries if entry.kind == "unknown"]
    assert len(set(unknown)) == 1
    return unknown[0]


def settled(world: Pair, *outcomes: str) -> None:
    """Each call has one settlement and one last event, and every place is free."""
    assert [s.outcome for s in world.client.ledger.settlements] == list(outcomes)
    assert len(world.seen.of(CallFinished)) == len(outcomes)
    assert world.free()
    assert not world.client.left_over
    assert not [t for t in threading.enumerate() if t.name.startswith("llmkit-race")]


@each_colour
async def test_the_second_wins_and_the_first_is_hung_up_on(colour: Colour) -> None:
    """A deployment that does not answer: another one does, and the first one's socket is closed at once."""
    with pair() as world:
        slow, quick = world.servers
        slow.always(HOLD)
        quick.always(*completion("quick"))
        begun = time.monotonic()
        answer = await colour.call(world.client, **ASK)
        assert time.monotonic() - begun < 2
        assert answer.choices[0].message.content == "quick"
        slow.wait_gone(within=0.5)
        assert [(a.number, a.deployment, a.error) for a in answer.call.attempts] == [
            (1, "d0", "Cancelled"),
            (2, "d1", None),
        ]
        assert answer.call.deployment == "d1"
        assert answer.call.base_url == quick.url
        told = world.seen.of(Told)
        assert [(t.deployment, t.after) for t in told] == [("d1", 0.1)]
        assert [a.number for a in world.seen.of(AttemptStarted)] == [1, 2]
        # Nobody knows what the first has cost: as much as was held for it.
        world.purse.check(bound(world) + COST, ["unknown", "settle"])
        assert answer.cost.total == COST
        settled(world, "completed")
        await colour.close(world.client)


@each_colour
async def test_the_first_wins_in_time(colour: Colour) -> None:
    """A deployment that answers before its time is up has nobody beside it."""
    with pair(Hedge(after=5)) as world:
        answer = await colour.call(world.client, **ASK)
        assert [a.deployment for a in answer.call.attempts] == ["d0"]
        assert not world.servers[1].requests
        world.purse.check(COST, ["settle"])
        settled(world, "completed")
        await colour.close(world.client)


@each_colour
async def test_the_first_wins_after_all(colour: Colour) -> None:
    """The first one answers while the second still thinks: the second is hung up on."""
    with pair() as world:
        first, second = world.servers
        first.always(0.3, *completion("first"))
        second.always(HOLD)
        answer = await colour.call(world.client, **ASK)
        assert answer.choices[0].message.content == "first"
        second.wait_gone(within=0.5)
        assert [(a.number, a.error) for a in answer.call.attempts] == [(1, None), (2, "Cancelled")]
        assert answer.call.deployment == "d0"
        world.purse.check(bound(world) + COST, ["unknown", "settle"])
        settled(world, "completed")
        await colour.close(world.client)


@each_colour
async def test_a_stream_is_won_by_its_first_chunk(colour: Colour) -> None:
    """A head is no answer: who brings the first chunk wins, and the rest comes from there."""
    with pair() as world:
        slow, quick = world.servers
        slow.always(*streamed(HOLD, end=False))
        quick.always(*hello())
        chunks, stream = await colour.read(world.client, **ASK)
        assert "".join(c.choices[0].delta.content or "" for c in chunks) == "Hello there"
        slow.wait_gone(within=0.5)
        assert [a.error for a in stream.call.attempts] == ["Cancelled", None]
        world.purse.check(bound(world) + COST, ["unknown", "settle"])
        settled(world, "completed")
        await colour.close(world.client)


@each_colour
async def test_a_failure_before_the_hedge_is_not_waited_out(colour: Colour) -> None:
    """Who fails at once is not hedged: the flow goes on to the next, under an attempt of its own."""
    with pair(Hedge(after=30)) as world:
        world.servers[0].always(*failure(500))
        begun = time.monotonic()
        answer = await colour.call(world.client, **ASK)
        assert time.monotonic() - begun < 2
        assert [(a.number, a.status_code) for a in answer.call.attempts] == [(1, 500), (2, 200)]
        assert not world.seen.of(Told)
        world.purse.check(COST, ["release", "settle"])
        settled(world, "completed")
        await colour.close(world.client)


@each_colour
async def test_both_fail(colour: Colour) -> None:
    """Where both fail the call does, as the first has, and both are in the error and in the budget."""
    with pair() as world:
        world.servers[0].always(0.25, *failure(503, "first"))
        world.servers[1].always(0.01, *failure(400, "second"))
        with pytest.raises(errors.APIStatusError, match="first") as caught:
            await colour.call(world.client, **ASK)
        assert [(a.number, a.status_code) for a in caught.value.attempts] == [(1, 503), (2, 400)]
        world.purse.check(0, ["release", "release"])
        settled(world, "failed")
        await colour.close(world.client)
        error = caught.value
        del caught
        gc.collect()
        assert error.attempts


@each_colour
async def test_the_hedge_fails_and_the_first_answers(colour: Colour) -> None:
    """A second one that fails at once leaves the first one its time."""
    with pair() as world:
        world.servers[0].always(0.3, *completion("first"))
        world.servers[1].always(*failure(429))
        answer = await colour.call(world.client, **ASK)
        assert answer.choices[0].message.content == "first"
        assert [(a.number, a.error) for a in answer.call.attempts] == [
            (1, None),
            (2, "RateLimitError"),
        ]
        world.purse.check(COST, ["release", "settle"])
        settled(world, "completed")
        await colour.close(world.client)


@each_colour
async def test_the_first_fails_while_the_second_is_asked(colour: Colour) -> None:
    """A first one that fails late leaves the second one its time, too."""
    with pair() as world:
        world.servers[0].always(0.2, *failure(500))
        world.servers[1].always(0.3, *completion("second"))
        answer = await colour.call(world.client, **ASK)
        assert answer.choices[0].message.content == "second"
        assert [a.status_code for a in answer.call.attempts] == [500, 200]
        world.purse.check(COST, ["release", "settle"])
        settled(world, "completed")
        await colour.close(world.client)


@each_colour
async def test_nobody_else_is_there(colour: Colour) -> None:
    """With nobody to ask beside it, the first has all its time."""
    with pair(servers=1) as world:
        world.servers[0].always(*SLOW)
        answer = await colour.call(world.client, **ASK)
        assert answer.choices[0].message.content == "slow"
        world.purse.check(COST, ["settle"])
        settled(world, "completed")
        await colour.close(world.client)


@each_colour
async def test_more_than_one_beside(colour: Colour) -> None:
    """``most`` says how many: the third answers where the first two are silent."""
    with pair(Hedge(after=0.05, most=2), servers=3) as world:
        world.servers[0].always(HOLD)
        world.servers[1].always(HOLD)
        answer = await colour.call(world.client, **ASK)
        assert [a.error for a in answer.call.attempts] == ["Cancelled", "Cancelled", None]
        for server in world.servers[:2]:
            server.wait_gone(within=0.5)
        world.purse.check(2 * bound(world) + COST, ["unknown", "unknown", "settle"])
        settled(world, "completed")
        await colour.close(world.client)


@each_colour
async def test_the_time_is_up_for_both(colour: Colour) -> None:
    """A total that ends both: one failure, two holds that become spend, no socket left."""
    with pair() as world:
        for server in world.servers:
            server.always(HOLD)
        with pytest.raises(errors.APITimeoutError) as caught:
            await colour.call(world.client, **ASK, timeout=Timeouts(total=0.4))
        assert len(caught.value.attempts) == 2
        for server in world.servers:
            server.wait_gone(within=0.5)
        world.purse.check(2 * bound(world), ["unknown", "unknown"])
        settled(world, "failed")
        await colour.close(world.client)


@each_colour
async def test_a_stream_that_was_won_is_closed_early(colour: Colour) -> None:
    """Closing a hedged stream settles once, and closes what is left of it."""
    with pair() as world:
        slow, quick = world.servers
        slow.always(HOLD)
        quick.always(*streamed(piece("Hel"), HOLD, end=False))
        stream = await colour.open(world.client, **ASK)
        await anext(stream)
        await stream.aclose()
        slow.wait_gone()
        quick.wait_gone()
        world.purse.check(2 * bound(world), ["unknown", "unknown"])
        settled(world, "closed")
        await colour.close(world.client)


@each_colour
async def test_a_stream_that_was_won_is_dropped(colour: Colour) -> None:
    """Letting go of a hedged stream leaves its settlement to the next call, once."""
    with pair() as world:
        slow, quick = world.servers
        slow.script([HOLD])
        quick.script(streamed(piece("Hel"), HOLD, end=False), [*completion()])
        stream = await colour.open(world.client, **ASK)
        await anext(stream)
        del stream
        gc.collect()
        await colour.call(world.client, **ASK)
        quick.wait_gone(0)
        settled(world, "abandoned", "completed")
        world.purse.check(2 * bound(world) + COST)
        await colour.close(world.client)


@each_colour
async def test_after_what_most_answers_take(colour: Colour) -> None:
    """Without a stated time, the slow ones of what was seen say when; before there are enough, nobody is asked."""
    with pair(Hedge(observations=5, least=0.05)) as world:
        slow, quick = world.servers
        for _ in range(5):
            await colour.call(world.client, **ASK)
        assert not quick.requests
        slow.always(HOLD)
        answer = await colour.call(world.client, **ASK)
        assert answer.call.deployment == "d1"
        assert 0.05 <= world.seen.of(Told)[0].after < 1
        # A stream's time is another one: nobody has seen one yet.
        slow.always(0.3, *streamed(piece("Hi"), piece(finish="stop") + COUNTED + DONE))
        _, stream = await colour.read(world.client, **ASK)
        assert stream.call.deployment == "d0"
        await colour.close(world.client)


def test_a_loser_that_cannot_be_woken_keeps_nobody_waiting() -> None:
    """A first one that hangs in connecting: the answer does not wait for it, and it never sends anything."""
    with pair() as world, full() as (address, make_room):
        world.client.urls[0] = address
        begun = time.monotonic()
        answer = world.client.completion(model=MODEL, messages=MESSAGES, **ASK)
        assert time.monotonic() - begun < 1
        assert answer.call.deployment == "d1"
        received = make_room()
        for thread in threading.enumerate():
            if thread.name.startswith("llmkit-race"):
                thread.join(5)
        assert received() == b""
        assert [(a.deployment, a.error, a.sent) for a in answer.call.attempts] == [
            ("d1", None, "yes"),
            ("d0", "Cancelled", "no"),
        ]
        world.client.close()
        world.purse.manager.catch_up()
        world.purse.check(COST)
        # Its place was still taken when the call had ended.
        world.client.left_over -= 1
        settled(world, "completed")


@contextmanager
def full() -> Iterator[tuple[str, Callable[[], Callable[[], bytes]]]]:
    """An address where connecting hangs, and what lets it go on; that returns what tells what was received then."""
    with socket.socket() as listener, ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        for _ in range(8):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(address)
        time.sleep(0.05)

        def make_room() -> Callable[[], bytes]:
            got: list[bytes] = []

            def serve() -> None:
                listener.settimeout(1.5)
                with suppress(OSError):
                    while True:
                        connection, _ = listener.accept()
                        with connection:
                            connection.settimeout(0.2)
                            with suppress(OSError):
                                got.append(connection.recv(10))

            thread = threading.Thread(target=serve)
            thread.start()

            def received() -> bytes:
                thread.join()
                return b"".join(got)

            return received

        yield f"http://127.0.0.1:{address[1]}/v1", make_room


def test_quantiles_are_of_the_latest() -> None:
    """The least value that so many of the latest do not exceed; what is old is forgotten."""
    seen = Latencies()
    for number in range(1, 101):
        seen.add(float(number))
    assert (seen.quantile(0.95), seen.quantile(0.5), seen.quantile(0.999)) == (95, 50, 100)
    for _ in range(200):
        seen.add(7.0)
    assert (len(seen), seen.quantile(0.95)) == (200, 7.0)


def test_a_deployment_that_is_gone_is_forgotten() -> None:
    """Its times are those of another one, should its name come again."""
    hedging, job = (
        Hedging(Hedge(observations=1)),
        cast("Any", SimpleNamespace(kind="chat", stream=False)),
    )
    for name in ("a", "b"):
        hedging.observed(name, job, 1.5)
    hedging.forget("a")
    assert hedging.after("a", job) is None
    assert hedging.after("b", job) == 1.5


@pytest.mark.parametrize(
    "given",
    [
        {"after": -1},
        {"after": "soon"},
        {"quantile": 95},
        {"observations": 0},
        {"most": 0},
        {"least": -1},
        {"quantil": 0.9},
        "yes",
        3,
    ],
)
def test_what_cannot_be_a_hedge(given: Any) -> None:
    """A mistake is named, with what it can be."""
    with pytest.raises(errors.ConfigurationError, match="hedge"):
        Hedge.of(given)


def test_what_can_be_a_hedge() -> None:
    """``True`` is one as it is, a mapping has its fields."""
    assert Hedge.of(None) is None
    assert Hedge.of(False) is None
    assert Hedge.of(True) == Hedge()
    assert Hedge.of({"after": 2, "most": 2}) == Hedge(after=2, most=2)
    assert Hedge.of(Hedge(quantile=0.9)) == Hedge(quantile=0.9)
