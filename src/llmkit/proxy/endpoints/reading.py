"""Fields of forms, whose values are all texts, as the values that they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite, nan
from typing import Any, Final

from ..._json import NotJSON, load
from .beside import wrong

__all__ = ["flag", "typed", "whole"]

_WHOLE: Final = frozenset({
    "expires_in_seconds", "frame_count", "frame_duration_ms", "max_retries", "n", "num_retries", "num_speakers",
    "output_compression", "partial_images", "priority", "seconds", "seed",
})  # fmt: skip
_NUMBERS: Final = frozenset({"stream_timeout", "temperature", "timeout"})
_FLAGS: Final = frozenset({"diarize", "disable_fallbacks", "drop_params", "stream"})
_LISTS: Final = frozenset({
    "include", "keywords", "known_speaker_names", "known_speaker_references", "languages", "timestamp_granularities",
})  # fmt: skip
_OBJECTS: Final = frozenset({"chunking_strategy", "expires_after", "svg"})
_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}


def typed(texts: Mapping[str, Any]) -> dict[str, Any]:
    """A form's texts as a JSON body would have had them. Raises ``Refused`` (400) where one cannot be meant."""
    return {name: _value(name, given) for name, given in texts.items() if given != ""}


def flag(fields: dict[str, Any], name: str) -> bool:
    """Whether a switch is on; it is taken out. Raises ``Refused`` (400) where it is none."""
    value = fields.pop(name, None)
    if not isinstance(value, bool | None):
        raise wrong(f"{name} must be true or false", name)
    return bool(value)


def whole(value: Any, name: str, least: int, most: int) -> int:
    """A whole number, also written as a text. Raises ``Refused`` (400)."""
    text = str(value)
    fits = not isinstance(value, bool) and text.isdecimal() and len(text) <= len(str(most))
    if not fits or not least <= int(text) <= most:
        raise wrong(f"{name} must be a whole number from {least} to {most}", name)
    return int(text)


def _value(name: str, given: Any) -> Any:
    if isinstance(given, Mapping):
        return {key: _value(key, inner) for key, inner in given.items()}
    if name in _LISTS:
        return given if isinstance(given, list) else [given]
    if not isinstance(given, str):
        return given
    if name in _FLAGS:
        if given.lower() not in _BOOLEANS:
            raise wrong(f"{name} must be true or false", name)
        return _BOOLEANS[given.lower()]
    return _number(name, given) if name in _WHOLE or name in _NUMBERS else _object(name, given)


def _number(name: str, given: str) -> int | float:
    try:
        found = int(given) if name in _WHOLE else float(given)
    except ValueError:
        found = nan
    if isinstance(found, float) and not isfinite(found):
        raise wrong(f"{name} must be a number", name)
    return found


def _object(name: str, given: str) -> Any:
    if name not in _OBJECTS or not given.lstrip().startswith("{"):
        return given
    try:
        return load(given)
    except NotJSON:
        raise wrong(f"{name} is no JSON", name) from None
