"""pyreqwest's clients, made as ours were asked for: whom they trust, what they show, by way of which proxy.

Trust is the system's, and certifi's beside it, unless ``SSL_CERT_FILE`` or ``SSL_CERT_DIR`` name others; a CA file is
trusted beside those, since pyreqwest cannot be told to trust nothing else. Nothing is sent here.
"""

from __future__ import annotations

import datetime as dt
import functools
import os
import ssl
from queue import SimpleQueue
from typing import Any
from urllib.parse import urlsplit

import certifi

from ..errors import ConfigurationError
from ._tls import TLS

__all__ = ["address", "client", "loaded", "place", "spoilt", "unfit", "used"]

_MOST_IDLE = 100
_KEEP = dt.timedelta(seconds=30)
# Where a request says otherwise, these are not sent.
_DEFAULTS = {"accept-encoding": "gzip, deflate", "user-agent": "llmkit"}
_BEGIN = b"-----BEGIN CERTIFICATE-----"


def loaded() -> Any:
    """Its client module. Raises ``ConfigurationError`` where it is not there, or could wake nobody."""
    if SimpleQueue.__module__ != "_queue":
        raise ConfigurationError(
            "transport='reqwest', or LLMKIT_TRANSPORT=reqwest, cannot be used where gevent or eventlet have replaced "
            "Python's threads: pyreqwest's own thread wakes none of theirs. Use transport='httpx'"
        )
    try:
        import pyreqwest.client as found  # noqa: PLC0415 - an extra
        import pyreqwest.exceptions  # noqa: F401, PLC0415 - which it looks for when something fails
    except ImportError:
        raise ConfigurationError(
            "transport='reqwest', or LLMKIT_TRANSPORT=reqwest, needs pyreqwest: pip install 'llmkit[fast]'"
        ) from None
    return found


_used_by: int | None = None


def used() -> bool:
    """Whether any client was made in this process: from then on pyreqwest's thread is there."""
    return _used_by == os.getpid()


def spoilt() -> bool:
    """Whether this process was forked from one that has that thread, so that it cannot have one."""
    return _used_by is not None and not used()


@functools.lru_cache(maxsize=512)
def address(url: str) -> Any:
    """A parsed address. Raises ``ValueError`` where it is none."""
    from pyreqwest.http import Url  # noqa: PLC0415 - an extra

    return Url(url)


@functools.lru_cache(maxsize=512)
def place(address: str) -> tuple[str, int | None]:
    """Host and port of an address; nothing where it has none, which others will say."""
    try:
        parts = urlsplit(address)
        return parts.hostname or "", parts.port
    except ValueError:
        return "", None


def unfit(tls: TLS) -> None:
    """Raise ``ConfigurationError`` for what pyreqwest cannot be given."""
    if isinstance(tls.verify, ssl.SSLContext):
        raise ConfigurationError(
            "transport='reqwest' takes no ssl.SSLContext: give verify= a CA file, and cert= what to show"
        )
    if len(tls.cert) > len(("certificate", "key")):
        raise ConfigurationError(
            "transport='reqwest' reads no key with a password: give cert= one without, or use httpx"
        )


def client(
    tls: TLS | None, proxy: str | None, connect: float, *, http2: bool, mark: Any = None
) -> Any:
    """A client. Without ``tls`` it speaks plain HTTP only, and is made in no time."""
    global _used_by  # noqa: PLW0603 - the process's own
    _used_by = os.getpid()
    made = (
        loaded()
        .ClientBuilder()
        .runtime_multithreaded(False)
        .http1_lower_case_headers()
        .follow_redirects(False)
        .referer(False)
        .gzip(False)
        .deflate(False)
        .connect_timeout(dt.timedelta(seconds=connect))
        .pool_idle_timeout(_KEEP)
        .pool_max_idle_per_host(_MOST_IDLE)
        .http2(http2)
        .default_headers(_DEFAULTS)
    )
    if mark is not None:
        made = made.tcp_user_timeout(mark)
    return _by_way_of(_secured(made, tls), proxy).build()


def _by_way_of(made: Any, proxy: str | None) -> Any:
    if proxy is None:
        return made.no_proxy()
    from pyreqwest.proxy import ProxyBuilder  # noqa: PLC0415 - an extra

    if proxy.startswith("socks5:"):  # names are resolved by the proxy, as over httpx
        proxy = "socks5h:" + proxy.partition(":")[2]
    try:
        return made.proxy(ProxyBuilder.all(proxy))
    except ValueError:
        raise ConfigurationError("the proxy that was named cannot be used") from None


def _secured(made: Any, tls: TLS | None) -> Any:
    if tls is None or tls.verify is False:
        made = made.danger_accept_invalid_certs(True)
    elif isinstance(tls.verify, str | os.PathLike):
        made = _trusting(made, _authorities(os.fspath(tls.verify)))
    else:
        made = _trusting(made, _defaults())
    return _showing(made, tls.cert) if tls is not None and tls.cert else made


def _trusting(made: Any, authorities: bytes) -> Any:
    return made.add_root_certificate_pem(authorities) if authorities else made


def _defaults() -> bytes:
    if os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR"):
        return b""
    return _certifis()


@functools.cache
def _certifis() -> bytes:
    return _authorities(certifi.where())


def _authorities(path: str) -> bytes:
    """A file's certificates. Raises ``ConfigurationError`` where there are none, as for httpx."""
    found = _read(path, "verify")
    if _BEGIN not in found:
        raise ConfigurationError(f"verify cannot be used: no certificate in {path}")
    return found


def _showing(made: Any, cert: tuple[str, ...]) -> Any:
    pem = b"\n".join(_read(path, "cert") for path in dict.fromkeys(cert))
    if b"ENCRYPTED" in pem:
        raise ConfigurationError(
            "transport='reqwest' reads no key with a password: give cert= one without, or use httpx"
        )
    try:
        return made.identity_pem(pem)
    except ValueError:
        raise ConfigurationError(
            f"cert cannot be used: no certificate with its key in {', '.join(cert)}"
        ) from None


def _read(path: str, what: str) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - as ssl reads them
            return file.read()
    except OSError as error:
        raise ConfigurationError(f"{what} cannot be used: {error.strerror} ({path})") from None
