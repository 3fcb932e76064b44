"""What the simulated Gemini refuses: each refusal by its literal text, and no body that breaks the server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmkit.testing._answer import answer
from llmkit.testing._wires.gemini import Gemini
from llmkit.testing._wires.gemini._fields import ENUMS, SCALARS, fields_of

from ._gemini import (
    CLOCK,
    HELLO,
    KEY,
    TOKEN,
    VERTEX,
    WEATHER,
    ask,
    call,
    error,
    result,
    said,
    streamed,
)

BAD = "Invalid JSON payload received."
TYPES = "type.googleapis.com/google.ai.generativelanguage.v1beta."


def part(**fields: Any) -> dict[str, Any]:
    """A request with one part."""
    return {"contents": [{"parts": [fields]}]}


def config(**fields: Any) -> dict[str, Any]:
    """A request with a generation config."""
    return {**HELLO, "generationConfig": fields}


def tools(*functions: Any, **choice: Any) -> dict[str, Any]:
    """A request with functions and, if *choice* says anything, a function calling config."""
    chosen = {"toolConfig": {"functionCallingConfig": choice}} if choice else {}
    return {**HELLO, "tools": [{"functionDeclarations": list(functions)}], **chosen}


def schema(made: Any) -> dict[str, Any]:
    """A request for an answer in the form of a schema."""
    return config(responseMimeType="application/json", responseSchema=made)


# --- what is no message: the body, the path of the field, what is said about it ------------------

UNTYPED: list[tuple[Any, str, str]] = [
    ({**HELLO, "x": 1}, "", f'{BAD} Unknown name "x": Cannot find field.'),
    (
        config(maxTokens=1),
        "generation_config",
        f"{BAD} Unknown name \"maxTokens\" at 'generation_config': Cannot find field.",
    ),
    (
        part(text="a", cache_control={}),
        "contents[0].parts[0]",
        f"{BAD} Unknown name \"cache_control\" at 'contents[0].parts[0]': Cannot find field.",
    ),
    (
        part(inlineData={"mimeType": "image/png", "data": "YQ==", "displayName": "a"}),
        "contents[0].parts[0].inline_data",
        f"{BAD} Unknown name \"displayName\" at 'contents[0].parts[0].inline_data': Cannot find field.",
    ),
    (
        schema({"type": "OBJECT", "properties": {"a": {"$ref": "#"}}}),
        "generation_config.response_schema.properties[0].value",
        (
            f"{BAD} Unknown name \"$ref\" at 'generation_config.response_schema.properties[0].value': "
            "Cannot find field."
        ),
    ),
    (
        schema({"type": ["STRING", "NULL"]}),
        "generation_config.response_schema",
        (
            f"{BAD} Unknown name \"type\" at 'generation_config.response_schema': Proto field is not "
            "repeating, cannot start list."
        ),
    ),
    (
        {"contents": "hello"},
        "contents",
        f"Invalid value at 'contents' ({TYPES}Content), \"hello\"",
    ),
    (
        {"contents": [None]},
        "contents[0]",
        f"Invalid value at 'contents[0]' ({TYPES}Content), null",
    ),
    (
        part(text=5),
        "contents[0].parts[0].text",
        "Invalid value at 'contents[0].parts[0].text' (TYPE_STRING), 5",
    ),
    (
        part(text={"a": 1}),
        "contents[0].parts[0].text",
        (
            "Invalid value at 'contents[0].parts[0].text' (TYPE_STRING), Starting an object on a "
            "scalar field"
        ),
    ),
    (
        part(text="a", inlineData={}),
        "contents[0].parts[0]",
        (
            "Invalid value at 'contents[0].parts[0]' (oneof), oneof field 'data' is already set. "
            "Cannot set 'inlineData'"
        ),
    ),
    (
        part(inlineData={"mimeType": "image/png", "data": "no base64!"}),
        "contents[0].parts[0].inline_data.data",
        (
            "Invalid value at 'contents[0].parts[0].inline_data.data' (TYPE_BYTES), Base64 decoding "
            'failed for "no base64!"'
        ),
    ),
    (
        part(text="a", thoughtSignature="x"),
        "contents[0].parts[0].thought_signature",
        (
            "Invalid value at 'contents[0].parts[0].thought_signature' (TYPE_BYTES), Base64 decoding "
            'failed for "x"'
        ),
    ),
    (
        part(functionCall={"name": "a", "args": "{}"}),
        "contents[0].parts[0].function_call.args",
        (
            "Invalid value at 'contents[0].parts[0].function_call.args' "
            '(type.googleapis.com/google.protobuf.Struct), "{}"'
        ),
    ),
    *(
        (
            config(**{name: value}),
            f"generation_config.{path}",
            f"Invalid value at 'generation_config.{path}' ({kind}), {shown}",
        )
        for name, path, value, kind, shown in [
            ("temperature", "temperature", "warm", "TYPE_FLOAT", '"warm"'),
            ("temperature", "temperature", "Infinity", "TYPE_FLOAT", '"Infinity"'),
            ("temperature", "temperature", True, "TYPE_FLOAT", "true"),
            ("maxOutputTokens", "max_output_tokens", 1.5, "TYPE_INT32", "1.5"),
            ("max_output_tokens", "max_output_tokens", 2**31, "TYPE_INT32", "2147483648"),
            ("seed", "seed", 10**400, "TYPE_INT32", f"{10**400}"[:400]),
            ("responseLogprobs", "response_logprobs", 1, "TYPE_BOOL", "1"),
            ("responseLogprobs", "response_logprobs", "yes", "TYPE_BOOL", '"yes"'),
            ("mediaResolution", "media_resolution", "HUGE", f"{TYPES}MediaResolution", '"HUGE"'),
            ("mediaResolution", "media_resolution", 4, f"{TYPES}MediaResolution", "4"),
            ("mediaResolution", "media_resolution", True, f"{TYPES}MediaResolution", "true"),
        ]
    ),
    (
        schema({"type": "OBJECT", "properties": 5}),
        "generation_config.response_schema.properties",
        "Invalid value at 'generation_config.response_schema.properties' (Map), 5",
    ),
    (
        schema({"type": "STR"}),
        "generation_config.response_schema.type",
        f"Invalid value at 'generation_config.response_schema.type' ({TYPES}Type), \"STR\"",
    ),
    (
        config(thinkingConfig={"thinkingLevel": "extreme"}),
        "generation_config.thinking_config.thinking_level",
        (
            "Invalid value at 'generation_config.thinking_config.thinking_level' "
            f'({TYPES}ThinkingConfig.ThinkingLevel), "extreme"'
        ),
    ),
    ([HELLO], "", f'{BAD} Unknown name "": Root element must be a message.'),
    (b'{"contents": [', "", f'{BAD} Unexpected token.\n{{"contents": [\n^'),
    (b'{"contents": NaN}', "", f'{BAD} Unexpected token.\n{{"contents": NaN}}\n^'),
    (b"\xff", "", f"{BAD} Unexpected token.\n\N{REPLACEMENT CHARACTER}\n^"),
]


@pytest.mark.parametrize(("body", "field", "message"), UNTYPED)
def test_what_is_ill_typed(body: Any, field: str, message: str) -> None:
    """A 400 with the path in snake case, in words and in the details."""
    reply = ask(body)
    violation = {"field": field, "description": message} if field else {"description": message}
    assert reply.status == 400
    assert error(reply) == {
        "code": 400,
        "message": message,
        "status": "INVALID_ARGUMENT",
        "details": [
            {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}
        ],
    }


def test_all_violations_come_at_once() -> None:
    """One line and one detail for each."""
    found = error(ask({**HELLO, "x": 1, "y": 2}))
    assert found["message"].count("Cannot find field.") == 2
    assert len(found["details"][0]["fieldViolations"]) == 2


def test_vertex_names_its_own_messages() -> None:
    """Its types live in another package, and it has no field that only AI Studio has."""
    found = error(ask({"contents": 5}, base=VERTEX))
    assert "type.googleapis.com/google.cloud.aiplatform.v1.Content" in found["message"]


# --- what a validator finds: all of it, a line each ----------------------------------------------

NAME = (
    "Invalid function name. Must start with a letter or an underscore. Must be alphameric (a-z, A-Z, "
    "0-9), underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of 64."
)
FUNCTION = "tools[0].function_declarations[0]"
FORM = "generation_config.response_schema"
PARAMETERS = {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}}

INVALID: list[tuple[Any, list[str]]] = [
    (b"", ["contents: contents is not specified"]),
    ({"contents": []}, ["contents: contents is not specified"]),
    ({"contents": [{"role": "user"}]}, ["contents[0].parts: contents.parts must not be empty."]),
    (
        {"contents": [{"parts": [{}, {"thought": True}]}], "systemInstruction": {"parts": [{}]}},
        [
            f"{where}.data: required oneof field 'data' must have one initialized field"
            for where in (
                "contents[0].parts[0]",
                "contents[0].parts[1]",
                "system_instruction.parts[0]",
            )
        ],
    ),
    (
        part(inlineData={}),
        [
            "contents[0].parts[0].inline_data.mime_type: must be specified.",
            "contents[0].parts[0].inline_data.data: must not be empty.",
        ],
    ),
    (
        part(fileData={"mimeType": "a/b"}),
        ["contents[0].parts[0].file_data.file_uri: must be specified."],
    ),
    (
        {"contents": [said("go"), said(call(""), role="model"), said(result(""))]},
        [
            "contents[1].parts[0].function_call.name: Name cannot be empty.",
            "contents[2].parts[0].function_response.name: Name cannot be empty.",
        ],
    ),
    (tools({}), [f"{FUNCTION}.name: {NAME}"]),
    (tools({"name": "1st"}), [f"{FUNCTION}.name: {NAME}"]),
    (tools({"name": "a b"}), [f"{FUNCTION}.name: {NAME}"]),
    (tools({"name": "a" * 65}), [f"{FUNCTION}.name: {NAME}"]),
    (
        tools({"name": "a", "parameters": PARAMETERS, "parametersJsonSchema": {}}),
        [f"{FUNCTION}: parameters and parameters_json_schema must not both be set."],
    ),
    (
        tools({"name": "a", "parameters": {"type": "STRING"}}),
        [f"{FUNCTION}.parameters.type: must be OBJECT"],
    ),
    (
        tools({"name": "a", "parametersJsonSchema": [1]}),
        [f"{FUNCTION}.parameters_json_schema: must be a JSON schema object"],
    ),
    (
        tools({"name": "a", "parametersJsonSchema": {"properties": 1}}),
        [f"{FUNCTION}.parameters_json_schema: 1 is not valid under 'properties'"],
    ),
    (
        tools(
            {
                "name": "a",
                "parameters": {"type": "OBJECT", "properties": {"b": {"type": "OBJECT"}}},
            }
        ),
        [f"{FUNCTION}.parameters.properties[b].properties: should be non-empty for OBJECT type"],
    ),
    (
        tools({"name": "a", "parameters": {"type": "OBJECT", "required": ["b"]}}),
        [f"{FUNCTION}.parameters.required[0]: property is not defined"],
    ),
    (schema({"type": "ARRAY"}), [f"{FORM}.items: missing field."]),
    (
        schema({"type": "ARRAY", "items": {"type": "INTEGER", "enum": ["1"]}}),
        [f"{FORM}.items.enum: only allowed for STRING type"],
    ),
    (schema({"type": "STRING", "enum": ["a", ""]}), [f"{FORM}.enum[1]: cannot be empty"]),
    (
        schema({"anyOf": [{"type": "STRING", "format": "uri"}]}),
        [f"{FORM}.any_of[0].format: only 'enum' and 'date-time' are supported for STRING type"],
    ),
    (
        schema({"type": "STRING", "properties": {"a": {}}, "required": ["a"]}),
        [
            f"{FORM}.properties: only allowed for OBJECT type",
            f"{FORM}.required: only allowed for OBJECT type",
        ],
    ),
    (
        schema({"type": "OBJECT", "properties": {"a": {}}, "required": ["b"]}),
        [f"{FORM}.required[0]: property is not defined"],
    ),
    (
        config(responseSchema={"type": "STRING"}),
        [f"{FORM}: only allowed when response_mime_type is `application/json` or `text/x.enum`"],
    ),
    (
        config(responseJsonSchema={}, responseMimeType="text/plain"),
        [
            (
                "generation_config.response_json_schema: only allowed when response_mime_type is "
                "`application/json` or `text/x.enum`"
            )
        ],
    ),
    (
        config(
            responseMimeType="application/json", responseJsonSchema={}, responseSchema={"type": 1}
        ),
        [
            "generation_config: response_schema and response_json_schema must not both be set.",
        ],
    ),
    (
        config(responseMimeType="application/json", responseJsonSchema=5),
        ["generation_config.response_json_schema: must be a JSON schema object"],
    ),
    (
        config(responseMimeType="text/x.enum", responseJsonSchema=5),
        [
            "generation_config.response_schema.enum: should be non-empty for `text/x.enum`",
            "generation_config.response_json_schema: must be a JSON schema object",
        ],
    ),
    (
        config(responseMimeType="text/html"),
        [
            (
                "generation_config.response_mime_type: allowed mimetypes are `text/plain`, "
                "`application/json`, `application/xml`, `application/yaml` and `text/x.enum`."
            )
        ],
    ),
    (
        config(stopSequences=["a"] * 6),
        ["generation_config.stop_sequences: the number of stop_sequences must not exceed 5"],
    ),
    (
        config(stopSequences=["a", ""]),
        ["generation_config.stop_sequences[1]: must not be empty"],
    ),
    *(
        (config(**{name: value}), [f"generation_config.{path}: {path} must be {rule}"])
        for name, path, values, rule in [
            ("temperature", "temperature", (-0.1, 2.1), "in the range [0.0, 2.0]."),
            ("topP", "top_p", (-0.1, 1.1), "in the range [0.0, 1.0]."),
            ("topK", "top_k", (0, -1), "positive."),
            ("candidateCount", "candidate_count", (0, 9), "in the range [1, 8]."),
            ("maxOutputTokens", "max_output_tokens", (0, -5), "positive."),
            ("presencePenalty", "presence_penalty", (-2.1, 2.1), "in the range [-2.0, 2.0]."),
            ("frequencyPenalty", "frequency_penalty", (-2.1, 2.1), "in the range [-2.0, 2.0]."),
            ("logprobs", "logprobs", (-1, 21), "in the range [0, 20]."),
        ]
        for value in values
    ),
]


@pytest.mark.parametrize(("body", "faults"), INVALID)
def test_what_is_invalid(body: Any, faults: list[str]) -> None:
    """A 400 with a line for each fault, without details."""
    reply = ask(body)
    message = "".join(f"* GenerateContentRequest.{fault}\n" for fault in faults)
    expected = {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}
    assert (reply.status, error(reply)) == (400, expected)


@pytest.mark.parametrize(
    "body",
    [
        config(temperature=0, topP=1, topK=1, candidateCount=8, maxOutputTokens=1),
        config(temperature=2, presencePenalty=-2, frequencyPenalty=2, stopSequences=["a"] * 5),
        config(responseLogprobs=True, logprobs=20, seed=-(2**31)),
        tools({"name": "_a.b:c-1"}, {"name": "a" * 64}),
        tools({"name": "a", "parameters": {"type": "OBJECT", "properties": {}}}),
        tools(CLOCK, WEATHER, mode="VALIDATED", allowedFunctionNames=["get_time"]),
        config(thinkingConfig={"thinkingBudget": -1}),
        config(responseModalities=["TEXT", "MODALITY_UNSPECIFIED"]),
        {**HELLO, "tools": [{"googleSearch": {}}, {"codeExecution": {}}]},
    ],
)
def test_what_is_just_allowed(body: dict[str, Any]) -> None:
    """Bounds are part of their range, and the tools that Google runs itself may be there."""
    assert ask(body).status == 200


# --- what only a whole request shows -------------------------------------------------------------

TURN = (
    "Please ensure that function response turn comes immediately after a function call turn.",
    (
        "Please ensure that the number of function response parts is equal to the number of function "
        "call parts of the function call turn."
    ),
    (
        "Please ensure that function call turn comes immediately after a user turn or after a function "
        "response turn."
    ),
)


def turns(*contents: Any, **more: Any) -> dict[str, Any]:
    """A request with *contents*."""
    return {"contents": list(contents), **more}


def unsigned(position: int) -> str:
    """What is said about a call without its signature."""
    return (
        "Function call is missing a thought_signature in functionCall parts. This is required for "
        "tools to work correctly, and missing thought_signature may lead to degraded model "
        f"performance. Additional data, function call `default_api:get_time` , position {position}. "
        "Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures for more details."
    )


BARE = said(call(signed=False), role="model")
REFUSED: list[tuple[str, Any, str]] = [
    ("m", turns(said("a", role="assistant")), "Please use a valid role: user, model."),
    ("m", turns(said("a", role="function")), "Please use a valid role: user, model."),
    ("m", turns(said(result())), TURN[0]),
    ("m", turns(said("a"), said("b", role="model"), said(result())), TURN[0]),
    ("m", turns(said("a"), BARE, said("b"), said("c", role="model"), said(result())), TURN[0]),
    ("m", turns(said("a"), BARE, said(result(), result())), TURN[1]),
    ("m", turns(said("a"), said(call(), call(), role="model"), said(result())), TURN[1]),
    ("m", turns(BARE, said(result())), TURN[2]),
    ("gemini-3-pro", turns(said("a"), BARE, said(result())), unsigned(2)),
    (
        "gemini-3-pro",
        turns(said("a"), said(call(), role="model"), said(result()), BARE, said(result())),
        unsigned(4),
    ),
    ("m", tools(CLOCK, CLOCK), "Duplicate function declaration found: get_time"),
    (
        "m",
        {**HELLO, "toolConfig": {"functionCallingConfig": {"mode": "ANY"}}},
        "Function calling config is set without function_declarations.",
    ),
    (
        "m",
        tools(CLOCK, mode="AUTO", allowedFunctionNames=["get_time"]),
        "allowed_function_names may be set only with mode ANY or VALIDATED.",
    ),
    (
        "m",
        tools(CLOCK, mode="ANY", allowedFunctionNames=["get_time", "other"]),
        "allowed_function_names has names without a declaration: other.",
    ),
    (
        "m",
        {**HELLO, "tools": [{"functionDeclarations": [CLOCK]}, {"googleSearch": {}}]},
        (
            "Please enable tool_config.include_server_side_tool_invocations to use Built-in tools with "
            "Function calling."
        ),
    ),
    (
        "gemini-2.5-flash",
        {**tools(CLOCK), "generationConfig": {"responseMimeType": "application/json"}},
        "Function calling with a response mime type: 'application/json' is unsupported",
    ),
    ("m", config(logprobs=3), "Logprobs is set but response_logprobs is not enabled."),
    (
        "m",
        config(responseModalities=["TEXT", "IMAGE"]),
        (
            "The requested combination of response modalities (TEXT, IMAGE) is not supported by the "
            "model. models/m accepts the following combination of response modalities:\n* TEXT\n"
        ),
    ),
    (
        "m",
        config(thinkingConfig={"thinkingBudget": 1, "thinkingLevel": "LOW"}),
        "You can only set only one of thinking budget and thinking level.",
    ),
    (
        "gemini-2.5-pro",
        config(thinkingConfig={"thinkingLevel": "LOW"}),
        "Thinking level is not supported for this model.",
    ),
    (
        "gemini-2.5-pro",
        config(thinkingConfig={"thinkingBudget": 0}),
        "Budget 0 is invalid. This model only works in thinking mode.",
    ),
    *(
        (
            model,
            config(thinkingConfig={"thinkingBudget": budget}),
            f"The thinking budget {budget} is invalid. Please choose a value between {bounds}.",
        )
        for model, budget, bounds in [
            ("gemini-2.5-pro", 127, "128 and 32768"),
            ("gemini-2.5-flash", 24577, "1 and 24576"),
            ("gemini-2.5-flash-lite", 511, "512 and 24576"),
            ("m", -2, "1 and 2147483648"),
        ]
    ),
]


@pytest.mark.parametrize(("model", "body", "message"), REFUSED)
def test_what_does_not_go_together(model: str, body: Any, message: str) -> None:
    """A 400 that says one thing."""
    reply = ask(body, model)
    expected = {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}
    assert (reply.status, error(reply)) == (400, expected)


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (
            "gemini-3-pro",
            turns(said("a"), BARE, said(result()), said("b", role="model"), said("c")),
        ),
        ("gemini-3-pro", turns(said("a"), said(call(), call(signed=False), role="model"))),
        ("gemini-2.5-pro", turns(said("a"), BARE, said(result()))),
        ("gemini-3-pro", {**tools(CLOCK), "generationConfig": {"responseMimeType": "text/x.enum"}}),
        (
            "m",
            {
                **HELLO,
                "tools": [{"functionDeclarations": [CLOCK], "googleSearch": {}}],
                "toolConfig": {"includeServerSideToolInvocations": True},
            },
        ),
    ],
)
def test_what_does_go_together(model: str, body: dict[str, Any]) -> None:
    """Signatures of earlier turns, of a turn's later calls and of older models are not asked for."""
    message = error(ask(body, model))["message"] if ask(body, model).status != 200 else ""
    assert "should be non-empty for `text/x.enum`" in message or not message


