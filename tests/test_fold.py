from __future__ import annotations

from typing import Any

import pytest

from llmkit import _fold
from llmkit._call import ChatCall
from llmkit._fold import Fold, fold
from llmkit._http import Endpoint
from llmkit._json import load
from llmkit.types.chat import ChatCompletionChunk, Message
from llmkit.wires.mistral_chat import MistralChat
from llmkit.wires.openai_chat import OpenAIChat


def chunk(
    delta: Any = None, finish: str | None = None, index: int = 0, **head: Any
) -> ChatCompletionChunk:
    """A chunk of one choice, or of none where there is no delta."""
    made = {"index": index, "delta": delta, "finish_reason": finish}
    return ChatCompletionChunk.model_validate({"choices": [] if delta is None else [made], **head})


def message(*deltas: Any) -> Message:
    """The message that these deltas make up."""
    return fold(chunk(delta) for delta in deltas).choices[0].message


def test_nothing() -> None:
    """No chunks make an answer without choices, id and usage."""
    made = fold([])
    assert (made.choices, made.usage, made.id, made.model, made.object) == (
        [],
        None,
        "",
        "",
        "chat.completion",
    )


def test_head() -> None:
    """Id, model and time are those of the first chunk that has them; later tiers and fingerprints hold."""
    made = fold(
        [
            chunk(id="", created=0, model=""),
            chunk({}, id="a", created=7, model="m", service_tier="flex"),
            chunk({}, id="b", created=8, model="n", system_fingerprint="f"),
            chunk({}, id="b", created=8, model="n", service_tier="default"),
        ]
    )
    assert (made.id, made.created, made.model) == ("a", 7, "m")
    assert (made.service_tier, made.system_fingerprint) == ("default", "f")


def test_unknown_fields() -> None:
    """The latest unknown value counts, at every level; padding is left out."""
    first = chunk({"mood": "good"}, weather=1, obfuscation="xx")
    first.choices[0]["taste"] = "sweet"
    last = chunk({"mood": "bad", "name": None}, weather=2, obfuscation="yyy", sky=None)
    made = fold([first, last])
    assert made["weather"] == 2
    assert "obfuscation" not in made
    assert made.choices[0]["taste"] == "sweet"
    assert made.choices[0].message["mood"] == "bad"
    assert made.choices[0].message["name"] is None


def test_choices_in_order() -> None:
    """Choices are sorted by index, whichever came first, and folded apart."""
    made = fold([chunk({"content": "b"}, index=1), chunk({"content": "a"}), chunk({}, "stop", 1)])
    assert [(c.index, c.message.content, c.finish_reason) for c in made.choices] == [
        (0, "a", None),
        (1, "b", "stop"),
    ]


def test_content_that_never_came() -> None:
    """No content is ``None``, an empty one is empty; the role is an assistant's unless told."""
    assert message({"content": None}).content is None
    assert message({"content": ""}).content == ""
    assert message({"content": None}).role == "assistant"
    assert message({"role": "tool"}, {"role": None}).role == "tool"


def test_result_at_any_time() -> None:
    """What is asked for early is a snapshot: later chunks do not change it."""
    folding = Fold()
    folding.add(chunk({"content": "a", "thinking_blocks": [{"index": 0, "thinking": "x"}]}))
    early = folding.result()
    folding.add(chunk({"content": "b", "thinking_blocks": [{"index": 0, "thinking": "y"}]}))
    assert early.text == "a"
    assert early.choices[0].message.thinking_blocks == [{"index": 0, "thinking": "x"}]
    assert folding.result().text == "ab"
    assert folding.result() == folding.result()


