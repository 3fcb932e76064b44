"""Where settings come from: the environment, the file's ``general_settings``, the command line. Nothing is opened.

LiteLLM's names stand beside our own. Source of its keys and variables: docs.litellm.ai/docs/proxy/config_settings,
read 2026-11-23.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from .._control.routing.told import resolved
from .._io._config import read_config
from .._secret import Secret
from ..errors import ConfigurationError
from .settings import IdentityProvider, Settings

__all__ = ["Loaded", "as_text", "from_text", "load", "load_settings", "routers_part"]

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_GENERAL: Final = "general_settings"
_MEGABYTE: Final = 1024 * 1024
_TRUE, _FALSE = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off", ""})


class Loaded(NamedTuple):
    """Settings, and what was said that nobody heeds: (key, why)."""

    settings: Settings
    unheeded: tuple[tuple[str, str], ...]


def load_settings(config: str | Path | None = None, **said: Any) -> Settings:
    """Settings of the environment, of a file in LiteLLM's format, and of what is said here, which goes first.

    Raises:
        ConfigurationError: a value is wrong, or a keyword is none.
    """
    return load({**said, "config": config}).settings


def load(said: Mapping[str, Any] = _NOTHING, environ: Mapping[str, str] | None = None) -> Loaded:
    """Put settings together: the environment, then the file, then ``said`` (where it says anything).

    Raises:
        ConfigurationError: a value is wrong, or something in ``said`` is no setting.
    """
    environ = os.environ if environ is None else environ
    found = _of_environment(environ)
    given = {name: value for name, value in said.items() if value is not None}
    for name in given:
        if name not in _READ:
            raise ConfigurationError(f"{name!r} is no setting{_near(name, _READ)}")
    file = given.get("config") or found.get("config")
    unheeded: list[tuple[str, str]] = []
    if file is not None:
        found |= _of_file(Path(file), environ, unheeded)
    found |= {name: _read(name, value, name) for name, value in given.items()}
    return Loaded(Settings(**found), tuple(unheeded))


# --- values -----------------------------------------------------------------------------------


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ConfigurationError(f"{where} is a text")
    return str(value).strip()


def _number(value: Any, where: str) -> float:
    try:
        if isinstance(value, bool):
            raise TypeError
        return float(value)
    except (TypeError, ValueError):
        raise ConfigurationError(f"{where} is a number") from None


def _whole(value: Any, where: str) -> int:
    number = _number(value, where)
    if number != int(number):
        raise ConfigurationError(f"{where} is a whole number")
    return int(number)


def _flag(value: Any, where: str) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text not in _TRUE | _FALSE:
        raise ConfigurationError(f"{where} is true or false")
    return text in _TRUE


def _several(value: Any, where: str) -> tuple[str, ...]:
    listed = value.split(",") if isinstance(value, str) else value
    if not isinstance(listed, list | tuple):
        raise ConfigurationError(f"{where} is a list of texts")
    return tuple(text for one in listed if (text := str(one).strip()))


def _secret(value: Any, where: str) -> Secret:
    return value if isinstance(value, Secret) else Secret(_text(value, where))


def _path(value: Any, where: str) -> Path:
    return value if isinstance(value, Path) else Path(_text(value, where))


def _provider(value: Any, where: str) -> IdentityProvider:
    if isinstance(value, IdentityProvider):
        return value
    try:
        said = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        raise ConfigurationError(f"{where} is no JSON") from None
    known = {field.name for field in fields(IdentityProvider)}
    if not isinstance(said, Mapping) or not {"issuer", "audience"} <= said.keys() <= known:
        raise ConfigurationError(f"{where} has issuer, audience, and of {', '.join(sorted(known))}")
    made = dict(said)
    if "algorithms" in made:
        made["algorithms"] = _several(made["algorithms"], f"{where}.algorithms")
    if "secret" in made:
        made["secret"] = _secret(made["secret"], f"{where}.secret")
    return IdentityProvider(**made)


_READ: Final[Mapping[str, Callable[[Any, str], Any]]] = {
    **dict.fromkeys(("host", "database_url", "redis_url", "log_level", "transport", "durability"), _text),
    **dict.fromkeys(("port", "workers", "requests_a_minute", "max_body"), _whole),
    **dict.fromkeys(("keep_alive", "drain", "session_hours", "log_days", "kept_days", "batch_interval"), _number),
    **dict.fromkeys(
        (
            "allow_base_url", "shared_ids", "log_content", "litellm_headers", "litellm_metrics", "open_metrics",
            "trace_providers",
        ), _flag
    ),
    **dict.fromkeys(("cors_origins", "trusted_proxies"), _several),
    **dict.fromkeys(("config", "metrics_directory"), _path),
    "master_key": _secret,
    "identity_provider": _provider,
}  # fmt: skip


def _read(name: str, value: Any, where: str) -> Any:
    return _READ[name](value, where)


def _near(name: str, known: Any) -> str:
    found = get_close_matches(name, list(known), 1)
    return f": did you mean {found[0]}?" if found else ""


# --- the environment --------------------------------------------------------------------------

_VARIABLES: Final = {
    "DATABASE_URL": "database_url",
    "REDIS_URL": "redis_url",
    "LITELLM_MASTER_KEY": "master_key",
    "PORT": "port",
    "NUM_WORKERS": "workers",
    "CONFIG_FILE_PATH": "config",
}
"""LiteLLM's; ``LLMKIT_`` and a setting's name in capitals goes before them."""


def _of_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    names = {**_VARIABLES, **{f"LLMKIT_{name.upper()}": name for name in _READ}}
    said = ((variable, name, environ.get(variable, "").strip()) for variable, name in names.items())
    return {name: _read(name, value, variable) for variable, name, value in said if value}


# --- the file ---------------------------------------------------------------------------------


def _megabytes(value: Any, where: str) -> int:
    return int(_number(value, where) * _MEGABYTE)


def _everybody(value: Any, where: str) -> tuple[str, ...]:
    return ("*",) if _flag(value, where) else ()


_LITELLM: Final[Mapping[str, tuple[str, Callable[[Any, str], Any]]]] = {
    "max_request_size_mb": ("max_body", _megabytes),
    "store_prompts_in_spend_logs": ("log_content", _flag),
    "allow_client_side_credentials": ("allow_base_url", _flag),
    "use_x_forwarded_for": ("trusted_proxies", _everybody),
}
_ROUTERS: Final = frozenset({
    "background_health_checks", "health_check_interval", "background_health_check_model_groups",
    "enable_health_check_routing", "global_max_parallel_requests",
    "health_check_ignore_transient_errors", "max_parallel_requests",
})  # fmt: skip
"""What of ``general_settings`` is the router's."""
_ALWAYS: Final = frozenset({"store_model_in_db", "disable_adding_master_key_hash_to_db"})
"""What is so here in any case."""
_INSTEAD: Final = {
    "enable_jwt_auth": "say identity_provider: issuer, audience, jwks_url",
    "litellm_jwtauth": "say identity_provider: issuer, audience, jwks_url, claims",
    "alerting": "alerts are for who reads /metrics",
    "disable_spend_logs": "the request log is always written; prompts are not in it",
    "allow_requests_on_db_unavailable": "without its database the gateway lets nobody in",
    "database_type": "database_url says it",
}


