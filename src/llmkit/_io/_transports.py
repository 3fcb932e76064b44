"""What all transports share: whom they trust, which proxy is between. The transports are ``_http`` and ``_reqwest``."""

from __future__ import annotations

import os
import sys
from urllib.parse import urlsplit

from ._tls import TLS

__all__ = ["Transports"]


def _proxy_for(url: str) -> str | None:
    """The proxy for an address, as the standard library reads the environment."""
    if _plainly_none():
        return None
    import urllib.request  # noqa: PLC0415 - with all of http and email, which nobody without a proxy needs

    parts = urlsplit(url)
    host = parts.hostname or ""
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or urllib.request.proxy_bypass(parts.netloc) or urllib.request.proxy_bypass(host):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _plainly_none() -> bool:
    """Whether no proxy is named. Other systems have more places than the environment to name one."""
    if sys.platform in ("darwin", "win32"):
        return False
    return not any(name.lower().endswith("_proxy") for name in os.environ)


def _checked(proxy: str) -> str:
    from ._proxy import named_proxy  # noqa: PLC0415 - who has no proxy does not wait for it

    return named_proxy(proxy)


class Transports:
    """One client's way to the network, in one colour."""

    def __init__(self, tls: TLS | None, proxy: str | None) -> None:
        # No method of its own: that would be a cycle, and what a client holds would outlive it.
        self.tls = tls or TLS()
        self._proxy = None if proxy is None else _checked(proxy)
        self._proxies: dict[str, str | None] = {}

    def proxy(self, url: str) -> str | None:
        """The proxy for an address: the one that was given, or the environment's, resolved once for each origin."""
        if self._proxy is not None:
            return self._proxy
        origin = url[: url.find("/", 8)]
        if origin not in self._proxies:
            self._proxies[origin] = _proxy_for(url)
        return self._proxies[origin]
