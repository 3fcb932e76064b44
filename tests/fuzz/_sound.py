"""Answers and streams of the calls beside chat, in the shapes that their documentation has. Data only."""

from __future__ import annotations

import json
from typing import Any

__all__ = [
    "ANTHROPIC_BATCH",
    "ANTHROPIC_FILES",
    "ANTHROPIC_MODELS",
    "ASSEMBLYAI",
    "BAG",
    "BAG_PAGES",
    "BATCH",
    "BEDROCK_TEXTS",
    "CACHE",
    "COHERE_EVENTS",
    "COHERE_TEXT",
    "DEEPGRAM",
    "ELEVENLABS",
    "FILES",
    "GEMINI_BATCH",
    "GEMINI_MODELS",
    "GENERATED",
    "HEARD",
    "HEARD_ELSEWHERE",
    "HEARD_ELSEWHERE_EVENTS",
    "HEARD_EVENTS",
    "IMAGE_EVENTS",
    "JOB",
    "LINES",
    "MODELS",
    "PICTURES",
    "QUEUED",
    "RESULTS",
    "SAGEMAKER",
    "SPOKEN_EVENTS",
    "TAGS",
    "TEXT",
    "TEXT_EVENTS",
    "WATSONX",
]

_MOMENT = "2026-11-22T10:00:00.123456Z"
_USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}

# --- texts --------------------------------------------------------------------------------------

_LOGPROBS = {
    "tokens": ["a"],
    "token_logprobs": [-0.5],
    "top_logprobs": [{"a": -0.5}],
    "text_offset": [0],
}
TEXT = {
    "id": "cmpl-1",
    "object": "text_completion",
    "created": 5,
    "model": "m1",
    "choices": [{"text": "Grüße", "index": 0, "logprobs": _LOGPROBS, "finish_reason": "stop"}],
    "usage": _USAGE,
}
TEXT_EVENTS: list[dict[str, Any]] = [
    {
        **TEXT,
        "choices": [{"text": "Grü", "index": 0, "logprobs": _LOGPROBS, "finish_reason": None}],
    },
    {
        **TEXT,
        "choices": [{"text": "x", "index": 1}, {"text": "ße", "index": 0, "logprobs": _LOGPROBS}],
    },
    {**TEXT, "choices": [{"text": "", "index": i, "finish_reason": "length"} for i in (0, 1)]},
    {"id": "cmpl-1", "choices": [], "usage": _USAGE},
]
_COUNTS = {"prompt_eval_count": 5, "prompt_eval_cached_count": 1, "eval_count": 7}
_TOKEN = {"token": "a", "logprob": -0.5, "top_logprobs": [{"token": "b", "logprob": -1}]}
GENERATED: list[dict[str, Any]] = [
    {"model": "m1", "created_at": _MOMENT, "response": "Grü", "thinking": "Hm", "done": False},
    {"model": "m1", "created_at": _MOMENT, "response": "ße", "done": False, "logprobs": [_TOKEN]},
    {"model": "m1", "response": "", "done": True, "done_reason": "stop", "context": [1], **_COUNTS},
]
WATSONX: list[dict[str, Any]] = [
    {
        "model_id": "m1",
        "created_at": _MOMENT,
        "results": [
            {
                "generated_text": text,
                "generated_token_count": 2,
                "input_token_count": 3,
                "stop_reason": reason,
            }
        ],
        "system": {"warnings": [{"message": "x"}]},
    }
    for text, reason in (("Grü", "not_finished"), ("ße", "eos_token"))
]
_SAID = {"id": "g1", "text": "Grüße", "finish_reason": "COMPLETE"}
COHERE_TEXT = {
    "id": "x",
    "generations": [
        {**_SAID, "index": 0, "token_likelihoods": [{"token": "a", "likelihood": -0.5}]}
    ],
    "prompt": "x",
    "meta": {"billed_units": {"input_tokens": 3, "output_tokens": 4}, "cached_tokens": 1},
}
COHERE_EVENTS: list[dict[str, Any]] = [
    {"event_type": "text-generation", "text": "Grü", "index": 0, "is_finished": False},
    {"event_type": "text-generation", "text": "ße", "is_finished": False},
    {
        "event_type": "stream-end",
        "is_finished": True,
        "finish_reason": "COMPLETE",
        "response": COHERE_TEXT,
    },
]
SAGEMAKER: list[Any] = [
    [
        {
            "generated_text": "Grüße",
            "details": {"finish_reason": "length", "generated_tokens": 4},
        }
    ]
]
_METRICS = {
    "amazon-bedrock-invocationMetrics": {"inputTokenCount": 3, "outputTokenCount": 4.0},
    "amazon-bedrock-guardrailAction": "NONE",
}
BEDROCK_TEXTS: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
    "amazon.titan-text-lite-v1": (
        {
            "inputTextTokenCount": 3,
            "results": [{"tokenCount": 4, "outputText": "Grüße", "completionReason": "FINISH"}],
        },
        [
            {"outputText": "Grü", "index": 0, "completionReason": None, "inputTextTokenCount": 3},
            {"outputText": "ße", "index": 0, "completionReason": "FINISH", **_METRICS},
        ],
    ),
    "meta.llama3-70b": (
        {
            "generation": "Grüße",
            "prompt_token_count": 3,
            "generation_token_count": 4,
            "stop_reason": "stop",
        },
        [
            {"generation": "Grü", "prompt_token_count": 3, "stop_reason": None},
            {"generation": "ße", "generation_token_count": 2, "stop_reason": "stop", **_METRICS},
        ],
    ),
    "cohere.command-text-v14": (
        {"generations": [_SAID], "prompt": "x"},
        [
            {"is_finished": False, "text": "Grü", "index": 1},
            {"finish_reason": "COMPLETE", "is_finished": True, **_METRICS},
        ],
    ),
}

