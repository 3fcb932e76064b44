"""Texts, reranking and counts of Bedrock, and SageMaker's endpoints: bodies and answers as literals."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from llmkit import errors, providers
from llmkit._call import ChatCall
from llmkit._calls import CountCall, RerankCall, TextCall
from llmkit._eventstream import encoded
from llmkit._fold import fold
from llmkit._http import Endpoint, HTTPResponse

from ._made import CLAUDE, HERE, HI, valid
from .test_invoke import METRICS, chunk

BEDROCK = providers.get("bedrock")
TEXT, RERANK, COUNT = (BEDROCK.wire(kind) for kind in ("text_completion", "rerank", "count_tokens"))
TITAN = "amazon.titan-text-express-v1"
COMMAND = "cohere.command-light-text-v14"


def said(body: Any, status: int = 200) -> HTTPResponse:
    """An answer."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HTTPResponse(status, {}, raw)


def text(model: str = TITAN, prompt: Any = "Once", **params: Any) -> TextCall:
    """A call for a text."""
    options = {n: params.pop(n) for n in ("stream", "extra_body", "allowed") if n in params}
    return TextCall("call_0", "bedrock", model, prompt, params=params, **options)


@pytest.mark.parametrize(
    ("model", "params", "body"),
    [
        (TITAN, {}, {"inputText": "Once"}),
        (
            TITAN,
            {"max_tokens": 5, "top_p": 0.5, "stop": "x", "n": 1},
            {
                "inputText": "Once",
                "textGenerationConfig": {"maxTokenCount": 5, "topP": 0.5, "stopSequences": ["x"]},
            },
        ),
        (
            "us.meta.llama3-8b-instruct-v1:0",
            {"max_tokens": 5, "temperature": 0.5},
            {"prompt": "Once", "max_gen_len": 5, "temperature": 0.5},
        ),
        (
            "mistral.mistral-7b-instruct-v0:2",
            {"max_tokens": 5, "top_k": 3, "stop": ["x"]},
            {"prompt": "Once", "max_tokens": 5, "top_k": 3, "stop": ["x"]},
        ),
        (
            "us.deepseek.r1-v1:0",
            {"max_tokens": 5, "stop": "x"},
            {"prompt": "Once", "max_tokens": 5, "stop": ["x"]},
        ),
        (
            COMMAND,
            {"top_p": 0.5, "top_k": 3, "n": 2, "stream_options": {}},
            {"prompt": "Once", "p": 0.5, "k": 3, "num_generations": 2},
        ),
        (
            "invoke/anthropic.claude-v2",
            {"max_tokens": 5, "extra_body": {"x": 1}},
            {"prompt": "Once", "max_tokens_to_sample": 5, "x": 1},
        ),
        (
            TITAN,
            {"seed": 3, "allowed": frozenset({"seed"})},
            {"inputText": "Once", "textGenerationConfig": {"seed": 3}},
        ),
    ],
)
def test_texts_are_asked_for(model: str, params: dict[str, Any], body: dict[str, Any]) -> None:
    """Parameters go under the names of each maker."""
    request = TEXT.build(text(model, ["Once"], **params), HERE)
    assert json.loads(request.body) == body
    assert request.url.endswith("/invoke")
    streaming = TEXT.build(text(model, stream=True), HERE)
    assert streaming.url.endswith("/invoke-with-response-stream")


def test_texts_that_cannot_be() -> None:
    """Chats' models, other prompts and what a maker does not take are refused."""
    with pytest.raises(errors.InvalidRequestError, match="use completion"):
        TEXT.build(text("amazon.nova-lite-v1:0"), HERE)
    for prompt in (["a", "b"], [1, 2], [[1]]):
        with pytest.raises(errors.InvalidRequestError, match="one text"):
            TEXT.build(text(prompt=prompt), HERE)
    with pytest.raises(errors.UnsupportedParamsError, match="seed"):
        TEXT.build(text(seed=3), HERE)


