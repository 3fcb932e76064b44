"""Ollama's text completions and its list of models: requests, answers, streams, errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

import llmkit
from llmkit._calls import ResourceCall, TextCall
from llmkit._http import Endpoint, HTTPRequest, HTTPResponse
from llmkit.types.listing import ListedModel, ModelList
from llmkit.types.text import TextCompletion, TextCompletionChunk
from llmkit.wires.ollama_generate import OLLAMA_GENERATE
from llmkit.wires.ollama_models import OLLAMA_MODELS

BOX = Endpoint("http://box.test:11434")
MOMENT = "2025-06-09T18:55:32.104592Z"
COUNTS = {
    "prompt_eval_count": 5,
    "prompt_eval_cached_count": 1,
    "eval_count": 7,
    "eval_duration": 3,
}


def calling(
    prompt: Any = "Once",
    *,
    stream: bool = False,
    drop: bool = False,
    extra: Any = None,
    **params: Any,
) -> TextCall:
    """A call of a provider that nobody knows."""
    return TextCall(
        id="call_1",
        provider="acme",
        model="tiny:1b",
        prompt=prompt,
        params=params,
        stream=stream,
        drop_params=drop,
        extra_body=extra or {},
    )


def request(prompt: Any = "Once", to: Endpoint = BOX, **options: Any) -> HTTPRequest:
    """The request that a call becomes."""
    return OLLAMA_GENERATE.build(calling(prompt, **options), to)


def body(**options: Any) -> Any:
    """Its body."""
    return json.loads(request(**options).body)


def line(text: str = "", *, done: bool = False, **fields: Any) -> dict[str, Any]:
    """A line of a stream, or a whole answer."""
    end = {"done_reason": "stop", "context": [1, 2], **COUNTS} if done else {}
    return {
        "model": "tiny:1b",
        "created_at": MOMENT,
        "response": text,
        "done": done,
        **end,
        **fields,
    }


def parse(data: Any) -> TextCompletion:
    """What an answer's JSON says."""
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return OLLAMA_GENERATE.parse(calling(), HTTPResponse(200, body=raw))


def lines(*objects: Any) -> bytes:
    """Objects as they come in a stream."""
    return b"".join(json.dumps(o, ensure_ascii=False).encode() + b"\n" for o in objects)


def decode(raw: bytes, size: int = 0) -> tuple[list[TextCompletionChunk], TextCompletion]:
    """The chunks of a stream whose bytes come in such pieces, and the whole."""
    decoder = OLLAMA_GENERATE.decoder(calling(stream=True))
    step = size or max(1, len(raw))
    chunks = [c for at in range(0, len(raw), step) for c in decoder.feed(raw[at : at + step])]
    chunks += decoder.finish()
    assert decoder.done
    return chunks, decoder.result()


def test_requests() -> None:
    """A prompt, options, a suffix; what only the server knows goes beside them."""
    assert request().url == "http://box.test:11434/api/generate"
    assert body() == {"model": "tiny:1b", "prompt": "Once", "stream": False}
    made = body(temperature=0, max_tokens=3, stop="x", suffix="end", logprobs=2, stream=True)
    assert made == {
        "model": "tiny:1b",
        "prompt": "Once",
        "suffix": "end",
        "options": {"temperature": 0, "num_predict": 3, "stop": ["x"]},
        "logprobs": True,
        "top_logprobs": 2,
        "stream": True,
    }
    assert body(extra={"raw": True, "options": {"num_ctx": 9}})["raw"] is True
    assert body(n=1, best_of=1, echo=False, stream_options={"include_usage": True}) == body()
    assert body(logprobs=0)["logprobs"] is True
    v1 = Endpoint("http://box.test/v1")
    assert request(to=v1).url == "http://box.test/v1/completions"


