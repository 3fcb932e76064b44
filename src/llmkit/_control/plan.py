"""From the keywords that a caller wrote to the legs of a ``Job``. Pure; who and where is found in ``address``.

Every mistake that can be known before sending is raised here, with what to change.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .._call import Adjustment, Call, Timeouts
from .._secret import Secret
from ..catalogue import Catalogue, default
from ..errors import ConfigurationError, UnsupportedParamsError
from ..providers import named
from ..types.params import CallOptions
from .address import Address, addressed, mapping, resolve
from .job import Leg
from .lacking import lacking
from .prices import NO_PRICES, is_price, price_of, without_prices
from .retry import RetryPolicy
from .structured import as_response_format, as_tools

__all__ = [
    "CHAT",
    "OF_ROUTERS",
    "Asked",
    "Kind",
    "address_of",
    "asked",
    "diverted",
    "kept",
    "leg_at",
    "legs",
    "policy",
    "refuse_of_routers",
    "timeouts",
    "without",
]

OF_ROUTERS = frozenset({
    "allowed_model_region", "content_policy_fallbacks", "context_window_fallbacks", "disable_fallbacks", "priority",
})  # fmt: skip
"""Options that say where a call goes."""

# Line ends would begin another header; half a character has no bytes.
_UNSENDABLE = re.compile(r"[\r\n\0\ud800-\udfff]")
_OPTIONS = frozenset(CallOptions.__annotations__)
# Options that a log or a repr must not show.
_SECRETS = frozenset({
    "aws_access_key_id", "aws_secret_access_key", "aws_session_token", "aws_web_identity_token",
    "azure_ad_token", "client_secret", "vertex_credentials",
})  # fmt: skip
# Two spellings of one option; the first is ours.
_SPELLINGS = (
    ("base_url", "api_base"),
    ("num_retries", "max_retries"),
    ("extra_headers", "headers"),
)


# Keywords of completion() that other calls do not have.
_ELSEWHERE = {
    "stream": "its answer comes whole",
    "dry_run": "Client().dry_run('{}', …) shows what it would send",
}


class Kind:
    """A kind of call: its name, the function that its callers know, its values, and its parameters' names.

    ``call`` and ``params`` say where the class of its values and the ``TypedDict`` of its parameters live, as
    ``module:NAME`` within llmkit: who never makes such a call does not wait for them.
    """

    def __init__(self, name: str, function: str, call: str, params: str) -> None:
        self.name, self.function = name, function
        self._call, self._params = call, params

    @functools.cached_property
    def make(self) -> type[Call]:
        """The class of its values."""
        made: type[Call] = named(f"llmkit.{self._call}")
        return made

    @functools.cached_property
    def params(self) -> frozenset[str]:
        """The names of its parameters."""
        return frozenset(named(f"llmkit.{self._params}").__annotations__)


CHAT = Kind("chat", "completion", "_call:ChatCall", "types.params:ModelParams")


@dataclass(slots=True)
class Asked:
    """A call's keywords, told apart: what goes to the model, and what llmkit does with the call."""

    params: Mapping[str, Any]
    options: Mapping[str, Any]
    wanted: type | None = None
    adjustments: tuple[Adjustment, ...] = ()


def asked(keywords: Mapping[str, Any], defaults: Mapping[str, Any], kind: Kind = CHAT) -> Asked:
    """Tell the keywords apart, over a client's defaults.

    Raises:
        UnsupportedParamsError: a keyword nobody knows; the message names near misses.
    """
    given = {k: v for k, v in keywords.items() if v is not None}
    meant = {k: v for k, v in given.items() if k in _OPTIONS}
    for name, value in given.items():
        if name in kind.params or name in _OPTIONS:
            continue
        if not is_price(name):
            raise _unknown(name, kind)
        meant[name] = value
    options = _spelled({**defaults, **meant}, given)
    params = {k: v for k, v in given.items() if k in kind.params}
    params, dropped = without(params, options.get("additional_drop_params") or ())
    wanted: type | None = None
    changed: tuple[Adjustment, ...] = ()
    if kind is not CHAT:
        return Asked(params, options, None, dropped)
    if "tools" in params:
        params["tools"] = as_tools(params["tools"])
    if "response_format" in params:
        params["response_format"], wanted, changed = as_response_format(params["response_format"])
    return Asked(params, options, wanted, (*dropped, *changed))


