"""Parts of a message to Gemini's: text, inline bytes, files by address. What would have to be fetched is refused.

Source: ``Blob`` and ``FileData`` of the v1beta reference (docs/wires/gemini.md), read 2026-11-22.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote_to_bytes

from .._params import Ledger
from ._models import thinks_by_level

__all__ = ["Media", "data_url"]

_DATA_URL = re.compile(r"data:([^,]*?)(;base64)?,(.*)", re.DOTALL | re.IGNORECASE)
# By the ending of an address: the API wants to be told, and nothing is fetched to find out.
_TYPES = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp", "gif": "image/gif",
    "heic": "image/heic", "heif": "image/heif", "pdf": "application/pdf", "txt": "text/plain",
    "html": "text/html", "css": "text/css", "csv": "text/csv", "md": "text/md", "xml": "text/xml",
    "mp3": "audio/mp3", "wav": "audio/wav", "aac": "audio/aac", "ogg": "audio/ogg", "flac": "audio/flac",
    "aiff": "audio/aiff", "mp4": "video/mp4", "mpeg": "video/mpeg", "mpg": "video/mpg", "mov": "video/mov",
    "avi": "video/avi", "flv": "video/x-flv", "webm": "video/webm", "wmv": "video/wmv", "3gp": "video/3gpp",
}  # fmt: skip
_ADDRESSES = ("http://", "https://", "gs://")
_DETAILS = {"low": "MEDIA_RESOLUTION_LOW", "high": "MEDIA_RESOLUTION_HIGH"}


def data_url(url: str) -> dict[str, Any] | None:
    """A data URL (RFC 2397) as ``inlineData``; ``None`` where it is none."""
    match = _DATA_URL.fullmatch(url)
    if match is None:
        return None
    kind, is_base64, data = match.groups()
    if not is_base64:
        data = base64.b64encode(unquote_to_bytes(data)).decode("ascii")
    return {"inlineData": {"mimeType": kind or "text/plain", "data": data}}


class Media:
    """Content parts on their way to the wire. ``prefixes`` are addresses the host reads by itself."""

    def __init__(self, ledger: Ledger, prefixes: Sequence[str]) -> None:
        self._ledger, self._prefixes = ledger, tuple(prefixes)

    def parts(self, path: str, content: Any) -> list[dict[str, Any]]:
        """A message's content: a text, or a list of parts."""
        if content is None:
            return []
        if isinstance(content, str):
            return [{"text": content}]
        if not isinstance(content, Sequence) or isinstance(content, bytes):
            kind = type(content).__name__
            raise self._ledger.invalid(f"{path} must be text or a list of parts, not {kind}")
        return [self._part(f"{path}[{i}]", part) for i, part in enumerate(content)]

    def _part(self, path: str, part: Any) -> dict[str, Any]:
        if isinstance(part, str):
            return {"text": part}
        if not isinstance(part, Mapping):
            kind = type(part).__name__
            raise self._ledger.invalid(f"{path} must be a dict with a type, not {kind}")
        made = _PARTS.get(str(part.get("type")), Media._unknown)(self, path, part)
        if "cache_control" in part:
            why = "the provider caches prompts by itself; explicit caches go in extra_body's cachedContent"
            self._ledger.adjust(
                f"{path}.cache_control", "dropped", part["cache_control"], None, why
            )
        if part.get("video_metadata"):
            made["videoMetadata"] = part["video_metadata"]
        return made

    def _unknown(self, path: str, part: Mapping[str, Any]) -> dict[str, Any]:
        known = ", ".join(_PARTS)
        raise self._ledger.invalid(
            f"{path}: {self._ledger.call.provider} takes no {part.get('type')!r} parts; it takes {known}"
        )

    def _text(self, path: str, part: Mapping[str, Any]) -> dict[str, Any]:
        text = part.get("text", part.get("refusal"))
        if not isinstance(text, str):
            raise self._ledger.invalid(f"{path}.text must be text, not {type(text).__name__}")
        return {"text": text}

    def _url(self, path: str, part: Mapping[str, Any]) -> dict[str, Any]:
        kind = str(part["type"])
        inner = part.get(kind)
        inner = {"url": inner} if isinstance(inner, str) else inner
        if not isinstance(inner, Mapping) or not isinstance(inner.get("url"), str):
            raise self._ledger.invalid(f"{path}.{kind}.url is missing")
        made = self._address(f"{path}.{kind}.url", inner["url"], inner)
        return made | self._resolution(f"{path}.{kind}.detail", inner.get("detail"))

    def _resolution(self, path: str, detail: Any) -> dict[str, Any]:
        if detail in (None, "auto"):
            return {}
        if (
            isinstance(detail, str)
            and detail in _DETAILS
            and thinks_by_level(self._ledger.call.model)
        ):
            return {"mediaResolution": {"level": _DETAILS[detail]}}
        self._ledger.adjust(
            path, "dropped", detail, None, "this model has one resolution for all parts"
        )
        return {}

    def _address(self, path: str, url: str, said: Mapping[str, Any]) -> dict[str, Any]:
        inline = data_url(url)
        if inline is not None:
            return inline
        if url.startswith(self._prefixes):
            return _file(url, said)
        raise self._ledger.invalid(
            f"{path}: {self._ledger.call.provider} does not read {url.partition('?')[0]!r:.200}; send the bytes "
            "as a data URL (data:image/png;base64,…), upload the file and give its uri as file_id of a 'file' part, "
            "or set fetch_media=True to have it fetched"
        )

    def _audio(self, path: str, part: Mapping[str, Any]) -> dict[str, Any]:
        inner = part.get("input_audio")
        if not isinstance(inner, Mapping) or not isinstance(inner.get("data"), str):
            raise self._ledger.invalid(f"{path}.input_audio must have data (base64) and format")
        return {
            "inlineData": {
                "mimeType": f"audio/{inner.get('format') or 'wav'}",
                "data": inner["data"],
            }
        }

    def _document(self, path: str, part: Mapping[str, Any]) -> dict[str, Any]:
        inner = part.get("file")
        if not isinstance(inner, Mapping):
            raise self._ledger.invalid(f"{path}.file must have file_data, file_url or file_id")
        if isinstance(inner.get("file_data"), str):
            return self._bytes(f"{path}.file.file_data", inner["file_data"], inner)
        if isinstance(inner.get("file_url"), str):
            return self._address(f"{path}.file.file_url", inner["file_url"], inner)
        if not isinstance(inner.get("file_id"), str):
            raise self._ledger.invalid(f"{path}.file must have file_data, file_url or file_id")
        return _file(inner["file_id"], inner)

    def _bytes(self, path: str, data: str, said: Mapping[str, Any]) -> dict[str, Any]:
        """``file_data``: a data URL, or bare base64 whose type the file's name tells."""
        inline = data_url(data)
        if inline is not None:
            return inline
        if data.startswith(_ADDRESSES):
            return self._address(path, data, said)
        kind = _type(str(said.get("filename") or ""), said)
        if kind is None:
            raise self._ledger.invalid(
                f"{path} must be a data URL, such as data:application/pdf;base64,…"
            )
        return {"inlineData": {"mimeType": kind, "data": data}}


def _file(uri: str, said: Mapping[str, Any]) -> dict[str, Any]:
    kind = _type(uri, said)
    return {"fileData": {"fileUri": uri, **({"mimeType": kind} if kind else {})}}


def _type(name: str, said: Mapping[str, Any]) -> str | None:
    """The media type: as the caller says (``format``, LiteLLM's name, or ``mime_type``), or by the ending."""
    told = said.get("mime_type") or said.get("format")
    if isinstance(told, str):
        return told if "/" in told else _TYPES.get(told)
    return _TYPES.get(name.partition("?")[0].rpartition(".")[2].lower())


_PARTS: dict[str, Callable[[Media, str, Mapping[str, Any]], dict[str, Any]]] = {
    "text": Media._text,  # noqa: SLF001 - the class's own table
    "refusal": Media._text,  # noqa: SLF001
    "image_url": Media._url,  # noqa: SLF001
    "video_url": Media._url,  # noqa: SLF001
    "document_url": Media._url,  # noqa: SLF001
    "input_audio": Media._audio,  # noqa: SLF001
    "file": Media._document,  # noqa: SLF001
}
