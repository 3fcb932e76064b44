"""Gemini's answers as its servers write them: whole, in a stream's pieces, token counts and models.

Pure: what was said in, JSON values out. What is said is decided elsewhere, in `_answer` or by a script. Shapes: the
v1beta reference and recorded traffic of both hosts, read 2026-11-22.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final

from ..._answer import Answer, Choice, ToolUse
from ..._asked import fingerprint
from ..._tokens import split
from ._parse import Message
from ._read import modalities

__all__ = ["Envelope", "chunks", "counted", "model_card", "models", "whole"]

# A fixed time, so that equal requests get equal bodies.
_CREATED: Final = "2025-01-01T00:00:00.000000Z"
_MODELS: Final = ("offline", "offline-reasoning")
_ID_LENGTH: Final = 22
_FINISHED: Final[Mapping[str, str]] = {
    "stop": "STOP",
    "tool_calls": "STOP",
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
}
_METHODS: Final = ("generateContent", "countTokens")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What an answer's form depends on beside what is said: the request, the model, the host."""

    request: Message
    model: str
    vertex: bool

    @property
    def current(self) -> bool:
        """Whether the model is of the third generation, which signs texts and, in AI Studio, numbers calls."""
        return "gemini-3" in self.model

    @property
    def config(self) -> Message:
        """The request's ``generationConfig``, which may be empty."""
        config: Message = self.request.get("generationConfig", {})
        return config

    @property
    def shows_thoughts(self) -> bool:
        """Whether the request wants to see them; they are counted in any case."""
        return bool(self.config.get("thinkingConfig", {}).get("includeThoughts"))

    def signature(self, *salt: object) -> str:
        """A thought signature: base64, the same one for the same place in the same answer."""
        return base64.b64encode(
            f"llmkit:{fingerprint(self.request, self.model, *salt)}".encode()
        ).decode()

    def candidate(
        self, choice: Choice, parts: list[dict[str, Any]], **ending: str
    ) -> dict[str, Any]:
        """One candidate, or a piece of it; Vertex AI leaves out an index of 0, as proto JSON may."""
        content: dict[str, Any] = {"parts": parts, "role": "model"} if parts else {"role": "model"}
        index = {} if self.vertex and choice.index == 0 else {"index": choice.index}
        return {"content": content, **ending, **index}

    def around(self, candidates: list[dict[str, Any]], usage: dict[str, Any]) -> dict[str, Any]:
        """A `GenerateContentResponse` with *candidates*."""
        created = {"createTime": _CREATED} if self.vertex else {}
        return {
            "candidates": candidates,
            "usageMetadata": usage,
            "modelVersion": self.model,
            **created,
            "responseId": fingerprint(self.request, self.model)[:_ID_LENGTH],
        }


def whole(envelope: Envelope, said: Answer) -> dict[str, Any]:
    """*said* in one piece."""
    candidates = [_candidate(envelope, choice) for choice in said.choices]
    return envelope.around(candidates, _usage(envelope, said.prompt_tokens, _spent(said)))


def _candidate(envelope: Envelope, choice: Choice) -> dict[str, Any]:
    parts = list(_parts(envelope, choice))
    return envelope.candidate(choice, parts, **_ending(envelope, choice))


def _ending(envelope: Envelope, choice: Choice) -> dict[str, str]:
    """Why *choice* ended; a call that cannot be read is reported in words in place of itself."""
    broken = [tool for tool in choice.tools if _arguments(tool) is None]
    if broken and choice.finish_reason != "length":
        text = f"Malformed function call: {broken[0].name}({broken[0].arguments})"
        return {"finishReason": "MALFORMED_FUNCTION_CALL", "finishMessage": text}
    ending = {"finishReason": _FINISHED.get(choice.finish_reason, "OTHER")}
    if choice.finish_reason == "tool_calls" and not envelope.vertex:
        ending["finishMessage"] = "Model generated function call(s)."
    return ending


def _parts(envelope: Envelope, choice: Choice) -> Iterator[dict[str, Any]]:
    if choice.reasoning and envelope.shows_thoughts:
        yield {"text": choice.reasoning, "thought": True}
    calls = list(_calls(envelope, choice))
    if text := _text(envelope, choice):
        signed = envelope.current and not calls
        yield {"text": text, **(_signed(envelope, choice) if signed else {})}
    yield from calls


def _text(envelope: Envelope, choice: Choice) -> str:
    """What *choice* says; a value of an enumeration comes bare, not as JSON."""
    text = choice.content or ""
    if envelope.config.get("responseMimeType") != "text/x.enum":
        return text
    with suppress(ValueError):
        value = json.loads(text)
        return value if isinstance(value, str) else text
    return text


def _signed(envelope: Envelope, choice: Choice) -> dict[str, Any]:
    return {"thoughtSignature": envelope.signature(choice.index)}


