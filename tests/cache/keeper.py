"""A process that keeps entries in a file until it is killed: each is told once it is kept. Arguments: path, name."""

from __future__ import annotations

import sys

from llmkit._entries import Keep
from llmkit.cache import SQLiteEntries


def main(path: str, name: str) -> None:
    """Keep entries one after the other, each of 2,000 bytes that its key says."""
    store = SQLiteEntries(path, 200_000)
    number = 0
    while True:
        key = f"{name}{number}"
        if store.perform(Keep(key, key.encode() * (2000 // len(key)), None)):
            sys.stdout.write(f"{key}\n")
            sys.stdout.flush()
        number += 1


if __name__ == "__main__":
    main(*sys.argv[1:])
