"""Messages in OpenAI's form become system, turns and blocks; nothing is lost without a word."""

from __future__ import annotations

import base64
import copy
from typing import Any

import pytest

import llmkit
from llmkit.types.chat import Message
from llmkit.wires.anthropic_messages import AnthropicMessages

from ._made import BUDGETED, HELLO, NEW, body, built, ledger, message, parsed, sent

MARK = {"type": "ephemeral", "ttl": "1h"}
USER = {"role": "user", "content": "Hi"}
CALL = {"id": "t1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
USED = {"type": "tool_use", "id": "t1", "name": "add", "input": {"a": 1}}
ASKED = [USER, {"role": "assistant", "content": None, "tool_calls": [CALL]}]


def result(**fields: Any) -> dict[str, Any]:
    """The result of the call."""
    return {"role": "tool", "tool_call_id": "t1", "content": "2", **fields}


# --- system -----------------------------------------------------------------------------------


def test_one_system_message_stays_as_given() -> None:
    """A text stays a text, parts stay parts."""
    assert body([{"role": "system", "content": "S"}, USER])["system"] == "S"
    part = {"type": "text", "text": "S", "cache_control": MARK}
    assert body([{"role": "developer", "content": [part]}, USER])["system"] == [part]
    assert "system" not in body(HELLO)


def test_several_system_messages_become_blocks() -> None:
    """Each keeps its own mark for the cache."""
    messages = [
        {"role": "system", "content": "A", "cache_control": MARK},
        {"role": "developer", "content": "B"},
        USER,
    ]
    assert body(messages)["system"] == [
        {"type": "text", "text": "A", "cache_control": MARK},
        {"type": "text", "text": "B"},
    ]


def test_system_between_turns() -> None:
    """A model that takes it there gets it there; for others it is moved, and listed."""
    messages = [USER, {"role": "system", "content": "S"}, USER]
    made = body(messages, model=NEW)
    assert made["messages"] == [USER, {"role": "system", "content": "S"}, USER]
    assert "system" not in made
    older = body(messages)
    assert older["system"] == "S"
    assert len(older["messages"]) == 1
    assert ledger(messages)["messages[1]"].change == "moved"


# --- turns ------------------------------------------------------------------------------------


def test_nothing_of_the_callers_is_changed() -> None:
    """Objects that come in are what they were."""
    messages = [
        *ASKED,
        result(cache_control=MARK),
        USER,
        {"role": "assistant", "content": "So "},
    ]
    before = copy.deepcopy(messages)
    sent(messages)
    assert messages == before


def test_results_and_what_follows_are_one_turn() -> None:
    """Parallel results, and what the user then says, are one user's turn, results first."""
    second = {**CALL, "id": "t2"}
    messages = [
        USER,
        {"role": "assistant", "content": "Adding", "tool_calls": [CALL, second]},
        result(),
        result(tool_call_id="t2", content=[{"type": "text", "text": "3"}], is_error=True),
        {"role": "user", "content": "And?"},
    ]
    assert sent(messages)[1:] == [
        {
            "role": "assistant",
            "content": [{"type": "text", "text": "Adding"}, USED, {**USED, "id": "t2"}],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": "2"},
                {
                    "type": "tool_result",
                    "tool_use_id": "t2",
                    "content": [{"type": "text", "text": "3"}],
                    "is_error": True,
                },
                {"type": "text", "text": "And?"},
            ],
        },
    ]


def test_neighbours_of_one_role_are_one_turn() -> None:
    """As the API itself would make them; other hosts demand it."""
    said = {"role": "assistant", "content": "A"}
    turns = sent([USER, USER, said, said, USER])
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert turns[0]["content"] == [{"type": "text", "text": "Hi"}] * 2


