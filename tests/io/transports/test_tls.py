"""Whom a transport trusts, and what it shows of itself, over real TLS."""

from __future__ import annotations

import hashlib
import ssl
import sys
from typing import TYPE_CHECKING, Any

import pytest

import llmkit
from llmkit import errors
from llmkit._io._tls import shared_tls

from .._server import Server, blurting, completion, hello
from ._wires import OWN, each_wire, over

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ._certificates import Certificates
    from ._wires import Wire

each_form = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
each_version = pytest.mark.parametrize(
    "most", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"]
)


@pytest.fixture
def fresh_trust() -> Iterator[None]:
    """A process that has not yet made its TLS context."""
    shared_tls.cache_clear()
    yield
    shared_tls.cache_clear()


async def refused(wire: Wire, server: Server, **options: Any) -> errors.APIConnectionError:
    """How a call ends that gets no connection; it is not tried again."""
    async with wire.client(server.url, **options) as client:
        with pytest.raises(errors.APIConnectionError) as caught:
            await wire.colour.call(client, num_retries=2)
        assert client.ledger.settlements[0].cost_status == "none"
    assert server.requests == []
    return caught.value


@each_form
@each_version
@each_wire
async def test_an_authority_of_ones_own(
    wire: Wire, certificates: Certificates, most: Any, *, stream: bool
) -> None:
    """A server whose authority is named is called, over TLS 1.2 and 1.3, on one connection."""
    with Server(tls=certificates.server(most=most)) as server:
        server.always(*(hello() if stream else completion()))
        async with wire.client(server.url, verify=certificates.authority) as client:
            for _ in range(2):
                response = await wire.colour.ask(client, stream=stream)
                assert response.choices[0].message.content == "Hello there"
                await wire.rest()
        assert len(server.peers) == 1


@pytest.mark.parametrize("shown", ["good", "elsewhere", "expired"])
@each_wire
async def test_a_certificate_that_is_not_good_enough(
    wire: Wire, certificates: Certificates, shown: str
) -> None:
    """Of an unknown authority, for another host, out of date: nothing is sent, nothing is tried again."""
    trusted = certificates.others.file if shown == "good" else certificates.ours.file
    with Server(tls=certificates.server(getattr(certificates, shown))) as server:
        error = await refused(wire, server, verify=str(trusted))
    assert (error.sent, error.retryable) == ("no", False)
    assert "verify=" in str(error)
    assert "certificate" in str(error).lower()


@each_wire
async def test_a_name_is_checked_too(wire: Wire, certificates: Certificates) -> None:
    """A host that is called by its name must have a certificate for that name."""
    with Server(tls=certificates.server()) as server:
        url = server.url.replace("127.0.0.1", "localhost")
        async with wire.client(url, verify=certificates.authority) as client:
            await wire.colour.call(client)
        assert server.requests[0].headers["host"] == f"localhost:{server.port}"


@pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere the system's authorities are in no file"
)
@pytest.mark.usefixtures("fresh_trust")
@each_wire
async def test_whom_a_named_authority_leaves_trusted(
    wire: Wire, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who names an authority trusts nobody else, but for a transport that can only be told to trust more."""
    monkeypatch.setenv("SSL_CERT_FILE", certificates.authority)  # the system's, for this process
    with Server(tls=certificates.server()) as server:
        if wire.differs("trust"):
            async with wire.client(server.url, verify=str(certificates.others.file)) as client:
                await wire.colour.call(client)
        else:
            error = await refused(wire, server, verify=str(certificates.others.file))
            assert (error.sent, error.retryable) == ("no", False)


@each_wire
async def test_by_default_a_stranger_is_not_trusted(wire: Wire, certificates: Certificates) -> None:
    """Without options only the world's authorities count."""
    with Server(tls=certificates.server()) as server:
        error = await refused(wire, server)
    assert (error.sent, error.retryable) == ("no", False)


@each_wire
async def test_checking_can_be_turned_off(wire: Wire, certificates: Certificates) -> None:
    """``verify=False`` calls a server whose certificate nobody vouches for, is for another host, and too old."""
    nobody = certificates.others.signs("nobody", ("elsewhere.test",), days=-1)
    with Server(tls=certificates.server(nobody)) as server:
        async with wire.client(server.url, verify=False) as client:
            await wire.colour.call(client)


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
@pytest.mark.usefixtures("fresh_trust")
@each_wire
async def test_the_environment_names_authorities(
    wire: Wire,
    certificates: Certificates,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
    name: str,
) -> None:
    """``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` say whom to trust where ``verify`` does not."""
    named = certificates.authority
    if name == "SSL_CERT_DIR":
        named = str(tmp_path)
        (tmp_path / f"{hash_of('ours')}.0").write_bytes(certificates.ours.file.read_bytes())
    monkeypatch.setenv(name, named)
    with Server(tls=certificates.server()) as server:
        async with wire.client(server.url) as client:
            await wire.colour.call(client)


def hash_of(name: str) -> str:
    """What OpenSSL calls the file of an authority of this (short, lower case) name: a hash of it as it is encoded."""
    text = b"\x0c%c%b" % (len(name), name.encode())
    pair = b"\x06\x03\x55\x04\x03" + text
    whole = b"\x31%c\x30%c%b" % (len(pair) + 2, len(pair), pair)
    return f"{int.from_bytes(hashlib.sha1(whole).digest()[:4], 'little'):08x}"  # noqa: S324 - OpenSSL's choice


@each_version
@pytest.mark.parametrize("form", ["file", "pair"])
@each_wire
async def test_a_clients_certificate_is_shown(
    wire: Wire, certificates: Certificates, form: str, most: Any
) -> None:
    """A server that asks is shown ``cert``: one file, or a certificate and its key."""
    client_files = certificates.client
    pair = (str(client_files.certificate), str(client_files.key))
    cert = str(client_files.both) if form == "file" else pair
    with Server(tls=certificates.server(asks=True, most=most)) as server:
        async with wire.client(server.url, verify=certificates.authority, cert=cert) as client:
            await wire.colour.call(client)
    assert server.peers[0].shown["subject"] == ((("commonName", "client"),),)


@each_version
@pytest.mark.parametrize("shown", [None, "stranger"])
@each_wire
async def test_a_clients_certificate_is_missing_or_wrong(
    wire: Wire, certificates: Certificates, shown: str | None, most: Any
) -> None:
    """A server that asks, and is shown nothing or one of somebody else's, refuses; no attempt more helps.

    In TLS 1.2 it does not say that it missed one: then two more might.
    """
    cert = None if shown is None else str(certificates.stranger.both)
    with Server(tls=certificates.server(asks=True, most=most)) as server:
        error = await refused(wire, server, verify=certificates.authority, cert=cert)
    untold = shown is None and most is ssl.TLSVersion.TLSv1_2
    assert len(server.refused) == (3 if untold else 1)
    assert error.retryable == untold
    assert "cert=" in str(error)


@over(OWN)
@each_wire
async def test_a_locked_key(wire: Wire, certificates: Certificates) -> None:
    """A key with a password is opened by it, where the transport can."""
    mine = certificates.client
    cert = (str(mine.certificate), str(mine.locked), mine.password)
    if wire.differs("locked key"):
        with pytest.raises(errors.ConfigurationError, match="password"):
            llmkit.Client(transport=wire.name, cert=cert)
        return
    with Server(tls=certificates.server(asks=True)) as server:
        async with wire.client(server.url, verify=certificates.authority, cert=cert) as client:
            await wire.colour.call(client)


@each_wire
async def test_a_context_of_ones_own(wire: Wire, certificates: Certificates) -> None:
    """An ``ssl.SSLContext`` is used as it is, where the transport speaks TLS by Python's ``ssl``."""
    context = ssl.create_default_context(cafile=certificates.authority)
    if wire.differs("ssl.SSLContext"):
        with pytest.raises(errors.ConfigurationError, match=r"ssl\.SSLContext"):
            llmkit.Client(transport=wire.name, verify=context)
        return
    with Server(tls=certificates.server()) as server:
        async with wire.client(server.url, verify=context) as client:
            await wire.colour.call(client)


@each_wire
async def test_what_is_not_tls_at_all(wire: Wire) -> None:
    """A server that speaks plain HTTP where TLS is expected gets nothing of the request."""
    plain = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"
    with blurting(plain) as port:
        async with wire.client(f"https://127.0.0.1:{port}/v1") as client:
            with pytest.raises(errors.APIConnectionError) as caught:
                await wire.colour.call(client)
    assert caught.value.sent == "no"
