"""Every wire of a call beside chat, with a call of it and real-shaped traffic to be broken."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from llmkit._calls import (
    CountCall,
    EmbeddingCall,
    ImageCall,
    MessagesCall,
    ModerationCall,
    RerankCall,
    ResourceCall,
    ResponsesCall,
    SpeechCall,
    TextCall,
    TranscriptionCall,
)
from llmkit._upload import Upload
from llmkit.fronts.over_chat import messages_over, responses_over
from llmkit.wires.anthropic_messages.native import NativeMessages
from llmkit.wires.anthropic_resources.batches import AnthropicBatches
from llmkit.wires.anthropic_resources.counting import AnthropicCount
from llmkit.wires.anthropic_resources.files import AnthropicFiles
from llmkit.wires.anthropic_resources.models import AnthropicModels
from llmkit.wires.assemblyai import TRANSCRIPTION as ASSEMBLYAI
from llmkit.wires.batch_bags import BatchBags
from llmkit.wires.batch_jobs import BatchJobs
from llmkit.wires.bedrock_converse import BedrockConverse
from llmkit.wires.bedrock_count import BedrockCount
from llmkit.wires.bedrock_embeddings import EMBEDDINGS as BEDROCK_EMBEDDINGS
from llmkit.wires.bedrock_rerank import BEDROCK_RERANK
from llmkit.wires.bedrock_text import BEDROCK_TEXT
from llmkit.wires.cohere_embed import CohereEmbed
from llmkit.wires.cohere_generate import GENERATE
from llmkit.wires.cohere_rerank import COHERE_V2
from llmkit.wires.deepgram import LISTEN, SPEAK
from llmkit.wires.elevenlabs import SPEECH as ELEVENLABS_SPEECH
from llmkit.wires.elevenlabs import TRANSCRIPTION as ELEVENLABS
from llmkit.wires.gemini import Gemini
from llmkit.wires.gemini_resources.batches import GeminiBatches
from llmkit.wires.gemini_resources.caches import GeminiCaches
from llmkit.wires.gemini_resources.counting import GeminiCount
from llmkit.wires.gemini_resources.embeddings import GeminiEmbeddings
from llmkit.wires.gemini_resources.files import GeminiFiles
from llmkit.wires.gemini_resources.images import GeminiImages
from llmkit.wires.gemini_resources.models import GeminiModels
from llmkit.wires.ollama_embed import OLLAMA_EMBED
from llmkit.wires.ollama_generate import OLLAMA_GENERATE
from llmkit.wires.ollama_models import OllamaModels
from llmkit.wires.openai_audio import SPEECH, TRANSCRIPTION
from llmkit.wires.openai_chat import OpenAIChat
from llmkit.wires.openai_embeddings import OpenAIEmbeddings
from llmkit.wires.openai_images import OpenAIImages
from llmkit.wires.openai_moderation import OpenAIModeration
from llmkit.wires.openai_resources.batches import OpenAIBatches
from llmkit.wires.openai_resources.counting import OpenAICount
from llmkit.wires.openai_resources.files import OpenAIFiles
from llmkit.wires.openai_resources.models import OpenAIModels
from llmkit.wires.openai_responses import CHAT, RESPONSES
from llmkit.wires.openai_responses.stored import STORED
from llmkit.wires.openai_text import OPEN
from llmkit.wires.passage_rerank import PassageRerank
from llmkit.wires.replicate import ReplicateChat
from llmkit.wires.replicate.images import IMAGES as REPLICATE_IMAGES
from llmkit.wires.retrieval_embeddings import RetrievalEmbeddings
from llmkit.wires.sagemaker import SAGEMAKER_TEXT
from llmkit.wires.vertex_embeddings import CONTENTS, TEXTS
from llmkit.wires.watsonx.embeddings import WatsonxEmbeddings
from llmkit.wires.watsonx.text import WatsonxText

from . import _chats, _sound
from ._framing import invoked, lines, sent
from ._traffic import ANSWERS, STREAMS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmkit._call import Call

    from ._framing import Framing
    from ._traffic import Event

__all__ = ["KINDS", "Subject"]


@dataclass(frozen=True)
class Subject:
    """A wire, a call for it, and what sound answers it gets."""

    wire: Any
    call: Call
    answers: list[str]
    """Of a call of several requests: in the order in which it asks."""
    streams: tuple[list[Event], ...] = ()
    framing: Framing = sent
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of each answer."""


