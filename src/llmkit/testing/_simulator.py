"""The simulator's server: loopback sockets, one thread a connection, nothing left after `stop`.

Only I/O: what is answered is decided in `_wires` and below, which are pure. No transport but the
standard library's, so that a machine with the base install alone can run it.
"""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from typing_extensions import override

from .. import providers
from ._answer import answer
from ._wires import Reply, wire_for

__all__ = ["ReceivedRequest", "Simulator"]

_LARGEST_BODY: Final = 64 * 1024 * 1024
_HOST: Final = "127.0.0.1"


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


class Simulator:
    """A server on a free loopback port that speaks providers' APIs and makes its answers up.

    Equal requests get equal answers. Use it with `with`, or call `start` and `stop`; after
    `stop` it may be started again, on another port.
    """

    def __init__(self) -> None:
        self.requests: list[ReceivedRequest] = []
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def origin(self) -> str:
        """Where it listens, without a path. Raises `RuntimeError` unless running."""
        if self._server is None:
            raise RuntimeError("the simulator is not running: use `with Simulator() as sim`")
        return f"http://{_HOST}:{self._server.server_port}"

    @property
    def base_url(self) -> str:
        """What to give a client of OpenAI's API as `base_url`. Raises `RuntimeError` unless running."""
        return f"{self.origin}/v1"

    def base_url_for(self, provider: str) -> str:
        """What to give a client of *provider*'s API, llmkit's or its own SDK, as `base_url`.

        Raises:
            UnknownProviderError: llmkit knows no provider of this name.
            RuntimeError: the simulator is not running.
        """
        return f"{self.origin}{urlsplit(providers.get(provider).base_url or '').path}"

    def start(self) -> Self:
        """Listen, and answer in the background. Raises `RuntimeError` if it already does."""
        if self._server is not None:
            raise RuntimeError("the simulator is already running")
        server = self._server = _Server(self.requests)
        # Daemons, so that a program which forgets to stop the simulator can still end.
        self._thread = threading.Thread(target=server.run, name="llmkit-simulator", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close all sockets and end all threads, answers under way included. Safe to repeat."""
        server, thread = self._server, self._thread
        self._server = self._thread = None
        if server is not None and thread is not None:
            server.wake()
            thread.join()
            server.end()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    """An HTTP server that knows its connections and can therefore end them."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, requests: list[ReceivedRequest]) -> None:
        super().__init__((_HOST, 0), _Connection)
        self.received = requests
        self._ending = False
        self._open: dict[threading.Thread, socket.socket] = {}
        self._lock = threading.Lock()

    def run(self) -> None:
        """Accept connections until woken to end: no polling, so an idle server costs nothing."""
        while not self._ending:
            self.handle_request()

    def wake(self) -> None:
        """Have `run` return: its wait ends with a connection, which is the portable way."""
        self._ending = True
        socket.create_connection((_HOST, self.server_port)).close()

    def end(self) -> None:
        """Break what is open, wait for its threads, close the listening socket."""
        with self._lock:
            open_ = dict(self._open)
        for connection in open_.values():
            _break(connection)
        for thread in open_:
            thread.join()
        self.server_close()

    @override
    def process_request(self, request: Any, client_address: Any) -> None:
        """Give the connection a thread, and remember both."""
        thread = threading.Thread(target=self._served, args=(request, client_address), daemon=True)
        with self._lock:
            self._open[thread] = request
        thread.start()

    def _served(self, request: Any, client_address: Any) -> None:
        try:
            self.process_request_thread(request, client_address)
        finally:
            with self._lock:
                del self._open[threading.current_thread()]

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing about a client that went away; anything else is a bug, and is shown."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    @override
    def server_bind(self) -> None:
        """Bind without the standard library's reverse DNS look-up, which can take seconds."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = _HOST, self.socket.getsockname()[1]


def _break(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # its peer or its thread closed it first
        connection.shutdown(socket.SHUT_RDWR)


class _Unreadable(Exception):
    """A request that cannot be read to its end, and the status that says so."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Connection(BaseHTTPRequestHandler):
    """One connection's requests, read and answered in turn."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        """Answer one request, whatever its method."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        wire = wire_for(self.path, headers)
        try:
            body = self._read_body()
        except _Unreadable as problem:
            # The rest of the request is of unknown length: nothing after it can be read.
            self.close_connection = True
            return self._write(wire.failure(problem.status, str(problem)))
        self.server.received.append(ReceivedRequest(self.command, self.path, headers, body))
        return self._write(wire.reply(self.command, self.path, headers, body, answer))

    # The standard library looks a method up by these names.
    do_GET = do_PUT = do_PATCH = do_DELETE = do_POST  # noqa: N815

    @override
    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is not HTTP with an API's error body in place of an HTML page."""
        self.close_connection = True
        wire = wire_for("", {})
        self._write(wire.failure(code, message or "We could not parse your request."))

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: tests read `Simulator.requests`."""

    def _read_body(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            return self._read_chunks()
        length = self.headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()):
            raise _Unreadable(400, "We could not parse your request: bad Content-Length.")
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
            raise _Unreadable(400, "We could not parse your request: bad chunk.") from error

    def _check_size(self, size: int) -> None:
        if size > _LARGEST_BODY:
            raise _Unreadable(413, "The request is too large for the simulator.")

    def _read_exactly(self, size: int) -> bytes:
        self._check_size(size)
        body = self.rfile.read(size)
        if len(body) < size:
            raise _Unreadable(400, "We could not parse your request: the body ended early.")
        return body

    def _write(self, answer: Reply) -> None:
        # HTTP/1.0 has no chunks: there the end of the connection ends the stream.
        chunked = bool(answer.frames) and self.request_version != "HTTP/1.0"
        self.close_connection |= bool(answer.frames) and not chunked
        self._write_head(answer, chunked=chunked)
        if not answer.frames:
            self.wfile.write(answer.body)
        for frame in answer.frames:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(frame), frame) if chunked else frame)
        self.wfile.write(b"0\r\n\r\n" if chunked else b"")

    def _write_head(self, answer: Reply, *, chunked: bool) -> None:
        kind = "text/event-stream; charset=utf-8" if answer.frames else "application/json"
        self.send_response(answer.status)
        self.send_header("X-Request-Id", f"req_simulator_{len(self.server.received)}")
        for name, value in {"Content-Type": kind, **answer.headers}.items():
            self.send_header(name, value)
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif not answer.frames:
            self.send_header("Content-Length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
