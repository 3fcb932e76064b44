"""Every wire that the simulator speaks, the most particular first: the last one serves what the others do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ._azure import at_azure
from ._wire import Reply, Say, Wire
from .anthropic_messages import AnthropicMessages
from .anthropic_others import AnthropicOthers
from .audio import AssemblyAI, Deepgram, ElevenLabs, OpenAIAudio
from .bedrock_converse import BedrockConverse
from .cohere_chat import CohereChat
from .cohere_chat_v1 import CohereChatV1
from .cohere_embed import CohereEmbed
from .cohere_generate import CohereGenerate
from .gemini import Gemini
from .gemini_others import GeminiOthers
from .mistral_chat import MistralChat
from .ollama_chat import OllamaChat
from .openai_chat import OpenAIChat
from .openai_embeddings import OpenAIEmbeddings
from .openai_others import OpenAIOthers
from .openai_responses import OpenAIResponses
from .replicate import Replicate
from .rerank import Rerank
from .sagemaker import SageMaker
from .watsonx import Watsonx

__all__ = ["WIRES", "Reply", "Say", "Wire", "wire_for"]

WIRES: Final[Sequence[Wire]] = (
    # Its places are its own, below every root.
    OpenAIAudio(),
    # Below a root of its own, whatever follows it.
    MistralChat(),
    BedrockConverse(),
    SageMaker(),
    OllamaChat(),
    Replicate(),
    Watsonx(),
    Deepgram(),
    ElevenLabs(),
    AssemblyAI(),
    CohereChat(),
    CohereChatV1(),
    CohereEmbed(),
    CohereGenerate(),
    Rerank(),
    AnthropicOthers(),
    AnthropicMessages(),
    GeminiOthers(),
    Gemini(),
    OpenAIEmbeddings(),
    OpenAIOthers(),
    OpenAIResponses(),
    OpenAIChat(),
)


def wire_for(path: str, headers: Mapping[str, str]) -> Wire:
    """The wire that serves a request; *headers* have lower-case names."""
    wire = next(wire for wire in WIRES if wire.serves(path, headers))
    return at_azure(wire, path, headers)
