"""What calls of every kind cost: by tokens or by measures, for nothing, as the provider says, or as a guess."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import httpx
import pytest

import llmkit
from llmkit import providers
from llmkit._call import Call, CallInfo, ChatCall
from llmkit._calls import (
    CountCall,
    ImageCall,
    MessagesCall,
    ResourceCall,
    ResponsesCall,
    SpeechCall,
    TextCall,
)
from llmkit._control.address import model_of
from llmkit._control.job import Leg
from llmkit._control.rows import price_rows
from llmkit._control.settle import Account
from llmkit._control.stated import stated
from llmkit._http import Endpoint
from llmkit.catalogue import Catalogue, FrozenMap, ModelInfo
from llmkit.types.answer import Answer
from llmkit.types.audio import Speech, SpeechUsage, Transcription, TranscriptionUsage
from llmkit.types.batch import BatchResult, BatchResults
from llmkit.types.chat import ChatCompletion
from llmkit.types.embedding import EmbeddingResponse
from llmkit.types.image import ImageResponse
from llmkit.types.messages import MessageResponse
from llmkit.types.moderation import ModerationResponse
from llmkit.types.rerank import RerankResponse
from llmkit.types.responses import Response
from llmkit.types.text import TextCompletion
from llmkit.types.usage import Usage

from ._sheets import model, rate

D = Decimal
NOON = 1_795_089_600.0
SOLD = (
    model(rate("audio_input/second", "0.36", 3600), name="hears", mode="transcription"),
    model(rate("input/character", "15", 1_000_000), name="speaks", mode="speech"),
    model(
        rate("image_output/image", "0.04", size="512x512"), rate("image_output/image", "0.08", size="1024x1024"),
        name="draws", mode="image",
    ),
    model(rate("image_output/pixel", "2", 1_000_000), name="paints", mode="image"),
    model(rate("search/search", "2", 1000), name="ranks", mode="rerank"),
    model(rate("request/request", "0"), name="judges", mode="moderation"),
    model(rate("input", "1"), rate("image_input/image", "5"), name="embeds", mode="embedding"),
    model(rate("input", "1"), rate("image_input/pixel", "3", 1000), name="sees", mode="embedding"),
    model(
        rate("input", "1"), rate("output", "2"), rate("input", "0.5", service_tier="batch"),
        rate("output", "1", service_tier="batch"), rate("file_search/call", "7"), rate("code_interpreter/session", "9"),
        name="talks",
    ),
    model(rate("time/second", "0.001"), name="runs"),
    model(rate("input", "3"), rate("output", "6"), name="talks-better"),
)  # fmt: skip


def catalogue() -> Catalogue:
    """A catalogue with these models, of one provider."""
    made = Catalogue()
    made.register(SOLD)
    return made


def account(call: Call, *, whole: bool = True) -> Account:
    """The account of one call; not ``whole``: a stream that is going on."""
    info = CallInfo("c", call.provider, call.model, started=NOON)
    made = Account(info, lambda: 0.0, lambda _: None, stream=not whole, catalogue=catalogue())
    endpoint = Endpoint("https://api.example/v1")
    made.leaving(Leg(providers.get("openai"), None, endpoint, None, None, call), ())
    made.counted = whole
    return made


def priced(answer: Answer, name: str, call: Call | None = None) -> llmkit.Cost:
    """What such an answer to such a call costs."""
    return account(call or ChatCall("c", "acme", name, messages=())).priced(answer).cost


CALLS: list[tuple[Answer, str, Call | None, str]] = [
    (Transcription(text="a", duration=90.5), "hears", None, "0.00905"),
    (
        Transcription(text="a", duration=9.5, usage=TranscriptionUsage(type="duration", seconds=10)),
        "hears", None, "0.001",
    ),
    (Speech(content=b"x"), "speaks", SpeechCall("c", "acme", "speaks", text="hello " * 200), "0.018"),
    (Speech(content=b"x", usage=SpeechUsage(characters=2000)), "speaks", None, "0.03"),
    (
        ImageResponse.model_validate({"data": [{"url": "a"}, {"url": "b"}]}), "draws",
        ImageCall("c", "acme", "draws", prompt="x", params={"size": "512x512"}), "0.08",
    ),
    (ImageResponse.model_validate({"data": [{"url": "a"}], "size": "1024x1024"}), "draws", None, "0.08"),
    (ImageResponse.model_validate({"data": [{"url": "a"}], "size": "1000x500"}), "paints", None, "1"),
    (RerankResponse.model_validate({"usage": {"search_units": 3}}), "ranks", None, "0.006"),
    (ModerationResponse.model_validate({"results": []}), "judges", None, "0"),
    (
        EmbeddingResponse.model_validate({"usage": {"prompt_tokens": 4, "billed_units": {"images": 2}}}),
        "embeds", None, "14",
    ),
    (
        EmbeddingResponse.model_validate(
            {"usage": {"text_tokens": 4, "image_pixels": 5600, "total_tokens": 14}}
        ),
        "sees", None, "20.8",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "name", "call", "total"), CALLS)
def test_kinds_of_call(answer: Answer, name: str, call: Call | None, total: str) -> None:
    """Each is priced by what its answer tells of it, exactly, with a line that can be checked."""
    result = priced(answer, name, call)
    assert (result.total, result.status, result.reason) == (D(total), "exact", None)
    assert result.lines


def test_sizes_that_nobody_told_are_the_dearest() -> None:
    """``auto`` is no size."""
    drawn = ImageResponse.model_validate({"data": [{"url": "a"}], "size": "auto"})
    assert (priced(drawn, "draws").total, priced(drawn, "draws").status) == (D("0.08"), "estimated")


def test_tools_of_a_response() -> None:
    """Searches in files by the call, programs by the container; a picture by another model is unknown."""
    items: list[dict[str, Any]] = [
        {"type": "file_search_call"},
        {"type": "file_search_call"},
        {"type": "code_interpreter_call", "container_id": "a"},
        {"type": "code_interpreter_call", "container_id": "a"},
    ]

    def of(*more: dict[str, Any]) -> llmkit.Cost:
        made = Response.model_validate({"output": [*items, *more], "usage": {"input_tokens": 1}})
        made.count(Usage(prompt_tokens=1, completion_tokens=1, total_tokens=2))
        return priced(made, "talks", ResponsesCall("c", "acme", "talks", input="x"))

    assert of().total == D(1 + 2 + 14 + 9)
    assert of({"type": "image_generation_call"}).reason == "no image_generation rate for talks"


@pytest.mark.parametrize(
    ("call", "status", "reason"),
    [
        (ResourceCall("c", "acme", "", resource="files", action="create"), "none", "files are kept"),
        (ResourceCall("c", "anthropic", "", resource="files", action="list"), "none", "claude.com"),
        (ResourceCall("c", "acme", "", resource="models", action="list"), "none", "not billed"),
        (ResourceCall("c", "acme", "", resource="batches", action="cancel"), "none", "not billed"),
        (ResourceCall("c", "acme", "", resource="responses", action="retrieve"), "none", "looked up"),
        (ResourceCall("c", "gemini", "", resource="caches", action="list"), "none", "the hours"),
        (CountCall("c", "gemini", "m", messages=()), "none", "ai.google.dev"),
        (ResourceCall("c", "acme", "", resource="batches", action="create"), "unknown", "each row"),
        (ResourceCall("c", "acme", "", resource="caches", action="create"), "unknown", "hours"),
    ],
)  # fmt: skip
def test_what_is_not_billed(call: Call, status: str, reason: str) -> None:
    """Keeping, listing and counting cost nothing, and say why; what is billed later or by the hour is unknown."""
    result = priced(Answer(), "", call)
    assert result.status == status
    assert result.total == (D(0) if status == "none" else None)
    assert reason in (result.reason or "")


def test_a_kept_response_is_not_billed_again() -> None:
    """Its usage is that of the call that made it."""
    kept = Response.model_validate({"usage": {"input_tokens": 5, "output_tokens": 5}})
    kept.count(Usage(prompt_tokens=5, completion_tokens=5, total_tokens=10))
    looked = ResourceCall("c", "acme", "talks", resource="responses", action="retrieve")
    assert priced(kept, "talks", looked).total == D(0)


def test_models_at_home_cost_nothing() -> None:
    """On this machine; the same program elsewhere is somebody's bill, and a model with a price keeps it."""
    made = ChatCompletion(usage=Usage(prompt_tokens=1, completion_tokens=1, total_tokens=2))
    for address, status in (("http://localhost:11434", "none"), ("https://gpu.example", "unknown")):
        at = account(ChatCall("c", "ollama", "nobodys-model", messages=()))
        at.info.base_url = address
        assert at.priced(made).cost.status == status
    assert priced(made, "talks").total == D(3)


