from __future__ import annotations

import base64
import hashlib
import socket
import subprocess
import sys
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import tiktoken_ext.openai_public as published

from llmkit.errors import ConfigurationError
from llmkit.tokens import _encodings, decode, encode
from llmkit.tokens._encodings import NAMES, SHIPPED, Source, tokenizer, unpack

# What tiktoken's documentation and tests give for these texts.
KNOWN = [
    ("cl100k_base", "hello world", [15339, 1917]),
    ("cl100k_base", "tiktoken is great!", [83, 1609, 5963, 374, 2294, 0]),
    ("o200k_base", "hello world", [24912, 2375]),
    ("o200k_base", "tiktoken is great!", [83, 8251, 2488, 382, 2212, 0]),
    ("o200k_harmony", "hello world", [24912, 2375]),
]


@pytest.mark.parametrize(("name", "text", "tokens"), KNOWN)
def test_known_tokens(name: str, text: str, tokens: list[int]) -> None:
    """The ids that are published for these texts, and back."""
    rule = {"encoding": name}
    assert encode(rule, text) == tokens
    assert decode(rule, tokens) == text


@pytest.mark.parametrize("text", ["<|endoftext|>", "<|im_start|>system", "a<|endofprompt|>b"])
def test_special_tokens_in_a_text_are_text(text: str) -> None:
    """What a user types is never an instruction to the tokenizer."""
    tokens = encode({"encoding": "cl100k_base"}, text)
    assert len(tokens) > 3
    assert max(tokens) < 100257
    assert decode({"encoding": "cl100k_base"}, tokens) == text


def test_special_ids_are_decoded() -> None:
    """They come out of models."""
    assert decode({"encoding": "o200k_harmony"}, [200006, 200012]) == "<|start|><|call|>"