_WHO = ("call_1", "acme", "m1")
_HELLO = [{"role": "user", "content": "hi"}]


def _kept(resource: Any, action: Any, target: str | None = None, **more: Any) -> ResourceCall:
    params = more.pop("params", {})
    return ResourceCall(*_WHO, resource, action, target, params=params, **more)


def _subject(wire: Any, call: Call, *answers: Any, **more: Any) -> Subject:
    told = [answer if isinstance(answer, str) else json.dumps(answer) for answer in answers]
    return Subject(wire, call, told, **more)


def _named(*events: dict[str, Any]) -> tuple[list[Event], ...]:
    return ([(str(event.get("type", "")), json.dumps(event)) for event in events],)


# --- embeddings ---------------------------------------------------------------------------------

_VECTORS = {
    "object": "list",
    "data": [
        {"object": "embedding", "index": 1, "embedding": "AACAPwAAAEA="},
        {"object": "embedding", "index": 0, "embedding": [0.5, -1]},
    ],
    "model": "m1",
    "usage": {"prompt_tokens": 4, "total_tokens": 4, "prompt_tokens_details": {"a": 1}},
}
_PREDICTED = {
    "embeddings": {"values": [0.5], "statistics": {"token_count": 4.0, "truncated": False}}
}
_COHERE = {
    "id": "e1",
    "embeddings": {"float": [[0.5, -1], [1, 0]], "int8": [[1, 2], [3, 4]]},
    "texts": ["a", "b"],
    "meta": {"billed_units": {"input_tokens": 3, "images": 1}},
}


def _embedding(model: str = "m1", **params: Any) -> EmbeddingCall:
    return EmbeddingCall("call_1", "acme", model, ("a", "b"), params=params)


EMBEDDINGS = {
    "openai": _subject(OpenAIEmbeddings(), _embedding(), _VECTORS),
    "openai in batches": _subject(OpenAIEmbeddings(most=1), _embedding(), _VECTORS, _VECTORS),
    "retrieval": _subject(
        RetrievalEmbeddings(names={"output_dtype": "output_dtype"}),
        _embedding(output_dtype="int8"),
        _VECTORS,
    ),
    "cohere": _subject(CohereEmbed(), _embedding(), _COHERE),
    "cohere, first": _subject(
        CohereEmbed(version="v1"), _embedding(), {**_COHERE, "embeddings": [[0.5], [1]]}
    ),
    "bedrock titan": _subject(
        BEDROCK_EMBEDDINGS,
        _embedding("amazon.titan-embed-text-v2:0"),
        {"embedding": [0.5], "inputTextTokenCount": 3, "embeddingsByType": {"float": [0.5]}},
        {"embeddingsByType": {"binary": [1]}, "inputTextTokenCount": 3},
    ),
    "bedrock nova": _subject(
        BEDROCK_EMBEDDINGS,
        _embedding("amazon.nova-2-multimodal-embeddings-v1:0"),
        *[{"embeddings": [{"embeddingType": "TEXT", "embedding": [0.5]}], "inputTextTokenCount": 3}]
        * 2,
    ),
    "bedrock cohere": _subject(BEDROCK_EMBEDDINGS, _embedding("cohere.embed-v4:0"), _COHERE),
    "vertex": _subject(
        TEXTS,
        _embedding(),
        {"predictions": [_PREDICTED] * 2, "metadata": {"billableCharacterCount": 9}},
    ),
    "vertex contents": _subject(
        CONTENTS,
        _embedding(),
        *[{"embedding": {"values": [0.5]}, "usageMetadata": {"promptTokenCount": 3}}] * 2,
    ),
    "gemini": _subject(
        GeminiEmbeddings(),
        _embedding(),
        {
            "embeddings": [{"values": [0.5]}, {"values": [1]}],
            "usageMetadata": {"promptTokenCount": 3},
        },
    ),
    "ollama": _subject(
        OLLAMA_EMBED,
        _embedding(),
        {"model": "m1", "embeddings": [[0.5], [1]], "total_duration": 9, "prompt_eval_count": 3},
    ),
    "watsonx": _subject(
        WatsonxEmbeddings(),
        _embedding(),
        {
            "model_id": "m1",
            "created_at": "2026-11-22T10:00:00.123Z",
            "results": [{"embedding": [0.5], "input": "a"}, {"embedding": [1]}],
            "input_token_count": 3,
        },
    ),
}

# --- rerank, moderation, counts -----------------------------------------------------------------

