"""What is known before anything is sent: windows, capabilities, regions, kinds of call and prices."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmkit._control.routing import reading
from llmkit._control.routing.checks import unfit
from llmkit._control.routing.settings import Settings
from llmkit.errors import ConfigurationError, InvalidRequestError

from ._candidates import RATE, chat, info, member, names, pool, seeded

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}


def said(one: Any, wanted: Any, **how: Any) -> str | None:
    """Why it is unfit; a pool of it says the same."""
    reason = unfit(one, wanted, Settings(**how))
    made = pool([one], **how)
    assert bool(made.unfit(wanted)) == (reason is not None)
    assert made.excluded(wanted) == ({} if reason is None else {one.id: reason})
    assert names(made.plan(wanted, seeded(), 0.0)) == ([one.id] if reason is None else [])
    return reason


# --- windows


def test_a_short_prompt_is_not_counted() -> None:
    """What fits with a token for every byte needs no counting."""

    def never() -> int:
        raise AssertionError

    assert said(member(known=info()), chat("x" * 800, count=never)) is None


def test_a_long_prompt_is_counted_once() -> None:
    """What may not fit is counted, once for a call, whoever asks."""
    counts: list[int] = []

    def count() -> int:
        counts.append(1)
        return 999

    wanted = chat("x" * 3000, count=count)
    assert said(member(known=info()), wanted) is None
    assert said(member("b", known=info(max_input_tokens=998)), wanted) == (
        "the prompt has some 999 tokens, and its window is 998"
    )
    assert counts == [1]


def test_model_info_goes_before_the_catalogue() -> None:
    """A deployment's own window holds, whatever its model's is; without any, everything fits."""
    wanted = chat("x" * 3000, count=lambda: 900)
    assert said(member(max_input_tokens=800, known=info()), wanted) is not None
    assert said(member(max_input_tokens=1200, known=info(max_input_tokens=10)), wanted) is None
    assert said(member(known=info(max_input_tokens=None)), wanted) is None
    assert said(member(), wanted) is None


def test_a_shared_window_has_room_for_the_answer() -> None:
    """Where one number is listed for prompt and answer, both have to fit into it; two numbers are two windows."""
    shared, apart = info(max_output_tokens=1000), info(max_output_tokens=999)
    wanted = chat("x" * 3000, count=lambda: 900, params={"max_tokens": 101})
    assert said(member(known=shared), wanted) == (
        "the prompt has some 1001 tokens with the 101 of the answer, and its window is 1000"
    )
    assert said(member(known=apart), wanted) is None
    assert said(member(known=shared, max_input_tokens=1000), wanted) is None
    short = chat("x" * 500, count=lambda: 600, params={"max_tokens": 500})
    assert short.size < 1000
    assert said(member(known=shared), short) is not None


def test_an_answer_as_long_as_the_deployment_says() -> None:
    """Where the call says nothing of its answer, what the deployment does counts."""
    shared = info(max_output_tokens=1000)
    wanted = chat("x" * 900, count=lambda: 900)
    assert said(member(known=shared), wanted) is None
    assert "the 200 of the answer" in str(said(member(known=shared, max_tokens=200), wanted))
    short = chat("x" * 900, count=lambda: 900, params={"max_tokens": 50})
    assert said(member(known=shared, max_tokens=200), short) is None


def test_tokens_are_counted_as_the_model_does() -> None:
    """Without a counter of the caller's, the model's own rule counts: exactly where its encoding is public."""
    known = info(provider="openai", name="gpt-4o", max_input_tokens=1020)
    assert said(member(known=known), chat("hello " * 1000)) is None
    assert said(member(known=known), chat("hello " * 1020)) is not None


def test_an_estimate_is_believed_less() -> None:
    """Where tokens are only estimated, nobody is left out for less than a tenth."""
    wanted = chat("hello " * 1000)
    estimated = wanted.tokens(info())
    assert 900 < estimated < 1100
    assert said(member(known=info(max_input_tokens=estimated - estimated // 20)), wanted) is None
    assert said(member(known=info(max_input_tokens=estimated - estimated // 8)), wanted) is not None


def test_instructions_of_messages_are_counted() -> None:
    """What the Messages API has beside its messages is part of the prompt."""
    subject = {"messages": [{"role": "user", "content": "x"}]}
    wanted = chat(subject=subject, params={"system": [{"type": "text", "text": "hello " * 500}]})
    assert wanted.size > 3000
    assert 500 < wanted.tokens(info()) < 600
    items = chat(
        subject={"input": [{"content": [{"type": "input_image", "image_url": "x" * 9000}]}]}
    )
    assert items.tokens(info()) < 10


def test_what_is_no_chat_is_counted_too() -> None:
    """Inputs of an embedding are read one by one, so the longest counts until tokens do."""
    many = chat(subject={"inputs": ["x" * 500] * 50}, kind="embedding")
    assert many.size < 1000
    assert said(member(known=info()), many) is None
    long = chat(subject={"inputs": ["hello " * 600] * 5}, kind="embedding")
    assert long.size > 3000
    assert said(member(known=info()), long) is None
    rerank = chat(
        subject={"query": "hello " * 300, "documents": ["x", "hello " * 3000]}, kind="rerank"
    )
    assert 3000 < rerank.tokens(info()) < 4000
    one = chat(subject={"inputs": ["x", "hello " * 3000]}, kind="embedding")
    assert "window is 1000" in str(said(member(known=info()), one))


def test_a_model_of_which_nothing_is_known() -> None:
    """Its tokens are estimated as those of any model."""
    assert 900 < chat("hello " * 1000).tokens(None) < 1100


def test_an_encoding_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a model's encoding cannot be loaded, its tokens are estimated."""

    def gone(*_: Any) -> Any:
        raise ConfigurationError("not there")

    monkeypatch.setattr("llmkit.tokens._chat.tokenizer", gone)
    wanted = chat("hello " * 1000)
    model = info(provider="openai", name="gpt-4o")
    assert 900 < wanted.tokens(model) < 1100
    assert wanted.at_least(model) < wanted.tokens(model)


