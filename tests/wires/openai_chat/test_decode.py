from __future__ import annotations

from typing import Any

import pytest

from llmkit import errors
from llmkit.wires.openai_chat import OpenAIChat

from ._given import answer, call, choice, chunks, events, parsed, whole


def said(message: Any, **more: Any) -> dict[str, Any]:
    """An answer with one choice."""
    return {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], **more}


def usage(given: dict[str, Any]) -> dict[str, Any]:
    """A usage as it is read, without what nobody said."""
    read = parsed(said({}, usage=given)).usage
    assert read is not None
    streamed = chunks([events(choice({}, "stop", usage=given))])[0].usage
    assert streamed == read
    return read.model_dump(exclude_none=True)


def test_text() -> None:
    """An answer's text, provenance and usage are where OpenAI has them."""
    read = parsed(whole("text"))
    assert read.choices[0].message.content == "Héllo, wörld 🌍"
    assert (read.choices[0].finish_reason, read.service_tier) == ("stop", "default")
    assert read["choices"][0]["message"]["content"] == read.text
    assert read.usage is not None
    assert (read.usage.prompt_tokens, read.usage.completion_tokens) == (11, 5)
    assert read.usage.cache_read_input_tokens == 4


def test_tool_calls() -> None:
    """Parallel tool calls keep ids, names and arguments as the model wrote them."""
    made = parsed(whole("tools")).choices[0].message.tool_calls
    assert made is not None
    assert [(c.id, c.type, c.function.name, c.function.arguments) for c in made] == [
        ("call_a", "function", "weather", '{"city":"Paris"}'),
        ("call_b", "function", "weather", '{"city":"Rome"}'),
    ]


def test_custom_tool_call() -> None:
    """A custom tool's call has its input under ``custom``, and no function."""
    (made,) = parsed(whole("custom_tool")).choices[0].message.tool_calls or ()
    assert (made.type, made.custom, made.function) == (
        "custom",
        {"name": "sql", "input": "SELECT 1;"},
        None,
    )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [({"x": 1}, '{"x":1}'), ([], "[]"), (None, None), ("{}", "{}"), ("", ""), ("{half", "{half")],
)
def test_arguments(arguments: Any, text: str | None) -> None:
    """Arguments that come as an object become JSON text; text stays as the model wrote it."""
    calls = [{"id": "a", "type": None, "function": {"name": "f", "arguments": arguments}}]
    (made,) = parsed(said({"tool_calls": calls})).choices[0].message.tool_calls or ()
    assert (made.function.arguments, made.type) == (text, "function")


def test_several_choices() -> None:
    """Each of ``n`` answers keeps its index and finish reason; without an index, its position counts."""
    read = parsed(whole("several"))
    assert [(c.index, c.message.content, c.finish_reason) for c in read.choices] == [
        (0, "heads", "stop"),
        (1, "tails", "length"),
    ]
    bare = parsed({"choices": [{"message": {"content": "a"}}, {"message": {"content": "b"}}]})
    assert [c.index for c in bare.choices] == [0, 1]


def test_logprobs() -> None:
    """Log-probabilities are read token by token."""
    found = parsed(whole("logprobs")).choices[0].logprobs
    assert found is not None
    assert found.content is not None
    assert [(t.token, t.logprob, t.bytes) for t in found.content] == [
        ("Hi", -0.25, [72, 105]),
        ("!", -1.5, [33]),
    ]


def test_malformed_bytes_of_a_token() -> None:
    """A token whose bytes are no numbers costs the bytes, not the answer."""
    token = {"token": "a", "logprob": 0, "bytes": ["x", {}, 7]}
    data = said({"content": "a"})
    data["choices"][0]["logprobs"] = {"content": [token]}
    read = parsed(data)
    assert read.text == "a"
    assert read.choices[0].logprobs is not None
    assert read.choices[0].logprobs.content is not None
    assert read.choices[0].logprobs.content[0].bytes is None
    assert read["malformed"]["choices.0.logprobs.content.0.bytes.0"] == "x"


def test_refusal_is_a_result() -> None:
    """A refusal is an answer, not an error."""
    message = parsed(whole("refusal")).choices[0].message
    assert (message.content, message.refusal) == (None, "I cannot help.")


@pytest.mark.parametrize("choices", [[], None, {}, 7, "text"])
def test_no_choices(choices: Any) -> None:
    """Empty, null or malformed choices give an answer without any; they do not crash."""
    read = parsed({"id": "a", "choices": choices})
    assert (read.choices, read.text, read.parsed) == ([], "", None)


