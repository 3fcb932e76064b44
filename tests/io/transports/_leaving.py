"""A program that leaves, again and again: each round is a forked child that does something and ends as programs end.

``python _leaving.py WAY,… URL ROUNDS TRANSPORT`` writes how those rounds ended that did not end as they should.
"""

from __future__ import annotations

import asyncio
import atexit
import importlib
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import trio

import llmkit

PATIENCE = 15.0
ASK: dict[str, Any] = {
    "model": "openai/gpt-4o-mini",
    "messages": [{"role": "user", "content": "hi"}],
    "num_retries": 0,
}
kept: list[Any] = []
"""What lives until the interpreter ends."""


def a_moment() -> None:
    """Some milliseconds, so that it ends at ever another point."""
    time.sleep(random.uniform(0, 0.012))


def in_thread(work: Callable[[], object], count: int = 1) -> None:
    """Do this in daemon threads, which end with the program."""

    def quietly() -> None:
        while True:
            try:
                work()
            except llmkit.LLMKitError:
                return

    for _ in range(count):
        threading.Thread(target=quietly, daemon=True).start()
    a_moment()


def read(client: llmkit.Client) -> None:
    """A stream, to its end."""
    for _ in client.completion(**ASK, stream=True):
        pass


async def aread(client: llmkit.Client) -> None:
    """A stream on a loop, to its end."""
    async for _ in await client.acompletion(**ASK, stream=True):
        pass


def called(client: llmkit.Client) -> None:
    """A call, and nothing else."""
    client.completion(**ASK)


def stream_kept(client: llmkit.Client) -> None:
    """A stream that is half read."""
    kept.append(client.completion(**ASK, stream=True))
    next(kept[0])


def left_within_a_stream(client: llmkit.Client) -> None:
    """``sys.exit`` while a stream is read."""
    for _ in client.completion(**ASK, stream=True):
        sys.exit(0)


def threads_calling(client: llmkit.Client) -> None:
    """Threads that are calling."""
    in_thread(lambda: client.completion(**ASK), 6)


def threads_reading(client: llmkit.Client) -> None:
    """Threads that are reading streams."""
    in_thread(lambda: read(client), 6)


def loops_in_threads(client: llmkit.Client) -> None:
    """Loops in threads, with calls and streams under way."""

    async def both() -> None:
        await asyncio.gather(*[client.acompletion(**ASK) for _ in range(4)], aread(client))

    in_thread(lambda: asyncio.run(both()), 2)


def cancelled(client: llmkit.Client) -> None:
    """Calls that were cancelled just now."""

    async def main() -> None:
        tasks = [asyncio.create_task(client.acompletion(**ASK)) for _ in range(4)]
        tasks += [asyncio.create_task(aread(client)) for _ in range(4)]
        await asyncio.sleep(random.uniform(0, 0.01))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(main())


def timed_out(client: llmkit.Client) -> None:
    """Blocking calls whose time was up just now."""
    for seconds in (0.001, 0.003, 0.006):
        try:
            client.completion(**ASK, timeout=seconds)
        except llmkit.APITimeoutError:
            continue


def run_ended(client: llmkit.Client) -> None:
    """A run that ends with tasks under way."""

    async def main() -> None:
        kept.extend(asyncio.create_task(aread(client)) for _ in range(4))
        await asyncio.sleep(random.uniform(0, 0.01))

    asyncio.run(main())


def async_stream_kept(client: llmkit.Client) -> None:
    """An async stream that is half read, and outlives its loop."""

    async def main() -> None:
        kept.append(await client.acompletion(**ASK, stream=True))
        await anext(kept[0])

    asyncio.run(main())


def trios_stream_kept(client: llmkit.Client) -> None:
    """The same on trio."""

    async def main() -> None:
        kept.append(await client.acompletion(**ASK, stream=True))
        await anext(kept[0])

    trio.run(main)


