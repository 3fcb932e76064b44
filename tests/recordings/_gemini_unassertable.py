"""What cannot be asserted of a generateContent recording: one line per row and field, each with its reason.

A test fails when an entry is no longer needed.
"""

from __future__ import annotations

from ._unassertable import Exempt

EXEMPT: tuple[Exempt, ...] = (
    Exempt("i08990", "request", "it asks with a role that nobody has; llmkit refuses it unsent"),
    Exempt("i07792", "next", "that client copied one call's signature to the other call"),
    Exempt("i07906", "next", "that client left out the thought, and the call's id"),
    Exempt("i08311", "next", "that client moved the text's signature to the thought before it"),
    Exempt(
        "i10667", "next", "that client wrote results of its own into the provider's tool response"
    ),
)

LESS: dict[str, str] = {
    "i12392": "the text's signature",
    "i12393": "the text's signature",
    "i12395": "the text's signature",
    "i12396": "the text's signature",
    "i12397": "the text's signature",
    "i12399": "the text's signature",
    "i12400": "the text's signature",
    "i09379": "the signature after the text",
}
"""Requests whose client put less back than had come: what it left out is left out there, too."""


def exempted(row_id: str) -> set[str]:
    """The fields of a row that are not asserted."""
    return {entry.field for entry in EXEMPT if entry.row == row_id}
