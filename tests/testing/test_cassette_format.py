"""The cassette's format and its hiding, by properties: nothing is lost, no secret survives, meaning is compared."""

from __future__ import annotations

import base64
import itertools
import json
import string
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from llmkit import CassetteError
from llmkit._flow import Deadlines
from llmkit._http import HTTPRequest
from llmkit._io._progress import Progress
from llmkit._io._tap import Answer, Step, through
from llmkit.testing import record
from llmkit.testing._cassette._compare import differences, ignoring
from llmkit.testing._cassette._file import exchanges_in, text_of, write
from llmkit.testing._cassette._forms import form, pieces_of, written
from llmkit.testing._cassette._load import load
from llmkit.testing._cassette._pieces import cut, edited
from llmkit.testing._cassette._scrub import Scrub
from llmkit.testing._cassette._secrets import (
    hides_header,
    hides_parameter,
    in_environment,
    of_headers,
)
from llmkit.testing._cassette._values import Exchange, Failure, Request, Response

HIDDEN = "[redacted]"

# --- nothing is lost --------------------------------------------------------------------------

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
indents = st.sampled_from([None, 0, 1, 2, 4])
jsons = st.builds(
    lambda value, indent, ascii_: json.dumps(value, indent=indent, ensure_ascii=ascii_).encode(
        "utf-8", "surrogatepass"
    ),
    values,
    indents,
    st.booleans(),
)
events = st.builds(
    lambda data, end: b"data: " + data.replace(b"\n", b"") + end,
    jsons,
    st.sampled_from([b"\n\n", b"\r\n\r\n"]),
)
streams = st.lists(events, max_size=4).map(b"".join)
bodies = st.binary(max_size=60) | jsons | streams | st.text(max_size=60).map(str.encode)


@st.composite
def chunked(draw: st.DrawFn) -> list[bytes]:
    """A body, cut anywhere."""
    body = draw(bodies)
    cuts = sorted(draw(st.lists(st.integers(0, len(body)), max_size=5)))
    ends = [0, *cuts, len(body)]
    return [body[start:end] for start, end in itertools.pairwise(ends)]


@settings(deadline=None)
@given(chunked())
@example([])
@example([b""])
@example([b"{}", b""])
@example([b'{"a": 1e999}'])
@example([b"[NaN]"])
@example([b"[" * 100_000])
@example([b'{"a":1,"a":2}'])
@example([b'["\\ud800"]'])
@example([b"\xef\xbb\xbf{}"])
def test_any_bytes_in_any_pieces(pieces: list[bytes]) -> None:
    """A body comes back byte for byte, cut where it was."""
    again = json.loads(json.dumps(written(pieces)))
    assert list(pieces_of(again)) == pieces


names = st.text(string.ascii_lowercase + "-", min_size=1, max_size=8)
headers = st.dictionaries(names, st.text(max_size=12), max_size=3)
finite = st.floats(0, 100).map(lambda seconds: round(seconds, 4))
requests = st.builds(
    lambda url, headers, kind, body: Request("POST", url, headers, form(kind, body)),
    st.text(max_size=20),
    headers,
    st.sampled_from(
        ["", "application/json", "application/x-www-form-urlencoded", "multipart/x; boundary=b"]
    ),
    bodies,
)
responses = st.builds(Response, st.integers(100, 599), headers, chunked().map(tuple))
failures = st.builds(
    Failure,
    st.sampled_from(["ReadError", "TimeoutError"]),
    st.text(max_size=9),
    st.sampled_from(["no", "maybe", "yes"]),
    st.text(max_size=3),
    st.sampled_from(["", "idle"]),
)
exchanges = st.builds(
    Exchange,
    requests,
    st.none() | responses,
    st.none() | failures,
    st.booleans(),
    st.lists(finite, max_size=4).map(tuple),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(exchanges, max_size=2))
def test_any_exchange_is_read_as_it_was(made: list[Exchange]) -> None:
    """A file says all that there was, is UTF-8, and is the same when it is written again."""
    text = text_of(made)
    assert text.encode("utf-8").decode("utf-8") == text
    again = exchanges_in(json.loads(text), Path("x"))
    assert again == made
    assert text_of(again) == text


