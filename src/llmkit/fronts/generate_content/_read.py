"""A generateContent request in the internal form. The model and the kind of answer are in its address, not in its body.

Source: ``GenerateContentRequest`` of the v1beta reference, https://ai.google.dev/api/generate-content, read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..._call import Adjustment
from .. import Asked
from .._checks import invalid, listed, mapping
from ._contents import Messages
from ._names import camel
from ._schema import json_schema

__all__ = ["read"]

Json = dict[str, Any]
_SAME = {
    "temperature": "temperature",
    "topP": "top_p",
    "topK": "top_k",
    "maxOutputTokens": "max_completion_tokens",
    "candidateCount": "n",
    "seed": "seed",
    "presencePenalty": "presence_penalty",
    "frequencyPenalty": "frequency_penalty",
    "responseLogprobs": "logprobs",
    "logprobs": "top_logprobs",
    "stopSequences": "stop",
}
_MODES = {"AUTO": "auto", "NONE": "none", "ANY": "required"}
_TIERS = {"standard": "default"}
_SCHEMAS = ("responseJsonSchema", "_responseJsonSchema", "responseSchema")
_JSON = "application/json"
_TOGETHER = frozenset({"responseMimeType", *_SCHEMAS})


def read(body: Mapping[str, Any], *, model: str = "", stream: bool = False) -> Asked:
    """A request's body in the internal form. Raises ``InvalidRequestError``."""
    given = camel(body, "the request")
    messages = Messages()
    if "systemInstruction" in given:
        messages.system(given["systemInstruction"])
    if "contents" not in given:
        raise invalid("contents must be a list of contents that is not empty", "contents")
    messages.take(given["contents"])
    params = _Params()
    for name, value in given.items():
        if name in _FIELDS:
            _FIELDS[name](params, value)
        elif name not in ("contents", "systemInstruction", "model"):
            params.native[name] = value
    if not any(message["role"] != "system" for message in messages.made):
        raise invalid("contents must be a list of contents that is not empty", "contents")
    named = str(model or given.get("model") or "").removeprefix("models/")
    adjustments = tuple(params.adjustments)
    return Asked(named, messages.made, params.made, stream, params.native, adjustments)


