"""Converse: messages to turns, parts to blocks, and what cannot be said."""

from __future__ import annotations

from typing import Any

import pytest

from llmkit import errors
from llmkit.types.chat import Message

from ._made import CLAUDE, HI, call, ledger, request, turns, written

PDF = "JVBERi0xLjQK"
PNG = "iVBORw0KGgo="
TOOLS = [{"type": "function", "function": {"name": "f"}}]
CALL = {"id": "t1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}


def user(*parts: Any) -> list[dict[str, Any]]:
    """A user's message of these parts."""
    return [{"role": "user", "content": list(parts)}]


def blocks(*parts: Any) -> list[dict[str, Any]]:
    """The blocks of a user's message of these parts."""
    found: list[dict[str, Any]] = turns(*user(*parts))[0]["content"]
    return found


def test_the_system_is_apart() -> None:
    """System and developer messages before the first turn are the system's, marks for the cache blocks of their own."""
    marked = {"type": "text", "text": "b", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    said = [
        {"role": "system", "content": "a"},
        {"role": "developer", "content": [marked]},
        *HI,
    ]
    assert written(CLAUDE, said)["system"] == [
        {"text": "a"},
        {"text": "b"},
        {"cachePoint": {"type": "default", "ttl": "1h"}},
    ]


def test_a_system_message_between_turns() -> None:
    """It moves to the system, and is listed; models that take it in its place get it there."""
    said = [*HI, {"role": "system", "content": "s"}, {"role": "user", "content": "x"}]
    assert written(CLAUDE, said)["system"] == [{"text": "s"}]
    assert ledger(CLAUDE, said) == [("messages[1]", "moved")]
    roles = [turn["role"] for turn in turns(*said, model="us.anthropic.claude-opus-4-8")]
    assert roles == ["user", "system", "user"]


def test_neighbours_are_one_turn() -> None:
    """Messages of one role, and results of tools with what is said after, are one turn."""
    made = turns(
        *HI,
        {"role": "user", "content": "there"},
        {"role": "assistant", "content": "yes", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "t1", "content": "r", "is_error": True},
        {"role": "user", "content": "go on"},
        tools=TOOLS,
    )
    assert [turn["role"] for turn in made] == ["user", "assistant", "user"]
    assert made[0]["content"] == [{"text": "hi"}, {"text": "there"}]
    use = {"toolUse": {"toolUseId": "t1", "name": "f", "input": {"a": 1}}}
    assert made[1]["content"] == [{"text": "yes"}, use]
    result = {"toolUseId": "t1", "content": [{"text": "r"}], "status": "error"}
    assert made[2]["content"] == [{"toolResult": result}, {"text": "go on"}]


def test_results_of_tools() -> None:
    """A result may have parts, JSON in the provider's own form, nothing, a status, and a mark for the cache."""
    made = turns(
        *HI,
        {"role": "assistant", "tool_calls": [{**CALL, "cache_control": {"type": "ephemeral"}}]},
        {
            "role": "tool",
            "tool_call_id": "t1",
            "content": [{"json": {"x": 1}}, {"type": "text", "text": "t"}],
            "status": "success",
            "cache_control": {"type": "ephemeral"},
        },
        {"role": "tool", "tool_call_id": "t1", "content": None},
    )
    assert made[1]["content"][1] == {"cachePoint": {"type": "default"}}
    first, mark, last = made[2]["content"]
    assert first["toolResult"]["content"] == [{"json": {"x": 1}}, {"text": "t"}]
    assert first["toolResult"]["status"] == "success"
    assert mark == {"cachePoint": {"type": "default"}}
    assert last["toolResult"]["content"] == []


def test_reasoning_goes_back() -> None:
    """Signed and redacted reasoning goes back before the text; what has no signature is listed as dropped."""
    thoughts = [
        {"type": "thinking", "thinking": "hm", "signature": "s1"},
        {"type": "redacted_thinking", "data": "AAA="},
    ]
    said = {"role": "assistant", "content": "a", "thinking_blocks": thoughts}
    made = turns(*HI, said, *HI)[1]["content"]
    text = {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s1"}}}
    assert made == [text, {"reasoningContent": {"redactedContent": "AAA="}}, {"text": "a"}]
    unsigned: list[dict[str, Any]] = [
        {"thinking_blocks": [{"type": "thinking", "thinking": "x"}]},
        {"thinking_blocks": ["odd"]},
        {"reasoning_content": "x"},
    ]
    for lost in unsigned:
        said = {"role": "assistant", "content": "a", **lost}
        assert ledger(CLAUDE, [*HI, said, *HI]) == [("messages[1].reasoning_content", "dropped")]


def test_kept_blocks_go_back_unless_edited() -> None:
    """Blocks that an answer kept go back as they came; an edit of the message holds against them."""
    kept = [{"text": "a"}, {"citationsContent": {"content": [{"text": "b"}], "citations": []}}]
    beside = {"provider_specific_fields": {"converse_content": kept}}
    made = turns(*HI, {"role": "assistant", "content": "ab", **beside}, *HI)
    assert made[1]["content"] == kept
    made = turns(*HI, {"role": "assistant", "content": "other", **beside}, *HI)
    assert made[1]["content"] == [{"text": "other"}]
    mark = {"cache_control": {"type": "ephemeral"}}
    made = turns(*HI, {"role": "assistant", "content": "ab", **beside, **mark}, *HI)
    assert made[1]["content"][-1] == {"cachePoint": {"type": "default"}}
    odd = {"provider_specific_fields": {"converse_content": ["x"]}}
    assert turns(*HI, {"role": "assistant", "content": "ab", **odd}, *HI)[1]["content"] == [
        {"text": "ab"}
    ]


def test_messages_of_responses() -> None:
    """One of our own messages goes back as it is; a refusal is what was said."""
    made = turns(*HI, Message(content="yes"), *HI)
    assert made[1] == {"role": "assistant", "content": [{"text": "yes"}]}
    made = turns(*HI, {"role": "assistant", "content": None, "refusal": "no"}, *HI)
    assert made[1]["content"] == [{"text": "no"}]


@pytest.mark.parametrize(
    ("part", "block"),
    [
        ("plain", {"text": "plain"}),
        ({"type": "text", "text": "t"}, {"text": "t"}),
        (
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
            {"image": {"format": "png", "source": {"bytes": PNG}}},
        ),
        (
            {"type": "image_url", "image_url": f"data:image/jpg;base64,{PNG}"},
            {"image": {"format": "jpeg", "source": {"bytes": PNG}}},
        ),
        (
            {"type": "image_url", "image_url": {"url": "s3://b/pic.webp"}},
            {"image": {"format": "webp", "source": {"s3Location": {"uri": "s3://b/pic.webp"}}}},
        ),
        (
            {"type": "image_url", "image_url": {"url": "s3://b/pic", "format": "image/gif"}},
            {"image": {"format": "gif", "source": {"s3Location": {"uri": "s3://b/pic"}}}},
        ),
        (
            {"type": "video_url", "video_url": {"url": "data:video/3gpp;base64,AA=="}},
            {"video": {"format": "three_gp", "source": {"bytes": "AA=="}}},
        ),
        (
            {"type": "video_url", "video_url": "s3://b/v.mp4"},
            {"video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://b/v.mp4"}}}},
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
            {"audio": {"format": "wav", "source": {"bytes": "AA=="}}},
        ),
        (
            {
                "type": "file",
                "file": {"file_data": "data:text/plain,a%20b", "filename": "notes.txt"},
            },
            {"document": {"format": "txt", "name": "notes", "source": {"bytes": "YSBi"}}},
        ),
        (
            {
                "type": "file",
                "file": {"file_data": PDF, "filename": "a_b.pdf"},
                "context": "c",
                "citations": {"enabled": True},
            },
            {
                "document": {
                    "format": "pdf",
                    "name": "a-b",
                    "source": {"bytes": PDF},
                    "context": "c",
                    "citations": {"enabled": True},
                }
            },
        ),
        (
            {"type": "file", "file": {"file_id": "s3://b/report.docx"}, "title": "Report"},
            {
                "document": {
                    "format": "docx",
                    "name": "Report",
                    "source": {"s3Location": {"uri": "s3://b/report.docx"}},
                }
            },
        ),
        (
            {
                "type": "file",
                "file": {"file_data": "data:text/x-python;base64,YQ=="},
                "title": "code",
            },
            {"document": {"format": "txt", "name": "code", "source": {"bytes": "YQ=="}}},
        ),
        (
            {"type": "file", "file": {"file_data": "data:;base64,YQ==", "filename": "t.xlsx"}},
            {"document": {"format": "xlsx", "name": "t", "source": {"bytes": "YQ=="}}},
        ),
        ({"type": "guarded_text", "text": "g"}, {"guardContent": {"text": {"text": "g"}}}),
        ({"cachePoint": {"type": "default"}}, {"cachePoint": {"type": "default"}}),
        (
            {"document": {"name": "d", "format": "txt", "source": {"text": "x"}}},
            {"document": {"name": "d", "format": "txt", "source": {"text": "x"}}},
        ),
    ],
)
def test_parts(part: Any, block: dict[str, Any]) -> None:
    """OpenAI's parts become blocks; the provider's own go through."""
    assert blocks("look", part)[1:] == [block]