def test_what_is_refused() -> None:
    """Several prompts, token ids and what there is no field for are told before anything is sent."""
    for prompt in (["a", "b"], [1, 2], 3):
        with pytest.raises(llmkit.InvalidRequestError):
            request(prompt)
    for name, value in (("n", 2), ("best_of", 2), ("echo", True), ("user", "me")):
        with pytest.raises(llmkit.UnsupportedParamsError, match=name):
            request(**{name: value})
        made = request(drop=True, **{name: value})
        assert [(a.parameter, a.change) for a in made.adjustments] == [(name, "dropped")]


LOGPROB = {"token": "Hi", "logprob": -0.5, "top_logprobs": [{"token": "Ho", "logprob": -1.0}]}


def test_an_answer() -> None:
    """Text, reason, counts and times come in OpenAI's form; the rest is kept."""
    made = parse(line("Hi", done=True, thinking="Hm", logprobs=[LOGPROB]))
    (choice,) = made.choices
    assert (made.text, choice.finish_reason, choice["reasoning_content"]) == ("Hi", "stop", "Hm")
    assert (made.id, made.model, made.created) == ("call_1", "tiny:1b", 1749495332)
    assert made.usage is not None
    assert (made.usage.prompt_tokens, made.usage.completion_tokens) == (5, 7)
    assert made.usage.cache_read_input_tokens == 1
    assert (made["context"], made["eval_duration"]) == ([1, 2], 3)
    assert choice.logprobs is not None
    assert choice.logprobs.token_logprobs == [-0.5]
    assert choice.logprobs.top_logprobs == [{"Ho": -1.0}]
    assert parse({"response": 3, "done": True, "created_at": "soon"}).text == ""
    openai = {"id": "x", "choices": [{"text": "Hi", "index": 0, "finish_reason": "stop"}]}
    assert parse(openai).text == "Hi"


STREAM = (line("Grü"), line("ße", logprobs=[LOGPROB]), line("", done=True))


def test_a_stream() -> None:
    """Its chunks add up to what the answer in one piece says, however the bytes are cut."""
    raw = lines(*STREAM)
    chunks, whole = decode(raw)
    wanted = [chunk.model_dump() for chunk in chunks]
    for size in range(1, 50):
        again, same = decode(raw, size)
        assert [chunk.model_dump() for chunk in again] == wanted
        assert same == whole
    assert [chunk.text for chunk in chunks] == ["Grü", "ße", ""]
    assert [chunk.usage is None for chunk in chunks] == [True, True, False]
    assert whole == parse(line("Grüße", done=True, logprobs=[LOGPROB]))
    assert decode(raw + b"<html>\n")[1] == whole
    assert decode(raw[:-1])[1] == whole


def test_the_openai_form() -> None:
    """Events in OpenAI's form are read, too."""
    event = {"id": "x", "choices": [{"index": 0, "text": "Hi", "finish_reason": "stop"}]}
    chunks, whole = decode(b"data: " + json.dumps(event).encode() + b"\n\ndata: [DONE]\n\n")
    assert (chunks[0].text, whole.text) == ("Hi", "Hi")


BROKEN: list[tuple[bytes, str]] = [
    (lines(line("Hi")), "StreamInterruptedError"),
    (lines(line("Hi")) + b'{"mod', "StreamInterruptedError"),
    (b"", "StreamInterruptedError"),
    (b'{"mod', "APIResponseValidationError"),
    (b"<html>", "APIResponseValidationError"),
    (lines(line("Hi"), [3]), "APIResponseValidationError"),
    (lines({"error": "model 'x' not found"}), "NotFoundError"),
]


@pytest.mark.parametrize(("raw", "kind"), BROKEN)
def test_streams_that_break(raw: bytes, kind: str) -> None:
    """A stream that ends early, is something else, or has an error in it raises what fits."""
    for size in (0, 1, 5):
        with pytest.raises(llmkit.APIError) as caught:
            decode(raw, size)
        assert type(caught.value).__name__ == kind


