"""Every wire of OpenAI, Anthropic and Gemini beside chat, with a call and the schema of its answer. Tests only."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from llmkit._call import Call
from llmkit._calls import (
    CountCall,
    EmbeddingCall,
    ImageCall,
    MessagesCall,
    ModerationCall,
    ResourceCall,
    ResponsesCall,
    SpeechCall,
    TextCall,
    TranscriptionCall,
)
from llmkit._http import HTTPResponse
from llmkit._upload import Upload
from llmkit.wires.anthropic_messages.native import MESSAGES
from llmkit.wires.anthropic_resources.batches import AnthropicBatches
from llmkit.wires.anthropic_resources.counting import AnthropicCount
from llmkit.wires.anthropic_resources.files import AnthropicFiles
from llmkit.wires.anthropic_resources.models import AnthropicModels
from llmkit.wires.gemini_resources.batches import GeminiBatches
from llmkit.wires.gemini_resources.caches import GeminiCaches
from llmkit.wires.gemini_resources.counting import GeminiCount
from llmkit.wires.gemini_resources.embeddings import GeminiEmbeddings
from llmkit.wires.gemini_resources.files import GeminiFiles
from llmkit.wires.gemini_resources.models import GeminiModels
from llmkit.wires.openai_audio import SPEECH, TRANSCRIPTION
from llmkit.wires.openai_embeddings import EMBEDDINGS
from llmkit.wires.openai_images import IMAGES
from llmkit.wires.openai_moderation import MODERATIONS
from llmkit.wires.openai_resources.batches import BATCHES
from llmkit.wires.openai_resources.counting import OpenAICount
from llmkit.wires.openai_resources.files import FILES
from llmkit.wires.openai_resources.models import MODELS
from llmkit.wires.openai_responses import CHAT, RESPONSES
from llmkit.wires.openai_responses.stored import STORED
from llmkit.wires.openai_text import TEXTS

WHO = ("call_1", "acme", "m")
SAID = [{"role": "user", "content": "Hello"}]
OPENAI, ANTHROPIC, GEMINI = "openai/openapi.yaml", "anthropic/openapi.yaml", "gemini/openapi.json"


def file(name: str = "a.mp3") -> Upload:
    """A little file."""
    return Upload.of((name, b"Hello"))


def kept(resource: str, action: str, **more: Any) -> ResourceCall:
    """A call for a kept thing."""
    return ResourceCall(*WHO, resource=resource, action=action, target="t", **more)  # type: ignore[arg-type]


TOLD: list[tuple[str, str, Any, Call]] = [
    (OPENAI, "Response", RESPONSES, ResponsesCall(*WHO, "x")),
    (OPENAI, "Response", STORED, kept("responses", "retrieve")),
    (OPENAI, "Response", STORED, kept("responses", "cancel")),
    (OPENAI, "ResponseItemList", STORED, kept("responses", "list")),
    (OPENAI, "TokenCountsResource", OpenAICount(CHAT), CountCall(*WHO, SAID)),
    (OPENAI, "CreateEmbeddingResponse", EMBEDDINGS, EmbeddingCall(*WHO, ("x",))),
    (OPENAI, "CreateModerationResponse", MODERATIONS, ModerationCall(*WHO, ("x",))),
    (OPENAI, "CreateCompletionResponse", TEXTS, TextCall(*WHO, "x")),
    (OPENAI, "ImagesResponse", IMAGES, ImageCall(*WHO, "x")),
    (OPENAI, "CreateTranscriptionResponseJson", TRANSCRIPTION, TranscriptionCall(*WHO, file())),
    (
        OPENAI,
        "CreateTranscriptionResponseDiarizedJson",
        TRANSCRIPTION,
        TranscriptionCall(*WHO, file()),
    ),
    (
        OPENAI,
        "CreateTranscriptionResponseVerboseJson",
        TRANSCRIPTION,
        TranscriptionCall(*WHO, file()),
    ),
    (OPENAI, "CreateTranslationResponseJson", TRANSCRIPTION, TranscriptionCall(*WHO, file(), True)),
    (
        OPENAI,
        "CreateTranslationResponseVerboseJson",
        TRANSCRIPTION,
        TranscriptionCall(*WHO, file(), True),
    ),
    (OPENAI, "OpenAIFile", FILES, kept("files", "retrieve")),
    (OPENAI, "ListFilesResponse", FILES, kept("files", "list")),
    (OPENAI, "DeleteFileResponse", FILES, kept("files", "delete")),
    (OPENAI, "Batch", BATCHES, kept("batches", "retrieve")),
    (OPENAI, "ListBatchesResponse", BATCHES, kept("batches", "list")),
    (OPENAI, "ListModelsResponse", MODELS, kept("models", "list")),
    (OPENAI, "Model", MODELS, kept("models", "retrieve")),
    (OPENAI, "DeleteModelResponse", MODELS, kept("models", "delete")),
    (ANTHROPIC, "Message", MESSAGES, MessagesCall(*WHO, SAID)),
    (ANTHROPIC, "BetaMessage", MESSAGES, MessagesCall(*WHO, SAID)),
    (ANTHROPIC, "MessageBatch", AnthropicBatches(), kept("batches", "retrieve")),
    (ANTHROPIC, "ListResponse_MessageBatch_", AnthropicBatches(), kept("batches", "list")),
    (ANTHROPIC, "DeleteMessageBatchResponse", AnthropicBatches(), kept("batches", "delete")),
    (ANTHROPIC, "BetaCountMessageTokensResponse", AnthropicCount(), CountCall(*WHO, SAID)),
    (ANTHROPIC, "BetaFileMetadataSchema", AnthropicFiles(), kept("files", "retrieve")),
    (ANTHROPIC, "BetaFileListResponse", AnthropicFiles(), kept("files", "list")),
    (ANTHROPIC, "BetaFileDeleteResponse", AnthropicFiles(), kept("files", "delete")),
    (ANTHROPIC, "BetaModelInfo", AnthropicModels(), kept("models", "retrieve")),
    (ANTHROPIC, "BetaListResponse_ModelInfo_", AnthropicModels(), kept("models", "list")),
    (GEMINI, "BatchEmbedContentsResponse", GeminiEmbeddings(), EmbeddingCall(*WHO, ("x",))),
    (GEMINI, "EmbedContentResponse", GeminiEmbeddings(), EmbeddingCall(*WHO, ("x",))),
    (GEMINI, "CountTokensResponse", GeminiCount(), CountCall(*WHO, SAID)),
    (GEMINI, "File", GeminiFiles(), kept("files", "retrieve")),
    (GEMINI, "CreateFileResponse", GeminiFiles(), kept("files", "create")),
    (GEMINI, "ListFilesResponse", GeminiFiles(), kept("files", "list")),
    (GEMINI, "CachedContent", GeminiCaches(), kept("caches", "retrieve")),
    (GEMINI, "ListCachedContentsResponse", GeminiCaches(), kept("caches", "list")),
    (GEMINI, "Model", GeminiModels(), kept("models", "retrieve")),
    (GEMINI, "ListModelsResponse", GeminiModels(), kept("models", "list")),
    (GEMINI, "Operation", GeminiBatches(), kept("batches", "retrieve")),
    (GEMINI, "ListOperationsResponse", GeminiBatches(), kept("batches", "list")),
]
"""Document, schema of the answer, wire, call."""

STREAMED: dict[str, tuple[Any, Call]] = {
    "responses": (RESPONSES, ResponsesCall(*WHO, "x", stream=True)),
    "images": (IMAGES, ImageCall(*WHO, "x", stream=True)),
    "edits": (IMAGES, ImageCall(*WHO, "x", images=(file(),), action="edit", stream=True)),
    "transcription": (TRANSCRIPTION, TranscriptionCall(*WHO, file(), stream=True)),
    "speech": (SPEECH, SpeechCall(*WHO, "x", "v", stream=True)),
    "text": (TEXTS, TextCall(*WHO, "x", stream=True)),
    "messages": (MESSAGES, MessagesCall(*WHO, SAID, stream=True)),
}
"""What streams, and a call for it."""


def answered(body: Any) -> HTTPResponse:
    """An answer in JSON."""
    return HTTPResponse(200, {"content-type": "application/json"}, json.dumps(body).encode())


def sse(events: Iterable[Any]) -> bytes:
    """Events as they are sent."""
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)


def driven(name: str, raw: bytes, cut: int = 61) -> tuple[list[Any], Any]:
    """A stream read to its end: its chunks, and the answer."""
    wire, call = STREAMED[name]
    decoder = wire.decoder(call)
    made: list[Any] = []
    for start in range(0, len(raw), cut):
        made += decoder.feed(raw[start : start + cut])
    made += decoder.finish()
    return made, decoder.result()


def dumped(answer: Any) -> Any:
    """What is kept of an answer, as plain JSON."""
    return json.loads(answer.model_dump_json(exclude_unset=True))
