from __future__ import annotations

import copy
import pickle

import pytest

from llmkit._secret import HIDDEN, Secret, is_plain, redact, redact_headers

KEY = "sk-" + "proj-abcdefghijklmnopqrstuvwxyz0123456789"


def test_a_secret_hides_itself() -> None:
    """Only ``reveal`` has the text: no repr, str, format or pickle does."""
    secret = Secret(KEY)
    assert secret.reveal() == KEY
    shown = f"{secret} {secret!r} {[secret]} {secret:}" + "%s" % (secret,)  # noqa: UP031 - one more way
    assert KEY not in shown
    assert repr(secret) == "Secret('[redacted]')"
    assert KEY.encode() not in pickle.dumps(secret)
    assert pickle.loads(pickle.dumps(secret)).reveal() == HIDDEN  # noqa: S301 - our own bytes
    assert copy.copy(secret).reveal() == HIDDEN
    assert not hasattr(secret, "__dict__")


def test_comparing_secrets() -> None:
    """Equal secrets are equal and hash alike; a text is no secret; an empty one is false."""
    assert Secret("é") == Secret("é")
    assert hash(Secret("a")) == hash(Secret("a"))
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert not Secret("")
    assert Secret("a")


@pytest.mark.parametrize(
    ("text", "secrets", "shown"),
    [
        ("key my-key-1 is wrong", ["my-key-1"], "key [redacted] is wrong"),
        ("my-key-1my-key-1", ["my-key-1"], "[redacted][redacted]"),
        ("?key=a%2Fb%2Bc%3D", ["a/b+c="], "?key=[redacted]"),
        # one secret within another leaves nothing behind
        ("long-secret-with-tail", ["long-secret", "long-secret-with-tail"], "[redacted]"),
        ("long-secret-with-tail", ["long-secret-with-tail", "long-secret"], "[redacted]"),
        # what is too short to be a secret is left alone, or every text would be full of holes
        ("a cat", ["a", ""], "a cat"),
        ("héllo-wörld", ["héllo-wörld"], "[redacted]"),
    ],
)
def test_known_secrets(text: str, secrets: list[str], shown: str) -> None:
    """Given secrets are removed wherever they stand, also URL-encoded."""
    assert redact(text, map(Secret, secrets)) == shown


@pytest.mark.parametrize(
    "key",
    [
        KEY,
        "sk-" + "ant-api03-aaaaaaaaaaaaaaaaaaaaaaaa",
        "gsk_aaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "xai-aaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "pplx-aaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "hf_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "csk-aaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "AIzaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ],
)
def test_shapes_of_keys(key: str) -> None:
    """What looks like a vendor's key is removed although nobody named it."""
    assert redact(f"provided: {key}.") == f"provided: {HIDDEN}."


@pytest.mark.parametrize("before", ["", "a ", "–", "É\n"])
def test_what_is_plain_is_left_as_it_is(before: str) -> None:
    """One look at many texts says what ``redact`` would say of each, whatever letters stand beside."""
    tail = "Z" * 20
    for start in (
        "sk-",
        "GSK_",
        "xai-",
        "pplx-",
        "hf_",
        "csk-",
        "AIza",
        "akia",
        "ſk-",
        "Bearer ",
        "bearer\t",
    ):
        shaped = f"{before}{start}{tail}"
        assert is_plain(["x", shaped]) == (redact(shaped) == shaped) == False, shaped  # noqa: E712
        assert is_plain([shaped[:9], "–", "a task of hf"]), shaped


def test_bearer_values() -> None:
    """The scheme stays, its value goes."""
    assert redact("Authorization: Bearer abcdef.12345/=") == "Authorization: Bearer [redacted]"
    assert redact("no bearer here") == "no bearer here"


def test_ordinary_text_stays() -> None:
    """Text without keys is not touched."""
    text = (
        "Rate limit reached for gpt-4o in organization org-x on tokens per min: sk, hf_hub, ask-me"
    )
    assert redact(text) == text


def test_headers() -> None:
    """Credentials are hidden by a header's name in any case, and by value in the others."""
    given = {
        "Authorization": "Basic x",
        "X-API-Key": "x",
        "x-echo": "my-key-1",
        "accept": "a/b",
        "Set-Cookie": "s",
    }
    assert redact_headers(given, [Secret("my-key-1")]) == {
        "Authorization": HIDDEN,
        "X-API-Key": HIDDEN,
        "x-echo": HIDDEN,
        "accept": "a/b",
        "Set-Cookie": HIDDEN,
    }
    assert given["Authorization"] == "Basic x"
