"""Mistral itself.

https://github.com/mistralai/platform-docs-public (openapi.yaml), read 2026-11-22. Usage ends each stream, no field
asks for it. ``logprobs`` is in no schema, but refused by the model, not by the field's name, so it passes.
"""

from __future__ import annotations

from ..wires.mistral_chat import MistralChat
from ._offers import offered
from ._provider import Provider

__all__ = ["MODELS_WITHOUT_CHAT", "PROVIDER"]

MODELS_WITHOUT_CHAT = (
    (
        "mistral-ocr",
        (
            "it reads documents, by POST to /v1/ocr; to ask about a document, give a part "
            "{'type': 'document_url', 'document_url': …} to mistral-small-latest"
        ),
    ),
    (r"(mistral|codestral)-embed", "use embedding()"),
    ("mistral-moderation", "use moderation()"),
)

PROVIDER = Provider(
    name="mistral",
    base_url="https://api.mistral.ai/v1",
    chat=MistralChat(instead=MODELS_WITHOUT_CHAT),
    calls=offered("mistral"),
    key_env=("MISTRAL_API_KEY",),
    base_env=("MISTRAL_API_BASE", "MISTRAL_BASE_URL"),
    default_model="mistral-small-latest",
    docs="https://github.com/mistralai/platform-docs-public",
    read="2026-11-22",
)
