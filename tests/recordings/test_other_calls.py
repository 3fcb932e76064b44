"""Every recorded exchange of the calls beside chat, through the public client and a real socket, in both colours.

What each call must send and what its answer must say comes from the raw bodies; what cannot be asserted is listed.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

import llmkit
from llmkit import providers
from llmkit._calls import ResourceCall
from llmkit._http import Endpoint, HTTPResponse
from llmkit._upload import Upload
from llmkit.wires.gemini import Gemini
from llmkit.wires.gemini_resources.caches import GeminiCaches
from llmkit.wires.gemini_resources.counting import GeminiCount
from llmkit.wires.gemini_resources.files import GeminiFiles
from llmkit.wires.gemini_resources.models import GeminiModels

from . import _other_answers as answers
from . import _other_calls as calls
from ._other_rows import Exchange, exchanges, parts
from ._other_unassertable import ANSWER, NOT_THIS, REQUEST
from ._server import Replay

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator
    from pathlib import Path

    from ._server import Received

KEY = "a-key-of-ours"
BY_ID = {e.id: e for e in exchanges()}
ROWS = {e.id: e for e in exchanges() if e.id not in NOT_THIS}
each_row = pytest.mark.parametrize("name", list(ROWS) or ["none"])


@pytest.fixture(scope="module", autouse=True)
def hosts() -> Iterator[None]:
    """The provider that writes schemas in OpenAPI's subset, for the requests that have them."""
    with providers.lend(openapi(providers.get("gemini"))):
        yield


def openapi(own: providers.Provider) -> providers.Provider:
    """The provider, told to write schemas in OpenAPI's subset."""
    chat = own.chat
    assert isinstance(chat, Gemini)
    chat = replace(chat, json_schema=False)
    wires = {"count_tokens": GeminiCount(chat=chat), "caches": GeminiCaches(chat=chat)}
    return replace(own, name="gemini_openapi", calls=wires, aliases=())


@pytest.fixture(scope="module")
def other_replay(recordings: Path) -> Iterator[Replay]:
    """The server that answers with the recorded bodies."""
    server = Replay({name: e.row for name, e in ROWS.items()})
    yield server
    server.close()


def asking(exchange: Exchange, replay: Replay, cut: int = 0) -> tuple[str, dict[str, Any]]:
    """The recorded request as a function and its arguments."""
    function, keywords = calls.asked(exchange)
    keywords |= {"api_key": KEY, "base_url": replay.base_url(exchange.row, cut)}
    if exchange.row.is_event_stream:
        keywords["stream"] = True
    return function, keywords


def check(exchange: Exchange, made: Any, received: list[Received]) -> None:
    """The answer says what the body says, and the request what was recorded."""
    if exchange.id not in ANSWER:
        function, _ = calls.asked(exchange)
        answers.CHECKS[function](exchange, made)
    if exchange.method and exchange.id not in REQUEST:
        assert_sent(exchange, received[0])


def assert_sent(exchange: Exchange, sent: Received) -> None:
    """Method, path, query and body are those that were recorded."""
    path, query = urlsplit(sent.path).path, dict(parse_qsl(urlsplit(sent.path).query))
    assert sent.method == exchange.method
    assert re.sub(r"^/v1(beta1|beta)?(?=/)", "", unquote(path)) == answers.where(exchange)
    # A page's size is ours to choose, and "beta" an SDK's mark.
    ours = {"limit", "pageSize"} if path.endswith("/models") else set[str]()
    wanted = {k: v for k, v in exchange.query.items() if k != "beta" and k not in ours}
    assert {k: v for k, v in query.items() if k not in ours} == wanted
    form = exchange.form()
    if form:
        assert said(parts(sent.body)) == said(form)
    else:
        assert answers.comparable(exchange, sent.body) == answers.comparable(
            exchange, exchange.body
        )


def said(form: Any) -> dict[str, Any]:
    """A form's fields, in whichever order."""
    return {part.name: (part.filename, part.content) for part in form}


@each_row
def test_row(name: str, other_replay: Replay, client: llmkit.Client) -> None:
    """A recorded exchange, synchronously."""
    exchange = ROWS[name]
    function, keywords = asking(exchange, other_replay, 7)
    if exchange.row.status >= 400:
        with pytest.raises(llmkit.APIStatusError) as raised:
            getattr(client, function)(**keywords)
        answers.check_error(exchange, raised.value)
        return
    made = getattr(client, function)(**keywords)
    made = made if not exchange.row.is_event_stream else answers.Read(list(made), made.response)
    check(exchange, made, other_replay.take())


