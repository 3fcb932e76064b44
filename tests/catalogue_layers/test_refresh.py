"""Refreshing the catalogue: all or nothing, in both colours, from a file and from a server."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

import llmkit
from llmkit import MediaPolicy, catalogue
from llmkit._control.refresh import POLICY, fetched_bundle
from llmkit._flow import Fetch
from llmkit._http import HTTPResponse
from llmkit.catalogue import Catalogue
from llmkit.catalogue._bundle import read_bundle
from llmkit.errors import APIConnectionError, CatalogueError, ConfigurationError

from ._parts import bundle

LOOPBACK = MediaPolicy(schemes=("http",), public_only=False, max_bytes=100_000, seconds=5.0)
NEW, OLD = bundle("0.1", "2027-01-01"), bundle("0.9", "2020-01-01")


def names(directory: Path) -> list[str]:
    """What is in it."""
    return sorted(path.name for path in directory.iterdir())


def sha(data: bytes) -> str:
    """What a bundle is known by."""
    return hashlib.sha256(data).hexdigest()


class _Files(BaseHTTPRequestHandler):
    """Sends what the test has put on the server."""

    @override
    def do_GET(self) -> None:
        status, headers, body = self.server.files[self.path]  # type: ignore[attr-defined]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(files: dict[str, tuple[int, dict[str, str], bytes]]) -> Iterator[str]:
    """A server on loopback with these files; its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Files)
    server.files = files  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def whole(data: bytes) -> tuple[int, dict[str, str], bytes]:
    """An answer that holds this."""
    return 200, {"content-length": str(len(data))}, data


Refresh = Callable[..., str]


@pytest.fixture(params=["sync", "asyncio"])
def refresh(request: pytest.FixtureRequest) -> Refresh:
    """Refreshes a client's catalogue, in either colour."""

    def sync(known: Catalogue, source: Any, **options: Any) -> str:
        with llmkit.Client(catalogue=known) as client:
            return client.refresh_catalogue(source, **options)

    def in_async(known: Catalogue, source: Any, **options: Any) -> str:
        async def run() -> str:
            async with llmkit.Client(catalogue=known) as client:
                return await client.arefresh_catalogue(source, **options)

        return asyncio.run(run())

    return sync if request.param == "sync" else in_async


def price(known: Catalogue) -> Decimal | None:
    """What the bundles' only model costs."""
    found = known.find("acme", "road")
    return found.rates[0].usd if found else None


# --- when it goes well -----------------------------------------------------------------------


def test_from_a_path(tmp_path: Path, refresh: Refresh) -> None:
    """The bundle's models take the place of the built-in ones; what was registered stays."""
    path, known = tmp_path / "new.bundle", Catalogue()
    path.write_bytes(NEW)
    known.register_fields({"acme/lane": {"input_cost_per_token": 1}})
    revision = refresh(known, path)
    assert revision == known.revision
    assert revision.startswith(f"2027-01-01+{sha(NEW)[:12]}+")
    assert price(known) == Decimal("0.1")
    assert known.find("acme", "lane")
    assert known.find("openai", "gpt-4o") is None
    assert catalogue.find("openai", "gpt-4o")


def test_from_a_server_and_kept(tmp_path: Path, refresh: Refresh) -> None:
    """What was fetched is written where it was asked for, and read from there by the next process."""
    known, to = Catalogue(), tmp_path / "kept.bundle"
    to.write_bytes(b"what was there before")
    to.chmod(0o640)
    moved = (302, {"location": "/new", "content-length": "0"}, b"")
    with serving({"/new": whole(NEW), "/moved": moved}) as url:
        refresh(known, f"{url}/moved", sha256=sha(NEW).upper(), to=to, policy=LOOPBACK)
    assert price(known) == Decimal("0.1")
    assert to.read_bytes() == NEW
    assert to.stat().st_mode & 0o777 == 0o640
    assert Catalogue(to).revision == known.revision
    assert names(tmp_path) == ["kept.bundle"]


def test_the_default_catalogue_is_refreshed_by_the_functions(tmp_path: Path) -> None:
    """It holds for every client that has none of its own, until it is let go of."""
    path = tmp_path / "new.bundle"
    path.write_bytes(NEW)
    try:
        assert llmkit.refresh_catalogue(path) == catalogue.revision()
        with llmkit.Client() as client:
            assert price(client.catalogue) == Decimal("0.1")
        assert asyncio.run(llmkit.arefresh_catalogue(path)) == catalogue.revision()
    finally:
        catalogue.default().forget()
    assert catalogue.find("acme", "road") is None