def routers_part(
    sections: Mapping[str, Any],
    redis_url: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A configuration without what is the gateway's own. A cache in Redis is in this one, where nobody says which."""
    if redis_url is not None:
        sections = _with_redis(sections, redis_url, os.environ if environ is None else environ)
    general = sections.get(_GENERAL)
    if not isinstance(general, Mapping):
        return dict(sections)
    kept = {name: value for name, value in general.items() if name in _ROUTERS}
    rest = {name: part for name, part in sections.items() if name != _GENERAL}
    return {**rest, _GENERAL: kept} if kept else rest


_PLACES: Final = ("host", "url", "redis_url", "redis_startup_nodes")
_ELSEWHERE: Final = ("REDIS_HOST", "REDIS_CLUSTER_NODES")
"""Variables that say where a cache is, too."""


def _with_redis(
    sections: Mapping[str, Any], url: str, environ: Mapping[str, str]
) -> Mapping[str, Any]:
    library = sections.get("litellm_settings")
    said = library.get("cache_params") or {} if isinstance(library, Mapping) else None
    if not isinstance(library, Mapping) or not isinstance(said, Mapping):
        return sections
    told = any(said.get(name) for name in _PLACES) or any(map(environ.get, _ELSEWHERE))
    if told or said.get("type", "redis") != "redis":
        return sections
    return {**sections, "litellm_settings": {**library, "cache_params": {**said, "url": url}}}


def _of_file(
    path: Path, environ: Mapping[str, str], unheeded: list[tuple[str, str]]
) -> dict[str, Any]:
    sections = read_config(path).sections
    general = sections.get(_GENERAL) or {}
    if not isinstance(general, Mapping):
        raise ConfigurationError(f"{_GENERAL} is a mapping, not {type(general).__name__}")
    variables = _variables(sections.get("environment_variables") or {}, environ)
    found: dict[str, Any] = {}
    for name, value in general.items():
        where = f"{_GENERAL}.{name}"
        if value is None or name in _ROUTERS | _ALWAYS:
            continue
        if name in _LITELLM:
            setting, read = _LITELLM[name]
            found[setting] = read(resolved(value, where, variables), where)
        elif name in _READ and name != "config":
            found[name] = _read(name, resolved(value, where, variables), where)
        elif value not in (False, [], {}, ""):
            known = (*_READ, *_LITELLM, *_ROUTERS)
            unheeded.append(
                (where, _INSTEAD.get(name, f"there is no such setting{_near(name, known)}"))
            )
    return found


def _variables(said: Any, environ: Mapping[str, str]) -> Mapping[str, str]:
    if not isinstance(said, Mapping):
        raise ConfigurationError("environment_variables is a mapping of names to texts")
    path = "environment_variables"
    own = {name: str(resolved(value, f"{path}.{name}", environ)) for name, value in said.items()}
    return {**environ, **own}


# --- for the processes of one gateway ---------------------------------------------------------


def as_text(settings: Settings) -> str:
    """Settings as one line, secrets and all: for a pipe to a process of one's own, and for nothing else."""
    said = {field.name: getattr(settings, field.name) for field in fields(settings)}
    return json.dumps(
        {name: value for name, value in said.items() if value is not None}, default=_plain
    )


def from_text(text: str) -> Settings:
    """What ``as_text`` has made of settings."""
    return Settings(**{name: _read(name, value, name) for name, value in json.loads(text).items()})


def _plain(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, IdentityProvider):
        said = {field.name: getattr(value, field.name) for field in fields(value)}
        return {name: one for name, one in said.items() if one is not None}
    return str(value)
