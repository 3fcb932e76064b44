"""OpenAI itself.

https://platform.openai.com/docs/api-reference/chat/create, read 2026-11-22: ``max_tokens`` is deprecated in favour of
``max_completion_tokens``, which every chat model takes; caching needs no marks; ``Idempotency-Key`` is accepted.
"""

from __future__ import annotations

from dataclasses import replace

from ..wires.openai_chat import OpenAIChat
from ._provider import OPENAI_CALLS, Provider

_CALLS = {
    # It ranks nothing: that form is other hosts'.
    **{kind: place for kind, place in OPENAI_CALLS.items() if kind != "rerank"},
    "embedding": "llmkit.wires.openai_embeddings:LIMITED",
    "text_completion": "llmkit.wires.openai_text:TEXTS",
}
_BY_RESPONSES = {**_CALLS, "chat": "llmkit.wires.openai_responses:CHAT"}
# What the catalogue says of their mode, and their kin; https://platform.openai.com/docs/models, read 2026-11-22.
_ONLY_RESPONSES = r"^(o\d+-pro|gpt-5(\.\d+)?-(pro|codex)|codex-mini|o\d(-mini)?-deep-research)"

_OPENAI = Provider(
    name="openai",
    base_url="https://api.openai.com/v1",
    chat=OpenAIChat(
        refused=frozenset({"thinking", "top_k", "cache_control"}),
        renamed={"max_tokens": "max_completion_tokens"},
        history=(),
    ),
    calls=_CALLS,
    key_env=("OPENAI_API_KEY",),
    base_env=("OPENAI_BASE_URL", "OPENAI_API_BASE"),
    header_env={"OpenAI-Organization": "OPENAI_ORG_ID", "OpenAI-Project": "OPENAI_PROJECT_ID"},
    idempotency_header="Idempotency-Key",
    # A tuned model costs what tuned models of its kind cost: ft:gpt-4o-mini-2024-07-18:acme::id.
    price_name=r"(?P<model>ft:[^:]+):.*",
    region=r"//(?P<region>[a-z]{2})\.api\.openai\.com",
    elsewhere="openai_like",
    aliases=("custom_openai", "text_completion_openai"),
    default_model="gpt-4o-mini",
    docs="https://platform.openai.com/docs/api-reference/chat",
    read="2026-11-22",
)

PROVIDER = replace(
    _OPENAI,
    families=(
        (
            "^responses/(?P<model>.+)",
            replace(_OPENAI, chat=None, calls=_BY_RESPONSES, elsewhere=None),
        ),
        (_ONLY_RESPONSES, replace(_OPENAI, chat=None, calls=_BY_RESPONSES)),
    ),
)
