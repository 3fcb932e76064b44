"""Cohere's embeddings as their server answers them, both versions. Pure: a request's parts in, a `Reply` out."""

from __future__ import annotations

import base64
import json
import re
import struct
from collections.abc import Callable, Mapping
from typing import Any, Final

from .._asked import fingerprint
from .._tokens import split
from ._wire import Reply, Say
from .cohere_chat._door import Refusal, answered, encoded, refused
from .openai_embeddings import vector

__all__ = ["CohereEmbed"]

_PATH: Final = re.compile(r".*/(v[12])/embed")
_MOST: Final = 96
_DIMENSIONS: Final = 8
_KINDS: Final = ("search_document", "search_query", "classification", "clustering", "image")
_SUBJECTS: Final = ("texts", "images", "inputs")


class CohereEmbed:
    """Both versions of the embeddings, under any prefix of their path."""

    name: Final = "cohere_embed"

    def serves(self, path: str, headers: Mapping[str, str]) -> bool:
        """Whether the path is that of embeddings."""
        return _found(path) is not None

    def reply(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, say: Say
    ) -> Reply:
        """The answer to one request."""
        found = _found(path)
        version = "v2" if found is None else found[1]
        return answered(method, headers, body, lambda given: _embedded(given, version))

    def failure(self, status: int, message: str) -> Reply:
        """An error answer."""
        return refused(Refusal(status, message))

    def failure_frame(self, status: int, message: str) -> bytes:
        """Nothing here is streamed: the error as a line."""
        return encoded({"message": message})


def _found(path: str) -> re.Match[str] | None:
    return _PATH.fullmatch(path.partition("?")[0].rstrip("/"))


def _embedded(body: Mapping[str, Any], version: str) -> Reply:
    if body.get("input_type") not in _KINDS:
        raise Refusal(400, f"invalid request: input_type must be one of {', '.join(_KINDS)}")
    subject = next((name for name in _SUBJECTS if isinstance(body.get(name), list)), None)
    inputs = body[subject] if subject else []
    if subject is None or not inputs:
        raise Refusal(400, "invalid request: at least one of texts, images or inputs is required")
    if len(inputs) > _MOST:
        raise Refusal(400, f"invalid request: total number of {subject} must be at most {_MOST}")
    asked = body.get("embedding_types")
    kinds = asked or ["float"]
    if not set(kinds) <= _WRITE.keys():
        raise Refusal(400, "invalid request: unknown embedding type")
    size = body.get("output_dimension") or _DIMENSIONS
    vectors = [vector(_text(item), size) for item in inputs]
    written: Any = {kind: [_WRITE[kind](numbers) for numbers in vectors] for kind in kinds}
    by_type = bool(asked) or version == "v2"
    tokens = sum(len(split(_text(item))) for item in inputs)
    billed = {"images": len(inputs)} if subject == "images" else {"input_tokens": tokens}
    made = {
        "id": fingerprint(body),
        "embeddings": written if by_type else vectors,
        "texts": inputs if subject == "texts" else [],
        "meta": {"api_version": {"version": version[1:]}, "billed_units": billed},
        "response_type": "embeddings_by_type" if by_type else "embeddings_floats",
    }
    return Reply(200, encoded(made))


def _text(item: Any) -> str:
    return item if isinstance(item, str) else json.dumps(item, sort_keys=True)


def _signs(numbers: list[float]) -> list[int]:
    """A bit for each sign, eight to a byte."""
    bits = "".join("1" if number > 0 else "0" for number in numbers)
    return [int(bits[at : at + 8].ljust(8, "0"), 2) for at in range(0, len(bits), 8)]


def _base64(numbers: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


_WRITE: Final[Mapping[str, Callable[[list[float]], Any]]] = {
    "float": lambda numbers: numbers,
    "int8": lambda numbers: [round(127 * number) for number in numbers],
    "uint8": lambda numbers: [round(127 * number) + 128 for number in numbers],
    "ubinary": _signs,
    "binary": lambda numbers: [byte - 128 for byte in _signs(numbers)],
    "base64": _base64,
}
