"""Long unbroken runs of text, cut so that encoding them takes time linear in their length.

tiktoken cuts a text into pieces by a pattern, and merges each piece's bytes. On very long pieces its pattern overflows
a stack and its merging grows faster than the piece. So runs in which such a piece may lie are found first (a look
at every 256th place), cut into pieces by the same rules here, and merged in windows that overlap.

Windows lose nothing: a sequence of tokens is what merging gives if each two neighbours are (up to the first merge
across a boundary, merging does in the pair what it does in the whole; so such a merge would come in the pair, too).
Two windows that share a token are joined at it: each pair of neighbours then stands in one of them.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, NamedTuple

from ._encodings import Tokenizer

__all__ = ["BLOCK", "Encoded", "encode_long", "runs"]

BLOCK: Final = 256
"""A piece of twice as many characters covers one whole block, and is then looked into."""
WINDOW: Final = 2048
"""Bytes of a piece that are merged at once."""
OVERLAP: Final = 384
"""Bytes that windows share; the longest token has 128."""


class Encoded(NamedTuple):
    """Tokens of a run. ``loose``: bytes of pieces where the windows did not meet, and so may be cut otherwise."""

    tokens: list[int]
    loose: int = 0
    unassigned: bool = False
    """There are characters that this Python's Unicode tables do not know."""


# Where a text can be cut in two that are encoded apart: no pattern looks beyond it from either side.
_CUT = re.compile("[!-~](?= )")


def runs(text: str, encoding: str) -> list[tuple[int, int]]:
    """Where a long piece may be: from a place to cut to the next one. Mostly there are none."""
    search = _RULES[encoding].broken.search
    starts = range(0, len(text) - BLOCK + 1, BLOCK)
    dense = [start for start in starts if search(text, start, start + BLOCK) is None]
    found: list[tuple[int, int]] = []
    done = 0
    for start in dense:
        if start >= done:
            cut = _CUT.search(text, start + BLOCK)
            begin, done = _cut_before(text, start, done), cut.end() if cut else len(text)
            found.append((begin, done))
    return found


def _cut_before(text: str, start: int, done: int) -> int:
    """The last cut that is not after ``start``; ``done`` where there is none behind it."""
    high = start + 1  # the space after a cut has to be seen
    while high > done + 1:
        low = max(done, high - BLOCK)
        cuts = [cut.end() for cut in _CUT.finditer(text, low, high)]
        if cuts:
            return cuts[-1]
        high = low + 1
    return done


def encode_long(tokenizer: Tokenizer, text: str) -> Encoded:
    """Tokens of a run in time linear in its length."""
    shown = text.translate(_STAND_INS)
    encode = tokenizer._encode_single_piece  # noqa: SLF001 - there since its first version; no other way in
    tokens: list[int] = []
    loose = 0
    for piece in _RULES[tokenizer.name].piece.finditer(shown):
        raw = text[piece.start() : piece.end()].encode()
        if len(raw) <= WINDOW:
            tokens += encode(raw)
        else:
            loose += _merge(tokenizer, raw, tokens)
    return Encoded(tokens, loose, _UNASSIGNED in shown)


def _merge(tokenizer: Tokenizer, raw: bytes, tokens: list[int]) -> int:
    """Append a long piece's tokens; answer how many bytes of it may be merged otherwise."""
    encode = tokenizer._encode_single_piece  # noqa: SLF001
    ids, end = encode(raw[:WINDOW]), WINDOW
    while end < len(raw):
        old = _last(tokenizer, ids, end)
        start = old[0].start
        following = encode(raw[start : start + WINDOW])
        joint = _joint(old, _first(tokenizer, following, start))
        if joint is None:
            tokens += ids
            for place in range(end, len(raw), WINDOW):
                tokens += encode(raw[place : place + WINDOW])
            return len(raw)
        tokens += ids[: len(ids) - len(old) + joint[0]]
        ids, end = following[joint[1] :], start + WINDOW
    tokens += ids
    return 0


class _Token(NamedTuple):
    """A token and where it begins."""

    id: int
    start: int


def _last(tokenizer: Tokenizer, ids: list[int], end: int) -> list[_Token]:
    """The tokens that begin in the overlap before ``end``, and the one before them."""
    found: list[_Token] = []
    start = end
    for number, token in zip(*_reversed(tokenizer, ids[-OVERLAP:]), strict=True):
        start -= len(token)
        found.append(_Token(number, start))
        if start <= end - OVERLAP:
            break
    return found[::-1]


def _reversed(tokenizer: Tokenizer, ids: list[int]) -> tuple[list[int], list[bytes]]:
    return ids[::-1], tokenizer.decode_tokens_bytes(ids)[::-1]


def _first(tokenizer: Tokenizer, ids: list[int], start: int) -> dict[_Token, int]:
    """The tokens of a window as far as the one before it went, and the place of each."""
    some = ids[: 2 * OVERLAP]
    found = {}
    for place, (number, token) in enumerate(
        zip(some, tokenizer.decode_tokens_bytes(some), strict=True)
    ):
        found[_Token(number, start)] = place
        start += len(token)
    return found


