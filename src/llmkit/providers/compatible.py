"""Providers that speak OpenAI's chat format, one row each. Data only: the rest needs a file.

A parameter is refused only where the host is known to reject or ignore it, whatever the model;
all else is sent. ``docs`` is the page that a row was taken from, further pages are named above
it; all were read on 2026-11-22. Base URLs end where ``/chat/completions`` begins.
"""

from __future__ import annotations

from dataclasses import replace

from ..wires.openai_chat import OpenAIChat
from ._listed import ANY_LLM, LISTED
from ._offers import offered
from ._provider import OPENAI_CALLS, Provider, openai_compatible

__all__ = ["ROWS"]

_READ = "2026-11-22"
_AUDIO = "llmkit.providers._audio:"
_MAX_TOKENS = {"max_completion_tokens": "max_tokens"}  # a host that knows only the older name

# Unknown fields are "unsupported", status 400, also in messages: github.com/janhq/jan/issues/8136,
# github.com/sipeed/picoclaw/pull/1196. Known ones: the groq package, 1.7.0; it also says which
# no model supports yet. The penalties are among those, but clients send a harmless 0, so they pass.
_GROQ = OpenAIChat(
    refused=frozenset({
        "top_k", "thinking", "verbosity", "modalities", "audio", "prediction", "web_search_options",
        "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "cache_control",
        "logit_bias", "logprobs", "top_logprobs", "metadata", "store",
    }),
    history=("reasoning",),
)  # fmt: skip

# Unknown fields are refused: github.com/mnfst/modelparams.dev/pull/115 (top_k),
# github.com/anomalyco/opencode/issues/33413 (messages). Known ones: cerebras-cloud-sdk 1.91.0.
_CEREBRAS = OpenAIChat(
    refused=frozenset({
        "top_k", "thinking", "verbosity", "modalities", "audio", "web_search_options", "metadata",
        "store", "functions", "function_call", "prompt_cache_retention", "safety_identifier",
        "cache_control",
    }),
    history=("reasoning",),
)  # fmt: skip

# No JSON schema: github.com/UKGovernmentBEIS/inspect_ai/issues/4916. No such role:
# github.com/earendil-works/pi/issues/1048. Reasoning goes back with its tool calls.
_DEEPSEEK = OpenAIChat(
    refused=frozenset({"json_schema", "developer"}),
    renamed=_MAX_TOKENS,
    history=("reasoning_content",),
)

# Formats are text and json_object. No such role: github.com/mcowger/plexus/issues/77. Reasoning
# goes back: docs.z.ai/guides/capabilities/thinking-mode. zai-sdk 0.2.3 has max_tokens only.
_GLM = OpenAIChat(
    refused=frozenset({"json_schema", "developer"}),
    renamed=_MAX_TOKENS,
    history=("reasoning_content",),
)

# No such role: github.com/ChatLab/ChatLab/issues/480, github.com/proma-ai/Proma/issues/1496.
_QWEN = OpenAIChat(refused=frozenset({"developer"}), history=("reasoning_content",))

_REASONING_CONTENT = OpenAIChat(history=("reasoning_content",))
_OLD_NAME = OpenAIChat(renamed=_MAX_TOKENS)

