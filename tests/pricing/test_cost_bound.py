"""``cost_bound`` and ``dry_run().bound``: every kind, no key, nothing sent, nothing fetched."""

from __future__ import annotations

import base64
import os
import struct
import zlib
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import llmkit
from llmkit import pricing
from llmkit._control.bounding import _model
from llmkit.catalogue import Catalogue
from llmkit.testing import FrozenClock

from ._bounded import GPT_4O, HELLO, bounded, most, priced, rates, reason

if TYPE_CHECKING:
    from collections.abc import Iterator

MODEL = "openai/gpt-4o"


def refuse(request: httpx.Request) -> httpx.Response:
    """Nobody is to be asked."""
    raise AssertionError(f"sent to {request.url}")


@pytest.fixture
def client() -> Iterator[llmkit.Client]:
    """A client without a key, whose transport refuses."""
    http = httpx.Client(transport=httpx.MockTransport(refuse))
    with llmkit.Client(environ={}, http_client=http) as made:
        yield made


def wav(seconds: int) -> bytes:
    """Silence, 8,000 bytes a second."""
    size = 8000 * seconds
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + size)
        + b"WAVE"
        + form
        + b"data"
        + struct.pack("<I", size)
        + bytes(size)
    )


def png(width: int, height: int) -> str:
    """A picture's head, as a data URL."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + head
    data = (
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    )
    return "data:image/png;base64," + base64.b64encode(data).decode()


def shown(url: str) -> list[Any]:
    """A message with a picture."""
    return [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]


def test_a_chat_by_its_model(client: llmkit.Client) -> None:
    """A model stands for a chat; the same as a dry run says, streamed or not."""
    result = bounded(client.cost_bound(MODEL, messages=HELLO, max_tokens=100))
    assert most(result)["output"] == 100
    named = client.cost_bound("completion", model=MODEL, messages=HELLO, max_tokens=100)
    dry = client.completion(MODEL, HELLO, max_tokens=100, dry_run=True)
    assert result == named == dry.bound
    streamed = client.cost_bound(MODEL, messages=HELLO, max_tokens=100, stream=True)
    assert most(streamed)["output"] == 100
    flagged = client.cost_bound(MODEL, messages=HELLO, max_tokens=100, dry_run=True)
    assert flagged == result


def test_the_modules_function() -> None:
    """It is the default client's."""
    result = llmkit.cost_bound(MODEL, messages=HELLO, max_tokens=100)
    assert isinstance(result, llmkit.Cost)
    assert llmkit.Unbounded is pricing.Unbounded


KINDS: list[tuple[str, dict[str, Any]]] = [
    ("embedding", {"model": "openai/made-up", "input": "abc"}),
    ("text_completion", {"model": "openai/made-up", "prompt": "abc", "max_tokens": 9}),
    ("responses", {"model": "openai/made-up", "input": "abc", "max_output_tokens": 9}),
    ("messages", {"model": "anthropic/made-up", "messages": HELLO, "max_tokens": 9}),
    ("moderation", {"model": "openai/made-up", "input": "abc"}),
    ("rerank", {"model": "cohere/made-up-rerank", "query": "a", "documents": ["b"]}),
    ("speech", {"model": "openai/made-up", "input": "abc", "voice": "alloy"}),
    ("transcription", {"model": "openai/made-up", "file": ("a.wav", wav(20))}),
    ("image_generation", {"model": "openai/made-up", "prompt": "abc"}),
]


@pytest.fixture
def everything() -> Iterator[llmkit.Client]:
    """A client with a price for all of it."""
    catalogue = Catalogue()
    keys = ("input", "output", "audio_output", "search/search", "audio_input/second")
    usd = dict.fromkeys((*keys, "image_output/image"), "1")
    for provider, name in (
        ("openai", "made-up"),
        ("anthropic", "made-up"),
        ("cohere", "made-up-rerank"),
    ):
        catalogue.register([priced(usd, provider=provider, name=name, aliases=())])
    http = httpx.Client(transport=httpx.MockTransport(refuse))
    with llmkit.Client(environ={}, http_client=http, catalogue=catalogue) as made:
        yield made


