"""Secrets that cannot leak by accident: a value whose ``repr`` and ``str`` hide it, and redaction of text.

Nothing here reads an environment variable or a file, and nothing here logs.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from typing_extensions import override

HIDDEN = "[redacted]"

# Header names whose values are credentials at some provider; compared in lower case.
SECRET_HEADERS = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "api-key",
        "x-api-key",
        "x-goog-api-key",
        "xi-api-key",
        "cookie",
        "set-cookie",
        "x-amz-security-token",
    }
)

# The last resort, for keys that are not ours to know: vendors' key prefixes and bearer values.
_KEY_SHAPED = re.compile(
    r"(?i)(bearer\s+)[A-Za-z0-9._~+/=-]{8,}"
    r"|\b(?:sk|gsk|xai|pplx|hf|csk|AIza|AKIA)[-_]?[A-Za-z0-9_-]{20,}"
)
_STARTS = ("bearer", "sk", "xai", "pplx", "hf", "aiza", "akia")
"""Without any of them, in small letters, nothing is shaped like a key."""
_SECRET_QUERY = re.compile(
    r"(?i)([?&](?:api[-_]?key|subscription[-_]key|key|(?:access[-_]?)?token|sig|signature)=)[^&#]*"
)
# A shorter "key" (local hosts take any) occurs everywhere by chance.
SHORTEST = 4
# So much of a key's beginning is hidden, too; less than that is what all keys of one kind begin with.
_LEAST_START, _MOST_START = 8, 16


class Secret:
    """A credential. ``reveal()`` is the only way to its text; it compares in constant time."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the credential itself, for the one place that writes it on the wire."""
        return self._value

    @override
    def __repr__(self) -> str:
        return f"Secret({HIDDEN!r})"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._value)

    @override
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    @override
    def __hash__(self) -> int:
        return hash(("llmkit.Secret", self._value))

    @override
    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        # A pickle travels to logs, queues and other processes: the credential stays here.
        return (Secret, (HIDDEN,))


def redact(text: str, secrets: Iterable[Secret] = ()) -> str:
    """Return ``text`` without the given secrets, nor anything shaped like a key."""
    return _KEY_SHAPED.sub(_hidden, _without(text, secrets) if secrets else text)


def is_plain(texts: Iterable[str]) -> bool:
    """Whether ``redact`` would leave all of them as they are; many are looked through as one."""
    text = "\n".join(texts)
    if text.isascii():
        lower = text.lower()
        # Most have none of these, which is found out in a tenth of the time; a generator would double that.
        if not any([start in lower for start in _STARTS]):  # noqa: C419
            return True
    return _KEY_SHAPED.search(text) is None


def _hidden(match: re.Match[str]) -> str:
    return (match.group(1) or "") + HIDDEN


def _without(text: str, secrets: Iterable[Secret]) -> str:
    # The longest first: where one is part of another, the rest of it must not stay behind.
    for value in sorted((secret.reveal() for secret in secrets), key=len, reverse=True):
        if len(value) >= SHORTEST:
            for spelling in _spellings(value):
                text = text.replace(spelling, HIDDEN)
            text = _without_start(text, value)
    return text


def _spellings(value: str) -> Iterable[str]:
    """A secret as it stands in addresses, in JSON and in Python's ``repr``."""
    quoted = quote(value, safe=""), quote(value)
    spelled = {value, *quoted, value.replace("/", "\\/"), repr(value)[1:-1]}
    return sorted(spelled, key=len, reverse=True)


def _without_start(text: str, value: str) -> str:
    """Hide a secret that lost its end where a long text was cut."""
    start = value[: min(max(_LEAST_START, len(value) // 3), _MOST_START)]
    if len(start) == len(value) or start not in text:
        return text
    pieces, at = [], 0
    while (found := text.find(start, at)) >= 0:
        pieces += [text[at:found], HIDDEN]
        at = found + _shared(text[found : found + len(value)], value)
    return "".join((*pieces, text[at:]))


def _shared(one: str, other: str) -> int:
    """How many characters both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def redact_headers(headers: Mapping[str, str], secrets: Iterable[Secret] = ()) -> dict[str, str]:
    """Return the headers with credentials hidden, by name first and by value after."""
    known = tuple(secrets)
    return {
        name: HIDDEN if name.lower() in SECRET_HEADERS else redact(value, known)
        for name, value in headers.items()
    }


def redact_url(url: str, secrets: Iterable[Secret] = ()) -> str:
    """Return the address with credentials in its query hidden, by name first and by value after."""
    return redact(_SECRET_QUERY.sub(lambda match: match.group(1) + HIDDEN, url), secrets)
