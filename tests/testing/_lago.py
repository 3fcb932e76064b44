"""Asking a fake Lago, with and without a socket."""

from __future__ import annotations

import http.client
import json
from typing import Any, Self

from llmkit._http import HTTPRequest
from llmkit.testing import FakeLago, FrozenClock

# 2026-11-22T02:53:20.123Z
AT = "1795316000.123"


def fake(**settings: Any) -> FakeLago:
    """A fake without a socket, whose clock stands at 2026-11-22T02:53:20Z, furnished with `sub_1`."""
    settings.setdefault("clock", FrozenClock(at=1795316000.0))
    lago = FakeLago(**settings)
    lago.furnish()
    return lago


def event(name: str = "one", **changed: Any) -> dict[str, Any]:
    """An event that counts 4,200 coins."""
    return {
        "transaction_id": f"{name}:askii_coins",
        "external_subscription_id": "sub_1",
        "code": "askii_coins",
        "timestamp": AT,
        "properties": {"askii_coins": "4200"},
    } | changed


def ask(
    lago: FakeLago, method: str, path: str, body: Any = None, **settings: Any
) -> tuple[int, Any]:
    """Status and parsed body of what the fake answers in-process."""
    headers = {"Authorization": f"Bearer {settings.pop('key', lago.api_key)}"}
    data = b"" if body is None else json.dumps(body).encode()
    answer = lago.answer(HTTPRequest(method, lago.api_url + path, headers, data), **settings)
    return answer.status, json.loads(answer.body) if answer.body else None


def post(lago: FakeLago, *events: dict[str, Any]) -> tuple[int, Any]:
    """Send one event alone, several as a batch."""
    if len(events) == 1:
        return ask(lago, "POST", "/events", {"event": events[0]})
    return ask(lago, "POST", "/events/batch", {"events": list(events)})


class Wired:
    """One kept-alive connection to a fake that listens."""

    def __init__(self, lago: FakeLago, timeout: float = 5.0) -> None:
        host, port = lago.origin.removeprefix("http://").split(":")
        self._lago = lago
        self._connection = http.client.HTTPConnection(host, int(port), timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, str], bytes]:
        """Status, headers in lower case, and the raw body; fails as `http.client` fails."""
        data = None if body is None else json.dumps(body)
        headers = {
            "Authorization": f"Bearer {self._lago.api_key}",
            "Content-Type": "application/json",
        }
        try:
            self._connection.request(method, f"/api/v1{path}", data, headers)
            answer = self._connection.getresponse()
            named = {name.lower(): value for name, value in answer.headers.items()}
            return answer.status, named, answer.read()
        except BaseException:
            self._connection.close()
            raise
