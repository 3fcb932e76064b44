"""Requests that were cheaper in the bound than they could have been on the bill."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

import llmkit
from llmkit._calls import ImageCall, ResourceCall, ResponsesCall, TranscriptionCall
from llmkit.catalogue._allowances import allowance
from llmkit.pricing import Cost, Gauges, Unbounded, bound

from ._bounded import GPT_4O, HELLO, PLAIN, bounded, chat, model, most, priced, reason

MODEL = "openai/gpt-4o"
SONNET = "anthropic/claude-sonnet-4-5"


@pytest.fixture
def client() -> Iterator[llmkit.Client]:
    """A client that knows no key."""
    with llmkit.Client(environ={}) as made:
        yield made


def of(kind: Any, /, **fields: Any) -> Cost | Unbounded:
    """The bound of a call of another kind."""
    priced_as = priced({"input": "1", "output": "1", "image_output": "1"})
    return bound(kind("call", "openai", "made-up", **fields), priced_as, allowance=PLAIN)


@pytest.mark.parametrize(
    "params", [{"n": 0}, {"extra_body": {"n": 0}}, {"extra_body": {"n": None}}]
)
def test_no_answers_asked_for_are_one(params: dict[str, Any]) -> None:
    """Who does not refuse it answers once; the bound was nothing at all."""
    assert chat(max_tokens=10, **params) == chat(max_tokens=10)


def test_no_picture_asked_for_is_one() -> None:
    """The same for pictures."""
    one = of(ImageCall, prompt="x", params={"n": 0})
    assert one == of(ImageCall, prompt="x")
    assert bounded(one).total


@pytest.mark.parametrize(
    ("where", "heeded"),
    [
        ({"max_completion_tokens": 10}, "openai/gpt-4o"),
        ({"max_tokens": 10}, SONNET),
        ({"generationConfig": {"maxOutputTokens": 10}}, "gemini/gemini-2.5-pro"),
        ({"inferenceConfig": {"maxTokens": 10}}, "bedrock/anthropic.claude-3-haiku-20240307-v1:0"),
    ],
)
def test_a_limit_where_the_provider_looks_for_it_holds(
    client: llmkit.Client, where: dict[str, Any], heeded: str
) -> None:
    """As it would if the wire had written it."""
    result = most(client.cost_bound(heeded, messages=HELLO, extra_body=where))
    assert (
        result["output"] == most(client.cost_bound(heeded, messages=HELLO, max_tokens=10))["output"]
    )


@pytest.mark.parametrize(
    ("where", "passed_over"),
    [
        ({"num_predict": 10}, "openai/gpt-4o"),
        ({"options": {"num_predict": 10}}, "openai/gpt-4o"),
        ({"max_output_tokens": 10}, "openai/gpt-4o"),
        ({"generationConfig": {"maxOutputTokens": 10}}, "openai/gpt-4o"),
        ({"max_tokens": 10}, "gemini/gemini-2.5-pro"),
        ({"maxOutputTokens": 10}, "gemini/gemini-2.5-pro"),
        ({"max_tokens": 10}, "bedrock/anthropic.claude-3-haiku-20240307-v1:0"),
        ({"maxTokens": 10}, "bedrock/anthropic.claude-3-haiku-20240307-v1:0"),
    ],
)
def test_a_limit_in_the_wrong_place_is_none(
    client: llmkit.Client, where: dict[str, Any], passed_over: str
) -> None:
    """Another provider's name for it may be passed over: the model's own limit counts."""
    result = most(client.cost_bound(passed_over, messages=HELLO, extra_body=where))
    assert result["output"] >= 4096
    both = client.cost_bound(passed_over, messages=HELLO, max_tokens=20, extra_body=where)
    assert most(both)["output"] <= 20 + 16


def test_thinking_outside_of_the_limit_counts_without_one_too() -> None:
    """Where it is billed apart, the model's limit is one of the answer; what it can hold is one of the thinking."""
    thinker = replace(GPT_4O, max_output_tokens=1000, max_input_tokens=9000)
    for beyond in ("reasoning", "unproven"):
        allowed = PLAIN._replace(beyond=beyond)  # type: ignore[arg-type]
        assert most(chat(of=thinker, allowance=allowed))["output"] == 10_000
        assert most(chat(of=thinker, max_tokens=10, allowance=allowed))["output"] == 9010
    assert most(chat(of=thinker))["output"] == 1000


OPUS = model("anthropic", "claude-opus-4-8")