def test_caches_are_not_there() -> None:
    """There is nothing that could have been put into one."""
    found = error(ask({**HELLO, "cachedContent": "cachedContents/a"}))
    assert (found["code"], found["status"]) == (403, "PERMISSION_DENIED")


@pytest.mark.parametrize(
    ("name", "value", "bounds"),
    [
        ("temperature", 1000, "0 (inclusive) to 2.0001 (exclusive)"),
        ("topP", 2, "0 (inclusive) to 1.0001 (exclusive)"),
        ("candidateCount", 9, "1 (inclusive) to 9 (exclusive)"),
        ("maxOutputTokens", 65537, "1 (inclusive) to 65537 (exclusive)"),
        ("stopSequences", ["a"] * 6, "1 (inclusive) to 6 (exclusive)"),
    ],
)
def test_vertex_names_its_bounds(name: str, value: Any, bounds: str) -> None:
    """Its words for what is out of range differ, and come for one field."""
    shown = len(value) if isinstance(value, list) else value
    assert error(ask(config(**{name: value}), base=VERTEX))["message"] == (
        f"Unable to submit request because it has a {name} value of {shown} but the supported range "
        f"is from {bounds}. Update the value and try again."
    )


@pytest.mark.parametrize(
    "body",
    [
        config(temperature=2, topP=1, candidateCount=8, maxOutputTokens=65536),
        config(stopSequences=["a"] * 5),
        {**HELLO, "tools": [{"functionDeclarations": [CLOCK]}, {"googleSearch": {}}]},
    ],
)
def test_what_is_just_allowed_on_vertex(body: dict[str, Any]) -> None:
    """The bound itself is not beyond it; and there is no flag for Google's tools beside functions."""
    assert ask(body, base=VERTEX).status == 200


