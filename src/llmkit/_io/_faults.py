"""What goes wrong between a driver and the network where it is we who say so. The names, and the tree, are httpcore's.

``_failures`` judges by names, so that each of these is what httpcore's or httpx's of that name is. That library is not
loaded for them: over pyreqwest nobody needs it.
"""

from __future__ import annotations

__all__ = [
    "ConnectError",
    "ConnectTimeout",
    "LocalProtocolError",
    "ProxyError",
    "ReadError",
    "ReadTimeout",
    "RemoteProtocolError",
    "WriteError",
]


class TimeoutException(Exception):
    """Something took too long."""


class ConnectTimeout(TimeoutException):
    """To connect did."""


class ReadTimeout(TimeoutException):
    """To be answered did."""


class NetworkError(Exception):
    """The connection failed."""


class ConnectError(NetworkError):
    """Before it was there."""


class ReadError(NetworkError):
    """While something was awaited."""


class WriteError(NetworkError):
    """While something was sent."""


class ProxyError(Exception):
    """A proxy refused."""


class ProtocolError(Exception):
    """What was said is no HTTP."""


class LocalProtocolError(ProtocolError):
    """On this side: it cannot be sent."""


class RemoteProtocolError(ProtocolError):
    """On the other side."""
