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
# A shorter "key" (local hosts take any) occurs everywhere by chance.
SHORTEST = 4


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
    # The longest first: where one is part of another, the rest of it must not stay behind.
    for value in sorted((secret.reveal() for secret in secrets), key=len, reverse=True):
        if len(value) >= SHORTEST:
            text = text.replace(value, HIDDEN).replace(quote(value, safe=""), HIDDEN)
    return _KEY_SHAPED.sub(lambda match: (match.group(1) or "") + HIDDEN, text)


def redact_headers(headers: Mapping[str, str], secrets: Iterable[Secret] = ()) -> dict[str, str]:
    """Return the headers with credentials hidden, by name first and by value after."""
    known = tuple(secrets)
    return {
        name: HIDDEN if name.lower() in SECRET_HEADERS else redact(value, known)
        for name, value in headers.items()
    }
