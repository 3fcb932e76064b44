"""Answers made from the providers' documents: none of them raises, and nothing of them is lost."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from llmkit import errors
from llmkit._calls import ResourceCall
from llmkit._http import HTTPResponse
from llmkit.wires.anthropic_resources.batches import AnthropicBatches

from .._openapi import document
from ._asked import ANTHROPIC, TOLD, WHO, answered, dumped, kept
from ._samples import Samples, lost

COUNT = 80
# Schema: what is said in other words, as a pattern of the place. Times are seconds here, whatever the provider writes.
ANOTHER_WAY: dict[str, str] = {
    "CreateEmbeddingResponse": r"data\[\d+\]|model was ''",  # in the order of the inputs
    "CreateModerationResponse": r"(id|model) was ''",
    "CreateCompletionResponse": r"(id|model) was ''",
    "TokenCountsResource": "object is gone",  # it is one of ours
    "MessageBatch": r"(created|expires)_at",
    "ListResponse_MessageBatch_": r"data\[\d+\]\.(created|expires)_at|has_more was True and is False",
    "BetaFileMetadataSchema": "created_at",
    "BetaFileListResponse": r"data\[\d+\]\.created_at|has_more was True and is False",
    "BetaListResponse_ModelInfo_": r"(has_more|first_id|last_id|field_of_tomorrow) is gone",
    "BatchEmbedContentsResponse": "embeddings is gone",
    "EmbedContentResponse": "embedding is gone",
    "CountTokensResponse": "totalTokens is gone",
    "CreateFileResponse": "(file|field_of_tomorrow) is gone",
    "ListFilesResponse": "(files|nextPageToken) is gone",
    "ListCachedContentsResponse": "(cachedContents|nextPageToken) is gone",
    "ListModelsResponse": "(models|nextPageToken|field_of_tomorrow) is gone",
    "Operation": r"\w+ is gone",
    "ListOperationsResponse": "(operations|nextPageToken) is gone",
}
# An answer without this is none; the documents of protocol buffers require nothing.
LEAST = {
    "BatchEmbedContentsResponse": "embeddings",
    "EmbedContentResponse": "embedding",
    "CountTokensResponse": "totalTokens",
    "File": "name",
    "CreateFileResponse": "file",
    "CachedContent": "name",
    "Model": "name",
    "Operation": "name",
}
NAMED = ("files", "cachedContents", "operations")
"""Lists of things that a name belongs to, which the documents do not require."""


def told(spec: str, name: str, seed: str) -> list[Any]:
    """Values of a schema that are answers."""
    made = Samples(document(spec), seed).of(name, COUNT)
    least = LEAST.get(name) if spec.startswith("gemini") else None
    return [_named(value) for value in made if least is None or value.get(least)]


def _named(value: Any) -> Any:
    for field in NAMED:
        for item in value.get(field) or () if isinstance(value, dict) else ():
            item.setdefault("name", "files/a")
    if isinstance(value.get("file"), dict):
        value["file"]["name"] = "files/a"
    return value


@pytest.mark.parametrize(
    ("spec", "name", "wire", "call"),
    TOLD,
    ids=[f"{s[:3]}-{n}-{i}" for i, (s, n, *_) in enumerate(TOLD)],
)
def test_nothing_is_lost(spec: str, name: str, wire: Any, call: Any) -> None:
    """An answer that fits the document is read without complaint, and has all that was sent."""
    allowed = re.compile(rf"\$\.({ANOTHER_WAY.get(name, '(?!)')})")
    for value in told(spec, name, f"{name} {call!r:.40}"):
        if (
            value.get("status") == "failed"
            and name == "Response"
            and not isinstance(call, ResourceCall)
        ):
            with pytest.raises(errors.APIError) as raised:
                wire.parse(call, answered(value))
            assert raised.value.body["id"] == value["id"]
            continue
        answer = wire.parse(call, answered(value))
        missing = [one for one in lost(value, dumped(answer)) if not allowed.match(one)]
        assert not missing, value
        assert '"malformed"' not in json.dumps(dumped(answer))
        usage, counts = value.get("usage") or {}, answer.counted()
        if counts is not None and (read := usage.get("input_tokens", usage.get("prompt_tokens"))):
            assert counts.prompt_tokens >= read, "a cache's may be beside it"
        assert repr(answer)


def test_batches_results_are_read() -> None:
    """Each line of a batch's results is told by what became of it; an answer among them is a chat's."""
    wire, call = AnthropicBatches(), kept("batches", "content")
    for schema in ("MessageBatchIndividualResponse", "BetaMessageBatchIndividualResponse"):
        made = list(Samples(document(ANTHROPIC), schema, odd=0).of(schema, COUNT))
        body = b"\n".join(json.dumps(line).encode() for line in made)
        results = wire.parse(call, HTTPResponse(200, body=body)).data
        for line, result in zip(made, results, strict=True):
            assert (result.custom_id, result.status) == (line["custom_id"], line["result"]["type"])
            message = line["result"].get("message")
            assert (result.response is None) == (message is None)
            if message is not None:
                assert result.response.id == message["id"] or not message["id"]
            if result.status == "errored":
                assert result.error == line["result"]["error"]["error"]


def test_ids() -> None:
    """The tables name what there is."""
    known = {name for _, name, *_ in TOLD}
    assert ANOTHER_WAY.keys() <= known
    assert LEAST.keys() <= known
    assert WHO[1] == "acme"
