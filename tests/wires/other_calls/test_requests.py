"""What is sent: parameters taken, renamed, refused and listed, and mistakes that are known before anything leaves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import llmkit
from llmkit import providers
from llmkit._calls import CountCall, EmbeddingCall, ImageCall, ModerationCall, TextCall
from llmkit._http import Endpoint
from llmkit.wires.anthropic_resources.batches import AnthropicBatches
from llmkit.wires.anthropic_resources.counting import AnthropicCount
from llmkit.wires.anthropic_resources.files import AnthropicFiles
from llmkit.wires.anthropic_resources.models import AnthropicModels
from llmkit.wires.batch_bags import BatchBags
from llmkit.wires.batch_jobs import BatchJobs
from llmkit.wires.gemini_resources.batches import GeminiBatches
from llmkit.wires.gemini_resources.caches import GeminiCaches
from llmkit.wires.gemini_resources.counting import GeminiCount
from llmkit.wires.gemini_resources.embeddings import GeminiEmbeddings
from llmkit.wires.gemini_resources.files import GeminiFiles
from llmkit.wires.gemini_resources.images import GeminiImages
from llmkit.wires.gemini_resources.models import GeminiModels
from llmkit.wires.openai_images import OPEN, OpenAIImages
from llmkit.wires.openai_moderation import OpenAIModeration
from llmkit.wires.openai_resources.batches import OpenAIBatches
from llmkit.wires.openai_resources.counting import OpenAICount
from llmkit.wires.openai_resources.files import OpenAIFiles
from llmkit.wires.openai_resources.models import OpenAIModels
from llmkit.wires.openai_text import OpenAIText

from ._calls import CHAT, HELLO, HERE, WHO, Asking, body_of, built, kept, said, upload, walked

GOOGLE = Endpoint("https://h.test/v1beta")


def changes(request: Any) -> list[tuple[str, str]]:
    """What the ledger lists."""
    return [(a.parameter, a.change) for a in request.adjustments]


# --- moderation, texts, images -------------------------------------------------------------------


def test_moderation() -> None:
    """One text goes as it is, several and parts as a list; the model only where one is named."""
    wire = OpenAIModeration()
    assert body_of(built(wire, ModerationCall(*WHO, ("x",)))) == {"input": "x", "model": "m"}
    assert body_of(built(wire, ModerationCall("1", "acme", "", ("x", "y")))) == {
        "input": ["x", "y"]
    }
    part = {"type": "text", "text": "x"}
    assert body_of(built(wire, ModerationCall(*WHO, (part,))))["input"] == [part]
    with pytest.raises(llmkit.InvalidRequestError, match="texts only"):
        built(OpenAIModeration(images=False), ModerationCall(*WHO, (part,)))
    with pytest.raises(llmkit.InvalidRequestError, match="nothing to moderate"):
        built(wire, ModerationCall(*WHO, ()))
    tagged = ModerationCall(*WHO, ("x",), params={"metadata": {"a": "b"}})
    with pytest.raises(llmkit.UnsupportedParamsError, match="metadata"):
        built(wire, tagged)
    assert body_of(built(OpenAIModeration(refused=frozenset()), tagged))["metadata"] == {"a": "b"}


def test_a_verdict_without_a_word_of_its_own() -> None:
    """Where only the categories are said, an input is flagged if any applies."""
    results = [{"categories": {"pii": True}}, {"categories": {"pii": False}}]
    made = OpenAIModeration().parse(ModerationCall(*WHO, ("x", "y")), said({"results": results}))
    assert [result.flagged for result in made.results] == [True, False]
    assert made.results[0].categories.pii is True


def test_text() -> None:
    """A stream's usage is asked for; what the host does not take is refused, or dropped and listed."""
    call = TextCall(*WHO, ["a", "b"], stream=True, params={"n": 2, "seed": None})
    assert body_of(built(OpenAIText(), call)) == {
        "model": "m", "prompt": ["a", "b"], "n": 2, "stream": True,
        "stream_options": {"include_usage": True},
    }  # fmt: skip
    told = replace(call, params={"stream_options": {"include_obfuscation": False}})
    sent = body_of(built(OpenAIText(), told))["stream_options"]
    assert sent == {"include_usage": True, "include_obfuscation": False}
    assert "stream_options" not in body_of(built(OpenAIText(stream_usage=False), told))
    unknown = TextCall(*WHO, "a", params={"top_k": 3})
    with pytest.raises(llmkit.UnsupportedParamsError, match="top_k"):
        built(OpenAIText(), unknown)
    dropped = built(OpenAIText(), replace(unknown, drop_params=True))
    assert changes(dropped) == [("top_k", "dropped")]
    assert (
        body_of(built(OpenAIText(), replace(unknown, allowed=frozenset({"top_k"}))))["top_k"] == 3
    )


