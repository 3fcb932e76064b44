"""A gateway that cannot begin, or not end well, says so to its server and to callers, and nothing of what is inside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from sqlalchemy.exc import OperationalError

from llmkit.errors import ConfigurationError
from llmkit.proxy.app import Proxy, create_app
from llmkit.proxy.data.database import Database
from llmkit.testing import Simulator

from ._kit import MASTER, settings_of, shown


async def lifespan(app: Proxy) -> list[dict[str, Any]]:
    """What a server is told that begins and ends."""
    said: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "lifespan.shutdown" if said else "lifespan.startup"}

    async def send(message: Any) -> None:
        said.append(message)

    await app({"type": "lifespan"}, receive, send)
    return said


def failing(*_: Any) -> None:
    """It goes wrong."""
    raise OSError("secret: disk full")


@pytest.mark.asyncio
async def test_a_server_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begun and ended; not begun; begun, and not ended well."""
    with Simulator() as simulator:
        for which, what in (("", ""), ("migrate", "startup"), ("close", "shutdown")):
            app = create_app(settings_of(simulator, tmp_path))
            with monkeypatch.context() as patch:
                if which:
                    patch.setattr(Database, which, failing)
                said = await lifespan(app)
            ends = {
                "startup": ["startup.failed"],
                "shutdown": ["startup.complete", "shutdown.failed"],
            }
            whole = ["startup.complete", "shutdown.complete"]
            assert [one["type"] for one in said] == [f"lifespan.{x}" for x in ends.get(what, whole)]
            assert [one["message"] for one in said if "message" in one] == ["OSError"] * bool(which)
            # What could not be closed then.
            app.gateway.database.close()


@pytest.mark.asyncio
async def test_a_caller_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 while it cannot begin, and what he asked for once it can."""
    with Simulator() as simulator:
        app = create_app(settings_of(simulator, tmp_path))
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
            with monkeypatch.context() as patch:
                patch.setattr(Database, "migrate", failing)
                refused = await http.get("/v1/models", headers=shown(MASTER))
            assert refused.status_code == 503
            assert "secret" not in refused.text
            assert "its log says why" in refused.json()["error"]["message"]
            answered = await http.get("/v1/models", headers=shown(MASTER))
            assert answered.status_code == 200, answered.text
        async with app:
            """It ends."""


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            OperationalError("SELECT 1", {}, OSError("no such file\nadvice")),
            "its database ({place}) is not to be had: no such file",
        ),
        (ConfigurationError("a later version"), "see what is set: a later version"),
    ],
)  # fmt: skip
async def test_who_runs_it_is_told_in_a_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    said: str,
) -> None:
    """What can be mended: no traceback, no statement."""

    def fails(*_: Any) -> None:
        raise error

    with Simulator() as simulator:
        app = create_app(settings_of(simulator, tmp_path))
        monkeypatch.setattr(Database, "migrate", fails)
        assert [one["type"] for one in await lifespan(app)] == ["lifespan.startup.failed"]
    (record,) = [one for one in caplog.records if one.levelname == "ERROR"]
    place = app.gateway.database.place
    assert place.startswith(str(tmp_path))
    assert record.getMessage() == f"the gateway cannot start: {said.format(place=place)}"
    assert record.exc_info is None


def test_a_server_that_runs_on_trio(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is told in a line that the gateway does not."""
    with Simulator() as simulator:
        said = trio.run(lifespan, create_app(settings_of(simulator, tmp_path)))
    assert said == [{"type": "lifespan.startup.failed", "message": "ConfigurationError"}]
    [told] = [one for one in caplog.records if one.name == "llmkit.proxy"]
    assert "runs on asyncio" in told.message
    assert not told.exc_info
