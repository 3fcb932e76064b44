"""What the fuzzers found, each as the literal that showed it."""

from __future__ import annotations

import gzip
import json
import math
import time
import tracemalloc
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from llmkit import LLMKitError, MediaPolicy, errors
from llmkit._control.address import addressed, resolve
from llmkit._control.media import fetched
from llmkit._control.plan import asked, legs
from llmkit._control.structured import parse_answer
from llmkit._flow import Fetch
from llmkit._fold import fold
from llmkit._http import HTTPResponse
from llmkit._io._inflate import Inflate
from llmkit._json import NotJSON, load
from llmkit._ratelimit import retry_after
from llmkit._secret import HIDDEN, Secret, redact
from llmkit.types.chat import ChatCompletion

from ._targets import WIRES, call_of, refuses
from ._traffic import KEY

if TYPE_CHECKING:
    from collections.abc import Iterable

ENDS = 20.0
"""Seconds of processor time, for what takes milliseconds now and took many minutes or hours before."""


def sse(*events: Any) -> bytes:
    """Events as a stream."""
    return "".join(f"data: {json.dumps(event)}\n\n" for event in events).encode()


def streamed(wire: str, *events: Any) -> ChatCompletion:
    """What a stream of these events comes to."""
    decoder = WIRES[wire].decoder(call_of(wire))
    return fold([*decoder.feed(sse(*events)), *decoder.finish()])


def delta(**fields: Any) -> dict[str, Any]:
    """A chunk of OpenAI's that ends its choice."""
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": "stop"}]}


# --- folding ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cls", "_fields_set", "_call", "_cost", "__class__"])
def test_fields_of_any_name(name: str) -> None:
    """A field whose name pydantic uses itself is one that llmkit does not know, like any other."""
    call = {"index": 0, "id": "c", name: 1}
    chunk = delta(content="a", tool_calls=[call], **{name: 2}) | {name: 4}
    chunk["choices"][0][name] = 3
    made = streamed("openai_chat", chunk)
    assert made[name] == 4
    assert made.choices[0][name] == 3
    assert made.choices[0].message[name] == 2
    assert (made.choices[0].message.tool_calls or [])[0][name] == 1
    assert made.call.id == made.id
    assert not made.cost.known
    made.model_dump_json()


def test_unknown_fields_replace_none_that_is_known() -> None:
    """A candidate's field named "message" is not the message."""
    candidate = {"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP", "message": True}
    made = streamed("gemini", {"candidates": [candidate]})
    assert made.choices[0].message.content == "a"
    assert made.text == "a"


# --- OpenAI's chat ------------------------------------------------------------------------------


def test_a_number_of_a_call_is_free() -> None:
    """A call without an index does not get one that another call has."""
    said = [
        {"index": 1, "id": "a", "function": {"name": "f"}},
        {"id": "b", "function": {"name": "g"}},
    ]
    made = streamed("openai_chat", delta(tool_calls=said), delta())
    calls = made.choices[0].message.tool_calls or []
    assert sorted((call.id, call.function.name) for call in calls) == [("a", "f"), ("b", "g")]


@pytest.mark.parametrize("wire", ["openai_chat", "anthropic_messages"])
def test_white_space_before_what_is_no_stream(wire: str) -> None:
    """An error's text does not depend on where the bytes before it were cut."""
    told = set()
    for pieces in ([b"\n\n[1"], [b"\n", b"\n[1"], [b"\n\n", b"[", b"1"]):
        decoder = WIRES[wire].decoder(call_of(wire))
        with pytest.raises(errors.APIResponseValidationError) as caught:
            [*(chunk for piece in pieces for chunk in decoder.feed(piece)), *decoder.finish()]
        told.add(str(caught.value))
    assert len(told) == 1


# --- Gemini -------------------------------------------------------------------------------------


def partial(*pieces: dict[str, Any]) -> Any:
    """The arguments of a call whose pieces are these."""
    events: list[Any] = [{"functionCall": {"name": "f", "willContinue": True}}]
    events += [{"functionCall": {"partialArgs": [p], "willContinue": True}} for p in pieces]
    parts = [{"candidates": [{"content": {"parts": [part]}}]} for part in events]
    made = streamed("gemini", *parts, {"candidates": [{"finishReason": "STOP"}]})
    return json.loads((made.choices[0].message.tool_calls or [])[0].function.arguments or "")


def test_an_index_of_many_digits() -> None:
    """Python refuses to read numbers of more than 4300 digits."""
    assert partial({"jsonPath": f"$.a[{'9' * 5000}]", "stringValue": "x"}) == {"a": []}


def test_few_bytes_do_not_make_a_large_tree() -> None:
    """Places in lists of lists are counted over the whole call; names have a greatest depth."""
    tracemalloc.start()
    try:
        read = partial(
            *({"jsonPath": f"$.{i}" + "[9999]" * 30, "boolValue": True} for i in range(50))
        )
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
    assert len(json.dumps(read)) < 1_000_000
    assert partial({"jsonPath": "$" + ".a" * 5000, "stringValue": "x"}) == {}


