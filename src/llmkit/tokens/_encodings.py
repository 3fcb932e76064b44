"""OpenAI's encodings from files of the package, or from tiktoken's cache. The only importer of tiktoken; no network.

A file ``data/NAME.bpe`` is a count (4 bytes, big endian) and a zlib stream of: for each token, sorted by its bytes,
how many bytes it shares with the one before, then how many follow; three planes of its rank's bytes, lowest
first; and what follows, joined. ``scripts/pack_encodings.py`` makes them out of the data of tiktoken (MIT licence,
Copyright (c) 2022 OpenAI, Shantanu Jain), whose original text is rebuilt on loading and must have the SHA-256 that
tiktoken expects of it (tiktoken 0.14.0, tiktoken_ext/openai_public.py, read 2026-11-22; patterns and ids, too).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import sys
import tempfile
import threading
import zlib
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from ..errors import ConfigurationError

__all__ = ["DATA", "NAMES", "SHIPPED", "Source", "Tokenizer", "tokenizer", "unpack"]

DATA: Final = Path(__file__).parent / "data"

_URL = "https://openaipublic.blob.core.windows.net/encodings/"
_END = "<|endoftext|>"
_FIM = ("<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>")


class Source(NamedTuple):
    """A file of ranks, and what it must hash to."""

    file: str
    sha256: str

    @property
    def cached(self) -> str:
        """What the file is called in tiktoken's cache."""
        address = f"{_URL}{self.file}.tiktoken"
        return hashlib.sha1(address.encode(), usedforsecurity=False).hexdigest()


class _Encoding(NamedTuple):
    """Ranks, how a text is cut into pieces, and the ids of special tokens."""

    source: Source
    pattern: str
    special: dict[str, int]


class Tokenizer(Protocol):
    """What is used of a ``tiktoken.Encoding``."""

    name: str

    def encode_ordinary(self, text: str) -> list[int]:
        """Tokens of a text; special tokens in it are ordinary text."""

    def _encode_single_piece(self, text_or_bytes: str | bytes) -> list[int]: ...

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of tokens; bytes that are no UTF-8 become U+FFFD."""

    def decode_tokens_bytes(self, tokens: Sequence[int]) -> list[bytes]:
        """The bytes of each token."""


_O200K = Source("o200k_base", "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d")
_CL100K = Source("cl100k_base", "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7")
_P50K = Source("p50k_base", "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069")
_R50K = Source("r50k_base", "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930")

SHIPPED: Final = {"o200k_base": _O200K, "cl100k_base": _CL100K}

_MARKED = r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"""
_SHORT = r"""[\p{Ll}\p{Lm}\p{Lo}\p{M}]{}(?i:'s|'t|'re|'ve|'m|'ll|'d)?"""
_O200K_PATTERN = "|".join(
    [
        _MARKED + "*" + _SHORT.replace("{}", "+"),
        _MARKED + "+" + _SHORT.replace("{}", "*"),
        r"""\p{N}{1,3}""",
        r""" ?[^\s\p{L}\p{N}]+[\r\n/]*""",
        r"""\s*[\r\n]+""",
        r"""\s+(?!\S)""",
        r"""\s+""",
    ]
)
_CL100K_PATTERN = (
    r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+"""
    r"""| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"""
)
_OLD_PATTERN = (
    r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"""
)

_O200K_SPECIAL = {_END: 199999, "<|endofprompt|>": 200018}
_HARMONY = dict(
    zip(
        ("<|return|>", "<|constrain|>", "<|channel|>", "<|start|>", "<|end|>", "<|message|>"),
        (200002, 200003, 200005, 200006, 200007, 200008),
        strict=True,
    )
)
_RESERVED = {f"<|reserved_{i}|>": i for i in (200000, 200001, 200004, 200009, 200010, 200011)}
_RESERVED |= {f"<|reserved_{i}|>": i for i in range(200013, 201088)}
_HARMONY |= _RESERVED | {"<|startoftext|>": 199998, "<|call|>": 200012}
_CL100K_SPECIAL = {_END: 100257, **dict(zip(_FIM, (100258, 100259, 100260), strict=True))}
_CL100K_SPECIAL["<|endofprompt|>"] = 100276
_EDIT_SPECIAL = {_END: 50256, **dict(zip(_FIM, (50281, 50282, 50283), strict=True))}

_ENCODINGS: Final = {
    "o200k_base": _Encoding(_O200K, _O200K_PATTERN, _O200K_SPECIAL),
    "o200k_harmony": _Encoding(_O200K, _O200K_PATTERN, {**_O200K_SPECIAL, **_HARMONY}),
    "cl100k_base": _Encoding(_CL100K, _CL100K_PATTERN, _CL100K_SPECIAL),
    "p50k_base": _Encoding(_P50K, _OLD_PATTERN, {_END: 50256}),
    "p50k_edit": _Encoding(_P50K, _OLD_PATTERN, _EDIT_SPECIAL),
    "r50k_base": _Encoding(_R50K, _OLD_PATTERN, {_END: 50256}),
    "gpt2": _Encoding(_R50K, _OLD_PATTERN, {_END: 50256}),
}
NAMES: Final = tuple(_ENCODINGS)