# --- capabilities


@pytest.mark.parametrize(
    ("part", "need"),
    [
        (IMAGE, "vision"),
        ({"type": "image", "source": {}}, "vision"),
        ({"type": "input_audio", "input_audio": {}}, "audio_input"),
        ({"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA"}}, "pdf"),
        ({"type": "input_file", "filename": "Rules.PDF"}, "pdf"),
        (
            {"type": "document", "source": {"type": "base64", "media_type": "application/pdf"}},
            "pdf",
        ),
        ({"type": "document", "source": {"type": "url", "url": "https://x.org/a.pdf"}}, "pdf"),
        ({"type": "video_url", "video_url": {}}, "video_input"),
    ],
)
def test_what_is_attached_is_needed(part: dict[str, Any], need: str) -> None:
    """A picture, a sound, a file or a film in a message needs a model that takes them."""
    wanted = chat(subject={"messages": [{"role": "user", "content": [part]}]})
    assert wanted.needs == {need}
    assert f"is not listed with {need}" in str(said(member(known=info()), wanted))
    able = info(capabilities=frozenset({need}), max_input_tokens=None)
    assert said(member(known=able), wanted) is None


@pytest.mark.parametrize(
    ("params", "needs"),
    [
        ({"tools": [TOOL]}, {"tools"}),
        ({"functions": [{}]}, {"tools"}),
        ({"tools": []}, set()),
        ({"response_format": SCHEMA}, {"json_schema"}),
        ({"response_format": {"type": "json_object"}}, set()),
        ({"response_format": int}, set()),
        ({"reasoning_effort": "high"}, {"reasoning"}),
        ({"reasoning_effort": "none"}, set()),
        ({"thinking": {"type": "enabled"}}, {"reasoning"}),
        ({"thinking": {"type": "disabled"}}, set()),
        ({"web_search_options": {}}, {"web_search"}),
        ({"modalities": ["text", "audio"]}, {"audio_output"}),
        ({"modalities": ["text"]}, set()),
        ({"temperature": 1}, set()),
        ({"reasoning_effort": {"effort": "high"}}, {"reasoning"}),
        ({"thinking": {"type": {}}, "response_format": {"type": []}, "modalities": 5}, set()),
        ({}, set()),
    ],
)
def test_what_parameters_need(params: dict[str, Any], needs: set[str]) -> None:
    """A parameter that asks for something needs it; one that says it is not wanted does not."""
    assert chat(params=params).needs == needs


def test_a_file_that_is_no_pdf_needs_nothing() -> None:
    """Plain text as a document, or a file that nobody says the kind of, any model may take."""
    plain = {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": "x"},
    }
    for part in (plain, {"type": "file", "file": {"file_id": "file-1"}}):
        assert chat(subject={"messages": [{"role": "user", "content": [part]}]}).needs == set()


