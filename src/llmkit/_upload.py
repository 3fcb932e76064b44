"""What is to be uploaded, as a value: its name, its media type, and where its bytes come from. Nothing is read here."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Upload"]


@dataclass(frozen=True, slots=True)
class Upload:
    """One file: ``source`` is a path, its bytes, or a file object opened for reading bytes."""

    name: str
    media_type: str
    source: bytes | os.PathLike[str] | str | Any = field(repr=False)
