"""What a request of management must be, whatever it asks for: its body and its query; and the pages that say so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from .._kit import Called, called
from ._asks import get, post, refused

JSON = "application/json"
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Called]:
    """One gateway for all of these."""
    async with called(tmp_path_factory.mktemp("asked")) as made:
        yield made


@pytest.mark.parametrize(
    ("content", "kind", "complaint"),
    [
        (b"{", JSON, "JSON decode error"),
        (b"", JSON, "body: Field required"),
        (b"[]", JSON, "body: Input should be a valid dictionary"),
        (
            b'{"max_budget": -1, "rpm_limit": "x"}',
            "application/json; charset=utf-8",
            "max_budget: ",
        ),
    ],
)
async def test_bodies(app: Called, content: bytes, kind: str, complaint: str) -> None:
    """Each mistake is said with its field."""
    found = await app.http.post("/user/new", content=content, headers={"content-type": kind})
    error: dict[str, Any] = found.json()["error"]
    assert (found.status_code, error["type"]) == (422, "validation_error")
    assert complaint in error["message"]


async def test_several_mistakes_are_said_at_once(app: Called) -> None:
    """With the fields' names, and without what was sent, which may be a secret."""
    said = await refused(app, "/key/generate", None, 422, max_budget=-1, key="sk-" + "hidden")
    assert said.startswith("max_budget: ")
    assert "; key: " in said
    assert "hidden" not in said


async def test_queries(app: Called) -> None:
    """Numbers and words of the address are checked; the last of two counts."""
    assert "page: " in await refused(app, "/key/list", None, 422, "GET", page="many")
    assert "service: Field required" in await refused(app, "/health/services", None, 422, "GET")
    found = await app.http.get("/key/list?size=0&size=7")
    assert (found.status_code, found.json()["keys"]) == (200, found.json()["keys"][:7])


async def test_a_body_may_be_left_out(app: Called) -> None:
    """Where all of its fields may be; an id may stand in the path."""
    made = await post(app, "/key/generate", key_alias="asked")
    found = await app.http.post(f"/key/{made['token']}/regenerate")
    assert found.status_code == 200
    assert found.json()["key"] != made["key"]


async def test_pages(app: Called) -> None:
    """The document has all paths but LiteLLM's older names; two pages show it."""
    document = await get(app, "/openapi.json")
    assert {"/key/generate", "/customer/new"} <= document["paths"].keys()
    assert "/end_user/new" not in document["paths"]
    for path in ("/docs", "/redoc"):
        assert "openapi.json" in (await app.http.get(path)).text
    listed = await get(app, "/routes")
    paths = {one["path"] for one in listed["routes"]}
    assert {"/key/generate", "/end_user/new", "/openapi.json", "/v1/chat/completions"} <= paths
