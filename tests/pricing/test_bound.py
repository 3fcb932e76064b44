"""The bound of a chat: its prompt, its answer, the rates, and what makes it impossible."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from llmkit import types
from llmkit._call import Adjustment
from llmkit._http import HTTPRequest
from llmkit.catalogue import FrozenMap, Uplift
from llmkit.catalogue._allowances import Allowance
from llmkit.pricing import Gauges, Unbounded

from ._bounded import (
    GPT_4O,
    HELLO,
    PLAIN,
    PRO,
    SONNET,
    D,
    bounded,
    chat,
    model,
    most,
    priced,
    rates,
    reason,
)

TOOL = {"type": "function", "function": {"name": "f", "parameters": {}}}


def size(value: object) -> int:
    """Bytes of a value as JSON."""
    return len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())


def part(kind: str, **rest: object) -> list[dict[str, object]]:
    """One user message with one part."""
    return [{"role": "user", "content": [{"type": kind, **rest}]}]


# --- the prompt ------------------------------------------------------------------------------


def test_a_bound_by_hand() -> None:
    """Bytes as tokens plus the allowance, at the dearest tier that an unset tier can become."""
    result = bounded(chat(max_tokens=100))
    # "user" with its quotes is 6 bytes, "hello" 5, the allowance 16: 27 tokens
    assert most(result) == {"input": 27, "output": 100}
    assert result.total == D("0.00181475")  # 27 x 4.25 + 100 x 17, priority
    assert (result.status, result.reason) == ("estimated", "an upper bound, not a cost")
    fixed = bounded(chat(max_tokens=100, service_tier="default"))
    assert fixed.total == D("0.0010675")  # 27 x 2.5 + 100 x 10


def test_text_is_counted_in_bytes() -> None:
    """One character can be several tokens, never more than its bytes."""
    narrow = most(chat([{"role": "user", "content": "a" * 10}], max_tokens=1))["input"]
    wide = most(chat([{"role": "user", "content": "漢" * 10}], max_tokens=1))["input"]
    assert wide == narrow + 20
    half = most(chat([{"role": "user", "content": "\ud800" * 10}], max_tokens=1))["input"]
    assert half == wide


def test_a_normal_form_can_be_longer() -> None:
    """One ligature of three bytes becomes eighteen characters where a tokenizer normalises."""
    ligature = [{"role": "user", "content": "\ufdfa"}]
    plain = most(chat(ligature, max_tokens=1))["input"]
    normal = most(chat(ligature, max_tokens=1, allowance=PLAIN._replace(longer=("NFKC",))))
    assert normal["input"] == plain + 30
    stranger = most(
        chat(
            [{"role": "user", "content": "각"}],
            max_tokens=1,
            allowance=PLAIN._replace(longer=("NFC", "NFKD")),
        )
    )
    assert stranger["input"] == 16 + 6 + 9


def test_every_message_has_an_allowance() -> None:
    """What a chat template puts around a message does not depend on its length."""
    one, two = (most(chat(HELLO * n, max_tokens=1))["input"] for n in (1, 2))
    assert two == 2 * one


def test_what_a_provider_adds_is_data() -> None:
    """A preamble before every prompt, and another where there are tools."""
    adds = PLAIN._replace(preamble=100, tools=1000)
    plain = most(chat(max_tokens=1))["input"]
    assert most(chat(max_tokens=1, allowance=adds))["input"] == plain + 100
    with_tool = most(chat(max_tokens=1, tools=[TOOL], allowance=adds))["input"]
    assert with_tool == plain + 1100 + 64 + 2 * size([TOOL])
    shaped = {"extra_body": {"chat_template_kwargs": {"a": 1}}, "allowance": adds}
    assert most(chat(max_tokens=1, **shaped))["input"] == plain + 1100 + 2 * size({"a": 1})
    word = most(chat(max_tokens=1, response_format="json", allowance=adds))["input"]
    assert word == plain + 100 + 2 * size("json")


def test_a_schema_may_be_restated_and_escaped() -> None:
    """Text beyond ASCII can become six characters for two bytes, twice."""
    shape = {"type": "json_schema", "json_schema": {"name": "ä"}}
    plain = most(chat(max_tokens=1))["input"]
    assert most(chat(max_tokens=1, response_format=shape))["input"] == plain + 6 * size(shape)


def test_calls_and_results_may_be_restated() -> None:
    """A tool's call counts twice, its result as JSON would have it, where that is longer."""
    made = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    turn: list[Any] = [{"role": "assistant", "content": None, "tool_calls": [made]}]
    assert most(chat(turn, max_tokens=1))["input"] == 16 + 11 + 2 * size([made])
    lines = [{"role": "tool", "tool_call_id": "c", "content": "\n" * 10}]
    assert most(chat(lines, max_tokens=1))["input"] == 16 + 6 + 3 + 22
    told = [{"role": "tool", "tool_call_id": "c", "content": "\n" * 10}]
    counted = Gauges(text=len)
    assert most(chat(told, max_tokens=1, gauges=counted))["input"] == 16 + 6 + 3 + 10


