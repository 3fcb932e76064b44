"""A round of tool calls: the model asks, the program answers, the model speaks.

Run: python examples/tools.py
"""

from __future__ import annotations

import json
from typing import Any

from _offline import a_provider

import llmkit

MODEL = "openai/gpt-4o-mini"


def get_weather(city: str) -> str:
    """Report the weather.

    Args:
        city: the city's name, in English
    """
    return f"It is sunny in {city}."


TOOLS = {"get_weather": get_weather}


def main() -> None:
    """Ask with a tool at hand, run what the model calls, and give the results back."""
    messages: list[Any] = [{"role": "user", "content": "Use get_weather: how is it in Paris?"}]
    response = llmkit.completion(model=MODEL, messages=messages, tools=list(TOOLS.values()))
    message = response.choices[0].message
    messages.append(message)
    for call in message.tool_calls or []:
        result = TOOLS[call.function.name or ""](**json.loads(call.function.arguments or "{}"))
        print(f"{call.function.name}({call.function.arguments}) -> {result}")
        messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
    answer = llmkit.completion(model=MODEL, messages=messages, tools=list(TOOLS.values()))
    print(answer.choices[0].message.content)


if __name__ == "__main__":
    with a_provider():
        main()
