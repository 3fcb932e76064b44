"""How streams end that do not end well: what counts as an answer, and what of its usage is believed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from llmkit import errors
from llmkit._control.session import Session
from llmkit._flow import Relay

from ._drive import COST, STREAM, USAGE, drive, events, piece

RUNNING = {"prompt_tokens": 1000, "completion_tokens": 40, "total_tokens": 1040}


def test_a_count_that_runs_along_is_no_count_of_a_broken_stream() -> None:
    """What a host has counted so far is the least that a broken stream used, and no exact bill."""
    data = events(*(piece("h", usage=RUNNING) for _ in range(3)))
    run = drive([*data, ConnectionResetError()], stream=True)
    with pytest.raises(ConnectionResetError):
        run.run()
    settled = run.settlement
    assert (settled.outcome, settled.usage_source, settled.cost_status) == (
        "interrupted",
        "estimated",
        "estimated",
    )
    assert (settled.prompt_tokens, settled.completion_tokens) == (1000, 40)


def test_more_was_written_than_was_counted() -> None:
    """Where the running count lags behind the text, the text counts."""
    data = events(piece("h" * 400, usage=RUNNING))
    run = drive([*data, ConnectionResetError()], stream=True)
    with pytest.raises(ConnectionResetError):
        run.run()
    assert run.settlement.completion_tokens == 118


@pytest.mark.parametrize(
    "end",
    [
        events(piece(None, "stop", usage=USAGE)),
        events(piece(None, None, usage=USAGE), piece(None, "stop"), "[DONE]"),
        events(piece(None, None, usage=USAGE), piece(None, "stop")),
        events(piece(None, "stop"), {"choices": [], "usage": USAGE}),
    ],
)
def test_the_count_of_a_whole_stream_is_believed(end: list[bytes]) -> None:
    """Wherever the usage comes in a stream that ends as it should, it is the host's word."""
    run = drive([*events(piece("h", usage=RUNNING)), *end], stream=True)
    run.run()
    settled = run.settlement
    assert (settled.outcome, settled.usage_source, str(settled.cost)) == (
        "completed",
        "reported",
        COST,
    )


@pytest.mark.parametrize(
    "tail", [[b"data: [DO"], [b'data: {"usa\n\n'], [b'data: {"usa\n\n', b": x\n\n"]]
)
def test_behind_the_last_finish_reason_nothing_matters_that_cannot_be_read(
    tail: list[bytes],
) -> None:
    """The answer is whole; its usage is an estimate where it was to come there."""
    run = drive([*events(piece("h"), piece("i", "stop")), *tail], stream=True)
    assert run.run().choices[0].message.content == "hi"
    settled = run.settlement
    assert (settled.outcome, settled.usage_source) == ("completed", "estimated")


def test_in_one_piece_too() -> None:
    """So it is where the unreadable comes with the first chunk and the last."""
    run = drive(events(piece("hi", "stop")), stream=True)
    effect = run.reach(0)
    while not isinstance(effect, Relay):
        effect = run._resume(effect)
    opened = replace(effect.opened, pending=errors.APIResponseValidationError("no JSON"))
    session = Session(run.job.legs[0].call, opened, effect.session._account)
    session.check()
    assert session.over
    assert session.result().choices[0].message.content == "hi"


def test_before_it_everything_does() -> None:
    """One choice of two is not the answer."""
    data = [*events(piece("h", "stop")), b"data: [DO\n\n"]
    run = drive(data, stream=True, n=2)
    with pytest.raises(errors.APIResponseValidationError):
        run.run()
    assert run.settlement.outcome == "interrupted"


def test_an_error_behind_it_is_an_error() -> None:
    """What can be read is not passed over."""
    error = {"error": {"message": "no", "type": "server_error"}}
    run = drive(events(piece("h", "stop"), error), stream=True)
    with pytest.raises(errors.InternalServerError):
        run.run()


@pytest.mark.parametrize("nothing", [[b""], [b": ping\n\n"], events({"object": "hello"})])
def test_a_stream_that_ends_before_it_has_begun_is_no_answer(nothing: Any) -> None:
    """Nobody has seen anything of it: it is tried again, and is no interrupted stream."""
    assert drive(nothing, STREAM, stream=True).run().choices[0].message.content == "hi"
    run = drive(nothing, stream=True, num_retries=0)
    with pytest.raises(errors.APIConnectionError, match="no answer: the stream ended") as caught:
        run.run()
    error = caught.value
    assert (error.sent, error.retryable, error.partial) == ("yes", True, None)
    assert run.settlement.outcome == "failed"
