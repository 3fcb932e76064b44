"""A checked Gemini request, read into what it asks for, and its prompt tokens by modality."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from ..._asked import Asked, Offered, fingerprint
from ..._tokens import split
from ._check_schema import json_schema
from ._check_tools import declared
from ._parse import Message

__all__ = ["asked", "modalities"]

Mode = Literal["none", "auto", "required"]
_MODES: Final[Mapping[str, Mode]] = {"ANY": "required", "NONE": "none"}
# The first half of a MIME type -> what the answer calls it, its modality, and its flat count of tokens.
_MEDIA: Final[Mapping[str, tuple[str, str, int]]] = {
    "image": ("image", "IMAGE", 258),
    "audio": ("audio clip", "AUDIO", 32),
    "video": ("video", "VIDEO", 263),
}
_FILE: Final = ("file", "DOCUMENT", 258)
_PER_CONTENT: Final = 3
# Names of models that think unless they are told not to; a lite one waits to be told.
_THINKING: Final = ("reason", "gemini-2.5", "gemini-3")
# Text in these is no prompt: it is bytes, or says what they are.
_SILENT: Final = frozenset({"data", "mimeType", "thoughtSignature", "role", "type"})
# A result's only member is shown bare where it has a name that says no more than that.
_BARE: Final = frozenset({"output", "result"})


def asked(request: Message, model: str) -> Asked:
    """What *request*, which `check` let pass, asks of *model*."""
    contents, config = request["contents"], request.get("generationConfig", {})
    said = next((c for c in reversed(contents) if _is_said(c)), contents[-1])
    tools, mode = _offered(request)
    wants, schema = _wanted(config)
    return Asked(
        model=model,
        digest=fingerprint(request, model),
        prompt_tokens=sum(modalities(request).values()),
        text="\n".join(_texts(said)),
        attached=tuple(_kind(part)[0] for part in said["parts"] if _mime(part) is not None),
        result="\n".join(_results(contents[-1])) or None,
        offered=tools,
        mode=mode,
        wants=wants,
        schema=schema,
        reasons=_thinks(config.get("thinkingConfig", {}), model),
        count=config.get("candidateCount", 1),
        stops=tuple(config.get("stopSequences", ())),
        limit=config.get("maxOutputTokens"),
    )


def _is_said(content: Message) -> bool:
    return content.get("role") != "model" and not any(_results(content))


def _texts(content: Message) -> Iterator[str]:
    return (part["text"] for part in content["parts"] if "text" in part)


def _results(content: Message) -> Iterator[str]:
    for part in content["parts"]:
        if "functionResponse" in part:
            yield _shown(part["functionResponse"].get("response", {}))


def _shown(response: Mapping[str, Any]) -> str:
    """A result as text: a bare member alone, anything else as JSON."""
    only = next(iter(response.values())) if _BARE.issuperset(response) and response else response
    return only if isinstance(only, str) and only else json.dumps(only, ensure_ascii=False)


def _mime(part: Message) -> str | None:
    """The MIME type of what *part* attaches, which a file need not state; None if it attaches nothing."""
    media = part.get("inlineData") or part.get("fileData")
    return None if media is None else str(media.get("mimeType", ""))


def _kind(part: Message) -> tuple[str, str, int]:
    return _MEDIA.get((_mime(part) or "").partition("/")[0], _FILE)


def _offered(request: Message) -> tuple[Sequence[Offered], Mode]:
    """The functions that the choice leaves, and its mode."""
    config = request.get("toolConfig", {}).get("functionCallingConfig", {})
    allowed = config.get("allowedFunctionNames") or [each["name"] for each in declared(request)]
    left = [each for each in declared(request) if each["name"] in allowed]
    return tuple(map(_tool, left)), _MODES.get(config.get("mode", ""), "auto")


def _tool(function: Message) -> Offered:
    if "parameters" in function:
        return Offered(function["name"], schema=json_schema(function["parameters"]))
    return Offered(function["name"], schema=function.get("parametersJsonSchema"))


def _wanted(config: Message) -> tuple[Literal["text", "object", "schema"], Any]:
    if "responseSchema" in config:
        return "schema", json_schema(config["responseSchema"])
    if "responseJsonSchema" in config:
        return "schema", config["responseJsonSchema"]
    return ("object" if config.get("responseMimeType") == "application/json" else "text"), None


def _thinks(thinking: Message, model: str) -> bool:
    if thinking.get("thinkingBudget") is not None:
        return bool(thinking["thinkingBudget"] != 0)
    own = any(name in model for name in _THINKING) and "flash-lite" not in model
    return own or "thinkingLevel" in thinking or bool(thinking.get("includeThoughts"))


def modalities(request: Message) -> dict[str, int]:
    """The prompt tokens of *request* by modality: text first, then only what there is.

    Three for each content, every text in it, a flat number for each medium, the tools' declarations.
    """
    contents = [*request.get("contents", ()), *filter(None, [request.get("systemInstruction")])]
    counts = {"TEXT": _PER_CONTENT * len(contents)}
    for part in (part for content in contents for part in content.get("parts", ())):
        _, modality, flat = _kind(part) if _mime(part) is not None else ("", "TEXT", _words(part))
        counts[modality] = counts.get(modality, 0) + flat
    counts["TEXT"] += _words(request.get("tools", []))
    return counts


def _words(value: Any) -> int:
    """The tokens of every text in *value*, but for those that are bytes."""
    if isinstance(value, str):
        return len(split(value))
    if isinstance(value, Mapping):
        return sum(_words(inner) for name, inner in value.items() if name not in _SILENT)
    return sum(map(_words, value)) if isinstance(value, list) else 0
