"""Messages to contents and systemInstruction."""

from __future__ import annotations

import copy
from typing import Any

import pytest

import llmkit
from llmkit.types.chat import Message, ToolCall

from ._wire import HELLO, LEVELLED, body, changes, ledger, request

CALLS = {
    "role": "assistant",
    "content": "Let me see.",
    "tool_calls": [
        {"id": "a", "type": "function", "function": {"name": "add", "arguments": '{"x": 1}'}},
        {"id": "b", "type": "function", "function": {"name": "sub", "arguments": ""}},
    ],
}


def result(call_id: str | None, content: Any, **more: Any) -> dict[str, Any]:
    """A tool's result."""
    return {"role": "tool", "tool_call_id": call_id, "content": content, **more}


def responses(*messages: Any) -> list[Any]:
    """The functionResponse parts of a conversation."""
    contents = body([*HELLO, *messages])["contents"]
    return [p["functionResponse"] for c in contents for p in c["parts"] if "functionResponse" in p]


def test_instruction_before_all_turns() -> None:
    """System and developer messages become the instruction, in order; one in between is moved, and told."""
    messages = [
        {"role": "system", "content": "Be kind."},
        *HELLO,
        {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]},
        {"role": "user", "content": "Well?"},
    ]
    made = body(messages)
    assert made["systemInstruction"] == {"parts": [{"text": "Be kind."}, {"text": "Be brief."}]}
    assert made["contents"] == [{"role": "user", "parts": [{"text": "Hello"}, {"text": "Well?"}]}]
    assert changes(messages) == [("messages[2]", "moved")]


def test_only_a_system_message() -> None:
    """The provider answers a user: alone, a system message stands for one, and that is told."""
    alone = [{"role": "system", "content": "Say hello."}]
    assert body(alone) == {"contents": [{"role": "user", "parts": [{"text": "Say hello."}]}]}
    assert changes(alone) == [("messages", "moved")]


def test_one_role_is_one_turn() -> None:
    """Turns of one role that follow each other are one: two in a row are refused there."""
    said = [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]
    said += [{"role": "assistant", "content": "c"}, {"role": "assistant", "content": "d"}]
    assert body(said)["contents"] == [
        {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]},
        {"role": "model", "parts": [{"text": "c"}, {"text": "d"}]},
    ]


def test_calls_and_results() -> None:
    """Results come in one turn, with the names from the history and the provider's own ids."""
    contents = body([*HELLO, CALLS, result("a", "3"), result("b", '{"is": 4}')])["contents"]
    assert contents[1]["parts"] == [
        {"text": "Let me see."},
        {"functionCall": {"id": "a", "name": "add", "args": {"x": 1}}},
        {"functionCall": {"id": "b", "name": "sub", "args": {}}},
    ]
    assert contents[2] == {
        "role": "user",
        "parts": [
            {"functionResponse": {"id": "a", "name": "add", "response": {"output": "3"}}},
            {"functionResponse": {"id": "b", "name": "sub", "response": {"is": 4}}},
        ],
    }


def test_made_ids_stay_here() -> None:
    """Ids that llmkit made are not sent, and results then follow the order of the calls."""
    made = copy.deepcopy(CALLS)
    for call in made["tool_calls"]:  # type: ignore[attr-defined]
        call["id"] = f"call_noid_{call['id']}"
    contents = body([*HELLO, made, result("call_noid_b", "2"), result("call_noid_a", "1")])[
        "contents"
    ]
    assert [p["functionCall"] for p in contents[1]["parts"][1:]] == [
        {"name": "add", "args": {"x": 1}},
        {"name": "sub", "args": {}},
    ]
    assert [p["functionResponse"] for p in contents[2]["parts"]] == [
        {"name": "add", "response": {"output": "1"}},
        {"name": "sub", "response": {"output": "2"}},
    ]


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ("plain", {"output": "plain"}),
        ("[1, 2]", {"output": [1, 2]}),
        ("{not json", {"output": "{not json"}),
        ('{"error": "no"}', {"error": "no"}),
        (None, {"output": ""}),
        ([{"type": "text", "text": "a"}, "b"], {"output": "ab"}),
    ],
)
def test_results_are_objects(content: Any, wanted: Any) -> None:
    """A JSON object goes as it is, anything else as the function's output."""
    assert responses(CALLS, result("a", content))[0]["response"] == wanted


def test_results_with_media() -> None:
    """A picture in a result goes beside the response."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,eHl6"}}
    made = responses(CALLS, result("a", [{"type": "text", "text": "{}"}, image]))[0]
    assert made["response"] == {}
    assert made["parts"] == [{"inlineData": {"mimeType": "image/png", "data": "eHl6"}}]


def test_older_functions() -> None:
    """OpenAI's older form of a call and its result has no ids, and needs none."""
    said = {
        "role": "assistant",
        "content": None,
        "function_call": {"name": "add", "arguments": '{"x": 1}'},
    }
    contents = body([*HELLO, said, {"role": "function", "name": "add", "content": "1"}])["contents"]
    assert contents[1]["parts"] == [{"functionCall": {"name": "add", "args": {"x": 1}}}]
    assert contents[2]["parts"] == [
        {"functionResponse": {"name": "add", "response": {"output": "1"}}}
    ]


def test_models_among_messages() -> None:
    """Messages and calls may be the objects that an answer has."""
    call = ToolCall.model_validate(CALLS["tool_calls"][0])  # type: ignore[index]
    for said in (
        Message(content=None, tool_calls=[call]),
        {"role": "assistant", "content": None, "tool_calls": [call]},
    ):
        made = body([*HELLO, said, result("a", "1")])["contents"]
        assert made[1]["parts"] == [{"functionCall": {"id": "a", "name": "add", "args": {"x": 1}}}]