_loaded: dict[str, Tokenizer] = {}
_lock = threading.Lock()


def tokenizer(name: str) -> Tokenizer:
    """The encoding of this name, loaded once for the process (a tenth to a third of a second).

    Raises:
        ConfigurationError: no encoding has this name, its file is damaged, or it is not shipped
            and not in tiktoken's cache.
    """
    found = _loaded.get(name)
    if found is None:
        with _lock:
            found = _loaded.get(name) or _loaded.setdefault(name, _load(name))
    return found


def _load(name: str) -> Tokenizer:
    from tiktoken import Encoding  # noqa: PLC0415 - an import of tens of milliseconds, when needed

    if name not in _ENCODINGS:
        raise ConfigurationError(f"no encoding {name!r}; there are {', '.join(_ENCODINGS)}")
    source, pattern, special = _ENCODINGS[name]
    ranks = _packed(source) if source.file in SHIPPED else _from_cache(source)
    return Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens=special)


def _packed(source: Source) -> dict[bytes, int]:
    try:
        packed = (DATA / f"{source.file}.bpe").read_bytes()
    except OSError as error:
        raise _damaged(source) from error
    return unpack(packed, source)


def _damaged(source: Source) -> ConfigurationError:
    return ConfigurationError(
        f"llmkit's own file {source.file}.bpe is missing or damaged: install llmkit again"
    )


def unpack(packed: bytes, source: Source) -> dict[bytes, int]:
    """Ranks by token. Raises ConfigurationError unless they are exactly the source's."""
    count = int.from_bytes(packed[:4], "big")
    try:
        body = zlib.decompress(packed[4:])
        ranks, tokens = _unfolded(body, count)
    except (zlib.error, IndexError, ValueError) as error:
        raise _damaged(source) from error
    if hashlib.sha256(_original(tokens)).hexdigest() != source.sha256:
        raise _damaged(source)
    return ranks


def _unfolded(body: bytes, count: int) -> tuple[dict[bytes, int], list[bytes]]:
    planes = bytearray(4 * count)
    for place in range(3):
        planes[place::4] = body[(2 + place) * count : (3 + place) * count]
    order = array("I", bytes(planes))
    if sys.byteorder == "big":
        order.byteswap()
    ranks: dict[bytes, int] = {}
    tokens = [b""] * count
    token, at = b"", 5 * count
    for rank, shared, more in zip(order, body, body[count : 2 * count], strict=False):
        tokens[rank] = token = token[:shared] + body[at : at + more]
        ranks[token] = rank
        at += more
    return ranks, tokens


# b2a_base64 ends its lines; what stands before the rank is a space, and the line ends after it.
_LINES = bytes.maketrans(b"\n\0", b" \n")
_ROW = 1000


def _original(tokens: list[bytes]) -> bytes:
    """The text of the ``.tiktoken`` file: a line of base64 and rank for each token.

    In rows of a thousand and without formatting a number for each: this is most of what checking costs.
    """
    endings = [b"%03d\0" % number for number in range(_ROW)]
    rows = []
    for start in range(0, len(tokens), _ROW):
        some = tokens[start : start + _ROW]
        row = [b"%d" % (start // _ROW) if start else b""] * (3 * len(some))
        row[0::3] = map(binascii.b2a_base64, some)
        row[2::3] = endings[: len(some)] if start else [b"%d\0" % n for n in range(len(some))]
        rows.append(b"".join(row))
    return b"".join(rows).translate(_LINES)


def _from_cache(source: Source) -> dict[bytes, int]:
    path = Path(_cache_directory()) / source.cached
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"the encoding {source.file} is not shipped with llmkit and nothing is downloaded: call "
            f"tiktoken.get_encoding({source.file!r}) once where there is a network, or put "
            f"{_URL}{source.file}.tiktoken as {source.cached} into the directory that TIKTOKEN_CACHE_DIR names"
        ) from error
    if hashlib.sha256(text).hexdigest() != source.sha256:
        raise ConfigurationError(f"{path} is not OpenAI's {source.file}.tiktoken: delete it")
    rows = (line.split() for line in text.splitlines())
    return {base64.b64decode(token): int(rank) for token, rank in rows}


def _cache_directory() -> str:
    """Where tiktoken keeps what it has downloaded, by its own two settings."""
    for name in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"):
        if name in os.environ:
            return os.environ[name]
    return str(Path(tempfile.gettempdir()) / "data-gym-cache")