def test_models_of_answers_are_messages() -> None:
    """An answer's message goes back as it is, and so does any other model."""
    said = types.chat.Message(role="assistant", content="hello")
    plain = most(chat([{"role": "assistant", "content": "hello"}], max_tokens=1))["input"]
    assert most(chat([said], max_tokens=1))["input"] >= plain


def test_parts_are_walked() -> None:
    """Text in whatever part it stands, each with an allowance of its own."""
    parts: list[Any] = ["abc", {"type": "text", "text": "abc"}, {"text": "abc"}]
    assert (
        most(chat([{"role": "user", "content": parts}], max_tokens=1))["input"] == 16 + 6 + 3 * 19
    )
    thought = [{"type": "thinking", "thinking": "abc", "signature": "de"}]
    wanted = 16 + 6 + 16 + 3 * 8 + 5 + 3 * 9 + 4
    assert most(chat([{"role": "user", "content": thought}], max_tokens=1))["input"] == wanted
    call = {"type": "tool_use", "id": "c", "name": "f", "input": {}}
    assert most(chat([{"role": "user", "content": [call]}], max_tokens=1))[
        "input"
    ] == 38 + 2 * size(call)
    native = most(chat([{"role": "user", "content": [{"toolUse": {"name": "f"}}]}], max_tokens=1))
    assert native["input"] > 38
    data = [{"role": "user", "content": [{"json": {"a": 1}}]}]
    assert most(chat(data, max_tokens=1))["input"] == 38 + size({"a": 1})
    answer = part("tool_result", tool_use_id="c", content=[{"type": "text", "text": "abc"}])
    assert most(chat(answer, max_tokens=1))["input"] == 38 + 3 * 11 + 3 + 16 + 5


def test_a_document_of_text_is_text() -> None:
    """Its sentences may be numbered, where it is to be cited."""
    source = {"type": "text", "media_type": "text/plain", "data": "abc"}
    plain = most(chat(part("document", source=source), max_tokens=1))["input"]
    assert plain == 38 + 5
    cited = chat(part("document", source=source, citations={"enabled": True}), max_tokens=1)
    assert most(cited)["input"] > 9 * 5
    off = chat(part("document", source=source, citations={"enabled": False}), max_tokens=1)
    assert most(off)["input"] < most(cited)["input"]
    pages = {"type": "content", "content": [{"type": "text", "text": "abc"}]}
    assert most(chat(part("document", source=pages), max_tokens=1))["input"] == 38 + 16 + 5


def test_fields_nobody_knows_are_text_unless_they_refer() -> None:
    """A message's own field is counted; one that may stand for a file is refused."""
    plain = most(chat(max_tokens=1))["input"]
    assert most(chat([{**HELLO[0], "mood": "fine"}], max_tokens=1))["input"] > plain
    assert most(chat([{**HELLO[0], "images": []}], max_tokens=1))["input"] == plain
    assert "images" in reason(chat([{**HELLO[0], "images": ["x"]}], max_tokens=1))
    assert "more" in reason(chat([{**HELLO[0], "more": [{"file_id": "x"}]}], max_tokens=1))