_KNOWN = (
    openai_compatible(
        "openai_like", None, "OPENAI_LIKE_API_KEY",
        base_env=("OPENAI_LIKE_API_BASE", "OPENAI_LIKE_BASE_URL"), key_optional=True,
        calls=tuple(OPENAI_CALLS),
        docs="https://platform.openai.com/docs/api-reference/chat",
    ),
    # What the vendor's own package reads, GROQ_BASE_URL, lacks the path.
    openai_compatible(
        "groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY", base_env=("GROQ_API_BASE",),
        chat=_GROQ, default_model="openai/gpt-oss-20b",
        calls={"transcription": f"{_AUDIO}GROQ", "speech": f"{_AUDIO}GROQ_SPEECH"},
        docs="https://pypi.org/project/groq/",
    ),
    openai_compatible(
        "deepseek", "https://api.deepseek.com", "DEEPSEEK_API_KEY", chat=_DEEPSEEK,
        default_model="deepseek-flash", docs="https://api-docs.deepseek.com/guides/thinking_mode",
    ),
    openai_compatible(
        "xai", "https://api.x.ai/v1", "XAI_API_KEY", chat=_REASONING_CONTENT,
        default_model="grok-4.3", docs="https://docs.x.ai/docs/guides/reasoning",
    ),
    # What the vendor's own package reads, CEREBRAS_BASE_URL, lacks the path.
    openai_compatible(
        "cerebras", "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY",
        base_env=("CEREBRAS_API_BASE",), chat=_CEREBRAS, default_model="gpt-oss-120b",
        docs="https://pypi.org/project/cerebras-cloud-sdk/",
    ),
    openai_compatible(
        "zai", "https://api.z.ai/api/paas/v4", "ZAI_API_KEY", chat=_GLM,
        default_model="glm-4.7-flash", docs="https://docs.z.ai/api-reference/llm/chat-completion",
    ),
    openai_compatible(
        "bigmodel", "https://open.bigmodel.cn/api/paas/v4", "BIGMODEL_API_KEY", "ZHIPUAI_API_KEY",
        chat=_GLM, docs="https://docs.z.ai/api-reference/llm/chat-completion",
    ),
    # The perplexityai package, 0.46.1, has max_tokens only.
    openai_compatible(
        "perplexity", "https://api.perplexity.ai", "PERPLEXITY_API_KEY", "PERPLEXITYAI_API_KEY",
        chat=_OLD_NAME, default_model="sonar",
        docs="https://docs.perplexity.ai/guides/chat-completions-guide",
    ),
    openai_compatible(
        "openrouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY", "OR_API_KEY",
        chat=OpenAIChat(history=("reasoning_details", "reasoning", "annotations", "images")),
        header_env={"HTTP-Referer": "OR_SITE_URL", "X-Title": "OR_APP_NAME"},
        default_model="openai/gpt-4o-mini",
        docs="https://openrouter.ai/docs/use-cases/reasoning-tokens",
    ),
    # Recorded clients send reasoning and reasoning_details together, so all are let through.
    openai_compatible(
        "vercel_ai_gateway", "https://ai-gateway.vercel.sh/v1",
        "VERCEL_AI_GATEWAY_API_KEY", "AI_GATEWAY_API_KEY", "VERCEL_OIDC_TOKEN",
        docs="https://vercel.com/docs/ai-gateway/sdks-and-apis/openai-chat-completions/reasoning",
    ),
    # Its specification has max_tokens only.
    openai_compatible(
        "together_ai", "https://api.together.ai/v1", "TOGETHER_API_KEY", "TOGETHER_AI_API_KEY",
        "TOGETHERAI_API_KEY", "TOGETHER_AI_TOKEN", chat=_OLD_NAME, aliases=("together",),
        base_env=("TOGETHER_AI_API_BASE", "TOGETHER_API_BASE", "TOGETHER_BASE_URL"),
        default_model="meta-llama/Llama-3.3-70B-Instruct-Turbo",
        docs="https://github.com/togethercomputer/openapi/blob/main/openapi.yaml",
    ),
    openai_compatible(
        "fireworks_ai", "https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY",
        "FIREWORKS_AI_API_KEY", "FIREWORKSAI_API_KEY", "FIREWORKS_AI_TOKEN",
        base_env=("FIREWORKS_API_BASE", "FIREWORKS_AI_API_BASE"), aliases=("fireworks",),
        default_model="accounts/fireworks/models/gpt-oss-120b",
        docs="https://docs.litellm.ai/docs/providers/fireworks_ai",
    ),
    openai_compatible(
        "moonshot", "https://api.moonshot.ai/v1", "MOONSHOT_API_KEY", chat=_REASONING_CONTENT,
        default_model="kimi-k2.6",
        docs="https://platform.kimi.ai/docs/guide/use-kimi-k2-thinking-model",
    ),
    openai_compatible(
        "minimax", "https://api.minimax.io/v1", "MINIMAX_API_KEY",
        chat=OpenAIChat(history=("reasoning_details", "reasoning_content")),
        docs="https://platform.minimax.io/docs/api-reference/text-openai-api",
    ),
    openai_compatible(
        "dashscope", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "DASHSCOPE_API_KEY",
        chat=_QWEN, aliases=("alibaba",),
        docs="https://docs.agno.com/reference/models/dashscope",
    ),
    # Reasoning goes back as "reasoning".
    openai_compatible(
        "cloudflare", "https://api.cloudflare.com/client/v4/accounts/{account_id}/ai/v1",
        "CLOUDFLARE_API_KEY", "CLOUDFLARE_API_TOKEN", chat=OpenAIChat(history=("reasoning",)),
        variables={"account_id": ("account_id", "CLOUDFLARE_ACCOUNT_ID")},
        docs="https://github.com/cloudflare/ai/releases/tag/workers-ai-provider%403.1.5",
    ),
    openai_compatible(
        "heroku", "https://us.inference.heroku.com/v1", "HEROKU_API_KEY", "INFERENCE_KEY",
        docs="https://devcenter.heroku.com/categories/heroku-inference",
    ),
    openai_compatible(
        "venice", "https://api.venice.ai/api/v1", "VENICE_API_KEY", "VENICE_AI_API_KEY",
        aliases=("veniceai",), docs="https://docs.venice.ai/getting-started/quick-start",
    ),
    # Its specification has max_tokens only.
    openai_compatible(
        "writer", "https://api.writer.com/v1", "WRITER_API_KEY",
        chat=OpenAIChat(path="/chat", renamed=_MAX_TOKENS),
        docs="https://dev.writer.com/api-reference/completion-api/chat-completion",
    ),
    # Vendors of open models; the field is the one that recorded requests carry.
    openai_compatible(
        "avian", "https://api.avian.io/v1", "AVIAN_API_KEY", chat=_REASONING_CONTENT,
        docs="https://github.com/continuedev/continue/pull/10871",
    ),
    openai_compatible(
        "doubleword", "https://api.doubleword.ai/v1", "DOUBLEWORD_API_KEY", chat=_REASONING_CONTENT,
        docs="https://arize.com/docs/phoenix/integrations/llm-providers/doubleword/doubleword-tracing",
    ),
    # On this machine, as a rule.
    openai_compatible(
        "llamacpp", "http://127.0.0.1:8080/v1", "LLAMACPP_API_KEY", key_optional=True,
        chat=_REASONING_CONTENT, calls=("transcription",),
        docs="https://github.com/ggml-org/llama.cpp/pull/16934",
    ),
    # json_object is answered by 400 "must be 'json_schema'".
    openai_compatible(
        "lm_studio", "http://localhost:1234/v1", "LM_STUDIO_API_KEY", key_optional=True,
        chat=OpenAIChat(refused=frozenset({"json_object"})), aliases=("lmstudio",),
        docs="https://github.com/lmstudio-ai/lmstudio-bug-tracker/issues/189",
    ),
    openai_compatible(
        "hosted_vllm", "http://localhost:8000/v1", "HOSTED_VLLM_API_KEY", "VLLM_API_KEY",
        base_env=("HOSTED_VLLM_API_BASE", "VLLM_API_BASE"), key_optional=True, aliases=("vllm",),
        docs="https://docs.vllm.ai/en/v0.26.0/features/reasoning_outputs/",
    ),
)  # fmt: skip