def test_numbers_are_on_one_line() -> None:
    """Lists of numbers take one line; a text that looks like one is left alone."""
    body = b'{"vector":[1,2.5,-3e-07],"text":"[ 1,  2 ]","none":[]}'
    text = text_of([Exchange(Request("GET", "u"), Response(200, {}, (body,)), seconds=(1, 2))])
    assert '"vector": [1, 2.5, -3e-07]' in text
    assert '"text": "[ 1,  2 ]"' in text
    assert '"seconds": [1, 2]' in text
    assert '"style": "compact"' in text


# --- no secret survives -----------------------------------------------------------------------

plain_secrets = st.text(string.ascii_letters + string.digits + "-_./+=", min_size=12, max_size=30)
odd_secrets = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=4, max_size=20)
around = st.text(max_size=6)


def as_json(text: str) -> bytes:
    """A whole answer, with it in a text and in a name."""
    return json.dumps({"choices": [{"message": {"content": text, text: [text]}}]}).encode()


def as_unusual_json(text: str) -> bytes:
    """JSON in a style of its own."""
    return json.dumps({"n": 1.50, "t": text}, separators=(" , ", ":")).replace("/", "\\/").encode()


def as_text(text: str) -> bytes:
    """Plain text."""
    return f"it is {text}\n and {quote(text, safe='')}".encode("utf-8", "replace")


def as_binary(text: str) -> bytes:
    """What is no text."""
    return b"\xff\xfe" + text.encode("utf-8", "replace") + b"\x00" + base64.b64encode(text.encode())


def as_events(text: str) -> bytes:
    """Spelt out over events, three characters each, between two choices."""
    made = []
    for start in range(0, len(text), 3):
        for index in (0, 1):
            delta = {"content": text[start : start + 3] if index else "x"}
            event = {"id": "c", "choices": [{"index": index, "delta": delta}]}
            made.append(f"event: chunk\r\ndata: {json.dumps(event)}\r\n\r\n")
    return "".join([*made, f": {text}\n\n", "data: [DONE]\n\n"]).encode("utf-8", "replace")


def as_blocks(text: str) -> bytes:
    """Spelt out in another provider's way, with what is no JSON between."""
    made = ["event: ping\ndata: {}\n\n"]
    for start in range(0, len(text), 2):
        delta = {"type": "text_delta", "text": text[start : start + 2]}
        event = {"type": "content_block_delta", "index": 1, "delta": delta}
        made.append(f"data: {json.dumps(event, ensure_ascii=False)}\n\ndata: {{broken\n\n")
    return "".join(made).encode("utf-8", "replace")


def as_array(text: str) -> bytes:
    """Spelt out over the elements of one array, which is how some stream without events."""
    parts = [text[start : start + 4] for start in range(0, len(text), 4)]
    return json.dumps([{"choices": [{"delta": {"content": part}}]} for part in parts]).encode()


WRITERS = [as_array, as_json, as_unusual_json, as_text, as_binary, as_events, as_blocks]
AUTHS: list[Any] = [
    lambda s: {"Authorization": f"Bearer {s}"},
    lambda s: {"x-api-key": s},
    lambda s: {"Api-Key": s},
    lambda s: {"cookie": f"a=b; sid={s}"},
]


def cut_at(body: bytes, cuts: list[int]) -> list[bytes]:
    """A body in pieces."""
    ends = [0, *sorted(c % (len(body) + 1) for c in cuts), len(body)]
    return [body[start:end] for start, end in itertools.pairwise(ends)]


def recorded(secret: str, auth: Any, writer: Any, texts: tuple[str, str], cuts: list[int]) -> str:
    """The text of a cassette of an exchange that is full of a secret."""
    planted = texts[0] + secret + texts[1]
    sent = {**auth(secret), "content-type": "application/json", "x-note": f"n {secret}"}
    url = f"https://u:{quote(secret, safe='')}@a.test/p/{quote(secret, safe='')}?key={quote(secret)}&q=1"
    request = HTTPRequest("POST", url, sent, writer(planted))
    steps: list[Step] = [*cut_at(writer(planted), cuts)]

    def network(asked: HTTPRequest, progress: Progress) -> Answer:
        return Answer(200, {"x-echo": secret, "set-cookie": f"k={secret}"}, steps, progress)

    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "tape.json"
        with record(path):
            progress = Progress(Deadlines(time.monotonic() + 9, 9, 9, 9))
            list(through(network)(request, progress).stream)
        text = path.read_text(encoding="utf-8")
        [exchange] = load(path)
    assert exchange.response is not None
    assert len(exchange.response.pieces) == len(steps)
    whole = b"".join(exchange.response.pieces)
    return "\n".join(
        [text, whole.decode("utf-8", "replace"), spelt(whole), *leaves(json.loads(text))]
    )