def test_items_of_responses_are_looked_at() -> None:
    """A picture in an item of the Responses API is a picture."""
    items = [{"role": "user", "content": [{"type": "input_image"}]}, "text", {"type": "reasoning"}]
    assert chat(subject={"input": items}, kind="responses").needs == {"vision"}
    assert chat(subject={"input": "text"}, kind="responses").needs == set()
    assert chat(subject={"messages": ["odd", {"role": "user", "content": ["odd"]}]}).needs == set()


def test_what_is_not_known_of_a_model_speaks_for_it() -> None:
    """A model that is not listed, or of which no capability is, can do everything."""
    wanted = chat(subject={"messages": [{"role": "user", "content": [IMAGE]}]})
    assert said(member(), wanted) is None
    assert said(member(known=info(capabilities=frozenset(), max_input_tokens=None)), wanted) is None


def test_a_deployment_says_what_it_can() -> None:
    """LiteLLM's flags in ``model_info`` go before the catalogue, both ways, and the reason names the flag."""
    wanted = chat(subject={"messages": [{"role": "user", "content": [IMAGE]}]})
    blind = info(max_input_tokens=None)
    assert "supports_vision=True" in str(said(member(known=blind), wanted))
    assert said(member(known=blind, info={"supports_vision": True}), wanted) is None
    seeing = info(capabilities=frozenset({"vision"}), max_input_tokens=None)
    assert said(member(known=seeing, info={"supports_vision": False}), wanted) is not None


@pytest.mark.parametrize(
    "params",
    [{"response_format": SCHEMA}, {"reasoning_effort": "low"}, {"web_search_options": {}}],
)
def test_what_may_yet_be_done_comes_last(params: dict[str, Any]) -> None:
    """Who is not listed with what another way can be found for goes behind those that are, and is not left out."""
    able = info(capabilities=frozenset({"json_schema", "reasoning", "web_search"}))
    members = [member("not", known=info()), member("listed", known=able), member("unknown")]
    made = pool(members)
    for seed in range(20):
        assert names(made.plan(chat(params=params), seeded(seed), 0.0))[2] == "not"
    assert said(members[0], chat(params=params)) is None
    unchecked = pool(members, pre_call_checks=False)
    firsts = {
        names(unchecked.plan(chat(params=params), seeded(seed), 0.0))[0] for seed in range(20)
    }
    assert firsts == {"not", "listed", "unknown"}


def test_checks_can_be_switched_off() -> None:
    """Without checks before calls, windows and capabilities are the provider's affair; regions are not."""
    long = chat("x" * 9000, params={"tools": [TOOL]})
    able = info(capabilities=frozenset({"vision"}))
    assert said(member(known=able), long, pre_call_checks=False) is None
    assert said(member(known=able), chat(region="eu"), pre_call_checks=False) is not None


# --- regions


def test_regions() -> None:
    """A deployment has to be known to be in the region that is asked for."""
    assert said(member(region="eu"), chat(region="eu")) is None
    assert said(member(aws_region_name="eu-west-3"), chat(region="eu")) is None
    assert said(member(aws_region_name="eu-west-3"), chat(region="eu-west-3")) is None
    assert said(member(aws_region_name="eu-west-3"), chat(region="eu-west-1")) == (
        "it is in eu-west-3, which is not within 'eu-west-1'"
    )
    assert said(member(), chat(region="eu")) == (
        "its region is not known to be 'eu': give it region_name"
    )
    assert said(member(region="us"), chat()) is None


def test_profiles_of_several_regions() -> None:
    """A model that is run in all of an area, or of the world, is not where requests go in, unless somebody says so."""
    how = {"model": "bedrock/global.anthropic.claude-sonnet-4-5-20250929-v1:0"}
    assert "it is in global" in str(
        said(member(aws_region_name="eu-west-1", **how), chat(region="eu"))
    )
    assert said(member(aws_region_name="eu-west-1", region="eu", **how), chat(region="eu")) is None
    how = {"model": "bedrock/converse/eu.anthropic.claude-sonnet-4-5-20250929-v1:0"}
    assert said(member(**how), chat(region="eu")) is None
    assert said(member(aws_region_name="eu-west-1", **how), chat(region="eu")) is None
    assert said(member(aws_region_name="eu-west-1", **how), chat(region="eu-west-1")) is not None
    assert said(member(model="openai/us.", region_name="eu"), chat(region="eu")) is None


