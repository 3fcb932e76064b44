"""From the keywords that a caller wrote to the legs of a ``Job``. Pure; who and where is found in ``address``.

Every mistake that can be known before sending is raised here, with what to change.
"""

from __future__ import annotations

import difflib
import functools
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from decimal import Decimal
from typing import Any, NamedTuple

from .._call import Adjustment, Call
from .._secret import Secret
from ..catalogue import Catalogue, default
from ..errors import ConfigurationError, UnsupportedParamsError
from ..providers import Provider, named
from ..types.params import CallOptions
from .address import Address, addressed, mapping, resolve
from .job import Leg
from .manner import manner, policy, timeouts
from .prices import NO_PRICES, is_price, price_of, without_prices
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
    "manner",
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
_new = object.__new__
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


# Options that are not kept just as they are given, and parameters.
_REWRITTEN = frozenset({"max_cost", *_SECRETS, *itertools.chain.from_iterable(_SPELLINGS)})
_REWRITTEN_FIRST = frozenset(other for _, other in _SPELLINGS)
"""Those that a client's defaults do not have, once they have been through here."""
_DESCRIBED = frozenset({"response_format", "tools"})

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
    def unfrozen(self) -> type[Any]:
        """The same, while one is made: to set a frozen one's fields takes longer, and every call makes one."""
        made = self.make
        same = {"__slots__": made.__slots__, "__setattr__": object.__setattr__}
        return type(f"_{made.__name__}", made.__bases__, same)

    @functools.cached_property
    def left_out(self) -> Mapping[str, Any]:
        """What it is about where that is not said."""
        common = {one.name for one in fields(Call)}
        own = [one for one in fields(self.make) if one.name not in common]
        return {one.name: one.default for one in own if one.default is not MISSING}

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
    params, meant = _told_apart(keywords, kind) if keywords else ({}, {})
    options: Mapping[str, Any] = defaults
    rewritten = not (_REWRITTEN.isdisjoint(meant) and _REWRITTEN_FIRST.isdisjoint(defaults))
    if meant or rewritten:
        options = {**defaults, **meant}
        if rewritten:
            options = _spelled(options, meant)
    dropped: tuple[Adjustment, ...] = ()
    if names := options.get("additional_drop_params"):
        params, dropped = without(params, names)
    if kind is not CHAT or _DESCRIBED.isdisjoint(params):
        return Asked(params, options, None, dropped)
    wanted, changed = _described(params)
    return Asked(params, options, wanted, (*dropped, *changed))


def _told_apart(keywords: Mapping[str, Any], kind: Kind) -> tuple[dict[str, Any], dict[str, Any]]:
    """What was given: parameters, and options."""
    params: dict[str, Any] = {}
    meant: dict[str, Any] = {}
    known = kind.params
    for name, value in keywords.items():
        if value is None:
            continue
        if name in known:
            params[name] = value
        if name in _OPTIONS:
            meant[name] = value
        elif name not in known:
            if not is_price(name):
                raise _unknown(name, kind)
            meant[name] = value
    return params, meant


def _described(params: dict[str, Any]) -> tuple[type | None, tuple[Adjustment, ...]]:
    """Python functions and classes become schemas, in place; what the answer is to be read into, and what changed."""
    if "tools" in params:
        params["tools"] = as_tools(params["tools"])
    if "response_format" not in params:
        return None, ()
    params["response_format"], wanted, changed = as_response_format(params["response_format"])
    return wanted, changed


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
    first: Leg | None = None,
) -> list[Leg]:
    """The deployments of a call: the one asked for, then its fallbacks. ``subject``: what this kind is about.

    ``catalogue`` is where bare names and prices are looked up; by default the process's. ``first``: the leg of the
    model that is asked for, where it is known.
    """
    known = default() if catalogue is None else catalogue

    def leg(name: str, about: Mapping[str, Any], how: Asked) -> Leg:
        address = address_of(name, how, environ, keyless=keyless, kind=kind, catalogue=known)
        return leg_at(address, call_id, about, how, kind, known, stream=stream)

    if first is None:
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
    wire, options = address.wire, how.options
    if wire is None:
        raise _lacking(address.provider, address.model, kind)
    said = _NOTHING if _OF_LEGS.issuperset(options) else _said(address, options, kind, catalogue)
    call = _new(kind.unfrozen)
    call.id, call.provider, call.model = call_id, address.provider.name, address.model
    call.params, call.stream, call.adjustments = how.params, stream, how.adjustments
    call.extra_body, call.extra_headers, call.drop_params, call.allowed, named, call.price = said
    call.priced_as, call.facts, call.catalogue = (
        named or address.priced_as,
        address.facts,
        catalogue,
    )
    for name, value in ({**kind.left_out, **subject} if kind.left_out else subject).items():
        setattr(call, name, value)
    call.__class__ = kind.make
    return Leg(
        address.host,
        wire,
        address.endpoint,
        address.key,
        address.key_source,
        call,
        options,
        address.where,
    )


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
        raise _lacking(provider, model, kind) from None


def _lacking(provider: Provider, model: str, kind: Kind) -> ConfigurationError:
    from .lacking import lacking  # noqa: PLC0415 - a mistake

    return lacking(provider, model, kind.name, kind.function)


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


class _Said(NamedTuple):
    """What options say of the request itself, and of its price."""

    body: Mapping[str, Any] = {}
    headers: Mapping[str, str] = {}
    drops: bool = False
    allowed: frozenset[str] = frozenset()
    priced_as: str = ""
    price: Any = None


_NOTHING = _Said()
_OF_LEGS = NO_PRICES - {
    "allowed_openai_params", "base_model", "drop_params", "extra_body", "extra_headers", "organization",
}  # fmt: skip
"""The options that say nothing of a request; what is none of all options is a price."""


def _said(address: Address, options: Mapping[str, Any], kind: Kind, catalogue: Catalogue) -> _Said:
    # A name that the caller chose says nothing of the model behind it: only the call or the answer does.
    named = str(options.get("base_model") or "")
    known = named or address.priced_as
    priced = address.model if known is None else known
    return _Said(
        mapping(options, "extra_body"),
        _headers(options),
        bool(options.get("drop_params")),
        frozenset(options.get("allowed_openai_params") or ()),
        named,
        price_of(options, kind.name, catalogue, address.provider.name, priced),
    )


def _headers(options: Mapping[str, Any]) -> Mapping[str, str]:
    headers = {str(k): str(v) for k, v in mapping(options, "extra_headers").items()}
    for name, value in headers.items():
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or _UNSENDABLE.search(value):
            raise ConfigurationError(f"extra_headers: {name!r} is not a header that HTTP allows")
    if options.get("organization"):
        headers["OpenAI-Organization"] = str(options["organization"])
    return headers