def partial(answer: Answer, call: Call) -> llmkit.Cost:
    """What a stream has cost that was closed so far into it."""
    return account(call, whole=False).priced(answer).cost


@pytest.mark.parametrize(
    ("answer", "call"),
    [
        (
            Response.model_validate({"output": [{"type": "message", "content": [{"text": "x" * 80}]}]}),
            ResponsesCall("c", "acme", "talks", input="y" * 40),
        ),
        (
            MessageResponse.model_validate({"content": [{"type": "text", "text": "x" * 80}]}),
            MessagesCall("c", "acme", "talks", messages=[{"content": "y" * 40}]),
        ),
        (
            TextCompletion.model_validate({"choices": [{"text": "x" * 80}]}),
            TextCall("c", "acme", "talks", prompt="y" * 40),
        ),
        (
            ChatCompletion.model_validate({"choices": [{"message": {"content": "x" * 80}}]}),
            ChatCall("c", "acme", "talks", messages=[{"content": "y" * 40}]),
        ),
    ],
)  # fmt: skip
def test_streams_that_broke_off_are_guessed(answer: Answer, call: Call) -> None:
    """By their texts, on both sides; and the cost says that it is a guess."""
    result = partial(answer, call)
    assert result.status == "estimated"
    assert "the usage was estimated" in (result.reason or "")
    assert result.total is not None
    assert D(50) <= result.total <= D(65)  # 10 tokens x 1, some 20 x 2


