"""From the entries of LiteLLM's ``model_list`` to ``Deployment``s.

Every key is honoured, or refused by name: what is refused is an error in code, and a row of the report in a file.
Source of the keys: docs.litellm.ai/docs/proxy/config_settings and /docs/routing, read 2026-11-22.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from ..._call import Timeouts
from ..._secret import HIDDEN, redact, redact_headers, redact_url
from ...catalogue import Catalogue
from ...errors import ConfigurationError
from ...types.params import DeploymentOptions, ModelParams
from ..address import resolve
from ..prices import is_price
from . import checked, deployment
from .deployment import FIELDS, LIMITS, Deployment, distinct, known_param
from .refused import INFO, PARAMS, PREFIXES
from .report import NEUTRAL, STRICT, Refusals
from .told import loose, resolved

__all__ = ["Reading", "deployment_of", "deployments_of", "entry_of"]

_NO_ENTRIES: Final[Mapping[str, Any]] = MappingProxyType({})
_RENAMED: Final = {"max_parallel_requests": "max_parallel"}
_OPTIONS: Final = frozenset(DeploymentOptions.__annotations__)
_TEXTS: Final = frozenset({"tags", "tag_regex", "region", "budget_duration"})
_PIECES: Final = ("model_name", "litellm_params", "model_info")
_TIMES: Final = ("ttft_timeout", "stream_idle_timeout")


def _redact_query(given: Mapping[str, Any]) -> dict[str, str]:
    secret = (name for name in given if HIDDEN in redact_url(f"?{name}=x"))
    return {
        **{name: redact(str(value)) for name, value in given.items()},
        **dict.fromkeys(secret, HIDDEN),
    }


_HIDDEN: Final[Mapping[str, Callable[[Any], Any]]] = {
    "base_url": redact_url,
    "extra_headers": redact_headers,
    "extra_query": _redact_query,
}
"""Where keys may stand beside what is none."""
_INFO: Final = ("id", "base_model", "max_input_tokens", "region", *LIMITS)
"""What ``model_info`` says of a deployment itself; the rest is only kept."""


def _empty() -> Mapping[str, Any]:
    return _NO_ENTRIES


@dataclass(frozen=True, slots=True)
class Reading:
    """How entries are read."""

    environ: Mapping[str, str] = field(default_factory=_empty, repr=False)
    refusals: Refusals = STRICT
    catalogue: Catalogue | None = None
    """Where bare names of models are looked up; by default the process's."""
    credentials: Mapping[str, Mapping[str, Any]] = field(default_factory=_empty, repr=False)
    """By ``litellm_credential_name``."""
    lenient: bool = False
    """Whether an entry that is wrong is left out, and reported, rather than an error."""


def deployments_of(
    entries: Any, reading: Reading, defaults: Mapping[str, Any] = _NO_ENTRIES
) -> tuple[Deployment, ...]:
    """The deployments of a ``model_list``, each with an id of its own.

    ``defaults``: LiteLLM's ``default_litellm_params``, for what an entry does not say.

    Raises:
        ConfigurationError: an entry is wrong; the message begins with where it stands.
    """
    if isinstance(entries, str | Mapping) or not isinstance(entries, Iterable):
        raise ConfigurationError(f"model_list is a list of entries, not {type(entries).__name__}")
    below = _defaults(defaults, reading)
    found = [one for at, entry in enumerate(entries) for one in _read(entry, at, reading)]
    return distinct(_over(below, one) for one in found)


def deployment_of(
    entry: Any, reading: Reading | None = None, path: str = "deployment"
) -> Deployment:
    """The deployment that an entry stands for; a ``Deployment`` is returned as it is.

    Raises:
        ConfigurationError: it is wrong, says what is not honoured, or stands for several (``organization``).
    """
    found = tuple(_several(entry, path, reading or Reading()))
    if len(found) != 1:
        raise ConfigurationError(
            f"{path}: it stands for {len(found)} deployments: give one organization"
        )
    return found[0]


def entry_of(one: Deployment) -> dict[str, Any]:
    """LiteLLM's form of a deployment, without its keys, also those in an address or in headers."""
    fields = {name: getattr(one, name) for name in (*FIELDS, "num_retries")}
    said = {name: value for name, value in fields.items() if value not in deployment.UNSAID}
    other = {ours: theirs for theirs, ours in _RENAMED.items()}
    hidden = {
        name: hide(one.options[name]) for name, hide in _HIDDEN.items() if name in one.options
    }
    params = {"model": one.model, **one.params, **one.options, **hidden}
    params |= {other.get(name, name): value for name, value in said.items()}
    return {
        "model_name": one.group,
        "litellm_params": params,
        "model_info": {**one.info, "id": one.id},
    }


