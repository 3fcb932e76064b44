"""``litellm.llms.custom_llm``: the path that LiteLLM's programs import ``CustomLLM`` from."""

from __future__ import annotations

from .._custom import CustomLLM, CustomLLMError

__all__ = ["CustomLLM", "CustomLLMError"]
