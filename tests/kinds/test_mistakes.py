"""Mistakes of somebody who does not know llmkit: each is told before anything is sent, with what to change."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

import llmkit
from llmkit import errors
from llmkit.testing import no_network

KEY = "test-key-" + "0123456789"
ASK = [{"role": "user", "content": "Hello"}]
SOUND = b"RIFF\x00\x00\x00\x00WAVE"


def told(function: str, **arguments: Any) -> tuple[type[Exception], str]:
    """What a call is refused with; nothing may leave."""
    client = llmkit.Client(api_key=KEY, environ={}, num_retries=0)
    with no_network(), pytest.raises(llmkit.LLMKitError) as caught:
        getattr(client, function)(**arguments)
    return type(caught.value), str(caught.value)


@pytest.mark.parametrize(
    ("function", "arguments", "said"),
    [
        (
            "embedding",
            {"model": "openai/m", "input": None},
            "input must be a text or a list that is not empty",
        ),
        (
            "embedding",
            {"model": "openai/m", "input": []},
            "input must be a text or a list that is not empty",
        ),
        (
            "embedding",
            {"model": "openai/m", "input": ["a", None]},
            "input[1] must be a text or a list of token ids, not NoneType",
        ),
        (
            "embedding",
            {"model": "openai/m", "input": [1, 2.5]},
            "input[0] must be a text or a list of token ids, not int",
        ),
        (
            "rerank",
            {"model": "cohere/m", "query": ["q"], "documents": ["a"]},
            "query must be a text, not list",
        ),
        (
            "rerank",
            {"model": "cohere/m", "query": "q", "documents": "abc"},
            "documents must be a list of texts or mappings that is not empty",
        ),
        ("moderation", {"input": []}, "input must be a text or a list that is not empty"),
        (
            "image_generation",
            {"model": "openai/m", "prompt": None},
            "prompt must be a text, not NoneType",
        ),
        (
            "image_edit",
            {"model": "openai/m", "image": SOUND, "prompt": 5},
            "prompt must be a text, not int",
        ),
        (
            "image_edit",
            {"model": "openai/m", "image": "/gone.png", "prompt": "p"},
            "[openai/m] /gone.png cannot be read: no such file or directory",
        ),
        ("speech", {"model": "openai/m", "input": None}, "input must be a text, not NoneType"),
        (
            "responses",
            {"model": "openai/m", "input": 5},
            "input must be a text or a list of items, not int",
        ),
        (
            "responses",
            {"model": "openai/m", "input": b"a"},
            "input must be a text or a list of items, not bytes",
        ),
        (
            "messages",
            {"model": "anthropic/m", "messages": "Hello"},
            "messages must be a list of messages such as {'role': 'user', 'content': …}",
        ),
        (
            "transcription",
            {"model": "openai/m", "file": "/gone.wav"},
            "[openai/m] /gone.wav cannot be read: no such file or directory",
        ),
        ("transcription", {"model": "openai/m", "file": ""}, "a file's path must not be empty"),
        (
            "transcription",
            {"model": "openai/m", "file": "."},
            "[openai/m] . cannot be read: is a directory",
        ),
        (
            "transcription",
            {"model": "openai/m", "file": None},
            "a file must be a path, bytes, an open file or (name, content), not NoneType",
        ),
        (
            "transcription",
            {"model": "openai/m", "file": io.StringIO("a")},
            "the file is open as text: open it with mode 'rb'",
        ),
        (
            "create_file",
            {"file": b"a"},
            "[openai] purpose is missing: batch, user_data, fine-tune, vision, evals …",
        ),
        ("create_batch", {}, "[openai] input_file_id is missing"),
        ("retrieve_file", {"file_id": ""}, "[openai] file_id must be an id, not ''"),
    ],
)
def test_wrong_values(function: str, arguments: dict[str, Any], said: str) -> None:
    """Of the wrong type, empty, or not there."""
    assert told(function, **arguments) == (errors.InvalidRequestError, said)


@pytest.mark.parametrize(
    ("function", "arguments", "said"),
    [
        ("retrieve_model", {"model": None}, "model must be a text such as 'openai/gpt-4o-mini'"),
        ("moderation", {"input": "a", "model": 5}, "model must be a text, not int"),
        ("retrieve_file", {"file_id": 5}, "an id must be a text, not int"),
        ("list_caches", {}, "custom_llm_provider is missing: whose cached prompts are meant?"),
    ],
)
def test_wrong_names(function: str, arguments: dict[str, Any], said: str) -> None:
    """Of models, and of what is kept."""
    assert told(function, **arguments) == (errors.ConfigurationError, said)


def test_a_file_opened_as_text(tmp_path: Path) -> None:
    """Its name says which one it was."""
    path = tmp_path / "hello.wav"
    path.write_bytes(SOUND)
    with path.open(encoding="latin-1") as opened:
        kind, said = told("transcription", model="openai/m", file=opened)
    assert (kind, said) == (
        errors.InvalidRequestError,
        "hello.wav is open as text: open it with mode 'rb'",
    )


@pytest.mark.parametrize(
    ("function", "arguments", "said"),
    [
        (
            "embedding",
            {"input": "a", "dimension": 3},
            "embedding() knows no parameter 'dimension'; did you mean 'dimensions'",
        ),
        (
            "embedding",
            {"input": "a", "stream": True},
            "embedding() knows no parameter 'stream'; its answer comes whole",
        ),
        (
            "embedding",
            {"input": "a", "dry_run": True},
            "knows no parameter 'dry_run'; Client().dry_run('embedding', …) shows what it would send",
        ),
        (
            "responses",
            {"input": "a", "max_tokens": 3},
            "responses() knows no parameter 'max_tokens'; did you mean 'max_output_tokens' or 'max_cost'?",
        ),
        ("speech", {"input": "a", "voise": "b"}, "speech() knows no parameter 'voise'"),
    ],
)
def test_wrong_keywords(function: str, arguments: dict[str, Any], said: str) -> None:
    """Typos, and what another call has."""
    kind, message = told(function, model="openai/m", **arguments)
    assert kind is errors.UnsupportedParamsError
    assert said in message


@pytest.mark.parametrize(
    ("function", "arguments", "has", "others"),
    [
        ("embedding", {"model": "anthropic/m", "input": "a"}, "create_batch()", "openai, gemini"),
        (
            "rerank",
            {"model": "openai/m", "query": "q", "documents": ["a"]},
            "embedding()",
            "cohere",
        ),
        (
            "speech",
            {"model": "voyage/m", "input": "a", "voice": "v"},
            "embedding(), rerank()",
            "openai",
        ),
        ("completion", {"model": "elevenlabs/m", "messages": ASK}, "speech()", "openai, anthropic"),
        ("create_cache", {"model": "openai/m", "messages": ASK}, "completion()", "gemini"),
        ("count_tokens", {"model": "groq/m", "messages": ASK}, "transcription()", "anthropic"),
        ("list_files", {"custom_llm_provider": "cohere"}, "completion()", "openai"),
        (
            "get_responses",
            {"response_id": "r", "custom_llm_provider": "groq"},
            "completion()",
            "openai",
        ),
    ],
)
def test_calls_that_a_provider_does_not_have(
    function: str, arguments: dict[str, Any], has: str, others: str
) -> None:
    """The message says what it has, and who has what was asked for."""
    kind, said = told(function, **arguments)
    assert kind is errors.ConfigurationError
    lacks, _, offered = said.partition("; ")
    assert f"has no {function}(), it has " in lacks
    assert has in lacks
    assert offered.startswith(f"{function}() is offered by ")
    assert others in offered


def test_calls_that_a_model_does_not_have() -> None:
    """Where other models of the provider have it, that is what is said."""
    arguments = {"model": "vertex_ai/claude-haiku-4-5", "input": "a", "vertex_project": "p"}
    kind, said = told("embedding", **arguments)
    assert (kind, said) == (
        errors.ConfigurationError,
        "vertex_ai has no embedding() for 'claude-haiku-4-5': other models have it",
    )


@pytest.mark.parametrize(
    ("model", "names"),
    [
        ("bedrock/amazon.nova", ("aws_region_name", "AWS_REGION")),
        ("sagemaker/e", ("aws_region_name", "AWS_REGION")),
        ("azure/gpt-4o", ("base_url", "AZURE_API_BASE", "AZURE_OPENAI_ENDPOINT")),
        (
            "vertex_ai/gemini-2.5-flash",
            ("vertex_project", "VERTEXAI_PROJECT", "GOOGLE_CLOUD_PROJECT"),
        ),
        ("watsonx/m", ("api_key", "WATSONX_API_KEY")),
        ("databricks/m", ("give base_url=…, or set DATABRICKS_HOST",)),
        (
            "snowflake/m",
            ("give account_id=… or base_url=…, or set SNOWFLAKE_ACCOUNT_ID or SNOWFLAKE_ACCOUNT",),
        ),
        ("cloudflare/m", ("give account_id=… or base_url=…, or set CLOUDFLARE_ACCOUNT_ID",)),
        ("ragflow/m", ("base_url", "RAGFLOW_API_BASE")),
    ],
)
def test_what_an_address_or_a_key_is_missing(model: str, names: tuple[str, ...]) -> None:
    """Options and variables by their names."""
    client = llmkit.Client(environ={}, num_retries=0)
    with no_network(), pytest.raises(llmkit.ConfigurationError) as caught:
        client.completion(model, ASK, api_key=KEY if model.startswith("ragflow") else None)
    for name in names:
        assert name in str(caught.value)


@pytest.mark.parametrize("function", ["completion", "messages"])
def test_no_key_is_asked_for_in_vain(function: str) -> None:
    """What is not there needs none."""
    client = llmkit.Client(environ={}, num_retries=0)
    with pytest.raises(llmkit.ConfigurationError) as caught:
        getattr(client, function)("elevenlabs/m", ASK)
    assert f"elevenlabs has no {function}(), it has " in str(caught.value)
    assert not isinstance(caught.value, llmkit.MissingKeyError)


def test_a_class_that_has_no_schema() -> None:
    """One line says so, whichever call it was given to."""

    class Odd:
        """Nothing that JSON could hold."""

    for function, arguments in (
        ("completion", {"messages": ASK, "response_format": Odd}),
        ("responses", {"input": "a", "text_format": Odd}),
    ):
        kind, said = told(function, model="openai/m", **arguments)
        assert kind is errors.InvalidRequestError
        assert said.startswith("Odd cannot be described as JSON: ")
        assert "\n" not in said
