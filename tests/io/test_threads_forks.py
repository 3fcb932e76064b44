"""One client in many threads, in several loops, and on both sides of a fork."""

from __future__ import annotations

import asyncio
import copy
import os
import pickle
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import trio

import llmkit

from ._colour import MESSAGES, MODEL
from ._server import HOLD, completion, piece, streamed

if TYPE_CHECKING:
    from ._server import Server

ASK: dict[str, Any] = {"model": MODEL, "messages": MESSAGES, "num_retries": 0}


def test_many_threads(server: Server, client: Any, seen: Any) -> None:
    """Sixteen threads with fifty calls each, streamed and not: all answered, all settled once."""

    def work(number: int) -> list[str]:
        texts = []
        for turn in range(50):
            if (number + turn) % 2:
                texts.append(client.completion(**ASK).choices[0].message.content)
            else:
                with client.completion(**ASK, stream=True) as stream:
                    texts.append(stream.until_done().choices[0].message.content)
        return texts

    server.always(*completion())
    with ThreadPoolExecutor(16) as threads:
        answers = [text for texts in threads.map(work, range(16)) for text in texts]
    assert answers == ["Hello there"] * 800
    settled = client.ledger.settlements
    assert len({s.call_id for s in settled}) == len(settled) == 800
    assert {s.outcome for s in settled} == {"completed"}
    assert len(server.requests) == 800
    assert len(server.peers) <= 16
    assert seen.names.count("CallFinished") == 800


def test_a_loop_in_each_thread(server: Server, client: Any) -> None:
    """Four threads with loops of their own share a client, not a connection."""

    async def asks() -> None:
        for _ in range(5):
            await client.acompletion(**ASK)

    works = [lambda: asyncio.run(asks()), lambda: trio.run(asks)] * 2
    with ThreadPoolExecutor(4) as threads:
        for future in [threads.submit(work) for work in works]:
            future.result(20)
    assert len(client.ledger.settlements) == 20
    assert len(server.peers) == 4
    assert len(client._loops._pools) == 0


def test_a_stream_read_in_another_thread(server: Server, client: Any) -> None:
    """A stream may be opened in one thread, read in a second and closed in a third."""
    server.script(streamed(piece("a"), piece("b"), HOLD, end=False))
    stream = client.completion(**ASK, stream=True)
    texts: list[str] = []
    for work in (
        lambda: texts.extend(next(stream).choices[0].delta.content for _ in range(2)),
        stream.close,
    ):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(5)
    assert texts == ["a", "b"]
    server.wait_gone(within=1)
    assert [s.outcome for s in client.ledger.settlements] == ["closed"]


def test_an_async_stream_dropped_in_another_thread(server: Server, client: Any) -> None:
    """The collector runs in any thread: the connection is closed, and the loop goes on."""
    server.script(streamed(piece("a"), HOLD, end=False))

    async def main() -> None:
        streams = [await client.acompletion(**ASK, stream=True)]
        await asyncio.to_thread(streams.clear)
        await asyncio.sleep(0.05)
        server.wait_gone(within=1)
        await client.acompletion(**ASK)

    asyncio.run(main())
    assert [s.outcome for s in client.ledger.settlements] == ["abandoned", "completed"]


FORK = """
import gc, os, sys, llmkit
client = llmkit.Client(api_key="test-key-0123456789", base_url=sys.argv[1])
ask = dict(model="openai/gpt-4o-mini", messages=[{"role": "user", "content": "hi"}])
def outcomes():
    return [s.outcome for s in client.ledger.settlements]
def in_child(work):
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            work()
            sys.stdout.flush()
        except BaseException as error:
            print("child failed", repr(error), flush=True)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
"""

