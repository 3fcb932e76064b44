"""What is left of an exchange over reqwest: its lane is given back or gone, whoever ended it, and however."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

import llmkit
from llmkit import errors

from .._colour import KEY, MESSAGES, MODEL
from .._server import HOLD, completion, piece, streamed

pytest.importorskip("pyreqwest")

from llmkit._io import _lanes
from llmkit._io._waiting import Line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .._server import Server

ASK: dict[str, Any] = {"model": MODEL, "messages": MESSAGES, "num_retries": 0}


@pytest.fixture
def client(server: Server) -> Iterator[llmkit.Client]:
    """A client over reqwest."""
    with llmkit.Client(api_key=KEY, base_url=server.url, transport="reqwest") as made:
        yield made


def settle() -> None:
    """Wait until no lane is in use any more."""
    until = time.monotonic() + 5
    while _lanes._busy and time.monotonic() < until:
        time.sleep(0.005)
    assert not _lanes._busy


def test_closed_just_as_a_piece_came(
    server: Server, client: llmkit.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream that another thread closes while its reader's piece is arriving is closed by that reader."""
    server.script([*streamed(piece("a"), end=False), 0.05, *streamed(piece("b"))[1:], HOLD])
    stream = client.completion(**ASK, stream=True)
    run = Line.run

    def late(self: Line, work: Any) -> Any:
        # The reader has its piece, and the closer believes that it still waits.
        data = run(self, work)
        self.busy = True
        threading.Thread(target=stream.close).start()
        while not self.closed:
            time.sleep(0.001)
        self.busy = False
        return data

    monkeypatch.setattr(Line, "run", late)
    assert [chunk.choices[0].delta.content for chunk in stream] in ([], ["a"])
    settle()


def test_both_end_it(server: Server, client: llmkit.Client) -> None:
    """A stream that is closed while its reader fails is ended by one of both, and neither sees more than that."""
    failures: list[BaseException] = []

    def read(stream: Any) -> None:
        try:
            for _ in stream:
                pass
        except errors.APIError:
            pass
        except BaseException as error:  # noqa: BLE001 - what is asked for
            failures.append(error)

    for _ in range(30):
        server.script([*streamed(piece("a"), end=False), HOLD])
        stream = client.completion(**ASK, stream=True)
        reader = threading.Thread(target=read, args=(stream,))
        reader.start()
        stream.close()
        reader.join(5)
    assert not failures
    outcomes = [settlement.outcome for settlement in client.ledger.settlements]
    assert len(outcomes) == 30
    assert set(outcomes) <= {"closed", "interrupted"}
    settle()


def test_clients_that_are_dropped_give_their_marks_back(server: Server) -> None:
    """A client that nobody closes takes no mark along: there are only so many for a process."""
    gc.collect()
    before = len(_lanes._marks)
    for _ in range(5):
        llmkit.Client(api_key=KEY, base_url=server.url, transport="reqwest").completion(**ASK)
        gc.collect()
    assert len(_lanes._marks) >= before


@pytest.mark.parametrize("mark", [min(_lanes._marks)])
def test_a_mark_ends_no_connection(mark: int) -> None:
    """The option that marks a lane's sockets counts in days: no pause of a server's comes near."""
    assert mark >= 24 * 60 * 60 * 1000


def test_more_at_once_than_there_are_lanes(server: Server) -> None:
    """Of 200 at once half are cancelled; the others have their own answers, and nothing is left."""
    server.always(1.0, *completion())

    async def main() -> None:
        async with llmkit.Client(api_key=KEY, base_url=server.url, transport="reqwest") as client:
            calls = [asyncio.ensure_future(client.acompletion(**ASK)) for _ in range(200)]
            await asyncio.sleep(0.1)
            for call in calls[::2]:
                call.cancel()
            ended = await asyncio.gather(*calls, return_exceptions=True)
            assert [isinstance(one, BaseException) for one in ended] == [True, False] * 100

    asyncio.run(main())
