"""Measure ``token_counter`` beside raw tiktoken: the same text, in turns, and the ratio of the two.

usage: python benchmarks/tokens.py [--rounds N] [--tokens N]

Both are in one process and use one encoding, so the ratio is what llmkit puts around it: finding the model's rule,
looking for runs that tiktoken would choke on, and what stands around messages. The bar is 1.2 on 10,000 tokens of text.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

import llmkit  # noqa: E402 - the tree that this file is in
from llmkit.tokens._encodings import tokenizer  # noqa: E402

MODEL = "openai/gpt-4o"
BAR = 1.2


class Case(NamedTuple):
    """A prompt, counted by both."""

    name: str
    ours: Callable[[], object]
    theirs: Callable[[], object]


def text_of(tokens: int) -> str:
    """The project's own documentation, that many tokens of it."""
    pages = "\n\n".join(path.read_text() for path in sorted((ROOT / "docs").glob("*.md")))
    ids = tokenizer("o200k_base").encode_ordinary(pages)
    while len(ids) < tokens:
        ids += ids
    return tokenizer("o200k_base").decode(ids[:tokens])


def cases(text: str) -> list[Case]:
    """The text as one, and as conversations of messages of several lengths."""
    raw = tokenizer("o200k_base").encode_ordinary
    whole = Case("text", lambda: llmkit.token_counter(MODEL, text=text), lambda: raw(text))
    return [whole, *(_conversation(text, length) for length in (2000, 400, 100))]


def _conversation(text: str, length: int) -> Case:
    raw = tokenizer("o200k_base").encode_ordinary
    parts = [text[start : start + length] for start in range(0, len(text), length)]
    messages = [{"role": "user", "content": part} for part in parts]
    name = f"{len(parts)} messages"
    count = llmkit.token_counter
    return Case(name, lambda: count(MODEL, messages), lambda: [raw(part) for part in parts])


def timed(work: Callable[[], object]) -> float:
    """Seconds of processor time that it takes, once."""
    start = time.process_time()
    work()
    return time.process_time() - start


def measured(case: Case, rounds: int) -> tuple[float, float, float]:
    """Milliseconds of both, as medians of rounds in turns, and the median of each round's ratio."""
    pairs = [(timed(case.theirs), timed(case.ours)) for _ in range(rounds)]
    theirs, ours = (1000 * statistics.median(column) for column in zip(*pairs, strict=True))
    return theirs, ours, statistics.median(mine / raw for raw, mine in pairs)


def main() -> None:
    """Print a row for each case, and fail if the text is over the bar."""
    parser = argparse.ArgumentParser(description="Measure token_counter beside raw tiktoken.")
    parser.add_argument("--rounds", type=int, default=201)
    parser.add_argument("--tokens", type=int, default=10_000)
    options = parser.parse_args()
    over = False
    print(f"{'':>14} {'tiktoken':>10} {'llmkit':>10} {'ratio':>7}")
    for case in cases(text_of(options.tokens)):
        theirs, ours, ratio = measured(case, options.rounds)
        over |= case.name == "text" and ratio > BAR
        print(f"{case.name:>14} {theirs:>7.2f} ms {ours:>7.2f} ms {ratio:>7.2f}")
    if over:
        raise SystemExit(f"the text is over {BAR}")


if __name__ == "__main__":
    main()
