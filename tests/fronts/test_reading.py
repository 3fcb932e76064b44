"""What the fronts make of requests: every field in its place, mistakes refused by name, nothing lost on the way."""

from __future__ import annotations

from typing import Any

import pytest

from llmkit import errors
from llmkit.fronts import Asked, chat, generate_content, messages, responses
from llmkit.fronts._riding import is_packed, merge, pack, unpack
from llmkit.types.chat import ChatCompletion

HELLO = [{"role": "user", "content": "Hello"}]
PNG = {"type": "base64", "media_type": "image/png", "data": "iVBORw0="}


def ask(front: Any, **body: Any) -> Asked:
    """A request that a front reads."""
    subject: dict[str, Any] = {"model": "m"}
    if front is responses:
        subject["input"] = "Hello"
    elif front is generate_content:
        subject = {"contents": "Hello"}
    else:
        subject["messages"] = HELLO
    asked: Asked = front.read(subject | body)
    return asked


def test_chat_knows_its_parameters() -> None:
    """Known fields are parameters, others are native, and the stream is told."""
    asked = ask(chat, temperature=1, provider={"order": []}, stream=True, seed=None)
    assert (asked.params, asked.native) == ({"temperature": 1}, {"provider": {"order": []}})
    assert asked.stream


def test_chat_usage_is_for_who_asked() -> None:
    """The chunk that only tells the usage goes to those who asked for it."""
    from llmkit.types.chat import ChatCompletionChunk

    bare = ChatCompletionChunk.model_validate({"choices": [], "usage": {"prompt_tokens": 1}})
    wanted = ask(chat, stream_options={"include_usage": True})
    assert [*chat.events(wanted).add(bare)]
    assert not [*chat.events(ask(chat)).add(bare)]


