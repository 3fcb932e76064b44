"""vcrpy sees the calls: what it recorded is played back with the server gone, in each colour, and no key is in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import vcr
import vcr.errors

import llmkit

from ._colour import KEY, each_colour, text_of
from ._server import Server, completion, failure, hello

if TYPE_CHECKING:
    from ._colour import Colour

each_form = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


def cassette(path: Path, mode: str) -> Any:
    """A cassette that keeps no key."""
    recorder = vcr.VCR(
        record_mode=mode, filter_headers=["authorization"], match_on=["method", "uri", "body"]
    )
    return recorder.use_cassette(str(path))


@each_form
@each_colour
async def test_recorded_and_played_back(colour: Colour, tmp_path: Path, *, stream: bool) -> None:
    """A call recorded once is answered from the cassette when the server is gone."""
    path = tmp_path / "cassette.yaml"
    answers = []
    with Server(always=hello() if stream else completion(x_request_id="req_7")) as server:
        for mode in ("once", "none"):
            with (
                llmkit.Client(api_key=KEY, base_url=server.url) as client,
                cassette(path, mode) as tape,
            ):
                answers.append(await colour.ask(client, stream=stream))
                await colour.close(client)
            server.stop()
    assert tape.play_count == 1
    assert len(server.requests) == 1
    assert [a.choices[0].message.content for a in answers] == ["Hello there"] * 2
    assert answers[0].usage == answers[1].usage
    assert answers[0].call.request_id == answers[1].call.request_id
    assert KEY not in path.read_text()


@each_colour
async def test_an_error_is_played_back(colour: Colour, tmp_path: Path) -> None:
    """Errors and their retries are recorded and played back like answers."""
    path = tmp_path / "cassette.yaml"
    with Server() as server:
        for mode in ("once", "none"):
            server.script(failure(429, retry_after_ms=1))
            with llmkit.Client(api_key=KEY, base_url=server.url) as client, cassette(path, mode):
                chunks = await colour.call(client, num_retries=1)
                assert [a.status_code for a in chunks.call.attempts] == [429, 200]
                await colour.close(client)
        assert len(server.requests) == 2


@each_colour
async def test_what_was_not_recorded_is_not_sent(colour: Colour, tmp_path: Path) -> None:
    """With record_mode="none" an unknown request reaches nobody, and the recorder's own error is raised."""
    with Server() as server, llmkit.Client(api_key=KEY, base_url=server.url) as client:
        with (
            cassette(tmp_path / "empty.yaml", "none"),
            pytest.raises(vcr.errors.CannotOverwriteExistingCassetteException),
        ):
            await colour.call(client)
        await colour.close(client)
        assert server.requests == []


@each_colour
async def test_a_stream_played_back_and_left_early(colour: Colour, tmp_path: Path) -> None:
    """A played stream can be closed midway like a real one."""
    path = tmp_path / "cassette.yaml"
    with Server(always=hello()) as server:
        for mode in ("once", "none"):
            with llmkit.Client(api_key=KEY, base_url=server.url) as client, cassette(path, mode):
                stream = await colour.open(client)
                assert text_of([await anext(stream)]) == "Hello"
                await stream.aclose()
                assert client.ledger.settlements[0].outcome == "closed"
                await colour.close(client)
