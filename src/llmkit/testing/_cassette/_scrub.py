"""Exchanges cleared of secrets: whatever they stand in, also cut in two by a chunk or spelt out over a stream's events.

Pure. What counts as a secret is decided in `_secrets`.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from ..._secret import HIDDEN
from ...errors import ConfigurationError
from ._forms import as_json, dumped, dumped_safely, style_of
from ._pieces import Line, as_bytes, as_text, cut, edited, lines_of, texts_in
from ._secrets import hides_field, hides_header, hides_parameter, spellings
from ._values import Exchange, Failure, Form, Request, Response

__all__ = ["Own", "Scrub", "several"]

Own = str | re.Pattern[str] | Callable[[str], str]
"""What a user wants hidden: a text, a pattern, or a function from a text to the one that is written."""

_URL: Final = re.compile(r"(?i)https?://[^\s\"'<>]+")
_USER: Final = re.compile(r"(?<=://)[^/?#@\s]*@")
_QUERY: Final = re.compile(r"([?&;#](?:amp;)?)([^=&#\s?]+)=([^&#\s]*)")


def several(own: Own | Iterable[Own]) -> tuple[Own, ...]:
    """One or more of a user's own, as given. Raises `ConfigurationError` for what is none."""
    if isinstance(own, str) or not isinstance(own, Iterable):
        own = (own,)
    made = tuple(own)
    Scrub(own=made)
    return made


