"""How a router looks in a notebook: its deployments, group by group, and how each is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..types._page import Html, bar, card, escaped, table
from ._deciding import DeploymentState

__all__ = ["router_page"]

_HEAD = ("group", "deployment", "model", "state", "running", "failing", "latency", "used")


def router_page(said: str, states: Iterable[DeploymentState]) -> str:
    """The deployments of a router."""
    return card(f"<code>{escaped(said)}</code>", table(_HEAD, map(_row, states)))


def _row(one: DeploymentState) -> tuple[Any, ...]:
    state = f"{one.state}, {one.cooling_for:.0f} s more" if one.cooling_for else one.state
    if one.reason:
        state += f": {one.reason}"
    failing = Html(f"{bar(one.failing)} {one.failing * 100:.0f} %") if one.failing else ""
    latency = "" if one.latency is None else f"{one.latency:.2f} s"
    used = ", ".join(f"{amount:,} {name}" for name, amount in (one.used or {}).items())
    model = one.model if "/" in one.model else f"{one.provider}/{one.model}"
    return one.group, one.deployment, model, state, one.running, failing, latency, used
