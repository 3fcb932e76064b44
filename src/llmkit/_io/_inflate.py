"""Decompression as bytes come, for the two codings that llmkit asks for.

Ours rather than the HTTP library's: a failure is raised outside its chain of generators, which can then be closed.
"""

from __future__ import annotations

import zlib

from ..errors import APIResponseValidationError

__all__ = ["Inflate", "inflater"]

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


class Inflate:
    """Compressed bytes in, plain bytes out."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._begun = False

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes. Raises ``APIResponseValidationError`` where they are not compressed."""
        try:
            return self._inflated(data)
        except zlib.error as error:
            raise APIResponseValidationError(
                f"the answer cannot be decompressed: {error}", sent="yes"
            ) from None

    def _inflated(self, data: bytes) -> bytes:
        try:
            plain = self._stream.decompress(data)
        except zlib.error:
            if self._begun:
                raise
            # "deflate" is sent both with and without zlib's head.
            self._stream = zlib.decompressobj(-zlib.MAX_WBITS)
            plain = self._stream.decompress(data)
        self._begun = True
        return plain


def inflater(coding: str) -> Inflate | None:
    """What undoes a ``content-encoding``; ``None`` for none, ``LookupError`` for one that is not ours."""
    name = coding.strip().lower()
    if name in ("", "identity"):
        return None
    if name in ("gzip", "x-gzip", "deflate"):
        return Inflate()
    raise LookupError(name)
