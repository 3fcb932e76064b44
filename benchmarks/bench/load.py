"""Who asks gateways: one process, one loop, plain sockets that are kept. It reads only what it must.

usage: python -m bench.load CORE   (SETTINGS, a line of JSON, come in; a line of JSON goes out for each)

Settings: ``port``, ``path``, ``key``, ``concurrency``, ``seconds``, ``stream``.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import sys
import time
from typing import Any

from bench.payload import MODEL, SMALL

_ROOM = 1 << 18
_END = b"0\r\n\r\n"


def request(settings: dict[str, Any]) -> bytes:
    """What is asked, as it is sent."""
    fields: dict[str, Any] = {"model": MODEL, "messages": SMALL}
    if settings["stream"]:
        fields["stream"] = True
    body = json.dumps(fields).encode()
    head = (
        f"POST {settings['path']} HTTP/1.1\r\nhost: 127.0.0.1:{settings['port']}\r\n"
        f"authorization: Bearer {settings['key']}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class _Line:
    """One connection, and what has come of the answer that it waits for."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.begun = 0.0
        self.head = b""
        self.tail = b""
        self.events = 0
        self.left: int | None = -1  # before the head; None: in chunks

    def ask(self, asked: bytes) -> None:
        """Begin."""
        self.head = self.tail = b""
        self.left, self.events = -1, 0
        self.begun = time.perf_counter()
        self.sock.sendall(asked)

    def take(self) -> bool:
        """Read what has come; whether that was the answer's end."""
        data = self.sock.recv(_ROOM)
        if not data:
            told = self.head[:200] or b"nothing of it"
            raise SystemExit(
                f"the gateway closed a connection in the middle of an answer: {told!r}"
            )
        if self.left == -1:
            self.head += data
            cut = self.head.find(b"\r\n\r\n")
            if cut < 0:
                return False
            data = self._opened(self.head[: cut + 2].lower(), self.head[cut + 4 :])
        if self.left is None:
            # An event's beginning may be cut in two: what came before is looked at once more.
            seen = self.tail + data
            self.events += seen.count(b"data: {") - self.tail.count(b"data: {")
            self.tail = seen[-6:]
            return seen.endswith(_END)
        self.left -= len(data)
        return self.left <= 0

    def _opened(self, head: bytes, rest: bytes) -> bytes:
        if not head.startswith(b"http/1.1 200"):
            raise SystemExit(f"the gateway answered {head[:40]!r}: {rest[:300]!r}")
        start = head.find(b"\r\ncontent-length:")
        if start < 0:
            self.left = None
        else:
            self.left = int(head[start + 17 :].partition(b"\r")[0])
        return rest


def run(settings: dict[str, Any]) -> dict[str, Any]:
    """Ask for so many seconds, so many at a time."""
    asked = request(settings)
    selector = selectors.DefaultSelector()
    lines = [_Line(settings["port"]) for _ in range(settings["concurrency"])]
    for line in lines:
        selector.register(line.sock, selectors.EVENT_READ, line)
    begun = time.perf_counter()
    until = begun + settings["seconds"]
    times: list[float] = []
    events = 0
    open_lines = len(lines)
    for line in lines:
        line.ask(asked)
    while open_lines:
        for key, _ in selector.select(60):
            line = key.data
            if not line.take():
                continue
            now = time.perf_counter()
            times.append(now - line.begun)
            events += line.events
            if now < until:
                line.ask(asked)
            else:
                open_lines -= 1
    seconds = time.perf_counter() - begun
    for line in lines:
        line.sock.close()
    return {"seconds": seconds, "events": events, **_ranked(times)}


def _ranked(times: list[float]) -> dict[str, float]:
    ranked = sorted(times)
    return {
        "answers": len(ranked),
        "p50": ranked[len(ranked) // 2],
        "p99": ranked[min(len(ranked) - 1, int(len(ranked) * 0.99))],
    }


def main(core: str) -> None:
    """Answer each line."""
    if core != "any":
        os.sched_setaffinity(0, {int(core)})
    for text in sys.stdin:
        print(json.dumps(run(json.loads(text))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
