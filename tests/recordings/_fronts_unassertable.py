"""What of the recordings cannot be asserted of the fronts, row by row; whole classes are made equal in the test itself.

Each entry must still be needed: a test sees to it.
"""

from __future__ import annotations

_SEARCH = "web_search_preview is chat's web search, which goes out as web_search"
_STORED = "the call that it is the result of is in an answer that the provider keeps"
_NO_MODEL = "it names no model: the stored prompt does"
_BREAKPOINT = "a prompt_cache_breakpoint is chat's cache_control, which this API's own wire has no use for"
_LEVEL = "the model takes levels, and was sent a number"
_HIDDEN = "thoughts that were not asked for are shown"
_EMPTY = "an answer without any part has an empty one"

EXEMPT: dict[tuple[str, str], str] = {
    **dict.fromkeys(
        [(row, "read") for row in ("i06805", "i02799", "i02800", "i16528", "i16529", "i16533")],
        _SEARCH,
    ),
    **dict.fromkeys([(row, "read") for row in ("i14115", "i11627")], _STORED),
    **dict.fromkeys([(row, "read") for row in ("i03096", "i03103", "i03418")], _NO_MODEL),
    **dict.fromkeys([(row, "read") for row in ("i11583", "i11584", "i11585")], _BREAKPOINT),
    ("i16515", "read"): "it has a role that the API refuses, too",
    ("i05494", "events"): "arguments that were cut off are completed by the SDK's accumulator",
}
"""Row and test → why it cannot be asserted."""
