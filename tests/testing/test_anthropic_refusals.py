"""What the simulated Messages API refuses, in its words; and that nothing makes it fall over."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmkit.testing._wires import wire_for

from ._anthropic import (
    CALLED,
    FORECAST,
    HEADERS,
    HELLO,
    PDF,
    PNG,
    PROFILE,
    RESULT,
    WEATHER,
    WIRE,
    parsed,
    post,
    refusal,
    request,
)

NEWEST = {**HEADERS, "anthropic-version": "2026-10-21"}
THINKING = {"type": "enabled", "budget_tokens": 1024}
ADAPTIVE = {"type": "adaptive"}
JPEG = "/9j/4AAQSkZJRg=="
WEBP = "UklGRhoAAABXRUJQ"
USE = CALLED["content"][0]
DOCS = (
    "Please consult our documentation at "
    "https://platform.claude.com/docs/en/build-with-claude/extended-thinking"
)
BLOCKS = (
    "'bash_code_execution_tool_result', 'code_execution_tool_result', 'container_upload', 'document', "
    "'image', 'redacted_thinking', 'search_result', 'server_tool_use', 'text', "
    "'text_editor_code_execution_tool_result', 'thinking', 'tool_result', 'tool_search_tool_result', "
    "'tool_use', 'web_fetch_tool_result', 'web_search_tool_result'"
)


def user(*content: Any) -> dict[str, Any]:
    """Messages that are one of the user's, with these blocks."""
    return {"messages": [{"role": "user", "content": list(content)}]}


def turns(*more: Any) -> dict[str, Any]:
    """A greeting, and what comes after it."""
    return {"messages": [*HELLO, *more]}


def said(*content: Any) -> dict[str, Any]:
    """A turn of the assistant's with these blocks."""
    return {"role": "assistant", "content": list(content)}


def image(**source: Any) -> dict[str, Any]:
    """An image from this source."""
    return {"type": "image", "source": source}


def tool(**changes: Any) -> dict[str, Any]:
    """A list of one tool that is fine but for *changes*."""
    made = {"name": "f", "input_schema": {"type": "object"}, **changes}
    return {"tools": [{name: value for name, value in made.items() if value is not ...}]}


def strict(schema: Any) -> dict[str, Any]:
    """A strict tool with one property of this schema."""
    outer = {"type": "object", "additionalProperties": False, "required": ["x"]}
    return tool(strict=True, input_schema={**outer, "properties": {"x": schema}})


def structured(schema: Any) -> dict[str, Any]:
    """An output of this schema."""
    return {"output_config": {"format": {"type": "json_schema", "schema": schema}}}


PARAMETERS: list[tuple[dict[str, Any], str]] = [
    ({"model": ...}, "model: Field required"),
    ({"max_tokens": ...}, "max_tokens: Field required"),
    ({"messages": ...}, "messages: Field required"),
    ({"model": ""}, "model: String should have at least 1 character"),
    ({"model": 3}, "model: Input should be a valid string"),
    ({"max_tokens": -1}, "max_tokens: Input should be greater than or equal to 0"),
    ({"max_tokens": "5"}, "max_tokens: Input should be a valid integer"),
    ({"max_tokens": True}, "max_tokens: Input should be a valid integer"),
    ({"colour": "red"}, "colour: Extra inputs are not permitted"),
    ({"n": 2}, "n: Extra inputs are not permitted"),
    ({"output_format": {}}, "output_format: Extra inputs are not permitted"),
    ({"context_management": {}}, "context_management: Extra inputs are not permitted"),
    ({"mcp_servers": []}, "mcp_servers: Extra inputs are not permitted"),
    ({"output_config": {"task_budget": {}}},
     "output_config.task_budget: Extra inputs are not permitted"),
    ({"temperature": 1.5}, "temperature: range: 0..1"),
    ({"temperature": -5.0}, "temperature: range: 0..1"),
    ({"temperature": "hot"}, "temperature: Input should be a valid number"),
    ({"top_p": 2}, "top_p: range: 0..1"),
    ({"top_k": 1.5}, "top_k: Input should be a valid integer"),
    ({"stream": "yes"}, "stream: Input should be a valid boolean"),
    ({"stop_sequences": "end"}, "stop_sequences: Input should be a valid list"),
    ({"stop_sequences": [5]}, "stop_sequences.0: Input should be a valid string"),
    ({"stop_sequences": ["\n"]},
     "stop_sequences: each stop sequence must contain non-whitespace"),
    ({"service_tier": "flex"}, "service_tier: Input should be 'auto' or 'standard_only'"),
    ({"metadata": {"name": "Ann"}}, "metadata.name: Extra inputs are not permitted"),
    ({"metadata": 5}, "metadata: Input does not match the expected shape."),
    ({"system": 5}, "system: Input should be a valid list"),
    ({"system": [{"type": "text", "text": ""}]}, "system: text content blocks must be non-empty"),
    ({"system": [{"type": "text", "text": " "}]},
     "system: text content blocks must contain non-whitespace text"),
    ({"system": [{"type": "image"}]},
     "system.0: Input tag 'image' found using 'type' does not match any of the expected tags: 'text'"),
    ({"container": "c"}, "container: the simulator has none of these"),
    ({"model": "claude-haiku-4-5", "max_tokens": 64001},
     ("max_tokens: 64001 > 64000, which is the maximum allowed number of output tokens for "
     "claude-haiku-4-5")),
    ({"cache_control": {"type": "ephemeral", "ttl": "2h"}},
     "cache_control.ephemeral.ttl: Input should be '5m' or '1h'"),
]  # fmt: skip

