"""What cannot be asserted of a recording: one line per row and field, each with its reason.

No patterns. A test fails when an entry is no longer needed, so the list only ever says what is so.
"""

from __future__ import annotations

from typing import NamedTuple


class Exempt(NamedTuple):
    """A field of a row that is not as the raw body says, and why that is right."""

    row: str
    field: str
    reason: str


EXEMPT: tuple[Exempt, ...] = (
    Exempt("i09805", "id", "the answer has none; llmkit gives the call's own"),
    Exempt("i09818", "id", "the answer has none; llmkit gives the call's own"),
    Exempt("i09818", "model", "the answer has none; llmkit gives the name that was asked for"),
    Exempt("i09805", "model", "the answer has none; llmkit gives the name that was asked for"),
    Exempt("i09816", "usage.total_tokens", "the host leaves it out; llmkit adds up what it has"),
    Exempt("i02878", "path", "that client left out the deployment; it was answered: not found"),
    Exempt("i13472", "request", "the recorded body is no JSON: arguments in it are not escaped"),
)


def exempted(row_id: str) -> set[str]:
    """The fields of a row that are not asserted."""
    return {entry.field for entry in EXEMPT if entry.row == row_id}
