"""Fields of forms: texts that stand for numbers, switches, lists and objects, or for nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from llmkit._upload import Upload
from llmkit.proxy.endpoints import lines
from llmkit.proxy.endpoints.lines import Calls, inline, rewritten
from llmkit.proxy.endpoints.reading import flag, typed, whole
from llmkit.proxy.failure import Refused


def refused(work: Callable[[], Any]) -> str:
    """What a refusal with 400 says."""
    with pytest.raises(Refused) as caught:
        work()
    assert caught.value.status == 400
    return caught.value.message


def test_texts_of_a_form_are_what_they_stand_for() -> None:
    """As a JSON body would have had them."""
    given = {
        "n": "2", "temperature": "0.5", "stream": "TRUE", "include": "logprobs", "languages": ["en", "de"],
        "chunking_strategy": '{"type": "server_vad"}', "prompt": "7", "language": "",
        "expires_after": {"seconds": "60", "anchor": "created_at"}, "mask": 5,
    }  # fmt: skip
    assert typed(given) == {
        "n": 2, "temperature": 0.5, "stream": True, "include": ["logprobs"], "languages": ["en", "de"],
        "chunking_strategy": {"type": "server_vad"}, "prompt": "7",
        "expires_after": {"seconds": 60, "anchor": "created_at"}, "mask": 5,
    }  # fmt: skip
    assert typed({"chunking_strategy": "auto"}) == {"chunking_strategy": "auto"}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("n", "two", "a number"),
        ("n", "9" * 5000, "a number"),
        ("temperature", "nan", "a number"),
        ("timeout", "inf", "a number"),
        ("stream", "perhaps", "true or false"),
        ("chunking_strategy", "{not JSON", "no JSON"),
    ],
)
def test_what_cannot_be_meant_is_told(name: str, value: str, said: str) -> None:
    """By the field's name."""
    assert refused(lambda: typed({name: value})) in {f"{name} must be {said}", f"{name} is {said}"}


def test_switches_and_whole_numbers() -> None:
    """Of a body, or of an address."""
    fields: dict[str, Any] = {"stream": True}
    assert flag(fields, "stream") is True
    assert flag(fields, "stream") is False
    assert "true or false" in refused(lambda: flag({"stream": "yes"}, "stream"))
    assert [whole(value, "limit", 1, 100) for value in (5, "100", "1")] == [5, 100, 1]
    for wrong in (True, 0, 101, "x", "-1", "1.0", "", None, "9" * 5000):
        assert "from 1 to 100" in refused(lambda given=wrong: whole(given, "limit", 1, 100))  # type: ignore[misc]


# --- the calls of a batch


def calls(usual: str | None = None) -> Calls:
    """For any model."""
    return Calls(lambda model: model.upper(), usual)


def file(text: str) -> Upload:
    """A file of calls."""
    return Upload("calls.jsonl", "application/jsonl", text.encode())


def test_lines_may_leave_their_model_to_the_file() -> None:
    """Where it was sent for one, each line that names none is for that."""
    looked = calls("fast")
    sent = rewritten(file('{"body": {}}\n\n{"params": {"model": "m"}}\n'), looked)
    with sent.source:
        assert b"".join(sent.pieces()) == b'{"body":{}}\n{"params":{"model":"M"}}\n'
    assert looked.models == {"fast": "FAST", "m": "M"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no calls"),
        ("\n \n", "no calls"),
        ("nonsense", "line 1 is no JSON"),
        ("[1]", "no JSON object"),
        ('{"body": 1}', "must have a body"),
        ('{"body": {}, "params": {}}', "must have a body"),
        ('{"body": {}}', "names no model"),
        ('{"body": {"model": 5}}', "names no model"),
        ('{"body": {"model": "m"}}\n' * 4, "more than 3 calls"),
        (json.dumps({"body": {"model": "m" * 300}}), "more than 200 bytes"),
        ("".join(json.dumps({"body": {"model": f"m{n}"}}) + "\n" for n in range(3)), "for 2 models"),
    ],
)  # fmt: skip
def test_a_line_that_is_no_call_is_told(
    text: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its number, and there is an end to all of them."""
    for name, most in (("_MOST", 3), ("_LONGEST", 200), ("_MODELS", 2)):
        monkeypatch.setattr(lines, name, most)
    assert said in refused(lambda: rewritten(file(text), calls()))


def test_calls_that_stand_in_the_request_itself() -> None:
    """A list that is not empty."""
    assert inline([{"params": {"model": "m"}}], calls()) == [{"params": {"model": "M"}}]
    strange: list[Any] = [[], {}, "x", None]
    for wrong in strange:
        assert "a list of calls" in refused(lambda given=wrong: inline(given, calls()))  # type: ignore[misc]
