"""When a model is not there: fall back to others, and see what happened.

Run: python examples/fallbacks.py
"""

from __future__ import annotations

from _offline import a_provider

import llmkit


def main() -> None:
    """Ask a model that does not exist; the next one answers, and the call tells of both."""
    response = llmkit.completion(
        model="openai/missing-model",
        messages=[{"role": "user", "content": "Are you there?"}],
        fallbacks=["openai/gpt-4o-mini"],
    )
    print(response.choices[0].message.content)
    for attempt in response.call.attempts:
        print(attempt.number, attempt.provider, attempt.model, attempt.error or "answered")


if __name__ == "__main__":
    with a_provider():
        main()
