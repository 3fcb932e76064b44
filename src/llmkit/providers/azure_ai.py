"""Models of other makers at an Azure AI resource: its model inference API, and Claude's own.

Sources, read 2026-11-22: the specification of the model inference API (the copy in Azure-Samples/AI-Gateway) and
anthropic 2.12.0 (``lib/foundry.py`` and ``foundry.md``: address, headers, scope); recorded traffic has both.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

from .._flow import Flow
from .._http import Endpoint
from ..errors import ConfigurationError
from ..wires.anthropic_messages import AnthropicMessages
from ..wires.openai_chat import OpenAIChat
from ..wires.openai_embeddings import OpenAIEmbeddings
from ._entra import WAYS, Entra
from ._provider import Provider, Where
from .anthropic import CLAUDE

__all__ = ["PROVIDER"]

_VERSION = "2024-05-01-preview"
# A model that is deployed alone has a host of its own, and nothing before its operations.
_ALONE = ".models.ai.azure.com"
_WHOLE = ("/models", "/v1")
_ANTHROPIC = "/anthropic"


def _base(where: Where) -> tuple[str, dict[str, str]]:
    """The address that was given, without its query."""
    if not where.base_url:
        names = " or ".join(where.provider.base_env)
        raise ConfigurationError(
            "every Azure AI resource has an address of its own: give base_url "
            f"(https://NAME.services.ai.azure.com), or set {names}"
        )
    base, _, query = where.base_url.partition("?")
    return base.rstrip("/"), {**dict(parse_qsl(query)), **where.query}


def models(where: Where) -> Flow[Endpoint]:
    """The address of the model inference API. Raises ``ConfigurationError``: the resource is not named."""
    yield from ()
    base, query = _base(where)
    alone = (urlsplit(base).hostname or "").endswith(_ALONE)
    if not alone and not base.endswith(_WHOLE):
        base += "/models"
    if not base.endswith("/openai/v1"):
        said = where.environ.get("AZURE_AI_API_VERSION") or _VERSION
        query.setdefault("api-version", said)
    return Endpoint(base, where.headers, query)


def claude(where: Where) -> Flow[Endpoint]:
    """The address of Claude's own API. Raises ``ConfigurationError``: the resource is not named."""
    yield from ()
    resource = where.environ.get("ANTHROPIC_FOUNDRY_RESOURCE")
    if not where.base_url and resource:
        where = replace(where, base_url=f"https://{resource}.services.ai.azure.com")
    base, query = _base(where)
    base = base.removesuffix("/models")
    if _ANTHROPIC not in urlsplit(base).path:
        base += _ANTHROPIC
    query.pop("api-version", None)  # the version is a header's there
    return Endpoint(base, where.headers, query)


_KEYS = ("AZURE_AI_API_KEY", "AZURE_API_KEY")
_BASES = ("AZURE_AI_API_BASE", "AZURE_AI_CHAT_ENDPOINT", "AZURE_AI_ENDPOINT")
_CLAUDE_KEYS = ("ANTHROPIC_FOUNDRY_API_KEY", *_KEYS)
_CLAUDE_BASES = ("ANTHROPIC_FOUNDRY_BASE_URL", *_BASES)

_PROVIDER = Provider(
    name="azure_ai",
    base_url=None,
    chat=OpenAIChat(),
    key_env=_KEYS,
    base_env=_BASES,
    auth=Entra(),
    calls={
        "embedding": OpenAIEmbeddings(taken=frozenset({"input_type"}), refused=frozenset({"user"})),
        "image": "llmkit.wires.openai_images:IMAGES",
    },
    key_optional=True,
    locate=models,
    needs=((*_KEYS, *WAYS), _BASES),
    own_names=True,
    price_lists=("azure",),
    docs="https://learn.microsoft.com/azure/ai-foundry/foundry-models/how-to/inference",
    read="2026-11-22",
)
_CLAUDE = replace(
    _PROVIDER,
    chat=AnthropicMessages(models=CLAUDE),
    calls={
        "count_tokens": "llmkit.providers._anthropic_calls:COUNT",
        "messages": "llmkit.wires.anthropic_messages.native:MESSAGES",
    },
    key_env=_CLAUDE_KEYS,
    base_env=_CLAUDE_BASES,
    # The first is what is asked for, the second what older resources read.
    auth=Entra(keys=("x-api-key", "api-key"), scope="https://ai.azure.com/.default"),
    headers={"anthropic-version": "2023-06-01"},
    locate=claude,
    needs=((*_CLAUDE_KEYS, *WAYS), (*_CLAUDE_BASES, "ANTHROPIC_FOUNDRY_RESOURCE")),
)
PROVIDER = replace(_PROVIDER, families=((r"(?i)claude", _CLAUDE),))
