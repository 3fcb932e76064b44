"""``Fold``: chunks in, the whole answer out. A pure accumulation; it equals what parsing the unstreamed answer gives.

Texts are gathered in lists and joined once, so that a long stream is not quadratic. No provider's knowledge: deltas
are in OpenAI's form by the time they come here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from ._parts import PIECEMEAL, joined, merge, merge_parts, text_parts, thoughts_of
from .types._model import Model
from .types.chat import (
    Audio,
    ChatCompletion,
    ChatCompletionChunk,
    Choice,
    ChunkChoice,
    Delta,
    FunctionCall,
    Logprobs,
    Message,
    ToolCall,
    ToolCallDelta,
    Usage,
)

__all__ = ["Fold", "fold"]

_TEXTS = ("content", "reasoning_content", "refusal")
_SIMPLE = frozenset({"role", "content", "reasoning_content"})
_SPOKEN = frozenset({"data", "transcript"})
_INPUT = frozenset({"input"})
# OpenAI's and Mistral's padding against traffic analysis: it belongs to a chunk, not to the answer.
_PADDING = frozenset({"obfuscation", "p"})
M = TypeVar("M", bound=Model)


def _built(model: type[M], fields: dict[str, Any]) -> M:
    """An instance of these fields, unchecked: each has been checked with its chunk."""
    # ``model_construct`` takes these names for its own arguments, or for private attributes.
    odd = {name: value for name, value in fields.items() if name[:1] == "_" or name == "cls"}
    plain = {n: v for n, v in fields.items() if n not in odd} if odd else fields
    made = model.model_construct(set(fields), **plain)
    if odd:
        made.__pydantic_extra__ = (made.__pydantic_extra__ or {}) | odd
    return made


def fold(chunks: Iterable[ChatCompletionChunk]) -> ChatCompletion:
    """Put the chunks of one stream together into the answer they make up."""
    folding = Fold()
    for chunk in chunks:
        folding.add(chunk)
    return folding.result()


def _take(into: dict[str, Any], extra: dict[str, Any]) -> None:
    """Keep unknown fields: the last value counts, an object adds to the one before, and nothing undoes nothing."""
    for name, value in extra.items():
        old = into.get(name)
        if isinstance(value, dict) and isinstance(old, dict):
            old.update(value)
        elif value is not None:
            into[name] = dict(value) if isinstance(value, dict) else value


def _kept(extra: dict[str, Any]) -> dict[str, Any]:
    """Unknown fields as they are now: objects among them still grow."""
    return {name: dict(v) if isinstance(v, dict) else v for name, v in extra.items()}


class _Call:
    """A tool call under construction."""

    __slots__ = ("arguments", "custom", "extra", "id", "name", "named", "type")

    def __init__(self) -> None:
        self.id: str | None = None
        self.named = 0
        self.type: str | None = None
        self.name: list[str] = []
        self.arguments: list[str] | None = None
        self.custom: dict[str, Any] | None = None
        self.extra: dict[str, Any] = {}

    def add(self, delta: ToolCallDelta) -> None:
        if delta.id or self.id is None:
            self.id = delta.id
        self.type = delta.type or self.type
        if delta.function is not None:
            self.add_function(delta.function)
        if delta.custom is not None:
            self.custom = merge(self.custom or {}, delta.custom, _INPUT)
        self.extra |= delta.__pydantic_extra__ or {}

    def add_function(self, function: FunctionCall) -> None:
        # Some hosts repeat the whole name in every piece.
        if function.name and not self._repeats(function.name):
            self.name.append(function.name)
            self.named += len(function.name)
        if function.arguments is not None:
            self.arguments = self.arguments or []
            self.arguments.append(function.arguments)

    def _repeats(self, name: str) -> bool:
        # Lengths first: a name in many pieces is not put together for each of them.
        return len(name) == self.named and name == "".join(self.name)

    def function(self) -> FunctionCall:
        arguments = None if self.arguments is None else "".join(self.arguments)
        return FunctionCall(name="".join(self.name) or None, arguments=arguments)

    def result(self) -> ToolCall:
        made: dict[str, Any] = {"id": self.id, "type": self.type or "function", **self.extra}
        if self.name or self.arguments is not None or self.custom is None:
            made["function"] = self.function()
        if self.custom is not None:
            made["custom"] = joined(self.custom)
        return _built(ToolCall, made)


class _Choice:
    """A choice under construction."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.role: str | None = None
        self.texts: dict[str, list[str]] = {}
        self.calls: dict[int, _Call] = {}
        self.function: _Call | None = None
        self.audio: dict[str, Any] | None = None
        self.lists: dict[str, list[Any]] = {}
        self.finish_reason: str | None = None
        self.logprobs: dict[str, list[Any]] | None = None
        self.extra: dict[str, Any] = {}
        self.message_extra: dict[str, Any] = {}

    def add(self, choice: ChunkChoice) -> None:
        if choice.finish_reason:
            self.finish_reason = choice.finish_reason
        if choice.logprobs is not None:
            self._add_logprobs(choice.logprobs)
        if choice.__pydantic_extra__:
            _take(self.extra, choice.__pydantic_extra__)
        delta = choice.delta
        given = delta.__pydantic_fields_set__
        if self.lists or delta.__pydantic_extra__ or not given <= _SIMPLE:
            self._add_delta(delta)
            return
        # Most deltas are a text and nothing else.
        if delta.role:
            self.role = delta.role
        if delta.content is not None:
            self._add_text("content", delta.content)
        if delta.reasoning_content is not None:
            self._add_text("reasoning_content", delta.reasoning_content)

    def growing(self, delta: Delta, name: str) -> list[str] | None:
        if delta.__pydantic_extra__ or "content_parts" in self.lists:
            return None
        if any(getattr(delta, other) for other in _TEXTS if other != name):
            return None
        if name in _TEXTS:
            return None if delta.tool_calls else self.texts.get(name)
        for call in delta.tool_calls or ():
            plain = not call.__pydantic_extra__ and call.function and not call.function.name
            known = self.calls.get(call.index) if plain else None
            return None if known is None else known.arguments
        return None

    def _add_text(self, name: str, text: str) -> None:
        pieces = self.texts.get(name)
        if pieces is None:
            self.texts[name] = [text]
        else:
            pieces.append(text)

    def _add_delta(self, delta: Delta) -> None:
        self.role = delta.role or self.role
        self._add_parts(delta)
        for name in _TEXTS:
            if (text := getattr(delta, name)) is not None:
                self._add_text(name, text)
        for call in delta.tool_calls or ():
            self.calls.setdefault(call.index, _Call()).add(call)
        if delta.function_call is not None:
            self.function = self.function or _Call()
            self.function.add_function(delta.function_call)
        self._add_rest(delta)

    def _add_parts(self, delta: Delta) -> None:
        """Keep a content that came in parts as parts: that is the form in which its host takes it back."""
        pieces = (delta.__pydantic_extra__ or {}).get("content_parts")
        known = self.lists.get("content_parts")
        if isinstance(pieces, list):
            if known is None:
                before = "".join(self.texts.get("content", ()))
                known = self.lists["content_parts"] = text_parts(before)
            merge_parts(known, pieces)
        elif known is not None and delta.content:
            merge_parts(known, text_parts(delta.content))

    def _add_rest(self, delta: Delta) -> None:
        if delta.audio is not None:
            self.audio = merge(self.audio or {}, delta.audio.to_dict(), _SPOKEN)
        for name in ("annotations", "images"):
            if (items := getattr(delta, name)) is not None:
                self.lists.setdefault(name, []).extend(items)
        if delta.thinking_blocks is not None:
            _merge_blocks(self.lists.setdefault("thinking_blocks", []), delta.thinking_blocks)
        for name, value in (delta.__pydantic_extra__ or {}).items():
            self._add_extra(name, value)

    def _add_extra(self, name: str, value: Any) -> None:
        if name == "content_parts" and isinstance(value, list):
            return
        if name == "reasoning_details" and isinstance(value, list):
            _merge_blocks(self.lists.setdefault(name, []), value)
        elif isinstance(value, str) and name in PIECEMEAL:
            self.texts.setdefault(name, []).append(value)
        elif value is not None or name not in self.message_extra:
            self.message_extra[name] = value

    def _add_logprobs(self, logprobs: Logprobs) -> None:
        self.logprobs = self.logprobs or {}
        told = {"content": logprobs.content, "refusal": logprobs.refusal}
        # DeepSeek has those of its thinking, too.
        for name, tokens in (told | (logprobs.__pydantic_extra__ or {})).items():
            if isinstance(tokens, list):
                self.logprobs.setdefault(name, []).extend(tokens)

    def _message(self) -> Message:
        made: dict[str, Any] = {"role": self.role or "assistant", "content": None}
        made |= self.message_extra
        made |= {name: [joined(item) for item in items] for name, items in self.lists.items()}
        made |= {name: "".join(pieces) for name, pieces in self.texts.items()}
        if "content_parts" in self.lists and (thoughts := thoughts_of(made["content_parts"])):
            made.setdefault("thinking_blocks", thoughts)
        if self.calls:
            made["tool_calls"] = [call.result() for _, call in sorted(self.calls.items())]
        if self.function is not None:
            made["function_call"] = self.function.function()
        if self.audio is not None:
            made["audio"] = Audio(**joined(self.audio))
        return _built(Message, made)

    def result(self) -> Choice:
        made = {**_kept(self.extra), "index": self.index, "message": self._message()}
        made["finish_reason"] = self.finish_reason
        if self.logprobs is not None:
            made["logprobs"] = Logprobs(**self.logprobs)
        return _built(Choice, made)


