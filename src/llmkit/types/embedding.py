"""Embeddings: parameters and answers, in OpenAI's form.

Source: https://platform.openai.com/docs/api-reference/embeddings, read 2026-11-22. Parameters that only other
providers have are named with theirs; what a provider does not take is refused before anything is sent.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field, PrivateAttr, SkipValidation, WrapSerializer
from typing_extensions import TypedDict, override

from .._call import Call
from .._cost import Measure
from ._model import Model, beside, lenient
from ._shown import plural
from .answer import Answer
from .params import CallOptions
from .usage import Usage

__all__ = [
    "Embedding",
    "EmbeddingModelParams",
    "EmbeddingParams",
    "EmbeddingResponse",
    "EmbeddingUsage",
]


class EmbeddingModelParams(TypedDict, total=False):
    """What goes to the model. A key that is absent is not sent; ``None`` counts as absent."""

    dimensions: int | None
    """How long each vector shall be, where the model can choose."""
    encoding_format: str | None
    """How vectors are written: ``float``, or ``base64`` (less to transfer); see ``Embedding.vector``."""
    input_type: str | None
    """What the texts are: ``query``, ``document`` … as the provider names it; asymmetric models want it."""
    truncation: bool | str | None
    """What to do with texts that are too long, where the provider lets one choose."""
    task: str | None
    """What the vectors are for: Jina's and Gemini's ``input_type``."""
    title: str | None
    """The title of a document; Gemini's."""
    embedding_types: list[str] | None
    """Number formats of the vectors (``float``, ``int8``, ``binary`` …); Cohere's."""
    output_dtype: str | None
    """Number format of the vectors; Voyage's."""
    max_tokens: int | None
    """Longer inputs are cut to so many tokens; Cohere's."""
    late_chunking: bool | None
    """Read all inputs as one text, and give each of them its vector within it; Jina's."""
    normalized: bool | None
    """Whether vectors are scaled to length 1; Jina's."""
    user: str | None
    """Your end user's id, for the provider's abuse detection."""


class EmbeddingParams(EmbeddingModelParams, CallOptions, total=False):
    """All keywords of ``embedding`` but ``model`` and ``input``."""


def _as_it_came(vector: Any, dump: Callable[[Any], Any]) -> Any:
    """Numbers are dumped as numbers; a text, or a vector for each token, without complaints of its type."""
    told = isinstance(vector, list) and bool(vector) and isinstance(vector[0], float | int)
    return dump(vector) if told else vector


class Embedding(Model):
    """One vector; ``index`` is the place of its input. ``embedding`` is as it came: numbers, or base64 text."""

    object: str = "embedding"
    index: int = 0
    _code: str = PrivateAttr(default="f")
    embedding: Annotated[list[float], SkipValidation, WrapSerializer(_as_it_came)] = Field(
        default_factory=list
    )

    @property
    def vector(self) -> list[float]:
        """The vector as numbers, also where it came as base64: of little-endian 32-bit floats, or what the host has.

        Raises:
            ValueError: it is no such text.
        """
        told: Any = self.embedding
        if not isinstance(told, str):
            return self.embedding
        raw = base64.b64decode(told, validate=True)
        count, left = divmod(len(raw), struct.calcsize(f"<{self._code}"))
        if left:
            raise ValueError("the base64 text ends within a number")
        return list(map(float, struct.unpack(f"<{count}{self._code}", raw)))


class EmbeddingUsage(Model):
    """Tokens that were read. ``None`` means that the provider did not say."""

    absent_when_none: ClassVar[frozenset[str]] = frozenset({"prompt_tokens_details"})

    prompt_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: Mapping[str, Any] | None = None


def _count(place: Any, name: str) -> int:
    """A count that is told there, or none."""
    value = place.get(name) if isinstance(place, Mapping) else None
    return value if isinstance(value, int) and value > 0 else 0


class EmbeddingResponse(Answer):
    """The vectors of all inputs, in their order."""

    object: str = "list"
    data: list[Embedding] = Field(default_factory=list)
    model: str = ""
    usage: EmbeddingUsage | None = None

    def reuse(self, tokens: Sequence[int | None]) -> None:
        """Say what of it was kept before: the tokens of each such vector, as far as they are known; for who made it."""
        known = None if None in tokens else sum(count for count in tokens if count is not None)
        self._keep(_reused=(len(tokens), known))

    @property
    def reused(self) -> int:
        """How many of the vectors were in the cache; ``usage`` and ``cost`` are of the others, if there are any."""
        return self._kept("_reused")[0] if self._kept("_reused") else 0

    @property
    def reused_tokens(self) -> int | None:
        """The tokens that these had used when they came; ``None`` where that was not said. An estimate where several
        inputs were asked for together: of a request's tokens each has its share by its length.
        """
        return self._kept("_reused")[1] if self._kept("_reused") else 0

    @property
    def vectors(self) -> list[list[float]]:
        """The vectors as numbers, in the order of the inputs. Raises ``ValueError`` as ``Embedding.vector``."""
        return [item.vector for item in self.data]

    @override
    def counted(self) -> Usage | None:
        """The tokens read, as a prompt's; nothing is written."""
        usage = self.usage
        if usage is None:
            return None
        made = beside(usage)
        # Where pictures are billed by their pixels, the total has tokens for them, which are not.
        texts = made.get("text_tokens") if self.measured(None) else None
        known = (texts, usage.prompt_tokens, usage.total_tokens)
        read = next((count for count in known if count is not None), None)
        if read is not None:
            made |= {"prompt_tokens": read, "completion_tokens": 0, "total_tokens": read}
            made["prompt_tokens_details"] = usage.prompt_tokens_details
        return lenient(Usage, made) if made else None

    @override
    def measured(self, call: Call | None) -> tuple[Measure, ...]:
        """Pictures and films, where they are counted by themselves, or by their pixels."""
        told = self.usage.__pydantic_extra__ if self.usage is not None else None
        billed = (told or {}).get("billed_units")
        found = (
            (_count(told, "image_pixels"), "image_input", "pixel"),
            (_count(told, "video_pixels"), "video_input", "pixel"),
            (_count(billed, "images"), "image_input", "image"),
        )
        return tuple(Measure(dimension, count, unit) for count, dimension, unit in found if count)

    @override
    def _repr_markdown_(self) -> str:
        read = None if self.usage is None else self.usage.prompt_tokens
        told = [self.model, None if read is None else plural(read, "token")]
        if self.reused:
            told.append(f"{self.reused:,} from the cache")
        facts = " · ".join([*filter(None, told), str(self.cost)])
        return f"{plural(len(self.data), 'vector')}{self._size()}\n\n---\n*{facts}*"

    def _size(self) -> str:
        try:
            return f" of {len(self.data[0].vector):,} numbers"
        except (IndexError, ValueError):
            return ""
