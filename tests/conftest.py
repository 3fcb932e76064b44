"""What every test gets: an environment without keys, and no network but loopback."""

from __future__ import annotations

import gc
import ipaddress
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from ._bytecode import write_share

# Whatever could choose a provider, reach one, or change where requests go.
ENVIRONMENT = re.compile(
    r"""(?ix)
    .* _(api_)?(key|keys|token|secret|credentials|base|base_url|endpoint|host|account_id|region)$
    | (aws|azure|google|vertex|vertexai|ollama|openai|anthropic|gemini|llmkit|lago|askii)_ .*
    | (hf_token|http_proxy|https_proxy|all_proxy|no_proxy|ssl_cert_file|ssl_cert_dir)$
    """
)
# A shell starts its background jobs with Ctrl-C ignored, and programs that tests start would inherit that.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How fast a machine is decides no property.
settings.register_profile("llmkit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("llmkit")

# Read by the tests themselves, not by the library.
KEPT = {"LLMKIT_RECORDINGS", "LLMKIT_SPECS", "LLMKIT_FULL", "LLMKIT_HAMMER"}


def pytest_xdist_auto_num_workers() -> int:
    """With ``-n auto``: twice as many as there are processors. Much of what is tested is how long something waits."""
    return 2 * (os.cpu_count() or 1)


def pytest_sessionstart(session: pytest.Session) -> None:
    """The workers share out what each of them would do."""
    write_share(session.config)


def pytest_collection_finish() -> None:
    """What tens of thousands of collected tests are made of is not looked at by each collection of garbage."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the developer's keys, base URLs or proxies."""
    for name in os.environ:
        if ENVIRONMENT.match(name) and name not in KEPT:
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Any]:
    """PostgreSQL, one for each test process that asks for it: a ``PostgresServer`` of ``stores._postgres``."""
    from .stores._postgres import PostgresServer

    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Any]:
    """Redis, one for each test process that asks for it: a ``RedisServer`` of ``stores._redis``."""
    from .stores._redis import running

    with running() as server:
        yield server


def is_loopback(host: object) -> bool:
    """Whether an address stays on this machine (None and "" mean any local address)."""
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if not host or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return False


def refuse(what: str, host: object) -> None:
    """Fail the test. The outcome is no `Exception`, so no clean-up in between can swallow it."""
    pytest.fail(f"{what} {host!r}: tests stay on loopback", pytrace=False)


def on_connect(args: tuple[Any, ...]) -> None:
    """Allow loopback and Unix sockets."""
    address = args[1]
    if isinstance(address, tuple) and not is_loopback(address[0]):
        refuse("connect to", address[0])


def on_resolve(args: tuple[Any, ...]) -> None:
    """Allow local names; answer reserved ones (RFC 6761) as any resolver must: there is none."""
    host = args[0].decode() if isinstance(args[0], bytes) else args[0]
    if isinstance(host, str) and host.endswith(".invalid"):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    if not is_loopback(host):
        refuse("resolve", host)


GUARDED = {
    "socket.connect": on_connect,
    "socket.sendto": on_connect,
    "socket.sendmsg": on_connect,
    "socket.getaddrinfo": on_resolve,
    "socket.gethostbyname": on_resolve,
}


def guard(event: str, args: tuple[Any, ...]) -> None:
    """The audit hook: it sees every socket call of this process, whoever makes it."""
    if check := GUARDED.get(event):
        check(args)


sys.addaudithook(guard)
