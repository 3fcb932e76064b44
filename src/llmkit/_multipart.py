"""``multipart/form-data`` (RFC 7578) as a body in pieces, and streamed bodies as bytes for testing tools.

Names are quoted as browsers do (https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data,
read 2026-11-22). No file is opened here but by iterating.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from typing_extensions import override

from ._http import Streamed
from ._upload import Upload

__all__ = ["Multipart", "abridged", "field_text", "form_fields", "whole"]

_QUOTED = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})
_END = b"\r\n"


class Multipart:
    """A form: text fields, then files. ``boundary`` must occur in none of them: take it from what nobody can know.

    Args:
        boundary: what divides the parts.
        fields: names and texts; a name may come several times.
        files: names and files, last because a server reads in order and wants to know what they are for.
    """

    def __init__(
        self,
        boundary: str,
        fields: Iterable[tuple[str, str]],
        files: Iterable[tuple[str, Upload]] = (),
    ) -> None:
        self.boundary = boundary
        self.fields: Sequence[tuple[str, str]] = tuple(fields)
        self.files: Sequence[tuple[str, Upload]] = tuple(files)

    @property
    def content_type(self) -> str:
        """The header that goes with it."""
        return f"multipart/form-data; boundary={self.boundary}"

    @property
    def in_memory(self) -> bool:
        """Whether reading it takes no time."""
        return all(file.in_memory for _, file in self.files)

    @property
    def length(self) -> int:
        """How many bytes it has. Looks at the files."""
        sizes = (len(p) if isinstance(p, bytes) else p.length for p in self._parts())
        return sum(sizes)

    def pieces(self) -> Iterator[bytes]:
        """The form from its beginning."""
        # The little texts between the files travel together.
        text = b""
        for part in self._parts():
            if isinstance(part, bytes):
                text += part
                continue
            yield text
            text = b""
            yield from part.pieces()
        yield text

    def shown(self) -> dict[str, Any]:
        """Its fields by name, lists where a name comes several times; of a file, what it is."""
        found: dict[str, Any] = {}
        for name, value in (*self.fields, *((name, file.shown()) for name, file in self.files)):
            found[name] = [*_listed(found[name]), value] if name in found else value
        return found

    def abridged(self, most: int) -> bytes:
        """The form as bytes, with a note in the place of each file that has more than ``most``."""
        parts = (p if isinstance(p, bytes) else abridged(p, most) for p in self._parts())
        return b"".join(parts)

    def _parts(self) -> Iterator[bytes | Upload]:
        for name, value in self.fields:
            yield self._head(name) + _END + value.encode("utf-8", "replace") + _END
        for name, file in self.files:
            told = f'; filename="{file.name.translate(_QUOTED)}"'
            kind = f"Content-Type: {file.media_type.translate(_QUOTED)}".encode()
            yield self._head(name, told) + kind + _END + _END
            yield file
            yield _END
        yield f"--{self.boundary}--".encode() + _END

    def _head(self, name: str, more: str = "") -> bytes:
        quoted = name.translate(_QUOTED)
        head = f'--{self.boundary}\r\nContent-Disposition: form-data; name="{quoted}"{more}\r\n'
        return head.encode("utf-8", "replace")

    @override
    def __repr__(self) -> str:
        names = [name for name, _ in (*self.fields, *self.files)]
        return f"Multipart({', '.join(names)})"


def field_text(value: Any) -> str:
    """A value as forms write it: JSON's words for truth and numbers, JSON itself for what has parts."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def form_fields(values: Mapping[str, Any], listed: str = "{}[]") -> Iterator[tuple[str, str]]:
    """Lists as fields that come several times, mappings as ``name[key]``: so the openai package writes them, too.

    Args:
        values: by name; ``None`` is left out.
        listed: how the name of a field that comes several times is written.
    """
    for name, value in values.items():
        if isinstance(value, list | tuple):
            yield from ((listed.format(name), field_text(item)) for item in value)
        elif isinstance(value, Mapping):
            yield from form_fields({f"{name}[{key}]": item for key, item in value.items()}, listed)
        elif value is not None:
            yield name, field_text(value)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def abridged(body: bytes | Streamed, most: int) -> bytes:
    """A body as bytes, for who records it: files above ``most`` bytes as a note. It reads them."""
    if isinstance(body, bytes):
        return body
    if isinstance(body, Multipart):
        return body.abridged(most)
    length = body.length
    if length is None or length > most:
        return f"<{'?' if length is None else length} bytes, left out>".encode()
    return whole(body)


def whole(body: bytes | Streamed) -> bytes:
    """A body as bytes, all of it: for tests."""
    return body if isinstance(body, bytes) else b"".join(body.pieces())
