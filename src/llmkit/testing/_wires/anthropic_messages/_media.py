"""Images and documents in base64: whether the bytes are there and are what they are said to be.

Pure. Only the first bytes are looked at; a real decoder would find more.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

from ._refusal import invalid
from ._shape import Check, anything, both, list_of, one_of, record, tagged, text, text_or

__all__ = ["DOCUMENT_SOURCE", "IMAGE_SOURCE"]

_PDF: Final = "application/pdf"
_PDF_START: Final = b"%PDF-"
# A WebP file says so after four bytes of its length.
_RIFF: Final = b"RIFF"
_WEBP: Final = b"WEBP"
_STARTS: Final[Mapping[bytes, str]] = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}


def _bytes(value: Any, where: str) -> bytes:
    try:
        return base64.b64decode(value["data"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid(f"{where}.data", "Invalid base64 data") from error


def _image_bytes(value: Any, where: str) -> None:
    data, said = _bytes(value, where), value["media_type"]
    kind = next((kind for start, kind in _STARTS.items() if data.startswith(start)), None)
    if data.startswith(_RIFF) and data[8:12] == _WEBP:
        kind = "image/webp"
    if kind is None:
        raise invalid(where, "Could not process image")
    if kind != said:
        raise invalid(f"{where}.data", f"Image does not match the provided media type {said}")


def _pdf_bytes(value: Any, where: str) -> None:
    if not _bytes(value, where).startswith(_PDF_START):
        raise invalid(f"{where}.data", "The PDF specified was not valid.")


def _https(value: Any, where: str) -> None:
    if not value.startswith("https://"):
        raise invalid(where, "Only HTTPS URLs are supported.")


def _base64(*media_types: str) -> Check:
    fields: dict[str, Check] = {"type": text, "media_type": one_of(*media_types), "data": text}
    return record(fields, ("media_type", "data"))


_URL: Final = record({"type": text, "url": both(text, _https)}, ("url",))
_FILE: Final = record({"type": text, "file_id": text}, ("file_id",))
_IMAGES: Final = _base64("image/jpeg", "image/png", "image/gif", "image/webp")

IMAGE_SOURCE: Final = tagged({"base64": both(_IMAGES, _image_bytes), "url": _URL, "file": _FILE})
"""The `source` of an image block."""

_PARTS: Final = tagged(
    {
        "text": record({"type": text, "text": text, "cache_control": anything}, ("text",)),
        "image": record(
            {"type": text, "source": IMAGE_SOURCE, "cache_control": anything}, ("source",)
        ),
    }
)

DOCUMENT_SOURCE: Final = tagged(
    {
        "base64": both(_base64(_PDF), _pdf_bytes),
        "text": record(
            {"type": text, "media_type": one_of("text/plain"), "data": text},
            ("media_type", "data"),
        ),
        "content": record({"type": text, "content": text_or(list_of(_PARTS))}, ("content",)),
        "url": _URL,
        "file": _FILE,
    }
)
"""The `source` of a document block."""