def test_a_count_is_checked_too() -> None:
    """A request to count is refused for what it holds, under its own name."""
    assert error(ask({}, method="countTokens"))["message"] == (
        "* CountTokensRequest.contents: contents is not specified\n"
    )
    inner = {"generateContentRequest": {"contents": [{"parts": [{}]}]}}
    assert "parts[0].data" in error(ask(inner, method="countTokens"))["message"]


# --- keys, models, paths -------------------------------------------------------------------------


def knock(
    path: str, headers: Mapping[str, str], method: str = "POST", body: Any = HELLO
) -> tuple[int, Any]:
    """Status and error of one request; the error is None where there is none."""
    reply = Gemini().reply(method, path, headers, json.dumps(body).encode(), answer)
    found = json.loads(reply.body or b"{}")
    return reply.status, found.get("error") if isinstance(found, dict) else found


STUDIO = "/v1beta/models/m:generateContent"
EXPRESS = "/v1/publishers/google/models/m:generateContent"
INVALID_KEY = {"x-goog-api-key": "in" + "valid"}
INVALID_TOKEN = {"authorization": "Bearer in" + "valid"}


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (STUDIO, KEY),
        (f"{STUDIO}?key=a", {}),
        (STUDIO, TOKEN),
        ("/v1/models/m:generateContent", KEY),
        ("/v1beta/tunedModels/m:generateContent", KEY),
        (f"{VERTEX}/models/m:generateContent", TOKEN),
        (EXPRESS, KEY),
        (f"{VERTEX}/models/m:generateContent?$alt=json;enum-encoding%3Dint", {**TOKEN, **KEY}),
    ],
)
def test_who_is_let_in(path: str, headers: dict[str, str]) -> None:
    """A key for AI Studio, in a header or the address; a token for Vertex AI, or a key without a project."""
    assert knock(path, headers) == (200, None)