def _unknown(name: str, kind: Kind) -> UnsupportedParamsError:
    hint = _ELSEWHERE.get(name, "").format(kind.function)
    near = () if hint else difflib.get_close_matches(name, [*kind.params, *_OPTIONS], n=3)
    if near:
        hint = f"did you mean {' or '.join(map(repr, near))}?"
    hint = hint or "fields of one provider go in extra_body"
    return UnsupportedParamsError(
        f"{kind.function}() knows no parameter {name!r}; {hint}", param=name
    )


def _spelled(options: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    for ours, other in _SPELLINGS:
        if ours in given and other in given and given[ours] != given[other]:
            raise ConfigurationError(f"{ours!r} and {other!r} are one option; give one of them")
        # What the call says goes before a client's default, whichever name it uses.
        spelled = given.get(ours, given.get(other, options.get(ours, options.get(other))))
        options.pop(other, None)
        if spelled is not None:
            options[ours] = spelled
    for name in _SECRETS & options.keys():
        if isinstance(options[name], str):
            options[name] = Secret(options[name])
    if "max_cost" in options:
        options["max_cost"] = _dollars(options["max_cost"])
    return options


def refuse_of_routers(options: Mapping[str, Any]) -> None:
    """Unheeded, they would be missed only when it matters."""
    if found := sorted(OF_ROUTERS & options.keys()):
        raise ConfigurationError(
            f"a Client has no deployments to choose from and cannot heed {', '.join(found)}: a Router can"
        )


def kept(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Options to keep on a client: its key is not left lying about as text."""
    key = options.get("api_key")
    return {**options, "api_key": Secret(key.strip())} if isinstance(key, str) and key else options


def policy(default: RetryPolicy, retries: Any) -> RetryPolicy:
    """A client's policy, for a call that says how often."""
    if retries is None:
        return default
    try:
        return RetryPolicy(
            retries,
            default.first_wait,
            default.longest_wait,
            default.longest_retry_after,
            default.draw,
        )
    except ValueError as error:
        raise ConfigurationError(str(error)) from None


def _dollars(given: Any) -> Decimal:
    """``max_cost`` as what it is written as."""
    try:
        amount = Decimal(repr(given) if isinstance(given, float) else given)
        if isinstance(given, bool) or not amount.is_finite() or amount < 0:
            raise ValueError
    except (ValueError, TypeError, ArithmeticError):
        raise ConfigurationError(
            f"max_cost must be an amount of USD of at least 0, not {given!r:.80}"
        ) from None
    return amount


def without(
    params: Mapping[str, Any], names: Sequence[str]
) -> tuple[dict[str, Any], tuple[Adjustment, ...]]:
    """Parameters without those of these names, and what is to be said of that."""
    why = "named in additional_drop_params"
    dropped = tuple(Adjustment(n, "dropped", params[n], None, why) for n in names if n in params)
    return {k: v for k, v in params.items() if k not in names}, dropped


def timeouts(options: Mapping[str, Any], default: Timeouts, *, stream: bool) -> Timeouts:
    """A call's timeouts: ``timeout`` may be seconds in total, ``Timeouts``, or an httpx-like object."""
    given = options.get("timeout")
    try:
        made = _timeouts(given, default)
        first = options.get("stream_timeout")
        if first is None or not stream:
            return made
        return Timeouts(made.connect, float(first), made.idle, max(made.total, float(first)))
    except (ValueError, TypeError) as error:
        raise ConfigurationError(f"timeout: {error}") from None


def _timeouts(given: Any, default: Timeouts) -> Timeouts:
    if given is None:
        return default
    if isinstance(given, Timeouts):
        return given
    if hasattr(given, "read") and hasattr(given, "connect"):
        read = given.read or default.first_token
        return Timeouts(given.connect or default.connect, read, read, max(default.total, read))
    total = float(given)
    if not 0 < total < float("inf"):
        raise ValueError(f"it must be a positive, finite number of seconds, not {given!r}")
    return Timeouts(min(default.connect, total), total, total, total)


def legs(
    call_id: str,
    model: str,
    subject: Mapping[str, Any],
    asked_for: Asked,
    *,
    stream: bool,
    environ: Mapping[str, str],
    keyless: bool = False,
    kind: Kind = CHAT,
    catalogue: Catalogue | None = None,
) -> list[Leg]:
    """The deployments of a call: the one asked for, then its fallbacks. ``subject``: what this kind is about.

    ``catalogue`` is where bare names and prices are looked up; by default the process's.
    """
    known = default() if catalogue is None else catalogue

    def leg(name: str, about: Mapping[str, Any], how: Asked) -> Leg:
        address = address_of(name, how, environ, keyless=keyless, kind=kind, catalogue=known)
        return leg_at(address, call_id, about, how, kind, known, stream=stream)

    first = leg(model, subject, asked_for)
    others = (
        _fallback(first, entry, subject, asked_for, kind, known) for entry in _fallbacks(asked_for)
    )
    return [first, *(leg(*other) for other in others)]


def address_of(
    name: str,
    how: Asked,
    environ: Mapping[str, str],
    *,
    keyless: bool,
    kind: Kind,
    catalogue: Catalogue,
) -> Address:
    """Who is called for a model, and where. Raises as ``legs``."""
    try:
        return addressed(name, how.options, environ, catalogue, keyless=keyless, kind=kind.name)
    except ConfigurationError:
        _check_offered(name, how.options, kind, catalogue)
        raise


def leg_at(
    address: Address,
    call_id: str,
    subject: Mapping[str, Any],
    how: Asked,
    kind: Kind,
    catalogue: Catalogue,
    *,
    stream: bool,
) -> Leg:
    """A call's leg at a known address. Raises as ``legs``."""
    call = _call(call_id, address, subject, how, kind, catalogue, stream=stream)
    return _leg(address, call, how, kind)


def diverted(
    first: Leg,
    model: str,
    call_id: str,
    subject: Mapping[str, Any],
    asked_for: Asked,
    *,
    stream: bool,
    environ: Mapping[str, str],
    keyless: bool = False,
    kind: Kind = CHAT,
    catalogue: Catalogue | None = None,
) -> Leg:
    """The leg of another model for the same call, made as a fallback's is."""
    known = default() if catalogue is None else catalogue
    name, about, how = _fallback(first, model, subject, asked_for, kind, known)
    how.options = {k: v for k, v in how.options.items() if k != "fallbacks"}
    given: dict[str, Any] = {"stream": stream, "environ": environ, "keyless": keyless}
    return legs(call_id, name, about, how, kind=kind, catalogue=known, **given)[0]


def _check_offered(name: str, options: Mapping[str, Any], kind: Kind, catalogue: Catalogue) -> None:
    """Nobody has to find a key for a call that is not there."""
    elsewhere = options.get("base_url") is not None
    provider, model = resolve(
        name, options.get("custom_llm_provider"), catalogue, elsewhere=elsewhere
    )
    if provider.family_of(model).wire(kind.name) is None:
        raise lacking(provider, model, kind.name, kind.function) from None


def _fallbacks(asked_for: Asked) -> Sequence[Any]:
    given = asked_for.options.get("fallbacks") or ()
    if isinstance(given, str | Mapping):
        raise ConfigurationError("fallbacks must be a list of models")
    return tuple(given)


def _fallback(
    first: Leg,
    entry: Any,
    subject: Mapping[str, Any],
    asked_for: Asked,
    kind: Kind,
    catalogue: Catalogue,
) -> tuple[str, Mapping[str, Any], Asked]:
    """Model, subject and keywords of one fallback: the call's own, but for what the entry overrides."""
    if isinstance(entry, str):
        entry = {"model": entry}
    if not isinstance(entry, Mapping) or "model" not in entry:
        # Its values are not shown: a key may be among them.
        shown = sorted(map(str, entry)) if isinstance(entry, Mapping) else type(entry).__name__
        raise ConfigurationError(
            f"a fallback must be a model or a mapping with 'model' and what differs, not {shown!s:.80}"
        )
    about = {name: entry.get(name, value) for name, value in subject.items()}
    override = asked({k: v for k, v in entry.items() if k != "model" and k not in about}, {}, kind)
    kept = {k: v for k, v in asked_for.options.items() if k != "custom_llm_provider"}
    provider, name = resolve(
        entry["model"],
        override.options.get("custom_llm_provider"),
        catalogue,
        elsewhere="base_url" in kept,
    )
    if provider.name != first.call.provider:
        # Another provider's key, address and prices are not this one's.
        kept = {k: v for k, v in without_prices(kept).items() if k not in _OF_ONE_PROVIDER}
    elif name != first.call.model and not first.provider.own_names:
        # Nor are those of another model; two names that a caller chose may well stand for one.
        kept = without_prices(kept)
    merged = Asked(
        {**asked_for.params, **override.params},
        {**kept, **override.options},
        override.wanted or asked_for.wanted,
        (*asked_for.adjustments, *override.adjustments),
    )
    return entry["model"], about, merged


_OF_ONE_PROVIDER = frozenset({"api_key", "base_url", "organization", "api_version", "base_model"})


def _leg(address: Address, call: Call, asked_for: Asked, kind: Kind) -> Leg:
    wire = address.rules.wire(kind.name)
    if wire is None:
        raise lacking(address.provider, address.model, kind.name, kind.function)
    host, options = address.host, asked_for.options
    return Leg(
        host, wire, address.endpoint, address.key, address.key_source, call, options, address.where
    )


def _call(
    call_id: str,
    address: Address,
    subject: Mapping[str, Any],
    asked_for: Asked,
    kind: Kind,
    catalogue: Catalogue,
    *,
    stream: bool,
) -> Call:
    options = asked_for.options
    name = address.provider.name
    priced_as = _priced_as(address, options)
    priced = address.model if priced_as is None else priced_as
    return kind.make(
        id=call_id,
        provider=name,
        model=address.model,
        params=asked_for.params,
        stream=stream,
        extra_body=mapping(options, "extra_body"),
        extra_headers=_headers(options),
        drop_params=bool(options.get("drop_params")),
        allowed=frozenset(options.get("allowed_openai_params") or ()),
        adjustments=asked_for.adjustments,
        priced_as=priced_as,
        catalogue=catalogue,
        # Most calls have none, and need no function to say so.
        price=price_of(options, kind.name, catalogue, name, priced)
        if options.keys() - NO_PRICES
        else None,
        **subject,
    )


def _priced_as(address: Address, options: Mapping[str, Any]) -> str | None:
    """A name that the caller chose says nothing of the model behind it: only the call or the answer does."""
    if said := options.get("base_model"):
        return str(said)
    if address.host.own_names:
        return ""
    name = address.provider.priced_name(address.model)
    return None if name == address.model else name


def _headers(options: Mapping[str, Any]) -> Mapping[str, str]:
    headers = {str(k): str(v) for k, v in mapping(options, "extra_headers").items()}
    for name, value in headers.items():
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or _UNSENDABLE.search(value):
            raise ConfigurationError(f"extra_headers: {name!r} is not a header that HTTP allows")
    if options.get("organization"):
        headers["OpenAI-Organization"] = str(options["organization"])
    return headers
