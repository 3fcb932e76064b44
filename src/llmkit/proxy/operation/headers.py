"""What an answer's headers say beside it, where ``settings.litellm_headers`` asks for that: LiteLLM's ``x-litellm-*``.

Names are LiteLLM's (1.109.1), from its source. The address of a model's server is not among them here: where it stands
is inside.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from decimal import Decimal
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from ..._call import CallInfo
from ..._cost import Cost
from ...budget import BudgetStatus
from ...errors import LLMKitError
from ..gateway import Gateway
from ..subject import Subject

__all__ = ["all_of", "around", "of_answer", "of_subject"]

_UNSAFE: Final = re.compile(r"[^\x20-\x7e]")
_LONGEST: Final = 256
_NAMES: Final = {"requests": "rpm", "tokens": "tpm"}


def of_answer(
    gateway: Gateway, info: CallInfo, cost: Cost | None = None, began: float | None = None
) -> dict[str, str]:
    """What is known of a call when its answer begins: of a stream, not its cost.

    Args:
        gateway: whose answer it is. Where its settings do not ask for these headers, there are none.
        info: ``response.call``, or a stream's.
        cost: ``response.cost``; an unknown one is not said.
        began: when the request came, by ``time.perf_counter()``: for what the gateway added.
    """
    if not gateway.settings.litellm_headers:
        return {}
    tried = [one for one in info.attempts if one.error is not None]
    said: dict[str, Any] = {
        "call-id": info.id,
        "model-id": info.deployment,
        "model-group": info.group,
        "model-name": f"{info.provider}/{info.model}",
        "version": _VERSION,
        "cache-key": info.cache_key or "",
        "attempted-retries": sum(one.deployment == info.deployment for one in tried),
        "attempted-fallbacks": len({one.deployment for one in tried} - {info.deployment}),
    }
    if cost is not None and cost.total is not None:
        said["response-cost"] = f"{cost.total:f}"
        said["response-cost-original"] = f"{cost.total:f}"
    if began is not None:
        said |= _times(info, time.perf_counter() - began)
    return {f"x-litellm-{name}": _safe(value) for name, value in said.items() if value != ""}


def _times(info: CallInfo, seconds: float) -> dict[str, Any]:
    upstream = sum(one.seconds for one in info.attempts)
    return {
        "response-duration-ms": round(seconds * 1000, 3),
        "overhead-duration-ms": round(max(0.0, seconds - upstream) * 1000, 3),
    }


async def of_subject(gateway: Gateway, subject: Subject) -> dict[str, str]:
    """How the limits of who asks stand: ``x-ratelimit-*``, and of his key ``x-litellm-key-*``; the ledger is asked.

    Where that cannot say, nothing is said: the answer is there.
    """
    if not gateway.settings.litellm_headers or not (key := subject.account or subject.key):
        return {}
    whose = {"key": key, "user": subject.user, "team": subject.team}
    named: Any = {kind: value for kind, value in whose.items() if value}
    try:
        limits = (await gateway.budget.acheck_budget(**named)).limits
    except LLMKitError:
        return {}
    return {**_rates(limits), **_of_key([one for one in limits if one.scope == f"key={key}"])}


async def all_of(
    gateway: Gateway,
    subject: Subject,
    info: CallInfo,
    cost: Cost | None = None,
    began: float | None = None,
) -> dict[str, str]:
    """``of_answer`` and ``of_subject``."""
    if not gateway.settings.litellm_headers:
        return {}
    return {**of_answer(gateway, info, cost, began), **await of_subject(gateway, subject)}


def _rates(limits: Iterable[BudgetStatus]) -> dict[str, str]:
    """Of each measure, the limit that has the least left."""
    tightest: dict[str, BudgetStatus] = {}
    for one in limits:
        known = tightest.get(one.measure)
        if one.measure in _NAMES and (known is None or _left(one) < _left(known)):
            tightest[one.measure] = one
    said = {}
    for measure, one in tightest.items():
        if one.limit is not None and one.remaining is not None:
            said[f"x-ratelimit-limit-{measure}"] = f"{one.limit:f}"
            said[f"x-ratelimit-remaining-{measure}"] = f"{one.remaining:f}"
    return said


def _left(one: BudgetStatus) -> Decimal:
    return Decimal("Infinity") if one.remaining is None else one.remaining


def _of_key(limits: Iterable[BudgetStatus]) -> dict[str, str]:
    said = {}
    for one in limits:
        if one.measure == "usd":
            said["x-litellm-key-spend"] = f"{one.spent:f}"
            if one.limit is not None:
                said["x-litellm-key-max-budget"] = f"{one.limit:f}"
        elif one.measure in _NAMES and one.limit is not None:
            said[f"x-litellm-key-{_NAMES[one.measure]}-limit"] = f"{one.limit:f}"
    return said


def _safe(value: Any) -> str:
    # Names of models are other people's words, and a line's end would begin a header.
    return _UNSAFE.sub("?", str(value))[:_LONGEST]


def _version() -> str:
    try:
        return version("llmkit")
    except PackageNotFoundError:
        return ""


_VERSION: Final = _version()


def around(app: Any, gateway: Gateway) -> Any:
    """The app, with these headers on answers to calls; the app itself, where nobody asked for them."""
    return _Headed(app, gateway) if gateway.settings.litellm_headers else app


class _Headed:
    """ASGI: adds what is known when an answer begins, of the call that it is an answer to."""

    def __init__(self, app: Any, gateway: Gateway) -> None:
        self._app, self._gateway = app, gateway

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass it on."""
        if scope["type"] != "http" or scope.get("method") != "POST":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                said = await self._said(scope.get("state") or {}, began)
                there = [*message.get("headers", ())]
                names = {name.lower() for name, _ in there}
                listed = [(name.encode(), value.encode()) for name, value in said.items()]
                # An endpoint may have said them itself.
                message["headers"] = there + [one for one in listed if one[0] not in names]
            await send(message)

        await self._app(scope, receive, sending)

    async def _said(self, state: Mapping[str, Any], began: float) -> dict[str, str]:
        said: dict[str, str] = {}
        exchange, subject = state.get("exchange"), state.get("subject")
        for ended in getattr(exchange, "ended", ()):
            info = getattr(ended.response, "call", None)
            if info is not None:
                cost = getattr(ended.response, "cost", None)
                said |= of_answer(self._gateway, info, cost, began)
        if exchange is not None and exchange.asked and subject is not None:
            said |= await of_subject(self._gateway, subject)
        return said
