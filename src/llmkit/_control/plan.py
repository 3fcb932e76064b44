"""From what a caller wrote to a ``Job``: model, key, address, parameters. Pure: the environment is passed in.

Every mistake that can be known before sending is raised here, with what to change.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .. import catalogue, providers
from .._call import Adjustment, ChatCall, Timeouts
from .._http import Endpoint, merge_headers
from .._secret import Secret
from ..errors import (
    ConfigurationError,
    MissingKeyError,
    UnknownProviderError,
    UnsupportedParamsError,
)
from ..providers import Provider
from ..types.params import CallOptions, ModelParams
from .call import Key, Leg
from .structured import as_response_format, as_tools

__all__ = ["Asked", "asked", "legs", "missing_keys", "resolve", "timeouts"]

_OPTIONS = frozenset(CallOptions.__annotations__)
_PARAMS = frozenset(ModelParams.__annotations__)
_VARIABLE = re.compile(r"\{(\w+)\}")
# Two spellings of one option; the first is ours.
_SPELLINGS = (
    ("base_url", "api_base"),
    ("num_retries", "max_retries"),
    ("extra_headers", "headers"),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A call's keywords, told apart: what goes to the model, and what llmkit does with the call."""

    params: Mapping[str, Any]
    options: Mapping[str, Any]
    wanted: type | None = None
    adjustments: tuple[Adjustment, ...] = ()


def asked(keywords: Mapping[str, Any], defaults: Mapping[str, Any]) -> Asked:
    """Tell the keywords apart, over a client's defaults.

    Raises:
        UnsupportedParamsError: a keyword nobody knows; the message names near misses.
    """
    given = {k: v for k, v in keywords.items() if v is not None}
    unknown = [name for name in given if name not in _PARAMS and name not in _OPTIONS]
    if unknown:
        raise _unknown(unknown[0])
    options = _spelled({**defaults, **{k: v for k, v in given.items() if k in _OPTIONS}}, given)
    params = {k: v for k, v in given.items() if k in _PARAMS}
    params, dropped = _without(params, options.get("additional_drop_params") or ())
    if "tools" in params:
        params["tools"] = as_tools(params["tools"])
    wanted: type | None = None
    changed: tuple[Adjustment, ...] = ()
    if "response_format" in params:
        params["response_format"], wanted, changed = as_response_format(params["response_format"])
    return Asked(params, options, wanted, (*dropped, *changed))


def _unknown(name: str) -> UnsupportedParamsError:
    near = difflib.get_close_matches(name, [*_PARAMS, *_OPTIONS], n=3)
    hint = (
        f"did you mean {' or '.join(map(repr, near))}?"
        if near
        else "fields of one provider go in extra_body"
    )
    return UnsupportedParamsError(f"completion() knows no parameter {name!r}; {hint}", param=name)


