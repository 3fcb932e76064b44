"""The guard against the network: what it refuses, what it lets pass, what it says."""

from __future__ import annotations

import _socket
import asyncio
import contextlib
import inspect
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import trio

import llmkit
from llmkit.testing import LOOPBACK, NetworkBlockedError, Simulator, _network, no_network

HELLO = [{"role": "user", "content": "hello"}]
NOWHERE = ("127.0.0.1", 9)


async def opened() -> None:
    """A connection of asyncio's."""
    await asyncio.open_connection(*NOWHERE)


def threaded(function: Callable[[], Any]) -> None:
    """Run it in another thread; raise here what it raised there."""
    raised: list[BaseException] = []

    def work() -> None:
        try:
            function()
        except BaseException as error:  # noqa: BLE001 - raised below
            raised.append(error)

    thread = threading.Thread(target=work, name="elsewhere")
    thread.start()
    thread.join()
    raise raised[0]


def on(kind: int, use: Callable[[socket.socket], Any], family: int = socket.AF_INET) -> Any:
    """Use a new socket, and close it."""
    with socket.socket(family, kind) as sock:
        return use(sock)


def below() -> None:
    """A connection without the socket module."""
    sock = _socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.connect(NOWHERE)
    finally:
        sock.close()


WAYS: dict[str, Callable[[], Any]] = {
    "connect": lambda: on(socket.SOCK_STREAM, lambda s: s.connect(NOWHERE)),
    "connect_ex": lambda: on(socket.SOCK_STREAM, lambda s: s.connect_ex(NOWHERE)),
    "connect by name": lambda: on(socket.SOCK_STREAM, lambda s: s.connect(("localhost", 9))),
    "connect over IPv6": lambda: on(
        socket.SOCK_STREAM, lambda s: s.connect(("::1", 9)), socket.AF_INET6
    ),
    "below the socket module": below,
    "create_connection": lambda: socket.create_connection(NOWHERE),
    "sendto": lambda: on(socket.SOCK_DGRAM, lambda s: s.sendto(b"", NOWHERE)),
    "sendmsg": lambda: on(socket.SOCK_DGRAM, lambda s: s.sendmsg([b""], [], 0, NOWHERE)),
    "getaddrinfo": lambda: socket.getaddrinfo("localhost", 80),
    "getaddrinfo of bytes": lambda: socket.getaddrinfo(b"localhost", 80),
    "gethostbyname": lambda: socket.gethostbyname("localhost"),
    "gethostbyaddr": lambda: socket.gethostbyaddr("127.0.0.1"),
    "getnameinfo": lambda: socket.getnameinfo(NOWHERE, 0),
    "asyncio": lambda: asyncio.run(opened()),
    "asyncio by name": lambda: asyncio.run(asyncio.open_connection("localhost", 9)),  # type: ignore[arg-type]
    "trio": lambda: trio.run(trio.open_tcp_stream, *NOWHERE),
    "a thread": lambda: threaded(lambda: socket.create_connection(NOWHERE)),
}


def innermost(error: BaseException) -> BaseException:
    """What a task group may have wrapped."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_every_way_out_is_closed(way: Callable[[], Any]) -> None:
    """Whoever connects, sends or resolves gets an error that names the host and this file."""
    with no_network(allow=(), strict=False) as guard, pytest.raises(BaseException) as caught:  # noqa: PT011
        way()
    error = innermost(caught.value)
    assert isinstance(error, NetworkBlockedError)
    assert error.host in ("127.0.0.1", "localhost", "::1")
    assert error.host in str(error)
    assert __file__ in error.place
    assert guard.attempts[0].host == error.host


@pytest.fixture
def listening() -> Iterator[tuple[str, int]]:
    """A server that accepts."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()


def test_loopback_is_open(listening: tuple[str, int]) -> None:
    """By default whatever stays on this machine passes, under all of its names."""
    with no_network():
        socket.create_connection(listening).close()
        socket.create_connection(("localhost", listening[1])).close()
        socket.getaddrinfo(None, 80)
        on(socket.SOCK_STREAM, lambda s: s.connect_ex(("::1", 9)), socket.AF_INET6)
        one, other = socket.socketpair()
        one.close()
        other.close()


def test_unix_sockets_are_open(tmp_path: Any) -> None:
    """A path is on this machine whatever it is."""
    path = str(tmp_path / "s")
    with (
        no_network(allow=()),
        socket.socket(socket.AF_UNIX) as server,
        socket.socket(socket.AF_UNIX) as client,
    ):
        server.bind(path)
        server.listen()
        client.connect(path)


def test_other_families_are_no_network() -> None:
    """An address of a family that is not the Internet's may look like one, and names a device of this machine."""
    device = SimpleNamespace(family=29)  # AF_CAN, which few machines have
    with no_network(allow=()) as guard:
        _network._hook("socket.connect", (device, ("vcan0",)))
    assert guard.attempts == []


def test_it_says_where() -> None:
    """The message has host, port, file and line of the caller outside of libraries."""
    line = inspect.currentframe().f_lineno + 2  # type: ignore[union-attr]
    with no_network(allow=(), strict=False), pytest.raises(NetworkBlockedError) as caught:
        socket.create_connection(NOWHERE)
    assert caught.value.place == f"{__file__}:{line}"
    assert caught.value.port == 9
    assert f"resolving 127.0.0.1, port 9 is not allowed; asked for at {__file__}:{line}" in str(
        caught.value
    )


