"""The calls beside chat as users make them: through the simulator, in both colours, and as module functions."""

from __future__ import annotations

import base64
import io
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

import llmkit
from llmkit import providers
from llmkit.testing import Simulator
from llmkit.testing._wires.openai_others import PICTURE

from ._calling import KEY, both, plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OPENAI: dict[str, Any] = {"custom_llm_provider": "openai"}
ANTHROPIC: dict[str, Any] = {"custom_llm_provider": "anthropic"}
GEMINI: dict[str, Any] = {"custom_llm_provider": "gemini"}
HELLO = [{"role": "user", "content": "Hello"}]


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """A server."""
    with Simulator() as running:
        yield running


@pytest.fixture
def client(simulator: Simulator) -> Iterator[llmkit.Client]:
    """A client of that server's OpenAI API."""
    with llmkit.Client(api_key=KEY, base_url=simulator.base_url) as made:
        yield made


# --- moderation, texts, images -------------------------------------------------------------------


def test_moderation(simulator: Simulator) -> None:
    """Each text gets a verdict, whose categories can be read by either spelling."""
    made = both(simulator, "openai", "moderation", input=["a fine day", "harm them"])
    assert [result.flagged for result in made.results] == [False, True]
    categories = made.results[1].categories
    assert categories.violence is True
    assert categories["self-harm/intent"] is categories.self_harm_intent is False
    with pytest.raises(AttributeError):
        categories.nothing  # noqa: B018 - asked for
    assert made.call.kind == "moderation"
    free = [(line.dimension, line.quantity, line.amount) for line in made.cost.lines]
    assert (made.cost.status, free) == ("exact", [("request", 1, 0)])


def test_moderation_refuses_what_is_no_input(client: llmkit.Client) -> None:
    """An input that is neither a text nor a list is a mistake, known before anything is sent."""
    for wrong in ([], b"bytes", 3):
        with pytest.raises(llmkit.InvalidRequestError, match="input must be"):
            client.moderation(wrong)  # type: ignore[arg-type]


def test_text_completion(simulator: Simulator) -> None:
    """A text is continued, for each prompt, with usage."""
    made = both(
        simulator, "openai", "text_completion", prompt=["One", "Two"], model="openai/davinci-002"
    )
    assert len(made.choices) == 2
    assert made.text == made.choices[0].text != ""
    assert made.usage.total_tokens == made.usage.prompt_tokens + made.usage.completion_tokens


def test_text_completion_streamed(simulator: Simulator) -> None:
    """A stream's pieces are the whole text, and its usage is asked for by itself."""
    ask: dict[str, Any] = {"prompt": "One", "model": "openai/davinci-002", "max_tokens": 9}
    whole = both(simulator, "openai", "text_completion", **ask)
    events, folded = both(simulator, "openai", "text_completion", stream=True, **ask)
    assert "".join(event.text for event in events) == folded.text == whole.text
    assert folded.usage == whole.usage
    assert folded.choices[0].finish_reason == whole.choices[0].finish_reason


def test_text_completion_is_refused_where_there_is_none() -> None:
    """A provider that has chat alone says so."""
    with llmkit.Client(api_key=KEY) as client, pytest.raises(llmkit.ConfigurationError) as raised:
        client.text_completion("Hello", "anthropic/claude-haiku-4-5")
    said = str(raised.value)
    assert "anthropic has no text_completion(), it has completion(), " in said
    assert "count_tokens()" in said
    assert "text_completion() is offered by openai, " in said


def test_image_generation(simulator: Simulator) -> None:
    """Pictures come as bytes, and their tokens are counted as a chat's."""
    ask: dict[str, Any] = {"prompt": "An otter", "model": "openai/gpt-image-2", "n": 2}
    made = both(simulator, "openai", "image_generation", **ask)
    assert [image.content for image in made.data] == [base64.b64decode(PICTURE)] * 2
    usage = made.counted()
    assert usage.completion_tokens_details.image_tokens == usage.completion_tokens == 272


