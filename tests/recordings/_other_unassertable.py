"""What cannot be asserted of a recording of the calls beside chat: one line each, with its reason.

A test fails when an entry is no longer needed.
"""

from __future__ import annotations

NOT_THIS: dict[str, str] = {
    "i05443": "a report on usage; only its path ends in the word",
    "i05439": "a report on usage; only its path ends in the word",
    "i12342": "its recorder kept names of the form's fields, not the form",
    "i09361": "the first of two pages; test_pages has them",
    "i09362": "the second of two pages; test_pages has them",
    "i07519": "the second of the requests that create_batch sends; test_filling has it",
    "i09392": "an upload's announcement; test_gemini_upload has it",
    "i09393": "an upload itself; test_gemini_upload has it",
    "i09397": "an upload itself; test_gemini_upload has it",
    "i12389": "an upload's announcement; test_gemini_upload has it",
    "i12390": "an upload itself; test_gemini_upload has it",
}
"""Rows that are no exchange of a call of ours."""

REQUEST: dict[str, str] = {}
"""Rows whose request llmkit does not send as it was recorded."""

ANSWER: dict[str, str] = {}
"""Rows whose answer cannot be had by the call alone."""
