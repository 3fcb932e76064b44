"""``llmkit catalogue``: which catalogue is in use, and taking a newer one from a bundle."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from .. import Client, catalogue
from ._tables import aligned
from ._usage import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

__all__ = ["lines"]


def lines(arguments: argparse.Namespace) -> Iterator[str]:
    """What to print; a bundle is fetched first, if that is asked for."""
    if arguments.action is None:
        return _told()
    if arguments.source is None:
        raise UsageError("say what to refresh from: llmkit catalogue refresh SOURCE --sha256 HEX")
    return _refreshed(arguments)


def _told() -> Iterator[str]:
    """The revision, the files it was read from, and how many models of whom."""
    known = catalogue.default()
    yield f"revision  {known.revision}"
    if named := os.environ.get(catalogue.ENVIRONMENT):
        yield f"files     {named} ({catalogue.ENVIRONMENT})"
    counts = {name: len(known.models(name)) for name in known.providers()}
    yield f"models    {sum(counts.values()):,} of {len(counts)} providers"
    yield ""
    yield from aligned([(name, f"{count:,}") for name, count in counts.items()], right=[1])


def _refreshed(arguments: argparse.Namespace) -> Iterator[str]:
    to = _target(arguments.to)
    # Not what the environment names, which may not be there yet; but it is not to become older.
    before = catalogue.Catalogue(to) if Path(to).expanduser().exists() else catalogue.Catalogue()
    with Client(catalogue=before) as client:
        revision = client.refresh_catalogue(
            arguments.source, sha256=arguments.sha256, to=to, allow_older=arguments.allow_older
        )
    yield f"revision  {revision}"
    yield f"kept at   {to}"
    if to not in os.environ.get(catalogue.ENVIRONMENT, "").split(os.pathsep):
        yield f"set {catalogue.ENVIRONMENT}={to} to have it used"


def _target(given: str | None) -> str:
    named = [p for p in os.environ.get(catalogue.ENVIRONMENT, "").split(os.pathsep) if p.strip()]
    if given is None and len(named) != 1:
        raise UsageError(
            f"say where to keep it with --to PATH, or name one in {catalogue.ENVIRONMENT}"
        )
    return given or named[0]