def test_an_empty_answer_is_a_turn() -> None:
    """An answer of nothing keeps two turns of the user apart."""
    contents = body([*HELLO, {"role": "assistant", "content": ""}, *HELLO])["contents"]
    assert [content["role"] for content in contents] == ["user", "model", "user"]


def test_answer_in_parts() -> None:
    """An assistant's content may be a list of texts, beside calls."""
    parts = [{"type": "text", "text": "a"}, {"type": "refusal", "refusal": "b"}]
    said = {"role": "assistant", "content": parts, "tool_calls": CALLS["tool_calls"]}
    made = body([*HELLO, said])["contents"][1]["parts"]
    assert made[:2] == [{"text": "a"}, {"text": "b"}]
    assert [part["functionCall"]["name"] for part in made[2:]] == ["add", "sub"]


def test_foreign_calls_for_models_that_sign() -> None:
    """Calls of another model get the word that stands for a signature, in the running turn only."""
    messages = [*HELLO, CALLS, result("a", "1"), result("b", "2")]
    sent = body(messages, model=LEVELLED)["contents"][1]["parts"]
    assert [part.get("thoughtSignature") for part in sent] == [
        None, "skip_thought_signature_validator", None,
    ]  # fmt: skip
    assert changes(messages, model=LEVELLED) == [("messages.tool_calls", "emulated")]
    for quiet in (
        ledger([*messages, {"role": "user", "content": "So?"}], model=LEVELLED),
        ledger(messages),
    ):
        assert quiet == []


@pytest.mark.parametrize(
    "place",
    [
        {"provider_specific_fields": {"thought_signature": "sig"}},
        {"extra_content": {"google": {"thought_signature": "sig"}}},
    ],
)
def test_signatures_on_calls(place: dict[str, Any]) -> None:
    """A call's signature is found where LiteLLM puts it, and where Google's OpenAI endpoint does."""
    call = {**CALLS["tool_calls"][0], **place}  # type: ignore[index]
    said = {"role": "assistant", "content": None, "tool_calls": [call]}
    made = body([*HELLO, said, result("a", "1")], model=LEVELLED)["contents"]
    assert made[1]["parts"][0]["thoughtSignature"] == "sig"


def test_foreign_thoughts_stay_here() -> None:
    """Another provider's thoughts and signatures are not this one's: they are left out, and that is told."""
    said = {
        "role": "assistant",
        "content": "Hi",
        "reasoning_content": "hm",
        "thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "theirs"}],
    }
    assert body([*HELLO, said])["contents"][1]["parts"] == [{"text": "Hi"}]
    assert changes([*HELLO, said]) == [
        ("messages[1].thinking_blocks", "dropped"),
        ("messages[1].reasoning_content", "dropped"),
    ]


def test_media_of_others() -> None:
    """Pictures that another provider made go along; sound that it keeps under an id cannot, and that is told."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,eHl6"}}
    said = {"role": "assistant", "content": "See?", "images": [image], "audio": {"id": "audio_1"}}
    assert body([*HELLO, said])["contents"][1]["parts"] == [
        {"text": "See?"},
        {"inlineData": {"mimeType": "image/png", "data": "eHl6"}},
    ]
    del said["images"]
    assert changes([*HELLO, said]) == [("messages[1].audio", "dropped")]


def test_refusals_go_back() -> None:
    """What OpenAI has in a field of its own is text here."""
    said = {"role": "assistant", "content": None, "refusal": "I would rather not."}
    assert body([*HELLO, said])["contents"][1]["parts"] == [{"text": "I would rather not."}]


def test_what_has_no_place() -> None:
    """A user's name and cache marks are left out, and that is told."""
    part = {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}
    said = [{"role": "user", "name": "Ann", "content": [part]}]
    assert body(said)["contents"] == [{"role": "user", "parts": [{"text": "a"}]}]
    assert changes(said) == [
        ("messages[0].name", "dropped"),
        ("messages[0].content[0].cache_control", "dropped"),
    ]


BROKEN: list[tuple[Any, str]] = [
    ("Hello", "must be a list of messages"),
    ([3], "must be a dict or a message"),
    ([{"role": "robot", "content": ""}], "role is 'robot'"),
    ([{"role": ["user"], "content": ""}], "it must be one of"),
    ([{"role": "user"}], "content is missing"),
    ([{"role": "user", "content": 3}], "must be text or a list"),
    ([{"role": "user", "content": [3]}], "must be a dict with a type"),
    ([{"role": "user", "content": [{"type": "text", "text": None}]}], "must be text"),
    ([{"role": "user", "content": [{"type": ["text"]}]}], "takes no"),
    (
        [{"role": "system", "content": [{"type": "input_audio", "input_audio": {"data": ""}}]}],
        "text only",
    ),
    ([{"role": "assistant", "content": "", "tool_calls": "x"}], "must be a list"),
    ([{"role": "assistant", "content": "", "tool_calls": [3]}], "must have a name"),
    ([*HELLO, result("nobody", "1")], "no assistant message before it"),
    (
        [
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "[1]"}}],
            }
        ],
        "must be a JSON object",
    ),
]


@pytest.mark.parametrize(("messages", "words"), BROKEN)
def test_mistakes_are_named(messages: Any, words: str) -> None:
    """What is wrong with messages is said before anything is sent."""
    with pytest.raises(llmkit.errors.InvalidRequestError, match=words):
        request(messages)


def test_nothing_of_the_caller_is_changed() -> None:
    """The caller's messages are as they were."""
    messages = [{"role": "system", "content": "s"}, *HELLO, copy.deepcopy(CALLS), result("a", "1")]
    before = copy.deepcopy(messages)
    request(messages, model=LEVELLED)
    assert messages == before
