"""LiteLLM's names for answers: llmkit's models, with ``_hidden_params`` and what else LiteLLM puts beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from typing_extensions import override

from ..._call import CallInfo
from ...types._model import Model
from ...types.answer import Answer
from ...types.audio import Speech, Transcription
from ...types.chat import (
    ChatCompletion,
    ChatCompletionChunk,
    Choice,
    ChunkChoice,
    Delta,
    FunctionCall,
    ToolCall,
    ToolCallDelta,
)
from ...types.chat import Message as _Message
from ...types.embedding import Embedding
from ...types.embedding import EmbeddingResponse as _Embeddings
from ...types.image import Image
from ...types.image import ImageResponse as _Images
from ...types.moderation import ModerationResponse as _Moderation
from ...types.rerank import RerankResponse as _Rerank
from ...types.responses import Response
from ...types.text import TextChoice, TextCompletion, TextCompletionChunk
from ...types.usage import CompletionTokensDetails, PromptTokensDetails
from ...types.usage import Usage as _Usage

__all__ = [
    "SPELLED", "ChatCompletionDeltaToolCall", "ChatCompletionMessageToolCall", "Choices",
    "CompletionTokensDetailsWrapper", "Delta", "Embedding", "EmbeddingResponse", "Function",
    "HttpxBinaryResponseContent", "ImageObject", "ImageResponse", "Message", "ModelResponse", "ModelResponseStream",
    "PromptTokensDetailsWrapper", "RerankResponse", "ResponsesAPIResponse", "StreamingChoices",
    "TextChoices", "TextCompletionResponse", "TranscriptionResponse", "Usage", "hidden_params", "shaped",
]  # fmt: skip

StreamingChoices = ChunkChoice
Function = FunctionCall
ChatCompletionMessageToolCall = ToolCall
ChatCompletionDeltaToolCall = ToolCallDelta
CompletionTokensDetailsWrapper = CompletionTokensDetails
PromptTokensDetailsWrapper = PromptTokensDetails
ImageObject = Image
TextChoices = TextChoice

SPELLED: dict[str, str] = {}
"""Custom providers' names as programs write them, by llmkit's."""
_set = object.__setattr__
M = TypeVar("M", bound=Model)


def hidden_params(call: CallInfo, cost: Any) -> dict[str, Any]:
    """LiteLLM's ``_hidden_params`` of a call. ``response_cost`` is ``None`` where the cost is not known."""
    headers = {f"llm_provider-{name}": value for name, value in call.headers.items()}
    total = getattr(cost, "total", None)
    return {
        "custom_llm_provider": SPELLED.get(call.provider, call.provider) or None,
        "region_name": None,
        "additional_headers": {**headers, **call.rate_limits},
        "_response_ms": call.seconds * 1000,
        "litellm_overhead_time_ms": _overhead(call),
        "litellm_call_id": call.id,
        "api_base": call.base_url or None,
        "model_id": call.deployment or None,
        "response_cost": None if total is None else float(total),
        "litellm_model_name": f"{call.provider}/{call.model}" if call.provider else call.model,
        "cache_hit": call.cache_hit or None,
        "cache_key": call.cache_key,
        "optional_params": {},
    }


def _overhead(call: CallInfo) -> float:
    """Milliseconds that were not a provider's, nor waited between attempts."""
    theirs = sum(attempt.seconds + attempt.waited for attempt in call.attempts)
    return max(call.seconds - theirs, 0.0) * 1000


class _Told(Answer):
    """What LiteLLM's answers have beside their fields."""

    @property
    def _hidden_params(self) -> dict[str, Any]:
        """How it came about; a dict that may be changed."""
        if self._kept("_hidden") is None:
            self._keep(_hidden=hidden_params(self.call, self.cost))
        return self._kept("_hidden")  # type: ignore[no-any-return]

    @_hidden_params.setter
    def _hidden_params(self, told: dict[str, Any]) -> None:
        self._keep(_hidden=told)

    @property
    def _response_headers(self) -> Mapping[str, str]:
        """The headers of the provider's answer."""
        return self.call.headers

    @property
    def _response_ms(self) -> float:
        """Milliseconds that the call took."""
        return self.call.seconds * 1000

    @override
    def json(self, **_: Any) -> dict[str, Any]:  # type: ignore[override]
        """All fields, as a dict: LiteLLM's, not pydantic's, method of this name."""
        return self.model_dump()