def leaves(value: Any) -> list[str]:
    """Every text of a document, and what base64 in it says."""
    if isinstance(value, dict):
        inner = [leaf for name in value for leaf in (name, *leaves(value[name]))]
        if set(value) == {"base64"}:
            inner.append(base64.b64decode(value["base64"]).decode("latin-1"))
        return inner
    if isinstance(value, list):
        return [leaf for item in value for leaf in leaves(item)]
    return [value] if isinstance(value, str) else []


def spelt(stream: bytes) -> str:
    """What the events of a stream spell out."""
    texts = []
    text = stream.decode("utf-8", "replace")
    if text.startswith("["):
        text = "\n".join(json.dumps(item) for item in json.loads(text))
    for line in text.splitlines():
        try:
            event = json.loads(line.removeprefix("data:"))
            choice = event["choices"][0] if "choices" in event else event
            texts.append(choice["delta"].get("text") or choice["delta"].get("content") or "")
        except (ValueError, KeyError, TypeError):
            continue
    return "".join(text for text in texts if text != "x")


cuts = st.lists(st.integers(0, 2000), max_size=6)


@settings(max_examples=150, deadline=None)
@given(
    plain_secrets, st.sampled_from(AUTHS), st.sampled_from(WRITERS), st.tuples(around, around), cuts
)
@example("key/with+slash=0", AUTHS[0], as_events, ("", ""), [5, 9, 40])
@example("sk-aaaaaaaaaaaaaaaa", AUTHS[1], as_blocks, ("a", "a"), [])
def test_no_secret_survives(
    secret: str, auth: Any, writer: Any, texts: tuple[str, str], cuts: list[int]
) -> None:
    """A key is nowhere in what is written, wherever it was planted and however that was cut; it is written."""
    assert secret not in recorded(secret, auth, writer, texts, cuts)


@settings(max_examples=100, deadline=None)
@given(odd_secrets, st.sampled_from(AUTHS[1:3]), st.sampled_from(WRITERS), cuts)
def test_no_odd_secret_survives(secret: str, auth: Any, writer: Any, cuts: list[int]) -> None:
    """A key of any printable characters is hidden, or nothing is written."""
    known = {*of_headers({name.lower(): value for name, value in auth(secret).items()})}
    try:
        text = recorded(secret, auth, writer, ("", ""), cuts)
    except CassetteError:
        return
    assert not known or secret not in text.replace(HIDDEN, "")


def test_a_number_that_is_a_secret() -> None:
    """A key of digits alone is hidden also where it stands as a number."""
    scrub = Scrub(["1234567890"])
    [piece] = scrub.pieces([b'{"a":1234567890,"b":12,"c":true}'])
    assert piece == b'{"a":"[redacted]","b":12,"c":true}'


def test_only_the_top_of_a_body_is_judged_by_name() -> None:
    """A token that an answer hands out is hidden; a field of the same name further down, or in a list, is data."""
    scrub = Scrub()
    [piece] = scrub.pieces([b'{"access_token":"a","n":{"password":"b"},"api_key":""}'])
    assert piece == b'{"access_token":"[redacted]","n":{"password":"b"},"api_key":""}'
    assert scrub.pieces([b'[{"password":"b"}]']) == [b'[{"password":"b"}]']


def test_what_is_only_nearly_multipart_or_base64() -> None:
    """A multipart body without its boundary is kept as what it is; damaged base64 is refused."""
    assert form("multipart/form-data", b"x") == {"text": "x"}
    assert form("multipart/form-data; boundary=b", b"\xff") == {"base64": "/w=="}
    with pytest.raises(ValueError, match="base64"):
        pieces_of({"pieces": [{"base64": "no base64!"}]})