MESSAGES: list[tuple[dict[str, Any], str]] = [
    ({"messages": []}, "messages: at least one message is required"),
    ({"messages": "hello"}, "messages: Input should be a valid list"),
    ({"messages": ["hello"]}, "messages.0: Input does not match the expected shape."),
    ({"messages": [{"content": "hello"}]}, "messages.0.role: Field required"),
    ({"messages": [{"role": "user"}]}, "messages.0.content: Field required"),
    ({"messages": [{"role": "user", "content": None}]},
     "messages.0.content: Input should be a valid list"),
    ({"messages": [{"role": "user", "content": "hi", "name": "Ann"}]},
     "messages.0.name: Extra inputs are not permitted"),
    ({"messages": [{"role": "tool", "content": "hi"}]},
     'messages: Unexpected role "tool". Allowed roles are "user" or "assistant".'),
    ({"messages": [{"role": "system", "content": "hi"}, *HELLO]},
     "role 'system' is not supported on this model"),
    ({"model": "claude-opus-4-8", **turns({"role": "system", "content": [USE]})},
     "messages.1.content.0: `system` messages hold `text` blocks only"),
    ({"messages": [{"role": "user", "content": ""}]},
     ("messages.0: all messages must have non-empty content except for the optional final assistant "
     "message")),
    (user(),
     ("messages.0: all messages must have non-empty content except for the optional final assistant "
     "message")),
    (user({"type": "text", "text": ""}), "messages: text content blocks must be non-empty"),
    ({"messages": [{"role": "user", "content": "\n "}]},
     "messages: text content blocks must contain non-whitespace text"),
    (turns({"role": "assistant", "content": "The answer is "}),
     "messages: final assistant content cannot end with trailing whitespace"),
    (user({"type": "text"}), "messages.0.content.0.text.text: Field required"),
    (user({"text": "hi"}), "messages.0.content.0.type: Field required"),
    (user("hi"), "messages.0.content.0: Input does not match the expected shape."),
    (user({"type": "text", "text": "hi", "colour": 1}),
     "messages.0.content.0.text.colour: Extra inputs are not permitted"),
    (user({"type": "video"}),
     ("messages.0.content.0: Input tag 'video' found using 'type' does not match any of the expected "
     f"tags: {BLOCKS}")),
    (user({"type": 5}),
     ("messages.0.content.0: Input tag '5' found using 'type' does not match any of the expected "
     f"tags: {BLOCKS}")),
    (user(*({"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}},) * 5),
     "A maximum of 4 blocks with cache_control may be provided. Found 5."),
    (turns(said({"type": "thinking", "thinking": "hm", "signature": "forged"})),
     "messages.1.content.0: Invalid `signature` in `thinking` block"),
    (turns(said({"type": "thinking", "thinking": "hm"})),
     "messages.1.content.0.thinking.signature: Field required"),
]  # fmt: skip

CALLS: list[tuple[dict[str, Any], str]] = [
    (turns(CALLED),
     ("messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_1. "
     "Each `tool_use` block must have a corresponding `tool_result` block in the next message.")),
    (turns(CALLED, {"role": "user", "content": "well?"}),
     ("messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_1. "
     "Each `tool_use` block must have a corresponding `tool_result` block in the next message.")),
    (turns(CALLED, {"role": "user",
                    "content": [{"type": "text", "text": "here"}, *RESULT["content"]]}),
     ("messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_1. "
     "Each `tool_use` block must have a corresponding `tool_result` block in the next message.")),
    (user(*RESULT["content"]),
     ("messages.0.content.0: unexpected `tool_use_id` found in `tool_result` blocks: toolu_1. Each "
     "`tool_result` block must have a corresponding `tool_use` block in the previous message.")),
    (turns(CALLED, RESULT, said({"type": "text", "text": "so"}), RESULT),
     ("messages.4.content.0: unexpected `tool_use_id` found in `tool_result` blocks: toolu_1. Each "
     "`tool_result` block must have a corresponding `tool_use` block in the previous message.")),
    (turns(CALLED, RESULT, RESULT),
     ("messages.3.content.0: each tool_use must have a single result. Found multiple `tool_result` "
     "blocks with id: toolu_1")),
    (turns(said(USE, USE), RESULT), "messages: `tool_use` ids must be unique"),
    (turns(CALLED, RESULT, CALLED, RESULT), "messages: `tool_use` ids must be unique"),
    (user(USE), "messages.0: `tool_use` blocks can only be in `assistant` messages"),
    (turns(said(*RESULT["content"])),
     "messages.1: `tool_result` blocks can only be in `user` messages"),
    (turns(said({**USE, "input": "{}"}), RESULT),
     "messages.1.content.0.tool_use.input: Input should be a valid dictionary"),
    (turns(said({**USE, "id": "a b"}), RESULT),
     "messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"),
    (turns(CALLED, {"role": "user", "content": [{**RESULT["content"][0], "content": 5}]}),
     "messages.2.content.0.tool_result.content: Input should be a valid list"),
]  # fmt: skip

TOOLS: list[tuple[dict[str, Any], str]] = [
    ({"tools": {}}, "tools: Input should be a valid list"),
    ({"tools": ["f"]}, "tools.0: Input does not match the expected shape."),
    (tool(name=...), "tools.0.custom.name: Field required"),
    (tool(name="a b"),
     "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'"),
    (tool(name="f" * 129),
     "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'"),
    (tool(input_schema=...), "tools.0.custom.input_schema: Field required"),
    (tool(input_schema=True),
     "tools.0.custom.input_schema: Input does not match the expected shape."),
    (tool(input_schema={}), "tools.0.custom.input_schema.type: Field required"),
    (tool(input_schema={"type": "string"}),
     "tools.0.custom.input_schema.type: Input should be 'object'"),
    (tool(input_schema={"type": "object", "anyOf": []}),
     ("tools.0.custom.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top "
     "level")),
    (tool(input_schema={"type": "object", "properties": {"a": 5}}),
     ("tools.0.custom.input_schema: JSON schema is invalid. It must match JSON Schema draft 2020-12 "
     "(https://json-schema.org/draft/2020-12). Learn more about tool use at "
     "https://docs.claude.com/en/docs/tool-use.")),
    (tool(parameters={}), "tools.0.custom.parameters: Extra inputs are not permitted"),
    (tool(type="web_search_20250305"), "'offline' does not support tool types: web_search_20250305."),
    ({"tools": [WEATHER, WEATHER]}, "tools: Tool names must be unique."),
    ({"tool_choice": {"type": "any"}},
     "`tool_choice` may only be specified while providing `tools`."),
    ({**tool(), "tool_choice": {"type": "tool", "name": "g"}},
     "Tool 'g' not found in provided tools"),
    ({**tool(), "tool_choice": {"type": "tool"}}, "tool_choice.tool.name: Field required"),
    ({**tool(), "tool_choice": "auto"}, "tool_choice: Input does not match the expected shape."),
    ({**tool(), "tool_choice": {"type": "required"}},
     ("tool_choice: Input tag 'required' found using 'type' does not match any of the expected tags: "
     "'any', 'auto', 'none', 'tool'")),
    ({**tool(), "tool_choice": {"type": "none", "disable_parallel_tool_use": True}},
     "tool_choice.none.disable_parallel_tool_use: Extra inputs are not permitted"),
    (tool(strict=True),
     "tools.0.custom: For 'object' type, 'additionalProperties' must be explicitly set to false"),
    (strict(True), "tools.0.custom: For 'object' type, property 'properties' is not supported"),
    (strict({"type": "integer", "minimum": 1}),
     "tools.0.custom: For 'integer' type, property 'minimum' is not supported"),
    (strict({"type": ["null", "number"], "minimum": 1, "maximum": 2}),
     "tools.0.custom: For 'number' type, properties maximum, minimum are not supported"),
    (strict({"type": "array", "minItems": 2}),
     "tools.0.custom: For 'array' type, 'minItems' values other than 0 or 1 are not supported"),
    (strict({"type": "array", "items": {"type": "string", "maxLength": 2}}),
     "tools.0.custom: For 'string' type, property 'maxLength' is not supported"),
    (strict({"anyOf": [{"$ref": "https://a.test/b"}]}),
     "tools.0.custom: External reference 'https://a.test/b' is not supported"),
    (strict({"type": "object", "additionalProperties": False,
             "properties": {f"p{i}": {} for i in range(25)}}),
     ("Schemas contains too many optional parameters (25), which would make grammar compilation "
     "inefficient. Reduce the number of optional parameters in your tool schemas (limit: 24).")),
    (strict({"type": "array", "prefixItems": [{"type": ["null", "string"]}] * 17}),
     ("Schemas contains too many parameters with union types (17 parameters with type arrays or "
     "anyOf). This causes exponential compilation cost. Reduce the number of nullable or union-typed "
     "parameters (limit: 16 parameters with unions).")),
    ({"tools": [{**strict({"type": "array", "prefixItems": [{"anyOf": [{}]}] * 9})["tools"][0],
                 "name": name} for name in "ab"]},
     ("Schemas contains too many parameters with union types (18 parameters with type arrays or "
     "anyOf). This causes exponential compilation cost. Reduce the number of nullable or union-typed "
     "parameters (limit: 16 parameters with unions).")),
    ({"output_config": {"format": {"type": "json_object"}}},
     "output_config.format.type: Input should be 'json_schema'"),
    ({"output_config": {"format": {"type": "json_schema"}}},
     "output_config.format.schema: Field required"),
    (structured({"type": "object", "properties": {}}),
     ("output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set "
     "to false")),
    (structured({"properties": 5}),
     ("output_config.format.schema: JSON schema is invalid. It must match JSON Schema draft 2020-12 "
     "(https://json-schema.org/draft/2020-12). Learn more about tool use at "
     "https://docs.claude.com/en/docs/tool-use.")),
]  # fmt: skip

MODELS: list[tuple[dict[str, Any], str]] = [
    ({"thinking": {"type": "enabled"}}, "thinking.enabled.budget_tokens: Field required"),
    ({"thinking": {"type": "enabled", "budget_tokens": 1023}},
     "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"),
    ({"thinking": {"type": "adaptive", "budget_tokens": 2000}},
     "thinking.adaptive.budget_tokens: Extra inputs are not permitted"),
    ({"thinking": THINKING, "max_tokens": 1024},
     f"`max_tokens` must be greater than `thinking.budget_tokens`. {DOCS}"),
    ({"thinking": THINKING, "max_tokens": 2000, "tool_choice": {"type": "any"}, **tool()},
     "Thinking may not be enabled when tool_choice forces tool use."),
    ({"thinking": THINKING, "max_tokens": 2000, "tool_choice": {"type": "tool", "name": "f"},
      **tool()},
     "Thinking may not be enabled when tool_choice forces tool use."),
    ({"thinking": ADAPTIVE, "temperature": 0.5},
     f"`temperature` may only be set to 1 when thinking is enabled or in adaptive mode. {DOCS}"),
    ({"thinking": ADAPTIVE, "top_k": 5},
     f"`top_k` must be unset when thinking is enabled or in adaptive mode. {DOCS}"),
    ({"thinking": ADAPTIVE, "top_p": 0.5},
     ("`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled or in adaptive "
     f"mode. {DOCS}")),
    ({"thinking": THINKING, "max_tokens": 2000, **turns(CALLED, RESULT)},
     ("messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`. "
     "When `thinking` is enabled, a final `assistant` message must start with a thinking block "
     "(preceeding the lastmost set of `tool_use` and `tool_result` blocks). To avoid this "
     f"requirement, disable `thinking`. {DOCS}")),
    ({"model": "claude-opus-4-7", "temperature": 0.5}, "`temperature` is deprecated for this model."),
    ({"model": "claude-opus-4-7", "top_p": 0.9}, "`top_p` is deprecated for this model."),
    ({"model": "claude-opus-4-7", "top_k": 1}, "`top_k` is deprecated for this model."),
    ({"model": "claude-opus-4-7", "thinking": THINKING, "max_tokens": 2000},
     ('"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and '
     '"output_config.effort" to control thinking behavior.')),
    ({"model": "claude-opus-5-5", "thinking": {"type": "disabled"}},
     '"thinking.type.disabled" is not supported for this model.'),
    ({"model": "claude-haiku-4-5", "thinking": ADAPTIVE},
     "adaptive thinking is not supported on this model"),
    ({"model": "claude-3-haiku-20240307", "thinking": THINKING, "max_tokens": 2000},
     "'claude-3-haiku-20240307' does not support thinking."),
    ({"model": "claude-haiku-4-5", "output_config": {"effort": "low"}},
     "This model does not support the effort parameter."),
    ({"model": "claude-opus-4-6", "output_config": {"effort": "xhigh"}},
     "This model does not support effort level 'xhigh'. Supported levels: high, low, max, medium."),
    ({"output_config": {"effort": "minimal"}},
     "output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'"),
    ({"model": "claude-3-haiku-20240307", **structured(PROFILE)},
     "'claude-3-haiku-20240307' does not support output format."),
]  # fmt: skip

MEDIA: list[tuple[dict[str, Any], str]] = [
    (image(type="base64", media_type="image/png", data="not base64"),
     "image.source.base64.data: Invalid base64 data"),
    (image(type="base64", media_type="image/png", data="bilder: ä"),
     "image.source.base64.data: Invalid base64 data"),
    (image(type="base64", media_type="image/bmp", data=PNG),
     ("image.source.base64.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or "
     "'image/webp'")),
    (image(type="base64", media_type="image/jpeg", data=PNG),
     "image.source.base64.data: Image does not match the provided media type image/jpeg"),
    (image(type="base64", media_type="image/png", data=PDF),
     "image.source.base64: Could not process image"),
    (image(type="base64", data=PNG), "image.source.base64.media_type: Field required"),
    (image(type="url", url="http://a.test/b.png"),
     "image.source.url.url: Only HTTPS URLs are supported."),
    (image(type="ftp"),
     ("image.source: Input tag 'ftp' found using 'type' does not match any of the expected tags: "
     "'base64', 'file', 'url'")),
    ({"type": "image"}, "image.source: Field required"),
    ({"type": "document",
      "source": {"type": "base64", "media_type": "application/pdf", "data": PNG}},
     "document.source.base64.data: The PDF specified was not valid."),
    ({"type": "document",
      "source": {"type": "text", "media_type": "text/html", "data": "x"}},
     "document.source.text.media_type: Input should be 'text/plain'"),
    ({"type": "document", "source": {"type": "content", "content": [{"type": "document"}]}},
     ("document.source.content.content.0: Input tag 'document' found using 'type' does not match any "
     "of the expected tags: 'image', 'text'")),
    ({"type": "search_result", "source": "s", "title": "t"},
     "search_result.content: Field required"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), [*PARAMETERS, *MESSAGES, *CALLS, *TOOLS, *MODELS])
def test_what_is_refused(changes: dict[str, Any], message: str) -> None:
    """Each gets a 400 that says where and why."""
    assert refusal(request(**changes)) == (400, "invalid_request_error", message)


@pytest.mark.parametrize(("block", "message"), MEDIA)
def test_media_that_are_refused(block: dict[str, Any], message: str) -> None:
    """The same of images and documents, whose place begins with the block's."""
    said = f"messages.0.content.0.{message}"
    assert refusal(request(**user(block))) == (400, "invalid_request_error", said)


@pytest.mark.parametrize(
    "changes",
    [
        {"messages": [{"role": "assistant", "content": "Hello, who is it?"}, *HELLO]},
        turns(*HELLO, *HELLO),
        turns({"role": "assistant", "content": "The answer is"}),
        turns({"role": "assistant", "content": ""}),
        turns(CALLED, RESULT, said({"type": "text", "text": "fine"}), *HELLO),
        {"model": "claude-opus-4-8", **turns({"role": "system", "content": "be brief"})},
        {"model": "claude-opus-4-7", "temperature": 1, "top_p": 0.99},
        {"system": "", "metadata": {"user_id": None}, "stop_sequences": []},
        {"system": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]},
        {"thinking": ADAPTIVE, "tool_choice": {"type": "any"}, **tool()},
        {"tool_choice": {"type": "none"}},
        {"tools": [], "top_k": -1, "top_p": -1},
        tool(type=None, defer_loading=True, description="d", input_examples=[{"a": 1}]),
        strict({"type": "object", "additionalProperties": False, "properties": {"a": {}}}),
        user(image(type="base64", media_type="image/jpeg", data=JPEG)),
        user(image(type="base64", media_type="image/webp", data=WEBP)),
        user(image(type="base64", media_type="image/gif", data="R0lGODlhAQ==")),
        user({"type": "search_result", "source": "s", "title": "t",
              "content": [{"type": "text", "text": "found"}]}),
        turns(said({"type": "redacted_thinking", "data": "eHl6"}, {"type": "server_tool_use"})),
        {"thinking": THINKING, "max_tokens": 2000,
         **turns(said({"type": "redacted_thinking", "data": "eHl6"}, USE), RESULT)},
        {"inference_geo": None, "speed": "fast", "diagnostics": None, "cache_control": None},
    ],
)  # fmt: skip
def test_what_is_taken(changes: dict[str, Any]) -> None:
    """What looks odd and is allowed, and the borders of what is not."""
    assert refusal(request(**changes)) == (200, "", "")


def test_betas_let_parameters_in() -> None:
    """A beta's parameter is taken with its header, or said to be none of the simulator's."""
    beta = {**HEADERS, "anthropic-beta": "mcp-client-2025-11-20, context-management-2025-06-27"}
    assert refusal(request(context_management={"edits": []}), beta)[0] == 200
    assert refusal(request(mcp_servers=[]), beta)[0] == 200
    assert (
        refusal(request(mcp_servers=[{}]), beta)[2]
        == "mcp_servers: the simulator has none of these"
    )
    budget = {**HEADERS, "anthropic-beta": "task-budgets-2026-03-13"}
    assert refusal(request(output_config={"task_budget": {}}), budget)[0] == 200
    interleaved = {**HEADERS, "anthropic-beta": "interleaved-thinking-2025-05-14"}
    assert refusal(request(thinking=THINKING, **tool()), interleaved)[0] == 200


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"temperature": 1}, "temperature: Extra inputs are not permitted"),
        ({"top_p": 1}, "top_p: Extra inputs are not permitted"),
        ({"top_k": 1}, "top_k: Extra inputs are not permitted"),
        (user({"type": "text", "text": "x", "citations": [{}]}),
         "messages.0.content.0.text.citations: Extra inputs are not permitted"),
        (turns(said({"type": "document", "source": {"type": "file", "file_id": "f"}})),
         "messages.1.content.0: `document` blocks are not permitted in `assistant` messages"),
    ],
)  # fmt: skip
def test_the_newest_version_takes_less(changes: dict[str, Any], message: str) -> None:
    """What the version of 2026-10-21 refuses, and the one before it takes."""
    assert refusal(request(**changes)) == (200, "", "")
    assert refusal(request(**changes), NEWEST) == (400, "invalid_request_error", message)


