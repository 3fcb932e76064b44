"""Converse: what becomes of each parameter, model by model; botocore's model of the service takes every body."""

from __future__ import annotations

from typing import Any

import pytest

from llmkit import errors, providers

from ._made import CLAUDE, HI, NOVA, UNKNOWN, call, ledger, request, written

TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
SPEC = {
    "toolSpec": {
        "name": "get_weather",
        "description": "The weather.",
        "inputSchema": {"json": TOOL["function"]["parameters"]},  # type: ignore[index]
    }
}
SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer", "minimum": 1}},
    "required": ["n"],
    "additionalProperties": False,
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}
OLD = "anthropic.claude-3-haiku-20240307-v1:0"


def test_a_plain_call() -> None:
    """A call without parameters is its messages and nothing else."""
    made = request(call())
    assert made.url == f"https://bedrock.test/model/{CLAUDE}/converse"
    assert made.headers["accept"] == "application/json"
    assert written() == {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("amazon.nova-lite-v1:0", "amazon.nova-lite-v1%3A0"),
        ("converse/amazon.nova-lite-v1:0", "amazon.nova-lite-v1%3A0"),
        (
            "arn:aws:bedrock:us-east-1:1:inference-profile/us.x",
            "arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.x",
        ),
    ],
)
def test_paths(model: str, path: str) -> None:
    """Names are escaped as botocore does; a route before them is left out; a stream has a path of its own."""
    made = request(call(model, stream=True))
    assert made.url == f"https://bedrock.test/model/{path}/converse-stream"
    assert made.headers["accept"] == "application/vnd.amazon.eventstream"


@pytest.mark.parametrize(
    ("model", "params", "fields"),
    [
        (CLAUDE, {"max_tokens": 5}, {"inferenceConfig": {"maxTokens": 5}}),
        (CLAUDE, {"max_completion_tokens": 5}, {"inferenceConfig": {"maxTokens": 5}}),
        (CLAUDE, {"temperature": 0.5}, {"inferenceConfig": {"temperature": 0.5}}),
        (CLAUDE, {"top_p": 0.5}, {"inferenceConfig": {"topP": 0.5}}),
        (CLAUDE, {"stop": "x"}, {"inferenceConfig": {"stopSequences": ["x"]}}),
        (CLAUDE, {"stop": ("x", "y")}, {"inferenceConfig": {"stopSequences": ["x", "y"]}}),
        (CLAUDE, {"top_k": 7}, {"additionalModelRequestFields": {"top_k": 7}}),
        (NOVA, {"top_k": 7}, {"additionalModelRequestFields": {"inferenceConfig": {"topK": 7}}}),
        ("cohere.command-r-v1:0", {"top_k": 7}, {"additionalModelRequestFields": {"k": 7}}),
        (CLAUDE, {"metadata": {"team": "a"}}, {"requestMetadata": {"team": "a"}}),
        (CLAUDE, {"service_tier": "flex"}, {"serviceTier": {"type": "flex"}}),
        (
            CLAUDE,
            {"thinking": {"type": "enabled", "budget_tokens": 2000}},
            {
                "additionalModelRequestFields": {
                    "thinking": {"type": "enabled", "budget_tokens": 2000}
                }
            },
        ),
        (
            UNKNOWN,
            {"thinking": {"type": "adaptive"}},
            {"additionalModelRequestFields": {"thinking": {"type": "adaptive"}}},
        ),
        (
            CLAUDE,
            {"reasoning_effort": "high"},
            {
                "additionalModelRequestFields": {"thinking": {"type": "adaptive"}},
                "outputConfig": {"effort": "high"},
            },
        ),
        (
            CLAUDE,
            {"reasoning_effort": "none"},
            {"additionalModelRequestFields": {"thinking": {"type": "disabled"}}},
        ),
        (
            NOVA,
            {"reasoning_effort": "low"},
            {
                "additionalModelRequestFields": {
                    "reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}
                }
            },
        ),
        (
            NOVA,
            {"reasoning_effort": "none"},
            {"additionalModelRequestFields": {"reasoningConfig": {"type": "disabled"}}},
        ),
        (
            "openai.gpt-oss-120b-1:0",
            {"reasoning_effort": "medium"},
            {"additionalModelRequestFields": {"reasoning_effort": "medium"}},
        ),
        (CLAUDE, {"tools": [TOOL]}, {"toolConfig": {"tools": [SPEC]}}),
        (CLAUDE, {"tools": []}, {}),
        (
            CLAUDE,
            {"tools": [TOOL], "tool_choice": "required"},
            {"toolConfig": {"tools": [SPEC], "toolChoice": {"any": {}}}},
        ),
        (
            CLAUDE,
            {"tools": [TOOL], "tool_choice": {"auto": {}}},
            {"toolConfig": {"tools": [SPEC], "toolChoice": {"auto": {}}}},
        ),
        (
            CLAUDE,
            {
                "tools": [TOOL],
                "tool_choice": {"type": "function", "function": {"name": "get_weather"}},
            },
            {"toolConfig": {"tools": [SPEC], "toolChoice": {"tool": {"name": "get_weather"}}}},
        ),
        (CLAUDE, {"tool_choice": "auto"}, {}),
        (CLAUDE, {"tool_choice": "none"}, {}),
        (
            CLAUDE,
            {"tools": [TOOL], "parallel_tool_calls": False, "tool_choice": "required"},
            {
                "toolConfig": {"tools": [SPEC]},
                "additionalModelRequestFields": {
                    "tool_choice": {"type": "any", "disable_parallel_tool_use": True}
                },
            },
        ),
        (
            CLAUDE,
            {"tools": [{**TOOL, "cache_control": {"type": "ephemeral"}}]},
            {"toolConfig": {"tools": [SPEC, {"cachePoint": {"type": "default"}}]}},
        ),
        (
            NOVA,
            {"tools": [{"systemTool": {"name": "nova_grounding"}}]},
            {"toolConfig": {"tools": [{"systemTool": {"name": "nova_grounding"}}]}},
        ),
        (
            CLAUDE,
            {
                "extra_body": {
                    "guardrailConfig": {"guardrailIdentifier": "g", "guardrailVersion": "1"}
                }
            },
            {"guardrailConfig": {"guardrailIdentifier": "g", "guardrailVersion": "1"}},
        ),
        (
            CLAUDE,
            {"top_k": 7, "extra_body": {"additionalModelRequestFields": {"x": 1}}},
            {"additionalModelRequestFields": {"top_k": 7, "x": 1}},
        ),
        (
            CLAUDE,
            {"extra_body": {"performanceConfig": {"latency": "optimized"}}},
            {"performanceConfig": {"latency": "optimized"}},
        ),
        (CLAUDE, {"n": 1, "logprobs": False, "store": False, "presence_penalty": 0}, {}),
        (CLAUDE, {"parallel_tool_calls": True, "stream_options": {"include_usage": True}}, {}),
        (CLAUDE, {"response_format": {"type": "text"}}, {}),
        (
            CLAUDE,
            {"seed": 3, "allowed": frozenset({"seed"})},
            {"additionalModelRequestFields": {"seed": 3}},
        ),
    ],
)
def test_fields(model: str, params: dict[str, Any], fields: dict[str, Any]) -> None:
    """Each parameter goes where its model has it."""
    body = written(model, **params)
    assert body.pop("messages")
    assert body == fields


