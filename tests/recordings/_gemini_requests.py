"""A recorded generateContent request as the call in OpenAI's form that must send it, and both as comparable JSON.

Fields of the format have two spellings, several shapes that mean one thing, and defaults: ``canonical`` undoes them.
What OpenAI's form has no parameter for goes through ``extra_body``, as callers would write it. Nothing of llmkit.
"""

from __future__ import annotations

import json
import re
from typing import Any

Json = dict[str, Any]

# Below these the keys are somebody's own, not the format's.
OPAQUE = frozenset({
    "args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema", "labels",
})  # fmt: skip
ENUMS = frozenset({"thinkingLevel"})
CONFIG = {
    "temperature": "temperature", "topP": "top_p", "topK": "top_k", "candidateCount": "n",
    "maxOutputTokens": "max_tokens", "stopSequences": "stop", "seed": "seed",
    "presencePenalty": "presence_penalty", "frequencyPenalty": "frequency_penalty",
    "responseLogprobs": "logprobs", "logprobs": "top_logprobs",
}  # fmt: skip
SCHEMA = {"property_ordering": "propertyOrdering", "any_of": "anyOf"}
TYPES = {1: "STRING", 2: "NUMBER", 3: "INTEGER", 4: "BOOLEAN", 5: "ARRAY", 6: "OBJECT"}
CHOICES = {"AUTO": "auto", "NONE": "none", "VALIDATED": "validated"}


# --- one spelling ------------------------------------------------------------------------------


def canonical(body: Json) -> Json:
    """The body with one spelling for everything that has several, and without what is default."""
    made = _spelled(body)
    made.pop("model", None)
    made["contents"] = _contents(made["contents"])
    if "systemInstruction" in made:
        parts = _listed(made["systemInstruction"].get("parts") or [])
        made["systemInstruction"] = {"parts": [_part(part) for part in parts]}
    if "tools" in made:
        made["tools"] = _tools(made["tools"])
    config = made.get("generationConfig", {})
    if "responseSchema" in config:
        config["responseSchema"] = _schema(config["responseSchema"])
    if config.get("stopSequences") == []:
        del config["stopSequences"]
    return {
        name: value for name, value in made.items() if value not in ({}, [], None, {"parts": []})
    }


def _spelled(value: Any) -> Any:
    if isinstance(value, list):
        return [_spelled(item) for item in value]
    if not isinstance(value, dict):
        return value
    made = {}
    for key, inner in value.items():
        name = re.sub(r"_(\w)", lambda m: m.group(1).upper(), key)
        if inner is not None:
            made[name] = inner if name in OPAQUE else _spelled(inner)
        if name in ENUMS:
            made[name] = str(inner).lower()
    return made


def joined(body: Json) -> Json:
    """The body with a model's unsigned texts as one: some clients send a stream's pieces back one by one."""
    turns = []
    for content in body["contents"]:
        parts: list[Json] = []
        for part in content["parts"]:
            both = [p.keys() == {"text"} for p in (part, *parts[-1:])]
            if content["role"] == "model" and both == [True, True]:
                parts[-1] = {"text": parts[-1]["text"] + part["text"]}
            else:
                parts.append(part)
        turns.append({"role": content["role"], "parts": parts})
    return {**body, "contents": turns}


def _listed(parts: Any) -> list[Json]:
    return parts if isinstance(parts, list) else [parts]


def _contents(contents: Any) -> list[Json]:
    turns: list[Json] = []
    for content in _listed(contents):
        role, parts = content.get("role") or "user", _listed(content.get("parts") or [])
        parts = [_part(part) for part in parts]
        if turns and turns[-1]["role"] == role:
            turns[-1]["parts"] += parts
        else:
            turns.append({"role": role, "parts": parts})
    return turns


def _part(part: Json) -> Json:
    made = dict(part)
    if not made.get("thought"):
        made.pop("thought", None)
    if "thoughtSignature" in made:
        # Bytes have two alphabets.
        made["thoughtSignature"] = made["thoughtSignature"].translate(str.maketrans("-_", "+/"))
    if "functionCall" in made:
        made["functionCall"] = {"args": {}, **made["functionCall"]}
    return made


def _tools(tools: list[Json]) -> list[Json]:
    declared = [d for tool in tools for d in tool.get("functionDeclarations") or []]
    own = [{k: v} for tool in tools for k, v in tool.items() if k != "functionDeclarations"]
    made = [{"functionDeclarations": [_declaration(d) for d in declared]}] if declared else []
    return made + sorted(own, key=str)