def test_pictures_by_their_addresses(simulator: Simulator) -> None:
    """A model that is asked for addresses gives no bytes."""
    ask = {"prompt": "An otter", "model": "openai/dall-e-3", "response_format": "url"}
    picture = both(simulator, "openai", "image_generation", **ask).data[0]
    assert picture.url == f"data:image/png;base64,{PICTURE}"
    assert picture.content is None


def test_image_generation_streamed(simulator: Simulator) -> None:
    """Unfinished pictures come before the finished one, which alone is the answer."""
    ask: dict[str, Any] = {"prompt": "An otter", "model": "openai/gpt-image-2", "partial_images": 2}
    events, whole = both(simulator, "openai", "image_generation", stream=True, **ask)
    assert [event.finished for event in events] == [False, False, True]
    assert [event.partial_image_index for event in events] == [0, 1, None]
    assert events[0].content == base64.b64decode(PICTURE)
    assert len(whole.data) == 1
    assert whole.usage.output_tokens == 272


def test_image_edit_and_variation(simulator: Simulator, tmp_path: Path) -> None:
    """Pictures go as a form, from wherever they are; an address goes as JSON."""
    path = tmp_path / "otter.png"
    path.write_bytes(base64.b64decode(PICTURE))
    made = both(
        simulator, "openai", "image_edit", image=[path, io.BytesIO(path.read_bytes())],
        mask=("mask.png", b"m"), prompt="Blue", model="openai/gpt-image-2",
    )  # fmt: skip
    assert len(made.data) == 1
    sent = simulator.requests[-1]
    assert b'name="image[]"; filename="otter.png"' in sent.body
    assert b'name="mask"; filename="mask.png"' in sent.body
    both(simulator, "openai", "image_variation", image=path, n=1)
    assert b'name="image"' in simulator.requests[-1].body
    both(simulator, "openai", "image_edit", image="https://h.test/otter.png", prompt="Blue")
    assert simulator.requests[-1].json() == {
        "prompt": "Blue", "images": [{"image_url": "https://h.test/otter.png"}],
    }  # fmt: skip
    _, whole = both(simulator, "openai", "image_edit", image=path, prompt="Blue", stream=True)
    assert len(whole.data) == 1


def test_imagen(simulator: Simulator) -> None:
    """Another provider's pictures come in the same form; a size becomes the shape it has."""
    made = both(
        simulator, "gemini", "image_generation", prompt="An otter",
        model="gemini/imagen-4.0-generate-001", n=2, size="1792x1024",
    )  # fmt: skip
    assert len(made.data) == 2
    assert simulator.requests[-1].json()["parameters"] == {"sampleCount": 2, "aspectRatio": "16:9"}
    assert [a.change for a in made.call.ledger] == ["renamed"]


# --- files, batches, caches ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "named", [OPENAI, ANTHROPIC, GEMINI], ids=["openai", "anthropic", "gemini"]
)
def test_files(simulator: Simulator, named: dict[str, Any]) -> None:
    """A file is uploaded, looked up, listed and removed, whoever keeps it."""
    provider = named["custom_llm_provider"]
    purpose = {} if provider != "openai" else {"purpose": "user_data"}
    made = both(simulator, provider, "create_file", file=("a.txt", b"Hello"), **purpose, **named)
    assert made.bytes == 5
    assert made.created_at == 1735689600
    found = both(simulator, provider, "retrieve_file", file_id=made.id, **named)
    assert found.id == made.id
    page = both(simulator, provider, "list_files", **named)
    assert page.next_cursor is None
    assert page.data[0].object == "file"
    gone = both(simulator, provider, "delete_file", file_id=made.id, **named)
    assert (gone.id, gone.deleted) == (made.id, True)
    assert made.cost.total is None or made.cost.total == Decimal(0)


def test_an_upload_of_gemini_goes_in_two_requests(simulator: Simulator) -> None:
    """It is announced with its length and type, and then sent in one piece."""
    del simulator.requests[:]
    with llmkit.Client(api_key=KEY, base_url=simulator.base_url_for("gemini")) as client:
        made = client.create_file(("a.pdf", b"%PDF-"), purpose="user_data", **GEMINI)
    first, second = simulator.requests
    assert first.headers["x-goog-upload-header-content-type"] == "application/pdf"
    assert second.body == b"%PDF-"
    assert second.headers["x-goog-upload-command"] == "upload, finalize"
    assert [(a.parameter, a.change) for a in made.call.ledger] == [("purpose", "dropped")]
    assert made.uri == f"https://generativelanguage.googleapis.com/v1beta/{made.id}"