@pytest.mark.parametrize(("function", "arguments"), KINDS, ids=[name for name, _ in KINDS])
def test_every_kind(everything: llmkit.Client, function: str, arguments: dict[str, Any]) -> None:
    """Each is bounded by the same words that ask for it, and as its dry run says."""
    result = bounded(everything.cost_bound(function, **arguments))
    assert result.total
    assert everything.dry_run(function, **arguments).bound == result


def test_seconds_of_a_file(everything: llmkit.Client, tmp_path: Any) -> None:
    """They are in its header, which is read where the file stands, and from where on it is sent."""
    given = {"model": "openai/made-up", "file": ("a.wav", wav(20))}
    assert most(everything.cost_bound("transcription", **given))["audio_input"] == 30
    path = tmp_path / "a.wav"
    path.write_bytes(wav(20))
    found = most(everything.cost_bound("transcription", **{**given, "file": path}))
    assert found["audio_input"] == 30
    with path.open("r+b") as opened:
        opened.write(b"skipped" + wav(20))
        opened.seek(len(b"skipped"))
        found = most(everything.cost_bound("transcription", **{**given, "file": opened}))
        assert found["audio_input"] == 30
    missing = {**given, "file": tmp_path / "none.wav"}
    assert "how long" in reason(everything.cost_bound("transcription", **missing))
    ours, theirs = os.pipe()
    with open(ours, "rb") as pipe:
        os.write(theirs, wav(1)[:100])
        os.close(theirs)
        unread = {**given, "file": ("a.wav", pipe)}
        assert "how long" in reason(everything.cost_bound("transcription", **unread))
        assert len(pipe.read()) == 100
    noise = {**given, "file": ("a.wav", b"noise")}
    assert "how long" in reason(everything.cost_bound("transcription", **noise))


