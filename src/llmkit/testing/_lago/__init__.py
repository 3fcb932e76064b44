"""The fake Lago: see `llmkit.testing.FakeLago`."""

from __future__ import annotations

from ._asked import LagoRequest
from ._fake import FakeLago

__all__ = ["FakeLago", "LagoRequest"]
