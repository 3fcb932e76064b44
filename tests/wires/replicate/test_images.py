"""Replicate's pictures: what a call becomes, how it is waited for, what it says, how it may fail."""

from __future__ import annotations

import json
from typing import Any

import pytest

import llmkit
from llmkit._calls import ImageCall
from llmkit._http import Endpoint, HTTPRequest, HTTPResponse
from llmkit.types.image import ImageResponse
from llmkit.wires.replicate.images import IMAGES

from .test_wire import VERSION, prediction

TO = Endpoint("https://api.test/v1")
URLS = ["https://files.test/a.webp", "https://files.test/b.webp"]


def calling(
    *, model: str = "me/painter", drop: bool = False, extra: Any = None, **fields: Any
) -> ImageCall:
    """A call of a provider that nobody knows; ``action`` and ``stream`` are its own, all else parameters."""
    own = {name: fields.pop(name) for name in ("action", "stream") if name in fields}
    return ImageCall(
        id="call_1",
        provider="acme",
        model=model,
        prompt="robots",
        params=fields,
        drop_params=drop,
        extra_body=extra or {},
        **own,
    )


def request(**options: Any) -> HTTPRequest:
    """The request that a call becomes."""
    return IMAGES.build(calling(**options), TO)


def body(**options: Any) -> Any:
    """Its body."""
    return json.loads(request(**options).body)


def parse(data: Any) -> ImageResponse:
    """What a prediction says."""
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return IMAGES.parse(calling(), HTTPResponse(200, body=raw))


def test_requests() -> None:
    """A prompt, and the names that models of pictures have; the answer is waited for."""
    assert request().url == "https://api.test/v1/models/me/painter/predictions"
    assert request().headers["prefer"] == "wait"
    assert body() == {"input": {"prompt": "robots"}}
    assert body(model=f"me/painter:{VERSION}")["version"] == VERSION
    made = body(
        n=2, aspect_ratio="16:9", output_format="png", output_compression=80, size="640x480"
    )
    assert made["input"] == {
        "prompt": "robots",
        "num_outputs": 2,
        "aspect_ratio": "16:9",
        "output_format": "png",
        "output_quality": 80,
        "width": 640,
        "height": 480,
    }
    assert body(size="auto", response_format="url") == body()
    assert body(extra={"input": {"seed": 1}})["input"] == {"prompt": "robots", "seed": 1}


@pytest.mark.parametrize(
    "options",
    [
        {"size": "big"},
        {"size": 3},
        {"response_format": "b64_json"},
        {"action": "edit"},
        {"stream": True},
        {"n": float("nan")},
    ],
)
def test_mistakes(options: dict[str, Any]) -> None:
    """What cannot be is told before anything is sent."""
    with pytest.raises(llmkit.InvalidRequestError):
        request(**options)


def test_what_is_refused() -> None:
    """What no input has is refused, or dropped and listed."""
    with pytest.raises(llmkit.UnsupportedParamsError, match="quality"):
        request(quality="high")
    made = request(quality="high", drop=True)
    assert [(a.parameter, a.change) for a in made.adjustments] == [("quality", "dropped")]


@pytest.mark.parametrize(
    "output", [URLS, [{"url": url} for url in URLS], [None, *URLS, 3, "a text"]]
)
def test_answers(output: Any) -> None:
    """Addresses are the pictures; the rest of the prediction is kept."""
    made = parse(prediction(output=output, metrics={"predict_time": 2}))
    assert [picture.url for picture in made.data] == URLS
    assert (made.created, made["metrics"], made["id"]) == (1728065260, {"predict_time": 2}, "p1")


def test_one_picture() -> None:
    """One may come alone, and as itself."""
    assert parse(prediction(output=URLS[0])).data[0].url == URLS[0]
    (made,) = parse(prediction(output="data:image/png;base64,eHl6")).data
    assert (made.content, made.mime_type, made.url) == (b"xyz", "image/png", None)


def test_odd_times() -> None:
    """A time that is none is no time."""
    for moment in (float("inf"), float("nan"), "soon", {}):
        assert parse(prediction(output=URLS, created_at=moment)).created is None


def test_waiting() -> None:
    """A prediction that runs is asked for until it has ended."""
    steps = IMAGES.steps(calling(), TO)
    next(steps)
    step = steps.send(HTTPResponse(201, body=json.dumps(prediction("starting")).encode()))
    assert (step.request.url, step.wait) == ("https://api.test/v1/predictions/p1", 0.5)
    with pytest.raises(StopIteration) as done:
        steps.send(HTTPResponse(200, body=json.dumps(prediction(output=URLS)).encode()))
    assert [picture.url for picture in done.value.value.data] == URLS


@pytest.mark.parametrize("output", [None, [], "a text", {"a": 1}, ["a text"]])
def test_no_pictures(output: Any) -> None:
    """An output without pictures is told as what cannot be read."""
    with pytest.raises(llmkit.APIResponseValidationError, match="no pictures"):
        parse(prediction(output=output))


def test_failures() -> None:
    """A prediction that failed is an error with its words; a refusal is what it says."""
    with pytest.raises(llmkit.ContentPolicyViolationError):
        parse(prediction("failed", error="NSFW content detected"))
    told = b'{"title": "Unauthenticated", "detail": "no", "status": 401}'
    assert isinstance(
        IMAGES.error(calling(), HTTPResponse(401, body=told)), llmkit.AuthenticationError
    )