def test_wrong_types_are_kept_aside() -> None:
    """A value of a wrong type is left out of its field, and found under ``malformed``."""
    read = parsed(
        {
            "id": 7,
            "created": "then",
            "choices": [{"index": "x", "message": {"content": {"a": 1}}}, 3],
        }
    )
    assert read.id == ""
    assert read.created is None
    assert read.choices[0].message.content is None
    assert read["malformed"] == {
        "id": 7,
        "created": "then",
        "choices.0.message.content": {"a": 1},
        "choices.1": 3,
    }


def test_unknown_fields_are_kept() -> None:
    """What nobody knows stays where it was, and can be read like any other field."""
    data = said({"content": "a", "mood": "fine"}, weather={"sun": True}, usage={"watts": 3})
    data["choices"][0]["taste"] = 1
    read = parsed(data)
    assert read.get("weather") == {"sun": True}
    assert (read.choices[0]["taste"], read.choices[0].message["mood"]) == (1, "fine")
    assert read.usage is not None
    assert read.usage["watts"] == 3
    dumped = read.model_dump()
    assert dumped["weather"] == {"sun": True}
    assert dumped["choices"][0]["message"]["mood"] == "fine"


def test_missing_head() -> None:
    """An answer without id and model has the call's."""
    read = parsed(said({"content": "a"}, object="chat"))
    assert (read.id, read.model, read.object) == ("call_1", "m1", "chat.completion")


def test_text_completion_choice() -> None:
    """A choice in the form of the older completions is read as a message."""
    read = parsed({"choices": [{"text": "old", "message": None, "finish_reason": "eos"}]})
    assert (read.text, read.choices[0].finish_reason) == ("old", "stop")


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("tool_calls", "tool_calls"),
        ("content_filter", "content_filter"),
        ("", None),
        (None, None),
        ("eos", "stop"),
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_length", "length"),
        ("tool_use", "tool_calls"),
        ("tool_call", "tool_calls"),
        ("sensitive", "sensitive"),
        (["stop"], None),
    ],
)
def test_finish_reasons(theirs: Any, ours: str | None) -> None:
    """Hosts' words are brought to OpenAI's; an unknown word is kept, a wrong type is none."""
    read = parsed({"choices": [{"index": 0, "message": {}, "finish_reason": theirs}]})
    assert read.choices[0].finish_reason == ours
    streamed = chunks([events(choice({"content": "a"}, theirs))])
    assert streamed[0].choices[0].finish_reason == ours


@pytest.mark.parametrize(
    ("message", "reasoning"),
    [
        ({"reasoning_content": "hm"}, "hm"),
        ({"reasoning": "hm"}, "hm"),
        ({"reasoning_content": "", "reasoning": "hm"}, ""),
        ({"reasoning_content": None, "reasoning": "hm"}, "hm"),
        (
            {
                "reasoning": None,
                "reasoning_details": [{"text": "h"}, {"summary": "m"}, {"data": "x"}, 3],
            },
            "hm",
        ),
        ({"reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}]}, None),
        ({"reasoning": {"steps": []}}, None),
        (
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, "a"]},
            "hm",
        ),
        ({"content": [{"type": "thinking", "thinking": "hm"}]}, "hm"),
        ({"content": [{"type": "thinking", "thinking": 3}, 4]}, ""),
        ({"content": "a"}, None),
    ],
)
def test_reasoning(message: Any, reasoning: str | None) -> None:
    """Every host's reasoning is ``reasoning_content``; what it sent stays beside it."""
    read = parsed(said(dict(message))).choices[0].message
    assert read.reasoning_content == reasoning
    kept = "content_parts" if isinstance(message.get("content"), list) else next(iter(message))
    given = message.get("content") if kept == "content_parts" else message[kept]
    assert kept == "reasoning_content" or read[kept] == given


def test_content_in_parts() -> None:
    """Content in parts becomes its text."""
    parts = ["a", {"text": "b"}, {"type": "text", "text": "c"}, {"type": "reference", "ids": [1]}]
    read = parsed(said({"content": parts})).choices[0].message
    assert (read.content, read.reasoning_content, read["content_parts"]) == ("abc", None, parts)


DETAILS = "prompt_tokens_details"