def test_another_speed_has_a_price_or_no_bound() -> None:
    """Of a model without one, fast mode counted as the standard; said twice, it was forgotten."""
    fast = bounded(chat(of=OPUS, max_tokens=10, extra_body={"speed": "fast"})).total
    usual = bounded(chat(of=OPUS, max_tokens=10)).total
    assert fast is not None
    assert usual is not None
    assert fast > usual
    twice = chat(of=OPUS, max_tokens=10, speed="standard", extra_body={"speed": "fast"})
    assert bounded(twice).total == fast
    assert chat(of=OPUS, max_tokens=10, extra_body={"speed": "standard"}).known
    for word in ("turbo", "auto"):
        assert "speed" in reason(chat(of=OPUS, max_tokens=10, extra_body={"speed": word}))
    assert "speed" in reason(chat(max_tokens=10, extra_body={"speed": "fast"}))


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"tools": [{"systemTool": {"name": "nova_grounding"}}]}, "systemTool"),
        ({"tools": [{"toolSpec": {}}], "odd": 1}, "tool_config.odd|toolConfig.odd"),
        ({"tools": "all"}, "not a list"),
    ],
)
def test_tools_within_their_configuration(config: dict[str, Any], why: str) -> None:
    """Bedrock has them there, and some of them run at the provider."""
    found = reason(chat(max_tokens=10, extra_body={"toolConfig": config}))
    assert any(each in found for each in why.split("|"))


def test_functions_within_their_configuration_count_as_tools() -> None:
    """With what a provider says of tools, and twice."""
    tools = [{"toolSpec": {"name": "f" * 100, "inputSchema": {"json": {}}}}]
    with_tools = PLAIN._replace(tools=500)
    inside = chat(max_tokens=1, extra_body={"toolConfig": {"tools": tools}}, allowance=with_tools)
    assert most(inside)["input"] >= most(chat(max_tokens=1))["input"] + 500 + 2 * 100
    plain = {"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}}
    assert chat(max_tokens=1, extra_body=plain).known


@pytest.mark.parametrize(
    "item",
    [
        {"id": "msg_1"},
        {"id": "msg_1", "type": None},
        {"type": "item_reference", "id": "msg_1"},
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": None},
        {"content": "no role"},
    ],
)
def test_items_that_the_provider_has_and_the_request_has_not(item: dict[str, Any]) -> None:
    """An id alone brings in whatever is stored under it."""
    result = of(ResponsesCall, input=[item], params={"max_output_tokens": 9})
    assert "stored" in reason(result) or "not known" in reason(result) or "told" in reason(result)


def test_thoughts_that_are_in_the_request_are_bounded() -> None:
    """Encrypted ones are text."""
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x" * 500}
    result = of(ResponsesCall, input=[item], params={"max_output_tokens": 9})
    assert most(result)["input"] > 500


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("provider_specific_fields", {"content_blocks": [{"type": "document", "source": {"type": "url", "url": "x"}}]}),
        ("provider_specific_fields", {"content_blocks": [{"type": "web_search_tool_result", "content": []}]}),
        ("provider_specific_fields", {"parts": [{"fileData": {"fileUri": "gs://a/b.pdf"}}]}),
        ("provider_specific_fields", {"converse_content": [{"video": {"source": {"s3Location": {}}}}]}),
        ("provider_specific_fields", {"output_items": [{"type": "item_reference", "id": "x"}]}),
        ("provider_specific_fields", {"output_items": [{"type": "reasoning", "id": "x"}]}),
        ("annotations", [{"type": "file", "file": {"content": []}}]),
    ],
    ids=[str(n) for n in range(7)],
)  # fmt: skip
def test_blocks_of_an_answer_that_are_no_text(name: str, kept: Any) -> None:
    """They go back as they came, and are no cheaper for being kept beside the message."""
    messages = [*HELLO, {"role": "assistant", "content": "x", name: kept}, *HELLO]
    assert "cannot be told" in reason(chat(messages, max_tokens=9))


def test_blocks_of_an_answer_that_are_text() -> None:
    """Those are bounded by their JSON, sources of what was said included."""
    blocks = [{"type": "text", "text": "x" * 300}, {"type": "tool_use", "id": "i", "input": {}}]
    fields = {"content_blocks": blocks, "citations": [{"url": "https://x.test", "title": "X"}]}
    messages = [*HELLO, {"role": "assistant", "content": "x", "provider_specific_fields": fields}]
    assert most(chat(messages, max_tokens=9))["input"] > 300


def test_what_is_said_beside_a_picture_counts() -> None:
    """Its file's name, or a title of half a megabyte, is no payload."""
    gauges = Gauges(part=lambda _: 7)

    def tokens(**more: Any) -> int:
        file = {"file_data": "data:application/pdf;base64,AAAA", **more}
        part = {"type": "file", "file": file}
        found: int = most(chat([{"role": "user", "content": [part]}], max_tokens=1, gauges=gauges))[
            "input"
        ]
        return found

    assert tokens(filename="x" * 5000) >= tokens() + 5000
    assert tokens(context={"deep": ["x" * 5000]}) >= tokens() + 5000