@pytest.mark.parametrize(
    ("model", "body", "texts", "counts"),
    [
        (
            TITAN,
            {
                "inputTextTokenCount": 3,
                "results": [{"outputText": "a", "completionReason": "LENGTH", "tokenCount": 4}],
            },
            [("a", "length")],
            (3, 4, 7),
        ),
        (
            "us.deepseek.r1-v1:0",
            {
                "choices": [{"text": "a", "stop_reason": "length"}],
                "amazon-bedrock-invocationMetrics": {"inputTokenCount": 1, "outputTokenCount": 2},
            },
            [("a", "length")],
            (1, 2, 3),
        ),
        (
            "meta.llama2-13b-chat-v1",
            {
                "generation": "a",
                "stop_reason": "stop",
                "prompt_token_count": 1,
                "generation_token_count": 2,
            },
            [("a", "stop")],
            (1, 2, 3),
        ),
        (
            COMMAND,
            {
                "generations": [
                    {"text": "a", "finish_reason": "MAX_TOKENS"},
                    {"text": "b", "finish_reason": "COMPLETE"},
                ]
            },
            [("a", "length"), ("b", "stop")],
            None,
        ),
        ("mistral.x", {"outputs": [{"text": "a", "stop_reason": "odd"}]}, [("a", "odd")], None),
        (
            "anthropic.claude-v2",
            {"completion": "a", "stop_reason": "stop_sequence"},
            [("a", "stop")],
            None,
        ),
    ],
)
def test_texts_are_read(model: str, body: Any, texts: Any, counts: Any) -> None:
    """Texts, reasons and counts are read from where each maker has them."""
    answer = TEXT.parse(text(model), said(body))
    assert [(c.text, c.finish_reason) for c in answer.choices] == texts
    usage = answer.usage
    told = usage and (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens)
    assert told == counts


@pytest.mark.parametrize("body", [b"<html>", [1], {}, {"results": [3]}])
def test_texts_that_are_none(body: Any) -> None:
    """What is no answer is an error of its own; an error inside a 200 is what it says."""
    with pytest.raises(errors.APIResponseValidationError):
        TEXT.parse(text(), said(body))
    with pytest.raises(errors.RateLimitError):
        TEXT.parse(text(), said({"__type": "ThrottlingException", "message": "slow"}))


def streamed(model: str, *frames: bytes) -> Any:
    """The whole answer of these frames."""
    decoder = TEXT.decoder(text(model, stream=True))
    data = b"".join(frames)
    made = [c for at in range(0, len(data), 7) for c in decoder.feed(data[at : at + 7])]
    made += decoder.finish()
    assert decoder.done
    assert (
        "".join(c.text for c in made if c.choices and c.choices[0].index == 0)
        == decoder.result().text
    )
    return decoder.result()


def test_streamed_texts() -> None:
    """Pieces are put together by their index; one end may be that of all; AWS's counts are the usage."""
    last = {
        "is_finished": True,
        "finish_reason": "MAX_TOKENS",
        "amazon-bedrock-invocationMetrics": METRICS,
    }
    made = streamed(
        COMMAND,
        chunk({"text": "a", "index": 0}),
        chunk({"text": "x", "index": 1}),
        chunk({"text": "b", "index": 0}),
        chunk(last),
    )
    assert [(c.text, c.finish_reason) for c in made.choices] == [("ab", "length"), ("x", "length")]
    assert made.usage.total_tokens == 5
    assert made["amazon-bedrock-invocationMetrics"] == METRICS


def test_a_guardrail_in_a_streamed_text() -> None:
    """A text that a guardrail put there ends by it; counts may be written with a point."""
    event = {
        "outputText": "no",
        "index": 0.0,
        "inputTextTokenCount": 6.0,
        "totalOutputTextTokenCount": 3.5,
    }
    made = streamed(TITAN, chunk({**event, "amazon-bedrock-guardrailAction": "INTERVENED"}))
    assert [(c.text, c.finish_reason) for c in made.choices] == [("no", "content_filter")]
    assert (made.usage.prompt_tokens, made.usage.completion_tokens) == (6, None)


def test_streamed_texts_that_break() -> None:
    """An early end is one; an answer in one piece is a stream of one; exceptions are raised."""
    with pytest.raises(errors.StreamInterruptedError):
        streamed(TITAN, chunk({"outputText": "a"}))
    whole = {"results": [{"outputText": "a", "completionReason": "FINISH"}]}
    assert streamed(TITAN, json.dumps(whole).encode()).text == "a"
    slow = {":exception-type": "throttlingException", ":message-type": "exception"}
    with pytest.raises(errors.RateLimitError):
        streamed(TITAN, encoded(slow, b"{}"))
    assert type(TEXT.error(text(), said({"message": "no"}, 403))) is errors.PermissionDeniedError


# --- reranking -----------------------------------------------------------------------------------


def rerank(model: str, **params: Any) -> RerankCall:
    """A call to be ranked."""
    return RerankCall("call_0", "bedrock", model, "q", ("a", {"title": "b"}), params=params)