def _declaration(declared: Json) -> Json:
    made = dict(declared)
    if "parameters" in made:
        made["parameters"] = _schema(made["parameters"])
        if not made["parameters"].get("properties"):
            # An object without properties is refused; it says the same as none.
            del made["parameters"]
    return made


def _schema(schema: Json) -> Json:
    """OpenAPI's subset: types are enums, which have one spelling in capitals."""
    made = {SCHEMA.get(k, k): v for k, v in schema.items()}
    if "type" in made:
        made["type"] = TYPES.get(made["type"], str(made["type"]).upper())
    if made.get("format") == "enum":
        del made["format"]
    if "properties" in made:
        made["properties"] = {k: _schema(v) for k, v in made["properties"].items()}
    if "items" in made:
        made["items"] = _schema(made["items"])
    if "anyOf" in made:
        made["anyOf"] = [_schema(v) for v in made["anyOf"]]
    return {k: v for k, v in made.items() if v is not None}


# --- as a call ---------------------------------------------------------------------------------


def uses_openapi(body: Json) -> bool:
    """Whether the request has schemas in OpenAPI's subset: then that is what llmkit is told to write."""
    declared = [
        d for tool in body.get("tools") or [] for d in tool.get("functionDeclarations") or []
    ]
    config = body.get("generationConfig") or {}
    return "responseSchema" in config or any("parameters" in d for d in declared)


def as_call(body: Json, model: str) -> Json:
    """The arguments of the call that must send this canonical body to this model."""
    rest = {k: v for k, v in body.items() if k not in ("contents", "systemInstruction", "tools")}
    made: Json = {"messages": [*_system(body), *as_messages(body["contents"])]}
    made |= _config(rest, model)
    if "tools" in body:
        made["tools"] = _as_tools(body["tools"])
    made |= _choice(rest)
    if "labels" in rest:
        made["metadata"] = rest.pop("labels")
    return made | ({"extra_body": rest} if rest else {})


def _system(body: Json) -> list[Json]:
    parts = (body.get("systemInstruction") or {}).get("parts") or []
    return [{"role": "system", "content": part["text"]} for part in parts]


def as_messages(contents: list[Json]) -> list[Json]:
    """Turns as messages; calls without ids get ids of ours, as llmkit's answers have."""
    messages: list[Json] = []
    open_calls: list[tuple[str, str]] = []
    for number, content in enumerate(contents):
        if content["role"] == "model":
            message = _assistant(content["parts"], number)
            messages.append(message)
            open_calls = [(c["function"]["name"], c["id"]) for c in message.get("tool_calls") or []]
        else:
            messages += _user(content, open_calls)
    return messages


def _assistant(parts: list[Json], number: int) -> Json:
    text = "".join(p["text"] for p in parts if "text" in p and not p.get("thought"))
    message: Json = {"role": "assistant", "content": text or None}
    calls = [part["functionCall"] for part in parts if "functionCall" in part]
    if calls:
        message["tool_calls"] = [
            _tool_call(c, f"call_noid_{number}_{i}") for i, c in enumerate(calls)
        ]
        for made, part in zip(
            message["tool_calls"], (p for p in parts if "functionCall" in p), strict=True
        ):
            if "thoughtSignature" in part:
                signature = {"thought_signature": part["thoughtSignature"]}
                made["provider_specific_fields"] = signature
    return message | ({} if _simple(parts) else {"provider_specific_fields": {"parts": parts}})


def _simple(parts: list[Json]) -> bool:
    """Whether a text and calls, signed or not, are all there is: OpenAI's form has places for them."""
    kinds = [min(part.keys() - {"thoughtSignature"}, default="") for part in parts]
    signed_text = any("thoughtSignature" in part and "text" in part for part in parts)
    return not signed_text and kinds in (
        ["text"], ["functionCall"] * len(kinds), ["text", *["functionCall"] * (len(kinds) - 1)],
    )  # fmt: skip


def _tool_call(call: Json, made: str) -> Json:
    function = {"name": call["name"], "arguments": json.dumps(call.get("args") or {})}
    return {"id": call.get("id") or made, "type": "function", "function": function}


