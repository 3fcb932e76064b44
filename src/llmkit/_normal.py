"""How long a text is in a Unicode normal form, in linear time. What the length is for is not known here."""

from __future__ import annotations

import unicodedata
from typing import Final

__all__ = ["normal_size"]

_PIECE: Final = 2048
_CUT: Final = 8


def normal_size(form: str, text: str) -> int:
    """The most UTF-8 bytes of a text in a normal form, piece by piece; half a character has three.

    Marks of many kinds in a row are sorted in quadratic time. What a cut keeps apart can only be longer,
    but for the marks right behind it, which may go with another letter.
    """
    size = 0
    for start in range(0, len(text), _PIECE):
        piece = text[start : start + _PIECE]
        normal = unicodedata.normalize(form, piece)  # type: ignore[arg-type]
        size += len(normal.encode("utf-8", "surrogatepass"))
    return size + _CUT * ((len(text) - 1) // _PIECE)