def test_speech_that_broke_off() -> None:
    """The text was given: it is billed, though not for sure; what was heard cannot be told."""
    call = SpeechCall("c", "acme", "speaks", text="x" * 1000)
    result = partial(Speech(content=b"x"), call)
    assert (result.total, result.status) == (D("0.015"), "estimated")
    lost = partial(Transcription(text="a"), ChatCall("c", "acme", "hears", messages=()))
    assert (lost.total, lost.reason) == (None, "the answer does not say what was used")


def test_what_goes_on_elsewhere_is_not_guessed() -> None:
    """A response in the background has only begun."""
    begun = Response.model_validate({"status": "queued", "output": []})
    call = ResponsesCall("c", "acme", "talks", input="x", params={"background": True})
    assert priced(begun, "talks", call).status == "unknown"


def test_the_model_that_answered_is_billed() -> None:
    """Where a provider serves an old name by a newer model; a name that was given for the price stands."""
    made = ChatCompletion(model="talks-better", usage=Usage(prompt_tokens=1, completion_tokens=1))
    assert priced(made, "talks").total == D(9)
    told = ChatCall("c", "acme", "talks", messages=(), priced_as="talks")
    assert priced(made, "talks", told).total == D(3)
    unlisted = made.model_copy(update={"model": "talks-2026"})
    assert priced(unlisted, "talks").total == D(3)


