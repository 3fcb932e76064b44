"""How fast the server is when nothing but sockets asks it: what it could do, against what contestants will ask."""

from __future__ import annotations

import json
import socket
import time

from bench import payload
from bench.processes import Server

_SOCKETS = 8
_SECONDS = 0.5


def measured(server: Server) -> dict[str, float]:
    """Answers a second to a loop over a few sockets, and what the server's CPU time says it could do."""
    before, start = server.served(), time.perf_counter()
    _ask(server.port)
    seconds, after = time.perf_counter() - start, server.served()
    count = after["requests"] - before["requests"]
    used = after["cpu"] - before["cpu"]
    return {"answers_a_second": round(count / seconds), "by_its_cpu_time": round(count / used)}


def _request() -> bytes:
    body = json.dumps({"model": payload.MODEL, "messages": payload.SMALL}).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
    )
    return f"{head}\r\n".encode() + body


def _ask(port: int) -> None:
    request = _request()
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(_SOCKETS)]
    end = time.perf_counter() + _SECONDS
    while time.perf_counter() < end:
        for sock in sockets:
            sock.sendall(request)
        for sock in sockets:
            # An answer is sent in one piece of a few KB.
            sock.recv(65536)
    for sock in sockets:
        sock.close()
