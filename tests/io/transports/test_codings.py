"""Compressed answers over each transport: what is undone, what is refused; and no few bytes can fill the memory."""

from __future__ import annotations

import functools
import gzip
import json
import struct
import zlib
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from llmkit import errors
from llmkit._io import _answers, aio, sync

from .._server import COUNTED, DONE, LAST, answer, chat, chunked, head, piece
from ._wires import each_wire

if TYPE_CHECKING:
    from .._server import Server
    from ._wires import Wire

each_form = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@pytest.fixture(autouse=True)
def no_more_than_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Httpx by itself: a package that another brings along (zstandard with langsmith) teaches it a coding."""
    for coding in ("br", "zstd"):
        monkeypatch.delitem(httpx._decoders.SUPPORTED_DECODERS, coding, raising=False)


WHOLE = json.dumps(chat()).encode()
EVENTS = piece("Hello there") + piece(finish="stop") + COUNTED + DONE


def raw_deflate(data: bytes) -> bytes:
    """Without zlib's head, as some servers send it."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def zstd(data: bytes) -> bytes:
    """A frame of one block that is as it was (RFC 8878)."""
    size = struct.pack("<H", len(data) - 256)
    block = ((len(data) << 3) | 1).to_bytes(3, "little")
    return b"\x28\xb5\x2f\xfd\x60" + size + block + data


def zstd_bomb(blocks: int) -> bytes:
    """Each four bytes of it are 128 KiB of zeros."""
    size = struct.pack("<I", blocks << 17)
    *others, last = [((1 << 17) << 3 | 2).to_bytes(3, "little") + b"\x00"] * blocks
    return b"\x28\xb5\x2f\xfd\xa0" + size + b"".join(others) + bytes([last[0] | 1]) + last[1:]


def brotli(data: bytes) -> bytes:
    """One block that is as it was, and an empty last one (RFC 7932)."""
    return (((len(data) - 1) << 4) | 1 << 20).to_bytes(3, "little") + data + b"\x03"


PACKED = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "raw deflate": raw_deflate,
    "identity": bytes,
    "GZIP": gzip.compress,
    "identity, gzip": gzip.compress,
}


@each_form
@each_wire
async def test_what_was_asked_for_is_unpacked(wire: Wire, server: Server, *, stream: bool) -> None:
    """Codings that were asked for are undone, however their bytes come."""
    kind = "text/event-stream" if stream else "application/json"
    async with wire.client(server.url) as client:
        for coding, pack in PACKED.items():
            packed, named = pack(EVENTS if stream else WHOLE), coding.removeprefix("raw ")
            first = head(200, kind, content_encoding=named, transfer_encoding="chunked")
            pieces = [chunked(packed[:1]), 0.01, chunked(packed[1:90]), 0.01, chunked(packed[90:])]
            server.script([first, *pieces, LAST])
            response = await wire.colour.ask(client, stream=stream)
            assert response.choices[0].message.content == "Hello there", coding
    assert server.requests[0].headers["accept-encoding"].startswith("gzip, deflate")
    # pyreqwest's thread may still be giving a connection back when the next call asks for one.
    assert len(server.peers) < len(PACKED)


@pytest.mark.parametrize(("coding", "pack"), [("br", brotli), ("zstd", zstd)])
@each_wire
async def test_what_was_not_asked_for(wire: Wire, server: Server, coding: str, pack: Any) -> None:
    """Codings that were not asked for are undone by who knows them; to others the answer is unreadable."""
    server.script(answer(pack(WHOLE), content_encoding=coding))
    async with wire.client(server.url) as client:
        if not wire.differs("br and zstd"):
            response = await wire.colour.call(client)
            assert response.choices[0].message.content == "Hello there"
            return
        with pytest.raises(errors.APIResponseValidationError) as caught:
            await wire.colour.call(client)
        assert caught.value.sent == "yes"


BROKEN = {
    "not at all": b"not gzip at all",
    "checksum": gzip.compress(WHOLE)[:-8] + bytes(8),
    "cut off": gzip.compress(WHOLE)[:-40],
}


@pytest.mark.parametrize("how", BROKEN)
@each_wire
async def test_what_is_corrupt_is_unreadable(wire: Wire, server: Server, how: str) -> None:
    """What claims to be gzip and is not, or is damaged, or ends too early, gets a typed error."""
    server.script(answer(BROKEN[how], content_encoding="gzip"))
    async with wire.client(server.url) as client:
        with pytest.raises(errors.APIResponseValidationError) as caught:
            await wire.colour.call(client)
        assert caught.value.sent == "yes"
        await wire.colour.call(client)


@functools.cache
def bomb() -> bytes:
    """A hundred megabytes of nothing, packed once: that takes most of a second."""
    return gzip.compress(bytes(100 << 20))


@each_form
@each_wire
async def test_a_bomb_is_refused(wire: Wire, server: Server, *, stream: bool) -> None:
    """A few kilobytes that are a hundred megabytes are not unpacked to find out."""
    kind = "text/event-stream" if stream else "application/json"
    server.script(answer(bomb(), content_type=kind, content_encoding="gzip"))
    async with wire.client(server.url) as client:
        with pytest.raises(errors.APIResponseValidationError, match="bomb") as caught:
            await wire.colour.ask(client, stream=stream)
    assert caught.value.sent == "yes"


@each_wire
async def test_what_is_packed_twice_is_refused(wire: Wire, server: Server) -> None:
    """Codings one within another are what bombs are made of."""
    packed = gzip.compress(gzip.compress(WHOLE))
    server.script(answer(packed, content_encoding="gzip, gzip"))
    async with wire.client(server.url) as client:
        with pytest.raises(errors.APIResponseValidationError, match="several times"):
            await wire.colour.call(client)


@pytest.mark.parametrize("how", ["plain", "gzip", "zstd"])
@each_wire
async def test_no_answer_is_larger_than_the_limit(
    wire: Wire, server: Server, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """However it is packed: what is larger than an answer may be is not gathered."""
    for module in (_answers, aio, sync):
        monkeypatch.setattr(module, "MAX_BODY", 1 << 20)
    text = b" " * (4 << 20)
    packed = {"plain": text, "gzip": gzip.compress(text), "zstd": zstd_bomb(32)}[how]
    server.script(answer(packed, content_encoding="identity" if how == "plain" else how))
    async with wire.client(server.url) as client:
        with pytest.raises(errors.APIResponseValidationError) as caught:
            await wire.colour.call(client)
    if how != "zstd" or not wire.differs("br and zstd"):
        assert "more than" in str(caught.value)
    assert caught.value.sent == "yes"
