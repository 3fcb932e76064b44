"""Parts of a message's content to blocks: text, images, documents, video, audio, marks for the cache.

Sources: ``ContentBlock`` and its kin in the service model, read 2026-11-22. A block in the dialect's own form (one
key that names it) goes through as it is.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from .._params import Ledger

__all__ = ["NATIVE_TOOLS", "Parts", "cache_point"]

NATIVE_TOOLS = ("toolSpec", "systemTool", "cachePoint")
_NATIVE = frozenset({
    "text", "image", "document", "video", "audio", "toolUse", "toolResult", "guardContent", "cachePoint",
    "reasoningContent", "citationsContent", "searchResult", "toolAddition", "toolRemoval", "json",
})  # fmt: skip
_DATA = re.compile(r"data:([^;,]*)((?:;[^,]*)?),(.*)", re.DOTALL)
_S3 = "s3://"
_MEDIA = frozenset({"image", "video", "audio"})
# Media type (or the end of a name) to the word that the dialect has for it, where that is not its second half.
_FORMATS: dict[str, str] = {
    "image/jpg": "jpeg",
    "video/quicktime": "mov",
    "video/x-matroska": "mkv",
    "video/x-flv": "flv",
    "video/x-ms-wmv": "wmv",
    "video/3gpp": "three_gp",
    "audio/mpeg": "mp3",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/x-m4a": "m4a",
    "text/plain": "txt",
    "text/markdown": "md",
    "text/html": "html",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}
_DOCUMENTS = frozenset({"pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"})
_ENDINGS = {"jpg": "jpeg", "3gp": "three_gp", "htm": "html", "markdown": "md"}
_KINDS: dict[str, str] = {
    **dict.fromkeys(_DOCUMENTS, "document"),
    **dict.fromkeys(("png", "jpeg", "gif", "webp"), "image"),
    **dict.fromkeys(
        ("mkv", "mov", "mp4", "webm", "flv", "mpeg", "mpg", "wmv", "three_gp"), "video"
    ),
    **dict.fromkeys(("mp3", "opus", "wav", "aac", "flac", "ogg", "m4a"), "audio"),
}
_UNFIT = re.compile(r"[^0-9A-Za-z \-()\[\]]|(?<= ) ")
_LONGEST_NAME = 200
_BESIDE = ("context", "citations")


def cache_point(mark: Any) -> dict[str, Any]:
    """A mark for the cache as a block of its own; ``ttl`` is kept."""
    ttl = mark.get("ttl") if isinstance(mark, Mapping) else None
    return {"cachePoint": {"type": "default"} | ({} if ttl is None else {"ttl": ttl})}


class Parts:
    """One call's parts on their way to blocks; documents are counted, because each must have a name."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._documents = 0

    def encode(self, path: str, parts: Any) -> list[Any]:
        """Write a list of parts; empty texts are left out, and listed."""
        blocks: list[Any] = []
        for i, part in enumerate(parts):
            blocks += self._part(f"{path}[{i}]", part)
        return blocks

    def _part(self, path: str, part: Any) -> list[Any]:
        if isinstance(part, str):
            part = {"type": "text", "text": part}
        if not isinstance(part, Mapping):
            raise self._ledger.invalid(
                f"{path} must be a dict with a type, not {type(part).__name__}"
            )
        if "type" not in part and not _NATIVE.isdisjoint(part):
            return [part]
        kind = part.get("type")
        write = _WRITE.get(kind) if isinstance(kind, str) else None
        if write is None:
            raise self._ledger.invalid(
                f"{path}.type is {kind!r:.80}; it must be one of {', '.join(_WRITE)}, or a block in the "
                "provider's own form, such as {'document': …}"
            )
        block, mark = write(self, path, part), part.get("cache_control")
        if block is None:
            return []
        return [block] if mark is None else [block, cache_point(mark)]

    def _text(self, path: str, part: Mapping[str, Any]) -> dict[str, Any] | None:
        text = part.get("text") if part.get("type") != "refusal" else part.get("refusal")
        if not isinstance(text, str):
            raise self._ledger.invalid(f"{path}.text must be a text, not {type(text).__name__}")
        if not text:
            self._ledger.adjust(path, "dropped", text, None, "empty texts are not taken")
            return None
        return {"text": text}

    def _guarded(self, path: str, part: Mapping[str, Any]) -> dict[str, Any]:
        return {"guardContent": {"text": {"text": part.get("text")}}}

    def _image(self, path: str, part: Mapping[str, Any]) -> dict[str, Any]:
        given = part.get("image_url")
        url = given.get("url") if isinstance(given, Mapping) else given
        detail = given.get("detail") if isinstance(given, Mapping) else None
        if detail not in (None, "auto"):
            reason = "how closely it looks cannot be chosen"
            self._ledger.adjust(f"{path}.image_url.detail", "dropped", detail, None, reason)
        return self._media(f"{path}.image_url", url, given if isinstance(given, Mapping) else {})

    def _video(self, path: str, part: Mapping[str, Any]) -> dict[str, Any]:
        given = part.get("video_url")
        url = given.get("url") if isinstance(given, Mapping) else given
        return self._media(f"{path}.video_url", url, given if isinstance(given, Mapping) else {})

    def _audio(self, path: str, part: Mapping[str, Any]) -> dict[str, Any]:
        given = part.get("input_audio")
        if not isinstance(given, Mapping) or not isinstance(given.get("data"), str):
            raise self._ledger.invalid(
                f"{path}.input_audio must be {{'data': base64, 'format': …}}"
            )
        return {"audio": {"format": given.get("format"), "source": {"bytes": given["data"]}}}

    def _file(self, path: str, part: Mapping[str, Any]) -> dict[str, Any]:
        file = part.get("file")
        if not isinstance(file, Mapping):
            raise self._ledger.invalid(f"{path}.file must be a dict with file_data")
        url = file.get("file_data") or file.get("file_url") or file.get("file_id")
        if isinstance(url, str) and ":" not in url[:16]:
            kind = "application/pdf" if url.startswith("JVBERi") else ""
            url = f"data:{file.get('format') or kind};base64,{url}"
        return self._media(f"{path}.file", url, {**part, **file})

    def _media(self, path: str, url: Any, beside: Mapping[str, Any]) -> dict[str, Any]:
        """A block of what stands at an address: bytes in it, or an object in S3."""
        given = beside.get("format")
        told = given if isinstance(given, str) else ""
        if isinstance(url, str) and url.startswith(_S3):
            kind, form = _kind(told, url)
            return self._block(path, kind, form, {"s3Location": {"uri": url}}, beside)
        match = _DATA.fullmatch(url) if isinstance(url, str) else None
        if match is None:
            raise self._ledger.invalid(
                f"{path}: {str(url)[:60]!r} must be a data URL or an s3:// address; {self._ledger.call.provider} "
                "fetches nothing else: set fetch_media=True to have it fetched"
            )
        media, options, data = match.groups()
        if not options.endswith(";base64"):
            data = base64.b64encode(unquote_to_bytes(data)).decode("ascii")
        kind, form = _kind(told or media, str(beside.get("filename") or ""))
        return self._block(path, kind, form, {"bytes": data}, beside)

    def _block(
        self, path: str, kind: str, form: str, source: dict[str, Any], beside: Mapping[str, Any]
    ) -> dict[str, Any]:
        if not kind:
            raise self._ledger.invalid(
                f"{path}: {self._ledger.call.provider} takes images, video, audio and documents "
                f"({', '.join(sorted(_DOCUMENTS))}), not {form or 'what has no media type'!r:.80}"
            )
        if kind == "document":
            return {kind: self._document(path, form, source, beside)}
        return {kind: {"format": form, "source": source}}

    def _document(
        self, path: str, form: str, source: dict[str, Any], beside: Mapping[str, Any]
    ) -> dict[str, Any]:
        self._documents += 1
        made = {"format": form, "name": self._name(path, beside), "source": source}
        return made | {name: beside[name] for name in _BESIDE if beside.get(name) is not None}

    def _name(self, path: str, beside: Mapping[str, Any]) -> str:
        """A name made of what names may have; one that is not given is a number."""
        given = beside.get("title") or beside.get("filename")
        if not isinstance(given, str):
            made = f"document {self._documents}"
            self._ledger.adjust(f"{path}.filename", "defaulted", None, made, "each needs a name")
            return made
        stem = given if beside.get("title") else given.rpartition(".")[0] or given
        made = _UNFIT.sub("-", stem)[:_LONGEST_NAME] or f"document {self._documents}"
        if made != given:
            reason = "a name has letters, digits, single spaces, hyphens and brackets only"
            self._ledger.adjust(f"{path}.filename", "clamped", given, made, reason)
        return made


def _kind(media: str, name: str) -> tuple[str, str]:
    """Which block a media type (or a bare format) and a name make, and the dialect's word for the format."""
    media = media.lower()
    family, _, _ = media.partition("/")
    form = _FORMATS.get(media) or media.rpartition("/")[2]
    if family in _MEDIA and "/" in media:
        return family, form
    form = form if form in _KINDS else _ending(name)
    if form not in _KINDS and family == "text":
        form = "txt"
    return _KINDS.get(form, ""), form if form in _KINDS else media


def _ending(name: str) -> str:
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    return _ENDINGS.get(ending, ending)


_WRITE: dict[str, Callable[[Parts, str, Mapping[str, Any]], dict[str, Any] | None]] = {
    "text": Parts._text,  # noqa: SLF001 - the class's own table
    "refusal": Parts._text,  # noqa: SLF001
    "guarded_text": Parts._guarded,  # noqa: SLF001
    "image_url": Parts._image,  # noqa: SLF001
    "video_url": Parts._video,  # noqa: SLF001
    "input_audio": Parts._audio,  # noqa: SLF001
    "file": Parts._file,  # noqa: SLF001
}