def _read(entry: Any, at: int, reading: Reading) -> Iterator[Deployment]:
    path = f"model_list[{at}]"
    try:
        yield from _several(entry, path, reading)
    except ConfigurationError as error:
        if not reading.lenient:
            raise
        reading.refusals.refuse(path, f"left out: {error.message.removeprefix(path).lstrip('.: ')}")


def _several(entry: Any, path: str, reading: Reading) -> Iterator[Deployment]:
    if isinstance(entry, Deployment):
        yield entry
        return
    if not isinstance(entry, Mapping) and callable(dump := getattr(entry, "model_dump", None)):
        entry = dump(exclude_none=True)  # LiteLLM's own class
    if not isinstance(entry, Mapping):
        raise ConfigurationError(
            f"{path}: an entry is a mapping with model_name and litellm_params, or a Deployment,"
            f" not {type(entry).__name__}"
        )
    group, params, info = _pieces(entry, path, reading)
    if params is None:
        return
    organizations = params.get("organization")
    many = organizations if isinstance(organizations, list | tuple) else (organizations,)
    for number, organization in enumerate(many):
        one = _made(group, {**params, "organization": organization}, info, path, reading)
        yield one if number == 0 or one.numbered else one.changed(id=f"{one.id}.{number + 1}")


def _pieces(
    entry: Mapping[str, Any], path: str, reading: Reading
) -> tuple[str, dict[str, Any] | None, Mapping[str, Any]]:
    """Group, ``litellm_params`` and ``model_info`` as they are meant; no parameters: it is left out."""
    _check_there(entry, path)
    group = checked.text(entry["model_name"], f"{path}.model_name")
    given = _mapping(entry.get("litellm_params"), f"{path}.litellm_params")
    info = resolved(
        _mapping(entry.get("model_info") or {}, f"{path}.model_info"),
        f"{path}.model_info",
        reading.environ,
    )
    outside = {name: entry[name] for name in LIMITS if entry.get(name) is not None}
    unread = {k: v for k, v in entry.items() if k not in _PIECES and k not in outside}
    if unread.pop("blocked", None):
        return group, None, info
    _refuse(unread, path, reading, {})
    if (prefix := str(given.get("model")).partition("/")[0]) in PREFIXES:
        reading.refusals.refuse(path, f"left out: {PREFIXES[prefix]}")
        return group, None, info
    said = {k: v for k, v in given.items() if v is not None}
    credential = _credential(said.pop("litellm_credential_name", None), path, reading)
    return (
        group,
        resolved({**credential, **outside, **said}, f"{path}.litellm_params", reading.environ),
        info,
    )


def _credential(name: Any, path: str, reading: Reading) -> Mapping[str, Any]:
    if name is None:
        return {}
    if name not in reading.credentials:
        raise ConfigurationError(
            f"{path}.litellm_params.litellm_credential_name: credential_list has no"
            f" {name!r}{checked.near(name, reading.credentials)}"
        )
    return reading.credentials[name]


def _made(
    group: str, params: dict[str, Any], info: Mapping[str, Any], path: str, reading: Reading
) -> Deployment:
    inside = f"{path}.litellm_params"
    checked.text(params.get("model"), f"{inside}.model")
    about, said = _of_info(info, f"{path}.model_info", reading), _of_params(params, inside, reading)
    try:
        made = Deployment(group, **{**about, **said}, info=info)
        _check_provider(made, reading)
    except ConfigurationError as error:
        raise ConfigurationError(f"{inside}: {error.message}") from None
    return made


def _check_provider(made: Deployment, reading: Reading) -> None:
    """A provider that nobody knows is heard of now, not when a call comes."""
    if "*" not in made.model.partition("/")[0]:
        elsewhere = "base_url" in made.options
        provider = made.options.get("custom_llm_provider")
        resolve(made.model, provider, reading.catalogue, elsewhere=elsewhere)


def _of_params(params: Mapping[str, Any], path: str, reading: Reading) -> dict[str, Any]:
    """``litellm_params`` as keywords of a ``Deployment``."""
    given = {name: value for name, value in params.items() if value is not None}
    meant = {k: _value(k, v, path) for k, v in given.items() if _known(k)}
    _refuse({k: v for k, v in given.items() if not _known(k)}, path, reading, PARAMS)
    return _timed({_RENAMED.get(name, name): value for name, value in meant.items()}, path)


