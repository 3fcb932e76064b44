"""A span for each request, where OpenTelemetry is installed and somebody listens. Nothing of it is imported elsewhere.

Who listens is OpenTelemetry's own affair: ``opentelemetry-instrument llmkit proxy`` and its ``OTEL_*`` variables, or
the program that the gateway is embedded in.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any

from ..gateway import Gateway

__all__ = ["around", "listened_to"]


def listened_to() -> bool:
    """Whether spans can go anywhere: the API alone, which other packages bring along, keeps none."""
    if "opentelemetry" in sys.modules:
        return True
    return find_spec("opentelemetry") is not None and find_spec("opentelemetry.sdk") is not None


def around(app: Any, gateway: Gateway) -> Any:
    """The app, with a span around each request; the app itself, where no span could go anywhere."""
    if not listened_to():
        return app
    # The library is optional, and takes a while to load.
    from .spans import Traced  # noqa: PLC0415

    return Traced(app)