def test_results_with_images_and_marks() -> None:
    """A result may be an image, and be the end of what is cached."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    (block,) = sent([*ASKED, result(content=[image], cache_control=MARK)])[-1]["content"]
    assert block == {
        "type": "tool_result",
        "tool_use_id": "t1",
        "content": [
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"},
            }
        ],
        "cache_control": MARK,
    }


def test_result_of_nothing() -> None:
    """A tool may have nothing to say."""
    assert sent([*ASKED, result(content=None)])[-1]["content"] == [
        {"type": "tool_result", "tool_use_id": "t1"}
    ]
    assert sent([*ASKED, result(content="")])[-1]["content"][0]["content"] == ""


def test_marks_anywhere() -> None:
    """cache_control may stand on a message, a part and a call."""
    marked = {**CALL, "cache_control": MARK}
    messages = [
        {"role": "user", "content": "Hi", "cache_control": MARK},
        {"role": "assistant", "content": None, "tool_calls": [marked]},
        result(),
        {"role": "user", "content": [{"type": "text", "text": "x", "cache_control": MARK}, "y"]},
    ]
    first, second, third = sent(messages)
    assert first["content"] == [{"type": "text", "text": "Hi", "cache_control": MARK}]
    assert second["content"] == [{**USED, "cache_control": MARK}]
    assert third["content"][1]["cache_control"] == MARK
    assert third["content"][2] == {"type": "text", "text": "y"}


def test_names_are_dropped_aloud() -> None:
    """Speakers have no names there."""
    assert ledger([{**USER, "name": "Ann"}])["messages[0].name"].change == "dropped"
    assert not ledger([*ASKED, result(name="add")])


def test_prefill() -> None:
    """The beginning of an answer is sent, without the white space that is not taken."""
    turns = sent([USER, {"role": "assistant", "content": "It is \n"}])
    assert turns[-1] == {"role": "assistant", "content": "It is"}
    listed = ledger([USER, {"role": "assistant", "content": "It is \n"}])
    assert listed["messages[-1].content"].change == "clamped"
    parts = {"role": "assistant", "content": [{"type": "text", "text": "{ "}]}
    assert sent([USER, parts])[-1]["content"] == [{"type": "text", "text": "{"}]
    assert sent([USER, {"role": "assistant", "content": "{"}])[-1]["content"] == "{"


@pytest.mark.parametrize("content", ["", "  \n", [], [{"type": "text", "text": ""}]])
def test_empty_content(content: Any) -> None:
    """Empty texts are not taken: they are left out, and listed."""
    for role in ("user", "assistant", "system"):
        messages = [USER, {"role": role, "content": content}, {"role": "user", "content": "B"}]
        turns = sent(messages)
        assert [turn["role"] for turn in turns] == ["user"]
        assert len(turns[0]["content"]) == 2
        if content:
            assert any(entry.change == "dropped" for entry in ledger(messages).values())


def test_nothing_to_send() -> None:
    """A call must say something."""
    for messages in ([], [{"role": "system", "content": "S"}], [{"role": "user", "content": ""}]):
        with pytest.raises(llmkit.BadRequestError, match="at least one message"):
            built(messages)


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ("Hi", "must be a list"),
        ({"role": "user"}, "must be a list"),
        (["Hi"], "must be a dict or a message"),
        ([{"role": "robot", "content": "x"}], "role is 'robot'"),
        ([{"role": "function", "content": "x"}], "role is 'function'"),
        ([{"role": "user"}], "must be a text or a list"),
        ([{"role": "user", "content": 3}], "must be a text or a list"),
        ([{"role": "user", "content": [3]}], "must be a dict with a type"),
        ([{"role": "user", "content": [{"type": "text"}]}], "text must be a text"),
        ([USER, result()], "no assistant message before it"),
        ([*ASKED, result(tool_call_id=None)], "tool_call_id must be a text"),
        ([USER, {"role": "assistant", "tool_calls": "add"}], "tool_calls must be a list"),
        ([USER, {"role": "assistant", "tool_calls": ["add"]}], "a function of name and arguments"),
        ([USER, {"role": "assistant", "tool_calls": [{"id": "x"}]}], "a function of name"),
        ([USER, {"role": "assistant", "function_call": {"name": "f"}}], "use tool_calls"),
        ([USER, {"role": "assistant", "audio": {"id": "a"}}], "hears nothing"),
    ],
)
def test_mistakes(messages: Any, said: str) -> None:
    """Each mistake is named before anything is sent."""
    with pytest.raises(llmkit.InvalidRequestError, match=said):
        built(messages)


@pytest.mark.parametrize("arguments", ['{"a": ', "[1]", "3", 7])
def test_broken_arguments(arguments: Any) -> None:
    """Arguments that are no object's JSON are a mistake that says what to write."""
    call = {**CALL, "function": {"name": "add", "arguments": arguments}}
    with pytest.raises(llmkit.InvalidRequestError, match=r"use json.dumps\(…\), or '{}'"):
        built([USER, {"role": "assistant", "tool_calls": [call]}])


@pytest.mark.parametrize("arguments", ["", None, "{}", {}])
def test_no_arguments(arguments: Any) -> None:
    """No argument is an empty object."""
    call = {**CALL, "function": {"name": "add", "arguments": arguments}}
    turns = sent([USER, {"role": "assistant", "tool_calls": [call]}, result()])
    assert turns[1]["content"][0]["input"] == {}


# --- history ----------------------------------------------------------------------------------

THOUGHT = {"type": "thinking", "thinking": "Hm", "signature": "sig"}
HIDDEN = {"type": "redacted_thinking", "data": "xyz"}


def test_thinking_goes_before_what_was_said() -> None:
    """Signed and redacted thinking is sent back as it came."""
    said = {"role": "assistant", "content": "A", "thinking_blocks": [THOUGHT, HIDDEN]}
    said["tool_calls"] = [CALL]
    turns = sent([USER, said, result()])
    assert turns[1]["content"] == [THOUGHT, HIDDEN, {"type": "text", "text": "A"}, USED]


