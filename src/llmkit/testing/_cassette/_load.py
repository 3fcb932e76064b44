"""A cassette from a file, llmkit's own or vcrpy's: told apart by what is in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ...errors import CassetteError
from ._file import exchanges_in
from ._values import Exchange
from ._vcr import is_vcr, vcr_exchanges, yaml_value

__all__ = ["load"]

_YAML = frozenset({".yaml", ".yml"})


def load(path: Path) -> list[Exchange]:
    """Its exchanges.

    Raises:
        CassetteError: there is no such file, or it is no cassette.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CassetteError(f"there is no cassette {path}: record it first") from None
    except (OSError, UnicodeDecodeError) as error:
        raise CassetteError(f"{path} cannot be read: {error}") from None
    document = _parsed(path, text)
    return vcr_exchanges(document, path) if is_vcr(document) else exchanges_in(document, path)


def _parsed(path: Path, text: str) -> Any:
    if path.suffix.lower() in _YAML:
        return yaml_value(path, text)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CassetteError(f"{path} is not JSON: {error}") from None