@pytest.mark.parametrize("name", NAMES)
def test_encodings_are_as_published(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pattern, special ids and the SHA-256 of the file are tiktoken's own."""
    hashes = []

    def load(address: str, expected_hash: str) -> dict[bytes, int]:
        hashes.append((address, expected_hash))
        return {}

    monkeypatch.setattr(published, "load_tiktoken_bpe", load)
    monkeypatch.setattr(published, "data_gym_to_mergeable_bpe_ranks", lambda **_: {})
    theirs = published.ENCODING_CONSTRUCTORS[name]()
    source, pattern, special = _encodings._ENCODINGS[name]
    assert (pattern, special) == (theirs["pat_str"], theirs["special_tokens"])
    for address, expected in hashes:
        assert expected == source.sha256
        assert hashlib.sha1(address.encode(), usedforsecurity=False).hexdigest() == source.cached


def test_an_encoding_is_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many threads ask for it first."""
    loads = []
    gate = threading.Barrier(8)

    def load(name: str) -> object:
        loads.append(name)
        time.sleep(0.05)  # long enough for the others to come, too
        return object()

    def ask(_: int) -> object:
        gate.wait()
        return tokenizer("o200k_base")

    monkeypatch.setattr(_encodings, "_loaded", {})
    monkeypatch.setattr(_encodings, "_load", load)
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(ask, range(8)))
    assert (len(loads), len(found)) == (1, 1)


def test_no_network_is_needed() -> None:
    """In a fresh interpreter, with no cache and sockets that refuse to be made."""
    program = (
        "import socket\n"
        "def refuse(*a, **k): raise AssertionError('a socket')\n"
        "socket.socket = socket.create_connection = refuse\n"
        "from llmkit.tokens import encode\n"
        "print(encode({'encoding': 'o200k_base'}, 'hello world'))\n"
    )
    source = str(Path(_encodings.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": source, "TIKTOKEN_CACHE_DIR": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[24912, 2375]"
    assert socket.socket is not None


def packed(name: str) -> bytes:
    """A shipped file's bytes."""
    return (_encodings.DATA / f"{name}.bpe").read_bytes()


def test_a_file_of_other_tokens_is_refused() -> None:
    """One byte of one token is enough."""
    whole = packed("cl100k_base")
    body = bytearray(zlib.decompress(whole[4:]))
    body[-1] ^= 1
    with pytest.raises(ConfigurationError, match="install llmkit again"):
        unpack(whole[:4] + zlib.compress(bytes(body), 1), SHIPPED["cl100k_base"])


@pytest.mark.parametrize("kept", [0, 3, 4, 100, 400_000])
def test_a_cut_file_is_refused(kept: int) -> None:
    """However much of it is there."""
    with pytest.raises(ConfigurationError, match="damaged"):
        unpack(packed("cl100k_base")[:kept], SHIPPED["cl100k_base"])


def test_a_count_that_is_too_high_is_refused() -> None:
    """The file says how many tokens it has; it may lie."""
    whole = packed("cl100k_base")
    with pytest.raises(ConfigurationError, match="damaged"):
        unpack((200_000).to_bytes(4, "big") + whole[4:], SHIPPED["cl100k_base"])


def test_a_missing_file_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And what to do about it."""
    monkeypatch.setattr(_encodings, "_loaded", {})
    monkeypatch.setattr(_encodings, "DATA", tmp_path)
    with pytest.raises(ConfigurationError, match=r"o200k_base\.bpe is missing or damaged"):
        tokenizer("o200k_base")


def test_an_unknown_encoding_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """With those that there are."""
    with pytest.raises(ConfigurationError, match="no encoding 'mine'; there are o200k_base"):
        tokenizer("mine")


@pytest.mark.parametrize("setting", ["TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR", None])
def test_others_come_from_tiktokens_cache(
    setting: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """From wherever tiktoken keeps it, by its own settings, and checked."""
    text = b"".join(b"%s %d\n" % (base64.b64encode(bytes([n])), n) for n in range(256))
    own = Source("p50k_base", hashlib.sha256(text).hexdigest())
    place = tmp_path if setting else tmp_path / "data-gym-cache"
    place.mkdir(exist_ok=True)
    (place / own.cached).write_bytes(text)
    for name in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    if setting:
        monkeypatch.setenv(setting, str(tmp_path))
    monkeypatch.setattr(_encodings.tempfile, "gettempdir", lambda: str(tmp_path))
    entry = _encodings._ENCODINGS["p50k_base"]._replace(source=own, special={})
    monkeypatch.setitem(_encodings._ENCODINGS, "p50k_base", entry)
    monkeypatch.setattr(_encodings, "_loaded", {})
    assert encode({"encoding": "p50k_base"}, "hi") == [104, 105]


def test_what_is_not_in_the_cache_is_not_fetched(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The message says how it gets there."""
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    with pytest.raises(
        ConfigurationError, match=r"nothing is downloaded.*get_encoding\('r50k_base'\)"
    ):
        encode({"encoding": "gpt2"}, "hi")


def test_another_file_in_the_cache_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is not used, and it is not deleted either."""
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    file = tmp_path / _encodings._R50K.cached
    file.write_bytes(b"aGk= 0\n")
    with pytest.raises(ConfigurationError, match="is not OpenAI's r50k_base"):
        encode({"encoding": "r50k_base"}, "hi")
    assert file.exists()


@pytest.mark.parametrize("tokens", [[99_999_999], [-1], ["a"]])
def test_what_is_no_token_is_refused(tokens: list[int]) -> None:
    """With the encoding's name."""
    with pytest.raises(ConfigurationError, match="tokens of o200k_base"):
        decode({"encoding": "o200k_base"}, tokens)


def test_a_model_without_an_encoding_has_no_tokens_to_show() -> None:
    """The message says what there is instead."""
    with pytest.raises(ConfigurationError, match="token_counter estimates"):
        encode({}, "hi")
    with pytest.raises(ConfigurationError, match="token_counter estimates"):
        decode({}, [1])


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    """Half of a character decodes to U+FFFD."""
    rule = {"encoding": "cl100k_base"}
    assert decode(rule, encode(rule, "𝒳")[:1]) == "\ufffd"
