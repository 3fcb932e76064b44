"""The most that one attempt at a call can cost, worked out before it is sent.

Text is bounded by its UTF-8 bytes, the answer by its limit, the rates by the dearest that can apply.
What the request does not show cannot be bounded, and says so. What a call did cost belongs in ``_actual``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from .._call import Call, ChatCall
from .._calls import (
    CountCall,
    ImageCall,
    MessagesCall,
    ResourceCall,
    ResponsesCall,
    TranscriptionCall,
)
from .._cost import Cost, CostLine, Unbounded, nothing, summed
from .._http import HTTPRequest
from ..catalogue import ModelInfo
from ..catalogue._allowances import CAUTIOUS, Allowance
from ._kinds_bound import CHAT, KINDS, RESPONSES, Ask, longest, usual_lines
from ._params_bound import FREE, LENGTHS, Wishes, take
from ._prompt_bound import Gauges, Meter, plain_tokens
from ._rates import Unpriceable
from ._worst import ceiling

__all__ = ["Gauges", "bound", "plain_bound"]

_KINDS: Final = {**KINDS, ChatCall: CHAT, MessagesCall: CHAT, ResponsesCall: RESPONSES}
_NO_GAUGES: Final = Gauges()
_NO_QUERY: Final[Mapping[str, str]] = MappingProxyType({})
_NOTE: Final = ("an upper bound, not a cost",)
# Parameters that a kind of call reads by itself.
_OWN: Final[Mapping[type[Call], frozenset[str]]] = {
    ImageCall: frozenset({"partial_images", "input_fidelity"}),
    TranscriptionCall: frozenset({"prompt"}),
}
# Some hosts are asked for another tier, speed or model, or for a guardrail, by a header.
_PRICED_HEADER: Final = re.compile(
    r"tier|priority|latency|guardrail|request-type|speed|fast|model|route|fallback|config",
    re.IGNORECASE,
)


def bound(
    call: Call,
    model: ModelInfo | None,
    *,
    allowance: Allowance = CAUTIOUS,
    gauges: Gauges = _NO_GAUGES,
    request: HTTPRequest | None = None,
    last: str | None = None,
    query: Mapping[str, str] = _NO_QUERY,
    heeded: Callable[[], frozenset[tuple[str, ...]]] | None = None,
) -> Cost | Unbounded:
    """An upper bound for one attempt at a call, or why there is none. Never raises.

    Retries, fallbacks and further requests of a conversation are attempts of their own.

    Args:
        call: as a wire gets it: whatever its parameters and ``extra_body`` say counts, the dearer of the
            two where they differ. ``call.facts`` fix conditions (``region``).
        model: whose rates and limits hold.
        allowance: what the provider adds to a request; by default what may be feared of a stranger.
        gauges: what measures pictures, sound and files; without them they cannot be bounded.
        request: what was written of the call, if it was: what a wire has changed is then known.
        last: the ISO date on which the call has ended at the latest. Without it, announced later prices count.
        query: what the caller adds to the address, where some hosts take parameters.
        heeded: tells where in a request the provider looks for the answer's limit (names from the outside in).
            One that ``extra_body`` has elsewhere may be passed over, so none holds. Without it, all are believed.
    """
    if isinstance(call, CountCall | ResourceCall):
        return _kept(call)
    if model is None:
        return Unbounded("no price for this model")
    try:
        meter = Meter(gauges, allowance.longer, model.cache_write_marker)
        wishes = Wishes(meter)
        if query:
            take(wishes, query.items())
        wishes.heeded = heeded
        ask = Ask(call, model, allowance, gauges, meter, wishes, last, ceiling(model))
        lines = tuple(_lines(ask, request))
    except Exception as error:  # noqa: BLE001 - values may be anything; none may end a call by being measured
        return Unbounded(_why(error))
    return summed(lines, "estimated", _NOTE, model.revision)


def plain_bound(
    call: Call, model: ModelInfo | None, allowed: Allowance, request: HTTPRequest | None, last: str
) -> Cost | None:
    """``bound`` for a chat of plain texts that says nothing of its price, as most are; ``None``: it is another.

    What depends on the model alone was found out by a call before.
    """
    if (
        type(call) is not ChatCall
        or model is None
        or request is None
        or allowed.refused is not None
    ):
        return None
    if call.extra_headers or call.extra_body or call.facts or request.adjustments:
        return None
    limit, tokens = _plain_limit(call.params), plain_tokens(call.messages)
    if limit is None or tokens is None:
        return None
    prompt = max(tokens + allowed.preamble, len(request.body))
    if (usual := ceiling(model).usual(prompt, last)) is None:
        return None
    draws = "image" in model.output_modalities
    try:
        answer = longest(model, allowed, limit, holds=limit > 0, draws=draws)
    except Unpriceable:
        return None
    lines = usual_lines(usual, prompt, answer, 1, model.revision)
    return summed(tuple(lines), "estimated", _NOTE, model.revision)


def _plain_limit(params: Mapping[str, Any]) -> int | None:
    """The limit of the answer, 0 where none is said; ``None``: something may change the price."""
    limit = 0
    for name, value in params.items():
        if name in LENGTHS:
            if type(value) is not int or value <= 0:
                return None
            limit = max(limit, value)
        elif name not in FREE:
            return None
    return limit


def _why(error: Exception) -> str:
    if isinstance(error, Unpriceable):
        return str(error)
    if isinstance(error, RecursionError):
        return "the call is nested too deeply to be measured"
    return f"the call could not be measured: {type(error).__name__}"


def _kept(call: CountCall | ResourceCall) -> Cost | Unbounded:
    if isinstance(call, CountCall):
        return nothing("counting tokens is not billed")
    if call.action == "update" and call.resource == "caches":
        return Unbounded("how long it is kept is billed, and may be longer now")
    if call.action == "create" and call.resource != "files":
        what = "a batch's lines are" if call.resource == "batches" else "what it makes is"
        return Unbounded(f"{what} billed later, and not known here")
    return nothing("looking after what a provider keeps is not billed")


def _lines(ask: Ask, request: HTTPRequest | None) -> Iterable[CostLine]:
    made = _KINDS.get(type(ask.call))
    if made is None:
        raise Unpriceable("what this kind of call can cost is not known beforehand")
    if ask.allowance.refused is not None:
        raise Unpriceable(ask.allowance.refused)
    if ask.model.varies and any(rate.usd for rate in ask.model.rates):
        raise Unpriceable(ask.model.varies)
    if ask.model.supports("web_search_always"):
        raise Unpriceable(f"{ask.model.name} searches the web in every call")
    _wished(ask.call, ask.wishes, request)
    ask.sent = _sent(ask.call, request) if ask.gauges.text is None else 0
    return made(ask)


def _sent(call: Call, request: HTTPRequest | None) -> int:
    """Bytes of a conversation's request: whatever a wire has put into it is among them."""
    return 0 if request is None or type(call) in KINDS else len(request.body)