class Fold:
    """The answer under construction: ``add`` chunks, ask for the ``result`` at any time."""

    def __init__(self) -> None:
        self._choices: dict[int, _Choice] = {}
        self._head: dict[str, Any] = {}
        self._named = False
        self.usage: Usage | None = None

    def add(self, chunk: ChatCompletionChunk) -> None:
        """Take the next chunk."""
        for choice in chunk.choices:
            known = self._choices.get(choice.index)
            if known is None:
                known = self._choices[choice.index] = _Choice(choice.index)
            known.add(choice)
        if chunk.usage is not None:
            self.usage = _updated(self.usage, chunk.usage)
        head = self._head
        if not self._named:
            head |= {"id": chunk.id, "created": chunk.created, "model": chunk.model}
            self._named = bool(chunk.id and chunk.model)
        if chunk.system_fingerprint:
            head["system_fingerprint"] = chunk.system_fingerprint
        if chunk.service_tier:
            head["service_tier"] = chunk.service_tier
        if chunk.__pydantic_extra__:
            self._add_extra(chunk.__pydantic_extra__)

    def growing(self, chunk: ChatCompletionChunk, where: Sequence[str | int]) -> list[str] | None:
        """The pieces to which chunks like this one, which was just added, add their text, and do nothing else.

        ``where`` is the place of the text in the chunk. ``None`` where they may do more.
        """
        choice = chunk.choices[0]
        known = self._choices.get(choice.index)
        return None if known is None else known.growing(choice.delta, str(where[3]))

    def _add_extra(self, extra: dict[str, Any]) -> None:
        _take(self._head, {k: v for k, v in extra.items() if k not in _PADDING})

    def result(self) -> ChatCompletion:
        """The answer as far as it has come."""
        made = {name: value for name, value in _kept(self._head).items() if value is not None}
        made |= {
            "object": "chat.completion",
            "choices": [choice.result() for _, choice in sorted(self._choices.items())],
            "usage": self.usage,
        }
        return _built(ChatCompletion, made)