def _calls(envelope: Envelope, choice: Choice) -> Iterator[dict[str, Any]]:
    """The calls that came out whole; the first one is signed if the model thought about it."""
    readable = [
        (tool, arguments) for tool in choice.tools if (arguments := _arguments(tool)) is not None
    ]
    for position, (tool, arguments) in enumerate(readable):
        call = {"name": tool.name, "args": arguments}
        if envelope.current and not envelope.vertex:
            call["id"] = tool.id
        signs = position == 0 and (envelope.current or choice.reasoning)
        yield {"functionCall": call, **(_signed(envelope, choice) if signs else {})}


def _arguments(tool: ToolUse) -> dict[str, Any] | None:
    try:
        arguments = json.loads(tool.arguments)
    except ValueError:
        return None
    return arguments if isinstance(arguments, dict) else None


@dataclass(frozen=True, slots=True)
class _Spent:
    """Tokens of an answer so far."""

    spoken: int
    thought: int


def _spent(said: Answer) -> _Spent:
    return _Spent(said.completion_tokens - said.reasoning_tokens, said.reasoning_tokens)


def _usage(envelope: Envelope, prompt: int, spent: _Spent) -> dict[str, Any]:
    """The usage; counts of zero are left out, as proto JSON does."""
    usage: dict[str, Any] = {
        "promptTokenCount": prompt,
        "candidatesTokenCount": spent.spoken,
        "totalTokenCount": prompt + spent.spoken + spent.thought,
        "promptTokensDetails": _details(envelope.request, prompt),
        "thoughtsTokenCount": spent.thought,
    }
    if envelope.vertex:
        usage["trafficType"] = "ON_DEMAND"
        spoken = {"modality": "TEXT", "tokenCount": spent.spoken}
        usage["candidatesTokensDetails"] = [spoken] if spent.spoken else []
    return {name: value for name, value in usage.items() if value}


def _details(request: Message, prompt: int) -> list[dict[str, Any]]:
    """*prompt* tokens by modality; what is not a medium's is the text's, whatever a script says."""
    media = {name: count for name, count in modalities(request).items() if name != "TEXT"}
    counts = {"TEXT": prompt - sum(media.values()), **media}
    return [{"modality": name, "tokenCount": count} for name, count in counts.items()]


def chunks(envelope: Envelope, said: Answer) -> Iterator[dict[str, Any]]:
    """*said* as the pieces of a stream; candidates take turns, and each piece has the usage so far."""
    spoken = thought = 0
    for round_ in zip_longest(*(_steps(envelope, choice) for choice in said.choices)):
        for candidate, cost in filter(None, round_):
            spoken, thought = spoken + cost.spoken, thought + cost.thought
            usage = _usage(envelope, said.prompt_tokens, _Spent(spoken, thought))
            yield envelope.around([candidate], usage)


def _steps(envelope: Envelope, choice: Choice) -> Iterator[tuple[dict[str, Any], _Spent]]:
    """Each piece of *choice* with what it costs; the last one says why it ended."""
    pieces = list(_pieces(envelope, choice))
    left = _cost(choice)
    for part, cost in pieces[:-1]:
        left = _Spent(left.spoken - cost.spoken, left.thought - cost.thought)
        yield envelope.candidate(choice, [part]), cost
    # What no part shows (hidden thoughts, calls, one that was cut off) is counted with the last one.
    last = [part for part, _ in pieces[-1:]]
    yield envelope.candidate(choice, last, **_ending(envelope, choice)), left


def _cost(choice: Choice) -> _Spent:
    thought = len(split(choice.reasoning))
    return _Spent(choice.tokens - thought, thought)


def _pieces(envelope: Envelope, choice: Choice) -> Iterator[tuple[dict[str, Any], _Spent]]:
    """The parts of *choice*, texts token by token, calls whole; a text's signature follows it alone."""
    for part in _parts(envelope, choice):
        if "functionCall" in part:
            yield part, _Spent(0, 0)
            continue
        thought = "thought" in part
        mark = {"thought": True} if thought else {}
        for token in split(part["text"]):
            yield {"text": token, **mark}, _Spent(int(not thought), int(thought))
        if "thoughtSignature" in part:
            yield {"text": "", "thoughtSignature": part["thoughtSignature"]}, _Spent(0, 0)


def counted(request: Message) -> dict[str, Any]:
    """The answer to `countTokens`."""
    inner = request.get("generateContentRequest", request)
    total = sum(modalities(inner).values())
    return {"totalTokens": total, "promptTokensDetails": _details(inner, total)}


def models() -> dict[str, Any]:
    """The list of models."""
    return {"models": [model_card(name) for name in _MODELS]}


def model_card(name: str) -> dict[str, Any]:
    """One model; any name has one."""
    return {
        "name": f"models/{name}",
        "version": "001",
        "displayName": name,
        "description": "llmkit's offline simulator.",
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": list(_METHODS),
        "temperature": 1,
        "topP": 0.95,
        "topK": 64,
        "maxTemperature": 2,
        "thinking": "reason" in name,
    }