def test_prices_given_with_a_call_go_first() -> None:
    """Before the catalogue's."""
    own = model(rate("input", "100"), rate("output", "0"), name="own")
    made = ChatCompletion(usage=Usage(prompt_tokens=1, completion_tokens=1))
    given = ChatCall("c", "acme", "talks", messages=(), price=own)
    assert priced(made, "talks", given).total == D(100)


def test_each_result_of_a_batch_has_its_cost() -> None:
    """At the prices of a batch, whatever tier the answer names; what failed is free, the sum is what was spent."""
    used = {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20}
    told = {"model": "talks", "service_tier": "default", "usage": used}
    results = BatchResults(
        data=[
            BatchResult(custom_id="a", response=ChatCompletion.model_validate(told)),
            BatchResult(custom_id="b", response=told),
            BatchResult(custom_id="c", status="errored", error={}),
        ]
    )
    assert not results.data[0].cost.known
    call = ResourceCall("c", "acme", "", resource="batches", action="content", target="b")
    assert account(call).priced(results).cost.total == D(0)
    assert [one.cost.total for one in results] == [D(15), D(15), D(0)]
    assert results.data[0].response.cost.total == D(15)
    assert results.spent.total == D(30)
    odd = [BatchResult(response=7), BatchResult(response={"model": "", "usage": used})]
    price_rows(odd, catalogue(), "acme")
    assert [one.cost.status for one in odd] == ["unknown", "unknown"]


@pytest.mark.parametrize(
    ("usage", "beside", "usd"),
    [
        ({"cost": 0.25}, {}, "0.25"),
        ({"cost": "0.25"}, {}, "0.25"),
        ({"cost": 0}, {}, "0"),
        ({"cost": True}, {}, None),
        ({"cost": "much"}, {}, None),
        ({"cost": -1}, {}, None),
        ({"cost": {"total_cost": 0.5}}, {}, "0.5"),
        ({"cost": {"total_cost": 0.5, "currency": "EUR"}}, {}, None),
        ({"cost_in_usd_ticks": 12_345}, {}, "0.0000012345"),
        ({"cost_in_usd_ticks": 0}, {}, None),
        ({"cost": 0.01, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.2}}, {}, "0.21"),
        ({"cost": 0.01, "is_byok": True, "cost_details": {}}, {}, "0.01"),
        ({"cost": 0.01, "is_byok": False, "cost_details": {"upstream_inference_cost": 0.2}}, {}, "0.01"),
        ({}, {"cost": {"usd": 0.125, "diem": 0}}, "0.125"),
        ({}, {"cost": 3}, None),
        ({}, {}, None),
    ],
)  # fmt: skip
def test_what_providers_say(usage: dict[str, Any], beside: dict[str, Any], usd: str | None) -> None:
    """Wherever they say it, in USD; an amount that is none is not believed."""
    counts = Usage.model_validate({"prompt_tokens": 1, "completion_tokens": 1, **usage})
    answer = ChatCompletion.model_validate({"model": "talks", **beside})
    found = stated(answer, counts)
    assert (found and found.usd) == (None if usd is None else D(usd))
    assert found is None or found.place.endswith("in the answer")