def _spelled(options: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    for ours, other in _SPELLINGS:
        if ours in given and other in given and given[ours] != given[other]:
            raise ConfigurationError(f"{ours!r} and {other!r} are one option; give one of them")
        # What the call says goes before a client's default, whichever name it uses.
        spelled = given.get(ours, given.get(other, options.get(ours, options.get(other))))
        options.pop(other, None)
        if spelled is not None:
            options[ours] = spelled
    return options


def _without(
    params: dict[str, Any], names: Sequence[str]
) -> tuple[dict[str, Any], tuple[Adjustment, ...]]:
    why = "named in additional_drop_params"
    dropped = tuple(Adjustment(n, "dropped", params[n], None, why) for n in names if n in params)
    return {k: v for k, v in params.items() if k not in names}, dropped


def timeouts(options: Mapping[str, Any], default: Timeouts) -> Timeouts:
    """A call's timeouts: ``timeout`` may be seconds in total, ``Timeouts``, or an httpx-like object."""
    given = options.get("timeout")
    try:
        made = _timeouts(given, default)
        first = options.get("stream_timeout")
        if first is None:
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


def resolve(model: str, provider: str | None, *, elsewhere: bool = False) -> tuple[Provider, str]:
    """Find the provider and its name for the model in a model string.

    ``provider/model`` goes first; a colon separates where what stands before it is a provider and there
    is no slash; a bare name is looked up in the catalogue, and with a ``base_url`` it is what that serves.

    Raises:
        UnknownProviderError: none is named and none can be found.
    """
    if not isinstance(model, str) or not model.strip():
        raise ConfigurationError("model must be a text such as 'openai/gpt-4o-mini'")
    if provider is not None:
        found = providers.get(provider)
        return found, model.removeprefix(f"{provider}/")
    for separator in ("/", ":"):
        head, _, rest = model.partition(separator)
        if rest and providers.has(head) and (separator == "/" or "/" not in model):
            return providers.get(head), rest
    return _bare(model, elsewhere=elsewhere)


def _bare(model: str, *, elsewhere: bool) -> tuple[Provider, str]:
    known = [name for name in catalogue.providers_of(model) if providers.has(name)]
    if len(known) == 1:
        return providers.get(known[0]), model
    if len(known) > 1:
        listed = " or ".join(f"{name}/{model}" for name in known)
        raise UnknownProviderError(f"{model!r} is served by several providers: write {listed}")
    if elsewhere:
        return providers.get(providers.GENERIC), model
    head = model.partition("/")[0]
    if head != model:
        providers.get(head)
    raise UnknownProviderError(
        f"no provider is named in {model!r}, and the catalogue does not know the model: "
        "write 'provider/model', or give base_url for an OpenAI-compatible address"
    )


def legs(
    call_id: str,
    model: str,
    messages: Sequence[Any],
    asked_for: Asked,
    *,
    stream: bool,
    environ: Mapping[str, str],
) -> list[Leg]:
    """The deployments of a call: the one asked for, then its fallbacks."""
    first = _leg(call_id, model, messages, asked_for, stream=stream, environ=environ)
    return [
        first,
        *(_fallback(first, entry, asked_for, environ) for entry in _fallbacks(asked_for)),
    ]


def _fallbacks(asked_for: Asked) -> Sequence[Any]:
    given = asked_for.options.get("fallbacks") or ()
    if isinstance(given, str | Mapping):
        raise ConfigurationError("fallbacks must be a list of models")
    return tuple(given)


def _fallback(first: Leg, entry: Any, asked_for: Asked, environ: Mapping[str, str]) -> Leg:
    if isinstance(entry, str):
        entry = {"model": entry}
    if not isinstance(entry, Mapping) or "model" not in entry:
        raise ConfigurationError(
            f"a fallback must be a model or a mapping with 'model' and what differs, not {entry!r:.80}"
        )
    override = asked({k: v for k, v in entry.items() if k not in ("model", "messages")}, {})
    provider, _ = resolve(entry["model"], override.options.get("custom_llm_provider"))
    kept = {k: v for k, v in asked_for.options.items() if k != "custom_llm_provider"}
    if provider is not first.provider:
        # Another provider's key and address are not this one's.
        kept = {k: v for k, v in kept.items() if k not in ("api_key", "base_url", "organization")}
    merged = Asked(
        {**asked_for.params, **override.params},
        {**kept, **override.options},
        override.wanted or asked_for.wanted,
        (*asked_for.adjustments, *override.adjustments),
    )
    messages = entry.get("messages", first.call.messages)
    return _leg(
        first.call.id, entry["model"], messages, merged, stream=first.call.stream, environ=environ
    )


def _leg(
    call_id: str,
    model: str,
    messages: Sequence[Any],
    asked_for: Asked,
    *,
    stream: bool,
    environ: Mapping[str, str],
) -> Leg:
    options = asked_for.options
    given_base = options.get("base_url")
    provider, name = resolve(
        model, options.get("custom_llm_provider"), elsewhere=given_base is not None
    )
    base, rules = _address(provider, given_base, environ)
    wire = rules.chat
    if wire is None:
        raise ConfigurationError(f"{provider.name} has no chat")
    key, source = _key(provider, rules, options.get("api_key"), environ)
    call = ChatCall(
        id=call_id,
        provider=provider.name,
        model=name,
        messages=messages,
        params=asked_for.params,
        stream=stream,
        extra_body=_mapping(options, "extra_body"),
        extra_headers=_headers(options),
        drop_params=bool(options.get("drop_params")),
        allowed=frozenset(options.get("allowed_openai_params") or ()),
        adjustments=asked_for.adjustments,
    )
    headers = merge_headers(_env_headers(provider, environ), provider.headers)
    endpoint = Endpoint(base, headers, _query(options))
    return Leg(provider, wire, endpoint, key, source, call)


def _mapping(options: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = options.get(name) or {}
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{name} must be a dict, not {type(value).__name__}")
    return value


def _headers(options: Mapping[str, Any]) -> Mapping[str, str]:
    headers = {str(k): str(v) for k, v in _mapping(options, "extra_headers").items()}
    for name, value in headers.items():
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or re.search(r"[\r\n\0]", value):
            raise ConfigurationError(f"extra_headers: {name!r} is not a header that HTTP allows")
    if options.get("organization"):
        headers["OpenAI-Organization"] = str(options["organization"])
    return headers


def _query(options: Mapping[str, Any]) -> Mapping[str, str]:
    query = {str(k): str(v) for k, v in _mapping(options, "extra_query").items()}
    if options.get("api_version"):
        query["api-version"] = str(options["api_version"])
    return query


def _env_headers(provider: Provider, environ: Mapping[str, str]) -> dict[str, str]:
    return {h: environ[v] for h, v in provider.header_env.items() if environ.get(v)}


def _address(
    provider: Provider, given: str | None, environ: Mapping[str, str]
) -> tuple[str, Provider]:
    """The base URL, and the provider whose rules hold there."""
    from_env = next((environ[name] for name in provider.base_env if environ.get(name)), None)
    base = given or _with_path(provider, from_env) or provider.base_url
    if base is None:
        names = " or ".join(provider.base_env)
        raise ConfigurationError(
            f"{provider.name} has no address of its own: give base_url, or set {names}"
        )
    base = _filled(provider, base, environ)
    _check_url(base)
    own = provider.elsewhere is None or base.rstrip("/") == (provider.base_url or "").rstrip("/")
    return base, provider if own else providers.get(provider.elsewhere or provider.name)


def _with_path(provider: Provider, base: str | None) -> str | None:
    """Vendors' own tools put a bare host into some of these variables: the provider's path belongs to it."""
    if base is None or provider.elsewhere is not None or "{" in (provider.base_url or "{"):
        return base
    base = base if "://" in base else f"http://{base}"
    bare = urlsplit(base).path.strip("/") == ""
    return base.rstrip("/") + urlsplit(provider.base_url or "").path if bare else base


def _filled(provider: Provider, base: str, environ: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        variable = provider.variables.get(match.group(1), match.group(1).upper())
        if not environ.get(variable):
            raise ConfigurationError(
                f"{provider.name}: set {variable}, which its address {base} needs"
            )
        return environ[variable]

    return _VARIABLE.sub(value, base)


def _check_url(base: str) -> None:
    try:
        parts = urlsplit(base)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fine = False
    if not fine or re.search(r"[\s\x00-\x1f]", base):
        raise ConfigurationError(
            f"base_url {base!r:.200} is no http(s) address such as https://host/v1"
        )
    if parts.path.rstrip("/").endswith("/chat/completions"):
        raise ConfigurationError(
            f"base_url must end before /chat/completions, which llmkit adds: {base!r:.200}"
        )


def _key(
    provider: Provider, rules: Provider, given: Any, environ: Mapping[str, str]
) -> tuple[Key, str | None]:
    if callable(given) or isinstance(given, Secret):
        return given, "api_key"
    if given:
        if not isinstance(given, str):
            raise ConfigurationError(
                f"api_key must be a text or a function, not {type(given).__name__}"
            )
        _check_key(given, "api_key")
        return Secret(given.strip()), "api_key"
    for name in provider.key_env:
        if environ.get(name, "").strip():
            _check_key(environ[name], name)
            return Secret(environ[name].strip()), name
    if rules.key_optional or not provider.key_env:
        return None, None
    names = " or ".join(provider.key_env)
    raise MissingKeyError(
        f"no key for {provider.name}: pass api_key=…, or set {names}", provider=provider.name
    )


def _check_key(value: str, source: str) -> None:
    if not value.strip().isprintable() or not value.isascii():
        # The value itself is never shown.
        raise ConfigurationError(f"the key from {source} has characters that no header can carry")


def missing_keys(model: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """LiteLLM's ``validate_environment``: which variables a model needs, and whether they are there."""
    provider, _ = resolve(model, None)
    present = [name for name in provider.key_env if environ.get(name)]
    needed = set(_VARIABLE.findall(provider.base_url or ""))
    variables = [provider.variables.get(name, name.upper()) for name in sorted(needed)]
    missing = [name for name in variables if not environ.get(name)]
    if not present and not provider.key_optional:
        missing = [*provider.key_env[:1], *missing]
    return {
        "keys_in_environment": not missing,
        "missing_keys": missing,
        "key_source": next(iter(present), None),
    }
