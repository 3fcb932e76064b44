"""What Mistral's wire writes: ids, thinking, parts, prefix, parameters; all of it by Mistral's own schemas."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmkit._call import ChatCall
from llmkit._http import Endpoint, HTTPRequest
from llmkit.errors import InvalidRequestError, UnsupportedParamsError
from llmkit.providers.codestral import PROVIDER as CODESTRAL
from llmkit.providers.mistral import PROVIDER
from llmkit.types.chat import Message
from llmkit.wires.mistral_chat import MistralChat

from .. import _openapi

USER: dict[str, Any] = {"role": "user", "content": "Go on."}
TOOL = {"type": "function", "function": {"name": "now", "description": "The time"}}


def used(call_id: str = "toolu_01AbCdEfGh", **more: Any) -> list[dict[str, Any]]:
    """A tool call with its result, under some provider's id."""
    function = {"name": "now", "arguments": "{}"}
    call = {"id": call_id, "type": "function", "function": function}
    said = {"role": "assistant", "content": None, "tool_calls": [call], **more}
    return [USER, said, {"role": "tool", "tool_call_id": call_id, "content": "12:00"}]


def built(
    messages: list[Any] | None = None, model: str = "mistral-large-latest", **params: Any
) -> HTTPRequest:
    """The request of a call."""
    fields = {k: params.pop(k) for k in ("drop_params", "extra_body", "allowed") if k in params}
    call = ChatCall(
        id="call_1",
        provider="mistral",
        model=model,
        messages=messages or [USER],
        params=params,
        **fields,
    )
    assert PROVIDER.chat is not None
    return PROVIDER.chat.build(call, Endpoint("https://host.test/v1"))


def body(messages: list[Any] | None = None, **params: Any) -> dict[str, Any]:
    """The body of the request."""
    read: dict[str, Any] = json.loads(built(messages, **params).body)
    return read


def ledger(messages: list[Any] | None = None, **params: Any) -> list[tuple[Any, ...]]:
    """What the request lists as changed."""
    changes = built(messages, **params).adjustments
    assert all(change.reason for change in changes)
    return [(c.parameter, c.change, c.given, c.sent) for c in changes]


def test_foreign_ids_are_replaced_and_listed() -> None:
    """An id of another provider becomes nine letters and digits, the same in the call and in its result."""
    made = body(used())["messages"]
    sent = made[1]["tool_calls"][0]["id"]
    assert len(sent) == 9
    assert sent.isalnum()
    assert made[2]["tool_call_id"] == sent
    assert ledger(used()) == [
        ("messages[1].tool_calls[0].id", "renamed", "toolu_01AbCdEfGh", sent),
        ("messages[2].tool_call_id", "renamed", "toolu_01AbCdEfGh", sent),
    ]
    assert body(used("toolu_02AbCdEfGh"))["messages"][1]["tool_calls"][0]["id"] != sent


def test_own_ids_are_kept() -> None:
    """An id that Mistral made is sent as it is, and nothing is listed."""
    assert body(used("g6fVbXS8K"))["messages"] == used("g6fVbXS8K")
    assert ledger(used("g6fVbXS8K")) == []


def test_a_call_of_a_response_can_go_back() -> None:
    """Ids are replaced in our own message models, too."""
    message = Message.model_validate(used()[1])
    sent = body([USER, message, used()[2]])["messages"]
    assert sent[1]["tool_calls"][0]["id"] == sent[2]["tool_call_id"] != "toolu_01AbCdEfGh"


def test_an_answer_that_is_begun_has_a_prefix() -> None:
    """An assistant message that comes last is marked, which is listed; a mark of the caller's stands."""
    begun = {"role": "assistant", "content": "{"}
    assert body([USER, begun])["messages"][-1] == {**begun, "prefix": True}
    assert ledger([USER, begun]) == [("messages[1].prefix", "defaulted", None, True)]
    assert body([USER, {**begun, "prefix": False}])["messages"][-1]["prefix"] is False
    assert "prefix" not in body([USER, begun, USER])["messages"][1]
    assert "prefix" not in body(used()[:2])["messages"][1]


