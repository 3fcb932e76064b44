"""One question, one answer, and what the response tells besides.

Run: python examples/quickstart.py
"""

from __future__ import annotations

from _offline import a_provider

import llmkit


def main() -> None:
    """Ask, then print the answer, its tokens, its cost and where it came from."""
    response = llmkit.completion(
        model="openai/gpt-4o-mini",
        messages=[
            {"role": "system", "content": "Answer in one sentence."},
            {"role": "user", "content": "Why is the sky blue?"},
        ],
    )
    print(response.choices[0].message.content)
    if response.usage is not None:
        print(response.usage.prompt_tokens, "+", response.usage.completion_tokens, "tokens")
    print("cost:", response.cost)
    print("answered by", response.call.provider, "with the key from", response.call.key_source)


if __name__ == "__main__":
    with a_provider():
        main()