@pytest.mark.parametrize(
    ("front", "body", "param"),
    [
        (chat, {"messages": []}, "messages"),
        (chat, {"messages": "Hello"}, "messages"),
        (chat, {"messages": ["Hello"]}, "messages[0]"),
        (chat, {"messages": [{"content": "x"}]}, "messages[0].role"),
        (chat, {"model": None}, "model"),
        (messages, {"messages": []}, "messages"),
        (messages, {"messages": [{"role": "tool", "content": "x"}]}, "messages[0]"),
        (messages, {"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
        (messages, {"tools": {}}, "tools"),
        (messages, {"tools": ["x"]}, "tools[0]"),
        (messages, {"tool_choice": "auto"}, "tool_choice"),
        (messages, {"tool_choice": {"type": "maybe"}}, None),
        (messages, {"stop_sequences": "x"}, "stop_sequences"),
        (responses, {"input": []}, "input"),
        (responses, {"input": 7}, "input"),
        (responses, {"input": ["x"]}, "input[0]"),
        (responses, {"input": [{"role": "tool", "content": "x"}]}, "input[0]"),
        (responses, {"input": [{"type": "item_reference", "id": "x"}]}, "input[0]"),
        (responses, {"input": [{"type": "computer_call_output"}]}, "input[0]"),
        (responses, {"input": [{"type": "function_call_output"}]}, "input[0].call_id"),
        (
            responses,
            {"input": [{"role": "user", "content": [{"type": "x"}]}]},
            "input[0].content[0]",
        ),
        (
            responses,
            {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]},
            "input[0].content[0]",
        ),
        (
            responses,
            {"input": [{"role": "user", "content": [{"type": "input_file", "filename": "f"}]}]},
            "input[0].content[0]",
        ),
        (responses, {"text": "x"}, "text"),
        (responses, {"tools": [7]}, "tools[0]"),
        (generate_content, {"contents": None}, "contents"),
        (generate_content, {"contents": []}, "contents"),
        (generate_content, {"contents": [{"role": "x", "parts": []}]}, "contents[0]"),
        (generate_content, {"contents": [{"parts": [{"what": 1}]}]}, "contents[0]"),
        (generate_content, {"contents": [{"parts": [{"text": 1}]}]}, "contents[0]"),
        (
            generate_content,
            {"contents": [{"parts": [{"functionResponse": {"name": "f"}}]}]},
            "contents[0]",
        ),
        (
            generate_content,
            {"systemInstruction": {"parts": [{"inlineData": {}}]}},
            "systemInstruction",
        ),
    ],
)
def test_mistakes_are_named(front: Any, body: dict[str, Any], param: str | None) -> None:
    """What is no request raises ``InvalidRequestError`` with the field that is wrong."""
    with pytest.raises(errors.InvalidRequestError) as caught:
        ask(front, **body)
    assert caught.value.param == param


def test_messages_parts() -> None:
    """Images, documents and results are chat's; what only this API has stays as it is."""
    note = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}
    cited = {**note, "title": "T", "citations": {"enabled": True}, "context": "c"}
    linked = {"type": "image", "source": {"type": "url", "url": "https://e.test/a.png"}}
    own = {"type": "image", "source": {"type": "file", "file_id": "f"}}
    listed = {"type": "document", "source": {"type": "content", "content": []}}
    odd = {**note, "more": 1}
    broken = {"type": "image", "source": "x"}
    parts: list[Any] = [{"type": "image", "source": PNG}, linked, cited, own, listed, odd, broken]
    asked = messages.read({"model": "m", "messages": [{"role": "user", "content": parts}]})
    (message,) = asked.messages
    image, link, file, *rest = message["content"]
    assert image == {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0="}}
    assert link["image_url"]["url"] == "https://e.test/a.png"
    assert file["file"] == {
        "file_data": "data:text/plain;base64,eA==",
        "filename": "T",
        "citations": {"enabled": True},
        "context": "c",
    }
    assert rest == [own, listed, odd, broken]


def test_messages_results_keep_their_place() -> None:
    """What is said between results stays between them."""
    call = {"type": "tool_use", "id": "c", "name": "f", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "c", "is_error": True}
    image = {
        "type": "tool_result",
        "tool_use_id": "c",
        "content": [{"type": "image", "source": PNG}],
    }
    content = [{"type": "text", "text": "a"}, result, {"type": "text", "text": "b"}, image]
    turns = [
        *HELLO,
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": content},
        {"role": "system", "content": [{"type": "text", "text": "s"}]},
    ]
    asked = messages.read({"model": "m", "messages": turns, "system": []})
    roles = [message["role"] for message in asked.messages]
    assert roles == ["user", "assistant", "user", "tool", "user", "tool", "system"]
    assert asked.messages[3] == {
        "role": "tool",
        "tool_call_id": "c",
        "content": "",
        "is_error": True,
    }
    assert asked.messages[5]["content"][0]["type"] == "image_url"


def test_messages_parameters() -> None:
    """Each field is chat's parameter where there is one, and native where there is none."""
    asked = ask(
        messages,
        max_tokens=5,
        stop_sequences=["x"],
        tools=[
            {"name": "f", "input_schema": {"type": "object"}, "cache_control": {"type": "e"}},
            {"type": "web_search_20250305", "name": "web_search"},
        ],
        tool_choice={"type": "tool", "name": "f", "disable_parallel_tool_use": True},
        metadata={"user_id": "u", "more": 1},
        service_tier="standard_only",
        thinking={"type": "adaptive", "display": "omitted"},
        output_config={"effort": "high", "format": {"type": "json_schema", "schema": {}}, "x": 1},
        container="c",
    )
    assert asked.params == {
        "max_tokens": 5,
        "stop": ["x"],
        "tools": [
            {
                "type": "function",
                "function": {"name": "f", "parameters": {"type": "object"}},
                "cache_control": {"type": "e"},
            },
            {"type": "web_search_20250305", "name": "web_search"},
        ],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "parallel_tool_calls": False,
        "user": "u",
        "service_tier": "default",
        "thinking": {"type": "adaptive", "display": "omitted"},
        "reasoning_effort": "high",
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": {}, "strict": True},
        },
    }
    assert asked.native == {"metadata": {"more": 1}, "output_config": {"x": 1}, "container": "c"}


@pytest.mark.parametrize("order", [("thinking", "output_config"), ("output_config", "thinking")])
def test_effort_belongs_to_thinking(order: tuple[str, str]) -> None:
    """A bare adaptive thinking with an effort is an effort, in whichever order they come."""
    given = {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}
    asked = ask(messages, **{name: given[name] for name in order})
    assert (asked.params, asked.native) == ({"reasoning_effort": "low"}, {})
    alone = ask(messages, output_config={"effort": "low"})
    assert (alone.params, alone.native) == ({}, {"output_config": {"effort": "low"}})


