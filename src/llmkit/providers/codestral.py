"""Mistral's host for code, with keys of its own; its models are also Mistral's.

https://github.com/mistralai/platform-docs-public (openapi.yaml), read 2026-11-22.
"""

from __future__ import annotations

from ..wires.mistral_chat import MistralChat
from ._offers import offered
from ._provider import Provider

PROVIDER = Provider(
    name="codestral",
    base_url="https://codestral.mistral.ai/v1",
    chat=MistralChat(),
    calls=offered("codestral"),
    key_env=("CODESTRAL_API_KEY",),
    base_env=("CODESTRAL_API_BASE", "CODESTRAL_BASE_URL"),
    aliases=("text_completion_codestral",),
    docs="https://github.com/mistralai/platform-docs-public",
    read="2026-11-22",
)