@pytest.mark.parametrize("prompt", [[], HELLO, 3, None, b"x", [1.5]])
def test_prompts_that_are_none(prompt: Any) -> None:
    """Messages and the like are no prompt."""
    with pytest.raises(llmkit.InvalidRequestError, match="prompt must be"):
        built(OpenAIText(), TextCall(*WHO, prompt))


def test_values_that_json_cannot_say() -> None:
    """NaN and sets are told by the parameter's name; so are options of a stream that are none."""
    for params in ({"temperature": float("nan")}, {"logit_bias": {"1": {2}}}):
        with pytest.raises(llmkit.InvalidRequestError, match=next(iter(params))):
            built(OpenAIText(), TextCall(*WHO, "x", params=params))
    with pytest.raises(llmkit.InvalidRequestError, match="stream_options must be"):
        built(OpenAIText(), TextCall(*WHO, "x", stream=True, params={"stream_options": True}))


def test_images_that_are_uploaded() -> None:
    """One picture is ``image``, several are ``image[]``; numbers and the stream are said as texts."""
    one = ImageCall(*WHO, "x", images=(upload(),), action="edit", stream=True, params={"n": 2})
    made = built(OpenAIImages(), replace(one, extra_body={"more": [1]}))
    form: Any = made.upload
    assert dict(form.fields) == {
        "model": "m", "prompt": "x", "n": "2", "stream": "true", "more[]": "1",
    }  # fmt: skip
    assert [name for name, _ in form.files] == ["image"]
    assert made.headers["accept"] == "text/event-stream"
    many = replace(one, images=(upload(), upload()), mask=upload(), stream=False)
    several: Any = built(OpenAIImages(), many).upload
    assert [name for name, _ in several.files] == ["image[]", "image[]", "mask"]


def test_images_that_are_named() -> None:
    """Addresses and ids go as JSON; a mixture of files and addresses cannot be said."""
    call = ImageCall(*WHO, "x", images=({"file_id": "f"},), mask={"file_id": "m"}, action="edit")  # type: ignore[arg-type]
    sent = body_of(built(OpenAIImages(), call))
    assert sent["images"] == [{"file_id": "f"}]
    assert sent["mask"] == {"file_id": "m"}
    for mixed in (
        replace(call, mask=upload()),
        replace(call, images=(upload(), {"file_id": "f"}), mask=None),  # type: ignore[arg-type]
    ):
        with pytest.raises(llmkit.InvalidRequestError, match="all be"):
            built(OpenAIImages(), mixed)


def test_images_that_cannot_be_asked_for() -> None:
    """Nothing to edit, and hosts that only make pictures, are told; shapes in other words are refused."""
    with pytest.raises(llmkit.InvalidRequestError, match="no picture to vary"):
        built(OpenAIImages(), ImageCall(*WHO, None, action="vary"))
    with pytest.raises(llmkit.InvalidRequestError, match="cannot be asked to edit"):
        built(OPEN, ImageCall(*WHO, "x", images=(upload(),), action="edit"))
    shaped = ImageCall(*WHO, "x", params={"aspect_ratio": "4:3"})
    with pytest.raises(llmkit.UnsupportedParamsError, match="aspect_ratio"):
        built(OpenAIImages(), shaped)
    assert body_of(built(OPEN, shaped))["aspect_ratio"] == "4:3"


def test_images_by_their_sides() -> None:
    """A host that has no sizes is told width and height, and has its own word for base64; the rest is refused."""
    wire = providers.get("together_ai").wire("image")

    def sent(**params: Any) -> Any:
        body = body_of(built(wire, ImageCall(*WHO, "x", params=params)))
        return {k: v for k, v in body.items() if k not in ("model", "prompt")}

    assert sent(size="1024x768", n=2) == {"width": 1024, "height": 768, "n": 2}
    assert sent(size="auto", response_format="b64_json") == {"response_format": "base64"}
    assert sent(response_format="url") == {"response_format": "url"}
    with pytest.raises(llmkit.InvalidRequestError, match="such as"):
        sent(size="large")
    with pytest.raises(llmkit.UnsupportedParamsError, match="quality"):
        sent(quality="high")


