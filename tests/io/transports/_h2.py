"""A scriptable HTTP/2 server over TLS: what is sent on each stream, and when; and what clients did to theirs.

An answer is a sequence of steps: a mapping is the head (or, after data, trailers), ``bytes`` are data, a number of
seconds is slept; ``Reset`` ends the stream, ``"goaway"`` refuses what came after it, ``"bye"`` lets it end and no
other begin, ``"close"`` ends the connection, and ``"hold"`` waits until the client has left the stream.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
from hyperframe.frame import GoAwayFrame

from .._server import Request, chat

Codes = h2.errors.ErrorCodes
_PATIENCE = 5.0


@dataclass(frozen=True)
class Reset:
    """The stream is reset."""

    code: int = Codes.INTERNAL_ERROR


Step = Mapping[str, str] | bytes | float | Reset | Literal["goaway", "bye", "close", "hold"]
Answer = Sequence[Step]
HEAD = {":status": "200", "content-type": "application/json"}
EVENTS = {":status": "200", "content-type": "text/event-stream"}


def said(text: str = "Hello there") -> Answer:
    """A whole, good answer."""
    return [HEAD, json.dumps(chat(text)).encode()]


@dataclass
class Stream:
    """One request and what became of it."""

    headers: dict[str, str]
    body: bytes = b""
    reset: int | None = None
    gone: threading.Event = field(default_factory=threading.Event)


class H2Server:
    """``with H2Server(context) as server``: answers what ``script`` says in turn, then what ``always`` says."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self.requests: list[Request] = []
        self.streams: list[Stream] = []
        self.protocols: list[str | None] = []
        self.most_at_once = 0
        self.default: Answer = said()
        self._script: deque[Answer] = deque()
        self._tls = tls
        self._now = 0
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}/v1"

    def script(self, *answers: Answer) -> Self:
        """Answer the next requests with these."""
        self._script.extend(answers)
        return self

    def __enter__(self) -> Self:
        self.begin(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        for sock in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    @property
    def connections(self) -> int:
        """How many there have been."""
        return len(self.protocols)

    def begin(self, target: Any, *args: Any) -> None:
        """Run it in a thread that is joined at the end."""
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def taken(self, request: Request, stream: Stream) -> Answer:
        """A request has come: what is answered."""
        with self._changed:
            self.requests.append(request)
            self.streams.append(stream)
            self._changed.notify_all()
            return self._script.popleft() if self._script else self.default

    def counted(self, more: int) -> None:
        """How many are being answered has changed."""
        with self._changed:
            self._now += more
            self.most_at_once = max(self.most_at_once, self._now)

    def wait_requests(self, count: int) -> None:
        """Wait until so many have come."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.requests) >= count, _PATIENCE)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(sock)
            self.begin(self._serve, sock)

    def _serve(self, plain: socket.socket) -> None:
        with (
            contextlib.suppress(OSError, h2.exceptions.ProtocolError),
            contextlib.closing(plain),
            self._tls.wrap_socket(plain, server_side=True) as sock,
        ):
            self._open.append(sock)
            self.protocols.append(sock.selected_alpn_protocol())
            _Connection(self, sock, len(self.protocols) - 1).run()


def _is_last(step: Step) -> bool:
    """Whether it ends its stream: a reset does, and so do trailers."""
    return isinstance(step, Reset) or (isinstance(step, Mapping) and ":status" not in step)


class _Connection:
    """One connection; each of its streams is answered by a thread."""

    def __init__(self, server: H2Server, sock: ssl.SSLSocket, number: int) -> None:
        self._server, self._sock, self._number = server, sock, number
        settings = h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        self._h2 = h2.connection.H2Connection(config=settings)
        self._streams: dict[int, Stream] = {}
        self._moved = threading.Condition()

    def run(self) -> None:
        """Read until the client has left."""
        with self._moved:
            self._h2.initiate_connection()
            self._flush()
        try:
            while data := self._sock.recv(65536):
                with self._moved:
                    for event in self._h2.receive_data(data):
                        self._heard(event)
                    self._flush()
                    self._moved.notify_all()
        finally:
            for stream in self._streams.values():
                stream.gone.set()
            with self._moved:
                self._moved.notify_all()

    def _flush(self) -> None:
        if data := self._h2.data_to_send():
            self._sock.sendall(data)

    def _heard(self, event: h2.events.Event) -> None:
        number = getattr(event, "stream_id", 0)
        if isinstance(event, h2.events.RequestReceived):
            self._streams[number] = Stream(dict(event.headers))  # type: ignore[arg-type]
        elif isinstance(event, h2.events.DataReceived):
            self._streams[number].body += event.data
            self._h2.acknowledge_received_data(event.flow_controlled_length, number)
        elif isinstance(event, h2.events.StreamReset):
            self._streams[number].reset = event.error_code
            self._streams[number].gone.set()
        elif isinstance(event, h2.events.StreamEnded):
            self._server.begin(self._answer, number, self._streams[number])

    def _answer(self, number: int, stream: Stream) -> None:
        headers = stream.headers
        request = Request(
            headers[":method"],
            headers[":path"],
            headers,
            stream.body,
            time.monotonic(),
            self._number,
        )
        steps = self._server.taken(request, stream)
        self._server.counted(1)
        with contextlib.suppress(OSError, h2.exceptions.ProtocolError):
            if all(self._perform(number, stream, step) for step in steps):
                with self._moved:
                    self._h2.end_stream(number)
                    self._flush()
        self._server.counted(-1)

    def _perform(self, number: int, stream: Stream, step: Step) -> bool:
        """Do it; whether the stream goes on."""
        if isinstance(step, float):
            return not stream.gone.wait(step)
        if step == "hold":
            return not stream.gone.wait(30)
        if isinstance(step, bytes):
            self._send(number, step)
            return True
        with self._moved:
            self._sent(number, step)
            self._flush()
        if step in ("close", "goaway"):
            if step == "close":
                self._sock.shutdown(socket.SHUT_RDWR)
            return False
        return not _is_last(step)

    def _sent(self, number: int, step: Any) -> None:
        if isinstance(step, Reset):
            self._h2.reset_stream(number, step.code)
        elif step in ("goaway", "bye"):
            # Not by way of h2, which would say nothing more on any stream.
            last = number - 2 if step == "goaway" else number
            self._sock.sendall(GoAwayFrame(0, last_stream_id=max(0, last)).serialize())
        elif isinstance(step, Mapping):
            self._h2.send_headers(number, list(step.items()), end_stream=_is_last(step))

    def _send(self, number: int, data: bytes) -> None:
        while data:
            with self._moved:
                room = min(
                    self._h2.local_flow_control_window(number), self._h2.max_outbound_frame_size
                )
                if room:
                    self._h2.send_data(number, data[:room])
                    self._flush()
                elif not self._moved.wait(5) or self._streams[number].gone.is_set():
                    raise OSError
            data = data[room:]
