"""A loopback server that answers with recorded bodies, streams cut as the path says.

``/r/<row>/<cut>/…``: the row to answer with, and into pieces of how many bytes (0: not cut).
It keeps what it was sent. Nothing of llmkit.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ._reader import Row


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came: path without the row's prefix, headers in lower case, body."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"

    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


def pieces(body: bytes, size: int) -> Iterator[bytes]:
    """Cut a body into pieces of ``size`` bytes; 0 leaves it whole."""
    step = size or max(len(body), 1)
    return (body[at : at + step] for at in range(0, len(body), step))


class Replay:
    """The server, on a thread of its own, until ``close``."""

    def __init__(self, rows: Mapping[str, Row]) -> None:
        self.rows = rows
        self._received: list[Received] = []
        self._http = _HTTP(("127.0.0.1", 0), _Answer)
        self._http.replay = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def base_url(self, row: Row, cut: int = 0) -> str:
        """Where this row is the answer, cut into pieces of ``cut`` bytes; forgets what came before."""
        self._received = []
        return f"http://127.0.0.1:{self._http.server_address[1]}/r/{row.id}/{cut}{row.mount}"

    def take(self) -> list[Received]:
        """What came since ``base_url`` was asked for."""
        taken, self._received = self._received, []
        return taken

    def receive(self, request: Received) -> None:
        """Keep a request; the server's handler calls this."""
        self._received.append(request)

    def close(self) -> None:
        """Stop."""
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


class _HTTP(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    replay: Replay

    @override
    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that hang up early are part of the tests."""


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _HTTP

    def do_POST(self) -> None:
        """Answer with the row that the path names."""
        _, prefix, row_id, cut, *rest = self.path.split("/")
        body = self.rfile.read(int(self.headers["content-length"] or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.replay.receive(Received("/" + "/".join(rest), headers, body, self.command))
        row = self.server.replay.rows.get(row_id) if prefix == "r" else None
        if row is None:
            self.send_error(599, "no such row")
        else:
            self.wfile.write(_answer(row, int(cut)))

    do_GET = do_DELETE = do_PATCH = do_POST  # noqa: N815 - the names that the library calls

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def _answer(row: Row, cut: int) -> bytes:
    framing, body = _framed(row, cut)
    kind = "text/event-stream" if row.is_event_stream else "application/json"
    headers = {"content-type": kind, **{k.lower(): v for k, v in row.headers.items()}, **framing}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {row.status} Recorded\r\n{head}\r\n".encode("latin-1") + body


def _framed(row: Row, cut: int) -> tuple[dict[str, str], bytes]:
    if not row.is_event_stream:
        return {"content-length": str(len(row.body))}, row.body
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces(row.body, cut))
    return {"transfer-encoding": "chunked"}, chunks + b"0\r\n\r\n"
