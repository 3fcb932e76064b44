"""What cannot be asserted of a recording of Cohere's APIs: one line per row and field, each with its reason.

No patterns. A test fails when an entry is no longer needed, so the list only ever says what is so.
"""

from __future__ import annotations

from typing import NamedTuple


class Exempt(NamedTuple):
    """A field of a row that is not as the raw body says, and why that is right."""

    row: str
    field: str
    reason: str


EXEMPT: tuple[Exempt, ...] = ()


def exempted(row_id: str) -> set[str]:
    """The fields of a row that are not asserted."""
    return {entry.field for entry in EXEMPT if entry.row == row_id}
