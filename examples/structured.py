"""An answer as an object: the pydantic class is the schema, and the answer is checked against it.

Run: python examples/structured.py
"""

from __future__ import annotations

from _offline import a_provider
from pydantic import BaseModel, Field

import llmkit


class City(BaseModel):
    """A city."""

    name: str
    country: str
    inhabitants: int = Field(description="in its own boundaries", ge=0)


def main() -> None:
    """Ask for a City and get one."""
    response = llmkit.completion(
        model="openai/gpt-4o-mini",
        messages=[{"role": "user", "content": "Which city has the Eiffel Tower?"}],
        response_format=City,
    )
    city = response.choices[0].message.parsed
    print(repr(city))


if __name__ == "__main__":
    with a_provider():
        main()