class _Plain(Model):
    """What LiteLLM's parts of answers have beside their fields."""

    @override
    def json(self, **_: Any) -> dict[str, Any]:  # type: ignore[override]
        """All fields, as a dict: LiteLLM's, not pydantic's, method of this name."""
        return self.model_dump()


class Message(_Plain, _Message):
    """What a model said."""


class Choices(_Plain, Choice):
    """One of the answers that were asked for."""


class Usage(_Plain, _Usage):
    """Tokens."""


class ModelResponse(_Told, ChatCompletion):
    """A chat's answer. One that a program makes has, as in LiteLLM, a choice to be filled in."""

    def __init__(self, **data: Any) -> None:
        stream = data.pop("stream", None)
        if data.get("choices") is None:
            data["choices"] = [{"finish_reason": None if stream else "stop"}]
        data = {name: value for name, value in data.items() if value is not None}
        super().__init__(**data)


class ModelResponseStream(ChatCompletionChunk):
    """A piece of a chat's answer."""

    @override
    def json(self, **_: Any) -> dict[str, Any]:  # type: ignore[override]
        """All fields, as a dict."""
        return self.model_dump()


class TextCompletionResponse(_Told, TextCompletion):
    """A text's completion."""


class EmbeddingResponse(_Told, _Embeddings):
    """Vectors of texts."""


class ImageResponse(_Told, _Images):
    """Pictures."""


class TranscriptionResponse(_Told, Transcription):
    """A recording's text."""


class HttpxBinaryResponseContent(_Told, Speech):
    """A text, spoken."""


class RerankResponse(_Told, _Rerank):
    """Documents by how well they fit."""


class ModerationResponse(_Told, _Moderation):
    """What is objectionable in texts."""


class Open(dict[str, Any]):
    """A part of an answer whose items are its attributes, too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def _opened(value: Any) -> Any:
    if isinstance(value, list):
        return [_opened(one) for one in value]
    return Open(value) if type(value) is dict else value


class ResponsesAPIResponse(_Told, Response):
    """An answer of the responses API; the parts of ``output`` are dicts with attributes."""


_OURS: dict[type[Model], type[Model]] = {
    ChatCompletion: ModelResponse,
    ChatCompletionChunk: ModelResponseStream,
    TextCompletion: TextCompletionResponse,
    _Embeddings: EmbeddingResponse,
    _Images: ImageResponse,
    Transcription: TranscriptionResponse,
    Speech: HttpxBinaryResponseContent,
    _Rerank: RerankResponse,
    _Moderation: ModerationResponse,
    Response: ResponsesAPIResponse,
}


def shaped(answer: Any) -> Any:
    """An answer, or a piece of one, under LiteLLM's name; what it holds is not copied."""
    kind = _OURS.get(type(answer))
    return answer if kind is None else _as(kind, answer)


def _as(kind: type[M], answer: Model) -> M:
    made = kind.__new__(kind)
    _set(made, "__dict__", answer.__dict__)
    _set(made, "__pydantic_fields_set__", answer.__pydantic_fields_set__)
    _set(made, "__pydantic_extra__", answer.__pydantic_extra__)
    _set(made, "__pydantic_private__", answer.__pydantic_private__)
    if isinstance(answer, ChatCompletion):
        _parts(answer)
    if isinstance(answer, Response):
        for item in answer.output:
            extra = item.__pydantic_extra__ or {}
            extra |= {name: _opened(value) for name, value in extra.items()}
    return made


def _parts(answer: ChatCompletion) -> None:
    """A chat's parts under LiteLLM's names, where they stand."""
    for choice in answer.choices:
        if type(choice) is Choice:
            choice.__class__ = Choices
        if type(choice.message) is _Message:
            choice.message.__class__ = Message
    if type(answer.usage) is _Usage:
        answer.usage.__class__ = Usage


def piece_of(chunk: Any) -> Any:
    """A chunk under LiteLLM's name. One that has only the usage gets an empty choice: programs look at the first."""
    made = shaped(chunk)
    if isinstance(made, ModelResponseStream) and not made.choices:
        made = made.model_copy(update={"choices": [ChunkChoice()]})
    elif isinstance(made, TextCompletionChunk) and not made.choices:
        made = made.model_copy(update={"choices": [TextChoice()]})
    return made
