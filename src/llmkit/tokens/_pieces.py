"""Long unbroken runs of text, cut so that encoding them takes time linear in their length.

tiktoken cuts a text into pieces by a pattern, and merges each piece's bytes. On very long pieces its pattern overflows
a stack and its merging grows faster than the piece. So runs in which such a piece may lie are found first (a look
at every 128th place), cut into pieces by the same rules here, and merged in windows that overlap.

Windows lose nothing: a sequence of tokens is what merging gives if each two neighbours are (up to the first merge
across a boundary, merging does in the pair what it does in the whole; so such a merge would come in the pair, too).
Two windows that share a token are joined at it: each pair of neighbours then stands in one of them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final, NamedTuple

from typing_extensions import override

from ._encodings import Tokenizer

__all__ = ["BLOCK", "Encoded", "encode_long", "runs"]

BLOCK: Final = 128
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


# Two neighbours between which every pattern cuts, or a digit (no piece with one is longer than three): a block
# with such a place is not inside one piece. Only characters whose class no version of Unicode will change.
_BREAK = re.compile(
    "[!-~] |[0-9]|[A-Za-z\u00c0-\u00d6\u0391-\u03a1\u0410-\u044f\u05d0-\u05ea\u0621-\u063a\u0904-\u0939"
    "\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fa5\uac00-\ud7a3]"
    "[!-&(-/:-@\\[-`{-~\u3001\u3002\uff01\uff0c\uff0e\uff1a\uff1b\uff1f\u060c\u0964\n]"
)
# Where a text can be cut in two that are encoded apart: no pattern looks beyond it from either side.
_CUT = re.compile("[!-~](?= )")


def runs(text: str) -> list[tuple[int, int]]:
    """Where a long piece may be: from a place to cut to the next one. Mostly there are none."""
    search = _BREAK.search
    starts = range(0, len(text) - BLOCK + 1, BLOCK)
    dense = [start for start in starts if search(text, start, start + BLOCK) is None]
    found: list[tuple[int, int]] = []
    done = 0
    for start in dense:
        if start < done:
            continue
        begin = _cut_before(text, start, done)
        cut = _CUT.search(text, start + BLOCK)
        end = len(text) if cut is None else cut.end()
        if found and begin == done:
            begin = found.pop()[0]
        found.append((begin, end))
        done = end
    return found


def _cut_before(text: str, start: int, done: int) -> int:
    """The last cut that is not after ``start``; not looking before ``done``, where one is."""
    high = start + 1
    while high > done:
        low = max(done, high - BLOCK)
        last = None
        # One more, because the space after the cut has to be seen.
        for last in _CUT.finditer(text, low, high):
            pass
        if last is not None:
            return last.end()
        high = low + 1 if low > done else done
    return done


def encode_long(tokenizer: Tokenizer, text: str, *, modern: bool) -> Encoded:
    """Tokens of a run in time linear in its length; ``modern`` says which pattern (o200k's)."""
    shown = text.translate(_STAND_INS)
    encode = tokenizer._encode_single_piece  # noqa: SLF001 - there since its first version; no other way in
    tokens: list[int] = []
    loose = 0
    for piece in (_MODERN if modern else _OLDER).finditer(shown):
        raw = text[piece.start() : piece.end()].encode()
        if len(raw) <= WINDOW:
            tokens += encode(raw)
        else:
            loose += _merge(tokenizer, raw, tokens)
    return Encoded(tokens, loose, _UNASSIGNED in shown)


def _merge(tokenizer: Tokenizer, raw: bytes, tokens: list[int]) -> int:
    """Append a long piece's tokens; answer how many bytes of it may be merged otherwise."""
    found = _window(tokenizer, raw, 0)
    while (end := found[-1].end) < len(raw):
        keep = next(i for i, token in enumerate(found) if token.end > end - OVERLAP)
        following = _window(tokenizer, raw, found[keep].start)
        joint = _joint(found[keep + 1 :], following)
        if joint is None:
            tokens += [token.id for token in found]
            tokens += [token.id for token in _apart(tokenizer, raw, end)]
            return len(raw)
        old, new = joint
        tokens += [token.id for token in found[: keep + 1 + old]]
        found = following[new:]
    tokens += [token.id for token in found]
    return 0


class _Token(NamedTuple):
    """A token and the bytes that it covers."""

    id: int
    start: int
    end: int


def _window(tokenizer: Tokenizer, raw: bytes, start: int) -> list[_Token]:
    ids = tokenizer._encode_single_piece(raw[start : start + WINDOW])  # noqa: SLF001
    found = []
    for number, token in zip(ids, tokenizer.decode_tokens_bytes(ids), strict=True):
        found.append(_Token(number, start, start + len(token)))
        start += len(token)
    return found


def _joint(old: list[_Token], new: list[_Token]) -> tuple[int, int] | None:
    """Where a token of both stands in each, the first of them."""
    places = {token: place for place, token in enumerate(new)}
    for place, token in enumerate(old):
        if token in places:
            return place, places[token]
    return None


def _apart(tokenizer: Tokenizer, raw: bytes, start: int) -> Iterator[_Token]:
    """The rest of a piece in windows that do not overlap, where overlapping ones did not meet."""
    while start < len(raw):
        yield from _window(tokenizer, raw, start)
        start += WINDOW


# Characters stand for their class: what the patterns ask for is then asked of ASCII and five others.
_OTHER_LETTER, _MARK, _OTHER, _UNASSIGNED = "\u4e00", "\u0301", "\u00a7", "\uffff"
_CLASSES = {
    "Lu": "A", "Lt": "A", "Ll": "a", "Lm": _OTHER_LETTER, "Lo": _OTHER_LETTER,
    "Mn": _MARK, "Mc": _MARK, "Me": _MARK, "Nd": "0", "Nl": "0", "No": "0", "Cn": _UNASSIGNED,
}  # fmt: skip
_SPACES = frozenset(map(chr, (0x85, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)))
_SPACES |= frozenset(map(chr, range(0x2000, 0x200B)))
_MOST_KEPT = 4096


class _StandIns(dict[int, str]):
    """What stands for a character; the first few thousand that are met are kept."""

    @override
    def __missing__(self, code: int) -> str:
        char = chr(code)
        shown = char
        if char in _SPACES:
            shown = "\t"
        elif char == "\u017f":
            shown = "s"  # the long s: to a pattern that ignores case it is one
        elif code > ord("~"):
            shown = _CLASSES.get(unicodedata.category(char), _OTHER)
        if len(self) < _MOST_KEPT:
            self[code] = shown
        return shown


_STAND_INS = _StandIns()


def _pattern(*branches: str) -> re.Pattern[str]:
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
    return re.compile(joined)


_LEAD = r"[^\r\nLETTER0-9]?"
_SUFFIX = "(?:'(?i:s|t|re|ve|m|ll|d))?"
_MODERN = _pattern(
    _LEAD + "[UPPER]*[LOWER]+" + _SUFFIX,
    _LEAD + "[UPPER]+[LOWER]*" + _SUFFIX,
    "[0-9]{1,3}",
    r" ?[^SPACELETTER0-9]+[\r\n/]*",
    r"[SPACE]*[\r\n]+",
    "[SPACE]+(?![^SPACE])",
    "[SPACE]+",
)
_OLDER = _pattern(
    "'(?i:[sdmt]|ll|ve|re)",
    r"[^\r\nLETTER0-9]?+[LETTER]++",
    "[0-9]{1,3}+",
    r" ?[^SPACELETTER0-9]++[\r\n]*+",
    r"[SPACE]++\Z",
    r"[SPACE]*[\r\n]",
    "[SPACE]+(?![^SPACE])",
    "[SPACE]",
)
