from __future__ import annotations

import copy
import json
import os
import pickle
import subprocess
import sys
import time
from decimal import Decimal
from typing import Any

import pytest
from pydantic_core import PydanticSerializationError

from llmkit._call import CallInfo, ChatCall, Timeouts, fresh_id, new_call_id
from llmkit.pricing import Cost
from llmkit.types import ChatCompletion, ChatCompletionChunk, ChatParams, Message, Usage
from llmkit.types._model import Model, lenient
from llmkit.types.chat import Choice, ToolCall
from llmkit.types.params import CallOptions, ModelParams

ANSWER = {
    "id": "a",
    "object": "chat.completion",
    "created": 7,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "hi", "mood": "fine"},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    "weather": "sun",
}


def answer() -> ChatCompletion:
    """An answer with unknown fields."""
    return ChatCompletion.model_validate(ANSWER)


def test_access_as_object_and_as_dict() -> None:
    """Attributes, subscripts, ``get``, ``in`` and ``keys`` all reach known and unknown fields."""
    made = answer()
    assert made.choices[0].message.content == made["choices"][0]["message"]["content"] == "hi"
    assert made["weather"] == made.get("weather") == made.weather == "sun"  # type: ignore[attr-defined]
    assert "weather" in made
    assert "usage" in made
    assert "nothing" not in made
    assert 7 not in made
    assert made.get("nothing", 5) == 5
    assert made.get("service_tier", "x") == "x"
    assert {"id", "weather"} <= set(made.keys())
    assert dict(made.usage or ())["total_tokens"] == 3
    with pytest.raises(KeyError):
        made["nothing"]
    made["id"] = "b"
    made["new"] = 1
    assert (made.id, made["new"]) == ("b", 1)


def test_dumps() -> None:
    """A dump has OpenAI's fields and the unknown ones, and nothing beyond them that is null."""
    dumped = answer().model_dump()
    assert dumped["weather"] == "sun"
    assert dumped["choices"][0]["message"] == {
        "role": "assistant",
        "content": "hi",
        "refusal": None,
        "mood": "fine",
    }
    assert dumped["usage"] == ANSWER["usage"]
    assert json.loads(answer().model_dump_json()) == dumped
    assert answer().to_dict() == ANSWER


@pytest.mark.parametrize(
    "made",
    [
        ChatCompletion(),
        ChatCompletionChunk(),
        Message(),
        Usage(),
        Choice(),
        ToolCall(),
        ToolCall.model_validate({"id": "a", "type": "custom", "custom": {"name": "x"}}),
    ],
)
def test_every_model_can_be_written(made: Model) -> None:
    """Models without values, and calls without a function, are written as JSON and read again."""
    again = type(made).model_validate_json(made.model_dump_json())
    assert again.model_dump() == made.model_dump()


def test_what_cannot_be_written() -> None:
    """Pydantic's own errors are left as they are."""
    made = answer()
    made["odd"] = object()
    with pytest.raises(PydanticSerializationError, match="Unable to serialize unknown type"):
        made.model_dump_json()


def test_answers_travel() -> None:
    """An answer can be copied and pickled, with its cost and call."""
    made = answer()
    made._call, made._cost = CallInfo("call_1"), Cost(Decimal(1), "exact", revision="")
    for again in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):  # noqa: S301 - our own bytes
        assert again.model_dump() == made.model_dump()
        assert (again.call.id, again.cost.total) == ("call_1", Decimal(1))


def test_answers_made_by_hand() -> None:
    """An answer that no call made has a call of its own and an unknown cost."""
    made = answer()
    assert made.call.id == "a"
    assert made.cost.total is None
    assert made.cost.status == "unknown"
    assert made.call is made.call


def test_short_cuts() -> None:
    """``text`` and ``parsed`` are the first choice's, and empty without one."""
    assert (answer().text, answer().parsed) == ("hi", None)
    assert (ChatCompletion().text, ChatCompletion().parsed, ChatCompletionChunk().text) == (
        "",
        None,
        "",
    )
    chunk = ChatCompletionChunk.model_validate({"choices": [{"delta": {"content": "x"}}]})
    assert chunk.text == "x"
    assert "1 + 2 tokens" in answer()._repr_markdown_()
    assert "no usage" in ChatCompletion()._repr_markdown_()