_PROMPT_SIDE = (
    "prompt_tokens",
    "prompt_tokens_details",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "cache_creation",
)


def _updated(old: Usage | None, new: Usage) -> Usage:
    """The later count holds; what it leaves out of the prompt's side, which does not change, is kept."""
    if old is None:
        return new
    told, before = new.__dict__, old.__dict__
    kept = {n: before[n] for n in _PROMPT_SIDE if told.get(n) is None and before.get(n) is not None}
    return new.model_copy(update=kept) if kept else new


def _merge_blocks(blocks: list[Any], pieces: list[Any]) -> None:
    """Add pieces of reasoning blocks: a piece continues the last block of its index and type."""
    for piece in pieces:
        if blocks and _continues(blocks[-1], piece):
            merge(blocks[-1], piece, PIECEMEAL)
        else:
            blocks.append(dict(piece) if isinstance(piece, dict) else piece)


def _continues(block: Any, piece: Any) -> bool:
    if not (isinstance(block, dict) and isinstance(piece, dict)):
        return False
    same = block.get("index") == piece.get("index") and block.get("type") == piece.get("type")
    # A signature closes its block; what is encrypted comes whole.
    closed = bool(block.get("signature")) and not piece.get("signature")
    return same and "index" in piece and not closed and "data" not in block
