"""The raw transport of a stream: its bytes as pyreqwest hands them on, chunk by chunk, with nothing made of them."""

from __future__ import annotations

from bench.contestants import pyreqwest as parsed


class Sync(parsed.Sync):
    """``response.body_reader.read_chunk()``."""

    stream = parsed.Sync.pieces


class Async(parsed.Async):
    """The same, awaited."""

    stream = parsed.Async.pieces