def _joint(old: list[_Token], new: dict[_Token, int]) -> tuple[int, int] | None:
    """Where a token of both stands in each, the first of them."""
    return next(((place, new[token]) for place, token in enumerate(old) if token in new), None)


# Characters stand for their class: what the patterns ask for is then asked of ASCII and four others.
_OTHER_LETTER, _MARK, _OTHER, _UNASSIGNED = "\u4e00", "\u0301", "\u00a7", "\uffff"
_CLASSES = {
    "Lu": "A", "Lt": "A", "Ll": "a", "Lm": _OTHER_LETTER, "Lo": _OTHER_LETTER,
    "Mn": _MARK, "Mc": _MARK, "Me": _MARK, "Nd": "0", "Nl": "0", "No": "0", "Cn": _UNASSIGNED,
}  # fmt: skip
_SPACES = dict.fromkeys((0x85, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000), "\t")
_SPACES |= dict.fromkeys(range(0x2000, 0x200B), "\t")
# To a pattern that ignores case the long s is an s. What Unicode promises never to assign is no letter.
_SPECIAL = _SPACES | {0x17F: "s"} | dict.fromkeys(range(0xFDD0, 0xFDF0), _OTHER)
_SPECIAL |= {(plane << 16) + low: _OTHER for plane in range(17) for low in (0xFFFE, 0xFFFF)}
_MOST_KEPT = 4096


class _StandIns(dict[int, str]):
    """What stands for a character; the first few thousand that are met are kept."""

    def __missing__(self, code: int) -> str:
        if code <= ord("~"):
            shown = chr(code)
        else:
            category = unicodedata.category(chr(code))
            shown = _SPECIAL.get(code) or _CLASSES.get(category, _OTHER)
        if len(self) < _MOST_KEPT:
            self[code] = shown
        return shown


_STAND_INS = _StandIns()


class _Rules(NamedTuple):
    """How one pattern cuts."""

    broken: re.Pattern[str]
    """Found in a block that is not all of one piece. It names only characters whose class is settled for good."""
    piece: re.Pattern[str]


_LETTERS = (
    "[A-Za-z\u00c0-\u00d6\u0391-\u03a1\u0410-\u044f\u05d0-\u05ea\u0621-\u063a\u0904-\u0939"
    "\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fa5\uac00-\ud7a3]"
)
_STOPS = "[!-&(-/:-@\\[-`{-~\u3001\u3002\uff01\uff0c\uff0e\uff1a\uff1b\uff1f\u060c\u0964\\n]"
_APART = f"[!-~] |{_LETTERS}{_STOPS}"
_SHORT_NUMBERS = f"{_APART}|[0-9]"  # no piece with a digit has more than three
_LONG_NUMBERS = f"{_APART}|[A-Za-z][0-9]|[0-9][A-Za-z]"


def _rules(broken: str, *branches: str) -> _Rules:
    """The branches, with classes of stand-ins for Unicode's."""
    names = {
        "UPPER": f"A-Z{_OTHER_LETTER}{_MARK}",
        "LOWER": f"a-z{_OTHER_LETTER}{_MARK}",
        "LETTER": f"A-Za-z{_OTHER_LETTER}",
        "SPACE": r"\t-\r ",
    }
    joined = "|".join(branches)
    for name, members in names.items():
        joined = joined.replace(name, members)
    return _Rules(re.compile(broken), re.compile(joined))


_LEAD = r"[^\r\nLETTER0-9]?"
_SUFFIX = "(?:'(?i:s|t|re|ve|m|ll|d))?"
_O200K = _rules(
    _SHORT_NUMBERS,
    _LEAD + "[UPPER]*[LOWER]+" + _SUFFIX,
    _LEAD + "[UPPER]+[LOWER]*" + _SUFFIX,
    "[0-9]{1,3}",
    r" ?[^SPACELETTER0-9]+[\r\n/]*",
    r"[SPACE]*[\r\n]+",
    "[SPACE]+(?![^SPACE])",
    "[SPACE]+",
)
_CL100K = _rules(
    _SHORT_NUMBERS,
    "'(?i:[sdmt]|ll|ve|re)",
    _LEAD + "+[LETTER]++",
    "[0-9]{1,3}+",
    r" ?[^SPACELETTER0-9]++[\r\n]*+",
    r"[SPACE]++\Z",
    r"[SPACE]*[\r\n]",
    "[SPACE]+(?![^SPACE])",
    "[SPACE]",
)
_P50K = _rules(
    _LONG_NUMBERS,
    "'(?:[sdmt]|ll|ve|re)",
    " ?[LETTER]++",
    " ?[0-9]++",
    " ?[^SPACELETTER0-9]++",
    r"[SPACE]++\Z",
    "[SPACE]+(?![^SPACE])",
    "[SPACE]",
)
_RULES = {
    **dict.fromkeys(("o200k_base", "o200k_harmony"), _O200K),
    "cl100k_base": _CL100K,
    **dict.fromkeys(("p50k_base", "p50k_edit", "r50k_base", "gpt2"), _P50K),
}
