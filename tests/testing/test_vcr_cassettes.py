"""vcrpy's cassettes are replayed: what vcrpy itself writes, and the layouts of its older versions."""

from __future__ import annotations

import base64
import builtins
import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import vcr
import yaml

import llmkit
from llmkit import CassetteError, ReplayMissError
from llmkit.testing import replay

from ._io import colours, servers

if TYPE_CHECKING:
    from ..io._colour import Colour
    from ..io._server import Server

KEY, MESSAGES, MODEL = colours.KEY, colours.MESSAGES, colours.MODEL
each_colour = colours.each_colour
URL = "https://api.openai.com/v1/chat/completions"
each_form = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@pytest.fixture(params=colours.COLOURS)
def colour(request: pytest.FixtureRequest) -> Colour:
    """Each driver in turn."""
    return colours.Colour(request.param)  # type: ignore[no-any-return]


@pytest.fixture
def server() -> Iterator[Server]:
    """A running server."""
    with servers.Server() as running:
        yield running


@each_form
@pytest.mark.parametrize("serializer", ["yaml", "json"])
@each_colour
async def test_what_vcrpy_recorded(
    colour: Colour, server: Server, tmp_path: Path, serializer: str, *, stream: bool
) -> None:
    """A cassette of vcrpy's, with several interactions, is replayed without the server and without vcrpy."""
    path = tmp_path / f"tape.{serializer}"
    recorder = vcr.VCR(serializer=serializer, filter_headers=["authorization"])
    answers: list[Any] = []
    client: Any = llmkit.Client(api_key=KEY, base_url=server.url)
    server.always(*(servers.hello() if stream else servers.completion()))
    with recorder.use_cassette(str(path)):
        answers += [await colour.ask(client, stream=stream, user=user) for user in "ab"]
    server.stop()
    with replay(path, all_used=True):
        answers += [await colour.ask(client, stream=stream, user=user) for user in "ba"]
    dumped = [answer.model_dump() for answer in answers]
    assert dumped[:2] == dumped[2:]
    assert answers[0].choices[0].message.content == "Hello there"
    assert [answer.call.transport for answer in answers] == ["httpx"] * 2 + ["replay"] * 2
    with (
        replay(path),
        pytest.raises(ReplayMissError, match=r"body.user: recorded '[ab]', asked 'c'"),
    ):
        await colour.call(client, user="c", stream=stream)
    await colour.close(client)


@each_colour
async def test_compressed_as_vcrpy_records_it(
    colour: Colour, server: Server, tmp_path: Path
) -> None:
    """A gzip body, which vcrpy keeps as it came, is decompressed."""
    body = gzip.compress(json.dumps(servers.chat("small")).encode())
    server.script(servers.answer(body, content_encoding="gzip"))
    client: Any = llmkit.Client(api_key=KEY, base_url=server.url)
    path = tmp_path / "tape.yaml"
    with vcr.VCR().use_cassette(str(path)):
        await colour.call(client)
    assert "!!binary" in path.read_text()
    with replay(path):
        assert (await colour.call(client)).choices[0].message.content == "small"
    await colour.close(client)


BODY = json.dumps({"model": "gpt-4o-mini", "messages": MESSAGES})
TEXT = json.dumps(servers.chat("old"))
REQUEST = {
    "method": "POST",
    "uri": URL,
    "body": BODY,
    "headers": {"Content-Type": ["application/json"]},
}
STATUS = {"code": 200, "message": "OK"}
PACKED = gzip.compress(TEXT.encode())
LAYOUTS: dict[str, Any] = {
    "string": {"status": STATUS, "headers": {}, "body": {"string": TEXT}},
    "bare text": {"status": STATUS, "headers": {}, "body": TEXT},
    "bytes": {"status": STATUS, "headers": None, "body": {"string": TEXT.encode()}},
    "base64": {
        "status": STATUS,
        "headers": {},
        "body": {"encoding": "utf-8", "base64_string": base64.b64encode(TEXT.encode()).decode()},
    },
    "gzip": {
        "status": STATUS,
        "headers": {"Content-Encoding": ["gzip"]},
        "body": {"string": PACKED},
    },
    "gzip, decompressed when recorded": {
        "status": STATUS,
        "headers": {"Content-Encoding": "gzip"},
        "body": {"string": TEXT},
    },
    "deflate": {
        "status": STATUS,
        "headers": {"content-encoding": ["deflate"]},
        "body": {"string": zlib.compress(TEXT.encode())},
    },
    "raw deflate": {
        "status": STATUS,
        "headers": {"content-encoding": ["deflate"]},
        "body": {"string": zlib.compress(TEXT.encode(), wbits=-15)},
    },
    "deflate, decompressed when recorded": {
        "status": STATUS,
        "headers": {"content-encoding": ["deflate"]},
        "body": {"string": TEXT},
    },
    "httpx stubs": {"status_code": 200, "http_version": "HTTP/1.1", "headers": {}, "content": TEXT},
    "httpx stubs, gzip": {
        "status_code": 200,
        "headers": [["content-encoding", "gzip"]],
        "content": base64.b64encode(PACKED).decode(),
    },
    "httpx stubs, base64": {
        "status_code": 200,
        "headers": {"content-encoding": "gzip"},
        "content": base64.b64encode(TEXT.encode()).decode(),
    },
}
REQUESTS: dict[str, Any] = {
    "text": REQUEST,
    "string": {**REQUEST, "body": {"string": BODY}},
    "bytes": {**REQUEST, "body": BODY.encode(), "headers": {"content-type": "application/json"}},
    "no headers": {**REQUEST, "headers": {}},
    "pairs": {**REQUEST, "headers": [["Content-Type", b"application/json"]]},
    "parts": {
        "method": "POST",
        "protocol": "https",
        "host": "api.openai.com",
        "port": 443,
        "path": "/v1/chat/completions",
        "body": BODY,
        "headers": {},
    },
}


