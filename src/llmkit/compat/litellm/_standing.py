"""``stand_in``: have a program's own ``import litellm`` mean the compat layer, where its text shall not be touched."""

from __future__ import annotations

import importlib
import sys
from typing import Final

from ...errors import ConfigurationError

__all__ = ["stand_in"]

_HERE: Final = "llmkit.compat.litellm"
_MODULES: Final = (
    "", "._logging", ".anthropic", ".budget_manager", ".caching", ".caching.caching", ".exceptions", ".integrations",
    ".integrations.custom_logger", ".llms", ".llms.custom_llm", ".main", ".router", ".types", ".types.llms",
    ".types.llms.openai", ".types.router", ".types.utils", ".utils",
)  # fmt: skip


def stand_in() -> None:
    """From here on, ``import litellm`` and its submodules' are this package's, in this process.

    Raises:
        ConfigurationError: LiteLLM itself has been imported already.
    """
    package = importlib.import_module(_HERE)
    if sys.modules.get("litellm", package) is not package:
        raise ConfigurationError(
            "litellm is imported already: call stand_in() before anything does"
        )
    for name in _MODULES:
        sys.modules[f"litellm{name}"] = importlib.import_module(f"{_HERE}{name}")
