"""Forms with files: what is read of them, what is refused, and how much of them is held."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from llmkit.proxy.endpoints import uploads
from llmkit.proxy.failure import Refused

BOUNDARY = "frontier"


async def _echo(request: Request) -> Response:
    async with uploads.form_of(request) as form:
        files = {
            name: [[one.name, one.media_type, one.length] for one in found]
            for name, found in form.files.items()
        }
        return JSONResponse({"texts": form.texts, "files": files})


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return JSONResponse(error.body(), error.status)


APP = Starlette(
    routes=[Route("/", _echo, methods=["POST"])], exception_handlers={Refused: _refused}
)


async def _post(**how: Any) -> httpx.Response:
    transport = httpx.ASGITransport(APP)
    async with httpx.AsyncClient(transport=transport, base_url="http://proxy") as client:
        return await client.post("/", **how)


def post(**how: Any) -> httpx.Response:
    """What a form is answered with."""
    return anyio.run(lambda: _post(**how))


def raw(body: bytes, **headers: str) -> httpx.Response:
    """What these bytes are answered with, as a form."""
    kind = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    return post(content=body, headers=kind | headers)


def part(name: str, content: bytes = b"x", file: str | None = None) -> bytes:
    """One part of a form."""
    named = f'; filename="{file}"' if file is not None else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'
    return head.encode() + content + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


def test_texts_and_files_are_told_apart() -> None:
    """A file is what has a file name; its type is what it says, or what its name or content says."""
    files = [
        ("file", ("a.mp3", b"ID3", "audio/mpeg")),
        ("image[]", ("b", b"\x89PNG", "application/octet-stream")),
    ]
    got = post(data={"model": "m"}, files=files).json()
    assert got["texts"] == {"model": "m"}
    assert got["files"] == {
        "file": [["a.mp3", "audio/mpeg", 3]],
        "image": [["b", "image/png", 4]],
    }


def test_lists_and_mappings_are_put_together() -> None:
    """The openai SDK's ways to write them in a form."""
    names = ("include[]", "a", "a", "expires_after[anchor]", "expires_after[seconds]")
    body = b"".join(map(part, names)) + END
    assert raw(body).json()["texts"] == {
        "include": ["x"],
        "a": ["x", "x"],
        "expires_after": {"anchor": "x", "seconds": "x"},
    }


def test_a_name_is_no_place() -> None:
    """Folders in a file's name are left out, whoever's they are."""
    body = part("file", file="../../etc/passwd") + part("file", file="C:\\\\x\\\\y.txt") + END
    names = [one[0] for one in raw(body).json()["files"]["file"]]
    assert names == ["passwd", "y.txt"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "cannot be read"),
        (b"nonsense", "cannot be read"),
        (part("a"), "cannot be read"),
        (part("a[b]") * 2 + END, "said twice"),
        (part("a[b]") + part("a") + END, "beside"),
        (part("a") * 65 + END, "Too many fields"),
        (part("a", file="f") * 21 + END, "Too many files"),
    ],
)
def test_what_is_no_form_is_refused(body: bytes, said: str) -> None:
    """With 400 and what is wrong."""
    answer = raw(body)
    assert answer.status_code == 400
    assert said in answer.json()["error"]["message"]


def test_another_kind_of_body_is_refused() -> None:
    """With 415."""
    assert post(json={}).status_code == 415


def test_texts_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are."""
    monkeypatch.setattr(uploads, "_MOST_TEXT", 1000)
    answer = raw(part("a", b"x" * 600) + part("b", b"x" * 600) + END)
    assert answer.status_code == 400
    assert "texts" in answer.json()["error"]["message"]


def test_an_upload_that_stands_still_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """With 408."""
    monkeypatch.setattr(uploads, "_SILENCE", 0.05)

    async def slow() -> AsyncIterator[bytes]:
        yield part("a")
        await anyio.sleep(5)

    kind = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    assert post(content=slow(), headers=kind).status_code == 408
