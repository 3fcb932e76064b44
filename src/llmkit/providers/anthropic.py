"""Anthropic itself, and what its models take: other hosts of the same models use ``CLAUDE`` too.

Sources, read 2026-11-22: https://platform.claude.com/docs/en/build-with-claude/thinking, …/effort,
…/structured-outputs, …/mid-conversation-system-messages, the migration guides of each model, and
https://platform.claude.com/docs/en/api/versioning.
"""

from __future__ import annotations

from dataclasses import dataclass

from .._flow import Flow
from .._http import HTTPRequest
from .._secret import Secret
from ..wires.anthropic_messages import AnthropicMessages, Traits
from ._auth import Bearer, HeaderKey, Identity
from ._provider import Provider

__all__ = ["CLAUDE", "PROVIDER", "KeyOrToken"]

_UP_TO_HIGH = ("low", "medium", "high")
_NO_XHIGH = (*_UP_TO_HIGH, "max")

_ALWAYS = Traits(thinking="always", sampling=False, system_turns=True)
_FIFTH = Traits(sampling=False, system_turns=True)
_SAMPLED = Traits(efforts=_NO_XHIGH)
_BUDGET = Traits(thinking="budget", efforts=())
_OLD = Traits(thinking="budget", efforts=(), schema=False)
_FIRST = Traits(thinking="none", efforts=(), schema=False)

# Versions are written with hyphens, and with dots by some resellers; "4-2" begins a date (4-20250514).
CLAUDE: tuple[tuple[str, Traits], ...] = (
    (r"claude-(fable|mythos)", _ALWAYS),
    (r"claude-opus-5[.-]5", _ALWAYS),
    (r"claude-sonnet-5(?![.-]\d(?!\d))", Traits(sampling=False)),
    (r"claude-(opus|sonnet|haiku)-5", _FIFTH),
    (r"claude-opus-4[.-]8", _FIFTH),
    (r"claude-opus-4[.-]7", Traits(sampling=False)),
    (r"claude-(opus|sonnet)-4[.-]6", _SAMPLED),
    (r"claude-opus-4[.-]5", Traits(thinking="budget", efforts=_UP_TO_HIGH)),
    (r"claude-(sonnet|haiku)-4[.-]5", _BUDGET),
    (r"claude-opus-4[.-]1", _BUDGET),
    (r"claude-(opus|sonnet)-4(?![.-][3-9])|claude-4-", _OLD),
    (r"claude-3[.-]7", _OLD),
    (r"claude-(3|2|1|v\d|instant)", _FIRST),
)
"""Pattern in the model's name, and what such models take; the first that fits holds."""

_TOKEN_START = "sk-ant-oat"  # noqa: S105 - how a token begins is no token
_SHOWN = frozenset({"x-api-key", "authorization"})
_KEY, _TOKEN = HeaderKey("x-api-key"), Bearer()
_BETA, _TOKEN_BETA = "anthropic-beta", "oauth-2025-04-20"


@dataclass(frozen=True, slots=True)
class KeyOrToken:
    """An API key goes into its own header, an OAuth token (told by its beginning) is a bearer's.

    ``bearer``: so is everything else, which is then a gateway's own token.
    """

    bearer: bool = False

    def authorize(self, request: HTTPRequest, identity: Identity) -> Flow[HTTPRequest]:
        """Set the header that fits, unless the caller gave one; without a key the request stays as it is."""
        yield from ()
        return self.at_once(request, identity.secret)

    def at_once(self, request: HTTPRequest, secret: Secret | None) -> HTTPRequest:
        """See ``authorize``."""
        if not _SHOWN.isdisjoint(map(str.lower, request.headers)):
            return request
        if secret is not None and secret.reveal().startswith(_TOKEN_START):
            request = request.with_headers({_BETA: _TOKEN_BETA})
        elif not self.bearer:
            return _KEY.at_once(request, secret)
        return _TOKEN.at_once(request, secret)


PROVIDER = Provider(
    name="anthropic",
    base_url="https://api.anthropic.com",
    chat=AnthropicMessages(models=CLAUDE),
    calls={
        "batches": "llmkit.providers._anthropic_calls:BATCHES",
        "count_tokens": "llmkit.providers._anthropic_calls:COUNT",
        "files": "llmkit.providers._anthropic_calls:FILES",
        "models": "llmkit.providers._anthropic_calls:MODELS",
    },
    key_env=("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
    base_env=("ANTHROPIC_BASE_URL", "ANTHROPIC_API_BASE"),
    auth=KeyOrToken(),
    env_auth={"ANTHROPIC_AUTH_TOKEN": KeyOrToken(bearer=True)},
    # Since 2026-10-21 there is a version without temperature, top_p and top_k; nothing else that a chat needs
    # differs, so the older one takes more. extra_headers may ask for the newer.
    headers={"anthropic-version": "2023-06-01"},
    default_model="claude-haiku-4-5",
    docs="https://platform.claude.com/docs/en/api/messages",
    read="2026-11-22",
)
