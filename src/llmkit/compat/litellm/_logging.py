"""``litellm._logging``: the logger that LiteLLM's programs turn up or down. It says what ``set_verbose`` asks for."""

from __future__ import annotations

import logging

__all__ = ["verbose_logger", "verbose_router_logger"]

verbose_logger = logging.getLogger("llmkit.compat.litellm")
verbose_router_logger = logging.getLogger("llmkit")