@pytest.mark.parametrize(
    "beside",
    [
        {"reasoning_content": "Hm"},
        {"thinking_blocks": [{"type": "thinking", "thinking": "Hm"}], "reasoning_content": "Hm"},
        {"thinking_blocks": [THOUGHT, {"type": "redacted_thinking"}]},
        {"thinking_blocks": ["Hm"]},
    ],
)
def test_unsigned_thinking_is_dropped_aloud(beside: dict[str, Any]) -> None:
    """Another provider's reasoning, which has no signature, is not taken."""
    said = {"role": "assistant", "content": "A", **beside}
    listed = ledger([USER, said, USER])
    assert listed["messages[1].reasoning_content"].change == "dropped"
    assert "Hm" not in str([b for b in sent([USER, said, USER])[1]["content"] if b != THOUGHT])


def test_a_refusal_of_others_is_what_was_said() -> None:
    """Another provider's refusal is the assistant's text."""
    said = {"role": "assistant", "content": None, "refusal": "I can't."}
    assert sent([USER, said, USER])[1]["content"] == "I can't."
    part = {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}
    assert sent([USER, part, USER])[1]["content"] == [{"type": "text", "text": "No."}]


def test_native_assistant_blocks() -> None:
    """Blocks in the dialect's own form go through, and their calls are known."""
    said = {"role": "assistant", "content": [THOUGHT, USED]}
    turns = sent([USER, said, result()])
    assert turns[1]["content"] == [THOUGHT, USED]


SEARCHED = [
    {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "q"}},
    {"type": "web_search_tool_result", "tool_use_id": "s1", "content": [{"url": "u"}]},
    {"type": "text", "text": "Found", "citations": [{"type": "x", "url": "https://u.test"}]},
]


def test_what_openai_cannot_say_is_kept() -> None:
    """Server tools, their results and citations go back as they came, from the object or its dump."""
    said = parsed(message(*SEARCHED)).choices[0].message
    assert said.content == "Found"
    for given in (said, said.model_dump()):
        assert sent([USER, given, USER])[1]["content"] == SEARCHED


@pytest.mark.parametrize("change", [{"content": "Lost"}, {"tool_calls": [CALL]}])
def test_an_edit_is_meant(change: dict[str, Any]) -> None:
    """Whoever edits a message means it: the blocks that said otherwise are not sent."""
    said = parsed(message(*SEARCHED)).choices[0].message.model_dump() | change
    content = sent([USER, said, *([result()] if "tool_calls" in change else []), USER])[1]
    assert "server_tool_use" not in str(content)


def test_a_kept_message_may_be_marked() -> None:
    """A mark for the cache goes on the last block."""
    said = parsed(message(*SEARCHED)).choices[0].message.model_dump() | {"cache_control": MARK}
    blocks = sent([USER, said, USER])[1]["content"]
    assert blocks[-1] == {**SEARCHED[-1], "cache_control": MARK}


def test_what_is_kept_may_be_broken() -> None:
    """What a store gives back may be anything."""
    for kept in ("x", {"content_blocks": "x"}, {"content_blocks": ["x"]}):
        said = {"role": "assistant", "content": "A", "provider_specific_fields": kept}
        assert sent([USER, said, USER])[1]["content"] == "A"


def test_kept_blocks_are_compared_with_care() -> None:
    """Calls that are no calls are no reason to fail, only to write the message anew."""
    block = {"type": "server_tool_use", "id": "s", "name": "x", "input": {}}
    beside = {"content_blocks": [block, USED]}
    said = {"role": "assistant", "content": None, "provider_specific_fields": beside}
    with pytest.raises(llmkit.InvalidRequestError, match="a function of name"):
        built([USER, {**said, "tool_calls": ["x"]}])
    broken = {**CALL, "function": {"name": "add", "arguments": "{"}}
    with pytest.raises(llmkit.InvalidRequestError, match="arguments must be"):
        built([USER, {**said, "tool_calls": [broken]}])
    same = {**said, "tool_calls": [CALL]}
    assert sent([USER, same, result()])[1]["content"] == [block, USED]


def test_our_own_message_without_more() -> None:
    """A message object is the dict that it stands for."""
    assert sent([USER, Message(content="A"), USER])[1] == {"role": "assistant", "content": "A"}


# --- parts ------------------------------------------------------------------------------------

PDF = base64.b64encode(b"%PDF-1.7").decode()


def blocks(*parts: Any, **fields: Any) -> list[Any]:
    """The blocks of a user's parts."""
    found: list[Any] = sent([{"role": "user", "content": list(parts)}], **fields)[0]["content"]
    return found


