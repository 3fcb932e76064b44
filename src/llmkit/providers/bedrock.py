"""Amazon Bedrock: models of many makers behind one address for each region, and what each family takes.

Sources, read 2026-11-22: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html,
…/structured-output.html (which models have it), …/cross-region-inference.html, and recorded requests.
"""

from __future__ import annotations

from dataclasses import replace

from .._flow import Flow
from .._http import Endpoint
from ..wires import ChatWire
from ..wires.anthropic_messages import AnthropicMessages
from ..wires.anthropic_messages import Traits as MessagesTraits
from ..wires.bedrock_converse import BedrockConverse, Traits
from ..wires.bedrock_invoke import BedrockInvoke, InvokedConverse
from ..wires.cohere_chat_v1 import CohereChatV1
from ..wires.openai_chat import OpenAIChat
from ._aws import NEEDS, SignedOrBearer, located
from ._provider import Provider, Where
from .anthropic import CLAUDE

__all__ = ["CLAUDE_INVOKED", "CONVERSE", "MODELS", "PROVIDER"]

_NO_SCHEMA = frozenset({r"claude-opus-4[.-]1"})


def _claude(pattern: str, traits: MessagesTraits) -> Traits:
    """A family of Claude: thinking and top_k go in its own words, structured outputs in the dialect's."""
    return Traits(
        messages=traits,
        top_k=("top_k",) if traits.sampling else (),
        schema=traits.schema and pattern not in _NO_SCHEMA,
        demands=True,
        system_turns=traits.system_turns,
    )


_LEVELS = ("low", "medium", "high")
_NOVA = Traits(top_k=("inferenceConfig", "topK"), demands=True)
_OPEN = Traits(schema=True)

MODELS: tuple[tuple[str, Traits], ...] = (
    *((pattern, _claude(pattern, traits)) for pattern, traits in CLAUDE),
    (r"amazon\.nova-2", replace(_NOVA, effort="levels", efforts=_LEVELS)),
    (r"amazon\.nova", _NOVA),
    (r"openai\.gpt-oss", Traits(schema=True, effort="field", efforts=_LEVELS)),
    (r"qwen\.|minimax\.|moonshot\w*\.|google\.gemma|nvidia\.|deepseek\.v3", _OPEN),
    (r"mistral\.(ministral|magistral|voxtral|mistral-large-3)", replace(_OPEN, top_k=("top_k",))),
    (r"mistral\.", Traits(top_k=("top_k",))),
    (r"cohere\.command", Traits(top_k=("k",))),
)
"""Pattern in the model's name, and what such models take of Converse; the first that fits holds. Prefixes of
cross-region profiles (``us.``, ``eu.``, ``apac.``, ``global.``) and ARNs stand before what is looked for."""

CONVERSE = BedrockConverse(models=MODELS)
_SERVICES = {"": "bedrock-runtime", "rerank": "bedrock-agent-runtime"}
_ENDPOINTS = {"bedrock-runtime": "aws_bedrock_runtime_endpoint"}


def _locate(where: Where) -> Flow[Endpoint]:
    # What is invoked, is invoked at the runtime, whatever kind of call it is.
    services = {"": _SERVICES[""]} if where.model.startswith("invoke/") else _SERVICES
    return located(where, services, _ENDPOINTS)


CLAUDE_INVOKED = BedrockInvoke(
    AnthropicMessages(
        models=CLAUDE, media_urls=False, refused=frozenset({"web_search_options", "service_tier"})
    ),
    version="bedrock-2023-05-31",
    named=False,
)
_OWN = Provider(
    name="bedrock",
    base_url=None,
    chat=CONVERSE,
    key_env=("AWS_BEARER_TOKEN_BEDROCK",),
    base_env=("BEDROCK_BASE_URL", "BEDROCK_API_BASE", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"),
    key_optional=True,
    auth=SignedOrBearer("bedrock"),
    calls={
        "embedding": "llmkit.wires.bedrock_embeddings:EMBEDDINGS",
        "text_completion": "llmkit.wires.bedrock_text:BEDROCK_TEXT",
        "rerank": "llmkit.wires.bedrock_rerank:BEDROCK_RERANK",
        "count_tokens": "llmkit.providers._bedrock_calls:COUNT",
    },
    locate=_locate,
    needs=NEEDS,
    price_name=r"(?:invoke/|converse/|arn:[^/]*:(?:foundation-model|inference-profile)/)+(?P<model>.+)",
    region=r"[/.](?P<region>[a-z]{2}(?:-[a-z]+)+-\d)\.",
    aliases=("bedrock_converse",),
    default_model="us.amazon.nova-2-lite-v1:0",
    docs="https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html",
    read="2026-11-22",
)
_INVOKED: tuple[tuple[str, ChatWire | None], ...] = (
    (r"^invoke/.*anthropic\.", CLAUDE_INVOKED),
    (r"^invoke/.*amazon\.nova", InvokedConverse(CONVERSE)),
    (
        # DeepSeek's R1 continues texts when it is invoked: text_completion().
        r"^invoke/.*(openai|qwen|minimax|moonshot\w*|deepseek(?=\.v)|google|nvidia|zai)\.",
        BedrockInvoke(OpenAIChat()),
    ),
    (r"^invoke/.*mistral\.pixtral", BedrockInvoke(OpenAIChat())),
    # model-parameters-jamba.html: OpenAI's form, without the model's name.
    (r"^invoke/.*ai21\.jamba", BedrockInvoke(OpenAIChat(stream_usage=False), named=False)),
    (r"^invoke/.*cohere\.command-r", BedrockInvoke(CohereChatV1(), named=False, lines=True)),
    (r"^invoke/", None),
)
PROVIDER = replace(
    _OWN, families=tuple((pattern, replace(_OWN, chat=wire)) for pattern, wire in _INVOKED)
)
