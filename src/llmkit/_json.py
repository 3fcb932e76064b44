"""JSON in and out, through pydantic-core (measured: 3 to 5 times the standard library's speed).

The only place that chooses a JSON library.
"""

from __future__ import annotations

import re
from typing import Any

from pydantic_core import PydanticSerializationError, from_json, to_json

__all__ = ["NotJSON", "NotSerializable", "dump", "dump_text", "load"]

NotJSON = ValueError
NotSerializable = PydanticSerializationError


_BOM = "\ufeff"
# A pair of surrogates is a character, an escaped backslash starts no escape; what is left stands alone.
_LONE = re.compile(
    r"(\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)


def load(data: bytes | str) -> Any:
    """Parse JSON; ``ValueError`` where it is none. Strings are not cached: they are answers.

    A byte order mark, and half a character (escaped, where a host cut a text between two pieces), do
    not make it unreadable; the half becomes U+FFFD.
    """
    try:
        return from_json(data, cache_strings="keys")
    except TypeError:
        # A text with half a character in it, which only Python can hold.
        return from_json(_whole(data), cache_strings="keys")
    except ValueError:
        mended = _mended(data if isinstance(data, str) else data.decode("utf-8", "replace"))
        if mended is None:
            raise
        return from_json(mended, cache_strings="keys")


def _whole(data: bytes | str) -> str:
    if not isinstance(data, str):
        raise TypeError(f"JSON is read from bytes or text, not from {type(data).__name__}")
    return data.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _mended(text: str) -> str | None:
    if not (text.startswith(_BOM) or "\\ud" in text or "\\uD" in text):
        return None
    return _LONE.sub(lambda match: match.group(1) or "\\ufffd", text.removeprefix(_BOM))


def dump(value: object) -> bytes:
    """Write JSON as UTF-8; pydantic models, enums, dates and tuples are understood.

    Raises ``NotSerializable`` for what JSON cannot say. NaN and infinities become ``null``, as JSON has
    no word for them; parameters are checked for them before.
    """
    return to_json(value, inf_nan_mode="null")


def dump_text(value: object) -> str:
    """Write JSON as text."""
    return dump(value).decode()
