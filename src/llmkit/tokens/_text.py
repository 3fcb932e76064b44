"""Text to tokens and back by an encoding. What a message or a tool adds to its text is not known here."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import ConfigurationError
from ._counted import CountedTokens
from ._encodings import Tokenizer, tokenizer
from ._pieces import BLOCK, Encoded, encode_long, runs

__all__ = ["count_text", "decode", "encode"]

LOOSE = "a run of text without a break was cut where tokens may be counted otherwise"
UNASSIGNED = "a long run has characters newer than this Python's Unicode tables"


def encode(encoding: str, text: str) -> list[int]:
    """The tokens of a text, as ``encode_ordinary`` of tiktoken has them, in linear time.

    Special tokens in the text are ordinary text. A lone surrogate counts as U+FFFD.

    Raises:
        ConfigurationError: as of ``tokenizer``.
    """
    return _encoded(tokenizer(encoding), text).tokens


def count_text(encoding: str, text: str) -> CountedTokens:
    """How many tokens a text has; see ``encode``."""
    return _told(text, _encoded(tokenizer(encoding), text))


def _told(text: str, encoded: Encoded) -> CountedTokens:
    tokens, loose, unassigned = encoded
    if not loose and not unassigned:
        return CountedTokens(len(tokens))
    # A token has a byte at least: whatever the cuts, a run has no more tokens than bytes.
    bound = len(text.encode(errors="replace")) if unassigned else len(tokens) + loose
    notes = (LOOSE,) * bool(loose) + (UNASSIGNED,) * unassigned
    return CountedTokens(len(tokens), exact=False, at_most=max(bound, len(tokens)), notes=notes)


def decode(encoding: str, tokens: Sequence[int]) -> str:
    """The text of tokens; bytes that are no UTF-8 become U+FFFD.

    Raises:
        ConfigurationError: a number is no token of the encoding; or as of ``tokenizer``.
    """
    try:
        return tokenizer(encoding).decode(tokens)
    except (KeyError, OverflowError, TypeError) as error:
        raise ConfigurationError(f"not all of these are tokens of {encoding}: {error}") from error


def _encoded(loaded: Tokenizer, text: str) -> Encoded:
    found = runs(text, loaded.name) if len(text) >= 2 * BLOCK else ()
    if not found:
        return Encoded(loaded.encode_ordinary(text))
    if not _sound(text):
        # As tiktoken does. Places may move, so runs are looked for again.
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        found = runs(text, loaded.name)
    return _joined(loaded, text, found)


def _sound(text: str) -> bool:
    """Whether there is no surrogate in it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _joined(loaded: Tokenizer, text: str, found: Sequence[tuple[int, int]]) -> Encoded:
    tokens: list[int] = []
    loose, unassigned, done = 0, False, 0
    for begin, end in found:
        tokens += loaded.encode_ordinary(text[done:begin])
        run = encode_long(loaded, text[begin:end])
        tokens += run.tokens
        loose, unassigned, done = loose + run.loose, unassigned or run.unassigned, end
    tokens += loaded.encode_ordinary(text[done:])
    return Encoded(tokens, loose, unassigned)
