"""Handshakes that fail, and TLS with a certificate of the caller's."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from llmkit.testing import Simulator, faults

from ._raw import Raw, answered, connected, port_of

CERTIFICATE = Path(__file__).parents[1] / "io" / "self_signed.pem"
each_form = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """A simulator without a certificate."""
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def secure() -> Iterator[Simulator]:
    """A simulator with one."""
    with Simulator(certificate=CERTIFICATE) as simulator:
        yield simulator


@contextmanager
def handshaken(sim: Simulator, timeout: float = 5) -> Iterator[Raw]:
    """A TLS connection by a client that trusts the certificate."""
    context = ssl.create_default_context(cafile=CERTIFICATE)
    with (
        socket.create_connection(("127.0.0.1", port_of(sim)), timeout=timeout) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as sock,
    ):
        yield Raw(sock)


BROKEN: dict[str, tuple[type[Exception], str]] = {
    "reset": (ConnectionResetError, "reset"),
    "garbage": (ssl.SSLError, "WRONG_VERSION_NUMBER|wrong version"),
    "alert": (ssl.SSLError, "(?i)handshake.failure"),
    "stall": (TimeoutError, "timed out"),
}


@pytest.mark.parametrize("certificate", [None, CERTIFICATE], ids=["plain", "tls"])
@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_handshake(how: Any, certificate: Path | None) -> None:
    """Each way of breaking it is seen as what it is, with a certificate or without, and none is served."""
    error, match = BROKEN[how]
    with Simulator(certificate=certificate) as sim:
        sim.fail(faults.BreakTLS(how))
        with pytest.raises(error, match=match), handshaken(sim, timeout=0.2):
            pass
        sim.wait_closed(1)
        assert sim.requests == []


def test_a_plain_port_refuses_tls(sim: Simulator) -> None:
    """Without a fault and without a certificate, a handshake meets plain HTTP, as it does at real servers."""
    sim.fail(faults.Status(503))
    with pytest.raises(ssl.SSLError), handshaken(sim):
        pass
    with connected(sim) as raw:
        raw.sock.sendall(b"\x16\x03\x01\x00\x04abcd")
        assert raw.read().data.startswith(b"HTTP/1.1 400 ")
    assert answered(sim).status == 503


def test_a_tls_port_refuses_plain_requests(secure: Simulator) -> None:
    """A request without a handshake gets no answer."""
    assert b"HTTP" not in answered(secure).data
    assert secure.requests == []


def test_half_a_handshake_holds_nobody_up(sim: Simulator) -> None:
    """A client that leaves within its first message, or says nothing at all, is let go; so is one at `stop`."""
    before = set(threading.enumerate())
    for begun in (b"", b"\x16", b"\x16\x03\x01\x02\x00partly"):
        with connected(sim) as raw:
            raw.sock.sendall(begun)
        sim.wait_closed(1)
    with connected(sim) as raw:
        raw.sock.sendall(b"\x16\x03\x01\x02\x00partly")
        sim.stop()
        assert not set(threading.enumerate()) - before
        assert raw.read().data == b""


def test_half_a_handshake_with_a_certificate(secure: Simulator) -> None:
    """`stop` ends a handshake that is under way."""
    with connected(secure) as raw:
        raw.sock.sendall(b"\x16\x03\x01\x02\x00partly")
        time.sleep(0.02)
        begun = time.monotonic()
        secure.stop()
        assert time.monotonic() - begun < 0.5


@pytest.mark.parametrize("how", BROKEN)
def test_a_request_without_a_handshake_meets_a_reset(sim: Simulator, how: Any) -> None:
    """The fault is used up, so that a test with the wrong address does not wait for ever."""
    sim.fail(faults.BreakTLS(how), faults.Status(503))
    assert answered(sim).end == "reset"
    assert answered(sim).status == 503


def test_a_standing_fault_breaks_every_handshake(sim: Simulator) -> None:
    """And `heal` ends it; faults of another kind leave handshakes alone."""
    sim.fail_always(faults.BreakTLS("alert"))
    for _ in range(2):
        with pytest.raises(ssl.SSLError, match=r"(?i)handshake.failure"), handshaken(sim):
            pass
    sim.heal()
    assert answered(sim).status == 200


def test_a_broken_handshake_waits_its_turn(secure: Simulator) -> None:
    """Faults given before it are met by requests first."""
    secure.fail(faults.Status(503), faults.BreakTLS("alert"))
    with handshaken(secure) as raw:
        assert raw.ask().read().status == 503
    with pytest.raises(ssl.SSLError, match=r"(?i)handshake.failure"), handshaken(secure):
        pass
    with handshaken(secure) as raw:
        assert raw.ask().read().status == 200


@each_form
def test_answers_over_tls(secure: Simulator, *, stream: bool) -> None:
    """Equal to those without, on a connection that is kept, with an address that says so."""
    assert secure.base_url.startswith("https://127.0.0.1:")
    with Simulator() as plain:
        good = answered(plain, stream=stream)
    with handshaken(secure) as raw:
        raw.ask(stream=stream, keep=True).read(most=len(good.data) - len("Connection: close\r\n"))
        assert raw.body == good.body
        raw.data = b""
        assert raw.ask(stream=stream).read().body == good.body
        assert raw.end == "closed"
    secure.wait_closed(1)


def test_a_client_that_does_not_trust_it(secure: Simulator) -> None:
    """A self-signed certificate is refused by who was not told of it; the simulator goes on."""
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{secure.base_url}/models", trust_env=False)
    secure.wait_closed(1)
    with handshaken(secure) as raw:
        assert raw.ask().read().status == 200


def test_a_file_that_is_no_certificate() -> None:
    """`start` says so, and nothing is running then."""
    sim = Simulator(certificate=__file__)
    with pytest.raises(OSError, match=r"PEM|NO_START_LINE|no start line"):
        sim.start()
    with pytest.raises(RuntimeError, match="not running"):
        _ = sim.base_url


@each_form
def test_faults_over_tls(secure: Simulator, *, stream: bool) -> None:
    """A cut, a stall, a reset and a late answer are the same within TLS."""
    with handshaken(secure) as raw:
        good = raw.ask(stream=stream).read()
    secure.fail(faults.Cut(at=120), faults.Stall(at=120), faults.Reset(), faults.SlowStart(0.05))
    with handshaken(secure) as raw:
        raw.ask(stream=stream).read()
        assert (raw.behind, raw.end) == (good.behind[:120], "closed")
    with handshaken(secure) as raw:
        raw.ask(stream=stream).read(most=len(good.data) - len(good.behind) + 120)
        assert raw.read(0.05).end == "silent"
        assert raw.behind == good.behind[:120]
    secure.wait_closed(1)
    with handshaken(secure) as raw:
        # Python's ssl calls a reset an end (SSL_read_ex does not tell it which of the two it was).
        assert raw.ask(stream=stream).read().end in {"closed", "reset"}
        assert raw.behind == good.behind[: len(good.behind) // 2]
    with handshaken(secure) as raw:
        assert raw.ask(stream=stream).read().body == good.body


STANDING = {
    name: fault for name, fault in faults.ALL.items() if not isinstance(fault, faults.BreakTLS)
}


@each_form
@pytest.mark.parametrize("name", STANDING)
def test_stopping_is_prompt_within_tls(name: str, *, stream: bool) -> None:
    """While any fault is under way, `stop` returns at once and leaves no thread."""
    before = set(threading.enumerate())
    with Simulator(certificate=CERTIFICATE) as sim:
        sim.fail(STANDING[name])
        with handshaken(sim) as raw:
            raw.ask(stream=stream, keep=True)
            while not sim.requests:
                time.sleep(0.001)
            time.sleep(0.01)
            begun = time.monotonic()
            sim.stop()
            assert time.monotonic() - begun < 0.5
            assert set(threading.enumerate()) <= before


@pytest.mark.parametrize("how", BROKEN)
def test_stopping_is_prompt_within_a_broken_handshake(how: Any) -> None:
    """Also while a client waits for an answer to its first message."""
    before = set(threading.enumerate())
    with Simulator() as sim:
        sim.fail(faults.BreakTLS(how))
        with connected(sim) as raw:
            raw.sock.sendall(b"\x16\x03\x01\x00\x04abcd")
            time.sleep(0.02)
            begun = time.monotonic()
            sim.stop()
            assert time.monotonic() - begun < 0.5
            assert set(threading.enumerate()) <= before