def test_what_reaches_over_lines() -> None:
    """A user's own text of several lines is hidden too."""
    scrub = Scrub(own=["first\nsecond"])
    assert scrub.pieces([b"a fir", b"st\nsec", b"ond z"]) == [b"a [redacted]", b"", b" z"]


@given(st.lists(st.binary(max_size=9), min_size=1), st.data())
def test_pieces_are_edited_as_a_whole(pieces: list[bytes], data: st.DataObject) -> None:
    """Whatever is replaced, the whole is as if it had not been cut, in as many pieces."""
    whole = b"".join(pieces)
    points = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6, unique=True)))
    spans = list(zip(points[::2], points[1::2], strict=False))
    edits = [(start, end, data.draw(st.binary(max_size=5))) for start, end in spans]
    expected, at = b"", 0
    for start, end, new in edits:
        expected += whole[at:start] + new
        at = end
    expected += whole[at:]
    changed = edited(pieces, edits, b"")
    assert b"".join(changed) == expected
    assert len(changed) == len(pieces)
    assert b"".join(cut(expected, pieces)) == expected
    assert len(cut(expected, pieces)) == len(pieces)


@pytest.mark.parametrize(
    ("name", "hidden"),
    [
        ("authorization", True),
        ("x-goog-api-key", True),
        ("x-vendor-token", True),
        ("x-csrf-secret", True),
        ("openai-organization", True),
        ("anthropic-organization-id", True),
        ("x-ratelimit-remaining-tokens", False),
        ("anthropic-ratelimit-input-tokens-limit", False),
        ("content-type", False),
        ("x-request-id", False),
        ("retry-after", False),
    ],
)
def test_names_of_headers(name: str, *, hidden: bool) -> None:
    """A header that authenticates, or names the account, is hidden; one that counts is not."""
    assert hides_header(name) is hidden


@pytest.mark.parametrize(
    ("name", "hidden"),
    [
        ("key", True),
        ("api_key", True),
        ("apiKey", True),
        ("access_token", True),
        ("sig", True),
        ("signature", True),
        ("X-Amz-Credential", True),
        ("X-Goog-Signature", True),
        ("subscription-key", True),
        ("alt", False),
        ("api-version", False),
        ("page_token", False),
        ("pageToken", False),
        ("model", False),
    ],
)
def test_names_of_parameters(name: str, *, hidden: bool) -> None:
    """A query's credential is hidden; a page's mark is not."""
    assert hides_parameter(name) is hidden


def test_the_environment() -> None:
    """Long values of variables that are called like keys are secrets; short ones and others are not."""
    environ = {
        "A_API_KEY": "k" * 16,
        "B_TOKEN": "short",
        "PATH": "/a/very/long/path/indeed",
        "X_SECRET": "s3" * 8,
    }
    assert set(in_environment(environ)) == {"k" * 16, "s3" * 8}


# --- meaning is compared ----------------------------------------------------------------------