def test_what_had_come() -> None:
    """What a broken stream had said is its result; before anything, nothing."""
    decoder = OLLAMA_GENERATE.decoder(calling(stream=True))
    assert decoder.result().choices == []
    list(decoder.feed(lines(line("Hi"))))
    assert (decoder.result().text, decoder.result().choices[0].finish_reason) == ("Hi", None)


def test_a_line_without_end() -> None:
    """A line that grows beyond all bounds is not gathered for ever."""
    decoder = OLLAMA_GENERATE.decoder(calling(stream=True))
    decoder._lines._limit = 100
    with pytest.raises(llmkit.APIResponseValidationError, match="more than 100 bytes"):
        list(decoder.feed(b'{"model": "' + b"x" * 200))


@pytest.mark.parametrize("raw", [b"<html>", b"[]", b"{}", b'{"half'])
def test_answers_that_are_none(raw: bytes) -> None:
    """A page, half a JSON or another API's object is told as what cannot be read."""
    with pytest.raises(llmkit.APIResponseValidationError):
        parse(raw)


def test_errors() -> None:
    """They have the server's words, with a status or inside a 200."""
    raw = b'{"error": "model \'x\' not found"}'
    assert isinstance(
        OLLAMA_GENERATE.error(calling(), HTTPResponse(404, body=raw)), llmkit.NotFoundError
    )
    with pytest.raises(llmkit.NotFoundError):
        parse(raw)


# --- models ------------------------------------------------------------------------------------


def kept(action: Any, target: str | None = None) -> ResourceCall:
    """A call about the server's models."""
    return ResourceCall(
        id="c", provider="acme", model="", resource="models", action=action, target=target
    )


def listed(call: ResourceCall, data: Any) -> Any:
    """What the server's answer says."""
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return OLLAMA_MODELS.parse(call, HTTPResponse(200, body=raw))


@pytest.mark.parametrize(
    "base", ["http://box.test:1", "http://box.test:1/v1", "http://box.test:1/v1/"]
)
def test_models(base: str) -> None:
    """All of them are one request, one of them is another; what the server says is kept."""
    made = OLLAMA_MODELS.build(kept("list"), Endpoint(base))
    assert (made.method, made.url) == ("GET", "http://box.test:1/api/tags")
    one = OLLAMA_MODELS.build(kept("retrieve", "tiny:1b"), Endpoint(base))
    assert (one.method, one.url) == ("POST", "http://box.test:1/api/show")
    assert json.loads(one.body) == {"model": "tiny:1b"}


def test_lists_of_models() -> None:
    """Names, times and the context's length come in OpenAI's words."""
    found = listed(
        kept("list"), {"models": [{"name": "tiny:1b", "modified_at": MOMENT, "size": 3}, {}]}
    )
    assert isinstance(found, ModelList)
    assert found.ids == ["tiny:1b", ""]
    assert (found.data[0].created, found.data[0]["size"]) == (1749495332, 3)
    info = {"general.architecture": "llama", "llama.context_length": 4096}
    model = listed(kept("retrieve", "tiny:1b"), {"model_info": info, "capabilities": ["tools"]})
    assert isinstance(model, ListedModel)
    assert (model.id, model.max_input_tokens, model["capabilities"]) == ("tiny:1b", 4096, ["tools"])


def test_models_that_are_none() -> None:
    """Errors and answers of another kind have their classes; models are not changed from here."""
    for action in ("list", "retrieve"):
        for raw in (b"<html>", b"[]", b"{}"):
            with pytest.raises(llmkit.APIResponseValidationError):
                listed(kept(action, "x"), raw)
        with pytest.raises(llmkit.NotFoundError):
            listed(kept(action, "x"), {"error": "model 'x' not found"})
    wrong = OLLAMA_MODELS.error(kept("list"), HTTPResponse(401, body=b'{"error": "unauthorized"}'))
    assert isinstance(wrong, llmkit.AuthenticationError)
    with pytest.raises(llmkit.InvalidRequestError, match="cannot delete"):
        OLLAMA_MODELS.build(kept("delete", "x"), BOX)