# --- kinds of call


def test_kinds_of_call() -> None:
    """Whoever has no such call is not asked for it; one that cannot be found says so itself."""
    assert said(member(model="anthropic/claude-sonnet-4-5"), chat()) is None
    assert said(member(model="anthropic/claude-sonnet-4-5"), chat(kind="embedding")) == (
        "anthropic/claude-sonnet-4-5 has no call of the kind 'embedding'"
    )
    assert said(member(model="openai/*"), chat(kind="embedding")) is None
    assert said(member(model="whatever", base_url="http://localhost:1/v1"), chat()) is None
    assert said(member(model="nobody/x"), chat(kind="embedding")) is None


# --- prices


def test_max_cost() -> None:
    """A call whose bound is above ``max_cost`` is not sent there; a price that is not known is the bound's affair."""
    dear, cheap = ("1e-3", "2e-3"), ("1e-6", "2e-6")
    wanted = chat("x" * 100, max_cost=Decimal("0.1"), params={"max_tokens": 10})
    assert said(member(price=cheap), wanted) is None
    assert said(member(price=dear), wanted) == (
        "the call can cost $0.120 there at least, which is above max_cost=$0.1"
    )
    assert said(member(), wanted) is None
    cheaper = chat("x" * 900, max_cost=Decimal("0.1"), params={"service_tier": "flex"})
    assert said(member(price=dear), cheaper) is None
    # An answer of which nobody says how long it is may be made shorter.
    unsaid = chat("x" * 99, max_cost=Decimal("0.1"))
    assert said(member(price=dear, known=info(max_output_tokens=1000)), unsaid) is None
    assert said(member(price=dear, max_tokens=1), unsaid) is not None


def test_max_cost_excludes_nothing_that_its_bound_allows() -> None:
    """What is left out here the attempt's own bound would refuse, too: ours is never above it."""
    from llmkit import Client
    from llmkit._control.routing.checks import least_bound
    from llmkit.catalogue import find

    for words, more in (
        (1, {}),
        (3000, {"max_tokens": 7}),
        (10, {"service_tier": "priority", "max_tokens": 900}),
    ):
        messages = [{"role": "user", "content": "wörd " * words}]
        whole = Client(environ={}).cost_bound("openai/gpt-4o-mini", messages, **more).total
        one = member(known=find("openai", "gpt-4o-mini"), price=("0.15e-6", "0.6e-6"))
        ours = least_bound(one, chat(subject={"messages": messages}, params=more))
        assert whole is not None
        assert ours is not None
        assert ours <= whole
        assert "max_tokens" not in more or ours > whole / 3


def test_a_budget_needs_prices() -> None:
    """Under a budget, whoever has no price at all comes last, unless the call says what it may cost."""
    members = [
        member("unknown"),
        member("listed", known=info(rates=(RATE,))),
        member("priced", known=info(), price=("1", "1")),
        member("picture", input_cost_per_image=1),
        member("unpriced", known=info()),
    ]
    made = pool(members)

    def last(wanted: Any) -> set[frozenset[str]]:
        return {frozenset(names(made.plan(wanted, seeded(n), 0.0))[3:]) for n in range(40)}

    assert last(chat(budgeted=True)) == {frozenset({"unknown", "unpriced"})}
    assert len(last(chat(budgeted=True, max_cost=Decimal(1000)))) > 3
    assert len(last(chat())) > 3
    assert not made.excluded(chat(budgeted=True))


# --- of a whole group


def test_a_group_leaves_out_only_who_is_unfit() -> None:
    """Each member is judged by itself, and those that are left are drawn by their weights."""
    members = [
        member("small", known=info(max_input_tokens=100), weight=98),
        member("large", known=info(max_input_tokens=5000), weight=1),
        member("unknown", weight=3),
    ]
    made, wanted = pool(members), chat("hello " * 500)
    assert made.unfit(wanted) == 0b001
    assert list(made.excluded(wanted)) == ["small"]
    firsts = [names(made.plan(wanted, seeded(seed), 0.0)) for seed in range(400)]
    assert all(sorted(one) == ["large", "unknown"] for one in firsts)
    assert sum(one[0] == "unknown" for one in firsts) / 400 == pytest.approx(0.75, abs=0.07)


