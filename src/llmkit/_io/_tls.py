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


@functools.cache
def shared_tls() -> ssl.SSLContext:
    """The process's TLS context."""
    if file := os.environ.get("SSL_CERT_FILE"):
        return ssl.create_default_context(cafile=file)
    if folder := os.environ.get("SSL_CERT_DIR"):
        return ssl.create_default_context(capath=folder)
    return ssl.create_default_context(cafile=certifi.where())


class TLS:
    """What a caller's ``verify`` asks for, made when it is first needed; called, it is the context.

    Raises:
        ConfigurationError: it is none of what may be asked for. Only ``False`` itself turns checking off.
    """

    def __init__(self, verify: Any = None) -> None:
        if not (verify is None or isinstance(verify, bool | str | os.PathLike | ssl.SSLContext)):
            raise ConfigurationError(
                f"verify is an ssl.SSLContext, a CA file, or False, not {type(verify).__name__}"
            )
        self._verify = verify
        self._made: ssl.SSLContext | None = None

    def __call__(self) -> ssl.SSLContext:
        """The context. Raises ``OSError`` where a named file of authorities cannot be read."""
        if self._made is None:
            self._made = _context(self._verify)
        return self._made


def _context(verify: Any) -> ssl.SSLContext:
    if isinstance(verify, ssl.SSLContext):
        return verify
    if verify is None or verify is True:
        return shared_tls()
    if isinstance(verify, str | os.PathLike):
        return _of_file(os.fspath(verify))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _of_file(path: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=path)
    except FileNotFoundError as error:  # which says not of what
        raise FileNotFoundError(error.errno, error.strerror, path) from None