def test_imagen() -> None:
    """A size becomes a shape; what is not known of sizes, streams and addresses is told."""
    wire = GeminiImages()
    sized = ImageCall(*WHO, "x", params={"size": "1024x1536", "n": 2})
    made = built(wire, sized, GOOGLE)
    assert made.url == "https://h.test/v1beta/models/m:predict"
    assert body_of(made)["parameters"] == {"sampleCount": 2, "aspectRatio": "3:4"}
    assert changes(made) == [("size", "renamed")]
    assert "parameters" not in body_of(built(wire, ImageCall(*WHO, "x"), GOOGLE))
    for wrong in (
        replace(sized, params={"size": "7x9"}),
        replace(sized, params={"response_format": "url"}),
        replace(sized, stream=True),
        replace(sized, action="edit"),
    ):
        with pytest.raises(llmkit.InvalidRequestError):
            built(wire, wrong, GOOGLE)
    with pytest.raises(llmkit.ContentPolicyViolationError, match="unsafe"):
        wire.parse(sized, said({"predictions": [{"raiFilteredReason": "unsafe"}]}))
    with pytest.raises(llmkit.ContentPolicyViolationError, match="withheld"):
        wire.parse(sized, said({}))


# --- embeddings and counts -----------------------------------------------------------------------


def test_embeddings_of_google() -> None:
    """Each content has the parameters for itself; a task in another host's word is renamed and listed."""
    params = {"dimensions": 3, "input_type": "query", "title": "T", "encoding_format": "float"}
    call = EmbeddingCall(*WHO, ("x", {"parts": [{"text": "y"}]}, {"text": "z"}), params=params)
    made = built(GeminiEmbeddings(), call, GOOGLE)
    told = {"outputDimensionality": 3, "taskType": "RETRIEVAL_QUERY", "title": "T"}
    assert body_of(made)["requests"] == [
        {"model": "models/m", "content": {"parts": [{"text": text}]}, **told} for text in "xyz"
    ]
    assert changes(made) == [("input_type", "renamed")]
    same = replace(call, params={"input_type": "CODE_RETRIEVAL_QUERY"})
    assert changes(built(GeminiEmbeddings(), same, GOOGLE)) == []
    for wrong in ({"encoding_format": "base64"}, {"user": "u"}):
        with pytest.raises(llmkit.UnsupportedParamsError):
            built(GeminiEmbeddings(), replace(call, params=wrong), GOOGLE)
    with pytest.raises(llmkit.InvalidRequestError, match="input must be"):
        built(GeminiEmbeddings(), EmbeddingCall(*WHO, ([1, 2],)), GOOGLE)


def test_embeddings_of_google_in_hundreds() -> None:
    """More than a hundred contents go in several requests, and come back in order with their sum."""
    call = EmbeddingCall(*WHO, tuple(f"t{i}" for i in range(150)))

    def answer(count: int) -> Any:
        vectors = [{"values": [float(i)]} for i in range(count)]
        return said({"embeddings": vectors, "usageMetadata": {"promptTokenCount": count}})

    asked, made = walked(GeminiEmbeddings().steps(call, GOOGLE), answer(100), answer(50))
    assert [len(body_of(request)["requests"]) for request in asked] == [100, 50]
    assert [item.index for item in made.data] == list(range(150))
    assert made.usage.prompt_tokens == 150


def test_an_embedding_of_one_content() -> None:
    """The other method's answer is read, too."""
    made = GeminiEmbeddings().parse(
        EmbeddingCall(*WHO, ("x",)), said({"embedding": {"values": [1.0]}})
    )
    assert made.vectors == [[1.0]]


