"""Pictures in OpenAI's form but for names. Loaded with the first such call.

Source: https://github.com/togethercomputer/openapi (openapi.yaml: no ``size``, but ``width`` and ``height``; ``base64``
for OpenAI's ``b64_json``; none of the fields that are refused here), read 2026-11-22.
"""

from __future__ import annotations

from ..wires.openai_images import OpenAIImages

__all__ = ["TOGETHER"]

TOGETHER = OpenAIImages(
    refused=frozenset({
        "aspect_ratio", "background", "complexity", "frame_count", "frame_duration_ms",
        "input_fidelity", "moderation", "output_compression", "partial_images", "quality",
        "resolution", "safety_identifier", "style", "svg", "user",
    }),
    actions=frozenset({"generate"}),
    sides=True,
    formats={"b64_json": "base64"},
)  # fmt: skip
