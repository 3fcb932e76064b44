"""The table of transports: each HTTP library that carries calls, in each colour it has; how a client is made over it.

A test that takes the fixture ``wire`` runs over all of them. Where one of them cannot do the same, a row of
``DIFFERENCES`` says so, and why; ``docs/transports.md`` has each of them.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import inspect
import os
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

import pytest

import llmkit
from llmkit import RetryPolicy

from .._colour import COLOURS, KEY, Colour

OWN = ("httpx", "reqwest")
BORROWED = ("borrowed-httpx", "borrowed-httpx2")
TRANSPORTS = (*OWN, *BORROWED)

# What a transport needs to be there at all.
_NEEDS = {"reqwest": "llmkit._io._reqwest", "borrowed-httpx2": "httpx2"}

DIFFERENCES: dict[str, dict[str, str]] = {
    "http2": {
        "httpx": "httpcore's HTTP/2 needs a package of its own; who wants it lends a client",
    },
    "headers beyond ASCII": {
        "reqwest": "it gives no way to read such values: those headers are left out",
    },
    "refused streams": {
        "reqwest": "it sends again, by itself, what a server says it has not looked at (RFC 9113, 8.7)",
    },
    "good-byes": {
        "borrowed-httpx": "httpcore fails what is under way where the server says that it will end",
        "borrowed-httpx2": "httpcore2 does the same",
    },
    "left streams": {
        "borrowed-httpx": "httpcore tells the server nothing of a stream of HTTP/2 that is closed early",
        "borrowed-httpx2": "httpcore2 does the same",
    },
    "vcrpy": {
        "reqwest": "vcrpy and tracing stand in the place of httpx's own functions",
    },
    "groups": {
        "borrowed-httpx": "what is no error of the network comes from anyio in an exception group, on asyncio",
        "borrowed-httpx2": "what is no error of the network comes from anyio in an exception group, on asyncio",
    },
    "br and zstd": {
        "httpx": "httpx knows them only with packages of their own, and they are not asked for",
        "borrowed-httpx": "httpx knows them only with packages of their own, and they are not asked for",
        "borrowed-httpx2": "httpx knows them only with packages of their own, and they are not asked for",
    },
    "dots in paths": {
        "reqwest": "it resolves them, as browsers do",
        "borrowed-httpx": "httpx resolves them, too",
        "borrowed-httpx2": "httpx resolves them, too",
    },
    "quotes in queries": {
        "reqwest": "it escapes them, as browsers do",
    },
    "cookies": {
        "borrowed-httpx": "a caller's client keeps its own, unless it is told not to",
        "borrowed-httpx2": "httpx resolves them, too",
    },
    "failed proxies": {
        "borrowed-httpx": "httpcore leaves connections open whose SOCKS proxy failed, and all of them on trio",
        "borrowed-httpx2": "httpcore2 does the same",
    },
    "silent proxies": {
        "borrowed-httpx": "httpcore limits reading from a proxy like reading an answer, and SOCKS not at all",
        "borrowed-httpx2": "httpcore2 does the same",
    },
    "locked key": {
        "reqwest": "its TLS reads no keys with passwords",
    },
    "sent": {
        "reqwest": "it does not tell how far a request has come before its answer's head: sent is 'maybe' until then",
    },
    "first token": {
        "reqwest": "an answer that is no stream has begun when it is whole, or 64 KiB of it have come",
    },
    "ssl.SSLContext": {
        "reqwest": "its TLS is not Python's",
    },
    "trust": {
        "reqwest": "authorities named by verify are trusted beside the system's, not in their place",
    },
}
"""What differs, and where: of each feature, the transports that lack it or do it otherwise, and why."""


@dataclass(frozen=True)
class Wire:
    """One transport in one colour."""

    name: str
    colour: Colour

    def __str__(self) -> str:
        return f"{self.name}-{self.colour.name}"

    @property
    def transport(self) -> str:
        """What ``call.transport`` says."""
        return self.name.removeprefix("borrowed-")

    @property
    def unheard(self) -> str:
        """What ``sent`` is of a request that nothing was heard of."""
        return "maybe" if self.differs("sent") else "yes"

    @property
    def unshaken(self) -> str:
        """What it is of one that was given up in TLS's handshake."""
        return "maybe" if self.differs("sent") else "no"

    async def rest(self) -> None:
        """Let a connection come back: pyreqwest's thread puts it there in its own time."""
        if self.name == "reqwest":
            await self.colour.sleep(0.03)

    @property
    def is_borrowed(self) -> bool:
        """Whether requests go through a client of the caller's."""
        return self.name in BORROWED

    def differs(self, feature: str) -> bool:
        """Whether there is a reason why this transport does it otherwise."""
        return self.name in DIFFERENCES[feature]

    def lent(self, **options: Any) -> Any:
        """A caller's client of this library and colour, with options of that library's."""
        library = importlib.import_module(self.transport)
        return (library.Client if self.colour.is_sync else library.AsyncClient)(**options)

    @contextlib.asynccontextmanager
    async def client(
        self, url: str, *, theirs: dict[str, Any] | None = None, **options: Any
    ) -> AsyncIterator[llmkit.Client]:
        """A client over this transport, closed at the end by its owner.

        ``verify``, ``cert``, ``proxy`` and ``http2`` go to whoever opens connections; ``theirs`` are more options for
        a lent client, and nothing to others.
        """
        given: dict[str, Any] = {
            "api_key": KEY,
            "base_url": url,
            "retry": RetryPolicy(retries=0, first_wait=0.01),
        }
        network = {name: options.pop(name) for name in _NETWORK if name in options}
        lent = None
        if self.is_borrowed:
            options_of_theirs = {**_theirs(network, self.transport), **(theirs or {})}
            lent = given["http_client"] = self.lent(**options_of_theirs)
        else:
            given |= {"transport": self.name, **network}
        made = llmkit.Client(**{**given, **options})
        try:
            yield made
        finally:
            await self._close(made, lent)

    async def _close(self, made: llmkit.Client, lent: Any) -> None:
        await self.colour.close(made)
        if lent is not None and self.colour.is_sync:
            lent.close()
        elif lent is not None:
            await lent.aclose()


