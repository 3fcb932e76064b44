"""What is asked: a small question, and a large request of about 50 KB with 100 messages and 5 tools. No imports."""

from __future__ import annotations

KEY = "sk-" + "benchmark"
MODEL = "gpt-4o-mini"

SMALL = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "Say something about foxes, please."},
]

_SENTENCE = "A fox that is watched through a window behaves as if it were alone in the world. "
LARGE = [
    {"role": "assistant" if turn % 2 else "user", "content": f"Turn {turn}. {_SENTENCE * 5}"}
    for turn in range(99)
] + [{"role": "user", "content": "And what follows from that?"}]

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": f"find_animals_{tool}",
            "description": "Look animals up in the register of the county, by where and when they were seen.",
            "parameters": {
                "type": "object",
                "properties": {
                    f"field_{field}": {
                        "type": "string",
                        "description": f"The value that column {field} of the register must have.",
                    }
                    for field in range(8)
                },
                "required": ["field_0", "field_1"],
            },
        },
    }
    for tool in range(5)
]