def test_a_gauge_bounds_what_is_no_text() -> None:
    """Whoever knows the most tokens that a part can have may say so."""
    shown = part("image_url", image_url={"url": "https://x.test/a.png"})
    result = chat(shown, max_tokens=1, gauges=Gauges(part=lambda _: 1600))
    assert most(result)["input"] == 16 + 6 + 16 + 1600
    heard = part("input_audio", input_audio={"data": "AAAA"})
    for odd in (-1, 1.5, True):
        assert "image_url" in reason(chat(shown, gauges=Gauges(part=lambda _, odd=odd: odd)))  # type: ignore[misc]
    spoken = priced({"input": "1", "audio_input": "9", "output": "1"})
    assert rates(chat(heard, of=spoken, max_tokens=1, gauges=Gauges(part=lambda _: 5)))[0] == 9
    deaf = priced({"input": "1", "output": "1"})
    assert "audio_input" in reason(
        chat(heard, of=deaf, max_tokens=1, gauges=Gauges(part=lambda _: 5))
    )
    timed = priced({"input": "1", "audio_input": "1", "audio_input/second": "1", "output": "1"})
    assert "how long" in reason(
        chat(heard, of=timed, max_tokens=1, gauges=Gauges(part=lambda _: 5))
    )
    alike = replace(deaf, priced_as=FrozenMap({"audio_input": "input"}))
    assert rates(chat(heard, of=alike, max_tokens=1, gauges=Gauges(part=lambda _: 5)))[0] == 1


def test_texts_can_be_counted_instead() -> None:
    """Where the encoding is known, a count replaces the bytes; where it is not, they stay."""
    assert most(chat(max_tokens=1, gauges=Gauges(text=lambda _: 1)))["input"] == 16 + 6 + 1
    assert most(chat(max_tokens=1, gauges=Gauges(text=lambda _: None)))["input"] == 27


def test_a_written_request_counts_where_it_is_longer() -> None:
    """A wire may have put more into it than the call shows; pictures in it are not text."""
    request = HTTPRequest("POST", "", body=b"x" * 500)
    assert most(chat(max_tokens=1, request=request))["input"] == 500
    shown = part("image_url", image_url={"url": "x" * 400})
    seen = chat(shown, max_tokens=1, gauges=Gauges(part=lambda _: 20), request=request)
    assert most(seen)["input"] == 100
    assert most(chat(max_tokens=1, request=HTTPRequest("POST", "")))["input"] == 27


# --- the answer ------------------------------------------------------------------------------


def test_without_max_tokens_the_models_limit_counts() -> None:
    """And without either there is no bound."""
    assert most(chat())["output"] == 16384
    no_limit = replace(GPT_4O, max_output_tokens=None)
    assert "max_tokens" in reason(chat(of=no_limit))
    assert bounded(chat(of=no_limit, max_completion_tokens=7)).known
    assert most(chat(max_tokens=7, extra_body={"max_completion_tokens": 9}))["output"] == 9
    assert most(chat(max_tokens=7.0))["output"] == 7


def test_extra_body_can_only_make_it_dearer() -> None:
    """Which of two limits is sent depends on the wire, so the larger counts."""
    assert most(chat(max_tokens=7, extra_body={"max_tokens": 3}))["output"] == 7
    inner = {"generationConfig": {"maxOutputTokens": 50, "candidateCount": 2}}
    assert most(chat(max_tokens=7, extra_body=inner))["output"] == 100


@pytest.mark.parametrize(
    "extra", [{"max_tokens": None}, {"generationConfig": None}, {"max_tokens": 0}]
)
def test_a_limit_taken_back_is_none(extra: dict[str, Any]) -> None:
    """A null in extra_body removes what the parameter said; zero is none at some providers."""
    assert most(chat(max_tokens=7, extra_body=extra))["output"] == 16384


def test_what_the_wire_changed_counts() -> None:
    """A limit that was dropped holds no longer, one that was put in does."""
    dropped = Adjustment("max_tokens", "dropped", 7, None, "not taken")
    request = HTTPRequest("POST", "", adjustments=(dropped,))
    assert most(chat(max_tokens=7, request=request))["output"] == 16384
    dropped = Adjustment("max_tokens", "dropped", 7, 7, "not taken")
    assert most(chat(max_tokens=7, adjustments=(dropped,)))["output"] == 16384
    raised = Adjustment("max_tokens", "clamped", 7, 32, "at least 32")
    assert most(chat(max_tokens=7, adjustments=(raised,)))["output"] == 32
    tier = Adjustment("service_tier", "dropped", "default", None, "not taken")
    assert rates(chat(max_tokens=7, service_tier="default", adjustments=(tier,)))[0] == D("4.25")
    other = Adjustment("temperature", "dropped", 1, None, "not taken")
    assert most(chat(max_tokens=7, adjustments=(other,)))["output"] == 7