def test_counts() -> None:
    """What is counted is the chat's own request; what an answer would need is left out and listed."""
    params = {"max_tokens": 9, "temperature": 0.5, "stop": ["x"]}
    call = CountCall("1", "acme", "claude-haiku-4-5", HELLO, params=params, extra_body={"x": 1})
    made = built(AnthropicCount(), call)
    assert made.url == "https://h.test/v1/messages/count_tokens"
    assert body_of(made) == {"model": "claude-haiku-4-5", "messages": HELLO, "x": 1}
    assert changes(made) == [(name, "dropped") for name in params]
    made = built(OpenAICount(Asking()), replace(call, params={**params, "tools": [1]}))  # type: ignore[arg-type]
    assert made.url == "https://h.test/v1/responses/input_tokens?a=b"
    assert body_of(made) == {"model": call.model, "input": HELLO, "tools": [1], "x": 1}
    assert changes(made) == [(name, "dropped") for name in params]
    made = built(GeminiCount(), replace(call, model="m", extra_body={}), GOOGLE)
    assert made.url == "https://h.test/v1beta/models/m:countTokens"
    assert body_of(made) == {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}
    whole = replace(
        call, model="m", extra_body={}, messages=[{"role": "system", "content": "s"}, *HELLO]
    )
    assert (
        body_of(built(GeminiCount(), whole, GOOGLE))["generateContentRequest"]["model"]
        == "models/m"
    )
    flat = body_of(built(GeminiCount(flat=True), whole, GOOGLE))
    assert set(flat) == {"contents", "systemInstruction"}


# --- files ---------------------------------------------------------------------------------------


def test_files_of_openai() -> None:
    """Purpose and expiry go with the file; a listing says what it is told."""
    params = {"purpose": "batch", "expires_after": 3600}
    call = kept("files", "create", file=upload(), params=params, extra_body={"more": 1})
    form: Any = built(OpenAIFiles(), call).upload
    assert form.fields == (
        ("purpose", "batch"),
        ("expires_after[anchor]", "created_at"),
        ("expires_after[seconds]", "3600"),
        ("more", "1"),
    )
    listing = kept(
        "files", "list", params={"purpose": "a b", "limit": 2, "after": "f&x", "order": None}
    )
    assert (
        built(OpenAIFiles(), listing).url
        == "https://h.test/v1/files?purpose=a%20b&limit=2&after=f%26x"
    )
    with pytest.raises(llmkit.UnsupportedParamsError, match="expires_after"):
        built(OpenAIFiles(expiry=False), call)
    with pytest.raises(llmkit.InvalidRequestError, match="purpose is missing"):
        built(OpenAIFiles(), kept("files", "create", file=upload()))
    with pytest.raises(llmkit.InvalidRequestError, match="no file"):
        built(OpenAIFiles(), kept("files", "create"))


def test_a_page_says_where_the_next_begins() -> None:
    """The cursor is there where there is more, and only there."""
    page = {"data": [{"id": "f1"}, {"id": "f2"}], "has_more": True}
    call = kept("files", "list")
    assert OpenAIFiles().parse(call, said(page)).next_cursor == "f2"  # type: ignore[attr-defined]
    assert OpenAIFiles().parse(call, said({**page, "has_more": False})).next_cursor is None  # type: ignore[attr-defined]
    assert AnthropicFiles().parse(call, said({**page, "last_id": "f2"})).next_cursor == "f2"  # type: ignore[attr-defined]
    newer = {"data": [], "next_page": "page_2"}
    assert AnthropicFiles().parse(call, said(newer)).next_cursor == "page_2"  # type: ignore[attr-defined]
    asked = built(AnthropicFiles(), kept("files", "list", params={"after": "page_2"}))
    assert asked.url.endswith("/files?page=page_2")
    asked = built(AnthropicFiles(), kept("files", "list", params={"after": "f2"}))
    assert asked.url.endswith("/files?after_id=f2")


@pytest.mark.parametrize("wire", [OpenAIFiles(), AnthropicFiles(), GeminiFiles()])
@pytest.mark.parametrize("name", ["", ".", "..", None])
def test_ids_that_are_none(wire: Any, name: Any) -> None:
    """What would climb out of the path is no id."""
    with pytest.raises(llmkit.InvalidRequestError):
        built(wire, kept("files", "retrieve", name))


def test_an_id_is_escaped() -> None:
    """What an id holds stays within its part of the path."""
    assert built(OpenAIFiles(), kept("files", "retrieve", "../a?b")).url.endswith(
        "/files/..%2Fa%3Fb"
    )
    with pytest.raises(llmkit.InvalidRequestError):
        built(GeminiFiles(), kept("files", "retrieve", "files/a/b"))
    model = kept("models", "retrieve", "org/name")
    assert built(OpenAIModels(), model).url.endswith("/models/org/name")
    for wrong in ("a/../b", "", "/x"):
        for wire in (OpenAIModels(), GeminiModels()):
            with pytest.raises(llmkit.InvalidRequestError):
                built(wire, kept("models", "retrieve", wrong))


