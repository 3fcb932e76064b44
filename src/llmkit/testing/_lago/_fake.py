"""`FakeLago`: a Lago on a loopback socket, or none at all, with state that tests set up and look at.

Written from Lago's documented behaviour. What it answers is decided in `_service` and below, what goes wrong in
`lago_faults`; sockets are `_listening`'s.
"""

from __future__ import annotations

import threading
from email.utils import formatdate
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from ..._http import HTTPRequest, HTTPResponse
from ...errors import APIConnectionError, APITimeoutError
from . import _signing
from ._answers import Answer
from ._asked import LagoRequest
from ._books import Books, Store
from ._clocks import RealTime, Timepiece
from ._faults import LagoFault
from ._faulty import Faulty
from ._listening import Listening
from ._looking import Looking
from ._service import CLOUD_LIMITS, ROOT, Rates, Service
from ._setting_up import SettingUp

__all__ = ["FakeLago"]


class FakeLago(SettingUp, Looking):
    """A Lago that keeps what it is sent, counts it as Lago counts, and fails when it is told to.

    Use it with `with`, or call `start` and `stop`; or without a socket, by `answer`. Thread-safe.

    Args:
        store: how events are kept: with PostgreSQL's unique index, or as ClickHouse replaces rows.
        premium: whether wallets' ongoing balances are kept (by `refresh`).
        key: the API key that may do everything.
        clock: what time it is; the real time without.
        cloud: whether the cloud's rate limits are kept, and its headers sent.

    Attributes:
        requests: what came in, in order, with what was answered.
        opened: how many connections were made.
        skew: seconds by which the server's clock, and its `Date`, is ahead.
        service: its switches: `batch_limit`; `rolls_back`, `False` for a server from before December 2025, which
            keeps what is good of a refused batch; `decides`, what `POST /v1/entitlement/authorize` says (`None`:
            there is no such thing there).
        hmac_key: what webhooks are signed with.
    """

    def __init__(
        self,
        *,
        store: Store = "postgres",
        premium: bool = False,
        key: str = "lago-key-" + "of-nobody",
        clock: Timepiece | None = None,
        cloud: bool = False,
    ) -> None:
        self.premium, self.api_key = premium, key
        self.requests: list[LagoRequest] = []
        self.opened = 0
        self.skew = 0.0
        self.hmac_key = "hmac-key-" + "of-nobody"
        self._clock = clock or RealTime()
        self._books = Books(store)
        rates = Rates(CLOUD_LIMITS if cloud else None)
        self.service = Service(self._books, rates, {key: None}, _signing.public_key())
        self._faulty = Faulty()
        self._lock = threading.RLock()
        self._server: Listening | None = None
        self._thread: threading.Thread | None = None
        self._down = False
        self._webhooks = 0

    @property
    def api_url(self) -> str:
        """What to give a client of Lago's API."""
        return self.origin + ROOT

    @property
    def connections(self) -> int:
        """How many connections are open now."""
        return 0 if self._server is None else self._server.connections

    def start(self) -> Self:
        """Listen, and answer in the background. Raises `RuntimeError` if it already does."""
        if self._server is not None:
            raise RuntimeError("the fake Lago is already running")
        server = self._server = Listening(self, self._count)
        self._thread = threading.Thread(target=server.run, name="llmkit-fake-lago", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close all sockets and end all threads; what it holds stays. Safe to repeat."""
        server, thread = self._server, self._thread
        self._server = self._thread = None
        if server is not None and thread is not None:
            server.end(thread)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    # --- what goes wrong ----------------------------------------------------------------------

    def fail(self, fault: LagoFault, *, times: int = 1, on: str = "") -> None:
        """Let the next requests meet this, behind those that were given before.

        *on*: only those of this method, or whose path begins so, or both: `"POST /events/batch"`.
        """
        with self._lock:
            self._faulty.add(fault, on, times)

    def fail_always(self, fault: LagoFault, *, on: str = "") -> None:
        """Let every further request meet this, together with what is due for it by `fail`."""
        with self._lock:
            self._faulty.always(fault, on)

    def heal(self) -> None:
        """Let no further request meet anything; it is up, too."""
        with self._lock:
            self._faulty.clear()
            self._down = False

    def down(self) -> None:
        """Nobody is there: every connection is torn down before anything was read."""
        self._down = True

    def up(self) -> None:
        """It is there again."""
        self._down = False

    # --- answering ----------------------------------------------------------------------------

    def answer(self, request: HTTPRequest, *, timeout: float = 60.0) -> HTTPResponse:
        """What comes of this request without a socket; waits are the clock's.

        Raises as a driver would: `APIConnectionError` where the connection ends, `APITimeoutError` where nothing
        comes within *timeout* seconds.
        """
        url = urlsplit(request.url)
        path = url.path + (f"?{url.query}" if url.query else "")
        headers = {name.lower(): value for name, value in request.headers.items()}
        asked = LagoRequest(request.method, path, headers, request.body)
        fault = self.meet(asked)
        self._clock.sleep(min(fault.before, timeout))
        answer = self.work(asked, fault)
        if fault.ends == "hang" or fault.before + fault.after > timeout:
            self._clock.sleep(timeout - min(fault.before, timeout))
            raise APITimeoutError("timed out: total (the fake Lago is silent)", sent="yes")
        self._clock.sleep(fault.after)
        if fault.ends:
            raise APIConnectionError("no answer: the fake Lago has gone away", sent="yes")
        return HTTPResponse(answer.status, self.headers(answer, fault), answer.body)

    def headers(self, answer: Answer, fault: LagoFault) -> dict[str, str]:
        """All headers of an answer but those that say where it ends; names in lower case."""
        given = {name.lower(): value for name, value in answer.headers.items()}
        date = formatdate(self.wall() + fault.date, usegmt=True)
        return {"date": date, "content-type": "application/json; charset=utf-8", **given}

    def meet(self, request: LagoRequest) -> LagoFault:
        """Write down that this came, and say what it meets."""
        with self._lock:
            request.at = self._clock.wall()
            self.requests.append(request)
            if self._down:
                return LagoFault(works=False, ends="reset")
            return self._faulty.take(f"{request.method} {request.path}")

    def work(self, request: LagoRequest, fault: LagoFault) -> Answer:
        """Do what is asked for, unless the fault keeps it from that; what is answered if anything is."""
        said = Answer(500)
        with self._lock:
            if fault.works:
                said = self.service.answer(request, self.wall(), rolls_back=fault.rolls_back)
        said = fault.answer or said
        request.status = None if fault.ends in ("reset", "hang") else said.status
        return said

    def _count(self) -> None:
        with self._lock:
            self.opened += 1
