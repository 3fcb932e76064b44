from __future__ import annotations

import json
import math
from datetime import date
from decimal import Decimal
from enum import Enum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from llmkit._http import Endpoint, HTTPRequest, HTTPResponse, join_url, merge_headers
from llmkit._json import NotJSON, NotSerializable, dump, dump_text, load

PURE = settings(derandomize=True, deadline=None, database=None)
VALUES = st.recursive(
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


@PURE
@given(VALUES)
def test_json_round_trip(value: object) -> None:
    """What is written is read again, by us and by the standard library, and we read what that writes."""
    assert load(dump(value)) == value
    assert json.loads(dump_text(value)) == value
    assert load(json.dumps(value)) == value


class Colour(Enum):
    RED = "red"


class Thing(BaseModel):
    name: str = "x"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ((1, 2), "[1,2]"),
        (Thing(), '{"name":"x"}'),
        (Colour.RED, '"red"'),
        (date(2025, 1, 2), '"2025-01-02"'),
        (Decimal("1.5"), '"1.5"'),
        (math.nan, "null"),
        (-math.inf, "null"),
        ("é", '"é"'),
    ],
)
def test_what_is_written(value: object, text: str) -> None:
    """Models, enums, dates and tuples are understood, and text stays UTF-8."""
    assert dump_text(value) == text


@pytest.mark.parametrize("value", [object(), "\ud800", b"\xff", {"a": object()}])
def test_what_cannot_be_written(value: object) -> None:
    """What JSON cannot say is refused."""
    with pytest.raises(NotSerializable):
        dump(value)


@pytest.mark.parametrize(
    "data", [b"", b"{", b"nothing", b"\xff", b"[" * 9999, b"1" * 9999, "{} {}", b'"\\ud8']
)
def test_what_is_no_json(data: bytes | str) -> None:
    """What is no JSON is refused, however deep or long."""
    with pytest.raises(NotJSON):
        load(data)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b'"a\\ud83d"', "a\ufffd"),
        (b'"\\uDE00b"', "\ufffdb"),
        (b'"\\ud83d\\ud83d\\ude00"', "\ufffd\U0001f600"),
        (b'"\\\\ud83d \\ud83d"', "\\ud83d \ufffd"),
        (b'"\\\\\\ud83d"', "\\\ufffd"),
        ("\ufeff[]", []),
        (b"\xef\xbb\xbf{}", {}),
    ],
)
def test_mended_json(data: bytes | str, value: object) -> None:
    """Half characters and a byte order mark are mended; pairs and escaped backslashes are left."""
    assert load(data) == value


@pytest.mark.parametrize(
    ("base", "path", "query", "url"),
    [
        ("https://h/v1", "/p", None, "https://h/v1/p"),
        ("https://h/v1/", "/p", {}, "https://h/v1/p"),
        ("https://h/v1?a=1", "/p", {"b": "2"}, "https://h/v1/p?a=1&b=2"),
        ("https://h/v1?", "/p", {"b": "2"}, "https://h/v1/p?b=2"),
    ],
)
def test_join_url(base: str, path: str, query: dict[str, str] | None, url: str) -> None:
    """A path joins below a base, whose own query stays."""
    assert join_url(base, path, query) == url


def test_headers_merge_without_regard_to_case() -> None:
    """A later header replaces an earlier one however it is spelled; nothing given is changed."""
    base = {"Accept": "a", "X": "1"}
    assert merge_headers(base, {"accept": "b"}) == {"X": "1", "accept": "b"}
    assert merge_headers(base, {}) == base
    assert merge_headers(base, {}) is not base
    request = HTTPRequest("POST", "https://h", base, b"x")
    changed = request.with_headers({"x": "2"})
    assert (changed.headers, changed.body, request.headers) == (
        {"Accept": "a", "x": "2"},
        b"x",
        base,
    )


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({}, None),
        ({"x-request-id": "a", "cf-ray": "b"}, "a"),
        ({"request-id": "a"}, "a"),
        ({"cf-ray": "b"}, "b"),
        ({"apim-request-id": "c"}, "c"),
    ],
)
def test_request_id(headers: dict[str, str], found: str | None) -> None:
    """The exchange's id is found under each provider's name for it."""
    assert HTTPResponse(200, headers).request_id == found


def test_content_type() -> None:
    """The media type stands alone, in lower case."""
    assert HTTPResponse(200, {"content-type": "Text/HTML; charset=x"}).content_type == "text/html"
    assert HTTPResponse(200).content_type == ""
    assert Endpoint("https://h").headers == {}
