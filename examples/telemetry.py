"""Telemetry: calls in a log, a function of one's own, and what it all comes to by user and model.

Run: python examples/telemetry.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from _offline import a_provider

import llmkit
from llmkit.events import CallFinished
from llmkit.telemetry import SQLiteLog, record, usage

MODELS = ("openai/gpt-4o-mini", "openai/gpt-4.1-nano")


def tell(event: Any) -> None:
    """A callback: one line for each call that has ended, however it ended."""
    if isinstance(event, CallFinished):
        row = record(event)
        print(f"{row.user}: {row.model} {row.outcome} in {row.seconds:.3f} s, ${row.cost}")


def ask(client: llmkit.Client) -> None:
    """Some calls of two people, one of them streamed and one closed early."""
    ask: list[Any] = [{"role": "user", "content": "Why do lighthouses rotate?"}]
    for model in MODELS:
        for user in ("ann", "bob"):
            client.completion(model, ask, user=user, tags=["demo"])
    with client.completion(MODELS[0], ask, user="ann", stream=True) as stream:
        next(stream)


def main() -> None:
    """Write calls to a log, and add them up."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "calls.db"
        with llmkit.Client(callbacks=[SQLiteLog(log), tell]) as client:
            ask(client)
        report = usage(log, by=["user", "model"])
        for row in report:
            print(*row.by, row.calls, "calls", f"${row.usd}", f"{row.unpriced} of unknown cost")
        print("together", report.total.calls, "calls", f"${report.total.usd}")


if __name__ == "__main__":
    with a_provider():
        main()