def test_every_choice_counts() -> None:
    """Three choices can cost three times as much."""
    one, three = bounded(chat(max_tokens=50)), bounded(chat(max_tokens=50, n=3))
    assert one.total is not None
    assert three.total == one.total * 3
    assert most(chat(max_tokens=50, extra_body={"best_of": 4}))["output"] == 200


def test_limits_that_are_not_kept() -> None:
    """Some providers take a least limit, pass it a little, or let thinking pass it."""
    thinker = replace(GPT_4O, capabilities=frozenset({"reasoning"}))

    def output(allowed: Allowance, of: Any = thinker) -> int:
        found: int = most(chat(of=of, max_tokens=10, allowance=allowed))["output"]
        return found

    assert output(PLAIN._replace(least=16, slack=2)) == 18
    assert output(PLAIN._replace(beyond="reasoning")) == 10 + 128_000
    assert output(PLAIN._replace(beyond="unproven")) == 10 + 128_000
    assert output(PLAIN._replace(beyond="unproven"), GPT_4O) == 10 + 128_000
    assert output(PLAIN._replace(beyond="answer")) == 16384
    window = replace(thinker, max_output_tokens=None, max_input_tokens=1000)
    assert output(PLAIN._replace(beyond="reasoning"), window) == 1010
    endless = replace(window, max_input_tokens=None)
    for beyond in ("reasoning", "answer"):
        odd = PLAIN._replace(beyond=beyond)  # type: ignore[arg-type]
        assert "is not known" in reason(chat(of=endless, max_tokens=10, allowance=odd))


def test_thinking_that_is_longer_than_the_answer() -> None:
    """A budget within the limit is in it; one that is not comes on top."""
    inside = {"type": "enabled", "budget_tokens": 1024}
    assert most(chat(max_tokens=2000, thinking=inside))["output"] == 2000
    assert most(chat(max_tokens=1000, thinking=inside))["output"] == 2024
    free = {"extra_body": {"generationConfig": {"thinkingConfig": {"thinkingBudget": -1}}}}
    assert most(chat(max_tokens=1000, **free))["output"] == 1000
    assert "budget_tokens" in reason(chat(max_tokens=1, thinking={"budget_tokens": "many"}))


def test_a_prediction_counts_as_output_too() -> None:
    """Rejected predicted tokens are billed as an answer beyond its limit."""
    prediction = {"type": "content", "content": "abc"}
    result = chat(max_tokens=10, prediction=prediction)
    assert most(result) == {"input": 27 + size(prediction), "output": 10 + size(prediction)}


def test_speech_and_pictures_in_an_answer() -> None:
    """Asked for, they count at their own rate; a picture need not keep a limit for text."""
    speaks = priced({"input": "1", "output": "2", "audio_output": "9"})
    assert rates(chat(of=speaks, max_tokens=1))[1] == 2
    assert rates(chat(of=speaks, max_tokens=1, modalities=["text", "audio"]))[1] == 9
    mute = priced({"input": "1", "output": "2"})
    assert "audio_output" in reason(chat(of=mute, max_tokens=1, modalities=["audio"]))
    only = replace(speaks, output_modalities=frozenset({"audio"}))
    assert rates(chat(of=only, max_tokens=1))[1] == 9
    draws = priced(
        {"input": "1", "output": "2", "image_output": "30"},
        output_modalities=frozenset({"text", "image"}),
    )
    drawn = chat(of=draws, max_tokens=1)
    assert (rates(drawn)[1], most(drawn)["output"]) == (30, 16384)
    by_piece = replace(draws, rates=priced({"input": "1", "image_output/image": "1"}).rates)
    assert "pictures" in reason(chat(of=by_piece, max_tokens=1))


# --- rates -----------------------------------------------------------------------------------


def test_cache_writes_count_where_they_can_happen() -> None:
    """Anthropic bills one only where the request asks for it, and then at the dearest TTL."""
    assert rates(chat(of=SONNET, max_tokens=1))[0] == D(3)
    marked: list[Any] = [
        part("text", text="x", cache_control={}),
        part("text", text="x", cachePoint={}),
        [{"role": "user", "content": [{"cachePoint": {"type": "default"}}]}],
        [{"role": "user", "content": "x", "cache_control": {"type": "ephemeral"}}],
    ]
    for messages in marked:
        assert rates(chat(messages, of=SONNET, max_tokens=1))[0] == D(6)
    tools = [{**TOOL, "cache_control": {}}]
    assert rates(chat(of=SONNET, max_tokens=1, tools=tools))[0] == D(6)
    for extra in (
        {"cache_control": {}},
        {"system": [{"type": "text", "text": "x", "cache_control": {}}]},
    ):
        assert rates(chat(of=SONNET, max_tokens=1, extra_body=extra))[0] == D(6)


