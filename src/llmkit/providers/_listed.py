"""Providers that speak OpenAI's chat format, as two libraries list them; ``compatible`` has the rest and the rules."""

from __future__ import annotations

from ..wires.openai_chat import OpenAIChat
from ._auth import HeaderKey
from ._provider import openai_compatible

__all__ = ["ANY_LLM", "LISTED"]

_MAX_TOKENS = {"max_completion_tokens": "max_tokens"}  # a host that knows only the older name
_OLD_NAME = OpenAIChat(renamed=_MAX_TOKENS)

# Rows as LiteLLM 1.109.1 has them in llms/openai_like/providers.json; it also says who knows only
# max_tokens.
LISTED = (
    openai_compatible("abliteration", "https://api.abliteration.ai/v1", "ABLITERATION_API_KEY"),
    openai_compatible("aiand", "https://api.aiand.com/v1", "AIAND_API_KEY"),
    openai_compatible("aihubmix", "https://aihubmix.com/v1", "AIHUBMIX_API_KEY"),
    openai_compatible("apertis", "https://api.stima.tech/v1", "STIMA_API_KEY", chat=_OLD_NAME),
    openai_compatible(
        "charity_engine", "https://api.charityengine.services/remotejobs/v2/inference",
        "CHARITY_ENGINE_API_KEY", chat=_OLD_NAME,
    ),
    openai_compatible("chutes", "https://llm.chutes.ai/v1", "CHUTES_API_KEY", chat=_OLD_NAME),
    openai_compatible("cognition", "https://api.cognition.ai/v1", "COGNITION_API_KEY"),
    openai_compatible("cortecs", "https://api.cortecs.ai/v1", "CORTECS_API_KEY"),
    # The field is the one that a recorded request carries.
    openai_compatible(
        "crusoe", "https://api.inference.crusoecloud.com/v1", "CRUSOE_API_KEY",
        chat=OpenAIChat(renamed=_MAX_TOKENS, history=("reasoning",)),
    ),
    openai_compatible("gmi", "https://api.gmi-serving.com/v1", "GMI_API_KEY"),
    openai_compatible("helicone", "https://ai-gateway.helicone.ai", "HELICONE_API_KEY"),
    openai_compatible(
        "hostinger_router", "https://router.hostinger.com/v1", "HOSTINGER_ROUTER_API_KEY"
    ),
    openai_compatible("inferenceapis", "https://api.inferenceapis.com/v1", "INFERENCEAPIS_API_KEY"),
    openai_compatible("kyma", "https://kymaapi.com/v1", "KYMA_API_KEY"),
    openai_compatible("libertai", "https://api.libertai.io/v1", "LIBERTAI_API_KEY", chat=_OLD_NAME),
    openai_compatible(
        "llamagate", "https://api.llamagate.dev/v1", "LLAMAGATE_API_KEY", chat=_OLD_NAME
    ),
    openai_compatible("meta", "https://api.meta.ai/v1", "META_API_KEY", "MODEL_API_KEY"),
    openai_compatible("nano_gpt", "https://nano-gpt.com/api/v1", "NANOGPT_API_KEY", chat=_OLD_NAME),
    openai_compatible(
        "neosantara", "https://api.neosantara.xyz/v1", "NEOSANTARA_API_KEY", chat=_OLD_NAME
    ),
    openai_compatible("parasail", "https://api.parasail.io/v1", "PARASAIL_API_KEY"),
    openai_compatible("poe", "https://api.poe.com/v1", "POE_API_KEY", chat=_OLD_NAME),
    openai_compatible("publicai", "https://api.publicai.co/v1", "PUBLICAI_API_KEY", chat=_OLD_NAME),
    openai_compatible("reka", "https://api.reka.ai/v1", "REKA_API_KEY"),
    openai_compatible("sail", "https://api.sailresearch.com/v1", "SAIL_API_KEY"),
    openai_compatible(
        "sarvam", "https://api.sarvam.ai/v1", "SARVAM_API_KEY", chat=_OLD_NAME,
        auth=HeaderKey("api-subscription-key"),
    ),
    openai_compatible("scaleway", "https://api.scaleway.ai/v1", "SCW_SECRET_KEY"),
    openai_compatible(
        "scx_ai", "https://api.scx.ai/v1", "SCX_API_KEY", base_env=("SCX_API_BASE",), chat=_OLD_NAME
    ),
    openai_compatible(
        "synthetic", "https://api.synthetic.new/openai/v1", "SYNTHETIC_API_KEY", chat=_OLD_NAME
    ),
    openai_compatible(
        "tensormesh", "https://serverless.tensormesh.ai/v1", "TENSORMESH_INFERENCE_API_KEY",
        base_env=("TENSORMESH_SERVERLESS_BASE_URL",), chat=_OLD_NAME,
    ),
    openai_compatible(
        "xiaomi_mimo", "https://api.xiaomimimo.com/v1", "XIAOMI_MIMO_API_KEY", chat=_OLD_NAME
    ),
    openai_compatible("zerogpu", "https://api.zerogpu.ai/v1", "ZEROGPU_API_KEY"),
)  # fmt: skip

# Rows as any-llm 1.40.2 has them, in providers/.
ANY_LLM = (
    openai_compatible("atlascloud", "https://api.atlascloud.ai/v1", "ATLASCLOUD_API_KEY"),
    openai_compatible(
        "github", "https://models.github.ai/inference", "GITHUB_API_KEY", "GITHUB_TOKEN",
        base_env=("GITHUB_API_BASE", "GITHUB_MODELS_API_BASE"),
    ),
    openai_compatible(
        "mzai", "https://platform-api.any-llm.ai/api/v1", "ANY_LLM_KEY",
        base_env=("ANY_LLM_PLATFORM_URL",),
    ),
    openai_compatible("portkey", "https://api.portkey.ai/v1", "PORTKEY_API_KEY"),
    openai_compatible("qiniu", "https://api.qnaigc.com/v1", "QINIU_API_KEY"),
    openai_compatible("requesty", "https://router.requesty.ai/v1", "REQUESTY_API_KEY"),
    openai_compatible("telnyx", "https://api.telnyx.com/v2/ai", "TELNYX_API_KEY"),
)  # fmt: skip
