"""A scriptable HTTP server on a raw loopback socket: it sends the bytes it is told, when it is told, and nothing else.

An answer is a sequence of steps: ``bytes`` are sent, a number of seconds is slept, ``CLOSE``, ``RESET`` and ``HOLD``
(until the client is gone) end the connection; after any other last step it is kept for the next request.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import ssl
import struct
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

HERE = Path(__file__).parent
CERTIFICATE = HERE / "self_signed.pem"

Step = bytes | float | Literal["close", "reset", "hold"]
Answer = Sequence[Step]
CLOSE: Literal["close"] = "close"
RESET: Literal["reset"] = "reset"
HOLD: Literal["hold"] = "hold"

_PATIENCE = 10.0


@dataclass
class Request:
    """What a client sent, and when it had been read."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    at: float
    connection: int

    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


@dataclass
class Peer:
    """One accepted connection."""

    sock: socket.socket
    number: int
    gone: threading.Event = field(default_factory=threading.Event)
    gone_at: float = 0.0
    how: str = ""
    shown: Any = None
    """The client's certificate, as ``ssl`` tells it."""
    buffer: bytes = b""

    def lost(self, how: str) -> None:
        """The client has left."""
        self.how = self.how or how
        self.gone_at = self.gone_at or time.monotonic()
        self.gone.set()

    def watch(self, seconds: float, stop: threading.Event) -> bool:
        """Wait; ``True`` as soon as the client has left."""
        until = time.monotonic() + seconds
        while not stop.is_set() and (left := until - time.monotonic()) > 0:
            if select.select([self.sock], [], [], min(left, 0.02))[0] and self.left():
                return True
        return self.gone.is_set()

    def left(self) -> bool:
        """Read what is there; whether that was the end."""
        try:
            data = self.sock.recv(65536)
        except ssl.SSLWantReadError:
            return False
        except OSError:
            self.lost("reset")
            return True
        if not data:
            self.lost("closed")
        self.buffer += data
        return not data


