"""``litellm.main``: the calls, under the path that LiteLLM's programs import (and tests replace) them from."""

from __future__ import annotations

import importlib
from typing import Any

from ._answers import Choices, EmbeddingResponse, Message, ModelResponse, Usage

__all__ = ["Choices", "EmbeddingResponse", "Message", "ModelResponse", "Usage"]


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return getattr(importlib.import_module(__package__ or ""), name)
