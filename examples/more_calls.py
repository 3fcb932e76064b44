"""More than chat: vectors, a ranking of texts by them, a picture, speech and back, a judgement.

Run: python examples/more_calls.py
"""

from __future__ import annotations

import math

from _offline import a_provider

import llmkit


def likeness(a: list[float], b: list[float]) -> float:
    """The cosine of the angle between two vectors."""
    return sum(x * y for x, y in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b))


def main() -> None:
    """Make one call of each kind and print what it came to."""
    texts = ["a lighthouse by the sea", "a lighthouse", "tax law"]
    answer = llmkit.embedding("openai/text-embedding-3-small", texts)
    first, *others = answer.vectors
    for text, vector in zip(texts[1:], others, strict=True):
        print(f"{likeness(first, vector):+.2f} {text}")

    spoken = llmkit.speech("openai/gpt-4o-mini-tts", "The lamp is lit.", "nova")
    print(len(spoken.content), "bytes of speech")
    heard = llmkit.transcription("openai/gpt-4o-transcribe", ("lamp.mp3", spoken.content))
    print("heard:", heard.text)

    picture = llmkit.image_generation("A lighthouse at dawn", model="openai/gpt-image-2").data[0]
    print(len(picture.content or b""), "bytes of picture")

    judged = llmkit.moderation(
        "The keeper is a fine person.", model="openai/omni-moderation-latest"
    )
    print("flagged:", judged.results[0].flagged)

    thought = llmkit.responses("Why do lighthouses rotate?", "openai/gpt-5-mini")
    print(thought.output_text)


if __name__ == "__main__":
    with a_provider():
        main()
