"""What cannot be asserted of a generateContent recording: one line per row and field, each with its reason.

A test fails when an entry is no longer needed.
"""

from __future__ import annotations

from ._unassertable import Exempt

EXEMPT: tuple[Exempt, ...] = ()


def exempted(row_id: str) -> set[str]:
    """The fields of a row that are not asserted."""
    return {entry.field for entry in EXEMPT if entry.row == row_id}