def test_cache_writes_that_need_no_asking_count_always() -> None:
    """Where the provider writes of its own accord, any prompt may be billed as written."""
    unasked = priced({"input": "1", "cache_write": "2", "output": "1"})
    assert rates(chat(of=unasked, max_tokens=1))[0] == 2
    asked = replace(unasked, cache_write_marker="cache_control")
    assert rates(chat(of=asked, max_tokens=1))[0] == 1


def test_long_prompts_count_at_the_long_rate() -> None:
    """Only where the prompt can pass the threshold."""
    long = [{"role": "user", "content": "a" * 200_001}]
    assert rates(chat(of=PRO, max_tokens=1))[0] == D("1.25")
    assert rates(chat(long, of=PRO, max_tokens=1))[0] == D("2.5")


def test_regions_left_open_count_at_the_dearest() -> None:
    """A workspace can be set to a dearer region; a call that says where it runs is held to it."""
    newest = model("anthropic", "claude-sonnet-5-5")
    assert rates(chat(of=newest, max_tokens=1))[0] == D("2.2")
    assert rates(chat(of=newest, max_tokens=1, extra_body={"inference_geo": "global"}))[0] == D(2)
    assert rates(chat(of=newest, max_tokens=1, facts={"region": "global"}))[0] == D(2)
    twice = {"inference_geo": "global", "extra_body": {"inference_geo": "us"}}
    assert rates(chat(of=newest, max_tokens=1, **twice))[0] == D("2.2")
    both = chat(
        of=newest, max_tokens=1, extra_body={"inference_geo": "us"}, facts={"region": "global"}
    )
    assert rates(both)[0] == D("2.2")


def test_rates_of_a_region_count_while_it_is_open() -> None:
    """A dearer rate for one region is not overlooked because nobody named one."""
    here, there = (priced({"input": usd, "output": "1"}).rates for usd in ("1", "5"))
    apart = (*here, replace(there[0], condition=FrozenMap({"region": "eu"})))
    assert rates(chat(of=replace(GPT_4O, rates=apart), max_tokens=1))[0] == 5
    known = chat(of=replace(GPT_4O, rates=apart), max_tokens=1, facts={"region": "us"})
    assert rates(known)[0] == 1


def test_what_is_said_is_compared_as_it_is_meant() -> None:
    """Whatever its case; and every region is one, but the whole world."""
    plain, dear = (priced({"input": usd, "output": "1"}).rates for usd in ("1", "5"))
    regional = replace(dear[0], condition=FrozenMap({"region": "regional"}))
    listed = replace(GPT_4O, rates=(*plain, regional))
    assert rates(chat(of=listed, max_tokens=1, facts={"region": "us-east5"}))[0] == 5
    assert rates(chat(of=listed, max_tokens=1, facts={"region": "Global"}))[0] == 1
    fast = replace(GPT_4O, rates=(*plain, replace(dear[0], condition=FrozenMap({"speed": "fast"}))))
    assert rates(chat(of=fast, max_tokens=1, extra_body={"speed": "FAST"}))[0] == 5


def test_the_least_that_is_billed() -> None:
    """A rate may say how many units a call is billed for at least."""
    rate = priced({"input": "1", "output": "1"}).rates
    least = replace(rate[0], condition=FrozenMap({"at_least": 1000}))
    result = chat(of=replace(GPT_4O, rates=(least, rate[1])), max_tokens=1)
    assert most(result) == {"input": 1000, "output": 1}