def test_responses_parameters() -> None:
    """Each field is chat's parameter, dropped with a reason, or native; answers repeat their request."""
    asked = ask(
        responses,
        instructions="Be kind.",
        max_output_tokens=9,
        metadata={"a": "b"},
        store=True,
        truncation="disabled",
        background=False,
        stream_options={"include_obfuscation": False},
        include=["reasoning.encrypted_content", "message.output_text.logprobs", "other"],
        reasoning={"effort": "low", "summary": "auto", "more": 1},
        text={"format": {"type": "json_object"}, "verbosity": "low", "more": 1},
        tools=[
            {"type": "function", "name": "f", "parameters": {}, "strict": True},
            {"type": "custom", "name": "c", "format": {"type": "grammar", "syntax": "lark"}},
            {
                "type": "web_search",
                "filters": {"allowed_domains": ["e.test"]},
                "user_location": {"type": "approximate", "city": "Rome"},
            },
            {"type": "mcp", "server_label": "x"},
        ],
        tool_choice={
            "type": "allowed_tools",
            "mode": "auto",
            "tools": [{"type": "function", "name": "f"}],
        },
        previous_response_id="resp_1",
    )
    assert asked.messages[0] == {"role": "system", "content": "Be kind."}
    assert asked.params == {
        "max_completion_tokens": 9,
        "logprobs": True,
        "reasoning_effort": "low",
        "verbosity": "low",
        "response_format": {"type": "json_object"},
        "tools": [
            {"type": "function", "function": {"name": "f", "parameters": {}, "strict": True}},
            {
                "type": "custom",
                "custom": {
                    "name": "c",
                    "format": {"type": "grammar", "grammar": {"syntax": "lark"}},
                },
            },
            {"type": "mcp", "server_label": "x"},
        ],
        "web_search_options": {
            "allowed_domains": ["e.test"],
            "user_location": {"type": "approximate", "approximate": {"city": "Rome"}},
        },
        "tool_choice": {
            "type": "allowed_tools",
            "allowed_tools": {
                "mode": "auto",
                "tools": [{"type": "function", "function": {"name": "f"}}],
            },
        },
    }
    assert asked.native == {
        "include": ["other"],
        "reasoning": {"more": 1},
        "text": {"more": 1},
        "previous_response_id": "resp_1",
    }
    dropped = [entry.parameter for entry in asked.adjustments]
    assert dropped == ["metadata", "store", "reasoning.summary"]
    made = responses.write(ChatCompletion(), asked)
    assert (made["instructions"], made["metadata"], made["store"]) == (
        "Be kind.",
        {"a": "b"},
        False,
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [("truncation", "auto"), ("background", True), ("tool_choice", {"type": "mcp"})],
)
def test_responses_native(field: str, value: Any) -> None:
    """What only a server that runs things by itself can do is native."""
    assert ask(responses, **{field: value}).native == {field: value}


