"""What is a secret: by the name of a header, a query's parameter or a field, and then by its value, anywhere.

Pure but for reading the environment's keys when told to. How texts are cleared of them, `_scrub` knows.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import parse_qsl, quote, quote_plus, unquote, unquote_plus

from ..._http import Streamed
from ..._secret import HIDDEN, SECRET_HEADERS, SHORTEST

__all__ = [
    "VOLATILE_HEADERS",
    "hides_field",
    "hides_header",
    "hides_parameter",
    "in_environment",
    "of_body",
    "of_headers",
    "of_url",
    "spellings",
]

# Another value at each call: of no meaning, and noise in a diff.
VOLATILE_HEADERS: Final = frozenset(
    {
        "idempotency-key",
        "x-idempotency-key",
        "x-request-id",
        "x-client-request-id",
        "traceparent",
        "tracestate",
        "date",
    }
)
# Counts of tokens are no tokens.
_HEADER: Final = re.compile(
    r"auth|token(?!s)|secret|cookie|credential|passw|signature|session|api-?key|(^|[-_])key($|[-_])"
)
_OWNER: Final = re.compile(r"(organi[sz]ation|project|tenant|account|workspace)(-?id)?$")
_PARAMETER: Final = re.compile(
    r"(?i)^(sig|auth|x-amz-|x-goog-)|(key|secret|signature|passw(or)?d|credentials?|authorization)$"
    r"|(?<!page)(?<!page_)(?<!next)(?<!next_)token$"
)
_FIELDS: Final = frozenset(
    {
        "access_token",
        "api_key",
        "apikey",
        "assertion",
        "client_secret",
        "id_token",
        "password",
        "private_key",
        "refresh_token",
        "secret_access_key",
        "session_token",
    }
)
# What people give where any key will do: no secrets, and words that occur in texts.
_PLACEHOLDER: Final = re.compile(
    r"(?ix) anything | bearer | basic | change-?me | default | dummy | empty | fake([-_]key)? | false | foobar | key"
    r"| local(host)? | lm-studio | mock | no-key | none | not-(needed|used) | null | ollama | placeholder | redacted"
    r"| secret | (sk-)?no-key-required | test(ing)? | token | true | undefined | unused | x+"
)
_ENVIRONMENT: Final = re.compile(r"(?i)_(api_?)?(key|token|secret|password)$")
_LONG: Final = 16
_UNSURE: Final = 8
# An owner's plain name is hidden where it stands, not wherever it occurs: it may be a word.
_OWNER_ID: Final = re.compile(r"^(org|proj|user|wrkspc)[-_]\w{8,}$|^[0-9a-f]{8}(-[0-9a-f]{4}){3}-")
_SIGNED: Final = re.compile(r"(?:Credential|Signature)=([^,\s/]+)")


def hides_header(name: str) -> bool:
    """Whether this header's value is never written."""
    return name in SECRET_HEADERS or bool(_HEADER.search(name) or _OWNER.search(name))


def hides_parameter(name: str) -> bool:
    """Whether this parameter of a query, or field of a form, is a credential."""
    return bool(_PARAMETER.search(unquote(name))) or hides_field(name)


def hides_field(name: str) -> bool:
    """Whether a text under this name, at the top of a JSON body, is a credential."""
    return name.lower() in _FIELDS


def of_headers(headers: Mapping[str, str]) -> Iterator[str]:
    """The secret values among headers."""
    for name, value in ((name.lower(), value) for name, value in headers.items()):
        if name in SECRET_HEADERS:
            yield from _known(_within(name, value), SHORTEST)
        elif _HEADER.search(name) or (_OWNER.search(name) and _OWNER_ID.search(value)):
            yield from _known(_within(name, value), _UNSURE)


def _within(name: str, value: str) -> Iterator[str]:
    """A header's value and what it consists of: the credential behind the scheme, a cookie's values."""
    yield value
    if "cookie" in name:
        yield from (part.partition("=")[2] for part in value.split(";"))
        return
    scheme, _, rest = value.strip().partition(" ")
    yield rest
    yield from _SIGNED.findall(value)
    if scheme.lower() == "basic":
        yield from _basic(rest)


def _basic(value: str) -> Iterator[str]:
    try:
        plain = base64.b64decode(value, validate=True).decode("utf-8", "replace")
    except binascii.Error:
        return
    yield plain
    yield plain.partition(":")[2]


def of_url(url: str) -> Iterator[str]:
    """The secret values in an address: its credentials, and what its query holds."""
    authority = re.match(r"[^:/?#]+://([^/?#]*)@", url)
    if authority is not None:
        password = unquote(authority[1].partition(":")[2])
        yield from _known((password,), SHORTEST)
    query = url.partition("?")[2].partition("#")[0]
    pairs = (pair.partition("=") for pair in query.split("&"))
    for name, _, value in pairs:
        if hides_parameter(name):
            yield from _known((value, unquote(value), unquote_plus(value)), SHORTEST)


def of_body(content_type: str, body: bytes | Streamed) -> Iterator[str]:
    """The secret values in a form, which is how tokens are asked for."""
    urlencoded = content_type.startswith("application/x-www-form-urlencoded")
    if urlencoded and isinstance(body, bytes):
        pairs = parse_qsl(body.decode("utf-8", "replace"))
        yield from _known((v for name, v in pairs if hides_parameter(name)), _UNSURE)


def in_environment(environ: Mapping[str, str]) -> Iterator[str]:
    """The keys that this process could have used: they are nobody's business either."""
    yield from _known((v for name, v in environ.items() if _ENVIRONMENT.search(name)), _LONG)


def _known(values: Iterable[str], shortest: int) -> Iterator[str]:
    """Those that can only be secrets: a short or common word occurs everywhere by chance."""
    for value in (value.strip() for value in values):
        short = len(value) < max(shortest, _UNSURE if value.isdecimal() else 0)
        if not short and not _PLACEHOLDER.fullmatch(value) and value not in HIDDEN:
            yield value


def spellings(value: str) -> Iterator[str]:
    """How a value may be written: as it is, in an address, in JSON, and in base64."""
    yield value
    for quoted in (quote(value, safe=""), quote(value), quote_plus(value)):
        yield quoted
        yield re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), quoted)
    for escaped in (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]):
        yield escaped
        yield escaped.replace("/", "\\/")
    if len(value) >= _UNSURE:
        data = value.encode("utf-8", "surrogateescape")
        # The last character may depend on what follows.
        whole = len(data) * 8 // 6
        yield base64.b64encode(data).decode()[:whole]
        yield base64.urlsafe_b64encode(data).decode()[:whole]