@pytest.mark.parametrize(
    ("path", "headers", "status", "name", "reason"),
    [
        (STUDIO, {}, 403, "PERMISSION_DENIED", None),
        (STUDIO, {"authorization": "Basic a"}, 403, "PERMISSION_DENIED", None),
        (STUDIO, INVALID_KEY, 400, "INVALID_ARGUMENT", "API_KEY_INVALID"),
        (f"{STUDIO}?key=invalid", {}, 400, "INVALID_ARGUMENT", "API_KEY_INVALID"),
        (STUDIO, INVALID_TOKEN, 401, "UNAUTHENTICATED", "ACCESS_TOKEN_TYPE_UNSUPPORTED"),
        (
            f"{VERTEX}/models/m:generateContent",
            {},
            401,
            "UNAUTHENTICATED",
            "CREDENTIALS_MISSING",
        ),
        (
            f"{VERTEX}/models/m:generateContent",
            KEY,
            401,
            "UNAUTHENTICATED",
            "CREDENTIALS_MISSING",
        ),
        (
            f"{VERTEX}/models/m:generateContent",
            INVALID_TOKEN,
            401,
            "UNAUTHENTICATED",
            "ACCESS_TOKEN_TYPE_UNSUPPORTED",
        ),
        (EXPRESS, INVALID_KEY, 400, "INVALID_ARGUMENT", "API_KEY_INVALID"),
    ],
)
def test_who_is_not(
    path: str, headers: dict[str, str], status: int, name: str, reason: str | None
) -> None:
    """Each in its own way, with the reason as a word where the real API gives one."""
    given_status, found = knock(path, headers)
    assert (given_status, found["status"]) == (status, name)
    assert found.get("details", [{}])[0].get("reason") == reason