def test_marks_of_parts() -> None:
    """A mark for the cache becomes a block behind its part, on messages, too."""
    mark = {"cache_control": {"type": "ephemeral"}}
    point = {"cachePoint": {"type": "default"}}
    assert blocks({"type": "text", "text": "a", **mark}, "b") == [
        {"text": "a"},
        point,
        {"text": "b"},
    ]
    assert turns({"role": "user", "content": "a", **mark})[0]["content"] == [{"text": "a"}, point]


@pytest.mark.parametrize(
    ("messages", "entry"),
    [
        (user("a", {"type": "text", "text": ""}), ("messages[0].content[1]", "dropped")),
        (
            user("a", {"type": "file", "file": {"file_data": PDF}}),
            ("messages[0].content[1].file.filename", "defaulted"),
        ),
        (
            user(
                "a", {"type": "image_url", "image_url": {"url": "s3://b/p.png", "detail": "high"}}
            ),
            ("messages[0].content[1].image_url.detail", "dropped"),
        ),
        ([{"role": "user", "content": "a", "name": "Al"}], ("messages[0].name", "dropped")),
        ([*HI, {"role": "assistant", "content": " "}, *HI], ("messages[1]", "dropped")),
        ([{"role": "system", "content": ""}, *HI], ("messages[0].content", "dropped")),
    ],
)
def test_what_is_left_out_is_listed(messages: Any, entry: tuple[str, str]) -> None:
    """Nothing of a message is left out quietly."""
    assert ledger(CLAUDE, messages) == [entry]


