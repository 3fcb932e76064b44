"""Response models and parameters, in OpenAI's form. Loaded on first use."""

from __future__ import annotations

from .chat import *  # noqa: F403
from .chat import __all__ as _chat
from .params import CallOptions, ChatParams, Effort, ModelParams

__all__ = [*_chat, "CallOptions", "ChatParams", "Effort", "ModelParams"]  # noqa: PLE0604
