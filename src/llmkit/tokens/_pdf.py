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
_COUNT: Final = re.compile(rb"/Count\s+(\d{1,9})(?!\d|\s+\d+\s+R)")
_KIDS: Final = re.compile(rb"/Kids(?![A-Za-z])(?:\s*\[([^\]]*)\])?")
_REFERENCE: Final = re.compile(rb"(\d{1,9})\s+\d{1,5}\s+R\b")
# What has /Kids and is no page tree: a form's field, a tree of names, or anything that says its type.
_NO_TREE: Final = re.compile(rb"/(?:T|FT|Limits|Type)(?![A-Za-z])")
_SPELLED: Final = re.compile(rb"#([0-9A-Fa-f]{2})")
_PACKED: Final = re.compile(rb"/Type\s*/ObjStm")
_FIRST: Final = re.compile(rb"/First\s+(\d{1,9})")
_NUMBER: Final = re.compile(rb"(?<!\d)\d{1,9}(?!\d)")
_PLAIN_FLATE: Final = re.compile(rb"/Filter\s*\[?\s*/FlateDecode")


class Pages(NamedTuple):
    """How many pages, and ``at_most`` how many (``None``: a part of the file could not be read).

    The page tree's own ``/Count`` is the number. The greatest of it, of the page objects (a file that was
    edited keeps its old ones) and of what the tree's nodes refer to is the bound; none, if they refer to
    something twice: one page can be shown a thousand times.
    """

    number: int
    at_most: int | None


class _Tally:
    __slots__ = ("hidden", "kids", "leaves", "nodes", "referred", "room", "tree")

    def __init__(self) -> None:
        self.leaves = 0
        self.tree = 0
        self.hidden = False
        self.room = _MOST_UNPACKED
        self.nodes = self.referred = 0
        self.kids: set[bytes] = set()

    @property
    def most(self) -> int:
        """Pages at most. Of what nodes refer to, all but the root can be nodes themselves."""
        return max(self.tree, self.leaves, self.referred - max(self.nodes - 1, 0))

    @property
    def unsure(self) -> bool:
        """Whether there can be more."""
        return self.hidden or len(self.kids) != self.referred

    def add(self, thing: bytes) -> None:
        """Counts one object if it is a page or a node of the page tree."""
        if b"#" in thing:
            thing = _SPELLED.sub(lambda found: bytes.fromhex(found[1].decode()), thing)
        kids = _KIDS.search(thing) if b"/Kids" in thing else None
        if _TREE.search(thing) or (kids is not None and not _NO_TREE.search(thing)):
            found = _COUNT.search(thing)
            self.tree = max(self.tree, int(found[1]) if found else 0)
            self.hidden |= found is None
            self._node(kids)
        elif _LEAF.search(thing):
            self.leaves += 1

    def _node(self, kids: re.Match[bytes] | None) -> None:
        refers = [] if kids is None or kids[1] is None else _REFERENCE.findall(kids[1])
        self.hidden |= kids is None or kids[1] is None
        self.nodes += bool(refers)
        self.referred += len(refers)
        self.kids.update(refers)


def count_pages(data: bytes) -> Pages | None:
    """The pages of a PDF; ``None`` if it is none, or none of its pages can be seen. In linear time."""
    if b"%PDF-" not in data[:1024]:
        return None
    tally = _Tally()
    for head, body in _objects(data, tally):
        tally.add(head)
        if body is not None and _PACKED.search(head):
            _unpack(head, body, tally)
    # In an encrypted file the compressed objects are ciphertext.
    hidden = tally.unsure or b"/Encrypt" in data
    most = tally.most
    return Pages(tally.tree or tally.leaves or most, None if hidden else most) if most else None


def _objects(data: bytes, tally: _Tally) -> Iterator[tuple[bytes, bytes | None]]:
    """Each object's text up to its stream, and that stream's bytes."""
    start, position = -1, 0
    while (mark := _MARK.search(data, position)) is not None:
        position = mark.end()
        if mark[1] == b"obj":
            # One within another is no object but a text that says so.
            tally.hidden |= start >= 0
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