@pytest.mark.parametrize("name", ["max_tokens", "stream", "temperature", "stop_sequences"])
def test_counting_takes_less(name: str) -> None:
    """What has no meaning where nothing is written is an extra input there."""
    reply = post({"model": "offline", "messages": HELLO, name: 1}, path="/v1/messages/count_tokens")
    assert parsed(reply)["error"]["message"] == f"{name}: Extra inputs are not permitted"


def test_a_prompt_can_be_too_long() -> None:
    """A prompt beyond the model's context is refused, an unknown model's at 200,000 tokens."""
    body = request(messages=[{"role": "user", "content": "word " * 200_000}])
    message = "prompt is too long: 200005 tokens > 200000 maximum"
    assert refusal(body) == (400, "invalid_request_error", message)
    assert refusal({**body, "model": "claude-opus-4-8"})[0] == 200


# --- keys, versions, paths ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status", "message"),
    [
        ({"x-api-key": ""}, 401, "x-api-key header is required"),
        ({"authorization": "Basic abc"}, 401, "x-api-key header is required"),
        ({"x-api-key": "an-" + "invalid-key"}, 401, "invalid x-api-key"),
        ({"authorization": "Bearer " + "invalid"}, 401, "Invalid bearer token"),
        ({"x-api-key": "k", "anthropic-version": ""}, 400, "anthropic-version: header is required"),
        (
            {"x-api-key": "k", "anthropic-version": "2023-06-01, 2023-06-01"},
            400,
            'anthropic-version: "2023-06-01, 2023-06-01" is not a valid version',
        ),
    ],
)
def test_keys_and_versions(headers: dict[str, str], status: int, message: str) -> None:
    """A key in either header, and a version, are asked for before the body is read."""
    sent = {"anthropic-version": "2023-06-01", **headers}
    kind = "authentication_error" if status == 401 else "invalid_request_error"
    assert refusal(b"nonsense", sent) == (status, kind, message)


