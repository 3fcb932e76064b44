"""The simulator's server: loopback sockets, one thread a connection, nothing left after `end`.

Only I/O: what is answered is decided in `_wires`, how it is sent in `_sending` and `faults`, all of them pure.
"""

from __future__ import annotations

import contextlib
import io
import json
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Final

from typing_extensions import override

from ._channel import Channel
from ._sending import End, Turn, composed, sent
from ._wires import Reply, Say, Wire, wire_for
from .faults import BreakTLS, Fault

__all__ = ["HOST", "Connection", "Pending", "ReceivedRequest", "Server", "Unreadable"]

HOST: Final = "127.0.0.1"
_LARGEST_BODY: Final = 64 * 1024 * 1024
_BACKLOG: Final = 128
# The first byte of a TLS handshake (RFC 8446, section 5.1).
_HANDSHAKE: Final = b"\x16"
_NO_TLS: Final = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A request as it came in; *headers* have lower-case names and are not in the repr."""

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body, parsed. Raises `ValueError` if it is not JSON."""
        return json.loads(self.body)


class Pending:
    """The faults that are still to come. Requests that meet them come on many threads."""

    def __init__(self) -> None:
        self._next: deque[Fault | None] = deque()
        self._always: Fault | None = None
        self._lock = threading.Lock()

    def add(self, faults: tuple[Fault | None, ...]) -> None:
        """The next requests meet these, behind those that were added before."""
        with self._lock:
            self._next.extend(faults)

    def always(self, fault: Fault | None) -> None:
        """Every request that meets none of those added meets this one."""
        with self._lock:
            self._always = fault

    def clear(self) -> None:
        """No fault is left."""
        with self._lock:
            self._next.clear()
            self._always = None

    def take(self) -> Fault | None:
        """What the next request meets."""
        with self._lock:
            return self._next.popleft() if self._next else self._always

    def take_for_tls(self) -> BreakTLS | None:
        """What a handshake meets, which is nothing unless a broken handshake is next."""
        with self._lock:
            first = self._next[0] if self._next else self._always
            if not isinstance(first, BreakTLS):
                return None
            if self._next:
                self._next.popleft()
            return first