@pytest.mark.parametrize(
    ("given", "read"),
    [
        # DeepSeek
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 2,
                "prompt_cache_hit_tokens": 6,
                "prompt_cache_miss_tokens": 3,
            },
            {"total_tokens": 11, DETAILS: {"cached_tokens": 6}, "cache_read_input_tokens": 6},
        ),
        # Moonshot
        ({"cached_tokens": 6}, {DETAILS: {"cached_tokens": 6}, "cache_read_input_tokens": 6}),
        ({"num_cached_tokens": 5}, {DETAILS: {"cached_tokens": 5}, "cache_read_input_tokens": 5}),
        ({"cache_read_input_tokens": 4}, {DETAILS: {"cached_tokens": 4}}),
        # OpenAI, and what a host says of writing
        (
            {DETAILS: {"cached_tokens": 3, "cache_write_tokens": 8}},
            {"cache_read_input_tokens": 3, "cache_creation_input_tokens": 8},
        ),
        (
            {DETAILS: None, "cached_tokens": 1},
            {DETAILS: {"cached_tokens": 1}, "cache_read_input_tokens": 1},
        ),
        # Perplexity
        ({"num_search_queries": 2}, {"server_tool_use": {"web_search_requests": 2}}),
        ({"reasoning_tokens": 7}, {"completion_tokens_details": {"reasoning_tokens": 7}}),
        (
            {"reasoning_tokens": 7, "completion_tokens_details": {"reasoning_tokens": 6}},
            {"completion_tokens_details": {"reasoning_tokens": 6}},
        ),
        # OpenRouter, Vercel
        ({"cost": 0.5, "is_byok": True}, {"cost": 0.5}),
        # nothing unsaid becomes zero
        ({"prompt_tokens": 9}, {}),
        ({}, {}),
    ],
)
def test_usage(given: dict[str, Any], read: dict[str, Any]) -> None:
    """Each host's spelling of a count is brought to one place, streamed or not, and kept."""
    kept = {k: v for k, v in given.items() if not isinstance(v, dict | None)}
    assert usage(given) == kept | {k: v for k, v in given.items() if isinstance(v, dict)} | read


def test_usage_of_groq_and_moonshot_streams() -> None:
    """Usage inside ``x_groq`` or inside the finishing choice is the answer's usage."""
    counts = {"prompt_tokens": 1, "completion_tokens": 2}
    (groq,) = chunks([events(choice({}, "stop", x_groq={"usage": counts}))])
    last = choice({}, "stop")
    last["choices"][0]["usage"] = counts
    (moonshot,) = chunks([events(last)])
    for chunk in (groq, moonshot):
        assert chunk.usage is not None
        assert chunk.usage.total_tokens == 3


@pytest.mark.parametrize("wrong", [7, "x", [], [1], True])
def test_usage_of_a_wrong_type(wrong: Any) -> None:
    """A usage that is none is none; details that are none are left out."""
    assert parsed(said({}, usage=wrong)).usage is None
    read = parsed(said({}, usage={"prompt_tokens": 1, DETAILS: wrong})).usage
    assert read is not None
    assert (read.prompt_tokens, read.prompt_tokens_details) == (1, None)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not JSON"),
        (b"<html>hello</html>", "is base_url right"),
        (b'{"choices": [', "not JSON"),
        (b"[]", "no object"),
        (b'"text"', "no object"),
        (b"7", "no object"),
        (b'{"id": "a"}', "no choices"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 5000, "not JSON"),
    ],
)
def test_unreadable(data: bytes, why: str) -> None:
    """What is no chat answer is refused with what it begins with; it may have been billed."""
    with pytest.raises(errors.APIResponseValidationError, match=why) as caught:
        OpenAIChat().parse(call(), answer(data, headers={"x-request-id": "r1"}))
    error = caught.value
    assert (error.status_code, error.sent, error.request_id, error.provider) == (
        200,
        "yes",
        "r1",
        "acme",
    )
    assert not error.retryable
    assert len(error.message) < 700


@pytest.mark.parametrize(
    ("data", "kind", "status"),
    [
        ({"error": {"message": "no", "code": 401}}, errors.AuthenticationError, 401),
        ({"error": {"message": "no", "code": "insufficient_quota"}}, errors.RateLimitError, 429),
        ({"error": "it broke", "choices": []}, errors.APIError, None),
        (
            {"object": "error", "message": "no", "type": "BadRequestError", "code": 400},
            errors.BadRequestError,
            400,
        ),
        ([{"error": {"code": 503, "message": "later"}}], errors.ServiceUnavailableError, 503),
        ({"error": {"message": "odd", "code": 200}}, errors.APIError, None),
    ],
)
def test_error_inside_a_200(data: Any, kind: type[errors.APIError], status: int | None) -> None:
    """An error with status 200 is raised as what its code says."""
    with pytest.raises(kind) as caught:
        parsed(data)
    assert type(caught.value) is kind
    assert caught.value.status_code == status


def test_byte_order_mark_and_half_characters() -> None:
    """A byte order mark, or half a character, does not make an answer unreadable."""
    assert parsed(b'\xef\xbb\xbf{"choices": []}').choices == []
    data = b'{"choices":[{"message":{"content":"a\\ud83d \\ud83d\\ude00 \\\\ud83d"}}]}'
    assert parsed(data).text == "a\ufffd \U0001f600 \\ud83d"
    with pytest.raises(errors.APIResponseValidationError):
        parsed(b'{"a": "\\ud83d')
