"""Files and batches over a real socket: what comes of them, and that each key has its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from llmkit.proxy.endpoints.kept import ids_in

from .._kit import Served, gateway
from ._keys import new_key


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway that listens."""
    with gateway(tmp_path_factory.mktemp("proxy")) as made:
        yield made


def of(served: Served, key: str) -> openai.OpenAI:
    """OpenAI's own client, with this key."""
    return openai.OpenAI(base_url=f"{served.origin}/v1", api_key=key, max_retries=0)


@pytest.fixture
def ann(served: Served) -> Iterator[openai.OpenAI]:
    """Somebody."""
    with of(served, new_key(served)) as made:
        yield made


@pytest.fixture
def bob(served: Served) -> Iterator[openai.OpenAI]:
    """Somebody else."""
    with of(served, new_key(served)) as made:
        yield made


def calls(*models: str, **body: Any) -> bytes:
    """A file for a batch with one call for each model."""
    said = [{"role": "user", "content": "Hi"}]
    lines = [
        {
            "custom_id": str(place),
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {"model": model, "messages": said, **body},
        }
        for place, model in enumerate(models)
    ]
    return "\n".join(map(json.dumps, lines)).encode()


def batch_file(client: openai.OpenAI, *models: str, **body: Any) -> Any:
    """A file for a batch, sent."""
    return client.files.create(file=("calls.jsonl", calls(*models, **body)), purpose="batch")


def made_batch(client: openai.OpenAI, file: str) -> Any:
    """A batch of a file."""
    return client.batches.create(
        input_file_id=file, endpoint="/v1/chat/completions", completion_window="24h"
    )


def test_a_file_goes_through_all_its_stages(ann: openai.OpenAI, served: Served) -> None:
    """Sent with its fields, told, had back, listed, deleted, and gone."""
    file = ann.files.create(
        file=("notes.txt", b"some notes"),
        purpose="user_data",
        expires_after={"anchor": "created_at", "seconds": 3600},
    )
    sent = served.simulator.requests[-1].body
    assert b'name="expires_after[seconds]"' in sent
    assert b"some notes" in sent
    assert ann.files.retrieve(file.id).id == file.id
    assert ann.files.content(file.id).read()
    assert [one.id for one in ann.files.list()] == [file.id]
    assert ann.files.delete(file.id).deleted
    assert not list(ann.files.list())
    with pytest.raises(openai.NotFoundError):
        ann.files.retrieve(file.id)


def test_a_page_follows_the_other(ann: openai.OpenAI) -> None:
    """In either order, and for one purpose."""
    ids = [
        ann.files.create(file=("a", f"text {n}".encode()), purpose="user_data").id for n in range(5)
    ]
    assert [one.id for one in ann.files.list(limit=2, order="asc")] == ids
    assert [one.id for one in ann.files.list(limit=2)] == ids[::-1]
    assert not list(ann.files.list(purpose="vision"))
    assert len(ann.files.list(limit=5).data) == 5
    assert not ann.files.list(limit=5).has_more


def test_nobody_has_another_keys_file(
    ann: openai.OpenAI, bob: openai.OpenAI, served: Served
) -> None:
    """It is answered as what there is not, and the provider is not asked."""
    file = ann.files.create(file=("a.txt", b"Ann's"), purpose="user_data")
    asked = len(served.simulator.requests)
    told = set()
    for attempt in (bob.files.retrieve, bob.files.content, bob.files.delete):
        for id_ in (file.id, "file-nothing", "%00"):
            with pytest.raises(openai.NotFoundError) as failed:
                attempt(id_)
            told.add(failed.value.body["message"].partition("'")[0])  # type: ignore[index]
    assert len(told) == 1
    assert not list(bob.files.list())
    assert not list(bob.files.list(after=file.id))
    assert len(served.simulator.requests) == asked
    assert ann.files.retrieve(file.id).id == file.id


def test_ids_are_found_wherever_they_stand() -> None:
    """Gemini's by their address, too; what is elsewhere in the world is nobody's."""
    google = "https://generativelanguage.googleapis.com/v1beta/files/a"
    body = {
        "messages": [
            {"content": [{"file": {"file_id": "file-1"}}, {"image": {"file_id": google}}]}
        ],
        "tools": [{"container": {"file_ids": ["file-2", 3]}}],
        "contents": [
            {"parts": [{"fileData": {"fileUri": f"{google}?x=1"}}, {"file_uri": "files/b"}]}
        ],
        "others": [{"fileUri": "https://a.example/files/c"}, {"fileUri": "gs://bucket/files/c"}],
    }
    assert sorted(ids_in(body)) == ["file-1", "file-2", "files/a", "files/a", "files/b"]


