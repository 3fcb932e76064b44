"""Scopes: their text, what belongs to them, and that no secret is ever in one."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmkit._control.budget.planning import Cache
from llmkit._control.budget.scopes import (
    GLOBAL,
    KINDS,
    Scope,
    candidates,
    fingerprint,
    scope_of,
    spelled,
)
from llmkit._secret import Secret
from llmkit.errors import ConfigurationError

KEY = "sk-" + "proj-0123456789abcdefghij"


@pytest.mark.parametrize(
    ("given_scope", "text"),
    [
        ("global", "global"),
        ({}, "global"),
        ("user", "user=*"),
        ({"user": "*"}, "user=*"),
        ({"user": "ann"}, "user=ann"),
        ("user=ann", "user=ann"),
        ("key&model", "key=*&model=*"),
        ({"model": "openai/gpt-4o", "key": "*"}, "key=*&model=openai/gpt-4o"),
        ({"organization": "acme"}, "organisation=acme"),
        ({"tags": "a b&c=d%"}, "tag=a%20b%26c%3Dd%25"),
        ({"user": "ann:bob*"}, "user=ann%3Abob%2A"),
        ({"user": "ann@example.com"}, "user=ann@example.com"),
        ({"team": "Zürich"}, "team=Z%C3%BCrich"),
    ],
)
def test_a_scope_has_one_text(given_scope: object, text: str) -> None:
    """However it is written, a scope's text is sorted, and reads back as the same scope."""
    scope = scope_of(given_scope)
    assert scope.text == text
    assert scope_of(text) == scope


values = st.text(min_size=1, max_size=400).filter(lambda value: value.strip() not in {"", "*"})


@given(st.dictionaries(st.sampled_from(KINDS), st.one_of(st.just("*"), values), max_size=4))
def test_the_text_reads_back(given_scope: dict[str, str]) -> None:
    """Any values at all: the text is ASCII without syntax in its values, of bounded length, and reads back."""
    scope = scope_of(given_scope)
    text = scope.text
    assert scope_of(text) == scope
    assert text.isascii()
    assert len(text) <= 4 * 220
    assert text.count("=") == len(given_scope)
    assert ":" not in text


@given(values, values)
def test_different_values_are_different_scopes(one: str, other: str) -> None:
    """No two values are one account, however long and whatever they look like, but for blanks around them."""
    same = scope_of({"user": one}) == scope_of({"user": other})
    assert same == (one.strip() == other.strip())


def test_a_long_value_cannot_pass_for_another() -> None:
    """Who writes what a long value is cut to gets an account of his own."""
    cut = scope_of({"user": "x" * 5000}).text.removeprefix("user=")
    assert len(cut) < 100
    assert scope_of({"user": cut}).text != f"user={cut}"


@pytest.mark.parametrize("kind", ["key", "user", "tag", "session"])
def test_a_key_becomes_a_fingerprint(kind: str) -> None:
    """What looks like an API key is in no scope's text, and is the same fingerprint each time."""
    text = scope_of({kind: KEY}).text
    assert KEY not in text
    assert re.fullmatch(rf"{kind}=![0-9a-f]{{32}}", text)
    assert text == scope_of({kind: KEY}).text
    assert text != scope_of({kind: KEY + "x"}).text


def test_a_secret_and_its_text_are_one_scope() -> None:
    """A budget on a key that was written down holds for the calls made with it."""
    scope = scope_of({"key": KEY})
    assert list(scope.within(spelled({"key": (Secret(KEY),)}))) == [scope.text]
    assert f"key={fingerprint(Secret(KEY))}" == scope.text


def test_a_key_of_no_known_vendor_is_hidden_too() -> None:
    """Under ``key``, whatever is long and of letters and digits is taken for a key; a name stays."""
    assert "!" in scope_of({"key": "0123456789abcdef0123456789abcdef"}).text
    assert scope_of({"key": "billing-team"}).text == "key=billing-team"


def test_a_key_in_a_text_is_hidden_when_it_is_read() -> None:
    """A scope's text that somebody wrote by hand does not keep a key either."""
    assert KEY not in scope_of(f"user={KEY}").text


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("usr", "did you mean 'user'"),
        ({"usr": "ann"}, "did you mean 'user'"),
        ({"orgnisation": "x"}, "organisation"),
        ("user=", "is no scope"),
        ("user=a&user=b", "is no scope"),
        ("user=a b", "is no scope"),
        ("user=%zz", "is no scope"),
        ({"user": ""}, "empty"),
        ({"tag": "a", "tags": "b"}, "once"),
        (7, "a scope is"),
    ],
)
def test_what_is_no_scope_is_refused(wrong: object, says: str) -> None:
    """The error says what is wrong, with near misses."""
    with pytest.raises(ConfigurationError, match=says):
        scope_of(wrong)


def test_templates_stand_for_what_a_call_has() -> None:
    """Each tag by itself, each pair by itself; nothing where a kind is not there."""
    mine = spelled({"tag": ("a", "b", "a"), "user": ("ann",), "team": (None, "")})
    assert list(scope_of("tag").within(mine)) == ["tag=a", "tag=b"]
    assert list(scope_of("tag&user").within(mine)) == ["tag=a&user=ann", "tag=b&user=ann"]
    assert list(scope_of({"tag": "b", "user": "*"}).within(mine)) == ["tag=b&user=ann"]
    assert list(scope_of({"tag": "c"}).within(mine)) == []
    assert list(scope_of("team").within(mine)) == []
    assert list(GLOBAL.within(mine)) == ["global"]


def test_a_model_may_be_named_without_its_provider() -> None:
    """A rule for ``gpt-4o`` holds for ``openai/gpt-4o``; each model by itself is counted once."""
    mine = spelled({"model": ("openai/gpt-4o",)})
    assert list(scope_of({"model": "gpt-4o"}).within(mine)) == ["model=gpt-4o"]
    assert list(scope_of("model").within(mine)) == ["model=openai/gpt-4o"]


def test_candidates_are_all_scopes_that_could_have_a_rule() -> None:
    """Single scopes, each of many, and products with one side open."""
    mine = spelled({"key": ("k",), "user": ("ann",)})
    assert list(candidates("user", mine)) == ["user=ann", "user=*"]
    assert set(candidates("key&user", mine)) == {
        "key=k&user=ann",
        "key=k&user=*",
        "key=*&user=ann",
        "key=*&user=*",
    }
    assert list(candidates("team", mine)) == []
    assert list(candidates("", mine)) == ["global"]


def test_the_nearer_scope_has_more_names() -> None:
    """What is named counts; ``*`` does not."""
    assert [scope_of(s).literals for s in ("global", "user", "user=a", "key=*&user=a")] == [
        0,
        0,
        1,
        1,
    ]
    assert not scope_of("key=*&user=a").single
    assert Scope().single


def test_the_cache_is_bounded() -> None:
    """What was not asked for lately is forgotten; what was, is not."""
    cache: Cache[int, Decimal] = Cache(10)
    cache.put(-1, Decimal(1))
    for number in range(1000):
        cache.put(number, Decimal(number))
        assert cache.get(-1) == 1
    assert sum(cache.get(number) is not None for number in range(1000)) <= 20
