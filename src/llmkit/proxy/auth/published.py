"""The public keys that an identity provider publishes (JWKS, RFC 7517), fetched when they are needed and kept a while.

Only from the address that the settings name: what a token says of where its key is (``jku``, ``x5u``, ``jwk``) is never
read.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
import time
from collections.abc import Callable
from http.client import HTTPException
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from anyio import fail_after
from anyio.to_thread import run_sync
from jwt import PyJWTError
from jwt.algorithms import RSAAlgorithm
from typing_extensions import override

from ..._io._tls import shared_tls
from ...errors import ConfigurationError
from ..failure import Refused

__all__ = ["LEAST_BITS", "Published", "fetch"]

_log = logging.getLogger("llmkit.proxy")

LEAST_BITS: Final = 2048
"""Of an RSA key (RFC 7518 3.3)."""
_FRESH: Final = 600.0
"""Seconds after which keys are fetched again."""
_OLDEST: Final = 3600.0
"""Seconds that keys are used for while they cannot be fetched again."""
_AGAIN: Final = 30.0
"""Seconds between two fetches, however many tokens name keys that nobody knows."""
_TIMEOUT: Final = 5.0
_LONGEST: Final = 256 * 1024
"""Bytes of an answer."""
_MOST: Final = 100
"""Keys of an answer."""


class Published:
    """An identity provider's keys.

    Args:
        url: where they are; ``https``, or ``http`` on this machine.
        load: fetches what is there, and may wait.
        clock: seconds.

    Raises:
        ConfigurationError: the address is none of these.
    """

    def __init__(
        self,
        url: str,
        *,
        load: Callable[[str], bytes] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not _safe(url):
            raise ConfigurationError("jwks_url is an address with https")
        self._url, self._load, self._clock = url, load or fetch, clock
        self._keys: dict[str | None, Any] = {}
        self._fetched = self._tried = float("-inf")
        self._lock = asyncio.Lock()

    async def key(self, name: str | None) -> Any | None:
        """The key of this name (``kid``); without one, the only key there is. ``None``: there is none.

        Raises:
            Refused: 503, no keys could be fetched for an hour.
        """
        now = self._clock()
        if now - self._fetched > _FRESH:
            await self._again(now)
        found = self._named(name)
        if found is None:
            await self._again(self._clock())
            found = self._named(name)
        if self._clock() - self._fetched > _OLDEST:
            raise Refused(
                503,
                "the identity provider's keys cannot be fetched: try again",
                "internal_server_error",
                headers={"retry-after": "30"},
            )
        return found

    def _named(self, name: str | None) -> Any | None:
        if name is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(name)

    async def _again(self, now: float) -> None:
        """Fetch, unless that was tried a moment ago; whoever comes meanwhile waits for the same answer."""
        async with self._lock:
            if now - self._tried < _AGAIN:
                return
            self._tried = self._clock()
            try:
                with fail_after(2 * _TIMEOUT):
                    said = await run_sync(self._load, self._url, abandon_on_cancel=True)
                self._keys, self._fetched = _read(said), self._clock()
            except (OSError, ValueError, HTTPException, RecursionError) as error:
                _log.warning(
                    "an identity provider's keys were not fetched: %s", type(error).__name__
                )


def fetch(url: str) -> bytes:
    """What is at an address. No redirects are followed.

    Raises:
        OSError: it could not be had in time.
        ValueError: it is too long.
    """
    request = Request(url, headers={"accept": "application/json"})  # noqa: S310 - checked when it was set
    opener = build_opener(_Staying, HTTPSHandler(context=shared_tls()))
    with opener.open(request, timeout=_TIMEOUT) as answer:
        said: bytes = answer.read(_LONGEST + 1)
    if len(said) > _LONGEST:
        raise ValueError(f"more than {_LONGEST} bytes")
    return said


class _Staying(HTTPRedirectHandler):
    """A key's address is a setting: whoever answers there may not choose another."""

    @override
    def redirect_request(self, *_: Any) -> None:
        return None


def _safe(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and _here(host)))


def _here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _read(said: bytes) -> dict[str | None, Any]:
    """The keys that signatures with RS256 can be checked with, by their names; what else is listed is passed over."""
    listed = json.loads(said)
    keys = listed.get("keys") if isinstance(listed, dict) else None
    if not isinstance(keys, list):
        raise ValueError("no list of keys")  # noqa: TRY004 - one kind of failure
    found: dict[str | None, Any] = {}
    for entry in keys[:_MOST]:
        key = _key(entry) if isinstance(entry, dict) else None
        if key is not None:
            found[entry.get("kid")] = key
    return found


def _key(entry: dict[str, Any]) -> Any | None:
    fits = (
        entry.get("kty") == "RSA"
        and entry.get("use", "sig") == "sig"
        and entry.get("alg", "RS256") == "RS256"
        and isinstance(entry.get("kid", ""), str)
        and "d" not in entry
    )
    if not fits:
        return None
    try:
        key: Any = RSAAlgorithm.from_jwk(entry)
    except (PyJWTError, ValueError, TypeError, AttributeError):
        return None
    return key if key.key_size >= LEAST_BITS else None
