"""Asking a gateway for something: as the administrator, or by another key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .._kit import Called, shown


async def post(app: Called, path: str, key: str | None = None, /, **body: Any) -> Any:
    """What POST answers; it must succeed."""
    return await ask(app, "POST", path, key, 200, **body)


async def ask(
    app: Called, method: str, path: str, key: str | None, status: int, /, **body: Any
) -> Any:
    """What is answered, with this status."""
    headers = {} if key is None else shown(key)
    given: dict[str, Any] = {"params": body} if method == "GET" else {"json": body}
    found = await app.http.request(method, path, headers=headers, **given)
    assert found.status_code == status, f"{method} {path}: {found.status_code} {found.text}"
    return found.json()


async def get(app: Called, path: str, key: str | None = None, /, **query: Any) -> Any:
    """What GET answers; it must succeed."""
    return await ask(app, "GET", path, key, 200, **query)


async def refused(
    app: Called, path: str, key: str | None, status: int, /, method: str = "POST", **body: Any
) -> str:
    """What a refusal says."""
    found = await ask(app, method, path, key, status, **body)
    error = found["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    return str(error["message"])


async def user(app: Called, user_id: str, **said: Any) -> str:
    """A user's key."""
    made = await post(app, "/user/new", user_id=user_id, **said)
    return str(made["key"])


async def chat(app: Called, key: str | None = None, model: str = "fast") -> int:
    """The status that a chat is answered with."""
    body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 10}
    headers = {} if key is None else shown(key)
    return (await app.http.post("/v1/chat/completions", json=body, headers=headers)).status_code


def kept_in(directory: Path) -> bytes:
    """All that a gateway has written there."""
    return b"".join(path.read_bytes() for path in directory.glob("*") if path.is_file())
