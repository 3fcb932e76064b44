"""A token server on loopback: it grants whatever it is asked for, and keeps what it was asked."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self

from typing_extensions import override

if TYPE_CHECKING:
    from types import TracebackType


class Issuer:
    """The server, on a thread of its own, for a block."""

    def __init__(self, status: int = 200) -> None:
        self.asked: list[tuple[str, bytes]] = []
        self.status = status
        self._http = _HTTP(("127.0.0.1", 0), _Answer)
        self._http.issuer = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    @property
    def host(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self._http.server_address[1]}"

    @property
    def origin(self) -> str:
        """The same as an address."""
        return f"http://{self.host}"

    def granted(self) -> bytes:
        """The answer: a token that says which one it is."""
        number = len(self.asked)
        if self.status >= 400:
            return b'{"error": "invalid_client", "error_description": "AADSTS7000215: Invalid."}'
        return json.dumps({"access_token": f"granted-{number}", "expires_in": 3600}).encode()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


class _HTTP(ThreadingHTTPServer):
    daemon_threads = True
    issuer: Issuer


class _Answer(BaseHTTPRequestHandler):
    server: _HTTP

    def do_POST(self) -> None:
        """Grant a token."""
        issuer = self.server.issuer
        issuer.asked.append(
            (self.path, self.rfile.read(int(self.headers.get("content-length", 0))))
        )
        body = issuer.granted()
        self.send_response(issuer.status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST  # noqa: N815 - the name that the server looks for

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
