"""What stands above the transports, over each of them: cassettes, scripts, the simulator, the guard; vcrpy below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import vcr

from llmkit import errors
from llmkit.testing import NetworkBlockedError, Simulator, no_network, record, replay, scripted

from .._server import Server, completion, hello
from ._wires import OWN, each_wire, over

if TYPE_CHECKING:
    from pathlib import Path

    from ._wires import Wire

each_form = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@each_form
@each_wire
async def test_recorded_and_replayed(wire: Wire, tmp_path: Path, *, stream: bool) -> None:
    """What was recorded over a transport is replayed with the server gone."""
    path, answers = tmp_path / "cassette.json", []
    with Server(always=hello() if stream else completion()) as server:
        for tape in (record, replay):
            async with wire.client(server.url) as client:
                with tape(path):
                    answers.append(await wire.colour.ask(client, stream=stream))
            server.stop()
    assert len(server.requests) == 1
    assert [a.choices[0].message.content for a in answers] == ["Hello there"] * 2
    assert answers[0].usage == answers[1].usage


@each_form
@each_wire
async def test_answers_from_a_script(wire: Wire, *, stream: bool) -> None:
    """A script answers before any transport is asked, with texts and with errors."""
    async with wire.client("https://far.test/v1") as client:
        with scripted("Hello there", 429) as script:
            response = await wire.colour.ask(client, stream=stream)
            assert response.choices[0].message.content == "Hello there"
            with pytest.raises(errors.RateLimitError):
                await wire.colour.ask(client, stream=stream)
    assert len(script.requests) == 2


@each_form
@each_wire
async def test_the_simulator_is_spoken_to(wire: Wire, *, stream: bool) -> None:
    """The simulator is a server like any other."""
    with Simulator() as simulator:
        async with wire.client(simulator.base_url) as client:
            response = await wire.colour.ask(client, stream=stream)
    assert response.choices[0].message.content
    assert response.call.transport == wire.transport


@each_wire
async def test_the_guard_sees_each_of_them(wire: Wire, server: Server) -> None:
    """Under ``no_network`` nobody is reached who may not be, whoever makes the connection."""
    async with wire.client(server.url) as client:
        kinds = (
            (NetworkBlockedError, BaseExceptionGroup)
            if wire.differs("groups")
            else NetworkBlockedError
        )
        with no_network(allow=["10.0.0.0/8"], strict=False) as guard, pytest.raises(kinds):
            await wire.colour.call(client)
    assert guard.attempts
    assert server.requests == []


@each_wire
async def test_the_guard_lets_pass_what_it_may(wire: Wire, server: Server) -> None:
    """This machine may be called under it."""
    async with wire.client(server.url) as client:
        with no_network():
            await wire.colour.call(client)
    assert len(server.requests) == 1


@over(OWN)
@each_wire
async def test_vcrpy_sees_httpx_alone(wire: Wire, server: Server, tmp_path: Path) -> None:
    """A recorder stands in httpx's place: what goes over another library it does not see, which nobody has unasked."""
    tape: Any
    async with wire.client(server.url) as client:
        with vcr.VCR(record_mode="once").use_cassette(str(tmp_path / "tape.yaml")) as tape:
            await wire.colour.call(client)
    assert len(tape.requests) == (0 if wire.differs("vcrpy") else 1)
    assert len(server.requests) == 1
