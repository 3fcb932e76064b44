"""A model that calls functions, and one that answers in a form. Checked by type checkers, never run."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal

from pydantic import BaseModel, Field

import llmkit

MODEL = "anthropic/claude-haiku-4-5"


def get_weather(city: str, unit: Literal["C", "F"] = "C") -> str:
    """Report the weather.

    Args:
        city: its name
        unit: of the temperature
    """
    return f"20 °{unit} in {city}"


TOOLS: dict[str, Callable[..., str]] = {"get_weather": get_weather}


def answer_with_tools(question: str) -> str:
    """Until the model has no more calls."""
    messages: list[Any] = [{"role": "user", "content": question}]
    for _ in range(5):
        message = (
            llmkit.completion(
                model=MODEL, messages=messages, tools=list(TOOLS.values()), tool_choice="auto"
            )
            .choices[0]
            .message
        )
        if not message.tool_calls:
            return message.content or ""
        messages.append(message)
        for call in message.tool_calls:
            given = json.loads(call.function.arguments or "{}")
            result = TOOLS[call.function.name or ""](**given)
            messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
    return ""


class City(BaseModel):
    """A city."""

    name: str
    inhabitants: int = Field(ge=0)


def which_city(question: str) -> City | None:
    """An answer of this form, or nothing."""
    answer = llmkit.completion(
        model=MODEL, messages=[{"role": "user", "content": question}], response_format=City
    )
    found = answer.choices[0].message.parsed
    return found if isinstance(found, City) else None
