"""Tokens of text for models whose tokenizer is not public: a stated estimate, and a bound that is proven.

The estimate counts words, digits, signs, lines and characters of other scripts, each with the weight that a
model's rule gives it. The bound is UTF-8 bytes: no token of byte-level BPE, nor of sentencepiece with byte
fallback, holds less than one. Weights are the catalogue's; exact counts belong in ``_encodings``.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from .. import _json
from .._normal import normal_size
from ._counted import CountedTokens

__all__ = ["prompt_tokens", "schema_tokens", "text_tokens", "utf8_bytes"]

Rule = Mapping[str, Any]

_STATED: Final = "tokens are estimated from the text: no public tokenizer for this model"
# Texts are read in slices, so that a long one does not become millions of matches at once.
_SLICE: Final = 1 << 16
_LONG_FROM: Final = 9
_LINES: Final = re.compile(r"\n\s*")
_LATIN: Final = re.compile("[\u0080-\u024f]+")
# Han, kana, hangul and their full-width signs: about a token each.
_WIDE: Final = re.compile(
    "[\u2e80-\ua4cf\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]+"
)


def _only(kept: str) -> bytes:
    """A table that leaves these characters and makes blanks of all others."""
    return bytes(byte if chr(byte) in kept else 32 for byte in range(256))


_LETTERS: Final = _only(string.ascii_letters)
_DIGITS: Final = _only(string.digits)
# A question mark stands for every character beyond ASCII as well, and is counted by itself.
_SIGNS: Final = _only(string.punctuation.replace("?", ""))
_SCHEMAS: Final = ("tools", "functions", "response_format")


def text_tokens(text: str, rule: Rule) -> CountedTokens:
    """The tokens of a text as the rule's weights estimate them, at most its UTF-8 bytes."""
    weights = rule.get("text", {})
    total = 0.0
    for start in range(0, len(text), _SLICE):
        total += _slice_tokens(text[start : start + _SLICE], weights)
    most = utf8_bytes(text)
    value = min(max(round(total * weights.get("scale", 1.0)), 1), most)
    return CountedTokens(value, False, most, (_STATED,))


def utf8_bytes(text: str) -> int:
    """Bytes of the text, half a character (a lone surrogate) being three; or in the form that it may get first.

    Tokenizers that are not public may bring a text into NFKC, where one character can be eighteen.
    """
    if text.isascii():
        return len(text)
    return max(len(text.encode("utf-8", "surrogatepass")), normal_size("NFKC", text))


def _slice_tokens(text: str, weights: Rule) -> float:
    # Tables and splits instead of patterns: a tenth of the time.
    data = text.encode("ascii", "replace")
    words = data.translate(_LETTERS).split()
    digits = data.translate(_DIGITS).split()
    signs = data.translate(_SIGNS).split()
    asked = text.count("?")
    counts = {
        "word": len(words),
        "letter": sum([len(word) - _LONG_FROM for word in words if len(word) > _LONG_FROM]),
        "number": len(digits),
        "digit": sum(map(len, digits)),
        "signs": len(signs) + asked,
        "sign": sum(map(len, signs)) + asked,
        "line": len(_LINES.findall(text)) if "\n" in text else 0,
    }
    if not text.isascii():
        counts["latin"] = sum(map(len, _LATIN.findall(text)))
        counts["wide"] = sum(map(len, _WIDE.findall(text)))
        beyond = data.count(b"?") - asked
        counts["other"] = beyond - counts["latin"] - counts["wide"]
    weight = {**_WEIGHTS, **weights}
    return sum(count * float(weight[name]) for name, count in counts.items())


# Of a byte-level BPE of some 128,000 to 200,000 tokens; a rule names those in which a model differs.
_WEIGHTS: Final[Mapping[str, float]] = {
    "word": 1.0,
    "letter": 0.3,
    "number": 0.7,
    "digit": 0.35,
    "signs": 0.45,
    "sign": 0.35,
    "line": 0.6,
    "latin": 0.3,
    "wide": 0.9,
    "other": 0.5,
}


def prompt_tokens(
    messages: Sequence[Mapping[str, Any]],
    rule: Rule,
    params: Mapping[str, Any] | None = None,
) -> CountedTokens:
    """The tokens of a conversation's texts, with what the provider puts around them.

    Attachments must have been taken out (``_attached.apart``); they are counted by ``part_tokens``.
    ``params``: ``tools``, ``functions`` and ``response_format``, as they are sent. The bound takes a byte of
    the messages' JSON as a token, and for what stands around them the rule's own terms (``bound``).
    """
    around = rule.get("around", {})
    said = sum(int(text_tokens("\n".join(_texts(message)), rule)) for message in messages)
    value = round(said + around.get("prompt", 0) + around.get("message", 0) * len(messages))
    most = _most(messages, rule.get("bound", {}))
    notes = (_STATED, *rule.get("notes", ()))
    schemas = schema_tokens(params or {}, rule)
    return CountedTokens(value, False, max(most, value), notes) + schemas


def _most(messages: Sequence[Mapping[str, Any]], bound: Rule) -> int:
    """A token for every byte of the messages' JSON, and the rule's terms for what is put around them."""
    written = [_written(message) for message in messages]
    most = sum(map(utf8_bytes, written)) + int(bound.get("message", 0)) * len(messages)
    words = bound.get("words", {}).items()
    most += sum(int(extra) for word, extra in words if any(word in text for text in written))
    return most + int(bound.get("hidden", 0))


def schema_tokens(params: Mapping[str, Any], rule: Rule) -> CountedTokens:
    """The tokens of the tools and the answer's schema; 0, exactly, where there are none."""
    given = [params[key] for key in _SCHEMAS if params.get(key)]
    if not given:
        return CountedTokens(0)
    around, bound = rule.get("around", {}), rule.get("bound", {})
    tools = sum(len(value) for value in given if isinstance(value, list | tuple))
    value = float(around.get("tools", 0)) if tools else 0.0
    most = int(bound.get("schemas", 0)) + int(bound.get("tool", 0)) * tools
    for schema in given:
        text = _written(schema)
        weight = around.get("schema" if isinstance(schema, list | tuple) else "format", 1.0)
        value += int(text_tokens(text, rule)) * weight
        # A schema may be restated in the provider's own notation beside the original.
        most += 2 * utf8_bytes(text)
    return CountedTokens(round(value), False, max(most, round(value)), (_STATED,))


# Marks for machines: a model does not read them, or nobody bills them.
_NOT_SAID: Final = frozenset({
    "role", "type", "id", "tool_call_id", "tool_use_id", "cache_control", "cachePoint",
    "images", "audio", "signature", "thought_signature", "thoughtSignature", "encrypted_content",
})  # fmt: skip


def _texts(value: Any) -> Iterator[str]:
    """Every text in a message that a model reads; names of fields and ids are not."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if key not in _NOT_SAID:
                yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)


def _written(value: Any) -> str:
    """The value as JSON; what JSON cannot say, as Python shows it."""
    try:
        return _json.dump(value).decode()
    except (ValueError, TypeError):
        return repr(value)
