"""Cohere's first text completions: requests, answers, streams, errors; the recorded ones, too."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import llmkit
from llmkit import errors
from llmkit._calls import TextCall
from llmkit._http import Endpoint, HTTPResponse
from llmkit.wires.cohere_generate import GENERATE as WIRE

if TYPE_CHECKING:
    from llmkit.types.text import TextCompletion

HERE = Endpoint("https://h.test/v1")
META = {"api_version": {"version": "1"}, "billed_units": {"input_tokens": 5, "output_tokens": 2}}
TOKENS = [{"token": "Hi", "likelihood": -0.5}, {"token": "!", "likelihood": -1.0}, "odd"]
WHOLE: dict[str, Any] = {
    "id": "gen_1",
    "prompt": "Say hi",
    "generations": [
        {"id": "a", "index": 0, "text": "Hi!", "finish_reason": "COMPLETE"},
        {"id": "b", "index": 1, "text": "Hello", "finish_reason": "MAX_TOKENS", "likelihood": -2},
    ],
    "meta": META,
}


def call(prompt: Any = "Say hi", **fields: Any) -> TextCall:
    """A call as the wire gets it."""
    own = {
        k: fields.pop(k) for k in ("stream", "drop_params", "allowed", "extra_body") if k in fields
    }
    return TextCall(
        id="call_1", provider="acme", model="m", prompt=prompt, params=fields, **own
    )  # fmt: skip


def body(prompt: Any = "Say hi", **fields: Any) -> dict[str, Any]:
    """The body for a call."""
    made: dict[str, Any] = json.loads(WIRE.build(call(prompt, **fields), HERE).body)
    return made


def parsed(data: Any, **fields: Any) -> TextCompletion:
    """What the wire reads of this answer."""
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return WIRE.parse(call(**fields), HTTPResponse(200, {}, raw))


def lines(*events: Any) -> bytes:
    """Events as lines."""
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def decoded(data: bytes) -> tuple[list[Any], TextCompletion]:
    """The chunks of a stream, and what they add up to."""
    decoder = WIRE.decoder(call(stream=True))
    chunks = [*decoder.feed(data), *decoder.finish()]
    assert decoder.done
    return chunks, decoder.result()


TEXT = [
    {"event_type": "text-generation", "text": piece, "index": index, "is_finished": False}
    for index, piece in ((0, "Hi"), (1, "Hel"), (0, "!"), (1, "lo"))
]
FAILED = {"event_type": "stream-error", "err": "out of luck"}
END = {"event_type": "stream-end", "is_finished": True, "response": WHOLE}


def test_requests() -> None:
    """Parameters have the dialect's names; what asks for nothing is not sent."""
    request = WIRE.build(call(stream=True), HERE)
    assert request.url == "https://h.test/v1/generate"
    assert json.loads(request.body) == {"model": "m", "prompt": "Say hi", "stream": True}
    made = body(
        n=2,
        max_tokens=9,
        temperature=3,
        top_p=0.5,
        top_k=9,
        stop="END",
        seed=7,
        presence_penalty=0.5,
        echo=False,
        best_of=1,
        logprobs=2,
        stream_options={},
        extra_body={"preset": "p"},
    )
    assert made == {
        "model": "m",
        "prompt": "Say hi",
        "num_generations": 2,
        "max_tokens": 9,
        "temperature": 3,
        "p": 0.5,
        "k": 9,
        "end_sequences": ["END"],
        "seed": 7,
        "presence_penalty": 0.5,
        "return_likelihoods": "GENERATION",
        "preset": "p",
    }


def test_what_it_does_not_take() -> None:
    """What there is no field for is refused, dropped or insisted on; several prompts are a mistake."""
    with pytest.raises(errors.UnsupportedParamsError, match="suffix"):
        body(suffix="the end")
    (change,) = WIRE.build(call(suffix="x", drop_params=True), HERE).adjustments
    assert (change.parameter, change.change) == ("suffix", "dropped")
    assert body(suffix="x", allowed=frozenset({"suffix"}))["suffix"] == "x"
    (change,) = WIRE.build(call(presence_penalty=-1), HERE).adjustments
    assert change.change == "clamped"
    for prompt in (["a", "b"], [1, 2]):
        with pytest.raises(errors.InvalidRequestError, match="one text"):
            body(prompt)


def test_an_answer() -> None:
    """Each generation is a choice; usage is what is billed; the prompt is not said again."""
    made = parsed(WHOLE)
    assert (made.id, made.model, made.text) == ("gen_1", "m", "Hi!")
    found = [(c.index, c.text, c.finish_reason) for c in made.choices]
    assert found == [(0, "Hi!", "stop"), (1, "Hello", "length")]
    assert made.choices[1]["likelihood"] == -2
    assert made.usage is not None
    assert (made.usage.prompt_tokens, made.usage.completion_tokens) == (5, 2)
    assert made["meta"] == META
    assert "prompt" not in made