def test_names_of_digits_and_places() -> None:
    """A place in what is an object is a name of it, and there is one of each."""
    pieces = [("$.a.0", "x"), ("$.a[0]", "y"), ("$.b[1].c", "z"), ("$.b[1].c", "z")]
    made = partial(
        *({"jsonPath": at, "stringValue": text, "willContinue": True} for at, text in pieces)
    )
    assert made == {"a": {"0": "y"}, "b": [None, {"c": "zz"}]}


def test_a_delay_without_end() -> None:
    """A number of seconds that no float holds is none."""
    detail = {"@type": "google.rpc.RetryInfo", "retryDelay": "9" * 400 + "s"}
    body = {"error": {"code": 429, "status": "X", "details": [detail]}}
    assert refuses("gemini", json.dumps(body).encode(), 429).retry_after is None


def test_a_redirect_with_an_error() -> None:
    """The status of an answer counts, also where it is a redirect."""
    body = {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}
    assert refuses("gemini", json.dumps(body).encode(), 302).status_code == 302


@pytest.mark.parametrize("text", ["passage ü 3", "plain passage 3"])
def test_offsets_of_long_texts(text: str) -> None:
    """Bytes become characters as slices of the whole text say, wherever they are cut."""
    whole = text * 500
    encoded = whole.encode()
    ends = [0, 1, 9, 10, 11, 1023, 1024, 1025, 2047, 2048, 2049, len(encoded), len(encoded) + 9, -5]
    sources = [{"uri": f"u{end}", "startIndex": 0, "endIndex": end} for end in ends]
    candidate = {
        "content": {"parts": [{"text": whole}]},
        "finishReason": "STOP",
        "citationMetadata": {"citationSources": sources},
    }
    made = streamed("gemini", {"candidates": [candidate]})
    found = [a["url_citation"]["end_index"] for a in made.choices[0].message.annotations or []]
    assert found == [len(encoded[:end].decode("utf-8", "ignore")) for end in ends]


# --- JSON, headers, compression -----------------------------------------------------------------


def test_half_a_character_in_a_text() -> None:
    """A text that only Python can hold is read, with a mark where the half was; a pair is a character."""
    assert load('["\ud800"]') == ["\ufffd"]
    assert load('["\ud83d\ude00"]') == ["\U0001f600"]
    with pytest.raises(NotJSON):
        load("\udc80")
    with pytest.raises(TypeError):
        load(7)  # type: ignore[arg-type]


def test_digits_without_a_unit() -> None:
    """A header of digits and no unit is no duration, and is not tried from each digit."""
    began = time.process_time()
    assert retry_after({"retry-after": "1" * 600_000 + "x"}, 0.0) is None
    assert time.process_time() - began < ENDS
    assert math.isclose(retry_after({"retry-after": "1h2m3.5s"}, 0.0) or 0, 3723.5)


def inflated(pieces: Iterable[bytes]) -> bytes:
    """What came out of these pieces."""
    inflate = Inflate()
    return b"".join(plain for piece in pieces for plain in inflate.pieces(piece))


def test_deflate_with_and_without_a_head_by_bytes() -> None:
    """Which of the two it is, is told by two bytes, however they come."""
    bare = zlib.compress(b"hello", wbits=-zlib.MAX_WBITS)
    for data in (bare, zlib.compress(b"hello"), gzip.compress(b"hello")):
        assert inflated([data]) == b"hello"
        assert inflated(data[i : i + 1] for i in range(len(data))) == b"hello"
        assert inflated([b"", data[:1], b"", data[1:], b""]) == b"hello"


def test_what_follows_compressed_data() -> None:
    """Bytes after the end are left alone; zlib would keep them all, and copy them for each piece."""
    tracemalloc.start()
    try:
        assert inflated([gzip.compress(b"hello"), *[b"x" * 10_000] * 1000]) == b"hello"
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_much_out_of_little_comes_bit_by_bit() -> None:
    """A few bytes that stand for millions are never inflated at once: their reader can stop."""
    inflate = Inflate()
    sizes = [len(plain) for plain in inflate.pieces(gzip.compress(bytes(10_000_000)))]
    assert sum(sizes) == 10_000_000
    assert max(sizes) <= 1024 * 1024
    assert not inflate.pending


# --- secrets ------------------------------------------------------------------------------------


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("room", [9, 12, 20])
def test_a_key_at_the_end_of_what_is_quoted(wire: str, room: int) -> None:
    """Where a body is cut to be shown, the beginning of a key is hidden as the whole key is."""
    key = "my" + "-unusual-0123456789-key"
    for body in (b"<" + b" " * (300 - room) + key.encode(), b"x" * (300 - room) + key.encode()):
        for error in (refuses(wire, body), unread(wire, body)):
            error.scrub([Secret(key)])
            assert "my-unusual" not in repr(vars(error))


