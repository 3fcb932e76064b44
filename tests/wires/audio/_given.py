"""What the tests of these wires give and read."""

from __future__ import annotations

import json
from email import message_from_bytes
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from llmkit._calls import SpeechCall, TranscriptionCall
from llmkit._http import Endpoint, HTTPRequest, HTTPResponse
from llmkit._multipart import whole
from llmkit._upload import Upload

TO = Endpoint("https://host.test/v1")
WAV = ("a.wav", b"RIFF....WAVE")


def heard(file: Any = WAV, **options: Any) -> TranscriptionCall:
    """A transcription call; ``params`` are the call's."""
    fields = {"id": "call_0123", "provider": "acme", "model": "m", **options}
    return TranscriptionCall(file=Upload.of(file), **fields)


def spoken(text: str = "Hello", voice: Any = "nova", **options: Any) -> SpeechCall:
    """A speech call."""
    fields = {"id": "call_0123", "provider": "acme", "model": "m", **options}
    return SpeechCall(text=text, voice=voice, **fields)


def form(request: HTTPRequest) -> list[tuple[str, Any]]:
    """A form's parts in order: name and text, or name and (file name, type, bytes)."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    message = message_from_bytes(head + whole(request.content), policy=HTTP)
    parts: Any = message.get_payload()
    return [_part(part) for part in parts]


def _part(part: Any) -> tuple[str, Any]:
    name = part.get_param("name", header="content-disposition")
    data = part.get_payload(decode=True)
    if part.get_filename() is None:
        return name, data.decode()
    return name, (part.get_filename(), part.get_content_type(), data)


def query(request: HTTPRequest) -> list[tuple[str, str]]:
    """The query of an address."""
    return parse_qsl(urlsplit(request.url).query)


def answer(body: Any, status: int = 200, **headers: str) -> HTTPResponse:
    """An answer; what is no bytes is written as JSON."""
    kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HTTPResponse(status, {"content-type": kind, **named}, data)


def events(*bodies: Any) -> bytes:
    """Server-sent events."""
    return b"".join(b"data: " + json.dumps(body).encode() + b"\n\n" for body in bodies)


def fed(decoder: Any, data: bytes, size: int = 0) -> list[Any]:
    """All that a decoder yields, its bytes cut into pieces of ``size``."""
    step = size or max(1, len(data))
    made = [item for at in range(0, len(data), step) for item in decoder.feed(data[at : at + step])]
    return [*made, *decoder.finish()]