WEST = Endpoint("https://bedrock-agent-runtime.us-west-2.amazonaws.com")


def test_the_agents_runtime() -> None:
    """The model is named by its ARN, texts and mappings are sources; botocore takes the request."""
    made = RERANK.build(rerank("amazon.rerank-v1:0", top_n=1, return_documents=True), WEST)
    body = json.loads(made.body)
    loader: Any = Loader()
    model: Any = ServiceModel(loader.load_service_model("bedrock-agent-runtime", "service-2"))
    report: Any = ParamValidator().validate(body, model.operation_model("Rerank").input_shape)
    assert not report.has_errors(), report.generate_report()
    config = body["rerankingConfiguration"]["bedrockRerankingConfiguration"]
    assert config["numberOfResults"] == 1
    arn = "arn:aws:bedrock:us-west-2::foundation-model/amazon.rerank-v1:0"
    assert config["modelConfiguration"] == {"modelArn": arn}
    assert [s["inlineDocumentSource"]["type"] for s in body["sources"]] == ["TEXT", "JSON"]
    assert made.url.endswith("amazonaws.com/rerank")
    assert [(a.parameter, a.change) for a in made.adjustments] == [("return_documents", "emulated")]


@pytest.mark.parametrize(
    ("host", "start"),
    [
        (
            "bedrock-agent-runtime.us-gov-west-1.amazonaws.com",
            "arn:aws-us-gov:bedrock:us-gov-west-1::",
        ),
        ("bedrock-agent-runtime.cn-north-1.amazonaws.com.cn", "arn:aws-cn:bedrock:cn-north-1::"),
    ],
)
def test_partitions(host: str, start: str) -> None:
    """ARNs are of the partition that the address is in; a gateway has none."""
    body = json.loads(RERANK.build(rerank("amazon.rerank-v1:0"), Endpoint(f"https://{host}")).body)
    config = body["rerankingConfiguration"]["bedrockRerankingConfiguration"]
    assert config["modelConfiguration"]["modelArn"].startswith(start)
    with pytest.raises(errors.InvalidRequestError, match="give the model's ARN"):
        RERANK.build(rerank("amazon.rerank-v1:0"), HERE)


def test_an_invoked_reranker() -> None:
    """Under its route a model gets its maker's body; what nobody has is refused."""
    made = RERANK.build(rerank("invoke/cohere.rerank-v3-5:0", top_n=1), HERE)
    documents = ["a", {"title": "b"}]
    expected = {"query": "q", "documents": documents, "api_version": 2, "top_n": 1}
    assert json.loads(made.body) == expected
    assert made.url.endswith("/model/cohere.rerank-v3-5%3A0/invoke")
    with pytest.raises(errors.UnsupportedParamsError, match="max_tokens_per_doc"):
        RERANK.build(rerank("invoke/cohere.rerank-v3-5:0", max_tokens_per_doc=5), HERE)


def test_ranked_answers() -> None:
    """Places, scores and, where they are wanted, documents; what is no answer is an error."""
    asked = rerank("arn:aws:bedrock:x:1:y", return_documents=True)
    body = {
        "results": [
            {"index": 1, "relevanceScore": 0.9},
            {"index": 0, "relevanceScore": 0.1},
            {"index": 7},
        ]
    }
    answer = RERANK.parse(asked, said(body))
    assert [r.relevance_score for r in answer.results] == [0.9, 0.1, None]
    assert [r.document for r in answer.results] == [{"title": "b"}, {"text": "a"}, None]
    for odd in (b"<html>", [1], {}):
        with pytest.raises(errors.APIResponseValidationError):
            RERANK.parse(asked, said(odd))
    with pytest.raises(errors.RateLimitError):
        RERANK.parse(asked, said({"__type": "ThrottlingException", "message": "slow"}))
    assert type(RERANK.error(asked, said({"message": "no"}, 404))) is errors.NotFoundError


# --- counting ------------------------------------------------------------------------------------


def test_counting() -> None:
    """What Converse would send is counted, without what does not count; botocore takes the request."""
    messages = [{"role": "system", "content": "s"}, *HI]
    asked = CountCall(
        "c", "bedrock", CLAUDE, messages, params={"temperature": 0.5, "reasoning_effort": "low"}
    )
    made = COUNT.build(asked, HERE)
    body = json.loads(made.body)
    valid(body, "CountTokens")
    assert body["input"]["converse"].keys() == {
        "messages",
        "system",
        "additionalModelRequestFields",
    }
    assert made.url.endswith("/count-tokens")
    assert ("temperature", "dropped") in [(a.parameter, a.change) for a in made.adjustments]