MODELS = st.sampled_from(
    [
        None,
        info(),
        info(max_output_tokens=1000),
        info(max_input_tokens=None, capabilities=frozenset({"vision"})),
    ]
)
MEMBERS = st.builds(
    member,
    model=st.sampled_from(["openai/gpt-4o", "anthropic/claude-sonnet-4-5"]),
    known=MODELS,
    price=st.sampled_from([None, ("1e-6", "1e-6"), ("1e-3", "1e-3")]),
    region=st.sampled_from([None, "eu", "us-east-1"]),
    max_input_tokens=st.sampled_from([None, 400]),
    info=st.sampled_from([{}, {"supports_function_calling": False}]),
)
PARAMS = st.sampled_from([{}, {"tools": [TOOL]}, {"max_tokens": 300}, {"response_format": SCHEMA}])


@given(
    members=st.lists(MEMBERS, max_size=6),
    length=st.integers(0, 900),
    params=PARAMS,
    kind=st.sampled_from(["chat", "embedding"]),
    region=st.sampled_from([None, "eu", "us"]),
    max_cost=st.sampled_from([None, Decimal("0.1")]),
    checks=st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_a_group_is_checked_as_its_members_are(
    *, members: list[Any], length: int, checks: bool, **asked: Any
) -> None:
    """Asking a whole group at once comes to what asking each member does, also the second time."""
    wanted = chat("hello " * length, **asked)
    made = pool(members, pre_call_checks=checks)
    reasons = [unfit(one, wanted, made.settings) for one in members]
    expected = sum(1 << place for place, reason in enumerate(reasons) if reason is not None)
    assert made.unfit(wanted) == expected
    assert made.unfit(chat("hello " * length, **asked)) == expected


def test_words_of_callers_are_not_kept_for_ever() -> None:
    """However many regions are asked for, and sets of members come of it, what is remembered has an end."""
    made = pool([member(region="eu"), member("b", region="x7")])
    for number in range(400):
        assert made.unfit(chat(region=f"x{number}")) == (0b01 if number == 7 else 0b11)
    assert len(made.fit._masks) <= 256


# --- how long a prompt is at most


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": "word " * 300}],
        [{"role": "user", "content": "жук 字 🙂 " * 100}],
        [
            {"role": "system", "content": "x"},
            {"role": "user", "content": [{"type": "text", "text": "a b " * 99}]},
        ],
        [
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"function": {"arguments": "{}" * 99}}],
            }
        ],
        [{"role": "user", "content": "y", "name": "z" * 50}] * 40,
    ],
)
def test_the_size_is_a_bound(messages: list[dict[str, Any]]) -> None:
    """A prompt never has more tokens than its size says, and its letters are fewer."""
    wanted = chat(subject={"messages": messages}, params={"tools": [TOOL]})
    assert wanted.size >= wanted.tokens(info(provider="openai", name="gpt-4o"))
    assert wanted.size >= wanted.tokens(info())
    assert wanted.letters <= wanted.size


def test_what_is_attached_is_guessed_high() -> None:
    """A picture may be worth more tokens than its bytes say: whoever attaches one has it counted."""
    assert chat(subject={"messages": [{"role": "user", "content": [IMAGE]}]}).size > 50_000


def test_what_contains_itself() -> None:
    """A prompt without an end is refused as the call itself would refuse it."""
    endless: list[Any] = []
    endless.append({"role": "user", "content": endless})
    wanted = chat(subject={"messages": endless}, max_cost=Decimal(1))
    for asked in (lambda: wanted.size, lambda: wanted.letters):
        with pytest.raises(InvalidRequestError, match="contain themselves"):
            asked()
    assert names(pool([member()], affinity=["prompt"]).plan(wanted, seeded(), 0.0)) == ["a"]


def test_sizes_of_odd_values() -> None:
    """Whatever a caller gives has a size: numbers, nothing, functions, texts in place of messages."""
    odd = {"messages": ["text", 5, None, {"role": "user", "content": 7}], "prompt": None, "x": b"1"}
    assert reading.size_of(odd, {"tools": [len, int]}) > 8000
    assert reading.size_of({"inputs": []}, {}) > 0
    assert reading.size_of({"inputs": "text"}, {}) > 4
    assert reading.answer_of({"max_tokens": "many"}) == 0
    assert reading.answer_of({"max_tokens": None, "max_completion_tokens": 5}) == 5
