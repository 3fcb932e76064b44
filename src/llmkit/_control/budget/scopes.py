"""Whose money it is: scopes, their text, and which of them a call belongs to.

A scope is a set of ``kind=value``; ``*`` as a value is each value by itself. Values are kept as they are written in the
text: percent-encoded, bounded in length, and a fingerprint where they are secret. Nothing here knows limits.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from typing_extensions import override

from ..._secret import Secret, redact
from ...errors import ConfigurationError, InvalidRequestError

__all__ = [
    "EACH",
    "GLOBAL",
    "KINDS",
    "Scope",
    "Spelled",
    "Values",
    "candidates",
    "fingerprint",
    "kind_of",
    "named",
    "scope_of",
    "spelled",
    "spelled_value",
]

Values = dict[str, tuple[str, ...]]

KINDS: Final = (
    "customer",
    "deployment",
    "key",
    "model",
    "organisation",
    "provider",
    "session",
    "tag",
    "team",
    "user",
)
_OTHER_NAMES: Final = {
    "api_key": "key",
    "end_user": "customer",
    "org": "organisation",
    "organization": "organisation",
    "tags": "tag",
}
EACH: Final = "*"
_MOST_VALUES: Final = 256
_LONGEST: Final = 200
_KEPT: Final = 64
_DIGITS: Final = 32
# What is left bare for the reader's sake: models and addresses are written with them, and no scope's syntax is.
_BARE: Final = "/@"
# A key of which nobody knows the vendor: long, in one piece, of letters and digits.
_KEYLIKE: Final = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9._~+/=-]{20,}")
_CUT: Final = re.compile("%.?$")
_VALUE: Final = re.compile(r"(?:[A-Za-z0-9_.~/@-]|%[0-9A-F]{2}|!)*")


class Spelled(str):
    """A value as it is written in a scope's text already."""

    __slots__ = ()


class Scope(NamedTuple):
    """``parts`` are (kind, value as written), by kind; none is the global scope."""

    parts: tuple[tuple[str, str], ...] = ()

    @override
    def __repr__(self) -> str:
        return repr(self.text)

    @property
    def text(self) -> str:
        """``key=*&model=openai/gpt-4o``; ``global`` where there are no parts."""
        return "&".join(f"{kind}={value}" for kind, value in self.parts) or "global"

    @property
    def kinds(self) -> str:
        """``key&model``: what a call must have to be looked for."""
        return "&".join(kind for kind, _ in self.parts)

    @property
    def literals(self) -> int:
        """How many values are named; the more, the nearer."""
        return sum(value != EACH for _, value in self.parts)

    @property
    def single(self) -> bool:
        """Whether this is one scope, and not each of many."""
        return self.literals == len(self.parts)

    def within(self, values: Values) -> Iterator[str]:
        """The texts of the single scopes that this one stands for among these values."""
        choices = [_chosen(kind, value, values.get(kind, ())) for kind, value in self.parts]
        return (_text(self.parts, chosen) for chosen in product(*choices))


GLOBAL: Final = Scope()


def _text(parts: Iterable[tuple[str, str]], chosen: Iterable[str]) -> str:
    pairs = zip(parts, chosen, strict=True)
    return "&".join(f"{kind}={value}" for (kind, _), value in pairs) or "global"


def _chosen(kind: str, value: str, among: tuple[str, ...]) -> tuple[str, ...]:
    if value == EACH:
        return among
    return (value,) if value in named(kind, among) else ()


def named(kind: str, values: tuple[str, ...]) -> tuple[str, ...]:
    """What a value can be called: a model also without its provider."""
    if kind != "model":
        return values
    short = (value.partition("/")[2] for value in values)
    return tuple(dict.fromkeys((*values, *filter(None, short))))


def candidates(kinds: str, values: Values) -> Iterator[str]:
    """The texts of all scopes of these kinds, ``*`` included, that a call of these values belongs to."""
    names = kinds.split("&") if kinds else []
    choices = [(*named(kind, values.get(kind, ())), EACH) for kind in names]
    if any(kind not in values for kind in names):
        return iter(())
    parts = [(name, "") for name in names]
    return (_text(parts, chosen) for chosen in product(*choices))


