"""Two small proxies on loopback sockets, HTTP's and SOCKS5: whatever host they are asked for, they connect to one port.

So names need not exist, and what a client asks for (a name or an address) can be seen.
"""

from __future__ import annotations

import base64
import contextlib
import socket
import ssl
import struct
import threading
from dataclasses import dataclass
from typing import Literal, Self

Conduct = Literal["serves", "refuses", "hangs up", "is silent", "babbles", "cuts the tunnel"]


@dataclass
class Asked:
    """What a client wanted of a proxy."""

    method: str
    target: str
    user: str = ""
    head: str = ""


class Proxy:
    """What both have: connections, threads, and the bytes that go to and fro."""

    scheme = ""

    def __init__(
        self,
        to: int,
        *,
        credentials: str = "",
        conduct: Conduct = "serves",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.asked: list[Asked] = []
        self.carried = b""
        """What clients sent through, as the proxy saw it."""
        self._to, self._credentials, self._conduct, self._tls = to, credentials, conduct, tls
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._stop = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def url(self, credentials: str = "", scheme: str = "") -> str:
        """Its address."""
        at = f"{credentials}@" if credentials else ""
        return f"{scheme or self.scheme}://{at}127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for sock in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _start(self, target: object, *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(sock)
            self._start(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError, _Gone), contextlib.closing(sock):
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True)
                self._open.append(sock)
            with sock:
                self._speak(sock)

    def _speak(self, sock: socket.socket) -> None:
        raise NotImplementedError

    def _carry(self, sock: socket.socket, first: bytes = b"") -> None:
        """Take bytes to and fro until one side ends."""
        if self._conduct == "cuts the tunnel":
            return
        with socket.create_connection(("127.0.0.1", self._to)) as far:
            far.sendall(first)
            self._open.append(far)
            back = threading.Thread(target=_pump, args=(far, sock), daemon=True)
            back.start()
            while data := sock.recv(65536):
                self.carried += data
                far.sendall(data)
            far.shutdown(socket.SHUT_WR)
            back.join(5)

    def _misbehaves(self, sock: socket.socket) -> bool:
        """Whether it has done so."""
        if self._conduct == "is silent":
            self._stop.wait(30)
        if self._conduct == "babbles":
            sock.sendall(b"\xff\x00 what? \r\n\r\n")
        return self._conduct in ("is silent", "babbles", "hangs up")


class _Gone(Exception):
    """The other side has ended."""


def _pump(source: socket.socket, to: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            to.sendall(data)
    with contextlib.suppress(OSError):
        to.shutdown(socket.SHUT_RDWR)


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        if not (more := sock.recv(size - len(data))):
            raise _Gone
        data += more
    return data


class HTTPProxy(Proxy):
    """Forwards requests for http, tunnels for https."""

    scheme = "http"

    def _speak(self, sock: socket.socket) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            if not (more := sock.recv(65536)):
                return
            data += more
        head = data.partition(b"\r\n\r\n")[0].decode()
        method, target, _ = head.partition("\r\n")[0].split(" ", 2)
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
        lower = {name.lower(): value for name, value in headers.items()}
        basic = lower.get("proxy-authorization", "").removeprefix("Basic ")
        user = base64.b64decode(basic).decode()
        self.asked.append(Asked(method, target, user, head))
        if self._misbehaves(sock):
            return
        if user != self._credentials:
            sock.sendall(
                _NO
                % (b"407 Proxy Authentication Required", b'proxy-authenticate: Basic realm="x"\r\n')
            )
        elif self._conduct == "refuses":
            sock.sendall(_NO % (b"403 Forbidden", b""))
        elif method == "CONNECT":
            sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self._carry(sock)
        else:
            # What follows on this connection is the same client's: it is taken along as it is.
            self._carry(sock, data)


_NO = b"HTTP/1.1 %b\r\n%bcontent-length: 0\r\n\r\n"


class SOCKSProxy(Proxy):
    """SOCKS5 (RFC 1928), with and without user and password (RFC 1929)."""

    scheme = "socks5"

    def _speak(self, sock: socket.socket) -> None:
        _, count = _exactly(sock, 2)
        offered = _exactly(sock, count)
        if self._misbehaves(sock):
            return None
        user = ""
        wanted = 2 if self._credentials else 0
        if wanted not in offered:
            return sock.sendall(b"\x05\xff")
        sock.sendall(bytes((5, wanted)))
        if wanted:
            user = ":".join(_counted(sock, skip) for skip in (1, 0))
            if user != self._credentials:
                self.asked.append(Asked("", "", user))
                return sock.sendall(b"\x01\x01")
            sock.sendall(b"\x01\x00")
        self.asked.append(self._request(sock, user))
        sock.sendall(bytes((5, 5 if self._conduct == "refuses" else 0, 0, 1)) + bytes(6))
        return None if self._conduct == "refuses" else self._carry(sock)

    def _request(self, sock: socket.socket, user: str) -> Asked:
        *_, kind = _exactly(sock, 4)
        host = socket.inet_ntoa(_exactly(sock, 4)) if kind == 1 else _counted(sock)
        (port,) = struct.unpack(">H", _exactly(sock, 2))
        return Asked("address" if kind == 1 else "name", f"{host}:{port}", user)


def _counted(sock: socket.socket, skip: int = 0) -> str:
    _exactly(sock, skip)
    return _exactly(sock, _exactly(sock, 1)[0]).decode()