def test_files_of_anthropic() -> None:
    """There is no purpose; expiry has one name there, and the beta is said beside the caller's."""
    params = {"purpose": "user_data", "expires_after": {"anchor": "created_at", "seconds": 3600}}
    made = built(AnthropicFiles(), kept("files", "create", file=upload(), params=params))
    form: Any = made.upload
    assert form.fields == (("expires_in_seconds", "3600"),)
    assert changes(made) == [("purpose", "dropped")]
    made = made.with_headers({"anthropic-beta": "mine"})
    assert made.headers["anthropic-beta"] == "files-api-2025-04-14,mine"
    both = {"expires_after": 3600, "expires_in_seconds": 4000}
    with pytest.raises(llmkit.InvalidRequestError, match="not both"):
        built(AnthropicFiles(), kept("files", "create", file=upload(), params=both))
    with pytest.raises(llmkit.InvalidRequestError, match="no file"):
        built(AnthropicFiles(), kept("files", "create"))
    content = built(AnthropicFiles(), kept("files", "content", "f"), Endpoint("https://h.test"))
    assert content.url == "https://h.test/v1/files/f/content"


def test_an_upload_goes_to_who_was_asked() -> None:
    """An address elsewhere is not sent the file, nor the key with it."""
    call = kept("files", "create", file=upload(), params={"display_name": "D"})
    for address in ("https://evil.test/upload", "http://h.test/upload", ""):
        steps = GeminiFiles().steps(call, GOOGLE)
        next(steps)
        with pytest.raises(llmkit.APIResponseValidationError, match="no address of its own"):
            steps.send(said({}, 200, **{"x-goog-upload-url": address}))
    with pytest.raises(llmkit.InvalidRequestError, match="no file"):
        built(GeminiFiles(), kept("files", "create"))
    assert body_of(built(GeminiFiles(), call, GOOGLE)) == {"file": {"displayName": "D"}}


def test_a_file_that_failed_is_no_error() -> None:
    """What is wrong with a file is part of what is known of it."""
    file = {"name": "files/f", "state": "FAILED", "error": {"code": 3, "message": "bad"}}
    made: Any = GeminiFiles().parse(kept("files", "retrieve", "f"), said(file))
    assert made.status == "error"
    assert made["error"]["message"] == "bad"
    content = kept("files", "content", "files/f")
    assert built(GeminiFiles(), content, GOOGLE).url.endswith("/v1beta/files/f:download?alt=media")
    assert GeminiFiles().parse(content, said(b"bytes")).content == b"bytes"  # type: ignore[attr-defined]
    odd = {"name": "files/f", "sizeBytes": "many", "createTime": "once", "state": "NEW"}
    made = GeminiFiles().parse(kept("files", "retrieve", "f"), said({"file": odd}))
    assert (made.bytes, made.created_at, made.status) == (None, None, "NEW")


# --- batches -------------------------------------------------------------------------------------


def test_batches_of_openai_are_of_files() -> None:
    """Calls without a file are told how; what a batch cannot be without is missed."""
    with pytest.raises(llmkit.InvalidRequestError, match="as a file"):
        built(OpenAIBatches(), kept("batches", "create", params={"requests": [CHAT]}))
    with pytest.raises(llmkit.InvalidRequestError, match="endpoint is missing"):
        built(OpenAIBatches(), kept("batches", "create", params={"input_file_id": "f"}))


