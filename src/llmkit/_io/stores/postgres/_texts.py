"""What is asked and answered, as JSON that PostgreSQL takes: any text goes in and comes out as it was.

``jsonb`` holds neither NUL nor half of a surrogate pair. Such characters, which are rare, are written in another way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

__all__ = ["read", "written"]

_ESCAPE: Final = "\x1b"
_UNHEARD: Final = re.compile("[\x00\x1b\ud800-\udfff]")
_ESCAPED: Final = re.compile("\x1b([0-9a-f]{4})")
_SUSPECT: Final = re.compile(r"\\u(?:0000|001b)")


def written(value: Any) -> bytes:
    """A value as JSON; what is no JSON, such as ``Decimal``, as text."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    try:
        payload = text.encode()
    except UnicodeEncodeError:
        pass
    else:
        if _SUSPECT.search(text) is None:
            return payload
    # Dumped and loaded, it has no types but JSON's.
    return json.dumps(_each(json.loads(text), _escaped), ensure_ascii=False).encode()


def read(payload: bytes) -> Any:
    """What ``written`` has written, or the server."""
    value = json.loads(payload)
    return _each(value, _unescaped) if rb"\u001b" in payload else value


def _each(value: Any, change: Callable[[str], str]) -> Any:
    """The same with every text changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_each(item, change) for item in value]
    if isinstance(value, dict):
        return {change(key): _each(item, change) for key, item in value.items()}
    return value


def _escaped(text: str) -> str:
    return _UNHEARD.sub(lambda found: f"{_ESCAPE}{ord(found[0]):04x}", text)


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