def test_file_content(simulator: Simulator) -> None:
    """A file's bytes can be had as text and as lines; where they cannot be had, the provider says so."""
    made = both(simulator, "openai", "file_content", file_id="file-1", **OPENAI)
    assert made.read() == made.content
    assert [line["custom_id"] for line in made.json_lines()] == ["1"]
    assert made.text.endswith("\n")
    assert base64.b64encode(made.content).decode()[:20] in made.model_dump_json()
    with (
        llmkit.Client(api_key=KEY, base_url=simulator.base_url_for("anthropic")) as client,
        pytest.raises(llmkit.BadRequestError, match="not downloadable"),
    ):
        client.file_content("file_1", **ANTHROPIC)


def test_batches_of_openai(simulator: Simulator) -> None:
    """A batch is made of a file, looked up, given up; its results are chats."""
    ask = {"input_file_id": "file-1", "endpoint": "/v1/chat/completions"}
    made = both(simulator, "openai", "create_batch", **ask, **OPENAI)
    assert (made.status, made.completion_window) == ("validating", "24h")
    assert (
        both(simulator, "openai", "cancel_batch", batch_id=made.id, **OPENAI).status == "cancelling"
    )
    assert len(both(simulator, "openai", "list_batches", limit=3, **OPENAI).data) == 1
    found = both(simulator, "openai", "retrieve_batch", batch_id=made.id, **OPENAI)
    assert found.request_counts.completed == 1
    results = both(simulator, "openai", "batch_results", batch_id=made.id, **OPENAI)
    answer = results.by_id()["1"].response
    assert isinstance(answer, llmkit.ChatCompletion)
    assert answer.text.startswith("The simulator")


@pytest.mark.parametrize(
    ("named", "model"),
    [(ANTHROPIC, "claude-haiku-4-5"), (GEMINI, "gemini-2.5-flash")],
    ids=["anthropic", "gemini"],
)
def test_batches_of_calls(simulator: Simulator, named: dict[str, Any], model: str) -> None:
    """Calls given as chats are written as that provider's chats; the results are chats, too."""
    provider = named["custom_llm_provider"]
    body = {"model": f"{provider}/{model}", "messages": HELLO, "max_tokens": 9}
    calls = [{"custom_id": "1", "body": body}]
    titled = {"display_name": "mine"} if provider == "gemini" else {}
    made = both(simulator, provider, "create_batch", requests=calls, **titled, **named)
    assert made.status in ("in_progress", "validating")
    results = both(simulator, provider, "batch_results", batch_id=made.id, **named)
    assert results.data[0].response.usage.completion_tokens == 6
    cancelled = both(simulator, provider, "cancel_batch", batch_id=made.id, **named)
    assert cancelled.status == "cancelling"
    assert len(both(simulator, provider, "list_batches", **named).data) == 1
    gone = both(simulator, provider, "delete_batch", batch_id=made.id, **named)
    assert (gone.id, gone.deleted) == (made.id, True)


def test_results_as_they_come(simulator: Simulator) -> None:
    """Results can be read one by one."""
    named = {"custom_llm_provider": "anthropic", "stream": True}
    events, whole = both(simulator, "anthropic", "batch_results", batch_id="msgbatch_1", **named)
    assert [event.custom_id for event in events] == ["1"]
    assert plain(whole.data) == plain(events)