class Server:
    """``with Server() as server``: answers what ``script`` says in turn, then what ``always`` says."""

    def __init__(self, *, tls: bool | ssl.SSLContext = False, always: Answer | None = None) -> None:
        self.requests: list[Request] = []
        self.peers: list[Peer] = []
        self.refused: list[str] = []
        """Why handshakes failed, as TLS says it."""
        self.default: Answer = completion() if always is None else always
        self._script: deque[Answer] = deque()
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._tls = _context() if tls is True else tls or None
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        scheme = "https" if tls else "http"
        self.origin = f"{scheme}://127.0.0.1:{self.port}"
        self.url = f"{self.origin}/v1"

    def script(self, *answers: Answer) -> Self:
        """Answer the next requests with these."""
        self._script.extend(answers)
        return self

    def always(self, *steps: Step) -> Self:
        """Answer every other request with this."""
        self.default = steps
        return self

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Close everything; stopping twice is fine."""
        self._stop.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in self.peers:
            with contextlib.suppress(OSError):
                peer.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def drop_idle(self) -> None:
        """Close all connections, as a server does with those that were idle for long."""
        for peer in self.peers:
            with contextlib.suppress(OSError):
                peer.sock.shutdown(socket.SHUT_RDWR)
        for peer in self.peers:
            peer.gone.wait(2)

    def wait_requests(self, count: int) -> None:
        """Wait until so many requests have come."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.requests) >= count, _PATIENCE)

    def wait_gone(self, number: int = -1, within: float = 2.0) -> Peer:
        """Wait until the client has left this connection."""
        peer = self.peers[number]
        assert peer.gone.wait(within), "the client has not closed its connection"
        return peer

    @property
    def open(self) -> int:
        """How many connections the clients have not closed."""
        return sum(not peer.gone.is_set() for peer in self.peers)

    def _start(self, target: Any, *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self._start(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        if self._tls is not None:
            sock = self._tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
            try:
                sock.do_handshake()
            except OSError as error:
                self.refused.append(str(error))
                _let_go(sock)
                return
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._changed:
            peer = Peer(sock, len(self.peers))
            self.peers.append(peer)
        if isinstance(sock, ssl.SSLSocket):
            peer.shown = sock.getpeercert()
        with contextlib.suppress(OSError, ssl.SSLError), sock:
            while not self._stop.is_set() and (request := self._read(peer)) is not None:
                if not self._answer(peer, self._next(request)):
                    break
        peer.lost("ours")

    def _next(self, request: Request) -> Answer:
        with self._changed:
            answer = self._script.popleft() if self._script else self.default
            self.requests.append(request)
            self._changed.notify_all()
        return answer

    def _read(self, peer: Peer) -> Request | None:
        data = peer.buffer
        while b"\r\n\r\n" not in data:
            data, before = self._more(peer, data), len(data)
            if len(data) == before:
                return None
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", "0"))
        while len(body) < length:
            body, before = self._more(peer, body), len(body)
            if len(body) == before:
                return None
        peer.buffer = body[length:]
        return Request(method, target, headers, body[:length], time.monotonic(), peer.number)

    def _more(self, peer: Peer, data: bytes) -> bytes:
        try:
            more = peer.sock.recv(65536)
        except OSError:
            peer.lost("reset")
            return data
        if not more:
            peer.lost("closed")
        return data + more

    def _answer(self, peer: Peer, steps: Answer) -> bool:
        """Perform the steps; whether the connection is kept."""
        for step in steps:
            if step == CLOSE:
                return False
            if step == RESET:
                peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return False
            if step == HOLD:
                peer.watch(60, self._stop)
                return False
            if isinstance(step, bytes):
                try:
                    peer.sock.sendall(step)
                except OSError:
                    peer.lost("reset")
                    return False
            elif peer.watch(float(step), self._stop):
                return False
        return True


@contextlib.contextmanager
def blurting(data: bytes) -> Iterator[int]:
    """A port that says this to whoever connects, and then goes away."""

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                sock.sendall(data)
                _let_go(sock)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def _let_go(sock: socket.socket) -> None:
    """Close, but only after the client: what it still sends would reset what was last said to it."""
    with contextlib.suppress(OSError), socket.socket(fileno=sock.detach()) as plain:
        plain.settimeout(2)
        plain.shutdown(socket.SHUT_WR)
        while plain.recv(65536):
            continue


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


def head(status: int = 200, content_type: str = "application/json", **headers: Any) -> bytes:
    """A status line and headers; a keyword's underscores stand for hyphens, ``None`` leaves a header out."""
    lines = [f"HTTP/1.1 {status} Status", f"content-type: {content_type}"]
    lines += [f"{k.replace('_', '-')}: {v}" for k, v in headers.items() if v is not None]
    return "\r\n".join([*lines, "", ""]).encode()


def answer(
    body: bytes | str | Any,
    status: int = 200,
    content_type: str = "application/json",
    **headers: Any,
) -> Answer:
    """A whole answer; what is not text or bytes is written as JSON."""
    if not isinstance(body, bytes | str):
        body = json.dumps(body)
    data = body.encode() if isinstance(body, str) else body
    return [head(status, content_type, **{"content_length": len(data), **headers}) + data]


USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}


def chat(text: str = "Hello there", **fields: Any) -> dict[str, Any]:
    """A completion as JSON."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "finish_reason": "stop",
    }
    shell = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini"}
    return {**shell, "choices": [choice], "usage": USAGE, **fields}


def completion(text: str = "Hello there", **headers: Any) -> Answer:
    """A whole, good answer."""
    return answer(chat(text), **headers)


def failure(status: int, message: str = "no", *, code: str | None = None, **headers: Any) -> Answer:
    """An error in OpenAI's form."""
    return answer({"error": {"message": message, "type": None, "code": code}}, status, **headers)


def event(data: Any) -> bytes:
    """One server-sent event."""
    text = data if isinstance(data, str) else json.dumps(data)
    return f"data: {text}\n\n".encode()


def piece(
    text: str | None = None, finish: str | None = None, index: int = 0, **fields: Any
) -> bytes:
    """One chunk's event."""
    delta = {} if text is None else {"role": "assistant", "content": text}
    choices = [{"index": index, "delta": delta, "finish_reason": finish}]
    shell = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-4o-mini",
    }
    return event({**shell, "choices": choices, **fields})


COUNTED = event(
    {"id": "chatcmpl-1", "created": 1, "model": "gpt-4o-mini", "choices": [], "usage": USAGE}
)
DONE = event("[DONE]")
END = piece(finish="stop") + COUNTED + DONE


def chunked(data: bytes) -> bytes:
    """One piece of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


LAST = b"0\r\n\r\n"


def stream_head(status: int = 200, **headers: Any) -> bytes:
    """The head of a stream, chunked."""
    return head(status, "text/event-stream", transfer_encoding="chunked", **headers)


def streamed(*steps: Step, end: bool = True, **headers: Any) -> Answer:
    """A stream of these events, properly ended unless told otherwise."""
    sent: list[Step] = [stream_head(**headers)]
    sent += [chunked(step) if isinstance(step, bytes) else step for step in steps]
    return [*sent, LAST] if end else sent


def hello() -> Answer:
    """A whole, good stream."""
    return streamed(piece("Hello"), piece(" there"), END)
