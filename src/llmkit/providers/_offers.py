"""Which calls beside chat the compatible hosts take in OpenAI's form, at the same address. Data only.

Sources, read 2026-11-22: provider_endpoints_support_backup.json and providers.json of LiteLLM 1.109.1, the providers
of any-llm 1.40.2, and recorded traffic (DeepSeek's and Copilot's responses, Doubleword's and Venice's embeddings,
Writer's texts, OpenRouter's and llama.cpp's reranking). What a host has in a form of its own, or at another address,
is not here (DashScope's pictures, DeepInfra's reranking, Fireworks' transcription, DeepSeek's texts).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._provider import OPENAI_CALLS

__all__ = ["OFFERS", "offered"]

_ALL = (
    "text_completion embedding image transcription speech rerank moderation responses files batches"
)
_PLACES: Mapping[str, Mapping[str, str]] = {
    "codestral": {"text_completion": "llmkit.providers._texts:FIM"},
    "mistral": {
        "batches": "llmkit.wires.batch_jobs:JOBS",
        "embedding": "llmkit.providers._embeddings:MISTRAL",
        "files": "llmkit.wires.openai_resources.files:PAGED",
        "moderation": "llmkit.wires.openai_moderation:TEXTS",
        "text_completion": "llmkit.providers._texts:FIM",
        "transcription": "llmkit.providers._audio:MISTRAL",
        "speech": "llmkit.providers._audio:MISTRAL_SPEECH",
    },
    "perplexity": {"embedding": "llmkit.providers._embeddings:PERPLEXITY"},
    "together_ai": {"image": "llmkit.providers._images:TOGETHER"},
    "xai": {
        "batches": "llmkit.wires.batch_bags:BAGS",
        "image": "llmkit.wires.openai_images:OPEN",
    },
}
"""The kinds that a host takes in OpenAI's form but for small differences, and where their wires are."""

OFFERS: Mapping[str, str] = {
    "aiand": "responses",
    "aiml": "image",
    "bedrock_mantle": "responses",
    "cerebras": "text_completion",
    "cloudflare": "embedding",
    "cometapi": "image",
    "cortecs": "responses",
    "dashscope": "embedding",
    "databricks": "embedding responses",
    "deepinfra": "text_completion embedding",
    "deepseek": "responses",
    "doubleword": "embedding",
    "edenai": "embedding",
    "fireworks_ai": "text_completion embedding rerank responses",
    "github": "embedding",
    "github_copilot": "embedding responses",
    "gmi": "responses",
    "groq": "transcription speech responses files batches",
    "hosted_vllm": "text_completion embedding transcription rerank responses",
    "hostinger_router": "embedding",
    "huggingface": "responses",
    "inception": "text_completion",
    "inferenceapis": "responses",
    "libertai": "embedding",
    "litellm_proxy": _ALL,
    "llamacpp": "embedding rerank responses",
    "llamagate": "embedding",
    "lm_studio": "text_completion embedding",
    "meta": "responses",
    "moonshot": "files",
    "mzai": "embedding",
    "nebius": "embedding image responses",
    "neosantara": "embedding image responses",
    "novita": "text_completion embedding rerank",
    "nscale": "image",
    "nvidia_nim": "text_completion embedding",
    "oobabooga": "embedding",
    "openai_like": _ALL,
    "opencode_go": "responses",
    "openrouter": "embedding rerank responses",
    "ovhcloud": "embedding transcription",
    "parasail": "responses",
    "qiniu": "embedding",
    "requesty": "embedding",
    "sail": "responses",
    "sambanova": "embedding",
    "scaleway": "embedding transcription",
    "tensormesh": "responses",
    "together_ai": "text_completion embedding image transcription speech rerank batches",
    "venice": "embedding transcription speech",
    "vercel_ai_gateway": "embedding responses",
    "volcengine": "embedding responses",
    "writer": "text_completion",
    "xai": "image responses",
    "xinference": "embedding image rerank",
    "zerogpu": "responses",
}
"""Provider to kinds of call."""


def offered(name: str) -> dict[str, Any]:
    """The wires of a host's other calls, its list of models among them; a kind that has none yet is left out."""
    kinds = ["models", *OFFERS.get(name, "").split()]
    known = {kind: OPENAI_CALLS[kind] for kind in kinds if kind in OPENAI_CALLS}
    return {**known, **_PLACES.get(name, {})}