class Server:
    """Accepts connections, knows them, and can therefore end them."""

    def __init__(
        self,
        received: list[ReceivedRequest],
        pending: Pending,
        say: Say,
        tls: ssl.SSLContext | None,
    ) -> None:
        self.received, self.pending, self.say = received, pending, say
        self._tls = tls
        self._listener = socket.create_server((HOST, 0), backlog=_BACKLOG)
        self.port: int = self._listener.getsockname()[1]
        self._ending = False
        self._open: dict[threading.Thread, socket.socket] = {}
        self._changed = threading.Condition()

    @property
    def connections(self) -> int:
        """How many connections have not ended on both sides."""
        with self._changed:
            return len(self._open)

    def wait_for(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Wait until the condition holds, which is looked at whenever a connection ends."""
        with self._changed:
            return self._changed.wait_for(condition, timeout)

    def run(self) -> None:
        """Accept connections until woken to end: no polling, so an idle server costs nothing."""
        while not self._ending:
            with contextlib.suppress(OSError):  # a client that left before it was accepted
                self._accepted(self._listener.accept()[0])

    def end(self, accepting: threading.Thread) -> None:
        """Stop accepting, break what is open, wait for its threads, close the listening socket."""
        self._ending = True
        # The thread's wait ends with a connection, which is the portable way.
        socket.create_connection((HOST, self.port)).close()
        accepting.join()
        with self._changed:
            threads = list(self._open)
            for connection in self._open.values():
                _break(connection)
        for thread in threads:
            thread.join()
        self._listener.close()

    def _accepted(self, connection: socket.socket) -> None:
        # Daemons, so that a program which forgets to stop the simulator can still end.
        thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
        with self._changed:
            self._open[thread] = connection
        thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            # A client that goes away is no news; any other exception is a bug, and is shown.
            with contextlib.suppress(OSError):
                self._talk(connection)
        finally:
            with self._changed:
                self._open.pop(threading.current_thread()).close()
                self._changed.notify_all()

    def _talk(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if connection.recv(1, socket.MSG_PEEK) == _HANDSHAKE and not self._shakes(connection):
            return
        if self._tls is not None:
            connection = self._secured(connection, self._tls)
        Connection(Channel(connection), self)

    def _shakes(self, connection: socket.socket) -> bool:
        """Whether a TLS handshake may go on; if not, the connection is done with."""
        fault = self.pending.take_for_tls()
        if fault is None and self._tls is not None:
            return True
        channel = Channel(connection)
        channel.read_hello()
        channel.perform((_NO_TLS, End.CLOSE) if fault is None else fault.hello())
        return False

    def _secured(self, connection: socket.socket, tls: ssl.SSLContext) -> ssl.SSLSocket:
        # Wrapping takes the descriptor from the plain socket: `end` must not see the time between.
        with self._changed:
            secured = tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            self._open[threading.current_thread()] = secured
        secured.do_handshake()
        return secured


def _break(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # its peer closed it first
        # The plain socket's method: TLS's own would forget its state under the thread that is using it.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


class Unreadable(Exception):
    """A request that cannot be read to its end, and the status that says so."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Connection(BaseHTTPRequestHandler):
    """One connection's requests, read and answered in turn."""

    protocol_version = "HTTP/1.1"

    def __init__(self, channel: Channel, serving: Server) -> None:
        self._channel, self._serving = channel, serving
        super().__init__(channel, (HOST, serving.port), serving)  # type: ignore[arg-type]

    @override
    def setup(self) -> None:
        """Read and write through the channel, which others see at once."""
        self.rfile = io.BufferedReader(self._channel)
        self.wfile = self._channel  # type: ignore[assignment]

    @override
    def finish(self) -> None:
        """Leave the socket to the server, which knows who else may be using it."""

    def do_POST(self) -> None:
        """Answer one request, whatever its method."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        wire = wire_for(self.path, headers)
        try:
            body = self.read_body()
        except Unreadable as problem:
            # The rest of the request is of unknown length: nothing after it can be read.
            return self._refuse(wire, problem.status, str(problem))
        serving = self._serving
        serving.received.append(ReceivedRequest(self.command, self.path, headers, body))
        reply = wire.reply(self.command, self.path, headers, body, serving.say)
        return self._answer(reply, wire, len(serving.received), serving.pending.take())

    # The standard library looks a method up by these names.
    do_GET = do_PUT = do_PATCH = do_DELETE = do_POST  # noqa: N815

    @override
    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is not HTTP with an API's error body in place of an HTML page."""
        self._refuse(wire_for("", {}), code, message or "We could not parse your request.")

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: tests read `Simulator.requests`."""

    def _refuse(self, wire: Wire, status: int, message: str) -> None:
        self.close_connection = True
        self._answer(wire.failure(status, message), wire, 0, None)

    def _answer(self, reply: Reply, wire: Wire, number: int, fault: Fault | None) -> None:
        chunks = self.request_version != "HTTP/1.0"
        turn = Turn(reply, wire, number, time.time(), chunks, self.close_connection)
        steps = sent(composed(turn)) if fault is None else fault.steps(turn)
        self.close_connection = not self._channel.perform(steps)

    def read_body(self) -> bytes:
        """The request's body, whole. Raises `Unreadable`."""
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            return self._read_chunks()
        length = self.headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()):
            raise Unreadable(400, "We could not parse your request: bad Content-Length.")
        return self._read_exactly(int(length))

    def _read_chunks(self) -> bytes:
        body = bytearray()
        while size := self._chunk_size():
            body += self._read_exactly(size)
            self._check_size(len(body))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return bytes(body)

    def _chunk_size(self) -> int:
        line = self.rfile.readline(64).partition(b";")[0].strip()
        try:
            return int(line, 16)
        except ValueError as error:
            raise Unreadable(400, "We could not parse your request: bad chunk.") from error

    def _check_size(self, size: int) -> None:
        if size > _LARGEST_BODY:
            raise Unreadable(413, "The request is too large for the simulator.")

    def _read_exactly(self, size: int) -> bytes:
        self._check_size(size)
        body = self.rfile.read(size)
        if len(body) < size:
            raise Unreadable(400, "We could not parse your request: the body ended early.")
        return body
