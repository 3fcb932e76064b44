"""Files that a provider keeps, in OpenAI's form: what was asked, what is known of them, their content. Data only.

Sources: the types of openai 3.54.0 and anthropic 2.12.0, and Gemini's v1beta reference, read 2026-11-22. Times are Unix
time in seconds, whatever the provider writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict, override

from .._json import load
from ._shown import plural
from .answer import Answer
from .params import CallOptions

__all__ = [
    "FileContent",
    "FileDeleted",
    "FileList",
    "FileListModelParams",
    "FileListParams",
    "FileModelParams",
    "FileObject",
    "FileParams",
]


class FileModelParams(TypedDict, total=False):
    """What goes to the provider. A key that is absent is not sent; ``None`` counts as absent."""

    purpose: str | None
    """What it is for: ``batch``, ``user_data``, ``fine-tune``, ``vision``, ``evals`` …; OpenAI must know."""
    expires_after: Mapping[str, Any] | int | None
    """When the file is removed: seconds, or OpenAI's ``{"anchor": "created_at", "seconds": …}``."""
    expires_in_seconds: int | None
    """Anthropic's name for the same."""
    display_name: str | None
    """The name shown for it, where that is not the file's own (Gemini)."""


class FileParams(FileModelParams, CallOptions, total=False):
    """All keywords of ``create_file`` but the file."""


class FileListModelParams(TypedDict, total=False):
    """What goes to the provider. A key that is absent is not sent; ``None`` counts as absent."""

    purpose: str | None
    """Only files of this purpose (OpenAI)."""
    limit: int | None
    """How many on a page."""
    after: str | None
    """``next_cursor`` of the page before."""
    order: str | None
    """``asc`` or ``desc`` by time (OpenAI)."""


class FileListParams(FileListModelParams, CallOptions, total=False):
    """All keywords of ``list_files``."""


class FileObject(Answer):
    """A file. ``uri`` is what a message names it by, where that is not the id (Gemini)."""

    absent_when_none: ClassVar[frozenset[str]] = frozenset({"mime_type", "uri", "downloadable"})

    id: str = ""
    object: str = "file"
    bytes: int | None = None
    created_at: int | None = None
    expires_at: int | None = None
    filename: str | None = None
    purpose: str | None = None
    status: str | None = None
    """``uploaded`` (being processed), ``processed``, ``error``."""
    mime_type: str | None = None
    uri: str | None = None
    downloadable: bool | None = None


class FileList(Answer):
    """A page of files: iterating goes through it, and no further.

    ``next_cursor`` goes into ``after`` for the next page; ``None``: this is the last.
    """

    absent_when_none: ClassVar[frozenset[str]] = frozenset({"first_id", "last_id"})

    object: str = "list"
    data: list[FileObject] = Field(default_factory=list)
    has_more: bool = False
    first_id: str | None = None
    last_id: str | None = None
    next_cursor: str | None = None

    @override
    def __iter__(self) -> Iterator[FileObject]:  # type: ignore[override]
        return iter(self.data)


class FileDeleted(Answer):
    """What is gone."""

    id: str = ""
    object: str = "file"
    deleted: bool = True


class FileContent(Answer):
    """A file's bytes."""

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    content: bytes = Field(default=b"", repr=False)
    media_type: str | None = None

    @property
    def text(self) -> str:
        """The content as text; bytes that are no UTF-8 become U+FFFD."""
        return self.content.decode("utf-8", "replace")

    def read(self) -> bytes:
        """The content, as the openai SDK has it."""
        return self.content

    @override
    def __repr__(self) -> str:
        return f"FileContent({plural(len(self.content), 'byte')} of {self.media_type or 'unknown kind'})"

    def json_lines(self) -> Iterator[Any]:
        """The values of a JSONL file. Raises ``ValueError`` for a line that is no JSON."""
        return (load(line) for line in self.content.split(b"\n") if line.strip())