def test_the_words_for_a_missing_and_a_wrong_key() -> None:
    """They are the real API's; a wrong key is not repeated."""
    assert knock(STUDIO, {})[1]["message"] == (
        "Method doesn't allow unregistered callers (callers without established identity). Please use "
        "API Key or other form of API consumer identity to call this API."
    )
    message = "API key not valid. Please pass a valid API key."
    assert knock(STUDIO, INVALID_KEY)[1] == {
        "code": 400,
        "message": message,
        "status": "INVALID_ARGUMENT",
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "API_KEY_INVALID",
                "domain": "googleapis.com",
                "metadata": {"service": "generativelanguage.googleapis.com"},
            },
            {
                "@type": "type.googleapis.com/google.rpc.LocalizedMessage",
                "locale": "en-US",
                "message": message,
            },
        ],
    }


@pytest.mark.parametrize(
    ("method", "path", "headers", "message"),
    [
        (
            "POST",
            "/v1beta/models/missing-model:generateContent",
            KEY,
            (
                "models/missing-model is not found for API version v1beta, or is not supported for "
                "generateContent. Call ListModels to see the list of available models and their "
                "supported methods."
            ),
        ),
        (
            "POST",
            "/v1/models/m:embedContent",
            KEY,
            (
                "models/m is not found for API version v1, or is not supported for embedContent. Call "
                "ListModels to see the list of available models and their supported methods."
            ),
        ),
        (
            "POST",
            f"{VERTEX}/models/missing-model:countTokens",
            TOKEN,
            (
                "Publisher Model `projects/p/locations/l/publishers/google/models/missing-model` not "
                "found."
            ),
        ),
        ("GET", STUDIO, KEY, f"Not Found: GET {STUDIO}"),
        ("POST", "/v1beta/models/m", KEY, "Not Found: POST /v1beta/models/m"),
        ("POST", "/v1beta/files", KEY, "Not Found: POST /v1beta/files"),
    ],
)
def test_what_is_not_there(method: str, path: str, headers: dict[str, str], message: str) -> None:
    """A 404 in the host's words."""
    status, found = knock(path, headers, method)
    assert (status, found["status"], found["message"]) == (404, "NOT_FOUND", message)


