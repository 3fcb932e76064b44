"""The simulator, as its users see it: an address, what it received, and what goes wrong next.

Sockets and threads are `_server`'s; what is answered is decided in `_wires` and below.
"""

from __future__ import annotations

import os
import re
import ssl
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from .. import providers
from ._answer import answer
from ._server import HOST, Pending, ReceivedRequest, Server
from ._wires import Say
from ._wires.mistral_chat import ROOT
from .faults import Fault

__all__ = ["ReceivedRequest", "Simulator"]


class Simulator:
    """A server on a free loopback port that speaks providers' APIs and makes its answers up.

    Equal requests get equal answers. Use it with `with`, or call `start` and `stop`; after
    `stop` it may be started again, on another port. *say* decides answers in place of the simulated
    model. *certificate* is a PEM file with a certificate and its key: the simulator then speaks TLS.
    What is wrong with the file is raised by `start`, as `OSError`.
    """

    def __init__(
        self, *, say: Say = answer, certificate: str | os.PathLike[str] | None = None
    ) -> None:
        self.requests: list[ReceivedRequest] = []
        self._say = say
        self._certificate = certificate
        self._pending = Pending()
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def origin(self) -> str:
        """Where it listens, without a path. Raises `RuntimeError` unless running."""
        if self._server is None:
            raise RuntimeError("the simulator is not running: use `with Simulator() as sim`")
        scheme = "http" if self._certificate is None else "https"
        return f"{scheme}://{HOST}:{self._server.port}"

    @property
    def base_url(self) -> str:
        """What to give a client of OpenAI's API as `base_url`. Raises `RuntimeError` unless running."""
        return f"{self.origin}/v1"

    def base_url_for(self, provider: str) -> str:
        """What to give a client of *provider*'s API, llmkit's or its own SDK, as `base_url`.

        Raises:
            UnknownProviderError: llmkit knows no provider of this name.
            RuntimeError: the simulator is not running.
        """
        # What stands in braces is asked for from the environment: nothing of it matters here.
        found = providers.get(provider)
        path = urlsplit(re.sub(r"[{}]", "", found.base_url or "")).path
        # Its paths are OpenAI's: below a root of its own it is told apart.
        own = type(found.chat).__module__.endswith(".mistral_chat")
        return self.origin + (ROOT if own else "") + path

    @property
    def connections_open(self) -> int:
        """How many connections clients have open: one counts until its client, too, has closed it."""
        return 0 if self._server is None else self._server.connections

    def wait_closed(self, timeout: float = 5.0) -> None:
        """Wait until no connection is open. Raises `TimeoutError` if one still is after *timeout* seconds."""
        server = self._server
        if server is None or server.wait_for(lambda: not server.connections, timeout):
            return
        raise TimeoutError(f"connections still open after {timeout} s: {server.connections}")

    def fail(self, *faults: Fault | None) -> None:
        """Let the next requests meet these in turn, behind those given before; `None` is no fault.

        A request that cannot be read as HTTP meets none.
        """
        self._pending.add(faults)

    def fail_always(self, fault: Fault) -> None:
        """Let every further request meet this one, once those given to `fail` are used up."""
        self._pending.always(fault)

    def heal(self) -> None:
        """Let no further request meet a fault. One that is under way goes on."""
        self._pending.clear()

    def start(self) -> Self:
        """Listen, and answer in the background. Raises `RuntimeError` if it already does."""
        if self._server is not None:
            raise RuntimeError("the simulator is already running")
        server = self._server = Server(self.requests, self._pending, self._say, self._tls())
        # A daemon, so that a program which forgets to stop the simulator can still end.
        self._thread = threading.Thread(target=server.run, name="llmkit-simulator", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close all sockets and end all threads, answers under way included. Safe to repeat."""
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

    def _tls(self) -> ssl.SSLContext | None:
        if self._certificate is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificate)
        return context