def unread(wire: str, body: bytes) -> errors.APIError:
    """The error of an answer that is no JSON."""
    with pytest.raises(errors.APIError) as caught:
        WIRES[wire].parse(call_of(wire), HTTPResponse(200, {}, body))
    return caught.value


@pytest.mark.parametrize("spelled", ["a\\/b+c=0'1", "a/b%2Bc%3D0%271", repr("a/b+c=0'1\\")[1:-1]])
def test_other_spellings_of_a_key(spelled: str) -> None:
    """As JSON, an address or a repr would write it."""
    secrets = [Secret("a/b+c=0'1"), Secret("a/b+c=0'1\\")]
    assert redact(f"<{spelled}>", secrets) == f"<{HIDDEN}>"


def test_a_key_in_the_wrong_place() -> None:
    """Arguments mixed up are not told with the key that they hold."""

    def planned(**options: Any) -> Any:
        return legs("c", "openai/m", {"messages": []}, asked(options, {}), stream=False, environ={})

    for attempt in (
        lambda: resolve(KEY, None),
        lambda: asked({KEY: 1}, {}),
        lambda: planned(fallbacks=[{"api_key": KEY}], api_key=KEY),
        lambda: planned(base_url=f"ftp://a.test?key={KEY}", api_key=KEY),
    ):
        with pytest.raises(LLMKitError) as caught:
            attempt()
        assert KEY not in str(caught.value)


# --- what a prompt or a model says --------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://[",
        "http://a]",
        "https://\u2100.test",
        "https://a..b",
        f"https://{'a' * 64}.test",
        "https://a:99999",
    ],
)
def test_addresses_that_cannot_be_read(url: str) -> None:
    """What ``urllib`` refuses to read is refused as an error of ours, also as a redirect."""
    part = {"type": "image_url", "image_url": {"url": url}}
    said = call_of("gemini", [{"role": "user", "content": [part]}])
    policy = MediaPolicy()
    with pytest.raises(errors.InvalidRequestError):
        next(fetched(said, lambda _: False, policy))
    part["image_url"] = {"url": "https://a.test/1"}
    flow = fetched(said, lambda _: False, policy)
    assert isinstance(next(flow), Fetch)
    with pytest.raises(errors.InvalidRequestError):
        flow.send(HTTPResponse(302, {"location": url}))


def test_addresses_beyond_ascii() -> None:
    """A host is asked for by its name in the DNS, a path by its bytes; what is escaped stays so."""
    url = "https://b\u00fccher.test:81/\u00fc b/%41?q=\u00e4&r=%20#part"
    part = {"type": "image_url", "image_url": {"url": url}}
    said = call_of("gemini", [{"role": "user", "content": [part]}])
    effect = next(fetched(said, lambda _: False, MediaPolicy()))
    assert isinstance(effect, Fetch)
    assert effect.url == "https://xn--bcher-kva.test:81/%C3%BC%20b/%41?q=%C3%A4&r=%20"


@pytest.mark.parametrize("host", ["a..b", "a" * 64, ".", "[", "a:b"])
def test_hosts_that_cannot_be_looked_up(host: str) -> None:
    """The resolver would raise what is no error of ours; also where a variable has the address."""
    with pytest.raises(errors.ConfigurationError):
        addressed("openai/m", {"base_url": f"http://{host}/v1"}, {}, keyless=True)
    with pytest.raises(errors.ConfigurationError):
        addressed("openai/m", {}, {"OPENAI_BASE_URL": f"http://{host}"}, keyless=True)
    with pytest.raises(errors.ConfigurationError):
        addressed("ollama/m", {}, {"OLLAMA_API_BASE": host}, keyless=True)


def test_half_a_character_in_a_header() -> None:
    """It has no bytes to be sent."""
    with pytest.raises(errors.ConfigurationError, match="extra_headers"):
        legs(
            "c",
            "openai/m",
            {"messages": []},
            asked({"extra_headers": {"x": "\ud800"}, "api_key": "k-123"}, {}),
            stream=False,
            environ={},
        )


@pytest.mark.parametrize("space", [" ", "\n", " \n```"])
def test_white_space_without_end(space: str) -> None:
    """A fence that never closes, and then white space, as some models end: it is no JSON, soon."""
    choice = {"index": 0, "message": {"role": "assistant", "content": "```json" + space * 20_000}}
    completion = ChatCompletion.model_validate({"choices": [choice]})
    began = time.process_time()
    with pytest.raises(errors.JSONSchemaValidationError):
        parse_answer(completion, dict)
    assert time.process_time() - began < ENDS


@pytest.mark.parametrize("text", ["reached your ", "token count "])
def test_an_error_that_repeats_itself(text: str) -> None:
    """A megabyte of what a pattern begins with is looked at in its beginning only."""
    error = {
        "type": "invalid_request_error",
        "message": text * 40_000,
        "status": "INVALID_ARGUMENT",
    }
    began = time.process_time()
    for wire in WIRES:
        refuses(wire, json.dumps({"error": error}).encode())
    assert time.process_time() - began < ENDS
