"""Streams: in sync and async code, read to the end or left early.

Run: python examples/streaming.py
"""

from __future__ import annotations

import asyncio

from _offline import a_provider

import llmkit

MODEL = "openai/gpt-4o-mini"


def read_to_the_end() -> None:
    """Print the pieces as they come; the whole answer is there afterwards."""
    messages = [{"role": "user", "content": "Count to five."}]
    with llmkit.completion(model=MODEL, messages=messages, stream=True) as stream:
        for chunk in stream:
            print(chunk.choices[0].delta.content or "", end="", flush=True)
    print()
    print(stream.response.choices[0].finish_reason, stream.cost)


def leave_early() -> None:
    """Leaving the block closes the connection at once, and what was used is still accounted for."""
    messages = [{"role": "user", "content": "Tell me a long story."}]
    with llmkit.completion(model=MODEL, messages=messages, stream=True) as stream:
        for number, chunk in enumerate(stream):
            print(chunk.choices[0].delta.content or "", end="", flush=True)
            if number == 3:
                break
    print(" …")


async def read_async() -> None:
    """The same with `async with` and `async for`."""
    messages = [{"role": "user", "content": "Count to three."}]
    async with await llmkit.acompletion(model=MODEL, messages=messages, stream=True) as stream:
        async for chunk in stream:
            print(chunk.choices[0].delta.content or "", end="", flush=True)
    print()


if __name__ == "__main__":
    with a_provider():
        read_to_the_end()
        leave_early()
        asyncio.run(read_async())