def test_an_older_bundle_only_where_that_is_meant(tmp_path: Path, refresh: Refresh) -> None:
    """Prices do not go back by mistake."""
    path, known = tmp_path / "old.bundle", Catalogue()
    path.write_bytes(OLD)
    to = tmp_path / "kept"
    with pytest.raises(CatalogueError, match="the bundle is of 2020-01-01, what is loaded of"):
        refresh(known, path, to=to)
    assert not to.exists()
    assert price(known) is None
    refresh(known, path, to=to, allow_older=True)
    assert price(known) == Decimal("0.9")
    refresh(known, path)


# --- when it does not ------------------------------------------------------------------------


def broken() -> dict[str, tuple[tuple[int, dict[str, str], bytes], str]]:
    """Answers of a server, and what is said of each."""
    cut = NEW[:-10]
    return {
        "/other": (whole(bundle("0.2", "2027-01-01")), "its SHA-256 is [0-9a-f]{64}, not"),
        "/cut": (whole(cut), "its SHA-256 is"),
        "/large": (whole(NEW + b" " * 100_000), "was not fetched: .*has more than 100000 bytes"),
        "/gone": ((404, {"content-length": "0"}, b""), "its server answered 404"),
        "/away": ((302, {"location": "ftp://x/y"}, b""), "its scheme is not one of http"),
        "/loop": ((302, {"location": "/loop"}, b""), "it redirects more than 3 times"),
        "/odd": ((302, {"location": "http://[x"}, b""), "it redirects to what is no address"),
    }


@pytest.mark.parametrize("name", sorted(broken()))
def test_a_refresh_that_fails_leaves_all_as_it_was(
    tmp_path: Path, refresh: Refresh, name: str
) -> None:
    """Neither the catalogue nor the file has changed, and no other file is left."""
    answer, message = broken()[name]
    known, to = Catalogue(), tmp_path / "kept"
    to.write_bytes(OLD)
    before = known.revision
    with serving({name: answer}) as url, pytest.raises(CatalogueError, match=message):
        refresh(known, f"{url}{name}", sha256=sha(NEW), to=to, policy=LOOPBACK)
    assert known.revision == before
    assert names(tmp_path) == ["kept"]
    assert to.read_bytes() == OLD


def test_a_server_that_hangs_up(tmp_path: Path, refresh: Refresh) -> None:
    """A body that ends early is a failed connection, as it is for any call."""
    known, to = Catalogue(), tmp_path / "kept"
    short = (200, {"content-length": str(len(NEW))}, NEW[:-10])
    with serving({"/short": short}) as url, pytest.raises(APIConnectionError):
        refresh(known, f"{url}/short", sha256=sha(NEW), to=to, policy=LOOPBACK)
    assert known.revision == catalogue.revision()
    assert not to.exists()


def test_nobody_there(refresh: Refresh) -> None:
    """No connection, no change."""
    known = Catalogue()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/x"
        with pytest.raises(APIConnectionError):
            refresh(known, url, sha256=sha(NEW), policy=LOOPBACK)
    assert known.revision == catalogue.revision()


def test_a_server_that_takes_too_long(refresh: Refresh) -> None:
    """The time for all of it is limited."""
    silent = socket.create_server(("127.0.0.1", 0))
    policy = MediaPolicy(schemes=("http",), public_only=False, seconds=0.1)
    url = f"http://127.0.0.1:{silent.getsockname()[1]}/x"
    with silent, pytest.raises(APIConnectionError):
        refresh(Catalogue(), url, sha256=sha(NEW), policy=policy)


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("https://a.test/b", {}, "sha256 must be given for an address"),
        ("https://a.test/b", {"sha256": "abc"}, "sha256 must be 64 hexadecimal digits, not 'abc'"),
        ("https://a.test/b", {"sha256": 5}, "sha256 must be 64 hexadecimal digits, not 5"),
        (
            "http://a.test/b?key=1",
            {"sha256": sha(NEW)},
            "'http://a.test/b' was not fetched: its sch",
        ),
        ("ftp://a.test/b", {"sha256": sha(NEW)}, "its scheme is not one of https"),
        ("https://u:p@a.test/b", {"sha256": sha(NEW)}, "credentials in it"),
        ("no/such/file", {}, "there is no such file"),
    ],
)
def test_what_is_refused_before_anything_is_fetched(
    refresh: Refresh, source: str, options: dict[str, Any], message: str
) -> None:
    """An address needs a hash and HTTPS; a path has to be there."""
    with pytest.raises(ConfigurationError, match=message):
        refresh(Catalogue(), source, **options)


