"""The loopback server: one process, one loop, answers made beforehand; it parses only what it must.

usage: python -m bench.server [CORE]   (prints its port; ends when its standard input ends)

``/v1`` sends a stream in one write; ``/trickle/v1`` each event in its own, a moment apart. ``GET /served`` says how
many requests were answered and what CPU time that took: a run can show that the server was never what it measured.
With a core of its own it stays awake for a moment after each answer, or its waking up would be a third of a call.
"""

from __future__ import annotations

import os
import selectors
import socket
import sys
import threading
import time
from collections import deque

from bench import answers

PAUSE = 0.0002
AWAKE = 0.0003
_ROOM = 1 << 18
_PATH = b"/chat/completions"
_STREAMED = (b'"stream":true', b'"stream": true')


class _Connection:
    """One client: what it sent and has not been answered, what it is still to be sent."""

    __slots__ = ("dripping", "received", "sock", "unsent")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.received = b""
        self.unsent = b""
        self.dripping: deque[bytes] = deque()


class Server:
    """Answers on a free port, ``port``."""

    def __init__(self, awake: float = 0.0) -> None:
        self._awake = awake
        self._looked = 0.0
        self._plain = answers.completion()
        self._pieces = answers.pieces()
        self._burst = b"".join(self._pieces)
        self._missing = answers.whole({"error": {"message": "no such path"}}, "404 Not Found")
        self._served = 0
        self._dripping: set[_Connection] = set()
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self.port = int(self._listener.getsockname()[1])

    def serve(self) -> None:
        """Serve for ever."""
        while True:
            for key, _ in self._come():
                if key.data is None:
                    self._accept()
                else:
                    self._ready(key.data)
            if self._dripping:
                time.sleep(PAUSE)
                self._drip()

    def _come(self) -> list[tuple[selectors.SelectorKey, int]]:
        """Whoever is ready; the time of looking in vain is not what answers cost."""
        if self._dripping:
            return self._selector.select(0)
        begun = now = time.perf_counter()
        while now - begun < self._awake:
            if come := self._selector.select(0):
                self._looked += now - begun
                return come
            now = time.perf_counter()
        self._looked += now - begun
        return self._selector.select(None)

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(sock, selectors.EVENT_READ, _Connection(sock))

    def _ready(self, connection: _Connection) -> None:
        if connection.unsent:
            self._send(connection, b"")
            self._requests(connection)
            return
        try:
            received = connection.sock.recv(_ROOM)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if not received:
            self._drop(connection)
            return
        connection.received += received
        self._requests(connection)

    def _requests(self, connection: _Connection) -> None:
        """Answer the requests that have come whole, unless one is being answered."""
        while not (connection.unsent or connection.dripping):
            data = connection.received
            end = data.find(b"\r\n\r\n") + 4
            if end < 4:
                return
            head = data[:end].lower()
            size = end + _content_length(head)
            if len(data) < size:
                return
            connection.received = data[size:]
            self._answer(connection, head, data[end:size])

    def _answer(self, connection: _Connection, head: bytes, body: bytes) -> None:
        path = head[head.index(b" ") + 1 : head.index(b" http/")]
        if not path.endswith(_PATH):
            known = path == b"/served"
            self._send(connection, answers.whole(self._state()) if known else self._missing)
            return
        self._served += 1
        if not any(mark in body for mark in _STREAMED):
            self._send(connection, self._plain)
        elif path.startswith(b"/trickle/"):
            connection.dripping.extend(self._pieces)
            self._dripping.add(connection)
        else:
            self._send(connection, self._burst)

    def _state(self) -> dict[str, float]:
        return {"requests": self._served, "cpu": time.process_time() - self._looked}

    def _drip(self) -> None:
        for connection in tuple(self._dripping):
            if connection.unsent:
                continue
            self._send(connection, connection.dripping.popleft())
            if not connection.dripping:
                self._dripping.discard(connection)
                self._requests(connection)

    def _send(self, connection: _Connection, data: bytes) -> None:
        whole = connection.unsent + data
        try:
            sent = connection.sock.send(whole)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._drop(connection)
            return
        held, connection.unsent = bool(connection.unsent), whole[sent:]
        if held != bool(connection.unsent):
            events = selectors.EVENT_WRITE if connection.unsent else selectors.EVENT_READ
            self._selector.modify(connection.sock, events, connection)

    def _drop(self, connection: _Connection) -> None:
        self._dripping.discard(connection)
        connection.dripping.clear()
        connection.received = connection.unsent = b""
        self._selector.unregister(connection.sock)
        connection.sock.close()


def _content_length(head: bytes) -> int:
    """The length of a request's body; ``head`` is in lower case."""
    start = head.find(b"\r\ncontent-length:")
    if start < 0:
        return 0
    start += len(b"\r\ncontent-length:")
    return int(head[start : head.index(b"\r\n", start)])


def main(arguments: list[str]) -> None:
    """Serve, on the core given if the system can pin processes."""
    pinned = bool(arguments) and hasattr(os, "sched_setaffinity")
    if pinned:
        os.sched_setaffinity(0, {int(arguments[0])})
    server = Server(AWAKE if pinned else 0.0)
    print(server.port, flush=True)
    threading.Thread(target=_until_the_parent_ends, daemon=True).start()
    server.serve()


def _until_the_parent_ends() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