def test_responses_items() -> None:
    """Parts are chat's; what the assistant did in one go is one message with its items kept."""
    parts = [
        {"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}},
        {"type": "input_image", "image_url": "https://e.test/a.png", "detail": "low"},
        {"type": "input_file", "file_id": "f"},
        {"type": "input_audio", "input_audio": {"data": "", "format": "mp3"}},
        {"type": "refusal", "refusal": "no"},
    ]
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    picture = {"type": "image_generation_call", "id": "ig_1", "result": "iVBO"}
    said = {"type": "message", "role": "assistant", "content": "Yes"}
    output = {"type": "function_call_output", "call_id": "c", "output": {"a": 1}}
    seen = {**output, "output": [{"type": "input_text", "text": "x"}]}
    items = [{"role": "user", "content": parts}, reasoning, said, picture, call, output, call, seen]
    asked = responses.read({"model": "m", "input": items})
    user, assistant, tool, plain, other = asked.messages
    assert user["content"][0]["cache_control"] == {"type": "ephemeral"}
    assert user["content"][1]["image_url"] == {"url": "https://e.test/a.png", "detail": "low"}
    assert [part["type"] for part in user["content"]] == [
        "text",
        "image_url",
        "file",
        "input_audio",
        "text",
    ]
    assert (assistant["content"], assistant["tool_calls"][0]["id"]) == ("Yes", "c")
    kept = assistant["provider_specific_fields"]["output_items"]
    assert kept == [reasoning, said, picture, call]
    assert (tool["content"], other["content"]) == ('{"a":1}', [{"type": "text", "text": "x"}])
    assert "provider_specific_fields" not in plain


def test_generate_content_parameters() -> None:
    """Both spellings of every field are read; each is chat's parameter, or native."""
    asked = ask(
        generate_content,
        generation_config={
            "max_output_tokens": 5,
            "candidate_count": 2,
            "response_modalities": ["TEXT"],
            "speech_config": {"voice_config": {"prebuilt_voice_config": {"voice_name": "Kore"}}},
            "response_mime_type": "application/json",
            "response_schema": {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}},
            "thinking_config": {"thinking_budget": 100, "include_thoughts": True},
            "media_resolution": "LOW",
        },
        tools=[
            {"function_declarations": [{"name": "f", "parameters": {"type": "OBJECT"}}]},
            {"google_search": {}},
            {"codeExecution": {}},
        ],
        tool_config={
            "function_calling_config": {"mode": "ANY", "allowed_function_names": ["f"]},
            "more": 1,
        },
        labels={"a": "b"},
        serviceTier="STANDARD",
        safety_settings=[{"category": "X"}],
    )
    assert asked.params == {
        "max_completion_tokens": 5,
        "n": 2,
        "modalities": ["text"],
        "audio": {"voice": "Kore", "format": "pcm16"},
        "response_format": {
            "type": "json_schema",
            "json_schema": {
                "name": "answer",
                "schema": {"type": "object", "properties": {"a": {"type": "string"}}},
            },
        },
        "thinking": {"type": "enabled", "budget_tokens": 100},
        "tools": [
            {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}},
            {"codeExecution": {}},
        ],
        "web_search_options": {},
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "metadata": {"a": "b"},
        "service_tier": "default",
    }
    assert asked.native == {
        "generationConfig": {"mediaResolution": "LOW"},
        "toolConfig": {"more": 1},
        "safetySettings": [{"category": "X"}],
    }


@pytest.mark.parametrize(
    ("config", "params"),
    [
        ({"thinkingLevel": "HIGH"}, {"reasoning_effort": "high"}),
        ({"thinkingBudget": 0}, {"thinking": {"type": "disabled"}}),
        ({"thinkingBudget": -1}, {"thinking": {"type": "adaptive", "display": "omitted"}}),
        ({"includeThoughts": True}, {"thinking": {"type": "adaptive"}}),
        ({}, {}),
    ],
)
def test_generate_content_thinking(config: dict[str, Any], params: dict[str, Any]) -> None:
    """A level is an effort, a number a budget; what is hidden is asked to be hidden, or listed."""
    asked = ask(generate_content, generationConfig={"thinkingConfig": config})
    assert asked.params == params
    assert len(asked.adjustments) == ("thinkingLevel" in config)


@pytest.mark.parametrize(
    ("config", "params", "native"),
    [
        (
            {"responseMimeType": "application/json"},
            {"response_format": {"type": "json_object"}},
            {},
        ),
        ({"responseMimeType": "text/x.enum"}, {}, {"responseMimeType": "text/x.enum"}),
        ({"speechConfig": {"languageCode": "de"}}, {}, {"speechConfig": {"languageCode": "de"}}),
    ],
)
def test_generate_content_formats(
    config: dict[str, Any], params: dict[str, Any], native: dict[str, Any]
) -> None:
    """A type of answer that chat has no word for is native."""
    asked = ask(generate_content, generationConfig=config)
    assert asked.params == params
    assert asked.native == ({"generationConfig": native} if native else {})


@pytest.mark.parametrize(
    ("calling", "choice"),
    [
        ({"mode": "NONE"}, "none"),
        ({"mode": "ANY"}, "required"),
        ({"mode": "VALIDATED"}, "validated"),
        (
            {"mode": "ANY", "allowedFunctionNames": ["f", "g"]},
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "required",
                    "tools": [
                        {"type": "function", "function": {"name": "f"}},
                        {"type": "function", "function": {"name": "g"}},
                    ],
                },
            },
        ),
    ],
)
def test_generate_content_choices(calling: dict[str, Any], choice: Any) -> None:
    """Modes and names of functions are chat's choice of tools."""
    asked = ask(generate_content, toolConfig={"functionCallingConfig": calling})
    assert asked.params["tool_choice"] == choice