def test_a_redirect_to_http_is_not_followed() -> None:
    """Not from an address that was asked for with HTTPS."""
    flow = fetched_bundle("https://a.test/b", sha(NEW), POLICY)
    effect = next(flow)
    assert isinstance(effect, Fetch)
    assert (effect.url, effect.policy) == ("https://a.test/b", POLICY)
    with pytest.raises(CatalogueError, match="its scheme is not one of https"):
        flow.send(HTTPResponse(302, {"location": "http://a.test/b"}))


def test_a_file_with_another_hash(tmp_path: Path, refresh: Refresh) -> None:
    """A path needs no hash, but one that is given must be right."""
    path = tmp_path / "new.bundle"
    path.write_bytes(NEW)
    with pytest.raises(CatalogueError, match="its SHA-256 is"):
        refresh(Catalogue(), path, sha256=sha(OLD))
    path.write_bytes(b"{}")
    with pytest.raises(CatalogueError, match="does not begin as a bundle does"):
        refresh(Catalogue(), path)


@pytest.mark.parametrize("name", ["replace", "fsync"])
def test_a_write_that_fails(
    tmp_path: Path, refresh: Refresh, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The old file is whole, nothing lies about, and the catalogue is the old one, too."""
    path, to, known = tmp_path / "new.bundle", tmp_path / "kept" / "x.bundle", Catalogue()
    path.write_bytes(NEW)
    to.parent.mkdir()
    to.write_bytes(OLD)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, name, full)
    with pytest.raises(CatalogueError, match=r"kept at .*x\.bundle': No space left on device"):
        refresh(known, path, to=to)
    monkeypatch.undo()
    assert names(to.parent) == ["x.bundle"]
    assert to.read_bytes() == OLD
    assert known.revision == catalogue.revision()


def test_killed_in_between(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted just before the file would have been replaced: the old one is there, whole."""
    path, to = tmp_path / "new.bundle", tmp_path / "kept"
    path.write_bytes(NEW)
    to.write_bytes(OLD)
    written: list[bytes] = []

    def interrupted(source: str, _: Any) -> None:
        written.append(Path(source).read_bytes())
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    known = Catalogue()
    with llmkit.Client(catalogue=known) as client, pytest.raises(KeyboardInterrupt):
        client.refresh_catalogue(path, to=to)
    assert written == [NEW]
    assert to.read_bytes() == OLD
    assert names(tmp_path) == ["kept", "new.bundle"]
    assert known.revision == catalogue.revision()


def test_nowhere_to_keep_it(tmp_path: Path, refresh: Refresh) -> None:
    """A directory that is not there is not made."""
    path = tmp_path / "new.bundle"
    path.write_bytes(NEW)
    with pytest.raises(CatalogueError, match="cannot be kept at"):
        refresh(Catalogue(), path, to=tmp_path / "none" / "x")


# --- at once ---------------------------------------------------------------------------------


def test_readers_see_the_old_or_the_new(tmp_path: Path) -> None:
    """Never the one's price with the other's revision, nor a model that is not there."""
    known = Catalogue()
    bundles = [bundle(usd, "2027-01-01") for usd in ("0.1", "0.2")]
    paths = [tmp_path / str(number) for number in range(2)]
    wanted = {}
    for path, data, usd in zip(paths, bundles, ("0.1", "0.2"), strict=True):
        path.write_bytes(data)
        wanted[f"2027-01-01+{sha(data)[:12]}"] = Decimal(usd)
    known.adopt(read_bundle(bundles[0], "x"))
    done, failures = threading.Event(), []

    def reading() -> None:
        while not done.is_set():
            found = known.lookup("road")
            if wanted[found.revision] != found.rates[0].usd:
                failures.append(found)

    readers = [threading.Thread(target=reading) for _ in range(4)]
    for reader in readers:
        reader.start()
    with llmkit.Client(catalogue=known) as client:
        for step in range(60):
            client.refresh_catalogue(paths[step % 2])
    done.set()
    for reader in readers:
        reader.join()
    assert not failures