@pytest.mark.parametrize(
    ("data", "malformed"),
    [
        ({"id": 7}, {"id": 7}),
        ({"choices": "x"}, {"choices": "x"}),
        ({"choices": [5, {"message": 6}]}, {"choices.0": 5, "choices.1.message": 6}),
        (
            {"usage": {"prompt_tokens": "many", "prompt_tokens_details": {"cached_tokens": []}}},
            {"usage.prompt_tokens": "many", "usage.prompt_tokens_details.cached_tokens": []},
        ),
        (
            {
                "choices": [
                    {"message": {"tool_calls": [{"id": 1, "function": {"arguments": 2}}, "x"]}}
                ]
            },
            {
                "choices.0.message.tool_calls.0.id": 1,
                "choices.0.message.tool_calls.0.function.arguments": 2,
                "choices.0.message.tool_calls.1": "x",
            },
        ),
    ],
)
def test_wrong_types_are_cut_out(data: Any, malformed: dict[str, Any]) -> None:
    """A wrong value is left out of its field alone, and kept under its path; what was given is not changed."""
    before = json.dumps(data)
    made = lenient(ChatCompletion, {**data, "model": "m"})
    assert made.model == "m"
    assert made["malformed"] == malformed
    assert json.dumps(data) == before
    assert json.loads(made.model_dump_json())["model"] == "m"


def test_right_types_have_nothing_malformed() -> None:
    """What fits is not touched."""
    assert "malformed" not in lenient(ChatCompletion, ANSWER)


def test_a_list_of_scalars_is_cut_out_whole() -> None:
    """A list in which nothing else would fit goes as one."""
    data = {"choices": [{"logprobs": {"content": [{"token": "a", "bytes": [1, "x", None]}]}}]}
    made = lenient(ChatCompletion, data)
    logprobs = made.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    assert (logprobs.content[0].token, logprobs.content[0].bytes) == ("a", None)
    assert made["malformed"]["choices.0.logprobs.content.0.bytes.1"] == "x"


class Strict(Model):
    """A model that cannot be repaired: something is required."""

    needed: int


def test_beyond_repair() -> None:
    """Where no cut helps, everything is kept aside."""
    made = lenient(Strict, {"needed": "x", "other": 1})
    assert made["malformed"] == {"needed": "x", "other": 1}


def test_parameters_are_declared_once() -> None:
    """A keyword is either for the model or for the call, and ``ChatParams`` has both."""
    model, call = set(ModelParams.__annotations__), set(CallOptions.__annotations__)
    assert not model & call
    assert set(ChatParams.__annotations__) == model | call
    assert not {"model", "messages", "stream", "dry_run"} & (model | call)


@pytest.mark.parametrize("name", ["connect", "first_token", "idle", "total"])
@pytest.mark.parametrize("value", [0, -1, float("inf"), float("nan"), "5", None])
def test_timeouts_are_finite(name: str, value: Any) -> None:
    """Every timeout is a positive, finite number."""
    with pytest.raises(ValueError, match=f"timeout '{name}' must be a positive, finite number"):
        Timeouts(**{name: value})


def test_call_ids_are_unique() -> None:
    """Each call has an id of its own."""
    assert new_call_id() != new_call_id()
    assert new_call_id().startswith("call_")
    assert len({fresh_id() for _ in range(1000)}) == 1000
    assert all(len(fresh_id()) == 32 for _ in range(200))


def test_ids_that_are_made_one_after_the_other_lie_beside_each_other() -> None:
    """They begin with the time, so a table that is kept by them grows at its end; the rest of them is chance."""
    before = time.time_ns() // 1_000_000
    made = [fresh_id() for _ in range(200)]
    times = [int(one[:12], 16) for one in made]
    assert times == sorted(times)
    assert before <= times[-1] <= time.time_ns() // 1_000_000
    assert len({one[12:] for one in made}) == 200


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked there")
def test_a_forked_child_has_ids_of_its_own() -> None:
    """Those that the parent keeps for later are the parent's."""
    script = (
        "import os; from llmkit._call import fresh_id; fresh_id(); pid = os.fork();"
        "os.write(1, fresh_id().encode() + b'\\n'); pid and os.waitpid(pid, 0)"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    one, other = run.stdout.split()
    assert one != other


def test_usage_chunk_is_for_those_who_asked() -> None:
    """Without stream options nobody asked."""
    assert not ChatCall("c", "p", "m", []).wants_usage_chunk