def test_what_is_kept_costs_nothing(client: llmkit.Client) -> None:
    """Listing and deleting, while a batch's lines come later."""
    assert bounded(client.cost_bound("list_models", custom_llm_provider="openai")).status == "none"
    batch = {"input_file_id": "f", "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    assert "later" in reason(client.cost_bound("create_batch", **batch))


def test_pictures_by_the_models_rule(client: llmkit.Client) -> None:
    """A known size is counted; behind an address the largest is assumed; a stored file is not known."""
    small = client.cost_bound(MODEL, messages=shown(png(64, 64)), max_tokens=1)
    far = client.cost_bound(MODEL, messages=shown("https://x.test/a.png"), max_tokens=1)
    assert most(far)["input"] - most(small)["input"] > 1000
    stored = [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]
    assert "type file" in reason(client.cost_bound(MODEL, messages=stored, max_tokens=1))


def test_nothing_is_fetched(client: llmkit.Client) -> None:
    """Even where the call itself would: the address' largest picture counts."""
    asked = {"messages": shown("https://x.test/a.png"), "max_tokens": 1}
    fetched = client.cost_bound("anthropic/claude-sonnet-4-5", fetch_media=True, **asked)
    assert most(fetched)["input"] > 1000


def test_texts_can_be_counted(client: llmkit.Client) -> None:
    """Tighter than bytes where the encoding is known, and bytes elsewhere."""
    long = [{"role": "user", "content": "The quick brown fox. " * 100}]
    asked = {"messages": long, "max_tokens": 1}
    rough, exact = (client.cost_bound(MODEL, exact=how, **asked) for how in (False, True))
    assert most(exact)["input"] < most(rough)["input"] / 2
    claude = [
        client.cost_bound("anthropic/claude-sonnet-4-5", exact=how, **asked)
        for how in (False, True)
    ]
    assert most(claude[1])["input"] <= most(claude[0])["input"]
    assert most(claude[1])["input"] > 2000


def test_bytes_do_where_no_encoding_can_be_loaded(
    client: llmkit.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without tiktoken a bound is looser, not wrong."""

    def absent(*_: Any) -> Any:
        raise llmkit.ConfigurationError("tiktoken is not installed")

    asked = {"messages": HELLO, "max_tokens": 1}
    monkeypatch.setattr("llmkit.tokens._text.count_text", absent)
    exact = client.cost_bound(MODEL, exact=True, **asked)
    assert most(exact)["input"] <= most(client.cost_bound(MODEL, **asked))["input"]
    assert most(exact)["input"] >= len("hello")


def test_the_day_of_the_call(client: llmkit.Client) -> None:
    """A price that is announced for a later day does not count until the call may still run then."""
    asked = {"messages": HELLO, "max_tokens": 1}
    found = {}
    for day, wall in (("before", 1_790_000_000.0), ("after", 1_830_000_000.0)):
        clock = FrozenClock(wall)
        with llmkit.Client(environ={}, clock=clock) as dated:
            found[day] = rates(dated.cost_bound("gemini/gemini-4-argon", **asked))[0]
    assert found["before"] < found["after"]


def test_what_the_call_raises_is_raised(client: llmkit.Client) -> None:
    """A mistake in the call is no bound."""
    with pytest.raises(llmkit.UnsupportedParamsError, match="max_tokns"):
        client.cost_bound(MODEL, messages=HELLO, max_tokns=1)
    with pytest.raises(
        llmkit.ConfigurationError, match=r"no call that can be bounded.*'embedding'"
    ):
        client.cost_bound("embeddings", model=MODEL, input="a")


def test_an_async_transport_is_not_in_the_way() -> None:
    """Nothing is sent, so it does not matter by what."""
    made = llmkit.Client(environ={}, http_client=httpx.AsyncClient())
    assert made.cost_bound(MODEL, messages=HELLO, max_tokens=1).known


def test_a_limit_that_the_wire_fills_in(client: llmkit.Client) -> None:
    """Where the dialect demands one, what is sent without being asked for is within the bound."""
    dry = client.completion("anthropic/claude-sonnet-4-5", HELLO, dry_run=True)
    assert most(dry.bound)["output"] >= dry.body["max_tokens"]
    given = client.completion("anthropic/claude-sonnet-4-5", HELLO, max_tokens=9, dry_run=True)
    assert most(given.bound)["output"] == given.body["max_tokens"] == 9


def test_a_model_without_a_price(client: llmkit.Client) -> None:
    """It has no bound, and the reason is said."""
    assert (
        reason(client.cost_bound("openai/never-made", messages=HELLO)) == "no price for this model"
    )
    assert GPT_4O.name


def test_prices_given_with_a_call_say_nothing_of_limits() -> None:
    """Those are the catalogue's, unless the prices come with a limit of their own."""
    given = priced({"input": "9", "output": "9"}, max_output_tokens=None)
    limited = priced({"input": "9", "output": "9"}, max_output_tokens=5)
    merged = _model(given, GPT_4O)
    assert merged is not None
    assert (merged.rates, merged.max_output_tokens) == (given.rates, 16_384)
    assert _model(limited, GPT_4O) is limited
    assert _model(given, None) is given
    assert _model(None, GPT_4O) is GPT_4O


def test_a_chat_as_completion_has_it(client: llmkit.Client) -> None:
    """Model and messages in their places, or both by name."""
    there = client.cost_bound(MODEL, messages=HELLO, max_tokens=5)
    assert client.cost_bound(MODEL, HELLO, max_tokens=5) == there
    assert client.cost_bound(model=MODEL, messages=HELLO, max_tokens=5) == there
    assert llmkit.cost_bound(model=MODEL, messages=HELLO, max_tokens=5) == there


@pytest.mark.parametrize("call", [None, 3, ["embedding"], b"openai/gpt-4o"])
def test_what_is_no_call_is_named(client: llmkit.Client, call: Any) -> None:
    """Neither a model nor a call's name."""
    with pytest.raises(llmkit.ConfigurationError, match="model must be a text"):
        client.cost_bound(call, HELLO)
    with pytest.raises(llmkit.ConfigurationError, match="no call that can be bounded"):
        client.cost_bound(call, model=MODEL)