# Rows as LiteLLM 1.109.1 has them in litellm_core_utils/get_llm_provider_logic.py and llms/.
_CODED = (
    openai_compatible(
        "ai21", "https://api.ai21.com/studio/v1", "AI21_API_KEY", aliases=("ai21_chat",)
    ),
    openai_compatible("aiml", "https://api.aimlapi.com/v1", "AIML_API_KEY", "AIMLAPI_KEY"),
    openai_compatible("amazon_nova", "https://api.nova.amazon.com/v1", "AMAZON_NOVA_API_KEY"),
    openai_compatible(
        "anyscale", "https://api.endpoints.anyscale.com/v1", "ANYSCALE_API_KEY"
    ),
    openai_compatible("baseten", "https://inference.baseten.co/v1", "BASETEN_API_KEY"),
    openai_compatible(
        "bedrock_mantle", "https://bedrock-mantle.{region}.api.aws/v1", "BEDROCK_MANTLE_API_KEY",
        "AWS_BEARER_TOKEN_BEDROCK", variables={"region": "AWS_REGION"},
    ),
    openai_compatible(
        "clarifai", "https://api.clarifai.com/v2/ext/openai/v1", "CLARIFAI_API_KEY", "CLARIFAI_PAT"
    ),
    openai_compatible(
        "cometapi", "https://api.cometapi.com/v1", "COMETAPI_API_KEY", "COMETAPI_KEY"
    ),
    openai_compatible("compactifai", "https://api.compactif.ai/v1", "COMPACTIFAI_API_KEY"),
    openai_compatible("deepinfra", "https://api.deepinfra.com/v1/openai", "DEEPINFRA_API_KEY"),
    openai_compatible(
        "docker_model_runner", "http://localhost:12434/engines/llama.cpp/v1",
        "DOCKER_MODEL_RUNNER_API_KEY", key_optional=True,
    ),
    openai_compatible("edenai", "https://api.edenai.run/v3", "EDENAI_API_KEY"),
    openai_compatible("empower", "https://app.empower.dev/api/v1", "EMPOWER_API_KEY"),
    openai_compatible(
        "featherless_ai", "https://api.featherless.ai/v1", "FEATHERLESS_AI_API_KEY",
        "FEATHERLESS_API_KEY", base_env=("FEATHERLESS_AI_API_BASE", "FEATHERLESS_API_BASE"),
    ),
    openai_compatible(
        "friendliai", "https://api.friendli.ai/serverless/v1", "FRIENDLI_TOKEN",
        "FRIENDLIAI_API_KEY", base_env=("FRIENDLI_API_BASE", "FRIENDLIAI_API_BASE"),
    ),
    # The token that it gives for a signed-in user, who has it from elsewhere: signing in is a browser's.
    openai_compatible(
        "github_copilot", "https://api.githubcopilot.com", "GITHUB_COPILOT_TOKEN",
        headers={"Editor-Version": "llmkit/1"},
    ),
    openai_compatible("galadriel", "https://api.galadriel.com/v1", "GALADRIEL_API_KEY"),
    openai_compatible("gradient_ai", "https://inference.do-ai.run/v1", "GRADIENT_AI_API_KEY"),
    openai_compatible(
        "huggingface", "https://router.huggingface.co/v1", "HF_TOKEN", "HUGGINGFACE_API_KEY",
        base_env=("HF_API_BASE", "HUGGINGFACE_API_BASE", "HUGGINGFACE_BASE_URL"),
    ),
    openai_compatible("hyperbolic", "https://api.hyperbolic.xyz/v1", "HYPERBOLIC_API_KEY"),
    openai_compatible("inception", "https://api.inceptionlabs.ai/v1", "INCEPTION_API_KEY"),
    openai_compatible(
        "lambda_ai", "https://api.lambda.ai/v1", "LAMBDA_API_KEY",
        base_env=("LAMBDA_API_BASE", "LAMBDA_AI_API_BASE"),
    ),
    openai_compatible(
        "lemonade", "http://localhost:8000/api/v1", "LEMONADE_API_KEY", key_optional=True
    ),
    openai_compatible(
        "litellm_proxy", "http://localhost:4000", "LITELLM_PROXY_API_KEY", key_optional=True
    ),
    openai_compatible(
        "llamafile", "http://127.0.0.1:8080/v1", "LLAMAFILE_API_KEY", key_optional=True
    ),
    openai_compatible("maritalk", "https://chat.maritaca.ai/api", "MARITALK_API_KEY"),
    openai_compatible(
        "meta_llama", "https://api.llama.com/compat/v1", "LLAMA_API_KEY",
        base_env=("LLAMA_API_BASE", "META_LLAMA_API_BASE"), aliases=("llama",),
    ),
    openai_compatible(
        "modelscope", "https://api-inference.modelscope.cn/v1", "MODELSCOPE_API_KEY"
    ),
    openai_compatible("morph", "https://api.morphllm.com/v1", "MORPH_API_KEY"),
    openai_compatible("nebius", "https://api.studio.nebius.ai/v1", "NEBIUS_API_KEY"),
    openai_compatible("novita", "https://api.novita.ai/v3/openai", "NOVITA_API_KEY"),
    openai_compatible("nscale", "https://inference.api.nscale.com/v1", "NSCALE_API_KEY"),
    openai_compatible(
        "nvidia_nim", "https://integrate.api.nvidia.com/v1", "NVIDIA_NIM_API_KEY", "NVIDIA_API_KEY"
    ),
    openai_compatible("oobabooga", None, key_optional=True),
    openai_compatible(
        "opencode_go", "https://opencode.ai/inference/go/openai/v1", "OPENCODE_GO_API_KEY",
        "OPENCODE_API_KEY",
    ),
    openai_compatible(
        "ovhcloud", "https://oai.endpoints.kepler.ai.cloud.ovh.net/v1", "OVHCLOUD_API_KEY"
    ),
    openai_compatible(
        "qwen_ai_platform", "https://dashscope.aliyuncs.com/compatible-mode/v1",
        "QWEN_AI_PLATFORM_API_KEY", "DASHSCOPE_API_KEY", chat=_QWEN,
    ),
    openai_compatible(
        "qwencloud", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "QWENCLOUD_API_KEY",
        "DASHSCOPE_API_KEY", chat=_QWEN,
    ),
    openai_compatible("sambanova", "https://api.sambanova.ai/v1", "SAMBANOVA_API_KEY"),
    openai_compatible(
        "streamlake", "https://vanchin.streamlake.ai/api/gateway/v1/endpoints", "STREAMLAKE_API_KEY"
    ),
    openai_compatible(
        "tencent", "https://tokenhub-intl.tencentcloudmaas.com/v1", "TENCENT_API_KEY"
    ),
    openai_compatible("v0", "https://api.v0.dev/v1", "V0_API_KEY"),
    # No such role: github.com/agno-agi/agno/issues/6697.
    openai_compatible(
        "volcengine", "https://ark.cn-beijing.volces.com/api/v3", "VOLCENGINE_API_KEY",
        "ARK_API_KEY", chat=OpenAIChat(refused=frozenset({"developer"})),
    ),
    openai_compatible(
        "xinference", "http://127.0.0.1:9997/v1", "XINFERENCE_API_KEY", key_optional=True
    ),
    openai_compatible("wandb", "https://api.inference.wandb.ai/v1", "WANDB_API_KEY"),
)  # fmt: skip

