"""How long a bound takes: ``pricing.bound`` for a prepared call. Run: ``PYTHONPATH=src python benchmarks/bound.py``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from llmkit import catalogue, pricing
from llmkit._call import ChatCall
from llmkit._http import HTTPRequest
from llmkit._json import dump
from llmkit.catalogue._allowances import allowance

_ROUNDS, _EACH = 40, 200
_ASCII = ("The quick brown fox jumps over the lazy dog. " * 120)[:5_000]
_HAN = ("漢字の文章がここにあります。" * 200)[:1_666]
_SCHEMA = {
    "type": "object",
    "properties": {
        f"field_{i}": {"type": "string", "description": f"What field {i} is for, in a sentence."}
        for i in range(8)
    },
    "required": ["field_0"],
    "additionalProperties": False,
}
_TOOLS = [
    {
        "type": "function",
        "function": {
            "name": f"tool_{i}",
            "description": "Looks something up.",
            "parameters": _SCHEMA,
        },
    }
    for i in range(5)
]


def _call(provider: str, model: str, text: str, **params: Any) -> ChatCall:
    roles = ("user", "assistant")
    messages = [{"role": roles[i % 2], "content": text} for i in range(10)]
    return ChatCall("call", provider, model, messages=messages, params=params)


def _fastest(run: Callable[[], object]) -> tuple[float, float]:
    """Microseconds: the fastest and the median of the rounds."""
    found = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        for _ in range(_EACH):
            run()
        found.append((time.perf_counter() - began) / _EACH * 1e6)
    found.sort()
    return found[0], found[len(found) // 2]


def _measured(name: str, call: ChatCall) -> None:
    model = catalogue.find(call.provider, call.model)
    allowed = allowance(call.provider, call.model)
    request = HTTPRequest("POST", "", body=dump({"messages": call.messages, **call.params}))
    bound = pricing.bound(call, model, allowance=allowed, request=request)
    if not bound:
        sys.exit(f"{name}: {bound}")

    def run() -> object:
        return pricing.bound(call, model, allowance=allowed, request=request, last="2026-11-22")

    least, median = _fastest(run)
    print(f"{name:<44}{len(request.body):>8} bytes{least:>9.1f} µs{median:>9.1f} µs  {bound}")


def main() -> None:
    """Print one line for each request: its size, the time (fastest, median), and the bound."""
    openai, claude = ("openai", "gpt-4o"), ("anthropic", "claude-sonnet-4-5")
    _measured("hello", _call(*openai, "hello", max_tokens=100))
    _measured("10 messages of 5 KB, ASCII", _call(*openai, _ASCII, max_tokens=100))
    _measured("the same, Anthropic", _call(*claude, _ASCII, max_tokens=100))
    _measured("and 5 tools", _call(*openai, _ASCII, max_tokens=100, tools=_TOOLS))
    _measured("10 messages of 5 KB, Han", _call(*openai, _HAN, max_tokens=100))
    _measured("the same, Anthropic (normal forms)", _call(*claude, _HAN, max_tokens=100))


if __name__ == "__main__":
    main()
