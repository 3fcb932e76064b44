"""The key of a call's answer: everything that is sent, where it goes, whose account it is, and for whom. Pure.

Two calls have one key if and only if they send the same. Of a request's JSON the order of names does not count, unless
it describes a schema, where models heed it; a number is what it is, however it is written. Files are their content.
Nothing of a request or a credential can be read out of a key: it is a hash, keyed by what the store was founded with.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from .._call import Call
from .._http import HTTPRequest
from .._multipart import Multipart
from .._secret import Secret
from .._upload import Upload

__all__ = [
    "VERSION",
    "account",
    "canonical",
    "key",
    "keys",
    "request_parts",
    "space",
    "spelled",
    "subject",
]

VERSION: Final = 1
"""Of keys and entries: what another version wrote is not found."""

_PERSON: Final = b"llmkit-cache"
_ORDERED: Final = b'"properties"'
"""What is in every description of an object's schema."""
_WHOLE: Final = 2**53
_UNSAID: Final = frozenset({
    "accept-encoding", "baggage", "content-length", "traceparent", "tracestate", "user-agent",
})  # fmt: skip
"""Headers that say nothing of what is asked."""
_OF_CALLS: Final = frozenset(field.name for field in fields(Call))


def key(salt: bytes, namespace: str, parts: Iterable[bytes]) -> str:
    """One name for all parts, in their order; its beginning is the namespace's, see ``space``."""
    return f"{space(salt, namespace)}{_begun(salt, namespace, parts).hexdigest()}"


def keys(salt: bytes, namespace: str, parts: Iterable[bytes], last: Iterable[bytes]) -> list[str]:
    """``key`` of the parts with each of those behind them."""
    begun, start = _begun(salt, namespace, parts), space(salt, namespace)
    found = []
    for part in last:
        made = begun.copy()
        _take(made, part)
        found.append(f"{start}{made.hexdigest()}")
    return found


def _begun(salt: bytes, namespace: str, parts: Iterable[bytes]) -> Any:
    made = hashlib.blake2b(digest_size=24, key=salt[:64], person=_PERSON)
    for part in (b"%d" % VERSION, namespace.encode("utf-8", "surrogatepass"), *parts):
        _take(made, part)
    return made


def _take(made: Any, part: bytes) -> None:
    # Its length first: ("ab", "c") is not ("a", "bc").
    made.update(len(part).to_bytes(8, "big"))
    made.update(part)


def space(salt: bytes, namespace: str) -> str:
    """What all keys of a namespace begin with."""
    text = namespace.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=8, key=salt[:64], person=_PERSON).hexdigest() + "."


def request_parts(
    request: HTTPRequest, digests: Sequence[str], without: Iterable[str] = ()
) -> Iterable[bytes]:
    """What a request says, part by part.

    Args:
        request: as it is written, without its credentials.
        digests: of its files' contents, in their order.
        without: headers that are another for each call.
    """
    yield request.method.encode()
    yield request.url.encode("utf-8", "surrogatepass")
    yield _headers(request, {*_UNSAID, *(name.lower() for name in without)})
    upload = request.upload
    if upload is None:
        yield canonical(request.body)
    elif isinstance(upload, Multipart):
        yield _text(sorted(upload.fields))
        yield _text([_file(name, file) for name, file in upload.files])
    yield _text(list(digests))


def _headers(request: HTTPRequest, unsaid: set[str]) -> bytes:
    said = {name.lower(): value for name, value in request.headers.items()}
    if isinstance(request.upload, Multipart):
        # The boundary is another each time.
        said["content-type"] = said.get("content-type", "").partition(";")[0]
    return _text(sorted(item for item in said.items() if item[0] not in unsaid))


def _file(field: str, file: Upload) -> Sequence[str]:
    """A file without its name, which may be anything; what the name ends in says what it is."""
    ending = file.name.rpartition(".")[2].lower() if "." in file.name else ""
    return field, ending, file.media_type, file.url or ""


def canonical(body: bytes) -> bytes:
    """JSON in one spelling; what is none, as it is."""
    try:
        read = json.loads(body, parse_float=_number)
    except (ValueError, RecursionError):
        return b"bytes:" + body
    if _ORDERED in body and isinstance(read, dict):
        return b"order:" + _text(sorted(read.items()))
    return b"json:" + _text(read, sort=True)


def _number(text: str) -> float | int:
    """1.0 is 1: JSON knows one kind of numbers."""
    value = float(text)
    return int(value) if abs(value) < _WHOLE and value.is_integer() else value


def subject(call: Call, digest_of: Mapping[int, str]) -> bytes:
    """What a call is about, for a wire that writes it in several requests. Raises TypeError for what is no data."""
    about = {
        field.name: getattr(call, field.name)
        for field in fields(call)
        if field.name not in _OF_CALLS
    }
    about |= {"params": call.params, "extra_body": call.extra_body}

    def written(value: Any) -> Any:
        if isinstance(value, Upload):
            return ["file", value.url or "", digest_of.get(id(value), "")]
        if isinstance(value, Mapping):
            return dict(value)
        if isinstance(value, bytes):
            return ["bytes", value.hex()]
        raise TypeError(f"{type(value).__name__} is no data")

    return _text(about, sort=True, default=written)


def account(salt: bytes, credentials: Iterable[tuple[str, Any]]) -> bytes:
    """Whose account it is: a keyed hash of each credential, and never one of them."""
    made = hashlib.blake2b(digest_size=24, key=salt[:64], person=b"llmkit-account")
    for name, value in sorted(credentials, key=lambda item: item[0]):
        text = value.reveal() if isinstance(value, Secret) else _said(value)
        for part in (name, text):
            data = part.encode("utf-8", "surrogatepass")
            made.update(len(data).to_bytes(8, "big"))
            made.update(data)
    return made.digest()


def spelled(value: Any) -> bytes:
    """A value of JSON in one spelling. Raises TypeError for what is none."""
    return _text(value, sort=True)


def _said(value: Any) -> str:
    return value if isinstance(value, str) else _text(value, sort=True, default=str).decode()


def _text(value: Any, *, sort: bool = False, default: Any = None) -> bytes:
    # In ASCII: half a character has no bytes of its own.
    return json.dumps(value, sort_keys=sort, separators=(",", ":"), default=default).encode()
