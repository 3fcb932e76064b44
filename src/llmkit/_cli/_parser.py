"""The arguments of the command line: what may be written, and how it is read.

Nothing of llmkit is loaded here, and nothing is looked up: ``--help`` must be quick.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from typing import TYPE_CHECKING, Any, Final

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["parse"]

_EPILOG: Final = """\
commands:
  llmkit providers            providers, their key variables, and which are set
  llmkit models [PROVIDER]    models of the catalogue with limits and prices
  llmkit catalogue            how old the catalogue is and what it holds; `refresh` takes a newer one
  llmkit usage LOG            what calls come to by day, model, user, … of a log that they were written to
  llmkit budget show STORE    what a store's limits are and how they stand; `usage`, `audit`
  llmkit proxy                a gateway: OpenAI's endpoints over HTTP, with keys and budgets; `proxy --help`
  llmkit billing status       how an outbox of bills stands; `list`, `flush`, `replay`, `reconcile`, `doctor`, …

A question that is the name of a command goes after --: llmkit -- models
Without -m: the first provider whose key is set, else a local Ollama, else an offline simulator.
exit codes: 0 answered, 1 the call failed, 2 wrong usage, 130 interrupted
"""

# What -o may not set, because something else on the command line does.
_TAKEN: Final = {
    "api_key": "the provider's environment variable (see: llmkit providers)",
    "base_url": "--base-url",
    "dry_run": "--dry-run",
    "messages": "the question, --system and --file",
    "model": "--model",
    "stream": "--no-stream",
    "timeout": "--timeout",
}


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments as a namespace whose `command` is `ask` or the name of another one.

    Raises `SystemExit`: 0 after --help and --version, 2 if the arguments are wrong.
    """
    command = argv[0] if argv and argv[0] in _COMMANDS else "ask"
    rest = argv if command == "ask" else argv[1:]
    parser = _COMMANDS[command]()
    # Intermixed: a file may follow an option that follows the question.
    return parser.parse_intermixed_args(rest, argparse.Namespace(command=command))


def _providers() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog="llmkit providers",
        description="List the providers, their key variables, and which of them are set.",
    )


def _models() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="llmkit models",
        description="List the catalogue's models: limits in tokens, prices in USD per million.",
    )
    parser.add_argument("provider", nargs="?", help="only this provider's models")
    return parser


def _catalogue() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="llmkit catalogue",
        usage="llmkit catalogue [refresh SOURCE [--sha256 HEX] [--to PATH] [--allow-older]]",
        description="Say which catalogue of models and prices is in use, or fetch a newer one.",
    )
    parser.add_argument("action", nargs="?", choices=["refresh"], help="fetch a newer one")
    parser.add_argument("source", nargs="?", help="a bundle: an https address, or a path")
    parser.add_argument("--sha256", metavar="HEX", help="the bundle's; needed for an address")
    parser.add_argument(
        "--to", metavar="PATH", help="where to keep it; by default what LLMKIT_CATALOGUE names"
    )
    parser.add_argument(
        "--allow-older", action="store_true", help="take it even if it is older than what is there"
    )
    return parser


def _budget() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="llmkit budget",
        description="Look at the store of a BudgetManager. Limits that are declared in code are not known to it.",
    )
    parser.add_argument(
        "action",
        choices=["show", "usage", "audit"],
        help="the limits that are stored, what was used, or whether counters and ledger agree",
    )
    parser.add_argument("store", help="an SQLite file, postgresql://… or redis://…")
    group = parser.add_argument_group("usage")
    group.add_argument(
        "--scope", default="global", help="whose: global, user (each), user=ann; default: global"
    )
    group.add_argument(
        "--by", default="model", help="of scope, day, provider, model; default: model"
    )
    group.add_argument("--since", metavar="DAY", help="the first day: 2026-11-01")
    return parser


def _usage() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="llmkit usage",
        description='Add up the calls of a log: Client(callbacks=["sqlite:calls.db"]), or "jsonl:calls.jsonl".',
    )
    parser.add_argument("log", help="the file; those that it was rotated to are read along")
    parser.add_argument(
        "--by",
        default="model",
        help="of day, month, hour, kind, provider, model, group, deployment, outcome, user, team, organisation, "
        "customer, key, session, tag, with commas; default: model",
    )
    when = "2026-11-01, 2026-11-01T12:00:00+00:00, or Unix seconds"
    parser.add_argument("--since", metavar="WHEN", help=when)
    parser.add_argument("--until", metavar="WHEN", help="not included")
    parser.add_argument(
        "--timezone",
        metavar="ZONE",
        default="UTC",
        help="whose days and hours: Europe/Berlin; default: UTC",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="comma-separated values, for spreadsheets")
    form.add_argument("--json", action="store_true", help="one JSON value, for programs")
    form.add_argument(
        "--plot",
        metavar="FILE",
        help="a picture: .html or .svg; .png needs llmkit[plot]",
    )
    return parser