class _Params:
    """A request's other fields on their way to params, or to what is native."""

    def __init__(self) -> None:
        self.made: Json = {}
        self.native: Json = {}
        self.adjustments: list[Adjustment] = []

    def config(self, value: Any) -> None:
        """``generationConfig``."""
        config = dict(mapping(value, "generationConfig"))
        self._format(config)
        for name, inner in config.items():
            if name in _SAME:
                self.made[_SAME[name]] = inner
            elif name in _CONFIG:
                _CONFIG[name](self, inner)
            elif name not in _TOGETHER:
                self.native.setdefault("generationConfig", {})[name] = inner

    def _format(self, config: Json) -> None:
        kind = config.get("responseMimeType")
        schema = next((config[name] for name in _SCHEMAS if name in config), None)
        if kind == _JSON and schema is None:
            self.made["response_format"] = {"type": "json_object"}
        elif schema is not None:
            described = {"name": "answer", "schema": json_schema(schema)}
            self.made["response_format"] = {"type": "json_schema", "json_schema": described}
        elif kind not in (None, "text/plain"):
            self.native.setdefault("generationConfig", {})["responseMimeType"] = kind

    def modalities(self, value: Any) -> None:
        """``responseModalities``."""
        self.made["modalities"] = [str(kind).lower() for kind in listed(value, "modalities")]

    def speech(self, value: Any) -> None:
        """``speechConfig``: one voice by its name is chat's, anything more is native."""
        given = mapping(value, "speechConfig")
        voice = mapping(given.get("voiceConfig", {}), "speechConfig.voiceConfig")
        path = "speechConfig.voiceConfig.prebuiltVoiceConfig"
        named = mapping(voice.get("prebuiltVoiceConfig", {}), path).get("voiceName")
        if named is not None and given.keys() == {"voiceConfig"}:
            self.made["audio"] = {"voice": named, "format": "pcm16"}
        else:
            self.native.setdefault("generationConfig", {})["speechConfig"] = given

    def thinking(self, value: Any) -> None:
        """``thinkingConfig``: a level is an effort, a number of tokens is a budget."""
        given = mapping(value, "thinkingConfig")
        level, budget = given.get("thinkingLevel"), given.get("thinkingBudget")
        shown = bool(given.get("includeThoughts"))
        if level is not None:
            self.made["reasoning_effort"] = str(level).lower()
            if not shown:
                why = "what a model shows of its thoughts is shown"
                path = "generationConfig.thinkingConfig.includeThoughts"
                self.adjustments.append(Adjustment(path, "dropped", False, None, why))
        elif budget == 0:
            self.made["thinking"] = {"type": "disabled"}
        elif budget is not None or shown:
            told = {} if shown else {"display": "omitted"}
            made = {"type": "adaptive"} if budget in (None, -1) else {"type": "enabled"}
            count = {} if budget in (None, -1) else {"budget_tokens": budget}
            self.made["thinking"] = {**made, **count, **told}

    def tools(self, value: Any) -> None:
        """Functions are chat's, a bare search is its search; other tools go as they are."""
        for i, given in enumerate(listed(value, "tools")):
            tool = dict(mapping(given, f"tools[{i}]"))
            declared = listed(
                tool.pop("functionDeclarations", ()), f"tools[{i}].functionDeclarations"
            )
            self._add(_function(function) for function in declared)
            if tool.get("googleSearch") == {} and "web_search_options" not in self.made:
                self.made["web_search_options"] = tool.pop("googleSearch")
            if tool:
                self._add([tool])

    def _add(self, tools: Any) -> None:
        made = [*tools]
        if made:
            self.made["tools"] = [*self.made.get("tools", ()), *made]

    def tool_config(self, value: Any) -> None:
        """``toolConfig``."""
        config = dict(mapping(value, "toolConfig"))
        calling = config.pop("functionCallingConfig", None)
        if calling is not None:
            self._choose(mapping(calling, "toolConfig.functionCallingConfig"))
        if config:
            self.native["toolConfig"] = config

    def _choose(self, calling: Mapping[str, Any]) -> None:
        mode = str(calling.get("mode") or "AUTO")
        names = listed(calling.get("allowedFunctionNames") or (), "allowedFunctionNames")
        if not names:
            self.made["tool_choice"] = _MODES.get(mode, mode.lower())
        elif len(names) == 1 and mode == "ANY":
            self.made["tool_choice"] = {"type": "function", "function": {"name": names[0]}}
        else:
            tools = [{"type": "function", "function": {"name": name}} for name in names]
            allowed = {"mode": "required" if mode == "ANY" else "auto", "tools": tools}
            self.made["tool_choice"] = {"type": "allowed_tools", "allowed_tools": allowed}

    def labels(self, value: Any) -> None:
        """``labels``."""
        self.made["metadata"] = value

    def tier(self, value: Any) -> None:
        """``serviceTier``."""
        self.made["service_tier"] = _TIERS.get(str(value).lower(), str(value).lower())


_FIELDS: dict[str, Callable[[_Params, Any], None]] = {
    "generationConfig": _Params.config,
    "tools": _Params.tools,
    "toolConfig": _Params.tool_config,
    "labels": _Params.labels,
    "serviceTier": _Params.tier,
}
_CONFIG: dict[str, Callable[[_Params, Any], None]] = {
    "responseModalities": _Params.modalities,
    "speechConfig": _Params.speech,
    "thinkingConfig": _Params.thinking,
}


def _function(given: Any) -> Json:
    function = camel(given, "functionDeclarations")
    made: Json = {name: function[name] for name in ("name", "description") if name in function}
    if "parametersJsonSchema" in function:
        made["parameters"] = function["parametersJsonSchema"]
    elif "parameters" in function:
        made["parameters"] = json_schema(function["parameters"])
    return {"type": "function", "function": made}
