"""Where the events of calls can go: OpenTelemetry, Prometheus, files, Langfuse, and others by entry point.

Names only; each sink is loaded when it is asked for. A sink is a callback:
``Client(callbacks=[JSONL("calls.jsonl")])``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._late_names import late_names

if TYPE_CHECKING:
    from ._jsonl import JSONL
    from ._langfuse import Langfuse
    from ._named import register_sink, sink
    from ._otel import OpenTelemetry, span_of
    from ._prometheus import Prometheus
    from ._record import FailedAttempt, Record, failed_attempts, record
    from ._sqlite import SQLiteLog
    from ._usage import UsageReport, UsageRow, usage
    from ._written import Queued

__all__ = [
    "JSONL", "FailedAttempt", "Langfuse", "OpenTelemetry", "Prometheus", "Queued", "Record",
    "SQLiteLog", "UsageReport", "UsageRow", "failed_attempts", "record", "register_sink", "sink",
    "span_of", "usage",
]  # fmt: skip

_HOMES = {
    "JSONL": "._jsonl",
    "Langfuse": "._langfuse",
    **dict.fromkeys(("register_sink", "sink"), "._named"),
    **dict.fromkeys(("OpenTelemetry", "span_of"), "._otel"),
    "Prometheus": "._prometheus",
    "Queued": "._written",
    **dict.fromkeys(("FailedAttempt", "Record", "failed_attempts", "record"), "._record"),
    "SQLiteLog": "._sqlite",
    **dict.fromkeys(("UsageReport", "UsageRow", "usage"), "._usage"),
}

__getattr__, __dir__ = late_names(globals(), _HOMES)
