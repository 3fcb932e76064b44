"""Asking a gateway for something: as the administrator, or by another key."""

from __future__ import annotations

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
