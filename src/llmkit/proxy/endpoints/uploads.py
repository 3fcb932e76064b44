"""Forms with files: read as they come, within limits, and handed to calls as uploads. No kind of call is known here.

A file lies in a temporary file from its 64th KiB on, and is sent to a provider from there, in pieces: a provider wants
to be told its length, and a second attempt wants all of it. So what a form holds in memory is bound: its texts
(4 MiB together), and 64 KiB of each file.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import anyio
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from typing_extensions import override

from ..._upload import Upload
from ...errors import InvalidRequestError
from ..failure import Refused

__all__ = ["Form", "form_of", "pieces_of"]

_MOST_FILES: Final = 20
"""OpenAI takes 16 pictures and a mask: https://platform.openai.com/docs/api-reference/images, read 2026-11-23."""
_MOST_TEXTS: Final = 64
_MOST_TEXT: Final = 4 * 1024 * 1024
"""Bytes of all texts: voices to be known are among them, as data URLs."""
_IN_MEMORY: Final = 64 * 1024
_SILENCE: Final = 60.0
"""Seconds without a byte after which an upload is given up."""
_FORM: Final = "multipart/form-data"


@dataclass(slots=True)
class Form:
    """What was sent: texts by name, as they would stand in JSON, and files by name."""

    texts: dict[str, Any] = field(default_factory=dict)
    files: dict[str, list[Upload]] = field(default_factory=dict)

    def file(self, name: str = "file") -> Upload:
        """The only file of this name. Raises ``Refused`` (400) where there is none, or several."""
        found = self.files.get(name, [])
        if len(found) != 1:
            what = f"{len(found)} files are" if found else "no file is"
            raise _bad(f"{what} called {name!r}: the form must have one, with a file name", name)
        return found[0]


async def pieces_of(request: Request) -> AsyncGenerator[bytes, None]:
    """A body as it comes. How long it may be is decided where it is received.

    Raises:
        Refused: nothing of it came for a minute (408), or it is too long (413).
        ClientDisconnect: its sender has gone.
    """
    pieces = request.stream()
    while True:
        try:
            with anyio.fail_after(_SILENCE):
                piece = await anext(pieces, b"")
        except TimeoutError:
            raise Refused(
                408, f"nothing of the body came for {_SILENCE:g} seconds", "bad_request_error"
            ) from None
        if not piece:
            return
        yield piece


@asynccontextmanager
async def form_of(request: Request) -> AsyncIterator[Form]:
    """A request's form; its files are gone when the block is left.

    Args:
        request: ``multipart/form-data``.

    Raises:
        Refused: 415 for another kind of body, 400 for what is no form or has too many parts; and as ``pieces_of``.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise Refused(415, f"the body must be {_FORM}, with the file in it", "bad_request_error")
    pieces = pieces_of(request)
    parser = _Parts(request.headers, pieces, max_files=_MOST_FILES, max_fields=_MOST_TEXTS)
    try:
        parts = (await parser.parse()).multi_items()
    except MultiPartException as error:
        raise _bad(f"the form cannot be read: {error.message}") from None
    finally:
        await pieces.aclose()
    try:
        yield _arranged(parts)
    finally:
        for _, part in parts:
            if isinstance(part, UploadFile):
                part.file.close()


class _Parts(MultiPartParser):
    """Starlette's, with a bound on all texts together, and an end."""

    spool_max_size = _IN_MEMORY

    def __init__(
        self,
        headers: Headers,
        stream: AsyncGenerator[bytes, None],
        *,
        max_files: int,
        max_fields: int,
    ) -> None:
        super().__init__(
            headers, stream, max_files=max_files, max_fields=max_fields, max_part_size=_MOST_TEXT
        )
        self._left, self._ended = _MOST_TEXT, False

    @override
    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._current_part.file is None:
            self._left -= end - start
            if self._left < 0:
                raise MultiPartException(f"its texts have more than {_MOST_TEXT} bytes.")
        super().on_part_data(data, start, end)

    @override
    def on_end(self) -> None:
        self._ended = True

    @override
    async def parse(self) -> FormData:
        form = await super().parse()
        if not self._ended:
            # Half a file would be sent as if it were all of it.
            for file in self._files_to_close_on_error:
                file.close()
            raise MultiPartException("it ends before its last boundary.")
        return form


def _arranged(parts: list[tuple[str, str | UploadFile]]) -> Form:
    """``name[]`` is one of a list, ``name[key]`` a part of a mapping; a name that comes again makes a list."""
    form = Form()
    for name, part in parts:
        plain, bracket, rest = name.partition("[")
        key = rest.removesuffix("]")
        if isinstance(part, UploadFile):
            form.files.setdefault(plain, []).append(_upload(part, plain))
        elif bracket and key:
            _within(form.texts, plain, key, part)
        else:
            _beside(form.texts, plain, part, listed=bool(bracket))
    return form


def _within(texts: dict[str, Any], name: str, key: str, text: str) -> None:
    inner = texts.setdefault(name, {})
    if not isinstance(inner, dict) or key in inner:
        raise _bad(f"{name}[{key}] is said twice, or beside {name}", name)
    inner[key] = text


def _beside(texts: dict[str, Any], name: str, text: str, *, listed: bool) -> None:
    if name not in texts:
        texts[name] = [text] if listed else text
        return
    known = texts[name]
    if isinstance(known, dict):
        raise _bad(f"{name} is said beside {name}[…]", name)
    texts[name] = [*known, text] if isinstance(known, list) else [known, text]


def _upload(part: UploadFile, name: str) -> Upload:
    # A name is a name: never a place.
    own = (part.filename or "").replace("\\", "/").rpartition("/")[2][:255]
    try:
        return Upload.of((own, part.file), media_type=_media_type(part))
    except InvalidRequestError as error:
        raise _bad(error.message, name) from None


def _media_type(part: UploadFile) -> str | None:
    """What it is said to be; what says nothing is looked at."""
    told = (part.content_type or "").strip()
    known = told.partition(";")[0].count("/") == 1 and told.isascii() and told.isprintable()
    return told if known and told != "application/octet-stream" else None


def _bad(message: str, param: str | None = None) -> Refused:
    return Refused(400, message, "bad_request_error", param=param)
