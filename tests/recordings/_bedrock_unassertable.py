"""What of the recorded Bedrock traffic cannot be asserted, one by one, each with its reason."""

from __future__ import annotations

from typing import NamedTuple


class Exemption(NamedTuple):
    """A row, what of it, and why."""

    row: str
    what: str
    why: str


_MASKED = "the recorder's mask in the document's name has an underscore, which names may not have"
_OLD = "the model is not known for structured outputs, so its schema is emulated"

EXEMPT: tuple[Exemption, ...] = (
    Exemption("i00448", "request", _MASKED),
    Exemption("i00452", "request", _MASKED),
    Exemption("i03121", "request", _OLD),
    Exemption("i03122", "request", _OLD),
    Exemption(
        "i10318", "request", "minLength goes into the description, as the models' makers say"
    ),
    Exemption(
        "i08844", "answer", "a made-up answer of the older completions, to a request of messages"
    ),
    Exemption("i10521", "request", "the recorded body is no JSON: its end is missing"),
)


def exempted(row: str) -> frozenset[str]:
    """What of a row is not asserted."""
    return frozenset(entry.what for entry in EXEMPT if entry.row == row)