# --- pictures -----------------------------------------------------------------------------------

_PIXELS = {
    "input_tokens": 1,
    "output_tokens": 2,
    "total_tokens": 3,
    "input_tokens_details": {"text_tokens": 1, "image_tokens": 0},
}
PICTURES = {
    "created": 5,
    "data": [{"b64_json": "aGk=", "revised_prompt": "y"}, {"url": "https://a.test/1.png"}],
    "usage": _PIXELS,
    "size": "1024x1024",
    "output_format": "png",
}
IMAGE_EVENTS: list[dict[str, Any]] = [
    {"type": "image_generation.partial_image", "partial_image_index": 0, "b64_json": "aGk="},
    *[
        {
            "type": "image_generation.completed",
            "b64_json": "aGk=",
            "created_at": 5,
            "usage": _PIXELS,
        }
    ]
    * 2,
]

# --- sound --------------------------------------------------------------------------------------

_SECONDS = {"start": 0.5, "end": 1.5}
HEARD = {
    "task": "transcribe",
    "language": "english",
    "duration": 2.5,
    "text": "Hi there.",
    "words": [{"word": "Hi", **_SECONDS}],
    "segments": [{"id": 0, "text": "Hi there.", "avg_logprob": -0.5, **_SECONDS}],
    "usage": {"type": "duration", "seconds": 3},
}
HEARD_EVENTS: list[dict[str, Any]] = [
    {"type": "transcript.text.delta", "delta": "Hi", "logprobs": [{"token": "Hi", "logprob": -1}]},
    {"type": "transcript.text.segment", "id": "s", "text": "Hi you.", "speaker": "A", **_SECONDS},
    {
        "type": "transcript.text.done",
        "text": "Hi you.",
        "usage": {
            "type": "tokens",
            "input_tokens": 14,
            "input_token_details": {"text_tokens": 4, "audio_tokens": 10},
            "output_tokens": 5,
            "total_tokens": 19,
        },
    },
]
_ELSEWHERE = {**_USAGE, "prompt_audio_seconds": 3}
HEARD_ELSEWHERE = {
    "model": "m1",
    "text": "Hi",
    "language": "en",
    "segments": [{"text": "Hi", "speaker_id": 1, **_SECONDS}],
    "usage": _ELSEWHERE,
}
HEARD_ELSEWHERE_EVENTS: list[dict[str, Any]] = [
    {"type": "transcription.language", "audio_language": "en"},
    {"type": "transcription.text.delta", "text": "Hi"},
    {"type": "transcription.segment", "text": "Hi", "speaker_id": "1", **_SECONDS},
    {
        "type": "transcription.done",
        "model": "m1",
        "text": "Hi",
        "usage": _ELSEWHERE,
        "segments": [],
    },
]
_WORD = {"word": "hello", "punctuated_word": "Hello.", "confidence": 0.9, "speaker": 0, **_SECONDS}
_BEST = {
    "transcript": "Hello.",
    "confidence": 0.99,
    "words": [_WORD],
    "paragraphs": {"paragraphs": [{"speaker": 0, "sentences": [{"text": "Hello.", **_SECONDS}]}]},
}
DEEPGRAM = {
    "metadata": {"request_id": "r", "duration": 2.5, "channels": 2},
    "results": {
        "channels": [{"alternatives": [_BEST], "detected_language": "en"}] * 2,
        "utterances": [{"transcript": "Hello.", "speaker": 0, "id": "u", **_SECONDS}],
    },
}
ELEVENLABS = {
    "language_code": "eng",
    "text": "Hi you.",
    "words": [
        {"text": "Hi", "type": "word", "speaker_id": "speaker_0", "logprob": 0, **_SECONDS},
        {"text": " ", "type": "spacing", **_SECONDS},
        {"text": "(laughter)", "type": "audio_event", "speaker_id": "speaker_1", **_SECONDS},
    ],
    "duration": 3,
}
QUEUED = {"id": "t", "status": "queued"}
_MILLISECONDS = {"start": 100, "end": 500}
ASSEMBLYAI: dict[str, Any] = {
    "id": "t",
    "status": "completed",
    "text": "Hello.",
    "language_code": "en_us",
    "audio_duration": 3,
    "words": [{"text": "Hello.", "confidence": 0.9, "speaker": "A", **_MILLISECONDS}],
    "utterances": [{"text": "Hello.", "speaker": "A", "words": [1], **_MILLISECONDS}],
}
SPOKEN_EVENTS: list[dict[str, Any]] = [
    {"type": "speech.audio.delta", "audio": "UklGRg=="},
    {"type": "speech.audio.delta", "audio_data": "AAAA"},
    {"type": "speech.audio.done", "usage": {"input_tokens": 3, "output_tokens": 4}},
]

