"""Checks of whole calls, by the real drivers: both colours, errors, retries, secrets, and what is left behind."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from typing import Any

import pytest

from ... import providers
from ..._http import HTTPResponse
from ...client import Client
from ...errors import APIError, RateLimitError
from .._simulator import Simulator
from .._wires import Reply
from ._samples import HI, KEY
from ._subject import Subject, Talk

__all__ = ["Called"]

_WAIT = 7


class Called(Subject):
    """The calls."""

    @pytest.mark.parametrize("colour", ["sync", "async"])
    @pytest.mark.parametrize("stream", [False, True])
    def test_a_call(self, colour: str, *, stream: bool) -> None:
        """A call is answered, settled once, and says who answered."""
        talk = self.talk(stream=stream, colour=colour)
        self.answered_well(talk)
        self.expect(talk.result.text == self.answer_text, f"the answer is {talk.result.text!r}")
        told = talk.result.call
        self.expect(told.provider == self.provider.name, f"the call names {told.provider!r}")
        outcomes = [s.outcome for s in talk.client.ledger.settlements]
        self.expect(outcomes == ["completed"], f"the call is settled as {outcomes}")
        self.expect(talk.result.usage is not None, "the call has no usage")

    def test_over_a_socket(self) -> None:
        """Against the simulator a call is answered over a real connection."""
        if self.answer_body is not None:
            pytest.skip("the simulator does not speak this wire")
        spoken = self.spoken()
        shown = dict(spoken.dialect.headers)
        with Simulator() as simulator, providers.lend(self.provider):
            # Who finds addresses by itself makes the rest of its own path, too.
            found = self.provider.locate is not None and self.provider.base_url is not None
            own = simulator.base_url_for(self.provider.name) if found else None
            base = own or simulator.base_url.removesuffix("/v1") + spoken.dialect.root
            with Client(environ={}, api_key=KEY, base_url=base, extra_headers=shown) as client:
                answer = client.completion(f"{self.provider.name}/{self.model}", HI)
        self.expect(HI[0]["content"] in answer.text, f"the simulator said {answer.text!r}")

    def test_a_failure_is_tried_again(self) -> None:
        """A failure that may pass is tried again, with the same request."""
        failed = Reply(503, self.error_body(503, "later"))
        talk = self.talk(failed, self.answered(stream=False), num_retries=1)
        self.answered_well(talk)
        self.expect(len(talk.sent) == 2, f"after a 503, {len(talk.sent)} requests were sent")  # noqa: PLR2004 - two
        same = talk.sent[0].body == talk.sent[1].body
        self.expect(same, "what is tried again is another request")

    def test_a_wait_that_the_provider_asks_for(self) -> None:
        """The provider's ``Retry-After`` is on the error."""
        body = self.error_body(429, "slow down")
        talk = self.talk(Reply(429, body, headers={"retry-after": str(_WAIT)}))
        self.expect(isinstance(talk.error, RateLimitError), f"a 429 is {talk.error!r}")
        wait = getattr(talk.error, "retry_after", None)
        self.expect(wait == _WAIT, f"Retry-After: {_WAIT} is read as {wait!r}")

    @pytest.mark.parametrize("stream", [False, True])
    def test_secrets_are_never_shown(self, *, stream: bool) -> None:
        """A key that the provider echoes is in no error, event, log, settlement or repr."""
        body = self.error_body(401, f"bad key {KEY}")
        talk = self.talk(Reply(401, body), stream=stream)
        self.expect(isinstance(talk.error, APIError), f"a 401 is {talk.error!r}")
        self._hidden(talk)
        fine = self.talk(stream=stream)
        self._hidden(fine)
        self.expect(KEY not in repr(self.dry(api_key=KEY)), "the key is in a dry run")

    def test_nothing_is_left_behind(self) -> None:
        """Importing aside, a call leaves the process as it was."""
        before, threads = _state(), set(threading.enumerate())
        call = self.call(stream=True)
        self.build()
        self.parse(self.answered(stream=False).body)
        self.decode(self.streamed())
        self.wire.error(call, HTTPResponse(500, {}, self.error_body(500, "no")))
        self.answered_well(self.talk())
        changed = [name for name, value in _state().items() if value != before[name]]
        # Others' threads may end meanwhile.
        changed += ["threads"] if set(threading.enumerate()) - threads else []
        self.expect(not changed, f"it changes the process: {', '.join(changed)}")

    def _hidden(self, talk: Talk) -> None:
        error: Any = talk.error
        told = [str(error), repr(error), repr(getattr(error, "__dict__", None)), *talk.logged]
        told += [repr(event) for event in talk.events]
        told += [repr(talk.client.ledger.settlements), repr(talk.client), repr(talk.result)]
        shown = next((text for text in told if KEY in text), None)
        self.expect(shown is None, f"the key is shown: {(shown or '').replace(KEY, 'KEY'):.200}")


def _state() -> dict[str, Any]:
    """What belongs to the process and not to a call."""
    return {
        "the environment": dict(os.environ),
        "warning filters": list(warnings.filters),
        "registered providers": providers.names(),
        "sys.path": list(sys.path),
        "sys.excepthook": sys.excepthook,
    }
