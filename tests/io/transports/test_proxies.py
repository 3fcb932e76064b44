"""Requests by way of a proxy: HTTP's, forwarding and tunnelling, and SOCKS5; by the environment or by ``proxy=``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import llmkit
from llmkit import Timeouts, errors

from .._colour import KEY
from .._server import Server, completion, failure, hello
from ..test_failures import unused_port
from ._proxies import HTTPProxy, SOCKSProxy
from ._wires import DIFFERENCES, OWN, each_wire, over

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._certificates import Certificates
    from ._proxies import Conduct, Proxy
    from ._wires import Wire

each_form = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
each_way = pytest.mark.parametrize("way", ["environment", "option"])
each_kind = pytest.mark.parametrize("kind", [HTTPProxy, SOCKSProxy])
each_scheme = pytest.mark.parametrize("scheme", ["http", "https"])
Named = Any


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Name a proxy in one of both ways; what is returned are the client's options."""

    def name(way: str, url: str, variable: str = "ALL_PROXY") -> dict[str, Any]:
        if way == "option":
            return {"proxy": url}
        monkeypatch.setenv(variable, url)
        return {}

    return name


def far(scheme: str, certificates: Certificates) -> tuple[Server, str, dict[str, Any]]:
    """A server behind a proxy, the address it is called by, and whom to trust for that."""
    if scheme == "http":
        return Server(), "http://far.test/v1", {}
    shown = certificates.ours.signs("far", ("far.test",))
    server = Server(tls=certificates.server(shown))
    return server, "https://far.test/v1", {"verify": certificates.authority}


@each_form
@each_way
@each_wire
async def test_http_is_forwarded(wire: Wire, named: Named, way: str, *, stream: bool) -> None:
    """A request for http is handed to the proxy with its full address; connections are kept."""
    with Server() as server, HTTPProxy(server.port) as proxy:
        server.always(*(hello() if stream else completion()))
        options = named(way, proxy.url(), "HTTP_PROXY")
        async with wire.client("http://far.test/v1?a=%2Fb", **options) as client:
            for _ in range(2):
                response = await wire.colour.ask(client, stream=stream)
                assert response.choices[0].message.content == "Hello there"
        target = "http://far.test/v1/chat/completions?a=%2Fb"
        assert [request.target for request in server.requests] == [target] * 2
        assert server.requests[0].headers["host"] == "far.test"
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
        assert len(proxy.asked) == 1


@each_form
@each_way
@each_wire
async def test_https_goes_through_a_tunnel(
    wire: Wire, certificates: Certificates, named: Named, way: str, *, stream: bool
) -> None:
    """For https the proxy is asked to connect and sees nothing else; the tunnel is kept."""
    server, url, trust = far("https", certificates)
    with server, HTTPProxy(server.port) as proxy:
        server.always(*(hello() if stream else completion()))
        options = named(way, proxy.url(), "HTTPS_PROXY")
        async with wire.client(url, **options, **trust) as client:
            for _ in range(2):
                response = await wire.colour.ask(client, stream=stream)
                assert response.choices[0].message.content == "Hello there"
        [asked] = proxy.asked
        assert (asked.method, asked.target) == ("CONNECT", "far.test:443")
        assert KEY not in asked.head
        assert KEY.encode() not in proxy.carried
        assert len(server.requests) == 2
        assert server.requests[0].target == "/v1/chat/completions"


@each_scheme
@each_way
@each_wire
async def test_socks_takes_names_along(
    wire: Wire, certificates: Certificates, named: Named, way: str, scheme: str
) -> None:
    """A SOCKS5 proxy is given the host's name, which it alone need know; its connections are kept."""
    server, url, trust = far(scheme, certificates)
    with server, SOCKSProxy(server.port) as proxy:
        async with wire.client(url, **named(way, proxy.url()), **trust) as client:
            for _ in range(2):
                await wire.colour.call(client)
        port = {"http": 80, "https": 443}[scheme]
        assert [(a.method, a.target) for a in proxy.asked] == [("name", f"far.test:{port}")]
        assert len(server.requests) == 2


@each_wire
async def test_socks5h(wire: Wire) -> None:
    """``socks5h`` says the same more clearly; an address stays one."""
    with Server() as server, SOCKSProxy(server.port) as proxy:
        async with wire.client(server.url, proxy=proxy.url(scheme="socks5h")) as client:
            await wire.colour.call(client, base_url="http://far.test/v1")
            await wire.colour.call(client)
        assert [a.target for a in proxy.asked] == ["far.test:80", f"127.0.0.1:{server.port}"]


@each_kind
@each_scheme
@each_way
@each_wire
async def test_credentials(
    wire: Wire,
    certificates: Certificates,
    named: Named,
    way: str,
    scheme: str,
    kind: type[Proxy],
) -> None:
    """User and password of the proxy's address go to the proxy, unescaped, and nowhere else."""
    server, url, trust = far(scheme, certificates)
    with server, kind(server.port, credentials="me@home:pass word") as proxy:
        options = named(way, proxy.url("me%40home:pass%20word"))
        async with wire.client(url, **options, **trust) as client:
            await wire.colour.call(client)
            assert "pass" not in repr(client.ledger.settlements)
        assert proxy.asked[0].user == "me@home:pass word"
        if scheme == "https" or kind is SOCKSProxy:
            assert "proxy-authorization" not in server.requests[0].headers


