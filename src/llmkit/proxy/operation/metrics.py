"""What is counted for Prometheus."""

from __future__ import annotations

__all__ = ["Metrics"]


class Metrics:
    """What is counted."""