@pytest.mark.parametrize(
    ("messages", "says"),
    [
        ("hi", "must be a list of messages"),
        ([], "at least one message"),
        ([{"role": "system", "content": "only"}], "at least one message"),
        (["hi"], r"messages\[0\] must be a dict"),
        ([{"role": "robot", "content": "x"}], "role is 'robot'"),
        ([{"role": "user", "content": 3}], "must be a text or a list"),
        (user(3), r"content\[0\] must be a dict"),
        (user({"type": "hologram"}), "type is 'hologram'"),
        (user({"type": "text", "text": 3}), "text must be a text"),
        (user({"type": "file", "file": "x"}), "file must be a dict"),
        (user({"type": "file", "file": {}}), "must be a data URL or an s3"),
        (
            user({"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}),
            "fetch_media=True",
        ),
        (user({"type": "input_audio", "input_audio": "x"}), "input_audio must be"),
        (
            user({"type": "file", "file": {"file_data": "data:font/woff;base64,AA=="}}),
            "not 'font/woff'",
        ),
        ([*HI, {"role": "assistant", "audio": {"id": "a"}}], "put its transcript"),
        ([*HI, {"role": "assistant", "function_call": {"name": "f"}}], "use tool_calls"),
        ([*HI, {"role": "assistant", "tool_calls": "x"}], "tool_calls must be a list"),
        ([*HI, {"role": "assistant", "thinking_blocks": 3}], "thinking_blocks must be a list"),
        ([*HI, {"role": "assistant", "tool_calls": [3]}], "must be a dict with a function"),
        (
            [
                *HI,
                {"role": "assistant", "tool_calls": [{"id": "t", "function": {"arguments": "{"}}]},
            ],
            "must be the JSON text of an object",
        ),
        ([*HI, {"role": "tool", "tool_call_id": 3}], "tool_call_id must be a text"),
        (
            [*HI, {"role": "tool", "tool_call_id": "t9", "content": "x"}],
            "no assistant message before it",
        ),
    ],
)
def test_mistakes(messages: Any, says: str) -> None:
    """A mistake is told by its place, before anything is sent."""
    with pytest.raises(errors.InvalidRequestError, match=says):
        request(call(CLAUDE, messages))
