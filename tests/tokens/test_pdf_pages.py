from __future__ import annotations

import time
import tracemalloc
import zlib
from collections.abc import Callable

import pytest

from llmkit.tokens._pdf import Pages, count_pages

HEAD = b"%PDF-1.7\n"


def obj(number: int, data: bytes) -> bytes:
    """One object."""
    return b"%d 0 obj\n%s\nendobj\n" % (number, data)


def stream(number: int, head: bytes, data: bytes) -> bytes:
    """An object with a stream."""
    return obj(number, b"<< %s /Length %d >>\nstream\n%s\nendstream" % (head, len(data), data))


def tree(pages: int) -> bytes:
    """A catalogue and the root of the pages."""
    return obj(1, b"<< /Type /Catalog /Pages 2 0 R >>") + root(pages, 9)


def kids(pages: int, first: int) -> bytes:
    """What a node refers to."""
    return b"/Kids [%s]" % b" ".join(b"%d 0 R" % (first + i) for i in range(pages))


def root(pages: int, first: int) -> bytes:
    """The root of the pages, from the object of a number on."""
    return obj(2, b"<< /Type/Pages /Count %d %s >>" % (pages, kids(pages, first)))


def plain(pages: int) -> bytes:
    """A file whose objects stand openly."""
    leaves = (obj(9 + i, b"<< /Type /Page /Parent 2 0 R >>") for i in range(pages))
    text = stream(3, b"", b"/Type /Page is said here, and /Type /Pages /Count 99 too")
    return HEAD + tree(pages) + text + b"".join(leaves) + b"trailer"


def packed(pages: int, filters: bytes = b"/Filter /FlateDecode") -> bytes:
    """A file whose objects stand in a compressed stream."""
    things = [b"<< /Type /Pages /Count %d %s >>" % (pages, kids(pages, 3))] + [
        b"<< /Type /Page >>"
    ] * pages
    offsets, body = [], b""
    for i, thing in enumerate(things):
        offsets.append(b"%d %d" % (i + 2, len(body)))
        body += thing + b" "
    table = b" ".join(offsets) + b" "
    head = b"/Type /ObjStm /N %d /First %d %s" % (len(things), len(table), filters)
    return HEAD + stream(20, head, zlib.compress(table + body)) + b"%%EOF"


@pytest.mark.parametrize("make", [plain, packed])
@pytest.mark.parametrize("pages", [1, 3, 250])
def test_pages_are_counted(make: Callable[[int], bytes], pages: int) -> None:
    """From objects that stand openly and from compressed ones, but not from what a page says."""
    assert count_pages(make(pages)) == Pages(pages, pages)


def test_without_a_tree_the_pages_themselves_count() -> None:
    """Page objects are enough."""
    assert count_pages(HEAD + obj(1, b"<</Type/Page>>") * 4) == Pages(4, 4)


def test_an_edited_file_is_what_its_tree_says_and_at_most_all_pages() -> None:
    """Pages that an edit left behind are in the bound alone."""
    assert count_pages(plain(2) + obj(50, b"<< /Type /Page >>") * 3) == Pages(2, 5)


@pytest.mark.parametrize(
    "data",
    [
        packed(3, b"/Filter /LZWDecode") + obj(90, b"<< /Type /Page >>"),
        packed(3).replace(b"/First", b"/Fxrst") + obj(90, b"<< /Type /Page >>"),
        plain(1) + packed(3)[:-80],
        plain(1) + packed(3).replace(b"stream\n", b"stream\n\x00\x00", 1),
        plain(1) + b"trailer << /Encrypt 5 0 R >>",
    ],
)
def test_what_cannot_be_read_leaves_no_bound(data: bytes) -> None:
    """Unknown filters, broken streams and encryption may hide pages."""
    found = count_pages(data)
    assert found is not None
    assert found.at_most is None


