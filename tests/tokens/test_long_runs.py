from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmkit.tokens import _pieces, _text, count
from llmkit.tokens._encodings import tokenizer
from llmkit.tokens._pieces import runs

ENCODINGS = ("o200k_base", "cl100k_base")
LENGTH = 200_000

# Each kind of character that a pattern tells from others, and what borders on it.
SEEDS = [
    "a", "A", "b", " ", "  ", "\n", "\r\n", "\t", "'s", "'", "'\u017f", "\u017f", "é", "É", "中", "あ", "。",
    "ǅ", "ʰ", "\u0301", "1", "²", "Ⅷ", "😀", "👍🏽", "/", "//", ".", ",", "!", "_", "\x1c", "\x85", "\u3000",
    "\u2028", "\u200b", "ก", "ำ", "क", "ि", "한", "ل", "\x00", "\x7f", "Ω", "ω", "'LL", "'t", "<|endoftext|>",
    "abc", "def", " a", "\ufffe", "\ue000",
]  # fmt: skip


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks and windows of a few characters, so that short texts have long runs."""
    monkeypatch.setattr(_pieces, "BLOCK", 4)
    monkeypatch.setattr(_text, "BLOCK", 4)
    monkeypatch.setattr(_pieces, "WINDOW", 300)
    monkeypatch.setattr(_pieces, "OVERLAP", 150)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Texts of repeated and mixed pieces."""
    some = draw(st.lists(st.sampled_from(SEEDS), min_size=1, max_size=6))
    pairs = st.tuples(st.sampled_from(some), st.sampled_from([1, 1, 2, 3, 10, 40, 400]))
    return "".join(piece * times for piece, times in draw(st.lists(pairs, max_size=30)))


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.usefixtures("small")
@settings(deadline=None, max_examples=150)
@given(text=texts())
def test_long_runs_are_tiktokens(name: str, text: str) -> None:
    """Cut into runs, pieces and windows, a text has the tokens that tiktoken gives it whole."""
    found = _text._encoded(tokenizer(name), text)
    if not found.loose and not found.unassigned:
        assert found.tokens == tokenizer(name).encode_ordinary(text)


@pytest.mark.parametrize("name", ENCODINGS)
@settings(deadline=None, max_examples=150)
@given(text=st.one_of(st.text(max_size=2000), texts()))
def test_any_text_is_tiktokens(name: str, text: str) -> None:
    """With the real sizes of blocks and windows, surrogates and unassigned characters included."""
    if "\ud800" <= max(text, default="") <= "\udfff":
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert _text.encode(name, text) == tokenizer(name).encode_ordinary(text)


