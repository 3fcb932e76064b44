"""The fake Lago's socket: the simulator's server, with the fake's answers. Only I/O; nothing is decided here."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from typing_extensions import override

from .._channel import Channel
from .._sending import End, Message, Step, sent
from .._server import Connection, Pending, Server, Unreadable
from ._answers import Answer
from ._asked import LagoRequest
from ._faults import LagoFault

__all__ = ["Listening", "Serves"]


class Serves(Protocol):
    """What decides what is answered."""

    def meet(self, request: LagoRequest) -> LagoFault:
        """What goes wrong with it; it is written down that it came."""

    def work(self, request: LagoRequest, fault: LagoFault) -> Answer:
        """Do it, and say what is answered if anything is."""

    def headers(self, answer: Answer, fault: LagoFault) -> dict[str, str]:
        """All headers of the answer but those that say where it ends."""


class Listening(Server):
    """One thread a connection; each connection has a number, from 1."""

    def __init__(self, serves: Serves, opened: Callable[[], object]) -> None:
        super().__init__([], Pending(), _nothing, None)
        self.serves = serves
        self._opened, self._numbers = opened, itertools.count(1)

    @override
    def _talk(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._opened()
        _Connection(Channel(connection), self, next(self._numbers))


class _Connection(Connection):
    def __init__(self, channel: Channel, listening: Listening, number: int) -> None:
        self._listening, self._number = listening, number
        super().__init__(channel, listening)

    @override
    def do_POST(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            body = self.read_body()
        except Unreadable as problem:
            return self._say(Answer(problem.status), LagoFault())
        request = LagoRequest(self.command, self.path, headers, body, connection=self._number)
        serves = self._listening.serves
        fault = serves.meet(request)
        # Whoever does not wait has asked all the same.
        stays = not fault.before or self._channel.perform((fault.before,))
        answer = serves.work(request, fault)
        if stays and (not fault.after or self._channel.perform((fault.after,))):
            return self._say(answer, fault)
        self.close_connection = True
        return None

    do_GET = do_PUT = do_PATCH = do_DELETE = do_POST  # noqa: N815

    @override
    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        self.close_connection = True
        self._say(Answer(code), LagoFault())

    def _say(self, answer: Answer, fault: LagoFault) -> None:
        headers = self._listening.serves.headers(answer, fault)
        message = Message(
            answer.status, headers, (answer.body,), False, len(answer.body), self.close_connection
        )
        self.close_connection = not self._channel.perform(_steps(message, fault))


def _steps(message: Message, fault: LagoFault) -> Iterator[Step]:
    """How it is sent, with the connection's end where the fault has one."""
    if fault.ends == "reset":
        yield End.RESET
    elif fault.ends == "hang":
        yield End.HOLD
    elif fault.ends == "cut":
        yield message.head() + b"".join(message.body())[: fault.keep]
        yield End.CLOSE
    else:
        yield from sent(message)


def _nothing(*_: Any) -> Any:
    raise NotImplementedError("the fake Lago says nothing of its own")