def _user(content: Json, open_calls: list[tuple[str, str]]) -> list[Json]:
    messages: list[Json] = []
    for part in content["parts"]:
        if "functionResponse" in part:
            messages.append(_tool(part["functionResponse"], open_calls))
        elif messages and messages[-1]["role"] == "user":
            messages[-1]["content"].append(_user_part(part))
        else:
            messages.append({"role": content["role"], "content": [_user_part(part)]})
    return messages


def _tool(result: Json, open_calls: list[tuple[str, str]]) -> Json:
    found = next((pair for pair in open_calls if pair[0] == result["name"]), (None, None))
    if found in open_calls:
        open_calls.remove(found)  # type: ignore[arg-type]
    text = json.dumps(result["response"])
    content: Any = text
    if "parts" in result:
        content = [{"type": "text", "text": text}, *map(_user_part, result["parts"])]
    call_id = result.get("id") or found[1]
    return {"role": "tool", "tool_call_id": call_id, "name": result["name"], "content": content}


def _user_part(part: Json) -> Json:
    if "text" in part:
        return {"type": "text", "text": part["text"]}
    made: Json = {"type": "file"}
    if "inlineData" in part:
        kind, data = part["inlineData"]["mimeType"], part["inlineData"]["data"]
        url = f"data:{kind};base64,{data}"
        if kind.startswith("image/"):
            return {"type": "image_url", "image_url": {"url": url}}
        made["file"] = {"file_data": url}
    else:
        made["file"] = {
            "file_id": part["fileData"]["fileUri"],
            "format": part["fileData"]["mimeType"],
        }
    if "videoMetadata" in part:
        made["video_metadata"] = part["videoMetadata"]
    return made


def _config(rest: Json, model: str) -> Json:
    config = dict(rest.pop("generationConfig", {}))
    made = {CONFIG[name]: config.pop(name) for name in [*config] if name in CONFIG}
    if "responseModalities" in config:
        made["modalities"] = [kind.lower() for kind in config.pop("responseModalities")]
    made |= _format(config)
    made |= _thinking(config, model)
    if config:
        rest["generationConfig"] = config
    return made


def _format(config: Json) -> Json:
    if config.get("responseMimeType") != "application/json":
        return {}
    del config["responseMimeType"]
    schema = config.pop("responseJsonSchema", None) or config.pop("responseSchema", None)
    if schema is None:
        return {"response_format": {"type": "json_object"}}
    described = {"name": "answer", "schema": schema}
    return {"response_format": {"type": "json_schema", "json_schema": described}}


def _thinking(config: Json, model: str) -> Json:
    thinking = config.get("thinkingConfig") or {}
    shown, budget = thinking.get("includeThoughts"), thinking.get("thinkingBudget")
    if thinking.keys() == {"includeThoughts", "thinkingLevel"} and shown:
        level = config.pop("thinkingConfig")["thinkingLevel"]
        return {"reasoning_effort": level}
    if "2." not in model:
        # A budget for a model that takes levels is no parameter's, but may be the caller's own field.
        return {}
    if thinking == {"thinkingBudget": 0}:
        del config["thinkingConfig"]
        return {"thinking": {"type": "disabled"}}
    if thinking.keys() == {"includeThoughts", "thinkingBudget"} and shown and budget:
        del config["thinkingConfig"]
        return {"thinking": {"type": "enabled", "budget_tokens": budget}}
    return {}


def _as_tools(tools: list[Json]) -> list[Json]:
    made: list[Json] = []
    for tool in tools:
        declared = tool.get("functionDeclarations")
        made += [tool] if declared is None else [_as_tool(d) for d in declared]
    return made


def _as_tool(declared: Json) -> Json:
    function = {k: v for k, v in declared.items() if k in ("name", "description")}
    schema = declared.get("parametersJsonSchema") or declared.get("parameters")
    return {"type": "function", "function": function | ({"parameters": schema} if schema else {})}


def _choice(rest: Json) -> Json:
    config = dict((rest.get("toolConfig") or {}).get("functionCallingConfig") or {})
    names = config.get("allowedFunctionNames")
    if not config:
        return {}
    del rest["toolConfig"]["functionCallingConfig"]
    if not rest["toolConfig"]:
        del rest["toolConfig"]
    if names:
        return {"tool_choice": {"type": "function", "function": {"name": names[0]}}}
    return {"tool_choice": CHOICES.get(config["mode"], "required")}