def test_a_file_at_gemini(served: Served) -> None:
    """Has an id with a slash, and is its maker's in chats."""
    ann, bob = new_key(served), new_key(served)
    with served.client(ann) as http, served.client(bob) as other:
        data, files = {"model": "gemini"}, {"file": ("a.txt", b"text")}
        made = http.post("/v1/files", data=data, files=files)
        assert made.status_code == 200, made.text
        path = f"/v1/files/{made.json()['id']}"
        assert http.get(path).status_code == 200
        assert other.get(path).status_code == 404
        uri = {"fileData": {"fileUri": made.json()["id"], "mimeType": "text/plain"}}
        asked = {"contents": [{"role": "user", "parts": [uri]}]}
        assert other.post("/v1beta/models/gemini:generateContent", json=asked).status_code == 404
        assert http.delete(path).status_code == 200


def test_who_has_an_equal_file_keeps_it(
    ann: openai.OpenAI, bob: openai.OpenAI, served: Served
) -> None:
    """A provider that gives equal files one id is not told to delete it while anybody has it."""
    one = ann.files.create(file=("a.txt", b"equal"), purpose="user_data")
    other = bob.files.create(file=("a.txt", b"equal"), purpose="user_data")
    assert one.id == other.id
    assert bob.files.delete(one.id).deleted
    assert served.simulator.requests[-1].method == "POST"
    assert ann.files.retrieve(one.id).id == one.id
    assert ann.files.delete(one.id).deleted
    assert served.simulator.requests[-1].method == "DELETE"


def test_an_administrator_has_all(ann: openai.OpenAI, served: Served) -> None:
    """By the master key, too; and what comes of a batch is its maker's all the same."""
    file = batch_file(ann, "fast")
    batch = made_batch(ann, file.id)
    with served.client() as http:
        assert http.get(f"/v1/files/{file.id}").status_code == 200
        output = http.get(f"/v1/batches/{batch.id}").json()["output_file_id"]
        assert file.id in [one["id"] for one in http.get("/v1/files").json()["data"]]
    assert ann.files.content(output).read()


def test_a_batch_goes_through_all_its_stages(ann: openai.OpenAI, served: Served) -> None:
    """With the models by their provider's names, and its results for its maker."""
    file = batch_file(ann, "fast", "openai/gpt-4o", "careful")
    sent = served.simulator.requests[-1].body
    assert [sent.count(f'"model":"{name}"'.encode()) for name in ("gpt-4o-mini", "gpt-4o")] == [
        1,
        2,
    ]
    batch = made_batch(ann, file.id)
    assert ann.batches.retrieve(batch.id).status == "completed"
    output = ann.batches.retrieve(batch.id).output_file_id
    assert output
    assert b"simulator" in ann.files.content(output).read()
    assert [(one.id, one.status) for one in ann.batches.list()] == [(batch.id, "completed")]
    assert ann.batches.cancel(batch.id).status == "cancelling"


def test_nobody_has_another_keys_batch(
    ann: openai.OpenAI, bob: openai.OpenAI, served: Served
) -> None:
    """Nor its results, nor a batch of another's file."""
    file = batch_file(ann, "careful")
    batch = made_batch(ann, file.id)
    output = ann.batches.retrieve(batch.id).output_file_id
    assert output
    asked = len(served.simulator.requests)
    attempts: list[Any] = [
        lambda: bob.batches.retrieve(batch.id),
        lambda: bob.batches.cancel(batch.id),
        lambda: bob.files.content(output),
        lambda: made_batch(bob, file.id),
        lambda: batch_file(bob, "fast", file={"file_id": file.id}),
    ]
    for attempt in attempts:
        with pytest.raises(openai.NotFoundError):
            attempt()
    assert not list(bob.batches.list())
    assert len(served.simulator.requests) == asked


def test_a_batchs_models_must_be_its_senders_to_use(served: Served) -> None:
    """When its file is sent, and again when the batch is made."""
    key = new_key(served, models=["fast"])
    with of(served, key) as client:
        with pytest.raises(openai.PermissionDeniedError):
            batch_file(client, "fast", "careful")
        with pytest.raises(openai.PermissionDeniedError):
            batch_file(client, "gpt-4o")
        assert made_batch(client, batch_file(client, "fast").id).id


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no calls"),
        (b"nonsense", "line 1 is no JSON"),
        (calls("fast") + b"\n[]", "line 2 is no JSON object"),
        (b'{"custom_id": "1"}', "body"),
        (b'{"body": {"model": "fast"}, "params": {"model": "x"}}', "not both"),
        (b'{"body": {"messages": []}}', "names no model"),
        (calls("claude"), "is not at openai"),
    ],
)
def test_what_is_no_file_of_calls_is_refused(served: Served, content: bytes, said: str) -> None:
    """With the line's number."""
    with served.client() as http:
        told: Any = {"data": {"purpose": "batch", "custom_llm_provider": "openai"}}
        answer = http.post("/v1/files", **told, files={"file": ("calls.jsonl", content)})
    assert answer.status_code == 400
    assert said in answer.json()["error"]["message"]