def test_tool_call_pieces() -> None:
    """Names and arguments grow by index; a name that is repeated whole is not doubled, an id that comes late holds."""
    made = message(
        {"tool_calls": [{"index": 1, "id": "b", "function": {"name": "get_"}}]},
        {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": "{"}, "extra": 1}]},
        {"tool_calls": [{"index": 1, "id": "", "function": {"name": "time"}}]},
        {
            "tool_calls": [
                {
                    "index": 0,
                    "id": "a",
                    "type": "function",
                    "function": {"name": "f", "arguments": "}"},
                }
            ]
        },
    ).tool_calls
    assert made is not None
    assert [c.to_dict() for c in made] == [
        {"id": "a", "type": "function", "extra": 1, "function": {"name": "f", "arguments": "{}"}},
        {"id": "b", "type": "function", "function": {"name": "get_time", "arguments": None}},
    ]


def test_empty_id() -> None:
    """A host that gives calls an empty id keeps it, as in an answer of one piece."""
    calls = [{"index": 0, "id": "", "function": {"name": "f"}}]
    (made,) = message({"tool_calls": calls}, {"tool_calls": [{"index": 0}]}).tool_calls or ()
    assert made.id == ""


def test_custom_tool_pieces() -> None:
    """A custom tool's input grows, its name does not; there is no function."""
    calls = [
        {"index": 0, "type": "custom", "custom": {"name": "sql", "input": "SELECT"}},
        {"index": 0, "custom": {"input": " 1"}},
        {"index": 0, "custom": {"name": "sql", "input": ";"}},
    ]
    (made,) = message(*({"tool_calls": [call]} for call in calls)).tool_calls or ()
    assert (made.custom, made.function) == ({"name": "sql", "input": "SELECT 1;"}, None)


def test_audio_pieces() -> None:
    """Data and transcript grow; the id and the time hold."""
    made = message(
        {"audio": {"id": "x", "transcript": "a"}},
        {"audio": {"data": "AA", "transcript": None}},
        {"audio": {"data": "BB", "transcript": "b", "expires_at": 9}},
    ).audio
    assert made is not None
    assert made.to_dict() == {"id": "x", "transcript": "ab", "data": "AABB", "expires_at": 9}


def test_lists_are_appended() -> None:
    """Annotations and images that come one by one are all there."""
    made = message(
        {"annotations": [{"a": 1}], "images": []}, {"annotations": [{"a": 2}], "images": [{"i": 1}]}
    )
    assert made.annotations == [{"a": 1}, {"a": 2}]
    assert made.images == [{"i": 1}]


def test_logprobs_are_appended() -> None:
    """Tokens of content and of refusal come together."""
    pieces = [chunk({}), chunk({}), chunk({})]
    raw = [
        None,
        {"content": [{"token": "a"}]},
        {"content": [{"token": "b"}], "refusal": [{"token": "c"}]},
    ]
    for piece, probabilities in zip(pieces, raw, strict=True):
        data = piece.to_dict()
        data["choices"][0]["logprobs"] = probabilities
        pieces[pieces.index(piece)] = ChatCompletionChunk.model_validate(data)
    made = fold(pieces).choices[0].logprobs
    assert made is not None
    assert [t.token for t in made.content or ()] == ["a", "b"]
    assert [t.token for t in made.refusal or ()] == ["c"]


BLOCKS = ("thinking_blocks", "reasoning_details")


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks(name: str) -> None:
    """Pieces of one index and type make one block; its signature closes it, and what is encrypted stays whole."""
    pieces = [
        {"type": "t", "index": 0, "text": "a"},
        {"type": "t", "index": 0, "text": "b"},
        {"type": "t", "index": 0, "signature": "s"},
        {"type": "t", "index": 0, "text": "c"},
        {"type": "t", "index": 1, "text": "d"},
        {"type": "e", "index": 1, "data": "x"},
        {"type": "e", "index": 1, "data": "y"},
        {"type": "t", "text": "no index"},
        {"type": "t", "text": "no index"},
    ]
    made = message(*({name: [piece]} for piece in pieces))[name]
    assert made == [
        {"type": "t", "index": 0, "text": "ab", "signature": "s"},
        {"type": "t", "index": 0, "text": "c"},
        {"type": "t", "index": 1, "text": "d"},
        {"type": "e", "index": 1, "data": "x"},
        {"type": "e", "index": 1, "data": "y"},
        {"type": "t", "text": "no index"},
        {"type": "t", "text": "no index"},
    ]


@pytest.mark.parametrize("odd", ["text", None, 7, {"a": 1}, ["x", None, {"text": 5, "index": 0}]])
def test_odd_reasoning_details(odd: Any) -> None:
    """Reasoning details of any type do not break the fold."""
    fine = {"text": "a", "index": 0}
    for pieces in ([odd, [fine]], [[fine], odd], [odd, [fine], odd, [fine]]):
        made = message(*({"reasoning_details": piece} for piece in pieces))
        assert isinstance(made["reasoning_details"], list)


def test_odd_custom_input() -> None:
    """An input that is no text at first is replaced by the text that follows."""
    calls = [{"index": 0, "custom": {"input": value}} for value in (5, {"a": 1}, "x", "y")]
    (made,) = message(*({"tool_calls": [call]} for call in calls)).tool_calls or ()
    assert made.custom == {"input": "xy"}


def test_host_reasoning_grows() -> None:
    """A host's own texts grow; its other fields' last value counts."""
    made = message(
        {"reasoning": "a", "step": "one"}, {"reasoning": "b", "step": "two"}, {"reasoning": None}
    )
    assert (made["reasoning"], made["step"]) == ("ab", "two")


def test_usage_of_the_last_chunk_holds() -> None:
    """Of counts that grow along, the last one holds; what it leaves out of the prompt's side is kept."""
    made = fold(
        [
            chunk(usage={"prompt_tokens": 9, "completion_tokens": 1, "cache_read_input_tokens": 4}),
            chunk(usage={"completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}}),
        ]
    ).usage
    assert made is not None
    assert made.model_dump(exclude_none=True) == {
        "prompt_tokens": 9,
        "completion_tokens": 5,
        "cache_read_input_tokens": 4,
        "prompt_tokens_details": {"cached_tokens": 4},
    }


def streamed(*deltas: Any) -> Message:
    """The message of a stream with these deltas, through the wire."""
    import json

    decoder = MistralChat().decoder(ChatCall("c", "acme", "m", []))
    said = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    data = "".join(f"data: {json.dumps(event)}\n\n" for event in said) + "data: [DONE]\n\n"
    return fold(decoder.feed(data.encode())).choices[0].message


def thinking(*texts: str) -> dict[str, Any]:
    """A part of a content that holds thinking."""
    return {"type": "thinking", "thinking": [{"type": "text", "text": text} for text in texts]}


def test_content_in_parts_is_put_together() -> None:
    """Streamed parts become the parts of the answer in one piece, text that came bare included."""
    made = streamed(
        {"content": ""},
        {"content": [thinking("a", "b")]},
        {"content": [thinking("c")]},
        {"content": [{"type": "text", "text": "d"}]},
        {"content": "e"},
        {"content": [{"type": "reference", "reference_ids": [1]}, "f", "g"]},
        {
            "content": [
                {"type": "thinking", "thinking": "h"},
                {"type": "thinking", "thinking": "i"},
                7,
            ]
        },
        {"content": [thinking("j")]},
    )
    assert (made.content, made.reasoning_content) == ("defg", "abchij")
    assert made["content_parts"] == [
        thinking("abc"),
        {"type": "text", "text": "de"},
        {"type": "reference", "reference_ids": [1]},
        {"type": "text", "text": "fg"},
        {"type": "thinking", "thinking": "hi"},
        7,
        thinking("j"),
    ]


def test_text_before_the_first_part() -> None:
    """Text that came before any part is the first part."""
    made = streamed({"content": "a"}, {"content": "b"}, {"content": [thinking("c")]})
    assert made["content_parts"] == [{"type": "text", "text": "ab"}, thinking("c")]


def test_thinking_of_another_kind() -> None:
    """Thinking that changes between text and parts does not break the fold."""
    made = streamed(
        {"content": [{"type": "thinking", "thinking": "a"}]}, {"content": [thinking("b")]}
    )
    assert made["content_parts"] == [thinking("b")]
    made = streamed(
        {"content": [thinking("b")]}, {"content": [{"type": "thinking", "thinking": "a"}]}
    )
    assert made["content_parts"] == [{"type": "thinking", "thinking": "a"}]


def test_streamed_parts_go_back() -> None:
    """A streamed answer in parts is sent back to its host whole."""
    made = streamed({"content": [thinking("a")]}, {"content": "b"})
    again = {"role": "user", "content": "Again"}
    call = ChatCall("c", "acme", "m", [made, again])
    sent = MistralChat().build(call, Endpoint("https://host.test")).body
    parts = [thinking("a"), {"type": "text", "text": "b"}]
    assert load(sent)["messages"] == [{"role": "assistant", "content": parts}, again]


def test_long_blocks_are_not_quadratic(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts within blocks, audio and custom inputs are gathered and joined once, however many pieces came."""
    growing: list[str] = []
    merge = _fold.merge

    def watching(into: dict[str, Any], piece: dict[str, Any], names: Any) -> dict[str, Any]:
        made = merge(into, piece, names)
        growing.extend(
            value for value in made.values() if isinstance(value, str) and len(value) > 10
        )
        return made

    monkeypatch.setattr(_fold, "merge", watching)
    folding = Fold()
    for _ in range(200):
        folding.add(
            chunk(
                {
                    "reasoning_details": [{"type": "t", "index": 0, "text": "0123456789"}],
                    "audio": {"data": "0123456789"},
                    "tool_calls": [{"index": 0, "custom": {"input": "0123456789"}}],
                }
            )
        )
    assert growing == []
    made = folding.result().choices[0].message
    assert made["reasoning_details"][0]["text"] == "0123456789" * 200
    assert made.audio is not None
    assert made.audio.data == "0123456789" * 200


def test_objects_of_hosts_add_up() -> None:
    """An empty object at the end undoes nothing, and what an earlier one said stays beside the later."""
    folding = Fold()
    hate, violence = {"hate": {"filtered": False}}, {"violence": {"filtered": False}}
    for found, told in ((hate, {"id": "r", "seed": 1}), (violence, {"id": "r2"}), ({}, None)):
        piece = chunk({"content": "a"}).to_dict() | {"x_host": told}
        piece["choices"][0]["content_filter_results"] = found
        folding.add(ChatCompletionChunk.model_validate(piece))
        if found is hate:
            early = folding.result()
    made = folding.result()
    assert made.choices[0]["content_filter_results"] == hate | violence
    assert made["x_host"] == {"id": "r2", "seed": 1}
    assert early.choices[0]["content_filter_results"] == hate
    assert early["x_host"] == {"id": "r", "seed": 1}


def test_logprobs_of_thinking_are_kept() -> None:
    """Log-probabilities under a name of the host's own are gathered as the known ones are."""
    folding = Fold()
    for token in ("a", "b"):
        piece = chunk({"reasoning_content": token}).to_dict()
        said = {
            "content": None,
            "reasoning_content": [{"token": token, "logprob": -1.0}],
            "other": 3,
        }
        piece["choices"][0]["logprobs"] = said
        folding.add(ChatCompletionChunk.model_validate(piece))
    logprobs = folding.result().choices[0].logprobs
    assert logprobs is not None
    assert [item["token"] for item in logprobs["reasoning_content"]] == ["a", "b"]


def test_signed_thinking_in_parts() -> None:
    """Pieces of a thinking with a summary become one part, signed by what comes last, and one block."""

    def reasoning(text: str, signature: str) -> dict[str, Any]:
        inner = {"type": "summary_text", "text": text, "signature": signature}
        return {"content": [{"type": "reasoning", "summary": [inner]}]}

    made = streamed(
        reasoning("Two ", ""), reasoning("and", "s1"), reasoning("", ""), {"content": "4"}
    )
    inner = {"type": "summary_text", "text": "Two and", "signature": "s1"}
    parts = [{"type": "reasoning", "summary": [inner]}, {"type": "text", "text": "4"}]
    assert made["content_parts"] == parts
    assert (made.content, made.reasoning_content) == ("4", "Two and")
    assert made.thinking_blocks == [{"type": "thinking", "thinking": "Two and", "signature": "s1"}]
    wire = OpenAIChat(history=("content_parts",))
    sent = wire.build(
        ChatCall("c", "acme", "m", messages=[made]), Endpoint("https://host.test")
    ).body
    assert load(bytes(sent))["messages"] == [{"role": "assistant", "content": parts}]
    other = MistralChat().build(
        ChatCall("c", "acme", "m", messages=[made]), Endpoint("https://host.test")
    )
    assert load(bytes(other.body))["messages"][0]["content"][0] == thinking("Two and")


def test_thinking_of_another_dialect_is_listed() -> None:
    """Parts that a host does not know are not sent to it: their text is, and the thinking is listed."""
    made = streamed({"content": [thinking("a")]}, {"content": "b"})
    wire = OpenAIChat(history=("content_parts",))
    request = wire.build(ChatCall("c", "acme", "m", messages=[made]), Endpoint("https://host.test"))
    assert load(bytes(request.body))["messages"] == [{"role": "assistant", "content": "b"}]
    assert {(a.parameter, a.change) for a in request.adjustments} == {
        ("messages[0].reasoning_content", "dropped"),
        ("messages[0].thinking_blocks", "dropped"),
    }


def test_filter_results_add_up() -> None:
    """A host's own object of a choice comes piece by piece: an empty last one erases nothing."""
    pieces: list[Any] = [{}, {"hate": {"filtered": False}}, {"violence": {"filtered": True}}, {}]
    made = fold(
        ChatCompletionChunk.model_validate(
            {"choices": [{"index": 0, "delta": {}, "content_filter_results": piece, "rest": None}]}
        )
        for piece in pieces
    )
    assert made.choices[0]["content_filter_results"] == {
        "hate": {"filtered": False},
        "violence": {"filtered": True},
    }
