"""What a Converse request may hold: a table of shapes, and the rules that no table can say.

The shapes are those of the service model of bedrock-runtime in botocore 1.44.5, read 2026-11-22; fields that it does
not have are refused here, so that a test notices them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ._refusal import invalid

__all__ = ["check"]

Body = Mapping[str, Any]
# Shape -> its members and their shapes. A list's shape is in brackets; in a union (a name with "|" before it)
# exactly one member stands. Small words are JSON's own types.
_SHAPES: Final[Mapping[str, Mapping[str, str]]] = {
    "Request": {
        "messages": "[Message]", "system": "[|System]", "inferenceConfig": "Inference", "toolConfig": "Tools",
        "guardrailConfig": "object", "additionalModelRequestFields": "any", "promptVariables": "object",
        "additionalModelResponseFieldPaths": "[string]", "requestMetadata": "object",
        "performanceConfig": "object", "serviceTier": "object", "outputConfig": "Output",
    },
    "Message": {"role": "string", "content": "[|Block]"},
    "|Block": {
        "text": "string", "image": "Media", "document": "Document", "video": "Media", "audio": "Media",
        "toolUse": "Use", "toolResult": "Result", "guardContent": "object", "cachePoint": "Point",
        "reasoningContent": "|Reasoning", "citationsContent": "object", "searchResult": "object",
        "toolAddition": "object", "toolRemoval": "object",
    },
    "|System": {"text": "string", "guardContent": "object", "cachePoint": "Point"},
    "Media": {"format": "string", "source": "|Source", "error": "object"},
    "|Source": {"bytes": "string", "s3Location": "object", "text": "string", "content": "[object]"},
    "Document": {
        "format": "string", "name": "string", "source": "|Source", "context": "string", "citations": "object"
    },
    "Use": {"toolUseId": "string", "name": "string", "input": "any", "type": "string"},
    "Result": {"toolUseId": "string", "content": "[|Part]", "status": "string", "type": "string"},
    "|Part": {
        "json": "any", "text": "string", "image": "Media", "document": "Document", "video": "Media",
        "searchResult": "object",
    },
    "Point": {"type": "string", "ttl": "string"},
    "|Reasoning": {"reasoningText": "Thought", "redactedContent": "string"},
    "Thought": {"text": "string", "signature": "string"},
    "Inference": {
        "maxTokens": "number", "temperature": "number", "topP": "number", "stopSequences": "[string]"
    },
    "Tools": {"tools": "[|Tool]", "toolChoice": "|Choice"},
    "|Tool": {"toolSpec": "Spec", "systemTool": "object", "cachePoint": "Point"},
    "Spec": {"name": "string", "description": "string", "inputSchema": "|Schema", "strict": "bool"},
    "|Schema": {"json": "object"},
    "|Choice": {"auto": "object", "any": "object", "tool": "object"},
    "Output": {"textFormat": "object", "effort": "string"},
}  # fmt: skip
_REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "Request": ("messages",),
    "Message": ("role", "content"),
    "Media": ("format", "source"),
    "Document": ("name", "source"),
    "Use": ("toolUseId", "name", "input"),
    "Result": ("toolUseId", "content"),
    "Point": ("type",),
    "Thought": ("text",),
    "Tools": ("tools",),
    "Spec": ("name", "inputSchema"),
}
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "number": (int, float),
    "bool": (bool,),
    "object": (dict,),
    "any": (object,),
}


def check(body: Body) -> None:
    """Let *body* pass, or raise a `Refusal`."""
    _check("", "Request", body)
    if not body["messages"] or body["messages"][0]["role"] != "user":
        raise invalid("A conversation must start with a user message. Try again with one.")
    _check_turns(body)
    _check_tools(body)


def _check(path: str, shape: str, value: Any) -> None:
    if shape.startswith("["):
        _check_list(path, shape[1:-1], value)
    elif shape in _TYPES:
        _check_type(path, shape, value)
    else:
        _check_structure(path, shape, value)


def _check_list(path: str, shape: str, value: Any) -> None:
    if not isinstance(value, list):
        raise invalid(f"{path} must be a list")
    for i, item in enumerate(value):
        _check(f"{path}.{i}", shape, item)


def _check_type(path: str, shape: str, value: Any) -> None:
    wrong = shape == "number" and isinstance(value, bool)
    if wrong or not isinstance(value, _TYPES[shape]):
        raise invalid(f"{path} must be of the type {shape}")


def _check_structure(path: str, shape: str, value: Any) -> None:
    members = _SHAPES[shape]
    if not isinstance(value, dict):
        raise invalid(f"{path or 'the body'} must be an object")
    if unknown := value.keys() - members.keys():
        raise invalid(f"{path}: unknown member {min(unknown)!r}")
    if missing := [name for name in _REQUIRED.get(shape, ()) if name not in value]:
        raise invalid(f"{path}.{missing[0]} is required")
    if shape.startswith("|") and len(value) != 1:
        raise invalid(f"{path} must have exactly one member of {', '.join(sorted(members))}")
    for name, inner in value.items():
        _check(f"{path}.{name}".lstrip("."), members[name], inner)


def _check_turns(body: Body) -> None:
    called: set[str] = set()
    for i, turn in enumerate(body["messages"]):
        if turn["role"] not in ("user", "assistant", "system"):
            raise invalid(f"messages.{i}.role must be user, assistant or system")
        if not turn["content"]:
            raise invalid(f"The content field in the Message object at messages.{i} is empty.")
        _check_results(i, turn, called)
        called |= {block["toolUse"]["toolUseId"] for block in turn["content"] if "toolUse" in block}


def _check_results(i: int, turn: Body, called: set[str]) -> None:
    for j, block in enumerate(turn["content"]):
        if block.get("text") == "":
            place = f"messages.{i}.content.{j}"
            raise invalid(f"The text field in the ContentBlock object at {place} is blank.")
        result = block.get("toolResult")
        if result is not None and result["toolUseId"] not in called:
            raise invalid(
                f"messages.{i}.content.{j}: no toolUse has the id {result['toolUseId']!r}"
            )


def _check_tools(body: Body) -> None:
    used = any("toolUse" in block for turn in body["messages"] for block in turn["content"])
    if used and "toolConfig" not in body:
        raise invalid(
            "The toolConfig field must be defined when using toolUse and toolResult content blocks."
        )
    if "toolConfig" in body and not body["toolConfig"]["tools"]:
        raise invalid("toolConfig.tools must have at least one tool")