def _known(name: str) -> bool:
    at_once = name in FIELDS or name in _RENAMED or name in _OPTIONS or name in _TIMES
    return at_once or name in {"api_key", "model"} or is_price(name) or known_param(name)


def _value(name: str, given: Any, path: str) -> Any:
    """A value as it is meant, checked where its key is known."""
    field_name = _RENAMED.get(name, name)
    if name in _TIMES:
        return checked.seconds(loose(given), f"{path}.{name}")
    if field_name in FIELDS:
        value = given if field_name in _TEXTS else loose(given)
        return FIELDS[field_name](value, f"{path}.{name}")
    return loose(given) if name in _no_texts() else given


@cache
def _no_texts() -> frozenset[str]:
    """Options and parameters that are never texts: one that came from the environment is meant otherwise."""
    kinds = {**ModelParams.__annotations__, **DeploymentOptions.__annotations__}
    said = {name: getattr(kind, "__forward_arg__", str(kind)) for name, kind in kinds.items()}
    return frozenset(name for name, kind in said.items() if "str" not in kind and kind != "Any")


def _timed(meant: dict[str, Any], path: str) -> dict[str, Any]:
    """LiteLLM's timeouts between pieces of an answer, as ``Timeouts``."""
    first, idle = (meant.pop(name, None) for name in _TIMES)
    if first is not None:
        meant.setdefault("stream_timeout", first)
    if idle is None:
        return meant
    total = meant.get("timeout")
    if not isinstance(total, int | float | None):
        raise ConfigurationError(f"{path}.stream_idle_timeout: timeout has to be in seconds then")
    usual = Timeouts()
    whole = usual.total if total is None else float(total)
    first_token = usual.first_token if total is None else whole
    try:
        meant["timeout"] = Timeouts(min(usual.connect, whole), first_token, idle, whole)
    except ValueError as error:
        raise ConfigurationError(f"{path}: {error}") from None
    return meant


def _of_info(info: Mapping[str, Any], path: str, reading: Reading) -> dict[str, Any]:
    """What ``model_info`` says of the deployment, as keywords of a ``Deployment``."""
    _refuse({k: v for k, v in info.items() if k in INFO}, path, reading, INFO)
    for name, value in info.items():
        if name.startswith("supports_") and value is not None:
            checked.flag(value, f"{path}.{name}")
    said = {k: v for k, v in info.items() if v is not None and (k in _INFO or is_price(k))}
    meant = {name: _value(name, value, path) for name, value in said.items()}
    return {**meant, "id": str(meant["id"])} if "id" in meant else meant


def _refuse(given: Mapping[str, Any], path: str, reading: Reading, why: Mapping[str, str]) -> None:
    for name, value in given.items():
        known = name in why
        if not (known and value in NEUTRAL):
            reason = why[name] if known else deployment.unknown(name).message
            reading.refusals.refuse(f"{path}.{name}", reason)


def _check_there(entry: Mapping[str, Any], path: str) -> None:
    others = [name for name in entry if name not in _PIECES]
    for name in _PIECES[:2]:
        if entry.get(name) is not None:
            continue
        near = difflib.get_close_matches(name, map(str, others), 1)
        hint = f": {near[0]!r} is no key of an entry" if near else ""
        if not hint and name == "litellm_params" and "model" in others:
            hint = ": model, api_key and the like stand in it"
        raise ConfigurationError(f"{path}.{name} is missing{hint}")


def _mapping(given: Any, path: str) -> Mapping[str, Any]:
    if given is None:
        raise ConfigurationError(f"{path} is missing")
    return checked.table(given, path)


def _defaults(defaults: Mapping[str, Any], reading: Reading) -> Deployment | None:
    if not defaults:
        return None
    path = "default_litellm_params"
    said = resolved({"model": "*", **checked.table(defaults, path)}, path, reading.environ)
    try:
        return Deployment("*", **_of_params(said, path, reading))
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error.message}") from None


def _over(below: Deployment | None, one: Deployment) -> Deployment:
    """A deployment with what the defaults say where it says nothing. It is known by what it says itself."""
    if below is None:
        return one
    unsaid = [name for name in FIELDS if getattr(one, name) in deployment.UNSAID]
    return one.changed(
        **{name: getattr(below, name) for name in unsaid},
        keys=one.keys or below.keys,
        options=MappingProxyType({**below.options, **one.options}),
        params=MappingProxyType({**below.params, **one.params}),
    )
