"""``llmkit usage``: what the calls in a log come to, as a table, CSV, JSON, or a picture."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..telemetry import usage
from ._tables import aligned
from ._usage import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from ..telemetry import UsageReport, UsageRow

__all__ = ["lines"]

_NONE: Final = "-"
_HEAD: Final = ("CALLS", "FAILED", "PROMPT", "COMPLETION", "USD", "UNPRICED")
_OF_HITS: Final = ("HITS", "SAVED")


def lines(arguments: argparse.Namespace) -> Iterator[str]:
    """What to print. Nothing is written but the picture that ``--plot`` names."""
    if not Path(arguments.log).is_file():
        raise UsageError(f"there is no file {arguments.log}")
    times = {"since": arguments.since, "until": arguments.until, "timezone": arguments.timezone}
    report = usage(arguments.log, arguments.by, **times)
    if arguments.plot:
        from ..telemetry._plot import plot  # noqa: PLC0415 - few want a picture

        plot(report, arguments.plot)
        yield f"wrote {arguments.plot}"
    elif arguments.json:
        total = {"total": _only(report.total, report)}
        yield json.dumps({"rows": report.asdicts(), **total, "unreadable": report.unreadable})
    elif arguments.csv:
        yield from _csv(report)
    else:
        yield from _table(report)


def _only(total: UsageRow, report: UsageReport) -> dict[str, object]:
    return type(report)((), [total], total).asdicts()[0]


def _csv(report: UsageReport) -> Iterator[str]:
    names = list(_only(report.total, report))
    for row in ([*report.by, *names], *(list(one.values()) for one in report.asdicts())):
        out = io.StringIO()
        csv.writer(out, lineterminator="").writerow(map(_harmless, row))
        yield out.getvalue()


def _harmless(value: object) -> object:
    """A value that no spreadsheet takes for a formula: users and tags are what strangers say."""
    risky = isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"}
    return f"'{value}" if risky else value


def _table(report: UsageReport) -> Iterator[str]:
    groups = len(report.by)
    # Most have no cache.
    more = _OF_HITS if report.total.hits else ()
    head = (*(group.upper() for group in report.by), *_HEAD, *more)
    rows = [_row([_shown(value) for value in row.by], row) for row in report]
    together = ["total", *[""] * (groups - 1)]
    rows.append(_row(together, report.total))
    yield from aligned([head, *(row[: len(head)] for row in rows)], right=range(groups, len(head)))
    if report.total.unpriced:
        yield f"USD is without {_calls(report.total.unpriced)} of unknown cost."
    if report.total.unsaid:
        yield f"SAVED is without {_calls(report.total.unsaid)} of which it is not known."
    if report.total.uncounted:
        yield f"Tokens are without {_calls(report.total.uncounted)} that said none."
    if "tag" in report.by:
        yield "A call with several tags is in the row of each, and in the total once."
    if report.unreadable:
        lines = "1 line" if report.unreadable == 1 else f"{report.unreadable:,} lines"
        yield f"{lines} of the log could not be read."


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count:,} calls"


def _row(values: Sequence[str], row: UsageRow) -> tuple[str, ...]:
    numbers = (row.calls, row.failed, row.prompt_tokens, row.completion_tokens)
    usd = _NONE if row.unpriced == row.calls and row.calls else f"{row.usd.normalize():f}"
    saved = _NONE if row.unsaid == row.hits and row.hits else f"{row.saved.normalize():f}"
    return (
        *values,
        *(f"{one:,}" for one in numbers),
        usd,
        f"{row.unpriced:,}",
        f"{row.hits:,}",
        saved,
    )


def _shown(value: str) -> str:
    """A value in one line of a terminal, whatever strangers have put into it."""
    shown = "".join(char if char.isprintable() else "?" for char in value)
    return (shown[:60] or _NONE) if len(shown) <= 60 else f"{shown[:59]}…"  # noqa: PLR2004 - a column's width
