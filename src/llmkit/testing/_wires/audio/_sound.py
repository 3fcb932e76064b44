"""What the simulated audio APIs share: recordings that come in, what is heard in them, and sounds that go out. Pure.

Nothing is recognised: what is heard is the simulated model's answer to the name and size of the file.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

from ..._asked import Asked, fingerprint
from ..._tokens import split
from .._wire import Reply, Say

__all__ = ["Clip", "Refused", "fields_of", "json_reply", "query_of", "sound", "words_of"]

_BOUNDARY: Final = re.compile(r'boundary="?([^";,]+)"?')
_NAME: Final = re.compile(r'\bname="([^"]*)"')
_FILE: Final = re.compile(r'filename="([^"]*)"')
# Seconds of speech that a word takes, and bytes a second of a usual recording.
_PER_WORD: Final = 0.4
_BYTES: Final = 16_000
_SOUND: Final[Mapping[str, tuple[bytes, str]]] = {
    "mp3": (b"ID3\x04", "audio/mpeg"),
    "opus": (b"OggS", "audio/ogg"),
    "aac": (b"\xff\xf1", "audio/aac"),
    "flac": (b"fLaC", "audio/flac"),
    "wav": (b"RIFF\xff\xff\xff\xffWAVE", "audio/wav"),
    "pcm": (b"\0\0", "audio/pcm"),
}


class Refused(Exception):
    """A request that is answered by an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording, and what is said in it."""

    digest: str
    text: str
    seconds: float

    @classmethod
    def of(cls, model: str, name: str, data: bytes, say: Say) -> Clip:
        """What the simulated model hears."""
        digest = fingerprint([model, hashlib.sha256(data).hexdigest()])
        asked = Asked(model, digest, 1, f"{name}, {len(data)} bytes", ("audio clip",))
        said = say(asked).choices[0].content or ""
        return cls(digest, said, round(max(len(data) / _BYTES, len(said.split()) * _PER_WORD), 2))

    @property
    def tokens(self) -> tuple[int, int]:
        """Tokens heard and written."""
        return max(1, round(self.seconds * 10)), len(split(self.text))


def words_of(clip: Clip) -> list[tuple[str, float, float]]:
    """Each word, and when it begins and ends."""
    return [
        (word, round(at * _PER_WORD, 2), round((at + 1) * _PER_WORD, 2))
        for at, word in enumerate(clip.text.split())
    ]


def fields_of(
    headers: Mapping[str, str], body: bytes
) -> tuple[dict[str, list[str]], tuple[str, bytes] | None]:
    """A form's fields, and its file. Raises ``Refused`` where it is none."""
    found = _BOUNDARY.search(headers.get("content-type", ""))
    if not headers.get("content-type", "").startswith("multipart/form-data") or found is None:
        raise Refused(400, "Expected a multipart/form-data request.")
    fields: dict[str, list[str]] = {}
    file: tuple[str, bytes] | None = None
    for part in (b"\r\n" + body).split(b"\r\n--" + found[1].encode())[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        told = head.decode("utf-8", "replace")
        name, filename = _NAME.search(told), _FILE.search(told)
        if filename is not None:
            file = filename[1], content
        elif name is not None:
            fields.setdefault(name[1].removesuffix("[]"), []).append(
                content.decode("utf-8", "replace")
            )
    return fields, file


def query_of(path: str) -> dict[str, list[str]]:
    """A query's values by name."""
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(path.partition("?")[2], keep_blank_values=True):
        found.setdefault(name, []).append(value)
    return found


def sound(text: str, voice: str, form: str) -> tuple[bytes, str]:
    """What is said, as a sound: the beginning of its format, and bytes that stand for text and voice."""
    begin, kind = _SOUND.get(form, (b"", "application/octet-stream"))
    noise = b"".join(
        hashlib.sha256(f"{voice} {word} {at}".encode()).digest()
        for at, word in enumerate(text.split())
    )
    return begin + noise, kind


def json_reply(value: Any, status: int = 200) -> Reply:
    """A body in JSON."""
    return Reply(status, json.dumps(value, ensure_ascii=False).encode(errors="replace"))
