"""Every recorded exchange of the calls beside chat, through the public client and a real socket, in both colours.

What each call must send and what its answer must say comes from the raw bodies; what cannot be asserted is listed.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest

import llmkit
from llmkit import providers
from llmkit.wires.batch_bags import BatchBags
from llmkit.wires.batch_jobs import BatchJobs
from llmkit.wires.openai_images import OPEN

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
ROWS = {e.id: e for e in exchanges() if e.id not in NOT_THIS}
each_row = pytest.mark.parametrize("name", list(ROWS) or ["none"])


@pytest.fixture(scope="module", autouse=True)
def hosts() -> Iterator[None]:
    """Hosts whose rows are others' to declare: they differ by these wires alone."""
    own = providers.get("openai")
    made = {
        "mistral_like": {"batches": BatchJobs()},
        "xai_like": {"batches": BatchBags(), "image": OPEN},
    }
    with ExitStack() as stack:
        for name, wires in made.items():
            host = replace(own, name=name, calls=wires, elsewhere=None, aliases=())
            stack.enter_context(providers.lend(host))
        yield


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
    assert path.removeprefix("/v1") == answers.where(exchange)
    # A page's size is ours to choose, and "beta" an SDK's mark.
    ours = {"limit", "pageSize"} if path.endswith("/models") else set[str]()
    wanted = {k: v for k, v in exchange.query.items() if k != "beta" and k not in ours}
    assert {k: v for k, v in query.items() if k not in ours} == wanted
    form = exchange.form()
    if form:
        assert said(parts(sent.body)) == said(form)
    else:
        assert answers.comparable(exchange, sent.body) == answers.comparable(exchange, exchange.body)


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


def test_what_is_listed_is_needed(recordings: Path) -> None:
    """No entry is left for a row that is gone."""
    ids = {e.id for e in exchanges()}
    assert {*NOT_THIS, *REQUEST, *ANSWER} <= ids
    assert json.loads("{}") == {}
