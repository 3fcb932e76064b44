"""Pages of a PDF, counted from its objects. No page is rendered and no text extracted."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

__all__ = ["Pages", "count_pages"]

# What compressed object streams may unpack to in all: catalogues of the longest books stay far below.
_MOST_UNPACKED: Final = 32 << 20
_MARK: Final = re.compile(rb"\b(obj|endobj|stream)\b")
_LEAF: Final = re.compile(rb"/Type\s*/Page(?![A-Za-z])")
_TREE: Final = re.compile(rb"/Type\s*/Pages(?![A-Za-z])")
_COUNT: Final = re.compile(rb"/Count\s+(\d{1,9})")
_PACKED: Final = re.compile(rb"/Type\s*/ObjStm")
_FIRST: Final = re.compile(rb"/First\s+(\d{1,9})")
_NUMBER: Final = re.compile(rb"(?<!\d)\d{1,9}(?!\d)")
_PLAIN_FLATE: Final = re.compile(rb"/Filter\s*\[?\s*/FlateDecode")


class Pages(NamedTuple):
    """How many pages, and ``at_most`` how many (``None``: a part of the file could not be read).

    The page tree's own ``/Count`` is believed; where it and the page objects disagree (a file that was
    edited keeps its old objects) the greater number is the bound.
    """

    number: int
    at_most: int | None


class _Tally:
    __slots__ = ("hidden", "leaves", "room", "tree")

    def __init__(self) -> None:
        self.leaves = 0
        self.tree = 0
        self.hidden = False
        self.room = _MOST_UNPACKED

    def add(self, thing: bytes) -> None:
        """Counts one object if it is a page or a node of the page tree."""
        if _TREE.search(thing):
            found = _COUNT.search(thing)
            self.tree = max(self.tree, int(found[1]) if found else 0)
        elif _LEAF.search(thing):
            self.leaves += 1


def count_pages(data: bytes) -> Pages | None:
    """The pages of a PDF; ``None`` if it is none, or none of its pages can be seen. In linear time."""
    if b"%PDF-" not in data[:1024]:
        return None
    tally = _Tally()
    for head, body in _objects(data):
        tally.add(head)
        if body is not None and _PACKED.search(head):
            _unpack(head, body, tally)
    # In an encrypted file the compressed objects are ciphertext.
    hidden = tally.hidden or b"/Encrypt" in data
    most = max(tally.tree, tally.leaves)
    return Pages(tally.tree or tally.leaves, None if hidden else most) if most else None


def _objects(data: bytes) -> Iterator[tuple[bytes, bytes | None]]:
    """Each object's text up to its stream, and that stream's bytes."""
    start, position = -1, 0
    while (mark := _MARK.search(data, position)) is not None:
        position = mark.end()
        if mark[1] == b"obj":
            start = position
        elif start >= 0:
            head, start = data[start : mark.start()], -1
            if mark[1] == b"endobj":
                yield head, None
            else:
                end = data.find(b"endstream", position)
                end = end if end >= 0 else len(data)
                yield head, (data[position:end] if _PACKED.search(head) else b"")
                position = end


def _unpack(head: bytes, body: bytes, tally: _Tally) -> None:
    """Counts what a compressed object stream holds: pairs of number and offset, then the objects."""
    first = _FIRST.search(head)
    flate = _PLAIN_FLATE.search(head) is not None
    plain, whole = _inflated(body.lstrip(b"\r\n"), tally.room) if flate else (b"", False)
    tally.hidden |= first is None or not whole
    if first is None:
        return
    tally.room -= len(plain)
    begin = int(first[1])
    offsets = {begin + int(number) for number in _NUMBER.findall(plain[:begin])[1::2]}
    # In order, so that nothing is read twice whatever a hostile file says.
    for at, end in pairwise(sorted({*offsets, len(plain)})):
        tally.add(plain[at:end])


def _inflated(body: bytes, room: int) -> tuple[bytes, bool]:
    """What could be unpacked, and whether that is all of it."""
    machine = zlib.decompressobj()
    room = max(room, 0)  # a limit of 0 would mean none
    try:
        plain = machine.decompress(body, room + 1)
    except zlib.error:
        return b"", False
    return plain, machine.eof and len(plain) <= room
