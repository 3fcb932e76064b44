"""Which files of recordings speak OpenAI chat completions, and which llmkit provider reads each.

Every file named ``*chat*`` must be in one of the two tables; a test sees to it. No rows, no texts.
"""

from __future__ import annotations

OPENAI_CHAT: dict[str, str] = {
    "alibaba.chat": "dashscope",
    "anthropic.openai_compat.chat": "openai",
    "avian.chat": "avian",
    "azure.chat": "azure",
    "bedrock_mantle.chat": "bedrock_mantle",
    "cerebras.chat": "cerebras",
    "cloudflare.chat": "cloudflare",
    "copilot.chat": "github_copilot",
    "crusoe.chat": "crusoe",
    "databricks.chat": "databricks",
    "deepseek.chat": "deepseek",
    "doubleword.chat": "doubleword",
    "gemini.openai_compat.chat": "openai",
    "groq.chat": "groq",
    "heroku.chat": "heroku",
    "huggingface.chat": "huggingface",
    "llamacpp.chat": "llamacpp",
    "local_compat.chat": "openai",
    "mistral.chat": "mistral",
    "mistralrs.chat": "openai",
    "moonshot.chat": "moonshot",
    "ollama.openai_chat": "openai",
    "openai-compatible.chat": "openai",
    "openai.chat": "openai",
    "openrouter.chat": "openrouter",
    "perplexity.chat": "perplexity",
    "portkey.chat": "portkey",
    "snowflake.chat": "snowflake",
    "together.chat": "together_ai",
    "venice.chat": "venice",
    "vercel_gateway.chat": "vercel_ai_gateway",
    "writer.chat": "writer",
    "xai.chat": "xai",
    "zai.chat": "zai",
}
"""File (without its ending) → provider. ``openai`` reads hosts that have no row of their own."""

OTHER_WIRES: dict[str, str] = {
    "chatgpt.responses": "the Responses wire; only the product is called chat",
    "cohere.chat.v1": "Cohere's own chat, first version",
    "cohere.chat.v2": "Cohere's own chat, second version",
    "ollama.chat": "Ollama's own chat: NDJSON, its own fields",
    "xai.grpc.chat": "gRPC: no HTTP body to replay",
}
"""File (without its ending) → why it is no OpenAI chat."""