def test_results_of_openai() -> None:
    """Results are in two files: what succeeded, and what failed, by whatever way."""
    call = kept("batches", "content", "b")
    chat = {"object": "chat.completion", "id": "c", "choices": [{"message": {"content": "Hi"}}]}
    done = b"\n".join(
        said(line).body
        for line in (
            {"custom_id": "1", "response": {"status_code": 200, "body": chat}, "error": None},
            {"custom_id": "2", "response": {"status_code": 200, "body": {"object": "list"}}},
            {"custom_id": "3", "response": {"status_code": 429, "body": {"error": {"code": "x"}}}},
        )
    )
    failed = said({"custom_id": "4", "response": None, "error": {"code": "batch_expired"}}).body
    batch = {"id": "b", "output_file_id": "f1", "error_file_id": "f2"}
    asked, made = walked(
        OpenAIBatches().steps(call, HERE), said(batch), said(done), said(failed)
    )  # fmt: skip
    assert [r.url.rpartition("/v1")[2] for r in asked] == [
        "/batches/b", "/files/f1/content", "/files/f2/content",
    ]  # fmt: skip
    assert [result.status for result in made.data] == [
        "succeeded",
        "succeeded",
        "errored",
        "expired",
    ]
    assert made.by_id()["1"].response.text == "Hi"
    assert made.by_id()["2"].response == {"object": "list"}
    assert made.by_id()["3"].error == {"code": "x"}
    with pytest.raises(llmkit.InvalidRequestError, match="no results: its status is 'failed'"):
        walked(OpenAIBatches().steps(call, HERE), said({"id": "b", "status": "failed"}))
    parsed: Any = OpenAIBatches().parse(call, said(done))
    assert len(parsed.data) == 3


@pytest.mark.parametrize(
    ("requests", "match"),
    [
        (None, "requests is missing"),
        ([], "requests is missing"),
        ([{"body": {}}], "custom_id"),
        ([{"custom_id": "1", "body": {"model": "m"}}], "must be a chat"),
        ([CHAT, CHAT], "of its own"),
        ([{"custom_id": "1", "body": {"messages": HELLO}}], "model is missing"),
    ],
)
@pytest.mark.parametrize("wire", [AnthropicBatches(), GeminiBatches(), BatchJobs(), BatchBags()])
def test_calls_that_are_none(wire: Any, requests: Any, match: str) -> None:
    """What is wrong with a batch's calls is said before anything is sent."""
    call = replace(kept("batches", "create", params={"requests": requests}), model="")
    with pytest.raises(llmkit.InvalidRequestError, match=match):
        built(wire, call)


def test_batches_of_anthropic() -> None:
    """A chat is written as that wire writes it, with its betas; a native call goes as it is."""
    body = {"model": "acme/claude-haiku-4-5", "messages": HELLO, "max_tokens": 5, "stream": True}
    native = {"custom_id": "2", "params": {"model": "x", "max_tokens": 1, "messages": HELLO}}
    params = {"requests": [{"custom_id": "1", "body": body}, native], "completion_window": "24h"}
    made = built(AnthropicBatches(), kept("batches", "create", params=params))
    first, second = body_of(made)["requests"]
    assert first["params"] == {"model": "claude-haiku-4-5", "messages": HELLO, "max_tokens": 5}
    assert second == native
    searching = {
        **body,
        "extra": None,
        "tools": [{"type": "web_fetch_20250910", "name": "web_fetch"}],
    }
    del searching["extra"]
    made = built(
        AnthropicBatches(),
        kept("batches", "create", params={"requests": [{"custom_id": "1", "body": searching}]}),
    )
    assert body_of(made)["requests"][0]["params"]["tools"]
    assert built(AnthropicBatches(), kept("batches", "delete", "b")).method == "DELETE"


def test_jobs() -> None:
    """The model is the job's; a file or calls go in; what comes out is in the job or in files."""
    wire = BatchJobs()
    two = [CHAT, {"custom_id": "2", "params": {"messages": HELLO}}]
    made = body_of(built(wire, kept("batches", "create", params={"requests": two})))
    assert made["model"] == "m"
    assert made["requests"] == [
        {"custom_id": "1", "body": {"messages": HELLO}},
        {"custom_id": "2", "body": {"messages": HELLO}},
    ]
    file = {"input_file_id": "f", "endpoint": "/v1/embeddings", "timeout_hours": 3}
    assert body_of(built(wire, kept("batches", "create", params=file))) == {
        "input_files": ["f"], "endpoint": "/v1/embeddings", "timeout_hours": 3, "model": "m",
    }  # fmt: skip
    other = {"custom_id": "2", "body": {"model": "other", "messages": HELLO}}
    with pytest.raises(llmkit.InvalidRequestError, match="one model"):
        built(wire, kept("batches", "create", params={"requests": [CHAT, other]}))
    with pytest.raises(llmkit.InvalidRequestError, match="timeout_hours"):
        built(wire, kept("batches", "create", params={"completion_window": "7d"}))
    line = {"custom_id": "1", "response": {"status_code": 200, "body": {"object": "list"}}}
    call = kept("batches", "content", "b")
    asked, results = walked(
        wire.steps(call, HERE), said({"id": "b", "output_file": "f1"}), said(line)
    )
    assert asked[1].url.endswith("/files/f1/content")
    assert results.data[0].custom_id == "1"
    job = {"id": "b", "outputs": [line], "error_file": "f2"}
    asked, results = walked(wire.steps(call, HERE), said(job), said({**line, "custom_id": "2"}))
    assert len(results.data) == 2
    found: Any = wire.parse(call, said(job))
    assert len(found.data) == 1
    with pytest.raises(llmkit.InvalidRequestError, match="QUEUED"):
        wire.parse(call, said({"id": "b", "status": "QUEUED"}))
    assert built(wire, kept("batches", "cancel", "b")).url.endswith("/batch/jobs/b/cancel")
    assert built(wire, kept("batches", "list", params={"limit": 2})).url.endswith("?page_size=2")