_BILLING: Final = """\
actions:
  status      how the outbox stands: what waits, and why; needs neither Lago nor a key
  list        the bills that wait for somebody, or those in the states named: dead unpriced …
  flush       send what waits to be sent, now
  replay      send refused bills again, as they were: IDs, or --all
  reprice     give unpriced bills a price: what the catalogue says by now, or --usd
  attribute   say whose bills are that name nobody: --subscription
  bill        bill what was held, listed or unknown: as it was estimated, or --usd
  discard     say that bills shall not be, and why: IDs or --all, and --reason
  reconcile   compare with what Lago has: --since, --until; --resend sends what is missing
  doctor      whether address, key, subscription and metric are right

Lago's key is read from LAGO_API_KEY, never from the command line; its address is --api-url, else LAGO_API_URL.
The outbox is --outbox, else LLMKIT_OUTBOX: an SQLite file or postgresql://…, its password rather in PGPASSWORD.
exit codes: 0 all is well, 1 something is not (what, is said), 2 wrong usage, 130 interrupted
"""
_BILLING_ACTIONS: Final = (
    "status", "list", "flush", "replay", "reprice", "attribute", "bill", "discard", "reconcile", "doctor",
)  # fmt: skip


def _billing() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="llmkit billing",
        usage="llmkit billing ACTION [ID ...] [options]",
        description="Look after the outbox of a LagoBilling: usage that is to be billed.",
        epilog=_BILLING,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", choices=_BILLING_ACTIONS, metavar="ACTION")
    parser.add_argument("ids", nargs="*", metavar="ID", help="of bills; `list` takes states")
    parser.add_argument("--outbox", metavar="PATH|URL", help="else LLMKIT_OUTBOX")
    parser.add_argument("--api-url", metavar="URL", help="where Lago is; else LAGO_API_URL")
    parser.add_argument("--json", action="store_true", help="one JSON value, for programs")
    _add_changes(parser)
    _add_comparison(parser)
    return parser


def _add_changes(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is changed")
    group.add_argument("--all", action="store_true", help="all that are in that state")
    group.add_argument("--reason", metavar="TEXT", help="discard: why they are not billed")
    group.add_argument("--usd", metavar="N", help="reprice, bill: what each of the IDs cost")
    group.add_argument(
        "--subscription",
        metavar="ID",
        help="attribute: whose they are; list, reconcile, doctor: only its",
    )
    group.add_argument("--timeout", type=_seconds, metavar="SECONDS", help="flush: no longer")


def _add_comparison(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("reconcile")
    when = "2026-11-01, 2026-11-01T12:00:00+00:00, or Unix seconds; UTC where nothing is said"
    group.add_argument("--since", metavar="WHEN", help=when)
    group.add_argument("--until", metavar="WHEN", help="not included; else now")
    group.add_argument("--resend", action="store_true", help="send what Lago lacks again")


def _ask() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="llmkit",
        usage="llmkit [options] [--] [QUESTION] [FILE ...]",
        description="Ask a large language model. What is piped in becomes part of the question.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "words", nargs="*", metavar="QUESTION FILE", help="what to ask, and files to go with it"
    )
    _add_request(parser)
    _add_output(parser)
    return parser


def _add_request(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the request")
    group.add_argument(
        "-m", "--model", help="provider/model, a model's name, or `offline` for the simulator"
    )
    group.add_argument("--system", metavar="TEXT", help="the system message")
    group.add_argument(
        "-f",
        "--file",
        action="append",
        default=[],
        metavar="PATH",
        dest="more_files",
        help="a text, image, PDF, wav or mp3 file (may be repeated)",
    )
    group.add_argument(
        "-o",
        "--option",
        action="append",
        default=[],
        type=_option,
        metavar="KEY=VALUE",
        dest="options",
        help="a parameter, its value as JSON or else as text: -o temperature=0.2",
    )
    group.add_argument("--base-url", metavar="URL", help="where to send it")
    group.add_argument("--timeout", type=_seconds, metavar="SECONDS", help="for the whole call")


def _add_output(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the output")
    form = group.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="the whole response, cost and call")
    form.add_argument(
        "--dry-run", action="store_true", help="print the request, keys hidden; send nothing"
    )
    group.add_argument("--no-stream", action="store_true", help="wait for the whole answer")
    group.add_argument("-v", "--verbose", action="store_true", help="usage and cost, on stderr")
    group.add_argument("--version", action=_Version, nargs=0, help="print the version")


class _Version(argparse.Action):
    """Looks the version up only when asked: that reads the installed metadata."""

    @override
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        try:
            from .. import __version__  # noqa: PLC0415 - reads metadata, so only when asked
        except ImportError:
            __version__ = "(not installed: running from its source)"
        sys.stdout.write(f"llmkit {__version__}\n")
        parser.exit()


def _option(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    name = name.strip().replace("-", "_")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    if name in _TAKEN:
        raise argparse.ArgumentTypeError(f"{name} is not set with -o; use {_TAKEN[name]}")
    try:
        return name, json.loads(value)
    except (ValueError, RecursionError):
        return name, value


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number of seconds")
    return seconds


_COMMANDS: Final = {
    "ask": _ask,
    "billing": _billing,
    "budget": _budget,
    "catalogue": _catalogue,
    "models": _models,
    "providers": _providers,
    "usage": _usage,
}