@each_row
def test_row_async(
    name: str, other_replay: Replay, client: llmkit.Client, runner: asyncio.Runner
) -> None:
    """A recorded exchange, asynchronously."""
    exchange = ROWS[name]
    function, keywords = asking(exchange, other_replay, 1)
    if exchange.row.status >= 400:
        with pytest.raises(llmkit.APIStatusError) as raised:
            runner.run(getattr(client, f"a{function}")(**keywords))
        answers.check_error(exchange, raised.value)
        return
    made = runner.run(collected(getattr(client, f"a{function}")(**keywords)))
    check(exchange, made, other_replay.take())


async def collected(call: Any) -> Any:
    """The answer, or all of a stream."""
    made = await call
    if not hasattr(made, "__aiter__"):
        return made
    return answers.Read([item async for item in made], made.response)


def test_filling(other_replay: Replay, client: llmkit.Client) -> None:
    """A batch that is made empty is filled by a second request, as it was recorded."""
    filling = BY_ID[calls.FILLING]
    made = next(
        e
        for e in ROWS.values()
        if e.provider == "xai" and e.method == "POST" and "name" in e.json()
    )
    function, keywords = asking(made, other_replay)
    getattr(client, function)(**keywords)
    _, second, third = other_replay.take()
    assert second.json() == filling.json()
    assert (second.method, third.method) == ("POST", "GET")
    name = made.answer()["batch_id"]
    assert second.path == f"/v1/batches/{name}/requests"


def test_pages(recordings: Path) -> None:
    """A list of models in two pages is one answer; the second page is asked for by the first one's word."""
    pages = [BY_ID["i09361"], BY_ID["i09362"]]
    call = ResourceCall("call_1", "acme", "", resource="models", action="list")
    steps = GeminiModels().steps(call, Endpoint("https://h.test/v1beta"))
    asked = [next(steps).request]
    asked.append(steps.send(HTTPResponse(200, {}, pages[0].row.body)).request)
    with pytest.raises(StopIteration) as done:
        steps.send(HTTPResponse(200, {}, pages[1].row.body))
    told = [one["name"] for page in pages for one in page.answer()["models"]]
    assert [f"models/{name}" for name in done.value.value.ids] == told
    query = dict(parse_qsl(urlsplit(asked[1].url).query))
    assert query["pageToken"] == pages[1].query["pageToken"] == pages[0].answer()["nextPageToken"]


@pytest.mark.parametrize("ends", [("i09392", "i09393"), ("", "i09397"), ("i12389", "i12390")])
def test_gemini_upload(recordings: Path, ends: tuple[str, str]) -> None:
    """A file is announced and then sent to the address that the announcement is answered with."""
    first, last = (BY_ID.get(end) for end in ends)
    assert last is not None
    here = "https://h.test/upload/v1beta/files"
    address = f"{here}?upload_id={last.query['upload_id']}&upload_protocol=resumable"
    file = Upload.of((last.answer()["file"].get("displayName", "f.pdf"), last.body))
    call = ResourceCall(
        "call_1", "acme", "", resource="files", action="create", file=file,
    )  # fmt: skip
    steps = GeminiFiles().steps(call, Endpoint("https://h.test/v1beta"))
    announced = next(steps).request
    assert announced.url == here
    assert announced.headers["x-goog-upload-header-content-length"] == str(len(last.body))
    if first is not None and "display_name" in first.json()["file"]:
        told = json.loads(announced.body)["file"]
        assert told == {"displayName": first.json()["file"]["display_name"]}
    sent = steps.send(HTTPResponse(200, {"x-goog-upload-url": address}, b"")).request
    assert sent.url == address
    assert sent.upload is not None
    assert b"".join(sent.upload.pieces()) == last.body
    with pytest.raises(StopIteration) as done:
        steps.send(HTTPResponse(200, {}, last.row.body))
    answers.CHECKS["create_file"](last, done.value.value)


def test_what_is_listed_is_needed(recordings: Path) -> None:
    """No entry is left for a row that is gone."""
    ids = {e.id for e in exchanges()}
    assert {*NOT_THIS, *REQUEST, *ANSWER} <= ids
