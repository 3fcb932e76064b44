"""Answers that are kept: in memory, on disk for the next run of a notebook, and for many who ask at once.

Run: python examples/cache.py
"""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from _offline import a_provider

import llmkit
from llmkit.cache import Cache

MODEL = "openai/gpt-4o-mini"
MESSAGES = [{"role": "user", "content": "Why do lighthouses rotate?"}]


def twice(client: llmkit.Client) -> None:
    """The second answer is the first one, and costs nothing."""
    for _ in range(2):
        answer = client.completion(MODEL, MESSAGES, user="ann")
        print(f"from the cache: {answer.call.cache_hit}, cost: {answer.cost}")


def streamed(client: llmkit.Client) -> None:
    """A stream is kept when it has ended, and comes in the same pieces again."""
    first = [
        chunk.choices[0].delta.content for chunk in client.completion(MODEL, MESSAGES, stream=True)
    ]
    again = [
        chunk.choices[0].delta.content for chunk in client.completion(MODEL, MESSAGES, stream=True)
    ]
    print(f"the same {len(again)} chunks: {first == again}")


def at_once(client: llmkit.Client) -> None:
    """Twenty threads want the same: one of them asks."""
    question = [{"role": "user", "content": "What is a lamp room?"}]
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: client.completion(MODEL, question), range(20)))
    print(f"asked once: {[answer.call.cache_hit for answer in answers].count(False) == 1}")


def main() -> None:
    """Keep answers in a file, and look at what it has done."""
    with a_provider(), tempfile.TemporaryDirectory() as folder:
        cache = Cache(Path(folder) / "answers.db", ttl=3600)
        with llmkit.Client(cache=cache) as client:
            twice(client)
            streamed(client)
            at_once(client)
            fresh = client.completion(MODEL, MESSAGES, user="ann", cache={"no-cache": True})
            print(f"asked anew: {not fresh.call.cache_hit}")
        print(cache.stats)
        cache.close()


if __name__ == "__main__":
    main()