def test_counting_what_would_be_invoked() -> None:
    """Under its route, what the model would be invoked with is counted."""
    asked = CountCall("c", "bedrock", f"invoke/{CLAUDE}", HI)
    body = json.loads(COUNT.build(asked, HERE).body)
    inner = json.loads(base64.b64decode(body["input"]["invokeModel"]["body"]))
    assert inner["anthropic_version"] == "bedrock-2023-05-31"
    answer = COUNT.parse(asked, said({"inputTokens": 7}))
    assert (answer.input_tokens, answer.model) == (7, CLAUDE)
    with pytest.raises(errors.APIResponseValidationError):
        COUNT.parse(asked, said({"inputTokens": "many"}))
    assert type(COUNT.error(asked, said({"message": "no"}, 403))) is errors.PermissionDeniedError


# --- SageMaker -----------------------------------------------------------------------------------

SAGEMAKER = providers.get("sagemaker")


def test_sagemakers_chat() -> None:
    """OpenAI's chat at an endpoint, whole and streamed in frames that hold the container's own bytes."""
    chat: Any = SAGEMAKER.chat
    for stream, method in ((False, "invocations"), (True, "invocations-response-stream")):
        made = chat.build(ChatCall("c", "sagemaker", "my endpoint", HI, stream=stream), HERE)
        assert made.url == f"https://bedrock.test/endpoints/my%20endpoint/{method}"
    asked = ChatCall("c", "sagemaker", "e", HI, stream=True)
    event = {
        "id": "x",
        "choices": [{"index": 0, "delta": {"content": "hey"}, "finish_reason": "stop"}],
    }
    raw = f"data: {json.dumps(event)}\n\ndata: [DONE]\n\n".encode()
    decoder = chat.decoder(asked)
    made = []
    for at in range(0, len(raw), 11):
        frame = encoded({":event-type": "PayloadPart", ":message-type": "event"}, raw[at : at + 11])
        made += decoder.feed(frame)
    made += decoder.finish()
    assert (fold(made).text, decoder.done) == ("hey", True)
    whole = {
        "id": "x",
        "choices": [{"index": 0, "message": {"content": "hey"}, "finish_reason": "stop"}],
    }
    decoder = chat.decoder(asked)
    made = [*decoder.feed(json.dumps(whole).encode()), *decoder.finish()]
    assert fold(made).text == chat.parse(asked, said(whole)).text == "hey"
    assert chat.reads_url("https://x.test/a.png")
    failed = chat.error(asked, said({"Message": "the container failed"}, 424))
    assert failed.message == "the container failed"


def test_sagemakers_texts() -> None:
    """Parameters stand apart, answers are one or several texts; what is none is an error."""
    wire = SAGEMAKER.wire("text_completion")
    asked = text("e", "Once", max_tokens=5, stop="x", extra_body={"y": 1})
    body = json.loads(wire.build(asked, HERE).body)
    assert body == {"inputs": "Once", "parameters": {"max_new_tokens": 5, "stop": ["x"]}, "y": 1}
    assert json.loads(wire.build(text("e"), HERE).body) == {"inputs": "Once"}
    one = wire.parse(asked, said({"generated_text": "a", "details": {"finish_reason": "length"}}))
    assert (one.text, one.choices[0].finish_reason) == ("a", "length")
    two = wire.parse(
        asked,
        said(
            [
                {"generated_text": "a"},
                {"generated_text": "b", "details": {"finish_reason": "eos_token"}},
            ]
        ),
    )
    assert [(c.text, c.finish_reason) for c in two.choices] == [("a", None), ("b", "stop")]
    for odd in (b"<html>", [1], {}):
        with pytest.raises(errors.APIResponseValidationError):
            wire.parse(asked, said(odd))
    with pytest.raises(errors.APIError, match="busy"):
        wire.parse(asked, said({"error": "busy"}))
    with pytest.raises(errors.UnsupportedParamsError, match="suffix"):
        wire.build(text("e", suffix="x"), HERE)
    with pytest.raises(errors.InvalidRequestError, match="one text"):
        wire.build(text("e", ["a"]), HERE)
    assert type(wire.error(asked, said({"message": "no"}, 503))) is errors.ServiceUnavailableError
