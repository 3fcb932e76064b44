"""The makers' bodies for embeddings: what each takes, how it is written, and where the vectors stand in its answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from typing_extensions import override

from .._params import Ledger

__all__ = ["BODIES", "Body", "Found"]

_IMAGE = re.compile(r"data:image/([a-z+.-]+);base64,(.*)", re.DOTALL)
# The words of those who have a word for it, in all their spellings; others go as they are.
_SEARCH = {"query": "search_query", "document": "search_document", "passage": "search_document"}
_PURPOSE = {"query": "TEXT_RETRIEVAL", "document": "GENERIC_INDEX"}


@dataclass(frozen=True, slots=True)
class Found:
    """What an answer has: vectors, the count of tokens read, and the rest."""

    vectors: Sequence[Any]
    tokens: int | None = None
    beside: Mapping[str, Any] = field(default_factory=dict)


class Body(Protocol):
    """One maker's body."""

    @property
    def most(self) -> int:
        """How many inputs one request takes."""

    @property
    def taken(self) -> frozenset[str]:
        """The parameters that can be said."""

    def write(
        self, ledger: Ledger, inputs: Sequence[Any], given: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The body for these inputs. Raises ``InvalidRequestError``."""

    def read(self, data: Mapping[str, Any]) -> Found | None:
        """What an answer's JSON has; ``None`` where it is no answer."""


def _text(ledger: Ledger, value: Any) -> str:
    if not isinstance(value, str):
        raise ledger.invalid(f"this model embeds texts, not {type(value).__name__}")
    return value


def _image(value: Any) -> tuple[str, str] | None:
    """The format and the bytes of a picture, given as a data URL or as OpenAI's content part."""
    if isinstance(value, Mapping):
        inner = value.get("image_url")
        value = inner.get("url") if isinstance(inner, Mapping) else inner
    match = _IMAGE.fullmatch(value) if isinstance(value, str) else None
    return (match[1], match[2]) if match else None


@dataclass(frozen=True, slots=True)
class Titan:
    """Amazon's text models: one text a request. ``taken`` differs by version."""

    taken: frozenset[str] = frozenset()
    most: int = 1

    def write(
        self, ledger: Ledger, inputs: Sequence[Any], given: Mapping[str, Any]
    ) -> dict[str, Any]:
        """See ``Body``."""
        made: dict[str, Any] = {"inputText": _text(ledger, inputs[0])}
        names = {"dimensions": "dimensions", "embedding_types": "embeddingTypes"}
        return made | {names.get(name, name): value for name, value in given.items()}

    def read(self, data: Mapping[str, Any]) -> Found | None:
        """See ``Body``."""
        vector, by_type = data.get("embedding"), data.get("embeddingsByType")
        if not isinstance(vector, list) and isinstance(by_type, Mapping):
            vector = next((v for v in by_type.values() if isinstance(v, list)), None)
        if not isinstance(vector, list):
            return None
        count = data.get("inputTextTokenCount")
        beside = {k: v for k, v in data.items() if k not in ("embedding", "inputTextTokenCount")}
        return Found([vector], count if isinstance(count, int) else None, beside)


@dataclass(frozen=True, slots=True)
class TitanImage(Titan):
    """Amazon's model of texts and pictures: a picture is a data URL, or OpenAI's part with one."""

    taken: frozenset[str] = frozenset({"dimensions"})

    @override
    def write(
        self, ledger: Ledger, inputs: Sequence[Any], given: Mapping[str, Any]
    ) -> dict[str, Any]:
        """See ``Body``."""
        picture = _image(inputs[0])
        made: dict[str, Any] = (
            {"inputText": _text(ledger, inputs[0])}
            if picture is None
            else {"inputImage": picture[1]}
        )
        if "dimensions" in given:
            made["embeddingConfig"] = {"outputEmbeddingLength": given["dimensions"]}
        return made


@dataclass(frozen=True, slots=True)
class Cohere:
    """Cohere's models: up to 96 texts a request, which must say what they are."""

    taken: frozenset[str]
    most: int = 96

    def write(
        self, ledger: Ledger, inputs: Sequence[Any], given: Mapping[str, Any]
    ) -> dict[str, Any]:
        """See ``Body``."""
        made: dict[str, Any] = self._inputs(ledger, inputs)
        kind = given.get("input_type")
        if kind is None:
            kind = "image" if "images" in made else "search_document"
            reason = "the model must be told what the texts are"
            ledger.adjust("input_type", "defaulted", None, kind, reason)
        made["input_type"] = _SEARCH.get(kind, kind)
        names = {"dimensions": "output_dimension", "embedding_types": "embedding_types"}
        made |= {names[name]: given[name] for name in names if name in given}
        if "truncation" in given:
            made["truncate"] = _truncate(given["truncation"])
        return made

    def _inputs(self, ledger: Ledger, inputs: Sequence[Any]) -> dict[str, Any]:
        pictures = [_image(item) for item in inputs]
        if not any(pictures):
            return {"texts": [_text(ledger, item) for item in inputs]}
        if not all(pictures):
            raise ledger.invalid("texts and pictures are embedded in calls of their own")
        return {"images": [f"data:image/{p[0]};base64,{p[1]}" for p in pictures if p]}

    def read(self, data: Mapping[str, Any]) -> Found | None:
        """Vectors of one type stand in a list; of several, those of the first type are given, the others kept."""
        found = data.get("embeddings")
        beside = {k: v for k, v in data.items() if k not in ("embeddings", "texts")}
        if isinstance(found, Mapping):
            rest = dict(found)
            first = "float" if "float" in rest else next(iter(rest), "")
            vectors = rest.pop(first, None)
            beside |= {"embeddings_by_type": rest} if rest else {}
            return Found(vectors, None, beside) if isinstance(vectors, list) else None
        return Found(found, None, beside) if isinstance(found, list) else None


def _truncate(given: Any) -> Any:
    if isinstance(given, bool):
        return "END" if given else "NONE"
    return given.upper() if isinstance(given, str) else given


@dataclass(frozen=True, slots=True)
class Nova:
    """Amazon's model of many media: one input a request, under a task and a purpose."""

    taken: frozenset[str] = frozenset({"dimensions", "input_type", "truncation"})
    most: int = 1

    def write(
        self, ledger: Ledger, inputs: Sequence[Any], given: Mapping[str, Any]
    ) -> dict[str, Any]:
        """See ``Body``."""
        kind = given.get("input_type")
        purpose = "GENERIC_INDEX" if kind is None else _PURPOSE.get(kind, kind)
        if kind is None:
            reason = "the model must be told what the vectors are for"
            ledger.adjust("input_type", "defaulted", None, purpose, reason)
        params: dict[str, Any] = {"embeddingPurpose": purpose}
        if "dimensions" in given:
            params["embeddingDimension"] = given["dimensions"]
        picture = _image(inputs[0])
        if picture is not None:
            source = {"bytes": picture[1]}
            params["image"] = {"format": picture[0], "source": source}
        else:
            cut = _truncate(given.get("truncation", False))
            params["text"] = {"truncationMode": cut, "value": _text(ledger, inputs[0])}
        return {
            "schemaVersion": "nova-multimodal-embed-v1",
            "taskType": "SINGLE_EMBEDDING",
            "singleEmbeddingParams": params,
        }

    def read(self, data: Mapping[str, Any]) -> Found | None:
        """See ``Body``."""
        found = data.get("embeddings")
        items = found if isinstance(found, list) else ()
        vectors = [item.get("embedding") for item in items if isinstance(item, Mapping)]
        if not vectors or not all(isinstance(vector, list) for vector in vectors):
            return None
        count = data.get("inputTextTokenCount")
        beside = {k: v for k, v in data.items() if k != "embeddings"}
        return Found(vectors, count if isinstance(count, int) else None, beside)


_COMMON = frozenset({"input_type", "truncation", "embedding_types"})
BODIES: tuple[tuple[str, Body], ...] = (
    (r"amazon\.titan-embed-image", TitanImage()),
    (r"amazon\.titan-embed-text-v2", Titan(frozenset({"dimensions", "embedding_types"}))),
    (r"amazon\.titan-embed", Titan()),
    (r"amazon\.nova.*embed", Nova()),
    (r"cohere\.embed-v4", Cohere(_COMMON | {"dimensions"})),
    (r"cohere\.embed", Cohere(_COMMON)),
)
"""Pattern in the model's name, and its maker's body; the first that fits holds."""