@pytest.mark.parametrize(
    ("provider", "name", "known_as"),
    [
        ("bedrock", "invoke/anthropic.claude-v2", "anthropic.claude-v2"),
        ("bedrock", "us.anthropic.claude-sonnet-4-5", "us.anthropic.claude-sonnet-4-5"),
        ("bedrock", "arn:aws:bedrock:us-east-1::foundation-model/meta.llama", "meta.llama"),
        ("bedrock", "converse/arn:aws:bedrock:eu-west-1:1:inference-profile/eu.x", "eu.x"),
        ("bedrock", "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc", None),
        ("vertex_ai", "projects/p/locations/eu/publishers/google/models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("vertex_ai", "publishers/anthropic/models/claude-haiku-4-5@20251001", "claude-haiku-4-5@20251001"),
        ("gemini", "models/gemini-2.5-flash", "gemini-2.5-flash"),
        ("openai", "ft:gpt-4o-mini-2024-07-18:acme::abc", "ft:gpt-4o-mini-2024-07-18"),
        ("openai", "gpt-4o", "gpt-4o"),
        ("groq", "openai/gpt-oss-20b", "openai/gpt-oss-20b"),
    ],
)  # fmt: skip
def test_names_that_prices_go_by(provider: str, name: str, known_as: str | None) -> None:
    """Without the route, the place and the owner; a region's prefix stays, it has its own price."""
    assert providers.get(provider).priced_name(name) == (known_as or name)


@pytest.mark.parametrize(
    ("provider", "address", "region"),
    [
        ("bedrock", "https://bedrock-runtime.eu-central-1.amazonaws.com", "eu-central-1"),
        ("bedrock", "https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("bedrock", "https://gateway.example/bedrock", None),
        ("vertex_ai", "https://us-central1-aiplatform.googleapis.com/v1beta1/projects/p", "us-central1"),
        ("vertex_ai", "https://aiplatform.eu.rep.googleapis.com/v1", "eu"),
        ("vertex_ai", "https://aiplatform.googleapis.com/v1beta1", None),
        ("openai", "https://eu.api.openai.com/v1", "eu"),
        ("openai", "https://api.openai.com/v1", None),
        ("groq", "https://api.groq.com/openai/v1", None),
    ],
)  # fmt: skip
def test_where_a_call_is_served(provider: str, address: str, region: str | None) -> None:
    """An address says it, where prices depend on it."""
    facts = providers.get(provider).facts_at(address)
    assert facts == ({} if region is None else {"region": region})


def regional(region: str) -> ModelInfo:
    """A model of Bedrock that is dearer in one region."""
    return model(
        rate("input", "1"), rate("output", "1"), rate("input", "9", region=region),
        provider="bedrock", name="acme.talks", defaults=FrozenMap({"service_tier": "standard"}),
    )  # fmt: skip


def test_the_region_of_a_call_sets_its_price() -> None:
    """From the options to the address, and from there to the rate; by whatever route the model is called."""
    told = {
        "output": {"message": {"role": "assistant", "content": [{"text": "hi"}]}},
        "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
        "stopReason": "end_turn",
    }
    own = Catalogue()
    own.register([regional("eu-west-1")])
    asked: list[str] = []

    def answers(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(200, content=json.dumps(told).encode())

    http = httpx.Client(transport=httpx.MockTransport(answers))
    client = llmkit.Client(http_client=http, api_key="k", environ={}, catalogue=own)
    totals = [
        client.completion(
            name, [{"role": "user", "content": "x"}], aws_region_name=region
        ).cost.total
        for name, region in (
            ("bedrock/acme.talks", "eu-west-1"),
            ("bedrock/converse/acme.talks", "eu-west-1"),
            ("bedrock/acme.talks", "us-east-1"),
        )
    ]
    assert asked[0] == "bedrock-runtime.eu-west-1.amazonaws.com"
    assert totals == [D(10), D(10), D(2)]


def test_one_house_under_two_names() -> None:
    """What a provider's own list does not have may be in that of its other name, in other letters, too."""
    own = Catalogue()
    listed = model(rate("input", "1"), rate("output", "1"), provider="azure_ai", name="deepseek-x")
    own.register([listed])
    for provider in ("azure", "azure_ai"):
        found = model_of(own, provider, "DeepSeek-X")
        assert found is not None
        assert found.rates == listed.rates
    assert model_of(own, "openai", "DeepSeek-X") is None
    assert model_of(own, "nobody", "deepseek-x") is None
    assert model_of(own, "openai", "azure_ai/deepseek-x") is not None
