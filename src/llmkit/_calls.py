"""Every kind of call but chat, as a wire gets it. What a caller gives beyond the subject of a call is in ``params``.

Values only: no I/O, no provider's knowledge, no check.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from typing_extensions import override

from ._call import Call
from ._upload import Upload

__all__ = [
    "CountCall",
    "EmbeddingCall",
    "ImageCall",
    "MessagesCall",
    "ModerationCall",
    "RerankCall",
    "ResourceCall",
    "ResponsesCall",
    "SpeechCall",
    "TextCall",
    "TranscriptionCall",
]


@dataclass(frozen=True, slots=True)
class EmbeddingCall(Call):
    """Vectors wanted: of texts, of lists of token ids, or of what else the provider takes.

    ``alone``: the caller gave the one input by itself, not in a list.
    """

    inputs: tuple[Any, ...]
    alone: bool = False


@dataclass(frozen=True, slots=True)
class RerankCall(Call):
    """Documents (texts, or mappings) to be ordered by how well they fit a query."""

    query: str
    documents: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class ModerationCall(Call):
    """Content to be judged: texts, or OpenAI's content parts."""

    inputs: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class TextCall(Call):
    """A text to be continued; a sequence holds several prompts, or token ids."""

    prompt: str | Sequence[Any]


@dataclass(frozen=True, slots=True)
class TranscriptionCall(Call):
    """Speech to be written down; ``translate``: in English."""

    file: Upload
    translate: bool = False


@dataclass(frozen=True, slots=True)
class SpeechCall(Call):
    """A text to be spoken, by a voice as the provider names it."""

    text: str
    voice: Any = None


@dataclass(frozen=True, slots=True)
class ImageCall(Call):
    """Pictures wanted: from a prompt, from pictures with or without one, or variations of one."""

    prompt: str | None
    images: tuple[Upload, ...] = ()
    mask: Upload | None = None
    action: Literal["generate", "edit", "vary"] = "generate"


@dataclass(frozen=True, slots=True)
class ResponsesCall(Call):
    """A call in the form of OpenAI's Responses API: a text, or a list of items."""

    input: Any


@dataclass(frozen=True, slots=True)
class MessagesCall(Call):
    """A call in the form of Anthropic's Messages API."""

    messages: Sequence[Any]


@dataclass(frozen=True, slots=True)
class CountCall(Call):
    """A chat whose tokens are to be counted, not answered."""

    messages: Sequence[Any]

    @property
    @override
    def concerns(self) -> tuple[str, str]:
        return "count", "create"


@dataclass(frozen=True, slots=True)
class ResourceCall(Call):
    """Something that a provider keeps: to be made, looked up, listed, changed or removed.

    ``target`` is its id, ``body`` what it is to hold; ``model`` is empty where none is concerned.
    """

    resource: Literal["files", "batches", "caches", "models", "responses"]
    action: Literal["create", "retrieve", "list", "delete", "cancel", "content", "update"]
    target: str | None = None
    file: Upload | None = None
    body: Mapping[str, Any] | None = None

    @property
    @override
    def makes(self) -> bool:
        return self.action == "create"

    @property
    @override
    def concerns(self) -> tuple[str, str]:
        return self.resource, self.action