def test_an_error_has_the_form_of_the_real_one() -> None:
    """Type, error, and the request's id, which is in a header, too; SDKs are told not to repeat it."""
    reply = post(request(n=1))
    assert parsed(reply) == {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "n: Extra inputs are not permitted"},
        "request_id": reply.headers["request-id"],
    }
    assert reply.headers["x-should-retry"] == "false"


def test_a_rate_limit_says_which_one_and_until_when() -> None:
    """The headers of the real one, and nothing that keeps an SDK from trying again."""
    reply = post(request(model="rate-limited"))
    assert (reply.status, parsed(reply)["error"]["type"]) == (429, "rate_limit_error")
    assert reply.headers["retry-after"] == "1"
    assert reply.headers["anthropic-ratelimit-requests-remaining"] == "0"
    assert "x-should-retry" not in reply.headers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/messages", 405),
        ("POST", "/v1/models", 405),
        ("POST", "/v1/complete", 404),
        ("POST", "/v1/messages/batches", 404),
        ("POST", "/messages", 404),
        ("POST", "/v1/messages?beta=true", 200),
        ("POST", "/some/proxy/v1/messages/", 200),
    ],
)
def test_paths(method: str, path: str, status: int) -> None:
    """What is served under which path, whatever a proxy puts before it."""
    assert post(request(), path=path, method=method).status == status