def test_a_call_of_llmkit_is_blamed_on_its_caller() -> None:
    """The library and its libraries are passed over; the call is neither retried nor disguised."""
    with Simulator() as simulator, no_network(allow=(), strict=False) as guard:
        client = llmkit.Client(api_key="any", base_url=simulator.base_url, num_retries=3)
        with pytest.raises(NetworkBlockedError) as caught:
            client.completion("openai/offline", HELLO)
    assert caught.value.place.startswith(__file__)
    assert len(guard.attempts) == 1
    assert [s.outcome for s in client.ledger.settlements] == ["failed"]


@pytest.mark.parametrize("run", ["asyncio", "trio"])
def test_an_async_call_of_llmkit(run: str) -> None:
    """On both loops, too, the error comes out, and the call is settled."""
    with Simulator() as simulator, no_network(allow=(), strict=False):
        client = llmkit.Client(api_key="any", base_url=simulator.base_url, num_retries=3)

        async def ask() -> None:
            try:
                await client.acompletion("openai/offline", HELLO)
            finally:
                await client.aclose()

        with pytest.raises(BaseException) as caught:  # noqa: PT011
            trio.run(ask) if run == "trio" else asyncio.run(ask())
    assert isinstance(innermost(caught.value), NetworkBlockedError)
    assert [s.outcome for s in client.ledger.settlements] == ["failed"]


def test_a_swallowed_attempt_fails_the_block() -> None:
    """Code that catches everything hides nothing."""
    with (
        pytest.raises(NetworkBlockedError, match="port 9"),
        no_network(allow=()),
        contextlib.suppress(Exception),
    ):
        socket.create_connection(NOWHERE)


def test_another_error_goes_before() -> None:
    """What the block itself raises is not replaced."""

    def fail() -> None:
        with contextlib.suppress(NetworkBlockedError):
            socket.create_connection(NOWHERE)
        raise KeyError

    with pytest.raises(KeyError), no_network(allow=()):
        fail()


def test_the_innermost_guard_decides(listening: tuple[str, int]) -> None:
    """Within a strict guard, a part may be allowed more; after it the outer one counts again."""
    with no_network(allow=(), strict=False):
        with no_network():
            socket.create_connection(listening).close()
        with pytest.raises(NetworkBlockedError):
            socket.create_connection(listening)
    socket.create_connection(listening).close()


def test_one_address_in_two_versions() -> None:
    """An IPv4 address written as IPv6 is the same address."""
    guard = no_network()
    guard.check("connecting to", "::ffff:127.0.0.1", 9)
    guard.check("connecting to", "::1%lo", 9)
    with pytest.raises(NetworkBlockedError):
        guard.check("connecting to", "::ffff:203.0.113.1", 9)


def test_networks_and_addresses(listening: tuple[str, int]) -> None:
    """``allow`` takes addresses and networks; what is not in them stays closed."""
    for allowed in ("127.0.0.1", ["127.0.0.0/30"], LOOPBACK):
        with no_network(allow=allowed):
            socket.create_connection(listening).close()
    with no_network(allow=["127.0.0.2"], strict=False), pytest.raises(NetworkBlockedError):
        socket.create_connection(listening)


def test_a_names_addresses_pass(listening: tuple[str, int]) -> None:
    """Once an allowed name has been resolved its addresses may be connected to, and not before."""
    with no_network(allow=["LOCALHOST."], strict=False) as guard:
        with pytest.raises(NetworkBlockedError):
            on(socket.SOCK_STREAM, lambda s: s.connect(listening))
        guard.attempts.clear()
        socket.create_connection(("localhost", listening[1])).close()
        socket.create_connection(("localhost", listening[1])).close()
    assert guard.attempts == []


@pytest.mark.parametrize("entry", ["", "10.0.0.0/99", "http://host", "host:80"])
def test_a_wrong_entry_is_refused(entry: str) -> None:
    """An entry that could never match is a mistake, and found at once."""
    with pytest.raises(ValueError, match="allow"):
        no_network(allow=[entry])


OUTSIDE = """
import asyncio, socket
from llmkit.testing import NetworkBlockedError, no_network

def names(error):
    print(error.host, error.port, error.place.rpartition("/")[2])

with no_network(strict=False):
    for address in ("203.0.113.1", 443), ("host.invalid", 80), ("2001:db8::1", 443):
        try:
            socket.create_connection(address)
        except NetworkBlockedError as error:
            names(error)
    try:
        asyncio.run(asyncio.open_connection("host.invalid", 80))
    except NetworkBlockedError as error:
        names(error)
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        try:
            sock.sendto(b"", ("<broadcast>", 9))
        except NetworkBlockedError as error:
            names(error)
"""


def test_what_is_outside(tmp_path: Any) -> None:
    """Addresses and names beyond this machine are refused; seen in a process without this suite's own guard."""
    program = tmp_path / "program.py"
    program.write_text(OUTSIDE)
    ran = subprocess.run(
        [sys.executable, "-W", "error", str(program)], capture_output=True, text=True, check=True
    )
    assert ran.stdout.split("\n")[:-1] == [
        "203.0.113.1 443 program.py:11",
        "host.invalid 80 program.py:11",
        "2001:db8::1 443 program.py:11",
        "host.invalid 80 program.py:15 (by way of thread asyncio_0)",
        "<broadcast> 9 program.py:20",
    ]


ONCE = """
import sys
from llmkit.testing import no_network

hooks = []
sys.addaudithook(lambda event, args: hooks.append(event) if event == "sys.addaudithook" else None)
no_network()
print(len(hooks))
for _ in range(3):
    with no_network():
        pass
print(len(hooks))
"""


def test_one_hook_for_the_process() -> None:
    """A hook cannot be removed: there is none before the first guard is entered, and never a second."""
    ran = subprocess.run([sys.executable, "-c", ONCE], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["0", "1"]
