"""Other names that people look for a model's capabilities under, and what to say of one that there is not."""

from __future__ import annotations

import difflib
from typing import Final

from ._model import CAPABILITIES

__all__ = ["LITELLM", "unknown_capability"]

# LiteLLM's flags (``supports_…``, in the rows of its price map), without their start: our name.
LITELLM: Final = {
    "function_calling": "tools",
    "parallel_function_calling": "parallel_tools",
    "tool_choice": "tool_choice",
    "response_schema": "json_schema",
    "vision": "vision",
    "pdf_input": "pdf",
    "audio_input": "audio_input",
    "audio_output": "audio_output",
    "video_input": "video_input",
    "reasoning": "reasoning",
    "prompt_caching": "prompt_caching",
    "web_search": "web_search",
    "computer_use": "computer_use",
    "assistant_prefill": "assistant_prefill",
    "system_messages": "system_messages",
    "url_context": "url_context",
}

# Words that are nowhere near, letter by letter, what is meant.
_OTHER: Final = {
    "prefill": "assistant_prefill",
    "functions": "tools",
    "structured_output": "json_schema",
    "image_input": "vision",
}


def unknown_capability(name: object) -> str:
    """What to say of a capability that there is not."""
    if not isinstance(name, str):
        return f"a capability is a name such as 'vision', not {type(name).__name__}"
    meant = LITELLM.get(name.removeprefix("supports_")) or _OTHER.get(name)
    near = [meant] if meant else difflib.get_close_matches(name, CAPABILITIES, n=2)
    hint = " or ".join(map(repr, near)) if near else ", ".join(sorted(CAPABILITIES))
    said = "did you mean" if near else "there are"
    return f"{name!r:.80} is no capability; {said} {hint}"
