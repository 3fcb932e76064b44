"""Which HTTP library carries requests, and how it reaches the world: chosen once for a client, made when first needed.

Here is the choice and what goes with every library; what each does with it stands in ``_http`` and ``_reqwest``.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from .._http import HTTPRequest
from ..errors import ConfigurationError
from ._progress import Progress
from ._tls import TLS

__all__ = ["Awaiting", "Blocking", "Network", "chosen", "ending", "refuse_beside"]

_NAMES = ("httpx", "reqwest")
_VARIABLE = "LLMKIT_TRANSPORT"
_USUAL = {"http2": False, "verify": True}


class Blocking(Protocol):
    """Connections for blocking code, shared by all threads."""

    def send(self, request: HTTPRequest, progress: Progress) -> Any:
        """Send; return the response with its body unread."""

    def close(self) -> None:
        """Close all connections; it can be used again after it."""


class Awaiting(Protocol):
    """Connections of one event loop."""

    async def send(self, request: HTTPRequest, progress: Progress) -> Any:
        """Send; return the response with its body unread."""

    async def aclose(self) -> None:
        """Close all connections."""


class Network:
    """How a client's requests travel.

    Args:
        name: ``httpx`` or ``reqwest``.
        verify: whom to trust; see ``Client``.
        cert: what to show a server that asks; see ``Client``.
        proxy: the proxy of all requests; by default those of the environment.
        http2: whether HTTP/2 may be spoken.

    Raises:
        ConfigurationError: one of them cannot be what it is.
    """

    def __init__(
        self,
        name: str = "httpx",
        *,
        verify: Any = None,
        cert: Any = None,
        proxy: str | None = None,
        http2: bool = False,
    ) -> None:
        if not isinstance(http2, bool):
            raise ConfigurationError(f"http2 is True or False, not {http2!r}")
        if http2 and name == "httpx":
            raise ConfigurationError(
                "http2=True needs transport='reqwest', or your own http_client=httpx.Client(http2=True)"
            )
        self.name, self.proxy, self.http2 = name, proxy, http2
        self.tls = TLS(verify, cert)

    def blocking(self) -> Blocking:
        """Connections for blocking code."""
        if self.name == "reqwest":
            from ._reqwest import Reqwest  # noqa: PLC0415 - an extra

            return Reqwest(self.tls, self.proxy, http2=self.http2)
        from ._http import SyncTransports  # noqa: PLC0415 - over pyreqwest nobody needs httpcore

        return SyncTransports(self.tls, self.proxy)

    def awaiting(self) -> Awaiting:
        """Connections for the running event loop."""
        if self.name == "reqwest":
            from ._reqwest import AsyncReqwest  # noqa: PLC0415 - an extra

            return AsyncReqwest(self.tls, self.proxy, http2=self.http2)
        from ._http import AsyncTransports  # noqa: PLC0415

        return AsyncTransports(self.tls, self.proxy)

    def here(self) -> Network:
        """In a process that was forked: this, or what is used in its place there."""
        reqwest: Any = sys.modules.get(f"{__package__}._reqwest")
        if self.name != "reqwest" or reqwest is None or not reqwest.keep_inherited():
            return self
        from ._instead import Instead  # noqa: PLC0415 - few processes are forked

        return Instead(verify=self.tls.verify, cert=self.tls.cert or None, proxy=self.proxy)


def chosen(transport: str | None, environ: Mapping[str, str]) -> str:
    """The library asked for, by ``transport=`` or else by the environment. Raises ``ConfigurationError``."""
    name = transport or environ.get(_VARIABLE) or _NAMES[0]
    if name not in _NAMES:
        asked = "transport" if transport else _VARIABLE
        raise ConfigurationError(f"{asked} must be one of {', '.join(_NAMES)}, not {name!r}")
    return name


@contextlib.contextmanager
def ending() -> Iterator[None]:
    """The process ends: within, its clients are closed."""
    reqwest: Any = sys.modules.get(f"{__package__}._reqwest")
    if reqwest is not None:
        reqwest.begin_end()
    yield
    if reqwest is not None:
        reqwest.end()


def refuse_beside(**options: Any) -> None:
    """Raise ``ConfigurationError`` for what a caller's own client decides itself."""
    told = sorted(
        name
        for name, value in options.items()
        if value not in (None, "", _NAMES[0]) and value is not _USUAL.get(name)
    )
    if told:
        raise ConfigurationError(
            f"http_client is used as it is: it decides {', '.join(told)}, which cannot be given beside it"
        )
