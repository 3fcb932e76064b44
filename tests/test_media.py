"""``fetch_media=``: what a URL points at is fetched under a policy, in each colour, for wires that take only bytes."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import trio
from typing_extensions import override

import llmkit
from llmkit import MediaPolicy
from llmkit._io._media import checked
from llmkit.errors import ConfigurationError, InvalidRequestError
from llmkit.providers import Provider
from llmkit.wires.openai_chat import OpenAIChat

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels"
LOCAL = MediaPolicy(schemes=("http",), public_only=False, max_bytes=1000, seconds=1.0)
Ask = Callable[..., llmkit.DryRun]


class OnlyBytes(OpenAIChat):
    """A wire whose host fetches nothing."""

    @override
    def reads_url(self, url: str) -> bool:
        """No address at all."""
        return False


PATHS: dict[str, tuple[int, dict[str, str], bytes]] = {
    "/image": (200, {"content-type": "image/png; q=1"}, PNG),
    "/big": (200, {"content-type": "image/png"}, b"x" * 1001),
    "/page": (200, {"content-type": "application/json"}, b"{}"),
    "/host": (200, {"content-type": "image/png"}, b""),
    "/missing": (404, {"content-type": "image/png"}, b""),
    "/moved": (302, {"location": "/image"}, b""),
    "/loop": (302, {"location": "/loop"}, b""),
    "/inside": (302, {"location": "ftp://127.0.0.1/secret"}, b""),
}


class Files(BaseHTTPRequestHandler):
    """Serves ``PATHS``, where there is no body the host that was asked for; ``/slow`` never ends."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer from the table."""
        if self.path == "/slow":
            self.send_response(200)
            self.send_header("content-type", "image/png")
            self.send_header("content-length", "1000")
            self.end_headers()
            self.server.hold.wait(10)  # type: ignore[attr-defined]
            return
        status, headers, body = PATHS[self.path.partition("?")[0]]
        body = body or self.headers["host"].encode()
        self.send_response(status)
        for name, value in (headers | {"content-length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def files() -> Iterator[str]:
    """The address of a file server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
    server.hold = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.hold.set()  # type: ignore[attr-defined]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(params=["sync", "asyncio", "trio"])
def ask(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """A dry run with a wire that takes only bytes, in each colour."""
    made = Provider(name="only_bytes", base_url="https://bytes.example", chat=OnlyBytes())
    monkeypatch.setitem(llmkit.providers._registry._found, made.name, made)

    async def asked(keywords: dict[str, Any]) -> llmkit.DryRun:
        async with llmkit.Client() as client:
            return await client.acompletion("only_bytes/m", dry_run=True, **keywords)

    def call(url: str, part: dict[str, Any] | None = None, **keywords: Any) -> llmkit.DryRun:
        part = part or {"type": "image_url", "image_url": {"url": url, "detail": "low"}}
        keywords["messages"] = [{"role": "user", "content": [part]}]
        if request.param == "sync":
            return llmkit.Client().completion("only_bytes/m", dry_run=True, **keywords)
        if request.param == "trio":
            return trio.run(asked, keywords)
        return asyncio.run(asked(keywords))

    return call


def sent(dry: llmkit.DryRun) -> Any:
    """The part that would be sent."""
    return dry.body["messages"][0]["content"][0]


def test_an_image_is_put_in_its_place(ask: Ask, files: str) -> None:
    """The bytes go out as a data URL, the rest of the part stays, and the ledger says so."""
    dry = ask(f"{files}/image", fetch_media=LOCAL)
    data = base64.b64encode(PNG).decode()
    assert sent(dry)["image_url"] == {"url": f"data:image/png;base64,{data}", "detail": "low"}
    assert [(entry.change, entry.given) for entry in dry.ledger] == [("moved", f"{files}/image")]


def test_a_file_part_becomes_file_data(ask: Ask, files: str) -> None:
    """A document's address is replaced by its bytes, under the name that bytes have."""
    part = {"type": "file", "file": {"file_url": f"{files}/image", "filename": "x.png"}}
    inner = sent(ask("", part, fetch_media=LOCAL))["file"]
    assert set(inner) == {"file_data", "filename"}
    assert inner["file_data"].startswith("data:image/png;base64,")


def test_a_redirect_is_followed_under_the_same_rules(ask: Ask, files: str) -> None:
    """A redirect leads on, but only where the policy allows."""
    assert sent(ask(f"{files}/moved", fetch_media=LOCAL))["image_url"]["url"].startswith("data:")
    with pytest.raises(InvalidRequestError, match="scheme"):
        ask(f"{files}/inside", fetch_media=LOCAL)
    with pytest.raises(InvalidRequestError, match="redirects more than 3 times"):
        ask(f"{files}/loop", fetch_media=LOCAL)


@pytest.mark.parametrize(
    ("path", "why"),
    [("/big", "more than 1000 bytes"), ("/page", "type is"), ("/missing", "answered 404")],
)
def test_what_is_not_wanted_is_refused(ask: Ask, files: str, path: str, why: str) -> None:
    """Size, type and status are checked; a query, which may be signed, is not repeated."""
    with pytest.raises(InvalidRequestError, match=why) as caught:
        ask(f"{files}{path}?signature=abc", fetch_media=LOCAL)
    assert "abc" not in str(caught.value)


def test_time_is_limited(ask: Ask, files: str) -> None:
    """A file that never ends ends with the policy's time."""
    with pytest.raises(llmkit.APITimeoutError):
        ask(f"{files}/slow", fetch_media=LOCAL)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_only_public_addresses(ask: Ask, files: str, host: str) -> None:
    """Loopback under any of its names is no public address, and is not connected to."""
    port = files.rpartition(":")[2]
    policy = MediaPolicy(schemes=("http",), seconds=2.0)
    with pytest.raises(InvalidRequestError, match="not a public address"):
        ask(f"http://{host}:{port}/image", fetch_media=policy)


@pytest.mark.parametrize("host", ["name.example", "[::1]"])
def test_what_was_checked_is_connected_to(
    ask: Ask, files: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name is looked up once, the address found is connected to, and the server is told the name."""
    look_up, name, asked = socket.getaddrinfo, host.strip("[]"), []

    def found(looked_up: Any, *rest: Any, **options: Any) -> Any:
        given = looked_up.decode() if isinstance(looked_up, bytes) else looked_up
        asked.append(given)
        return look_up("127.0.0.1" if given == name else given, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", found)
    port = files.rpartition(":")[2]
    data = sent(ask(f"http://{host}:{port}/host", fetch_media=LOCAL))["image_url"]["url"]
    assert base64.b64decode(data.partition(",")[2]).decode() == f"{host}:{port}"
    assert asked.count(name) == 1


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "::ffff:10.0.0.1",
        "fe80::1%eth0",
        "224.0.0.1",
        "::",
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    """Private, link-local (where clouds keep their keys), mapped, multicast and no addresses at all."""
    found = [(None, None, None, "", ("93.184.215.14", 443)), (None, None, None, "", (address, 443))]
    with pytest.raises(InvalidRequestError, match="not a public address"):
        checked(found, "name.example", public_only=True)
    assert checked(found[1:], "name.example", public_only=False) == address


def test_https_only_by_default(ask: Ask, files: str) -> None:
    """``True`` means https."""
    with pytest.raises(InvalidRequestError, match="scheme is not one of https"):
        ask(f"{files}/image", fetch_media=True)


def test_nothing_is_fetched_unasked(ask: Ask) -> None:
    """Without the option the URL goes out as it is (this wire leaves it to its host)."""
    assert sent(ask("http://127.0.0.1:9/x"))["image_url"]["url"] == "http://127.0.0.1:9/x"


def test_what_the_provider_reads_itself_is_left(files: str) -> None:
    """OpenAI takes addresses, so nothing is fetched for it."""
    part = {"type": "image_url", "image_url": {"url": f"{files}/image"}}
    messages = [{"role": "user", "content": [part]}]
    dry = llmkit.Client().completion("openai/gpt-4o", messages, fetch_media=LOCAL, dry_run=True)
    assert json.dumps(dry.body["messages"]) == json.dumps(messages)


def test_the_option_is_checked() -> None:
    """Anything but ``True`` or a policy is a mistake."""
    with pytest.raises(ConfigurationError, match="MediaPolicy"):
        llmkit.Client().completion("openai/x", [], fetch_media="yes", dry_run=True)  # type: ignore[call-overload]


def test_gemini_is_given_the_bytes(files: str) -> None:
    """A wire that takes only bytes refuses an address by itself, and is given the bytes when asked."""
    part = {"type": "image_url", "image_url": {"url": f"{files}/image"}}
    messages = [{"role": "user", "content": [part]}]
    client = llmkit.Client(api_key="k")
    with pytest.raises(InvalidRequestError, match="fetch_media=True"):
        client.completion("gemini/gemini-2.5-flash", messages, dry_run=True)
    dry = client.completion("gemini/gemini-2.5-flash", messages, dry_run=True, fetch_media=LOCAL)
    inline = dry.body["contents"][0]["parts"][0]["inlineData"]
    assert inline == {"mimeType": "image/png", "data": base64.b64encode(PNG).decode()}


def test_what_cannot_be_fetched_for(ask: Ask, files: str) -> None:
    """Credentials in an address are refused; parts and messages without addresses stay as they are."""
    with pytest.raises(InvalidRequestError, match="credentials"):
        ask(files.replace("http://", "http://user:pass@") + "/image", fetch_media=LOCAL)
    text = {"type": "text", "text": "no address"}
    assert sent(ask("", text, fetch_media=LOCAL)) == text
    bare = {"type": "image_url", "image_url": f"{files}/image"}
    assert sent(ask("", bare, fetch_media=LOCAL))["image_url"]["url"].startswith("data:image/png")
