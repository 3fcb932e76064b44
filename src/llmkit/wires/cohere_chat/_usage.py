"""Billed units to OpenAI's usage. Counts that were not told are left out, never zero.

Two counts of tokens come with each answer: ``billed_units`` (what is paid for: the caller's own texts and the answer's)
and ``tokens`` (all that the model read and wrote, with the provider's own preamble, templates and special tokens).
``prompt_tokens`` and ``completion_tokens`` are the billed ones, because money is counted by them; both are kept beside.
``cached_tokens`` is a part of ``tokens.input_tokens`` and often more than what is billed, so it counts as cached only
where there are no billed units. Recorded ``reasoning_tokens`` lie within the billed output.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._cohere import count

__all__ = ["translated"]


def translated(native: Mapping[str, Any]) -> dict[str, Any]:
    """A usage in OpenAI's form, with everything that came beside it."""
    made = {name: value for name, value in native.items() if value is not None}
    billed, used = native.get("billed_units"), native.get("tokens")
    is_billed = count(billed, "input_tokens") is not None
    source = billed if is_billed or count(billed, "output_tokens") is not None else used
    prompt, completion = count(source, "input_tokens"), count(source, "output_tokens")
    if prompt is not None:
        made["prompt_tokens"] = prompt
    if completion is not None:
        made["completion_tokens"] = completion
    if prompt is not None and completion is not None:
        made["total_tokens"] = prompt + completion
    cached = count(native, "cached_tokens")
    if cached is not None and source is used and prompt is not None:
        made["prompt_tokens_details"] = {"cached_tokens": cached}
    thought = count(used, "reasoning_tokens")
    if thought is not None:
        made["completion_tokens_details"] = {"reasoning_tokens": thought}
    return made
