"""Real-shaped traffic of the chats that came later, to be broken, and their wires."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from llmkit._call import ChatCall
from llmkit.wires.anthropic_messages import AnthropicMessages
from llmkit.wires.bedrock_converse import BedrockConverse
from llmkit.wires.bedrock_invoke import BedrockInvoke, InvokedConverse
from llmkit.wires.cohere_chat import CohereChat
from llmkit.wires.cohere_chat_v1 import CohereChatV1
from llmkit.wires.mistral_chat import MistralChat
from llmkit.wires.ollama_chat import OllamaChat
from llmkit.wires.openai_responses import CHAT
from llmkit.wires.replicate import ReplicateChat
from llmkit.wires.sagemaker import SageMakerChat
from llmkit.wires.watsonx import WatsonxChat

from . import _cohere

if TYPE_CHECKING:
    from llmkit.wires import ChatWire

    from ._traffic import Event

__all__ = ["CALL", "PREDICTION", "WIRES", "answers_of", "errors_of", "events_of"]

WIRES: dict[str, ChatWire] = {
    "cohere_chat": CohereChat(),
    "cohere_chat_v1": CohereChatV1(),
    "ollama_chat": OllamaChat(),
    "bedrock_converse": BedrockConverse(),
    "invoked_anthropic": BedrockInvoke(AnthropicMessages(), version="v", named=False),
    "invoked_lines": BedrockInvoke(CohereChatV1(), lines=True),
    "invoked_converse": InvokedConverse(BedrockConverse()),
    "openai_responses": CHAT,
    "replicate": ReplicateChat(),
    "mistral_chat": MistralChat(),
    "watsonx": WatsonxChat(),
    "sagemaker": SageMakerChat(),
}

# --- Ollama -------------------------------------------------------------------------------------

_HEAD = {"model": "tiny:1b", "created_at": "2026-11-22T10:00:00.123456789Z"}
_COUNTS = {
    "prompt_eval_count": 5,
    "prompt_eval_cached_count": 2,
    "eval_count": 7,
    "eval_duration": 3,
}
_LOGPROB = {"token": "a", "logprob": -0.5, "top_logprobs": [{"token": "b", "logprob": -1}]}


def _line(*, done: bool = False, **said: Any) -> dict[str, Any]:
    ended = {"done_reason": "stop", **_COUNTS} if done else {}
    message = {"role": "assistant", "content": "", **said}
    return {**_HEAD, "message": message, "done": done, **ended}


_USED = {"id": "c1", "function": {"name": "add", "arguments": {"a": [1, {}]}}}
_OLLAMA = [
    [
        _line(thinking="Let me"),
        _line(content="Grüße") | {"logprobs": [_LOGPROB]},
        _line(images=["iVBORw=="]),
        _line(done=True),
    ],
    [
        _line(tool_calls=[_USED]),
        _line(tool_calls=[_USED, {"function": {"name": "g"}}]),
        _line(done=True),
    ],
]

# --- Converse -----------------------------------------------------------------------------------

_COUNTED = {
    "inputTokens": 9,
    "outputTokens": 4,
    "totalTokens": 13,
    "cacheReadInputTokens": 2,
    "cacheWriteInputTokens": 1,
    "cacheDetails": [{"ttl": "5m", "inputTokens": 1}],
}
_CITED = {
    "title": "A",
    "source": "https://a.test",
    "sourceContent": [{"text": "a"}],
    "location": {"web": {"url": "https://a.test", "domain": "a.test"}},
}
_TRACE = {"guardrail": {"inputAssessment": {"g": {}}}}
_STOP = ("messageStop", {"stopReason": "tool_use", "additionalModelResponseFields": {"a": 1}})
_META = ("metadata", {"usage": _COUNTED, "metrics": {"latencyMs": 5}, "trace": _TRACE})
Told = tuple[str, dict[str, Any]]


def _block(index: int, *deltas: dict[str, Any], start: dict[str, Any] | None = None) -> list[Told]:
    place = {"contentBlockIndex": index}
    began: list[Told] = [("contentBlockStart", {**place, "start": start})] if start else []
    grown: list[Told] = [("contentBlockDelta", {**place, "delta": delta}) for delta in deltas]
    return [*began, *grown, ("contentBlockStop", place)]


_CONVERSE: list[list[Told]] = [
    [
        ("messageStart", {"role": "assistant"}),
        *_block(
            0, {"reasoningContent": {"text": "Let me"}}, {"reasoningContent": {"signature": "c2ln"}}
        ),
        *_block(1, {"text": "Grüße"}, {"citation": _CITED}),
        *_block(
            2,
            {"toolUse": {"input": '{"a": '}},
            {"toolUse": {"input": "1}"}},
            start={"toolUse": {"toolUseId": "t1", "name": "add"}},
        ),
        _STOP,
        _META,
    ],
    [
        ("messageStart", {"role": "assistant"}),
        *_block(0, {"reasoningContent": {"redactedContent": "eHl6"}}),
        *_block(1, {"reasoningContent": {"redactedContent": "eHl6Zg=="}}),
        *_block(
            2,
            {"toolUse": {"input": ""}},
            start={
                "toolUse": {"toolUseId": "s1", "name": "nova_grounding", "type": "server_tool_use"}
            },
        ),
        *_block(
            3,
            {"toolResult": [{"text": "r"}]},
            start={"toolResult": {"toolUseId": "s1", "status": "success"}},
        ),
        *_block(
            4, {"image": {"source": {"bytes": "iVBORw=="}}}, start={"image": {"format": "png"}}
        ),
        ("messageStop", {"stopReason": "end_turn"}),
        _META,
    ],
]
_BLOCKS = [
    {"reasoningContent": {"reasoningText": {"text": "Let me", "signature": "c2ln"}}},
    {"reasoningContent": {"redactedContent": "eHl6"}},
    {"text": "Grüße"},
    {"citationsContent": {"content": [{"text": "a"}], "citations": [_CITED]}},
    {"toolUse": {"toolUseId": "t1", "name": "add", "input": {"a": [1, {}]}}},
    {"image": {"format": "png", "source": {"bytes": "iVBORw=="}}},
]
_ANSWERED = {
    "output": {"message": {"role": "assistant", "content": _BLOCKS}},
    "stopReason": "end_turn",
    "usage": _COUNTED,
    "metrics": {"latencyMs": 5},
    "trace": _TRACE,
    "additionalModelResponseFields": {"a": 1},
}

# --- Responses ----------------------------------------------------------------------------------

_NOTE = {
    "type": "url_citation",
    "url": "https://a.test",
    "title": "A",
    "start_index": 0,
    "end_index": 2,
}
_SAID = {"type": "output_text", "text": "Grüße", "annotations": [_NOTE], "logprobs": [_LOGPROB]}
_ITEMS: list[dict[str, Any]] = [
    {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "Let me"}],
        "content": [{"type": "reasoning_text", "text": "Hm"}],
        "encrypted_content": "eHl6",
    },
    {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}},
    {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [_SAID],
    },
    {
        "type": "function_call",
        "id": "fc_1",
        "call_id": "c1",
        "name": "add",
        "arguments": '{"a": 1}',
    },
    {"type": "custom_tool_call", "id": "ct_1", "call_id": "c2", "name": "run", "input": "x"},
    {"type": "image_generation_call", "id": "ig_1", "result": "iVBORw==", "output_format": "png"},
]
_RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1_700_000_000,
    "status": "completed",
    "model": "m1",
    "output": _ITEMS,
    "usage": {
        "input_tokens": 9,
        "input_tokens_details": {"cached_tokens": 2},
        "output_tokens": 4,
        "output_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": 13,
    },
}


def _grown(kind: str, place: int, delta: str, **more: Any) -> dict[str, Any]:
    told = {"type": f"response.{kind}.delta", "item_id": _ITEMS[place]["id"], "output_index": place}
    return told | {"delta": delta} | more


def _added(place: int, *, done: bool = False, **fields: Any) -> dict[str, Any]:
    kind = f"response.output_item.{'done' if done else 'added'}"
    return {"type": kind, "output_index": place, "item": {**_ITEMS[place], **fields}}


_BEGUN = {
    "type": "response.created",
    "response": _RESPONSE | {"status": "in_progress", "output": []},
}
_RESPONSES: list[list[dict[str, Any]]] = [
    [
        _BEGUN,
        _added(0, summary=[], content=[]),
        _grown("reasoning_summary_text", 0, "Let me", summary_index=0),
        _grown("reasoning_text", 0, "Hm", content_index=0),
        _added(0, done=True),
        _added(2, content=[]),
        _grown("output_text", 2, "Grü", content_index=0, logprobs=[_LOGPROB]),
        _grown("output_text", 2, "ße", content_index=0),
        _added(2, done=True),
        _added(3, arguments=""),
        _grown("function_call_arguments", 3, '{"a": 1}'),
        _added(3, done=True),
        {"type": "response.completed", "response": _RESPONSE},
    ],
    [
        _BEGUN,
        _added(1, done=True),
        _added(4, done=True),
        _added(5, done=True),
        _grown("refusal", 2, "No.", content_index=1),
        _grown("custom_tool_call_input", 4, "x"),
        {"type": "response.queued", "response": {"id": "resp_2"}},
        {
            "type": "response.incomplete",
            "response": _RESPONSE
            | {"output": [], "incomplete_details": {"reason": "max_output_tokens"}},
        },
    ],
]

# --- Replicate, and the whole -------------------------------------------------------------------

_PREDICTION = {
    "id": "p1",
    "model": "meta/llama-3",
    "input": {"prompt": "Hello"},
    "output": ["Grü", "ße"],
    "status": "succeeded",
    "created_at": "2026-11-22T10:00:00.123Z",
    "metrics": {"input_token_count": 4, "output_token_count": 5.0},
    "urls": {"get": "https://a.test/p1", "stream": "https://a.test/s"},
}
PREDICTION = json.dumps(_PREDICTION)
"""One that has succeeded."""
CALL = ChatCall("call_1", "acme", "meta/llama-3", [{"role": "user", "content": "hi"}])
_REPLICATE: list[list[Event]] = [
    [("output", "Grüße"), ("logs", "step 1"), ("output", ""), ("done", "{}")],
    [("output", "Gr"), ("output", "\nü"), ("unknown", "x"), ("done", "")],
]


def _written(told: list[list[dict[str, Any]]]) -> list[list[Event]]:
    return [[(e.get("type", ""), json.dumps(e)) for e in events] for events in told]


def _named(told: list[list[Told]]) -> list[list[Event]]:
    return [[(name, json.dumps(data)) for name, data in events] for events in told]


def _within(told: list[list[Told]]) -> list[list[Event]]:
    """Each event's data under its name, as InvokeModel has them."""
    return [[("", json.dumps({name: data})) for name, data in events] for events in told]