@pytest.mark.parametrize(
    ("path", "headers"),
    [("/v1beta/models/missing-model", KEY), (f"{VERTEX}/models/m", TOKEN)],
)
def test_a_model_that_is_not_there(path: str, headers: dict[str, str]) -> None:
    """Nor has it a description; Vertex AI has none of any in this way."""
    assert knock(path, headers, "GET")[0] == 404


def test_a_quota_that_is_used_up() -> None:
    """AI Studio says which one and how long to wait; Vertex AI says neither."""
    status, found = knock("/v1beta/models/rate-limited:generateContent", KEY)
    kinds = [detail["@type"].rpartition(".")[2] for detail in found["details"]]
    assert (status, found["status"], kinds) == (
        429,
        "RESOURCE_EXHAUSTED",
        ["QuotaFailure", "RetryInfo"],
    )
    assert found["details"][0]["violations"][0]["quotaDimensions"]["model"] == "rate-limited"
    assert found["details"][1]["retryDelay"] == "1s"
    assert "retry in 1s" in found["message"]
    assert "details" not in knock(f"{VERTEX}/models/rate-limited:generateContent", TOKEN)[1]


def test_a_query_that_is_not_known() -> None:
    """Google binds each parameter of an address to a field or refuses it."""
    status, found = knock(f"{STUDIO}?stream=true", KEY)
    assert (status, found["message"]) == (
        400,
        (
            f"{BAD} Unknown name \"stream\": Cannot bind query parameter. Field 'stream' could not be "
            "found in request message."
        ),
    )


