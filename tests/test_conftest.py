"""The guards of conftest.py guard: a fixture nobody checks is a fixture that may do nothing."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_a_connection_outwards_fails_the_test() -> None:
    """A documentation address (RFC 5737) is refused before a packet leaves."""
    with pytest.raises(pytest.fail.Exception, match="loopback"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)


def test_a_public_name_is_not_resolved() -> None:
    """Looking a name up is network, too."""
    with pytest.raises(pytest.fail.Exception, match="loopback"):
        socket.getaddrinfo("example.com", 80)


def test_a_reserved_name_does_not_exist() -> None:
    """Tests of a failing lookup use `.invalid`, and it fails at once and everywhere."""
    with pytest.raises(socket.gaierror):
        socket.create_connection(("nowhere.invalid", 80), timeout=1)


def test_loopback_is_open() -> None:
    """Servers of the tests themselves can be reached."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()


@pytest.fixture(scope="module", autouse=True)
def _a_developers_environment() -> Iterator[None]:
    """Set what a developer's shell may hold, before the function-scoped clean-up runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GROQ_API_KEY", "gsk-not-a-key")
        patch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9")
        patch.setenv("https_proxy", "http://127.0.0.1:9")
        yield


def test_keys_of_the_developer_are_gone() -> None:
    """No key, base URL or proxy of the shell reaches a test."""
    assert not {"GROQ_API_KEY", "OPENAI_BASE_URL", "https_proxy"} & set(os.environ)
