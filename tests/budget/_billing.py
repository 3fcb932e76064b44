"""A provider that keeps its own books: random answers and failures, and what each must have been spent.

It knows nothing of budgets; its prices are written down here once more, and its bills are worked out from them.
"""

from __future__ import annotations

import json
import random
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from typing_extensions import override

__all__ = ["MODELS", "Provider", "Seen", "provider"]

# Dollars for a million tokens: of the prompt, cached, and of the answer.
RATES = {
    "gpt-4o-mini": (Decimal("0.15"), Decimal("0.075"), Decimal("0.60")),
    "gpt-4o": (Decimal("2.50"), Decimal("1.25"), Decimal("10.00")),
}
MODELS = tuple(f"openai/{name}" for name in RATES)
REFUSALS = (400, 429, 500, 503)
UNKNOWN = (408, 502)
ANSWERS = ("whole", "whole", "whole", "dear", "silent", "junk", "cut")


@dataclass
class Seen:
    """One request, and what was done with it."""

    model: str
    stream: bool
    what: Any
    usage: dict[str, Any]

    @property
    def bill(self) -> Decimal | None:
        """What it costs; ``None`` where the provider did not say so to the end."""
        if self.what in REFUSALS:
            return Decimal(0)
        if self.what not in ("whole", "dear"):
            return None
        new, cached, wrote = RATES[self.model]
        read = self.usage["prompt_tokens_details"]["cached_tokens"]
        asked, answered = self.usage["prompt_tokens"], self.usage["completion_tokens"]
        return ((asked - read) * new + read * cached + answered * wrote) / 1_000_000


@dataclass
class Provider:
    """Its address, and what it was asked, by the first word of the first message."""

    seed: int
    url: str = ""
    seen: dict[str, list[Seen]] = field(default_factory=lambda: defaultdict(list))

    def decide(self, body: dict[str, Any]) -> Seen:
        """What becomes of a request: the same each time, in whatever order they come."""
        word = body["messages"][0]["content"].split()[0]
        among = self.seen[word]
        draw = random.Random(f"{self.seed} {word} {len(among)}")
        what = draw.choice((*ANSWERS, *ANSWERS, *REFUSALS, *UNKNOWN))
        prompt, most = draw.randint(1, 40), body["max_tokens"] * body.get("n", 1)
        answer = draw.randint(0, most) + (40 * most + 4000 if what == "dear" else 0)
        usage = {
            "prompt_tokens": prompt,
            "completion_tokens": answer,
            "total_tokens": prompt + answer,
            "prompt_tokens_details": {"cached_tokens": draw.randint(0, prompt)},
        }
        among.append(Seen(body["model"], bool(body.get("stream")), what, usage))
        return among[-1]


def _chunks(seen: Seen) -> Iterator[dict[str, Any]]:
    head = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": seen.model}
    for text in ("Light", "houses", " turn"):
        yield {**head, "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}
    if seen.what == "cut":
        return
    yield {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    if seen.what != "silent":
        yield {**head, "choices": [], "usage": seen.usage}


def _whole(seen: Seen) -> dict[str, Any]:
    message = {"role": "assistant", "content": "Lighthouses turn"}
    said = {} if seen.what == "silent" else {"usage": seen.usage}
    head = {"id": "x", "object": "chat.completion", "created": 1, "model": seen.model}
    return {
        **head,
        **said,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    @override
    def handle_error(self, *_: Any) -> None:
        """Clients leave in the middle of answers."""


@contextmanager
def provider(seed: int) -> Iterator[Provider]:
    """It answers on loopback while it lasts."""
    books = Provider(seed)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        @override
        def log_message(self, *_: Any) -> None:
            """It is quiet."""

        def do_POST(self) -> None:
            seen = books.decide(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.close_connection = True
            if isinstance(seen.what, int):
                self.answer(seen.what, b'{"error": {"message": "no"}}')
            elif seen.what == "junk":
                self.answer(200, b"<html>")
            elif seen.stream:
                data = [f"data: {json.dumps(one)}\n\n".encode() for one in _chunks(seen)]
                end = b"" if seen.what == "cut" else b"data: [DONE]\n\n"
                self.answer(200, b"".join((*data, end)), "text/event-stream")
            else:
                self.answer(200, json.dumps(_whole(seen)).encode(), cut=seen.what == "cut")

        def answer(
            self, status: int, data: bytes, kind: str = "application/json", *, cut: bool = False
        ) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("connection", "close")
            if kind == "application/json":
                self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[:20] if cut else data)

    server = _Server(("127.0.0.1", 0), Handler)
    books.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield books
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
