"""What OpenTelemetry's conventions call providers, where that is not what they are called here.

Source: https://github.com/open-telemetry/semantic-conventions-genai, docs/gen-ai/client-inference.md,
``gen_ai.provider.name``, read 2026-11-23.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["conventional_name"]

_NAMES: Final[Mapping[str, str]] = {
    "azure": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "moonshot": "moonshot_ai",
    "vertex_ai": "gcp.vertex_ai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}


def conventional_name(provider: str) -> str:
    """The ``gen_ai.provider.name`` of a provider; its own name where the conventions list none."""
    return _NAMES.get(provider, provider)