@pytest.mark.parametrize(
    ("model", "params", "entries"),
    [
        (CLAUDE, {"temperature": 1.5}, [("temperature", "clamped")]),
        (CLAUDE, {"service_tier": "auto"}, [("service_tier", "dropped")]),
        (CLAUDE, {"thinking": {"type": "enabled"}}, [("thinking", "defaulted")]),
        ("us.anthropic.claude-opus-4-8", {"temperature": 1}, [("temperature", "dropped")]),
        (NOVA, {"reasoning_effort": "xhigh"}, [("reasoning_effort", "clamped")]),
        (NOVA, {"reasoning_effort": "minimal"}, [("reasoning_effort", "clamped")]),
        (
            CLAUDE,
            {"tools": [TOOL], "tool_choice": "none"},
            [("tool_choice", "emulated"), ("tools", "dropped")],
        ),
        (CLAUDE, {"response_format": {"type": "json_object"}}, [("response_format", "emulated")]),
        (OLD, {"response_format": FORMAT}, [("response_format", "emulated")]),
        (UNKNOWN, {"response_format": FORMAT}, [("response_format", "emulated")]),
        (CLAUDE, {"response_format": FORMAT}, [("response_format.json_schema", "moved")]),
        (CLAUDE, {"seed": 1, "drop_params": True}, [("seed", "dropped")]),
        (
            "us.anthropic.claude-3-7-sonnet-20250219-v1:0",
            {"reasoning_effort": "low", "max_tokens": 4000},
            [("reasoning_effort", "emulated")],
        ),
    ],
)
def test_changes_are_listed(
    model: str, params: dict[str, Any], entries: list[tuple[str, str]]
) -> None:
    """What is not sent just as it was given is in the ledger."""
    assert ledger(model, **params) == entries


