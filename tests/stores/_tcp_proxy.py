"""A TCP proxy before a server, which counts, and breaks what it is told to."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from types import TracebackType
from typing import Self

_PIECE = 1 << 16


class Proxy:
    """Hands bytes on in both directions, until told otherwise.

    Attributes:
        turns: who spoke, one letter each time it changed: ``c`` the client, ``s`` the server.
        swallow: how many more answers are not handed on: the connection ends instead.
        mute: whether answers are kept back.
        opened: how many connections there were.
        marker: only what answers a message with this in it is swallowed or kept back.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self.port: int = self._listener.getsockname()[1]
        self.turns = ""
        self.swallow = 0
        self.mute = False
        self.opened = 0
        self.marker = b""
        self._asked = b""

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(10)
        self._listener.close()

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            if select.select([self._listener], [], [], 0.05)[0]:
                client = self._listener.accept()[0]
                self.opened += 1
                self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        with (
            client,
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", self._port)) as server,
        ):
            while not self._stopped.is_set() and self._hand_on(client, server):
                continue

    def _hand_on(self, client: socket.socket, server: socket.socket) -> bool:
        marked = self.marker in self._asked
        sources = [client] if self.mute and marked else [client, server]
        for source in select.select(sources, [], [], 0.05)[0]:
            piece = source.recv(_PIECE)
            if not piece:
                return False
            who, target = ("c", server) if source is client else ("s", client)
            if who == "c":
                self._asked = piece
            elif self.swallow and marked:
                self.swallow -= 1
                return False
            if not self.turns.endswith(who):
                self.turns += who
            target.sendall(piece)
        return True
