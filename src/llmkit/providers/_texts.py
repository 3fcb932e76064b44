"""Completions of code that are OpenAI's but for names and a path. Loaded with the first such call.

Source: https://github.com/mistralai/platform-docs-public (openapi.yaml: ``FIMCompletionRequest`` takes no field that it
does not name; the choices of ``FIMCompletionResponse`` are a chat's), read 2026-11-22.
"""

from __future__ import annotations

from ..wires.openai_text import OpenAIText

__all__ = ["FIM"]

FIM = OpenAIText(
    refused=frozenset({
        "best_of", "echo", "frequency_penalty", "presence_penalty", "logit_bias", "logprobs", "n",
        "top_k", "user",
    }),
    renamed={"seed": "random_seed"},
    stream_usage=False,
    path="/fim/completions",
)  # fmt: skip
