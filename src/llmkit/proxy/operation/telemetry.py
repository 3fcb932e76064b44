"""A span for each request, which providers' are children of, where OpenTelemetry is installed and somebody listens.

Nothing of it is imported elsewhere.
Who listens is OpenTelemetry's own affair: ``opentelemetry-instrument llmkit proxy`` and its ``OTEL_*`` variables, or
the program that the gateway is embedded in.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any

from ..gateway import Gateway
from ..settings import Settings

__all__ = ["around", "hooks", "listened_to", "sinks"]


def listened_to() -> bool:
    """Whether spans can go anywhere: the API alone, which other packages bring along, keeps none."""
    # Not the package itself: to look for a part of it is to load that.
    if "opentelemetry.trace" in sys.modules:
        return True
    return find_spec("opentelemetry") is not None and find_spec("opentelemetry.sdk") is not None


def around(app: Any, gateway: Gateway) -> Any:
    """The app, with a span around each request; the app itself, where no span could go anywhere."""
    if not listened_to():
        return app
    # The library is optional, and takes a while to load.
    from .spans import Traced  # noqa: PLC0415

    return Traced(app)


def hooks(settings: Settings) -> tuple[Any, ...]:
    """What passes the trace on to providers; nothing, where there is none, or providers are not to know of it."""
    if not (settings.trace_providers and listened_to()):
        return ()
    # As above.
    from .spans import PassedOn  # noqa: PLC0415

    return (PassedOn(),)


def sinks() -> tuple[Any, ...]:
    """What makes spans and measurements of calls, for OpenTelemetry's own providers; nothing, where there is none."""
    if not listened_to():
        return ()
    # As above.
    from ...telemetry import OpenTelemetry  # noqa: PLC0415

    return (OpenTelemetry(),)
