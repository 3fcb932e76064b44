"""What a part of a message attaches: a picture, a document, sound or film, and its bytes or address.

Parts in OpenAI's, Anthropic's, Gemini's and Bedrock's form. What it costs belongs in ``_media``.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from ._payload import Payload, data_url

__all__ = ["Attached", "apart", "attached", "kind_of_type"]


class Attached(NamedTuple):
    """``kind``: ``image``, ``pdf``, ``audio``, ``video``, ``text``, or ``file`` where that cannot be told.

    ``data`` is ``None`` for what lies elsewhere (an address, a file's id); ``detail`` is as asked for.
    ``sampled``: a film of which other than one frame a second was asked for, or only a piece.
    ``assumed``: the kind is what the part's type suggests; the address does not tell.
    """

    kind: str
    data: Payload | None
    detail: str | None = None
    sampled: bool = False
    assumed: bool = False


# Where messages and parts hold parts: content, a tool's output, Gemini's parts.
_HOLDERS: Final = ("content", "output", "parts")
_KINDS: Final = ("image", "audio", "video", "text")
_IMAGE: Final = ("png", "jpg", "jpeg", "gif", "webp", "bmp", "heic", "heif", "avif", "tif", "tiff")
_AUDIO: Final = ("wav", "mp3", "flac", "ogg", "oga", "opus", "m4a", "aac", "aiff")
_VIDEO: Final = ("mp4", "mov", "mpg", "mpeg", "avi", "webm", "mkv", "wmv", "flv", "3gp")
_TEXT: Final = (
    "txt",
    "md",
    "csv",
    "html",
    "htm",
    "css",
    "xml",
    "json",
    "log",
    "py",
    "js",
    "ts",
    "yaml",
    "yml",
    "toml",
)
_ENDINGS: Final = {
    "pdf": "pdf",
    **dict.fromkeys(_IMAGE, "image"),
    **dict.fromkeys(_AUDIO, "audio"),
    **dict.fromkeys(_VIDEO, "video"),
    **dict.fromkeys(_TEXT, "text"),
}
_MAGIC: Final = (
    (b"%PDF-", "pdf"),
    (b"\x89PNG", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF8", "image"),
)


def attached(part: Mapping[str, Any]) -> Attached | None:
    """What the part attaches; ``None`` if it is text, a tool's business, or of a form not known here."""
    name = part.get("type")
    forms = _FORMS if isinstance(name, str) else _UNTYPED
    if not isinstance(name, str):
        name = next((key for key in _UNTYPED if isinstance(part.get(key), Mapping)), "")
    read = forms.get(name)
    found = read(part) if read is not None else None
    if found is not None and (part.get("videoMetadata") or part.get("video_metadata")):
        return found._replace(sampled=True)
    return found


def apart(value: Any, parts: list[Mapping[str, Any]]) -> Any:
    """The message, conversation or part without what it attaches, which is added to ``parts``.

    The given value is left as it is; where nothing is attached it is itself returned.
    """
    if isinstance(value, list | tuple):
        kept = [item for item in value if not _taken(item, parts)]
        inner = [apart(item, parts) for item in kept]
        same = len(kept) == len(value) and all(map(operator.is_, inner, kept))
        return value if same else inner
    if not isinstance(value, Mapping):
        return value
    for key in _HOLDERS:
        held = value.get(key)
        if isinstance(held, list | tuple):
            rest = apart(held, parts)
            value = value if rest is held else {**value, key: rest}
    return value


def _taken(item: Any, parts: list[Mapping[str, Any]]) -> bool:
    if not isinstance(item, Mapping) or "role" in item or attached(item) is None:
        return False
    parts.append(item)
    return True


def kind_of_type(media_type: str, name: str = "") -> str:
    """The kind that a media type means, or else the ending of a file's name."""
    if not media_type:
        ending = name.partition("?")[0].partition("#")[0].rpartition(".")[2]
        return _ENDINGS.get(ending.lower(), "file")
    if media_type.startswith("application/pdf"):
        return "pdf"
    head = media_type.partition("/")[0].lower()
    return head if head in _KINDS else "file"


def _sniffed(kind: str, data: Payload) -> str:
    """The kind; where the type says nothing, what the first bytes say."""
    if kind != "file":
        return kind
    head = data.at(0, 8)
    return next((found for magic, found in _MAGIC if head.startswith(magic)), kind)


def _said(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _inner(part: Mapping[str, Any], key: str, plain: str) -> Mapping[str, Any]:
    """The mapping under a key; a plain text there is its ``plain`` field."""
    inner = part.get(key)
    if isinstance(inner, Mapping):
        return inner
    return {plain: inner} if isinstance(inner, str | bytes) else {}


def _at(address: Any, fallback: str, detail: Any = None) -> Attached:
    """What an address holds: the bytes of a data URL, or something elsewhere."""
    url = _said(address)
    inline = data_url(url)
    level = _level(detail)
    if inline is None:
        kind = kind_of_type("", url)
        assumed = kind in ("file", "text")
        return Attached(fallback if assumed else kind, None, level, assumed=assumed)
    kind = kind_of_type(inline[0])
    return Attached(fallback if kind == "file" else kind, inline[1], level)


def _level(detail: Any) -> str | None:
    """A level of detail by its short name: ``MEDIA_RESOLUTION_HIGH`` and ``high`` are one."""
    if isinstance(detail, Mapping):
        detail = detail.get("level")
    return _said(detail).lower().removeprefix("media_resolution_") or None


def _url(kind: str, key: str) -> Callable[[Mapping[str, Any]], Attached]:
    def read(part: Mapping[str, Any]) -> Attached:
        inner = _inner(part, key, "url")
        # Beside an object, which has a place for it, it may be passed over.
        detail = inner if isinstance(part.get(key), Mapping) else part
        return _at(inner.get("url"), kind, detail.get("detail"))

    return read


def _input_audio(part: Mapping[str, Any]) -> Attached:
    data = _inner(part, "input_audio", "data").get("data")
    return Attached("audio", Payload(data) if isinstance(data, str | bytes) and data else None)


def _file(part: Mapping[str, Any]) -> Attached:
    inner = _inner(part, "file", "file_id") if "file" in part else part
    data = inner.get("file_data")
    told = _said(inner.get("mime_type") or inner.get("format"))
    name = _said(inner.get("filename") or inner.get("file_url"))
    kind = kind_of_type(told if "/" in told else "", name if not told else f".{told}")
    if not isinstance(data, str | bytes) or not data:
        return Attached(kind, None)
    if isinstance(data, str) and not _bare(data):
        return _at(data, kind)
    payload = Payload(data)
    return Attached(_sniffed(kind, payload), payload)


def _bare(data: str) -> bool:
    return not data.startswith(("data:", "http://", "https://", "gs://"))


def _source(kind: str) -> Callable[[Mapping[str, Any]], Attached | None]:
    """Anthropic's block: a source of base64, text, an address or a file's id."""

    def read(part: Mapping[str, Any]) -> Attached | None:
        source = part.get("source")
        if not isinstance(source, Mapping):
            return _interaction(part, kind)
        data, form = source.get("data"), source.get("type")
        if form == "text":
            return Attached("text", Payload(_said(data).encode("utf-8", "replace")))
        if form not in ("base64", "url", "file"):
            return None
        if not isinstance(data, str) or form != "base64":
            return Attached(kind, None)
        return Attached(kind, Payload(data))

    return read


def _interaction(part: Mapping[str, Any], kind: str) -> Attached | None:
    """The flat form: ``{"type": "image", "data", "mime_type", "resolution"}``."""
    data = part.get("data")
    if not isinstance(data, str | bytes) and not isinstance(part.get("uri"), str):
        return None
    payload = Payload(data) if isinstance(data, str | bytes) else None
    found = kind_of_type(_said(part.get("mime_type")))
    return Attached(kind if found == "file" else found, payload, _level(part.get("resolution")))


def _blob(part: Mapping[str, Any]) -> Attached | None:
    """Gemini's ``inlineData`` and ``fileData``, in both spellings."""
    inner: Mapping[str, Any] = next(
        (part[key] for key in _BLOBS if isinstance(part.get(key), Mapping)), {}
    )
    told = _said(inner.get("mimeType") or inner.get("mime_type"))
    address = _said(inner.get("fileUri") or inner.get("file_uri"))
    data = inner.get("data")
    payload = Payload(data) if isinstance(data, str | bytes) else None
    kind = kind_of_type(told, address)
    if payload is not None:
        kind = _sniffed(kind, payload)
    return Attached(
        kind, payload, _level(part.get("mediaResolution") or part.get("media_resolution"))
    )


def _converse(kind: str, key: str) -> Callable[[Mapping[str, Any]], Attached | None]:
    """Bedrock's block: ``{"image": {"format", "source": {"bytes"}}}``."""

    def read(part: Mapping[str, Any]) -> Attached | None:
        source = part[key].get("source")
        if not isinstance(source, Mapping):
            return None
        data = source.get("bytes")
        text = source.get("text")
        if isinstance(text, str):
            return Attached("text", Payload(text.encode("utf-8", "replace")))
        payload = Payload(data) if isinstance(data, str | bytes) else None
        ending = f".{_said(part[key].get('format'))}"
        return Attached(kind if kind != "file" else kind_of_type("", ending), payload)

    return read


_BLOBS: Final = ("inlineData", "inline_data", "fileData", "file_data")
_CONVERSE: Final = {"image": "image", "document": "file", "audio": "audio", "video": "video"}
_Reader = Callable[[Mapping[str, Any]], Attached | None]
_FORMS: Final[Mapping[str, _Reader]] = {
    "image_url": _url("image", "image_url"),
    "input_image": _url("image", "image_url"),
    "video_url": _url("video", "video_url"),
    "document_url": _url("pdf", "document_url"),
    "input_audio": _input_audio,
    "file": _file,
    "input_file": _file,
    "image": _source("image"),
    "document": _source("pdf"),
    "audio": _source("audio"),
    "video": _source("video"),
}
# Parts without a type say by a key what they are.
_UNTYPED: Final[Mapping[str, _Reader]] = {
    **dict.fromkeys(_BLOBS, _blob),
    **{key: _converse(kind, key) for key, kind in _CONVERSE.items()},
}
