"""Parts of a message's content to blocks. Native blocks go through as given; so does what nobody knows yet.

OpenAI's forms: https://platform.openai.com/docs/api-reference/chat/create; the blocks:
https://platform.claude.com/docs/en/build-with-claude/vision and …/pdf-support, …/files; read 2026-11-22.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .._params import Ledger

if TYPE_CHECKING:
    from . import AnthropicMessages

__all__ = ["Parts"]

_DATA = re.compile(r"data:(?P<type>[^;,]*)(?:;[^;,]*)*?;base64,(?P<data>.*)", re.DOTALL)
_PDF = "application/pdf"
# Begins base64 of "%PDF-".
_PDF_START = "JVBERi"
# Written by many, registered by none.
_MEANT = {"image/jpg": "image/jpeg"}
_BESIDE = ("title", "context", "citations")


class Parts:
    """One call's parts on their way to blocks; ``kinds`` collects the types that were met."""

    def __init__(self, wire: AnthropicMessages, ledger: Ledger) -> None:
        self._wire, self._ledger = wire, ledger
        self.kinds: set[str] = set()

    def encode(self, path: str, parts: Any) -> list[Mapping[str, Any]]:
        """Write a list of parts; texts of nothing but white space are left out, and listed."""
        blocks = [self._part(f"{path}[{i}]", part) for i, part in enumerate(parts)]
        return [block for block in blocks if block is not None]

    def _part(self, path: str, part: Any) -> Mapping[str, Any] | None:
        if isinstance(part, str):
            part = {"type": "text", "text": part}
        if not isinstance(part, Mapping):
            raise self._ledger.invalid(
                f"{path} must be a dict with a type, not {type(part).__name__}"
            )
        kind = part.get("type")
        write = _WRITE.get(kind) if isinstance(kind, str) else None
        if write is not None:
            return write(self, path, part)
        self._note(part)
        return part

    def _note(self, block: Mapping[str, Any]) -> None:
        self.kinds.add(str(block.get("type")))
        source = block.get("source")
        if isinstance(source, Mapping):
            self.kinds.add(str(source.get("type")))

    def _text(self, path: str, part: Mapping[str, Any]) -> Mapping[str, Any] | None:
        text = part.get("text")
        if not isinstance(text, str):
            raise self._ledger.invalid(f"{path}.text must be a text, not {type(text).__name__}")
        if text.strip():
            return part
        self._ledger.adjust(path, "dropped", part, None, "empty texts are not taken")
        return None

    def _refusal(self, path: str, part: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"type": "text", "text": part.get("refusal")}

    def _none(self, path: str, part: Mapping[str, Any]) -> Mapping[str, Any]:
        raise self._ledger.invalid(
            f"{path}: {self._ledger.call.provider} takes no {part['type']!r} parts; leave it out, or ask "
            "another model"
        )

    def _image(self, path: str, part: Mapping[str, Any]) -> Mapping[str, Any]:
        image = part.get("image_url")
        url = image.get("url") if isinstance(image, Mapping) else image
        if not isinstance(url, str):
            raise self._ledger.invalid(f"{path}.image_url must have a url")
        detail = image.get("detail") if isinstance(image, Mapping) else None
        if detail not in (None, "auto"):
            reason = "there is no choice of detail"
            self._ledger.adjust(f"{path}.image_url.detail", "dropped", detail, None, reason)
        return self._block(path, part, self._source(path, url), "image")

    def _file(self, path: str, part: Mapping[str, Any]) -> Mapping[str, Any]:
        file = part.get("file")
        if not isinstance(file, Mapping):
            raise self._ledger.invalid(f"{path}.file must be a dict with file_id or file_data")
        kind = str(file.get("format") or file.get("mime_type") or "")
        source = self._file_source(path, file, kind)
        media = source.get("media_type") or kind
        block = self._block(path, part, source, "image" if _is_image(media) else "document")
        if block["type"] == "document":
            block |= {name: file[name] for name in _BESIDE if file.get(name) is not None}
            if file.get("filename"):
                block.setdefault("title", file["filename"])
        return block

    def _file_source(self, path: str, file: Mapping[str, Any], kind: str) -> dict[str, Any]:
        data = file.get("file_data") or file.get("file_url")
        if data is None and isinstance(file.get("file_id"), str):
            data = file["file_id"]
            if not data.startswith(("http://", "https://")):
                return {"type": "file", "file_id": data}
        if not isinstance(data, str):
            raise self._ledger.invalid(f"{path}.file must have file_id, file_data or file_url")
        if ":" not in data[:16]:
            # Bare base64: OpenAI takes it, and the type is then the format's, or a PDF's by its first bytes.
            data = f"data:{kind or (_PDF if data.startswith(_PDF_START) else '')};base64,{data}"
        return self._source(path, data)

    def _source(self, path: str, url: str) -> dict[str, Any]:
        if url.startswith(("http://", "https://")):
            if not self._wire.media_urls:
                raise self._ledger.invalid(
                    f"{path}: {self._ledger.call.provider} fetches no URLs; give the bytes as a data URL, or "
                    "set fetch_media=True to have them fetched"
                )
            return {"type": "url", "url": url}
        match = _DATA.fullmatch(url)
        if match is None:
            raise self._ledger.invalid(
                f"{path}: {url[:60]!r} is neither an http(s) URL nor a data URL in base64"
            )
        return self._data(path, match["type"], match["data"])

    def _data(self, path: str, media: str, data: str) -> dict[str, Any]:
        if media.startswith("text/"):
            return {"type": "text", "media_type": "text/plain", "data": self._decoded(path, data)}
        if not _is_image(media) and media != _PDF:
            raise self._ledger.invalid(
                f"{path}: {self._ledger.call.provider} takes images, PDF and text, not {media or 'this'!r}"
            )
        return {"type": "base64", "media_type": _MEANT.get(media, media), "data": data}

    def _decoded(self, path: str, data: str) -> str:
        try:
            return base64.b64decode(data, validate=True).decode()
        except ValueError:
            raise self._ledger.invalid(f"{path}: the data is no UTF-8 text in base64") from None

    def _block(
        self, path: str, part: Mapping[str, Any], source: dict[str, Any], kind: str
    ) -> dict[str, Any]:
        if source.get("media_type") in (_PDF, "text/plain"):
            kind = "document"
        beside = {k: v for k, v in part.items() if k in ("cache_control", *_BESIDE)}
        block = {"type": kind, "source": source, **beside}
        self._note(block)
        return block


def _is_image(media: str) -> bool:
    return media.startswith("image/")


_WRITE: dict[str, Callable[[Parts, str, Mapping[str, Any]], Mapping[str, Any] | None]] = {
    "text": Parts._text,  # noqa: SLF001 - the class's own table
    "refusal": Parts._refusal,  # noqa: SLF001
    "image_url": Parts._image,  # noqa: SLF001
    "file": Parts._file,  # noqa: SLF001
    "input_audio": Parts._none,  # noqa: SLF001
    "video_url": Parts._none,  # noqa: SLF001
}
