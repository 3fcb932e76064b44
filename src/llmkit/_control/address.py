"""Who is called and where: model strings to providers, addresses, keys. Pure: the environment is passed in.

Every mistake that can be known before sending is raised here, with what to change.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .. import providers
from .._http import Endpoint, merge_headers
from .._secret import Secret
from ..catalogue import Catalogue, ModelInfo, default
from ..errors import ConfigurationError, MissingKeyError, UnknownProviderError
from ..providers import Provider, Where

__all__ = [
    "Address",
    "Key",
    "addressed",
    "key_of",
    "mapping",
    "model_of",
    "resolve",
    "told_key",
    "uncalled",
]

Key = Secret | Callable[[], Any] | None
_LONGEST_LABEL = 63
_VARIABLE = re.compile(r"\{(\w+)\}")


@dataclass(slots=True)
class Address:
    """A deployment: the provider, whose rules hold there, its name for the model, endpoint and key.

    ``host`` declares address and auth: the provider itself, or the one for a family of models that it serves.
    ``rules`` declares the wires: that of ``host``, unless its address is another. ``where`` is there where the
    endpoint has still to be found by ``host.locate``.
    """

    provider: Provider
    host: Provider
    rules: Provider
    model: str
    endpoint: Endpoint
    key: Key
    key_source: str | None
    where: Where | None
    wire: Any
    """The ``Wire`` of the kind of call; ``None`` where the provider does not offer it."""
    priced_as: str | None
    """What prices go by where nothing is said: another name than ``model``, or none (empty)."""
    facts: Mapping[str, str]
    """What the address says that prices can depend on, where it is known."""


def addressed(
    model: str,
    options: Mapping[str, Any],
    environ: Mapping[str, str],
    catalogue: Catalogue | None = None,
    *,
    keyless: bool,
    kind: str = "chat",
) -> Address:
    """Find out who is called and where. ``keyless``: nothing will be sent, so a missing key is no mistake.

    Raises:
        UnknownProviderError: no provider is named and none can be found.
        MissingKeyError: no key was given and none is in the environment.
        ConfigurationError: the address or the key is malformed.
    """
    given = options.get("base_url")
    provider, name = resolve(
        model, options.get("custom_llm_provider"), catalogue, elsewhere=given is not None
    )
    host, name = provider.family_of(name), provider.name_of(name)
    headers = merge_headers(_env_headers(host, environ), host.headers)
    query = _query(options)
    if host.locate is None:
        base, rules = _address(host, given, options, environ)
        where = None
    else:
        base, rules, where = _somewhere(host, name, kind, options, environ, headers, query)
    key, source = key_of(host, rules, options.get("api_key"), environ, keyless=keyless)
    endpoint = Endpoint(base, headers, query)
    priced_as, wire = _priced_as(provider, host, name), rules.wire(kind)
    facts = host.facts_at(base) if where is None else {}
    return Address(
        provider, host, rules, name, endpoint, key, source, where, wire, priced_as, facts
    )


def _priced_as(provider: Provider, host: Provider, model: str) -> str | None:
    if host.own_names:
        return ""
    name = provider.priced_name(model)
    return None if name == model else name


def _somewhere(
    host: Provider,
    model: str,
    kind: str,
    options: Mapping[str, Any],
    environ: Mapping[str, str],
    headers: Mapping[str, str],
    query: Mapping[str, str],
) -> tuple[str, Provider, Where]:
    """What the provider's own function makes the address of."""
    given = options.get("base_url")
    base = given or _from_env(host, environ) or host.base_url
    if base:
        check_url(base)
    there = given is not None
    where = Where(host, model, kind, base, there, options, environ, headers, query)
    return base or "", host, where


def resolve(
    model: str,
    provider: str | None,
    catalogue: Catalogue | None = None,
    *,
    elsewhere: bool = False,
) -> tuple[Provider, str]:
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
    return _bare(model, default() if catalogue is None else catalogue, elsewhere=elsewhere)


def _bare(model: str, catalogue: Catalogue, *, elsewhere: bool) -> tuple[Provider, str]:
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


def model_of(known: Catalogue, provider: str, name: str) -> ModelInfo | None:
    """What a catalogue has under a provider's name for a model, under ``provider/model``, or in a list that holds, too.

    Some hosts write a name in other letters than they list it in.
    """
    return known.find(provider, name) or _elsewhere(known, provider, name)


def _elsewhere(known: Catalogue, provider: str, name: str) -> ModelInfo | None:
    head, _, rest = name.partition("/")
    found = known.find(head, rest) if rest else None
    if found is not None or not providers.has(provider):
        return found
    lists = (provider, *providers.get(provider).price_lists)
    others = (known.find(each, spelled) for each in lists for spelled in (name, name.lower()))
    return next(filter(None, others), None)


def uncalled(known: Catalogue, model: str) -> ModelInfo | None:
    """What a catalogue has of ``provider/model`` where the provider is none of llmkit's: a user's own."""
    head, _, rest = model.partition("/") if isinstance(model, str) else ("", "", "")
    return known.find(head, rest) if rest and not providers.has(head) else None


