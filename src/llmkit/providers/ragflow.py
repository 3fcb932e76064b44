"""RAGFlow, where a chat assistant or an agent is asked: its id is part of the address, ``ragflow/chat/ID/MODEL``.

https://docs.litellm.ai/docs/providers/ragflow (``/api/v1/chats_openai/{id}``, ``/api/v1/agents_openai/{id}``), read
2026-11-22. The model is the assistant's own: what is sent as such is not looked at.
"""

from __future__ import annotations

from urllib.parse import quote

from .._flow import Flow
from .._http import Endpoint
from ..errors import ConfigurationError
from ..wires.openai_chat import OpenAIChat
from ._provider import Provider, Where

__all__ = ["PROVIDER"]

_KINDS = {"chat": "chats_openai", "agent": "agents_openai"}


def locate(where: Where) -> Flow[Endpoint]:
    """The address of an assistant, unless the base URL is one. Raises ``ConfigurationError``: one is not named."""
    yield from ()
    if not where.base_url:
        raise ConfigurationError(
            "ragflow has no address of its own: give base_url, or set RAGFLOW_API_BASE"
        )
    if "_openai/" in where.base_url:
        return Endpoint(where.base_url.rstrip("/"), where.headers, where.query)
    kind, _, rest = where.model.partition("/")
    name = rest.partition("/")[0]
    if kind not in _KINDS or not name:
        raise ConfigurationError(
            f"ragflow/{where.model}: write ragflow/chat/ID/MODEL for a chat assistant, ragflow/agent/ID/MODEL "
            "for an agent"
        )
    base = where.base_url.rstrip("/").removesuffix("/api/v1")
    address = f"{base}/api/v1/{_KINDS[kind]}/{quote(name, safe='')}"
    return Endpoint(address, where.headers, where.query)


PROVIDER = Provider(
    name="ragflow",
    base_url=None,
    chat=OpenAIChat(),
    key_env=("RAGFLOW_API_KEY",),
    base_env=("RAGFLOW_API_BASE",),
    locate=locate,
    docs="https://docs.litellm.ai/docs/providers/ragflow",
    read="2026-11-22",
)
