"""What the conformance suite asks with: parameters, messages, statuses. Data only; no provider's name.

Values are far from every default, so that a request which has them can be told from one that has not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["ECHO", "HI", "KEY", "PARAMS", "PICTURE", "SCHEMA", "STATUSES", "TOOL", "TURNS", "USES"]

KEY: Final = "conformance-key-" + "0123456789abcdef"
HI: Final[list[Any]] = [{"role": "user", "content": "Say hello."}]
ECHO: Final = 'Zoë said: "naïve" \\ 💡\n\tand <b>left</b>'
PICTURE: Final = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def _tool(name: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    return {
        "type": "function",
        "function": {"name": name, "description": f"{name} of a city", "parameters": schema},
    }


def _schema(field: str) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": {field: {"type": "string"}},
        "required": [field],
        "additionalProperties": False,
    }
    named = {"name": "conformance", "schema": schema, "strict": True}
    return {"type": "json_schema", "json_schema": named}


TOOL: Final = _tool("get_weather")
SCHEMA: Final = _schema("conformance_field")

TURNS: Final[list[Any]] = [
    {"role": "system", "content": "conformance-system"},
    {"role": "user", "content": "conformance-first"},
    {"role": "assistant", "content": "conformance-second"},
    {"role": "user", "content": "conformance-third"},
]


def _used(call_id: str, city: str) -> dict[str, Any]:
    function = {"name": "get_weather", "arguments": f'{{"city": "{city}"}}'}
    return {"id": call_id, "type": "function", "function": function}


USES: Final[list[Any]] = [
    {"role": "user", "content": "How is the weather?"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            _used("call_one", "conformance-paris"),
            _used("call_two", "conformance-rome"),
        ],
    },
    {"role": "tool", "tool_call_id": "call_one", "content": "conformance-sun"},
    {"role": "tool", "tool_call_id": "call_two", "content": "conformance-rain"},
]

_TOOLS: Final = {"tools": [TOOL]}
_FUNCTIONS: Final = {"functions": [TOOL["function"]]}
_VOICE: Final = {"voice": "alloy", "format": "pcm16"}

PARAMS: Final[Mapping[str, tuple[tuple[Any, ...], Mapping[str, Any]]]] = {
    "temperature": ((0.5, 0.7), {}),
    "top_p": ((0.5, 0.7), {}),
    "top_k": ((3, 4), {}),
    "n": ((2, 3), {}),
    "stop": (("END", ["HALT", "ENOUGH"]), {}),
    "max_tokens": ((64, 128), {}),
    "max_completion_tokens": ((64, 128), {}),
    "presence_penalty": ((0.5, 0.7), {}),
    "frequency_penalty": ((0.5, 0.7), {}),
    "logit_bias": (({"50256": -100}, {"50256": 5}), {}),
    "logprobs": ((True,), {}),
    "top_logprobs": ((2, 3), {"logprobs": True}),
    "seed": ((7, 8), {}),
    "user": (("conformance-1", "conformance-2"), {}),
    "tools": (([TOOL], [_tool("get_time")]), {}),
    "tool_choice": (
        ("required", {"type": "function", "function": {"name": "get_weather"}}),
        _TOOLS,
    ),
    "parallel_tool_calls": ((False,), _TOOLS),
    "functions": (([TOOL["function"]], [_tool("get_time")["function"]]), {}),
    "function_call": (({"name": "get_weather"},), _FUNCTIONS),
    "response_format": ((SCHEMA, _schema("another_field")), {}),
    "reasoning_effort": (("low", "high"), {}),
    "thinking": (({"type": "enabled", "budget_tokens": 1024},), {"max_tokens": 4096}),
    "verbosity": (("low", "high"), {}),
    "modalities": ((["text", "audio"],), {"audio": _VOICE}),
    "audio": ((_VOICE,), {"modalities": ["text", "audio"]}),
    "prediction": (({"type": "content", "content": "conformance"},), {}),
    "web_search_options": (({"search_context_size": "low"},), {}),
    "service_tier": (("flex", "priority"), {}),
    "store": ((True,), {}),
    "metadata": (({"team": "one"}, {"team": "two"}), {}),
    "prompt_cache_key": (("one", "two"), {}),
    "prompt_cache_retention": (("24h",), {}),
    "safety_identifier": (("conformance-1", "conformance-2"), {}),
}
"""Parameter to values that must be told apart, and to what must be given with them.

``stream_options`` is not here: it is about the chunks that llmkit hands over.
"""

STATUSES: Final = (400, 401, 402, 403, 404, 409, 413, 422, 429, 500, 502, 503, 504, 529)