@pytest.mark.parametrize(
    ("path", "headers", "name"),
    [
        ("/v1/messages", {}, "anthropic_messages"),
        ("/proxy/v1/messages/count_tokens?beta=true", {}, "anthropic_messages"),
        ("/v1/models", HEADERS, "anthropic_messages"),
        ("/v1/models/x", HEADERS, "anthropic_messages"),
        ("/v1/complete", HEADERS, "anthropic_messages"),
        ("/v1/models", {}, "openai_chat"),
        ("/v1/chat/completions", HEADERS, "openai_chat"),
        ("/v1/elsewhere", {}, "openai_chat"),
    ],
)
def test_which_wire_serves_what(path: str, headers: dict[str, str], name: str) -> None:
    """The path decides, and where both APIs have it, the header with the version."""
    assert wire_for(path, headers).name == name


# --- nonsense ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"model": NaN}',
        b'{"max_tokens": 1e999}',
        b'{"model": "\\ud800"}',
        b"[" * 100_000,
    ],
)
def test_what_is_not_json(body: bytes) -> None:
    """Also what Python would take for JSON."""
    status, kind, message = refusal(body)
    assert (status, kind) == (400, "invalid_request_error")
    assert message.startswith("The request body is not valid JSON: ")


@pytest.mark.parametrize("body", [[], "text", 5, None])
def test_what_is_no_object(body: Any) -> None:
    """JSON that is not a request at all."""
    assert refusal(body)[2] == "body: Input does not match the expected shape."


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KINDS = st.sampled_from(
    ["text", "image", "document", "tool_use", "tool_result", "thinking", "redacted_thinking",
     "search_result", "base64", "url", "ephemeral", "enabled", "adaptive", "tool", "any", "object",
     "array", "number", "string", "json_schema", "custom", "content"]
)  # fmt: skip
NAMES = st.sampled_from(
    ["model", "max_tokens", "messages", "role", "content", "type", "text", "source", "data", "id",
     "media_type", "name", "input", "input_schema", "properties", "items", "anyOf", "$ref", "required",
     "minimum", "multipleOf", "enum", "default", "minItems", "prefixItems", "additionalProperties",
     "tool_use_id", "signature", "thinking", "tools", "tool_choice", "system", "output_config",
     "format", "schema", "stop_sequences", "cache_control", "strict", "stream", "budget_tokens"]
)  # fmt: skip
LEAVES = st.sampled_from(
    ["user", "assistant", "system", "hi", " ", "a", True, False, None, 0, 2000, 0.5]
)
NEARLY = st.recursive(
    LEAVES | KINDS | st.integers() | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(NAMES, inner, max_size=5)
        | st.builds(lambda kind, rest: {**rest, "type": kind}, KINDS, st.dictionaries(NAMES, inner, max_size=4))
    ),
    max_leaves=25,
)  # fmt: skip


