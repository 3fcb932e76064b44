"""A server that takes what is sent to it and keeps none of it: for uploads that are larger than memory should grow."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import ssl
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import Self

from ._server import CERTIFICATE, answer, chat


@dataclass
class Taken:
    """What came over one connection."""

    head: str = ""
    size: int = 0
    digest: str = ""
    gone: threading.Event = field(default_factory=threading.Event)

    @property
    def headers(self) -> dict[str, str]:
        """By name, in lower case."""
        pairs = (line.partition(":") for line in self.head.split("\r\n")[1:])
        return {name.lower(): value.strip() for name, _, value in pairs}


class Sink:
    """After ``refuse_after`` bytes it answers 413, after ``reset_after`` it resets; ``stall``: reads no more."""

    def __init__(
        self,
        *,
        refuse_after: int | None = None,
        reset_after: int | None = None,
        resets: int = 1,
        before: bytes = b"",
        stall: bool = False,
        tls: bool = False,
    ) -> None:
        self.taken: list[Taken] = []
        self._refuse, self._reset, self._resets = refuse_after, reset_after, resets
        self._before, self._stall = before, stall
        self.begun = threading.Event()
        """Some of a body has come."""
        self._stop = threading.Event()
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if tls else None
        if self._tls:
            self._tls.load_cert_chain(CERTIFICATE)
        self._listener = socket.create_server(("127.0.0.1", 0))
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError):
                if self._tls is not None:
                    sock = self._tls.wrap_socket(sock, server_side=True)
                with sock:
                    self._serve(sock)
            if self.taken:
                self.taken[-1].gone.set()

    def _serve(self, sock: socket.socket) -> None:
        taken, data, hashed = Taken(), b"", hashlib.sha256()
        self.taken.append(taken)
        while b"\r\n\r\n" not in data:
            if not (more := sock.recv(65536)):
                return
            data += more
        head, _, rest = data.partition(b"\r\n\r\n")
        taken.head = head.decode()
        sock.sendall(self._before)
        length = int(taken.headers["content-length"])
        while True:
            taken.size += len(rest)
            if rest:
                self.begun.set()
            hashed.update(rest)
            if self._ended(sock, taken) or taken.size >= length:
                break
            while self._stall and taken.size and not self._stop.wait(0.02):
                continue
            if not (rest := sock.recv(1 << 20)):
                return
        taken.digest = hashed.hexdigest()
        if taken.size >= length:
            sock.sendall(b"".join(part for part in answer(chat()) if isinstance(part, bytes)))

    def _ended(self, sock: socket.socket, taken: Taken) -> bool:
        if self._refuse is not None and taken.size > self._refuse:
            body = b'{"error": {"message": "the file is too large", "code": "too_large"}}'
            head = (
                b"HTTP/1.1 413 Too Large\r\ncontent-type: application/json\r\nconnection: close\r\n"
            )
            sock.sendall(head + b"content-length: %d\r\n\r\n" % len(body) + body)
            # As many servers do: what is still coming is not read, and resets the connection.
            time.sleep(0.1)
            return True
        if self._reset is not None and self._resets and taken.size > self._reset:
            self._resets -= 1
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return True
        return False
