"""A client that speaks HTTP by hand, so that nothing between it and the simulator mends anything."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self
from urllib.parse import urlsplit

from llmkit.testing import Simulator

HELLO = [{"role": "user", "content": "hello there"}]


def request(
    *, stream: bool = False, version: str = "1.1", keep: bool = False, **params: Any
) -> bytes:
    """A chat request, as bytes; unless *keep*, its connection is to be closed behind the answer."""
    body = json.dumps({"model": "offline", "messages": HELLO, "stream": stream, **params}).encode()
    lines = [f"POST /v1/chat/completions HTTP/{version}", "Host: x", "Authorization: Bearer k"]
    lines += [] if keep else ["Connection: close"]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def port_of(sim: Simulator) -> int:
    """Where it listens."""
    port = urlsplit(sim.base_url).port
    assert port is not None
    return port


class Raw:
    """One connection, plain or wrapped by the caller."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.data = b""
        self.end = ""

    def ask(self, **params: Any) -> Self:
        """Send a request."""
        self.sock.sendall(request(**params))
        return self

    def read(self, seconds: float = 5.0, most: int = 1 << 40) -> Self:
        """Read until the end, which is "closed", "reset", "silent" (for so many seconds) or "much" (enough came)."""
        self.sock.settimeout(seconds)
        try:
            while len(self.data) < most and (more := self.sock.recv(65536)):
                self.data += more
            self.end = "much" if len(self.data) >= most else "closed"
        except TimeoutError:
            self.end = "silent"
        except ConnectionResetError:
            self.end = "reset"
        return self

    @property
    def head(self) -> bytes:
        """Status line and headers, in lower case."""
        return self.data.partition(b"\r\n\r\n")[0].lower()

    @property
    def status(self) -> int:
        """The status."""
        return int(self.head.split()[1])

    @property
    def headers(self) -> dict[str, str]:
        """The headers, names in lower case."""
        lines = self.data.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
        pairs = (line.split(": ", 1) for line in lines)
        return {name.lower(): value for name, value in pairs}

    @property
    def behind(self) -> bytes:
        """All that followed the head."""
        return self.data.partition(b"\r\n\r\n")[2]

    @property
    def body(self) -> bytes:
        """What followed the head, without the sizes of chunks."""
        return b"".join(chunks(self.behind)) if b"chunked" in self.head else self.behind


def chunks(data: bytes) -> Iterator[bytes]:
    """The pieces of a chunked body, as far as they came."""
    while data:
        size, _, data = data.partition(b"\r\n")
        yield data[: int(size, 16)]
        data = data[int(size, 16) + 2 :]


@contextmanager
def connected(sim: Simulator) -> Iterator[Raw]:
    """A connection to the simulator."""
    with socket.create_connection(("127.0.0.1", port_of(sim)), timeout=5) as sock:
        yield Raw(sock)


def answered(sim: Simulator, **params: Any) -> Raw:
    """What comes for one request on a connection of its own, read to its end."""
    with connected(sim) as raw:
        return raw.ask(**params).read()