def test_a_hint_at_a_router_that_leaves_hosts_out_is_a_route() -> None:
    """The cheap ones may be among them; where the maker alone may answer, there are no others."""
    for hint in ({"zdr": True}, {"data_collection": "deny"}, {"require_parameters": True}):
        assert "another price" in reason(chat(max_tokens=1, extra_body={"provider": hint}))
        alone = {"provider": {**hint, "only": ["gpt-4o"]}}
        assert chat(max_tokens=1, extra_body=alone).known


def test_a_longer_life_of_a_cache_is_billed() -> None:
    """Changing one may prolong it."""
    made = ResourceCall("call", "gemini", "", resource="caches", action="update", target="c")
    assert "longer" in reason(bound(made, None))


@pytest.mark.parametrize("value", ["multi", ["de", "multi"]])
def test_several_languages_may_cost_more(value: Any) -> None:
    """A host of speech has a price for one, and another for many."""
    heard = priced({"audio_input/second": "1"})

    def result(language: Any) -> Cost | Unbounded:
        made = TranscriptionCall("c", "p", "m", file=None, params={"language": language})  # type: ignore[arg-type]
        return bound(made, heard, allowance=PLAIN, gauges=Gauges(seconds=lambda _: 9.0))

    assert "several languages" in reason(result(value))
    assert result("de").known


def test_parameters_of_the_address_count(client: llmkit.Client) -> None:
    """Some hosts take them there."""
    given = {"messages": HELLO, "max_tokens": 9}
    assert client.cost_bound(MODEL, **given, extra_query={"api-version": "1"}).known
    for query in ({"diarize": "true"}, {"never_heard_of": "1"}, {"max_tokens": "many"}):
        assert reason(client.cost_bound(MODEL, **given, extra_query=query))


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        ("azure", "o3-deep-research"), ("azure", "gpt-4o-search-preview"), ("kyma", "sonar"), ("kyma", "sonar-pro"),
        ("aihubmix", "gemini-3-flash-preview-search"), ("openrouter", "x-ai/grok-4.20-multi-agent"),
        ("azure_ai", "model_router"),
        ("openrouter", "switchpoint/router"), ("fireworks_ai", "accounts/fireworks/routers/auto"),
        ("vertex_ai", "deep-research-pro-preview-12-2025"),
    ],
)  # fmt: skip
def test_models_that_search_or_choose_do_so_wherever_they_are_served(
    provider: str, name: str
) -> None:
    """They were refused where they come from, and nowhere else."""
    assert allowance(provider, name).refused


def test_detail_beside_a_picture_may_be_passed_over(client: llmkit.Client) -> None:
    """Chat looks for it within ``image_url``: where it is not, the picture is seen in full."""

    def tokens(url: Any, **more: Any) -> int:
        content = [{"type": "image_url", "image_url": url, **more}]
        messages = [{"role": "user", "content": content}]
        result = client.cost_bound("openai/gpt-4o-mini", messages=messages, max_tokens=1)
        found: int = most(result)["input"]
        return found

    far = "https://x.test/a.png"
    assert tokens({"url": far}, detail="low") > 40_000
    assert tokens({"url": far, "detail": "low"}) < 10_000


def test_marks_in_a_row_take_linear_time() -> None:
    """Sorting them took seconds for a hundred kilobytes; the bound is still one of every normal form."""
    text = "a" + "\u0301\u0323\u0345\u0316" * 25_000
    longer = PLAIN._replace(longer=("NFC", "NFKD"))
    begun = time.thread_time()
    chat([{"role": "user", "content": text}], max_tokens=1, allowance=longer)
    assert time.thread_time() - begun < 2


@pytest.mark.parametrize("unit", ["\ufdfa", "\u1112\u1161\u11ab", "e\u0301", "\u09c7\u09be", "x"])
@pytest.mark.parametrize("shift", ["", "a", "ab"])
def test_a_text_in_pieces_is_bounded_in_every_form(unit: str, shift: str) -> None:
    """Wherever it is cut."""
    text = shift + unit * 3000
    longer = PLAIN._replace(longer=("NFC", "NFKC", "NFD", "NFKD"))
    tokens = most(chat([{"role": "user", "content": text}], max_tokens=1, allowance=longer))[
        "input"
    ]
    for form in longer.longer:
        assert tokens >= len(unicodedata.normalize(form, text).encode())  # type: ignore[arg-type]


def test_a_tool_of_the_provider_within_a_function() -> None:
    """What is called a function may hold another kind of tool."""
    inside = {"type": "function", "function": {"type": "web_search_20250305", "name": "web_search"}}
    assert "type of its own" in reason(chat(max_tokens=1, tools=[inside]))


@pytest.mark.parametrize("name", ["X-Gateway-Model", "x-portkey-config", "X-Fallback"])
def test_headers_that_route(name: str) -> None:
    """Gateways are told by them which model answers."""
    assert "header" in reason(chat(max_tokens=1, extra_headers={name: "x"}))