_METRICS = {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 9, "outputTokenCount": 4}}


def _metered(told: list[list[Event]]) -> list[list[Event]]:
    """What AWS adds stands in the last event."""
    return [
        [*events[:-1], (events[-1][0], json.dumps(json.loads(events[-1][1]) | _METRICS))]
        for events in told
    ]


def _as(shapes: dict[str, Any]) -> dict[str, Any]:
    """Under the names of all whose answers are of these shapes."""
    alike = {"mistral_chat": "openai_chat", "watsonx": "openai_chat", "sagemaker": "openai_chat"}
    alike |= {"invoked_anthropic": "anthropic_messages", "invoked_lines": "cohere_chat_v1"}
    alike |= {"invoked_converse": "bedrock_converse"}
    return {name: shapes[like] for name, like in alike.items() if like in shapes}


def events_of(first: dict[str, list[list[Event]]]) -> dict[str, list[list[Event]]]:
    """The streams of all these wires, made of those of the ``first`` ones too."""
    own = {
        **_cohere.EVENTS,
        "ollama_chat": _written(_OLLAMA),
        "bedrock_converse": _named(_CONVERSE),
        "openai_responses": _written(_RESPONSES),
        "replicate": _REPLICATE,
    }
    alike = _as({**first, **own})
    alike |= {name: _metered(alike[name]) for name in ("invoked_anthropic", "invoked_lines")}
    return {**alike, **own, "invoked_converse": _within(_CONVERSE)}


