"""How a transport is chosen, what is refused beside it, and what is said where its library is not there."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import llmkit
from llmkit import errors
from llmkit._io import _reqwest_clients

from .._colour import KEY
from .._server import completion
from ._wires import DIFFERENCES, OWN, TRANSPORTS, each_wire, over

if TYPE_CHECKING:
    from .._server import Server
    from ._certificates import Certificates
    from ._wires import Wire


@over(OWN)
@each_wire
async def test_the_environment_chooses(
    wire: Wire, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``LLMKIT_TRANSPORT`` says what clients take that are not told; ``transport=`` goes before it."""
    monkeypatch.setenv("LLMKIT_TRANSPORT", wire.name)
    client = llmkit.Client(api_key=KEY, base_url=server.url)
    assert (await wire.colour.call(client)).call.transport == wire.name
    await wire.colour.close(client)
    monkeypatch.setenv("LLMKIT_TRANSPORT", "nonsense")
    client = llmkit.Client(api_key=KEY, base_url=server.url, transport=wire.name)
    assert (await wire.colour.call(client)).call.transport == wire.name
    await wire.colour.close(client)


def test_the_page_has_each_difference() -> None:
    """What differs between transports, and why, stands in the documentation."""
    page = (Path(__file__).parents[3] / "docs" / "transports.md").read_text()
    rows = {
        row.split(" | ")[0].removeprefix("| ") for row in page.splitlines() if row.startswith("| ")
    }
    assert set(DIFFERENCES) <= rows


def test_by_default_it_is_httpx(server: Server) -> None:
    """Nobody is given another library without having asked for it."""
    with llmkit.Client(api_key=KEY, base_url=server.url) as client:
        assert client.completion("openai/gpt-4o-mini", []).call.transport == "httpx"


def test_what_there_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """A transport that does not exist is named, with those that do, and with who asked for it."""
    with pytest.raises(errors.ConfigurationError, match=r"transport must be .*httpx, reqwest"):
        llmkit.Client(transport="urllib")
    monkeypatch.setenv("LLMKIT_TRANSPORT", "urllib")
    with pytest.raises(errors.ConfigurationError, match="LLMKIT_TRANSPORT"):
        llmkit.Client()


@pytest.mark.parametrize("way", ["option", "environment"])
def test_an_extra_that_is_missing(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """Without pyreqwest the error says what to install, when the client is made and not when it is first used."""
    monkeypatch.setitem(sys.modules, "pyreqwest", None)
    monkeypatch.setitem(sys.modules, "pyreqwest.client", None)
    if way == "environment":
        monkeypatch.setenv("LLMKIT_TRANSPORT", "reqwest")
    with pytest.raises(errors.ConfigurationError, match=r"pip install 'llmkit\[fast\]'"):
        llmkit.Client(transport="reqwest" if way == "option" else None)


def test_where_threads_are_not_pythons_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gevent puts a queue of its own in place of Python's, which pyreqwest's thread cannot wake anybody by."""

    class SimpleQueue:
        """Somebody's."""

    monkeypatch.setattr(_reqwest_clients, "SimpleQueue", SimpleQueue)
    with pytest.raises(errors.ConfigurationError, match="gevent"):
        llmkit.Client(transport="reqwest")


def test_http2_needs_who_speaks_it() -> None:
    """``http2=True`` is not taken by a transport that would not speak it."""
    with pytest.raises(errors.ConfigurationError, match="reqwest"):
        llmkit.Client(http2=True)


@pytest.mark.parametrize(
    "option",
    [
        {"proxy": "http://h:1"},
        {"cert": "c.pem"},
        {"http2": True},
        {"transport": "reqwest"},
        {"verify": False},
    ],
    ids=lambda option: next(iter(option)),
)
def test_what_a_lent_client_decides_itself(option: dict[str, Any]) -> None:
    """Options of a transport beside a client of the caller's would do nothing, and are refused."""
    named = rf"http_client.*{next(iter(option))}"
    with httpx.Client() as theirs, pytest.raises(errors.ConfigurationError, match=named):
        llmkit.Client(http_client=theirs, **option)


def test_a_lent_client_needs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment asks for holds for clients that have no connections yet; nothing has to be installed."""
    monkeypatch.setitem(sys.modules, "pyreqwest", None)
    monkeypatch.setitem(sys.modules, "pyreqwest.client", None)
    monkeypatch.setenv("LLMKIT_TRANSPORT", "reqwest")
    with httpx.Client() as theirs:
        llmkit.Client(http_client=theirs, transport="httpx", verify=True, http2=False).close()


@over(OWN, ["sync"])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"proxy": 8080}, "proxy is an address"),
        ({"proxy": ""}, "proxy is an address .*not ''"),
        ({"proxy": "ftp://me:hidden@host"}, "not 'ftp://…@host'"),
        ({"proxy": "me:hidden@"}, "not '…@'"),
        ({"http2": "no"}, "http2 is True or False"),
    ],
)
def test_what_is_no_option(wire: Wire, options: dict[str, Any], said: str) -> None:
    """A mistake is told in its own words, without a password, when the client is made."""
    with pytest.raises(errors.ConfigurationError, match=said) as told:
        llmkit.Client(transport=wire.name, **options)
    assert "hidden" not in str(told.value)


WRONG_TLS: dict[str, dict[str, Any]] = {
    "a verify that is none": {"verify": 3},
    "a cert that is none": {"cert": ("a", "b", "c", "d")},
}


@over(OWN, ["sync"])
@pytest.mark.parametrize("options", WRONG_TLS.values(), ids=WRONG_TLS)
def test_tls_options_that_are_none(wire: Wire, options: dict[str, Any]) -> None:
    """What is no option of TLS is refused when the client is made."""
    with pytest.raises(errors.ConfigurationError, match=next(iter(options))):
        llmkit.Client(transport=wire.name, **options)


@pytest.mark.parametrize("which", ["verify", "cert"])
@pytest.mark.parametrize("what", ["missing", "empty", "no key", "locked"])
@over(OWN)
@each_wire
async def test_files_that_cannot_be_used(
    wire: Wire, certificates: Certificates, tmp_path: Path, which: str, what: str
) -> None:
    """A file that is not there, or holds nothing of use, is a mistake that is named, and nothing is tried again."""
    (tmp_path / "empty").touch()
    mine = certificates.client
    named: dict[str, Any] = {
        "missing": str(tmp_path / "none.pem"),
        "empty": str(tmp_path / "empty"),
        "no key": str(mine.key if which == "verify" else mine.certificate),
        "locked": str(mine.locked if which == "verify" else (mine.certificate, mine.locked)),
    }
    if (which, what) == ("cert", "locked"):
        named["locked"] = (str(mine.certificate), str(mine.locked))
    async with wire.client("https://127.0.0.1:1/v1", **{which: named[what]}) as client:
        with pytest.raises(errors.ConfigurationError, match=which):
            await wire.colour.call(client, num_retries=2)


@over(TRANSPORTS, ["sync"])
def test_one_client_for_all_colours(wire: Wire, server: Server) -> None:
    """A client of one transport serves as many calls as there are, and can be closed twice and used again."""
    if wire.is_borrowed:
        pytest.skip("a lent client is closed by who lent it")
    server.always(*completion())
    client = llmkit.Client(api_key=KEY, base_url=server.url, transport=wire.name)
    for _ in range(2):
        client.completion("openai/gpt-4o-mini", [])
        client.close()
        client.close()
    assert len(server.requests) == 2