def assert_whole(body: bytes) -> None:
    """The reply is an answer or an error of the API's form, whatever is asked."""
    for path in ("/v1/messages", "/v1/messages/count_tokens"):
        reply = post(body, path=path)
        if reply.frames:
            assert reply.frames[-1] == b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
            continue
        made = json.loads(reply.body)
        kinds = {"message", "error"} if path == "/v1/messages" else {"error", None}
        assert made.get("type") in kinds
        assert (reply.status == 200) == (made.get("type") != "error")


@pytest.mark.parametrize("depth", [100, 400, 800, 900, 950, 990, 1100])
def test_no_depth_brings_it_down(depth: int) -> None:
    """Nesting near the interpreter's limit, where the parser still reads what its readers cannot."""
    nested = "[" * depth + "]" * depth
    body = json.dumps(request(**turns(said({**USE, "input": {"x": "@"}}), RESULT)))
    assert_whole(body.replace('"@"', nested).encode())


@given(JSON)
def test_no_json_brings_it_down(body: Any) -> None:
    """Any JSON as a body."""
    assert_whole(json.dumps(body).encode())


@settings(max_examples=300)
@given(st.dictionaries(NAMES, NEARLY))
def test_no_near_request_brings_it_down(changes: dict[str, Any]) -> None:
    """A good request of which members were changed to what resembles others."""
    assert_whole(json.dumps(request(**changes)).encode())


