"""The content blocks that a message may hold, as shapes.

Sources: https://platform.claude.com/docs/en/api/messages and the official SDK's types, 2.12.0, read 2026-11-22.
What the API says of a conversation as a whole is in `_check_messages`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from ._media import DOCUMENT_SOURCE, IMAGE_SOURCE
from ._shape import (
    Check,
    anything,
    boolean,
    list_of,
    mapping,
    matching,
    nullable,
    one_of,
    record,
    tagged,
    text,
    text_or,
)

__all__ = ["CACHE_CONTROL", "CONTENT", "SYSTEM"]

CACHE_CONTROL: Final = nullable(
    tagged({"ephemeral": record({"type": text, "ttl": one_of("5m", "1h")})})
)
"""A mark that says up to where a prompt is cached."""

_ID: Final = matching("^[a-zA-Z0-9_-]+$")
_NAME: Final = matching("^[a-zA-Z0-9_-]{1,200}$")
_CITING: Final = nullable(record({"enabled": boolean}))


def _block(required: Collection[str], /, **fields: Check) -> Check:
    return record({"type": text, **fields, "cache_control": CACHE_CONTROL}, required)


_TEXT: Final = _block(("text",), text=text, citations=nullable(list_of(mapping)))
_IMAGE: Final = _block(("source",), source=IMAGE_SOURCE, transformations=nullable(mapping))
_DOCUMENT: Final = _block(
    ("source",),
    source=DOCUMENT_SOURCE,
    title=nullable(text),
    context=nullable(text),
    citations=_CITING,
)
_FOUND: Final = _block(
    ("content", "source", "title"),
    content=list_of(tagged({"text": _TEXT})),
    source=text,
    title=text,
    citations=_CITING,
)
_IN_RESULT: Final = tagged(
    {
        "text": _TEXT,
        "image": _IMAGE,
        "document": _DOCUMENT,
        "search_result": _FOUND,
        "tool_reference": _block(("tool_name",), tool_name=text),
    }
)
_TOOL_USE: Final = _block(
    ("id", "name", "input"),
    id=_ID,
    name=_NAME,
    input=mapping,
    caller=mapping,
    toolset_name=nullable(text),
)
_TOOL_RESULT: Final = _block(
    ("tool_use_id",),
    tool_use_id=_ID,
    content=text_or(list_of(_IN_RESULT)),
    is_error=boolean,
    toolset_name=nullable(text),
)
_THINKING: Final = record(
    {"type": text, "thinking": text, "signature": text}, ("thinking", "signature")
)
_REDACTED: Final = record({"type": text, "data": text}, ("data",))

# What only the API's own tools write: it may come back in a conversation, and is not looked into.
_FROM_SERVER_TOOLS: Final = (
    "server_tool_use",
    "web_search_tool_result",
    "web_fetch_tool_result",
    "code_execution_tool_result",
    "bash_code_execution_tool_result",
    "text_editor_code_execution_tool_result",
    "tool_search_tool_result",
    "container_upload",
)

CONTENT: Final = text_or(
    list_of(
        tagged(
            {
                "text": _TEXT,
                "image": _IMAGE,
                "document": _DOCUMENT,
                "search_result": _FOUND,
                "thinking": _THINKING,
                "redacted_thinking": _REDACTED,
                "tool_use": _TOOL_USE,
                "tool_result": _TOOL_RESULT,
                **dict.fromkeys(_FROM_SERVER_TOOLS, anything),
            }
        )
    )
)
"""The content of a message."""

SYSTEM: Final = text_or(list_of(tagged({"text": _TEXT})))
"""The `system` parameter."""