def request(body: Any = None, url: str = "https://a.test/v1", **headers: str) -> Request:
    """A request with a JSON body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("POST", url, named, {} if body is None else {"json": body})


def lines(old: Request, new: Request, *ignore: str) -> list[str]:
    """What two requests differ in."""
    return list(differences(old, new, ignoring(ignore)))


@settings(max_examples=50)
@given(values)
def test_a_value_is_equal_to_itself(value: Any) -> None:
    """Whatever is written and read again means the same."""
    assert lines(request(value), request(json.loads(json.dumps(value)))) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (request({"a": 1, "b": [1.0]}), request({"b": [1], "a": 1.0})),
        (request(url="https://a.test/v?x=1&y=2"), request(url="https://A.test/v?y=2&x=1")),
        (request(url="https://a.test/v?x=a%20b"), request(url="https://a.test/v?x=a+b")),
        (request(url="https://a.test"), request(url="https://me:pw@a.test/")),
        (request(url=f"https://a.test/v?key={HIDDEN}"), request(url="https://a.test/v?key=other")),
        (request(url=f"https://a.test/v?key={HIDDEN}&n=1"), request(url="https://a.test/v?n=1")),
        (request(url=f"https://a.test/bot{HIDDEN}/x"), request(url="https://a.test/bot12:3/x")),
        (request({"t": f"a {HIDDEN} b"}), request({"t": "a x\nb.* b b"})),
        (
            request(content_type="application/json; charset=utf-8", anthropic_beta="b, a"),
            request(content_type="Application/JSON", anthropic_beta="a,b,a"),
        ),
        (request(x_idempotency_key="1", date="now"), request(user_agent="other")),
    ],
)
def test_what_means_the_same(old: Request, new: Request) -> None:
    """Order, spelling, credentials and ids make no difference."""
    assert lines(old, new) == []


LONG = "word " * 40
LONG_SAID = "body.a: recorded …'word word word word x', asked …'word word word word y'"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (request({"a": 1}), request({"a": 2}), "body.a: recorded 1, asked 2"),
        (request({"a": 1}), request({"a": True}), "body.a: recorded 1, asked True"),
        (request({"a": None}), request({}), "body.a: recorded None, asked nothing"),
        (request({}), request({"a": [{"b": 1}]}), "body.a: recorded nothing, asked [{'b': 1}]"),
        (request([1, 2]), request([1]), "body[1]: recorded 2, asked nothing"),
        (request({"a": {"b": ["x"]}}), request({"a": {"b": ["y"]}}), "body.a.b[0]: recorded 'x', asked 'y'"),
        (request({"a": "1"}), request({"a": 1}), "body.a: recorded '1', asked 1"),
        (request({}), request(), "body: recorded json, asked nothing"),
        (request(url="https://a.test/1"), request(url="https://a.test/2"), "url: recorded 'https://a.test/1', asked 'https://a.test/2'"),
        (request(url="https://a.test/?x=1"), request(url="https://a.test/?x=2"), "query.x: recorded '1', asked '2'"),
        (request(url="https://a.test/?x=1"), request(url="https://a.test/"), "query.x: recorded '1', asked nothing"),
        (request(anthropic_version="1"), request(), "header anthropic-version: recorded '1', asked ''"),
        (request({"a": LONG + "x"}), request({"a": LONG + "y"}), LONG_SAID),
        (request(f"{HIDDEN}a{HIDDEN}a"), request("xa"), f"body: recorded '{HIDDEN}a{HIDDEN}a', asked 'xa'"),
        (request(f"b{HIDDEN}x{HIDDEN}a"), request("ba"), f"body: recorded 'b{HIDDEN}x{HIDDEN}a', asked 'ba'"),
        (request({"a": HIDDEN + "b"}), request({"a": "c"}), f"body.a: recorded '{HIDDEN}b', asked 'c'"),
    ],
)  # fmt: skip
def test_what_does_not(old: Request, new: Request, expected: str) -> None:
    """Anything else is a difference, that is named by its path."""
    assert lines(old, new) == [expected]


def test_methods_and_long_values() -> None:
    """The method counts; what is long is shown in part."""
    old, new = (
        Request("GET", "u", {}, {"json": ["x" * 99]}),
        Request("POST", "u", {}, {"json": [[0] * 99]}),
    )
    said = lines(old, new)
    assert said[0] == "method: recorded GET, asked POST"
    assert len(said[1]) < 170


@pytest.mark.parametrize(
    ("ignore", "same"),
    [
        (("a",), False),
        (("a", "b"), True),
        (("*",), True),
        (("a.c", "b"), True),
        (("a.*", "b.0.d", "b.1"), True),
        (("a", "b.*.d"), False),
        (("a", "b.*"), True),
        (("b", "*.c"), True),
    ],
)
def test_what_is_ignored(ignore: tuple[str, ...], *, same: bool) -> None:
    """Dotted paths leave out names and places; a star stands for any."""
    old = request({"a": {"c": 1}, "b": [{"d": 1}]})
    new = request({"a": {"c": 2}, "b": [{"d": 2}, 3]})
    assert (lines(old, new, *ignore) == []) is same


def test_one_file_at_once(tmp_path: Path) -> None:
    """Two writers leave one whole file."""
    path = tmp_path / "a" / "b.json"
    write(path, "one\n")
    write(path, "two\n")
    assert path.read_bytes() == b"two\n"