@settings(max_examples=300)
@given(NEARLY)
def test_no_block_brings_it_down(block: Any) -> None:
    """A good conversation with one strange block in it, on either side."""
    assert_whole(json.dumps(request(**user(block))).encode())
    assert_whole(json.dumps(request(**turns(said(block)))).encode())


@settings(max_examples=300)
@given(NEARLY)
def test_no_schema_brings_it_down(schema: Any) -> None:
    """A tool and an output of any schema that resembles one."""
    for where in (
        strict(schema),
        tool(input_schema={"type": "object", "properties": {"f": schema}}),
    ):
        assert_whole(
            json.dumps(request(messages=[{"role": "user", "content": "f"}], **where)).encode()
        )
    assert_whole(json.dumps(request(**structured(schema))).encode())


@pytest.mark.parametrize(
    ("schema", "made"),
    [
        ({"type": "number", "minimum": 10**400}, 0),
        ({"type": "number", "minimum": 1e308, "multipleOf": 1e-308}, 0),
        ({"type": "integer", "exclusiveMinimum": 6, "multipleOf": 3}, 9),
    ],
)
def test_numbers_of_any_size(schema: Any, made: int) -> None:
    """Bounds that cannot be calculated with are let be."""
    asking = [{"role": "user", "content": "f"}]
    where = tool(input_schema={"type": "object", "properties": {"x": schema}})
    body = parsed(post(request(messages=asking, **where)))
    assert body["content"][0]["input"] == {"x": made}


def test_schemas_inside_of_tuples_are_read() -> None:
    """What is no schema is refused there, too."""
    outer = {"type": "object", "properties": {"x": {"prefixItems": [{"properties": 5}]}}}
    assert "JSON schema is invalid" in refusal(request(**tool(input_schema=outer)))[2]


@given(st.binary(), st.text(), st.dictionaries(st.sampled_from(sorted(HEADERS)), st.text()))
def test_no_bytes_bring_it_down(body: bytes, path: str, headers: dict[str, str]) -> None:
    """Any bytes, path and headers: something is said."""
    assert WIRE.reply("POST", path, headers, body, _unasked).status >= 400


def _unasked(_: Any) -> Any:
    raise AssertionError("nothing was to be answered")


def test_forecast_is_a_tool_without_properties() -> None:
    """A schema that says nothing but that it is an object gets an empty one."""
    body = request(tools=[FORECAST], tool_choice={"type": "any"})
    assert parsed(post(body))["content"][0]["input"] == {}
