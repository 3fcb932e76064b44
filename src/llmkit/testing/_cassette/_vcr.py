"""vcrpy's cassettes, for replay only: its present layout, and those of its older versions and of its httpx stubs.

YAML needs PyYAML, which whoever records with vcrpy has; llmkit does not depend on it.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ...errors import CassetteError
from ._forms import form
from ._values import Exchange, Request, Response

__all__ = ["is_vcr", "vcr_exchanges", "yaml_value"]

_GZIP: Final = b"\x1f\x8b"
_CODINGS: Final = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})
_TEXTS: Final = ("tag:yaml.org,2002:python/str", "tag:yaml.org,2002:python/unicode")


def yaml_value(path: Path, text: str) -> Any:
    """The file's value. Raises `CassetteError` without PyYAML, and for what is no plain YAML."""
    try:
        import yaml  # noqa: PLC0415 - only for who has such files
    except ImportError:
        raise CassetteError(
            f"{path} is YAML, which PyYAML reads: pip install pyyaml (vcrpy's JSON cassettes need nothing)"
        ) from None
    loader = type("_Loader", (getattr(yaml, "CSafeLoader", yaml.SafeLoader),), {})
    for tag in _TEXTS:
        loader.add_constructor(tag, lambda made, node: made.construct_scalar(node))  # type: ignore[attr-defined]
    try:
        # Safe: the loader makes plain values only.
        return yaml.load(text, Loader=loader)  # noqa: S506
    except yaml.YAMLError as error:
        raise CassetteError(f"{path} is no YAML that can be read: {error}") from None


def is_vcr(document: Any) -> bool:
    """Whether this is a cassette of vcrpy's. Before its version 1 it was a bare list."""
    if isinstance(document, Mapping):
        return isinstance(document.get("interactions"), list)
    return isinstance(document, list)


def vcr_exchanges(document: Any, path: Path) -> list[Exchange]:
    """Its interactions. Raises `CassetteError` where they are damaged, or compressed in a way that is not ours."""
    items = document["interactions"] if isinstance(document, Mapping) else document
    made = []
    for number, item in enumerate(items, 1):
        try:
            made.append(_exchange(item))
        except (KeyError, TypeError, ValueError, AttributeError, zlib.error) as error:
            raise CassetteError(
                f"{path}: interaction {number} cannot be read: {type(error).__name__}: {error}"
            ) from None
    return made


def _exchange(item: Mapping[str, Any]) -> Exchange:
    request, response = item["request"], item["response"]
    headers = _headers(request.get("headers"))
    body = _bytes(request.get("body"))
    asked = Request(
        str(request["method"]).upper(),
        _url(request),
        headers,
        form(headers.get("content-type", _guessed(body)), body),
    )
    return Exchange(asked, _response(response), every_header=False)


def _guessed(body: bytes) -> str:
    """A form's type, where a filter took the headers away."""
    return (
        ""
        if body.startswith((b"{", b"["))
        else "application/x-www-form-urlencoded" * (b"=" in body)
    )


def _url(request: Mapping[str, Any]) -> str:
    if "uri" in request:
        return str(request["uri"])
    port = request.get("port")
    where = request["host"] if port in (None, 80, 443) else f"{request['host']}:{port}"
    return f"{request.get('protocol', 'https')}://{where}{request.get('path', '/')}"


def _headers(given: Any) -> dict[str, str]:
    """Headers by name, or as a list of pairs; a value may be a list, too."""
    pairs = given.items() if isinstance(given, Mapping) else (given or ())
    made: dict[str, str] = {}
    for name, value in pairs:
        values = value if isinstance(value, list | tuple) else [value]
        made[_text(name).lower()] = ", ".join(_text(item) for item in values)
    return made


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _bytes(body: Any) -> bytes:
    """A body as text, bytes, {string: …} or {base64_string: …}."""
    if isinstance(body, Mapping):
        if "base64_string" in body:
            return base64.b64decode(body["base64_string"])
        if "string" not in body and "encoding" not in body:
            raise ValueError(f"a body of {', '.join(map(str, body)) or 'nothing'}")
        body = body.get("string")
    if body is None:
        return b""
    return body if isinstance(body, bytes) else str(body).encode("utf-8")


def _response(item: Mapping[str, Any]) -> Response:
    headers = _headers(item.get("headers"))
    status = item["status_code"] if "status_code" in item else item["status"]
    code = status["code"] if isinstance(status, Mapping) else status
    body = _content(item["content"]) if "content" in item else _bytes(item.get("body"))
    body = _plain(headers.pop("content-encoding", "").strip().lower(), body)
    return Response(int(code), headers, (body,) if body else ())


def _content(content: Any) -> bytes:
    """The older httpx stubs' body: text, or base64 where it was none."""
    data = _bytes(content)
    try:
        plain = base64.b64decode(data, validate=True)
    except binascii.Error:
        return data
    # Any word of the right length is base64: it was meant so only where it is no text.
    return plain if plain.startswith(_GZIP) or plain[:1] in b"{[" else data


def _plain(coding: str, body: bytes) -> bytes:
    """A body decompressed, unless whoever recorded it had done so and kept the header."""
    if coding not in _CODINGS:
        raise ValueError(f"a body under {coding}: record it with decode_compressed_response=True")
    if body.startswith(_GZIP):
        return zlib.decompress(body, 16 + zlib.MAX_WBITS)
    if coding == "deflate":
        return _inflated(body)
    return body


def _inflated(body: bytes) -> bytes:
    for bits in (zlib.MAX_WBITS, -zlib.MAX_WBITS):
        try:
            return zlib.decompress(body, bits)
        except zlib.error:
            continue
    return body
