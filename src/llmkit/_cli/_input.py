"""What the user gives, as messages: the question, files and standard input.

A file's kind is read from its first bytes, not from its name: names lie, and a pipe has none.
"""

from __future__ import annotations

import base64
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ._usage import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["messages", "piped"]

_LARGEST: Final = 50 * 1024 * 1024
_STDIN_NAME: Final = "stdin"

# (offset, bytes there, media type); the first row that fits counts.
_SIGNATURES: Final = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"%PDF-", "application/pdf"),
    (8, b"WAVE", "audio/wav"),
    (0, b"ID3", "audio/mp3"),
    (0, b"\xff\xfb", "audio/mp3"),
    (0, b"\xff\xf3", "audio/mp3"),
    (0, b"\xff\xf2", "audio/mp3"),
)


class Attachment(NamedTuple):
    """A named piece of input."""

    name: str
    data: bytes


def piped() -> bytes:
    """What is piped in, to its end; nothing if standard input is a terminal or closed."""
    stream = sys.stdin
    if stream is None or stream.closed or stream.isatty():
        return b""
    try:
        return stream.buffer.read()
    except OSError as error:
        raise UsageError(f"cannot read standard input: {error}") from None


def messages(
    question: str | None, system: str | None, paths: Iterable[str], stdin: bytes
) -> list[dict[str, Any]]:
    """The messages of one question.

    Raises `UsageError` if there is nothing to ask, or a file cannot be read or sent.
    """
    given = [_read(path) for path in paths]
    if stdin.strip():
        given = [Attachment(_STDIN_NAME, stdin), *given]
    if not question and given and given[0].name == _STDIN_NAME and not _media_type(stdin):
        question, given = _decoded(given[0]), given[1:]
    if not (question or "").strip() and not given:
        raise UsageError('there is no question; try: llmkit "why is the sky blue?"')
    head = [] if system is None else [{"role": "system", "content": system}]
    return [*head, {"role": "user", "content": _content(question or "", given)}]


def _read(path: str) -> Attachment:
    try:
        if (size := Path(path).stat().st_size) > _LARGEST:
            raise UsageError(f"{path} is too large to send ({size // 1024**2} MiB)")
        return Attachment(Path(path).name, Path(path).read_bytes())
    except FileNotFoundError:
        hint = "" if path.count(" ") else "; a question of several words needs quotes"
        raise UsageError(f"there is no file {path}{hint}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"cannot read {path}: {reason}") from None


def _content(question: str, given: Sequence[Attachment]) -> str | list[dict[str, Any]]:
    """Text where text is enough, parts where it is not: every provider takes a plain string."""
    kinds = [(attachment, _media_type(attachment.data)) for attachment in given]
    texts = [_fenced(attachment) for attachment, kind in kinds if not kind]
    parts = [_part(attachment, kind) for attachment, kind in kinds if kind]
    text = "\n\n".join(filter(None, [question, *texts]))
    return [*([{"type": "text", "text": text}] if text else []), *parts] if parts else text


def _media_type(data: bytes) -> str | None:
    for offset, signature, media_type in _SIGNATURES:
        if data.startswith(signature, offset):
            return media_type
    return None


def _part(attachment: Attachment, media_type: str) -> dict[str, Any]:
    encoded = base64.b64encode(attachment.data).decode("ascii")
    url = f"data:{media_type};base64,{encoded}"
    family, _, form = media_type.partition("/")
    if family == "image":
        return {"type": "image_url", "image_url": {"url": url}}
    if family == "audio":
        return {"type": "input_audio", "input_audio": {"data": encoded, "format": form}}
    return {"type": "file", "file": {"filename": attachment.name, "file_data": url}}


def _fenced(attachment: Attachment) -> str:
    """The text under its name, in a fence longer than any inside it."""
    text = _decoded(attachment).rstrip("\n")
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{attachment.name}:\n{fence}\n{text}\n{fence}"


def _decoded(attachment: Attachment) -> str:
    try:
        text = attachment.data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise UsageError(
            f"{attachment.name} is neither UTF-8 text nor an image, PDF, wav or mp3 file"
        )
    return text