_RANKED = {
    "id": "r1",
    "results": [
        {"index": 1, "relevance_score": 0.9, "document": {"text": "b"}},
        {"index": 0, "relevance_score": 0.1},
    ],
    "meta": {"billed_units": {"search_units": 1}, "tokens": {"input_tokens": 9}},
    "usage": {"total_tokens": 9},
}
_RERANK = RerankCall(
    *_WHO, "q", ("a", {"text": "b"}), params={"return_documents": True, "top_n": 1}
)
_JUDGED = {
    "id": "m1",
    "model": "m1",
    "results": [
        {
            "flagged": True,
            "categories": {"hate": True, "self-harm/intent": False},
            "category_scores": {"hate": 0.9, "self-harm/intent": 0.1},
            "category_applied_input_types": {"hate": ["text"]},
        },
        {"categories": {"hate": False}, "category_scores": {"hate": 0}},
    ],
    "usage": {"prompt_tokens": 3, "total_tokens": 3},
}
_COUNT = CountCall(*_WHO, _HELLO)
JUDGEMENTS = {
    "rerank": _subject(COHERE_V2, _RERANK, _RANKED),
    "rerank of passages": _subject(
        PassageRerank(),
        _RERANK,
        {"rankings": [{"index": 0, "logit": 0.9}], "usage": {"total_tokens": 3}},
    ),
    "rerank bedrock": _subject(
        BEDROCK_RERANK, _RERANK, {"results": [{"index": 0, "relevanceScore": 0.9, "document": {}}]}
    ),
    "moderation": _subject(OpenAIModeration(), ModerationCall(*_WHO, ("x", "y")), _JUDGED),
    "count anthropic": _subject(
        AnthropicCount(), _COUNT, {"input_tokens": 3, "context_management": {}}
    ),
    "count openai": _subject(OpenAICount(CHAT), _COUNT, {"input_tokens": 3, "object": "x"}),
    "count gemini": _subject(
        GeminiCount(),
        _COUNT,
        {"totalTokens": 3, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 3}]},
    ),
    "count bedrock": _subject(BedrockCount(BedrockConverse()), _COUNT, {"inputTokens": 3}),
}

# --- texts and pictures -------------------------------------------------------------------------

_TEXT = TextCall(*_WHO, "x", stream=True)
TEXTS_ = {
    "text": _subject(OPEN, _TEXT, _sound.TEXT, streams=_named(*_sound.TEXT_EVENTS)),
    "text of code": _subject(
        OPEN, _TEXT, ANSWERS["openai_chat"][0], streams=(STREAMS["openai_chat"][0],)
    ),
    "text ollama": _subject(
        OLLAMA_GENERATE,
        _TEXT,
        _sound.GENERATED[-1],
        streams=_named(*_sound.GENERATED),
        framing=lines,
    ),
    "text watsonx": _subject(
        WatsonxText(), _TEXT, _sound.WATSONX[-1], streams=_named(*_sound.WATSONX)
    ),
    "text cohere": _subject(
        GENERATE, _TEXT, _sound.COHERE_TEXT, streams=_named(*_sound.COHERE_EVENTS), framing=lines
    ),
    "text sagemaker": _subject(SAGEMAKER_TEXT, TextCall(*_WHO, "x"), *_sound.SAGEMAKER),
    **{
        f"text bedrock {model}": _subject(
            BEDROCK_TEXT,
            TextCall("call_1", "acme", model, "x", stream=True),
            answer,
            streams=_named(*events),
            framing=invoked,
        )
        for model, (answer, events) in _sound.BEDROCK_TEXTS.items()
    },
}
_IMAGE = ImageCall(*_WHO, "x", stream=True)
_PREDICTIONS = {
    "predictions": [
        {"bytesBase64Encoded": "aGk=", "mimeType": "image/png", "prompt": "x"},
        {"raiFilteredReason": "no"},
    ]
}
_DRAWN = json.loads(_chats.PREDICTION) | {
    "output": ["https://a.test/1.png", "data:image/png;base64,aGk="]
}
_STARTING = {"id": "p1", "status": "starting", "urls": {"get": "https://a.test"}}
IMAGES = {
    "image": _subject(
        OpenAIImages(), _IMAGE, _sound.PICTURES, streams=_named(*_sound.IMAGE_EVENTS)
    ),
    "image gemini": _subject(GeminiImages(), ImageCall(*_WHO, "x"), _PREDICTIONS),
    "image replicate": _subject(
        REPLICATE_IMAGES, ImageCall(*_WHO, "x"), _STARTING, _STARTING, _DRAWN
    ),
}

