"""How answers look: in a terminal, where nobody reads vectors and base64, and in a notebook."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from llmkit.types import EmbeddingResponse
from llmkit.types._model import Model
from llmkit.types.audio import Speech
from llmkit.types.batch import BatchList, BatchResults
from llmkit.types.cache import CachedList
from llmkit.types.file import FileContent, FileList, FileObject
from llmkit.types.image import ImageEvent, ImageResponse
from llmkit.types.listing import ModelList, TokenCount
from llmkit.types.moderation import ModerationResponse
from llmkit.types.responses import InputItems
from llmkit.types.text import TextCompletion

LONG = "QUJD" * 300
ADDRESS = "https://pictures.test/" + "a" * 300


@pytest.mark.parametrize(
    ("value", "looks"),
    [
        ([0.5] * 1536, "[0.5, 0.5, 0.5, … 1,536 numbers]"),
        ([1, 2, 3], "[1, 2, 3]"),
        (LONG, "<QUJDQUJDQUJDQUJDQUJDQUJD… 1,200 characters>"),
        (ADDRESS, repr(ADDRESS)),
        ("a word " * 100, repr("a word " * 100)),
        (b"x" * 1000, "<1,000 bytes>"),
        (b"x", "b'x'"),
        ({"audio": {"data": LONG}}, "{'audio': {'data': <QUJDQUJDQUJDQUJDQUJDQUJD… 1,200 characters>}}"),
        (["a"] * 21, f"[{', '.join(10 * [repr('a')])}, … 11 more]"),
        (["a"] * 20, repr(["a"] * 20)),
    ],
)  # fmt: skip
def test_what_is_long_is_told_by_its_size(value: Any, looks: str) -> None:
    """In a repr; texts that can be read, and addresses, are never cut. The value itself stays as it is."""
    made = Model.model_validate({"field": value})
    assert repr(made) == f"Model(field={looks})"
    assert made["field"] == value


def test_a_thousand_vectors_have_a_short_repr() -> None:
    """Whoever prints an answer of embeddings sees what it is."""
    data = [{"index": place, "embedding": [0.25] * 3072} for place in range(1000)]
    answer = EmbeddingResponse.model_validate({"data": data, "model": "m"})
    assert len(repr(answer)) < 2000
    assert answer._repr_markdown_().startswith("1,000 vectors of 3,072 numbers\n")


def test_vectors_in_a_notebook() -> None:
    """One is one, none have no size, and what cannot be read is no reason to fail."""
    one = EmbeddingResponse.model_validate(
        {"data": [{"embedding": [1.0]}], "usage": {"prompt_tokens": 2}}
    )
    assert one._repr_markdown_().startswith("1 vector of 1 numbers\n\n---\n*2 tokens · unknown")
    broken = EmbeddingResponse.model_validate({"data": [{"embedding": "?"}], "model": "m"})
    assert broken._repr_markdown_().startswith("1 vector\n\n---\n*m · unknown")


def test_pictures_are_seen_in_a_notebook() -> None:
    """By their bytes, of the kind that the answer names, or by their address."""
    data = [{"b64_json": "AAAA"}, {"url": ADDRESS}, {"b64_json": "BBBB", "mime_type": "image/gif"}]
    answer = ImageResponse.model_validate({"data": data, "output_format": "webp"})
    first, second, third, cost = answer._repr_markdown_().split("\n\n")
    assert first == "![](data:image/webp;base64,AAAA)"
    assert second == f"![]({ADDRESS})"
    assert third == "![](data:image/gif;base64,BBBB)"
    assert cost.startswith("---\n*")
    assert answer.data[0]._repr_markdown_() == "![](data:image/png;base64,AAAA)"
    event = ImageEvent(b64_json="AAAA", output_format="jpeg")
    assert event._repr_markdown_() == "![](data:image/jpeg;base64,AAAA)"


def test_speech_is_heard_in_a_notebook() -> None:
    """Where a browser can play it; raw samples have their size alone."""
    made = Speech(content=b"abc", media_type="audio/mpeg; rate=1")
    page = made._repr_html_()
    assert page is not None
    assert f'src="data:audio/mpeg;base64,{base64.b64encode(b"abc").decode()}"' in page
    assert "Speech(3 bytes of audio/mpeg; rate=1)" in page
    for other in (Speech(), Speech(content=b"a", media_type="audio/pcm"), Speech(content=b"a")):
        assert other._repr_html_() is None
    named = Speech(content=b"a", media_type='audio/"><script>')._repr_html_()
    assert named is not None
    assert "<script>" not in named


def test_verdicts_in_a_notebook() -> None:
    """What applies, and how surely."""
    results = [
        {"flagged": True, "categories": {"hate": True, "sexual": False}, "category_scores": {"hate": 0.9}},
        {"flagged": False, "categories": {}},
    ]  # fmt: skip
    answer = ModerationResponse.model_validate({"model": "m", "results": results})
    assert answer._repr_markdown_() == "1. **flagged** hate (0.9)\n2. not flagged\n\n---\n*m*"


def test_other_answers_in_a_notebook() -> None:
    """Texts are texts; lists, counts and results are counted; what is only kept has no cost."""
    text = TextCompletion.model_validate({"choices": [{"text": "Once"}], "model": "m"})
    assert text._repr_markdown_().startswith("Once\n\n---\n*m · no usage · unknown")
    used = TextCompletion.model_validate(
        {"usage": {"prompt_tokens": 1, "completion_tokens": 2}, "model": "m"}
    )
    assert "*m · 1 + 2 tokens ·" in used._repr_markdown_()
    models = ModelList.model_validate({"data": [{"id": "a"}, {"id": "b"}]})
    assert models._repr_markdown_() == "2 models\n\n- a\n- b"
    assert TokenCount(model="m", input_tokens=7)._repr_markdown_() == "7 tokens\n\n---\n*m*"
    results = BatchResults.model_validate({"data": [{}, {"status": "errored"}]})
    assert results._repr_markdown_() == "2 results: 1 succeeded, 1 errored"
    assert BatchResults()._repr_markdown_() == "0 results"
    kept = FileObject(id="f")
    assert kept._repr_markdown_() == repr(kept)
    content = FileContent(content=b"abc", media_type="text/plain")
    assert repr(content) == str(content) == "FileContent(3 bytes of text/plain)"


@pytest.mark.parametrize("kind", [BatchList, BatchResults, CachedList, FileList, InputItems, ModelList])  # fmt: skip
def test_lists_are_iterated_as_lists(kind: type[Any]) -> None:
    """As the pages of the openai SDK are; ``dict`` still gives the fields."""
    answer = kind.model_validate({"data": [{"id": "a"}, {"id": "b"}]})
    assert [item["id"] for item in answer] == ["a", "b"]
    assert dict(answer)["data"] == answer.data


def test_what_is_printed_says_what_it_is() -> None:
    """As in the openai SDK; not the fields alone."""
    assert str(TokenCount(input_tokens=3)).startswith("TokenCount(object='token_count', ")
