"""Pack OpenAI's published encodings into the files that llmkit ships; the same input gives the same bytes.

usage: pack_encodings.py DIRECTORY

DIRECTORY holds the original ``.tiktoken`` files, under their own names or as tiktoken's cache calls them.
They are part of tiktoken (MIT licence, https://github.com/openai/tiktoken); each is checked by its SHA-256.
What a packed file looks like is said in ``llmkit/tokens/_encodings.py``, which reads it.
"""

from __future__ import annotations

import base64
import hashlib
import os
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

from llmkit.tokens._encodings import DATA, SHIPPED, Source, unpack

PLANES = 3  # bytes of a rank, lowest first


def original(directory: Path, source: Source) -> bytes:
    """The original file's bytes. Raises SystemExit where it is missing or another file."""
    for name in (f"{source.file}.tiktoken", source.cached):
        path = directory / name
        if path.is_file():
            found = path.read_bytes()
            if hashlib.sha256(found).hexdigest() == source.sha256:
                return found
            raise SystemExit(f"{path} is not OpenAI's file: its SHA-256 is another")
    raise SystemExit(f"{directory} has neither {source.file}.tiktoken nor {source.cached}")


def tokens_of(text: bytes) -> list[bytes]:
    """The tokens in the order of their ranks, which must have no holes."""
    rows = [line.split() for line in text.splitlines()]
    if [int(rank) for _, rank in rows] != list(range(len(rows))):
        raise SystemExit("the ranks have holes: this format cannot hold them")
    return [base64.b64decode(token) for token, _ in rows]


def packed(tokens: list[bytes]) -> bytes:
    """Tokens sorted by their bytes, each without what it shares with the one before."""
    order = sorted(range(len(tokens)), key=tokens.__getitem__)
    shared = list(shares([tokens[rank] for rank in order]))
    ends = [tokens[rank][kept:] for rank, kept in zip(order, shared, strict=True)]
    planes = [bytes(rank >> (8 * place) & 255 for rank in order) for place in range(PLANES)]
    body = b"".join([bytes(shared), bytes(map(len, ends)), *planes, *ends])
    return len(tokens).to_bytes(4, "big") + zlib.compress(body, 9)


def shares(ordered: list[bytes]) -> Iterator[int]:
    """How many bytes each begins with that the one before it begins with, too."""
    before = b""
    for token in ordered:
        yield len(os.path.commonprefix([before, token]))  # noqa: RUF071 - bytes, and meant so
        before = token


def main(directory: Path) -> None:
    """Write each shipped file, and read it back."""
    DATA.mkdir(exist_ok=True)
    for source in SHIPPED.values():
        found = packed(tokens_of(original(directory, source)))
        unpack(found, source)
        (DATA / f"{source.file}.bpe").write_bytes(found)
        print(f"{source.file}: {len(found):,} bytes")


if __name__ == "__main__":
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program and its one argument
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