@each_kind
@over(leaky=DIFFERENCES["failed proxies"])
@each_wire
async def test_credentials_that_are_wrong(
    wire: Wire, certificates: Certificates, kind: type[Proxy]
) -> None:
    """A proxy that wants others has had nothing of the request, and no attempt more helps; no password is told."""
    server, url, trust = far("https", certificates)
    with server, kind(server.port, credentials="me:right") as proxy:
        options = {"proxy": proxy.url("me:wrong-word"), **trust}
        async with wire.client(url, **options) as client:
            with pytest.raises(errors.APIConnectionError) as caught:
                await wire.colour.call(client, num_retries=2)
        assert len(proxy.asked) == 1
    assert (caught.value.sent, caught.value.retryable) == ("no", False)
    assert "wrong-word" not in str(caught.value)
    assert "proxy" in str(caught.value).lower()


@each_wire
async def test_a_forwarding_proxys_own_answer(wire: Wire) -> None:
    """For http the proxy's 407 is an answer like any other."""
    with HTTPProxy(unused_port(), credentials="me:right") as proxy:
        async with wire.client("http://far.test/v1", proxy=proxy.url()) as client:
            with pytest.raises(errors.APIStatusError) as caught:
                await wire.colour.call(client, num_retries=2)
        assert len(proxy.asked) == 1
    assert caught.value.status_code == 407


CONDUCT: dict[Conduct, bool] = {
    "refuses": False,
    "hangs up": True,
    "babbles": True,
    "cuts the tunnel": True,
}


@pytest.mark.parametrize("conduct", CONDUCT)
@each_kind
@over(leaky=DIFFERENCES["failed proxies"])
@each_wire
async def test_a_proxy_that_does_not_serve(
    wire: Wire, certificates: Certificates, kind: type[Proxy], conduct: Conduct
) -> None:
    """It refuses, hangs up, or talks nonsense: nothing of the request has left, and who may be tried again is."""
    server, url, trust = far("https", certificates)
    with server, kind(server.port, conduct=conduct) as proxy:
        async with wire.client(url, proxy=proxy.url(), **trust) as client:
            with pytest.raises(errors.APIConnectionError) as caught:
                await wire.colour.call(client)
            assert client.ledger.settlements[0].cost_status == "none"
    assert server.requests == []
    assert caught.value.sent == "no"


@each_kind
@over(leaky=DIFFERENCES["failed proxies"])
@each_wire
async def test_a_proxy_that_says_nothing(
    wire: Wire, certificates: Certificates, kind: type[Proxy]
) -> None:
    """To wait for a proxy's consent is to connect, and is limited like it; whatever is lent ends with the call."""
    server, url, trust = far("https", certificates)
    theirs = wire.differs("silent proxies")
    limits = Timeouts(connect=0.3, first_token=5, idle=5, total=0.8 if theirs else 5)
    with server, kind(server.port, conduct="is silent") as proxy:
        async with wire.client(url, proxy=proxy.url(), **trust) as client:
            with pytest.raises(
                errors.APITimeoutError, match="total" if theirs else "connect"
            ) as caught:
                await wire.colour.call(client, timeout=limits)
    assert caught.value.sent == "no"


@each_kind
@each_wire
async def test_no_proxy_there(wire: Wire, kind: type[Proxy]) -> None:
    """A proxy that does not exist is a failed connection."""
    url = f"{kind.scheme}://127.0.0.1:{unused_port()}"
    async with wire.client("https://far.test/v1", proxy=url) as client:
        with pytest.raises(errors.APIConnectionError) as caught:
            await wire.colour.call(client)
    assert (caught.value.sent, caught.value.retryable) == ("no", True)


@pytest.mark.parametrize("exempt", ["127.0.0.1", "*"])
@each_wire
async def test_hosts_that_need_no_proxy(
    wire: Wire, server: Server, monkeypatch: pytest.MonkeyPatch, exempt: str
) -> None:
    """Hosts that NO_PROXY names are called directly."""
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{unused_port()}")
    monkeypatch.setenv("NO_PROXY", exempt)
    async with wire.client(server.url) as client:
        await wire.colour.call(client)
    assert len(server.requests) == 1


@each_wire
async def test_the_option_goes_before_the_environment(
    wire: Wire, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that was named by ``proxy=`` is used for every host, whatever the environment says."""
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{unused_port()}")
    monkeypatch.setenv("NO_PROXY", "*")
    with HTTPProxy(server.port) as proxy:
        async with wire.client("http://far.test/v1", proxy=proxy.url()) as client:
            await wire.colour.call(client)
        assert len(proxy.asked) == 1


@each_wire
async def test_a_proxy_spoken_to_over_tls(wire: Wire, certificates: Certificates) -> None:
    """A proxy may be spoken to over TLS itself; ``verify`` says whom to trust there, too."""
    server, url, trust = far("https", certificates)
    with server, HTTPProxy(server.port, tls=certificates.server()) as proxy:
        async with wire.client(url, proxy=proxy.url(scheme="https"), **trust) as client:
            await wire.colour.call(client)
        assert proxy.asked[0].target == "far.test:443"


@over(OWN, ["sync"])
@pytest.mark.parametrize("proxy", ["ftp://me:secret-word@host:1", "http://", "nowhere:port:1"])
def test_what_is_no_proxy(wire: Wire, proxy: str) -> None:
    """A proxy that cannot be is a mistake named at once, without its password."""
    with pytest.raises(errors.ConfigurationError, match="proxy") as caught:
        llmkit.Client(transport=wire.name, proxy=proxy)
    assert "secret-word" not in str(caught.value)


@each_scheme
@each_wire
async def test_an_error_through_a_proxy(
    wire: Wire, certificates: Certificates, scheme: str
) -> None:
    """What a server answers through a proxy is read as ever."""
    server, url, trust = far(scheme, certificates)
    with server, HTTPProxy(server.port) as proxy:
        server.script(failure(429, "slow down"))
        async with wire.client(url, proxy=proxy.url(), **trust) as client:
            with pytest.raises(errors.RateLimitError, match="slow down") as caught:
                await wire.colour.call(client)
    assert caught.value.sent == "yes"
