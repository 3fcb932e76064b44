"""TLS contexts: one for the process, made when something is first sent over TLS. It takes tens of milliseconds.

Trust is httpx's: the authorities of certifi, unless ``SSL_CERT_FILE`` or ``SSL_CERT_DIR`` name others.
"""

from __future__ import annotations

import functools
import os
import ssl
from typing import Any

import certifi

from ..errors import ConfigurationError

__all__ = ["TLS", "shared_tls"]


_MOST_PARTS = 3


@functools.cache
def shared_tls() -> ssl.SSLContext:
    """The process's TLS context."""
    return _default()


def _default() -> ssl.SSLContext:
    if file := os.environ.get("SSL_CERT_FILE"):
        return ssl.create_default_context(cafile=file)
    if folder := os.environ.get("SSL_CERT_DIR"):
        return ssl.create_default_context(capath=folder)
    return ssl.create_default_context(cafile=certifi.where())


class TLS:
    """What a caller's ``verify`` and ``cert`` ask for, made when it is first needed; called, it is the context.

    Raises:
        ConfigurationError: it is none of what may be asked for. Only ``False`` itself turns checking off.
    """

    def __init__(self, verify: Any = None, cert: Any = None) -> None:
        if not (verify is None or isinstance(verify, bool | str | os.PathLike | ssl.SSLContext)):
            raise ConfigurationError(
                f"verify is an ssl.SSLContext, a CA file, or False, not {type(verify).__name__}"
            )
        if cert is not None and isinstance(verify, ssl.SSLContext):
            raise ConfigurationError(
                "cert goes with a CA file; an ssl.SSLContext has its own: context.load_cert_chain(…)"
            )
        self.verify = verify
        self.cert: tuple[str, ...] = () if cert is None else _files(cert)
        self._made: ssl.SSLContext | None = None

    def __call__(self) -> ssl.SSLContext:
        """The context. Raises ``ConfigurationError`` where a file that was named cannot be used."""
        if self._made is None:
            self._made = _context(self.verify, self.cert)
        return self._made


def _files(cert: Any) -> tuple[str, ...]:
    """A certificate's file, its key's, and the key's password, as far as they are given."""
    parts = cert if isinstance(cert, tuple) else (cert,)
    if not 1 <= len(parts) <= _MOST_PARTS or not all(
        isinstance(p, str | os.PathLike) for p in parts
    ):
        raise ConfigurationError(
            "cert is a PEM file, or a tuple: (certificate, key) or (…, password)"
        )
    return tuple(os.fspath(part) for part in parts)


def _context(verify: Any, cert: tuple[str, ...]) -> ssl.SSLContext:
    if isinstance(verify, ssl.SSLContext):
        return verify
    if (verify is None or verify is True) and not cert:
        return shared_tls()
    context = _trusting(verify)
    if cert:
        _show(context, cert)
    return context


def _show(context: ssl.SSLContext, cert: tuple[str, ...]) -> None:
    file, key, password = (*cert, "", "")[:_MOST_PARTS]
    try:
        # With a password in any case: without one OpenSSL would ask for it at the terminal, and wait.
        context.load_cert_chain(file, key or None, password)
    except OSError as error:
        files = ", ".join(cert[:2])
        raise ConfigurationError(
            f"cert cannot be used: {error.strerror or error} ({files}; a key's password is the third of the tuple)"
        ) from None


def _trusting(verify: Any) -> ssl.SSLContext:
    if verify is None or verify is True:
        return _default()
    if isinstance(verify, str | os.PathLike):
        return _of_file(os.fspath(verify))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _of_file(path: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=path)
    except OSError as error:
        raise ConfigurationError(
            f"verify cannot be used: {error.strerror or error} ({path})"
        ) from None