def test_uplifts_that_can_meet_are_multiplied() -> None:
    """Of regions one holds; a threshold and a region may hold together; none lowers the price."""
    ups = (
        Uplift(FrozenMap({"region": "us"}), D("1.1")),
        Uplift(FrozenMap({"region": "eu"}), D("1.2")),
        Uplift(FrozenMap({"input_tokens_over": 10}), D(2)),
        Uplift(FrozenMap({"input_tokens_over": 20}), D(2)),
        Uplift(FrozenMap({"input_tokens_over": 10_000}), D(2)),
        Uplift(FrozenMap({"speed": "fast"}), D(7)),
        Uplift(FrozenMap({"night": "yes"}), D("0.5")),
    )
    risen = priced({"input": "1", "output": "1"}, uplifts=ups)
    assert rates(chat(of=risen, max_tokens=1))[0] == D("4.8")
    assert rates(chat(of=risen, max_tokens=1, extra_body={"speed": "fast"}))[0] == D("33.6")


def test_fast_mode_counts_only_when_asked_for() -> None:
    """It is a parameter, so its absence settles it."""
    opus = model("anthropic", "claude-opus-4-8")
    where = {"inference_geo": "global"}
    assert rates(chat(of=opus, max_tokens=1, extra_body=where))[0] == D(5)
    assert rates(chat(of=opus, max_tokens=1, extra_body={**where, "speed": "fast"}))[0] == D(10)


def test_announced_prices_count_until_the_day_is_known() -> None:
    """Without a date the later price may already hold."""
    argon = model("gemini", "gemini-4-argon")
    assert rates(chat(of=argon, max_tokens=1))[0] == D(4)
    assert rates(chat(of=argon, max_tokens=1, last="2026-11-30"))[0] == D(2)


def test_tiers() -> None:
    """A tier that was named twice counts at the dearer; words for none leave it to the project."""
    assert rates(chat(max_tokens=1, service_tier="default"))[0] == D("2.5")
    both = chat(max_tokens=1, service_tier="default", extra_body={"service_tier": "priority"})
    assert rates(both)[0] == D("4.25")
    bare = replace(GPT_4O, tiers=FrozenMap({"": ("standard", "priority")}))
    assert rates(chat(of=bare, max_tokens=1, service_tier="auto"))[0] == D("4.25")
    assert rates(chat(of=bare, max_tokens=1, service_tier="standard"))[0] == D("2.5")
    assert "no scale rates" in reason(chat(max_tokens=1, service_tier="scale"))
    fee = priced({"input": "1", "output": "1", "request/request": "3"})
    assert most(chat(of=fee, max_tokens=1, n=2))["request"] == 2


def test_characters_are_no_more_than_bytes() -> None:
    """A model that is billed by characters is bounded by the same number."""
    spelled = priced({"input/character": "1", "output/character": "2"})
    assert most(chat(of=spelled, max_tokens=10)) == {"input": 27, "output": 10}


@pytest.mark.parametrize("missing", ["input", "output"])
def test_a_missing_rate_is_a_reason(missing: str) -> None:
    """Nothing is taken to be free."""
    some = {"input": "1", "output": "1", "cached_read": "1", "reasoning": "1"}
    del some[missing]
    assert f"no {missing} rate" in reason(chat(of=priced(some), max_tokens=1))
    assert "rate" in reason(chat(of=priced({}), max_tokens=1))