def test_a_bomb_is_not_unpacked() -> None:
    """Streams that would unpack to gigabytes are given up at one limit for all."""
    bomb = stream(
        30, b"/Type /ObjStm /First 5 /Filter /FlateDecode", zlib.compress(bytes(40 << 20))
    )
    tracemalloc.start()
    assert count_pages(plain(1) + bomb * 5) == Pages(1, None)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 150 << 20
    assert count_pages(plain(1) + bomb + packed(3)) == Pages(1, None)


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"%PDF-1.7 and no page", b"\x89PNG" + plain(1)[8:]]
)
def test_what_has_no_pages_is_none(data: bytes) -> None:
    """No PDF, or one without a page to be seen."""
    assert count_pages(data) is None


@pytest.mark.parametrize(
    "piece", [b" obj ", b" obj stream ", b"/Type ", b"1 0 obj << /Type /ObjStm /First 9 >> stream "]
)
def test_hostile_files_take_linear_time(piece: bytes) -> None:
    """Megabytes of openings without an end are read once."""
    data = HEAD + piece * (2_000_000 // len(piece))
    begun = time.perf_counter()
    count_pages(data)
    assert time.perf_counter() - begun < 5


def test_a_lying_table_is_read_once() -> None:
    """A stream whose table names the same place again and again is no more work."""
    table = b"1 0 " * 50_000
    head = b"/Type /ObjStm /N 50000 /First %d /Filter /FlateDecode" % len(table)
    body = zlib.compress(table + b"<< /Type /Page >>" + bytes(1 << 20))
    begun = time.perf_counter()
    assert count_pages(HEAD + stream(5, head, body)) == Pages(1, 1)
    assert time.perf_counter() - begun < 2


def lying(root: bytes, leaf: bytes = b"<< /Type /Page >>") -> bytes:
    """A file of one page object whose tree says what it likes."""
    return HEAD + obj(2, root) + obj(9, leaf)


@pytest.mark.parametrize(
    "data",
    [
        lying(b"<< /Type /Pages /Count 1 /Kids [%s] >>" % (b"9 0 R " * 500)),
        lying(b"<< /Type /Pages /Count 1 /Kids 5 0 R >>") + obj(5, b"[%s]" % (b"9 0 R " * 500)),
        lying(b"<< /Type /Pages /Count 5 0 R /Kids [9 0 R] >>") + obj(5, b"500"),
        lying(b"<< /Count 1 /Kids [%s] >>" % (b"9 0 R " * 500)),
        lying(b"<< /Kids [%s] >>" % (b"9 0 R " * 500)),
        lying(b"<< /T#79pe /P#61ges /Count 1 /Kids [%s] >>" % (b"9 0 R " * 500)),
        lying(b"<< /Type /Pages /Count 1 /Kids [%s] /X (1 0 obj) >>" % (b"9 0 R " * 500)),
        lying(b"<< /Type /Pages /X (stream) /Count 1 /Kids [%s] >>" % (b"9 0 R " * 500))
        + obj(9, b"<< /Type /Page >>") + b"endstream" + obj(9, b"<< /Type /Page >>"),
    ],
    ids=[str(n) for n in range(8)],
)  # fmt: skip
def test_a_tree_that_shows_a_page_again_and_again_has_no_bound(data: bytes) -> None:
    """What it says of itself is no bound for what is shown."""
    found = count_pages(data)
    assert found is not None
    assert found.at_most is None


def test_pages_that_hide_their_type_are_counted_by_who_refers_to_them() -> None:
    """Readers show them all the same; a nested tree's own nodes are no pages."""
    bare = b"".join(obj(9 + i, b"<< /Parent 2 0 R >>") for i in range(40))
    found = count_pages(HEAD + obj(2, b"<< /Type /Pages /Count 1 %s >>" % kids(40, 9)) + bare)
    assert found == Pages(1, 40)
    spelled = count_pages(HEAD + obj(1, b"<</T#79pe/P#61ge>>") * 4)
    assert spelled == Pages(4, 4)
    inner = b"".join(
        obj(3 + i, b"<< /Type /Pages /Count 2 %s >>" % kids(2, 9 + 2 * i))
        + obj(9 + 2 * i, b"<< /Type /Page >>")
        + obj(10 + 2 * i, b"<< /Type /Page >>")
        for i in range(3)
    )
    nested = HEAD + obj(2, b"<< /Type /Pages /Count 6 %s >>" % kids(3, 3)) + inner
    assert count_pages(nested) == Pages(6, 6)
