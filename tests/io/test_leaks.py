"""Nothing is left behind: sockets, threads, tasks, pools and memory go back to where they were."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import re
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest

import llmkit
from llmkit import errors

from ._colour import KEY, MESSAGES, MODEL, Colour, each_colour
from ._server import HOLD, RESET, completion, hello, piece, streamed

if TYPE_CHECKING:
    from ._server import Server

pytestmark = pytest.mark.usefixtures("own_transport")
FILES = Path("/proc/self/fd")
ASK: dict[str, Any] = {"model": MODEL, "messages": MESSAGES, "num_retries": 0}
LOOPS = pytest.mark.parametrize("loop", ["asyncio", "trio"])


def sockets() -> int:
    """How many sockets of clients this process has open (the server's own peers are the other halves)."""
    count = 0
    for entry in FILES.iterdir():
        with contextlib.suppress(OSError):
            count += str(entry.readlink()).startswith("socket:")
    return count


def own_threads() -> int:
    """How many threads of the library's there are."""
    return sum(thread.name.startswith("llmkit") for thread in threading.enumerate())


linux = pytest.mark.skipif(not FILES.is_dir(), reason="counts files in /proc")


def settles(count: Any, expected: int) -> None:
    """Wait until a count has come down to what it was."""
    until = time.monotonic() + 3
    while count() > expected and time.monotonic() < until:
        time.sleep(0.01)
    assert count() <= expected


async def completed(colour: Colour, server: Server, client: Any) -> None:
    """A call and a stream, read to their ends."""
    server.script(completion(), hello())
    await colour.call(client)
    await colour.read(client)


async def closed(colour: Colour, server: Server, client: Any) -> None:
    """A stream, closed early."""
    server.script(streamed(piece("x"), HOLD, end=False))
    stream = await colour.open(client)
    await anext(stream)
    await stream.aclose()


async def dropped(colour: Colour, server: Server, client: Any) -> None:
    """A stream, let go of."""
    server.script(streamed(piece("x"), HOLD, end=False))
    await colour.open(client)


async def broken(colour: Colour, server: Server, client: Any) -> None:
    """A stream and a call whose connections are reset."""
    server.script(streamed(piece("x"), RESET, end=False), [RESET])
    for stream in (True, False):
        with contextlib.suppress(errors.APIError):
            await colour.ask(client, stream=stream)


@linux
@pytest.mark.parametrize("way", [completed, closed, dropped, broken])
@each_colour
async def test_a_hundred_of_each(colour: Colour, server: Server, client: Any, way: Any) -> None:
    """After a hundred calls and streams ended in one way, no socket and no thread is more than before."""
    await completed(colour, server, client)
    gc.collect()
    threads, open_before = own_threads(), sockets()
    for _ in range(100):
        await way(colour, server, client)
        await colour.sleep(0)
    gc.collect()
    await colour.sleep(0.05)
    # The server's half of each connection is a socket of this process, too; one pair may be kept alive.
    settles(sockets, open_before + 2)
    await colour.close(client)
    settles(sockets, open_before)
    settles(own_threads, threads)
    assert all(s.outcome for s in client.ledger.settlements)
    assert len(client.ledger.settlements) >= 101


@linux
@LOOPS
def test_cancelled_calls_leave_no_sockets(server: Server, client: Any, loop: str) -> None:
    """Sixty cancelled calls, at different moments, leave no socket and no task."""
    server.default = [0.01, *hello()]

    async def main() -> None:
        for turn in range(60):
            with anyio.move_on_after(0.0005 * turn):
                async for _ in await client.acompletion(**ASK, stream=True):
                    pass
        await anyio.sleep(0.05)
        gc.collect()
        if loop == "asyncio":
            assert len(asyncio.all_tasks()) == 1
        await client.aclose()

    before = sockets()
    anyio.run(main, backend=loop)
    settles(sockets, before)
    assert len(client.ledger.settlements) >= 50


@LOOPS
def test_loops_do_not_accumulate(server: Server, client: Any, loop: str) -> None:
    """Each run has a pool of its own, which is closed and forgotten at its end."""

    async def main() -> int:
        await client.acompletion(**ASK)
        await client.acompletion(**ASK)
        return len(client._loops._pools)

    for _ in range(20):
        assert anyio.run(main, backend=loop) == 1
    assert len(client._loops._pools) == 0
    assert len(server.peers) == 20
    for number in range(20):
        server.wait_gone(number)


def test_a_closed_loop_is_forgotten(server: Server, client: Any) -> None:
    """Loops that end without closing what they track are forgotten when the next one comes."""
    for _ in range(3):
        loop = asyncio.new_event_loop()
        loop.run_until_complete(client.acompletion(**ASK))
        loop.run_until_complete(client.aclose())
        loop.run_until_complete(client.acompletion(**ASK, mock_response="x"))
        loop.close()
    assert len(client._loops._pools) == 1
    assert len(client.ledger.settlements) == 6


@LOOPS
def test_a_client_that_is_let_go_of_within_a_loop(server: Server, loop: str) -> None:
    """A client's connections are closed when it is freed, while its loop goes on."""

    async def main() -> None:
        client = llmkit.Client(api_key=KEY, base_url=server.url)
        await client.acompletion(**ASK)
        gone = weakref.ref(client)
        del client
        gc.collect()
        assert gone() is None
        await anyio.sleep(0.1)
        server.wait_gone(0, within=1)

    anyio.run(main, backend=loop)


@LOOPS
def test_a_client_that_ends_with_its_run(server: Server, loop: str) -> None:
    """Clients that nobody closes, one freed just before the run ends and one with it, end without a word."""

    async def main() -> None:
        clients = [llmkit.Client(api_key=KEY, base_url=server.url) for _ in range(2)]
        for client in clients:
            await client.acompletion(**ASK)
        del client
        clients.pop()

    for _ in range(10):
        anyio.run(main, backend=loop)
    gc.collect()
    for number in range(20):
        server.wait_gone(number, within=1)


@LOOPS
def test_a_client_freed_by_the_collector_within_a_run(server: Server, loop: str) -> None:
    """A client that is part of a cycle is closed by the collector, without a warning."""

    async def main() -> None:
        cycle: list[Any] = [llmkit.Client(api_key=KEY, base_url=server.url)]
        cycle.append(cycle)
        await cycle[0].acompletion(**ASK)
        del cycle
        gc.collect()
        await anyio.sleep(0.05)
        server.wait_gone(0, within=1)

    anyio.run(main, backend=loop)
    gc.collect()


def test_a_sync_client_that_is_let_go_of(server: Server) -> None:
    """A client's connections are closed when it is freed."""
    client = llmkit.Client(api_key=KEY, base_url=server.url)
    client.completion(**ASK)
    gone = weakref.ref(client)
    del client
    assert gone() is None
    server.wait_gone(0, within=1)


def test_chat_keeps_no_cycle(server: Server) -> None:
    """The openai-like face does not keep a client from being freed at once."""
    client = llmkit.Client(api_key=KEY, base_url=server.url)
    client.chat.completions.create(model=MODEL, messages=MESSAGES)
    gone = weakref.ref(client)
    gc.disable()
    try:
        del client
        assert gone() is None
    finally:
        gc.enable()


@each_colour
async def test_a_stream_dropped_with_its_client_is_settled(
    colour: Colour, server: Server, client: Any
) -> None:
    """A stream and its client, let go of together: the next call of any client settles it."""
    told: list[Any] = []
    server.script(streamed(piece("x"), HOLD, end=False))
    stream = await colour.open(
        llmkit.Client(api_key=KEY, base_url=server.url, callbacks=[told.append])
    )
    del stream
    gc.collect()
    await colour.call(client)
    assert [type(e).__name__ for e in told].count("CallFinished") == 1
    assert told[-1].settlement.outcome == "abandoned"


@pytest.mark.parametrize("own_transport", ["httpx"], indirect=True)
def test_a_collector_within_the_pool(server: Server, client: Any) -> None:
    """A stream that is collected while this thread is inside httpx's pool of ours waits for no lock of its own."""
    server.script(streamed(piece("x"), HOLD, end=False))
    streams = [client.completion(**ASK, stream=True)]

    def drops(event: Any) -> None:
        streams.clear()

    [pool] = client._transports._made.values()
    limit = pool._connections.limit
    original = limit._enter

    def collects(*args: Any) -> bool:
        # The limit holds its lock: the collector may well run.
        with limit._lock:
            drops(None)
            return bool(original(*args))

    limit._enter = collects
    worker = threading.Thread(target=lambda: client.completion(**ASK), daemon=True)
    worker.start()
    worker.join(5)
    assert not worker.is_alive(), "deadlock"
    server.wait_gone(0, within=1)


def run(
    script: str, *arguments: str, flags: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a program of its own."""
    done = subprocess.run(
        [sys.executable, "-W", "error", *flags, "-c", textwrap.dedent(script), *arguments],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    # In its debug mode asyncio reports every step of over 0.1 s: on a busy machine, that is anything.
    done.stderr = re.sub(r"(?m)^Executing .* took [\d.]+ seconds\n", "", done.stderr)
    return done


PRELUDE = """
import sys, asyncio, llmkit
class Ledger(llmkit.MemoryLedger):
    def perform(self, operation):
        print("settled", operation.settlement.outcome, flush=True)
        return super().perform(operation)
def told(event):
    if type(event).__name__ == "CallFinished":
        print("told", event.settlement.outcome, flush=True)
client = llmkit.Client(api_key="test-key-0123456789", base_url=sys.argv[1], ledger=Ledger(), callbacks=[told])
ask = dict(model="openai/gpt-4o-mini", messages=[{"role": "user", "content": "hi"}])
"""


def test_exit_with_an_open_stream(server: Server) -> None:
    """A program that ends with a stream half read exits cleanly, and the call is settled once."""
    server.script(streamed(piece("x"), HOLD, end=False))
    done = run(
        PRELUDE + "stream = client.completion(**ask, stream=True)\nnext(stream)\n", server.url
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["settled abandoned", "told abandoned"]


@LOOPS
def test_exit_with_an_open_async_stream(server: Server, loop: str) -> None:
    """So does one whose loop has ended with a stream half read."""
    server.script(streamed(piece("x"), HOLD, end=False))
    script = (
        PRELUDE
        + f"""
import anyio
async def main():
    global stream
    stream = await client.acompletion(**ask, stream=True)
    await anext(stream)
anyio.run(main, backend="{loop}")
print("ended")
"""
    )
    done = run(script, server.url)
    assert done.returncode == 0
    assert done.stdout.splitlines() == ["ended", "settled abandoned", "told abandoned"]
    assert done.stderr == ""


@LOOPS
def test_no_warning_at_the_end_of_a_run(server: Server, loop: str) -> None:
    """Calls, streams and a client that is never closed: a run ends without a word."""
    server.script(completion(), hello(), streamed(piece("x"), HOLD, end=False), completion())
    script = (
        PRELUDE
        + f"""
import anyio, gc
async def main():
    await client.acompletion(**ask)
    async for chunk in await client.acompletion(**ask, stream=True): pass
    async for chunk in await client.acompletion(**ask, stream=True): break
    await llmkit.Client(api_key="test-key-0123456789", base_url=sys.argv[1]).acompletion(**ask)
anyio.run(main, backend="{loop}")
gc.collect()
"""
    )
    done = run(script, server.url, flags=("-X", "dev"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("settled") == 3


def test_the_modules_own_client_is_closed_at_exit(server: Server) -> None:
    """The functions need no closing: the process ends without a warning."""
    script = """
    import os, sys, asyncio
    os.environ["OPENAI_API_KEY"], os.environ["OPENAI_BASE_URL"] = "test-key-0123456789", sys.argv[1]
    import llmkit
    ask = dict(model="openai/gpt-4o-mini", messages=[{"role": "user", "content": "hi"}])
    print(llmkit.completion(**ask).choices[0].message.content)
    print(asyncio.run(llmkit.acompletion(**ask)).choices[0].message.content)
    assert llmkit.default_client() is llmkit.default_client()
    print(len(llmkit.default_client().ledger.settlements))
    """
    done = run(script, server.url, flags=("-X", "dev"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split("\n")[:3] == ["Hello there", "Hello there", "2"]


def test_closing_a_client_and_using_it_again(server: Server, client: Any) -> None:
    """close() closes what is idle; the next call opens anew."""
    client.completion(**ASK)
    client.close()
    server.wait_gone(0, within=1)
    client.completion(**ASK)
    assert len(server.peers) == 2


def test_the_ledger_keeps_the_latest(server: Server) -> None:
    """A long-running process's ledger does not grow; its totals count all."""
    ledger = llmkit.MemoryLedger(keep=5)
    with llmkit.Client(api_key=KEY, base_url=server.url, ledger=ledger) as client:
        for _ in range(12):
            client.completion(**ASK)
    assert len(ledger.settlements) == 5
    assert [t.calls for t in ledger.totals.values()] == [12]