def scope_of(given: Any) -> Scope:
    """Read a scope: ``"global"``, ``"user"`` (each by itself), ``{"user": "ann"}``, or a scope's text.

    Raises:
        ConfigurationError: it is none; the message names near misses.
    """
    if isinstance(given, Scope):
        return given
    if isinstance(given, Mapping):
        return _scope(given.items())
    if not isinstance(given, str):
        raise ConfigurationError(
            f"a scope is a text or a dict such as {{'user': 'ann'}}, not {given!r}"
        )
    if given in {"", "global"}:
        return GLOBAL
    if "=" not in given:
        return _scope((kind, EACH) for kind in given.split("&"))
    return _read(given)


def _scope(pairs: Iterable[tuple[Any, Any]]) -> Scope:
    parts: dict[str, str] = {}
    for given, value in pairs:
        kind = kind_of(given)
        if kind in parts:
            raise ConfigurationError(f"a scope has {kind!r} once, not twice")
        parts[kind] = EACH if value == EACH else spelled_value(kind, value)
    return Scope(tuple(sorted(parts.items())))


def _read(text: str) -> Scope:
    parts: dict[str, str] = {}
    for piece in text.split("&"):
        name, _, value = piece.partition("=")
        kind = kind_of(name)
        if kind in parts or not value or not (value == EACH or _VALUE.fullmatch(value)):
            raise ConfigurationError(
                f"{text!r} is no scope: kind=value joined by &, each kind once, values percent-encoded"
            )
        # Whatever was written as it should not be (a key) becomes what it should be.
        plain = "%" not in value and "!" not in value and value != EACH
        parts[kind] = spelled_value(kind, value) if plain else value
    return Scope(tuple(sorted(parts.items())))


def kind_of(given: Any) -> str:
    """The kind of this name; ``ConfigurationError`` with near misses where there is none."""
    if given in KINDS:
        return str(given)
    name = str(given).strip().lower()
    name = _OTHER_NAMES.get(name, name)
    if name in KINDS:
        return name
    near = difflib.get_close_matches(name, (*KINDS, *_OTHER_NAMES, "global"), 2)
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    raise ConfigurationError(
        f"no scope is called {given!r}: there are {', '.join(KINDS)}, as in {{'user': 'ann'}}{hint}"
    )


def spelled_value(kind: str, value: Any) -> str:
    """A value as it is written: encoded, a fingerprint where it is a secret, cut where it is very long."""
    if isinstance(value, Spelled):
        return value
    if isinstance(value, Secret):
        return fingerprint(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        # Its text would name nobody: a limit of it would never hold.
        raise ConfigurationError(f"a scope's {kind} is one text, or '*' for each, not {value!r}")
    # Calls say it without the blanks around it.
    text = str(value).strip()
    if not text:
        raise ConfigurationError(f"a scope's {kind} is empty")
    if redact(text) != text or (kind == "key" and _KEYLIKE.fullmatch(text)):
        return _digest(text)
    written = quote(text, safe=_BARE, errors="surrogatepass")
    if len(written) <= _LONGEST:
        return written
    # No value that was given is written with "!", so none can pass for another's.
    return _CUT.sub("", written[:_KEPT]) + _digest(text)


def fingerprint(secret: Secret) -> str:
    """What stands for a secret in a scope: the same for the same secret, and nothing can be told from it."""
    return _digest(secret.reveal())


def _digest(text: str) -> str:
    raw = text.encode("utf-8", "surrogatepass")
    return "!" + hashlib.sha256(b"llmkit.scope:" + raw).hexdigest()[:_DIGITS]


def _is_said(value: Any) -> bool:
    return value is not None and not (isinstance(value, str) and not value.strip())


def spelled(attributes: Mapping[str, tuple[Any, ...]]) -> Values:
    """A call's values by kind, as they are written; what is empty is not there.

    Raises:
        InvalidRequestError: there are too many of one kind.
    """
    found: Values = {}
    for kind, values in attributes.items():
        written = (spelled_value(kind, value) for value in values if _is_said(value))
        if kept := tuple(dict.fromkeys(written)):
            found[kind_of(kind)] = kept
        if len(kept) > _MOST_VALUES:
            raise InvalidRequestError(
                f"a call has {_MOST_VALUES} values of {kind} at most, not {len(kept)}"
            )
    return found
