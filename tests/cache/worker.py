"""A process that asks through a cache until it is killed, and says what it got.

Arguments: the store, how many prompts, the lease, and ``loop`` or ``once``.
"""

from __future__ import annotations

import random
import sys

import llmkit
from llmkit.cache import Cache


def main(where: str, prompts: str, lease: str, mode: str) -> None:
    """Ask prompts at random: one line for each answer, with its prompt, whether it was a hit, and its text."""
    client = llmkit.Client(cache=Cache(where, lease=float(lease)), num_retries=0)
    say("ready")
    while mode == "loop":
        one(client, random.randrange(int(prompts)))
    one(client, int(prompts))


def one(client: llmkit.Client, number: int) -> None:
    """Ask for one: whole, streamed, or for vectors, by its number."""
    if number % 3 == 2:
        texts = [f"vector {part}" for part in range(number, number + 4)]
        answer = client.embedding("openai/text-embedding-3-small", texts)
        said = "|".join(f"{vector[0]:.6f}" for vector in answer.vectors)
        say(f"{number} {int(answer.call.cache_hit)} {said}")
        return
    ask = [{"role": "user", "content": f"question {number}"}]
    if number % 3:
        stream = client.completion("openai/gpt-4o-mini", ask, stream=True)
        found = stream.until_done()
    else:
        found = client.completion("openai/gpt-4o-mini", ask)
    text = " ".join((found.text or "").split())
    say(f"{number} {int(found.call.cache_hit)} {text}")


def say(line: str) -> None:
    """Tell it at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