# --- sound --------------------------------------------------------------------------------------

_WAV = Upload.of(("a.wav", b"RIFF....WAVE"))


def _heard(**params: Any) -> TranscriptionCall:
    return TranscriptionCall(*_WHO, _WAV, params=params)


_SPOKEN = SpeechCall(*_WHO, "Hello", "nova", stream=True)
_SUBTITLED = {"response_format": "srt", "timestamp_granularities": ["segment", "word"]}
SOUND = {
    **{
        f"transcription{named}": _subject(
            TRANSCRIPTION, _heard(**params), _sound.HEARD, streams=_named(*_sound.HEARD_EVENTS)
        )
        for named, params in (("", {}), (" as text", {"response_format": "text"}))
    },
    "transcription mistral": _subject(
        TRANSCRIPTION,
        _heard(),
        _sound.HEARD_ELSEWHERE,
        streams=_named(*_sound.HEARD_ELSEWHERE_EVENTS),
    ),
    **{
        f"transcription {name}": _subject(wire, _heard(**params), answer)
        for name, wire, answer, params in (
            ("deepgram", LISTEN, _sound.DEEPGRAM, {}),
            ("deepgram, subtitles", LISTEN, _sound.DEEPGRAM, _SUBTITLED),
            ("elevenlabs", ELEVENLABS, _sound.ELEVENLABS, {}),
            ("elevenlabs, subtitles", ELEVENLABS, _sound.ELEVENLABS, {"response_format": "vtt"}),
            ("elevenlabs, channels", ELEVENLABS, {"transcripts": [_sound.ELEVENLABS] * 2}, {}),
        )
    },
    "transcription assemblyai": _subject(
        ASSEMBLYAI, _heard(), {"upload_url": "https://a.test/u"}, _sound.QUEUED, _sound.ASSEMBLYAI
    ),
    "transcription assemblyai, subtitles": _subject(
        ASSEMBLYAI,
        _heard(**_SUBTITLED),
        {"upload_url": "https://a.test/u"},
        {**_sound.ASSEMBLYAI, "utterances": None},
        "1\n00:00 --> 00:01\nHi",
        {"sentences": _sound.ASSEMBLYAI["utterances"]},
    ),
    **{
        f"speech {name}": _subject(
            wire, _SPOKEN, "RIFF and so on, as bytes", streams=_named(*_sound.SPOKEN_EVENTS)
        )
        for name, wire in (
            ("openai", SPEECH),
            ("deepgram", SPEAK),
            ("elevenlabs", ELEVENLABS_SPEECH),
        )
    },
    "speech in JSON": _subject(
        SPEECH, _SPOKEN, {"audio_data": "UklGRg==", "usage": {"prompt_tokens": 3}}
    ),
}

# --- what is spoken of by their own forms -------------------------------------------------------

_RESPONSES = ResponsesCall(*_WHO, "hi", stream=True)
_MESSAGES = MessagesCall(*_WHO, _HELLO, params={"max_tokens": 9}, stream=True)
NATIVE = {
    "responses": _subject(
        RESPONSES,
        _RESPONSES,
        *ANSWERS["openai_responses"],
        streams=tuple(STREAMS["openai_responses"]),
    ),
    "messages": _subject(
        NativeMessages(),
        _MESSAGES,
        *ANSWERS["anthropic_messages"],
        streams=tuple(STREAMS["anthropic_messages"]),
    ),
    **{
        f"{name} over {chat}": _subject(
            over(wire), call, *ANSWERS[chat], streams=tuple(STREAMS[chat])
        )
        for name, over, call in (
            ("responses", responses_over, _RESPONSES),
            ("messages", messages_over, _MESSAGES),
        )
        for chat, wire in (
            ("openai_chat", OpenAIChat()),
            ("gemini", Gemini()),
            ("openai_responses", CHAT),
        )
    },
    "responses over replicate": _subject(
        responses_over(ReplicateChat()), ResponsesCall(*_WHO, "hi"), _STARTING, _chats.PREDICTION
    ),
    "replicate": _subject(
        ReplicateChat(),
        _chats.CALL,
        _STARTING,
        _STARTING | {"status": "processing"},
        _chats.PREDICTION,
    ),
    "stored response": _subject(
        STORED, _kept("responses", "retrieve", "r"), *ANSWERS["openai_responses"]
    ),
    "items of a response": _subject(
        STORED,
        _kept("responses", "list", "r"),
        {"object": "list", "data": [{"type": "message"}], "has_more": False, "last_id": "x"},
    ),
}