def test_a_model_said_twice_is_the_one_that_was_looked_at(served: Served) -> None:
    """What is sent was written anew."""
    line = b'{"custom_id": "1", "body": {"model": "careful", "model": "fast", "messages": []}}'
    with served.client(new_key(served, models=["fast"])) as http:
        told: Any = {"data": {"purpose": "batch"}, "files": {"file": ("calls.jsonl", line)}}
        assert http.post("/v1/files", **told).status_code == 200
    assert served.simulator.requests[-1].body.count(b'"model"') == 1


def test_only_a_file_for_batches_makes_one(ann: openai.OpenAI) -> None:
    """Else its calls were never looked at."""
    file = ann.files.create(file=("calls.jsonl", calls("fast")), purpose="user_data")
    with pytest.raises(openai.BadRequestError, match="purpose=batch"):
        made_batch(ann, file.id)


def test_a_batch_of_calls_themselves(served: Served) -> None:
    """Where a provider takes those; models are looked at there, too."""
    said = {"model": "claude", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 9}
    asked: dict[str, Any] = {"model": "claude", "requests": [{"custom_id": "1", "body": said}]}
    with served.client(new_key(served, models=["claude"])) as http:
        made = http.post("/v1/batches", json=asked)
        assert made.status_code == 200, made.text
        assert http.get(f"/v1/batches/{made.json()['id']}").status_code == 200
        asked["requests"][0]["body"] = {**said, "model": "fast"}
        assert http.post("/v1/batches", json=asked).status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "how"),
    [
        ("GET", "/v1/files?limit=0", {}),
        ("GET", "/v1/files?limit=x", {}),
        ("GET", "/v1/files?order=up", {}),
        ("GET", "/v1/files?sort=x", {}),
        ("GET", "/v1/files?after=%00", {}),
        ("GET", "/v1/files?purpose=%00", {}),
        ("GET", "/v1/batches?after=%00", {}),
        ("GET", "/v1/batches?limit=101", {}),
        ("POST", "/v1/files", {"files": {"file": ("a", b"x")}, "data": {"purpos": "x"}}),
        ("POST", "/v1/files", {"files": {"file": ("a", b"x")}, "data": {"model": "nobody"}}),
        ("POST", "/v1/files", {"files": {"document": ("a", b"x")}, "data": {"purpose": "x"}}),
        ("POST", "/v1/files", {"files": {"file": ("a", b"x")}, "data": {"api_base": "http://x"}}),
        ("POST", "/v1/batches", {"json": {"endpoint": "/v1/embeddings"}}),
        ("POST", "/v1/batches", {"json": {"input_file_id": 1}}),
        ("POST", "/v1/batches", {"json": {"requests": [], "model": "claude"}}),
    ],
)
def test_mistakes_are_refused(served: Served, method: str, path: str, how: Any) -> None:
    """With 400, and nothing sent."""
    asked = len(served.simulator.requests)
    with served.client() as http:
        answer = http.request(method, path, **how)
    assert answer.status_code == 400, answer.text
    assert len(served.simulator.requests) == asked


def test_strangers_have_nothing(served: Served) -> None:
    """At any path."""
    with served.client(key=None) as http:
        for method, path in (
            ("GET", "/v1/files"), ("POST", "/files"), ("GET", "/files/x/content"), ("DELETE", "/v1/files/x"),
            ("GET", "/batches"), ("POST", "/v1/batches"), ("POST", "/v1/batches/x/cancel"),
        ):  # fmt: skip
            assert http.request(method, path).status_code == 401


def test_models_of_any_name_go_to_their_providers(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, served: Served
) -> None:
    """With nothing configured, and so do files and batches."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-" + "upstream")
    monkeypatch.setenv("OPENAI_BASE_URL", served.simulator.base_url)
    with (
        gateway(tmp_path_factory.mktemp("proxy"), config=None) as bare,
        of(bare, new_key(bare)) as client,
    ):
        file = batch_file(client, "openai/gpt-4o")
        assert client.files.retrieve(file.id).id == file.id
        assert made_batch(client, file.id).id
        assert "openai/gpt-4o" in [model.id for model in client.models.list()]


def test_the_async_client(served: Served) -> None:
    """Is answered just so."""

    async def ask() -> bool:
        url, key = f"{served.origin}/v1", new_key(served)
        async with openai.AsyncOpenAI(base_url=url, api_key=key, max_retries=0) as client:
            file = await client.files.create(file=("a.txt", b"x"), purpose="user_data")
            return (await client.files.delete(file.id)).deleted

    assert asyncio.run(ask())


def test_azures_paths(served: Served) -> None:
    """Are those of its client."""
    with openai.AzureOpenAI(
        azure_endpoint=served.origin,
        api_key=new_key(served),
        api_version="2024-10-21",
        max_retries=0,
    ) as client:
        file = client.files.create(file=("a.txt", b"azure"), purpose="user_data")
        assert client.files.delete(file.id).deleted
