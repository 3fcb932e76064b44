"""Bodies as JSON values: a request's by its meaning, an answer's so that its very bytes can be had again.

Pure. What must not be written is taken out before, in `_scrub`.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

from ..._http import Streamed
from ..._multipart import abridged
from ._values import Form

__all__ = ["as_json", "dumped", "dumped_safely", "form", "pieces_of", "style_of", "written"]

# A file that was uploaded is recorded up to this many bytes; of a larger one, how many it had.
_MOST: Final = 256 * 1024

_BOUNDARY: Final = re.compile(r'(?i)boundary="?([^";,]+)"?')
_LONE: Final = re.compile("[\ud800-\udfff]")
_LAYOUTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "compact": {"separators": (",", ":")},
    "spaced": {},
    "indent 2": {"indent": 2},
    "indent 4": {"indent": 4},
}


def as_json(data: bytes | str) -> Any:
    """Parse JSON, strictly. Raises `ValueError` also for numbers that JSON cannot say and for endless nesting."""
    try:
        return json.loads(data, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is too large")
    return value


def form(content_type: str, body: bytes | Streamed) -> Form:
    """What a request's body means. A streamed one is read, and its larger files left out."""
    body = abridged(body, _MOST)
    if not body:
        return {}
    if content_type.startswith("multipart/") and (parts := _parts(content_type, body)) is not None:
        return {"multipart": parts}
    if content_type.startswith("application/x-www-form-urlencoded") and body.isascii():
        return {"form": [list(pair) for pair in parse_qsl(body.decode(), keep_blank_values=True)]}
    try:
        return {"json": as_json(body)}
    except ValueError:
        return _plain(body)


def _plain(data: bytes) -> Form:
    try:
        return {"text": data.decode("utf-8")}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode("ascii")}


def _parts(content_type: str, body: bytes) -> list[Any] | None:
    """A multipart body's parts, without the boundary, which is another one each time."""
    match = _BOUNDARY.search(content_type)
    if match is None:
        return None
    parts = (b"\r\n" + body).split(b"\r\n--" + match[1].encode())
    if len(parts) < 2 or not parts[-1].startswith(b"--"):  # noqa: PLR2004 - what is before the first, and the end
        return None
    return [_part(part) for part in parts[1:-1]]


def _part(data: bytes) -> Any:
    head, _, content = data.partition(b"\r\n\r\n")
    lines = head.decode("utf-8", "replace").split("\r\n")
    fields = (line.partition(":") for line in lines if ":" in line)
    headers = {name.strip().lower(): value.strip() for name, _, value in fields}
    return {"headers": headers, **form(headers.get("content-type", ""), content)}


def dumped(value: Any, style: str = "compact") -> str:
    """JSON text in one of the styles that `style_of` knows."""
    layout, _, rest = style.partition(", ")
    text = json.dumps(value, ensure_ascii="ascii" in rest, allow_nan=False, **_LAYOUTS[layout])
    return text + "\n" * ("newline" in rest)


def dumped_safely(value: Any) -> str:
    """JSON text that is UTF-8 also where it has half a character."""
    text = dumped(value)
    return text if text.isascii() or not _LONE.search(text) else dumped(value, "compact, ascii")


def style_of(value: Any, data: bytes) -> str | None:
    """The style in which a value was written as just these bytes; `None` where it is another one."""
    for layout, ascii_, newline in itertools.product(_LAYOUTS, ("", "ascii"), ("", "newline")):
        style = ", ".join(part for part in (layout, ascii_, newline) if part)
        # A lone half of a character can be written, but is no UTF-8.
        if dumped(value, style).encode("utf-8", "surrogatepass") == data:
            return style
    return None


def written(pieces: Sequence[bytes]) -> dict[str, Any]:
    """An answer's body as JSON: `pieces_of` gives the same bytes, cut in the same places."""
    data = b"".join(pieces)
    if data.startswith((b"{", b"[")) and (whole := _as_json(data)) is not None:
        sizes = {} if len(pieces) == 1 else {"sizes": [len(piece) for piece in pieces]}
        return {**whole, **sizes}
    return {"pieces": [_piece(piece) for piece in pieces]}


def _as_json(data: bytes) -> dict[str, Any] | None:
    try:
        value = as_json(data)
    except ValueError:
        return None
    style = style_of(value, data)
    return None if style is None else {"json": value, "style": style}


def _piece(data: bytes) -> Any:
    plain = _plain(data)
    return plain.get("text", plain)


def pieces_of(body: Mapping[str, Any]) -> tuple[bytes, ...]:
    """The pieces that were `written`. Raises `ValueError` or `KeyError` for what never was."""
    if "json" not in body:
        return tuple(_bytes(piece) for piece in body["pieces"])
    data = dumped(body["json"], body["style"]).encode("utf-8", "surrogatepass")
    ends = list(itertools.accumulate(body.get("sizes", [len(data)])))
    return tuple(data[start:end] for start, end in itertools.pairwise([0, *ends]))


def _bytes(piece: Any) -> bytes:
    if isinstance(piece, str):
        return piece.encode("utf-8")
    try:
        return base64.b64decode(piece["base64"], validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
