"""Keys: equal requests have equal ones, any difference makes another, and nothing can be read out of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmkit._control import cache_key
from llmkit._http import HTTPRequest
from llmkit._multipart import Multipart
from llmkit._secret import Secret
from llmkit._upload import Upload

SALT = b"s" * 32
_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=12,
)
_BODIES = st.dictionaries(_TEXTS, _VALUES, max_size=5)


def plain(value: Any) -> Any:
    """A value in a form in which what JSON does not tell apart is the same, and True is not 1."""
    if isinstance(value, dict):
        return "dict", tuple(sorted((key, plain(one)) for key, one in value.items()))
    if isinstance(value, list):
        return "list", tuple(map(plain, value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return type(value).__name__, str(value)
    return "number", str(float(value) + 0.0 if abs(value) < 2**53 else value)


def shuffled(value: Any) -> Any:
    """The same with the names of every object the other way round."""
    if isinstance(value, dict):
        return {key: shuffled(one) for key, one in reversed(value.items())}
    return [shuffled(one) for one in value] if isinstance(value, list) else value


def key_of(body: bytes = b"{}", *, namespace: str = "", salt: bytes = SALT, **how: Any) -> str:
    """The key of a request."""
    request = HTTPRequest(**{"method": "POST", "url": "https://a.example/v1", "body": body, **how})
    return cache_key.key(salt, namespace, cache_key.request_parts(request, ()))


@settings(max_examples=50)
@given(_BODIES)
def test_the_order_of_names_does_not_count(body: dict[str, Any]) -> None:
    """However its keywords came, a request is the same."""
    written = json.dumps(shuffled(body), indent=1).encode()
    assert key_of(json.dumps(body).encode()) == key_of(written)


@settings(max_examples=50)
@given(_BODIES, _BODIES)
def test_two_bodies_have_one_key_only_if_they_are_equal(
    one: dict[str, Any], two: dict[str, Any]
) -> None:
    """Any difference that JSON can tell makes another key, and no other does."""
    same = key_of(json.dumps(one).encode()) == key_of(json.dumps(two).encode())
    assert same is (plain(one) == plain(two))


@settings(max_examples=50)
@given(st.data(), _BODIES.filter(bool))
def test_one_changed_value_makes_another_key(data: st.DataObject, body: dict[str, Any]) -> None:
    """Wherever it is changed."""
    name = data.draw(st.sampled_from(sorted(body)))
    other = {**body, name: [body[name]]}
    assert key_of(json.dumps(body).encode()) != key_of(json.dumps(other).encode())


@settings(max_examples=50)
@given(st.lists(st.binary(max_size=5), max_size=4), st.lists(st.binary(max_size=5), max_size=4))
def test_parts_do_not_run_into_each_other(one: list[bytes], two: list[bytes]) -> None:
    """("ab", "c") is not ("a", "bc")."""
    assert (cache_key.key(SALT, "", one) == cache_key.key(SALT, "", two)) is (one == two)


def test_in_a_schema_the_order_counts() -> None:
    """A model fills in the properties in the order in which they stand."""
    bodies = [{"properties": dict.fromkeys(names, 1)} for names in ("ab", "ba")]
    one, two = (key_of(json.dumps({"text": body}).encode()) for body in bodies)
    assert one != two
    first = {"model": "m", "tools": bodies[0]}
    assert key_of(json.dumps(first).encode()) == key_of(
        json.dumps(dict(reversed(first.items()))).encode()
    )


@pytest.mark.parametrize(
    "how",
    [
        {"url": "https://b.example/v1"},
        {"method": "PUT"},
        {"body": b'{"a": 1}'},
        {"body": b"no JSON"},
        {"headers": {"OpenAI-Organization": "org"}},
        {"namespace": "mine"},
        {"salt": b"t" * 32},
    ],
    ids=str,
)
def test_everything_counts(how: dict[str, Any]) -> None:
    """Address, method, body, headers, namespace and salt."""
    assert key_of(**how) != key_of()


@pytest.mark.parametrize("name", ["User-Agent", "traceparent", "TraceState", "baggage"])
def test_what_says_nothing_of_the_question_does_not_count(name: str) -> None:
    """Or no traced call would ever be found again."""
    assert key_of(headers={name: "anything"}) == key_of()


def form(boundary: str, file: Upload, **fields: str) -> list[bytes]:
    """The parts of a form."""
    multipart = Multipart(boundary, fields.items(), [("file", file)])
    headers = {"content-type": multipart.content_type}
    request = HTTPRequest("POST", "https://a.example", headers, upload=multipart)
    return list(cache_key.request_parts(request, ["digest"]))


def test_files_are_their_content() -> None:
    """Not their names, nor the boundary between a form's parts; but their kind counts, and the fields beside them."""
    wav = Upload("a.wav", "audio/wav", b"x")
    assert form("one", wav) == form("two", Upload("b.wav", "audio/wav", b"x"))
    assert form("one", wav) != form("one", Upload("a.mp3", "audio/mpeg", b"x"))
    assert form("one", wav) != form("one", wav, language="en")


def test_accounts_are_told_apart_and_not_told() -> None:
    """By a keyed hash of what is used, whatever order it comes in."""
    key = Secret("sk-" + "made-up-0123456789")
    mine = cache_key.account(SALT, [("key", key), ("vertex_project", "p")])
    assert mine == cache_key.account(SALT, [("vertex_project", "p"), ("key", key)])
    assert mine != cache_key.account(b"t" * 32, [("key", key), ("vertex_project", "p")])
    assert mine != cache_key.account(
        SALT, [("key", Secret("sk-" + "another-0123456789")), ("vertex_project", "p")]
    )
    assert key.reveal().encode() not in mine