pytestmark = [
    pytest.mark.usefixtures("own_transport"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
]


def forked(server: Server, script: str, *, warned: bool = False) -> list[str]:
    """Run a program that forks; its lines. Whether it was warned once, and of nothing else.

    From 3.12 on Python itself warns of every fork of a process that has threads, as pyreqwest's: that is not ours.
    """
    quiet = "ignore:This process:DeprecationWarning"
    done = subprocess.run(
        [sys.executable, "-W", quiet, "-c", FORK + textwrap.dedent(script), server.url],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0
    warnings = [line for line in done.stderr.splitlines() if not line.startswith(" ")]
    assert ["used transport='reqwest'" in line for line in warnings] == [True] * warned
    assert not any("/llmkit/" in line.partition("Warning")[0] for line in warnings)
    return done.stdout.splitlines()


@pytest.fixture
def warned(own_transport: str) -> bool:
    """Whether a child that calls goes over another library than its parent, and says so."""
    return own_transport == "reqwest"


def test_a_child_has_connections_of_its_own(server: Server, *, warned: bool) -> None:
    """A forked child calls over a new connection; the parent's goes on."""
    lines = forked(
        server,
        """
        client.completion(**ask)
        in_child(lambda: print("child", client.completion(**ask).choices[0].message.content))
        print("parent", client.completion(**ask).choices[0].message.content, outcomes())
        """,
        warned=warned,
    )
    assert lines == ["child Hello there", "parent Hello there ['completed', 'completed']"]
    assert [r.connection for r in server.requests] == [0, 1, 0]


def test_a_parents_stream_survives_a_child(server: Server, *, warned: bool) -> None:
    """A child that calls, drops the parent's stream and ends does not disturb it, nor settle it."""
    server.script(
        streamed(piece("a"), 1.0, piece("b"), *[piece(finish="stop") + b"data: [DONE]\n\n"])
    )
    lines = forked(
        server,
        """
        streams = [client.completion(**ask, stream=True)]
        next(streams[0])
        def child():
            streams.clear()
            gc.collect()
            client.completion(**ask)
            client.close()
            print("child", outcomes())
        in_child(child)
        rest = [c.choices[0].delta.content for c in streams[0]]
        print("parent", rest, outcomes())
        """,
        warned=warned,
    )
    assert lines == ["child ['completed']", "parent ['b', None] ['completed']"]


def test_a_parents_async_stream_survives_a_child(server: Server) -> None:
    """The same with an async stream, dropped by the child."""
    server.script(
        streamed(piece("a"), 1.0, piece("b"), *[piece(finish="stop") + b"data: [DONE]\n\n"])
    )
    lines = forked(
        server,
        """
        import asyncio
        async def main():
            streams = [await client.acompletion(**ask, stream=True)]
            await anext(streams[0])
            def child():
                streams.clear()
                gc.collect()
                print("child", outcomes())
            in_child(child)
            print("parent", [c.choices[0].delta.content async for c in streams[0]], outcomes())
        asyncio.run(main())
        """,
    )
    assert lines == ["child []", "parent ['b', None] ['completed']"]


def test_what_the_parent_dropped_is_the_parents(server: Server, *, warned: bool) -> None:
    """A stream dropped before the fork is settled once, by the parent."""
    server.script(streamed(piece("a"), HOLD, end=False))
    lines = forked(
        server,
        """
        client.completion(**ask, stream=True)
        def child():
            client.completion(**ask)
            print("child", outcomes())
        in_child(child)
        client.completion(**ask)
        print("parent", outcomes())
        """,
        warned=warned,
    )
    assert lines == ["child ['completed']", "parent ['abandoned', 'completed']"]


def test_a_child_of_a_running_loop(server: Server, *, warned: bool) -> None:
    """A child forked within a loop can run a loop of its own."""
    lines = forked(
        server,
        """
        import asyncio, threading
        async def main():
            await client.acompletion(**ask)
            def work():
                print("child", asyncio.run(client.acompletion(**ask)).choices[0].message.content)
            def child():
                thread = threading.Thread(target=work)
                thread.start()
                thread.join()
            in_child(child)
            await client.acompletion(**ask)
            print("parent", outcomes())
        asyncio.run(main())
        """,
        warned=warned,
    )
    assert lines == ["child Hello there", "parent ['completed', 'completed']"]
    assert [r.connection for r in server.requests] == [0, 1, 0]


def test_a_client_of_a_pool_of_processes_ends_quietly(server: Server) -> None:
    """A child that leaves by sys.exit closes nothing of its parent's."""
    lines = forked(
        server,
        """
        client.completion(**ask)
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            sys.exit(0)
        os.waitpid(child, 0)
        client.completion(**ask)
        print(outcomes())
        """,
    )
    assert lines == ["['completed', 'completed']"]
    assert len(server.peers) == 1


@pytest.mark.parametrize("kind", [llmkit.Client, llmkit.Router])
def test_a_client_stays_in_its_process(kind: Any) -> None:
    """Who sends one to another process is told what to do instead; a copy of it shares all that it has."""
    client = kind([]) if kind is llmkit.Router else kind()
    for copied in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match=f"a {kind.__name__} cannot be pickled.*each process"):
            copied(client)
    assert copy.copy(client).ledger is client.ledger