def _wished(call: Call, wishes: Wishes, request: HTTPRequest | None) -> None:
    """What the call says, and what a wire has made of it."""
    own = _OWN.get(type(call))
    for name in call.extra_headers:
        if _PRICED_HEADER.search(name):
            raise Unpriceable(f"the header {name:.80} may change the price")
    # A wire puts what it is given where it belongs; what goes out as it is may be in the wrong place.
    heeded, wishes.heeded = wishes.heeded, None
    given = call.params.items()
    take(wishes, given if own is None else [pair for pair in given if pair[0] not in own])
    if call.extra_body:
        wishes.heeded = None if wishes.limits else heeded
        extra = [(k, v) for k, v in call.extra_body.items() if not _idle(call, k, v)]
        take(wishes, extra, sent_as_is=True)
        wishes.heeded = None
    for change in call.adjustments if request is None else request.adjustments:
        if change.parameter in _CHANGED:
            # Left out, it holds no longer; put in or changed, both values may count.
            said = None if change.change == "dropped" else change.sent
            take(wishes, ((change.parameter, said),), sent_as_is=True)
            if change.parameter == "service_tier":
                wishes.tiers.add("")


def _idle(call: Call, name: object, value: object) -> bool:
    """Whether a field changes nothing: it names the model once more, or routes to who makes it."""
    if name == "model":
        return value == call.model
    if name != "provider" or not isinstance(value, Mapping):
        return False
    hosts = [host for key in ("order", "only") for host in value.get(key) or ()]
    maker = call.model.partition("/")[0]
    known = _ROUTING | _FILTERS if value.get("only") else _ROUTING
    return known.issuperset(value) and all(str(host).lower() == maker for host in hosts)


# Of how a router chooses hosts, what cannot lead to a dearer one than it would take anyway.
_ROUTING: Final = frozenset({"order", "only", "allow_fallbacks"})
# These leave hosts out, maybe the cheap ones; not where the maker alone may answer.
_FILTERS: Final = frozenset({"require_parameters", "data_collection", "zdr"})
_CHANGED: Final = frozenset(
    {"max_tokens", "max_completion_tokens", "max_output_tokens", "service_tier", "n", "best_of"}
)