def test_bags() -> None:
    """A batch is made, filled and looked at; results come from all pages."""
    wire = BatchBags()
    create = kept("batches", "create", params={"requests": [CHAT], "display_name": "D"})
    made = {"batch_id": "b", "state": {"num_requests": 1, "num_pending": 1}}
    asked, batch = walked(wire.steps(create, HERE), said(made), said(b"null"), said(made))
    assert body_of(asked[0]) == {"name": "D"}
    assert body_of(asked[1])["batch_requests"] == [
        {
            "batch_request_id": "1",
            "batch_request": {"chat_get_completion": {"model": "m", "messages": HELLO}},
        }
    ]
    assert (batch.id, batch.status) == ("b", "in_progress")
    chat = {"object": "chat.completion", "choices": [{"message": {"content": "Hi"}}]}
    one = {"batch_request_id": "1", "batch_result": {"response": {"chat_get_completion": chat}}}
    two = {"batch_request_id": "2", "batch_result": {"response": {"responses": {"id": "r"}}}}
    bad = {"batch_request_id": "3", "batch_result": {"error": {"code": 4}}}
    pages = said({"results": [one], "pagination_token": "t"}), said({"results": [two, bad]})
    asked, results = walked(wire.steps(kept("batches", "content", "b"), HERE), *pages)
    assert asked[1].url.endswith("/batches/b/results?limit=100&pagination_token=t")
    assert [result.status for result in results.data] == ["succeeded", "succeeded", "errored"]
    assert results.data[0].response.text == "Hi"
    assert results.data[1].response == {"responses": {"id": "r"}}
    assert built(wire, kept("batches", "cancel", "b")).url.endswith("/batches/b:cancel")
    gone: Any = wire.parse(
        kept("batches", "retrieve", "b"), said({"batch_id": "b", "cancel_time": "x"})
    )
    assert gone.status == "cancelled"
    page: Any = wire.parse(
        kept("batches", "list"), said({"batches": [made], "pagination_token": "t"})
    )
    assert page.next_cursor == "t"