def mapping(options: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An option that must be a dict; empty where it was not given."""
    value = options.get(name)
    if not value:
        return {}
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{name} must be a dict, not {type(value).__name__}")
    return value


def _query(options: Mapping[str, Any]) -> Mapping[str, str]:
    query = {str(k): str(v) for k, v in mapping(options, "extra_query").items()}
    if options.get("api_version"):
        query["api-version"] = str(options["api_version"])
    return query


def _env_headers(provider: Provider, environ: Mapping[str, str]) -> dict[str, str]:
    return {h: environ[v] for h, v in provider.header_env.items() if environ.get(v)}


def _address(
    provider: Provider,
    given: str | None,
    options: Mapping[str, Any],
    environ: Mapping[str, str],
) -> tuple[str, Provider]:
    """The base URL, and the provider whose rules hold there."""
    base = given or _from_env(provider, environ) or provider.base_url
    if base is None:
        names = " or ".join(provider.base_env)
        raise ConfigurationError(
            f"{provider.name} has no address of its own: give base_url, or set {names}"
        )
    if "{" in base:
        base = _filled(provider, base, options, environ)
    check_url(base)
    own = provider.elsewhere is None or base.rstrip("/") == (provider.base_url or "").rstrip("/")
    return base, provider if own else providers.get(provider.elsewhere or provider.name)


def _from_env(provider: Provider, environ: Mapping[str, str]) -> str | None:
    """Vendors' own tools put a bare host into some of these variables: the provider's path belongs to it."""
    base = next((environ[name] for name in provider.base_env if environ.get(name)), None)
    if base is None or provider.elsewhere is not None or "{" in (provider.base_url or "{"):
        return base
    base = f"localhost{base}" if base.startswith(":") else base
    base = base if "://" in base else f"http://{base}"
    check_url(base)
    bare = urlsplit(base).path.strip("/") == ""
    return base.rstrip("/") + urlsplit(provider.base_url or "").path if bare else base


def _filled(
    provider: Provider, base: str, options: Mapping[str, Any], environ: Mapping[str, str]
) -> str:
    def value(match: re.Match[str]) -> str:
        names = provider.names_of(match.group(1))
        found = (options.get(name) if name.islower() else environ.get(name) for name in names)
        said = next(filter(None, found), None)
        if said is None:
            raise ConfigurationError(f"{provider.name}'s address is {base}: {_to_set(names)}")
        return str(said)

    return _VARIABLE.sub(value, base)


def _to_set(names: Sequence[str]) -> str:
    """What to do about a missing variable: an option of the call is in lower case."""
    options = [f"{name}=…" for name in names if name.islower()]
    variables = [name for name in names if not name.islower()]
    ways = [("give", [*options, "base_url=…"]), ("set", variables)]
    return ", or ".join(f"{verb} {' or '.join(known)}" for verb, known in ways if known)


def _is_host(name: str) -> bool:
    """Whether it can be looked up at all: the resolver raises what is no error of its own."""
    return all(0 < len(label) <= _LONGEST_LABEL for label in name.removesuffix(".").split("."))


@functools.lru_cache(maxsize=512)
def check_url(base: str) -> None:
    try:
        parts = urlsplit(base)
        fine = parts.scheme in ("http", "https") and _is_host(parts.hostname or "")
        fine = fine and (parts.port or 1) > 0
    except ValueError:
        fine = False
    if not fine or re.search(r"[\s\x00-\x1f]", base):
        shown = base.rpartition("@")[2]
        raise ConfigurationError(
            f"base_url {shown!r:.200} is no http(s) address such as https://host/v1"
        )
    if parts.username or parts.password:
        raise ConfigurationError(
            f"base_url for {parts.hostname} must not hold a user or password; use api_key or extra_headers"
        )
    if parts.path.rstrip("/").endswith("/chat/completions"):
        raise ConfigurationError(
            f"base_url must end before /chat/completions, which llmkit adds: {base!r:.200}"
        )


def key_of(
    provider: Provider, rules: Provider, given: Any, environ: Mapping[str, str], *, keyless: bool
) -> tuple[Key, str | None]:
    """The key that was given, or the environment's, and where it is from.

    Raises:
        MissingKeyError: there is none, and one is needed.
        ConfigurationError: it is no key.
    """
    if isinstance(given, Secret):
        _check_key(given.reveal(), "api_key")
        return given, "api_key"
    if callable(given):
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
    if keyless or rules.key_optional or not provider.key_env:
        return None, None
    names = " or ".join(provider.key_env)
    raise MissingKeyError(
        f"no key for {provider.name}: pass api_key=…, or set {names}", provider=provider.name
    )


def _check_key(value: str, source: str) -> None:
    if not value.strip().isprintable() or not value.isascii():
        # The value itself is never shown.
        raise ConfigurationError(f"the key from {source} has characters that no header can carry")


def told_key(value: Any) -> Secret:
    """What a function given as ``api_key`` said. Raises ``ConfigurationError``: it is no key."""
    text = value.reveal() if isinstance(value, Secret) else value
    if not isinstance(text, str) or not text.strip():
        said = "an empty text" if isinstance(text, str) else type(text).__name__
        raise ConfigurationError(f"the function given as api_key must return a key, not {said}")
    _check_key(text, "the function given as api_key")
    return Secret(text.strip())