def written(path: Path, *items: Any, **rest: Any) -> Path:
    """A cassette with these interactions, as YAML."""
    path.write_text(yaml.dump({"version": 1, "interactions": list(items), **rest}))
    return path


def said(path: Path) -> str | None:
    """What is answered from it."""
    with llmkit.Client(api_key=KEY) as client, replay(path):
        return client.completion(MODEL, MESSAGES).choices[0].message.content


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_of_answers(tmp_path: Path, layout: str) -> None:
    """An answer is understood in every layout that vcrpy has had."""
    path = written(tmp_path / "tape.yml", {"request": REQUEST, "response": LAYOUTS[layout]})
    assert said(path) == "old"


@pytest.mark.parametrize("layout", REQUESTS)
def test_layouts_of_requests(tmp_path: Path, layout: str) -> None:
    """So is a request; headers that were filtered away are not missed."""
    item = {"request": REQUESTS[layout], "response": LAYOUTS["string"]}
    assert said(written(tmp_path / "tape.yaml", item, recorded_with="VCR 6")) == "old"


def test_the_list_of_before_version_1(tmp_path: Path) -> None:
    """A bare list of interactions, as JSON and as YAML with Python's texts, is a cassette too."""
    item = {"request": REQUESTS["parts"], "response": LAYOUTS["string"]}
    path = tmp_path / "tape.json"
    path.write_text(json.dumps([item]))
    assert said(path) == "old"
    path = tmp_path / "tape.yaml"
    text = yaml.dump([item]).replace("protocol: https", "protocol: !!python/unicode 'https'")
    path.write_text(text)
    assert "python/unicode" in text
    assert said(path) == "old"


def test_forms_without_their_headers(tmp_path: Path) -> None:
    """A form whose headers were filtered away is still read as a form, and one port other than usual is kept."""
    from llmkit.testing._cassette._load import load

    request = {"method": "post", "protocol": "http", "host": "h.test", "port": 8080, "path": "/t"}
    item = {"request": {**request, "body": "a=1&b=2"}, "response": LAYOUTS["string"]}
    [exchange] = load(written(tmp_path / "tape.yaml", item))
    assert exchange.request.url == "http://h.test:8080/t"
    assert exchange.request.body == {"form": [["a", "1"], ["b", "2"]]}
    empty = {"request": {**request, "body": None}, "response": {"status": 204, "headers": {}}}
    [exchange] = load(written(tmp_path / "tape.yaml", empty))
    assert exchange.request.body == {}
    assert exchange.response is not None
    assert (exchange.response.status, exchange.response.pieces) == (204, ())


@pytest.mark.parametrize(
    ("response", "why"),
    [
        ({"status": STATUS, "headers": {"content-encoding": "br"}, "body": "x"}, "a body under br"),
        ({"headers": {}}, "KeyError"),
        ({"status": STATUS, "body": {"other": 1}}, "a body of other"),
        ({"status": STATUS, "body": {"string": b"\x1f\x8bnothing"}}, "interaction 2"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, response: Any, why: str) -> None:
    """An interaction that cannot be replayed faithfully is named when the block begins."""
    good = {"request": REQUEST, "response": LAYOUTS["string"]}
    path = written(tmp_path / "tape.yaml", good, {"request": REQUEST, "response": response})
    with pytest.raises(CassetteError, match=why), replay(path):
        raise AssertionError


@pytest.mark.parametrize("text", ["a: [", "a: !!python/object/apply:os.getcwd []", "\tx"])
def test_only_plain_yaml(tmp_path: Path, text: str) -> None:
    """Broken YAML is refused, and so is YAML that would run code."""
    path = tmp_path / "tape.yaml"
    path.write_text(text)
    with pytest.raises(CassetteError, match="no YAML that can be read"), replay(path):
        raise AssertionError


def test_without_pyyaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """YAML without PyYAML says what to install; JSON needs nothing."""
    item = {"request": REQUEST, "response": LAYOUTS["string"]}
    path = written(tmp_path / "tape.yaml", item)
    real = builtins.__import__

    def importing(name: str, *args: Any, **named: Any) -> Any:
        if name == "yaml":
            raise ImportError(name)
        return real(name, *args, **named)

    monkeypatch.setattr(builtins, "__import__", importing)
    with pytest.raises(CassetteError, match="pip install pyyaml"), replay(path):
        raise AssertionError
    path = tmp_path / "tape.json"
    path.write_text(json.dumps({"version": 1, "interactions": [item]}))
    assert said(path) == "old"