@pytest.mark.parametrize(
    ("model", "params", "named"),
    [
        (CLAUDE, {"seed": 1}, "seed"),
        (CLAUDE, {"n": 2}, "n"),
        (CLAUDE, {"user": "u"}, "tag calls with metadata"),
        (CLAUDE, {"functions": []}, "use tools"),
        (CLAUDE, {"service_tier": "standard"}, "the tiers are"),
        ("us.anthropic.claude-opus-4-8", {"temperature": 0.5}, "no sampling parameters"),
        (UNKNOWN, {"top_k": 5}, "additionalModelRequestFields"),
        (UNKNOWN, {"reasoning_effort": "low"}, "additionalModelRequestFields"),
        (NOVA, {"thinking": {"type": "enabled"}}, "reasoning_effort"),
        ("openai.gpt-oss-20b-1:0", {"reasoning_effort": "none"}, "always thinks"),
        (NOVA, {"tools": [TOOL], "parallel_tool_calls": False}, "parallel_tool_calls"),
        (
            OLD,
            {"tools": [{"type": "function", "function": {"name": "f", "strict": True}}]},
            "strict",
        ),
    ],
)
def test_refusals(model: str, params: dict[str, Any], named: str) -> None:
    """What cannot be sent is refused before anything is, with what to do."""
    with pytest.raises(errors.UnsupportedParamsError, match=named):
        request(call(model, **params))


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"max_tokens": 1, "max_completion_tokens": 2}, "not both"),
        ({"tool_choice": "required"}, "there are no tools"),
        ({"tools": [TOOL], "tool_choice": "sometimes"}, "tool_choice is 'sometimes'"),
        ({"tools": "x"}, "tools must be a list"),
        ({"tools": [1]}, r"tools\[0\] must be a dict"),
        ({"tools": [{"type": "web_search"}]}, "native tool: toolSpec"),
        ({"response_format": {"type": "xml"}}, "response_format must be"),
        ({"response_format": {"type": "json_schema", "json_schema": {}}}, "must be a JSON schema"),
        ({"reasoning_effort": "lots"}, "reasoning_effort is 'lots'"),
        ({"temperature": float("nan")}, "finite"),
        ({"stop": 3}, "stop must be"),
        ({"metadata": "x"}, "metadata must be a dict"),
        ({"response_format": {"type": "json_schema", "json_schema": "x"}}, "must be a JSON schema"),
    ],
)
def test_mistakes(params: dict[str, Any], says: str) -> None:
    """Mistakes are told by their place."""
    with pytest.raises(errors.InvalidRequestError, match=says):
        request(call(**params))
    with pytest.raises(errors.InvalidRequestError, match="reasoning_effort is 'lots'"):
        request(call(NOVA, reasoning_effort="lots"))


def test_no_choice_while_the_history_has_calls() -> None:
    """``none`` cannot be said with calls in the history: their tools must be told."""
    history = [
        *HI,
        {"role": "assistant", "tool_calls": [{"id": "t1", "function": {"name": "f"}}]},
        {"role": "tool", "tool_call_id": "t1", "content": "x"},
    ]
    with pytest.raises(errors.UnsupportedParamsError, match="while the history has calls"):
        request(call(CLAUDE, history, tools=[TOOL], tool_choice="none"))


def test_a_native_schema() -> None:
    """A schema goes as text; what the grammar cannot hold is told in the description."""
    form = written(response_format=FORMAT)["outputConfig"]["textFormat"]
    schema = form["structure"]["jsonSchema"].pop("schema")
    assert form == {"type": "json_schema", "structure": {"jsonSchema": {"name": "n"}}}
    assert "minimum: 1" in schema
    assert '"minimum"' not in schema


def test_an_emulated_schema() -> None:
    """Old models must call a tool; where tools are the caller's, or the model is not known, they are told in words."""
    config = written(OLD, response_format=FORMAT)["toolConfig"]
    assert config["toolChoice"] == {"tool": {"name": "answer_in_json"}}
    assert config["tools"][0]["toolSpec"]["inputSchema"] == {"json": SCHEMA}
    for model, more in ((UNKNOWN, {}), (OLD, {"tools": [TOOL]})):
        (told,) = written(model, response_format=FORMAT, **more)["system"]
        assert "fit this JSON schema" in told["text"]
    body = written(
        OLD, [{"role": "system", "content": "s"}, *HI], response_format={"type": "json_object"}
    )
    assert [block["text"][:6] for block in body["system"]] == ["s", "Answer"]


def test_every_family_is_found() -> None:
    """Cross-region prefixes and ARNs do not hide a family; opus 4.1 has no structured outputs there."""
    wire: Any = providers.get("bedrock").chat
    for prefix in (
        "",
        "us.",
        "eu.",
        "apac.",
        "global.",
        "arn:aws:bedrock:x:1:inference-profile/us.",
    ):
        assert wire.traits(f"{prefix}anthropic.claude-sonnet-4-6").messages is not None
        assert wire.traits(f"{prefix}amazon.nova-pro-v1:0").top_k == ("inferenceConfig", "topK")
    assert not wire.traits("us.anthropic.claude-opus-4-1-20250805-v1:0").schema
    assert wire.traits("us.anthropic.claude-opus-4-5-20251101-v1:0").schema