def test_caches(simulator: Simulator) -> None:
    """A prompt is kept, looked up, listed, kept longer and let go."""
    ask: dict[str, Any] = {"model": "gemini/gemini-2.5-flash", "messages": HELLO, "ttl": 300}
    made = both(simulator, "gemini", "create_cache", display_name="mine", **ask)
    assert (made.model, made.display_name) == ("models/gemini-2.5-flash", "mine")
    assert simulator.requests[-1].json()["ttl"] == "300s"
    assert both(simulator, "gemini", "retrieve_cache", name=made.id, **GEMINI).id == made.id
    longer = both(
        simulator,
        "gemini",
        "update_cache",
        name=made.id,
        expire_time="2030-01-01T00:00:00Z",
        **GEMINI,
    )
    assert longer.expires_at == 1893456000
    assert len(both(simulator, "gemini", "list_caches", **GEMINI).data) == 1
    assert both(simulator, "gemini", "delete_cache", name=made.id, **GEMINI).deleted is True
    with llmkit.Client(api_key=KEY) as client, pytest.raises(llmkit.ConfigurationError):
        client.retrieve_cache("cachedContents/1")


# --- counts and models ---------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["anthropic/claude-haiku-4-5", "gemini/gemini-2.5-flash"])
def test_count_tokens(simulator: Simulator, model: str) -> None:
    """A prompt is counted as it would be sent, functions too; what does not count is listed."""

    def look(where: str) -> str:
        """Look somewhere."""
        return where

    provider = model.partition("/")[0]
    ask: dict[str, Any] = {"model": model, "messages": HELLO}
    few = both(simulator, provider, "count_tokens", **ask)
    more = both(simulator, provider, "count_tokens", tools=[look], temperature=0.5, **ask)
    assert 0 < few.input_tokens < more.input_tokens == more.total_tokens
    assert [(a.parameter, a.change) for a in more.call.ledger] == [("temperature", "dropped")]


def test_count_tokens_of_openai() -> None:
    """A chat is counted as the Responses API would have it, with its tools and without its limit."""
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    with llmkit.Client(api_key=KEY) as client:
        ask: dict[str, Any] = {"model": "openai/gpt-5.5", "messages": HELLO, "tools": [tool]}
        made = client.dry_run("count_tokens", max_tokens=9, **ask)
    assert made.url == "https://api.openai.com/v1/responses/input_tokens"
    assert set(made.body) == {"model", "input", "tools"}
    assert made.body["tools"][0]["name"] == "look"
    assert [(a.parameter, a.change) for a in made.ledger] == [("max_tokens", "dropped")]


@pytest.mark.parametrize(
    ("model", "function", "url"),
    [
        ("mistral/m", "moderation", "https://api.mistral.ai/v1/moderations"),
        ("xai/m", "image_generation", "https://api.x.ai/v1/images/generations"),
    ],
)
def test_hosts_with_words_of_their_own(model: str, function: str, url: str) -> None:
    """Hosts that differ a little are asked in their own way."""
    own = {"metadata": {"a": "b"}} if function == "moderation" else {"aspect_ratio": "4:3"}
    subject = {"input": "x"} if function == "moderation" else {"prompt": "x"}
    with llmkit.Client(api_key=KEY) as client:
        made = client.dry_run(function, model=model, **subject, **own)
    assert made.url == url
    assert made.body[next(iter(own))] == next(iter(own.values()))


def test_no_provider_counts_without_an_endpoint() -> None:
    """Nothing is guessed."""
    with llmkit.Client(api_key=KEY) as client, pytest.raises(llmkit.ConfigurationError):
        client.count_tokens("groq/openai/gpt-oss-20b", HELLO)


@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini", "groq"])
def test_list_models(simulator: Simulator, provider: str) -> None:
    """Models are listed by name, whoever lists them."""
    made = both(simulator, provider, "list_models", provider=provider)
    assert made.ids
    one = both(simulator, provider, "retrieve_model", model=f"{provider}/{made.ids[0]}")
    assert one.id == made.ids[0]


def test_get_valid_models(simulator: Simulator) -> None:
    """The models of the providers whose keys are there: from the catalogue, or asked for."""
    environ = {"ANTHROPIC_API_KEY": KEY}
    with llmkit.Client(environ=environ, base_url=simulator.base_url_for("anthropic")) as client:
        known = client.get_valid_models()
        assert known
        assert all(name.startswith("anthropic/") for name in known)
        asked = client.get_valid_models(check_provider_endpoint=True)
        assert asked == [f"anthropic/{name}" for name in client.list_models("anthropic").ids]
    with llmkit.Client(environ={}) as client:
        assert client.get_valid_models() == []
        assert client.get_valid_models(custom_llm_provider="openai")