def answers_of(first: dict[str, list[str]]) -> dict[str, list[str]]:
    """The answers of all these wires, made of those of the ``first`` ones too."""
    own = {
        **_cohere.ANSWERS,
        "ollama_chat": [
            json.dumps(_line(done=True, thinking="Hm", content="Hi", tool_calls=[_USED]))
        ],
        "bedrock_converse": [json.dumps(_ANSWERED)],
        "openai_responses": [json.dumps(_RESPONSE)],
        "replicate": [json.dumps(_PREDICTION)],
    }
    return {**_as({**first, **own}), **own}


def errors_of(first: dict[str, list[str]], said: str, key: str) -> dict[str, list[str]]:
    """The errors of all these wires, which say this, and echo a key."""
    aws = [
        json.dumps({"__type": "aws#ThrottlingException:http://x", "message": said, "code": key}),
        json.dumps({"Message": said}),
    ]
    own = {
        **_cohere.error(said, key),
        "ollama_chat": [json.dumps({"error": said}), json.dumps({"error": said, "status": 429})],
        "bedrock_converse": aws,
        "invoked_anthropic": aws,
        "invoked_lines": aws,
        "sagemaker": aws,
        "openai_responses": [
            json.dumps({"error": {"message": said, "code": "rate_limit_exceeded", "param": key}}),
            json.dumps({**_RESPONSE, "status": "failed", "error": {"code": "x", "message": said}}),
            json.dumps({"type": "error", "code": key, "message": said}),
        ],
        "replicate": [
            json.dumps({"title": key, "detail": said, "status": 429, "retry_after": 3}),
            json.dumps({**_PREDICTION, "status": "failed", "error": said}),
        ],
        "watsonx": [
            json.dumps(
                {
                    "errors": [{"code": "token_limit_reached", "message": said, "more_info": key}],
                    "trace": key,
                    "status_code": 400,
                }
            )
        ],
    }
    return {**_as({**first, **own}), **own}
