"""Everything that can be set, once: defaults, then the environment, then the file, then the command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from .._secret import Secret
from ..errors import ConfigurationError

__all__ = ["IdentityProvider", "Settings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityProvider:
    """Who signs the tokens (JWT) that are taken in place of keys.

    ``algorithms``: those that are taken, of ``HS256`` and ``RS256``; never ``none``. Of ``secret`` (HS256),
    ``public_key`` (PEM) and ``jwks_url`` (RS256) there is at least one. ``claims``: where a token says ``user``,
    ``team``, ``organisation`` and ``role``, by our names.
    """

    issuer: str
    audience: str
    algorithms: tuple[Literal["HS256", "RS256"], ...] = ("RS256",)
    secret: Secret | str | None = None
    public_key: str | None = None
    jwks_url: str | None = None
    claims: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "secret", _hidden("secret", self.secret))

    @property
    def shared(self) -> Secret | None:
        """``secret``, which does not show itself."""
        return _hidden("secret", self.secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a gateway runs. Nothing else in the package reads the environment: ``loading.load`` does.

    Raises:
        ConfigurationError: a value is none that it can be.
    """

    host: str = "127.0.0.1"
    port: int = 4000
    workers: int = 1
    config: Path | str | None = None
    """LiteLLM's ``config.yaml``."""
    database_url: str = "sqlite:///llmkit-proxy.db"
    """``sqlite:///PATH`` or ``postgresql://…``: management data, the request log, budgets."""
    redis_url: str | None = None
    """Where routers of several machines share what they know."""
    master_key: Secret | str | None = None
    """The administrator's key; by default one is made at the first start, and printed once."""
    identity_provider: IdentityProvider | None = None
    requests_a_minute: int = 100
    """Of a key that has no limit of its own."""
    cors_origins: tuple[str, ...] = ()
    max_body: int = 32 * 1024 * 1024
    """Bytes of a request's body; uploads may have four times as many."""
    allow_base_url: bool = False
    """Whether a caller may name the address that is asked."""
    shared_ids: bool = False
    """Whether callers may name vector stores, conversations, stored prompts and items, caches, and others' containers:
    they are of the gateway's account at a provider, which tells nobody apart."""
    kept_days: float | None = None
    """How long it is known who made a file, a batch or a stored answer; nobody but an administrator has it after
    that. ``None``: as long as its provider has it."""
    batch_interval: float = 600.0
    """Seconds between two looks at batches that are not settled, by one of all processes; 0: only their makers look."""
    log_content: bool = False
    """Whether prompts and answers are kept in the request log."""
    log_days: float | None = None
    """How long the request log is kept; ``None``: for ever. What was spent, the ledger keeps in any case."""
    litellm_headers: bool = False
    litellm_metrics: bool = False
    keep_alive: float = 15.0
    """Seconds of silence in a stream after which a comment is sent."""
    drain: float = 30.0
    """Seconds that requests under way have, once the process is told to end."""
    session_hours: float = 24.0
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What is logged; requests are, from ``info`` on, those of probes only at ``debug``."""
    transport: Literal["httpx", "reqwest"] = "reqwest"
    durability: Literal["crash", "power"] = "crash"
    open_metrics: bool = False
    """Whether ``/metrics`` asks for no key; otherwise it is for administrators and viewers."""
    trace_providers: bool = True
    """Whether requests to providers have the trace's id (``traceparent``), where there is one."""
    metrics_directory: Path | None = None
    """Where workers of one gateway leave what they count; ``serving`` makes one where there are several."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses that are believed when they say whose request they pass on (``x-forwarded-for``); ``*``: all."""

    def __post_init__(self) -> None:
        for name, least, most in _RANGES:
            value = getattr(self, name)
            if isinstance(value, bool) or not least <= value <= most:
                raise ConfigurationError(f"{name} is from {least} to {most}, not {value!r}")
        for name, allowed in _WORDS:
            if (value := getattr(self, name)) not in allowed:
                raise ConfigurationError(f"{name} is {' or '.join(allowed)}, not {value!r}")
        object.__setattr__(self, "master_key", _hidden("master_key", self.master_key))
        if self.master is not None and not self.master.reveal().strip():
            raise ConfigurationError("master_key is empty: leave it out, and one is made")
        for name in ("cors_origins", "trusted_proxies"):
            if isinstance(getattr(self, name), str):
                raise ConfigurationError(f"{name} is a list of texts")

    @property
    def master(self) -> Secret | None:
        """``master_key``, which does not show itself."""
        return _hidden("master_key", self.master_key)


def _hidden(name: str, value: object) -> Secret | None:
    if value is None or isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        raise ConfigurationError(f"{name} is a text, not {type(value).__name__}")
    return Secret(value)


_DAY: Final = 24 * 3600
_RANGES: Final = (
    ("port", 0, 65535),
    ("workers", 1, 256),
    ("requests_a_minute", 1, 10**9),
    ("max_body", 1, 2**40),
    ("keep_alive", 0.1, 3600),
    ("drain", 0, _DAY),
    ("batch_interval", 0, _DAY),
    ("session_hours", 0.01, 24 * 365),
)
_WORDS: Final = (
    ("log_level", ("debug", "info", "warning", "error")),
    ("transport", ("httpx", "reqwest")),
    ("durability", ("crash", "power")),
)
