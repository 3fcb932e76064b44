"""Which provider of ours a source's row belongs to, and under which name a caller writes it."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from llmkit.catalogue._user import LITELLM_PROVIDERS

# LiteLLM's providers that are called otherwise here. What is missing in both is not listed.
LITELLM: Final = {**LITELLM_PROVIDERS, "fireworks_ai-embedding-models": "fireworks_ai"}
# Providers of genai-prices, and ours that sell by its list.
GENAI: Final = {
    "anthropic": ("anthropic",),
    "avian": ("avian",),
    "aws": ("bedrock",),
    "azure": ("azure", "azure_ai"),
    "baseten": ("baseten",),
    "cerebras": ("cerebras",),
    "cloudflare": ("cloudflare",),
    "cohere": ("cohere",),
    "databricks": ("databricks",),
    "deepseek": ("deepseek",),
    "doubleword": ("doubleword",),
    "elevenlabs": ("elevenlabs",),
    "fireworks": ("fireworks_ai",),
    "github-copilot": ("github_copilot",),
    "google": ("gemini", "vertex_ai"),
    "groq": ("groq",),
    "meta": ("meta",),
    "minimax": ("minimax",),
    "mistral": ("mistral",),
    "moonshotai": ("moonshot",),
    "novita": ("novita",),
    "openai": ("openai",),
    "openrouter": ("openrouter",),
    "ovhcloud": ("ovhcloud",),
    "perplexity": ("perplexity",),
    "together": ("together_ai",),
    "voyageai": ("voyage",),
    "x-ai": ("xai",),
    "zai": ("zai",),
    "zhipuai": ("bigmodel",),
}
# Subscriptions: their rows have no price of a token.
UNPRICED: Final = frozenset({"chatgpt"})

_PICTURE: Final = re.compile(
    r"(?:(?P<quality>low|medium|high|xhigh|max|hd|standard)/)?(?P<size>\d+-x-\d+|max-x-max)/"
    r"(?:(?P<steps>\d+|max)-steps/)?(?P<name>.+)"
)
_AZURE_PLACE: Final = re.compile(r"(eu|us|apac|us-gov|global|global-standard)/(.+)")
_AWS_PLACE: Final = re.compile(r"((?:us|eu|ap|ca|sa|me|af|il)-(?:gov-)?[a-z]+-\d)/(.+)")
_SIZE_CLASS: Final = re.compile(
    r"(together-ai|fireworks-ai)-(embedding-)?(up-to-|above-|[\d.]+[bm]|default|moe)"
)
_COMMITMENT: Final = re.compile(r"\d+-month-commitment/|^claude_platform/|^guardrails$|^\*/")


class Name(NamedTuple):
    """A model's name, and what else its spelling tells."""

    model: str
    condition: dict[str, str]


def provider_of(spelled: str) -> str:
    """Our name for LiteLLM's provider."""
    head = spelled.partition("-")[0] if spelled.startswith("vertex_ai-") else spelled
    return LITELLM.get(head, head)


def name_of(key: str, provider: str, spelled: str) -> Name | None:
    """The model behind LiteLLM's key, or ``None`` if it is no model that can be called."""
    rest = _bare(key, provider, spelled)
    condition: dict[str, str] = {}
    picture = _PICTURE.fullmatch(rest)
    if picture:
        rest = _bare(picture["name"], provider, spelled)
        size = picture["size"].replace("-x-", "x")
        # Larger pictures than listed and more steps than usual: a call does not say that it is one.
        if picture["steps"] == "max" or size.startswith("max"):
            return None
        told = {"quality": picture["quality"], "size": size}
        condition |= {word: value for word, value in told.items() if value}
    if _SIZE_CLASS.match(rest) or _COMMITMENT.search(rest):
        return None
    place = {"azure": _AZURE_PLACE, "bedrock": _AWS_PLACE, "bedrock_mantle": _AWS_PLACE}.get(
        provider
    )
    if place and (found := place.fullmatch(rest)):
        rest = found[2]
        condition["region"] = "global" if found[1].startswith("global") else found[1]
    return Name(rest, condition)


def _bare(key: str, provider: str, spelled: str) -> str:
    """Without the provider that stands before it, and without how a bedrock model is called."""
    for head in (spelled, provider, spelled.replace("_", "-"), provider.replace("_", "-")):
        if key.startswith(f"{head}/"):
            rest = key.removeprefix(f"{head}/")
            return rest.removeprefix("invoke/") if provider == "bedrock" else rest
    return key


def genai_names(provider: str, model: str) -> str:
    """How a model of genai-prices is written: Hugging Face's router wants the host behind it.

    ``regional.`` before a name of Bedrock is a mark of the list, no part of the name.
    """
    if provider == "aws":
        return model.removeprefix("regional.")
    host = provider.removeprefix("huggingface_")
    return f"{model}:{host}" if host != provider else model


def genai_providers(provider: str) -> tuple[str, ...]:
    """Ours that sell by a list of genai-prices."""
    if provider.startswith("huggingface_"):
        return ("huggingface",)
    return GENAI.get(provider, ())


_OPENAI_MODEL: Final = re.compile(
    r"gpt|o\d|text-|codex|whisper|tts|dall-e|computer-use|model-router"
)
_GOOGLE_MODEL: Final = re.compile(r"gemini|gemma|imagen|veo|lyria|learnlm|text-embedding|embedding")
_AI_STUDIO_ONLY: Final = re.compile(r"gemma|learnlm")


def sells(ours: str, theirs: str, model: str) -> bool:
    """Whether one of several of ours that share a list of genai-prices sells the model."""
    if theirs == "azure":
        return bool(_OPENAI_MODEL.match(model)) is (ours == "azure")
    if theirs == "google" and ours == "gemini":
        return bool(_GOOGLE_MODEL.match(model))
    return not (theirs == "google" and _AI_STUDIO_ONLY.match(model))
