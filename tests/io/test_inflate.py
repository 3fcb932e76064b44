"""Compressed answers that are out of all proportion."""

from __future__ import annotations

import gzip
import random
import tracemalloc
import zlib

import pytest

from llmkit import errors
from llmkit._io._inflate import inflater


def fed(packed: bytes, size: int) -> int:
    """How many bytes come out, of pieces of this size."""
    inflate = inflater("gzip")
    assert inflate is not None
    given = (packed[i : i + size] for i in range(0, len(packed), size))
    return sum(len(plain) for piece in given for plain in inflate.pieces(piece))


@pytest.mark.parametrize("size", [1000, 65536, 1 << 30])
def test_a_bomb_is_refused(size: int) -> None:
    """A thousandfold beyond 16 MiB is no answer, and is not unpacked to find out how much it is."""
    packed = gzip.compress(bytes(100 << 20))
    tracemalloc.start()
    with pytest.raises(errors.APIResponseValidationError, match="bomb") as caught:
        fed(packed, size)
    assert tracemalloc.get_traced_memory()[1] < 48 << 20
    tracemalloc.stop()
    assert caught.value.sent == "yes"


@pytest.mark.parametrize("size", [65536, 1 << 30])
def test_what_packs_well_is_no_bomb(size: int) -> None:
    """Up to 16 MiB anything goes, and beyond it what an answer's text can be packed to."""
    assert fed(gzip.compress(bytes(16 << 20)), size) == 16 << 20
    made, packer = random.Random(1), zlib.compressobj(6, wbits=31)
    packed = b"".join(packer.compress(made.randbytes(100) * 150) for _ in range(3000))
    assert fed(packed + packer.flush(), size) == 3000 * 15000


def test_what_is_packed_twice_is_refused() -> None:
    """A bomb within another: neither layer is out of proportion, and a kilobyte would be gigabytes."""
    twice = inflater("gzip, GZIP")
    assert twice is not None
    with pytest.raises(errors.APIResponseValidationError, match="several times") as caught:
        twice.feed(gzip.compress(gzip.compress(b"{}")))
    assert caught.value.sent == "yes"
    assert inflater("identity, ") is None
    assert inflater("identity, gzip") is not None