def image(url: Any, **fields: Any) -> dict[str, Any]:
    """An image in OpenAI's form."""
    return {"type": "image_url", "image_url": url, **fields}


def file(**fields: Any) -> dict[str, Any]:
    """A file in OpenAI's form."""
    return {"type": "file", "file": fields}


BYTES = {"type": "base64", "media_type": "application/pdf", "data": PDF}


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (
            image({"url": "https://i.test/a.png", "detail": "auto"}),
            {"type": "image", "source": {"type": "url", "url": "https://i.test/a.png"}},
        ),
        (
            image("http://i.test/a.png", cache_control=MARK),
            {
                "type": "image",
                "source": {"type": "url", "url": "http://i.test/a.png"},
                "cache_control": MARK,
            },
        ),
        (
            image({"url": "data:image/jpg;name=a;base64,AAAA"}),
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/jpeg", "data": "AAAA"},
            },
        ),
        (
            image({"url": f"data:application/pdf;base64,{PDF}"}),
            {"type": "document", "source": BYTES},
        ),
        (
            file(file_data=f"data:application/pdf;base64,{PDF}", filename="a.pdf"),
            {"type": "document", "source": BYTES, "title": "a.pdf"},
        ),
        (
            file(file_data=PDF, title="T", filename="a.pdf", citations={"enabled": True}),
            {
                "type": "document",
                "source": BYTES,
                "title": "T",
                "citations": {"enabled": True},
            },
        ),
        (
            file(file_data="AAAA", format="image/png"),
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"},
            },
        ),
        (
            file(file_data=f"data:text/markdown;base64,{base64.b64encode(b'# A').decode()}"),
            {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": "# A"},
            },
        ),
        (
            file(file_url="https://f.test/a.pdf"),
            {"type": "document", "source": {"type": "url", "url": "https://f.test/a.pdf"}},
        ),
        (
            file(file_id="https://f.test/a.pdf"),
            {"type": "document", "source": {"type": "url", "url": "https://f.test/a.pdf"}},
        ),
        (
            file(file_id="file_1"),
            {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
        ),
        (
            file(file_id="file_1", format="image/png"),
            {"type": "image", "source": {"type": "file", "file_id": "file_1"}},
        ),
        (
            {"type": "search_result", "source": "s", "title": "t", "content": []},
            {"type": "search_result", "source": "s", "title": "t", "content": []},
        ),
        ({"type": "of_tomorrow", "x": 1}, {"type": "of_tomorrow", "x": 1}),
    ],
)
def test_parts(part: dict[str, Any], block: dict[str, Any]) -> None:
    """Images and documents by URL, bytes or file; native blocks, and unknown ones, as given."""
    assert blocks(part) == [block]


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (image({}), "must have a url"),
        (image("ftp://x"), "neither an http"),
        (image("data:image/png,AAAA"), "neither an http"),
        (image("data:;base64,AAAA"), "images, PDF and text"),
        (image("data:audio/wav;base64,AAAA"), "not 'audio/wav'"),
        (file(file_data="AAAA"), "images, PDF and text"),
        (file(file_data="data:text/plain;base64,!!"), "no UTF-8 text"),
        (file(file_data="data:text/plain;base64,/w=="), "no UTF-8 text"),
        (file(), "must have file_id"),
        ({"type": "file", "file": "x"}, "must be a dict with file_id"),
        ({"type": "input_audio", "input_audio": {}}, "takes no 'input_audio'"),
        ({"type": "video_url", "video_url": {}}, "takes no 'video_url'"),
    ],
)
def test_parts_that_cannot_be_sent(part: dict[str, Any], said: str) -> None:
    """What the models cannot take is refused, with what to do."""
    with pytest.raises(llmkit.InvalidRequestError, match=said):
        blocks(part)


def test_detail_is_dropped_aloud() -> None:
    """There is no choice of detail."""
    part = image({"url": "https://i.test/a.png", "detail": "high"})
    listed = ledger([{"role": "user", "content": [part]}])
    assert listed["messages[0].content[0].image_url.detail"].change == "dropped"


def test_hosts_that_fetch_nothing() -> None:
    """A host that takes bytes only is not sent a URL."""
    wire = AnthropicMessages(media_urls=False)
    with pytest.raises(llmkit.InvalidRequestError, match="fetch_media"):
        blocks(image("https://i.test/a.png"), wire=wire)
    assert blocks(image("data:image/png;base64,AAAA"), wire=wire)
    assert not wire.reads_url("https://i.test/a.png")
    assert AnthropicMessages().reads_url("https://i.test/a.png")


def test_kind_of_part_may_be_anything() -> None:
    """A type that is no text is nobody's: it is the host's to refuse."""
    assert blocks({"type": ["x"]}) == [{"type": ["x"]}]
    assert BUDGETED