# --- things that are kept -----------------------------------------------------------------------

_FILE = Upload.of(("a.txt", b"Hello"))
_GEMINI_FILE = {
    "name": "files/f",
    "displayName": "a.txt",
    "mimeType": "text/plain",
    "sizeBytes": "5",
    "createTime": "2026-11-22T10:00:00.123456Z",
    "state": "ACTIVE",
    "uri": "https://a.test/f",
}
RESOURCES = {
    "files openai": _subject(OpenAIFiles(), _kept("files", "list"), _sound.FILES),
    "file openai": _subject(
        OpenAIFiles(), _kept("files", "retrieve", "f"), _sound.FILES["data"][0]
    ),
    "files anthropic": _subject(AnthropicFiles(), _kept("files", "list"), _sound.ANTHROPIC_FILES),
    "files gemini": _subject(
        GeminiFiles(), _kept("files", "list"), {"files": [_GEMINI_FILE], "nextPageToken": "t"}
    ),
    "upload gemini": _subject(
        GeminiFiles(),
        _kept("files", "create", file=_FILE),
        {},
        {"file": _GEMINI_FILE},
        headers={"x-goog-upload-url": "https://a.test/u"},
    ),
    "content gemini": _subject(GeminiFiles(), _kept("files", "content", "files/f"), _GEMINI_FILE),
    "batch openai": _subject(OpenAIBatches(), _kept("batches", "retrieve", "b"), _sound.BATCH),
    "batches openai": _subject(
        OpenAIBatches(), _kept("batches", "list"), {"data": [_sound.BATCH], "has_more": True}
    ),
    "results openai": _subject(
        OpenAIBatches(), _kept("batches", "content", "b"), _sound.BATCH, _sound.LINES, _sound.LINES
    ),
    "batch anthropic": _subject(
        AnthropicBatches(), _kept("batches", "retrieve", "b"), _sound.ANTHROPIC_BATCH
    ),
    "results anthropic": _subject(
        AnthropicBatches(),
        _kept("batches", "content", "b"),
        "\n".join(map(json.dumps, _sound.RESULTS)),
        streams=_named(*_sound.RESULTS),
        framing=lines,
    ),
    "batch gemini": _subject(
        GeminiBatches(), _kept("batches", "retrieve", "batches/b"), _sound.GEMINI_BATCH
    ),
    "results gemini": _subject(
        GeminiBatches(), _kept("batches", "content", "batches/b"), _sound.GEMINI_BATCH
    ),
    "results gemini, in a file": _subject(
        GeminiBatches(),
        _kept("batches", "content", "batches/b"),
        {"name": "batches/b", "response": {"responsesFile": "files/f"}},
        json.dumps({"key": "1", "response": json.loads(ANSWERS["gemini"][0])}),
    ),
    "jobs": _subject(BatchJobs(), _kept("batches", "list"), {"data": [_sound.JOB]}),
    "results of a job": _subject(
        BatchJobs(), _kept("batches", "content", "j"), {**_sound.JOB, "outputs": None}, _sound.LINES
    ),
    "bags": _subject(BatchBags(), _kept("batches", "list"), {"batches": [_sound.BAG]}),
    "results of a bag": _subject(BatchBags(), _kept("batches", "content", "b"), *_sound.BAG_PAGES),
    "caches": _subject(
        GeminiCaches(),
        _kept("caches", "list"),
        {"cachedContents": [_sound.CACHE], "nextPageToken": "t"},
    ),
    "cache": _subject(GeminiCaches(), _kept("caches", "retrieve", "c"), _sound.CACHE),
    "models openai": _subject(OpenAIModels(), _kept("models", "list"), _sound.MODELS),
    "models anthropic": _subject(
        AnthropicModels(), _kept("models", "list"), *_sound.ANTHROPIC_MODELS
    ),
    "models gemini": _subject(GeminiModels(), _kept("models", "list"), *_sound.GEMINI_MODELS),
    "models ollama": _subject(OllamaModels(), _kept("models", "list"), _sound.TAGS),
}

KINDS: dict[str, Subject] = {
    **{f"embedding {name}": subject for name, subject in EMBEDDINGS.items()},
    **JUDGEMENTS,
    **TEXTS_,
    **IMAGES,
    **SOUND,
    **NATIVE,
    **RESOURCES,
}