def test_a_refused_stream() -> None:
    """It is refused in one piece: as an item of an array, or with the type of events and no event."""
    listed = ask({}, method="streamGenerateContent")
    assert json.loads(listed.body)[0]["error"]["code"] == 400
    plain = ask({}, method="streamGenerateContent?alt=sse")
    assert error(plain)["code"] == 400
    assert plain.headers["Content-Type"] == "text/event-stream"
    assert not plain.frames


def test_a_body_that_is_nested_too_deeply() -> None:
    """It is refused before anything walks through it, however deep it is."""
    for depth in (99, 500, 100_000):
        value = "[" * depth + "]" * depth
        body = f'{{"contents": {value}}}'.encode()
        assert ask(body).status == 400
    deep = ask(b'{"contents": %b}' % (b"[" * 150 + b"]" * 150))
    assert "Message too deep" in error(deep)["message"]


# --- anything at all -----------------------------------------------------------------------------

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
SAMPLES: dict[str, st.SearchStrategy[Any]] = {
    "any": ANY,
    "bool": st.booleans(),
    "bytes": st.sampled_from(["Zm9v", ""]),
    "double": st.floats(-3, 3),
    "float": st.floats(0, 1),
    "int32": st.integers(-2, 9),
    "int64": st.integers(-2, 9),
    "string": st.sampled_from(["user", "model", "a", "application/json", "a b", ""]),
    "struct": st.dictionaries(st.text(max_size=3), ANY, max_size=2),
}