_LITELLM = "https://github.com/BerriAI/litellm/blob/main/litellm/"
_PAGES = {
    "": _KNOWN,  # each has its own
    f"{_LITELLM}litellm_core_utils/get_llm_provider_logic.py": _CODED,
    f"{_LITELLM}llms/openai_like/providers.json": LISTED,
    "https://pypi.org/project/any-llm-sdk/": ANY_LLM,
}

# Reranking in the form that most hosts share: the specifications of Together and OpenRouter, recorded traffic of
# llama.cpp, docs.vllm.ai/en/latest/serving/openai_compatible_server.html, docs.litellm.ai/docs/rerank,
# reference.langchain.com/python/langchain-fireworks/rerank/FireworksRerank.
_RERANK = {
    **dict.fromkeys(("fireworks_ai", "hosted_vllm", "llamacpp", "openrouter"), "RERANK"),
    **dict.fromkeys(("litellm_proxy", "together_ai"), "RERANK_BY_FIELDS"),
}
_PASSAGES = {"nvidia_nim": "llmkit.providers._ranking:RANKING"}


# The Responses API, as recorded traffic of each shows.
_RESPONSES = frozenset({"bedrock_mantle", "deepseek", "llamacpp", "openrouter", "xai"})


def _calls(row: Provider) -> dict[str, str]:
    form = _RERANK.get(row.name)
    place = _PASSAGES.get(row.name) or (form and f"llmkit.wires.cohere_rerank:{form}")
    made = {"rerank": place} if place else {}
    kinds = ("responses", "stored_responses") if row.name in _RESPONSES else ()
    return made | {kind: OPENAI_CALLS[kind] for kind in kinds}


ROWS: dict[str, Provider] = {
    row.name: replace(
        row,
        docs=row.docs or page,
        read=_READ,
        calls={**offered(row.name), **row.calls, **_calls(row)},
    )
    for page, rows in _PAGES.items()
    for row in rows
}