HOSTILE = {
    "letters": "a" * LENGTH,
    "capitals": "A" * LENGTH,
    "spaces": " " * LENGTH,
    "lines": "\n" * LENGTH,
    "tabs and lines": "\t\n" * (LENGTH // 2),
    "digits": "7" * LENGTH,
    "dots": "." * LENGTH,
    "one emoji": "😀" * LENGTH,
    "marks": "e" + "\u0301" * LENGTH,
    "an alphabet": "abcdefghijklmnopqrstuvwxyz" * (LENGTH // 26),
    "random letters": "".join(random.Random(5).choices("abcdefghijklmnopqrstuvwxyz", k=LENGTH)),
    "chinese": "中文" * (LENGTH // 2),
    "mixed runs": ("a" * 5000 + " " * 5000 + "." * 5000) * 12,
    "nul": "\x00" * LENGTH,
    "surrogates": "\ud800" * 20_000,
}


class Counting:
    """An encoding that counts the bytes and the calls that reach tiktoken, and the longest piece of them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._real = tokenizer(name)
        self.bytes = self.longest = 0

    def encode_ordinary(self, text: str) -> list[int]:
        """What is given whole has no long piece in it."""
        self.bytes += len(text.encode(errors="replace"))
        for start, end in runs(text, self.name):
            self.longest = max(self.longest, end - start)
        return self._real.encode_ordinary(text)

    def _encode_single_piece(self, piece: str | bytes) -> list[int]:
        self.bytes += len(piece)
        self.longest = max(self.longest, len(piece))
        return self._real._encode_single_piece(piece)

    def decode(self, tokens: list[int]) -> str:
        return self._real.decode(tokens)

    def decode_tokens_bytes(self, tokens: list[int]) -> list[bytes]:
        return self._real.decode_tokens_bytes(tokens)


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("name", ENCODINGS)
def test_work_grows_with_the_text_alone(name: str, kind: str) -> None:
    """Of no text more than 1.4 times its bytes are merged, and never more than a window at once; all exactly."""
    text = HOSTILE[kind]
    counting = Counting(name)
    found = _text._encoded(counting, text)  # type: ignore[arg-type]
    assert counting.bytes <= 1.4 * len(text.encode(errors="surrogatepass")) + 10_000
    assert counting.longest <= _pieces.WINDOW
    assert (found.loose, found.unassigned) == (0, False)
    whole = tokenizer(name).decode(found.tokens)
    assert whole == text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@pytest.mark.parametrize(
    ("name", "text", "tokens"),
    [
        ("cl100k_base", "a" * 100_000, 12_500),
        ("o200k_base", "a" * 100_000, 12_500),
        ("o200k_base", "." * 100_000, 1_563),
        ("cl100k_base", " " * 1_000_000, 7_813),
        ("o200k_base", "1" * 1_000_000, 333_334),
        ("cl100k_base", "😀" * 100_000, 200_000),
    ],
)
def test_known_counts_of_long_runs(name: str, text: str, tokens: int) -> None:
    """As tiktoken 0.14 counts those of them that it can."""
    assert repr(count({"encoding": name}, text=text)) == f"CountedTokens({tokens})"


class Restless(Counting):
    """An encoding whose windows never share a token."""

    def __init__(self) -> None:
        super().__init__("o200k_base")
        self._turn = 0

    def _encode_single_piece(self, piece: str | bytes) -> list[int]:
        self._turn += 1
        # Tokens of one byte in one window, of two in the next.
        step = 1 + self._turn % 2
        whole = piece.encode() if isinstance(piece, str) else piece
        rest = whole[len(whole) - len(whole) % step :]
        single = self._real._encode_single_piece
        cut = [whole[i : i + step] for i in range(0, len(whole) - len(rest), step)]
        return [single(part)[0] for part in (*cut, *([rest] if rest else []))]


def test_windows_that_do_not_meet_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the number is no longer exact, and its bound is the bytes."""
    monkeypatch.setattr(_text, "tokenizer", lambda name: Restless())
    text = "ab" * 5000
    counted = count({"encoding": "o200k_base"}, text=text)
    assert not counted.exact
    assert counted.notes == (_text.LOOSE,)
    assert counted.at_most is not None
    assert counted <= 10_000 <= counted.at_most


def test_characters_of_the_future_are_said() -> None:
    """A run of characters that this Python does not know may be cut otherwise; it has no more tokens than bytes."""
    text = "\U000e1000" * 1000
    counted = count({"encoding": "o200k_base"}, text=text)
    assert counted.notes == (_text.UNASSIGNED,)
    assert (counted.exact, counted.at_most) == (False, 4000)


def test_runs_are_found_between_places_to_cut() -> None:
    """A long word in prose: from the space before it to the one after it."""
    text = "some words here " * 40 + "x" * 1000 + " and then some more " * 40
    ((start, end),) = runs(text, "o200k_base")
    assert text[start:end] == " " + "x" * 1000
    assert runs("some words here. " * 500, "o200k_base") == []


def test_kept_stand_ins_are_few() -> None:
    """Text of every character there is does not fill the memory."""
    shown = _pieces._StandIns()
    for code in range(0x2000):
        assert len(shown[code]) == 1
    assert len(shown) <= _pieces._MOST_KEPT
