"""Tokens of what a message attaches: pictures, documents, sound and film, by a model's rule.

The rule's numbers are the catalogue's (``catalogue.counting``), with the page each is from. Nothing is
fetched: of what lies elsewhere the size is unknown, and the rule's maximum is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil
from typing import Any, Final

from ._attached import Attached, attached
from ._counted import CountedTokens
from ._duration import duration
from ._estimate import text_tokens
from ._image_size import image_size, size_may_lie
from ._images import at_level, picture_tokens
from ._longest import longest
from ._pdf import count_pages

__all__ = ["part_tokens"]

Rule = Mapping[str, Any]

# What is assumed where neither the bytes nor the rule say anything: an estimate, never a bound.
_PICTURE: Final = 1000
_PAGES: Final = 10
_SECONDS: Final = 60
_BYTES_A_TOKEN: Final = 4


def part_tokens(part: Mapping[str, Any], rule: Rule) -> CountedTokens | None:
    """The tokens of one part that attaches something; ``None`` if it attaches nothing (text, a tool's call).

    ``exact`` where the rule states so and the size is known. ``at_most`` is a bound that the provider states
    for such a part, or ``None`` where there is none. Never raises for a part of any shape.
    """
    found = attached(part)
    return None if found is None else _COUNTERS[found.kind](found, rule)


def _image(found: Attached, rule: Rule) -> CountedTokens:
    image = rule.get("image")
    if image is None:
        return _guess(_PICTURE, "tokens of a picture are not stated for this model")
    image = at_level(image, found.detail)
    anything = found.assumed and rule.get("anything_by_url")
    most = None if anything else image.get("most")
    size = image_size(found.data) if found.data is not None else None
    if image["kind"] != "flat" and size is None:
        notes = ("the size of a picture is not known, so its maximum is taken",)
        return CountedTokens(image.get("most", _PICTURE), False, most, notes)
    tokens, sure = picture_tokens(size, image) if size else (image["tokens"], True)
    if sure and image.get("exact") and not (found.data is not None and size_may_lie(found.data)):
        return CountedTokens(tokens)
    bound = None if most is None else max(most, tokens)
    return CountedTokens(tokens, False, bound, ("tokens of a picture are estimated by its size",))


def _pdf(found: Attached, rule: Rule) -> CountedTokens:
    pdf = rule.get("pdf", {})
    pages = count_pages(found.data.whole()) if found.data is not None else None
    a_page = int(pdf.get("page", 0)) + int(pdf.get("text", 0)) or _PICTURE
    each = pdf.get("most")
    if pages is None:
        bound = each * pdf["pages"] if each and "pages" in pdf else None
        return _guess(
            a_page * _PAGES, f"pages of a document are not known, taken as {_PAGES}", bound
        )
    tokens = a_page * pages.number
    bound = each * pages.at_most if each and pages.at_most is not None else None
    if pdf.get("exact") and pages.at_most == pages.number:
        return CountedTokens(tokens)
    return _guess(tokens, f"a page of a document is taken as {a_page} tokens", bound)


def _audio(found: Attached, rule: Rule) -> CountedTokens:
    audio = rule.get("audio", {})
    rate = audio.get("second", _BYTES_A_TOKEN)
    length = duration(found.data) if found.data is not None else None
    bound = _heard_at_most(found, audio)
    if length is None:
        note = f"the length of a recording is not known, taken as {_SECONDS} seconds"
        return _guess(round(_SECONDS * rate), note, bound)
    return _guess(
        round(length.seconds * rate), f"a second of sound is taken as {rate} tokens", bound
    )


def _heard_at_most(found: Attached, audio: Rule) -> int | None:
    """By what its bytes can hold, or the provider listens to, whichever is less."""
    if "most" not in audio:
        return None
    a_second, stated = int(audio["most"]), audio.get("seconds")
    known = None if found.data is None else longest(found.data)
    if known is None or (stated is not None and stated <= known):
        return None if stated is None else ceil(stated * a_second)
    return ceil(known * a_second) + 1


def _video(found: Attached, rule: Rule) -> CountedTokens:
    rate = rule.get("video", {}).get("second", _PICTURE)
    length = duration(found.data) if found.data is not None else None
    seconds = length.seconds if length is not None else float(_SECONDS)
    told = "" if length is not None else f", its length, not known, as {_SECONDS} seconds"
    sampled = ", one frame a second" if found.sampled else ""
    return _guess(
        ceil(seconds) * int(rate), f"a second of film is taken as {rate} tokens{sampled}{told}"
    )


def _text(found: Attached, rule: Rule) -> CountedTokens:
    if found.data is None:
        return _file(found, rule)
    text = text_tokens(found.data.whole().decode("utf-8", "replace"), rule)
    bound = rule.get("bound", {})
    # Around a document stands what a message has around it; where sources are cited, far more.
    around = int(bound.get("message", 0)) + sum(bound.get("words", {}).values())
    return text + CountedTokens(0, False, around)


def _file(found: Attached, rule: Rule) -> CountedTokens:
    if found.data is None:
        return _guess(_PAGES * _PICTURE, "what a file holds is not known")
    note = f"a file is taken as a token for every {_BYTES_A_TOKEN} bytes"
    return _guess(found.data.size // _BYTES_A_TOKEN, note)


def _guess(tokens: int, note: str, bound: int | None = None) -> CountedTokens:
    most = None if bound is None else max(bound, tokens)
    return CountedTokens(tokens, False, most, (note,))


_COUNTERS: Final[Mapping[str, Callable[[Attached, Rule], CountedTokens]]] = {
    "image": _image,
    "pdf": _pdf,
    "audio": _audio,
    "video": _video,
    "text": _text,
    "file": _file,
}