def test_likelihoods() -> None:
    """Likelihoods of tokens are log-probabilities."""
    told = {"generations": [{"text": "Hi!", "token_likelihoods": TOKENS}]}
    logprobs = parsed(told).choices[0].logprobs
    assert logprobs is not None
    assert (logprobs.tokens, logprobs.token_logprobs) == (["Hi", "!"], [-0.5, -1.0])


def test_odd_answers() -> None:
    """Whatever stands beside the texts, there is an answer."""
    made = parsed({"generations": [{"text": "Hi", "finish_reason": "NEW", "index": "x"}, 3]})
    assert [(c.index, c.text, c.finish_reason) for c in made.choices] == [(0, "Hi", "new")]
    assert made.usage is None
    cached = {**META, "cached_tokens": 3, "tokens": {"input_tokens": 9}}
    usage = parsed({"generations": [], "meta": cached}).usage
    assert usage is not None
    assert usage["cached_tokens"] == 3


def test_a_stream_says_what_the_answer_says() -> None:
    """Pieces add up to the whole, wherever the bytes are cut; each is told once."""
    data = lines(*TEXT, END)
    chunks, whole = decoded(data)
    assert whole == parsed(WHOLE)
    texts = {i: "".join(c.text for k in chunks for c in k.choices if c.index == i) for i in (0, 1)}
    assert texts == {0: "Hi!", 1: "Hello"}
    assert [c.finish_reason for c in chunks[-1].choices] == ["stop", "length"]
    assert chunks[-1].usage == whole.usage
    for at in range(len(data)):
        decoder = WIRE.decoder(call(stream=True))
        cut = [*decoder.feed(data[:at]), *decoder.feed(data[at:]), *decoder.finish()]
        assert (cut, decoder.result()) == (chunks, whole)


def test_streams_of_other_forms() -> None:
    """One object, an end without texts, odd events and what follows the end: all are read."""
    chunks, whole = decoded(json.dumps(WHOLE).encode())
    assert (len(chunks), chunks[0].text, whole.text) == (1, "Hi!", "Hi!")
    bare = {"event_type": "stream-end", "finish_reason": "COMPLETE"}
    bare["response"] = {"generations": [{"index": 0}]}  # type: ignore[assignment]
    chunks, whole = decoded(
        lines(TEXT[0], {"event_type": "later"}, {"event_type": "text-generation"}, bare, *TEXT)
    )
    assert (len(chunks), whole.text, whole.choices[0].finish_reason) == (2, "Hi", "stop")


def test_what_has_come_so_far() -> None:
    """The answer can be asked for before its end."""
    decoder = WIRE.decoder(call(stream=True))
    list(decoder.feed(lines(TEXT[0], {"event_type": "text-generation", "text": "!"})))
    assert decoder.result().text == "Hi!"


@pytest.mark.parametrize("data", [b"", lines(*TEXT)])
def test_a_stream_that_breaks(data: bytes) -> None:
    """A stream that ends before its end was cut."""
    with pytest.raises(errors.StreamInterruptedError):
        decoded(data)


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (FAILED, errors.InternalServerError),
        (FAILED | {"finish_reason": "ERROR_TOXIC"}, errors.ContentPolicyViolationError),
        (FAILED | {"finish_reason": "OTHER"}, errors.APIError),
        ({"message": "out of luck"}, errors.APIError),
        ({"event_type": "stream-end", "response": {"message": "out of luck"}}, errors.APIError),
    ],
)  # fmt: skip
def test_errors_among_the_lines(event: Any, kind: type[errors.APIError]) -> None:
    """An error that comes as a line is raised as what it is."""
    with pytest.raises(kind, match="out of luck"):
        decoded(lines(TEXT[0], event))


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"<html>", "base_url"),
        (b"[]", "no object"),
        (b'{"choices": []}', "no generations"),
        (b'{"message": "no such model"}', "no such model"),
        (b'{"generations": [{"text": "", "finish_reason": "ERROR"}]}', "ERROR"),
    ],
)
def test_answers_that_are_none(data: bytes, match: str) -> None:
    """HTML, another API's object, an error inside a 200, a generation that failed: typed errors."""
    with pytest.raises(errors.APIError, match=match):
        parsed(data)


def test_errors_are_the_family_s() -> None:
    """An error by its status is read as the chats' are; the provider offers the call."""
    error = WIRE.error(
        call(), HTTPResponse(401, {}, b'{"message": "invalid api token", "id": "e"}')
    )
    assert type(error) is errors.AuthenticationError
    client = llmkit.Client(environ={"CO_API_KEY": "test-key-" + "0123456789"})
    dry = client.dry_run("text_completion", prompt="Say hi", model="cohere_v1/command")
    assert dry.url == "https://api.cohere.com/v1/generate"
