"""Single hosts' own spellings in answers: empty fields of the form, details of usage, searches."""

from __future__ import annotations

from typing import Any

import pytest

from llmkit.types.chat import Message

from ._given import parsed


def message(**fields: Any) -> Message:
    """The message of an answer that has these."""
    said = {"role": "assistant", "content": "Hi", **fields}
    return parsed({"choices": [{"index": 0, "message": said}]}).choices[0].message


def test_fields_without_anything_in_them_are_none() -> None:
    """Snowflake fills in the whole form: a call of nothing is no call, and no sound is no sound."""
    empty = {"data": "", "expires_at": 0, "id": "", "transcript": ""}
    function = {"name": "now", "arguments": "{}"}
    call = {
        "id": "c",
        "type": "function",
        "function": function,
        "custom": {"input": "", "name": ""},
    }
    made = message(function_call={"name": "", "arguments": ""}, audio=empty, tool_calls=[call])
    assert made.function_call is None
    assert made.audio is None
    assert made.tool_calls is not None
    assert made.tool_calls[0].custom is None
    spoken = message(function_call={"name": "now", "arguments": ""}, audio={**empty, "id": "a"})
    assert spoken.function_call is not None
    assert spoken.audio is not None


@pytest.mark.parametrize(
    ("usage", "cached", "reasoning", "searches"),
    [
        ({"prompt_token_details": {"cached_tokens": 3}}, 3, None, None),
        ({"completion_token_details": {"reasoning_tokens": 4}}, None, 4, None),
        ({"prompt_token_details": None, "completion_tokens_details": None}, None, None, None),
        ({"server_tool_use_details": {"web_search_requests": 2}}, None, None, 2),
        ({"num_search_queries": 1, "server_tool_use_details": {}}, None, None, 1),
        ({"server_tool_use_details": "odd"}, None, None, None),
    ],
)
def test_usage_in_other_places(
    usage: dict[str, Any], cached: int | None, reasoning: int | None, searches: int | None
) -> None:
    """Counts are found under Writer's, Mistral's, OpenRouter's and Perplexity's names."""
    told = parsed(
        {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 9, **usage}}
    ).usage
    assert told is not None
    prompt, completion = told.prompt_tokens_details, told.completion_tokens_details
    assert (prompt and prompt.cached_tokens) == cached
    assert (completion and completion.reasoning_tokens) == reasoning
    assert (told.server_tool_use and told.server_tool_use.web_search_requests) == searches