# --- what is kept -------------------------------------------------------------------------------

FILES: dict[str, Any] = {
    "object": "list",
    "data": [
        {
            "id": "f",
            "object": "file",
            "bytes": 5,
            "created_at": 5,
            "filename": "a.txt",
            "purpose": "batch",
        }
    ],
    "has_more": True,
    "last_id": "f",
}
ANTHROPIC_FILES = {
    "data": [
        {
            "id": "f",
            "type": "file",
            "filename": "a.txt",
            "mime_type": "text/plain",
            "size_bytes": 5,
            "created_at": _MOMENT,
            "downloadable": True,
        }
    ],
    "has_more": True,
    "last_id": "f",
}
BATCH = {
    "id": "b",
    "object": "batch",
    "endpoint": "/v1/chat/completions",
    "status": "completed",
    "output_file_id": "f1",
    "error_file_id": "f2",
    "created_at": 5,
    "request_counts": {"total": 2, "completed": 1, "failed": 1},
    "errors": {"data": [{"code": "x", "line": 1}]},
}
_ANSWER = {
    "id": "c1",
    "object": "chat.completion",
    "model": "m1",
    "choices": [{"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop"}],
    "usage": _USAGE,
}
LINES = "\n".join(
    json.dumps(line)
    for line in (
        {
            "id": "r1",
            "custom_id": "1",
            "response": {"status_code": 200, "request_id": "q", "body": _ANSWER},
            "error": None,
        },
        {
            "id": "r2",
            "custom_id": "2",
            "response": {"status_code": 400, "body": {"error": {"message": "No."}}},
        },
        {"custom_id": "3", "error": {"code": "batch_expired", "message": "late"}},
    )
)
ANTHROPIC_BATCH = {
    "id": "b",
    "type": "message_batch",
    "processing_status": "ended",
    "created_at": _MOMENT,
    "ended_at": _MOMENT,
    "expires_at": _MOMENT,
    "request_counts": {"processing": 0, "succeeded": 1, "errored": 1},
}
_MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m1",
    "content": [{"type": "text", "text": "Hi"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 1, "output_tokens": 2},
}
_WRONG = {"type": "error", "error": {"type": "invalid_request_error", "message": "No."}}
RESULTS: list[dict[str, Any]] = [
    {"custom_id": "1", "result": {"type": "succeeded", "message": _MESSAGE}},
    {"custom_id": "2", "result": {"type": "errored", "error": _WRONG}},
    {"custom_id": "3", "result": {"type": "expired"}},
]
_GENERATED = {
    "candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2},
}
GEMINI_BATCH = {
    "name": "batches/b",
    "done": True,
    "metadata": {
        "model": "models/m1",
        "displayName": "d",
        "state": "BATCH_STATE_SUCCEEDED",
        "createTime": _MOMENT,
        "endTime": _MOMENT,
        "batchStats": {"requestCount": "2", "successfulRequestCount": "1"},
    },
    "response": {
        "inlinedResponses": {
            "inlinedResponses": [
                {"response": _GENERATED, "metadata": {"key": "1"}},
                {"error": {"code": 400, "message": "No."}, "metadata": {"key": "2"}},
            ]
        }
    },
}
JOB = {
    "id": "j",
    "object": "batch",
    "input_files": ["f0"],
    "output_file": "f1",
    "error_file": None,
    "status": "SUCCESS",
    "created_at": 5,
    "started_at": 6,
    "total_requests": 2,
    "succeeded_requests": 1,
    "failed_requests": 1,
    "outputs": [{"custom_id": "1", "response": {"status_code": 200, "body": _ANSWER}}],
}
BAG = {
    "batch_id": "b",
    "name": "n",
    "create_time": _MOMENT,
    "expire_time": _MOMENT,
    "cancel_time": None,
    "state": {"num_requests": 2, "num_pending": 0, "num_success": 1, "num_error": 1},
}
BAG_PAGES: list[dict[str, Any]] = [
    {
        "results": [
            {
                "batch_request_id": "1",
                "batch_result": {"response": {"chat_get_completion": _ANSWER}},
            }
        ],
        "pagination_token": "t",
    },
    {
        "results": [{"batch_request_id": "2", "batch_result": {"error": "No."}}],
        "pagination_token": None,
    },
]
CACHE = {
    "name": "cachedContents/c",
    "model": "models/m1",
    "displayName": "d",
    "createTime": _MOMENT,
    "expireTime": _MOMENT,
    "usageMetadata": {"totalTokenCount": 9},
}
MODELS = {
    "object": "list",
    "data": [
        {
            "id": "m1",
            "object": "model",
            "created": 5,
            "owned_by": "a",
            "context_length": 9,
            "pricing": {"prompt": "0.1"},
        }
    ],
}
ANTHROPIC_MODELS: list[dict[str, Any]] = [
    {
        "data": [{"type": "model", "id": "m1", "display_name": "M", "created_at": _MOMENT}],
        "has_more": more,
        "last_id": "m1",
    }
    for more in (True, False)
]
GEMINI_MODELS: list[dict[str, Any]] = [
    {
        "models": [
            {
                "name": "models/m1",
                "displayName": "M",
                "inputTokenLimit": 9,
                "supportedGenerationMethods": ["x"],
            }
        ],
        "nextPageToken": token,
    }
    for token in ("t", None)
]
TAGS = {
    "models": [
        {
            "name": "m1:1b",
            "model": "m1:1b",
            "modified_at": _MOMENT,
            "size": 5,
            "details": {"family": "f", "parameter_size": "1B"},
        }
    ]
}
