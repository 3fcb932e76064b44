"""``litellm.utils``: the functions and answers that LiteLLM's programs import from there."""

from __future__ import annotations

import importlib
from typing import Any

from ._answers import (
    Choices,
    Delta,
    EmbeddingResponse,
    Function,
    ImageResponse,
    Message,
    ModelResponse,
    ModelResponseStream,
    StreamingChoices,
    TextCompletionResponse,
    TranscriptionResponse,
    Usage,
)
from ._functions import (
    check_valid_key,
    function_to_dict,
    get_supported_openai_params,
    validate_environment,
)
from ._models import (
    completion_cost,
    cost_per_token,
    decode,
    encode,
    get_llm_provider,
    get_max_tokens,
    get_model_info,
    get_valid_models,
    register_model,
    supports_function_calling,
    supports_parallel_function_calling,
    supports_response_schema,
    supports_system_messages,
    supports_tool_choice,
    supports_vision,
    token_counter,
    trim_messages,
)
from ._streams import CustomStreamWrapper

__all__ = [
    "Choices",
    "CustomStreamWrapper",
    "Delta",
    "EmbeddingResponse",
    "Function",
    "ImageResponse",
    "Message",
    "ModelResponse",
    "ModelResponseStream",
    "StreamingChoices",
    "TextCompletionResponse",
    "TranscriptionResponse",
    "Usage",
    "check_valid_key",
    "completion_cost",
    "cost_per_token",
    "decode",
    "encode",
    "function_to_dict",
    "get_llm_provider",
    "get_max_tokens",
    "get_model_info",
    "get_supported_openai_params",
    "get_valid_models",
    "register_model",
    "supports_function_calling",
    "supports_parallel_function_calling",
    "supports_response_schema",
    "supports_system_messages",
    "supports_tool_choice",
    "supports_vision",
    "token_counter",
    "trim_messages",
    "validate_environment",
]


def __getattr__(name: str) -> Any:
    """Whatever else the package has: LiteLLM has most of its functions in both places."""
    if name.startswith("__"):
        raise AttributeError(name)
    return getattr(importlib.import_module(__package__ or ""), name)
