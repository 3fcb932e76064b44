"""What stands between a client and a server on unix sockets: it counts round trips and cuts connections when told."""

from __future__ import annotations

import contextlib
import select
import socket
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

__all__ = ["Proxy", "between"]

Cut = Literal["request", "answer"]


class Proxy:
    """``turns``: how often somebody asked. ``cuts``: what befalls the next requests.

    ``request``: the connection is cut before the server has heard it; ``answer``: after it has answered.
    """

    def __init__(self, server: Path, path: Path) -> None:
        self.path = path
        self.turns = 0
        self.cuts: deque[Cut] = deque()
        self._server = server
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """What ``RedisStore`` takes."""
        return f"unix://{self.path}"

    def close(self) -> None:
        """Take no more connections; what is open ends with its client."""
        # A thread that waits in accept() hears of the end by this alone.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server, contextlib.suppress(OSError):
            server.connect(str(self._server))
            asked = False
            cut: Cut | None = None
            while True:
                for ready in select.select([client, server], [], [])[0]:
                    piece = ready.recv(1 << 16)
                    if not piece or (ready is server and cut == "answer"):
                        return
                    if ready is server:
                        asked = False
                        client.sendall(piece)
                        continue
                    if not asked:
                        asked, self.turns = True, self.turns + 1
                        cut = self.cuts.popleft() if self.cuts else None
                        if cut == "request":
                            return
                    server.sendall(piece)


@contextlib.contextmanager
def between(server: Path) -> Iterator[Proxy]:
    """A proxy before a server's socket."""
    with tempfile.TemporaryDirectory(prefix="llmkit-proxy-") as folder:
        proxy = Proxy(server, Path(folder, "proxy.sock"))
        try:
            yield proxy
        finally:
            proxy.close()