class Scrub:
    """Hides known values, credentials in addresses, and what the user names."""

    def __init__(self, known: Iterable[str] = (), own: Iterable[Own] = ()) -> None:
        values = {value for value in known if value}
        self._functions: list[Callable[[str], str]] = []
        for item in own:
            if isinstance(item, str):
                values.add(item)
            else:
                self._functions.append(_function(item))
        values.discard("")
        self._known = _pattern({s for value in values for s in spellings(value)})
        self._digits = any(value.isdecimal() for value in values)

    def holds(self, text: str) -> bool:
        """Whether a known secret is in it."""
        return bool(self._known.search(text))

    def text(self, text: str) -> str:
        """A text without secrets."""
        text = _URL.sub(lambda match: self._address(match[0]), self._known.sub(HIDDEN, text))
        for function in self._functions:
            text = function(text)
        return text

    def _address(self, url: str) -> str:
        url = _USER.sub("", url)
        return _QUERY.sub(
            lambda m: f"{m[1]}{m[2]}={HIDDEN}" if m[3] and hides_parameter(m[2]) else m[0], url
        )

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Headers without secrets."""
        return {
            self.text(name): HIDDEN if hides_header(name) else self.text(value)
            for name, value in headers.items()
        }

    def exchange(self, exchange: Exchange) -> Exchange:
        """An exchange without secrets."""
        request, response, failure = exchange.request, exchange.response, exchange.failure
        return Exchange(
            request=self.request(request),
            response=None if response is None else self._response(response),
            failure=None if failure is None else self._failure(failure),
            left=exchange.left,
            seconds=exchange.seconds,
        )

    def request(self, request: Request) -> Request:
        """A request without secrets."""
        return Request(
            request.method,
            self.text(request.url),
            self.headers(request.headers),
            self._form(request.body),
        )

    def _response(self, response: Response) -> Response:
        pieces = self.pieces(response.pieces)
        return Response(response.status, self.headers(response.headers), pieces)

    def _failure(self, failure: Failure) -> Failure:
        words, cause = self.text(failure.message), self.text(failure.cause)
        return Failure(failure.kind, words, failure.sent, cause, failure.limit)

    def _form(self, body: Form) -> Form:
        return {kind: _FORMS[kind](self, value) for kind, value in body.items()}

    def _json(self, value: Any) -> Any:
        """A JSON body; at its top, some names are enough to know a secret."""
        cleared = self.value(value)
        if not isinstance(cleared, dict):
            return cleared
        return {
            name: HIDDEN if item and isinstance(item, str) and hides_field(name) else item
            for name, item in cleared.items()
        }

    def value(self, value: Any) -> Any:
        """A JSON value without secrets in its texts and names."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(name): self.value(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if self._digits and self.holds(json.dumps(value)):
            return HIDDEN
        return value

    def _pairs(self, pairs: Any) -> Any:
        return [
            [name, HIDDEN if hides_parameter(name) else self.text(value)] for name, value in pairs
        ]

    def _parts(self, parts: Any) -> Any:
        return [
            {"headers": self.headers(part["headers"])}
            | dict(self._form({kind: part[kind] for kind in part if kind != "headers"}))
            for part in parts
        ]

    def pieces(self, pieces: Sequence[bytes]) -> list[bytes]:
        """A body in pieces, without secrets; as many pieces as before."""
        data = b"".join(pieces)
        try:
            value = as_json(data)
        except ValueError:
            return self._lines(pieces)
        joined = as_json(data)
        if isinstance(joined, list):
            # A stream as one array.
            self._across(joined)
        cleared = self._json(joined)
        if cleared == value:
            return list(pieces)
        style = style_of(value, data)
        text = dumped_safely(cleared) if style is None else dumped(cleared, style)
        return cut(text.encode("utf-8", "surrogatepass"), pieces)

    def _lines(self, pieces: Sequence[bytes]) -> list[bytes]:
        """A stream, or plain text: JSON in its lines is read as such."""
        lines = [Line(line) for line in lines_of(as_text(b"".join(pieces)))]
        self._across([line.value for line in lines])
        edits, at = [], 0
        for line in lines:
            old, new = as_bytes(line.text), as_bytes(line.changed(self.value, self.text))
            if new != old:
                edits.append((at, at + len(old), new))
            at += len(old)
        return self._over_lines(edited(pieces, edits, b""))

    def _over_lines(self, pieces: Sequence[bytes]) -> list[bytes]:
        """What reaches over the end of a line."""
        text = as_text(b"".join(pieces))
        spans = [match.span() for match in self._known.finditer(text)]
        edits = [
            (len(as_bytes(text[:start])), len(as_bytes(text[:end])), HIDDEN.encode())
            for start, end in spans
        ]
        return edited(pieces, edits, b"")

    def _across(self, values: Sequence[Any]) -> None:
        """Hide what is spelt out over several events, whose texts in the same place belong together."""
        places: dict[Any, list[tuple[Any, Any]]] = {}
        for value in values:
            for path, holder, name in texts_in(value, ()):
                places.setdefault(path, []).append((holder, name))
        for found in places.values():
            texts = [holder[name] for holder, name in found]
            edits = [(*match.span(), HIDDEN) for match in self._known.finditer("".join(texts))]
            for (holder, name), text in zip(found, edited(texts, edits, ""), strict=True):
                holder[name] = text

    def _binary(self, value: str) -> str:
        cleared = as_bytes(self.text(as_text(base64.b64decode(value))))
        return base64.b64encode(cleared).decode("ascii")


_FORMS: Final[Mapping[str, Callable[[Scrub, Any], Any]]] = {
    "json": Scrub._json,  # noqa: SLF001 - the class's own table
    "text": Scrub.text,
    "base64": Scrub._binary,  # noqa: SLF001
    "form": Scrub._pairs,  # noqa: SLF001
    "multipart": Scrub._parts,  # noqa: SLF001
}


def _pattern(texts: Iterable[str]) -> re.Pattern[str]:
    # The longest first: where one is part of another, the rest of it must not stay behind.
    ordered = sorted(texts, key=lambda text: (-len(text), text))
    return re.compile("|".join(re.escape(text) for text in ordered) or r"(?!)")


def _function(own: Own) -> Callable[[str], str]:
    if isinstance(own, re.Pattern):
        return lambda text: own.sub(HIDDEN, text)
    if callable(own):
        return own
    raise ConfigurationError(
        f"scrub takes texts, patterns and functions of a text, not {type(own).__name__}"
    )