def test_batches_of_google() -> None:
    """Calls or a file go in; answers are in the operation, or in a file that it names."""
    wire = GeminiBatches()
    made = built(
        wire, kept("batches", "create", params={"requests": [CHAT], "display_name": "D"}), GOOGLE
    )
    assert made.url.endswith("/models/m:batchGenerateContent")
    (call,) = body_of(made)["batch"]["inputConfig"]["requests"]["requests"]
    assert call["metadata"] == {"key": "1"}
    assert call["request"]["contents"][0]["parts"] == [{"text": "Hello"}]
    made = built(wire, kept("batches", "create", params={"input_file_id": "files/f"}), GOOGLE)
    assert body_of(made)["batch"]["inputConfig"] == {"fileName": "files/f"}
    other = {"custom_id": "2", "body": {"model": "other", "messages": HELLO}}
    with pytest.raises(llmkit.InvalidRequestError, match="one model"):
        built(wire, kept("batches", "create", params={"requests": [CHAT, other]}), GOOGLE)
    content = kept("batches", "content", "b")
    answer = {"candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}]}
    lines = (
        said({"key": "1", "response": answer}).body
        + b"\n"
        + said({"key": "2", "error": {"code": 3}}).body
    )
    operation = {"name": "batches/b", "response": {"responsesFile": "files/r"}}
    asked, results = walked(wire.steps(content, GOOGLE), said(operation), said(lines))
    assert asked[1].url == "https://h.test/v1beta/files/r:download?alt=media"
    assert results.data[0].response.text == "Hi"
    assert (results.data[1].custom_id, results.data[1].status) == ("2", "errored")
    with pytest.raises(llmkit.InvalidRequestError, match="no results: its status is 'in_progress'"):
        wire.parse(content, said({"name": "b", "metadata": {"state": "BATCH_STATE_RUNNING"}}))
    gone: Any = wire.parse(kept("batches", "delete", "b"), said({}))
    assert (gone.id, gone.deleted) == ("b", True)


# --- caches and models ---------------------------------------------------------------------------


def test_caches() -> None:
    """Messages and tools are written as for a chat; one instruction alone stays one."""
    wire = GeminiCaches()
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    params = {"tools": tools, "tool_choice": "auto", "ttl": 2.5}
    call = kept("caches", "create", body={"messages": HELLO}, params=params)
    sent = body_of(built(wire, call, GOOGLE))
    assert sent["ttl"] == "2.5s"
    assert sent["tools"][0]["functionDeclarations"][0]["name"] == "f"
    assert sent["toolConfig"]
    assert sent["contents"][0]["parts"] == [{"text": "Hello"}]
    alone = kept("caches", "create", body={"messages": [{"role": "system", "content": "Be."}]})
    made = built(wire, alone, GOOGLE)
    assert body_of(made) == {"model": "models/m", "systemInstruction": {"parts": [{"text": "Be."}]}}
    assert changes(made) == []


def test_how_long_a_cache_is_kept() -> None:
    """One of the two ways to say it, and nothing else, can be changed."""
    wire = GeminiCaches()
    made = built(wire, kept("caches", "update", "c", params={"ttl": 60}), GOOGLE)
    assert (made.method, body_of(made)) == ("PATCH", {"ttl": "60s"})
    assert made.url == "https://h.test/v1beta/cachedContents/c?updateMask=ttl"
    for wrong in ({}, {"ttl": 60, "expire_time": "2030-01-01T00:00:00Z"}):
        with pytest.raises(llmkit.InvalidRequestError):
            built(wire, kept("caches", "update", "c", params=wrong), GOOGLE)
    long = "projects/1/locations/l/cachedContents/c"
    assert built(wire, kept("caches", "delete", long), GOOGLE).url.endswith(
        "/v1beta/cachedContents/c"
    )


def test_models_in_pages() -> None:
    """A list is asked for until there is no more; bare lists and hosts' own words for limits are read."""
    call = kept("models", "list")
    first = {"data": [{"id": "a"}], "has_more": True, "last_id": "a"}
    second = {"data": [{"id": "b", "max_tokens": 5}], "has_more": False}
    asked, made = walked(AnthropicModels().steps(call, HERE), said(first), said(second))
    assert asked[1].url.endswith("?limit=1000&after_id=a")
    assert made.ids == ["a", "b"]
    assert made.data[1].max_output_tokens == 5
    one = kept("models", "retrieve", "a")
    for wire, answer in ((AnthropicModels(), {"id": "a"}), (GeminiModels(), {"name": "models/a"})):
        steps: Any = wire.steps(one, HERE)
        assert walked(steps, said(answer))[1].id == "a"
    bare: Any = OpenAIModels().parse(call, said([{"id": "a", "context_length": 7}]))
    assert (bare.ids, bare.data[0].max_input_tokens) == (["a"], 7)


def test_what_a_provider_cannot_do() -> None:
    """An action that there is not is told, with those that there are."""
    for wire, call in (
        (GeminiFiles(), kept("files", "cancel", "f")),
        (AnthropicModels(), kept("models", "delete", "m")),
        (OpenAIBatches(), kept("batches", "delete", "b")),
    ):
        with pytest.raises(llmkit.InvalidRequestError, match="what there is"):
            built(wire, call)
    with pytest.raises(llmkit.InvalidRequestError, match="no body"):
        built(OpenAIModels(), kept("models", "list", extra_body={"x": 1}))
    with pytest.raises(llmkit.UnsupportedParamsError, match="limit"):
        built(OpenAIModels(), kept("models", "list", params={"limit": 1}))
