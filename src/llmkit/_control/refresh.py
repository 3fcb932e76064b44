"""Getting a catalogue bundle: from a file, or from an address whose content was agreed on by its SHA-256.

A flow that ends in a bundle that was read and checked whole, or in an error. Nothing is changed or kept here.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from .._call import MediaPolicy
from .._flow import Flow, read
from ..catalogue._bundle import LARGEST, Bundle, read_bundle
from ..errors import CatalogueError, ConfigurationError, InvalidRequestError
from .media import followed

__all__ = ["POLICY", "fetched_bundle"]

POLICY: Final = MediaPolicy(public_only=False, max_bytes=LARGEST, seconds=60.0)
"""HTTPS alone, redirects too; any host, as a mirror may well be a company's own: what it sends is known by its hash."""
_OK: Final = 200
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def fetched_bundle(
    source: str, sha256: str | None, policy: MediaPolicy
) -> Flow[tuple[bytes, Bundle]]:
    """The bytes of a bundle, and what they say.

    Raises:
        ConfigurationError: an address was given without the hash of what is there; or the hash is none.
        CatalogueError: what came is not what was meant, or no bundle.
        APIConnectionError: it could not be fetched.
    """
    remote = bool(_ADDRESS.match(source))
    wanted = _wanted(sha256, remote=remote)
    shown = source.partition("?")[0]
    data = yield from (_downloaded(source, policy) if remote else _from_file(source))
    if wanted is not None and hashlib.sha256(data).hexdigest() != wanted:
        raise CatalogueError(
            f"catalogue bundle {shown!r:.300}: its SHA-256 is {hashlib.sha256(data).hexdigest()}, "
            f"not {wanted}"
        )
    return data, read_bundle(data, shown)


def _wanted(sha256: str | None, *, remote: bool) -> str | None:
    if sha256 is None:
        if remote:
            raise ConfigurationError(
                "sha256 must be given for an address: it says which bundle is meant"
            )
        return None
    wanted = sha256.strip().lower() if isinstance(sha256, str) else ""
    if not _SHA256.fullmatch(wanted):
        raise ConfigurationError(f"sha256 must be 64 hexadecimal digits, not {sha256!r:.80}")
    return wanted


def _from_file(path: str) -> Flow[bytes]:
    data = yield from read(path)
    if data is None:
        raise CatalogueError(f"catalogue bundle {path!r:.300}: there is no such file")
    return data


def _downloaded(url: str, policy: MediaPolicy) -> Flow[bytes]:
    def refused(url: str, why: str) -> CatalogueError:
        # Without its query, which may hold a signature.
        return CatalogueError(
            f"catalogue bundle {url.partition('?')[0]!r:.300} was not fetched: {why}"
        )

    try:
        response = yield from followed(url, policy, refused)
    except InvalidRequestError as error:
        raise refused(url, error.message.removeprefix("fetch_media: ")) from None
    if response.status != _OK:
        raise refused(url, f"its server answered {response.status}")
    return response.body