_NETWORK = ("verify", "cert", "proxy", "http2")


def _theirs(network: dict[str, Any], library: str) -> dict[str, Any]:
    """The options of httpx and its like for ours: paths become contexts, and a proxy spoken to over TLS has its own."""
    given = dict(network)
    verify, cert = given.pop("verify", True), given.pop("cert", None)
    if isinstance(verify, str | os.PathLike) or cert is not None:
        authorities = os.fspath(verify) if isinstance(verify, str | os.PathLike) else None
        verify = ssl.create_default_context(cafile=authorities)
        if cert is not None:
            verify.load_cert_chain(*(cert if isinstance(cert, tuple) else (cert,)))
    if given.get("proxy", "").startswith("https:"):
        proxy = importlib.import_module(library).Proxy
        given["proxy"] = proxy(given["proxy"], ssl_context=verify)
    return given if verify is True else {**given, "verify": verify}


def params(
    transports: Iterable[str] = TRANSPORTS,
    colours: Iterable[str] = COLOURS,
    *,
    leaky: Iterable[str] = (),
) -> list[Any]:
    """These wires as parameters; those whose library is not there are skipped, the leaky may leave sockets open."""
    colours, leaky = tuple(colours), tuple(leaky)
    return [
        pytest.param(
            Wire(name, Colour(colour)), id=f"{name}-{colour}", marks=_marks(name, name in leaky)
        )
        for name in transports
        for colour in colours
    ]


LEAKS = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
"""What lent clients leave open is their owner's affair."""


def _marks(name: str, leaky: bool) -> list[Any]:  # noqa: FBT001 - a table's column
    needed = _NEEDS.get(name)
    absent = needed is not None and importlib.util.find_spec(needed) is None
    marks = [pytest.mark.skipif(absent, reason=f"needs {needed}")]
    return [*marks, LEAKS] if leaky else marks


def over(
    transports: Iterable[str] = TRANSPORTS,
    colours: Iterable[str] = COLOURS,
    *,
    leaky: Iterable[str] = (),
) -> pytest.MarkDecorator:
    """``@over(OWN, ["sync"])``: run a test over these wires alone."""
    return pytest.mark.parametrize("wire", params(transports, colours, leaky=leaky), indirect=True)


def each_wire(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Make a coroutine test a plain one, that its ``wire``'s colour runs."""

    @functools.wraps(test)
    def plain(wire: Wire, **fixtures: Any) -> None:
        async def body() -> None:
            await test(wire=wire, **fixtures)

        wire.colour.run(body)

    plain.__signature__ = inspect.signature(test)  # type: ignore[attr-defined]
    del plain.__wrapped__  # type: ignore[attr-defined]
    return plain