def message(kind: str, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values of *kind*, mostly well typed; a message's fields come and go."""
    if kind in SCALARS:
        return SAMPLES[kind] | SAMPLES[kind] | ANY
    if kind in ENUMS:
        return st.sampled_from(ENUMS[kind])
    fields = fields_of(kind, vertex=False) or {}
    if depth > 6 or not fields:
        return st.just({})
    made = {name: field(*kind_, depth) for name, kind_ in fields.items()}
    return st.fixed_dictionaries({}, optional=made)


def field(kind: str, repeated: bool, mapped: bool, depth: int) -> st.SearchStrategy[Any]:  # noqa: FBT001
    """Values of one field."""
    one = st.deferred(lambda: message(kind, depth + 1))
    if repeated:
        return st.lists(one, max_size=2)
    return st.dictionaries(st.sampled_from("ab"), one, max_size=2) if mapped else one


NEARLY = st.builds(
    lambda request, more: {**more, **request},
    st.fixed_dictionaries(
        {"contents": st.just(HELLO["contents"]) | st.lists(message("Content"), max_size=3)},
        optional={"generationConfig": message("GenerationConfig", 4)},
    ),
    message("GenerateContentRequest", 4),
)
METHODS = ["generateContent", "streamGenerateContent", "countTokens"]


@settings(max_examples=150, deadline=None)
@given(
    body=ANY | NEARLY | st.binary(max_size=20),
    model=st.sampled_from(["m", "gemini-3-m", "gemini-2.5-pro"]),
    method=st.sampled_from(METHODS),
)
def test_no_body_breaks_it(body: Any, model: str, method: str) -> None:
    """Whatever comes, a well-formed answer goes, and a refusal has a message."""
    reply = ask(body, model, method)
    found = json.loads(reply.body or b"".join(reply.frames))
    if reply.status != 200:
        refused = (found[0] if isinstance(found, list) else found)["error"]
        assert refused["code"] == reply.status
        assert refused["message"]


@settings(max_examples=60, deadline=None)
@given(body=NEARLY, model=st.sampled_from(["m", "gemini-3-m"]))
def test_a_stream_and_its_whole_agree_whatever_is_asked(body: Any, model: str) -> None:
    """Where the one is refused the other is, and both cost the same."""
    reply = ask(body, model)
    if reply.status != 200:
        assert ask(body, model, "streamGenerateContent").status == reply.status
        return
    usage = json.loads(reply.body)["usageMetadata"]
    assert streamed(body, model)[-1]["usageMetadata"] == usage