def loop_closed(client: llmkit.Client) -> None:
    """A loop that is closed over calls that nobody has cancelled."""
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)
    kept.extend(loop.create_task(client.acompletion(**ASK)) for _ in range(4))
    loop.run_until_complete(asyncio.sleep(random.uniform(0, 0.01)))
    loop.close()
    for task in kept:
        task._log_destroy_pending = False


def loop_left(client: llmkit.Client) -> None:
    """A loop that is neither run nor closed any more."""
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)
    kept.append(loop)
    kept.extend(loop.create_task(aread(client)) for _ in range(4))
    loop.run_until_complete(asyncio.sleep(random.uniform(0, 0.01)))
    for task in kept[1:]:
        task._log_destroy_pending = False


def at_exit(client: llmkit.Client) -> None:
    """Something that calls when the interpreter is about to end, and something that began before it."""
    atexit.register(client.completion, **ASK)
    called(client)
    atexit.register(read, client)


def at_the_very_end(client: llmkit.Client) -> None:
    """A finalizer that calls while the interpreter ends: it may fail, and does no harm."""

    class Late:
        def __del__(self) -> None:
            with suppress(BaseException):  # whatever is left of the interpreter
                client.completion(**ASK)

    kept.append(Late())
    called(client)


def interrupted(client: llmkit.Client) -> None:
    """Ctrl-C that nobody catches, while a call waits."""
    sys.excepthook = lambda *_: None
    sys.unraisablehook = again
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, random.uniform(0.001, 0.01))
    while True:
        client.completion(**ASK)


def again(given: Any) -> None:
    """What comes while a finalizer runs, trio's own maybe, ends there: a person would press it once more."""
    if isinstance(given.exc_value, KeyboardInterrupt):
        signal.setitimer(signal.ITIMER_REAL, 0.001)
    else:
        sys.__unraisablehook__(given)


def closed_elsewhere(client: llmkit.Client) -> None:
    """A client that is closed while others use it."""
    in_thread(lambda: client.completion(**ASK), 4)
    client.close()


WAYS = {
    way.__name__: way
    for way in (
        called,
        stream_kept,
        left_within_a_stream,
        threads_calling,
        threads_reading,
        loops_in_threads,
        cancelled,
        timed_out,
        run_ended,
        async_stream_kept,
        trios_stream_kept,
        loop_closed,
        loop_left,
        at_exit,
        at_the_very_end,
        interrupted,
        closed_elsewhere,
    )
}


def ended(child: int) -> int | None:
    """The child's status as a shell has it, negative for a signal; ``None`` where it hangs."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if (waited := os.waitpid(child, os.WNOHANG))[0]:
            return os.waitstatus_to_exitcode(waited[1])
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def rounds_of(way: str, client: llmkit.Client, rounds: int) -> bool:
    """Do the rounds; whether this is a child, which is to end."""
    good = -signal.SIGINT if way == "interrupted" else 0
    for number in range(rounds):
        child = os.fork()
        if child == 0:
            random.seed(number)
            WAYS[way](client)
            return True
        if (status := ended(child)) != good:
            sys.stdout.write(f"{way}, round {number}: {status}\n")
            sys.stdout.flush()
    return False


def main(ways: str, url: str, rounds: str, transport: str) -> None:
    """Do the rounds of these ways. In a child this returns, for it to end."""
    client = llmkit.Client(
        api_key="test-key-" + "0123456789", base_url=url, transport=transport, num_retries=0
    )
    # What is loaded late is loaded once, prices too: Ctrl-C in the middle of Python's own ``open`` leaves a file to the
    # collector. It goes over httpx, since pyreqwest's thread would not be there in a child.
    client.completion(**ASK, mock_response="hi")
    with llmkit.Client(
        api_key="test-key-" + "0123456789", base_url=url, transport="httpx"
    ) as other:
        called(other)
    if transport == "reqwest":
        for module in ("client", "exceptions", "http"):
            importlib.import_module(f"pyreqwest.{module}")
    trio.run(trio.sleep, 0)
    asyncio.run(asyncio.sleep(0))
    for way in ways.split(","):
        if rounds_of(way, client, int(rounds)):
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
