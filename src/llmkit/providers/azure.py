"""Azure OpenAI: a resource's own deployments, at dated versions of the API or at the undated ``v1``.

Sources, read 2026-11-22: https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle (``/openai/v1``
needs no api-version), the specifications of the data plane 2024-10-21 and v1 (header, values of the version), openai
3.54 (``lib/azure.py``: what is below a deployment); recorded traffic has both forms.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, quote

from .._flow import Flow
from .._http import Endpoint
from ..errors import ConfigurationError
from ..wires.openai_chat import OpenAIChat
from ._entra import WAYS, Entra
from ._provider import OPENAI_CALLS, Provider, Where

__all__ = ["PROVIDER", "Place", "place"]

# The newest dated version that is no preview: what the specification above has as its default.
_DATED = "2024-10-21"
_UNDATED = frozenset({"", "v1", "preview", "latest"})
_PREVIEW = frozenset({"preview", "latest"})
# The operations that are below a deployment; at all others the body names it.
_DEPLOYED = frozenset({
    "chat", "embedding", "text_completion", "transcription", "speech", "image",
})  # fmt: skip
_OFFERED = _DEPLOYED | {"responses", "stored_responses", "files", "batches", "models"}
_VERSION_ENV = ("AZURE_API_VERSION", "AZURE_OPENAI_API_VERSION", "OPENAI_API_VERSION")
_OWN = re.compile(r"(?P<root>.*?)/+openai(?P<rest>/.*)?")
_DEPLOYMENT = re.compile(r"/deployments/[^/]+")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a wire's own path goes, and the ``api-version`` beside it, if any."""

    base_url: str
    version: str | None


def place(base: str, kind: str, deployment: str, version: str | None, fallback: str = "") -> Place:
    """Find the form of the address.

    ``base`` is a resource's address, with or without ``/openai``, ``/openai/v1`` or ``/openai/deployments/NAME``.
    ``version`` is what the call says, ``fallback`` what the environment does: a base that is ``v1`` wins over it.
    """
    found = _OWN.fullmatch(base.rstrip("/"))
    root, rest = (found["root"], found["rest"] or "") if found else (base.rstrip("/"), "")
    fixed = _DEPLOYMENT.match(rest)
    said = version if version is not None else "" if rest.startswith("/v1") else fallback
    if not fixed and (rest.startswith("/v1") or said in _UNDATED):
        return Place(f"{root}/openai/v1", "preview" if said in _PREVIEW else None)
    dated = _DATED if said in _UNDATED else said
    if kind not in _DEPLOYED:
        return Place(f"{root}/openai", dated)
    path = fixed[0] if fixed else f"/deployments/{quote(deployment, safe='-._~')}"
    return Place(f"{root}/openai{path}", dated)


def locate(where: Where) -> Flow[Endpoint]:
    """The address of one call. Raises ``ConfigurationError``: the resource is not named."""
    yield from ()
    if not where.base_url:
        raise ConfigurationError(
            "every Azure resource has an address of its own: give base_url "
            "(https://NAME.openai.azure.com), or set AZURE_API_BASE or AZURE_OPENAI_ENDPOINT"
        )
    base, _, own_query = where.base_url.partition("?")
    own = dict(parse_qsl(own_query))
    said = where.query.get("api-version") or own.get("api-version")
    found = place(base, where.kind, where.model, said, from_environment(where.environ))
    query = {k: v for k, v in {**own, **where.query}.items() if k != "api-version"}
    if found.version is not None:
        query["api-version"] = found.version
    return Endpoint(found.base_url, where.headers, query)


def from_environment(environ: Mapping[str, str]) -> str:
    """The version of the API that the environment names, or nothing."""
    return next((environ[name] for name in _VERSION_ENV if environ.get(name)), "")


# Its own models take no other host's fields. What they think cannot be put back.
_CHAT = OpenAIChat(refused=frozenset({"thinking", "top_k", "cache_control"}), history=())
# A deployment's name is its owner's, but most are called as their model is.
_REASONING = r"(?i)(^|[^a-z])(o[1-9]|gpt-?[5-9])"

_KEYS = ("AZURE_API_KEY", "AZURE_OPENAI_API_KEY")
_BASES = ("AZURE_API_BASE", "AZURE_OPENAI_ENDPOINT")

_PROVIDER = Provider(
    name="azure",
    base_url=None,
    chat=_CHAT,
    key_env=_KEYS,
    base_env=_BASES,
    auth=Entra(),
    key_optional=True,
    calls={kind: wire for kind, wire in OPENAI_CALLS.items() if kind in _OFFERED},
    locate=locate,
    needs=((*_KEYS, *WAYS), _BASES),
    own_names=True,
    price_lists=("azure_ai",),
    aliases=("azure_openai", "azure_text"),
    docs="https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle",
    read="2026-11-22",
)
PROVIDER = replace(
    _PROVIDER,
    # Reasoning models refuse the older name; dated versions of the API before them do not know the newer.
    families=(
        (
            _REASONING,
            replace(
                _PROVIDER, chat=replace(_CHAT, renamed={"max_tokens": "max_completion_tokens"})
            ),
        ),
    ),
)