# --- what cannot be bounded ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("messages", "params", "why"),
    [
        (part("image_url", image_url={"url": "https://x.test/a.png"}), {}, "type image_url"),
        (part("input_audio", input_audio={"data": "AAAA"}), {}, "type input_audio"),
        (part("file", file={"file_id": "file-1"}), {}, "type file"),
        (part("tool_result", content=[{"type": "image"}]), {}, "type image"),
        (part("document", citations={"enabled": True}), {}, "type document"),
        (part("server_tool_use", name="web_search"), {}, "type server_tool_use"),
        ([{"role": "assistant", "audio": {"id": "audio_1"}}], {}, "audio"),
        ([{"type": "item_reference", "id": "x"}], {}, "type item_reference"),
        ([{"role": "user", "content": 7}], {}, "neither text nor"),
        ([{"role": "user", "content": [7]}], {}, "not a mapping"),
        ([{"role": "user", "content": [{"image": {}}]}], {}, "has no type"),
        ([{"role": "user", "content": [{"toolUse": 7}]}], {}, "not a mapping"),
        (["hello"], {}, "not a mapping"),
        ("hello", {}, "neither text nor"),
        (7, {}, "neither text nor"),
        (HELLO, {"web_search_options": {}}, "web_search_options"),
        (HELLO, {"extra_body": {"plugins": [{"id": "web"}]}}, "plugins"),
        (HELLO, {"extra_body": {"cached_content": "x"}}, "cached_content"),
        (HELLO, {"extra_body": {"previous_response_id": "x"}}, "previous_response_id"),
        (HELLO, {"extra_body": {"mcp_servers": [{}]}}, "mcp_servers"),
        (HELLO, {"extra_body": {"model": "gpt-4"}}, "model"),
        (HELLO, {"extra_body": {"provider": {"order": ["dear"]}}}, "provider"),
        (HELLO, {"extra_body": {"provider": {"sort": "throughput"}}}, "provider"),
        (HELLO, {"extra_body": {"num_beams": 4}}, "num_beams"),
        (HELLO, {"extra_body": {"guardrailConfig": {}}}, "guardrailConfig"),
        (HELLO, {"extra_body": {"mediaResolution": "HIGH"}}, "mediaResolution"),
        (HELLO, {"extra_body": {"never_heard_of": 1}}, "never_heard_of"),
        (HELLO, {"extra_body": {7: 1}}, "7: what"),
        (HELLO, {"extra_body": {"generationConfig": {"odd": 1}}}, "odd"),
        (HELLO, {"extra_body": {"generationConfig": [1]}}, "not a mapping"),
        (HELLO, {"extra_body": {"reasoning": {"mode": "pro"}}}, "reasoning.mode"),
        (HELLO, {"tools": [{"type": "web_search_20250305"}]}, "'web_search_20250305'".strip("'")),
        (HELLO, {"tools": [{"googleSearch": {}}]}, "googleSearch"),
        (HELLO, {"tools": [{"type": 7}]}, "has no type"),
        (HELLO, {"tools": "f"}, "not a list"),
        (HELLO, {"tools": [7]}, "not a mapping"),
        (HELLO, {"modalities": "audio"}, "not a list"),
        (HELLO, {"response_format": object()}, "response_format"),
        (HELLO, {"n": "3"}, "n='3'"),
        (HELLO, {"n": True}, "n=True"),
        (HELLO, {"max_tokens": -1}, "max_tokens=-1"),
        (HELLO, {"max_tokens": float("nan")}, "max_tokens=nan"),
        (HELLO, {"max_tokens": float("inf")}, "max_tokens=inf"),
        (HELLO, {"max_tokens": 1.5}, "max_tokens=1.5"),
        (HELLO, {"service_tier": 7}, "service_tier=7"),
        (HELLO, {"extra_headers": {"X-Service-Tier": "priority"}}, "X-Service-Tier"),
    ],
)  # fmt: skip
def test_what_the_request_does_not_show_is_unbounded(
    messages: Any, params: dict[str, Any], why: str
) -> None:
    """There is a reason instead of a figure."""
    result = chat(messages, **params)
    assert why in reason(result)
    assert not result.known


@pytest.mark.parametrize(
    "params",
    [
        {"extra_body": {"n": None, "max_tokens": 5}},
        {"web_search_options": None},
        {"extra_body": {"plugins": []}},
        {"extra_body": {"enable_search": False}},
        {"extra_body": {"model": "gpt-4o"}},
        {"extra_body": {"provider": {"require_parameters": True, "only": ["gpt-4o"]}}},
        {"extra_body": {"never_heard_of": None}},
        {"extra_body": {"reasoning": {"effort": "low"}}},
        {"extra_body": {"reasoning": "low", "text": {"verbosity": "low"}, "options": False}},
        {"extra_body": {"speed": 1.0}},
        {"tools": []},
        {"extra_headers": {"X-Trace": "1"}},
    ],
)
def test_what_is_turned_off_is_no_reason(params: dict[str, Any]) -> None:
    """Nor is what is known to bill nothing."""
    assert chat(**params).known


def test_tools_that_the_provider_describes() -> None:
    """The caller runs them, but their description is not in the request."""
    computer = {"type": "computer_20251124", "name": "computer"}
    plain = most(chat(max_tokens=1))["input"]
    assert most(chat(max_tokens=1, tools=[computer]))["input"] > plain + 4096


def test_no_model_and_searching_models_are_unbounded() -> None:
    """Without a price, or with pages of unknown length in the prompt, there is no bound."""
    assert chat(of=None) == Unbounded("no price for this model")
    assert "searches the web" in reason(chat(of=model("openai", "gpt-4o-search-preview")))
    assert reason(chat(allowance=PLAIN._replace(refused="because"))) == "because"