PARTS = [
    {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]},
    {"type": "text", "text": "4"},
]
REASONING = [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm"}]}, PARTS[1]]


@pytest.mark.parametrize(
    "said",
    [
        {"content": "4", "reasoning_content": "Hm", "content_parts": PARTS},
        {"content": "4", "reasoning_content": "Hm"},
        {"content": "4", "reasoning": "Hm", "reasoning_details": [{"text": "Hm"}]},
        {"content": [PARTS[1]], "reasoning_content": "Hm"},
        {
            "content": "4",
            "thinking_blocks": [{"type": "thinking", "thinking": "Hm", "signature": "x"}],
        },
        {"content": "4", "reasoning_content": "Hm", "content_parts": REASONING},
    ],
    ids=["own", "text", "details", "parts", "signed", "other parts"],
)
def test_thinking_goes_back_as_parts(said: dict[str, Any]) -> None:
    """Thinking, Mistral's or another provider's, is sent as parts of the content."""
    sent = body([USER, {"role": "assistant", **said}, USER])["messages"][1]
    assert sent == {"role": "assistant", "content": PARTS}


def test_thinking_without_an_answer() -> None:
    """A turn of thinking and a tool call has thinking only in its content."""
    sent = body(used("g6fVbXS8K", reasoning_content="Hm"))["messages"][1]
    assert sent["content"] == PARTS[:1]


def test_encrypted_thinking_is_listed() -> None:
    """Thinking that only its provider can read is not sent, and listed."""
    hidden = [{"type": "redacted_thinking", "data": "x"}]
    said = {"role": "assistant", "content": "4", "thinking_blocks": hidden}
    assert body([USER, said, USER])["messages"][1] == {"role": "assistant", "content": "4"}
    assert [c[:2] for c in ledger([USER, said, USER])] == [
        ("messages[1].thinking_blocks", "dropped")
    ]


@pytest.mark.parametrize(
    ("part", "sent"),
    [
        (
            {
                "type": "file",
                "file": {"file_data": "data:application/pdf;base64,AA==", "filename": "a.pdf"},
            },
            {
                "type": "document_url",
                "document_url": "data:application/pdf;base64,AA==",
                "document_name": "a.pdf",
            },
        ),
        (
            {"type": "file", "file": {"file_data": "AA=="}},
            {"type": "document_url", "document_url": "data:application/pdf;base64,AA=="},
        ),
        (
            {"type": "file", "file": {"file_id": "3b6d45eb-e30b-416f-8019-f47e2e93d930"}},
            {"type": "file", "file_id": "3b6d45eb-e30b-416f-8019-f47e2e93d930"},
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
            {"type": "input_audio", "input_audio": "AA=="},
        ),
    ],
)
def test_parts_are_respelled(part: dict[str, Any], sent: dict[str, Any]) -> None:
    """Files and sound are written as Mistral has them; what is so already stays."""
    asked = {"role": "user", "content": [part]}
    made = body([asked])
    assert made["messages"][0]["content"] == [sent]
    assert body([{"role": "user", "content": [sent]}])["messages"][0]["content"] == [sent]
    assert ledger([asked]) == []


def test_a_file_of_nothing_is_refused() -> None:
    """A file without an id or data is a mistake that is named before anything is sent."""
    with pytest.raises(InvalidRequestError, match="file_id or file_data"):
        built([{"role": "user", "content": [{"type": "file", "file": {}}]}])


def test_fields_that_messages_have_not() -> None:
    """Names and what else OpenAI's messages may carry are left out and listed; empty ones need no word."""
    spoken = {"role": "assistant", "content": "Hi", "annotations": [{"type": "x"}], "refusal": None}
    named = {**USER, "name": "Ann"}
    assert body([named, spoken, USER])["messages"][:2] == [
        USER,
        {"role": "assistant", "content": "Hi"},
    ]
    assert ledger([named, spoken, USER]) == [
        ("messages[0].name", "dropped", "Ann", None),
        ("messages[1].annotations", "dropped", [{"type": "x"}], None),
    ]
    assert (
        body([*used("g6fVbXS8K")[:2], {**used("g6fVbXS8K")[2], "name": "now"}])["messages"][2][
            "name"
        ]
        == "now"
    )


def test_no_function_role() -> None:
    """OpenAI's older role of results is refused by its name."""
    with pytest.raises(InvalidRequestError, match="'function'"):
        built([USER, {"role": "function", "name": "now", "content": "12"}])


def test_parameters_have_their_names_there() -> None:
    """Seed and limit are renamed without loss; a choice of tools is sent in either spelling."""
    made = body(seed=7, max_completion_tokens=5, tools=[TOOL], tool_choice="required")
    assert (made["random_seed"], made["max_tokens"], made["tool_choice"]) == (7, 5, "required")
    assert not made.keys() & {"seed", "max_completion_tokens"}
    assert made["tools"][0]["function"]["parameters"] == {"type": "object", "properties": {}}
    assert body(tools=[TOOL], tool_choice="any")["tool_choice"] == "any"
    assert ledger(seed=7, max_completion_tokens=5) == []


@pytest.mark.parametrize(
    ("given", "sent"), [("minimal", "none"), ("medium", "high"), ("max", "high")]
)
def test_efforts_are_clamped(given: str, sent: str) -> None:
    """An effort that Mistral does not have is the nearest one, and listed; it can be had sent as it is."""
    assert body(reasoning_effort=given)["reasoning_effort"] == sent
    assert ledger(reasoning_effort=given) == [("reasoning_effort", "clamped", given, sent)]
    allowed = frozenset({"reasoning_effort"})
    assert body(reasoning_effort=given, allowed=allowed)["reasoning_effort"] == given
    assert ledger(reasoning_effort="high") == ledger(reasoning_effort="none") == []


@pytest.mark.parametrize("name", ["user", "thinking", "store", "service_tier", "functions"])
def test_refusals(name: str) -> None:
    """What no schema of Mistral's names is refused before anything is sent."""
    with pytest.raises(UnsupportedParamsError, match=name):
        built(**{name: "x"})
    assert ledger(**{name: "x"}, drop_params=True) == [(name, "dropped", "x", None)]


@pytest.mark.parametrize(
    ("model", "what"),
    [
        ("mistral-ocr-latest", r"/v1/ocr.*document_url"),
        ("mistral-embed", r"embedding\(\)"),
        ("mistral-moderation-latest", r"moderation\(\)"),
    ],
)
def test_models_that_take_no_chat(model: str, what: str) -> None:
    """Who asks a model of another kind is told what to do with it."""
    with pytest.raises(InvalidRequestError, match=what):
        built(model=model)
    assert MistralChat().build(
        ChatCall(id="c", provider="x", model=model, messages=[USER]), Endpoint("https://host.test")
    )


def test_codestral_speaks_the_same_wire() -> None:
    """The host for code has another address and key, and the same form."""
    assert isinstance(CODESTRAL.chat, MistralChat)
    assert CODESTRAL.base_url == "https://codestral.mistral.ai/v1"


REQUESTS: dict[str, dict[str, Any]] = {
    "plain": {
        "temperature": 0.5,
        "top_p": 0.5,
        "stop": ["END"],
        "n": 2,
        "seed": 3,
        "max_tokens": 9,
    },
    "tools": {
        "messages": used(),
        "tools": [TOOL],
        "tool_choice": "required",
        "parallel_tool_calls": False,
    },
    "any": {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "now"}}},
    "thinking": {
        "messages": [USER, {"role": "assistant", "content": "4", "reasoning_content": "Hm"}, USER],
        "reasoning_effort": "low",
    },
    "begun": {
        "messages": [
            {"role": "developer", "content": "Brief"},
            USER,
            {"role": "assistant", "content": "{"},
        ]
    },
    "schema": {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True},
        }
    },
    "parts": {
        "messages": [
            {
                "role": "user",
                "name": "Ann",
                "content": [
                    "Look:",
                    {
                        "type": "image_url",
                        "image_url": {"url": "https://x.example/a.png", "detail": "low"},
                    },
                    {"type": "file", "file": {"file_data": "AA==", "filename": "a.pdf"}},
                    {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
                ],
            }
        ]
    },
    "extra": {
        "extra_body": {"safe_prompt": True, "prompt_mode": "reasoning"},
        "metadata": {"a": "b"},
        "prompt_cache_key": "k",
        "prediction": {"type": "content", "content": "x"},
    },
}


@pytest.mark.parametrize("name", REQUESTS)
def test_requests_fit_the_schema(name: str) -> None:
    """What is written is valid by Mistral's own document."""
    spec = _openapi.document("mistral/openapi.yaml")
    assert _openapi.faults(spec, "ChatCompletionRequest", body(**REQUESTS[name])) == []


def test_the_schema_would_object() -> None:
    """The document does find what OpenAI has and Mistral has not."""
    spec = _openapi.document("mistral/openapi.yaml")
    sent = {"model": "m", "messages": [{**USER, "name": "Ann"}], "seed": 1}
    assert _openapi.faults(spec, "ChatCompletionRequest", sent) == [
        "$.messages[0].name is unknown",
        "$.seed is unknown",
    ]
