"""Response models and parameters, in OpenAI's form. Those of chat are loaded with it, the others on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._late_names import late_names
from .answer import Answer
from .chat import *  # noqa: F403
from .chat import __all__ as _chat
from .params import CallOptions, ChatParams, Effort, ModelParams

if TYPE_CHECKING:
    from .audio import (
        Speech,
        SpeechParams,
        SpeechUsage,
        Transcription,
        TranscriptionEvent,
        TranscriptionParams,
        TranscriptionSegment,
        TranscriptionUsage,
        TranscriptionWord,
    )
    from .batch import (
        Batch,
        BatchDeleted,
        BatchList,
        BatchListParams,
        BatchParams,
        BatchRequestCounts,
        BatchResult,
        BatchResults,
    )
    from .cache import (
        Cached,
        CacheDeleted,
        CachedList,
        CacheListParams,
        CacheParams,
        CacheUpdateParams,
    )
    from .embedding import Embedding, EmbeddingParams, EmbeddingResponse, EmbeddingUsage
    from .file import FileContent, FileDeleted, FileList, FileListParams, FileObject, FileParams
    from .image import Image, ImageEvent, ImageParams, ImageResponse, ImageTokens, ImageUsage
    from .listing import ListedModel, ModelDeleted, ModelList, TokenCount
    from .messages import (
        ContentBlock,
        MessageEvent,
        MessageResponse,
        MessagesParams,
        MessageUsage,
    )
    from .moderation import ModerationParams, ModerationResponse, ModerationResult, Verdicts
    from .rerank import RerankParams, RerankResponse, RerankResult, RerankUsage
    from .responses import (
        DeletedResponse,
        InputItems,
        Response,
        ResponseEvent,
        ResponseItem,
        ResponsesParams,
        ResponseUsage,
        StoredParams,
    )
    from .text import TextChoice, TextCompletion, TextCompletionChunk, TextLogprobs, TextParams

# Module to what it is known for here.
_LATER: dict[str, tuple[str, ...]] = {
    "audio": (
        "Speech",
        "SpeechParams",
        "SpeechUsage",
        "Transcription",
        "TranscriptionEvent",
        "TranscriptionParams",
        "TranscriptionSegment",
        "TranscriptionUsage",
        "TranscriptionWord",
    ),
    "embedding": ("Embedding", "EmbeddingParams", "EmbeddingResponse", "EmbeddingUsage"),
    "batch": (
        "Batch",
        "BatchDeleted",
        "BatchList",
        "BatchListParams",
        "BatchParams",
        "BatchRequestCounts",
        "BatchResult",
        "BatchResults",
    ),
    "cache": (
        "CacheDeleted",
        "CacheListParams",
        "CacheParams",
        "CacheUpdateParams",
        "Cached",
        "CachedList",
    ),
    "file": (
        "FileContent",
        "FileDeleted",
        "FileList",
        "FileListParams",
        "FileObject",
        "FileParams",
    ),
    "image": ("Image", "ImageEvent", "ImageParams", "ImageResponse", "ImageTokens", "ImageUsage"),
    "listing": ("ListedModel", "ModelDeleted", "ModelList", "TokenCount"),
    "moderation": ("ModerationParams", "ModerationResponse", "ModerationResult", "Verdicts"),
    "text": ("TextChoice", "TextCompletion", "TextCompletionChunk", "TextLogprobs", "TextParams"),
    "messages": (
        "ContentBlock",
        "MessageEvent",
        "MessageResponse",
        "MessageUsage",
        "MessagesParams",
    ),
    "responses": (
        "DeletedResponse",
        "InputItems",
        "Response",
        "ResponseEvent",
        "ResponseItem",
        "ResponseUsage",
        "ResponsesParams",
        "StoredParams",
    ),
    "rerank": ("RerankParams", "RerankResponse", "RerankResult", "RerankUsage"),
}
_HOMES = {name: f".{module}" for module, names in _LATER.items() for name in names}

__all__ = [  # noqa: PLE0604
    *_chat,
    "Answer",
    "Batch",
    "BatchDeleted",
    "BatchList",
    "BatchListParams",
    "BatchParams",
    "BatchRequestCounts",
    "BatchResult",
    "BatchResults",
    "CacheDeleted",
    "CacheListParams",
    "CacheParams",
    "CacheUpdateParams",
    "Cached",
    "CachedList",
    "CallOptions",
    "ChatParams",
    "Effort",
    "Embedding",
    "EmbeddingParams",
    "EmbeddingResponse",
    "EmbeddingUsage",
    "FileContent",
    "FileDeleted",
    "FileList",
    "FileListParams",
    "FileObject",
    "FileParams",
    "Image",
    "ImageEvent",
    "ImageParams",
    "ImageResponse",
    "ImageTokens",
    "ImageUsage",
    "ListedModel",
    "ModelDeleted",
    "ModelList",
    "ModelParams",
    "ModerationParams",
    "ModerationResponse",
    "ModerationResult",
    "TextChoice",
    "TextCompletion",
    "TextCompletionChunk",
    "TextLogprobs",
    "TextParams",
    "TokenCount",
    "Verdicts",
    "Speech",
    "SpeechParams",
    "SpeechUsage",
    "Transcription",
    "TranscriptionEvent",
    "TranscriptionParams",
    "TranscriptionSegment",
    "TranscriptionUsage",
    "TranscriptionWord",
    "RerankParams",
    "RerankResponse",
    "RerankResult",
    "RerankUsage",
    "DeletedResponse",
    "InputItems",
    "Response",
    "ResponseEvent",
    "ResponseItem",
    "ResponseUsage",
    "ResponsesParams",
    "StoredParams",
    "ContentBlock",
    "MessageEvent",
    "MessageResponse",
    "MessageUsage",
    "MessagesParams",
]

__getattr__, __dir__ = late_names(globals(), _HOMES)