def test_generate_content_contents() -> None:
    """Turns, media, calls without ids and their results are chat's, with the native parts kept."""
    call = {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"}
    thought = {"text": "hm", "thought": True}
    image = {"inlineData": {"mimeType": "image/png", "data": "iVBO"}}
    contents = [
        {
            "parts": [
                {"text": "Hi"},
                image,
                {"inline_data": {"mime_type": "audio/wav", "data": "UklG"}},
                {"inlineData": {"mimeType": "application/pdf", "data": "JVBE", "displayName": "d"}},
                {
                    "inlineData": {"mimeType": "video/mp4", "data": "AAAA"},
                    "videoMetadata": {"fps": 1},
                },
                {"fileData": {"fileUri": "gs://b/a.png", "mimeType": "image/png"}},
            ]
        },
        {"role": "model", "parts": [thought, {"text": "Ok"}, image, call, call]},
        {
            "role": "function",
            "parts": [
                {"text": "so"},
                {"functionResponse": {"name": "f", "response": {"output": "sunny"}}},
                {
                    "functionResponse": {
                        "name": "f",
                        "response": {"output": "[1]"},
                        "parts": [image],
                    }
                },
            ],
        },
        {"role": "user", "parts": "And?"},
    ]
    asked = generate_content.read(
        {"contents": contents, "systemInstruction": {"parts": [{"text": "a"}, {"text": "b"}]}},
        model="models/gemini-x",
        stream=True,
    )
    system, user, assistant, so, first, second, last = asked.messages
    assert (asked.model, asked.stream, len(system["content"])) == ("gemini-x", True, 2)
    kinds = ["text", "image_url", "input_audio", "file", "video_url", "file"]
    assert [part["type"] for part in user["content"]] == kinds
    assert user["content"][4]["video_metadata"] == {"fps": 1}
    assert (assistant["content"], assistant["reasoning_content"]) == ("Ok", "hm")
    ids = [made["id"] for made in assistant["tool_calls"]]
    assert len(set(ids)) == 2
    assert assistant["images"]
    assert len(assistant["provider_specific_fields"]["parts"]) == 5
    assert (first["tool_call_id"], second["tool_call_id"]) == (ids[0], ids[1])
    assert (first["content"], second["content"][0]["text"]) == ("sunny", '{"output":"[1]"}')
    assert (so["content"][0]["text"], last["content"]) == ("so", "And?")
    assert generate_content.read({"contents": "x", "systemInstruction": "y"}).messages[0] == {
        "role": "system",
        "content": "y",
    }


def test_schemas_of_openapi() -> None:
    """OpenAPI's spelling of schemas becomes JSON Schema's, however it is written."""
    from llmkit.fronts.generate_content._schema import json_schema

    given = {
        "type": 6,
        "property_ordering": ["b", "a"],
        "properties": {
            "a": {"type": "STRING", "nullable": True, "example": "x", "max_length": "5"},
            "b": {"type": "ARRAY", "items": {"any_of": [{"type": "INTEGER"}, True]}},
        },
    }
    made = json_schema(given)
    assert [*made["properties"]] == ["b", "a"]
    assert made["type"] == "object"
    assert made["properties"]["a"] == {
        "type": ["string", "null"],
        "maxLength": 5,
        "examples": ["x"],
    }
    assert made["properties"]["b"] == {
        "type": "array",
        "items": {"anyOf": [{"type": "integer"}, True]},
    }


def test_riding() -> None:
    """What is packed comes back, in either alphabet; what is broken or foreign does not."""
    fields = {"provider_specific_fields": {"parts": ["?>~" * 9]}, "calls": {"c": {"s": 1}}}
    packed = pack(fields)
    assert is_packed(packed)
    assert unpack(packed) == unpack(packed.replace("+", "-").replace("/", "_")) == fields
    for foreign in (None, "gAAAA", packed[:-3] + "!!!", packed[:12], pack({})[:12] + "MQ=="):
        assert unpack(foreign) is None
    message: dict[str, Any] = {"tool_calls": [{"id": "c"}, {"id": "d"}]}
    merge(message, fields)
    assert message["tool_calls"] == [{"id": "c", "provider_specific_fields": {"s": 1}}, {"id": "d"}]
    assert message["provider_specific_fields"] == fields["provider_specific_fields"]