def test_get_valid_models_async(simulator: Simulator) -> None:
    """The same from async code."""
    named = {"custom_llm_provider": "anthropic"}
    made = both(simulator, "anthropic", "get_valid_models", check_provider_endpoint=True, **named)
    assert made
    assert both(simulator, "anthropic", "get_valid_models", **named)


# --- other spellings -----------------------------------------------------------------------------


def test_names_of_the_openai_sdk(client: llmkit.Client) -> None:
    """Who comes from the openai SDK finds its names."""
    made = client.files.create(file=b"Hello", purpose="batch")
    assert client.files.retrieve(made.id).id == made.id
    batch = client.batches.create(input_file_id=made.id, endpoint="/v1/embeddings")
    assert client.batches.retrieve(batch.id).id == batch.id
    assert client.models.list().ids


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("moderation", {"input": "x"}),
        ("text_completion", {"prompt": "x", "model": "openai/davinci-002"}),
        ("image_generation", {"prompt": "x"}),
        ("image_edit", {"image": b"x", "prompt": "x"}),
        ("image_variation", {"image": b"x"}),
        ("create_file", {"file": b"x", "purpose": "batch"}),
        ("retrieve_file", {"file_id": "file-1"}),
        ("list_files", {}),
        ("delete_file", {"file_id": "file-1"}),
        ("file_content", {"file_id": "file-1"}),
        ("create_batch", {"input_file_id": "file-1", "endpoint": "/v1/embeddings"}),
        ("retrieve_batch", {"batch_id": "batch_1"}),
        ("list_batches", {}),
        ("cancel_batch", {"batch_id": "batch_1"}),
        ("batch_results", {"batch_id": "batch_1"}),
        ("delete_batch", {"batch_id": "batch_1"}),
        ("create_cache", {"model": "gemini/gemini-2.5-flash", "messages": HELLO}),
        ("retrieve_cache", {"name": "c", **GEMINI}),
        ("list_caches", GEMINI),
        ("update_cache", {"name": "c", "ttl": 60, **GEMINI}),
        ("delete_cache", {"name": "c", **GEMINI}),
        ("count_tokens", {"model": "anthropic/claude-haiku-4-5", "messages": HELLO}),
        ("list_models", {}),
        ("retrieve_model", {"model": "openai/offline"}),
        ("delete_model", {"model": "openai/ft:x"}),
        ("get_valid_models", OPENAI),
    ],
)
def test_functions_of_the_module(
    function: str, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each function of the module is the default client's, in both colours, with the same arguments."""
    from llmkit._api import _default

    taken: list[tuple[str, Any]] = []

    class Taking:
        def __getattr__(self, name: str) -> Any:
            def called(*given: Any, **named: Any) -> Any:
                taken.append((name, sorted(map(repr, [*given, *named.values()]))))
                return _ready(name) if name.startswith("a") else name

            return called

    monkeypatch.setattr(_default, "_default", Taking())
    assert getattr(llmkit, function)(**arguments) == function
    coroutine = getattr(llmkit, f"a{function}")(**arguments)
    with pytest.raises(StopIteration) as done:
        coroutine.send(None)
    assert done.value.value == f"a{function}"
    assert [name for name, _ in taken] == [function, f"a{function}"]
    assert all(repr(value) in taken[0][1] for value in arguments.values())
    assert taken[0][1] == taken[1][1]


async def _ready(name: str) -> str:
    return name


@pytest.mark.parametrize("name", ["openai", "anthropic", "gemini"])
def test_each_declared_wire_is_there(name: str) -> None:
    """What a provider says that it offers can be loaded, and is a wire."""
    provider = providers.get(name)
    assert provider.calls
    for kind in provider.calls:
        wire = provider.wire(kind)
        assert all(hasattr(wire, part) for part in ("build", "parse", "error")), kind
